//! An XML document: reading it, and which format its root says.

use roxmltree::{Document, Node, ParsingOptions};

use super::{
    atom, bytes, kind, limits, malformed, names, namespaces,
    report::Report,
    rss,
    rules::{document as rules, shared},
    xml::Element,
};

const NODES_MAX: u32 = 4_000_000;

/// Reads the document and checks it as what its root says it is.
pub fn check(report: &mut Report) {
    if !limits::accepts_xml(report) {
        return;
    }
    // Without entities a document type does no harm, so the rest can be read.
    let allow_dtd = !report.source.contains("<!ENTITY");
    let options = ParsingOptions { nodes_limit: NODES_MAX, allow_dtd, ..ParsingOptions::default() };
    match Document::parse_with_options(report.source, options) {
        Ok(document) => check_root(report, document.root_element()),
        Err(error) => malformed::report(report, &error),
    }
}

fn check_root(report: &mut Report, root: Node) {
    let core = Element { node: root, name: root.tag_name().name().to_string() };
    let check = match (core.name.as_str(), root.tag_name().namespace()) {
        ("rss", _) => rss::check,
        ("RDF", _) if rss::rdf::channel(root).is_some() => rss::rdf::check,
        ("feed", Some(names::ATOM)) => atom::check,
        ("feed", Some(names::ATOM_DRAFT)) => check_draft,
        _ => return not_a_feed(report, root),
    };
    limits::check_size(report);
    bytes::check_declaration(report);
    bytes::check_encoding(report);
    bytes::check_characters(report);
    namespaces::check(report, root);
    check_doctype(report);
    check(report, &core);
}

/// The format of the nineties had one by right.
fn check_doctype(report: &mut Report) {
    if let Some(span) = kind::doctype(report.source)
        && !report.source[span.clone()].contains("DTD RSS 0.91//")
    {
        report.add(&rules::DOCTYPE, span, &[]);
    }
}

fn check_draft(report: &mut Report, feed: &Element) {
    let works = "many readers still take it, but it was a draft, so nothing more of it was checked";
    report.add(&shared::OLD_FORMAT, feed.tag(report.source), &["Atom 0.3", works]);
}

fn not_a_feed(report: &mut Report, root: Node) {
    let name = root.tag_name().name();
    let (what, hint) = match (name, root.tag_name().namespace()) {
        ("RDF", _) => ("RDF without the `channel` of RSS 1.0".to_string(), "write it in RSS 2.0 or Atom 1.0"),
        ("feed", _) => (
            "a `feed` without the namespace of Atom".to_string(),
            "write `<feed xmlns=\"http://www.w3.org/2005/Atom\">`",
        ),
        ("entry", Some(names::ATOM)) => {
            ("a single article in Atom".to_string(), "put it into a `<feed>`, which readers can follow")
        }
        ("channel", _) => {
            ("a `channel` without `<rss>`".to_string(), "put `<rss version=\"2.0\">` around it")
        }
        ("opml", _) => ("OPML, a list of feeds".to_string(), "give the address of one of its feeds"),
        ("html", _) => return kind::html_page(report),
        ("urlset" | "sitemapindex", _) => {
            ("a sitemap for search engines".to_string(), "give the address of the feed")
        }
        _ => (format!("XML with the root `{name}`"), "give the address or the file of the feed itself"),
    };
    kind::not_a_feed(report, &what, hint);
}
