//! What the W3C feed validator was measured to say of small documents: no word, a warning, an error.

use super::*;
use crate::diagnostic::Severity;

#[test]
fn what_the_validator_passes_in_an_article_of_rss() {
    for inside in [
        "<source url=\"https://feeds.bbci.co.uk/news/rss.xml\">BBC Online</source>",
        "<category domain=\"https://a.example/tags/\">Water</category>",
        "<dc:creator>Shirin</dc:creator><dc:language>fr</dc:language>",
        "<dc:publisher>A</dc:publisher><dc:contributor>B</dc:contributor><dc:source>C</dc:source>",
        "<dcterms:modified>2026-01-02</dcterms:modified><dcterms:issued>2026-01-02T01:02Z</dcterms:issued>",
        "<dcterms:isVersionOf>x</dcterms:isVersionOf><dcterms:rightsHolder>BBC</dcterms:rightsHolder>",
        "<atom:updated>2026-01-03T00:00:00Z</atom:updated><atom:published>2026-01-02T00:00:00Z</atom:published>",
        "<atom:contributor><atom:name>B</atom:name></atom:contributor>",
        "<enclosure url=\"https://a.example/a.mp3\" length=\"0\" type=\"audio/mpeg\"/>",
        "<enclosure url=\"http://127.0.0.1:8080/a.mp3\" length=\"12\" type=\"audio/mpeg\"/>",
        "<media:content url=\"https://a.example/a.jpg\" medium=\"image\" type=\"image/jpeg\"/>",
        "<media:thumbnail url=\"https://a.example/a.jpg\"/>",
        "<category xml:lang=\"fa\" xml:base=\"https://b.example/\">آب</category>",
        "<fh:archive/>",
    ] {
        assert_clean(&rss_item(inside));
    }
    for rel in "via related self hub next prev-archive current alternate".split(' ') {
        assert_clean(&rss_item(&format!("<atom:link rel=\"{rel}\" href=\"https://b.example/\"/>")));
    }
}

#[test]
fn what_the_validator_passes_in_a_channel_of_rss() {
    let link = |rel: &str| format!("<atom:link rel=\"{rel}\" href=\"https://a.example/{rel}\"/>");
    for inside in [
        "<fh:complete/>",
        &format!("<fh:archive/>{}{}", link("current"), link("prev-archive")),
        &format!("<fh:archive/>{}{}", link("current"), link("next-archive")),
        "<cloud domain=\"a.example\" port=\"443\" path=\"/x\" registerProcedure=\"\" protocol=\"https-post\"/>",
        "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>",
        "<image><url>https://a.example/i.png</url><title>The Far Bank</title>\
         <link>https://a.example/</link><width>144</width><height>400</height></image>",
    ] {
        assert_clean(&rss_channel(inside));
    }
    let styled =
        "?>\n<?xml-stylesheet type=\"text/xsl\" href=\"/a.xsl\"?><?xml-stylesheet href=\"/a.css\"?>\n<rss";
    assert_clean(&rss_channel("").replace("?>\n<rss", styled));
}

#[test]
fn what_the_validator_passes_in_atom() {
    for inside in [
        "<link rel=\"via\" title=\"BBC\" href=\"https://b.example/\"/><link rel=\"related\" href=\"https://b.example/\"/>",
        "<link rel=\"enclosure\" length=\"12\" type=\"audio/mpeg\" href=\"https://a.example/a.mp3\"/>",
        "<contributor><name>B</name></contributor><rights>CC BY</rights>",
        "<source><id>urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a</id><title>B</title>\
         <updated>2026-01-01T00:00:00Z</updated></source>",
        "<dc:creator>x</dc:creator><dcterms:isVersionOf>x</dcterms:isVersionOf>",
        "<link rel=\"alternate\" hreflang=\"fa\" type=\"text/html\" href=\"https://a.example/fa/\"/>",
    ] {
        assert_clean(&atom_entry(inside));
    }
    assert_clean(&atom_feed("<link rel=\"previous\" href=\"https://a.example/?page=2\"/>"));
    assert_clean(&atom_entry("").replace("<entry>", "<entry xml:lang=\"en-GB\">"));
    let uuid = "urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a";
    assert_clean(&atom_entry("").replace("tag:a.example,2026-01-02:water", uuid));
}

