//! Newsletters: who gets what, and when.

use std::collections::BTreeMap;

use byline::{deliver::Pacing, store::Told};
use proptest::{
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof},
    proptest,
};

use crate::support::{
    newsroom::{CONFIG, Newsroom},
    program::Folder,
};

fn weekly() -> Newsroom {
    Newsroom::new().piece("One", "2026-02-01").piece("Two", "2026-02-02").reader("mina@example.org", "weekly")
}

#[test]
fn an_article_seen_twice_is_mailed_once() {
    let mut newsroom = weekly();
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    assert_eq!(newsroom.mail(), ["mina: Dispatches: Two + 1 more"]);
    newsroom.at("2026-03-06 08:01").run();
    newsroom.at("2026-03-13 08:00").run();
    assert_eq!(newsroom.mail().len(), 1, "nothing new, so no letter: {:?}", newsroom.mail());
    newsroom.write(
        "articles/en/One.md",
        "---\ntitle: One\ndate: 2026-02-01\nupdated: 2026-03-15\n---\nEdited.\n",
    );
    newsroom = newsroom.piece("Three", "2026-03-16");
    newsroom.at("2026-03-20 08:00").run();
    assert_eq!(newsroom.mail(), ["mina: Dispatches: Two + 1 more", "mina: Three"]);
    newsroom.letters()[1].shows("Written for BBC Online");
}

#[test]
fn a_back_catalogue_is_never_mailed_and_a_first_digest_is_never_empty() {
    let mut newsroom = Newsroom::new();
    for day in 1..=9 {
        newsroom = newsroom.piece(&format!("P{day}"), &format!("2026-02-0{day}"));
    }
    newsroom = newsroom.reader("mina@example.org", "weekly").reader("roya@example.org", "instant");
    newsroom.at("2026-03-05 12:00").run();
    assert!(newsroom.mail().is_empty(), "the first scan announces nothing: {:?}", newsroom.mail());
    newsroom.at("2026-03-06 08:00").run();
    assert_eq!(newsroom.mail(), ["mina: Dispatches: P9 + 2 more"]);
}

#[test]
fn an_instant_reader_hears_at_once_and_a_weekly_one_on_friday() {
    let mut newsroom = Newsroom::with(
        &format!("{CONFIG}\n").replace("[newsletter.dispatches]", "[newsletter.dispatches]\nstart_with = 0"),
    )
    .piece("Old", "2026-02-01")
    .reader("mina@example.org", "instant")
    .reader("roya@example.org", "weekly");
    newsroom.at("2026-03-02 12:00").run();
    newsroom = newsroom.piece("New", "2026-03-02");
    newsroom.at("2026-03-02 12:05").run();
    assert_eq!(newsroom.mail(), ["mina: New"]);
    newsroom.at("2026-03-02 12:06").run();
    newsroom.at("2026-03-06 08:00").run();
    assert_eq!(newsroom.mail(), ["mina: New", "roya: New"]);
}

#[test]
fn a_reader_gets_the_articles_of_the_language_they_chose() {
    let persian = "---\ntitle: آب\ndate: 2026-02-03\nwritten_for: bbc-online\n---\nآب زیر خاک.\n";
    let mut newsroom = Newsroom::new()
        .piece("One", "2026-02-01")
        .article("fa/ab.md", persian)
        .reader_of("dispatches", "parvin@example.org", "weekly", "fa")
        .reader_of("dispatches", "mina@example.org", "weekly", "en")
        .reader_of("dispatches", "both@example.org", "weekly", "");
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    assert_eq!(newsroom.mail(), ["both: Dispatches: \u{2068}آب\u{2069} + 1 more", "mina: One", "parvin: آب"]);
    let letter = newsroom.letters_to("parvin@example.org").remove(0);
    letter.shows("این مطلب را برای وب‌سایت بی‌بی‌سی نوشته‌ام");
    assert!(letter.html.contains("<html lang=\"fa\" dir=\"rtl\""));
    assert_eq!(letter.headers["content-language"], "fa");
}

#[test]
fn r21_one_slot_makes_one_issue_however_often_it_is_looked_at() {
    let mut newsroom = weekly();
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    for _ in 0..3 {
        newsroom = newsroom.restarted();
        newsroom.at("2026-03-06 08:00").run();
    }
    assert_eq!(newsroom.issues().len(), 1);
    assert_eq!(newsroom.letters().len(), 1);
    assert_eq!(newsroom.issues()[0].slot.unwrap().to_rfc3339(), "2026-03-06T08:00:00+00:00");
}

