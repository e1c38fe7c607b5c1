//! Servers that fail, disks that fill, clocks that jump: nothing is lost, nobody is blamed, and it goes on by itself.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use byline::sink::{Event, Fault, Sink, Stage, Taken};
use serde_json::Value;

use crate::support::{
    newsroom::CONFIG,
    program::{Folder, Said},
    wait_until,
};

/// A newsroom with an issue to these readers, opened and not sent, at a server on a port of this machine.
fn opened(port: u16, names: &[&str], smtp: &str, mail: &str) -> Folder {
    let mail = format!(
        "[mail]\ntransport = \"smtp\"\n{mail}\nsmtp = {{ host = \"127.0.0.1\", port = {port}, security = \"none\"{smtp} }}"
    );
    let folder = Folder::with_config(&CONFIG.replace("[mail]", &mail));
    folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
    let rows: String = names
        .iter()
        .map(|name| if name.contains('@') { format!("{name}\n") } else { format!("{name}@example.org\n") })
        .collect();
    folder.write("subscribers/dispatches.csv", &format!("email\n{rows}"));
    folder.run(&["send", "dispatches", "--yes"]).done();
    folder
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n:04}")).collect()
}

fn strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn sink() -> (Sink, tempfile::TempDir) {
    let own = tempfile::tempdir().unwrap();
    (Sink::start(own.path()), own)
}

fn status(folder: &Folder) -> Value {
    serde_json::from_str(folder.run(&["status", "1", "--json"]).done().last_line()).unwrap()
}

fn audit(folder: &Folder) -> BTreeMap<String, Value> {
    let audit: Value =
        serde_json::from_str(folder.run(&["audit", "1", "--json"]).done().last_line()).unwrap();
    assert_eq!(audit["balanced"], true);
    let rows = audit["readers"].as_array().unwrap().clone();
    rows.into_iter()
        .map(|row| (row["email"].as_str().unwrap().split('@').next().unwrap().to_string(), row))
        .collect()
}

fn states(folder: &Folder) -> BTreeMap<String, String> {
    audit(folder).into_iter().map(|(name, row)| (name, row["state"].as_str().unwrap().to_string())).collect()
}

/// Delivers until nothing is open, with time passing in between.
fn deliver_all(folder: &Folder) {
    for _ in 0..6 {
        folder.run(&["deliver"]);
        if status(folder)["state"] == "done" {
            return;
        }
        folder.hasten();
    }
    panic!("not done: {}", status(folder));
}

fn copies(sink: &Sink) -> BTreeMap<String, usize> {
    let mut copies = BTreeMap::new();
    for letter in sink.accepted() {
        *copies.entry(letter.recipient.split('@').next().unwrap().to_string()).or_default() += 1;
    }
    copies
}

// The server.

#[test]
fn r23_m28_a_server_that_is_away_or_hangs_up_early_costs_no_reader_a_try() {
    let faults = [
        (Stage::Banner, Fault::Says("421 4.3.2 not now".into())),
        (Stage::Banner, Fault::Says("554 5.7.1 go away".into())),
        (Stage::Banner, Fault::HangsUp),
        (Stage::Ehlo, Fault::HangsUp),
        (Stage::Ehlo, Fault::Says("421 4.3.2 not now".into())),
        (Stage::Mail, Fault::HangsUp),
        (Stage::Mail, Fault::Says("421 4.3.2 closing".into())),
        (Stage::Rcpt, Fault::HangsUp),
        (Stage::Rcpt, Fault::Babbles),
        (Stage::Rcpt, Fault::Says("421 4.3.2 closing".into())),
        (Stage::Data, Fault::HangsUp),
        (Stage::Data, Fault::Breaks),
        (Stage::Data, Fault::Resets),
    ];
    for pipelining in [true, false] {
        let own = tempfile::tempdir().unwrap();
        let sink = Sink::builder(own.path()).pipelining(pipelining).start();
        let template = opened(sink.port(), &["mina", "roya", "ava"], "", "");
        for (stage, fault) in &faults {
            let folder = template.copied();
            let before = sink.taken();
            sink.fault(*stage, fault.clone(), usize::MAX);
            let away = folder.run(&["deliver"]);
            assert_eq!((away.code, sink.taken()), (1, before), "{stage:?} {fault:?}: {away:?}");
            assert!(away.stderr.contains("nothing is lost"), "{stage:?} {fault:?}: {away:?}");
            let rows = audit(&folder);
            let untouched = |row: &Value| row["state"] == "pending" && row["attempts"] == 0;
            assert!(rows.values().all(untouched), "{stage:?} {fault:?}: {rows:?}");
            sink.heal();
            deliver_all(&folder);
            assert_eq!(sink.taken() - before, 3, "{stage:?} {fault:?}: each once");
        }
    }
}

