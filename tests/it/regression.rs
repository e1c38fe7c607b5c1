//! Every fault that was mended, so that it stays so.

use byline::sink::Sink;

use crate::support::{
    newsroom::{CONFIG, Newsroom},
    program::Folder,
    wait_until,
};

/// An issue whose last open letters were held after a crash stayed `sending` for ever.
#[test]
fn an_issue_whose_last_letter_is_held_after_a_crash_is_done() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let mail = format!(
        "[mail]\ntransport = \"smtp\"\nwhen_in_doubt = \"hold\"\nsmtp = {{ host = \"127.0.0.1\", port = {}, security = \"none\" }}",
        server.port()
    );
    let folder = Folder::with_config(&CONFIG.replace("[mail]", &mail));
    folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
    folder.write("subscribers/dispatches.csv", "email\nmina@example.org\nmute@example.org\n");
    folder.run(&["send", "dispatches", "--yes"]).done();
    let serving = folder.serve();
    wait_until("one letter answered and one not", 30, || {
        server.accepted().len() == 1 && server.attempts("mute@example.org") == 1
    });
    let sending = || folder.run(&["audit", "1"]).done().stdout.contains("mina@example.org\taccepted");
    wait_until("the answer to be written down", 30, sending);
    serving.kill();
    let said = folder.run(&["deliver"]).done();
    assert_eq!(said.last_line(), "issue 1 (dispatches) is done, 2 letters: 1 accepted, 1 in doubt");
}

/// A side file's title and outlet cost a text its first paragraph, and its author's sentences.
#[test]
fn a_text_whose_side_file_gives_a_title_loses_no_paragraph() {
    let text = "The first paragraph, which is no title.\n\nThe second, published in The Harbour Review.\n\nThe third.\n";
    let mut newsroom = Newsroom::new().article("a.txt", text);
    newsroom.write("articles/a.toml", "title = \"Given\"\ndate = 2026-03-01\nwritten_for = \"bbc-online\"\n");
    newsroom.look();
    let item = newsroom.items().remove(0);
    assert_eq!(item["title"], "Given");
    let html = item["content_html"].as_str().unwrap();
    assert!(html.contains("The first paragraph") && html.contains("The second, published"), "{html}");
}

/// A negative delay held an article and said nothing.
#[test]
fn a_delay_below_nothing_is_refused() {
    let folder =
        Folder::with_config(&CONFIG.replace("republish_after = \"14d\"", "republish_after = \"-5d\""));
    let said = folder.run(&["check"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("`-5d` is not a number of days"), "{}", said.stderr);
}

/// Pages for what is not there came in the alphabetically first language.
#[test]
fn a_missing_page_speaks_the_sites_own_language() {
    let config =
        CONFIG.replace("languages = [\"en\", \"fa\"]\ntimezone", "languages = [\"fa\", \"en\"]\ntimezone");
    let folder = Folder::with_config(&config);
    let serving = folder.serve();
    assert!(serving.get("/nothing/").text().contains("<html lang=\"fa\" dir=\"rtl\">"));
    assert_eq!(serving.stop(), 0);
}

/// A folder that went away, as with a disk that is not mounted, made the whole site 410.
#[test]
fn a_folder_that_is_away_takes_nothing_off_the_site() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
    let serving = folder.serve();
    std::fs::rename(folder.path("articles"), folder.path("elsewhere")).unwrap();
    wait_until("it to be said", 20, || serving.talk().contains("articles/ is not there any more"));
    assert_eq!(serving.get("/a/").status, 200);
    std::fs::rename(folder.path("elsewhere"), folder.path("articles")).unwrap();
    folder.write("articles/en/b.md", "---\ntitle: Second\ndate: 2026-03-02\n---\nWater.\n");
    wait_until("work to go on", 30, || serving.get("/b/").status == 200);
}

