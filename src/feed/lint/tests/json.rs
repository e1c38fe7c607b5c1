//! Rules of JSON Feed.

use super::*;

#[test]
fn a_full_feed_is_clean() {
    assert_clean(&json_feed(concat!(
        r#", "description": "x", "user_comment": "x", "next_url": "https://a.example/2.json","#,
        r#" "icon": "https://a.example/i.png", "favicon": "https://a.example/f.png", "expired": false,"#,
        r#" "authors": [{"name": "Mina", "url": "mailto:m@a.example", "avatar": "https://a.example/m.png"}],"#,
        r#" "hubs": [{"type": "WebSub", "url": "https://a.example/hub"}], "_byline": {"about": "https://b.example/"}"#,
    )));
    assert_clean(&json_item(concat!(
        r#", "content_html": "<div lang=\"en\"><p>x</p></div>", "content_text": "a </b>", "summary": "A summary.","#,
        r#" "external_url": "https://b.example/", "image": "https://a.example/i.png", "banner_image": "https://a.example/b.png","#,
        r#" "date_modified": "2026-01-03T04:05:06.7+03:30", "tags": ["آب", "a b"], "language": "en-GB","#,
        r#" "attachments": [{"url": "https://a.example/a.mp3", "mime_type": "audio/mpeg", "title": "x","#,
        r#" "size_in_bytes": 1, "duration_in_seconds": 2.5}]"#,
    )));
}