/// All of a letter has left this machine before the server hangs up on its first line: only the server knows.
#[test]
fn m28_a_letter_that_was_cut_off_after_it_left_is_a_doubt_and_arrives_once() {
    let (sink, _own) = sink();
    let folder = opened(sink.port(), &["mina", "roya", "ava"], "", "");
    sink.fault(Stage::Body, Fault::HangsUp, 2);
    sink.fault(Stage::Body, Fault::Resets, 1);
    folder.run(&["deliver"]);
    // If the reset was quicker than the letter, not all of it had left, and there is no doubt.
    let is_known = |row: &Value| match row["state"].as_str() {
        Some("deferred") => row["doubts"] == 1,
        state => state == Some("pending") && row["doubts"] == 0,
    };
    assert!(audit(&folder).values().all(is_known), "{:?}", audit(&folder));
    deliver_all(&folder);
    assert_eq!(copies(&sink), ["ava", "mina", "roya"].map(|name| (name.to_string(), 1)).into());
}

#[test]
fn r24_a_refused_login_is_tried_once_and_pauses_the_issue() {
    let own = tempfile::tempdir().unwrap();
    let sink = Sink::builder(own.path()).login("mina", "right").start();
    let login = ", username = \"mina\", password = { env = \"BYLINE_SECRET\" }, connections = 8";
    let folder = {
        let mail = format!(
            "[mail]\ntransport = \"smtp\"\nsmtp = {{ host = \"127.0.0.1\", port = {}, security = \"none\"{login} }}",
            sink.port()
        );
        let folder = Folder::with_config(&CONFIG.replace("[mail]", &mail));
        folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
        folder.write("subscribers/dispatches.csv", "email\nmina@example.org\nroya@example.org\n");
        folder
    };
    let run = |arguments: &[&str], secret: &str| folder.run_with(arguments, &[("BYLINE_SECRET", secret)]);
    run(&["send", "dispatches", "--yes"], "wrong").done();
    let refused = run(&["deliver"], "wrong");
    assert_eq!((refused.code, sink.logins()), (1, 1), "{refused:?}");
    assert_eq!(refused.stderr.matches("is paused").count(), 1, "one alert: {refused:?}");
    assert!(!refused.stderr.contains("wrong\"") && !refused.stdout.contains("bWlu"), "{refused:?}");
    run(&["deliver"], "wrong").done();
    assert_eq!(sink.logins(), 1, "it is not tried again by itself");
    run(&["resume", "1"], "right").done();
    run(&["deliver"], "right").done();
    assert_eq!(sink.taken(), 2);
}

#[test]
fn r25_m30_m31_what_a_server_puts_off_is_sent_once_it_takes_it() {
    let readers = ["mina", "grey1", "greyer1", "late1", "thrice1", "data41", "rate4501"];
    for pipelining in [true, false] {
        let own = tempfile::tempdir().unwrap();
        let sink = Sink::builder(own.path()).pipelining(pipelining).start();
        let folder = opened(sink.port(), &readers, "", "");
        sink.fault(Stage::Mail, Fault::Says("451 4.3.0 not now".into()), 1);
        let first = folder.run(&["deliver"]).done();
        assert!(first.stderr.contains("more is due at"), "{first:?}");
        let rows = audit(&folder);
        let deferred: Vec<&String> =
            rows.iter().filter(|(_, row)| row["state"] == "deferred").map(|(name, _)| name).collect();
        assert!(deferred.len() >= 6, "{deferred:?}");
        assert!(rows.values().all(|row| row["attempts"] == 1), "{rows:?}");
        deliver_all(&folder);
        assert_eq!(copies(&sink).len(), 7);
        assert!(copies(&sink).values().all(|copies| *copies == 1), "{:?}", copies(&sink));
    }
}

