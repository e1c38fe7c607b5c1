//! Which format a document is in, or what else it is.

use std::ops::Range;

use super::{
    encodings::MARK,
    html::tokens::{Token, tokens},
    limits,
    report::Report,
    rules::document as rules,
};

/// A longer address is not worth showing.
const ADDRESS_BYTES_MAX: usize = 80;
const DOCTYPE: &str = "<!DOCTYPE";

/// What reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RSS, Atom or other XML.
    Xml,
    /// JSON Feed or other JSON.
    Json,
}

/// The kind of the document, by its first characters. What cannot be a feed is reported.
pub fn of(report: &mut Report) -> Option<Kind> {
    if !limits::accepts(report) {
        return None;
    }
    let text = report.source.trim_start_matches(MARK).trim_start();
    match text.chars().next() {
        Some('<') if is_html(text) => html_page(report),
        Some('<') => return Some(Kind::Xml),
        Some('{' | '[') => return Some(Kind::Json),
        Some(_) => not_a_feed(report, "plain text", "give the address or the file of the feed itself"),
        None => not_a_feed(report, "an empty document", "look whether the feed was written at all"),
    }
    None
}

/// Reports what the document is.
pub fn not_a_feed(report: &mut Report, what: &str, hint: &str) {
    report.add(&rules::NOT_A_FEED, 0..0, &[what, hint]);
}

/// Does the first markup say that this is HTML? Pages often have a comment or a declaration before it.
fn is_html(text: &str) -> bool {
    let markup = &text[first_markup(text)..];
    let begins = |word: &str| markup.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let ends = |word: &str| !markup[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == ':');
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|word| begins(word) && ends(word))
}

/// Where white space, comments and instructions end at the start of a document.
fn first_markup(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == MARK).len();
        let ends = [("<!--", "-->"), ("<?", "?>")];
        let comment = ends.iter().find_map(|(begin, end)| {
            let inside = rest[blank..].strip_prefix(begin)?;
            Some(begin.len() + inside.find(end)? + end.len())
        });
        at += blank;
        let Some(length) = comment else { return at };
        at += length;
    }
}

/// Where the document type stands, if there is one.
pub fn doctype(source: &str) -> Option<Range<usize>> {
    let start = first_markup(source);
    let length = source[start..].strip_prefix(DOCTYPE)?.find('>')?;
    Some(start..start + DOCTYPE.len() + length + 1)
}

/// Reports an HTML page and the feed that it names.
pub fn html_page(report: &mut Report) {
    let hint = match advertised_feed(report.source) {
        Some(address) if address.len() <= ADDRESS_BYTES_MAX => {
            format!("check the feed that this page names: `{address}`")
        }
        _ => "give the address of the feed, not of the page".to_string(),
    };
    not_a_feed(report, "an HTML page", &hint);
}

/// The feed that a page names in its head.
fn advertised_feed(page: &str) -> Option<String> {
    const TYPES: [&str; 3] = ["application/rss+xml", "application/atom+xml", "application/feed+json"];
    tokens(page).find_map(|token| {
        let Token::Tag(tag) = token else { return None };
        let value = |name: &str| tag.attributes.iter().find(|attribute| attribute.name == name);
        let is_feed = value("type").is_some_and(|found| TYPES.contains(&found.value));
        value("href").filter(|_| is_feed).map(|href| href.value.to_string())
    })
}
