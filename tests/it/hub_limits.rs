//! Whom the hub calls, and how often: S29 and S30 of the threat model.

use std::{
    io::{ErrorKind, Write},
    net::TcpListener,
    time::{Duration, Instant},
};

use byline::store::{Asked, HubRequest, Mode};
use chrono::TimeDelta;

use crate::{
    hub::{TOPIC, newsroom, publish},
    support::{
        http::Answer,
        newsroom::Newsroom,
        program::{Folder, Serving},
        wait_until,
        web_server::WebServer,
    },
};

/// Asks the hub, as a reader behind a proxy on this machine.
pub(crate) fn ask_hub(serving: &Serving, callback: &str, more: &[(&str, &str)], reader: &str) -> Answer {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([("hub.mode", "subscribe"), ("hub.topic", TOPIC), ("hub.callback", callback)]);
    form.extend_pairs(more);
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Forwarded-For", reader)];
    serving.request("POST", "/hub", &headers, &form.finish())
}

fn subscribe(serving: &Serving, callback: &str) -> Answer {
    ask_hub(serving, callback, &[], "203.0.113.7")
}

/// How often the requests that wait at the hub were tried, as the store has it.
fn tries(folder: &Folder) -> Vec<i64> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(folder.path("data/byline.sqlite"), flags).unwrap();
    let mut statement = database.prepare("SELECT attempts FROM hub_request ORDER BY id").unwrap();
    let tries = statement.query_map([], |row| row.get(0)).unwrap();
    tries.map(Result::unwrap).collect()
}

#[test]
fn s29_a_name_that_leads_to_this_machine_is_never_called() {
    let folder = newsroom("");
    let serving = folder.serve();
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let port = canary.local_addr().unwrap().port();
    // Names: what they lead to is known only when they are resolved.
    for name in ["localhost", "LOCALHOST", "localhost.", "ip6-localhost"] {
        let answer = subscribe(&serving, &format!("http://{name}:{port}/"));
        assert!([202, 400].contains(&answer.status), "{name}: {}", answer.status);
    }
    wait_until("all of them to be tried", 120, || tries(&folder).iter().all(|tries| *tries > 0));
    let called = canary.accept();
    assert!(called.is_err_and(|why| why.kind() == ErrorKind::WouldBlock), "somebody called");
}

/// Says to whoever asks to go elsewhere.
fn redirecting(status: u16, to: &str, answers_challenges: bool) -> WebServer {
    // The server writes the type as it is, and with it another header.
    let elsewhere: &'static str = format!("text/plain\r\nLocation: {to}").leak();
    WebServer::start(move |asked| match asked.values().get("hub.challenge") {
        Some(challenge) if answers_challenges => (200, "text/plain", challenge.clone().into_bytes()),
        _ => (status, elsewhere, Vec::new()),
    })
}

#[test]
fn s29_nobody_sends_the_hub_elsewhere() {
    let folder = newsroom("private_callbacks = true");
    let serving = folder.serve();
    let canary = WebServer::subscriber();
    let asked: Vec<WebServer> =
        [301, 302, 303, 307, 308].map(|status| redirecting(status, &canary.url("/"), false)).into();
    let told: Vec<WebServer> =
        [302, 307, 308].map(|status| redirecting(status, &canary.url("/"), true)).into();
    let honest = WebServer::subscriber();
    for server in asked.iter().chain(&told).chain([&honest]) {
        assert_eq!(subscribe(&serving, &server.url("/")).status, 202);
        wait_until("the question", 30, || server.asked().len() == 1);
    }
    publish(&folder, "ferries");
    wait_until("the news", 30, || {
        honest.posted().len() == 1 && told.iter().all(|server| !server.posted().is_empty())
    });
    assert!(canary.asked().is_empty(), "{:?}", canary.asked());
    assert!(asked.iter().all(|server| server.posted().is_empty()), "who did not confirm is told nothing");
}

#[test]
fn s29_an_answer_without_end_is_cut_off() {
    const CHUNKS_MAX: usize = 2_000;
    let folder = newsroom("private_callbacks = true");
    let serving = folder.serve();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pouring = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        let chunk = vec![b'x'; 64 * 1024];
        (0..CHUNKS_MAX).take_while(|_| stream.write_all(&chunk).is_ok()).count()
    });
    assert_eq!(subscribe(&serving, &format!("http://{address}/")).status, 202);
    wait_until("the hub to hang up", 60, || pouring.is_finished());
    // What lies in the kernel's buffers counts too.
    let poured = pouring.join().unwrap();
    assert!(poured < CHUNKS_MAX / 4, "{poured} chunks of 64 KiB were taken");
    assert_eq!(serving.get("/healthz").status, 200);
}