#[test]
fn r25_a_letter_is_given_up_at_its_deadline() {
    let (sink, _own) = sink();
    let folder = opened(sink.port(), &["full1", "mina"], "", "give_up_after = \"30s\"");
    folder.run(&["deliver"]).done();
    let full = &audit(&folder)["full1"];
    assert_eq!((&full["state"], &full["blame"]), (&"refused".into(), &"mailbox".into()));
    assert_eq!(full["reply"], "given up: 452 4.2.2 mailbox full");
    assert_eq!(status(&folder)["state"], "done");
}

#[test]
fn r26_m25_a_refused_reader_costs_no_connection() {
    for pipelining in [true, false] {
        let own = tempfile::tempdir().unwrap();
        let sink = Sink::builder(own.path()).pipelining(pipelining).start();
        let mut readers = names("reader", 50);
        (0..50).for_each(|n| readers.insert(n * 2, format!("nouser{n:04}")));
        let folder = opened(sink.port(), &strs(&readers), ", connections = 1", "");
        folder.run(&["deliver"]).done();
        assert!(sink.taken() == 50 && sink.connections() <= 2, "{} {}", sink.taken(), sink.connections());
        let refused = states(&folder).into_iter().filter(|(_, state)| state == "refused");
        assert!(refused.map(|(name, _)| name).all(|name| name.starts_with("nouser")));
    }
}

#[test]
fn r27_m36_refusals_for_our_sake_pause_the_issue_and_blame_nobody() {
    for (prefix, reply) in [("policy", "550 5.7.26"), ("auth", "550 5.7.515"), ("nouser", "550 5.1.1")] {
        let (sink, _own) = sink();
        let mut readers = names(prefix, 60);
        readers.push("zmina".into());
        let folder = opened(sink.port(), &strs(&readers), "", "");
        let refused = folder.run(&["deliver"]);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert_eq!(
            refused.stderr.matches("is paused: the mail server refuses letters").count(),
            1,
            "{refused:?}"
        );
        assert!(refused.stderr.contains(reply), "{refused:?}");
        let issue = status(&folder);
        assert_eq!((&issue["state"], &issue["cause"]), (&"paused".into(), &"refused".into()));
        assert!(issue["words"].as_str().unwrap().starts_with(reply), "{issue}");
        assert_eq!(issue["counts"]["refused"], Value::Null, "nobody is blamed: {issue}");
        let tried = sink.events().iter().filter(|event| matches!(event, Event::Rcpt(_))).count();
        assert!(tried <= 30, "it stopped early: {tried}");
    }
}

#[test]
fn r27_a_sender_that_is_refused_pauses_the_issue_at_once() {
    for pipelining in [true, false] {
        let own = tempfile::tempdir().unwrap();
        let sink = Sink::builder(own.path()).pipelining(pipelining).data_despite_refusal().start();
        let folder = opened(sink.port(), &strs(&names("reader", 40)), "", "");
        sink.fault(Stage::Mail, Fault::Says("553 5.7.1 not your address".into()), usize::MAX);
        let refused = folder.run(&["deliver"]);
        assert!(refused.code == 1 && refused.stderr.contains("553 5.7.1 not your address"), "{refused:?}");
        assert!(refused.last_line().ends_with("40 letters: 40 pending"), "{refused:?}");
        sink.heal();
        folder.run(&["resume", "1"]).done();
        folder.hasten();
        folder.run(&["deliver"]).done();
        assert_eq!(sink.taken(), 40);
    }
}

