//! What feeds promise beyond `feed_rules` and `feed_serving`, by the same numbers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    readers::{node_readers, output, repository, url},
    support::{
        newsboat,
        newsroom::{CONFIG, Newsroom},
        program::{Folder, Serving},
    },
};

const SITE: &str = "https://far-bank.example";
const FORMATS: [&str; 3] = ["rss", "atom", "json"];

fn titles(read: &Value) -> BTreeSet<String> {
    let entries = read["entries"].as_array().unwrap_or_else(|| panic!("{read:#}"));
    entries.iter().map(|entry| entry["title"].as_str().unwrap_or_default().to_string()).collect()
}

#[test]
fn f06_titles_arrive_as_typed_in_the_programs_that_people_read_with() {
    const TITLES: [&str; 3] =
        ["The <canvas> element & \"q\" ]]>", "می\u{200C}خواهم \u{200F}BBC", "👩\u{200D}👩\u{200D}👧 ok"];
    let folder = Folder::with_config(CONFIG);
    for (number, title) in TITLES.iter().enumerate() {
        let text = format!("+++\ntitle = '''{title}'''\ndate = \"2026-01-0{}\"\n+++\nText.\n", number + 1);
        folder.write(&format!("articles/en/t{number}.md"), &text);
    }
    let serving = folder.serve();
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let own = tempfile::tempdir().unwrap();
    for format in ["rss", "atom"] {
        let feed = url(&serving, &format!("/feed.{format}"));
        for script in ["read_feeds.py", "sfeed.py"] {
            let script_path = repository(&format!("tests/readers/{script}"));
            let said = output(Command::new("/usr/bin/python3").arg(script_path).arg(&feed));
            read.insert(format!("{script} {format}"), titles(&said));
        }
        let folder = own.path().join(format);
        fs::create_dir(&folder).unwrap();
        let items = newsboat::reload(&folder, &[&feed]);
        read.insert(format!("newsboat {format}"), items.into_iter().map(|item| item.title).collect());
        let parsed = feed_rs::parser::parse(&serving.poll(&format!("/feed.{format}")).body[..]).unwrap();
        let parsed = parsed.entries.into_iter().map(|entry| entry.title.unwrap().content).collect();
        read.insert(format!("feed-rs {format}"), parsed);
    }
    let modules = node_readers();
    let said = output(
        Command::new(format!("{modules}/node"))
            .arg(repository("tests/readers/read_feeds.mjs"))
            .args(["--modules", modules])
            .args(FORMATS.map(|format| url(&serving, &format!("/feed.{format}")))),
    );
    for (format, readers) in FORMATS.iter().zip(said.as_array().unwrap()) {
        for reader in ["rss-parser", "feedsmith", "node-feedparser"] {
            // JSON Feed is for one of them alone.
            if *format != "json" || reader == "feedsmith" {
                read.insert(format!("{reader} {format}"), titles(&readers[reader]));
            }
        }
    }
    assert_eq!(read.len(), 15, "{:?}", read.keys());
    let typed: BTreeSet<String> = TITLES.map(str::to_string).into();
    // It takes titles for HTML, whoever writes them.
    let stripped: BTreeSet<String> = TITLES.map(|title| title.replace("<canvas>", "")).into();
    for (reader, titles) in &read {
        let wanted = if reader.starts_with("node-feedparser") { &stripped } else { &typed };
        assert_eq!(titles, wanted, "{reader}");
    }
}

/// Every id in the joint JSON feed and its archives, as they lie in `public/`.
fn published_ids(folder: &Folder) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut next = Some("/feed.json".to_string());
    while let Some(path) = next.take() {
        let feed: Value = serde_json::from_str(&folder.read(&format!("public{path}"))).unwrap();
        let items = feed["items"].as_array().unwrap();
        ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_string()));
        next = feed["next_url"].as_str().map(|url| url.replace(SITE, ""));
    }
    ids
}

