//! What a request says of bytes that its sender has or can take (RFC 9110 §12.5.3, §13).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::site::Encoding;

/// Whether the client has these bytes already. If-None-Match wins (RFC 9110 §13.2.2); it compares
/// weakly and forgives what proxies do to tags. If-Modified-Since wants the very date: some readers
/// send later ones of their own, and would miss a change.
pub(super) fn is_known(request: &HeaderMap, etag: &str, modified: &str) -> bool {
    match text(request, header::IF_NONE_MATCH) {
        Some(tags) => names(tags, etag),
        None => text(request, header::IF_MODIFIED_SINCE) == Some(modified),
    }
}

/// Whether the client asks only for what it has not.
pub(super) fn is_conditional(request: &HeaderMap) -> bool {
    request.contains_key(header::IF_NONE_MATCH) || request.contains_key(header::IF_MODIFIED_SINCE)
}

/// Whether it has an earlier version with this tag, and wants only what is new (RFC 3229 §10.5).
pub(super) fn wants_news_since(request: &HeaderMap, etag: &str) -> bool {
    let takes_feed = text(request, header::HeaderName::from_static("a-im"))
        .is_some_and(|manipulations| manipulations.split(',').any(is_feed));
    takes_feed
        && text(request, header::IF_NONE_MATCH).is_some_and(|tags| !tags.contains('*') && names(tags, etag))
}

fn is_feed(manipulation: &str) -> bool {
    let mut parts = manipulation.split(';').map(str::trim);
    parts.next().is_some_and(|name| name.eq_ignore_ascii_case("feed")) && !parts.any(is_refusal)
}

fn names(tags: &str, etag: &str) -> bool {
    let core = |tag: &str| {
        let tag = tag.trim().trim_start_matches("W/").trim_matches('"');
        tag.trim_end_matches("-gzip").trim_end_matches("-br").to_string()
    };
    tags.split(',').any(|tag| tag.trim() == "*" || core(tag) == core(etag))
}

/// The best encoding that the client takes; `q=0` is a refusal.
pub(super) fn wanted(request: &HeaderMap) -> Encoding {
    let accepted = text(request, header::ACCEPT_ENCODING).unwrap_or_default();
    let takes = |name: &str| {
        accepted.split(',').any(|item| {
            let mut parts = item.split(';').map(str::trim);
            parts.next().is_some_and(|found| found.eq_ignore_ascii_case(name)) && !parts.any(is_refusal)
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

fn is_refusal(parameter: &str) -> bool {
    parameter.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
}

/// A person who opens the address in a browser: every current one says so on HTTPS and on this machine,
/// and no feed reader does (Fetch Metadata). Never by Accept: some readers ask for HTML there.
pub(super) fn is_navigation(request: &HeaderMap) -> bool {
    let says = |name, value| text(request, header::HeaderName::from_static(name)) == Some(value);
    says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document")
}

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
