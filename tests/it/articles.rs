//! Articles: what a file says, who it is, and whether it is out.

use crate::support::newsroom::{CONFIG, Newsroom};

const TEHRAN: &str = "---\ntitle: Tehran’s quiet broker\ndate: 2026-03-01\nwritten_for: { outlet: bbc-online, url: \"https://www.bbc.com/news/x\", date: 2026-02-27 }\ntags: [Iran]\n---\nFirst sentence. Second one.\n";

#[test]
fn an_article_says_for_whom_it_was_written_in_body_summary_and_metadata() {
    let mut newsroom = Newsroom::new().article("en/tehran.md", TEHRAN);
    newsroom.look();
    let item = &newsroom.items()[0];
    let html = item["content_html"].as_str().unwrap();
    assert!(
        html.starts_with("<div lang=\"en\" dir=\"ltr\"><p lang=\"en\" dir=\"ltr\">Written for <a href=\"https://www.bbc.com/news/x\">BBC Online</a>.</p><p>First"),
        "{html}"
    );
    assert_eq!(item["summary"], "Written for BBC Online. First sentence. Second one.");
    assert_eq!(item["external_url"], "https://www.bbc.com/news/x");
    assert_eq!(item["url"], "https://far-bank.example/tehran/");
    assert_eq!(item["_byline"]["outlet"], "BBC Online");
    assert_eq!(item["_byline"]["original_date"], "2026-02-27");
    let rss = newsroom.page("/feed.rss");
    assert!(
        rss.contains("<source url=\"https://feeds.bbci.co.uk/news/rss.xml\">BBC Online</source>"),
        "{rss}"
    );
    assert!(rss.contains("rel=\"via\"") && rss.contains("<dc:creator>Shirin Example</dc:creator>"), "{rss}");
    let atom = newsroom.page("/feed.atom");
    assert!(atom.contains("rel=\"via\"") && atom.contains("rel=\"related\""), "{atom}");
    let page = newsroom.page("/tehran/");
    assert!(page.contains("<link rel=\"canonical\" href=\"https://www.bbc.com/news/x\">"), "{page}");
    assert!(page.contains("\"isBasedOn\"") && page.contains("\"sourceOrganization\""), "{page}");
}

#[test]
fn a_persian_article_is_said_in_persian_from_the_right() {
    let text = "---\ntitle: BBC و رادیو\ndate: 2026-03-01\nwritten_for: bbc-online\n---\nآب زیر خاک می‌رود.\n\n> نقل\n";
    let mut newsroom = Newsroom::new().article("fa/radio.md", text);
    newsroom.look();
    let item = &newsroom.items()[0];
    assert_eq!(item["title"], "\u{200F}BBC و رادیو");
    assert_eq!(item["language"], "fa");
    let html = item["content_html"].as_str().unwrap();
    assert!(html.starts_with("<div lang=\"fa\" dir=\"rtl\"><p lang=\"fa\" dir=\"rtl\">این مطلب را برای وب‌سایت بی‌بی‌سی نوشته‌ام.</p><p dir=\"rtl\">آب"), "{html}");
    let persian: serde_json::Value = serde_json::from_str(&newsroom.page("/fa/feed.json")).unwrap();
    assert_eq!(persian["items"].as_array().unwrap().len(), 1);
    let english: serde_json::Value = serde_json::from_str(&newsroom.page("/en/feed.json")).unwrap();
    assert_eq!(english["items"].as_array().unwrap().len(), 0);
    assert!(newsroom.page("/radio/").contains("<html lang=\"fa\" dir=\"rtl\">"));
}

#[test]
fn a_draft_is_out_when_its_flag_goes_and_gone_when_it_comes_back() {
    let draft = TEHRAN.replace("tags:", "draft: true\ntags:");
    let mut newsroom = Newsroom::new().article("en/tehran.md", &draft);
    newsroom.look();
    assert_eq!(newsroom.stands_at("/tehran/"), "nothing");
    newsroom.write("articles/en/tehran.md", TEHRAN);
    newsroom.look();
    assert_eq!(newsroom.stands_at("/tehran/"), "a page");
    newsroom.write("articles/en/tehran.md", draft);
    newsroom.look();
    assert_eq!(newsroom.stands_at("/tehran/"), "gone");
    assert!(newsroom.titles().is_empty());
}

