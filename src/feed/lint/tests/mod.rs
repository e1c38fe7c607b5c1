//! One small document for each rule; [`measured`] holds what the W3C feed validator was seen to say.

mod atom;
mod documents;
mod hostile;
mod json;
mod measured;
mod rss;

use std::ops::Range;

use super::{Expectation, Finding, lint, rules};

/// A document, the rules that it breaks, and the text that the first finding points at.
type Case<'c> = (&'c str, &'c str, &'c str);

const NOW: &str = "2026-03-01T12:00:00Z";

fn expectation() -> Expectation {
    Expectation { self_url: None, now: Some(NOW.parse().unwrap()) }
}

fn found(document: &str) -> Vec<Finding> {
    let findings = lint(document, &expectation());
    findings.iter().for_each(|finding| assert_reads_well(finding, document));
    findings
}

/// Every finding has words that fit and a place inside the document.
fn assert_reads_well(finding: &Finding, document: &str) {
    let words = format!("{}\n{}", finding.message, finding.hint);
    let begins_small = |text: &str| text.starts_with(|c: char| !c.is_uppercase()) || starts_with_name(text);
    assert!(begins_small(&finding.message) && begins_small(&finding.hint), "{words}");
    assert!(!finding.message.ends_with('.') && !finding.hint.ends_with('.'), "{words}");
    assert!(!finding.hint.is_empty() && words.matches('`').count().is_multiple_of(2), "{words}");
    assert!(!words.contains("{0}") && !words.contains("``"), "{words}");
    let Range { start, end } = finding.span.clone();
    assert!(start <= end && document.get(start..end).is_some(), "{finding:?}");
}

fn starts_with_name(text: &str) -> bool {
    ["JSON Feed", "RSS", "Atom", "W3C"].iter().any(|name| text.starts_with(name))
}

#[track_caller]
fn assert_clean(document: &str) {
    assert_eq!(found(document), [], "{document}");
}

/// That rule, perhaps more than once, and no other; the first finding points at that text.
#[track_caller]
fn assert_only(document: &str, rule: &str, at: &str) {
    let findings = found(document);
    let rules: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
    assert!(
        !rules.is_empty() && rules.iter().all(|found| *found == rule),
        "{rule}: {findings:#?}\n{document}"
    );
    assert_eq!(&document[findings[0].span.clone()], at, "{rule}: {:?}", findings[0]);
}

const RSS_HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
    "<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\"",
    " xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"",
    " xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\"",
    " xmlns:media=\"http://search.yahoo.com/mrss/\" xmlns:fh=\"http://purl.org/syndication/history/1.0\"",
    " xmlns:sy=\"http://purl.org/rss/1.0/modules/syndication/\"><channel><title>The Far Bank</title>",
    "<link>https://a.example/</link><description>Essays</description><language>en</language>",
    "<atom:link rel=\"self\" type=\"application/rss+xml\" href=\"https://a.example/feed.rss\"/>",
);
const ITEM: &str = concat!(
    "<title>Water</title><link>https://a.example/water/</link>",
    "<guid isPermaLink=\"false\">tag:a.example,2026-01-02:water</guid>",
    "<pubDate>Fri, 02 Jan 2026 09:30:00 +0000</pubDate><dc:creator>Mina</dc:creator>",
    "<description>A summary.</description>",
);

/// A feed with `inside` in its channel, before one good article.
fn rss_channel(inside: &str) -> String {
    format!("{RSS_HEAD}{inside}<item>{ITEM}</item></channel></rss>")
}

/// A feed whose one article is good and has `inside` besides.
fn rss_item(inside: &str) -> String {
    format!("{RSS_HEAD}<item>{ITEM}{inside}</item></channel></rss>")
}

/// A feed whose one article has this as its HTML.
fn rss_html(html: &str) -> String {
    rss_item(&format!("<content:encoded><![CDATA[{html}]]></content:encoded>"))
}