/// A picture that was replaced under its name stayed as it was on the site.
#[test]
fn a_picture_that_is_replaced_is_replaced_on_the_site() {
    let text = "---\ntitle: Wells\ndate: 2026-03-01\n---\n![Wells](wells.png)\n";
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/wells.md", text);
    folder.write("articles/wells.png", "first");
    let serving = folder.serve();
    assert_eq!(serving.get("/media/wells.png").text(), "first");
    folder.write("articles/wells.png", "second");
    wait_until("the new picture", 5, || serving.get("/media/wells.png").text() == "second");
}

/// An outlet that was renamed in the config let its embargoed pieces out, without attribution.
#[test]
fn an_outlet_that_leaves_the_config_takes_no_delay_and_no_name_with_it() {
    let mut newsroom = Newsroom::new()
        .piece("Out", "2026-02-01")
        .article("en/held.md", "---\ntitle: Embargoed\ndate: 2026-03-01\nwritten_for: { outlet: harbour-review, date: 2026-03-01 }\n---\nText.\n");
    newsroom.look();
    newsroom.configure(
        &CONFIG.replace("outlet.harbour-review", "outlet.harbour").replace("outlet.bbc-online", "outlet.bbc"),
    );
    newsroom.look();
    assert_eq!(newsroom.titles(), ["Out"]);
    assert!(newsroom.page("/feed.rss").contains("Written for BBC Online"));
    assert!(newsroom.problems().iter().any(|problem| problem.contains("unknown outlet `harbour-review`")));
}

/// A character reference became a control character, or a mark of ours, after cleaning.
#[test]
fn a_character_reference_smuggles_nothing_in() {
    let text = "---\ntitle: Marks\ndate: 2026-03-01\n---\na&#11;b&#xFFFF;c&#xE006;d&#xE005;e <b title=\"x&#1;y\">f</b>\n";
    let mut newsroom = Newsroom::new().article("a.md", text).reader("mina@example.org", "weekly");
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    assert!(
        newsroom.page("/feed.rss").contains("abcde <b title=\"xy\">f</b>"),
        "{}",
        newsroom.page("/feed.rss")
    );
    let letter = newsroom.letters().remove(0);
    assert!(letter.text.contains("abcde f") && letter.html.contains("abcde"), "{}", letter.text);
}

/// A year that RSS cannot write ended publishing.
#[test]
fn a_year_beyond_reason_is_the_authors_mistake_and_no_others_matter() {
    let mut newsroom = Newsroom::new().piece("Good", "2026-02-01");
    newsroom.write("articles/a.md", "---\ntitle: A\ndate: \"-0001-01-01\"\n---\nx\n");
    newsroom.write("articles/b.md", "---\ntitle: B\ndate: 2026-02-02\nupdated: \"+10000-01-01\"\n---\nx\n");
    newsroom.look();
    assert_eq!(newsroom.titles(), ["Good"]);
    assert_eq!(newsroom.problems().len(), 2, "{:?}", newsroom.problems());
}

/// A link round a block, after an empty cell, cut a letter's text inside a character.
#[test]
fn a_link_round_a_block_in_a_table_is_no_end_of_composing() {
    let body = "<table><tr><td>x</td><td></td><td></td><td><a href=\"https://e.example/\"><p>“““““quoted”””””</p></a></td></tr></table>";
    let mut newsroom = Newsroom::new()
        .article("a.md", &format!("---\ntitle: T\ndate: 2026-03-01\n---\n{body}\n"))
        .reader("mina@example.org", "weekly");
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    assert!(newsroom.letters().remove(0).text.contains("quoted"));
}

/// A clock that jumped a day ahead and back silenced every schedule for that day.
#[test]
fn a_clock_that_jumps_ahead_and_back_silences_nothing() {
    let mut newsroom = Newsroom::new().piece("One", "2026-02-01").reader("mina@example.org", "daily");
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2027-03-05 12:00").look();
    newsroom.compose();
    newsroom.deliver();
    newsroom.at("2026-03-05 12:10").run();
    newsroom = newsroom.piece("Two", "2026-03-05");
    let before = newsroom.letters().len();
    newsroom.at("2026-03-06 07:30").run();
    assert_eq!(newsroom.letters().len(), before + 1);
}

