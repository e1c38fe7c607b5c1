//! What a request says of bytes that its sender has or can take (RFC 9110 §12.5.3, §13).

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::site::Encoding;

/// Whether the client has these bytes already. If-None-Match wins (RFC 9110 §13.2.2); it compares
/// weakly and forgives what proxies do to tags. If-Modified-Since wants the very date: some readers
/// send later ones of their own, and would miss a change.
pub(super) fn is_known(request: &HeaderMap, etag: &str, modified: &str) -> bool {
    match list(request, &header::IF_NONE_MATCH) {
        Some(tags) => names(&tags, etag),
        None => text(request, header::IF_MODIFIED_SINCE) == Some(modified),
    }
}

/// Whether the client asks only for what it has not.
pub(super) fn is_conditional(request: &HeaderMap) -> bool {
    request.contains_key(header::IF_NONE_MATCH) || request.contains_key(header::IF_MODIFIED_SINCE)
}

/// Whether it has an earlier version with this tag, and wants only what is new (RFC 3229 §10.5).
pub(super) fn wants_news_since(request: &HeaderMap, etag: &str) -> bool {
    let takes_feed = list(request, &header::HeaderName::from_static("a-im"))
        .is_some_and(|manipulations| manipulations.split(',').any(is_feed));
    takes_feed
        && list(request, &header::IF_NONE_MATCH).is_some_and(|tags| !tags.contains('*') && names(&tags, etag))
}

fn is_feed(manipulation: &str) -> bool {
    let mut parts = manipulation.split(';').map(str::trim);
    parts.next().is_some_and(|name| name.eq_ignore_ascii_case("feed")) && !parts.any(is_refusal)
}

/// Ours are figures and letters alone; proxies quote them again, and hang the encoding on: `-gzip`, `;br`.
fn names(tags: &str, etag: &str) -> bool {
    let own = core(etag);
    tags.split(',').any(|tag| tag.trim() == "*" || core(tag) == own)
}

fn core(tag: &str) -> &str {
    let tag = tag.trim_start_matches(|character: char| "W/w\" ".contains(character));
    let end = tag.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(tag.len());
    &tag[..end]
}

/// The encoding that the client likes best; of two it likes alike, the smaller. `q=0` is a refusal.
pub(super) fn wanted(request: &HeaderMap) -> Encoding {
    let accepted = list(request, &header::ACCEPT_ENCODING).unwrap_or_default();
    let liking = |name: &str| {
        let mut items = accepted.split(',').map(|item| item.split(';').map(str::trim));
        let mut parts =
            items.find(|item| item.clone().next().is_some_and(|found| found.eq_ignore_ascii_case(name)))?;
        Some(parts.find_map(weight).unwrap_or(1.0)).filter(|liking| *liking > 0.0)
    };
    match (liking("br"), liking("gzip")) {
        (Some(brotli), gzip) if gzip.is_none_or(|gzip| brotli >= gzip) => Encoding::Brotli,
        (_, Some(_)) => Encoding::Gzip,
        _ => Encoding::Identity,
    }
}

/// `q=0.5` (RFC 9110 §12.4.2).
fn weight(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().ok()).flatten()
}

fn is_refusal(parameter: &str) -> bool {
    weight(parameter).is_some_and(|weight| weight <= 0.0)
}

/// A person who opens the address in a browser: every current one says so on HTTPS and on this machine,
/// and no feed reader does (Fetch Metadata). Never by Accept: some readers ask for HTML there.
pub(super) fn is_navigation(request: &HeaderMap) -> bool {
    let says = |name, value| text(request, header::HeaderName::from_static(name)) == Some(value);
    says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document")
}

/// All lines of a header that is a list, as one (RFC 9110 §5.3).
fn list<'r>(request: &'r HeaderMap, name: &header::HeaderName) -> Option<Cow<'r, str>> {
    let mut lines = request.get_all(name).iter().filter_map(|line| line.to_str().ok());
    let first = lines.next()?;
    Some(lines.fold(Cow::Borrowed(first), |all, line| Cow::Owned(format!("{all}, {line}"))))
}

/// The value of a header that is there once.
pub(super) fn text(request: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    request.get(name).and_then(|value: &HeaderValue| value.to_str().ok())
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
        let here = ["W/\"abc\"", "\"abc\"", "abc", "w/\"abc\"", "\"x\", W/\"abc\"", "*"];
        let passed_on =
            ["\"abc-gzip\"", "W/\"abc-br\"", "\"abc--gzip\"", "\"W/\"abc\"\"", "\"abc-zstd\"", "\"abc;br\""];
        for tag in here.into_iter().chain(passed_on) {
            assert!(known(tag), "{tag}");
        }
        assert!(!known("\"abd\"") && !known("\"\"") && !known("\"abcd\"") && !known("\"ab\""));
    }

    #[test]
    fn a_list_in_two_lines_is_one() {
        let mut two = request(header::IF_NONE_MATCH, "\"x\"");
        two.append(header::IF_NONE_MATCH, "\"abc\"".parse().unwrap());
        assert!(is_known(&two, "W/\"abc\"", "x"));
    }

    #[test]
    fn an_encoding_with_q_0_is_refused() {
        let encoding = |value: &str| wanted(&request(header::ACCEPT_ENCODING, value));
        assert_eq!(encoding("gzip, deflate, br"), Encoding::Brotli);
        assert_eq!(encoding("gzip;q=0.5, br;q=0"), Encoding::Gzip);
        assert_eq!(encoding("br;Q=0"), Encoding::Identity);
        assert_eq!(encoding("br;q=0.1, gzip;q=1"), Encoding::Gzip);
        assert_eq!(encoding("gzip;q=1, br ; q = 1.0"), Encoding::Brotli);
        assert_eq!(encoding("identity"), Encoding::Identity);
        assert_eq!(wanted(&HeaderMap::new()), Encoding::Identity);
    }
}
