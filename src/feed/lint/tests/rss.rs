//! Rules of RSS beyond what was measured.

use super::*;

#[test]
fn a_channel_has_what_it_must() {
    let good = rss_channel("");
    for (name, element) in [
        ("title", "<title>The Far Bank</title>"),
        ("link", "<link>https://a.example/</link>"),
        ("description", "<description>Essays</description>"),
    ] {
        let findings = found(&good.replace(element, ""));
        assert_eq!((findings.len(), findings[0].rule), (1, "missing-element"));
        assert!(findings[0].message.contains(&format!("`channel` lacks `{name}`")), "{findings:?}");
    }
    assert_only(&good.replace("<language>en</language>", ""), "missing-language", "<channel>");
    assert_only(
        &good.replace(" version=\"2.0\"", ""),
        "missing-version",
        &rss_tag().replace(" version=\"2.0\"", ""),
    );
    assert_only(&good.replace("</rss>", "<channel/></rss>"), "one-channel", "<channel/>");
    let none = "<?xml version=\"1.0\" encoding=\"utf-8\"?><rss version=\"2.0\"/>";
    assert_only(none, "one-channel", "<rss version=\"2.0\"/>");
    assert_only(&good.replace("The Far Bank", " "), "not-blank", "<title> </title>");
}

fn rss_tag() -> String {
    let start = RSS_HEAD.find("<rss").unwrap();
    RSS_HEAD[start..RSS_HEAD.find("<channel>").unwrap()].to_string()
}

#[test]
fn a_channel_has_nothing_it_must_not() {
    let cases: [Case; 31] = [
        ("<language>en</language>", "duplicate-element", "<language>en</language>"),
        ("<pubdate>x</pubdate>", "undefined-element", "<pubdate>"),
        (
            "<entry xmlns=\"http://www.w3.org/2005/Atom\"/>",
            "questionable-usage",
            "<entry xmlns=\"http://www.w3.org/2005/Atom\"/>",
        ),
        ("<category scheme=\"x\">a</category>", "unexpected-attribute", "scheme"),
        ("<category/>", "not-blank", "<category/>"),
        ("<docs>rss</docs>", "invalid-link", "rss"),
        ("<ttl>soon</ttl>", "invalid-positive-integer", "soon"),
        ("<ttl>0</ttl>", "invalid-positive-integer", "0"),
        ("<skipHours><hour>24</hour></skipHours>", "invalid-hour", "24"),
        ("<skipHours><hour>3</hour><hour>3</hour></skipHours>", "duplicate-element", "<hour>3</hour>"),
        ("<skipDays><day>monday</day></skipDays>", "invalid-day", "monday"),
        (
            "<skipDays><day>Monday</day><day>Tuesday</day><day>Wednesday</day><day>Thursday</day>\
             <day>Friday</day><day>Saturday</day><day>Sunday</day></skipDays>",
            "skips-everything",
            "<skipDays>",
        ),
        (
            "<cloud domain=\"a\" port=\"80\" path=\"/\" protocol=\"soap\"/>",
            "missing-attribute",
            "<cloud domain=\"a\" port=\"80\" path=\"/\" protocol=\"soap\"/>",
        ),
        (
            "<cloud domain=\"a\" port=\"x\" path=\"/\" registerProcedure=\"\" protocol=\"soap\"/>",
            "invalid-cloud-port",
            "x",
        ),
        ("<textInput><title>a</title></textInput>", "avoid-text-input", "<textInput>"),
        (
            "<managingEditor>m@a.example (Mina)</managingEditor>",
            "managing-editor-is-sender",
            "m@a.example (Mina)",
        ),
        ("<webMaster>m@a.example</webMaster>", "missing-real-name", "m@a.example"),
        ("<webMaster>Mina &lt;m@a.example></webMaster>", "email-format", "Mina &lt;m@a.example>"),
        ("<webMaster>Mina</webMaster>", "invalid-contact", "Mina"),
        ("<dc:language>en</dc:language>", "duplicate-semantics", "<dc:language>en</dc:language>"),
        ("<copyright>&lt;i>x&lt;/i></copyright>", "contains-html", "&lt;/i>"),
        ("<pubDate>yesterday</pubDate>", "invalid-rfc822-date", "yesterday"),
        ("<pubDate>2026-01-02T00:00:00Z</pubDate>", "invalid-rfc822-date", "2026-01-02T00:00:00Z"),
        (
            "<pubDate>Mon, 30 Feb 2026 00:00:00 GMT</pubDate>",
            "invalid-rfc822-date",
            "Mon, 30 Feb 2026 00:00:00 GMT",
        ),
        ("<dcterms:created>soon</dcterms:created>", "invalid-w3cdtf-date", "soon"),
        (
            "<lastBuildDate>Thu, 01 Jan 2026 00:00:00 GMT</lastBuildDate>",
            "feed-older-than-entry",
            "Thu, 01 Jan 2026 00:00:00 GMT",
        ),
        (
            "<image><title>The Far Bank</title><link>https://a.example/</link></image>",
            "missing-element",
            "<image>",
        ),
        ("<atom:link href=\"x\"/>", "relative-link", "x"),
        (
            "<atom:link rel=\"self\" href=\"https://a.example/2\"/>",
            "duplicate-self",
            "<atom:link rel=\"self\" href=\"https://a.example/2\"/>",
        ),
        ("<atom:link rel=\"related\"/>", "missing-href", "<atom:link rel=\"related\"/>"),
        (
            "<d:x xmlns:d=\"http://purl.org/dc/elements/1.1/\"/>",
            "nonstd-prefix",
            "http://purl.org/dc/elements/1.1/",
        ),
    ];
    for (inside, rule, at) in cases {
        if rule == "nonstd-prefix" {
            let findings = found(&rss_channel(inside));
            assert!(findings.iter().any(|finding| finding.rule == rule), "{findings:?}");
            continue;
        }
        assert_only(&rss_channel(inside), rule, at);
    }
    assert_only(&rss_channel("").replace(">en<", ">en_US<"), "invalid-language", "en_US");
}