#[test]
fn s30_ten_thousand_requests_for_one_host_come_to_few_calls() {
    const REQUESTS: usize = 10_000;
    /// What the hub keeps for one host, and what it lets through a minute.
    const KEPT_MAX: usize = 100;
    let folder = newsroom("private_callbacks = true");
    let serving = folder.serve();
    let victim = WebServer::start(|_| (404, "text/plain", Vec::new()));
    let since = Instant::now();
    let mut kept = 0;
    for number in 0..REQUESTS {
        // Each from another household: it is the victim that counts.
        let reader = format!("203.{}.{}.7", number / 250 % 250, number % 250);
        let answer = ask_hub(&serving, &victim.url(&format!("/{number}")), &[], &reader);
        assert!([202, 429].contains(&answer.status), "{}", answer.status);
        kept += usize::from(answer.status == 202);
    }
    // One more a second, while it lasts.
    let most = KEPT_MAX + since.elapsed().as_secs() as usize;
    assert!(kept <= most, "{kept} of {REQUESTS} were kept; at most {most}");
    assert!(victim.asked().len() <= kept, "{} calls for {kept} requests", victim.asked().len());
}

#[test]
fn s30_a_lease_is_neither_for_a_moment_nor_for_ever() {
    let folder = newsroom("private_callbacks = true");
    let serving = folder.serve();
    for (asked, given) in
        [("1", "300"), ("0", "300"), ("3600", "3600"), ("4294967295", "2592000"), ("", "864000")]
    {
        let subscriber = WebServer::subscriber();
        assert_eq!(
            ask_hub(&serving, &subscriber.url("/"), &[("hub.lease_seconds", asked)], "203.0.113.7").status,
            202
        );
        wait_until("the question", 30, || !subscriber.asked().is_empty());
        assert_eq!(subscriber.asked()[0].values()["hub.lease_seconds"], given, "for {asked:?}");
    }
}

fn hub_request(number: usize, topic: &str) -> HubRequest {
    HubRequest {
        id: 0,
        topic: topic.to_string(),
        callback: format!("https://reader-{number}.example/"),
        host: format!("reader-{number}.example"),
        mode: Mode::Subscribe,
        secret: None,
        verify_token: None,
        lease: TimeDelta::days(10),
        attempts: 0,
    }
}

#[test]
fn s30_a_subscription_ends_with_its_lease() {
    let newsroom = Newsroom::new();
    let now = newsroom.now;
    let current = std::collections::BTreeMap::from([("/feed.atom".to_string(), "new".to_string())]);
    newsroom.store(async |store| {
        assert_eq!(store.ask_hub(hub_request(1, "/feed.atom"), now).await.unwrap(), Asked::Kept);
        let request = store.due_hub_requests(now, 10).await.unwrap().remove(0);
        store.grant_hub_request(request, "old".to_string(), now).await.unwrap();
        let almost = now + TimeDelta::days(10) - TimeDelta::seconds(1);
        assert_eq!(store.due_hub_subscriptions(current.clone(), almost, 10).await.unwrap().len(), 1);
        let over = now + TimeDelta::days(10);
        assert!(store.due_hub_subscriptions(current.clone(), over, 10).await.unwrap().is_empty());
        assert!(
            store.due_hub_subscriptions(current.clone(), now, 10).await.unwrap().is_empty(),
            "it is forgotten"
        );
    });
}

#[test]
fn s30_a_feed_has_so_many_subscribers_and_no_more() {
    let newsroom = Newsroom::new();
    let now = newsroom.now;
    let mut database = rusqlite::Connection::open(newsroom.path("data/byline.sqlite")).unwrap();
    let transaction = database.transaction().unwrap();
    for number in 0..10_000 {
        transaction
            .execute(
                "INSERT INTO hub_subscription (topic, callback, host, lease_until, told) VALUES (?1, ?2, ?3, ?4, '')",
                rusqlite::params![
                    "/feed.atom",
                    format!("https://reader-{number}.example/"),
                    format!("reader-{number}.example"),
                    (now + TimeDelta::days(1)).timestamp_millis()
                ],
            )
            .unwrap();
    }
    transaction.commit().unwrap();
    newsroom.store(async |store| {
        assert_eq!(store.ask_hub(hub_request(10_001, "/feed.atom"), now).await.unwrap(), Asked::TooMany);
        assert_eq!(
            store.ask_hub(hub_request(10_001, "/feed.rss"), now).await.unwrap(),
            Asked::Kept,
            "another feed"
        );
        assert_eq!(
            store.ask_hub(hub_request(9_999, "/feed.atom"), now).await.unwrap(),
            Asked::Kept,
            "who is there may renew"
        );
    });
}

#[test]
fn s30_a_subscriber_that_says_nothing_holds_up_no_other() {
    let folder = newsroom("private_callbacks = true");
    let serving = folder.serve();
    // The kernel takes the call; nobody answers it.
    let silent: Vec<TcpListener> = (0..5).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    for listener in &silent {
        let callback = format!("http://{}/", listener.local_addr().unwrap());
        assert_eq!(subscribe(&serving, &callback).status, 202);
    }
    let honest = WebServer::subscriber();
    assert_eq!(subscribe(&serving, &honest.url("/")).status, 202);
    // One silent subscriber may take its time; five may not take five times as much.
    wait_until("the question to the honest one", 60, || honest.asked().len() == 1);
}
