//! Kills, full disks and editors that take their time: what is out stays whole, and comes back by itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use serde_json::Value;

use byline::sink::Sink;

use crate::support::{
    newsroom::{CONFIG, Newsroom},
    program::{Folder, Serving},
    wait_until,
};

const SITE: &str = "https://far-bank.example";

/// A piece of its own day and minute, whose text has an end.
fn piece(number: usize) -> (String, String) {
    let text = format!(
        "---\ntitle: Piece {number}\ndate: 2026-01-{:02} {:02}:{:02}\n---\nText {number}. {}\n\nThe end.\n",
        number / 60 % 28 + 1,
        number / 60 / 28 % 24,
        number % 60,
        "Water runs under the town. ".repeat(20)
    );
    (format!("articles/en/piece-{number:04}.md"), text)
}

/// The id that it has wherever it is published.
fn id_of(number: usize) -> String {
    format!("tag:far-bank.example,2026-01-{:02}:en/piece-{number:04}", number / 60 % 28 + 1)
}

/// Every file below a folder but the program's own note, by its path from there.
fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn gather(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
            if path.is_dir() {
                gather(root, &path, found);
            } else if !name.starts_with('.') {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    gather(folder, folder, &mut found);
    found
}

/// The program with its arguments, for a command that runs it; every path in it whole.
fn words_of(folder: &Folder, arguments: &[&str]) -> Vec<OsString> {
    let program = folder.command(&[]).get_program().to_os_string();
    let root = [OsString::from("--root"), folder.root().as_os_str().to_os_string()];
    [program].into_iter().chain(root).chain(arguments.iter().map(OsString::from)).collect()
}

// R5: kills while articles come in.

/// Every id there is from the newest feed back to the first archive, each document's own without doubles.
fn walked(serving: &Serving, format: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut next = Some(format!("/feed.{format}"));
    while let Some(path) = next.take() {
        let text = serving.poll(&path).text();
        let ids: Vec<String> = if format == "json" {
            let feed: Value = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{path}: {why}"));
            next = feed["next_url"].as_str().map(|url| url.replace(SITE, ""));
            let items = feed["items"].as_array().unwrap().clone();
            for item in &items {
                assert!(item["content_html"].as_str().unwrap().contains("The end."), "half of {item:#}");
            }
            items.iter().map(|item| item["id"].as_str().unwrap().to_string()).collect()
        } else {
            let document = roxmltree::Document::parse(&text).unwrap_or_else(|why| panic!("{path}: {why}"));
            let previous = document.descendants().find(|node| node.attribute("rel") == Some("prev-archive"));
            next = previous.map(|link| link.attribute("href").unwrap().replace(SITE, ""));
            let items =
                document.descendants().filter(|node| matches!(node.tag_name().name(), "item" | "entry"));
            let id = |item: roxmltree::Node<'_, '_>| {
                let id = item.children().find(|child| matches!(child.tag_name().name(), "guid" | "id"));
                id.unwrap().text().unwrap().to_string()
            };
            items.map(id).collect()
        };
        let distinct: BTreeSet<String> = ids.iter().cloned().collect();
        assert_eq!(distinct.len(), ids.len(), "{path} has one twice");
        all.extend(distinct);
    }
    all
}

#[test]
fn r05_a_thousand_files_that_come_while_the_program_is_killed_are_out_once_each() {
    const FILES: usize = 1_000;
    const KILLED_AT: [usize; 6] = [1, 60, 190, 420, 700, 990];
    let folder = Arc::new(Folder::with_config(CONFIG));
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut serving = folder.serve();
    let (into, count) = (folder.clone(), dropped.clone());
    let dropping = std::thread::spawn(move || {
        for number in 0..FILES {
            let (path, text) = piece(number);
            into.write(&path, &text);
            count.store(number + 1, Ordering::SeqCst);
        }
    });
    for at in KILLED_AT {
        wait_until("more files", 60, || dropped.load(Ordering::SeqCst) >= at);
        serving.kill();
        serving = folder.serve();
    }
    dropping.join().unwrap();
    let wanted: BTreeSet<String> = (0..FILES).map(id_of).collect();
    wait_until("the last of them", 120, || serving.get(&format!("/piece-{:04}/", FILES - 1)).status == 200);
    wait_until("all of them", 120, || walked(&serving, "json").len() >= FILES);
    for format in ["json", "rss", "atom"] {
        assert_eq!(walked(&serving, format), wanted, "{format}");
    }
    // And once more after a start that has nothing to do.
    serving.kill();
    let serving = folder.serve();
    assert_eq!(walked(&serving, "atom"), wanted);
    assert_eq!(serving.stop(), 0);
}

// R6: kills while feeds are written.

const FORMATS: [&str; 3] = ["/feed.rss", "/feed.atom", "/feed.json"];

/// What the three feeds are, with no piece, with one, and so on.
fn generations(pieces: usize) -> Vec<[Vec<u8>; 3]> {
    let mut newsroom = Newsroom::new();
    newsroom.at("2026-11-01 12:00");
    let mut generations = Vec::new();
    for number in 0..=pieces {
        newsroom.look();
        generations.push(FORMATS.map(|path| newsroom.page(path).into_bytes()));
        let (path, text) = piece(number);
        newsroom.write(&path, text);
    }
    generations
}

/// Of which generation a document is; fails for one that never was.
#[track_caller]
fn generation(generations: &[[Vec<u8>; 3]], format: usize, bytes: &[u8]) -> usize {
    let found = generations.iter().position(|generation| generation[format] == bytes);
    found.unwrap_or_else(|| panic!("{} was never so:\n{}", FORMATS[format], String::from_utf8_lossy(bytes)))
}

#[test]
fn r06_a_kill_while_feeds_are_written_leaves_each_whole_and_the_next_start_all_alike() {
    const PIECES: usize = 24;
    let generations = Arc::new(generations(PIECES));
    let folder = Folder::with_config(CONFIG);
    let mut serving = folder.serve();
    let files = FORMATS.map(|path| folder.path(&format!("public{path}")));
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|format| {
            let (generations, done, file) = (generations.clone(), done.clone(), files[format].clone());
            std::thread::spawn(move || {
                let mut newest = 0;
                loop {
                    let is_last = done.load(Ordering::SeqCst);
                    let seen = generation(&generations, format, &fs::read(&file).unwrap());
                    assert!(seen >= newest, "{} went back", FORMATS[format]);
                    newest = seen;
                    if is_last {
                        return newest;
                    }
                    std::thread::sleep(Duration::from_millis(1)); // a reader's pause, not a wait
                }
            })
        })
        .collect();
    for number in 0..PIECES {
        let (path, text) = piece(number);
        folder.write(&path, &text);
        let on_disk = |format: usize| generation(&generations, format, &fs::read(&files[format]).unwrap());
        // Of three, one is written first, and then comes the kill; each in turn.
        let first = number % 3;
        wait_until("a feed to be written", 60, || on_disk(first) > number);
        if number % 2 == 0 {
            serving.kill();
            serving = folder.serve();
            for (format, path) in FORMATS.iter().enumerate() {
                assert_eq!(on_disk(format), number + 1, "{path} after the start");
            }
        }
        wait_until("all of them to be written", 60, || (0..3).all(|format| on_disk(format) == number + 1));
        // Over HTTP: between two looks at one format that are alike, the others are like it.
        let asked = |format: usize| generation(&generations, format, &serving.poll(FORMATS[format]).body);
        let (before, atom, json, after) = (asked(0), asked(1), asked(2), asked(0));
        assert!(before != after || (atom == before && json == before), "{before} {atom} {json} {after}");
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        assert_eq!(reader.join().unwrap(), PIECES);
    }
    assert_eq!(serving.stop(), 0);
}