#[test]
fn r18_a_clock_that_goes_back_sends_nothing_again() {
    let mut newsroom = weekly();
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    newsroom.at("2026-03-05 08:00").run();
    newsroom.at("2026-03-06 08:00").run();
    assert_eq!(newsroom.letters().len(), 1);
}

/// The clock was a day ahead for a while, and the sender still goes by it when the schedule no longer does.
#[test]
fn r18_an_issue_is_not_late_because_the_clock_came_back() {
    let mut newsroom = weekly();
    newsroom.at("2026-03-05 12:00").run();
    let pacing = Pacing::default();
    newsroom.at("2026-03-07 12:00").deliver_as(&pacing);
    newsroom.at("2026-03-06 08:00").open_issues().deliver_as(&pacing);
    assert_eq!(newsroom.mail(), ["mina: Dispatches: Two + 1 more"]);
}

#[test]
fn a_slot_keeps_its_local_time_when_the_clocks_change() {
    let mut newsroom = Newsroom::new().reader("mina@example.org", "daily");
    newsroom.at("2026-03-27 12:00").run();
    // Clocks in London go forward on the 29th: half past seven there is half past six in UTC.
    for (day, before, at) in
        [("2026-03-28", "07:29", "07:30"), ("2026-03-29", "06:29", "06:30"), ("2026-03-30", "06:29", "06:30")]
    {
        newsroom = newsroom.piece(&format!("Of{day}"), "2026-03-01");
        let issues = newsroom.issues().len();
        newsroom.at(&format!("{day} {before}")).run();
        assert_eq!(newsroom.issues().len(), issues, "not before {at} on {day}");
        newsroom.at(&format!("{day} {at}")).run();
        assert_eq!(newsroom.issues().len(), issues + 1, "at {at} on {day}");
    }
}

#[test]
fn r20_missed_slots_are_caught_up_as_the_policy_says() {
    for (policy, expected) in [("latest", 1), ("skip", 0), ("all", 1)] {
        let config = CONFIG.replace("weekly = \"Fri 08:00\"", "hourly = \"0 0 * * * *\"");
        let config = config
            .replace("[newsletter.dispatches]", &format!("[newsletter.dispatches]\ncatch_up = \"{policy}\""));
        let mut newsroom =
            Newsroom::with(&config).piece("One", "2026-02-01").reader("mina@example.org", "hourly");
        newsroom.at("2026-03-05 12:10").run();
        newsroom = newsroom.restarted();
        newsroom.at("2026-03-05 15:30").run();
        assert_eq!(newsroom.mail().len(), expected, "{policy}: {:?}", newsroom.mail());
        let last = newsroom
            .issues()
            .last()
            .and_then(|issue| issue.slot)
            .map(|slot| slot.format("%H:%M").to_string());
        let slot = match policy {
            "latest" => Some("15:00".to_string()),
            "all" => Some("13:00".to_string()), // the first takes all there is; the later ones are empty
            _ => None,
        };
        assert_eq!(last, slot, "{policy}");
    }
}

#[test]
fn r20_a_slot_older_than_its_limit_is_not_caught_up_and_its_articles_come_with_the_next() {
    let mut newsroom = weekly();
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-08 12:00").run();
    assert!(newsroom.mail().is_empty());
    newsroom.at("2026-03-13 08:00").run();
    assert_eq!(newsroom.mail(), ["mina: Dispatches: Two + 1 more"]);
}

#[test]
fn an_issue_waits_for_the_authors_word_where_that_is_wished() {
    let config = CONFIG.replace("[newsletter.dispatches]", "[newsletter.dispatches]\napprove = true");
    let mut newsroom =
        Newsroom::with(&config).piece("One", "2026-02-01").reader("mina@example.org", "weekly");
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    assert!(newsroom.mail().is_empty());
    let (issue, now) = (newsroom.issues()[0].issue, newsroom.now);
    newsroom.store(async |store| assert_eq!(store.approve(issue, now).await.unwrap(), Told::Done(1)));
    newsroom.at("2026-03-06 09:00").run();
    assert_eq!(newsroom.mail(), ["mina: One"]);
}

