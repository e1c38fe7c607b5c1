//! Kills at every moment that can be named: the sink's own log says who got what, and the audit agrees.
//!
//! Each test is a reduced form; `scripts/crash` asks for all of it through the environment, and prints the tables.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use byline::sink::{Accepted, Moment, Sink};
use serde_json::Value;

use crate::support::{newsroom::CONFIG, outbox::Letter, program::Folder, program::signal, wait_until};

/// Connections that a sender may have open: so many letters may be in doubt after a kill.
const CONNECTIONS: usize = 4;

/// How much is asked for, and how much is usual.
fn asked(name: &str, usual: usize) -> usize {
    std::env::var(format!("BYLINE_CRASH_{name}")).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InDoubt {
    Resend,
    Hold,
}

impl InDoubt {
    fn name(self) -> &'static str {
        match self {
            Self::Resend => "resend",
            Self::Hold => "hold",
        }
    }
}

/// A newsroom whose issue is opened and not sent.
struct Prepared {
    folder: Folder,
    readers: usize,
    in_doubt: InDoubt,
}

impl Prepared {
    fn at_server(port: u16, readers: usize, in_doubt: InDoubt) -> Self {
        let mail = format!(
            "[mail]\ntransport = \"smtp\"\nwhen_in_doubt = \"{}\"\nsmtp = {{ host = \"127.0.0.1\", port = {port}, security = \"none\", connections = {CONNECTIONS} }}",
            in_doubt.name()
        );
        Self::with(&CONFIG.replace("[mail]", &mail), readers, in_doubt)
    }

    fn with_outbox(readers: usize) -> Self {
        Self::with(CONFIG, readers, InDoubt::Resend)
    }

    fn with(config: &str, readers: usize, in_doubt: InDoubt) -> Self {
        let folder = Folder::with_config(config);
        folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
        // Of several providers, as lists are.
        let rows: String = (0..readers).map(|n| format!("reader{n:05}@d{}.example.org\n", n % 7)).collect();
        folder.write("subscribers/dispatches.csv", &format!("email\n{rows}"));
        folder.run(&["send", "dispatches", "--yes"]).done();
        Self { folder, readers, in_doubt }
    }

    /// The same once more, elsewhere.
    fn copy(&self) -> Self {
        Self { folder: self.folder.copied(), readers: self.readers, in_doubt: self.in_doubt }
    }

    fn deliver(&self) -> Child {
        let mut command = self.folder.command(&["deliver"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// `deliver` under strace with these options; how it ended.
    fn deliver_traced(&self, options: &[&str]) -> Option<i32> {
        let program = self.folder.command(&[]).get_program().to_os_string();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "trace.log"]).args(options).arg(program).arg("deliver");
        strace
            .current_dir(self.folder.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        strace.status().expect("strace is there").code()
    }

    /// Sends what is left, as often as letters are put off.
    fn finish(&self) {
        wait_until("the issue to be done", 120, || {
            self.folder.run(&["deliver"]).done();
            self.folder.run(&["status", "1"]).done().stdout.contains(" is done, ")
        });
    }

    fn audit(&self) -> Value {
        serde_json::from_str(self.folder.run(&["audit", "1", "--json"]).done().last_line()).unwrap()
    }
}

/// What the server says of one issue, beside what the rows say.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Found {
    /// Readers of whom neither the server nor a doubt says that they got it.
    missed: usize,
    /// Copies besides one.
    copies: usize,
    /// Rows that are in doubt.
    in_doubt: usize,
    /// Answers that the server did not give.
    lost: usize,
}

impl Prepared {
    /// Holds the rows and the server's log against each other.
    #[track_caller]
    fn reconcile(&self, accepted: &[Accepted]) -> Found {
        let mut by_reader: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for letter in accepted {
            by_reader.entry(&letter.recipient).or_default().insert((&letter.message_id, &letter.hash));
        }
        assert!(
            by_reader.values().all(|alike| alike.len() == 1),
            "every copy has one Message-ID and the same bytes"
        );
        let ids: BTreeSet<&str> = accepted.iter().map(|letter| letter.message_id.as_str()).collect();
        assert_eq!(ids.len(), by_reader.len(), "no two readers share a Message-ID");
        let audit = self.audit();
        assert_eq!(audit["balanced"], true, "{audit}");
        let mut found = Found { copies: accepted.len() - by_reader.len(), ..Found::default() };
        found.lost = accepted.iter().filter(|letter| !letter.replied).count();
        for row in audit["readers"].as_array().unwrap() {
            let (email, state) = (row["email"].as_str().unwrap(), row["state"].as_str().unwrap());
            let has_it = by_reader.contains_key(email);
            match (state, has_it) {
                ("accepted", true) => {}
                ("in_doubt", _) => found.in_doubt += 1,
                _ => found.missed += 1,
            }
        }
        assert_eq!(audit["readers"].as_array().unwrap().len(), self.readers);
        found
    }

