//! Rules of Atom beyond what was measured.

use super::*;

#[test]
fn feed_and_entry_have_what_they_must_once() {
    for element in [
        "<title>The Far Bank</title>",
        "<id>https://a.example/</id>",
        "<updated>2026-02-01T00:00:00Z</updated>",
        "<title>Water</title>",
        "<id>tag:a.example,2026-01-02:water</id>",
        "<updated>2026-01-03T00:00:00Z</updated>",
    ] {
        let rules = |document: &str| found(document).iter().map(|finding| finding.rule).collect::<Vec<_>>();
        assert_eq!(rules(&atom_feed("").replace(element, "")), ["missing-element"], "{element}");
        let twice = rules(&atom_feed("").replace(element, &format!("{element}{element}")));
        assert!(twice.contains(&"duplicate-element"), "{element}: {twice:?}");
    }
}

#[test]
fn somebody_wrote_it() {
    let author = "<author><name>Mina</name></author>";
    let nobody = atom_feed("").replace(author, "");
    assert_only(&nobody, "missing-author-element", "<entry>");
    let feed_only = format!("{ATOM_HEAD}<entry>{}</entry></feed>", ENTRY.replace(author, ""));
    assert_only(&feed_only, "inherited-author", "<entry>");
    let empty = format!("{}</feed>", ATOM_HEAD.replace(author, ""));
    let findings = found(&empty);
    assert_eq!((findings.len(), findings[0].rule), (1, "missing-element"));
    let copied = format!("<source>{author}</source>");
    assert_clean(&nobody.replace("<summary>", &format!("{copied}<summary>")));
}

#[test]
fn a_feed_has_nothing_it_must_not() {
    let cases: [Case; 17] = [
        ("<pubDate>x</pubDate>", "undefined-element", "<pubDate>"),
        ("<x xmlns=\"\">y</x>", "undefined-element", "<x xmlns=\"\">"),
        ("<rights mode=\"escaped\">x</rights>", "unexpected-attribute", "mode"),
        ("<rights type=\"text/plain\">x</rights>", "invalid-text-type", "text/plain"),
        ("<rights><b>x</b></rights>", "markup-in-text", "<b>x</b>"),
        ("<rights>&lt;b>x&lt;/b></rights>", "contains-undeclared-html", "&lt;/b>"),
        ("<rights type=\"html\">&lt;script>&lt;/script></rights>", "security-risk", "&lt;script>"),
        ("<rights type=\"xhtml\">x</rights>", "missing-xhtml-div", "<rights type=\"xhtml\">"),
        ("<icon>/i.png</icon>", "relative-link", "/i.png"),
        (
            "<icon> https://a.example/i.png </icon>",
            "unexpected-whitespace",
            "<icon> https://a.example/i.png </icon>",
        ),
        ("<category label=\"x\"/>", "missing-attribute", "<category label=\"x\"/>"),
        ("<category term=\"x\" scheme=\"y\"/>", "invalid-link", "y"),
        ("<contributor><email>m@a.example</email></contributor>", "missing-element", "<contributor>"),
        ("<contributor><name>M</name><email>mina</email></contributor>", "invalid-email", "mina"),
        ("<contributor><name>M</name><uri>x</uri></contributor>", "relative-link", "x"),
        (
            "<link rel=\"alternate\" href=\"https://a.example/\"/><link href=\"https://b.example/\"/>",
            "duplicate-atom-link",
            "<link href=\"https://b.example/\"/>",
        ),
        (
            "<fh:complete/><link rel=\"current\" href=\"https://a.example/2\"/>",
            "current-not-self-in-complete-feed",
            "<link rel=\"current\" href=\"https://a.example/2\"/>",
        ),
    ];
    for (inside, rule, at) in cases {
        assert_only(&atom_feed(inside), rule, at);
    }
    let late = atom_feed("").replace("</feed>", "<rights>x</rights></feed>");
    assert_only(&late, "misplaced-metadata", "<rights>");
    assert_only(
        &atom_feed("").replace(" xml:lang=\"en\"", ""),
        "missing-language",
        &feed_tag().replace(" xml:lang=\"en\"", ""),
    );
    assert_only(&atom_feed("").replace("\"en\"", "\"en_GB\""), "invalid-language", "en_GB");
    let old = atom_feed("").replace("2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z");
    assert_only(&old, "feed-older-than-entry", "2026-01-01T00:00:00Z");
}

