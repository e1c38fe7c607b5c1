//! What every feed document promises, each promise by its number in `docs/feeds.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use byline::{
    diagnostic::Severity,
    feed::lint::{Expectation, lint_bytes},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;

use crate::support::newsroom::{self, CONFIG, Newsroom};

type Documents = BTreeMap<String, Vec<u8>>;

/// A feed holds twenty entries: so many pieces a newsroom, and all of them are in it.
const CHUNK: usize = 18;

fn is_feed(path: &str) -> bool {
    [".rss", ".atom", ".json"].iter().any(|ending| path.ends_with(ending))
}

fn feeds(newsroom: &Newsroom) -> Documents {
    newsroom.published().into_iter().filter(|(path, _)| is_feed(path)).collect()
}

/// The nasty articles, in newsrooms that are small enough for one feed.
fn corpus() -> Vec<Newsroom> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let config = fs::read_to_string(root.join("config.toml")).unwrap();
    let mut files = Vec::new();
    gather(&root.join("articles"), "articles", &mut files);
    let is_piece = |path: &str| [".md", ".html", ".txt"].iter().any(|ending| path.ends_with(ending));
    let (pieces, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|(path, _)| is_piece(path));
    assert!(pieces.len() > 150);
    pieces
        .chunks(CHUNK)
        .map(|chunk| {
            let mut newsroom = Newsroom::with(&config);
            newsroom.at("2026-11-01 12:00");
            chunk.iter().for_each(|(path, bytes)| newsroom.write(path, bytes));
            for (path, bytes) in &others {
                let stem = path.trim_end_matches(".toml");
                let is_side = path.ends_with(".toml");
                if !is_side || chunk.iter().any(|(piece, _)| piece.starts_with(&format!("{stem}."))) {
                    newsroom.write(path, bytes);
                }
            }
            newsroom.look();
            newsroom
        })
        .collect()
}

fn gather(folder: &Path, shown: &str, files: &mut Vec<(String, Vec<u8>)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let shown = format!("{shown}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            gather(&entry.path(), &shown, files);
        } else {
            files.push((shown, fs::read(entry.path()).unwrap()));
        }
    }
}

fn pieces(count: usize) -> Newsroom {
    let mut newsroom = Newsroom::new();
    for number in 0..count {
        let text = format!(
            "---\ntitle: Piece {number}\ndate: 2026-01-{:02}\ntags: [Water, \"Q&A\"]\nwritten_for: {{ outlet: bbc-online, url: \"https://www.bbc.com/news/{number}\" }}\n---\nText {number}.\n",
            number % 28 + 1
        );
        newsroom.write(&format!("articles/en/piece-{number}.md"), text);
    }
    newsroom.look();
    newsroom
}

/// Every kind of newsroom there is: empty, with one piece, with archives, and the nasty ones.
fn every() -> Vec<Newsroom> {
    [pieces(0), pieces(1), pieces(45)].into_iter().chain(corpus()).collect()
}

/// libxml2, which most readers use, not the library that wrote the feed.
fn xmllint(documents: &Documents, arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (index, (path, bytes)) in
        documents.iter().enumerate().filter(|(_, (path, _))| !path.ends_with(".json"))
    {
        let file = folder.path().join(format!("{index}{}", path.replace('/', "_")));
        fs::write(&file, bytes).unwrap();
        files.push(file);
    }
    for some in files.chunks(200) {
        let lint = Command::new("xmllint")
            .args(["--noout", "--nonet", "--huge"])
            .args(arguments)
            .args(some)
            .output();
        let lint = lint.expect("xmllint (libxml2-utils)");
        assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stderr));
    }
}

