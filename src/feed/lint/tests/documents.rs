//! Documents as a whole: encodings, what is no feed, what is no XML, and where a finding points.

use super::*;
use crate::{
    diagnostic::Severity,
    feed::lint::{decoded, line_and_column, lint_bytes, names},
};

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
    assert_only(&declared(latin), "old-encoding", "iso-8859-1");
    assert_only(&declared(latin).replace("Water", "آب"), "wrong-encoding", "iso-8859-1");
    assert_only(&declared(&latin.replace("iso-8859-1", "utf-16")), "wrong-encoding", "utf-16");
    assert_only(&format!("\u{FEFF}{good}"), "byte-order-mark", "\u{FEFF}");
    assert_only(&format!("\u{FEFF}{}", json_feed("")), "byte-order-mark", "\u{FEFF}");
    assert_only(&format!("\n{good}"), "blank-before-declaration", "\n");
}

#[test]
fn bytes_that_are_not_utf_8_are_placed_by_line_and_column() {
    let latin = b"<rss>\n<title>\xD8\xA2 caf\xE9</title>";
    let findings = lint_bytes(latin, &Expectation::default());
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].rule, findings[0].span.clone()), ("not-utf8", 19..22));
    assert!(findings[0].message.starts_with("line 2, column 13: the byte `0xE9`"), "{:?}", findings[0]);
    assert_eq!(decoded(latin).get(findings[0].span.clone()), Some("\u{FFFD}"));
    let utf32: Vec<u8> = "\u{FEFF}<rss/>".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    assert!(lint_bytes(&utf32, &Expectation::default())[0].hint.contains("UTF-32"));
    assert_eq!(lint_bytes(rss_channel("").as_bytes(), &expectation()), []);
    assert_eq!(line_and_column("a\néx".as_bytes(), 4), (2, 2));
}

