//! How feeds are served, each promise by its number in `docs/feeds.md`.

use std::io::Read;

use serde_json::Value;

use crate::support::{
    http::Answer,
    newsroom::CONFIG,
    program::{Folder, Serving},
    wait_until,
};

const SITE: &str = "https://far-bank.example";

/// A newsroom with archives, a tag, a sound, a picture and a translation.
fn newsroom() -> Folder {
    let folder = Folder::with_config(CONFIG);
    for number in 0..25 {
        let text = format!(
            "---\ntitle: Piece {number}\ndate: 2026-01-{:02}\ntags: [Water]\n---\nText {number}. {}\n",
            number % 28 + 1,
            "Water runs under the town. ".repeat(20)
        );
        folder.write(&format!("articles/en/piece-{number}.md"), &text);
    }
    folder.write(
        "articles/en/heard.md",
        "---\ntitle: Heard\ndate: 2026-02-01\nenclosure: heard.mp3\nimage: wells.png\ntranslation: شنیده\nwritten_for: { outlet: bbc-online, url: \"https://www.bbc.com/news/heard\", date: 2026-01-30 }\n---\nA talk.\n",
    );
    folder.write("articles/fa/heard.md", "---\ntitle: شنیده\nslug: شنیده\ndate: 2026-02-02\n---\nگفت‌وگو.\n");
    folder.write("articles/en/heard.mp3", &"not really a sound ".repeat(50));
    folder.write("articles/en/wells.png", "not really a picture");
    folder
}

fn ask(serving: &Serving, path: &str, headers: &[(&str, &str)]) -> Answer {
    serving.request("GET", path, headers, "")
}

fn head(serving: &Serving, path: &str) -> Answer {
    serving.request("HEAD", path, &[], "")
}

fn local(url: &str) -> String {
    url.replace(SITE, "")
}

const FEEDS: [&str; 7] = [
    "/feed.rss",
    "/feed.atom",
    "/feed.json",
    "/fa/feed.rss",
    "/tags/water/feed.atom",
    "/archive/1.rss",
    "/archive/2.json",
];

#[test]
fn f22_a_page_says_to_people_and_machines_for_whom_it_was_written() {
    let folder = newsroom();
    let serving = folder.serve();
    let page = serving.get("/heard/").text();
    assert!(page.contains("class=\"written-for\"") && page.contains(">BBC Online</a>."), "{page}");
    assert_eq!(page.matches("rel=\"canonical\"").count(), 1);
    assert!(page.contains("<link rel=\"canonical\" href=\"https://www.bbc.com/news/heard\">"));
    assert!(page.contains("u-syndication") && page.contains("property=\"og:type\" content=\"article\""));
    assert!(
        page.contains(&format!("hreflang=\"fa\" href=\"{SITE}/%D8%B4%D9%86%DB%8C%D8%AF%D9%87/\"")),
        "{page}"
    );
    let data = page
        .split("<script type=\"application/ld+json\">")
        .nth(1)
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["isBasedOn"]["url"], "https://www.bbc.com/news/heard");
    assert_eq!(data["sourceOrganization"]["name"], "BBC Online");
    assert_eq!(data["translationOfWork"]["inLanguage"], "fa");
}

#[test]
fn f24_a_sound_has_the_length_and_type_that_the_feeds_say() {
    let folder = newsroom();
    let serving = folder.serve();
    let rss = serving.get("/feed.rss").text();
    let document = roxmltree::Document::parse(&rss).unwrap();
    let enclosures: Vec<_> = document.descendants().filter(|node| node.has_tag_name("enclosure")).collect();
    assert_eq!(enclosures.len(), 1);
    let enclosure = enclosures[0];
    let sound = head(&serving, &local(enclosure.attribute("url").unwrap()));
    assert_eq!(sound.status, 200);
    assert_eq!(enclosure.attribute("length"), Some(sound.header("content-length")));
    assert_eq!(enclosure.attribute("type"), Some(sound.header("content-type")));
    let atom = serving.get("/feed.atom").text();
    let document = roxmltree::Document::parse(&atom).unwrap();
    let links: Vec<_> =
        document.descendants().filter(|node| node.attribute("rel") == Some("enclosure")).collect();
    assert_eq!(links.len(), 1);
    for name in ["length", "type"] {
        assert_eq!(links[0].attribute(name), enclosure.attribute(name));
    }
    assert_eq!(links[0].attribute("href"), enclosure.attribute("url"));
    let json: Value = serde_json::from_slice(&serving.get("/feed.json").body).unwrap();
    let heard = json["items"].as_array().unwrap().iter().find(|item| item["title"] == "Heard").unwrap();
    assert_eq!(heard["attachments"][0]["size_in_bytes"].to_string(), sound.header("content-length"));
    assert_eq!(heard["image"], format!("{SITE}/media/en/wells.png"));
}