#[test]
fn what_is_required_is_there() {
    let good = json_feed("");
    for (key, part) in [
        ("version", r#""version": "https://jsonfeed.org/version/1.1", "#),
        ("title", r#""title": "The Far Bank", "#),
        ("id", r#""id": "tag:a.example,2026-01-02:water", "#),
    ] {
        let findings = found(&good.replace(part, ""));
        assert_eq!((findings.len(), findings[0].rule), (1, "missing-key"), "{key}");
    }
    assert_only(&format!("{JSON_HEAD}}}"), "missing-key", "{");
    assert_only(&good.replace(r#" "home_page_url": "https://a.example/","#, ""), "recommended-key", "{");
    assert_only(&json_item(""), "missing-content", "{");
    assert_only(&good.replace(r#" "language": "en","#, ""), "missing-language", "{");
    assert_only(&good.replace(r#" "authors": [{"name": "Mina"}],"#, ""), "missing-author", "{");
    let feed_only = json_feed(r#", "authors": [{"name": "Mina"}]"#);
    let inherited = feed_only.replacen(r#" "authors": [{"name": "Mina"}], "date"#, r#" "date"#, 1);
    assert_only(&inherited, "inherited-authors", "{");
}

#[test]
fn a_feed_has_nothing_it_must_not() {
    let cases: [Case; 24] = [
        (r#", "description": null"#, "null-value", "null"),
        (r#", "description": """#, "empty-string", "\"\""),
        (r#", "description": 1"#, "wrong-type", "1"),
        (r#", "description": "a &amp; b""#, "contains-html", "&amp;"),
        (r#", "expired": "true""#, "wrong-type", "\"true\""),
        (r#", "authors": {"name": "M"}"#, "wrong-type", r#"{"name": "M"}"#),
        (r#", "authors": ["Mina"]"#, "wrong-type", "\"Mina\""),
        (r#", "authors": [{}]"#, "empty-author", "{}"),
        (r#", "authors": [{"name": "M", "avatar": "m.png"}]"#, "invalid-link", "\"m.png\""),
        (r#", "author": {"name": "M"}"#, "deprecated-author", "\"author\""),
        (r#", "hubs": [{"url": "https://a.example/hub"}]"#, "missing-key", "{"),
        (r#", "hubs": [{"type": "WebSub", "url": "/hub"}]"#, "invalid-link", "\"/hub\""),
        (
            r#", "next_url": "https://a.example/feed.json""#,
            "next-url-is-feed-url",
            "\"https://a.example/feed.json\"",
        ),
        (r#", "icon": "/i.png""#, "invalid-link", "\"/i.png\""),
        (r#", "icon": "https://a.example/آ""#, "non-ascii-link", "\"https://a.example/آ\""),
        (r#", "homepage": "x""#, "unknown-key", "\"homepage\""),
        (r#", "feedUrl": "https://a.example/feed.json""#, "unknown-key", "\"feedUrl\""),
        (r#", "title": "x""#, "duplicate-key", "\"title\""),
        (r#", "_byline": [1]"#, "extension-not-an-object", "[1]"),
        (r#", "_byline": {"a": 1}"#, "extension-without-about", "\"_byline\""),
        (r#", "_1": {"about": "x"}"#, "extension-name", "\"_1\""),
        (r#", "_a": {"about": "x", "b.c": 1}"#, "extension-name", "\"b.c\""),
        (r#", "user_comment": "a\u0007b""#, "bad-characters", r"\u0007"),
        (r#", "user_comment": "a\u0085b""#, "bad-characters", r"\u0085"),
    ];
    for (inside, rule, at) in cases {
        assert_only(&json_feed(inside), rule, at);
    }
    assert!(found(&json_feed(r#", "feedUrl": 1"#))[0].hint.contains("`feed_url`"));
    assert_clean(&json_feed(r#", "author": {"name": "M"}, "authors": [{"name": "M"}]"#));
}

#[test]
fn an_article_has_nothing_it_must_not() {
    let cases: [Case; 19] = [
        (r#", "summary": "a </b>""#, "contains-html", "</b>"),
        (r#", "url2": "x""#, "unknown-key", "\"url2\""),
        (r#", "external_url": "b.example""#, "invalid-link", "\"b.example\""),
        (r#", "date_modified": "2026-01-03""#, "invalid-rfc3339-date", "\"2026-01-03\""),
        (
            r#", "date_modified": "2026-01-01T00:00:00Z""#,
            "updated-before-published",
            "\"2026-01-01T00:00:00Z\"",
        ),
        (r#", "date_modified": "2027-01-01T00:00:00Z""#, "implausible-date", "\"2027-01-01T00:00:00Z\""),
        (r#", "tags": "a""#, "wrong-type", "\"a\""),
        (r#", "tags": ["a", 1]"#, "wrong-type", "1"),
        (r#", "tags": ["a", ""]"#, "empty-string", "\"\""),
        (r#", "language": "en_GB""#, "invalid-language", "\"en_GB\""),
        (r#", "attachments": [{"url": "https://a.example/a"}]"#, "missing-key", "{"),
        (r#", "attachments": [{"mime_type": "audio/mpeg"}]"#, "missing-key", "{"),
        (
            r#", "attachments": [{"url": "https://a.example/a", "mime_type": "mp3"}]"#,
            "invalid-mime-type",
            "\"mp3\"",
        ),
        (
            r#", "attachments": [{"url": "https://a.example/a", "mime_type": "a/b", "size_in_bytes": "1"}]"#,
            "wrong-type",
            "\"1\"",
        ),
        (
            r#", "attachments": [{"url": "https://a.example/a", "mime_type": "a/b", "size_in_bytes": -1}]"#,
            "negative-number",
            "-1",
        ),
        (r#", "image": """#, "empty-string", "\"\""),
        (r#", "content_html": "<a href=\"/x\">y</a>""#, "contains-rel-ref", "/x"),
        (r#", "content_html": "\u003cscript>\u003c/script>""#, "security-risk", r"\u003cscript>"),
        (r#", "_x": {}"#, "extension-without-about", "\"_x\""),
    ];
    for (inside, rule, at) in cases {
        let content = if inside.contains("content_html") { "" } else { r#", "content_text": "x""# };
        assert_only(&json_item(&format!("{inside}{content}")), rule, at);
    }
    let number = json_feed("").replace("\"tag:a.example,2026-01-02:water\"", "7");
    assert_only(&number, "wrong-type", "7");
}

#[test]
fn versions_are_known() {
    let version = |version: &str| json_feed("").replace("https://jsonfeed.org/version/1.1", version);
    let old = "\"https://jsonfeed.org/version/1\"";
    assert_only(&version("https://jsonfeed.org/version/1"), "old-version", old);
    assert_only(&version("1.1"), "unknown-version", "\"1.1\"");
    let author = version("https://jsonfeed.org/version/1")
        .replace(r#""authors": [{"name": "Mina"}]"#, r#""author": {"name": "Mina"}"#);
    assert_only(&author, "old-version", old);
    assert_only(&author.replace(" \"language\": \"en\",", ""), "old-version", old);
    let nobody = author.replace(" \"author\": {\"name\": \"Mina\"},", "");
    assert!(found(&nobody)[1].hint.contains("`\"author\": {"), "{:?}", found(&nobody));
}

#[test]
fn ids_order_address_and_direction_are_as_in_the_other_formats() {
    let items = |first: &str, second: &str| {
        let item = |more: &str| format!("{{{JSON_ITEM}, \"content_text\": \"x\"}}").replace("water\"", more);
        format!("{JSON_HEAD}, \"items\": [{}, {}]}}", item(first), item(second))
    };
    assert_only(&items("water\"", "water\""), "duplicate-item-id", "\"tag:a.example,2026-01-02:water\"");
    let later = items("a\"", "b\"").replacen("2026-01-02T", "2026-01-01T", 1);
    assert_only(&later, "not-newest-first", "\"2026-01-02T00:00:00Z\"");
    let fetched = Expectation { self_url: Some("https://a.example/x".into()), ..expectation() };
    assert_eq!(lint(&json_feed(""), &fetched)[0].rule, "self-doesnt-match-location");
    let persian = json_item(r#", "language": "fa", "content_html": "<p dir=\"rtl\">این</p>""#);
    assert_only(&persian, "rtl-title-starts-left", "W");
}

#[test]
fn a_slip_in_json_is_placed() {
    let broken = json_feed("").replace("\"title\": \"The", "\"title\" \"The");
    let findings = found(&broken);
    assert_eq!((findings.len(), findings[0].rule), (1, "not-json"));
    assert!(
        broken[findings[0].span.start..].starts_with("\"The") || findings[0].span.start > 50,
        "{findings:?}"
    );
    assert_eq!(found("{\"version\": \"é\n")[0].rule, "not-json");
}