    /// Nobody is missed, and no more are doubled, or in doubt, than there may be.
    #[track_caller]
    fn holds(&self, found: Found, doubts: usize) {
        let bound = doubts + found.lost;
        match self.in_doubt {
            InDoubt::Resend => {
                assert!(
                    found.missed == 0 && found.copies <= bound && found.in_doubt == 0,
                    "{found:?}, {bound}"
                );
            }
            InDoubt::Hold => {
                assert!(
                    found.missed == 0 && found.copies == 0 && found.in_doubt <= bound,
                    "{found:?}, {bound}"
                );
            }
        }
    }
}

/// Numbers that are the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn header(what: &str) {
    println!("\n| {what} | kills | missed | copies | bound | in doubt |\n|---|---|---|---|---|---|");
}

fn row(what: &str, kills: usize, found: Found, bound: usize) {
    let Found { missed, copies, in_doubt, lost } = found;
    let lost = if lost > 0 { format!(" + {lost} lost") } else { String::new() };
    println!("| {what} | {kills} | {missed} | {copies} | {bound}{lost} | {in_doubt} |");
}

/// R1 and R2 for one mode: a kill at every `step`th call of this kind, each on a fresh copy of the same issue.
fn killed_at_each(prepared: &Prepared, sink: &Sink, call: &str, step: usize) -> (usize, Found) {
    let (mut kills, mut all) = (0, Found::default());
    for nth in (1..).step_by(step) {
        let copy = prepared.copy();
        let before = sink.accepted().len();
        let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
        let ended = copy.deliver_traced(&["-e", &format!("trace={call}"), "-e", &inject]);
        if ended == Some(0) {
            break; // there are no more of them
        }
        kills += 1;
        copy.finish();
        let found = copy.reconcile(&sink.accepted()[before..]);
        copy.holds(found, CONNECTIONS);
        all = Found {
            missed: all.missed + found.missed,
            copies: all.copies + found.copies,
            in_doubt: all.in_doubt + found.in_doubt,
            lost: all.lost + found.lost,
        };
        assert!(nth < 100_000, "it never came to its end");
    }
    assert!(kills > 0, "{call} was never reached");
    (kills, all)
}

#[test]
fn r01_a_kill_at_any_fsync_of_an_issue_misses_nobody() {
    let readers = asked("READERS_FSYNC", 40);
    let step = asked("STEP", 9);
    header("fsync");
    for in_doubt in [InDoubt::Resend, InDoubt::Hold] {
        let own = tempfile::tempdir().unwrap();
        let sink = Sink::start(own.path());
        let prepared = Prepared::at_server(sink.port(), readers, in_doubt);
        let (kills, found) = killed_at_each(&prepared, &sink, "fsync", step);
        row(&format!("{readers} readers, {}", in_doubt.name()), kills, found, kills * CONNECTIONS);
    }
}

#[test]
fn r02_a_kill_at_any_write_of_the_database_misses_nobody() {
    let own = tempfile::tempdir().unwrap();
    let sink = Sink::start(own.path());
    let prepared = Prepared::at_server(sink.port(), asked("READERS_WRITE", 20), InDoubt::Resend);
    header("system call");
    for (call, step) in [("pwrite64", asked("STEP_WRITE", 40)), ("unlink", 1), ("ftruncate", 1)] {
        let (kills, found) = killed_at_each(&prepared, &sink, call, step);
        row(call, kills, found, kills * CONNECTIONS);
    }
}

#[test]
fn r03_m32_a_kill_at_any_stage_of_the_dialogue_doubles_only_what_was_taken() {
    let rounds = asked("STAGE_ROUNDS", 1);
    let mut chance = Chance(3);
    header("stage");
    for in_doubt in [InDoubt::Resend, InDoubt::Hold] {
        let own = tempfile::tempdir().unwrap();
        let sink = Arc::new(Sink::start(own.path()));
        let prepared = Prepared::at_server(sink.port(), 30, in_doubt);
        let stages = [
            Moment::Connected,
            Moment::Ehlo,
            Moment::Mail,
            Moment::Rcpt,
            Moment::Data,
            Moment::Body,
            Moment::Dot,
            Moment::Taken,
            Moment::Replied,
        ];
        for stage in stages {
            let mut all = Found::default();
            for _ in 0..rounds {
                let found = killed_at_stage(&prepared.copy(), &sink, stage, &mut chance);
                all.copies += found.copies;
                all.in_doubt += found.in_doubt;
                all.missed += found.missed;
            }
            row(&format!("{stage:?}, {}", in_doubt.name()), rounds, all, rounds * CONNECTIONS);
        }
    }
}

