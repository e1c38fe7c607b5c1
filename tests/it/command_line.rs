//! The commands, as an author types them.

use serde_json::Value;

use crate::support::{newsroom::CONFIG, program::Folder};

fn newsroom() -> Folder {
    let folder = Folder::with_config(CONFIG);
    for (name, date) in [("one", "2026-02-01"), ("two", "2026-02-02")] {
        folder.write(
            &format!("articles/en/{name}.md"),
            &format!("---\ntitle: {name}\ndate: {date}\nwritten_for: bbc-online\n---\nText.\n"),
        );
    }
    folder.write(
        "subscribers/dispatches.csv",
        "email,name,cadence\nmina@example.org,Mina,weekly\nroya@example.org,,daily\n",
    );
    folder
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"))
}

#[test]
fn a_send_leaves_one_letter_a_reader_and_none_twice() {
    let folder = newsroom();
    let sent = folder.run(&["send", "dispatches", "--yes"]).done();
    assert_eq!(sent.last_line(), "issue 1 (dispatches) is sending, 2 letters: 2 pending");
    let delivered = folder.run(&["deliver"]).done();
    assert_eq!(delivered.last_line(), "issue 1 (dispatches) is done, 2 letters: 2 accepted");
    assert_eq!(folder.run(&["deliver"]).done().last_line(), "nothing is due");
    let again = folder.run(&["send", "dispatches", "--yes"]).done();
    assert!(again.last_line().starts_with("no issue: there is nothing"), "{again:?}");
    folder.run(&["deliver"]).done();
    let mut readers: Vec<String> = folder.letters().iter().map(|letter| letter.to().to_string()).collect();
    readers.sort();
    assert_eq!(readers, ["mina@example.org", "roya@example.org"]);
    folder.letters()[0].shows("Written for BBC Online");
    let audit = folder.run(&["audit", "1"]).done();
    assert!(audit.last_line().ends_with("2 accepted; the sums balance"), "{audit:?}");
}

#[test]
fn what_there_is_data_of_can_be_had_as_json() {
    let folder = newsroom();
    let sent = json(folder.run(&["send", "dispatches", "--yes", "--json"]).done().last_line());
    assert_eq!(
        (&sent["issue"], &sent["letters"], &sent["counts"]["pending"]),
        (&1.into(), &2.into(), &2.into())
    );
    let delivered = json(folder.run(&["deliver", "--json"]).done().last_line());
    assert_eq!((&delivered["state"], &delivered["counts"]["accepted"]), (&"done".into(), &2.into()));
    let audit = json(folder.run(&["audit", "1", "--json"]).done().last_line());
    assert_eq!((&audit["balanced"], &audit["readers"][0]["state"]), (&true.into(), &"accepted".into()));
    let reader = json(folder.run(&["readers", "list", "--json"]).done().stdout.lines().next().unwrap());
    assert_eq!(
        reader,
        serde_json::json!({
            "email": "mina@example.org", "name": "Mina", "newsletter": "dispatches",
            "status": "active", "cadence": "weekly", "language": null, "timezone": null,
        })
    );
    let next = json(folder.run(&["next", "--json"]).done().stdout.lines().next().unwrap());
    assert_eq!((&next["cadence"], &next["readers"]), (&"weekly".into(), &0.into()));
    let problem = folder.run_with(&["check", "--json"], &[("BYLINE_SITE__TIMEZONE", "Nowhere")]);
    let problem = json(problem.stdout.lines().next().unwrap());
    assert_eq!((&problem["severity"], &problem["line"]), (&"error".into(), &1.into()));
}

#[test]
fn nothing_is_sent_without_a_word_and_a_dry_run_changes_nothing() {
    let folder = newsroom();
    let unasked = folder.run(&["send", "dispatches"]);
    assert_eq!(unasked.code, 2);
    assert!(unasked.stderr.contains("add `--yes`"), "{}", unasked.stderr);
    let dry = folder.run(&["send", "dispatches", "--dry-run"]).done();
    assert_eq!(dry.last_line(), "dry run: 2 letters would be sent");
    assert!(dry.stderr.contains("2 articles of `dispatches` in 1 variant to 2 readers:"), "{}", dry.stderr);
    assert_eq!(folder.run(&["status"]).done().stdout, "no issue has been made yet\n");
}

#[test]
fn a_chosen_article_goes_to_who_has_not_had_it_and_is_left_out_of_their_digest() {
    let folder = newsroom();
    let special =
        folder.run(&["send", "dispatches", "--cadence", "daily", "--article", "two", "--yes"]).done();
    assert!(special.last_line().contains("1 letter:"), "{special:?}");
    let again = folder.run(&["send", "dispatches", "--article", "two", "--yes"]).done();
    assert!(again.last_line().contains("1 letter:"), "only the weekly reader is left: {again:?}");
    folder.run(&["send", "dispatches", "--yes"]).done();
    folder.run(&["deliver"]).done();
    let mut subjects: Vec<String> =
        folder.letters().iter().map(|letter| format!("{} {}", letter.to(), letter.subject())).collect();
    subjects.sort();
    assert_eq!(
        subjects,
        ["mina@example.org one", "mina@example.org two", "roya@example.org one", "roya@example.org two"]
    );
}

