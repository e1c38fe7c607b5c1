//! Links of Atom, which RSS borrows: their kinds, the feed's own address, and the paths between
//! archives of RFC 5005.

use std::ops::Range;

use super::{elements, languages, report::Report, rules::shared as rules, urls, xml::Element};

/// The kinds that the W3C feed validator knows. Its list is older than RFC 6596 and RFC 8288.
const KNOWN: [&str; 22] = [
    "alternate",
    "current",
    "describedby",
    "edit",
    "edit-media",
    "enclosure",
    "first",
    "hub",
    "last",
    "license",
    "next",
    "next-archive",
    "payment",
    "prev-archive",
    "previous",
    "related",
    "replies",
    "search",
    "self",
    "service",
    "up",
    "via",
];
/// Those that lead from one document of a feed to another (RFC 5005).
const PAGING: [&str; 7] = ["current", "first", "last", "next", "next-archive", "prev-archive", "previous"];
const FEED_TYPES: [&str; 3] = ["application/atom+xml", "application/rss+xml", "application/rdf+xml"];

/// A link as read.
#[derive(Debug, Clone)]
pub struct Link<'a> {
    /// Its kind; `alternate` where none is given.
    pub rel: &'a str,
    /// Its address.
    pub href: &'a str,
    media_type: &'a str,
    language: &'a str,
    href_span: Range<usize>,
    span: Range<usize>,
}

/// What the links stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// A feed of the given type.
    Feed(&'static str),
    /// An article of RSS.
    Item,
    /// An article of Atom.
    Entry,
}

/// Reads the links among `children` and checks what can be said of each alone.
pub fn read<'a>(
    report: &mut Report,
    children: &[Element<'a, '_>],
    name: &str,
    within: Within,
) -> Vec<Link<'a>> {
    let links = children.iter().filter(|child| child.name == name);
    links.filter_map(|link| check(report, link, within)).collect()
}

/// Reads one link and checks what can be said of it alone.
pub fn check<'a>(report: &mut Report, element: &Element<'a, '_>, within: Within) -> Option<Link<'a>> {
    elements::check_attributes(report, element, &["href", "rel", "type", "hreflang", "title", "length"]);
    if !element.text(report.source).trimmed().is_empty() {
        report.add(&rules::LINK_NOT_EMPTY, element.node.range(), &[]);
    }
    let value = |name: &str| element.attribute(name).map_or("", |(value, _)| value);
    let span = element.node.range();
    let Some((href, href_span)) = element.attribute("href") else {
        report.add(&rules::MISSING_HREF, span, &[]);
        return None;
    };
    let rel = element.attribute("rel").map_or("alternate", |(rel, _)| rel);
    let rel = rel.strip_prefix("http://www.iana.org/assignments/relation/").unwrap_or(rel);
    let link = Link { rel, href, media_type: value("type"), language: value("hreflang"), href_span, span };
    check_rel(report, element, &link, within);
    check_type(report, element, &link, within);
    check_href(report, &link, within);
    if let Some((language, span)) = element.attribute("hreflang") {
        languages::check(report, language, span);
    }
    Some(link)
}

fn check_rel(report: &mut Report, element: &Element, link: &Link, within: Within) {
    let span = element.attribute("rel").map_or(link.span.clone(), |(_, span)| span);
    if !KNOWN.contains(&link.rel) && urls::scheme(link.rel).is_none() {
        report.add(&rules::UNREGISTERED_LINK_REL, span, &[link.rel, instead_of(link.rel)]);
    } else if within == Within::Entry && PAGING.contains(&link.rel) {
        report.add(&rules::FEED_HISTORY_REL_IN_ENTRY, span, &[link.rel]);
    }
}

fn instead_of(rel: &str) -> &'static str {
    match rel {
        "canonical" => {
            "leave it out: a canonical address belongs into the page; use `rel=\"via\"` for the original"
        }
        "author" => "leave it out and name the author in the article",
        "prev" => "write `previous`",
        _ => "leave it out, or use a kind such as `related` or `via`",
    }
}

fn check_type(report: &mut Report, element: &Element, link: &Link, within: Within) {
    let Some((media_type, span)) = element.attribute("type") else { return };
    if !urls::is_media_type(media_type) {
        return report.add(&rules::INVALID_MIME_TYPE, span, &[media_type]);
    }
    let essence = media_type.split(';').next().unwrap_or_default();
    if let Within::Feed(own) = within
        && link.rel == "self"
        && !FEED_TYPES.contains(&essence)
    {
        report.add(&rules::SELF_NOT_A_FEED, span, &[media_type, own]);
    }
}