/// A quotation mark that was never closed swallowed the readers after it, into a name.
#[test]
fn an_open_quotation_mark_in_a_list_is_said_and_shows_nobody_elses_address() {
    let folder = Folder::with_config(CONFIG);
    folder.write(
        "subscribers/dispatches.csv",
        "email,name\na1@example.org,A\na2@example.org,\"B\na3@example.org,C\n",
    );
    let said = folder.run(&["check"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("dispatches.csv:3:") && said.stderr.contains("a quotation mark opens here"),
        "{}",
        said.stderr
    );
    assert_eq!(folder.run(&["readers", "list"]).done().stdout.lines().count(), 1);
}

/// An article that was away while an issue was made, and given to nobody, never reached anybody.
#[test]
fn an_article_that_was_away_while_an_issue_was_made_comes_with_the_next() {
    let mut newsroom = Newsroom::new().piece("Old", "2026-01-01").reader("mina@example.org", "weekly");
    newsroom.at("2026-03-02 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    newsroom = newsroom.piece("V", "2026-03-07").piece("W", "2026-03-08");
    newsroom.at("2026-03-09 12:00").run();
    newsroom.rename("en/V.md", "en/V.md~");
    newsroom.at("2026-03-13 08:00").run();
    newsroom.rename("en/V.md~", "en/V.md");
    newsroom.at("2026-03-14 12:00").run();
    newsroom.at("2026-03-20 08:00").run();
    assert_eq!(newsroom.mail(), ["mina: Old", "mina: W", "mina: V"]);
}

/// A new piece saved under an old piece's name took its identity.
#[test]
fn files_named_in_rotation_keep_who_they_are() {
    let mut newsroom =
        Newsroom::new().article("latest.md", "---\ntitle: January\ndate: 2026-01-05\n---\nx\n");
    newsroom.look();
    let guid = newsroom.items()[0]["id"].clone();
    newsroom.rename("latest.md", "2026-jan.md");
    newsroom.write("articles/latest.md", "---\ntitle: February\ndate: 2026-02-05\n---\ny\n");
    newsroom.look();
    assert_eq!(newsroom.titles(), ["February", "January"]);
    assert_eq!(newsroom.items()[1]["id"], guid);
}

/// An entry's `updated` moved when another of the same day was added before it in order.
#[test]
fn a_new_piece_of_the_same_day_moves_no_others_update() {
    let mut newsroom = Newsroom::new().piece("ZZ", "2026-02-01");
    newsroom.look();
    let before = newsroom.items()[0]["date_modified"].clone();
    newsroom = newsroom.piece("AA", "2026-02-01");
    newsroom.look();
    let item = newsroom.items().into_iter().find(|item| item["title"] == "ZZ").unwrap();
    assert_eq!(item["date_modified"], before);
}

/// A file's name as long as a name can be stopped all publishing.
#[test]
fn a_name_as_long_as_can_be_is_published() {
    let name = format!("{}.png", "n".repeat(249));
    let mut newsroom = Newsroom::new().article(
        "a.md",
        &format!("---\ntitle: A\nslug: {}\ndate: 2026-03-01\n---\n![x]({name})\n", "𐎠".repeat(80)),
    );
    newsroom.write(&format!("articles/{name}"), "x");
    newsroom.look();
    assert_eq!(newsroom.titles(), ["A"]);
    assert_eq!(newsroom.stands_at(&format!("/media/{name}")), "a file");
}

/// An alias that had been a deleted article's address stayed 410.
#[test]
fn an_alias_takes_over_the_address_of_a_withdrawn_piece() {
    let mut newsroom = Newsroom::new().piece("old-one", "2026-02-01");
    newsroom.look();
    newsroom.remove("en/old-one.md");
    newsroom =
        newsroom.article("merged.md", "---\ntitle: Merged\ndate: 2026-02-02\naliases: [old-one]\n---\nx\n");
    newsroom.look();
    assert_eq!(newsroom.stands_at("/old-one/"), "moved to /merged/");
}

/// A folder that was put in another's place was looked at only every ten seconds.
#[test]
fn a_folder_put_in_anothers_place_is_watched() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/a.md", "---\ntitle: A\ndate: 2026-03-01\n---\nx\n");
    folder.write("articles2/b.md", "---\ntitle: B\ndate: 2026-03-01\n---\nx\n");
    let serving = folder.serve();
    std::fs::rename(folder.path("articles"), folder.path("articles-old")).unwrap();
    std::fs::rename(folder.path("articles2"), folder.path("articles")).unwrap();
    wait_until("the other folder", 15, || serving.get("/b/").status == 200);
    for number in 0..3 {
        folder.write(
            &format!("articles/c{number}.md"),
            &format!("---\ntitle: C{number}\ndate: 2026-03-02\n---\nx\n"),
        );
        wait_until("a save in it", 5, || serving.get(&format!("/c{number}/")).status == 200);
    }
}

/// `deliver` alone, without `serve`, never made an issue of a slot that had come.
#[test]
fn deliver_by_itself_makes_what_is_due() {
    let folder = Folder::with_config(&CONFIG.replace("weekly = \"Fri 08:00\"", "often = \"* * * * * *\""));
    folder.write("articles/a.md", "---\ntitle: A\ndate: 2026-03-01\n---\nx\n");
    folder.write("subscribers/dispatches.csv", "email,cadence\nmina@example.org,often\n");
    wait_until("a slot to come", 10, || {
        folder.run(&["deliver"]).done();
        folder.letters().len() == 1
    });
}

/// A newsletter whose letter failed kept those of the others, already opened, from being sent.
#[test]
fn a_newsletter_that_does_not_render_holds_up_no_other() {
    let often = CONFIG.replace("weekly = \"Fri 08:00\"", "often = \"* * * * * *\"");
    let both = format!(
        "{}\n[newsletter.nameh]\nname = \"Nameh\"\nlanguages = [\"fa\"]\n[newsletter.nameh.cadence]\noften = \"* * * * * *\"\n",
        often.replace(
            "name = \"Dispatches\"\nlanguages = [\"en\", \"fa\"]",
            "name = \"Dispatches\"\nlanguages = [\"en\"]"
        )
    );
    let folder = Folder::with_config(&both);
    folder.write("articles/en/a.md", "---\ntitle: A\ndate: 2026-03-01\n---\nx\n");
    folder.write("articles/fa/b.md", "---\ntitle: آب\ndate: 2026-03-01\n---\nمتن\n");
    let wrong = "{{#if (eq letter.first \"آب\")}}{{day letter.first}}{{/if}}{{letter.first}}";
    folder.write("templates/mail/single/subject.hbs", wrong);
    folder.write("subscribers/dispatches.csv", "email,cadence\nmina@example.org,often\n");
    folder.write("subscribers/nameh.csv", "email,cadence\nnima@example.org,often\n");
    wait_until("the letter that can be made", 60, || {
        let said = folder.run(&["deliver"]);
        let failed = said.stderr.contains("templates/mail/single/subject.hbs:1:");
        failed && said.code != 0 && folder.letters().len() == 1
    });
    assert_eq!(folder.letters()[0].headers["to"], "mina@example.org");
}

/// A save in the moment between the first look and the first watch was noticed ten seconds later.
#[test]
fn a_save_right_after_the_start_is_noticed() {
    for _ in 0..3 {
        let folder = Folder::with_config(CONFIG);
        folder.write("articles/a.md", "---\ntitle: A\ndate: 2026-03-01\n---\nx\n");
        let serving = folder.serve();
        folder.write_in_place("articles/b.md", "---\ntitle: B\ndate: 2026-03-01\n---\nx\n");
        wait_until("the save", 5, || serving.get("/b/").status == 200);
    }
}

#[test]
fn two_versions_of_one_second_have_two_dates() {
    let mut newsroom = Newsroom::new();
    newsroom.write("articles/en/a.md", "---\ntitle: A\ndate: 2026-02-01\n---\nFirst.\n");
    newsroom.look();
    let first = newsroom.modified("/feed.rss");
    newsroom.write("articles/en/a.md", "---\ntitle: A\ndate: 2026-02-01\n---\nSecond.\n");
    newsroom.look();
    assert!(newsroom.modified("/feed.rss") > first, "a reader that goes by the date would miss the second");
}

#[test]
fn a_summary_is_text_and_arrives_as_text() {
    let mut newsroom = Newsroom::new();
    let text =
        "---\ntitle: A\nsummary: \"Q&A <Weekly> <script>alert(1)</script>\"\ndate: 2026-02-01\n---\nText.\n";
    newsroom.write("articles/en/a.md", text);
    newsroom.look();
    let rss = newsroom.page("/feed.rss");
    assert!(!rss.contains("<script>"), "readers take a description for HTML: {rss}");
    assert!(rss.contains("Q&amp;A &lt;Weekly&gt; &lt;script&gt;"), "{rss}");
    assert_eq!(newsroom.items()[0]["summary"], "Q&A <Weekly> <script>alert(1)</script>");
}

#[test]
fn what_is_pasted_from_other_sites_comes_out_readable() {
    let mut newsroom = Newsroom::new();
    let script = "if(a<b){x}".repeat(150);
    let page = format!(
        "<html><head><title>Don&#8217;t caf&eacute;</title><meta name=\"date\" content=\"2026-02-01\"></head><body>\
         <script>{script}</script><p>First.</p><iframe src=\"https://www.youtube.com/embed/abc\" title=\"A film\"></iframe>\
         <noscript><img src=\"a.png\" alt=\"A\"></noscript><img src=\"data:image/gif;base64,R0\" alt=\"lazy\">\
         <img src=\"https://count.example/p.gif\" width=\"1\" height=\"1\"></body></html>"
    );
    newsroom.write("articles/en/pasted.html", page);
    newsroom.write("articles/en/old-mac.md", "---\rtitle: Old Mac\rdate: 2026-02-02\r---\rOne.\r\rTwo.\r");
    newsroom.look();
    let items = newsroom.items();
    assert_eq!(items[0]["title"], "Old Mac");
    assert!(items[0]["content_html"].as_str().unwrap().contains("<p>One.</p>\n<p>Two.</p>"), "{items:#?}");
    assert_eq!(items[1]["title"], "Don’t café");
    let html = items[1]["content_html"].as_str().unwrap();
    assert!(html.contains("<a href=\"https://www.youtube.com/watch?v=abc\">A film</a>"), "{html}");
    assert!(
        html.contains("media/en/a.png") && html.contains("lazy") && !html.contains("count.example"),
        "{html}"
    );
}

#[test]
fn a_site_folder_that_somebody_took_away_is_filled_again() {
    let mut newsroom = Newsroom::new().piece("One", "2026-02-01");
    newsroom.look();
    std::fs::remove_dir_all(newsroom.path("public")).unwrap();
    newsroom.look();
    assert!(newsroom.path("public/feed.rss").exists() && newsroom.path("public/one/index.html").exists());
}

/// Started from within its newsroom, the program heard of no save, and looked only every ten seconds.
#[test]
fn a_save_is_heard_of_wherever_the_program_was_started() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/a.md", "---\ntitle: A\ndate: 2026-02-01\n---\nText.\n");
    let serving = folder.serve_watching();
    // A look at everything publishes everything; only a hint from the watcher leads to less.
    let mut saves = 0;
    wait_until("a save taken at a glance", 60, || {
        saves += 1;
        let text = format!("---\ntitle: A\ndate: 2026-02-01\n---\nText {saves}.\n");
        folder.write("articles/en/a.md", &text);
        wait_until("the save", 30, || serving.get("/a/").text().contains(&format!("Text {saves}.")));
        serving.talk().contains("extent=Part")
    });
}