#[test]
fn f26_pictures_that_readers_ask_for_are_there() {
    let folder = newsroom();
    let serving = folder.serve();
    let rss = serving.get("/feed.rss").text();
    let document = roxmltree::Document::parse(&rss).unwrap();
    let channel = document.root_element().first_element_child().unwrap();
    let child = |of: roxmltree::Node<'_, '_>, name: &str| {
        let found = of.children().find(|child| child.has_tag_name(name)).unwrap();
        found.text().unwrap_or_default().to_string()
    };
    let image = channel.children().find(|child| child.has_tag_name("image")).unwrap();
    assert_eq!(
        (child(image, "title"), child(image, "link")),
        (child(channel, "title"), child(channel, "link"))
    );
    let json: Value = serde_json::from_slice(&serving.get("/feed.json").body).unwrap();
    let mut asked =
        vec![child(image, "url"), format!("{SITE}/favicon.ico"), format!("{SITE}/assets/logo.png")];
    asked.extend(["icon", "favicon"].map(|name| json[name].as_str().unwrap().to_string()));
    for url in asked {
        let picture = serving.get(&local(&url));
        assert_eq!(picture.status, 200, "{url}");
        let is_icon = url.ends_with(".ico");
        let media_type = if is_icon { "image/vnd.microsoft.icon" } else { "image/png" };
        assert_eq!(picture.header("content-type"), media_type);
        assert_eq!(&picture.body[..4], if is_icon { b"\0\0\x01\0" } else { b"\x89PNG" });
        assert!(picture.header("cache-control").contains("max-age=3600"));
    }
}

#[test]
fn f28_the_hub_is_named_alike_in_documents_and_headers() {
    let folder = newsroom();
    let serving = folder.serve();
    for path in ["/feed.rss", "/feed.atom", "/feed.json", "/tags/water/feed.rss"] {
        let feed = serving.get(path);
        let wanted = format!("<{SITE}{path}>; rel=\"self\", <{SITE}/hub>; rel=\"hub\"");
        assert_eq!(feed.header("link"), wanted);
        assert_eq!(head(&serving, path).header("link"), wanted);
        let known = ask(&serving, path, &[("If-None-Match", feed.header("etag"))]);
        assert_eq!((known.status, known.header("link")), (304, wanted.as_str()));
        assert!(feed.text().contains(&format!("{SITE}/hub")), "{path}");
    }
}

#[test]
fn f29_pages_of_a_feed_are_its_archives() {
    let folder = newsroom();
    let serving = folder.serve();
    assert_eq!(serving.get("/feed.rss?page=1").body, serving.get("/feed.rss").body);
    let second = serving.get("/feed.rss?page=2");
    assert_eq!((second.status, second.header("location")), (302, "/archive/2.rss"));
    assert_eq!(serving.get("/feed.rss?page=3").header("location"), "/archive/1.rss");
    assert_eq!(serving.get("/feed.rss?page=4").status, 404);
    for wrong in ["x", "0", "-1", ""] {
        assert_eq!(serving.get(&format!("/feed.rss?page={wrong}")).status, 400, "{wrong}");
    }
}

