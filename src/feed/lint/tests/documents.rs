//! Documents as a whole: encodings, what is no feed, what is no XML, and where a finding points.

use super::*;
use crate::feed::lint::{line_and_column, lint_bytes};

#[test]
fn a_document_says_that_it_is_utf_8() {
    let good = rss_channel("");
    let declared =
        |declaration: &str| good.replace("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n", declaration);
    assert_clean(&declared("<?xml version='1.0' encoding='UTF-8' standalone='yes'?>"));
    assert_only(&declared(""), "missing-xml-declaration", "");
    assert_only(&declared("<?xml version=\"1.0\"?>"), "missing-encoding", "<?xml version=\"1.0\"?>");
    let newer = "<?xml version=\"1.1\" encoding=\"utf-8\"?>";
    assert_only(&declared(newer), "wrong-xml-version", "1.1");
    let latin = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>";
    assert_only(&declared(latin), "wrong-encoding", "iso-8859-1");
    assert_only(&format!("\u{FEFF}{good}"), "byte-order-mark", "\u{FEFF}");
    assert_only(&format!("\u{FEFF}{}", json_feed("")), "byte-order-mark", "\u{FEFF}");
    assert_only(&format!("\n{good}"), "blank-before-declaration", "\n");
}

#[test]
fn bytes_that_are_not_utf_8_are_placed_by_line_and_column() {
    let latin = b"<rss>\n<title>\xD8\xA2 caf\xE9</title>";
    let findings = lint_bytes(latin, &Expectation::default());
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].rule, findings[0].span.clone()), ("not-utf8", 19..20));
    assert!(findings[0].message.starts_with("line 2, column 13: the byte `0xE9`"), "{:?}", findings[0]);
    let utf16: Vec<u8> = "\u{FEFF}<rss/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(lint_bytes(&utf16, &Expectation::default())[0].hint.contains("UTF-16"));
    assert_eq!(lint_bytes(rss_channel("").as_bytes(), &expectation()), []);
    assert_eq!(line_and_column("a\néx".as_bytes(), 4), (2, 2));
}

#[test]
fn what_is_no_feed_is_named() {
    for (document, what) in [
        ("", "an empty document"),
        ("hello", "plain text"),
        ("<!DOCTYPE html><p>x", "an HTML page"),
        ("<html xmlns='http://www.w3.org/1999/xhtml'/>", "an HTML page"),
        ("<rss version='0.91'><channel/></rss>", "RSS 0.91"),
        ("<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>", "RSS 1.0"),
        ("<feed version='0.3' xmlns='http://purl.org/atom/ns#'/>", "Atom 0.3"),
        ("<feed/>", "without the namespace of Atom"),
        ("<entry xmlns='http://www.w3.org/2005/Atom'/>", "a single article"),
        ("<channel/>", "without `<rss>`"),
        ("<opml version='2.0'/>", "OPML"),
        ("<urlset/>", "a sitemap"),
        ("<note/>", "XML with the root `note`"),
        ("{}", "JSON of another kind"),
        ("[1]", "JSON of another kind"),
    ] {
        let findings = found(document);
        assert_eq!(findings.len(), 1, "{document}: {findings:?}");
        assert_eq!(findings[0].rule, "not-a-feed");
        assert!(findings[0].message.contains(what), "{}", findings[0].message);
    }
    let page = "<!doctype html><link rel=alternate type='application/atom+xml' href='https://a.example/f'>";
    assert!(found(page)[0].hint.contains("`https://a.example/f`"));
}

#[test]
fn what_is_no_xml_is_said_plainly() {
    let title = |title: &str| rss_item("").replace("Water", title);
    let cases: [Case; 9] = [
        ("a & b", "lone-ampersand", "&"),
        ("a &b", "lone-ampersand", "&"),
        ("a&nbsp;b", "unknown-entity", "&nbsp;"),
        ("a&#11;b", "control-character", "&#11;"),
        ("a ]]> b", "cdata-end-in-text", "]]>"),
        ("<b>a</title>", "unclosed-element", "</title>"),
        ("<itunes:x/>", "unbound-prefix", "itunes"),
        ("<b a=\"1\" a=\"2\"/>", "duplicate-attribute", "a"),
        ("<b a=\"<\"/>", "less-than-in-attribute", "<"),
    ];
    for (text, rule, at) in cases {
        assert_only(&title(text), rule, at);
    }
    let good = rss_item("");
    assert_only(&good[..good.len() - 6], "cut-off", "");
    assert_only(&good.replace("?>\n", "?>\n<!DOCTYPE rss>"), "doctype", "<!DOCTYPE rss>");
    assert_only(&good.replace("<title>", "<1>"), "not-well-formed", "1");
    let dc = found(&title("<x:y/>"));
    assert!(dc[0].hint.contains("xmlns:x="), "{dc:?}");
}

#[test]
fn a_rule_is_named_fifty_times_and_then_counted() {
    let findings = found(&rss_html(&"<img src=a>".repeat(60)));
    let rules: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules.iter().filter(|rule| **rule == "contains-rel-ref").count(), 50);
    let last = findings.last().unwrap();
    assert_eq!(last.rule, "more-of-the-same");
    assert!(last.message.starts_with("10 more of `contains-rel-ref`"));
}

#[test]
fn text_of_the_document_cannot_disturb_a_message() {
    let title = "{0}{1} \u{202E}x\u{1b}[31m &lt;/b> ".replace('\u{1b}', "");
    let findings = found(&rss_item(&format!("<category>{title}</category>")));
    assert_eq!(findings[0].message.matches("</b>").count(), 1);
    let long = format!("https://a.example/{}é", "x".repeat(500));
    let findings = found(&rss_item("").replace("https://a.example/water/", &long));
    assert!(findings[0].message.len() < 300 && findings[0].message.contains('…'), "{findings:?}");
}
