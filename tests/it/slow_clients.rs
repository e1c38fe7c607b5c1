//! Clients that take their time: S37 of the threat model.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::{
    hub::publish,
    safety::linked,
    support::{program::Serving, wait_until},
};

/// Longer than the server gives anybody.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(serving: &Serving) -> TcpStream {
    let stream = TcpStream::connect(&serving.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What a client is sent until the server hangs up; fails if it never does.
#[track_caller]
fn until_hung_up(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    if let Err(why) = stream.read_to_end(&mut bytes) {
        let is_held = matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!is_held, "the connection was still open after {PATIENCE:?}");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How much memory a process has, in KiB.
fn memory_kib(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How many files and sockets a process has open.
fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

#[test]
fn s37_silent_and_slow_clients_hold_nobody_up_and_are_let_go() {
    const SILENT: usize = 400;
    const MEMORY_KIB_MAX: usize = 100 * 1024;
    let folder = linked();
    let serving = folder.serve();
    assert_eq!(serving.poll("/feed.rss").status, 200);
    let (files, memory) = (open_files(serving.pid()), memory_kib(serving.pid()));
    let mut silent: Vec<TcpStream> = (0..SILENT).map(|_| connect(&serving)).collect();
    let mut slow_head = connect(&serving);
    slow_head.write_all(b"GET /feed.rss HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    let mut dripping = slow_head.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        while dripping.write_all(b"X-More: x\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(500)); // that is how such a client attacks
        }
    });
    let mut slow_bodies: Vec<TcpStream> = ["/hub", "/unsubscribe/x", "/feed.rss", "/nothing"]
        .iter()
        .map(|path| {
            let mut stream = connect(&serving);
            let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nhub.");
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut keeping = connect(&serving);
    keeping.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();

    for path in
        ["/feed.rss", "/feed.atom", "/piece-1/", "/archive/1.rss", "/nothing/"].iter().cycle().take(50)
    {
        let answer = serving.poll(path);
        assert_eq!(answer.status, if *path == "/nothing/" { 404 } else { 200 }, "{path}");
    }
    let grown = memory_kib(serving.pid()).saturating_sub(memory);
    assert!(grown < MEMORY_KIB_MAX, "{grown} KiB for {SILENT} clients that say nothing");

    assert!(until_hung_up(&mut slow_head).is_empty(), "half a request has no answer");
    for stream in &mut silent {
        assert_eq!(until_hung_up(stream), "");
    }
    for stream in &mut slow_bodies {
        let said = until_hung_up(stream);
        assert!(
            ["408", "404", "405"].iter().any(|status| said.starts_with(&format!("HTTP/1.1 {status}"))),
            "{said}"
        );
    }
    assert!(until_hung_up(&mut keeping).starts_with("HTTP/1.1 200"));
    dripping.join().unwrap();
    drop((silent, slow_head, slow_bodies, keeping));
    wait_until("every connection to be let go", 60, || open_files(serving.pid()) <= files + 8);
    assert_eq!(serving.stop(), 0);
}

#[test]
fn s37_heads_and_bodies_have_an_end() {
    let folder = linked();
    let serving = folder.serve();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let large = "x".repeat(20 * 1024);
    for path in ["/hub", "/unsubscribe/x"] {
        assert_eq!(serving.request("POST", path, &form, &large).status, 413, "{path}");
    }
    // Nobody waits for what will not be read.
    let mut endless = connect(&serving);
    endless
        .write_all(b"POST /feed.rss HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n")
        .unwrap();
    assert!(until_hung_up(&mut endless).starts_with("HTTP/1.1 405"));
    let mut many = connect(&serving);
    let head: String = (0..2_000).map(|number| format!("X-{number}: {}\r\n", "a".repeat(500))).collect();
    // The server may hang up in the middle of it.
    let _ = many.write_all(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{head}\r\n").as_bytes());
    let said = until_hung_up(&mut many);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    let mut long = connect(&serving);
    let _ = long
        .write_all(format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(1_000_000)).as_bytes());
    let said = until_hung_up(&mut long);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{}", &said[..said.len().min(200)]);
    assert_eq!(serving.get("/healthz").status, 200);
}

#[test]
fn s37_a_stop_waits_for_nobody_beyond_its_limit() {
    let folder = linked();
    folder.write("articles/en/sound.mp3", &"not really a sound ".repeat(1_000_000));
    publish(&folder, "wells");
    folder.write(
        "articles/en/heard.md",
        "---\ntitle: Heard\ndate: 2026-02-01\nenclosure: sound.mp3\n---\nX.\n",
    );
    let serving = folder.serve();
    let _silent: Vec<TcpStream> = (0..50).map(|_| connect(&serving)).collect();
    let mut half = connect(&serving);
    half.write_all(b"GET /feed.rss HTTP/1.1\r\n").unwrap();
    let mut taking_nothing = connect(&serving);
    taking_nothing.write_all(b"GET /media/en/sound.mp3 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut first = [0; 12];
    taking_nothing.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    // Another code would say that something did not stop in time.
    assert_eq!(serving.stop(), 0);
}

#[test]
fn s37_who_asks_and_then_takes_nothing_is_let_go() {
    let folder = linked();
    folder.write("articles/en/sound.mp3", &"not really a sound ".repeat(1_000_000));
    folder.write(
        "articles/en/heard.md",
        "---\ntitle: Heard\ndate: 2026-02-01\nenclosure: sound.mp3\n---\nX.\n",
    );
    let serving = folder.serve();
    assert_eq!(serving.poll("/feed.rss").status, 200);
    let files = open_files(serving.pid());
    let stalled: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = connect(&serving);
            stream.write_all(b"GET /media/en/sound.mp3 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            stream
        })
        .collect();
    wait_until("all of them to be served", 30, || open_files(serving.pid()) >= files + stalled.len());
    wait_until("all of them to be let go", 120, || open_files(serving.pid()) < files + stalled.len() / 2);
    drop(stalled);
}