#[test]
fn r28_m29_an_answer_that_is_lost_is_a_doubt_sent_again_or_held() {
    let readers = ["mina", "lost1", "reset1", "garbage1", "half1", "lostno1"];
    for pipelining in [true, false] {
        for hold in [false, true] {
            let own = tempfile::tempdir().unwrap();
            let sink = Sink::builder(own.path()).pipelining(pipelining).start();
            let mode = if hold { "when_in_doubt = \"hold\"" } else { "" };
            let folder = opened(sink.port(), &readers, ", connections = 2", mode);
            if hold {
                deliver_all(&folder);
                let held = states(&folder);
                let held: Vec<&str> = held
                    .iter()
                    .filter(|(_, state)| *state == "in_doubt")
                    .map(|(name, _)| name.as_str())
                    .collect();
                assert_eq!(held, ["garbage1", "half1", "lost1", "lostno1", "reset1"]);
                folder.run(&["deliver"]).done();
                assert!(copies(&sink).values().all(|copies| *copies == 1), "{:?}", copies(&sink));
                continue;
            }
            deliver_all(&folder);
            let copies = copies(&sink);
            let twice: Vec<&str> =
                copies.iter().filter(|(_, copies)| **copies == 2).map(|(name, _)| name.as_str()).collect();
            assert_eq!(twice, ["garbage1", "half1", "lost1", "reset1"]);
            assert_eq!(copies.len(), 6);
            let alike = |name: &str| {
                let letters = sink.accepted();
                let mut ids = letters.iter().filter(|letter| letter.recipient.starts_with(name));
                let first = ids.next().unwrap();
                ids.all(|other| (&other.message_id, &other.hash) == (&first.message_id, &first.hash))
            };
            assert!(twice.iter().all(|name| alike(name)), "M16: the same Message-ID and the same bytes");
        }
    }
}

#[test]
fn r28_a_server_that_loses_every_answer_is_not_asked_faster_than_letters_are_put_off() {
    let (sink, _own) = sink();
    let folder = opened(sink.port(), &strs(&names("reader", 12)), "", "");
    sink.fault_at_dot(Fault::HangsUp, Taken::Yes, usize::MAX);
    folder.run(&["deliver"]);
    folder.run(&["deliver"]);
    let most = copies(&sink).into_values().max().unwrap_or(0);
    assert_eq!(most, 1, "the second time nothing was due");
    let rows = audit(&folder);
    let is_put_off = |row: &Value| row["doubts"] == 1 && row["state"] == "deferred";
    assert!(rows.values().all(is_put_off), "{rows:?}");
}

#[test]
fn r29_m27_a_silent_or_slow_server_frees_its_connection_and_the_others_go_on() {
    let limits = ", connections = 4, timeout = \"1s\", dot_timeout = \"1s\"";
    let faults = [
        (Stage::Banner, Fault::IsSilent),
        (Stage::Ehlo, Fault::IsSilent),
        (Stage::Mail, Fault::IsSilent),
        (Stage::Rcpt, Fault::Dribbles(Duration::from_millis(400))),
        (Stage::Data, Fault::IsSilent),
        (Stage::Dot, Fault::IsSilent),
    ];
    let (sink, _own) = sink();
    let template = opened(sink.port(), &strs(&names("reader", 20)), limits, "");
    for (stage, fault) in faults {
        let folder = template.copied();
        let before = sink.taken();
        // One connection meets it, at the second letter if it is about letters.
        sink.fault(stage, fault.clone(), 1);
        let started = std::time::Instant::now();
        folder.run(&["deliver"]);
        assert!(started.elapsed() < Duration::from_secs(20), "{stage:?}");
        deliver_all(&folder);
        assert_eq!(sink.taken() - before, 20, "{stage:?} {fault:?}");
        sink.heal();
    }
}