/// What a linked folder holds was published at each save, and withdrawn at the next look.
#[test]
fn what_a_link_leads_to_is_not_published_at_a_glance() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut newsroom = Newsroom::new().piece("One", "2026-02-01");
    std::os::unix::fs::symlink(elsewhere.path(), newsroom.path("articles/linked")).unwrap();
    newsroom.look();
    std::fs::write(elsewhere.path().join("own.md"), "---\ntitle: Own\ndate: 2026-02-01\n---\nNote.\n")
        .unwrap();
    newsroom.glance(&["linked/own.md"]);
    assert_eq!(newsroom.stands_at("/own/"), "nothing");
    let deep = format!("{}deep.md", "d/".repeat(13));
    newsroom.write(&format!("articles/{deep}"), "---\ntitle: Deep\ndate: 2026-02-01\n---\nNote.\n");
    newsroom.glance(&[&deep]);
    assert_eq!(newsroom.stands_at("/deep/"), "nothing", "as a look at everything has it");
}

/// A file taken out of `public/` was missed by readers until a restart.
#[test]
fn a_page_that_somebody_took_away_comes_back() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/images/a.png", "a picture");
    folder.write("articles/en/a.md", "---\ntitle: A\ndate: 2026-02-01\n---\n![A](../images/a.png)\n");
    let serving = folder.serve();
    for path in ["public/a/index.html", "public/media/images/a.png", "public/feed.rss"] {
        std::fs::remove_file(folder.path(path)).unwrap();
    }
    wait_until("all of them", 40, || {
        let answered = ["/a/", "/media/images/a.png"].map(|path| serving.get(path).status);
        answered == [200, 200] && folder.path("public/feed.rss").exists()
    });
    for entry in std::fs::read_dir(folder.path("public")).unwrap().flatten() {
        let taken = match entry.path().is_dir() {
            true => std::fs::remove_dir_all(entry.path()),
            false if entry.file_name() == ".published" => Ok(()),
            false => std::fs::remove_file(entry.path()),
        };
        // What is put back while it is taken away is no fault of the test.
        if let Err(error) = taken {
            use std::io::ErrorKind::{DirectoryNotEmpty, NotFound};
            assert!(matches!(error.kind(), DirectoryNotEmpty | NotFound), "{error}");
        }
    }
    wait_until("the front page", 40, || folder.path("public/index.html").exists());
    wait_until("the rest", 40, || folder.path("public/a/index.html").exists());
}

