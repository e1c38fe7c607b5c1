//! Feeds, pages and files by HTTP: validators, encodings, old addresses (RFC 9110).

use std::{
    io::{self, SeekFrom},
    ops::RangeInclusive,
    sync::Arc,
    time::SystemTime,
};

use axum::{
    body::{Body, Bytes},
    extract::{Extension, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};

use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{
    App, Peer,
    conditional::{is_conditional, is_known, is_navigation, text, wanted, wants_news_since},
};
use crate::{
    feed::Format,
    language::Language,
    newsroom::Settings,
    site::{Document, Encoding, Found, Kind, Media, Tree},
};

/// Pages need their own style sheet and pictures; nothing runs, nothing frames them.
pub(super) const CONTENT_SECURITY: &str = "default-src 'none'; style-src 'self'; img-src 'self' https: http:; \
     media-src 'self' https: http:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// For files that pages show, in seconds.
const MEDIA_MAX_AGE: u32 = 3600;
const MEDIA_CHUNK_BYTES: usize = 64 * 1024;
/// What is not there may come (seconds).
const MISSING_MAX_AGE: u32 = 300;
/// What is gone mostly stays gone (seconds).
const GONE_MAX_AGE: u32 = 3600;
/// Feeds differ for people in a browser, so no shared cache may mix them up.
const FEED_VARY: &str = "Accept-Encoding, Sec-Fetch-Dest";

pub(super) async fn serve(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let (request, _) = request.into_parts();
    let tree = app.site.current();
    let path = percent_encoding::percent_decode_str(request.uri.path()).decode_utf8_lossy().into_owned();
    let found = tree.at(&path);
    let is_there = !matches!(found, Found::Missing);
    if is_there && !matches!(request.method, Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allow, "only GET and HEAD work here\n").into_response();
    }
    if let Some(old) = old_address(&tree, &path, &request.uri) {
        return old;
    }
    match found {
        Found::Document(document) => {
            let response = match is_feed(document) {
                true => feed(&app, &tree, document, &path, &request, peer).await,
                false => answer(document, headers_of(document), &request.headers).await,
            };
            if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                app.site.misses_a_file();
            }
            response
        }
        Found::Media(media) => {
            let response = file(media, &request.method, &request.headers).await;
            if response.status() == StatusCode::NOT_FOUND {
                app.site.misses_a_file();
            }
            response
        }
        Found::Moved(to) => moved(&to),
        Found::Gone => notice(&tree, &path, StatusCode::GONE),
        Found::Missing => notice(&tree, &path, StatusCode::NOT_FOUND),
    }
}

/// Addresses with a query that other programs gave out: `/?p=1043` and `/?feed=atom` of `WordPress`, and
/// pages of a feed, which are its archives here. Any other query is passed over.
fn old_address(tree: &Tree, path: &str, uri: &Uri) -> Option<Response> {
    let query = uri.query()?;
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "p" | "page_id" if path == "/" => {
                if let Found::Moved(to) = tree.at(&format!("/?{name}={value}")) {
                    return Some(moved(&to));
                }
            }
            "feed" if path == "/" => {
                let kind = match value {
                    "atom" => Format::Atom,
                    "json" => Format::Json,
                    _ => Format::Rss,
                };
                return Some(moved(&format!("/feed.{}", kind.ending())));
            }
            "page" | "paged"
                if path.ends_with("/feed.rss")
                    || path.ends_with("/feed.atom")
                    || path.ends_with("/feed.json") =>
            {
                return page_of_feed(tree, path, value);
            }
            _ => {}
        }
    }
    None
}

fn moved(to: &str) -> Response {
    (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, to)]).into_response()
}

/// The first page is the feed, the second its newest archive. Where that is changes with each archive.
fn page_of_feed(tree: &Tree, path: &str, page: &str) -> Option<Response> {
    let Some(page) = page.parse::<usize>().ok().filter(|page| *page > 0) else {
        return Some((StatusCode::BAD_REQUEST, "`page` is a number from 1\n").into_response());
    };
    if page == 1 {
        return None;
    }
    let (prefix, ending) = path.rsplit_once("feed.")?;
    let archive = |number: usize| format!("{prefix}archive/{number}.{ending}");
    let mut archives = 0;
    while matches!(tree.at(&archive(archives + 1)), Found::Document(_)) {
        archives += 1;
    }
    if page > archives + 1 {
        return Some((StatusCode::NOT_FOUND, "the feed has fewer pages\n").into_response());
    }
    let to = archive(archives + 2 - page);
    let to = percent_encoding::utf8_percent_encode(&to, percent_encoding::CONTROLS).to_string();
    Some((StatusCode::FOUND, [(header::LOCATION, to)]).into_response())
}

fn is_feed(document: &Document) -> bool {
    matches!(document.form().kind, Kind::Feed | Kind::Archive)
}

