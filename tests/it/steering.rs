//! The author's hand on issues: pause, resume, cancel, hold, resolve, the first letters, and those who missed it.

use std::{process::Stdio, time::Duration};

use byline::{
    newsletter::issue::{Cause, IssueId, IssueState},
    sink::{Fault, Sink, Stage, Taken},
    store::{IssueSummary, Told},
};
use serde_json::{Value, json};

use crate::support::{
    newsroom::{CONFIG, Newsroom},
    program::Folder,
    wait_until,
};

const ISSUE: IssueId = IssueId(1);

/// Three readers of the same cadence, and an issue that is due on Friday at eight.
fn due(more: &str) -> Newsroom {
    let config = CONFIG.replace("[newsletter.dispatches]", &format!("[newsletter.dispatches]\n{more}"));
    let mut newsroom = Newsroom::with(&config)
        .piece("One", "2026-02-01")
        .reader("ava@example.org", "weekly")
        .reader("mina@example.org", "weekly")
        .reader("roya@example.org", "weekly");
    newsroom.at("2026-03-05 12:00").run();
    newsroom
}

fn first(newsroom: &Newsroom) -> IssueSummary {
    newsroom.issues().into_iter().find(|issue| issue.issue == ISSUE).unwrap()
}

#[test]
fn a_paused_issue_sends_nothing_until_it_is_resumed() {
    let mut newsroom = due("approve = true");
    newsroom.at("2026-03-06 08:00").run();
    let now = newsroom.now;
    newsroom.store(async |store| {
        assert_eq!(store.pause(ISSUE, Cause::Author).await.unwrap(), Told::Done(3));
        assert_eq!(store.pause(ISSUE, Cause::Author).await.unwrap(), Told::Is(IssueState::Paused));
        assert_eq!(store.approve(ISSUE, now).await.unwrap(), Told::Is(IssueState::Paused));
    });
    newsroom.at("2026-03-06 09:00").run();
    assert!(newsroom.mail().is_empty());
    assert_eq!(first(&newsroom).cause, Some(Cause::Author));
    let now = newsroom.now;
    newsroom.store(async |store| assert_eq!(store.resume(ISSUE, now).await.unwrap(), Told::Done(3)));
    newsroom.run();
    assert_eq!(newsroom.mail(), ["ava: One", "mina: One", "roya: One"]);
    assert_eq!(first(&newsroom).state, IssueState::Done);
}

#[test]
fn what_a_cancelled_issue_would_have_brought_comes_with_the_next() {
    let mut newsroom = due("approve = true");
    newsroom.at("2026-03-06 08:00").run();
    let now = newsroom.now;
    newsroom.store(async |store| assert_eq!(store.cancel(ISSUE, now).await.unwrap(), Told::Done(3)));
    assert_eq!(first(&newsroom).state, IssueState::Cancelled);
    let mut newsroom = newsroom.piece("Two", "2026-03-07");
    newsroom.at("2026-03-13 08:00").run();
    assert!(newsroom.mail().is_empty(), "the next waits too");
    let now = newsroom.now;
    newsroom.store(async |store| assert_eq!(store.approve(IssueId(2), now).await.unwrap(), Told::Done(3)));
    newsroom.run();
    assert_eq!(
        newsroom.mail(),
        ["ava", "mina", "roya"].map(|name| format!("{name}: Dispatches: Two + 1 more"))
    );
}

#[test]
fn a_cancelled_issue_brings_nobody_twice_what_a_later_one_brought() {
    let mut newsroom = due("approve = true");
    newsroom.at("2026-03-06 08:00").run();
    let mut newsroom = newsroom.piece("Two", "2026-03-07");
    newsroom.at("2026-03-13 08:00").run();
    let now = newsroom.now;
    // The second goes out, the first is cancelled after it.
    newsroom.store(async |store| assert_eq!(store.approve(IssueId(2), now).await.unwrap(), Told::Done(3)));
    newsroom.run();
    newsroom.store(async |store| assert_eq!(store.cancel(ISSUE, now).await.unwrap(), Told::Done(3)));
    newsroom.at("2026-03-20 08:00").run();
    newsroom.store(async |store| assert_eq!(store.approve(IssueId(3), now).await.unwrap(), Told::Done(3)));
    newsroom.run();
    assert_eq!(newsroom.mail().iter().filter(|line| line.ends_with(": Two")).count(), 3);
    assert_eq!(newsroom.mail().iter().filter(|line| line.ends_with(": One")).count(), 3);
}