#[test]
fn a_feed_says_its_own_address() {
    let good = rss_channel("");
    let own = "<atom:link rel=\"self\" type=\"application/rss+xml\" href=\"https://a.example/feed.rss\"/>";
    assert_only(&good.replace(own, ""), "missing-self", "<channel>");
    assert_only(&good.replace("https://a.example/feed.rss", "/feed.rss"), "relative-self", "/feed.rss");
    assert_only(&good.replace("application/rss+xml", "text/html"), "self-not-atom", "text/html");
    assert_only(&good.replace("application/rss+xml", "rss"), "invalid-mime-type", "rss");
    let fetched = Expectation { self_url: Some("https://a.example/2.rss".into()), ..expectation() };
    let findings = lint(&good, &fetched);
    assert_eq!((findings.len(), findings[0].rule), (1, "self-doesnt-match-location"));
    assert_eq!(&good[findings[0].span.clone()], "https://a.example/feed.rss");
}

#[test]
fn an_article_has_what_it_must() {
    let without = |element: &str| rss_item("").replace(element, "");
    assert_only(&without("<dc:creator>Mina</dc:creator>"), "missing-author", "<item>");
    let guid = "<guid isPermaLink=\"false\">tag:a.example,2026-01-02:water</guid>";
    assert_only(&without(guid), "missing-guid", "<item>");
    let bare = without("<title>Water</title>").replace("<description>A summary.</description>", "");
    assert_only(&bare, "item-must-contain-title-or-description", "<item>");
    assert_clean(&without("<title>Water</title>"));
}

#[test]
fn a_guid_is_unlike_any_other() {
    let guid = |new: &str| {
        rss_item("").replace("<guid isPermaLink=\"false\">tag:a.example,2026-01-02:water</guid>", new)
    };
    assert_clean(&guid("<guid isPermaLink=\"true\">https://a.example/x</guid>"));
    assert_only(&guid("<guid isPermaLink=\"no\">x</guid>"), "invalid-boolean-attribute", "no");
    assert_only(&guid("<guid isPermaLink=\"false\">12</guid>"), "not-sufficiently-unique", "12");
    assert_only(&guid("<guid>https://a.example/x</guid>"), "permalink-implicit", "<guid>");
    let tag = "tag:a.example:80,2026:x";
    assert_only(&guid(&format!("<guid isPermaLink=\"false\">{tag}</guid>")), "invalid-tag", tag);
    let twice = format!("{RSS_HEAD}<item>{ITEM}</item><item>{ITEM}</item></channel></rss>");
    assert_only(&twice, "duplicate-guid", "tag:a.example,2026-01-02:water");
}

