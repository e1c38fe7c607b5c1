//! Atom 1.0, by RFC 4287.

mod constructs;
mod entry;

use super::{
    dates::Dated,
    elements::{self, Shape},
    languages,
    links::{self, Within},
    names,
    report::Report,
    rules::{atom as rules, shared},
    urls,
    xml::Element,
};

use self::entry::Entries;

const MEDIA_TYPE: &str = "application/atom+xml";
/// RFC 4287 §4.1.1.
const SHAPE: Shape = Shape {
    format: "Atom",
    known: &[
        "author",
        "category",
        "contributor",
        "generator",
        "icon",
        "id",
        "link",
        "logo",
        "rights",
        "subtitle",
        "title",
        "updated",
        "entry",
    ],
    repeatable: &["author", "category", "contributor", "link", "entry"],
    others_once: &[],
    required: &["id", "title", "updated"],
};

/// Checks a document whose root is `feed`.
pub fn check(report: &mut Report, feed: &Element) {
    let children = feed.children(Some(names::ATOM));
    elements::check(report, feed, &children, &SHAPE);
    elements::check_attributes(report, feed, &[]);
    // RFC 4287 does not want that order, but readers do.
    elements::check_order(report, &children, "entry", &rules::MISPLACED_METADATA);
    check_languages(report, feed);
    let links = links::read(report, &children, "link", Within::Feed(MEDIA_TYPE));
    links::check_feed(report, &links, feed, MEDIA_TYPE, &children);
    links::check_alternates(report, &links);
    let updated = check_fields(report, &children);
    let has_author = children.iter().any(|child| child.name == "author");
    let mut entries = Entries { has_author, ..Entries::default() };
    for child in children.iter().filter(|child| child.name == "entry") {
        entry::check(report, child, &mut entries);
    }
    entries.order.feed(report, updated.as_ref());
    if entries.is_empty() && !has_author {
        report.add(&shared::MISSING_ELEMENT, feed.tag(report.source), &["author", "feed"]);
    }
}

fn check_languages(report: &mut Report, feed: &Element) {
    for node in feed.node.descendants() {
        let language = node.attribute_node((names::XML, "lang"));
        // Empty means: the language is not known (XML 1.0 §2.12).
        if let Some(language) = language.filter(|language| !language.value().is_empty()) {
            languages::check(report, language.value(), language.range_value());
        }
    }
    if feed.language().is_none() {
        report.add(&shared::MISSING_LANGUAGE, feed.tag(report.source), &["`xml:lang=\"en\"` to `<feed>`"]);
    }
}

/// The fields one by one; answers when the feed last changed.
fn check_fields(report: &mut Report, children: &[Element]) -> Option<Dated> {
    let mut updated = None;
    for child in children {
        match child.name.as_str() {
            "updated" => updated = constructs::date(report, child),
            "icon" | "logo" => check_picture(report, child),
            "generator" => elements::check_attributes(report, child, &["uri", "version"]),
            _ => constructs::check(report, child),
        }
    }
    updated
}

fn check_picture(report: &mut Report, picture: &Element) {
    elements::check_attributes(report, picture, &[]);
    constructs::check_whitespace(report, picture);
    let text = picture.text(report.source);
    if text.trimmed().is_empty() {
        elements::check_not_blank(report, picture);
    } else if urls::scheme(text.trimmed()).is_none() {
        let span = picture.value_span(report.source);
        report.add(&shared::RELATIVE_LINK, span, &[text.trimmed(), &picture.name]);
    }
}