/// A feed: for readers its bytes, whatever they accept; for a person in a browser a page about it.
async fn feed(
    app: &App,
    tree: &Tree,
    document: &Arc<Document>,
    path: &str,
    request: &Parts,
    peer: Peer,
) -> Response {
    let raw = request.uri.query().is_some_and(|query| query.split('&').any(|part| part == "raw"));
    // An archive lies in a folder of its own below its section.
    let section = path.rsplit_once('/').map(|(folder, _)| match document.form().kind {
        Kind::Archive => folder.trim_end_matches("archive").trim_end_matches('/'),
        _ => folder,
    });
    if is_navigation(&request.headers)
        && !raw
        && let Some(prefix) = section
        && let Found::Document(view) = tree.at(&format!("{prefix}/feed.html"))
    {
        return person(view, &request.headers).await;
    }
    let mut headers = headers_of(document);
    put_feed_headers(&mut headers, tree, request.uri.path(), &app.settings());
    if document.form().kind == Kind::Archive {
        headers.remove(header::LINK); // nobody needs to be told of what does not change
    }
    let modified = httpdate::fmt_http_date(document.modified());
    let is_new = !is_known(&request.headers, document.etag(), &modified);
    if let Some(news) = document.since(|etag| is_new && wants_news_since(&request.headers, etag)) {
        return only_news(document, news, headers, &request.headers);
    }
    let is_whole = request.method == Method::GET && !is_conditional(&request.headers);
    if is_whole && let Some(seconds) = app.polls.wait(peer.address(&request.headers), &request.headers, path)
    {
        return wait(seconds);
    }
    answer(document, headers, &request.headers).await
}

/// `no-store`: a shared cache must never hand it to anybody else.
async fn person(view: &Arc<Document>, request: &HeaderMap) -> Response {
    let mut headers = headers_of(view);
    headers.remove(header::ETAG);
    headers.remove(header::LAST_MODIFIED);
    put(&mut headers, header::CACHE_CONTROL, "private, no-store");
    put(&mut headers, header::VARY, FEED_VARY);
    let mut plain = HeaderMap::new();
    if let Some(encodings) = request.get(header::ACCEPT_ENCODING) {
        plain.insert(header::ACCEPT_ENCODING, encodings.clone());
    }
    answer(view, headers, &plain).await
}

/// 226 (RFC 3229): the entries that are new to this reader alone.
fn only_news(document: &Document, news: Bytes, mut headers: HeaderMap, request: &HeaderMap) -> Response {
    let encoding = wanted(request);
    put(&mut headers, header::HeaderName::from_static("im"), "feed");
    put(&mut headers, header::CACHE_CONTROL, "no-store, im");
    put(&mut headers, header::CONTENT_TYPE, document.form().media_type);
    put_encoding(&mut headers, encoding);
    let status = StatusCode::from_u16(226).expect("a status");
    (status, headers, Document::wrap(&news, encoding)).into_response()
}

fn wait(seconds: u64) -> Response {
    let words = "You have had this feed many times in a row. Please send If-None-Match with the ETag that you \
                 were given, and there is no limit.\n";
    let headers = [(header::RETRY_AFTER, seconds.to_string()), (header::CACHE_CONTROL, "no-store".into())];
    (StatusCode::TOO_MANY_REQUESTS, headers, words).into_response()
}

/// What the answers for a feed say besides; `path` is percent-encoded.
pub(super) fn put_feed_headers(headers: &mut HeaderMap, tree: &Tree, path: &str, settings: &Settings) {
    let own = settings.config.site.url.join(path.trim_start_matches('/'));
    put(headers, header::LINK, &tree.feed_link(&own.map(String::from).unwrap_or_default()));
    put(headers, header::VARY, FEED_VARY);
    put(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
}

pub(super) fn headers_of(document: &Document) -> HeaderMap {
    let form = document.form();
    let mut headers = HeaderMap::new();
    put(&mut headers, header::CACHE_CONTROL, &format!("public, max-age={}", form.max_age));
    put(&mut headers, header::ETAG, document.etag());
    // Never later than Date (RFC 9110 §8.8.2.1), though a second version of one second says the next.
    let modified = document.modified().min(SystemTime::now());
    put(&mut headers, header::LAST_MODIFIED, &httpdate::fmt_http_date(modified));
    put(&mut headers, header::VARY, "Accept-Encoding");
    if form.kind == Kind::Page {
        put(&mut headers, header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY);
    }
    headers
}

async fn answer(document: &Arc<Document>, mut headers: HeaderMap, request: &HeaderMap) -> Response {
    let modified = httpdate::fmt_http_date(document.modified());
    if is_known(request, document.etag(), &modified) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let wanted = wanted(request);
    let ready = if let Some(ready) = document.ready(wanted) {
        Ok(ready)
    } else {
        let document = document.clone();
        // Reading and compressing would hold up everybody else on this thread.
        let encoded = tokio::task::spawn_blocking(move || document.encoded(wanted)).await;
        encoded.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)))
    };
    let (encoding, bytes) = match ready {
        Ok(ready) => ready,
        Err(why) => {
            tracing::error!("a page cannot be read from public/: {why}");
            let headers = [(header::RETRY_AFTER, "30")];
            return (StatusCode::SERVICE_UNAVAILABLE, headers).into_response();
        }
    };
    put(&mut headers, header::CONTENT_TYPE, document.form().media_type);
    put_encoding(&mut headers, encoding);
    (StatusCode::OK, headers, bytes).into_response()
}