// R11: what is on the disk before anybody hears of it.

/// What a command did to the disk and said on stdout, in order.
fn traced(folder: &Folder, arguments: &[&str]) -> Vec<String> {
    const CALLS: &str = "trace=rename,renameat,renameat2,mkdir,mkdirat,fsync,fdatasync,syncfs,write";
    let traces = tempfile::tempdir().unwrap();
    let output = Command::new("strace")
        // A file a thread, so that no call is torn in two; with times, to put them together again.
        .args(["-ff", "-ttt", "-y", "-s", "200", "-e", CALLS, "-o"])
        .arg(traces.path().join("trace"))
        .args(words_of(folder, arguments))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("strace");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut calls = Vec::new();
    for entry in fs::read_dir(traces.path()).unwrap().flatten() {
        let text = fs::read(entry.path()).unwrap();
        for line in String::from_utf8_lossy(&text).lines() {
            let (time, call) = line.split_once(' ').unwrap();
            let is_talk = call.starts_with("write(1<");
            if call.ends_with("= 0") || is_talk {
                calls.push((time.to_string(), call.to_string()));
            }
        }
    }
    calls.sort();
    calls.into_iter().map(|(_, call)| call).collect()
}

/// The path between quotation marks, the `nth` of them.
fn quoted(call: &str, nth: usize) -> PathBuf {
    PathBuf::from(call.split('"').nth(nth * 2 + 1).unwrap_or_else(|| panic!("{call}")))
}