fn check_href(report: &mut Report, link: &Link, within: Within) {
    let is_own = link.rel == "self" && matches!(within, Within::Feed(_));
    let span = link.href_span.clone();
    match urls::scheme(link.href) {
        None if is_own => report.add(&rules::RELATIVE_SELF, span, &[link.href]),
        None => report.add(&rules::RELATIVE_LINK, span, &[link.href, "href"]),
        Some(_) => _ = urls::check_iri(report, "href", link.href, span),
    }
}

/// What the links of a feed say together: its own address and its archives.
pub fn check_feed(report: &mut Report, links: &[Link], feed: &Element, own_type: &str, children: &[Element]) {
    check_self(report, links, feed, own_type);
    let has = |name: &str| children.iter().find(|child| child.name == name);
    match (has("fh:complete"), has("fh:archive")) {
        (Some(_), _) => check_complete(report, links),
        (None, Some(archive)) => check_archive(report, links, archive),
        (None, None) => {}
    }
    check_ends(report, links, "first", "previous");
    check_ends(report, links, "last", "next");
}

fn of_kind<'l, 'a>(links: &'l [Link<'a>], rel: &str) -> Option<&'l Link<'a>> {
    links.iter().find(|link| link.rel == rel)
}

fn check_self(report: &mut Report, links: &[Link], feed: &Element, own_type: &str) {
    let mut own = links.iter().filter(|link| link.rel == "self");
    let Some(first) = own.next() else {
        let prefix = if own_type == "application/rss+xml" { "atom:" } else { "" };
        let element = format!("`<{prefix}link rel=\"self\" type=\"{own_type}\" href=\"https://…\"/>`");
        return report.add(&rules::MISSING_SELF, feed.tag(report.source), &[&element]);
    };
    for another in own {
        report.add(&rules::DUPLICATE_SELF, another.span.clone(), &[]);
    }
    let expected = report.expectation.self_url.as_deref();
    if let Some(expected) = expected.filter(|expected| *expected != first.href) {
        report.add(&rules::SELF_DOESNT_MATCH, first.href_span.clone(), &[first.href, expected]);
    }
}

fn check_complete(report: &mut Report, links: &[Link]) {
    let own = of_kind(links, "self").map(|link| link.href);
    for link in links.iter().filter(|link| PAGING.contains(&link.rel)) {
        match link.rel {
            "current" if Some(link.href) == own => {}
            "current" => report.add(&rules::CURRENT_NOT_SELF, link.span.clone(), &[]),
            rel => report.add(&rules::COMPLETE_WITH_PAGES, link.span.clone(), &[rel]),
        }
    }
}

fn check_archive(report: &mut Report, links: &[Link], archive: &Element) {
    if of_kind(links, "current").is_none() {
        report.add(&rules::MISSING_CURRENT_IN_ARCHIVE, archive.node.range(), &[]);
    }
    if of_kind(links, "prev-archive").or(of_kind(links, "next-archive")).is_none() {
        report.add(&rules::ARCHIVE_INCOMPLETE, archive.node.range(), &[]);
    }
}

/// The first page has none before it, the last none after.
fn check_ends(report: &mut Report, links: &[Link], end: &str, beyond: &str) {
    let own = of_kind(links, "self").map(|link| link.href);
    let is_end = of_kind(links, end).is_some_and(|link| Some(link.href) == own);
    if let Some(link) = of_kind(links, beyond).filter(|_| is_end) {
        report.add(&rules::LINK_PAST_END, link.span.clone(), &[end, beyond]);
    }
}

/// RFC 4287 §4.1.1 and §4.1.2: one `alternate` for each type and language.
pub fn check_alternates(report: &mut Report, links: &[Link]) {
    let mut seen = std::collections::BTreeSet::new();
    for link in links.iter().filter(|link| link.rel == "alternate") {
        if !seen.insert((link.media_type, link.language)) {
            report.add(&rules::DUPLICATE_ALTERNATE, link.span.clone(), &[]);
        }
    }
}

/// A link that `xml:base` turns into the document itself (RFC 3986 §4.4).
pub fn check_base(report: &mut Report, links: &[Link], base: Option<&str>) {
    let without_fragment = |address: &str| address.split('#').next().unwrap_or_default().to_string();
    let Some(base) = base.and_then(|base| url::Url::parse(base).ok()) else { return };
    for link in links {
        let target = base.join(link.href).map(String::from).unwrap_or_default();
        if without_fragment(&target) == without_fragment(base.as_str()) {
            report.add(&rules::SAME_DOCUMENT_REFERENCE, link.href_span.clone(), &[link.href]);
        }
    }
}