const ATOM_HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
    "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"",
    " xmlns:dcterms=\"http://purl.org/dc/terms/\" xmlns:fh=\"http://purl.org/syndication/history/1.0\">",
    "<title>The Far Bank</title><id>https://a.example/</id><updated>2026-02-01T00:00:00Z</updated>",
    "<author><name>Mina</name></author>",
    "<link rel=\"self\" type=\"application/atom+xml\" href=\"https://a.example/feed.atom\"/>",
);
const ENTRY: &str = concat!(
    "<title>Water</title><id>tag:a.example,2026-01-02:water</id><updated>2026-01-03T00:00:00Z</updated>",
    "<published>2026-01-02T00:00:00Z</published><author><name>Mina</name></author>",
    "<link rel=\"alternate\" type=\"text/html\" href=\"https://a.example/water/\"/>",
    "<summary>A summary.</summary>",
);

/// A feed with `inside`, before one good article.
fn atom_feed(inside: &str) -> String {
    format!("{ATOM_HEAD}{inside}<entry>{ENTRY}</entry></feed>")
}

/// A feed whose one article is good and has `inside` besides.
fn atom_entry(inside: &str) -> String {
    format!("{ATOM_HEAD}<entry>{ENTRY}{inside}</entry></feed>")
}

const JSON_HEAD: &str = concat!(
    r#"{"version": "https://jsonfeed.org/version/1.1", "title": "The Far Bank", "language": "en","#,
    r#" "home_page_url": "https://a.example/", "feed_url": "https://a.example/feed.json""#,
);
const JSON_ITEM: &str = concat!(
    r#""id": "tag:a.example,2026-01-02:water", "url": "https://a.example/water/", "title": "Water","#,
    r#" "authors": [{"name": "Mina"}], "date_published": "2026-01-02T00:00:00Z""#,
);

/// A feed with `inside` beside one good article.
fn json_feed(inside: &str) -> String {
    format!("{JSON_HEAD}{inside}, \"items\": [{{{JSON_ITEM}, \"content_html\": \"<p>x</p>\"}}]}}")
}

/// A feed whose one article lacks content and has `inside` besides.
fn json_item(inside: &str) -> String {
    format!("{JSON_HEAD}, \"items\": [{{{JSON_ITEM}{inside}}}]}}")
}

#[test]
fn the_good_documents_are_good() {
    for document in [
        rss_channel(""),
        rss_item(""),
        rss_html("<p>x</p>"),
        atom_feed(""),
        atom_entry(""),
        json_feed(""),
        json_item(r#", "content_text": "x""#),
        format!("{RSS_HEAD}</channel></rss>"),
        format!("{ATOM_HEAD}</feed>"),
        format!("{JSON_HEAD}, \"items\": []}}"),
    ] {
        assert_clean(&document);
    }
}

#[test]
fn every_rule_is_tried_and_reads_well_and_one_name_is_one_kind() {
    let tables = [
        rules::atom::ALL,
        rules::content::ALL,
        rules::document::ALL,
        rules::json::ALL,
        rules::rss::ALL,
        rules::shared::ALL,
    ];
    let all: Vec<_> = tables.concat();
    let tried = concat!(
        include_str!("atom.rs"),
        include_str!("documents.rs"),
        include_str!("hostile.rs"),
        include_str!("json.rs"),
        include_str!("measured.rs"),
        include_str!("rss.rs")
    );
    for rule in &all {
        assert!(tried.contains(&format!("\"{}\"", rule.id)), "no document tries `{}`", rule.id);
        let is_kebab =
            rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || b"-0123456789".contains(&byte));
        assert!(is_kebab, "{}", rule.id);
        // A large feed is a burden, and one twice as large is refused.
        let is_one_kind = all.iter().all(|other| other.id != rule.id || other.severity == rule.severity);
        assert!(is_one_kind || rule.id == "large-feed", "{}", rule.id);
        for words in [rule.message, rule.hint] {
            assert!(!words.ends_with('.') && words.matches('`').count().is_multiple_of(2), "{words}");
        }
    }
}