#[test]
fn a_test_letter_reaches_testers_only_and_is_no_issue() {
    let folder = newsroom();
    let stranger = folder.run(&["send", "dispatches", "--test", "mina@example.org"]);
    assert_eq!(stranger.code, 2);
    assert!(stranger.stderr.contains("is not a tester"), "{}", stranger.stderr);
    folder.write("config.toml", &CONFIG.replace("[mail]", "[mail]\ntesters = [\"me@example.org\"]"));
    folder.run(&["send", "dispatches", "--test", "me@example.org"]).done();
    assert!(folder.letters().iter().all(|letter| letter.to() == "me@example.org"));
    assert_eq!(folder.letters().len(), 2, "one in each language of the newsletter");
    assert_eq!(folder.run(&["status"]).done().stdout, "no issue has been made yet\n");
}

#[test]
fn readers_are_added_and_removed_and_a_list_revives_nobody() {
    let folder = newsroom();
    folder
        .run(&["readers", "add", "dispatches", "nora@example.org", "--name", "Nora", "--cadence", "daily"])
        .done();
    folder.run(&["readers", "remove", "mina@example.org"]).done();
    let unknown = folder.run(&["readers", "remove", "nobody@example.org"]);
    assert_eq!(unknown.code, 1);
    folder.write("subscribers/dispatches.csv", "email,cadence\nmina@example.org,daily\nnew@example.org,\n");
    let listed = folder.run(&["readers", "list", "dispatches"]).done().stdout;
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split('\t').collect()).collect();
    let status = |email: &str| rows.iter().find(|row| row[0] == email).map(|row| row[3]);
    assert_eq!(status("mina@example.org"), Some("ended"));
    assert_eq!(status("new@example.org"), Some("active"));
    assert_eq!(status("roya@example.org"), Some("active"), "taking a row away does nothing");
    assert_eq!(status("nora@example.org"), Some("active"));
    folder.run(&["readers", "add", "dispatches", "mina@example.org"]).done();
    assert!(
        folder.run(&["readers", "list"]).done().stdout.contains("mina@example.org\tMina\tdispatches\tactive")
    );
}

#[test]
fn a_bad_row_is_kept_with_its_reason_and_the_others_count() {
    let folder = newsroom();
    folder.write("subscribers/dispatches.csv", "email,name\nmina@example.org,Mina\n=cmd@,=1+1\n");
    let said = folder.run(&["readers", "list"]).done();
    assert_eq!(said.stdout.lines().count(), 1);
    assert!(said.stderr.contains("subscribers/dispatches.csv:3:1"), "{}", said.stderr);
    let rejected = folder.read("data/dispatches.rejected.csv");
    assert!(rejected.contains("is not an address") && rejected.contains("'=1+1"), "{rejected}");
    folder.write("subscribers/dispatches.csv", "email\nmina@example.org\n");
    folder.run(&["readers", "list"]).done();
    assert!(!folder.path("data/dispatches.rejected.csv").exists());
}

#[test]
fn commands_that_cannot_be_done_say_why() {
    let folder = newsroom();
    for (arguments, code, words) in [
        (vec!["send", "dispatchs", "--yes"], 2, "did you mean `dispatches`?"),
        (
            vec!["send", "dispatches", "--cadence", "yearly", "--yes"],
            2,
            "it has `weekly`, `daily` and `instant`",
        ),
        (
            vec!["send", "dispatches", "--article", "three", "--yes"],
            2,
            "no article that is out is called `three`",
        ),
        (vec!["audit", "7"], 2, "there is no issue 7"),
        (vec!["approve", "7"], 2, "there is no issue 7"),
        (vec!["readers", "add", "dispatches", "not an address"], 2, "is not an address"),
        (vec!["readers", "add", "dispatches", "a@example.org", "--language", "de"], 2, "write `en` or `fa`"),
    ] {
        let said = folder.run(&arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert!(said.stderr.contains(words), "{arguments:?}: {}", said.stderr);
    }
    let nowhere = Folder::with_config("");
    std::fs::remove_file(nowhere.path("config.toml")).unwrap();
    let said = nowhere.run(&["check"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("`byline init .` makes one"), "{}", said.stderr);
}

#[test]
fn e5_feed_lint_shows_the_faults_of_anybodys_feed() {
    let folder = Folder::sample();
    let serving = folder.serve();
    for path in ["/feed.rss", "/feed.atom", "/feed.json"] {
        // The address in the feed is the site's, not that of the test.
        let file = folder.path("fetched");
        std::fs::write(&file, serving.get(path).body).unwrap();
        let said = folder.run(&["feed", "lint", file.to_str().unwrap()]).done();
        assert!(said.last_line().ends_with("no problems"), "{said:?}");
    }
    let said = folder.run(&["feed", "lint", &format!("http://{}/feed.rss", serving.address)]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("[self-doesnt-match-location]"), "{}", said.stderr);
    folder.write(
        "bad.rss",
        "<rss version=\"2.0\"><channel>\n<title>A</title>\n<author>me</author>\n</channel></rss>",
    );
    let said = folder.run(&["feed", "lint", folder.path("bad.rss").to_str().unwrap()]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("bad.rss:3:") && said.stderr.contains("hint:"), "{}", said.stderr);
    let page = folder.run(&["feed", "lint", &format!("http://{}/", serving.address)]);
    assert!(page.code == 1 && page.stderr.contains("[not-a-feed]"), "{}", page.stderr);
    assert_eq!(folder.run(&["feed", "lint", "no-such-file"]).code, 2);
}