/// A page in another language than its section, because the section's language was in no key.
#[test]
fn a_section_that_changes_its_language_changes_all_its_pages() {
    let mut newsroom = Newsroom::new();
    for number in 0..45 {
        let text = format!("---\ntitle: ن {number}\ndate: 2026-01-02\ntags: [آب]\n---\nمتن.\n");
        newsroom.write(&format!("articles/fa/p{number}.md"), text);
    }
    newsroom.look();
    assert!(newsroom.page("/tags/آب/page/1/").contains("lang=\"fa\" dir=\"rtl\""));
    newsroom.write("articles/en/old.md", "---\ntitle: Old\ndate: 2020-01-01\ntags: [آب]\n---\nText.\n");
    newsroom.look();
    for page in ["", "page/1/"] {
        assert!(
            newsroom.page(&format!("/tags/آب/{page}")).contains("<html lang=\"en\" dir=\"ltr\""),
            "{page}"
        );
    }
}

/// Pictures that only a `srcset` names were not published.
#[test]
fn pictures_for_sharp_screens_are_published_too() {
    let mut newsroom = Newsroom::new();
    for name in ["a.png", "a-2.png"] {
        newsroom.write(&format!("articles/en/{name}"), "a picture");
    }
    newsroom.write(
        "articles/en/a.md",
        "---\ntitle: A\ndate: 2026-02-01\n---\n<img src=\"a.png\" srcset=\"a-2.png 2x\" alt=\"\">\n",
    );
    newsroom.look();
    assert_eq!(newsroom.shown().len(), 2, "{:?}", newsroom.shown());
}