#[test]
fn the_first_letters_go_out_and_the_rest_waits_for_the_author() {
    let mut newsroom = due("canary = 1");
    newsroom.at("2026-03-06 08:00").run();
    assert_eq!(newsroom.mail(), ["ava: One"]);
    let issue = first(&newsroom);
    assert_eq!((issue.state, issue.cause), (IssueState::Paused, Some(Cause::Canary)));
    let now = newsroom.now;
    newsroom.store(async |store| assert_eq!(store.resume(ISSUE, now).await.unwrap(), Told::Done(2)));
    newsroom.run();
    assert_eq!(newsroom.mail(), ["ava: One", "mina: One", "roya: One"]);
}

#[test]
fn m41_an_issue_that_nobody_sent_in_time_is_held_and_not_blasted() {
    let mut newsroom = due("approve = true");
    newsroom.at("2026-03-06 08:00").run();
    let now = newsroom.now;
    newsroom.store(async |store| assert_eq!(store.approve(ISSUE, now).await.unwrap(), Told::Done(3)));
    // The program was away for longer than letters are tried.
    newsroom.at("2026-03-07 08:01").run();
    assert!(newsroom.mail().is_empty());
    assert_eq!((first(&newsroom).state, first(&newsroom).cause), (IssueState::Paused, Some(Cause::Late)));
    let now = newsroom.now;
    newsroom.store(async |store| assert_eq!(store.resume(ISSUE, now).await.unwrap(), Told::Done(3)));
    newsroom.run();
    assert_eq!(newsroom.mail().len(), 3);
}

/// A newsroom of real readers at a server that does as their names say.
fn at_a_server(names: &[&str], more: &str) -> (Folder, Sink, tempfile::TempDir) {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let folder = newsroom_at(&server, names, more);
    (folder, server, own)
}

fn newsroom_at(server: &Sink, names: &[&str], more: &str) -> Folder {
    let mail = format!(
        "[mail]\ntransport = \"smtp\"\n{more}\nsmtp = {{ host = \"127.0.0.1\", port = {}, security = \"none\" }}",
        server.port()
    );
    let folder = Folder::with_config(&CONFIG.replace("[mail]", &mail));
    folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
    let rows: String = names.iter().map(|name| format!("{name}@example.org,weekly\n")).collect();
    folder.write("subscribers/dispatches.csv", &format!("email,cadence\n{rows}"));
    folder
}

fn to(server: &Sink, name: &str) -> usize {
    server.accepted().iter().filter(|letter| letter.recipient.starts_with(name)).count()
}

#[test]
fn doubts_that_are_held_are_resolved_at_the_authors_word() {
    for (word, copies, state) in [("--resend", 2, "accepted"), ("--assume-sent", 1, "accepted")] {
        let (folder, server, _own) = at_a_server(&["mina", "lost1"], "when_in_doubt = \"hold\"");
        folder.run(&["send", "dispatches", "--yes"]).done();
        let held = folder.run(&["deliver"]).done();
        assert!(held.last_line().ends_with("is done, 2 letters: 1 accepted, 1 in doubt"), "{held:?}");
        folder.run(&["resolve", "1", word]).done();
        folder.run(&["deliver"]).done();
        assert_eq!((to(&server, "lost1"), to(&server, "mina")), (copies, 1), "{word}");
        let audit: Value =
            serde_json::from_str(folder.run(&["audit", "1", "--json"]).done().last_line()).unwrap();
        let lost = &audit["readers"].as_array().unwrap()[0];
        assert_eq!((lost["state"].as_str(), lost["doubts"].as_u64()), (Some(state), Some(1)));
        let again = folder.run(&["resolve", "1", word]);
        assert!(again.code == 1 && again.stderr.contains("no letter of issue 1 is in doubt"), "{again:?}");
        let ids: std::collections::BTreeSet<String> = server
            .accepted()
            .into_iter()
            .filter(|l| l.recipient.starts_with("lost1"))
            .map(|l| l.message_id)
            .collect();
        assert_eq!(ids.len(), 1, "the same letter");
    }
}