fn feed_id(folder: &Folder) -> String {
    let atom = folder.read("public/feed.atom");
    atom.split("<id>").nth(1).unwrap().split("</id>").next().unwrap().to_string()
}

#[test]
fn f07_ids_outlive_a_backup_that_comes_back_and_a_move_to_another_machine() {
    let piece = |number: usize, keys: &str| {
        format!(
            "---\ntitle: Piece {number}\ndate: 2026-01-{:02}\n{keys}---\nText {number}.\n",
            number % 28 + 1
        )
    };
    let folder = Folder::with_config(CONFIG);
    for number in 0..30 {
        folder.write(&format!("articles/en/piece-{number}.md"), &piece(number, ""));
    }
    folder.write("articles/en/brought.md", &piece(30, "guid: \"https://old.example/?p=7\"\n"));
    folder.run(&["build"]).done();
    let (before, own) = (published_ids(&folder), feed_id(&folder));
    assert_eq!(before.len(), 31);
    assert!(before.contains("https://old.example/?p=7"));
    let backup = folder.path("backup");
    fs::create_dir(&backup).unwrap();
    for entry in fs::read_dir(folder.path("data")).unwrap().flatten() {
        fs::copy(entry.path(), backup.join(entry.file_name())).unwrap();
    }

    // After the backup: another name, other words, another address, and a new piece.
    fs::rename(folder.path("articles/en/piece-1.md"), folder.path("articles/en/renamed.md")).unwrap();
    folder.write("articles/en/piece-2.md", &piece(2, "slug: elsewhere\n").replace("Piece 2", "Other words"));
    folder.write("articles/en/new.md", &piece(31, ""));
    folder.run(&["build"]).done();
    let after = published_ids(&folder);
    assert!(after.is_superset(&before) && after.len() == 32, "{:?}", before.difference(&after));

    fs::remove_dir_all(folder.path("data")).unwrap();
    fs::rename(&backup, folder.path("data")).unwrap();
    folder.run(&["build"]).done();
    assert_eq!((published_ids(&folder), feed_id(&folder)), (after.clone(), own.clone()), "from the backup");

    // Elsewhere there are only the files. Who was never renamed is who it was.
    let other = Folder::with_config(CONFIG);
    for entry in fs::read_dir(folder.path("articles/en")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        other.write(&format!("articles/en/{name}"), &folder.read(&format!("articles/en/{name}")));
    }
    other.run(&["build"]).done();
    let elsewhere = published_ids(&other);
    let lost: Vec<&String> = after.difference(&elsewhere).collect();
    assert_eq!(
        lost,
        ["tag:far-bank.example,2026-01-02:en/piece-1"],
        "the one that was renamed, without a `guid:`"
    );
    assert_eq!(feed_id(&other), own);
}

#[test]
fn f13_no_feed_of_any_section_or_format_is_longer_than_readers_fetch_at_every_visit() {
    const ENTRIES_MAX: usize = 20;
    /// Texts of 250 KiB, and what stands round them.
    const BYTES_MAX: usize = 320 * 1024;
    for paragraphs in [1, 60, 1_000] {
        let mut newsroom = Newsroom::new();
        for number in 0..40 {
            let folder = ["en", "fa"][number % 2];
            let text = format!(
                "---\ntitle: Piece {number}\ndate: 2026-01-{:02} {:02}:00\ntags: [Water]\nwritten_for: bbc-online\n---\n{}\n",
                number % 28 + 1,
                number / 28,
                "A long paragraph with a \"quotation\". ".repeat(paragraphs)
            );
            newsroom.write(&format!("articles/{folder}/piece-{number}.md"), text);
        }
        newsroom.look();
        let mut seen = 0;
        for (path, bytes) in newsroom.published() {
            let is_feed = FORMATS.iter().any(|format| path.ends_with(&format!("feed.{format}")));
            if !is_feed {
                continue;
            }
            seen += 1;
            assert!(bytes.len() <= BYTES_MAX, "{path} has {} KiB", bytes.len() / 1024);
            let text = String::from_utf8(bytes).unwrap();
            let entries = match path.rsplit_once('.').unwrap().1 {
                "rss" => text.matches("<item>").count(),
                "atom" => text.matches("<entry>").count() + text.matches("<entry ").count(),
                _ => serde_json::from_str::<Value>(&text).unwrap()["items"].as_array().unwrap().len(),
            };
            assert!((1..=ENTRIES_MAX).contains(&entries), "{path} has {entries} entries");
        }
        assert_eq!(seen, 15, "the site, two languages, a tag and an outlet, in three formats");
    }
}