#[test]
fn f30_every_page_leads_to_its_feeds() {
    let folder = newsroom();
    let serving = folder.serve();
    let persian = "/%D8%B4%D9%86%DB%8C%D8%AF%D9%87/";
    for path in [
        "/",
        "/fa/",
        "/heard/",
        persian,
        "/tags/",
        "/tags/water/",
        "/outlets/bbc-online/",
        "/subscribe/",
        "/page/1/",
        "/nothing/",
    ] {
        let page = serving.get(path).text();
        for kind in ["rss+xml", "atom+xml", "feed+json"] {
            let links = page
                .matches(&format!("<link rel=\"alternate\" type=\"application/{kind}\" title=\""))
                .count();
            assert!(links >= 1, "{path} {kind}");
        }
    }
    let tag = serving.get("/tags/water/").text();
    let first = tag.split("type=\"application/rss+xml\"").nth(1).unwrap().split('>').next().unwrap();
    assert!(first.contains("/tags/water/feed.rss"), "its own feed first: {first}");
}

#[test]
fn f31_f32_types_are_exact_and_head_is_get_without_a_body() {
    let folder = newsroom();
    let serving = folder.serve();
    for path in FEEDS {
        let feed = serving.get(path);
        let media_type = match path.rsplit_once('.').unwrap().1 {
            "rss" => "application/rss+xml; charset=utf-8",
            "atom" => "application/atom+xml; charset=utf-8",
            _ => "application/feed+json",
        };
        assert_eq!((feed.status, feed.header("content-type")), (200, media_type), "{path}");
        assert_eq!(feed.header("x-content-type-options"), "nosniff");
        let mut headers = head(&serving, path);
        assert!(headers.body.is_empty());
        let mut get = feed.headers.clone();
        for headers in [&mut get, &mut headers.headers] {
            headers.remove("date");
        }
        assert_eq!(headers.headers, get, "{path}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let refused = serving.request(method, path, &[], "");
            assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"), "{method} {path}");
        }
    }
}

