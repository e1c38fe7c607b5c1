//! The sample's feeds, read by the programs that people read feeds with.

use std::{
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

use crate::support::program::{Folder, Serving};

const YAZD: &str = ":en/the-water-under-yazd";
const RADIO: &str = ":fa/bbc-va-radio-ye-khaneh";

pub(crate) fn repository(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn output(command: &mut Command) -> Value {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Where the readers from npm are, installed the first time.
pub(crate) fn node_readers() -> &'static str {
    static FOLDER: OnceLock<String> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = repository("target/readers");
        let installed =
            Command::new("bash").arg(repository("tests/readers/install.sh")).arg(&folder).status();
        assert!(installed.unwrap().success());
        folder
    })
}

pub(crate) fn url(serving: &Serving, path: &str) -> String {
    format!("http://{}{path}", serving.address)
}

fn entry<'r>(read: &'r Value, id: &str) -> &'r Value {
    let entries = read["entries"].as_array().unwrap_or_else(|| panic!("{read:#}"));
    entries.iter().find(|entry| entry["id"].as_str().unwrap().ends_with(id)).unwrap()
}

/// Author, title, date, full text, attribution and direction, as this reader has them.
#[track_caller]
fn assert_reads_all(reader: &str, read: &Value) {
    let yazd = entry(read, YAZD);
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_string();
    assert_eq!(read["entries"].as_array().unwrap().len(), 12, "{reader}");
    assert_eq!(text(yazd, "title"), "The Water Under Yazd", "{reader}");
    assert!(yazd.to_string().contains("Shirin Example"), "{reader}: {yazd:#}");
    assert!(text(yazd, "published").starts_with("2024-06-1"), "{reader}: {yazd:#}");
    let content = text(yazd, "content");
    assert!(content.contains("Written for <a href=\"https://www.bbc.com/"), "{reader}: {content}");
    assert!(content.len() > 1500 && content.contains("qanat"), "{reader}: {content}");
    let radio = entry(read, RADIO);
    assert_eq!(text(radio, "title"), "\u{200F}BBC و رادیوی خانه", "{reader}");
    assert!(radio.to_string().contains("شیرین نمونه"), "{reader}");
    let content = text(radio, "content");
    assert!(content.contains("dir=\"rtl\"") && content.contains("این مطلب"), "{reader}: {content}");
}

#[test]
fn rss_parser_and_feedsmith_read_everything() {
    let folder = Folder::sample();
    let serving = folder.serve();
    let modules = node_readers();
    let urls = ["/feed.rss", "/feed.atom", "/feed.json"].map(|path| url(&serving, path));
    let read = output(
        Command::new(format!("{modules}/node"))
            .arg(repository("tests/readers/read_feeds.mjs"))
            .args(["--modules", modules])
            .args(&urls),
    );
    let read = read.as_array().unwrap();
    for (format, readers) in ["rss", "atom"].iter().zip(read) {
        for reader in ["rss-parser", "feedsmith"] {
            assert_reads_all(&format!("{reader}, {format}"), &readers[reader]);
        }
        let yazd = entry(&readers["feedsmith"], YAZD);
        let via = yazd["links"].as_array().unwrap().iter().find(|link| link["rel"] == "via").unwrap();
        assert_eq!(via["title"], "BBC Online");
    }
    assert_reads_all("feedsmith, json", &read[2]["feedsmith"]);
}

#[test]
fn sfeed_reads_everything() {
    let folder = Folder::sample();
    let serving = folder.serve();
    for format in ["rss", "atom"] {
        let url = url(&serving, &format!("/feed.{format}"));
        let read =
            output(Command::new("/usr/bin/python3").arg(repository("tests/readers/sfeed.py")).arg(&url));
        assert_reads_all(&format!("sfeed, {format}"), &read);
    }
}

#[test]
fn rss2email_says_where_a_piece_came_from() {
    let folder = Folder::sample();
    let serving = folder.serve();
    for format in ["rss", "atom"] {
        let url = url(&serving, &format!("/feed.{format}"));
        let mails =
            output(Command::new("/usr/bin/python3").arg(repository("tests/readers/rss2email.py")).arg(&url));
        let mails = mails.as_array().unwrap();
        assert_eq!(mails.len(), 12);
        let yazd = mails.iter().find(|mail| mail["subject"] == "The Water Under Yazd").unwrap();
        let html = yazd["html"].as_str().unwrap();
        assert!(
            html.contains("<p>Via <a href=\"https://www.bbc.com/") && html.contains(">BBC Online</a></p>"),
            "{html}"
        );
    }
}

#[test]
fn feed_rs_reads_everything() {
    let folder = Folder::sample();
    let serving = folder.serve();
    for path in ["/feed.rss", "/feed.atom", "/feed.json"] {
        let feed =
            feed_rs::parser::parse(&serving.get(path).body[..]).unwrap_or_else(|why| panic!("{path}: {why}"));
        assert_eq!(feed.entries.len(), 12, "{path}");
        let entry = |id: &str| feed.entries.iter().find(|entry| entry.id.ends_with(id)).unwrap();
        let yazd = entry(YAZD);
        assert_eq!(yazd.title.as_ref().unwrap().content, "The Water Under Yazd");
        assert_eq!(yazd.authors[0].name.as_deref(), Some("Shirin Example"), "{path}");
        assert_eq!(yazd.published.unwrap().format("%Y-%m").to_string(), "2024-06");
        let body = yazd.content.as_ref().unwrap().body.as_ref().unwrap();
        assert!(body.contains("Written for <a href=\"https://www.bbc.com/") && body.len() > 1500, "{path}");
        let radio = entry(RADIO).content.as_ref().unwrap().body.as_ref().unwrap();
        assert!(radio.contains("dir=\"rtl\"") && radio.contains("این مطلب"), "{path}");
    }
}

#[test]
fn feedparser_sees_only_new_entries_and_newsboat_keeps_the_old_ones() {
    let folder = Folder::sample();
    let serving = folder.serve();
    let own = tempfile::tempdir().unwrap();
    let feed = url(&serving, "/feed.atom");
    // Newsboat stores its validators at the second poll.
    for _ in 0..3 {
        crate::support::newsboat::reload(own.path(), &[&feed]);
    }
    let etag = serving.poll("/feed.atom").header("etag").to_string();
    folder.write("articles/en/news.md", "---\ntitle: News\ndate: 2026-10-01\n---\nNew.\n");
    crate::support::wait_until("the news", 15, || {
        serving.poll("/feed.atom").text().contains("<title xml:lang=\"en\">News")
    });
    let script = "import feedparser, json, sys\nread = feedparser.parse(sys.argv[1], etag=sys.argv[2])\nprint(json.dumps([read.status, [e.title for e in read.entries]]))";
    let read = output(Command::new("/usr/bin/python3").args(["-c", script, &feed, &etag]));
    assert_eq!(read, serde_json::json!([226, ["News"]]));
    let items = crate::support::newsboat::reload(own.path(), &[&feed]);
    assert_eq!(items.len(), 13, "twelve old ones and the news");
}
