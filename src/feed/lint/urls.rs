//! Addresses in the feed's own fields: whole, ASCII, and of the right kind.

use std::ops::Range;

use url::Url;

use super::{
    report::Report,
    rules::{Rule, shared as rules},
    text::Text,
};

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    NotWhole,
    BadCharacter,
    NotAscii(String),
    BadTag,
    BadUrn,
}

/// An address that must be whole and in ASCII. `field` is where it stands.
pub fn check(report: &mut Report, field: &str, value: &str, span: Range<usize>) -> bool {
    check_with(report, field, value, span, &rules::URI_NOT_IRI)
}

/// As [`check`], where the format allows letters outside ASCII (RFC 3987) but readers may not.
pub fn check_iri(report: &mut Report, field: &str, value: &str, span: Range<usize>) -> bool {
    check_with(report, field, value, span, &rules::NON_ASCII_LINK)
}

fn check_with(report: &mut Report, field: &str, value: &str, span: Range<usize>, not_ascii: &Rule) -> bool {
    let Some(fault) = fault(value) else { return true };
    match fault {
        Fault::NotWhole => report.add(&rules::INVALID_LINK, span, &[value, field]),
        Fault::BadCharacter => report.add(&rules::INVALID_URI_CHARACTER, span, &[value, field]),
        Fault::NotAscii(ascii) => report.add(not_ascii, span, &[value, field, &ascii]),
        Fault::BadTag => report.add(&rules::INVALID_TAG, span, &[value]),
        Fault::BadUrn => report.add(&rules::INVALID_URN, span, &[value]),
    }
    false
}

/// As [`check`], of an element's text.
pub fn check_text(report: &mut Report, field: &str, text: &Text, otherwise: Range<usize>) -> bool {
    let span = if text.trimmed().is_empty() { otherwise } else { text.trimmed_span() };
    check(report, field, text.trimmed(), span)
}

/// As [`check`] for Atom, whose ids may have letters outside ASCII and must not be another
/// spelling of themselves.
pub fn check_id(report: &mut Report, field: &str, value: &str, span: Range<usize>) {
    if !value.is_ascii() {
        if scheme(value).is_none() {
            report.add(&rules::INVALID_LINK, span, &[value, field]);
        }
        return;
    }
    if check(report, field, value, span.clone())
        && let Some(canonical) = canonical(value)
    {
        report.add(&rules::NON_CANONICAL_URI, span, &[value, &canonical]);
    }
}

/// The other spelling of a web address that programs take for the same.
fn canonical(value: &str) -> Option<String> {
    let url = Url::parse(value).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    (url.as_str() != value).then(|| url.to_string())
}

fn fault(value: &str) -> Option<Fault> {
    let Some(scheme) = scheme(value) else { return Some(Fault::NotWhole) };
    if !value.is_ascii() {
        return Some(ascii(value).map_or(Fault::BadCharacter, Fault::NotAscii));
    }
    match scheme.to_ascii_lowercase().as_str() {
        "tag" if !is_tag(value) => Some(Fault::BadTag),
        "urn" if !is_urn(value) => Some(Fault::BadUrn),
        "tag" | "urn" => None,
        "http" | "https" if !has_host(value) => Some(Fault::NotWhole),
        _ if value.bytes().all(is_uri_byte) => None,
        _ => Some(Fault::BadCharacter),
    }
}

/// The scheme of a whole address.
pub fn scheme(value: &str) -> Option<&str> {
    let (scheme, rest) = value.split_once(':')?;
    let mut bytes = scheme.bytes();
    let is_scheme = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    (is_scheme && !rest.is_empty()).then_some(scheme)
}

/// Percent-encoded and in Punycode.
fn ascii(value: &str) -> Option<String> {
    Url::parse(value).ok().map(String::from)
}

fn has_host(value: &str) -> bool {
    let rest = value.split_once("://").map(|(_, rest)| rest);
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) && Url::parse(value).is_ok()
}

fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b";/?:@&=+$.-_!~*'()%,#[]".contains(&byte)
}

/// RFC 4151: `tag:authority,date:name`; the authority without a port and in small letters.
fn is_tag(value: &str) -> bool {
    let parts = value.strip_prefix("tag:").and_then(|rest| rest.split_once(','));
    let Some((authority, rest)) = parts else { return false };
    let Some((date, name)) = rest.split_once(':') else { return false };
    let (person, host) = authority.rsplit_once('@').unwrap_or(("x", authority));
    let is_authority = |text: &str, more: &[u8]| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || more.contains(&byte);
        !text.is_empty() && text.bytes().all(allowed)
    };
    is_authority(person, b"-._")
        && is_authority(host, b"-.")
        && is_tag_date(date)
        && name.bytes().all(is_uri_byte)
}

fn is_tag_date(date: &str) -> bool {
    let lengths: Vec<usize> = date.split('-').map(str::len).collect();
    let is_shape = matches!(lengths[..], [4] | [4, 2] | [4, 2, 2]);
    is_shape && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// RFC 8141, and RFC 9562 for `urn:uuid:`.
fn is_urn(value: &str) -> bool {
    let mut parts = value.splitn(3, ':').skip(1);
    let (namespace, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_namespace = (2..=32).contains(&namespace.len())
        && namespace.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_name = match namespace.eq_ignore_ascii_case("uuid") {
        true => is_uuid(name),
        false => !name.is_empty() && name.bytes().all(is_uri_byte),
    };
    is_namespace && is_name
}

fn is_uuid(name: &str) -> bool {
    let lengths: Vec<usize> = name.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Does a program find the host of this web address? A name needs a dot, `localhost` will not do.
pub fn has_public_host(value: &str) -> bool {
    let url = Url::parse(value).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let host = url.as_ref().and_then(Url::host_str);
    value.is_ascii() && host.is_some_and(|host| host.contains('.') || host.starts_with('['))
}

/// `type/subtype`, with or without parameters.
pub fn is_media_type(value: &str) -> bool {
    let essence = value.split(';').next().unwrap_or_default().trim_end();
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_graphic() && !b"()<>,;:\\\"/[]?=".contains(&byte))
    };
    essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_whole_and_ascii() {
        for good in [
            "https://a.example/%D8%A2",
            "http://127.0.0.1:8080/",
            "tag:a.example,2026-01-02:x/y",
            "tag:mina@a.example,2026:x",
            "urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a",
            "urn:isbn:0451450523",
            "mailto:mina@example.org",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
        assert_eq!(fault("/a"), Some(Fault::NotWhole));
        assert_eq!(fault("http:///a"), Some(Fault::NotWhole));
        assert_eq!(fault("//a.example/"), Some(Fault::NotWhole));
        assert_eq!(fault("https://a.example/a b"), Some(Fault::BadCharacter));
        let encoded = "https://xn--mgbug11a.example/%D8%A2".to_string();
        assert_eq!(fault("https://پارس.example/آ"), Some(Fault::NotAscii(encoded)));
        assert_eq!(fault("tag:a.example:8080,2026:x"), Some(Fault::BadTag));
        assert_eq!(fault("tag:A.example,2026:x"), Some(Fault::BadTag));
        assert_eq!(fault("urn:uuid:1"), Some(Fault::BadUrn));
    }

    #[test]
    fn a_media_type_has_two_parts() {
        assert!(is_media_type("audio/mpeg") && is_media_type("text/html; charset=utf-8"));
        assert!(!is_media_type("mp3") && !is_media_type("audio/") && !is_media_type("a/b/c"));
    }
}