/// A link to another article's file led nowhere.
#[test]
fn a_link_to_another_file_leads_to_its_article() {
    let newsroom = Newsroom::new().piece("Other", "2026-02-01");
    let mut newsroom = newsroom.article(
        "en/a.md",
        "---\ntitle: A\ndate: 2026-02-01\n---\n[Other](Other.md) and ![gone](gone.png)\n",
    );
    newsroom.look();
    assert_eq!(newsroom.stands_at("/media/en/Other.md"), "moved to /other/");
    let problems = newsroom.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("`gone.png` is not in the folder"), "{problems:?}");
}

/// Automatic summaries had the numbers of notes in them, and the arrow back.
#[test]
fn a_summary_has_no_marks_of_notes() {
    let mut newsroom = Newsroom::new().article(
        "en/a.md",
        "---\ntitle: A\ndate: 2026-02-01\n---\nThe river[^a] rises.\n\n[^a]: In spring.\n",
    );
    newsroom.look();
    assert_eq!(newsroom.items()[0]["summary"], "The river rises.");
    newsroom.write(
        "articles/fa/b.md",
        "---\ntitle: رود\ndate: 2026-02-02\n---\nرود[^a] بالا می‌آید.\n\n[^a]: در بهار.\n",
    );
    newsroom.look();
    let persian = &newsroom.items()[0];
    assert_eq!(persian["summary"], "رود بالا می‌آید.");
    let html = persian["content_html"].as_str().unwrap();
    assert!(html.contains("aria-label=\"بازگشت به متن، یادداشت 1\"") && !html.contains("Back to"), "{html}");
}

