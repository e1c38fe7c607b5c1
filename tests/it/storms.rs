//! Many readers, many saves, and a program that is killed: nobody ever sees half of anything.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::support::{
    newsroom::{CONFIG, Newsroom},
    program::Folder,
    wait_until,
};

const PATHS: [&str; 5] = ["/feed.rss", "/feed.atom", "/feed.json", "/en/feed.rss", "/"];
const PUBLISHES: usize = 50;
const KILLS: usize = 5;
const READERS: usize = 200;

fn piece(number: usize) -> (String, String) {
    let text = format!(
        "---\ntitle: Piece {number}\ndate: 2026-{:02}-{:02}\n---\nText {number}. {}\n",
        number / 28 + 1,
        number % 28 + 1,
        "Water runs under the town. ".repeat(40)
    );
    (format!("articles/en/piece-{number:03}.md"), text)
}

/// Every version of every path that is ever published, as one that publishes alone makes them.
fn versions() -> BTreeMap<&'static str, HashSet<Vec<u8>>> {
    let mut newsroom = Newsroom::new();
    newsroom.at("2026-11-01 12:00");
    let mut versions: BTreeMap<&str, HashSet<Vec<u8>>> = BTreeMap::new();
    for number in 0..=PUBLISHES {
        newsroom.look();
        for path in PATHS {
            versions.entry(path).or_default().insert(newsroom.page(path).into_bytes());
        }
        let (path, text) = piece(number);
        newsroom.write(&path, text);
    }
    versions
}

/// The body, if there is a whole answer: a server that was killed gives none.
fn fetch(address: &str, path: &str) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nIf-None-Match: \"other\"\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.split("content-length: ").nth(1)?.lines().next()?.parse::<usize>().ok()?;
    let body = bytes[end + 4..].to_vec();
    (head.starts_with("http/1.1 200") && body.len() == length).then_some(body)
}

#[test]
fn f11_two_hundred_readers_see_only_whole_versions_through_fifty_publishes_and_five_kills() {
    let versions = Arc::new(versions());
    let folder = Folder::with_config(CONFIG);
    let mut serving = folder.serve();
    let address = Arc::new(RwLock::new(serving.address.clone()));
    let (done, read) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let readers: Vec<_> = (0..READERS)
        .map(|number| {
            let (versions, address, done, read) =
                (versions.clone(), address.clone(), done.clone(), read.clone());
            std::thread::spawn(move || {
                let mut turn = number;
                while !done.load(Ordering::SeqCst) {
                    let path = PATHS[turn % PATHS.len()];
                    turn += 1;
                    let address = address.read().unwrap().clone();
                    if let Some(body) = fetch(&address, path) {
                        let text = String::from_utf8_lossy(&body);
                        assert!(versions[path].contains(&body), "{path} was never published so:\n{text}");
                        read.fetch_add(1, Ordering::SeqCst);
                    }
                    std::thread::sleep(Duration::from_millis(20)); // a reader's pause, not a wait
                }
            })
        })
        .collect();
    for number in 0..PUBLISHES {
        let (path, text) = piece(number);
        folder.write(&path, &text);
        if number % (PUBLISHES / KILLS) == 3 {
            // In the middle of it.
            serving.kill();
            serving = folder.serve();
            *address.write().unwrap() = serving.address.clone();
        }
        let newest = format!("Piece {number}");
        wait_until(&newest, 60, || {
            fetch(&serving.address, "/feed.json")
                .is_some_and(|body| String::from_utf8_lossy(&body).contains(&newest))
        });
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.join().unwrap();
    }
    assert!(read.load(Ordering::SeqCst) > 2_000, "{read:?} answers");
}

/// Everything below a folder, but what a journal of the program says.
fn files(root: &Path, below: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(below).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
        if path.is_dir() {
            files(root, &path, found);
        } else if !name.starts_with('.') && !name.contains("archive/") {
            // A file that is being written beside its place is gone a moment later.
            found.extend(fs::read(path).ok().map(|bytes| (name, bytes)));
        }
    }
}

fn public(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let (root, mut found) = (folder.path("public"), BTreeMap::new());
    files(&root, &root, &mut found);
    found
}

/// A kernel that notices only sixteen changes at a time, for a program that starts now.
fn with_short_queue<T>(start: impl FnOnce() -> T) -> T {
    const QUEUE: &str = "/proc/sys/fs/inotify/max_queued_events";
    let usual = fs::read_to_string(QUEUE).unwrap_or_default();
    // Without the right to change it the queue is as long as ever, and the storm longer.
    let _ = fs::write(QUEUE, "16");
    let started = start();
    let _ = fs::write(QUEUE, usual);
    started
}

#[test]
fn r36_a_hundred_thousand_touches_end_in_the_state_of_a_fresh_look() {
    const TOUCHES: usize = 100_000;
    const FILES: usize = 60;
    let folder = Folder::with_config(CONFIG);
    folder.write("articles/en/first.md", "---\ntitle: First\ndate: 2026-01-01\n---\nText.\n");
    let serving = with_short_queue(|| folder.serve());
    let file = |number: usize| folder.path(&format!("articles/en/piece-{number:03}.md"));
    for touch in 0..TOUCHES {
        let number = touch * 7 % FILES;
        match touch % 5 {
            0 if touch > TOUCHES - 5 * FILES => drop(fs::remove_file(file(number))),
            0 => {
                let text = format!(
                    "---\ntitle: Piece {number} as of {touch}\ndate: 2026-01-{:02}\n---\nText {touch}.\n",
                    number % 28 + 1
                );
                fs::write(file(number), text).unwrap();
            }
            _ => {
                if let Ok(open) = fs::OpenOptions::new().append(true).open(file(number)) {
                    open.set_modified(std::time::SystemTime::now()).unwrap();
                }
            }
        }
    }
    let fresh = Folder::with_config(CONFIG);
    for entry in fs::read_dir(folder.path("articles/en")).unwrap().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap();
        fresh.write(&format!("articles/en/{}", entry.file_name().to_str().unwrap()), &text);
    }
    fresh.run(&["build"]).done();
    let wanted = public(&fresh);
    assert!(wanted.len() > 20);
    wait_until("the state of a fresh look", 60, || public(&folder) == wanted);
    drop(serving);
}
