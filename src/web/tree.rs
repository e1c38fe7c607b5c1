//! Feeds, pages and files by HTTP: validators, encodings, old addresses (RFC 9110).

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::time::SystemTime;

use super::App;
use crate::{
    language::Language,
    site::{Document, Encoding, Found, Media, Tree},
};

/// Pages need their own style sheet and pictures; nothing runs, nothing frames them.
pub(super) const CONTENT_SECURITY: &str = "default-src 'none'; style-src 'self'; img-src 'self' https: http:; \
     media-src 'self' https: http:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// For files that pages show, in seconds.
const MEDIA_MAX_AGE: u32 = 3600;

pub(super) async fn serve(State(app): State<App>, request: Request) -> Response {
    let tree = app.site.current();
    let path = percent_encoding::percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let found = tree.at(&path);
    let is_there = !matches!(found, Found::Missing);
    if is_there && !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (StatusCode::METHOD_NOT_ALLOWED, allow, "only GET and HEAD work here\n").into_response();
    }
    match found {
        Found::Document(document) => answer(document, request.headers()),
        Found::Media(media) => file(media, request.headers()).await,
        Found::Moved(to) => (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, to)]).into_response(),
        Found::Gone => notice(&tree, &path, StatusCode::GONE),
        Found::Missing => notice(&tree, &path, StatusCode::NOT_FOUND),
    }
}

fn answer(document: &Document, request: &HeaderMap) -> Response {
    let modified = httpdate::fmt_http_date(document.modified());
    let mut headers = HeaderMap::new();
    put(&mut headers, header::CACHE_CONTROL, &format!("public, max-age={}", document.max_age()));
    put(&mut headers, header::ETAG, document.etag());
    put(&mut headers, header::LAST_MODIFIED, &modified);
    put(&mut headers, header::VARY, "Accept-Encoding");
    let media_type = document.media_type();
    if media_type.starts_with("text/html") {
        put(&mut headers, header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY);
    }
    if media_type.starts_with("application/") {
        put(&mut headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    }
    if is_known(request, document.etag(), &modified) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    put(&mut headers, header::CONTENT_TYPE, media_type);
    let (encoding, bytes) = document.encoded(wanted(request));
    match encoding {
        Encoding::Brotli => put(&mut headers, header::CONTENT_ENCODING, "br"),
        Encoding::Gzip => put(&mut headers, header::CONTENT_ENCODING, "gzip"),
        Encoding::Identity => {}
    }
    (StatusCode::OK, headers, bytes.to_vec()).into_response()
}

/// Whether the client has these bytes already. If-None-Match wins (RFC 9110 §13.2.2); it compares
/// weakly and forgives what proxies do to tags. If-Modified-Since wants the very date: some readers
/// send later ones of their own, and would miss a change.
fn is_known(request: &HeaderMap, etag: &str, modified: &str) -> bool {
    let text = |name| request.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(tags) = text(header::IF_NONE_MATCH) {
        let core = |tag: &str| {
            let tag = tag.trim().trim_start_matches("W/").trim_matches('"');
            tag.trim_end_matches("-gzip").trim_end_matches("-br").to_string()
        };
        return tags.split(',').any(|tag| tag.trim() == "*" || core(tag) == core(etag));
    }
    text(header::IF_MODIFIED_SINCE) == Some(modified)
}

/// The best encoding that the client takes; `q=0` is a refusal.
fn wanted(request: &HeaderMap) -> Encoding {
    let accepted =
        request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes = |name: &str| {
        accepted.split(',').any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let named = parts.next().is_some_and(|found| found.eq_ignore_ascii_case(name));
            let refused = parts.any(|part| {
                part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
            });
            named && !refused
        })
    };
    if takes("br") {
        Encoding::Brotli
    } else if takes("gzip") {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

async fn file(media: &Media, request: &HeaderMap) -> Response {
    let modified = httpdate::fmt_http_date(media.modified);
    let since = media.modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let etag = format!("W/\"{:x}-{since:x}\"", media.bytes);
    let mut headers = HeaderMap::new();
    put(&mut headers, header::CACHE_CONTROL, &format!("public, max-age={MEDIA_MAX_AGE}"));
    put(&mut headers, header::ETAG, &etag);
    put(&mut headers, header::LAST_MODIFIED, &modified);
    if is_known(request, &etag, &modified) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    put(&mut headers, header::CONTENT_TYPE, &media.media_type);
    put(&mut headers, header::CONTENT_LENGTH, &media.bytes.to_string());
    match tokio::fs::File::open(&media.path).await {
        Ok(file) => {
            let stream = tokio_util::io::ReaderStream::new(file);
            (StatusCode::OK, headers, Body::from_stream(stream)).into_response()
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
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
    put(&mut headers, header::CACHE_CONTROL, "public, max-age=60");
    put(&mut headers, header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY);
    (status, headers, html.cloned().unwrap_or_default()).into_response()
}

fn put(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    // Our own values are ASCII; one that is not would only be left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn tags_are_compared_as_clients_really_send_them() {
        let known = |tag: &str| is_known(&request(header::IF_NONE_MATCH, tag), "W/\"abc\"", "x");
        for tag in ["W/\"abc\"", "\"abc\"", "abc", "\"x\", W/\"abc\"", "*", "\"abc-gzip\"", "W/\"abc-br\""] {
            assert!(known(tag), "{tag}");
        }
        assert!(!known("\"abd\"") && !known("\"\""));
    }

    #[test]
    fn an_encoding_with_q_0_is_refused() {
        let encoding = |value: &str| wanted(&request(header::ACCEPT_ENCODING, value));
        assert_eq!(encoding("gzip, deflate, br"), Encoding::Brotli);
        assert_eq!(encoding("gzip;q=0.5, br;q=0"), Encoding::Gzip);
        assert_eq!(encoding("identity"), Encoding::Identity);
        assert_eq!(wanted(&HeaderMap::new()), Encoding::Identity);
    }
}