/// An address that is none stood in pages and feeds; an empty guid was kept for ever.
#[test]
fn addresses_and_guids_are_looked_at_where_they_are_typed() {
    for (key, said) in [
        ("image: \"javascript:alert(1)\"", "neither a file nor an `https:` address"),
        ("image: { src: \"data:image/png;base64,xx\" }", "neither a file nor an `https:` address"),
        ("enclosure: \"\"", "neither a file nor an `https:` address"),
        ("guid: \"\"", "invalid guid: it is empty"),
        ("guid: hello world", "a guid should be an address"),
        ("enclosure: ../../config.toml", "is not in `articles/`, so no feed names it"),
        ("updated: 2099-01-01", "`updated` is in the future"),
        ("title: B", "duplicate mapping key: title"),
    ] {
        let mut newsroom = Newsroom::new()
            .article("en/a.md", &format!("---\ntitle: A\ndate: 2026-02-01\n{key}\n---\nText.\n"));
        newsroom.look();
        let problems = newsroom.problems().join("\n");
        assert!(problems.contains(said) && !problems.contains("DuplicateKeyPolicy"), "{key}: {problems}");
    }
}

/// A second publisher wrote into the folder of the first.
#[test]
fn a_build_beside_serve_is_refused() {
    let folder = Folder::with_config(CONFIG);
    let serving = folder.serve();
    let said = folder.run(&["build"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("it publishes at each save"), "{}", said.stderr);
    assert_eq!(serving.stop(), 0);
}

/// Only articles were found without the slash at their end.
#[test]
fn every_page_is_found_without_its_slash() {
    let folder = Folder::sample();
    let serving = folder.serve();
    for (path, to) in [
        ("/fa", "/fa/"),
        ("/subscribe", "/subscribe/"),
        ("/tags", "/tags/"),
        ("/fa/subscribe", "/fa/subscribe/"),
    ] {
        let answer = serving.get(path);
        assert_eq!((answer.status, answer.header("location")), (301, to));
    }
}

/// Players begin in the middle of a sound; there were no parts of files.
#[test]
fn a_player_can_begin_in_the_middle() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/a.mp3", "0123456789");
    folder.write("articles/en/a.md", "---\ntitle: A\ndate: 2026-02-01\nenclosure: a.mp3\n---\nText.\n");
    let serving = folder.serve();
    let ask = |headers: &[(&str, &str)]| serving.request("GET", "/media/en/a.mp3", headers, "");
    let whole = ask(&[]);
    assert_eq!((whole.status, whole.header("accept-ranges"), whole.body.len()), (200, "bytes", 10));
    for (range, status, part, body) in [
        ("bytes=2-4", 206, "bytes 2-4/10", "234"),
        ("bytes=7-", 206, "bytes 7-9/10", "789"),
        ("bytes=-1", 206, "bytes 9-9/10", "9"),
        ("bytes=10-", 416, "bytes */10", ""),
        ("bytes=0-1,3-4", 200, "", "0123456789"),
        ("rubbish", 200, "", "0123456789"),
    ] {
        let answer = ask(&[("Range", range)]);
        assert_eq!((answer.status, answer.header("content-range")), (status, part), "{range}");
        assert_eq!(answer.text(), body, "{range}");
    }
    let etag = whole.header("etag").to_string();
    let head = serving.request("HEAD", "/media/en/a.mp3", &[("Range", "bytes=2-4")], "");
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    assert_eq!(ask(&[("Range", "bytes=2-4"), ("If-Range", &etag)]).status, 206);
    assert_eq!(ask(&[("Range", "bytes=2-4"), ("If-Range", "\"another\"")]).status, 200, "of another version");
}