#[test]
fn a_send_to_those_who_missed_an_issue_reaches_nobody_else() {
    let (folder, server, _own) =
        at_a_server(&["mina", "never1", "nouser1", "lost1"], "when_in_doubt = \"hold\"");
    folder.run(&["send", "dispatches", "--yes"]).done();
    folder.run(&["deliver"]).done();
    folder.run(&["readers", "remove", "nouser1@example.org"]).done();
    let dry = folder.run(&["send", "--to-missed", "1", "--dry-run"]).done();
    assert_eq!(dry.last_line(), "dry run: 1 letter would be sent");
    let sent = folder.run(&["send", "--to-missed", "1", "--yes"]).done();
    assert!(sent.last_line().starts_with("issue 2 (dispatches) is sending, 1 letter: 1 pending"), "{sent:?}");
    folder.run(&["deliver"]).done();
    assert_eq!((to(&server, "mina"), to(&server, "lost1"), server.attempts("never1@example.org")), (1, 1, 2));
    let none = folder.run(&["send", "--to-missed", "2", "--yes"]).done();
    assert!(none.stderr.contains("again to 1 reader"), "refused again: {none:?}");
}

/// However it comes to a reader, it comes once: by an issue that follows one that followed, or by the next digest.
#[test]
fn who_got_it_by_another_way_has_not_missed_it() {
    let (folder, server, _own) = at_a_server(&["mina"], "");
    folder.run(&["send", "dispatches", "--yes"]).done();
    server.fault_at_dot(Fault::Says("554 5.6.0 not today".into()), Taken::No, 2);
    folder.run(&["deliver"]).done();
    for missed in ["1", "2"] {
        folder.run(&["send", "--to-missed", missed, "--yes"]).done();
        folder.run(&["deliver"]).done();
    }
    assert_eq!(server.accepted().len(), 1);
    for issue in ["1", "2", "3"] {
        let none = folder.run(&["send", "--to-missed", issue, "--yes"]);
        assert!(none.stderr.contains("nobody who is still a reader has missed"), "{none:?}");
    }

    let (folder, server, _own) = at_a_server(&["mina"], "");
    folder.run(&["send", "dispatches", "--yes"]).done();
    folder.run(&["cancel", "1"]).done();
    folder.run(&["send", "dispatches", "--yes"]).done();
    folder.run(&["deliver"]).done();
    assert_eq!(server.accepted().len(), 1);
    let none = folder.run(&["send", "--to-missed", "1", "--yes"]);
    assert!(none.stderr.contains("nobody who is still a reader has missed"), "{none:?}");
}

/// Three readers, and an issue of which one letter goes out first.
fn an_issue_with_a_canary() -> (Folder, Sink, tempfile::TempDir) {
    let (folder, server, own) = at_a_server(&["mina", "roya", "ava"], "");
    let config = folder.read("config.toml");
    folder.write(
        "config.toml",
        &config.replace("[newsletter.dispatches]", "[newsletter.dispatches]\ncanary = 1"),
    );
    folder.run(&["send", "dispatches", "--yes"]).done();
    (folder, server, own)
}

#[test]
fn a_first_letter_that_never_left_is_not_one_that_the_author_could_look_at() {
    let (folder, server, _own) = an_issue_with_a_canary();
    server.fault(Stage::Mail, Fault::HangsUp, 1);
    let delivered = folder.run(&["deliver"]);
    assert!(delivered.last_line().ends_with("3 letters: 1 accepted, 2 pending"), "{delivered:?}");
    assert!(delivered.stderr.contains("its first letters are out"), "{delivered:?}");
}