#[test]
fn an_article_has_nothing_it_must_not() {
    let cases: [Case; 16] = [
        ("<atom:rights>x</atom:rights>", "questionable-usage", "<atom:rights>"),
        ("<Author>x</Author>", "undefined-element", "<Author>"),
        ("<comments>x</comments>", "invalid-link", "x"),
        ("<comments>https://a.example/ x</comments>", "invalid-uri-character", "https://a.example/ x"),
        ("<source>BBC</source>", "missing-attribute", "<source>"),
        ("<source url=\"/rss\">BBC</source>", "invalid-link", "/rss"),
        (
            "<enclosure url=\"https://a.example/a\" type=\"audio/mpeg\"/>",
            "missing-attribute",
            "<enclosure url=\"https://a.example/a\" type=\"audio/mpeg\"/>",
        ),
        (
            "<enclosure url=\"https://a.example/a\" length=\"3 MB\" type=\"audio/mpeg\"/>",
            "invalid-integer-attribute",
            "3 MB",
        ),
        (
            "<enclosure url=\"https://a.example/a\" length=\"-1\" type=\"audio/mpeg\"/>",
            "invalid-integer-attribute",
            "-1",
        ),
        ("<enclosure url=\"https://a.example/a\" length=\"1\" type=\"mp3\"/>", "invalid-mime-type", "mp3"),
        (
            "<enclosure url=\"ftp://a.example/a\" length=\"1\" type=\"audio/mpeg\"/>",
            "invalid-url-attribute",
            "ftp://a.example/a",
        ),
        (
            "<atom:updated>2026-01-01T00:00:00Z</atom:updated>",
            "updated-before-published",
            "2026-01-01T00:00:00Z",
        ),
        ("<atom:updated>2026-01-03</atom:updated>", "invalid-rfc3339-date", "2026-01-03"),
        ("<dc:language>farsi!</dc:language>", "invalid-language", "farsi!"),
        (
            "<atom:link href=\"https://a.example/\">x</atom:link>",
            "link-not-empty",
            "<atom:link href=\"https://a.example/\">x</atom:link>",
        ),
        ("<atom:link href=\"https://a.example/\" hreflang=\"?\"/>", "invalid-language", "?"),
    ];
    for (inside, rule, at) in cases {
        assert_only(&rss_item(inside), rule, at);
    }
}

#[test]
fn text_has_no_elements_and_elements_no_text_between_them() {
    let item = |from: &str, to: &str| rss_item("").replace(from, to);
    assert_only(&item("Water", "a <b>x</b>"), "markup-in-text", "<b>x</b>");
    let link = |text: &str| item("https://a.example/water/", &format!("<a>{text}</a>"));
    assert_only(&link("https://a.example/"), "markup-in-text", "<a>https://a.example/</a>");
    let rules: Vec<_> = found(&link("here")).iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["markup-in-text", "invalid-link"]);
    assert_only(&item("A summary.", "a <b>x</b>"), "markup-in-text", "<b>x</b>");
    assert!(found(&item("A summary.", "a <b>x</b>"))[0].hint.contains("CDATA"));
    let raw = "<content:encoded><p>x</p></content:encoded>";
    assert_only(&rss_item(raw), "markup-in-text", "<p>x</p>");
    let both = item("A summary.", "a <b>x</b>").replace("</item>", &format!("{raw}</item>"));
    assert_only(&both, "markup-in-text", "<b>x</b>");
    assert_only(&rss_item("<category>a<i/></category>"), "markup-in-text", "<i/>");
    assert_only(&item("Mina", "<b>Mina</b>"), "markup-in-text", "<b>Mina</b>");
    assert_only(&rss_channel("").replace("Essays", "<i>Essays</i>"), "markup-in-text", "<i>Essays</i>");
    assert_clean(&rss_item("<media:group><media:title>x</media:title></media:group>"));
    assert_only(&rss_item("\n stray &amp; lost\n"), "unexpected-text", "stray &amp; lost");
    assert_only(&rss_channel("stray"), "unexpected-text", "stray");
    assert_only(&rss_channel("<![CDATA[stray]]>"), "unexpected-text", "<![CDATA[stray]]>");
    assert_only(&rss_channel("").replace("</rss>", "stray</rss>"), "unexpected-text", "stray");
    assert_only(&atom_entry("stray"), "unexpected-text", "stray");
    assert_only(&atom_feed("stray"), "unexpected-text", "stray");
}