/// A client's own line stood before that of the proxy, and was believed.
#[test]
fn a_proxys_word_goes_before_that_of_its_client() {
    let folder = Folder::sample();
    let serving = folder.serve();
    let statuses: Vec<u16> = (0..25)
        .map(|number| {
            let forged = format!("9.9.9.{number}");
            let headers = [("X-Forwarded-For", forged.as_str()), ("X-Forwarded-For", "8.8.8.8")];
            serving.request("GET", "/feed.rss", &headers, "").status
        })
        .collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

/// A file that could not be read ended the lint of all others.
#[test]
fn a_feed_that_cannot_be_read_hides_no_other() {
    let folder = Folder::sample();
    folder.run(&["build"]).done();
    let said = folder.run(&["feed", "lint", "nothing.xml", "public/feed.rss"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("nothing.xml") && said.stdout.contains("public/feed.rss"), "{said:?}");
}

/// What somebody was writing while the settings changed left the site until it was closed.
#[test]
fn what_is_being_written_stays_what_it_was_whatever_else_changes() {
    use std::io::Write;

    let folder = Folder::with_config(CONFIG);
    folder.write("articles/images/a.png", "a picture");
    folder
        .write("articles/en/a.md", "---\ntitle: A\ndate: 2026-02-01\n---\nText.\n\n![A](../images/a.png)\n");
    folder.write("articles/en/b.txt", "B\n\nText of the second piece.\n");
    folder.write("articles/en/b.toml", "date = 2026-02-02\nwritten_for = \"bbc-online\"\n");
    let serving = folder.serve_watching();
    let mut open = Vec::new();
    for path in ["articles/en/a.md", "articles/images/a.png", "articles/en/b.toml"] {
        let mut file = std::fs::OpenOptions::new().append(true).open(folder.path(path)).unwrap();
        file.write_all(b"\n# half of wh").unwrap();
        open.push(file);
    }
    // The watcher has heard of these when it has heard of the next one.
    folder.write("articles/en/c.md", "---\ntitle: C\ndate: 2026-02-03\n---\nText.\n");
    wait_until("the next one", 30, || serving.get("/c/").status == 200);
    folder.write("config.toml", &CONFIG.replace("The Far Bank", "The Near Bank"));
    wait_until("the new settings", 30, || serving.get("/").text().contains("The Near Bank"));
    let page = serving.get("/a/");
    assert!(page.status == 200 && !page.text().contains("half of"), "{}", page.text());
    assert_eq!(serving.get("/media/images/a.png").text(), "a picture");
    assert!(serving.get("/b/").text().contains("BBC Online"));
    drop(open);
    wait_until("the rest of it", 30, || serving.get("/a/").text().contains("half of"));
}

/// An id that is no address made Atom invalid.
#[test]
fn a_guid_that_is_no_address_is_one_in_atom() {
    let mut newsroom = Newsroom::new()
        .article("en/a.md", "---\ntitle: A\ndate: 2026-02-01\nguid: 1234 at example\n---\nText.\n");
    newsroom.look();
    assert_eq!(newsroom.items()[0]["id"], "1234%20at%20example");
    assert!(newsroom.page("/feed.rss").contains(">1234%20at%20example</guid>"));
    let atom = newsroom.page("/feed.atom");
    assert!(atom.contains("<id>tag:far-bank.example,2026:1234%20at%20example</id>"), "{atom}");
}
