//! An XML document: reading it, and which format its root says.

use roxmltree::{Document, Node, ParsingOptions};

use super::{atom, bytes, kind, limits, malformed, names, namespaces, report::Report, rss, xml::Element};

const NODES_MAX: u32 = 4_000_000;

/// Reads the document and checks it as what its root says it is.
pub fn check(report: &mut Report) {
    if !limits::accepts_xml(report) {
        return;
    }
    let options = ParsingOptions { nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    match Document::parse_with_options(report.source, options) {
        Ok(document) => check_root(report, document.root_element()),
        Err(error) => malformed::report(report, &error),
    }
}

fn check_root(report: &mut Report, root: Node) {
    let namespace = root.tag_name().namespace();
    let core = Element { node: root, name: root.tag_name().name().to_string() };
    let check = match (core.name.as_str(), namespace) {
        ("rss", _) if root.attribute("version").is_none_or(|version| version.starts_with('2')) => rss::check,
        ("feed", Some(names::ATOM)) => atom::check,
        _ => return not_a_feed(report, root),
    };
    limits::check_size(report);
    bytes::check_declaration(report);
    bytes::check_characters(report);
    namespaces::check(report, root);
    check(report, &core);
}

fn not_a_feed(report: &mut Report, root: Node) {
    let name = root.tag_name().name();
    let namespace = root.tag_name().namespace();
    let newer = "write it in RSS 2.0 or Atom 1.0";
    let version = root.attribute("version").unwrap_or_default();
    let (what, hint) = match (name, namespace) {
        ("rss", _) => (format!("RSS {version}, an old format"), newer),
        ("RDF", _) => ("RSS 1.0 or 0.90, an old format".to_string(), newer),
        ("feed", Some("http://purl.org/atom/ns#")) => ("Atom 0.3, a draft".to_string(), newer),
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
        ("html", _) => ("an HTML page".to_string(), "give the address of the feed, not of the page"),
        ("urlset" | "sitemapindex", _) => {
            ("a sitemap for search engines".to_string(), "give the address of the feed")
        }
        _ => (format!("XML with the root `{name}`"), "give the address or the file of the feed itself"),
    };
    kind::not_a_feed(report, &what, hint);
}
