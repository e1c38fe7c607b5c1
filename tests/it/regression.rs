//! Every fault that was mended, so that it stays so.

use crate::support::{
    newsroom::{CONFIG, Newsroom},
    program::Folder,
    smtp_server::SmtpServer,
    wait_until,
};

/// An issue whose last open letters were held after a crash stayed `sending` for ever.
#[test]
fn an_issue_whose_last_letter_is_held_after_a_crash_is_done() {
    let own = tempfile::tempdir().unwrap();
    let server = SmtpServer::start(own.path());
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