/// Whether a call makes sure of this file or folder, by itself or with all of its file system.
fn makes_sure(call: &str, path: &Path) -> bool {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let is_it = || call.contains(&format!("<{}>", real.display()));
    call.starts_with("syncfs(") || ((call.starts_with("fsync(") || call.starts_with("fdatasync(")) && is_it())
}

/// Every file that was put in its place below `below` is sure to be there, under its name, when it is first spoken of.
#[track_caller]
fn assert_sure_before_announced(calls: &[String], below: &Path, least: usize) {
    let announced = calls.iter().rposition(|call| call.starts_with("write(1<")).expect("it said something");
    let mut seen = 0;
    for (at, call) in calls.iter().enumerate().filter(|(_, call)| call.starts_with("rename")) {
        let (from, to) = (quoted(call, 0), quoted(call, 1));
        if !to.starts_with(below) {
            continue;
        }
        seen += 1;
        assert!(at < announced, "{call} came after it was announced");
        let after = &calls[at..announced];
        let folder = to.parent().unwrap();
        assert!(
            after.iter().any(|call| makes_sure(call, folder)),
            "nobody made sure of the name after {call}"
        );
        let is_sure = calls[..at]
            .iter()
            .any(|call| call.contains(&format!("<{}>", from.display())) && call.starts_with("fsync("))
            || after.iter().any(|call| makes_sure(call, &to));
        assert!(is_sure, "nobody made sure of the bytes of {call}");
    }
    assert!(seen >= least, "only {seen} files were put in their place:\n{}", calls.join("\n"));
}

/// Every folder that was made below `below` is sure to be there, too.
#[track_caller]
fn assert_folders_are_sure(calls: &[String], below: &Path) {
    let announced = calls.iter().rposition(|call| call.starts_with("write(1<")).expect("it said something");
    let mut unsure = Vec::new();
    for (at, call) in calls.iter().enumerate().filter(|(_, call)| call.starts_with("mkdir")) {
        let made = quoted(call, 0);
        let parent = made.parent().unwrap();
        if made.starts_with(below) && !calls[at..announced].iter().any(|call| makes_sure(call, parent)) {
            unsure.push(made.display().to_string());
        }
    }
    assert!(unsure.is_empty(), "after a power cut these folders, and all in them, may be gone: {unsure:#?}");
}

/// A newsroom with so many pieces, a picture and three readers.
fn illustrated(pieces: usize) -> Folder {
    let folder = Folder::with_config(CONFIG);
    for number in 0..pieces {
        let (path, text) = piece(number);
        folder
            .write(&path, &text.replace("---\nText", "tags: [Water]\nimage: ../images/wells.png\n---\nText"));
    }
    folder.write("articles/images/wells.png", "not really a picture");
    folder.write(
        "subscribers/dispatches.csv",
        "email,cadence\na@example.org,weekly\nb@example.org,weekly\nc@example.org,weekly\n",
    );
    folder
}

#[test]
fn r11_a_name_is_on_the_disk_before_the_site_is_announced() {
    // Few files are made sure of one by one, many at once.
    for (pieces, least) in [(3, 20), (90, 100)] {
        let folder = illustrated(pieces);
        let calls = traced(&folder, &["build"]);
        assert_sure_before_announced(&calls, &folder.path("public"), least);
        // The next time only a few are written, over others.
        let (path, text) = piece(pieces);
        folder.write(&path, &text);
        let calls = traced(&folder, &["build"]);
        assert_sure_before_announced(&calls, &folder.path("public"), 5);
    }
}

#[test]
fn r11_a_letter_is_on_the_disk_before_it_counts_as_sent() {
    let folder = illustrated(3);
    folder.run(&["send", "dispatches", "--yes"]).done();
    let calls = traced(&folder, &["deliver"]);
    assert_sure_before_announced(&calls, &folder.path("outbox"), 3);
    assert_eq!(folder.letters().len(), 3);
}

#[test]
fn r11_a_folder_that_is_made_is_on_the_disk_too() {
    let folder = illustrated(3);
    let calls = traced(&folder, &["build"]);
    assert_folders_are_sure(&calls, &folder.path("public"));
    folder.run(&["send", "dispatches", "--yes"]).done();
    let calls = traced(&folder, &["deliver"]);
    assert_folders_are_sure(&calls, &folder.path("outbox"));
}