#[test]
fn what_the_validator_passes_in_text_and_html() {
    for text in ["می\u{200C}رسید", "\u{200F}BBC \u{2067}x\u{2069}", "😀", "a\u{2028}b", "a\u{FEFF}b"]
    {
        assert_clean(&rss_item("").replace("Water", text));
    }
    for html in [
        "<div lang=\"fa\" dir=\"rtl\"><p lang=\"en\" dir=\"ltr\">x</p></div>",
        "<p><bdi>x</bdi> <ruby>x<rp>(</rp><rt>y</rt><rp>)</rp></ruby></p>",
        "<details><summary>a</summary>b</details>",
        "<figure><picture><source srcset=\"https://a.example/a.webp 1x, https://a.example/b.webp 2x\">\
         <img src=\"https://a.example/a.jpg\" alt=\"\"></picture><figcaption>x</figcaption></figure>",
        "<video poster=\"https://a.example/a.jpg\" controls><source src=\"https://a.example/a.mp4\"></video>",
        "<audio controls src=\"https://a.example/a.mp3\"></audio>",
        "<!-- <iframe> --><p>x",
        "<img src=\"data:image/png;base64,AAAA\" alt=\"\">",
        "<p>a<p>b<ul><li>c<li>d</ul>",
        "<p style=\"text-align: right; direction: rtl\">x</p>",
        "<table><thead><tr><th>a<tbody><tr><td>b<td><p>c</table>",
        "<dl><dt>a<dd>b<dt>c</dl><pre>a < b & c</pre>",
    ] {
        assert_clean(&rss_html(html));
    }
}

/// What stands in the table of warnings, for RSS: what to change, into what, the rule, the place.
#[test]
fn what_the_validator_warns_of_in_rss() {
    let title = |title: &str| rss_item("").replace("Water", title);
    assert_only(&title("The &lt;canvas&gt; element"), "character-data", "&lt;");
    assert_clean(&title("The &#x3C;canvas&#x3E; element &#x26; more"));
    assert_only(&title("&lt;b>x&lt;/b>"), "contains-html", "&lt;/b>");
    assert_only(&title("A &amp;amp; B"), "contains-html", "&amp;amp;");
    assert_only(&title("<![CDATA[<b>x</b>]]>"), "contains-html", "</b>");
    let cases: [Case; 13] = [
        ("<author>m@a.example (Mina)</author>", "duplicate-item-semantics", "<dc:creator>Mina</dc:creator>"),
        (
            "<source url=\"https://b.example/rss\">B</source><dc:source>B</dc:source>",
            "duplicate-item-semantics",
            "<dc:source>B</dc:source>",
        ),
        ("<dc:date>2026-01-02</dc:date>", "duplicate-item-semantics", "<dc:date>2026-01-02</dc:date>"),
        (
            "<category>A</category><dc:subject>A</dc:subject>",
            "duplicate-item-semantics",
            "<dc:subject>A</dc:subject>",
        ),
        (
            "<atom:id>tag:a.example,2026:x</atom:id>",
            "duplicate-item-semantics",
            "<atom:id>tag:a.example,2026:x</atom:id>",
        ),
        (
            "<atom:link rel=\"canonical\" href=\"https://b.example/\"/>",
            "unregistered-atom-link-rel",
            "canonical",
        ),
        ("<atom:link rel=\"author\" href=\"https://b.example/\"/>", "unregistered-atom-link-rel", "author"),
        ("<atom:link rel=\"prev\" href=\"https://b.example/\"/>", "unregistered-atom-link-rel", "prev"),
        (
            "<enclosure url=\"https://a.example/1.mp3\" length=\"1\" type=\"audio/mpeg\"/>\
             <enclosure url=\"https://a.example/2.mp3\" length=\"1\" type=\"audio/mpeg\"/>",
            "duplicate-enclosure",
            "<enclosure url=\"https://a.example/2.mp3\" length=\"1\" type=\"audio/mpeg\"/>",
        ),
        ("<category>a\u{85}b</category>", "bad-characters", "\u{85}"),
        ("<category>a&#x9F;b</category>", "bad-characters", "&#x9F;"),
        ("<category>a\u{FFFD}b</category>", "bad-characters", "\u{FFFD}"),
        (
            "<x:y xmlns:x=\"http://purl.org/atompub/tombstones/1.0\"/>",
            "unknown-namespace",
            "http://purl.org/atompub/tombstones/1.0",
        ),
    ];
    for (inside, rule, at) in cases {
        assert_only(&rss_item(inside), rule, at);
    }
    let early = rss_item("").replace("<description>A summary.</description>", "");
    let content = "<content:encoded>x</content:encoded><description>A summary.</description>";
    assert_only(
        &early.replace("</item>", &format!("{content}</item>")),
        "need-description-before-content",
        "<content:encoded>",
    );
    let late = rss_channel("").replace("</channel>", "<generator>x</generator></channel>");
    assert_only(&late, "misplaced-item", "<generator>");
    let publisher = "<webMaster>m@a.example (Mina)</webMaster><dc:publisher>A</dc:publisher>";
    assert_only(&rss_channel(publisher), "duplicate-semantics", "<dc:publisher>A</dc:publisher>");
}