/// A pause for another reason leaves the author's wish to see the first letters.
#[test]
fn the_first_letters_are_waited_for_whatever_the_issue_was_paused_for_before() {
    let (folder, server, _own) = an_issue_with_a_canary();
    folder.run(&["pause", "1"]).done();
    folder.run(&["resume", "1"]).done();
    folder.run(&["deliver"]);
    assert_eq!(server.accepted().len(), 1);
    folder.run(&["resume", "1"]).done();
    folder.run(&["deliver"]).done();
    assert_eq!(server.accepted().len(), 3);
}

/// A letter that a server may have is not one that was missed, whatever became of it after.
#[test]
fn who_may_have_it_has_not_missed_it() {
    let (folder, server, _own) = at_a_server(&["never1"], "");
    folder.run(&["send", "dispatches", "--yes"]).done();
    server.fault_at_dot(Fault::HangsUp, Taken::Yes, 1);
    folder.run(&["deliver"]);
    folder.hasten();
    let refused = folder.run(&["deliver"]).done();
    assert!(refused.last_line().ends_with("is done, 1 letter: 1 refused"), "{refused:?}");
    let none = folder.run(&["send", "--to-missed", "1", "--dry-run"]);
    assert!(none.stderr.contains("nobody who is still a reader has missed"), "{none:?}");
}

/// One letter is answered late, and is alone under way; others become due, and do not wait for it.
#[test]
fn an_issue_does_not_wait_for_a_slow_answer_to_another() {
    let (folder, server, _own) = at_a_server(&["a", "b", "c", "d", "e", "f"], "");
    folder.run(&["readers", "add", "dispatches", "slow@example.org", "--cadence", "daily"]).done();
    server.fault_at_dot(Fault::Dribbles(Duration::from_millis(1_500)), Taken::Yes, 1);
    let serving = folder.serve();
    folder.run(&["send", "dispatches", "--cadence", "daily", "--yes"]).done();
    wait_until("the slow letter to be on its way", 60, || to(&server, "slow") == 1);
    folder.run(&["send", "dispatches", "--cadence", "weekly", "--yes"]).done();
    wait_until("the others to be taken", 15, || server.accepted().len() == 7);
    let status: Value =
        serde_json::from_str(folder.run(&["status", "1", "--json"]).done().last_line()).unwrap();
    assert_eq!(status["counts"], json!({"sending": 1}), "it is still on its way");
    assert_eq!(serving.stop(), 0);
}

fn an_issue_over_one_slow_connection() -> (Folder, Sink, tempfile::TempDir) {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::builder(own.path()).reply_delay(Duration::from_millis(500)).start();
    let folder = newsroom_at(&server, &["a", "b", "c", "d", "e", "f"], "");
    let config = folder.read("config.toml");
    folder
        .write("config.toml", &config.replace("security = \"none\"", "security = \"none\", connections = 1"));
    folder.run(&["send", "dispatches", "--yes"]).done();
    (folder, server, own)
}

/// Whoever leaves gets nothing more, not even a letter that a connection had claimed ahead.
#[test]
fn who_leaves_is_not_sent_what_was_claimed_and_not_begun() {
    let (folder, server, _own) = an_issue_over_one_slow_connection();
    let mut command = folder.command(&["deliver"]);
    let mut sender = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the first letter", 60, || !server.accepted().is_empty());
    let store = rusqlite::Connection::open(folder.path("data/byline.sqlite")).unwrap();
    store.busy_timeout(Duration::from_secs(20)).unwrap();
    store.execute("UPDATE subscription SET status = 'ended'", []).unwrap();
    let before = server.accepted().len();
    assert!(sender.wait().unwrap().success());
    let accepted = server.accepted().len();
    assert!(accepted <= before + 1, "{before} when they left, {accepted} in the end");
    let status = folder.run(&["status", "1", "--json"]).done();
    let status: Value = serde_json::from_str(status.last_line()).unwrap();
    assert_eq!((&status["state"], &status["counts"]["skipped"]), (&json!("done"), &json!(6 - accepted)));
}