#[test]
fn m26_pipelining_is_used_only_where_it_is_offered_and_every_answer_is_read() {
    for (what, sink) in [
        ("pipelining", Sink::builder(tempfile::tempdir().unwrap().path()).start()),
        ("none", Sink::builder(tempfile::tempdir().unwrap().path()).pipelining(false).start()),
        ("rash", Sink::builder(tempfile::tempdir().unwrap().path()).data_despite_refusal().start()),
        ("reports", Sink::builder(tempfile::tempdir().unwrap().path()).extensions(&["DSN"]).start()),
    ] {
        let readers = ["ava", "nouser1", "mina", "nouser2", "full1", "roya", "never1", "sara"];
        let folder = opened(sink.port(), &readers, ", connections = 1", "");
        folder.run(&["deliver"]).done();
        let states = states(&folder);
        for (name, state) in [
            ("ava", "accepted"),
            ("mina", "accepted"),
            ("roya", "accepted"),
            ("sara", "accepted"),
            ("nouser1", "refused"),
            ("nouser2", "refused"),
            ("full1", "deferred"),
            ("never1", "refused"),
        ] {
            assert_eq!(states[name], state, "{what}: {name}");
        }
        assert_eq!(sink.connections(), 1, "{what}");
    }
}

#[test]
fn m24_connections_are_never_more_than_the_author_wants_or_the_server_bears() {
    let own = tempfile::tempdir().unwrap();
    let sink = Sink::builder(own.path()).reply_delay(Duration::from_millis(1)).start();
    let folder = opened(sink.port(), &strs(&names("reader", 300)), ", connections = 5", "");
    folder.run(&["deliver"]).done();
    assert_eq!((sink.taken(), sink.connections_peak()), (300, 5));

    let own = tempfile::tempdir().unwrap();
    let sink = Sink::builder(own.path()).connections_max(2).start();
    // So many that each connection is renewed while others are turned away.
    let folder = opened(sink.port(), &strs(&names("reader", 600)), ", connections = 6", "");
    folder.run(&["deliver"]).done();
    assert_eq!(sink.taken(), 600, "those that are turned away leave the work to the others");
}

#[test]
fn m35_a_provider_that_complains_is_slowed_down_and_the_others_are_not() {
    let (sink, _own) = sink();
    let mut readers: Vec<String> = (0..3).map(|n| format!("rate450{n}@slow.example")).collect();
    readers.extend((0..60).map(|n| format!("reader{n}@quick.example")));
    let folder = opened(sink.port(), &strs(&readers), "", "");
    folder.run(&["deliver"]).done();
    let taken: Vec<String> = sink.accepted().into_iter().map(|letter| letter.recipient).collect();
    let slow = taken.iter().position(|to| to.ends_with("@slow.example")).unwrap_or(taken.len());
    assert!(slow >= 60, "nobody waited for the slow one: {taken:?}");
    let quick = copies(&sink).into_keys().filter(|name| name.starts_with("reader")).count();
    assert_eq!(quick, 60);
    deliver_all(&folder);
    assert_eq!(copies(&sink).len(), 63);
}

#[test]
fn r33_m34_who_leaves_while_an_issue_goes_out_is_not_named_any_more() {
    let own = tempfile::tempdir().unwrap();
    let sink = Sink::builder(own.path()).reply_delay(Duration::from_millis(24)).start();
    let readers = names("reader", 200);
    let folder = opened(sink.port(), &strs(&readers), ", connections = 2", "");
    let serving = folder.serve();
    wait_until("letters to be under way", 60, || sink.taken() >= 20);
    let leaving: Vec<&String> = readers.iter().skip(150).collect();
    for name in &leaving {
        folder.run(&["readers", "remove", &format!("{name}@example.org")]).done();
    }
    let so_far = sink.events().len();
    wait_until("the issue to be done", 60, || status(&folder)["state"] == "done");
    assert_eq!(serving.stop(), 0);
    let later: Vec<Event> = sink.events().into_iter().skip(so_far).collect();
    let named = |name: &str| later.contains(&Event::Rcpt(format!("{name}@example.org")));
    assert!(!leaving.iter().any(|name| named(name)), "{later:?}");
    let states = states(&folder);
    let skipped = states.values().filter(|state| *state == "skipped").count();
    assert!(skipped > 0 && skipped + sink.taken() == 200, "{skipped} skipped, {} taken", sink.taken());
}