#[test]
fn what_the_validator_warns_of_in_html() {
    let cases: [Case; 19] = [
        ("<a href=\"/x\">x</a>", "contains-rel-ref", "/x"),
        ("<a href=\"#fn1\">x</a>", "contains-rel-ref", "#fn1"),
        ("<img src='a.jpg'>", "contains-rel-ref", "a.jpg"),
        (
            "<iframe src=\"https://b.example/\"></iframe>",
            "security-risk",
            "<iframe src=\"https://b.example/\">",
        ),
        ("<script>x('<p>')</script>", "security-risk", "<script>"),
        ("<bdo dir=\"rtl\">x</bdo>", "security-risk", "<bdo dir=\"rtl\">"),
        ("<object></object>", "security-risk", "<object>"),
        ("<embed>", "security-risk", "<embed>"),
        ("<p onclick=\"x()\">x</p>", "security-risk-attr", "x()"),
        ("<p style=\"aspect-ratio: 1\">x</p>", "dangerous-style-attr", "aspect-ratio: 1"),
        ("<p style=\"max-width: 9px\">x</p>", "dangerous-style-attr", "max-width: 9px"),
        ("<svg><path d=\"M0\"/></svg>", "not-html", "<svg>"),
        ("<b><i>x</b></i>", "not-html", "</b>"),
        ("<p><b>x</p></b>", "not-html", "</p>"),
        ("<table><p>x</p><tr><td>y</td></tr></table>", "not-html", "<p>"),
        ("<table>x<tr><td>y</td></tr></table>", "not-html", "x"),
        ("<div>x", "not-html", "<div>"),
        ("x</div>", "not-html", "</div>"),
        ("<p>a<div>b</div></p>", "not-html", "</p>"),
    ];
    for (html, rule, at) in cases {
        assert_only(&rss_html(html), rule, at);
    }
}

#[test]
fn what_the_validator_warns_of_in_dates() {
    let date = |date: &str| rss_item("").replace("Fri, 02 Jan 2026 09:30:00 +0000", date);
    for clean in ["02 Jan 2026 09:30 GMT", "Fri, 2 Jan 2026 09:30:00 EST", "Sun, 01 Mar 2026 12:09:00 +0000"]
    {
        assert_clean(&date(clean));
    }
    for implausible in ["Sun, 01 Mar 2026 12:11:00 +0000", "Sun, 31 Dec 1989 09:30:00 GMT"] {
        assert_only(&date(implausible), "implausible-date", implausible);
    }
    for problematical in [
        "Fri, 02 Jan 2026 09:30:00 +0545",
        "Fri, 02 Jan 2026 09:30:00 A",
        "Fri, 02 Jan 26 09:30:00 GMT",
        "fri, 02 jan 2026 09:30:00 GMT",
    ] {
        assert_only(&date(problematical), "problematical-rfc822-date", problematical);
    }
    let updated =
        |date: &str| atom_entry("").replace("2026-01-03T00:00:00Z", date).replace("2026-02-01", date);
    assert_clean(&atom_entry("").replace("2026-02-01T00:00:00Z", "2026-03-02T11:00:00Z"));
    let late = "2026-03-02T13:00:00Z";
    assert_only(&updated(late).replace(&format!("{late}T00:00:00Z"), late), "implausible-date", late);
}

#[test]
fn what_the_validator_warns_of_in_atom() {
    let twice = format!(
        "{ATOM_HEAD}<entry>{ENTRY}</entry><entry>{}</entry></feed>",
        ENTRY.replace("02:water", "02:stone")
    );
    assert_only(&twice, "duplicate-updated", "2026-01-03T00:00:00Z");
    let prefixed = atom_feed("").replace("xmlns:dc=", "xmlns:atom=\"http://www.w3.org/2005/Atom\" xmlns:dc=");
    assert_only(&prefixed, "avoid-namespace-prefix", "http://www.w3.org/2005/Atom");
    let based = atom_entry("").replace("<entry>", "<entry xml:base=\"https://a.example/water/\">");
    assert_only(&based, "same-document-reference", "https://a.example/water/");
    let tombstone = "<x:deleted-entry xmlns:x=\"http://purl.org/atompub/tombstones/1.0\"/>";
    assert_only(&atom_feed(tombstone), "unknown-namespace", "http://purl.org/atompub/tombstones/1.0");
}