fn killed_at_stage(prepared: &Prepared, sink: &Sink, stage: Moment, chance: &mut Chance) -> Found {
    let before = sink.accepted().len();
    let connects = matches!(stage, Moment::Connected | Moment::Ehlo);
    let nth = 1 + chance.below(if connects { CONNECTIONS as u64 } else { 25 }) as usize;
    // The process is known only once it runs; it is killed by the server, in the middle of the moment.
    let sender: Arc<Mutex<Option<u32>>> = Arc::default();
    let known = sender.clone();
    sink.when(stage, nth, move || {
        wait_until("the sender to be known", 10, || known.lock().unwrap().is_some());
        let pid = known.lock().unwrap().unwrap();
        signal(pid, "KILL");
        // Until it is gone: what it would have done after this moment it has not done.
        wait_until("the sender to be gone", 10, || {
            fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
        });
    });
    let mut child = prepared.deliver();
    *sender.lock().unwrap() = Some(child.id());
    assert!(!child.wait().unwrap().success(), "{stage:?} {nth}: it was killed");
    prepared.finish();
    let found = prepared.reconcile(&sink.accepted()[before..]);
    prepared.holds(found, CONNECTIONS);
    found
}

#[test]
fn r04_random_kills_miss_nobody() {
    let (seeds, kills, readers) = (asked("SEEDS", 1), asked("KILLS", 4), asked("READERS", 400));
    header("random");
    for in_doubt in [InDoubt::Resend, InDoubt::Hold] {
        for lost in [0, 10] {
            for seed in 1..=seeds {
                let found = killed_at_random(seed as u64, kills, readers, in_doubt, lost);
                let what = format!(
                    "{readers} readers, seed {seed}, {}{}",
                    in_doubt.name(),
                    if lost > 0 { ", the server loses 1 % of its answers" } else { "" }
                );
                row(&what, kills, found, kills * CONNECTIONS);
            }
        }
    }
}

fn killed_at_random(seed: u64, kills: usize, readers: usize, in_doubt: InDoubt, lost: u32) -> Found {
    let own = tempfile::tempdir().unwrap();
    let sink =
        Sink::builder(own.path()).reply_delay(Duration::from_millis(1)).lost_per_mille(lost, seed).start();
    let prepared = Prepared::at_server(sink.port(), readers, in_doubt);
    let mut chance = Chance(seed);
    for kill in 1..=kills {
        // Somewhere in its share of the issue, and up to a few milliseconds later.
        let share = readers * (kill - 1) / kills + 1;
        let target = (share + chance.below((readers / kills).max(1) as u64) as usize).max(sink.taken() + 1);
        let mut child = prepared.deliver();
        wait_until("letters to be under way", 120, || {
            sink.taken() >= target.min(readers) || child.try_wait().unwrap().is_some()
        });
        std::thread::sleep(Duration::from_micros(chance.below(4000)));
        let _ = child.kill();
        child.wait().unwrap();
    }
    let accepted_at_last = || {
        prepared.folder.run(&["deliver"]).done();
        prepared.folder.run(&["status", "1"]).done().stdout.contains(" is done, ")
    };
    if lost == 0 || in_doubt == InDoubt::Hold {
        wait_until("the issue to be done", 240, accepted_at_last);
    } else {
        // Letters whose answer was lost are tried again after a minute; the author may say so at once.
        prepared.folder.run(&["deliver"]).done();
        wait_until("the issue to be done", 240, || {
            prepared.folder.hasten();
            accepted_at_last()
        });
    }
    let found = prepared.reconcile(&sink.accepted());
    prepared.holds(found, kills * CONNECTIONS);
    found
}