#[test]
fn an_empty_slot_makes_a_letter_only_where_that_is_wished() {
    let config = CONFIG.replace("[newsletter.dispatches]", "[newsletter.dispatches]\nskip_if_empty = false");
    let mut newsroom = Newsroom::with(&config).reader("mina@example.org", "weekly");
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    assert_eq!(newsroom.mail(), ["mina: Dispatches"]);
    newsroom.letters()[0].shows("nothing new");
}

#[test]
fn an_announced_article_reaches_everyone_once_in_a_letter_of_its_own() {
    let mut newsroom = weekly().reader("roya@example.org", "instant");
    newsroom.at("2026-03-02 12:00").run();
    newsroom.write("articles/en/now.md", "---\ntitle: Now\ndate: 2026-03-02\nannounce: now\n---\nText.\n");
    newsroom.at("2026-03-02 12:05").run();
    newsroom.at("2026-03-02 12:06").run();
    assert_eq!(newsroom.mail(), ["mina: Now", "roya: Now"]);
    newsroom.at("2026-03-06 08:00").run();
    assert_eq!(newsroom.mail()[2..], ["mina: Dispatches: Two + 1 more"], "and not again in the digest");
}

#[test]
fn an_article_that_is_never_announced_stays_out_of_letters() {
    let mut newsroom = weekly();
    newsroom
        .write("articles/en/quiet.md", "---\ntitle: Quiet\ndate: 2026-03-01\nannounce: never\n---\nText.\n");
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    assert_eq!(newsroom.titles()[0], "Quiet");
    assert_eq!(newsroom.mail(), ["mina: Dispatches: Two + 1 more"]);
}

#[test]
fn the_grace_window_leaves_time_to_take_a_piece_back() {
    let config =
        CONFIG.replace("[newsletter.dispatches]", "[newsletter.dispatches]\ngrace = \"10m\"\nstart_with = 0");
    let mut newsroom =
        Newsroom::with(&config).piece("Old", "2026-02-01").reader("mina@example.org", "instant");
    newsroom.at("2026-03-02 12:00").run();
    newsroom = newsroom.piece("Kept", "2026-03-02");
    newsroom.at("2026-03-02 12:01").run();
    newsroom = newsroom.piece("Regretted", "2026-03-02");
    newsroom.at("2026-03-02 12:02").run();
    newsroom.remove("en/Regretted.md");
    newsroom.at("2026-03-02 12:20").run();
    assert_eq!(newsroom.mail(), ["mina: Kept"]);
}

#[test]
fn who_leaves_is_not_mailed_and_no_list_brings_them_back() {
    let mut newsroom = weekly().reader("roya@example.org", "weekly");
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").compose();
    let now = newsroom.now;
    newsroom.store(async |store| {
        let email = "mina@example.org".parse().unwrap();
        assert_eq!(store.remove_reader(email, None, now).await.unwrap(), 1);
    });
    newsroom.deliver();
    assert_eq!(newsroom.mail(), ["roya: Dispatches: Two + 1 more"], "a letter not yet begun is not sent");
    newsroom = newsroom.restarted().piece("Three", "2026-03-07");
    newsroom.at("2026-03-13 08:00").run();
    assert_eq!(newsroom.letters_to("mina@example.org").len(), 0);
    assert_eq!(newsroom.letters_to("roya@example.org").len(), 2);
    let readers = newsroom.store(async |store| store.readers(None).await.unwrap());
    assert_eq!(readers.iter().map(|reader| reader.status.as_str()).collect::<Vec<_>>(), ["ended", "active"]);
}

#[test]
fn a_letter_is_the_same_bytes_whenever_it_is_built() {
    let mut newsroom = weekly();
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 08:00").run();
    let letter = newsroom.letters().remove(0);
    for name in [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "list-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "auto-submitted",
    ] {
        assert!(letter.headers.contains_key(name), "{name}");
    }
    assert_eq!(letter.headers["date"], "Fri, 06 Mar 2026 08:00:00 +0000");
    assert_eq!(letter.headers["list-id"], "<dispatches.far-bank.example>");
    assert_eq!(letter.headers["list-unsubscribe-post"], "List-Unsubscribe=One-Click");
    assert!(
        letter.text.contains(&letter.unsubscribe_path()) && letter.html.contains(&letter.unsubscribe_path())
    );
}

