//! An `entry` of Atom: one article.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{
    super::{
        dates::{Dated, Order},
        elements::{self, Shape},
        html, languages,
        links::{self, Link, Within},
        names,
        report::Report,
        rules::{atom as rules, shared},
        urls,
        xml::Element,
    },
    constructs,
};

/// RFC 4287 §4.1.2.
const SHAPE: Shape = Shape {
    format: "Atom",
    known: &[
        "author",
        "category",
        "content",
        "contributor",
        "id",
        "link",
        "published",
        "rights",
        "source",
        "summary",
        "title",
        "updated",
    ],
    repeatable: &["author", "category", "contributor", "link"],
    others_once: &[],
    required: &["id", "title", "updated"],
};

/// What is known of the articles so far.
#[derive(Debug, Default)]
pub struct Entries {
    /// Does the feed name an author?
    pub has_author: bool,
    /// Their dates.
    pub order: Order,
    /// Their ids and dates.
    pub seen: Seen,
}

/// Ids, each with the dates under which it came, and all dates.
#[derive(Debug, Default)]
pub struct Seen {
    ids: BTreeMap<String, BTreeSet<DateTime<Utc>>>,
    updates: BTreeSet<DateTime<Utc>>,
}

impl Entries {
    /// None so far?
    pub fn is_empty(&self) -> bool {
        self.seen.ids.is_empty()
    }
}

/// Checks one article.
pub fn check(report: &mut Report, entry: &Element, entries: &mut Entries) {
    let children = entry.children(Some(names::ATOM));
    elements::check(report, entry, &children, &SHAPE);
    elements::check_attributes(report, entry, &[]);
    let links = links::read(report, &children, "link", Within::Entry);
    links::check_alternates(report, &links);
    let base = entry.node.ancestors().find_map(|node| node.attribute((names::XML, "base")));
    links::check_base(report, &links, base);
    check_author(report, entry, &children, entries.has_author);
    check_texts(report, entry, &children, &links);
    check_fields(report, &children, entries);
}

fn check_author(report: &mut Report, entry: &Element, children: &[Element], has_feed_author: bool) {
    let has_author = |children: &[Element]| children.iter().any(|child| child.name == "author");
    let source = children.iter().find(|child| child.name == "source");
    let is_copied = source.is_some_and(|source| has_author(&source.children(Some(names::ATOM))));
    if !has_author(children) && !is_copied {
        let rule = if has_feed_author { &rules::INHERITED_AUTHOR } else { &rules::MISSING_PERSON };
        report.add(rule, entry.tag(report.source), &[]);
    }
}

fn check_fields(report: &mut Report, children: &[Element], entries: &mut Entries) {
    let (mut published, mut updated): (Option<Dated>, Option<Dated>) = (None, None);
    for child in children {
        match child.name.as_str() {
            "published" => published = constructs::date(report, child),
            "updated" => updated = constructs::date(report, child),
            "content" => check_content(report, child),
            _ => constructs::check(report, child),
        }
    }
    let id = children.iter().find(|child| child.name == "id");
    entries.order.article(report, published.as_ref(), updated.as_ref());
    entries.seen.check(report, id, updated.as_ref());
}

impl Seen {
    /// RFC 4287 §4.1.1: an id may come twice with different dates, though readers show one.
    fn check(&mut self, report: &mut Report, id: Option<&Element>, updated: Option<&Dated>) {
        let value = id.map(|id| id.text(report.source).trimmed().to_string()).unwrap_or_default();
        let span = id.map(|id| id.value_span(report.source)).unwrap_or_default();
        let moment = updated.map(|updated| updated.moment);
        let earlier = self.ids.entry(value.clone()).or_default();
        let is_repeated = id.is_some() && !earlier.is_empty();
        let is_same = moment.is_some_and(|moment| !earlier.insert(moment));
        let is_date_taken = moment.is_some_and(|moment| !self.updates.insert(moment));
        match updated {
            _ if is_repeated && is_same => report.add(&rules::DUPLICATE_ENTRIES, span, &[&value]),
            _ if is_repeated => report.add(&rules::DUPLICATE_ID, span, &[&value]),
            Some(updated) if is_date_taken => {
                report.add(&rules::DUPLICATE_UPDATED, updated.span.clone(), &[&updated.written]);
            }
            _ => {}
        }
    }
}

/// Title, summary and content: are they there, and in the right direction?
fn check_texts(report: &mut Report, entry: &Element, children: &[Element], links: &[Link]) {
    let find = |name: &str| children.iter().find(|child| child.name == name);
    let (content, summary) = (find("content"), find("summary"));
    let tag = entry.tag(report.source);
    match (content, summary) {
        (Some(content), None) if needs_summary(content) => {
            report.add(&rules::MISSING_SUMMARY, tag.clone(), &[]);
        }
        (None, None) => report.add(&rules::MISSING_TEXTUAL_CONTENT, tag.clone(), &[]),
        _ => {}
    }
    if content.is_none() && !links.iter().any(|link| link.rel == "alternate") {
        report.add(&rules::MISSING_CONTENT_OR_ALTERNATE, tag, &[]);
    }
    for child in children.iter().filter(|child| matches!(child.name.as_str(), "title" | "content")) {
        let language = child.language().unwrap_or_default();
        let text = child.text(report.source);
        match (child.name.as_str(), child.attribute("type").map(|(value, _)| value)) {
            ("title", _) => languages::check_title(report, language, &text),
            (_, Some("html")) => languages::check_html(report, language, &text),
            _ => {}
        }
    }
}

/// RFC 4287 §4.1.2: where the content is elsewhere, or not text.
fn needs_summary(content: &Element) -> bool {
    let media_type = content.attribute("type").map_or("text", |(value, _)| value);
    let is_text = !media_type.contains('/')
        || media_type.starts_with("text/")
        || media_type.ends_with("+xml")
        || media_type.ends_with("/xml");
    content.attribute("src").is_some() || !is_text
}

/// RFC 4287 §4.1.3.
fn check_content(report: &mut Report, content: &Element) {
    elements::check_attributes(report, content, &["type", "src"]);
    let media_type = content.attribute("type");
    if let Some((src, span)) = content.attribute("src") {
        return check_source(report, content, src, span);
    }
    match media_type {
        None | Some(("text", _)) => constructs::check_plain(report, content),
        Some(("html" | "text/html", _)) => constructs::check_html(report, content),
        Some(("xhtml", _)) => constructs::check_xhtml(report, content),
        Some((other, span)) if !urls::is_media_type(other) || other.starts_with("multipart/") => {
            report.add(&shared::INVALID_MIME_TYPE, span, &[other]);
        }
        Some(("application/xhtml+xml", _)) => html::check_elements(report, content),
        Some(_) => {}
    }
    if content.node.first_child().is_none() {
        elements::check_not_blank(report, content);
    }
}

fn check_source(report: &mut Report, content: &Element, src: &str, span: std::ops::Range<usize>) {
    match content.attribute("type") {
        None => report.add(&rules::MISSING_TYPE_ATTRIBUTE, content.tag(report.source), &[]),
        Some((media_type, span)) if !urls::is_media_type(media_type) => {
            report.add(&shared::INVALID_MIME_TYPE, span, &[media_type]);
        }
        Some(_) => {}
    }
    if urls::scheme(src).is_none() {
        report.add(&shared::RELATIVE_LINK, span, &[src, "src"]);
    }
    if content.node.has_children() {
        report.add(&rules::CONTENT_SRC_NOT_EMPTY, content.node.range(), &[]);
    }
}
