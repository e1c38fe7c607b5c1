//! An `item` of RSS: one article.

use std::collections::BTreeSet;

use super::{
    super::{
        addresses,
        dates::{self, Dated, Order},
        elements::{self, Shape},
        html, languages,
        links::{self, Within},
        plain,
        report::Report,
        rules::{rss as rules, shared},
        urls,
        xml::Element,
    },
    Edition, fields,
};

const SHAPE: Shape = Shape {
    format: "RSS",
    known: &[
        "title",
        "link",
        "description",
        "author",
        "category",
        "comments",
        "enclosure",
        "guid",
        "pubDate",
        "source",
    ],
    repeatable: &["category", "enclosure"],
    others_once: &[fields::ONCE, &["content:encoded", "atom:summary", "atom:published", "dc:source"]],
    required: &[],
};
/// The same in RSS 1.0.
const RDF_SHAPE: Shape = Shape {
    format: "RSS 1.0",
    known: &["title", "link", "description"],
    repeatable: &[],
    others_once: &[fields::ONCE, &["content:encoded"]],
    required: &["title", "link"],
};
/// Elements of Atom that only an item may borrow.
const BORROWED: [&str; 3] = ["atom:summary", "atom:content", "atom:published"];
/// Elements that say the same of an article.
const SAME: [(&str, &str, &str); 3] =
    [("author", "dc:creator", "dc:creator"), ("guid", "atom:id", "guid"), ("source", "dc:source", "source")];
const AUTHORS: [&str; 4] = ["author", "dc:creator", "atom:author", "itunes:author"];

/// What is known of the articles so far.
pub struct Articles {
    edition: Edition,
    /// The feed's language.
    pub language: Option<String>,
    /// Their dates.
    pub order: Order,
    guids: BTreeSet<String>,
}

impl Articles {
    /// None so far.
    pub fn new(edition: Edition, language: Option<String>) -> Self {
        Self { edition, language, order: Order::default(), guids: BTreeSet::new() }
    }
}

/// Checks one article.
pub fn check(report: &mut Report, item: &Element, core: Option<&str>, articles: &mut Articles) {
    let children = item.children(core);
    let has = |name: &str| children.iter().any(|child| child.name == name);
    let shape = if articles.edition == Edition::Rdf { &RDF_SHAPE } else { &SHAPE };
    elements::check(report, item, &children, shape);
    elements::check_attributes(report, item, &[]);
    fields::check_borrowed(report, item, &children, &BORROWED);
    fields::check_same(report, &children, &SAME, &rules::DUPLICATE_ITEM_SEMANTICS);
    let tag = item.tag(report.source);
    if !has("title") && !has("description") {
        report.add(&rules::ITEM_WITHOUT_TEXT, tag.clone(), &[]);
    }
    // The editions before 2.0 have no guid, and the earliest no author either.
    if articles.edition == Edition::Two && !has("guid") {
        report.add(&rules::MISSING_GUID, tag.clone(), &[]);
    }
    if articles.edition != Edition::Early && !AUTHORS.iter().any(|name| has(name)) {
        report.add(&shared::MISSING_AUTHOR, tag, &["`<dc:creator>…</dc:creator>`"]);
    }
    check_enclosures(report, &children);
    fields::check_markup(report, &children, shape);
    check_texts(report, item, &children, articles.language.as_deref());
    check_fields(report, &children, articles);
}

fn check_fields(report: &mut Report, children: &[Element], articles: &mut Articles) {
    let (mut published, mut updated): (Option<Dated>, Option<Dated>) = (None, None);
    for child in children {
        match child.name.as_str() {
            "guid" => check_guid(report, child, articles),
            "pubDate" => published = dates::of_rss(report, child),
            "atom:updated" => updated = dates::of_atom(report, child),
            "author" => addresses::check(report, child),
            "source" => check_source(report, child),
            "atom:link" => _ = links::check(report, child, Within::Item),
            _ => fields::check(report, child),
        }
    }
    articles.order.article(report, published.as_ref(), updated.as_ref());
}