#[test]
fn several_servers_share_the_work_and_stand_in_for_each_other() {
    let (one, _own) = sink();
    let (other, _other) = sink();
    let (spare, _spare) = sink();
    let more = format!(
        "\n[mail.server.other]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nconnections = 2\n\
         [mail.server.spare]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nspare = true\n",
        other.port(),
        spare.port()
    );
    let write = |folder: &Folder| folder.write("config.toml", &(folder.read("config.toml") + &more));
    let readers = names("reader", 120);
    let folder = opened(one.port(), &strs(&readers), ", connections = 2", "");
    write(&folder);
    let template = folder.copied();
    folder.run(&["deliver"]).done();
    assert!(
        one.taken() > 20 && other.taken() > 20 && spare.taken() == 0,
        "{} {}",
        one.taken(),
        other.taken()
    );

    let folder = template.copied();
    one.fault(Stage::Banner, Fault::Says("421 4.3.2 not now".into()), usize::MAX);
    other.fault(Stage::Banner, Fault::HangsUp, usize::MAX);
    let before = one.taken() + other.taken();
    folder.run(&["deliver"]).done();
    assert_eq!((one.taken() + other.taken(), spare.taken()), (before, 120));
}

// The disk and the database.

/// Taken away when dropped.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Runs `byline` with a folder that is a small file system of its own.
fn on_a_small_disk(megabytes: u32, work: impl FnOnce(&Folder)) {
    let place = tempfile::tempdir().unwrap();
    let size = format!("size={megabytes}m");
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(place.path()).status();
    assert!(mounted.unwrap().success(), "a file system in memory can be mounted");
    let _mounted = Mounted(place.path());
    work(&Folder::existing(place.path()));
}

#[test]
fn r13_sending_stops_before_the_disk_is_full_and_goes_on_when_there_is_room() {
    let (sink, _own) = sink();
    let template = opened(sink.port(), &strs(&names("reader", 30)), "", "");
    on_a_small_disk(80, |folder| {
        for entry in fs::read_dir(template.root()).unwrap().flatten() {
            let copied = Command::new("cp").arg("-r").arg(entry.path()).arg(folder.root()).status();
            assert!(copied.unwrap().success());
        }
        fs::write(folder.path("ballast"), vec![1; 30 << 20]).unwrap();
        let full = folder.run(&["deliver"]);
        assert!(full.code == 1 && full.stderr.contains("almost no room left on the disk"), "{full:?}");
        assert_eq!(sink.offered().len(), 0, "no final dot");
        assert!(full.last_line().ends_with("30 letters: 30 pending"), "{full:?}");
        fs::remove_file(folder.path("ballast")).unwrap();
        folder.run(&["deliver"]).done();
        assert_eq!(sink.taken(), 30);
    });
}

