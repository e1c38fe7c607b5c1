//! Feeds, read by strict readers and by the programs that people use.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Stdio},
    sync::Arc,
};

use byline::{
    newsroom::{Folder as Newsroom, Look, Looker, Settings},
    publish,
    store::Store,
};
use serde_json::Value;

use crate::support::{newsboat, newsroom, program::Folder};

/// The sample newsroom as it would be published at a moment.
fn sample_at(moment: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Folder::sample();
    let newsroom = Newsroom::new(folder.root());
    fs::create_dir_all(newsroom.data()).unwrap();
    let (settings, _) = newsroom.settings(&BTreeMap::new()).settings();
    let settings: Arc<Settings> = Arc::new(settings.unwrap());
    let store = Store::open(&newsroom.database()).unwrap();
    let now = newsroom::moment(moment);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let look: Arc<Look> = runtime.block_on(Looker::new(&newsroom, &store).look(&settings, now)).unwrap();
    let documents = runtime.block_on(publish::documents(&look, &settings, &store, now, |_| true)).unwrap();
    documents.into_iter().map(|(path, _, bytes)| (path, bytes)).collect()
}

fn text(pages: &BTreeMap<String, Vec<u8>>, path: &str) -> String {
    String::from_utf8(pages[path].clone()).unwrap()
}

#[test]
fn the_feeds_of_the_sample_are_as_they_were() {
    let pages = sample_at("2026-11-01 12:00");
    for (name, path) in
        [("rss", "/feed.rss"), ("atom", "/feed.atom"), ("json", "/feed.json"), ("fa-rss", "/fa/feed.rss")]
    {
        insta::assert_snapshot!(name, text(&pages, path));
    }
}

#[test]
fn the_same_articles_make_the_same_bytes() {
    let (one, two) = (sample_at("2026-11-01 12:00"), sample_at("2026-11-01 12:00"));
    assert!(one == two);
    assert!(one.keys().any(|path| path == "/آب-زیر-یزد/"), "{:?}", one.keys());
}

#[test]
fn every_feed_is_well_formed_for_strict_readers() {
    let pages = sample_at("2026-11-01 12:00");
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for (path, bytes) in pages.iter().filter(|(path, _)| path.ends_with(".rss") || path.ends_with(".atom")) {
        let xml = String::from_utf8(bytes.clone()).unwrap();
        assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"), "{path}");
        roxmltree::Document::parse(&xml).unwrap_or_else(|why| panic!("{path}: {why}"));
        let file = folder.path().join(path.replace('/', "_"));
        fs::write(&file, bytes).unwrap();
        let lint =
            Command::new("xmllint").arg("--noout").arg(&file).output().expect("xmllint (libxml2-utils)");
        assert!(lint.status.success(), "{path}: {}", String::from_utf8_lossy(&lint.stderr));
        seen += 1;
    }
    assert!(seen > 6, "the tags and the outlet have feeds too");
}

#[test]
fn the_three_formats_agree() {
    let pages = sample_at("2026-11-01 12:00");
    let json: Value = serde_json::from_str(&text(&pages, "/feed.json")).unwrap();
    let ids: Vec<String> = json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_string())
        .collect();
    assert_eq!(ids.len(), 12);
    let all = |xml: &str, parent: &str, tag: &str| -> Vec<String> {
        let document = roxmltree::Document::parse(xml).unwrap();
        let items = document.descendants().filter(|node| node.tag_name().name() == parent);
        items
            .map(|item| {
                let child = item.children().find(|child| child.tag_name().name() == tag).unwrap();
                child.text().unwrap().to_string()
            })
            .collect()
    };
    assert_eq!(all(&text(&pages, "/feed.rss"), "item", "guid"), ids);
    assert_eq!(all(&text(&pages, "/feed.atom"), "entry", "id"), ids);
    let updated = all(&text(&pages, "/feed.atom"), "entry", "updated");
    assert!(updated.iter().all(|moment| moment.ends_with('Z')), "{updated:?}");
    let distinct: std::collections::BTreeSet<_> = updated.iter().collect();
    assert_eq!(distinct.len(), updated.len());
}

/// Debian's feedparser.
fn feedparser(url: &str) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers/read_feeds.py");
    let output =
        Command::new("/usr/bin/python3").arg(script).arg(url).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn feedparser_reads_titles_authors_dates_texts_and_attributions() {
    let folder = Folder::sample();
    let serving = folder.serve();
    for format in ["rss", "atom"] {
        let read = feedparser(&format!("http://{}/feed.{format}", serving.address));
        assert!(!read["feed"]["bozo"].as_bool().unwrap_or(false) && read["feed"]["bozo"] != 1, "{read:#}");
        assert_eq!(read["feed"]["title"], "The Far Bank");
        let entries = read["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 12);
        let entry =
            |id: &str| entries.iter().find(|entry| entry["id"].as_str().unwrap().ends_with(id)).unwrap();
        let yazd = entry(":en/the-water-under-yazd");
        assert_eq!(yazd["title"], "The Water Under Yazd", "{yazd:#}");
        assert_eq!(yazd["author"], "Shirin Example");
        assert!(yazd["published"].as_str().unwrap().starts_with("2024-06-1"), "{yazd:#}");
        assert!(yazd["summary"].as_str().unwrap().starts_with("Written for BBC Online."), "{yazd:#}");
        let content = yazd["content"].as_str().unwrap();
        assert!(
            content.contains("Written for <a href=\"https://www.bbc.com/") && content.len() > 1500,
            "{content}"
        );
        let via = yazd["links"].as_array().unwrap().iter().find(|link| link["rel"] == "via").unwrap();
        assert_eq!(via["title"], "BBC Online");
        if format == "rss" {
            assert_eq!(yazd["source"]["title"], "BBC Online");
        }
        let radio = entry(":fa/bbc-va-radio-ye-khaneh");
        assert_eq!(radio["author"], "شیرین نمونه");
        let content = radio["content"].as_str().unwrap();
        assert!(content.contains("dir=\"rtl\"") && content.contains("این مطلب"), "{content}");
        assert!(radio["title"].as_str().unwrap().starts_with("\u{200F}BBC"), "{radio:#}");
    }
}

#[test]
fn newsboat_shows_titles_authors_dates_texts_and_attributions() {
    let folder = Folder::sample();
    let serving = folder.serve();
    let own = tempfile::tempdir().unwrap();
    for format in ["rss", "atom"] {
        let url = format!("http://{}/feed.{format}", serving.address);
        let own = own.path().join(format);
        fs::create_dir(&own).unwrap();
        let items = newsboat::reload(&own, &[&url]);
        assert_eq!(items.len(), 12, "{format}");
        let yazd = items.iter().find(|item| item.guid.ends_with(":en/the-water-under-yazd")).unwrap();
        assert_eq!((yazd.title.as_str(), yazd.author.as_str()), ("The Water Under Yazd", "Shirin Example"));
        assert!(yazd.content.contains("Written for <a href=\"https://www.bbc.com/"), "{}", yazd.content);
        assert_eq!(yazd.published / 86_400, 19_891, "17 or 18 June 2024");
        let radio = items.iter().find(|item| item.guid.ends_with(":fa/bbc-va-radio-ye-khaneh")).unwrap();
        assert!(radio.title.contains("BBC و رادیوی خانه"), "{}", radio.title);
        assert!(
            radio.content.contains("این مطلب") && radio.content.contains("dir=\"rtl\""),
            "{}",
            radio.content
        );
    }
}