#[test]
fn f33_f34_f35_whoever_has_it_is_told_so_in_every_way_of_asking() {
    let folder = newsroom();
    let serving = folder.serve();
    for path in FEEDS {
        let feed = serving.poll(path);
        let (etag, modified) = (feed.header("etag").to_string(), feed.header("last-modified").to_string());
        let core = etag.trim_start_matches("W/").trim_matches('"').to_string();
        for tag in [
            etag.clone(),
            format!("\"{core}\""),
            core.clone(),
            format!("\"x\", {etag}"),
            "*".into(),
            format!("\"{core}-gzip\""),
            format!("W/\"{core}-br\""),
        ] {
            let known = ask(&serving, path, &[("If-None-Match", &tag)]);
            assert_eq!(known.status, 304, "{path} {tag}");
            for name in ["etag", "last-modified", "cache-control", "vary", "link"] {
                assert_eq!(known.header(name), feed.header(name), "{path} {name}");
            }
        }
        let both = [("If-None-Match", "\"other\""), ("If-Modified-Since", modified.as_str())];
        assert_eq!(ask(&serving, path, &both).status, 200, "the tag wins");
        assert_eq!(ask(&serving, path, &[("If-Modified-Since", &modified)]).status, 304);
        let exact = chrono::DateTime::parse_from_rfc2822(&modified).unwrap().to_utc();
        assert!(modified.ends_with(" GMT") && exact <= chrono::Utc::now(), "{modified}");
        let earlier = (exact - chrono::TimeDelta::seconds(1)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        for date in [&earlier, "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT", "yesterday"]
        {
            assert_eq!(ask(&serving, path, &[("If-Modified-Since", date)]).status, 200, "{date}");
        }
    }
}

#[test]
fn f36_f40_feeds_may_be_kept_and_nothing_about_them_differs_by_query_or_cookie() {
    let folder = newsroom();
    let serving = folder.serve();
    let rss = serving.get("/feed.rss");
    let ttl: u32 = rss.text().split("<ttl>").nth(1).unwrap().split('<').next().unwrap().parse().unwrap();
    for path in FEEDS {
        let feed = serving.poll(path);
        let age = if path.contains("archive") { 86_400 } else { ttl * 60 };
        assert_eq!(feed.header("cache-control"), format!("public, max-age={age}"), "{path}");
        assert_eq!((feed.header("set-cookie"), feed.header("access-control-allow-origin")), ("", "*"));
        let noisy = serving.poll(&format!("{path}?utm_source=x&fbclid=1"));
        assert_eq!((noisy.status, &noisy.body, noisy.header("etag")), (200, &feed.body, feed.header("etag")));
        assert_eq!(noisy.header("link"), feed.header("link"), "its own address, not the one with the query");
    }
    for (old, new) in [
        ("/feed/", "/feed.rss"),
        ("/feed", "/feed.rss"),
        ("/feed/atom/", "/feed.atom"),
        ("/rss.xml", "/feed.rss"),
        ("/fa/feed/", "/fa/feed.rss"),
        ("/tags/water/feed/", "/tags/water/feed.rss"),
        ("/?feed=rss2", "/feed.rss"),
        ("/?feed=atom", "/feed.atom"),
        ("/?feed=json", "/feed.json"),
    ] {
        let moved = serving.get(old);
        assert_eq!((moved.status, moved.header("location")), (301, new), "{old}");
    }
}

#[test]
fn old_addresses_with_a_number_lead_to_their_piece() {
    let folder = newsroom();
    folder.write(
        "articles/en/old.md",
        "---\ntitle: Old\ndate: 2020-01-01\nguid: https://old.example/?p=1043\n---\nText.\n",
    );
    let serving = folder.serve();
    let moved = serving.get("/?p=1043");
    assert_eq!((moved.status, moved.header("location")), (301, "/old/"));
    assert_eq!(serving.get("/?p=1044").status, 200, "a query that says nothing");
}

#[test]
fn f37_every_encoding_is_the_same_feed() {
    let folder = newsroom();
    let serving = folder.serve();
    for path in FEEDS {
        let plain = serving.poll(path);
        let asked = |encodings: &str| {
            ask(&serving, path, &[("If-None-Match", "\"other\""), ("Accept-Encoding", encodings)])
        };
        let gzip = asked("gzip;q=1.0, br;q=0");
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut text).unwrap();
        assert_eq!((gzip.header("content-encoding"), &text), ("gzip", &plain.body), "{path}");
        let br = asked("gzip, deflate, br, zstd");
        let mut text = Vec::new();
        brotli::Decompressor::new(&br.body[..], 4096).read_to_end(&mut text).unwrap();
        assert_eq!((br.header("content-encoding"), &text), ("br", &plain.body), "{path}");
        for answer in [&gzip, &br] {
            assert_eq!(answer.header("etag"), plain.header("etag"));
            assert!(answer.header("vary").contains("Accept-Encoding"));
        }
        assert_eq!(asked("identity").header("content-encoding"), "");
    }
}

#[test]
fn f38_whoever_asks_politely_is_never_put_off_and_whoever_does_not_is_told_how() {
    let folder = newsroom();
    let serving = folder.serve();
    let etag = serving.get("/feed.rss").header("etag").to_string();
    for _ in 0..60 {
        assert_eq!(ask(&serving, "/feed.rss", &[("If-None-Match", &etag)]).status, 304);
    }
    let rude: Vec<Answer> = (0..40).map(|_| serving.get("/feed.rss")).collect();
    let refused: Vec<&Answer> = rude.iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.len() >= 20, "{} of 40", refused.len());
    let wait: u64 = refused[0].header("retry-after").parse().unwrap();
    assert!((1..=600).contains(&wait));
    assert!(refused[0].text().contains("If-None-Match"));
    assert_eq!(ask(&serving, "/feed.rss", &[("If-None-Match", &etag)]).status, 304, "politely now");
    assert_eq!(serving.get("/feed.atom").status, 200, "another feed");
    assert_eq!(ask(&serving, "/feed.rss", &[("User-Agent", "Another")]).status, 200, "another reader");
    let elsewhere = [("X-Forwarded-For", "203.0.113.7")];
    assert_eq!(ask(&serving, "/feed.rss", &elsewhere).status, 200, "another household behind a proxy");
}