/// `deliver` with a fault of the system put into this call of the store's thread, from the `from`th on.
fn deliver_with(folder: &Folder, call: &str, fault: &str, from: &str) -> Said {
    let program = folder.command(&[]).get_program().to_os_string();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "trace.log", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:{fault}:when={from}")]).arg(program).arg("deliver");
    strace.current_dir(folder.root()).env("NO_COLOR", "1").stdin(Stdio::null());
    let output = strace.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn r12_a_disk_that_is_full_for_a_while_loses_no_outcome() {
    let (sink, _own) = sink();
    let folder = opened(sink.port(), &strs(&names("reader", 30)), "", "");
    // From the twentieth write on, and then for six of them.
    let said = deliver_with(&folder, "pwrite64", "error=ENOSPC", "20..26");
    deliver_all(&folder);
    assert_eq!(sink.taken(), 30, "each once, though a claim or an outcome could not be written: {said:?}");
}

#[test]
fn r15_after_a_failed_fsync_nothing_more_is_sent_from_that_database() {
    let (sink, _own) = sink();
    let folder = opened(sink.port(), &strs(&names("reader", 60)), "", "");
    let failed = deliver_with(&folder, "fsync", "error=EIO", "8");
    assert_ne!(failed.code, 0, "{failed:?}");
    assert!(failed.stderr.contains("the disk failed to keep what was written to data/"), "{failed:?}");
    let before = sink.taken();
    assert!(before < 60, "it stopped");
    // The disk is looked after, and it is started again.
    deliver_all(&folder);
    let copies: usize = copies(&sink).into_values().map(|copies| copies - 1).sum();
    assert!(copies <= 4, "{copies} copies: those whose outcome could not be written");
}

#[test]
fn r14_a_folder_that_cannot_be_written_is_said_and_ends_it() {
    let (sink, _own) = sink();
    let folder = opened(sink.port(), &["mina"], "", "");
    let root = folder.root();
    let bound = Command::new("mount").args(["--bind"]).arg(root).arg(root).status().unwrap();
    assert!(bound.success());
    let mounted = Mounted(root);
    Command::new("mount").args(["-o", "remount,bind,ro"]).arg(root).status().unwrap();
    let said = folder.run(&["deliver"]);
    drop(mounted);
    assert!(said.code == 2 && said.stderr.contains("data: Read-only file system"), "{said:?}");
    assert_eq!(sink.taken(), 0);
}

#[test]
fn r16_a_database_that_another_holds_is_waited_for_and_said() {
    let (sink, _own) = sink();
    let folder = opened(sink.port(), &["mina"], "", "");
    let holder = rusqlite::Connection::open(folder.path("data/byline.sqlite")).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let said = folder.run(&["deliver"]);
    assert!(said.code == 2 && said.stderr.contains("another process has held the database"), "{said:?}");
    holder.execute_batch("ROLLBACK").unwrap();
    folder.run(&["deliver"]).done();
    assert_eq!(sink.taken(), 1);
    // And a second daemon on the same folder.
    let serving = folder.serve();
    let second = folder.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(second.code == 2 && second.stderr.contains("is already running on this folder"), "{second:?}");
    assert_eq!(serving.stop(), 0);
}

#[test]
fn r17_a_damaged_database_sends_nothing_and_says_what_to_do() {
    let (sink, _own) = sink();
    let template = opened(sink.port(), &strs(&names("reader", 40)), "", "");
    // All of it in one file.
    let store = rusqlite::Connection::open(template.path("data/byline.sqlite")).unwrap();
    store.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(store);
    let whole = fs::read(template.path("data/byline.sqlite")).unwrap();
    let flips: usize = std::env::var("BYLINE_FLIPS").ok().and_then(|n| n.parse().ok()).unwrap_or(24);
    let (mut found, mut harmless) = (0, 0);
    for flip in 0..flips {
        let folder = template.copied();
        let mut bytes = whole.clone();
        let what = match flip % 3 {
            // A page's head, a bit anywhere, the end cut off.
            0 => {
                let page = 1 + flip * 7919 % (bytes.len() / 4096 - 1);
                bytes[page * 4096] ^= 0xFF;
                format!("page {page}")
            }
            1 => {
                let at = 100 + flip * 104_729 % (bytes.len() - 100);
                bytes[at] ^= 1 << (flip % 8);
                format!("byte {at}")
            }
            _ => {
                let end = 4096 * (1 + flip * 31 % (bytes.len() / 4096 - 1));
                bytes.truncate(end);
                format!("cut at {end}")
            }
        };
        fs::write(folder.path("data/byline.sqlite"), bytes).unwrap();
        let before = sink.taken();
        let said = folder.run(&["deliver"]);
        assert!(!said.stderr.contains("panicked"), "{what}: {said:?}");
        if said.stderr.contains("is damaged") {
            assert!(said.code == 2 && said.stderr.contains("put back a copy"), "{what}: {said:?}");
            assert_eq!(sink.taken(), before, "{what}: nothing is sent");
            found += 1;
        } else {
            harmless += 1; // a bit in free space, or in a text
        }
    }
    println!("{found} of {flips} found, {harmless} harmless");
    assert!(found * 2 > flips, "{found} of {flips}");
}