/// Findings point into the text that [`decoded`] makes, and other faults are not hidden.
#[track_caller]
fn assert_bytes(document: &[u8], expected: &[(&str, &str)]) {
    let text = decoded(document);
    let findings = lint_bytes(document, &expectation());
    findings.iter().for_each(|finding| assert_reads_well(finding, &text));
    let found: Vec<_> = findings.iter().map(|found| (found.rule, &text[found.span.clone()])).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn other_encodings_are_read_and_warned_of() {
    let feed = rss_item("<category>café</category><comments>x</comments>");
    let declared = |name: &str| feed.replace("utf-8", name);
    let one_byte = |text: &str| text.chars().map(|c| u32::from(c) as u8).collect::<Vec<u8>>();
    for name in ["ISO-8859-1", "windows-1252"] {
        assert_bytes(&one_byte(&declared(name)), &[("old-encoding", name), ("invalid-link", "x")]);
    }
    let curly = rss_item("<category>\u{93}a\u{94}</category>").replace("utf-8", "windows-1252");
    assert_bytes(&one_byte(&curly), &[("old-encoding", "windows-1252")]);
    let unread = [("unread-encoding", "windows-1256"), ("invalid-link", "x")];
    assert_bytes(&one_byte(&declared("windows-1256")), &unread);
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let utf16 = |text: &str| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let marked = format!("\u{FEFF}{}", declared("UTF-16"));
        assert_bytes(&utf16(&marked), &[("old-encoding", "UTF-16"), ("invalid-link", "x")]);
        assert_bytes(&utf16(&marked[3..]), &[("old-encoding", "UTF-16"), ("invalid-link", "x")]);
        let silent = marked.replace(" encoding=\"UTF-16\"", "");
        assert_bytes(&utf16(&silent), &[("old-encoding", ""), ("invalid-link", "x")]);
        assert_bytes(&utf16(&feed), &[("wrong-encoding", "utf-8"), ("invalid-link", "x")]);
        let json = json_feed(r#", "icon": "/i.png""#);
        assert_bytes(&utf16(&json), &[("old-encoding", ""), ("invalid-link", "\"/i.png\"")]);
    }
}

#[test]
fn lines_end_in_cr_lf_or_both() {
    for end in ["\n", "\r", "\r\n"] {
        let document =
            rss_item("<comments>x</comments>").replace('\n', "").replace("><", &format!(">{end}<"));
        let findings = lint_bytes(document.as_bytes(), &expectation());
        assert_eq!((findings.len(), findings[0].rule), (1, "invalid-link"), "{end:?}");
        let text = decoded(document.as_bytes());
        let at = findings[0].span.start;
        assert_eq!(text[..at].matches('\n').count(), document[..at].split(end).count() - 1, "{end:?}");
        assert_eq!(line_and_column(document.as_bytes(), at), line_and_column(text.as_bytes(), at));
    }
    assert_eq!(line_and_column(b"a\rb\r\nc\nd\r\re", 9), (5, 1));
    assert_eq!(line_and_column(b"a\rb\r\nc\nd\r\re", 11), (6, 2));
    let cut = lint_bytes(b"<rss>\r<a>\r</b>\r</rss>", &expectation());
    assert_eq!((cut[0].rule, cut[0].span.clone()), ("unclosed-element", 10..14));
}

#[test]
fn size_is_remarked_on_and_then_refused() {
    let size = |kib: usize| rss_item(&format!("<!--{}-->", "x".repeat(kib * 1024)));
    assert_clean(&size(248));
    for (kib, severity) in [(251, Severity::Note), (510, Severity::Note), (513, Severity::Error)] {
        assert_only(&size(kib), "large-feed", "");
        assert_eq!(found(&size(kib))[0].severity, severity, "{kib}");
    }
}

#[test]
fn old_formats_are_feeds_all_the_same() {
    let item = "<item><title>a</title><link>https://a.example/a</link></item>";
    let channel = "<title>x</title><link>https://a.example/</link><description>x</description>";
    let early = |version: &str, doctype: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>{doctype}<rss version=\"{version}\"><channel>{channel}\
             <language>en</language><skipHours><hour>24</hour></skipHours>{item}</channel></rss>"
        )
    };
    for version in ["0.91", "0.92", "0.93"] {
        assert_only(&early(version, ""), "old-format", version);
    }
    let netscape = "<!DOCTYPE rss PUBLIC \"-//Netscape Communications//DTD RSS 0.91//EN\" \
                    \"http://my.netscape.com/publish/formats/rss-0.91.dtd\">";
    assert_only(&early("0.91", netscape), "old-format", "0.91");
    let rdf = |namespace: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rdf:RDF xmlns=\"{namespace}\" \
             xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
             xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><channel rdf:about=\"x\">{channel}\
             <dc:language>en</dc:language><items><rdf:Seq/></items></channel>{}</rdf:RDF>",
            item.replace("<item>", "<item rdf:about=\"a\"><dc:creator>M</dc:creator>")
        )
    };
    for namespace in [names::RSS_1, "http://my.netscape.com/rdf/simple/0.9/"] {
        let document = rdf(namespace);
        let root = &document[document.find("<rdf").unwrap()..document.find("<channel").unwrap()];
        assert_only(&document, "old-format", root);
        let rules = |document: &str| found(document).iter().map(|finding| finding.rule).collect::<Vec<_>>();
        assert_eq!(rules(&document.replace("https://a.example/a", "/a")), ["old-format", "invalid-link"]);
        let twice = document.replace("</rdf:RDF>", "<item><title>b</title></item></rdf:RDF>");
        assert_eq!(rules(&twice), ["old-format", "missing-element", "missing-author"]);
    }
    let draft = "<?xml version=\"1.0\" encoding=\"utf-8\"?><feed version=\"0.3\" xmlns=\"http://purl.org/atom/ns#\"/>";
    assert_only(draft, "old-format", &draft[38..]);
    assert!(found(draft).iter().all(|finding| finding.severity == Severity::Warning));
}

#[test]
fn a_page_is_told_from_a_feed_whatever_comes_before() {
    let xhtml = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/x.dtd\">\
                 <html xmlns=\"http://www.w3.org/1999/xhtml\"><head><link rel=\"alternate\" \
                 type=\"application/rss+xml\" href=\"https://a.example/f\"/></head></html>";
    for page in [
        format!("<?xml version=\"1.0\"?>\n{xhtml}"),
        format!("<!-- old -->\n<!-- page -->{xhtml}"),
        format!("\u{FEFF}<?xml version=\"1.0\"?><?x y?>{}", &xhtml[xhtml.find("<html").unwrap()..]),
        xhtml[xhtml.find("<head").unwrap()..].to_string(),
    ] {
        let findings = found(&page);
        let finding = findings.iter().find(|finding| finding.rule == "not-a-feed").unwrap();
        assert!(finding.message.contains("an HTML page") && finding.hint.contains("`https://a.example/f`"));
    }
    assert_clean(&rss_item("").replace("?>\n", "?>\n<!-- <html> -->"));
}

#[test]
fn what_is_no_feed_is_named() {
    for (document, what) in [
        ("", "an empty document"),
        ("hello", "plain text"),
        ("<!DOCTYPE html><p>x", "an HTML page"),
        ("<html xmlns='http://www.w3.org/1999/xhtml'/>", "an HTML page"),
        ("<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>", "RDF without"),
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