#[test]
fn f01_f02_every_document_is_clean() {
    // What an author may write, and a lint must say.
    let own_words =
        ["contains-html", "contains-undeclared-html", "implausible-date", "large-feed", "not-newest-first"];
    for newsroom in every() {
        for (path, bytes) in feeds(&newsroom) {
            let site =
                if newsroom.page("/").contains("far-bank.example") { "https://far-bank.example" } else { "" };
            let self_url = (!site.is_empty() && path.is_ascii()).then(|| format!("{site}{path}"));
            let expectation = Expectation { self_url, now: Some(newsroom.now) };
            for finding in lint_bytes(&bytes, &expectation) {
                let is_own = own_words.contains(&finding.rule) && finding.severity < Severity::Error;
                assert!(is_own, "{path}: {finding:#?}\n{}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}

#[test]
fn f03_atom_matches_the_schema_of_rfc_4287() {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/atom.rng");
    for newsroom in every() {
        let atom = feeds(&newsroom).into_iter().filter(|(path, _)| path.ends_with(".atom")).collect();
        xmllint(&atom, &["--relaxng", schema]);
    }
}

/// Each entry's title, summary and content, by id.
type Texts = BTreeMap<String, (String, String, String)>;

fn texts_of_xml(xml: &str, texts: &mut Texts) {
    let document = roxmltree::Document::parse(xml).unwrap();
    let items = document.descendants().filter(|node| matches!(node.tag_name().name(), "item" | "entry"));
    for item in items {
        let text = |names: &[&str]| {
            let found = item.children().find(|child| names.contains(&child.tag_name().name()));
            let found = found.map(|child| child.text().unwrap_or_default().to_string());
            found.unwrap_or_default()
        };
        let mut summary = text(&["description", "summary"]);
        if item.has_tag_name("item") {
            // RSS has HTML there.
            summary = summary.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        }
        let content = item.children().find(|child| matches!(child.tag_name().name(), "encoded" | "content"));
        let content = content.and_then(|content| content.text()).unwrap_or_default().to_string();
        texts.insert(text(&["guid", "id"]), (text(&["title"]), summary, content));
    }
}

fn texts_of_json(json: &str, texts: &mut Texts) {
    let feed: Value = serde_json::from_str(json).unwrap();
    for item in feed["items"].as_array().unwrap() {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_string();
        texts.insert(text("id"), (text("title"), text("summary"), text("content_html")));
    }
}

/// What a newsroom's documents of one format say.
fn texts(documents: &Documents, ending: &str) -> Texts {
    let mut texts = Texts::new();
    for (path, bytes) in documents.iter().filter(|(path, _)| path.ends_with(ending)) {
        let text = std::str::from_utf8(bytes).unwrap_or_else(|why| panic!("{path}: {why}"));
        if ending == ".json" { texts_of_json(text, &mut texts) } else { texts_of_xml(text, &mut texts) }
    }
    texts
}

#[test]
fn f04_arbitrary_articles_make_documents_that_libxml2_reads_and_that_agree() {
    const ARTICLES: usize = 10_000;
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let any_text = prop_oneof![
        any::<String>(),
        "\\PC{0,40}",
        "[\\x00-\\x1f\\x7f-\\x9f\u{feff}\u{fffd}-\u{ffff}<>&\"'\\]]{0,30}"
    ];
    let arbitrary = (any_text.clone(), any_text.clone(), any_text, any::<bool>());
    let mut newsroom = Newsroom::new();
    for number in 0..ARTICLES {
        let (title, summary, body, is_persian) = arbitrary.new_tree(&mut runner).unwrap().current();
        let escaped =
            |text: &str| text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect::<String>();
        let folder = if is_persian { "fa" } else { "en" };
        let text = format!(
            "+++\ntitle = \"{} x\"\nsummary = \"{}\"\ntags = [\"{}\"]\nslug = \"n{number}\"\ndate = \"2026-01-01\"\n+++\n{body}\n\nThe end.\n",
            escaped(&title),
            escaped(&summary),
            number % 7
        );
        newsroom.write(&format!("articles/{folder}/n{number}.md"), text);
    }
    newsroom.look();
    let documents: Documents =
        feeds(&newsroom).into_iter().filter(|(path, _)| !path.starts_with("/tags/")).collect();
    xmllint(&documents, &[]);
    let (rss, atom, json) =
        (texts(&documents, ".rss"), texts(&documents, ".atom"), texts(&documents, ".json"));
    assert!(json.len() > ARTICLES * 9 / 10, "{} articles are out", json.len());
    assert_eq!(rss.len(), json.len());
    for (id, json) in &json {
        assert_eq!(&atom[id], json, "{id}");
        assert_eq!(&rss[id], json, "{id}");
        let forbidden = |c: char| (c < ' ' && c != '\n' && c != '\t') || ('\u{7f}'..='\u{9f}').contains(&c);
        assert!(!json.2.contains(forbidden) && !json.0.contains(forbidden), "{json:?}");
    }
}

#[test]
fn f05_f06_documents_begin_with_their_encoding_and_titles_arrive_as_typed() {
    let mut newsroom = Newsroom::new();
    let titles = ["The <canvas> element & \"q\" ]]>", "می‌خواهم \u{200F}BBC", "👩‍👩‍👧 ok"];
    for (number, title) in titles.iter().enumerate() {
        let text = format!("+++\ntitle = '''{title}'''\ndate = \"2026-01-0{}\"\n+++\nText.\n", number + 1);
        newsroom.write(&format!("articles/en/t{number}.md"), text);
    }
    newsroom.look();
    let documents = feeds(&newsroom);
    for (path, bytes) in documents.iter().filter(|(path, _)| !path.ends_with(".json")) {
        assert!(bytes.starts_with(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<"), "{path}");
    }
    for ending in [".rss", ".atom", ".json"] {
        let found: BTreeSet<String> =
            texts(&documents, ending).into_values().map(|(title, ..)| title).collect();
        assert_eq!(found, titles.iter().map(ToString::to_string).collect(), "{ending}");
    }
}

fn ids(documents: &Documents, path: &str) -> Vec<String> {
    let text = std::str::from_utf8(&documents[path]).unwrap();
    if path.ends_with(".json") {
        let feed: Value = serde_json::from_str(text).unwrap();
        return feed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().into())
            .collect();
    }
    let document = roxmltree::Document::parse(text).unwrap();
    let items = document.descendants().filter(|node| matches!(node.tag_name().name(), "item" | "entry"));
    let id = |item: roxmltree::Node<'_, '_>| {
        let id = item.children().find(|child| matches!(child.tag_name().name(), "guid" | "id")).unwrap();
        id.text().unwrap().to_string()
    };
    items.map(id).collect()
}

#[test]
fn f07_ids_are_the_same_everywhere_and_outlive_titles_slugs_addresses_and_names() {
    let mut newsroom = pieces(12);
    let before = feeds(&newsroom);
    let first = ids(&before, "/feed.rss");
    for path in before.keys().filter(|path| path.contains("feed.")) {
        let section = path.rsplit_once('.').unwrap().0;
        assert_eq!(ids(&before, path), ids(&before, &format!("{section}.rss")), "{path}");
        assert!(ids(&before, path).iter().all(|id| first.contains(id)), "{path}");
    }
    let feed_id = |documents: &Documents| {
        let xml = String::from_utf8(documents["/feed.atom"].clone()).unwrap();
        xml.split("<id>").nth(1).unwrap().split("</id>").next().unwrap().to_string()
    };
    newsroom.rename("en/piece-3.md", "en/another-name.md");
    let text = fs::read_to_string(newsroom.path("articles/en/piece-4.md")).unwrap();
    newsroom.write(
        "articles/en/piece-4.md",
        text.replace("title: Piece 4", "title: Other words\nslug: elsewhere"),
    );
    newsroom.configure(&CONFIG.replace("https://far-bank.example/", "http://other.example/"));
    newsroom.look();
    let after = feeds(&newsroom);
    let all = |documents: &Documents| ids(documents, "/feed.rss").into_iter().collect::<BTreeSet<_>>();
    assert_eq!(all(&after), all(&before));
    assert_eq!(feed_id(&after), feed_id(&before));
    let mut newsroom = newsroom.restarted();
    newsroom.look();
    assert_eq!(ids(&feeds(&newsroom), "/feed.atom"), ids(&after, "/feed.atom"));
}

#[test]
fn f08_f10_f12_links_dates_and_order_of_rss_are_what_readers_expect() {
    let mut newsroom = Newsroom::new();
    newsroom.write("articles/fa/آب.md", "---\ntitle: آب\ndate: 2026-02-01\n---\nآب.\n");
    newsroom.write("articles/en/later.md", "---\ntitle: Later\ndate: 2026-03-03 09:00\n---\nText.\n");
    newsroom.write("articles/en/old.md", "---\ntitle: Old\ndate: 2025-07-01 10:30\n---\nText.\n");
    newsroom.look();
    let xml = newsroom.page("/feed.rss");
    assert!(!xml.contains("Later"), "its time has not come");
    let document = roxmltree::Document::parse(&xml).unwrap();
    let channel = document.root_element().first_element_child().unwrap();
    let names: Vec<&str> =
        channel.children().filter(roxmltree::Node::is_element).map(|n| n.tag_name().name()).collect();
    let first_item = names.iter().position(|name| *name == "item").unwrap();
    assert!(names[first_item..].iter().all(|name| *name == "item"), "{names:?}");
    let item = channel.children().find(|child| child.has_tag_name("item")).unwrap();
    let child = |name: &str| item.children().find(|child| child.has_tag_name(name)).unwrap();
    assert_eq!(child("guid").attribute("isPermaLink"), Some("false"));
    assert_eq!(child("link").text(), Some("https://far-bank.example/%D8%A2%D8%A8/"));
    assert_eq!(child("pubDate").text(), Some("Sun, 1 Feb 2026 00:00:00 +0000"));
    assert!(xml.find("آب").unwrap() < xml.find("Old").unwrap(), "newest first");
    newsroom.at("2026-03-03 10:00").look();
    assert!(newsroom.page("/feed.rss").contains("Later"));
}

#[test]
fn f09_published_stays_and_updated_moves_only_when_the_author_says_so() {
    let mut newsroom = Newsroom::new();
    let piece = |more: &str, text: &str| format!("---\ntitle: Wells\ndate: 2026-02-01\n{more}---\n{text}\n");
    newsroom.write("articles/en/wells.md", piece("", "Water."));
    newsroom.write("articles/en/same-day.md", piece("", "Other.").replace("Wells", "Same day"));
    newsroom.look();
    let dates = |newsroom: &Newsroom| -> BTreeMap<String, (String, String)> {
        let date = |item: &Value, name: &str| item[name].as_str().unwrap().to_string();
        let items = newsroom.items();
        items
            .iter()
            .map(|i| (date(i, "title"), (date(i, "date_published"), date(i, "date_modified"))))
            .collect()
    };
    let first = dates(&newsroom);
    let distinct: BTreeSet<&String> = first.values().map(|(_, updated)| updated).collect();
    assert_eq!(distinct.len(), 2, "{first:?}");
    assert!(first.values().all(|(published, updated)| published <= updated && updated.ends_with('Z')));
    newsroom.write("articles/en/wells.md", piece("", "Water, mended."));
    newsroom.look();
    assert_eq!(dates(&newsroom), first, "a typo");
    newsroom.write("articles/en/wells.md", piece("updated: 2026-03-01\n", "Water, and more."));
    newsroom.look();
    let after = dates(&newsroom);
    assert_eq!(after["Wells"], (first["Wells"].0.clone(), "2026-03-01T00:00:00Z".into()));
    let rss = newsroom.page("/feed.rss");
    assert!(rss.contains("<lastBuildDate>Sun, 1 Mar 2026 00:00:00 +0000"), "the newest change: {rss}");
    let atom = newsroom.page("/feed.atom");
    let head = atom.split("<entry>").next().unwrap();
    assert!(head.contains("<updated>2026-03-01T00:00:00Z</updated>"), "{head}");
    newsroom.write("templates/page/article.hbs", "{{#> page/layout}}<h1>Anew</h1>{{/page/layout}}");
    newsroom.configure(CONFIG);
    newsroom.look();
    assert!(newsroom.page("/wells/").contains("<h1>Anew</h1>"));
    assert_eq!(dates(&newsroom), after, "another template");
}

#[test]
fn f09_an_old_piece_with_a_new_change_is_listed_again() {
    let mut newsroom = pieces(45);
    let oldest = newsroom.page("/archive/1.json");
    let oldest: Value = serde_json::from_str(&oldest).unwrap();
    let title = oldest["items"][9]["title"].as_str().unwrap().to_string();
    assert!(!newsroom.titles().contains(&title));
    let file = format!("articles/en/{}.md", title.to_lowercase().replace(' ', "-"));
    let text = fs::read_to_string(newsroom.path(&file)).unwrap();
    newsroom.write(&file, text.replace("tags:", "updated: 2026-03-01\ntags:"));
    newsroom.look();
    assert!(newsroom.titles().contains(&title));
    assert_eq!(newsroom.titles().len(), 20);
}

#[test]
fn f11_the_same_content_makes_the_same_bytes_also_elsewhere() {
    let (one, two) = (pieces(25), pieces(25));
    assert!(feeds(&one) == feeds(&two), "another machine");
    let before = feeds(&one);
    let mut restarted = one.restarted();
    restarted.at("2026-03-02 13:00").look();
    assert!(feeds(&restarted) == before, "a restart, an hour later");
}

#[test]
fn f13_f29_a_feed_has_an_end_and_nothing_is_out_of_reach() {
    let mut newsroom = Newsroom::new();
    for number in 0..15 {
        let text = "A long paragraph of some length. ".repeat(1000);
        let name = format!("articles/en/long-{number:02}.md");
        newsroom.write(
            &name,
            format!("---\ntitle: Long {number}\ndate: 2026-01-{:02}\n---\n{text}\n", number + 1),
        );
    }
    newsroom.look();
    let documents = feeds(&newsroom);
    assert!(documents["/feed.rss"].len() < 300 * 1024 && documents["/feed.rss"].len() > 100 * 1024);
    for ending in [".rss", ".atom", ".json"] {
        let own: Documents = documents
            .iter()
            .filter(|(path, _)| !path.contains("tags"))
            .map(|(p, b)| (p.clone(), b.clone()))
            .collect();
        assert_eq!(texts(&own, ending).len(), 15, "{ending}");
    }
    for count in [1, 9, 19, 20, 21, 45] {
        let documents = feeds(&pieces(count));
        assert!(ids(&documents, "/feed.json").len() <= 20);
        assert_eq!(texts(&documents, ".atom").len(), count);
        assert!(documents.contains_key("/archive/1.rss") == documents.contains_key("/archive/2.rss"));
    }
}

#[test]
fn f14_f20_the_summary_comes_first_and_says_for_whom_the_piece_was_written_exactly_once() {
    let newsroom = pieces(1);
    let rss = newsroom.page("/feed.rss");
    assert!(
        rss.find("<description><![CDATA[Written for BBC Online. Text 0.").unwrap()
            < rss.find("<content:encoded>").unwrap()
    );
    let documents = feeds(&newsroom);
    for ending in [".rss", ".atom", ".json"] {
        let (_, summary, content) = texts(&documents, ending).into_values().next().unwrap();
        assert_eq!(summary, "Written for BBC Online. Text 0.");
        assert!(content.starts_with("<div lang=\"en\" dir=\"ltr\"><p lang=\"en\" dir=\"ltr\">Written for <a href=\"https://www.bbc.com/news/0\">BBC Online</a>.</p><p>Text 0.</p>"), "{content}");
        assert_eq!(content.matches("Written for").count(), 1);
    }
    for newsroom in corpus() {
        for (id, (_, summary, _)) in texts(&feeds(&newsroom), ".atom") {
            assert!(!summary.trim().is_empty(), "{id}");
        }
    }
}

#[test]
fn f15_f16_f17_f18_content_is_inert_absolute_and_well_nested() {
    let html5 = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers/check_html.py");
    for newsroom in corpus() {
        let all = texts(&feeds(&newsroom), ".json");
        let contents: Vec<&String> = all.values().map(|(_, _, content)| content).collect();
        let mut check = Command::new("/usr/bin/python3")
            .arg(html5)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        serde_json::to_writer(check.stdin.take().unwrap(), &contents).unwrap();
        let output = check.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn f19_f21_people_and_outlets_stand_where_readers_look_for_them() {
    let mut newsroom = pieces(1);
    newsroom.write("articles/en/own.md", "---\ntitle: Own\ndate: 2026-02-01\n---\nMine.\n");
    newsroom.look();
    let rss = newsroom.page("/feed.rss");
    let (own, written) = rss.split_once("<title>Piece 0").unwrap();
    assert!(own.contains("<dc:creator>Shirin Example</dc:creator>") && written.contains("<dc:creator>"));
    assert!(!rss.contains("<author>") && !rss.contains("managingEditor") && !rss.contains("canonical"));
    assert!(!rss.contains("<dc:source>") && !rss.contains("atom:source"));
    assert!(written.contains("<source url=\"https://feeds.bbci.co.uk/news/rss.xml\">BBC Online</source>"));
    assert!(written.contains(
        "<atom:link href=\"https://www.bbc.com/news/0\" rel=\"via\" type=\"text/html\" title=\"BBC Online\"/>"
    ));
    assert!(!own.contains("<source") && !own.contains("rel=\"via\""));
    let atom = newsroom.page("/feed.atom");
    let entries: Vec<&str> = atom.split("<entry>").collect();
    assert!(entries.iter().all(|part| part.contains("<author><name>Shirin Example</name></author>")));
    assert!(entries[2].contains("rel=\"via\"") && entries[2].contains("rel=\"related\""), "{}", entries[2]);
    assert!(!entries[1].contains("rel=\"via\"") && !entries[1].contains("rel=\"related\""));
    let items = newsroom.items();
    assert_eq!(items[1]["external_url"], "https://www.bbc.com/news/0");
    assert_eq!(items[1]["_byline"]["outlet"], "BBC Online");
    assert!(items[1]["_byline"]["about"].as_str().unwrap().starts_with("https://far-bank.example/"));
    assert!(items[0]["external_url"].is_null() && items[0]["_byline"].is_null());
    assert_eq!(items[0]["authors"][0]["name"], "Shirin Example");
}

#[test]
fn f23_tags_are_the_same_in_all_formats_and_have_feeds() {
    let mut newsroom = Newsroom::new();
    newsroom.write(
        "articles/en/a.md",
        "---\ntitle: A\ndate: 2026-02-01\ntags: [Iran, \"Q&A\", رادیو]\n---\nText.\n",
    );
    newsroom.write("articles/en/b.md", "---\ntitle: B\ndate: 2026-02-02\ntags: [iran]\n---\nText.\n");
    newsroom.look();
    let rss = newsroom.page("/feed.rss");
    let atom = newsroom.page("/feed.atom");
    // Those of each entry, by its id.
    let tags = |xml: &str, (entry, id): (&str, &str), attribute: Option<&str>| {
        let document = roxmltree::Document::parse(xml).unwrap();
        let entries = document.descendants().filter(|node| node.tag_name().name() == entry);
        let of = |entry: roxmltree::Node<'_, '_>| {
            let id = entry.children().find(|node| node.tag_name().name() == id).unwrap();
            let tags = entry.children().filter(|node| node.tag_name().name() == "category");
            let text = |node: roxmltree::Node<'_, '_>| match attribute {
                Some(attribute) => node.attribute(attribute).unwrap().to_string(),
                None => node.text().unwrap().to_string(),
            };
            (id.text().unwrap().to_string(), tags.map(text).collect())
        };
        entries.map(of).collect::<BTreeMap<String, Vec<String>>>()
    };
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let items = newsroom.items();
    let json: BTreeMap<String, Vec<String>> = items
        .iter()
        .map(|item| (text(&item["id"]), item["tags"].as_array().unwrap().iter().map(text).collect()))
        .collect();
    assert_eq!(tags(&rss, ("item", "guid"), None), json);
    assert_eq!(tags(&atom, ("entry", "id"), Some("term")), json);
    assert_eq!(ids(&feeds(&newsroom), "/tags/iran/feed.atom").len(), 2, "however it is written");
    for path in ["/tags/iran/", "/tags/q-a/feed.rss", "/tags/رادیو/feed.json", "/tags/"] {
        assert_eq!(newsroom.stands_at(path), "a page", "{path}");
    }
}

#[test]
fn f25_a_persian_piece_begins_on_the_right_whatever_a_reader_drops() {
    let mut newsroom = Newsroom::new();
    let text = "---\ntitle: BBC و رادیو\ndate: 2026-02-01\n---\nBBC را گوش می‌دهم.\n\nبند دوم.\n";
    newsroom.write("articles/fa/radio.md", text);
    newsroom.write("articles/en/a.md", "---\ntitle: A\ndate: 2026-02-02\n---\nText.\n");
    newsroom.look();
    let rss = newsroom.page("/feed.rss");
    assert!(
        rss.contains("<title>\u{200F}BBC و رادیو</title>") && rss.contains("<dc:language>fa</dc:language>")
    );
    let atom = newsroom.page("/feed.atom");
    let entry = atom.split("<entry>").find(|entry| entry.contains("رادیو")).unwrap();
    assert_eq!(entry.matches("xml:lang=\"fa\"").count(), 3, "title, summary and content: {entry}");
    let item = &newsroom.items()[1];
    assert_eq!(item["language"], "fa");
    let html = item["content_html"].as_str().unwrap();
    assert!(html.starts_with("<div lang=\"fa\" dir=\"rtl\"><p dir=\"rtl\">\u{200F}BBC"), "{html}");
    assert!(item["summary"].as_str().unwrap().starts_with('\u{200F}'));
    assert!(newsroom.page("/fa/feed.rss").contains("<language>fa</language>"));
}

#[test]
fn f27_every_document_names_the_address_it_has_once() {
    let mut newsroom = pieces(45);
    let persian = "---\ntitle: رادیو\ndate: 2026-02-01\ntags: [رادیو]\n---\nمتن.\n";
    newsroom.write("articles/fa/radio.md", persian);
    newsroom.look();
    let documents = feeds(&newsroom);
    assert!(documents.keys().any(|path| path.starts_with("/archive/")));
    assert!(documents.contains_key("/tags/رادیو/feed.atom"));
    for (path, bytes) in &documents {
        let text = std::str::from_utf8(bytes).unwrap();
        let own = url::Url::parse("https://far-bank.example").unwrap().join(path).unwrap().to_string();
        if path.ends_with(".json") {
            let feed: Value = serde_json::from_str(text).unwrap();
            assert_eq!(feed["feed_url"], own.as_str());
            continue;
        }
        let document = roxmltree::Document::parse(text).unwrap();
        let selves: Vec<&str> = document
            .descendants()
            .filter(|node| node.attribute("rel") == Some("self"))
            .map(|node| node.attribute("href").unwrap())
            .collect();
        assert_eq!(selves, [own.as_str()], "{path}");
    }
}

#[test]
fn f29_json_is_paged_by_the_same_archives() {
    let newsroom = pieces(45);
    let mut path = "/feed.json".to_string();
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    loop {
        assert!(seen.insert(path.clone()), "{path} twice");
        let feed: Value = serde_json::from_str(&newsroom.page(&path)).unwrap();
        let items = feed["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_string()));
        let Some(next) = feed["next_url"].as_str() else { break };
        path = next.replace("https://far-bank.example", "");
    }
    assert_eq!(found.len(), 45);
}

#[test]
fn a_megabyte_of_title_is_a_title_still() {
    let mut newsroom = Newsroom::new();
    let title = "A very long title & more ".repeat(40_000);
    newsroom.write("articles/en/long.md", format!("---\ntitle: \"{title}\"\ndate: 2026-02-01\n---\nText.\n"));
    newsroom.at("2026-03-02 12:00").look();
    xmllint(&feeds(&newsroom), &[]);
    assert!(newsroom::moment("2026-03-02 12:00") == newsroom.now && newsroom.titles().len() == 1);
}