#[test]
fn r07_a_kill_while_an_issue_is_opened_leaves_all_of_it_or_nothing() {
    let readers = asked("READERS_FAN_OUT", 3_000);
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
    let rows: String = (0..readers).map(|n| format!("reader{n}@example.org\n")).collect();
    folder.write("subscribers/dispatches.csv", &format!("email\n{rows}"));
    folder.run(&["readers", "list"]).done();
    let mut opened = 0;
    let mut chance = Chance(7);
    for _ in 0..asked("KILLS_FAN_OUT", 8) {
        let mut child = folder
            .command(&["send", "dispatches", "--yes"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(40 + chance.below(400)));
        let _ = child.kill();
        child.wait().unwrap();
        let said = folder.run(&["status", "--json"]).done();
        let issues: Vec<Value> =
            said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for issue in &issues {
            assert_eq!((&issue["letters"], &issue["counts"]["pending"]), (&readers.into(), &readers.into()));
        }
        opened = issues.len();
    }
    folder.run(&["send", "dispatches", "--yes"]).done();
    folder.run(&["deliver"]).done();
    let to: BTreeSet<String> = folder.letters().iter().map(|letter| letter.to().to_string()).collect();
    assert_eq!((to.len(), folder.letters().len()), (readers, readers), "{opened} were opened before");
}

#[test]
fn m40_a_crash_anywhere_leaves_exactly_one_whole_file_a_letter_in_an_outbox() {
    let readers = asked("READERS_OUTBOX", 30);
    let prepared = Prepared::with_outbox(readers);
    header("outbox");
    for (call, step) in [("fsync", asked("STEP_OUTBOX", 17)), ("rename", asked("STEP_OUTBOX", 17))] {
        let mut kills = 0;
        for nth in (1..).step_by(step) {
            let copy = prepared.copy();
            let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
            if copy.deliver_traced(&["-e", &format!("trace={call}"), "-e", &inject]) == Some(0) {
                break;
            }
            kills += 1;
            copy.finish();
            let letters = copy.folder.letters();
            let to: BTreeSet<&str> = letters.iter().map(Letter::to).collect();
            assert_eq!((letters.len(), to.len()), (readers, readers), "{call} {nth}");
            let left: Vec<String> = fs::read_dir(copy.folder.path("outbox/1"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| !name.ends_with(".eml"))
                .collect();
            assert!(left.is_empty(), "{left:?}");
        }
        row(&format!("{readers} readers, killed at {call}"), kills, Found::default(), 0);
    }
}

/// The order of things on disk and on the wire, as the kernel saw them.
#[test]
fn r10_between_any_two_final_dots_of_a_connection_there_is_an_fsync() {
    let own = tempfile::tempdir().unwrap();
    let sink = Sink::start(own.path());
    let prepared = Prepared::at_server(sink.port(), 40, InDoubt::Resend);
    let ended = prepared.deliver_traced(&["-y", "-s", "200000", "-e", "trace=fsync,sendto,write,writev"]);
    assert_eq!(ended, Some(0));
    let trace = prepared.folder.read("trace.log");
    let mut since: BTreeMap<String, bool> = BTreeMap::new();
    let (mut dots, mut first) = (0, 0);
    for line in trace.lines() {
        if line.contains("fsync(") && line.contains("byline.sqlite") {
            since.values_mut().for_each(|synced| *synced = true);
        } else if line.contains("\\r\\n.\\r\\n") {
            let socket = line.split("socket:[").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
            match since.insert(socket.to_string(), false) {
                None => first += 1,
                Some(synced) => assert!(synced, "no fsync between two dots on socket {socket}"),
            }
            dots += 1;
        }
    }
    assert_eq!(dots, 40, "every dot was seen");
    assert!(first <= CONNECTIONS);
    println!("{dots} dots on {first} connections, none without an fsync since the last");
}

#[test]
fn r11_after_each_letter_in_an_outbox_its_folder_is_made_sure_of() {
    let prepared = Prepared::with_outbox(20);
    let ended = prepared.deliver_traced(&["-y", "-e", "trace=fsync,rename"]);
    assert_eq!(ended, Some(0));
    let trace = prepared.folder.read("trace.log");
    let mut waiting: BTreeSet<String> = BTreeSet::new();
    let mut renames = 0;
    for line in trace.lines() {
        let thread = line.split_whitespace().next().unwrap().to_string();
        if line.contains("rename(") && line.contains("/outbox/1/") && line.contains(".eml") {
            assert!(waiting.insert(thread), "a rename, and the folder of the one before not made sure of");
            renames += 1;
        } else if line.contains("fsync(") && line.contains("/outbox/1>") {
            waiting.remove(&thread);
        }
    }
    assert_eq!((renames, waiting.len()), (20, 0));
}

#[test]
fn r39_a_sender_that_is_asked_to_stop_doubles_nothing() {
    let stops = asked("STOPS", 6);
    let own = tempfile::tempdir().unwrap();
    let sink = Sink::builder(own.path()).reply_delay(Duration::from_millis(2)).start();
    let prepared = Prepared::at_server(sink.port(), 60 * stops, InDoubt::Resend);
    for stop in 0..stops {
        let serving = prepared.folder.serve();
        wait_until("letters to be under way", 60, || sink.taken() >= 50 * stop + 20);
        assert_eq!(serving.stop(), 0);
        let counts = prepared.audit();
        assert!(counts["counts"]["sending"].is_null(), "nothing is left in doubt: {}", counts["counts"]);
        assert_eq!(counts["counts"]["accepted"].as_u64(), Some(sink.taken() as u64));
    }
    prepared.finish();
    assert_eq!(prepared.reconcile(&sink.accepted()), Found::default());
}
