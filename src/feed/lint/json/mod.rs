//! JSON Feed 1.0 and 1.1, by its specification.

mod extensions;
mod item;
mod shapes;
mod tree;
mod values;

use super::{
    bytes, encodings, kind, limits,
    report::Report,
    rules::{json as rules, shared},
};

use self::{
    extensions::Extensions,
    item::Items,
    tree::{Node, Value},
};

const VERSION: &str = "https://jsonfeed.org/version/1.1";
const OLD_VERSION: &str = "https://jsonfeed.org/version/1";

/// Reads the document and checks it.
pub fn check(report: &mut Report) {
    let start = encodings::after_mark(report.source);
    // A `Value`, as it has a limit to its depth; serde_json's way to ignore values has none.
    if let Err(error) = serde_json::from_str::<serde_json::Value>(&report.source[start..]) {
        return not_json(report, start, &error);
    }
    let feed = Node::read(report.source, start);
    if !matches!(feed.value, Value::Table(_))
        || (feed.get("version").is_none() && feed.get("items").is_none())
    {
        let hint = "give the address of the feed; JSON Feed has `version` and `items`";
        return kind::not_a_feed(report, "JSON of another kind", hint);
    }
    check_feed(report, &feed);
}

fn not_json(report: &mut Report, start: usize, error: &serde_json::Error) {
    let line_start = report.source[start..].split_inclusive('\n').take(error.line().saturating_sub(1));
    let offset = start + line_start.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    let mut at = offset.min(report.source.len());
    while !report.source.is_char_boundary(at) {
        at -= 1;
    }
    let end = at + report.source[at..].chars().next().map_or(0, char::len_utf8);
    let words = error.to_string();
    let reason = words.split(" at line ").next().unwrap_or(&words);
    report.add(&rules::NOT_JSON, at..end, &[reason]);
}

fn check_feed(report: &mut Report, feed: &Node) {
    limits::check_size(report);
    bytes::check_encoding(report);
    let mut extensions = Extensions::default();
    values::check_object(report, feed, &shapes::FEED, &mut extensions);
    check_version(report, feed);
    check_addresses(report, feed);
    let start = feed.span.start..feed.span.start + 1;
    // Version 1 has no languages.
    if feed.get("language").is_none() && !is_version_1(feed) {
        report.add(&shared::MISSING_LANGUAGE, start, &["`\"language\": \"en\"`"]);
    }
    let language = feed.get("language").and_then(Node::text).map(|text| text.value.clone());
    let mut items = Items::new(has_author(feed), language, is_version_1(feed));
    for node in feed.get("items").map(Node::items).unwrap_or_default() {
        item::check(report, node, &mut items);
    }
    extensions.finish(report);
}

fn is_version_1(feed: &Node) -> bool {
    feed.get("version").and_then(Node::text).is_some_and(|version| version.value == OLD_VERSION)
}

fn check_version(report: &mut Report, feed: &Node) {
    let Some(version) = feed.get("version") else { return };
    let Some(text) = version.text() else { return };
    match text.value.as_str() {
        VERSION => check_deprecated(report, feed),
        OLD_VERSION => report.add(&rules::OLD_VERSION, version.span.clone(), &[]),
        other => report.add(&rules::UNKNOWN_VERSION, version.span.clone(), &[other]),
    }
}

/// Version 1.1 keeps `author` beside `authors` for old readers; alone it is deprecated.
fn check_deprecated(report: &mut Report, feed: &Node) {
    let items = feed.get("items").map(Node::items).unwrap_or_default();
    for object in std::iter::once(feed).chain(items) {
        let author = object.members().iter().find(|member| member.key == "author");
        if let Some(author) = author.filter(|_| object.get("authors").is_none()) {
            report.add(&rules::DEPRECATED_AUTHOR, author.key_span.clone(), &[]);
        }
    }
}

fn check_addresses(report: &mut Report, feed: &Node) {
    for key in ["home_page_url", "feed_url"] {
        if feed.get(key).is_none() {
            let start = feed.span.start..feed.span.start + 1;
            report.add(&rules::RECOMMENDED_KEY, start, &[key]);
        }
    }
    let address =
        |key: &str| feed.get(key).and_then(|node| Some((node.text()?.value.as_str(), node.span.clone())));
    let Some((own, own_span)) = address("feed_url") else { return };
    if let Some((_, span)) = address("next_url").filter(|(next, _)| *next == own) {
        report.add(&rules::NEXT_IS_SELF, span, &[]);
    }
    if let Some(expected) = report.expectation.self_url.as_deref().filter(|expected| *expected != own) {
        report.add(&shared::SELF_DOESNT_MATCH, own_span, &[own, expected]);
    }
}

fn has_author(object: &Node) -> bool {
    object.get("author").is_some() || object.get("authors").is_some_and(|authors| !authors.items().is_empty())
}