pub(super) fn put_encoding(headers: &mut HeaderMap, encoding: Encoding) {
    match encoding {
        Encoding::Brotli => put(headers, header::CONTENT_ENCODING, "br"),
        Encoding::Gzip => put(headers, header::CONTENT_ENCODING, "gzip"),
        Encoding::Identity => {}
    }
}

async fn file(media: &Media, method: &Method, request: &HeaderMap) -> Response {
    let modified = httpdate::fmt_http_date(media.modified);
    let since = media.modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    // Strong: half of one version must never be joined to half of another.
    let etag = format!("\"{:x}x{since:x}\"", media.bytes);
    let mut headers = HeaderMap::new();
    put(&mut headers, header::CACHE_CONTROL, &format!("public, max-age={MEDIA_MAX_AGE}"));
    put(&mut headers, header::ETAG, &etag);
    put(&mut headers, header::LAST_MODIFIED, &modified);
    if is_known(request, &etag, &modified) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    put(&mut headers, header::ACCEPT_RANGES, "bytes");
    // Only GET has parts (RFC 9110 §14.2).
    let part = match method {
        &Method::GET => part_of(media, request, &etag, &modified),
        _ => Ok(None),
    };
    let part = match part {
        Ok(part) => part,
        Err(StatusCode::RANGE_NOT_SATISFIABLE) => {
            put(&mut headers, header::CONTENT_RANGE, &format!("bytes */{}", media.bytes));
            return (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response();
        }
        Err(status) => return status.into_response(),
    };
    put(&mut headers, header::CONTENT_TYPE, &media.media_type);
    let opened = async {
        let mut file = tokio::fs::File::open(&media.path).await?;
        let bytes = file.metadata().await?.len();
        if bytes != media.bytes {
            return Err(io::Error::other("it is being replaced"));
        }
        file.seek(SeekFrom::Start(part.as_ref().map_or(0, |part| *part.start()))).await?;
        Ok(file)
    };
    match opened.await {
        Ok(file) => {
            let (status, length) = match &part {
                Some(part) => {
                    let range = format!("bytes {}-{}/{}", part.start(), part.end(), media.bytes);
                    put(&mut headers, header::CONTENT_RANGE, &range);
                    (StatusCode::PARTIAL_CONTENT, part.end() - part.start() + 1)
                }
                None => (StatusCode::OK, media.bytes),
            };
            put(&mut headers, header::CONTENT_LENGTH, &length.to_string());
            let stream = ReaderStream::with_capacity(file.take(length), MEDIA_CHUNK_BYTES);
            (status, headers, Body::from_stream(stream)).into_response()
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => StatusCode::NOT_FOUND.into_response(),
        Err(why) => {
            tracing::warn!("{} cannot be read: {why}", media.path.display());
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")]).into_response()
        }
    }
}

/// The one part that is asked for (RFC 9110 §14.2), so that a player can begin in the middle. Whoever asks
/// for several, or has a part of another version (`If-Range`), gets all of it.
fn part_of(
    media: &Media,
    request: &HeaderMap,
    etag: &str,
    modified: &str,
) -> Result<Option<RangeInclusive<u64>>, StatusCode> {
    let Some(range) = text(request, header::RANGE) else { return Ok(None) };
    if text(request, header::IF_RANGE).is_some_and(|had| had != etag && had != modified) {
        return Ok(None);
    }
    // What cannot be understood is passed over.
    let Ok(ranges) = http_range_header::parse_range_header(range) else { return Ok(None) };
    let parts = ranges.validate(media.bytes).map_err(|_| StatusCode::RANGE_NOT_SATISFIABLE)?;
    Ok(match &parts[..] {
        [part] => Some(part.clone()),
        _ => None,
    })
}

/// In the language of the address, if it names one.
fn notice(tree: &Tree, path: &str, status: StatusCode) -> Response {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let language = first.parse::<Language>().ok();
    let notices = tree.notices(language.as_ref());
    let html =
        notices.map(|notices| if status == StatusCode::GONE { &notices.gone } else { &notices.missing });
    let mut headers = HeaderMap::new();
    put(&mut headers, header::CONTENT_TYPE, "text/html; charset=utf-8");
    let max_age = if status == StatusCode::GONE { GONE_MAX_AGE } else { MISSING_MAX_AGE };
    put(&mut headers, header::CACHE_CONTROL, &format!("public, max-age={max_age}"));
    put(&mut headers, header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY);
    (status, headers, html.cloned().unwrap_or_default()).into_response()
}

pub(super) fn put(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    // Our own values are ASCII; one that is not would only be left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