/// The content of each `<meta property=…>`.
fn properties(page: &str) -> BTreeMap<String, String> {
    let tags = page.split("<meta property=\"").skip(1);
    tags.map(|tag| {
        let (name, rest) = tag.split_once('"').unwrap();
        let content = rest.split_once("content=\"").unwrap().1.split('"').next().unwrap();
        (name.to_string(), content.to_string())
    })
    .collect()
}

#[test]
fn f22_one_canonical_address_as_the_outlet_has_it_and_the_whole_of_open_graph() {
    let outlets = ["canonical", "noindex", "index"].map(|policy| {
        format!("[outlet.o-{policy}]\nname = \"The {policy} Post\"\nsearch_engines = \"{policy}\"\n")
    });
    let config = CONFIG.replace(
        "[newsletter.dispatches]\nname",
        &format!("{}[newsletter.dispatches]\nname", outlets.concat()),
    );
    let mut newsroom = Newsroom::with(&config);
    let original = "https://post.example/?a=1&b=2";
    for policy in ["canonical", "noindex", "index"] {
        for (kind, url) in [("linked", format!(", url: \"{original}\"")), ("unlinked", String::new())] {
            let text = format!(
                "---\ntitle: \"A <{policy}> & {kind}\"\nslug: {policy}-{kind}\ndate: 2026-02-01\nupdated: 2026-02-03\nsummary: About \"it\".\nimage: {{ src: wells.png, alt: Wells }}\nwritten_for: {{ outlet: o-{policy}{url} }}\n---\nText.\n"
            );
            newsroom.write(&format!("articles/en/{policy}-{kind}.md"), text);
        }
    }
    newsroom.write("articles/en/wells.png", "not really a picture");
    newsroom.write("articles/en/own.md", "---\ntitle: Own\ndate: 2026-02-01\n---\nText.\n");
    newsroom.look();
    assert_eq!(newsroom.problems(), Vec::<String>::new());
    for (slug, canonical, is_hidden) in [
        ("canonical-linked", "https://post.example/?a=1&amp;b=2", false),
        ("canonical-unlinked", "", false),
        ("noindex-linked", "", true),
        ("noindex-unlinked", "", true),
        ("index-linked", "", false),
        ("index-unlinked", "", false),
        ("own", "", false),
    ] {
        let page = newsroom.page(&format!("/{slug}/"));
        let own = format!("{SITE}/{slug}/");
        let canonical = if canonical.is_empty() { own.as_str() } else { canonical };
        let links: Vec<&str> = page
            .split("<link rel=\"canonical\" href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        // `=` may be written as a reference in an attribute.
        assert_eq!(
            links.iter().map(|link| link.replace("&#x3D;", "=")).collect::<Vec<_>>(),
            [canonical],
            "{slug}"
        );
        let robots = page.matches("<meta name=\"robots\" content=\"noindex\">").count();
        assert_eq!(robots, usize::from(is_hidden), "{slug}");
        let said = properties(&page);
        assert_eq!(said["og:url"], own, "{slug}: Open Graph is about our own page");
        assert_eq!((said["og:type"].as_str(), said["og:locale"].as_str()), ("article", "en_GB"), "{slug}");
        assert_eq!(
            (said["og:site_name"].as_str(), said["article:published_time"].as_str()),
            ("The Far Bank", "2026-02-01T00:00:00Z")
        );
        for name in ["og:title", "og:description", "article:modified_time"] {
            assert!(said.get(name).is_some_and(|content| !content.is_empty()), "{slug}: {name}");
        }
        if slug == "own" {
            continue;
        }
        assert_eq!(said["og:image"], format!("{SITE}/media/en/wells.png"));
        assert_eq!(said["article:modified_time"], "2026-02-03T00:00:00Z");
        assert!(said["og:title"].contains("&lt;") && !page.contains("<canonical>"), "{slug}");
        let data = page
            .split("<script type=\"application/ld+json\">")
            .nth(1)
            .unwrap()
            .split("</script>")
            .next()
            .unwrap();
        let data: Value = serde_json::from_str(data).unwrap_or_else(|why| panic!("{slug}: {why}"));
        let policy = slug.split('-').next().unwrap();
        assert_eq!(data["sourceOrganization"]["name"], format!("The {policy} Post"));
        let is_linked = slug.ends_with("-linked");
        assert_eq!(data["isBasedOn"]["url"].as_str(), is_linked.then_some(original), "{slug}");
        // In the text, where people read it, not only in the head.
        let body = page.split("<body").nth(1).unwrap();
        let line = body.split("class=\"written-for\"").nth(1).unwrap().split("</p>").next().unwrap();
        assert!(!line.contains("hidden") && line.contains(&format!("The {policy} Post")), "{line}");
        assert_eq!(line.contains("href="), is_linked, "{slug}");
    }
}

/// Width and height of a PNG.
fn size_of(png: &[u8]) -> (u32, u32) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn f26_every_picture_that_a_feed_or_a_page_names_is_there_fits_and_is_kept() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/wells.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
    let serving = folder.serve();
    let (rss, atom) = (serving.poll("/feed.rss").text(), serving.poll("/feed.atom").text());
    let element = |xml: &str, path: &[&str]| {
        let document = roxmltree::Document::parse(xml).unwrap();
        let mut node = document.root_element();
        for name in path {
            node = node
                .children()
                .find(|child| child.tag_name().name() == *name)
                .unwrap_or_else(|| panic!("{path:?}"));
        }
        node.text().unwrap().to_string()
    };
    let json: Value = serde_json::from_slice(&serving.poll("/feed.json").body).unwrap();
    let picture = |name: &str, url: &str, fits: fn(u32, u32) -> bool| {
        assert!(url.starts_with(SITE), "{name}: {url} is absolute");
        let path = url.replace(SITE, "");
        let first = serving.get(&path);
        assert_eq!((first.status, first.header("content-type")), (200, "image/png"), "{name}: {url}");
        assert!(first.header("cache-control").contains("public, max-age="), "{name}");
        let again = serving.request("GET", &path, &[("If-None-Match", first.header("etag"))], "");
        assert_eq!(again.status, 304, "{name}");
        let (width, height) = size_of(&first.body);
        assert!(fits(width, height), "{name}: {width} × {height}");
    };
    picture("RSS image", &element(&rss, &["channel", "image", "url"]), |width, height| {
        width <= 144 && height <= 400
    });
    picture("Atom icon", &element(&atom, &["icon"]), |width, height| width == height);
    picture("Atom logo", &element(&atom, &["logo"]), |width, height| width == 2 * height);
    picture("JSON icon", json["icon"].as_str().unwrap(), |width, height| width == height && width >= 512);
    picture("JSON favicon", json["favicon"].as_str().unwrap(), |width, height| {
        width == height && width >= 64
    });
    let page = serving.get("/").text();
    let icons: Vec<&str> =
        page.split("<link rel=\"").filter(|link| link.split('"').next().unwrap().contains("icon")).collect();
    assert!(icons.len() >= 2, "{page}");
    for icon in icons {
        let path = icon.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
        let answer = serving.get(path);
        assert!(answer.status == 200 && answer.header("cache-control").contains("max-age="), "{path}");
    }
}