fn feed_tag() -> String {
    ATOM_HEAD[ATOM_HEAD.find("<feed").unwrap()..ATOM_HEAD.find("<title>").unwrap()].to_string()
}

#[test]
fn ids_are_whole_and_in_their_one_spelling() {
    let id = |id: &str| atom_feed("").replace("<id>https://a.example/</id>", &format!("<id>{id}</id>"));
    assert_only(&id("https://a.example"), "non-canonical-uri", "https://a.example");
    assert_only(&id("HTTPS://a.example/"), "non-canonical-uri", "HTTPS://a.example/");
    assert_only(&id("water"), "invalid-link", "water");
    assert_only(&id("urn:uuid:1"), "invalid-urn", "urn:uuid:1");
    assert_clean(&id("https://a.example/آب"));
}

#[test]
fn an_entry_comes_once() {
    let two = |second: &str| format!("{ATOM_HEAD}<entry>{ENTRY}</entry><entry>{second}</entry></feed>");
    assert_only(&two(ENTRY), "duplicate-entries", "tag:a.example,2026-01-02:water");
    let other = ENTRY.replace("2026-01-03", "2026-01-04");
    assert_only(&two(&other), "duplicate-id", "tag:a.example,2026-01-02:water");
}

#[test]
fn an_entry_has_nothing_it_must_not() {
    let cases: [Case; 14] = [
        ("<content type=\"text/html\">&lt;p>x</content>", "", ""),
        (
            "<content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x</p></div></content>",
            "",
            "",
        ),
        ("<content type=\"html\">&lt;a href=\"/x\">x&lt;/a></content>", "contains-rel-ref", "/x"),
        (
            "<content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"/x\">x</a></div></content>",
            "contains-rel-ref",
            "/x",
        ),
        (
            "<content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\"><iframe src=\"x\"/></div></content>",
            "security-risk",
            "<iframe src=\"x\"/>",
        ),
        ("<content type=\"nonsense\">x</content>", "invalid-mime-type", "nonsense"),
        ("<content type=\"multipart/alternative\">x</content>", "invalid-mime-type", "multipart/alternative"),
        ("<content/>", "not-blank", "<content/>"),
        (
            "<content src=\"https://a.example/x\"/>",
            "missing-type-attr",
            "<content src=\"https://a.example/x\"/>",
        ),
        ("<content src=\"x\" type=\"text/html\"/>", "relative-link", "x"),
        (
            "<content src=\"https://a.example/x\" type=\"text/html\">x</content>",
            "content-src-not-empty",
            "<content src=\"https://a.example/x\" type=\"text/html\">x</content>",
        ),
        ("<link rel=\"via\" href=\"https://a.example/آ\"/>", "non-ascii-link", "https://a.example/آ"),
        ("<link rel=\"next\" href=\"https://a.example/2\"/>", "feed-history-rel-in-entry", "next"),
        ("<subtitle>x</subtitle>", "undefined-element", "<subtitle>"),
    ];
    for (inside, rule, at) in cases {
        match rule {
            "" => assert_clean(&atom_entry(inside)),
            _ => assert_only(&atom_entry(inside), rule, at),
        }
    }
    let before = atom_entry("").replace("2026-01-03T00:00:00Z", "2026-01-01T00:00:00Z");
    assert_only(&before, "updated-before-published", "2026-01-01T00:00:00Z");
    let small = atom_entry("").replace("2026-01-03T00:00:00Z", "2026-01-03t00:00:00z");
    assert_only(&small, "invalid-rfc3339-date", "2026-01-03t00:00:00z");
}

#[test]
fn an_entry_says_something() {
    let summary = "<summary>A summary.</summary>";
    let without = |more: &str| atom_entry("").replace(summary, more);
    assert_only(&without(""), "missing-textual-content", "<entry>");
    assert_only(
        &without("<content src=\"https://a.example/a\" type=\"audio/mpeg\"/>"),
        "missing-summary",
        "<entry>",
    );
    assert_only(&without("<content type=\"image/png\">AAAA</content>"), "missing-summary", "<entry>");
    let page = "<link rel=\"alternate\" type=\"text/html\" href=\"https://a.example/water/\"/>";
    assert_only(&atom_entry("").replace(page, ""), "missing-content-or-alternate", "<entry>");
    let persian = atom_entry("<content xml:lang=\"fa\" type=\"html\">&lt;p>BBC این&lt;/p></content>");
    let rules: Vec<_> = found(&persian).iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["missing-direction", "rtl-text-starts-left"]);
}