/// Title, summary and full text.
fn check_texts(report: &mut Report, item: &Element, children: &[Element], language: Option<&str>) {
    let own = fields::language(report.source, item, children);
    let language = own.or(language.map(str::to_string)).unwrap_or_default();
    let has_content = children.iter().any(|child| child.name == "content:encoded");
    let mut has_description = false;
    for child in children {
        let text = child.text(report.source);
        match child.name.as_str() {
            "title" => {
                elements::check_not_blank(report, child);
                plain::check(report, child);
                languages::check_title(report, &language, &text);
            }
            "description" => {
                has_description = true;
                html::check(report, &text);
                match has_content {
                    true => check_summary(report, child),
                    false => languages::check_html(report, &language, &text),
                }
            }
            "content:encoded" => {
                if !has_description {
                    let span = child.tag(report.source);
                    report.add(&rules::NEED_DESCRIPTION_BEFORE_CONTENT, span, &[]);
                }
                html::check(report, &text);
                languages::check_html(report, &language, &text);
            }
            _ => {}
        }
    }
}

/// Beside a full text, the description is a summary in plain words (F14).
fn check_summary(report: &mut Report, summary: &Element) {
    let text = summary.text(report.source);
    let span = summary.value_span(report.source);
    if text.trimmed().is_empty() {
        report.add(&rules::EMPTY_SUMMARY, span, &[]);
    } else if html::tokens::has_tag(&text.value) {
        report.add(&rules::SUMMARY_HAS_HTML, span, &[]);
    }
}

/// The RSS specification: a guid is an address unless it says that it is not.
fn check_guid(report: &mut Report, guid: &Element, articles: &mut Articles) {
    elements::check_attributes(report, guid, &["isPermaLink"]);
    let text = guid.text(report.source);
    let (value, span) = (text.trimmed(), guid.value_span(report.source));
    let flag = guid.attribute("isPermaLink");
    let is_web = urls::scheme(value).is_some_and(|scheme| matches!(scheme, "http" | "https"));
    match flag {
        Some(("false", _)) if value.len() < 9 && value.bytes().all(|byte| byte.is_ascii_digit()) => {
            report.add(&rules::NOT_SUFFICIENTLY_UNIQUE, span.clone(), &[value]);
        }
        Some(("false", _)) if value.starts_with("tag:") => {
            _ = urls::check(report, "guid", value, span.clone());
        }
        Some(("false", _)) => {}
        Some(("true", _)) | None if !is_web => report.add(&rules::INVALID_HTTP_GUID, span.clone(), &[value]),
        Some(("true", _)) => _ = urls::check(report, "guid", value, span.clone()),
        None => {
            if urls::check(report, "guid", value, span.clone()) {
                report.add(&rules::PERMALINK_IMPLICIT, guid.tag(report.source), &[]);
            }
        }
        Some((flag, flag_span)) => report.add(&rules::INVALID_PERMALINK_FLAG, flag_span, &[flag]),
    }
    if !articles.guids.insert(value.to_string()) {
        report.add(&rules::DUPLICATE_GUID, span, &[value]);
    }
}

fn check_source(report: &mut Report, source: &Element) {
    elements::check_attributes(report, source, &["url"]);
    elements::require_attributes(report, source, &["url"]);
    if let Some((url, span)) = source.attribute("url") {
        urls::check(report, "source url", url, span);
    }
    plain::check(report, source);
}

/// RSS Profile: one enclosure, as no two programs agree on which of several to take.
fn check_enclosures(report: &mut Report, children: &[Element]) {
    let enclosures = children.iter().filter(|child| child.name == "enclosure");
    for (index, enclosure) in enclosures.enumerate() {
        if index > 0 {
            report.add(&rules::DUPLICATE_ENCLOSURE, enclosure.node.range(), &[]);
        }
        check_enclosure(report, enclosure);
    }
}

fn check_enclosure(report: &mut Report, enclosure: &Element) {
    const ATTRIBUTES: [&str; 3] = ["url", "length", "type"];
    elements::check_attributes(report, enclosure, &ATTRIBUTES);
    elements::require_attributes(report, enclosure, &ATTRIBUTES);
    for name in ATTRIBUTES {
        let Some((value, span)) = enclosure.attribute(name) else { continue };
        match name {
            "url" if !urls::has_public_host(value) => {
                report.add(&rules::INVALID_URL_ATTRIBUTE, span, &[value]);
            }
            "length" if value.parse::<u64>().is_err() => {
                report.add(&rules::INVALID_LENGTH, span, &[value]);
            }
            "type" if !urls::is_media_type(value) => {
                report.add(&shared::INVALID_MIME_TYPE, span, &[value]);
            }
            _ => {}
        }
    }
}
