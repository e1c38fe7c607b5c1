//! Text that should be plain: is there markup in it after all?

use std::ops::Range;

use super::{
    html::vocabulary,
    report::Report,
    rules::{Rule, rss as rss_rules, shared as rules},
    text::Text,
    xml::Element,
};

/// Names of elements and entities are no longer.
const NAME_CHARS_MAX: usize = 13;

/// An element of RSS that is plain text.
pub fn check(report: &mut Report, element: &Element) {
    let source = report.source;
    let text = element.text(source);
    let is_rss_safe = source[element.node.range()].contains("&#x");
    if check_text(report, &rules::CONTAINS_HTML, &element.name, &text, is_rss_safe) || is_rss_safe {
        return;
    }
    // The RSS Board's Best Practices Profile: `&#x3C;` reads right in the most readers.
    if let Some(at) = looks_like_markup(&text.value) {
        let span = text.span(at..at + 1);
        report.add(&rss_rules::CHARACTER_DATA, span, &[&element.name]);
    }
}

/// Reports an end tag or an entity in plain text. Entities are meant where the feed escapes by
/// number.
pub fn check_text(
    report: &mut Report,
    rule: &Rule,
    name: &str,
    text: &Text,
    entities_are_meant: bool,
) -> bool {
    let markup = end_tag(&text.value).or_else(|| entity(&text.value).filter(|_| !entities_are_meant));
    if let Some(part) = markup.clone() {
        report.add(rule, text.span(part.clone()), &[name, &text.value[part]]);
    }
    markup.is_some()
}

/// `</b>`, of an element that HTML has.
fn end_tag(text: &str) -> Option<Range<usize>> {
    text.match_indices("</").find_map(|(at, _)| {
        let name = word_before(&text[at + 2..], '>')?;
        vocabulary::is_html(name).then(|| at..at + name.len() + 3)
    })
}

/// `&amp;` or `&#39;`, left over from escaping twice.
fn entity(text: &str) -> Option<Range<usize>> {
    text.match_indices('&').find_map(|(at, _)| {
        let name = word_before(&text[at + 1..], ';')?;
        (name.len() > 1).then(|| at..at + name.len() + 2)
    })
}

/// The letters and digits that stand before `end`, if they do. It looks no further than a name is
/// long, or a text full of `&` would take the square of its length.
fn word_before(text: &str, end: char) -> Option<&str> {
    let length = text.char_indices().take(NAME_CHARS_MAX).find(|(_, c)| *c == end)?.0;
    let word = &text[..length];
    let letters = word.strip_prefix('#').unwrap_or(word);
    letters.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(word)
}

/// `<x`, `</` or `&#1`.
fn looks_like_markup(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    bytes.windows(3).position(|three| three[0] == b'&' && three[1] == b'#' && is_number(three[2])).or_else(
        || {
            bytes
                .windows(2)
                .position(|two| two[0] == b'<' && (two[1] == b'/' || two[1].is_ascii_alphabetic()))
        },
    )
}

fn is_number(byte: u8) -> bool {
    byte == b'x' || byte.is_ascii_digit()
}