#[test]
fn a_renamed_file_keeps_its_guid_and_its_old_address_leads_to_the_new() {
    let mut newsroom = Newsroom::new().article("en/tehran.md", TEHRAN);
    newsroom.look();
    let guid = newsroom.items()[0]["id"].clone();
    assert_eq!(guid, "tag:far-bank.example,2026-03-01:en/tehran");
    newsroom.rename("en/tehran.md", "en/broker.md");
    newsroom.look();
    assert_eq!(newsroom.items()[0]["id"], guid);
    assert_eq!(newsroom.items().len(), 1);
    assert_eq!(newsroom.stands_at("/broker/"), "a page");
    assert_eq!(newsroom.stands_at("/tehran/"), "moved to /broker/");
    assert_eq!(newsroom.stands_at("/broker"), "moved to /broker/");
}

#[test]
fn a_new_slug_title_or_host_changes_no_guid() {
    let mut newsroom = Newsroom::new().article("en/tehran.md", TEHRAN);
    newsroom.look();
    let guid = newsroom.items()[0]["id"].clone();
    newsroom.write(
        "articles/en/tehran.md",
        TEHRAN.replace("date: 2026-03-01", "date: 2026-02-01\nslug: other").replace("quiet", "loud"),
    );
    newsroom.configure(&CONFIG.replace("https://far-bank.example/", "https://moved.example/"));
    newsroom.look();
    assert_eq!(newsroom.items()[0]["id"], guid);
    assert_eq!(newsroom.items()[0]["url"], "https://moved.example/other/");
    assert_eq!(newsroom.stands_at("/tehran/"), "moved to /other/");
}

#[test]
fn losing_the_ledger_loses_no_guid_of_a_file_never_renamed() {
    let mut newsroom = Newsroom::new().article("en/tehran.md", TEHRAN);
    newsroom.look();
    let mut other = Newsroom::new().article("en/tehran.md", TEHRAN);
    other.look();
    assert_eq!(newsroom.items()[0]["id"], other.items()[0]["id"]);
}

#[test]
fn a_bad_version_leaves_the_good_one_out_also_after_a_restart() {
    let mut newsroom = Newsroom::new().article("en/tehran.md", TEHRAN).piece("Other", "2026-02-01");
    newsroom.look();
    newsroom.write("articles/en/tehran.md", TEHRAN.replace("bbc-online", "bbc-onlin"));
    newsroom.look();
    assert!(newsroom.page("/tehran/").contains("First sentence"));
    assert!(newsroom.problems()[0].contains("did you mean `bbc-online`?"), "{:?}", newsroom.problems());
    let mut newsroom = newsroom.restarted();
    newsroom.look();
    assert_eq!(newsroom.titles(), ["Tehran’s quiet broker", "Other"]);
    newsroom.write("articles/en/tehran.md", TEHRAN.replace("First", "Mended"));
    newsroom.look();
    assert!(newsroom.page("/tehran/").contains("Mended sentence"));
    assert!(newsroom.problems().is_empty());
}

#[test]
fn bad_files_stop_no_good_one_and_each_says_why() {
    let mut newsroom = Newsroom::new().piece("Good", "2026-02-01");
    newsroom.look();
    let bad: [(&str, &[u8]); 10] = [
        ("latin1.md", b"---\ntitle: Caf\xe9\n---\nx"),
        ("open.md", b"---\ntitle: x\n"),
        ("yaml.md", b"---\ntitle: [x\n---\nx"),
        ("toml.md", b"+++\ntitle = x\n+++\nx"),
        ("empty.md", b""),
        ("date.md", b"---\ntitle: x\ndate: yesterday\n---\nx"),
        ("key.md", b"---\ntitel: x\n---\nx"),
        ("deep.md", &[]),
        ("clash.md", b"---\ntitle: x\nslug: good\n---\nx"),
        ("slug.md", b"---\ntitle: x\nslug: feed\n---\nx"),
    ];
    for (name, bytes) in bad {
        newsroom.write(&format!("articles/{name}"), bytes);
    }
    newsroom.write("articles/deep.md", format!("# Deep\n\n{}", "<div>".repeat(5000)));
    newsroom.look();
    assert_eq!(newsroom.titles(), ["Good"]);
    let problems = newsroom.problems();
    for (name, _) in bad {
        assert!(
            problems.iter().any(|problem| problem.contains(&format!("articles/{name}"))),
            "{name}: {problems:#?}"
        );
    }
}

