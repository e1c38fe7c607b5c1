//! Which format a document is in, or what else it is.

use super::{
    bytes::MARK,
    html::tokens::{Token, tokens},
    limits,
    report::Report,
    rules::document as rules,
};

/// A longer address is not worth showing.
const ADDRESS_BYTES_MAX: usize = 80;

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

fn is_html(text: &str) -> bool {
    let start: String = text.chars().take(15).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn html_page(report: &mut Report) {
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