#[test]
fn what_the_validator_warns_of_in_archives_images_and_prefixes() {
    let link = |rel: &str| format!("<link rel=\"{rel}\" href=\"https://a.example/{rel}\"/>");
    let archive =
        |links: &[&str]| format!("<fh:archive/>{}", links.iter().map(|rel| link(rel)).collect::<String>());
    for format in [atom_feed, rss_archive] {
        assert_only(&format(&archive(&["prev-archive"])), "missing-current-in-archive", "<fh:archive/>");
        assert_only(&format(&archive(&["current"])), "archive-incomplete", "<fh:archive/>");
        assert_clean(&format(&archive(&["current", "next-archive"])));
    }
    let image = |url: &str, title: &str, link: &str| {
        rss_channel(&format!("<image><url>{url}</url><title>{title}</title><link>{link}</link></image>"))
    };
    let (png, site) = ("https://a.example/i.png", "https://a.example/");
    assert_only(
        &image("https://a.example/i.webp", "The Far Bank", site),
        "image-url-format",
        "https://a.example/i.webp",
    );
    assert_only(&image(png, "Other", site), "image-title-doesnt-match", "Other");
    assert_only(
        &image(png, "The Far Bank", "https://b.example/"),
        "image-link-doesnt-match",
        "https://b.example/",
    );
    let commons =
        "<cc:license xmlns:cc=\"http://backend.userland.com/creativeCommonsRssModule\">x</cc:license>";
    assert_only(
        &rss_item(commons),
        "reserved-prefix",
        "http://backend.userland.com/creativeCommonsRssModule",
    );
}

fn rss_archive(inside: &str) -> String {
    rss_channel(&inside.replace("<link", "<atom:link"))
}

#[test]
fn what_the_validator_calls_an_error() {
    let site = "https://a.example/water/";
    let persian = "https://a.example/آب/";
    assert_only(&rss_item("").replace(site, persian), "uri-not-iri", persian);
    let permalink = |flag: &str, guid: &str| {
        rss_item("").replace(" isPermaLink=\"false\"", flag).replace("tag:a.example,2026-01-02:water", guid)
    };
    assert_only(&permalink(" isPermaLink=\"true\"", persian), "uri-not-iri", persian);
    assert_only(
        &permalink(" isPermaLink=\"true\"", "tag:a.example,2026:x"),
        "invalid-http-guid",
        "tag:a.example,2026:x",
    );
    assert_only(&permalink("", "water"), "invalid-http-guid", "water");
    let author = rss_item("<author>Mina</author>").replace("<dc:creator>Mina</dc:creator>", "");
    assert_only(&author, "invalid-contact", "Mina");
    let thursday = "Thu, 02 Jan 2026 09:30:00 +0000";
    assert_only(
        &rss_item("").replace("Fri, 02 Jan 2026 09:30:00 +0000", thursday),
        "incorrect-day-of-week",
        thursday,
    );
    let enclosure = "<enclosure url=\"http://localhost/a.mp3\" length=\"1\" type=\"audio/mpeg\"/>";
    assert_only(&rss_item(enclosure), "invalid-url-attribute", "http://localhost/a.mp3");
    let image = "<image><url>https://a.example/i.png</url><title>The Far Bank</title>\
                 <link>https://a.example/</link><width>145</width></image>";
    assert_only(&rss_channel(image), "invalid-image-size", "145");
    assert_only(
        &rss_channel(&image.replace("width>145", "height>401").replace("width", "height")),
        "invalid-image-size",
        "401",
    );
    assert_only(&rss_item("<atom:source/>"), "atom-source-in-item", "<atom:source/>");
    assert_only(&rss_item("<dcterms:source>x</dcterms:source>"), "undefined-element", "<dcterms:source>");
    assert_only(
        &rss_item("<dcterms:publisher>x</dcterms:publisher>"),
        "undefined-element",
        "<dcterms:publisher>",
    );
    for tag in ["tag:a.example:8080,2026:x", "tag:A.example,2026:x"] {
        assert_only(&atom_entry("").replace("tag:a.example,2026-01-02:water", tag), "invalid-tag", tag);
    }
    for rel in ["next", "previous", "prev-archive"] {
        let link = format!("<link rel=\"{rel}\" href=\"https://a.example/2\"/>");
        assert_only(&atom_feed(&format!("<fh:complete/>{link}")), "feed-rel-in-complete-feed", &link);
    }
    let previous = "<link rel=\"previous\" href=\"https://a.example/0\"/>";
    let first = format!("<link rel=\"first\" href=\"https://a.example/feed.atom\"/>{previous}");
    assert_only(&atom_feed(&first), "link-past-end", previous);
    let alternate = "<link rel=\"alternate\" type=\"text/html\" href=\"https://b.example/\"/>";
    assert_only(&atom_entry(alternate), "duplicate-atom-link", alternate);
    for c in ['\u{0}', '\u{B}', '\u{1F}', '\u{FFFE}', '\u{FFFF}'] {
        assert_only(
            &rss_item("").replace("Water", &format!("Wa{c}ter")),
            "control-character",
            &c.to_string(),
        );
    }
}

#[test]
fn its_warnings_are_warnings_and_its_errors_errors() {
    let severity = |document: &str| found(document)[0].severity;
    assert_eq!(severity(&rss_html("<iframe></iframe>")), Severity::Warning);
    assert_eq!(severity(&rss_item("<atom:source/>")), Severity::Error);
}