#[test]
fn oddly_typed_files_are_good_all_the_same() {
    let mut newsroom = Newsroom::new();
    newsroom.write("articles/bom.md", "\u{FEFF}---\r\ntitle: Bom\r\ndate: 2026-02-01\r\n---\r\nText.\r\n");
    newsroom.write(
        "articles/control.md",
        "---\ntitle: \"a\\u0000b\"\ndate: 2026-02-02\n---\nx\u{0}y\u{B}z\u{FFFE}\n",
    );
    newsroom.write("articles/heading.md", "# From *the* heading\n\nText.\n");
    newsroom.write("articles/typed.md", "---\ntitle: No\ntags: [yes, 1.10]\ndate: 2026-02-03\n---\nText.\n");
    newsroom.look();
    let mut titles = newsroom.titles();
    titles.sort();
    assert_eq!(titles, ["Bom", "From the heading", "No", "ab"], "{:?}", newsroom.problems());
    let typed = newsroom.items().into_iter().find(|item| item["title"] == "No").unwrap();
    assert_eq!(typed["tags"], serde_json::json!(["yes", "1.10"]));
    for feed in ["/feed.rss", "/feed.atom", "/feed.json"] {
        assert!(!newsroom.page(feed).contains(['\u{0}', '\u{B}', '\u{FFFE}']), "{feed}");
    }
}

#[test]
fn a_future_date_waits_until_it_comes() {
    let mut newsroom = Newsroom::new().piece("Nowruz", "2026-03-20");
    newsroom.at("2026-03-19 23:59").look();
    assert!(newsroom.titles().is_empty());
    newsroom.at("2026-03-20 00:00").look();
    assert_eq!(newsroom.titles(), ["Nowruz"]);
}

#[test]
fn an_outlets_delay_is_kept_or_the_piece_is_held_if_it_cannot_be_counted() {
    let piece = |attribution: &str| {
        format!("---\ntitle: Lighthouse\ndate: 2026-03-01\nwritten_for: {attribution}\n---\nText.\n")
    };
    let mut newsroom =
        Newsroom::new().article("a.md", &piece("{ outlet: harbour-review, date: 2026-02-20 }"));
    newsroom.at("2026-03-05 12:00").look();
    assert!(newsroom.titles().is_empty());
    newsroom.at("2026-03-06 00:00").look();
    assert_eq!(newsroom.items()[0]["date_published"], "2026-03-06T00:00:00Z");
    newsroom.write("articles/a.md", piece("harbour-review"));
    newsroom.look();
    assert!(newsroom.titles().is_empty());
    assert!(
        newsroom.problems()[0].contains("held back: The Harbour Review wants 14 days"),
        "{:?}",
        newsroom.problems()
    );
    newsroom.write(
        "articles/a.md",
        piece("{ outlet: harbour-review, cleared: { by: the editor, on: 2026-03-01 } }"),
    );
    newsroom.look();
    assert_eq!(newsroom.titles(), ["Lighthouse"]);
}

#[test]
fn a_deleted_file_is_gone_and_a_restored_one_is_the_same_article() {
    let mut newsroom = Newsroom::new().article("en/tehran.md", TEHRAN);
    newsroom.look();
    let guid = newsroom.items()[0]["id"].clone();
    newsroom.remove("en/tehran.md");
    newsroom.look();
    assert_eq!(newsroom.stands_at("/tehran/"), "gone");
    newsroom.write("articles/en/again.md", TEHRAN);
    newsroom.look();
    assert_eq!(newsroom.items()[0]["id"], guid);
}