#[test]
fn f29_archives_say_what_they_are_and_every_link_between_them_leads_somewhere() {
    const HISTORY: &str = "http://purl.org/syndication/history/1.0";
    let mut newsroom = Newsroom::new();
    for number in 0..45 {
        newsroom = newsroom.piece(
            &format!("piece-{number:02}"),
            &format!("2026-01-01 {:02}:{:02}", number / 60, number % 60),
        );
        newsroom.write(
            &format!("articles/fa/f-{number}.md"),
            format!(
                "---\ntitle: پارهٔ {number}\nslug: f-{number}\ndate: 2026-01-02 00:{number:02}\n---\nمتن.\n"
            ),
        );
    }
    newsroom.look();
    let mut chains = 0;
    for section in ["/", "/en/", "/fa/"] {
        for format in ["rss", "atom"] {
            let archive = |number: usize| format!("{section}archive/{number}.{format}");
            let count =
                (1..1000).take_while(|number| newsroom.stands_at(&archive(*number)) == "a page").count();
            assert!(count >= 2, "{section} {format}: {count}");
            let links = |path: &str| -> (bool, BTreeMap<String, Vec<String>>) {
                let xml = newsroom.page(path);
                let document = roxmltree::Document::parse(&xml).unwrap();
                let is_archive = document.descendants().any(|node| node.has_tag_name((HISTORY, "archive")));
                let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
                let of_items = |node: roxmltree::Node<'_, '_>| {
                    node.ancestors().any(|node| matches!(node.tag_name().name(), "item" | "entry"))
                };
                for link in
                    document.descendants().filter(|node| node.tag_name().name() == "link" && !of_items(*node))
                {
                    if let (Some(rel), Some(href)) = (link.attribute("rel"), link.attribute("href")) {
                        links.entry(rel.to_string()).or_default().push(href.replace(SITE, ""));
                    }
                }
                (is_archive, links)
            };
            let main = format!("{section}feed.{format}");
            let (is_archive, of_main) = links(&main);
            assert!(!is_archive && of_main["prev-archive"] == [archive(count)], "{main}: {of_main:?}");
            assert!(!of_main.contains_key("next-archive"), "{main}");
            for number in 1..=count {
                let path = archive(number);
                let (is_archive, own) = links(&path);
                assert!(is_archive, "{path} has no fh:archive");
                assert_eq!(own["self"], [path.as_str()]);
                assert_eq!(own["current"], [main.as_str()], "{path}");
                let neighbour = |rel: &str| own.get(rel).map(|links| links.join(" "));
                assert_eq!(neighbour("prev-archive"), (number > 1).then(|| archive(number - 1)), "{path}");
                assert_eq!(
                    neighbour("next-archive"),
                    (number < count).then(|| archive(number + 1)),
                    "{path}"
                );
                for link in own.values().flatten() {
                    assert!(newsroom.stands_at(link) == "a page" || link.ends_with("/hub"), "{path}: {link}");
                }
                chains += 1;
            }
        }
    }
    assert!(chains >= 12, "{chains}");
}

/// What Chromium makes of an address, without XSLT.
fn chromium(serving: &Serving, path: &str) -> String {
    let own = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-features=XSLT", "--dump-dom"])
        .arg(format!("--user-data-dir={}", own.path().display()))
        .arg(format!("http://{}{path}", serving.address))
        .stdin(Stdio::null())
        .output()
        .expect("chromium");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn f39_a_person_who_opens_a_feed_in_a_browser_without_xslt_sees_a_page() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/wells.md", "---\ntitle: Wells under the town\ndate: 2026-03-01\nwritten_for: { outlet: bbc-online, url: \"https://www.bbc.com/news/x\" }\n---\nWater.\n");
    let serving = folder.serve();
    for format in FORMATS {
        let page = chromium(&serving, &format!("/feed.{format}"));
        for words in ["<h1", "Wells under the town", "/feed.rss", "rel=\"alternate\""] {
            assert!(page.contains(words), "/feed.{format} does not show {words}: {page}");
        }
    }
    let piece = chromium(&serving, "/wells/");
    assert!(piece.contains("class=\"written-for\"") && piece.contains(">BBC Online</a>"), "{piece}");
}
