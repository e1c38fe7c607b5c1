//! `WebSub`: feeds are told to hubs, and subscribers of our own hub are told of them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use byline::ping::Pinged;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::support::{
    http::Answer,
    newsroom::{CONFIG, Newsroom},
    program::{Folder, Serving},
    wait_until,
    web_server::WebServer,
};

pub(crate) const TOPIC: &str = "https://far-bank.example/feed.atom";

/// A newsroom with a piece, whose hub may call this machine.
pub(crate) fn newsroom(hub: &str) -> Folder {
    let folder = Folder::with_config(&format!("{CONFIG}\n[hub]\n{hub}\n"));
    folder.write("articles/en/wells.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
    folder
}

pub(crate) fn publish(folder: &Folder, name: &str) {
    let text = format!("---\ntitle: {name}\ndate: 2026-03-02\n---\nText of {name}.\n");
    folder.write(&format!("articles/en/{name}.md"), &text);
}

fn ask(serving: &Serving, values: &[(&str, &str)]) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(values).finish();
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    serving.request("POST", "/hub", &headers, &form)
}

fn subscribe(serving: &Serving, callback: &str, mode: &str) -> Answer {
    let values = [
        ("hub.mode", mode),
        ("hub.topic", TOPIC),
        ("hub.callback", callback),
        ("hub.secret", "a secret"),
        ("hub.verify_token", "kept"),
        ("hub.unknown", "passed over"),
    ];
    ask(serving, &values)
}