// R12: no room.

/// `serve`, whose writes beyond its limit fail, as on a full disk, instead of ending it.
fn serve_limited(folder: &Folder) -> Serving {
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    limited.args(words_of(folder, &["serve", "--listen", "127.0.0.1:0"])).env("NO_COLOR", "1");
    Folder::start(limited)
}

/// Lets a program write so many bytes into any file.
fn give_room(serving: &Serving, bytes: &str) {
    let done = Command::new("prlimit")
        .args(["--pid", &serving.pid().to_string(), &format!("--fsize={bytes}:unlimited")])
        .output()
        .expect("prlimit (util-linux)");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn r12_without_room_the_old_feeds_stay_and_with_room_the_new_ones_come() {
    const PATHS: [&str; 6] =
        ["/feed.rss", "/feed.atom", "/feed.json", "/", "/piece-0001/", "/assets/style.css"];
    let folder = Folder::with_config(CONFIG);
    for number in 0..3 {
        let (path, text) = piece(number);
        folder.write(&path, &text);
    }
    let serving = serve_limited(&folder);
    let before = PATHS.map(|path| serving.poll(path).body);
    let on_disk = files_below(&folder.path("public"));
    give_room(&serving, "0");
    let (path, text) = piece(3);
    folder.write(&path, &text);
    wait_until("it to be said", 60, || serving.talk().contains("ERROR"));
    for _ in 0..20 {
        assert!(PATHS.map(|path| serving.poll(path).body) == before, "the old site stays as it was");
    }
    assert!(files_below(&folder.path("public")) == on_disk, "and on the disk");
    assert_eq!(serving.get("/piece-0003/").status, 404);
    let said = serving.talk().matches("ERROR").count();
    assert!(said <= 8, "it is said once, not at each try: {}", serving.talk());

    give_room(&serving, "unlimited");
    wait_until("the new piece", 60, || serving.get("/piece-0003/").status == 200);
    wait_until("its feeds", 60, || FORMATS.iter().all(|path| serving.poll(path).text().contains("Piece 3")));
    assert_eq!(serving.stop(), 0);
    let fresh = Folder::with_config(CONFIG);
    for number in 0..4 {
        let (path, text) = piece(number);
        fresh.write(&path, &text);
    }
    fresh.run(&["build"]).done();
    assert!(
        files_below(&folder.path("public")) == files_below(&fresh.path("public")),
        "nothing is missing of it"
    );
}

#[test]
fn r12_without_room_no_letter_counts_as_sent_that_was_not_and_with_room_the_others_go() {
    const READERS: usize = 300;
    const CONNECTIONS: usize = 4;
    let own = tempfile::tempdir().unwrap();
    let server = Sink::builder(own.path()).reply_delay(Duration::from_millis(16)).start();
    let mail = format!(
        "[mail]\ntransport = \"smtp\"\nsmtp = {{ host = \"127.0.0.1\", port = {}, security = \"none\", connections = {CONNECTIONS} }}",
        server.port()
    );
    let folder = Folder::with_config(&CONFIG.replace("[mail]", &mail));
    let (path, text) = piece(0);
    folder.write(&path, &text);
    let rows: String = (0..READERS).map(|number| format!("reader{number:04}@example.org,weekly\n")).collect();
    folder.write("subscribers/dispatches.csv", &format!("email,cadence\n{rows}"));
    folder.run(&["send", "dispatches", "--yes"]).done();
    let counted = || -> BTreeMap<String, usize> {
        let said = folder.run(&["audit", "1", "--json"]).done();
        let audit: Value = serde_json::from_str(said.last_line()).unwrap();
        let mut counted = BTreeMap::new();
        for row in audit["readers"].as_array().unwrap() {
            *counted.entry(row["state"].as_str().unwrap().to_string()).or_default() += 1;
        }
        counted
    };
    let serving = serve_limited(&folder);
    wait_until("letters to be under way", 60, || server.accepted().len() >= 40);
    give_room(&serving, "0");
    wait_until("it to be said", 60, || {
        serving.talk().contains("outcomes cannot be written down, so nothing is sent")
    });
    let taken = server.accepted().len();
    assert!(taken < READERS, "there was nothing left to hold back");
    let states = counted();
    let accepted = states.get("accepted").copied().unwrap_or_default();
    assert!(accepted <= server.accepted().len(), "{states:?}");
    assert!(
        server.accepted().len() <= taken + CONNECTIONS,
        "letters went on although nothing could be written down"
    );
    assert_eq!(states.values().sum::<usize>(), READERS, "{states:?}");

    give_room(&serving, "unlimited");
    wait_until("the others", 120, || folder.run(&["status", "1"]).done().stdout.contains(" is done, "));
    assert_eq!(serving.stop(), 0);
    let accepted = server.accepted();
    let distinct: BTreeSet<&str> = accepted.iter().map(|letter| letter.recipient.as_str()).collect();
    assert_eq!((distinct.len(), accepted.len()), (READERS, READERS), "each once");
    assert_eq!(counted(), BTreeMap::from([("accepted".to_string(), READERS)]));
}

#[test]
fn r12_a_build_that_runs_out_of_room_at_any_moment_leaves_every_file_old_or_new() {
    const CALLS: [&str; 5] = ["pwrite64", "fsync", "fdatasync", "rename", "mkdir"];
    let site = |pieces: usize| {
        let folder = illustrated(pieces);
        folder.run(&["build"]).done();
        files_below(&folder.path("public"))
    };
    let (old, new) = (site(3), site(4));
    let mut failures = 0;
    for call in CALLS {
        for nth in [1, 2, 3, 5, 8, 13] {
            let folder = illustrated(3);
            folder.run(&["build"]).done();
            let (path, text) = piece(3);
            folder.write(
                &path,
                &text.replace("---\nText", "tags: [Water]\nimage: ../images/wells.png\n---\nText"),
            );
            let output = Command::new("strace")
                .args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")])
                .args(["-e", &format!("inject={call}:error=ENOSPC:when={nth}+")])
                .args(words_of(&folder, &["build"]))
                .env("NO_COLOR", "1")
                .stdin(Stdio::null())
                .output()
                .expect("strace");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let code = output.status.code();
            assert!(code == Some(0) || code == Some(2), "{call} {nth}: {code:?} {said}");
            assert!(code == Some(0) || said.starts_with("error: "), "{call} {nth}: {said}");
            assert!(!said.contains("panicked"), "{call} {nth}: {said}");
            failures += usize::from(code == Some(2));
            for (path, bytes) in files_below(&folder.path("public")) {
                let is_whole = old.get(&path) == Some(&bytes) || new.get(&path) == Some(&bytes);
                assert!(
                    is_whole,
                    "{call} {nth}: {path} is neither old nor new:\n{}",
                    String::from_utf8_lossy(&bytes)
                );
            }
            assert!(old.keys().all(|path| folder.path(&format!("public/{path}")).exists()), "{call} {nth}");
            folder.run(&["build"]).done();
            assert!(files_below(&folder.path("public")) == new, "{call} {nth}: with room all of it comes");
        }
    }
    assert!(failures >= 10, "room was missed only {failures} times");
}

// R35: how files come to be saved.

/// Saves a text into a file in some program's way, with looks of ours in between.
type Save = fn(&mut Newsroom, &str, &Path);

#[test]
fn r35_whatever_an_editor_does_the_piece_stays_itself_and_nobody_has_it_twice() {
    let text = "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n";
    let mut newsroom = Newsroom::new().article("en/wells.md", text).reader("mina@example.org", "daily");
    newsroom.at("2026-03-05 12:00").run();
    newsroom.at("2026-03-06 07:30").run();
    assert_eq!(newsroom.letters().len(), 1);
    let guid = newsroom.items()[0]["id"].clone();
    let file = |newsroom: &Newsroom| newsroom.path("articles/en/wells.md");
    let ways: [(&str, Save); 11] = [
        ("in place", |_, text, file| fs::write(file, text).unwrap()),
        ("cut off, then filled", |newsroom, text, file| {
            fs::write(file, "").unwrap();
            newsroom.look();
            fs::write(file, text).unwrap();
        }),
        ("vim, with a backup", |newsroom, text, file| {
            fs::rename(file, file.with_extension("md~")).unwrap();
            newsroom.look();
            fs::write(file, text).unwrap();
            fs::remove_file(file.with_extension("md~")).unwrap();
        }),
        ("a temporary file, renamed", |newsroom, text, file| {
            let temporary = file.with_file_name(".wells.md.kate-swp.tmp");
            fs::write(&temporary, text).unwrap();
            newsroom.look();
            fs::rename(temporary, file).unwrap();
        }),
        ("rsync", |newsroom, text, file| {
            let temporary = file.with_file_name(".wells.md.Xk31aQ");
            fs::write(&temporary, &text[..text.len() / 2]).unwrap();
            newsroom.look();
            fs::write(&temporary, text).unwrap();
            fs::rename(temporary, file).unwrap();
        }),
        ("another name and back", |newsroom, text, file| {
            fs::rename(file, file.with_file_name("springs.md")).unwrap();
            newsroom.look();
            fs::rename(file.with_file_name("springs.md"), file).unwrap();
            fs::write(file, text).unwrap();
        }),
        ("away and back", |newsroom, text, file| {
            fs::remove_file(file).unwrap();
            newsroom.look();
            newsroom.run();
            fs::write(file, text).unwrap();
        }),
        ("away over a morning", |newsroom, text, file| {
            fs::remove_file(file).unwrap();
            newsroom.run();
            newsroom.now += TimeDelta::hours(20);
            newsroom.run();
            fs::write(file, text).unwrap();
        }),
        ("another branch and back", |newsroom, text, file| {
            fs::write(file, "---\ntitle: Of another branch\ndate: 2025-01-01\n---\nOther.\n").unwrap();
            newsroom.look();
            fs::write(file, text).unwrap();
        }),
        ("a mistake, then mended", |newsroom, text, file| {
            fs::write(file, text.replace("title:", "titel:")).unwrap();
            newsroom.look();
            fs::write(file, text).unwrap();
        }),
        ("line ends of another system", |_, text, file| fs::write(file, text.replace('\n', "\r\n")).unwrap()),
    ];
    for (number, (way, save)) in ways.iter().enumerate() {
        let day = number * 2 + 7;
        newsroom.at(&format!("2026-03-{day:02} 12:00"));
        let edited = text.replace("Water.", &format!("Water, as of {number}."));
        let file = file(&newsroom);
        save(&mut newsroom, &edited, &file);
        newsroom.run();
        let items = newsroom.items();
        assert_eq!(items.len(), 1, "{way}");
        assert_eq!((&items[0]["id"], &items[0]["title"]), (&guid, &"Wells".into()), "{way}");
        assert!(items[0]["content_html"].as_str().unwrap().contains(&format!("as of {number}.")), "{way}");
        assert_eq!(items[0]["date_published"], "2026-03-01T00:00:00Z", "{way}");
        newsroom.at(&format!("2026-03-{:02} 07:30", day + 2)).run();
        assert_eq!(newsroom.letters().len(), 1, "{way}: she has it already");
    }
}

#[test]
fn r35_a_file_that_is_still_being_written_is_no_piece_yet() {
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/first.md", "---\ntitle: First\ndate: 2026-01-01\n---\nText.\n");
    let serving = folder.serve_watching();
    let feed = || serving.poll("/feed.json").text();
    let mut slow = fs::File::create(folder.path("articles/en/slow.md")).unwrap();
    slow.write_all(b"---\ntitle: Slow\ndate: 2026-01-02\n---\nThe first half.\n\n").unwrap();
    slow.sync_all().unwrap();
    // Others come and go out meanwhile: whoever looks, looks again and again.
    for number in 0..5 {
        let name = format!("Other {number}");
        let text = format!("---\ntitle: {name}\ndate: 2026-01-03\n---\nText.\n");
        folder.write(&format!("articles/en/other-{number}.md"), &text);
        wait_until(&name, 30, || feed().contains(&name));
        assert!(!feed().contains("The first half"), "half a piece is out, and may be in somebody's mail");
    }
    slow.write_all(b"The second half.\n").unwrap();
    drop(slow);
    wait_until("all of it", 30, || feed().contains("The second half"));
}

// R36: storms.

#[test]
fn r36_a_storm_of_saves_is_published_a_few_times_only() {
    const SAVES: usize = 20_000;
    const PUBLISHED_MAX: usize = SAVES / 20;
    let folder = Folder::with_config(CONFIG);
    for number in 0..20 {
        let (path, text) = piece(number);
        folder.write(&path, &text);
    }
    let serving = folder.serve();
    for save in 0..SAVES {
        let (path, text) = piece(save % 20);
        folder.write_in_place(&path, &text.replace("The end.", &format!("Save {save}.\n\nThe end.")));
    }
    let last = format!("Save {}.", SAVES - 1);
    wait_until("the last save", 60, || serving.poll("/feed.json").text().contains(&last));
    let published = serving.talk().matches(" published written=").count();
    assert!((2..=PUBLISHED_MAX).contains(&published), "published {published} times for {SAVES} saves");
}