#[test]
fn f39_readers_get_the_feed_whatever_they_accept_and_a_person_gets_a_page() {
    let folder = newsroom();
    let serving = folder.serve();
    let feed = serving.get("/feed.rss");
    for accept in
        ["application/json", "image/png", "text/html", "application/atom+xml, text/html;q=0.7", "*/*"]
    {
        let answer = ask(&serving, "/feed.rss", &[("Accept", accept), ("User-Agent", accept)]);
        assert_eq!((answer.status, &answer.body), (200, &feed.body), "{accept}");
    }
    assert!(feed.header("vary").contains("Sec-Fetch-Dest"));
    let browser = [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"), ("Accept", "text/html")];
    for path in ["/feed.rss", "/fa/feed.atom", "/tags/water/feed.json", "/archive/1.atom"] {
        let page = ask(&serving, path, &browser);
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), "private, no-store");
        assert!(page.header("vary").contains("Sec-Fetch-Dest") && page.header("etag").is_empty());
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
        let address =
            format!("{SITE}{}feed.rss", path.split("feed.").next().unwrap().split("archive").next().unwrap());
        assert!(page.text().contains(&address), "{path} names the address to copy: {}", page.text());
    }
    let raw = ask(&serving, "/feed.rss?raw", &browser);
    assert!(raw.body == feed.body);
    let known = [browser[0], browser[1], ("If-None-Match", feed.header("etag"))];
    assert_eq!(ask(&serving, "/feed.rss", &known).status, 200, "a person never gets an empty answer");
    folder.write("articles/en/kept.md", "---\ntitle: Kept\ndate: 2026-02-03\ntags: [My archive]\n---\nX.\n");
    let tag = "/tags/my-archive/feed.rss";
    wait_until("the tag", 15, || serving.poll(tag).status == 200);
    assert!(ask(&serving, tag, &browser).text().contains(&format!("{SITE}{tag}")));
}

#[test]
fn e2_a_reader_that_can_gets_only_what_is_new() {
    let folder = newsroom();
    let serving = folder.serve();
    for path in ["/feed.rss", "/feed.atom"] {
        let before = serving.get(path);
        let name = path.trim_start_matches("/feed.");
        folder.write(
            &format!("articles/en/news-{name}.md"),
            &format!("---\ntitle: News {name}\ndate: 2026-02-10\n---\nNew.\n"),
        );
        wait_until("the news", 15, || serving.poll(path).text().contains(&format!("News {name}")));
        let etag = before.header("etag").to_string();
        let delta = ask(&serving, path, &[("If-None-Match", &etag), ("A-IM", "feed, gzip")]);
        assert_eq!((delta.status, delta.header("im")), (226, "feed"), "{path}");
        let text = delta.text();
        assert!(text.contains(&format!("News {name}")) && !text.contains("Heard"), "{text}");
        roxmltree::Document::parse(&text).unwrap();
        let whole = serving.poll(path);
        assert_eq!(delta.header("etag"), whole.header("etag"));
        assert!(delta.header("cache-control").contains("no-store"));
        let now = [("If-None-Match", whole.header("etag")), ("A-IM", "feed")];
        assert_eq!(ask(&serving, path, &now).status, 304);
        assert_eq!(ask(&serving, path, &[("If-None-Match", &etag)]).status, 200, "never without being asked");
        let unknown = [("If-None-Match", "\"unknown\""), ("A-IM", "feed")];
        assert_eq!(ask(&serving, path, &unknown).body, whole.body);
    }
}

#[test]
fn e6_a_withdrawn_piece_leaves_the_feeds_and_says_so_at_its_address() {
    let folder = newsroom();
    let serving = folder.serve();
    assert!(serving.get("/archive/1.atom").text().contains("Piece 3"));
    std::fs::remove_file(folder.path("articles/en/piece-3.md")).unwrap();
    wait_until("the piece to go", 15, || serving.get("/piece-3/").status == 410);
    for path in ["/feed.atom", "/archive/1.atom", "/tags/water/feed.atom"] {
        let text = serving.poll(path).text();
        assert!(!text.contains("Piece 3<"), "{path}");
        roxmltree::Document::parse(&text).unwrap();
    }
}