#[test]
fn a_version_is_one_that_there_is() {
    for version in ["2.1", "2", "3.0", ""] {
        let document = rss_channel("").replace("version=\"2.0\"", &format!("version=\"{version}\""));
        assert_only(&document, "invalid-rss-version", version);
    }
}

#[test]
fn namespaces_that_programs_know_are_passed_and_others_do_no_harm() {
    for (prefix, address) in [
        ("yt", "http://www.youtube.com/xml/schemas/2015"),
        ("psc", "https://podlove.org/simple-chapters/"),
        ("googleplay", "http://www.google.com/schemas/play-podcasts/1.0"),
        ("itunes", "http://www.itunes.com/dtds/podcast-1.0.dtd"),
        ("podcast", "https://podcastindex.org/namespace/1.0"),
        ("georss", "http://www.georss.org/georss"),
        ("thr", "http://purl.org/syndication/thread/1.0"),
        ("creativeCommons", "http://backend.userland.com/creativeCommonsRssModule"),
        ("feedburner", "http://rssnamespace.org/feedburner/ext/1.0"),
        ("slash", "http://purl.org/rss/1.0/modules/slash/"),
        ("wfw", "http://wellformedweb.org/CommentAPI/"),
        ("admin", "http://webns.net/mvcb/"),
        ("cc", "http://web.resource.org/cc/"),
        ("cc", "http://creativecommons.org/ns#"),
        ("gd", "http://schemas.google.com/g/2005"),
        ("openSearch", "http://a9.com/-/spec/opensearchrss/1.0/"),
        ("opensearch", "http://a9.com/-/spec/opensearch/1.1/"),
        ("trackback", "http://madskills.com/public/xml/rss/module/trackback/"),
        ("blogger", "http://schemas.google.com/blogger/2008"),
        ("webfeeds", "http://webfeeds.org/rss/1.0"),
        ("spotify", "https://www.spotify.com/ns/rss"),
        ("rawvoice", "https://blubrry.com/developer/rawvoice-rss/"),
        ("rawvoice", "http://www.rawvoice.com/rawvoiceRssModule/"),
    ] {
        assert_clean(&rss_item(&format!("<{prefix}:x xmlns:{prefix}=\"{address}\">1</{prefix}:x>")));
    }
    let strange = rss_item("<x:y xmlns:x=\"https://b.example/x\"/>");
    assert_only(&strange, "unknown-namespace", "https://b.example/x");
    assert_eq!(found(&strange)[0].severity, crate::diagnostic::Severity::Note);
}

#[test]
fn a_summary_is_plain_beside_a_full_text() {
    let summary = |summary: &str| rss_html("<p>x</p>").replace("A summary.", summary);
    assert_only(&summary("&lt;p>A&lt;/p>"), "summary-has-html", "&lt;p>A&lt;/p>");
    assert_only(&summary(""), "empty-summary", "<description></description>");
    assert_clean(&rss_item("").replace("A summary.", "&lt;p>All of it.&lt;/p>"));
}