#[test]
fn an_edit_changes_the_text_and_only_a_marked_one_the_date() {
    let mut newsroom = Newsroom::new().article("en/tehran.md", TEHRAN);
    newsroom.look();
    let modified = |newsroom: &Newsroom| newsroom.items()[0]["date_modified"].as_str().unwrap().to_string();
    let first = modified(&newsroom);
    newsroom.write("articles/en/tehran.md", TEHRAN.replace("Second", "Other"));
    newsroom.at("2026-03-05 12:00").look();
    assert!(newsroom.page("/tehran/").contains("Other one"));
    assert_eq!(modified(&newsroom), first);
    newsroom.write("articles/en/tehran.md", TEHRAN.replace("tags:", "updated: 2026-03-04\ntags:"));
    newsroom.look();
    assert_eq!(modified(&newsroom), "2026-03-04T00:00:00Z");
    assert_eq!(newsroom.items()[0]["date_published"], "2026-03-01T00:00:00Z");
}

#[test]
fn a_text_copied_off_a_page_is_recognised_and_every_guess_is_said() {
    let text = "The broker\n\nI wrote this artcle for BBC Onlin.\n\nHe waits.\n\n‘It is late,” he says.\n\nA bare heading\n\nThe end comes.\n\nLeave a Reply\n\nYour email address will not be published.\n";
    let mut newsroom = Newsroom::new().article("broker.txt", text);
    newsroom.look();
    let item = &newsroom.items()[0];
    assert_eq!(item["title"], "The broker");
    let html = item["content_html"].as_str().unwrap();
    assert!(html.contains("Written for BBC Online.</p><p>He waits.</p>"), "{html}");
    assert!(
        html.contains("<h2>A bare heading</h2>") && !html.contains("Reply") && !html.contains("artcle"),
        "{html}"
    );
    assert_eq!(item["date_published"], "2026-03-02T12:00:00Z");
    let notes = newsroom.notes().join("\n");
    for line in ["broker.txt:1:1", "broker.txt:3:1", "broker.txt:9:1", "broker.txt:13:1"] {
        assert!(notes.contains(line), "{line}\n{notes}");
    }
    newsroom.write("articles/broker.toml", "date = 2019-05-04\ntags = [\"Old\"]\n");
    newsroom.look();
    assert_eq!(newsroom.items()[0]["date_published"], "2019-05-03T23:00:00Z");
}

#[test]
fn the_sentence_that_the_author_typed_is_not_said_twice() {
    let text = "---\ntitle: Twice\ndate: 2026-03-01\nwritten_for: bbc-online\n---\nWritten for BBC Online.\n\nThe text.\n";
    let mut newsroom = Newsroom::new().article("twice.md", text);
    newsroom.look();
    let html = newsroom.items()[0]["content_html"].as_str().unwrap().to_string();
    assert_eq!(html.matches("Written for").count(), 1, "{html}");
}

#[test]
fn pictures_are_published_with_the_articles_that_show_them_and_no_others() {
    let text = "---\ntitle: Wells\ndate: 2026-03-01\nimage: { src: ../images/wells.png, alt: Wells }\nenclosure: talk.mp3\n---\n![Wells](../images/wells.png) ![lost](lost.png)\n";
    let mut newsroom = Newsroom::new().article("en/wells.md", text);
    for file in ["images/wells.png", "images/private.png", "en/talk.mp3"] {
        newsroom.write(&format!("articles/{file}"), [0_u8; 1000]);
    }
    newsroom.look();
    assert_eq!(newsroom.stands_at("/media/images/wells.png"), "a file");
    assert_eq!(newsroom.stands_at("/media/images/private.png"), "nothing");
    let item = &newsroom.items()[0];
    assert_eq!(item["image"], "https://far-bank.example/media/images/wells.png");
    assert_eq!(item["attachments"][0]["size_in_bytes"], 1000);
    assert_eq!(item["attachments"][0]["mime_type"], "audio/mpeg");
    assert!(newsroom.problems()[0].contains("`lost.png` is not in the folder"), "{:?}", newsroom.problems());
}