#[test]
fn e1_a_subscriber_is_verified_told_with_a_signature_and_let_go() {
    let folder = newsroom("private_callbacks = true");
    let serving = folder.serve();
    let subscriber = WebServer::subscriber();
    let callback = subscriber.url("/push?own=query");
    assert_eq!(subscribe(&serving, &callback, "subscribe").status, 202);
    wait_until("the question whether it meant it", 10, || !subscriber.asked().is_empty());
    let question = &subscriber.asked()[0];
    let values = question.values();
    assert_eq!(question.method, "GET");
    assert_eq!(values["own"], "query", "{values:?}");
    assert_eq!((values["hub.mode"].as_str(), values["hub.topic"].as_str()), ("subscribe", TOPIC));
    assert_eq!(values["hub.lease_seconds"], "864000");
    assert_eq!(values["hub.verify_token"], "kept");

    publish(&folder, "ferries");
    wait_until("the news", 20, || !subscriber.posted().is_empty());
    let told = subscriber.posted().remove(0);
    assert!(told.path.ends_with("?own=query"));
    assert_eq!(told.header("content-type"), "application/atom+xml; charset=utf-8");
    assert_eq!(
        told.header("link"),
        format!("<{TOPIC}>; rel=\"self\", <https://far-bank.example/hub>; rel=\"hub\"")
    );
    assert_eq!(told.body, serving.poll("/feed.atom").body, "the whole feed, as it is served");
    let mut mac = Hmac::<Sha256>::new_from_slice(b"a secret").unwrap();
    mac.update(&told.body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(told.header("x-hub-signature"), format!("sha256={hex}"));

    let asked = subscriber.asked().len();
    assert_eq!(subscribe(&serving, &callback, "unsubscribe").status, 202);
    wait_until("the question whether it meant that", 10, || subscriber.asked().len() > asked);
    // Another subscriber, asked and told after, shows that the first would have been by now.
    let other = WebServer::subscriber();
    assert_eq!(subscribe(&serving, &other.url("/"), "subscribe").status, 202);
    wait_until("the other to be asked", 10, || !other.asked().is_empty());
    publish(&folder, "bridges");
    wait_until("the other to be told", 20, || !other.posted().is_empty());
    assert_eq!(subscriber.posted().len(), 1);
}

#[test]
fn what_a_subscriber_did_not_ask_for_itself_changes_nothing() {
    let folder = newsroom("private_callbacks = true");
    let serving = folder.serve();
    let victim = WebServer::start(|_| (200, "text/plain", b"I did not ask".to_vec()));
    let absent = WebServer::start(|_| (404, "text/plain", Vec::new()));
    let redirecting = WebServer::start(|_| (302, "text/plain", Vec::new()));
    for server in [&victim, &absent, &redirecting] {
        assert_eq!(subscribe(&serving, &server.url("/"), "subscribe").status, 202);
        wait_until("the question", 10, || server.asked().len() == 1);
    }
    let honest = WebServer::subscriber();
    assert_eq!(subscribe(&serving, &honest.url("/"), "subscribe").status, 202);
    wait_until("the question", 10, || honest.asked().len() == 1);
    publish(&folder, "ferries");
    wait_until("the news", 20, || honest.posted().len() == 1);
    assert_eq!(victim.posted().len() + absent.posted().len() + redirecting.posted().len(), 0);
    assert_eq!(victim.asked().len(), 1, "nobody is asked twice who has answered");
}

#[test]
fn s29_bad_requests_are_refused_with_a_reason() {
    let folder = newsroom("");
    let serving = folder.serve();
    let good = [("hub.mode", "subscribe"), ("hub.topic", TOPIC), ("hub.callback", "https://example.org/cb")];
    for (name, value, why) in [
        ("hub.mode", "publish", "only this site"),
        ("hub.mode", "", "hub.mode"),
        ("hub.topic", "https://other.example/feed.atom", "not a feed of this site"),
        ("hub.topic", "https://far-bank.example/", "not a feed of this site"),
        ("hub.callback", "ftp://example.org/", "http or https"),
        ("hub.callback", "nonsense", "not an address"),
        ("hub.callback", "http://127.0.0.1:25/", "not a public address"),
        ("hub.callback", "http://[::ffff:10.0.0.1]/", "not a public address"),
        ("hub.callback", "http://2130706433/", "not a public address"),
        ("hub.callback", "http://169.254.169.254/latest/", "not a public address"),
        ("hub.callback", "https://user:password@example.org/", "without a password"),
        ("hub.lease_seconds", "soon", "must be a number"),
        ("hub.secret", &"x".repeat(200), "less than 200"),
    ] {
        let mut values: Vec<(&str, &str)> = good.to_vec();
        values.retain(|(other, _)| *other != name);
        values.push((name, value));
        let answer = ask(&serving, &values);
        assert_eq!(answer.status, 400, "{name}={value}");
        assert!(answer.text().contains(why), "{name}={value}: {}", answer.text());
        assert!(answer.header("content-type").starts_with("text/plain"));
    }
    assert_eq!(serving.get("/hub").status, 200);
}

#[test]
fn s30_nobody_is_flooded_through_the_hub() {
    let folder = newsroom("private_callbacks = true");
    let serving = folder.serve();
    let victim = WebServer::start(|_| (404, "text/plain", Vec::new()));
    let mut refused = 0;
    for number in 0..400 {
        let answer = subscribe(&serving, &victim.url(&format!("/{number}")), "subscribe");
        assert!([202, 429].contains(&answer.status));
        refused += usize::from(answer.status == 429 && answer.header("retry-after") == "60");
    }
    assert!(refused > 300, "{refused} of 400 were refused");
    assert!(victim.asked().len() <= 100, "{} calls", victim.asked().len());
}

#[test]
fn a_hub_that_is_switched_off_is_neither_there_nor_named() {
    let folder = newsroom("built_in = false");
    let serving = folder.serve();
    assert_eq!(serving.get("/hub").status, 404);
    assert_eq!(subscribe(&serving, "https://example.org/", "subscribe").status, 404);
    let feed = serving.get("/feed.atom");
    assert!(!feed.text().contains("rel=\"hub\""));
    assert_eq!(feed.header("link"), format!("<{TOPIC}>; rel=\"self\""));
}

#[test]
fn e7_other_hubs_are_told_of_each_change_also_after_a_crash() {
    let hub = WebServer::start(|_| (204, "text/plain", Vec::new()));
    let folder = newsroom(&format!("built_in = false\nothers = [\"{}\"]", hub.url("/push")));
    let told = |topic: &str| {
        let topic = format!("https://far-bank.example{topic}");
        hub.posted().iter().filter(|asked| asked.values()["hub.url"] == topic).count()
    };
    let serving = folder.serve();
    wait_until("the first ping", 20, || told("/feed.rss") == 1 && told("/en/feed.json") == 1);
    let feed = serving.get("/feed.rss");
    assert!(feed.text().contains(&format!("href=\"{}\" rel=\"hub\"", hub.url("/push"))), "{}", feed.text());
    publish(&folder, "ferries");
    wait_until("the second ping", 20, || told("/feed.rss") == 2);
    assert_eq!(told("/fa/feed.rss"), 1, "nothing changed there");
    serving.kill();
    publish(&folder, "bridges");
    let _serving = folder.serve();
    wait_until("the ping after the crash", 20, || told("/feed.rss") == 3);
    let last = hub.posted().pop().unwrap();
    assert_eq!(last.values()["hub.mode"], "publish");
}

#[test]
fn an_answer_of_any_length_counts_as_one() {
    let folder = newsroom("private_callbacks = true");
    let serving = folder.serve();
    let subscriber = WebServer::start(|asked| match asked.values().get("hub.challenge") {
        Some(challenge) => (200, "text/plain", challenge.clone().into_bytes()),
        None => (200, "text/plain", vec![b'x'; 200_000]),
    });
    assert_eq!(subscribe(&serving, &subscriber.url("/"), "subscribe").status, 202);
    wait_until("the question", 10, || !subscriber.asked().is_empty());
    publish(&folder, "one");
    wait_until("the news", 20, || !subscriber.posted().is_empty());
    publish(&folder, "two");
    // Had the first not counted, the second would wait a minute.
    wait_until("more news", 20, || subscriber.posted().len() == 2);
    assert_eq!(serving.stop(), 0);
}

#[test]
fn a_subscriber_that_is_gone_is_forgotten_and_one_that_is_away_is_told_later() {
    let config = format!("{CONFIG}\n[hub]\nprivate_callbacks = true\n");
    let mut newsroom = Newsroom::with(&config).piece("One", "2026-02-01");
    newsroom.look();
    let gone = WebServer::start(|_| (410, "text/plain", Vec::new()));
    let is_back = Arc::new(AtomicBool::new(false));
    let back = is_back.clone();
    let away = WebServer::start(move |_| {
        (if back.load(Ordering::SeqCst) { 204 } else { 503 }, "text/plain", Vec::new())
    });
    for server in [&gone, &away] {
        newsroom.grant("/feed.atom", &server.url("/"), "an older version");
    }
    let first = newsroom.tell();
    assert_eq!((first.told, first.failed), (0, 2));
    assert!(gone.asked()[0].header("x-hub-signature").is_empty(), "there is no secret to sign with");
    let soon = newsroom.now + TimeDelta::seconds(59);
    newsroom.now = soon;
    assert_eq!(newsroom.tell(), Pinged::default(), "nobody is asked again at once");
    is_back.store(true, Ordering::SeqCst);
    newsroom.now = soon + TimeDelta::seconds(2);
    let later = newsroom.tell();
    assert_eq!((later.told, later.failed), (1, 0), "one is back, the other forgotten");
    assert_eq!((gone.asked().len(), away.asked().len()), (1, 2));
    assert_eq!(newsroom.tell(), Pinged::default(), "all have it now");
}