#[test]
fn content_is_harmless_and_whole() {
    let cases: [Case; 22] = [
        ("<style>p {}</style>", "security-risk", "<style>"),
        (
            "<form action=\"https://b.example/\"><p>x</p></form>",
            "security-risk",
            "<form action=\"https://b.example/\">",
        ),
        ("<math><mi>x</mi></math>", "not-html", "<math>"),
        ("<p ONMOUSEOVER=x()>x</p>", "security-risk-attr", "x()"),
        ("<a href=\"javascript:x()\">x</a>", "dangerous-url", "javascript:x()"),
        ("<a href=\"java&#115;cript&colon;x()\">x</a>", "dangerous-url", "java&#115;cript&colon;x()"),
        ("<a href=\" java\tscript:x()\">x</a>", "dangerous-url", " java\tscript:x()"),
        ("<a href=\"data:text/html,x\">x</a>", "dangerous-url", "data:text/html,x"),
        ("<img src=\"data:text/html,x\" alt=\"\">", "dangerous-url", "data:text/html,x"),
        ("<a href=\"//b.example/\">x</a>", "contains-rel-ref", "//b.example/"),
        (
            "<img srcset=\"https://a.example/a 1x, b.jpg 2x\">",
            "contains-rel-ref",
            "https://a.example/a 1x, b.jpg 2x",
        ),
        ("<video poster=\"p.jpg\"></video>", "contains-rel-ref", "p.jpg"),
        ("<blockquote cite=\"x\">y</blockquote>", "contains-rel-ref", "x"),
        ("<a href=\"\">x</a>", "contains-rel-ref", "href"),
        (
            "<p style=\"background: url(https://b.example/)\">x</p>",
            "dangerous-style-attr",
            "background: url(https://b.example/)",
        ),
        ("<img src=\"https://b.example/\" width=\"1\" alt=\"\">", "tracking", "1"),
        (
            "<a href=\"https://b.example/?utm_source=rss\">x</a>",
            "tracking",
            "https://b.example/?utm_source=rss",
        ),
        ("<div/>", "not-html", "<div/>"),
        (
            "<a href=\"https://b.example/\"><a href=\"https://b.example/\">x</a></a>",
            "not-html",
            "<a href=\"https://b.example/\">",
        ),
        ("<p><b>x<div>y</div></b>", "not-html", "<div>"),
        ("<Weekly> x", "not-html", "<Weekly>"),
        ("<p>x</p></p>", "not-html", "</p>"),
    ];
    for (html, rule, at) in cases {
        assert_only(&rss_html(html), rule, at);
        let escaped = html.replace('&', "&amp;").replace('<', "&lt;");
        let document = rss_item("").replace("A summary.", &escaped);
        assert!(found(&document).iter().all(|finding| finding.rule == rule), "{document}");
    }
}

#[test]
fn text_from_right_to_left_begins_there() {
    let persian = |title: &str, html: &str| {
        rss_html(html)
            .replace("Water", title)
            .replace("<dc:creator>", "<dc:language>fa</dc:language><dc:creator>")
    };
    assert_clean(&persian("آب", "<div lang=\"fa\" dir=\"rtl\"><p>این</p></div>"));
    assert_clean(&persian("\u{200F}BBC و رادیو", "<div dir=\"rtl\">«این»</div>"));
    assert_clean(&persian("آب", "<p dir=\"rtl\">&nbsp;&#171;این</p>"));
    assert_clean(&persian("آب", "<p dir=\"rtl\">&rlm;BBC این</p>"));
    assert_clean(&persian("آب", "<p dir=\"rtl\">&#x200F;BBC این</p>"));
    assert_only(&persian("آب", "<p dir=\"rtl\">&quot;BBC</p>"), "rtl-text-starts-left", "B");
    assert_only(&persian("BBC و رادیو", "<div dir=\"rtl\">این</div>"), "rtl-title-starts-left", "B");
    assert_only(&persian("آب", "<div dir=\"rtl\">BBC این</div>"), "rtl-text-starts-left", "B");
    assert_only(&persian("آب", "<p>این</p>"), "missing-direction", "<p>این</p>");
}

#[test]
fn articles_run_from_new_to_old() {
    let newer = ITEM.replace("02 Jan", "09 Jan").replace("02:water", "02:stone");
    let items = |first: &str, second: &str| {
        format!("{RSS_HEAD}<item>{first}</item><item>{second}</item></channel></rss>")
    };
    assert_clean(&items(&newer, ITEM));
    assert_only(&items(ITEM, &newer), "not-newest-first", "Fri, 09 Jan 2026 09:30:00 +0000");
}