/// The author sends by hand, again and again, while the daemon opens what is due.
#[test]
fn r21_sends_by_hand_that_race_the_schedule_and_each_other_make_one_issue() {
    let sends = std::env::var("BYLINE_SENDS").ok().and_then(|n| n.parse().ok()).unwrap_or(16);
    let folder = Folder::with_config(&CONFIG.replace("weekly = \"Fri 08:00\"", "weekly = \"* * * * * *\""));
    folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
    folder.write(
        "subscribers/dispatches.csv",
        "email,cadence\nmina@example.org,weekly\nroya@example.org,weekly\n",
    );
    folder.run(&["check"]).done();
    let serving = folder.serve();
    let children: Vec<_> = (0..sends)
        .map(|_| {
            let mut command = folder.command(&["send", "dispatches", "--yes"]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    for mut child in children {
        child.wait().unwrap();
    }
    crate::support::wait_until("the letters", 30, || folder.letters().len() >= 2);
    assert_eq!(serving.stop(), 0);
    folder.run(&["deliver"]).done();
    let to: Vec<String> = folder.letters().iter().map(|letter| letter.to().to_string()).collect();
    assert_eq!(to.len(), 2, "one each: {to:?}");
    let status = folder.run(&["status", "--json"]).done().stdout;
    let issues: Vec<serde_json::Value> =
        status.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(issues.iter().filter(|issue| issue["letters"] != 0).count(), 1, "{status}");
}

/// What an author and time do.
#[derive(Debug, Clone)]
enum Step {
    /// A new piece, of any date before or after the others.
    Writes { day: u32 },
    /// One of the pieces is edited, and given another date.
    Edits { which: usize, day: u32 },
    /// The file of one is renamed.
    Renames { which: usize },
    /// The hours go by; a slot may be among them.
    Waits { hours: u32 },
    /// The program is stopped and started.
    Restarts,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..28_u32).prop_map(|day| Step::Writes { day }),
        2 => (any::<usize>(), 1..28_u32).prop_map(|(which, day)| Step::Edits { which, day }),
        1 => any::<usize>().prop_map(|which| Step::Renames { which }),
        4 => (1..200_u32).prop_map(|hours| Step::Waits { hours }),
        1 => Just(Step::Restarts),
    ];
    proptest::collection::vec(step, 4..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn r22_each_article_is_in_exactly_one_digest_of_each_reader(steps in steps()) {
        let mut newsroom =
            Newsroom::new().reader("mina@example.org", "weekly").reader("roya@example.org", "daily");
        newsroom.at("2026-03-02 12:00").run();
        let mut paths: Vec<(String, String)> = Vec::new();
        for step in steps {
            match step {
                Step::Writes { day } => {
                    let name = format!("P{}", paths.len());
                    newsroom = newsroom.piece(&name, &format!("2026-02-{day:02}"));
                    paths.push((format!("en/{name}.md"), name));
                }
                Step::Edits { which, day } if !paths.is_empty() => {
                    let (path, name) = &paths[which % paths.len()];
                    let text = format!("---\ntitle: {name}\ndate: 2026-02-{day:02}\n---\nEdited {day}.\n");
                    newsroom.write(&format!("articles/{path}"), text);
                }
                Step::Renames { which } if !paths.is_empty() => {
                    let at = which % paths.len();
                    let new = format!("en/renamed-{}-{at}.md", paths[at].1);
                    newsroom.rename(&paths[at].0, &new);
                    paths[at].0 = new;
                }
                Step::Waits { hours } => newsroom.now += chrono::TimeDelta::hours(i64::from(hours)),
                Step::Restarts => newsroom = newsroom.restarted(),
                Step::Edits { .. } | Step::Renames { .. } => {}
            }
            newsroom.run();
        }
        // Whatever is left comes with the next slots.
        newsroom.now += chrono::TimeDelta::days(1);
        for _ in 0..8 {
            newsroom.now += chrono::TimeDelta::days(1);
            newsroom.run();
        }
        for reader in ["mina@example.org", "roya@example.org"] {
            let mut had: BTreeMap<String, usize> = BTreeMap::new();
            for letter in newsroom.letters_to(reader) {
                for (_, name) in &paths {
                    let has = letter.text.lines().any(|line| line.trim() == name);
                    *had.entry(name.clone()).or_default() += usize::from(has);
                }
            }
            assert!(paths.iter().all(|(_, name)| had.get(name) == Some(&1)), "{reader}: {had:?}");
        }
    }
}