/// A letter that a connection claimed ahead is not begun once the author has paused its issue.
#[test]
fn a_pause_is_heeded_by_every_letter_that_is_not_begun() {
    let (folder, server, _own) = an_issue_over_one_slow_connection();
    let serving = folder.serve();
    wait_until("the first letter", 60, || !server.accepted().is_empty());
    folder.run(&["pause", "1"]).done();
    let before = server.accepted().len();
    wait_until("what was under way to be over", 20, || {
        let status = folder.run(&["status", "1", "--json"]).done();
        serde_json::from_str::<Value>(status.last_line()).unwrap()["counts"]["sending"].is_null()
    });
    let accepted = server.accepted().len();
    assert!(accepted <= before + 1, "{before} when it was paused, {accepted} in the end");
    assert_eq!(serving.stop(), 0);
}

#[test]
fn an_issue_that_stops_by_itself_is_told_to_the_author_once_a_day() {
    let names: Vec<String> = (0..8).map(|n| format!("policy{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (folder, server, _own) = at_a_server(&names, "alerts_to = \"editor@far-bank.example\"");
    folder.run(&["send", "dispatches", "--yes"]).done();
    let serving = folder.serve();
    let is_paused = || {
        let status = folder.run(&["status", "1", "--json"]).done();
        serde_json::from_str::<Value>(status.last_line()).unwrap()["state"] == "paused"
    };
    wait_until("the author to be told", 60, || to(&server, "editor") == 1);
    assert!(is_paused());
    let (_, letter) = server.messages().into_iter().find(|(to, _)| to.starts_with("editor")).unwrap();
    let letter = String::from_utf8(letter).unwrap();
    for words in [
        "Subject: Issue 1 of dispatches is paused\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "the mail server refuses letters of yours",
        "550 5.7.26",
        "byline resume 1",
        "Content-Transfer-Encoding: 7bit\r\n",
        "0 of 8 letters went out so far; still to go: 8.",
    ] {
        assert!(letter.contains(words), "{words}\n{letter}");
    }
    let attempts = server.attempts("policy0@example.org");
    folder.run(&["resume", "1"]).done();
    wait_until("it to stop again", 60, || server.attempts("policy0@example.org") > attempts && is_paused());
    assert_eq!(serving.stop(), 0);
    assert_eq!(to(&server, "editor"), 1, "not twice for the same reason");
}

#[test]
fn an_issue_that_waits_a_while_can_be_taken_back() {
    let (folder, server, _own) = at_a_server(&["mina"], "");
    let sent = folder.run(&["send", "dispatches", "--after", "2h", "--yes"]).done();
    assert!(sent.stderr.contains("until then `byline cancel 1` takes it back"), "{sent:?}");
    let later = folder.run(&["deliver"]).done();
    assert!(later.stderr.contains("more is due at"), "{later:?}");
    folder.run(&["cancel", "1"]).done();
    let again = folder.run(&["send", "dispatches", "--after", "2h", "--yes"]).done();
    assert!(again.last_line().ends_with("1 letter: 1 pending"), "the article is still to come: {again:?}");
    folder.hasten();
    folder.run(&["deliver"]).done();
    assert_eq!(server.accepted().len(), 1);
    let wrong = folder.run(&["send", "dispatches", "--after", "soon", "--yes"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("`soon` is not a time"), "{wrong:?}");
}

#[test]
fn everything_is_held_at_once_and_goes_on_one_by_one() {
    let (folder, server, _own) = at_a_server(&["mina", "roya"], "");
    folder.run(&["send", "dispatches", "--yes"]).done();
    let held = folder.run(&["hold", "ALL"]).done();
    assert!(
        held.last_line().starts_with("issue 1 (dispatches) is paused (held until you have looked"),
        "{held:?}"
    );
    let nothing = folder.run(&["deliver"]).done();
    assert_eq!((nothing.last_line(), server.accepted().len()), ("nothing is due", 0));
    let wrong = folder.run(&["approve", "1"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("`byline resume 1`"), "{wrong:?}");
    folder.run(&["resume", "1"]).done();
    folder.run(&["deliver"]).done();
    assert_eq!(server.accepted().len(), 2);
    assert_eq!(folder.run(&["hold", "all"]).done().last_line(), "no issue is open");
    let unknown = folder.run(&["pause", "9"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("there is no issue 9"), "{unknown:?}");
}

/// A letter that is under way when its issue is cancelled and comes back unsent, or was not begun yet, is called
/// off like the others: nothing of the issue stays open, and its reader gets the article with the next.
#[test]
fn what_is_under_way_while_an_issue_is_cancelled_is_finished_or_called_off() {
    for is_killed in [false, true] {
        let own = tempfile::tempdir().unwrap();
        let server = Sink::builder(own.path()).reply_delay(Duration::from_millis(1_500)).start();
        let folder = newsroom_at(&server, &["late1", "mina"], "");
        folder.run(&["send", "dispatches", "--yes"]).done();
        let mut command = folder.command(&["deliver"]);
        let mut sender = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let status = || -> Value {
            serde_json::from_str(folder.run(&["status", "1", "--json"]).done().last_line()).unwrap()
        };
        wait_until("both to be under way", 20, || status()["counts"]["sending"] == 2);
        folder.run(&["cancel", "1"]).done();
        if is_killed {
            sender.kill().unwrap();
        }
        sender.wait().unwrap();
        folder.run(&["deliver"]).done();
        let accepted = server.accepted().len();
        assert!(accepted <= 1, "one of them, if it was begun already");
        // Whoever is killed does not know what came of a letter, and takes it for one that was not sent.
        let called_off = if is_killed { 2 } else { 2 - accepted };
        let after = status();
        assert_eq!(
            (&after["state"], &after["counts"]["cancelled"]),
            (&json!("cancelled"), &json!(called_off))
        );
        folder.run(&["send", "dispatches", "--yes"]).done();
        let next: Value =
            serde_json::from_str(folder.run(&["status", "2", "--json"]).done().last_line()).unwrap();
        assert_eq!(next["letters"], called_off, "for them the article is still to come");
        let audit = folder.run(&["audit", "1", "--json"]).done();
        assert_eq!(serde_json::from_str::<Value>(audit.last_line()).unwrap()["balanced"], true);
    }
}

#[test]
fn an_issue_can_be_paused_while_it_is_going_out_and_the_counts_are_exact() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::builder(own.path()).reply_delay(Duration::from_millis(16)).start();
    let names: Vec<String> = (0..300).map(|n| format!("reader{n}")).collect();
    let folder = newsroom_at(&server, &names.iter().map(String::as_str).collect::<Vec<_>>(), "");
    folder.run(&["send", "dispatches", "--yes"]).done();
    let serving = folder.serve();
    wait_until("letters to be under way", 60, || server.accepted().len() >= 40);
    folder.run(&["pause", "1"]).done();
    let counts = || -> Value {
        serde_json::from_str(folder.run(&["status", "1", "--json"]).done().last_line()).unwrap()
    };
    wait_until("what was under way to be over", 20, || counts()["counts"]["sending"].is_null());
    let paused = counts();
    let accepted = paused["counts"]["accepted"].as_u64().unwrap();
    assert_eq!(accepted, server.accepted().len() as u64, "{paused}");
    assert_eq!(accepted + paused["counts"]["pending"].as_u64().unwrap(), 300, "{paused}");
    folder.run(&["resume", "1"]).done();
    wait_until("the rest to go out", 60, || counts()["state"] == "done");
    assert_eq!(serving.stop(), 0);
    assert_eq!(server.accepted().len(), 300);
}
