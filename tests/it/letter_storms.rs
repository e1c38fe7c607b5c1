//! A thousand hostile titles, bodies and names on their way through a mail server: each letter keeps its header, its
//! envelope and its lines. Numbers are those of `docs/mail.md` (m) and of the threat model (s).

use byline::sink::{Accepted, Sink};
use byline::text::{clean_line, clean_subject};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    letter_rules::FIELDS,
    support::{newsroom::Newsroom, outbox::Letter, verifiers},
};

const LETTERS: usize = 1_000;
/// What a list keeps of a name.
const NAME_CHARACTERS_MAX: usize = 120;
/// Each with a hostile name, and a hostile sender.
const NEWSLETTERS: usize = 10;

/// Text in a basic string of TOML, whatever it is.
fn escaped(text: &str) -> String {
    text.chars().map(|character| format!("\\U{:08x}", u32::from(character))).collect()
}

/// Words that have broken headers, commands or bodies, and any others.
fn hostile() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "\r\nBcc: evil@elsewhere.example",
        "\nBcc: evil@elsewhere.example\n\nbody",
        "\r",
        "\n.\n",
        "\r.\r",
        "\r\n.\r\nMAIL FROM:<evil@elsewhere.example>",
        "\u{0}",
        "\u{B}",
        "\u{85}Bcc: evil@elsewhere.example",
        "\u{2028}Bcc: evil@elsewhere.example",
        "\u{2029}",
        "\u{7F}",
        "=?utf-8?Q?=0D=0ABcc:=20evil@elsewhere.example?=",
        "👩‍👩‍👧‍👦",
        "\u{202E}gnp.exe",
        "می‌روم",
        "{name}",
        "{{reader.email}}",
        "\u{E003}\u{E006}",
        "<b>\"'&",
        "\u{FEFF}",
        "a\u{300}",
        "From here",
        ".",
        "  ",
        "\t",
    ]);
    let unbroken = (200..1_300_usize).prop_map(|length| "x".repeat(length));
    let any = prop::collection::vec(any::<char>(), 0..40).prop_map(|all| all.into_iter().collect::<String>());
    let piece = prop_oneof![6 => known.prop_map(str::to_string), 3 => any, 1 => unbroken];
    prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

/// The same ones at each run.
fn hostiles(count: usize, seed: u8) -> Vec<String> {
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
    (0..count).map(|_| hostile().new_tree(&mut runner).unwrap().current()).collect()
}

/// A newsroom that sends to this server. Nothing that the author typed here is friendly.
fn newsroom(port: u16) -> Newsroom {
    let names = hostiles(NEWSLETTERS * 2, 1);
    let mut config = format!(
        r#"
[site]
url = "https://far-bank.example/"
title = "The {}"
author = "Shirin {}"
languages = ["en"]
timezone = "UTC"
id_authority = "far-bank.example"
[mail]
from = "shirin@far-bank.example"
return_domain = "b.far-bank.example"
transport = "smtp"
smtp = {{ host = "127.0.0.1", port = {port}, security = "none", connections = 4 }}
"#,
        escaped(&names[0]),
        escaped(&names[1])
    );
    for number in 0..NEWSLETTERS {
        let (name, description) = (escaped(&names[number]), escaped(&names[number + NEWSLETTERS]));
        config.push_str(&format!(
            "[newsletter.n{number}]\nname = \"No {number} {name}\"\ndescription = \"{description} x\"\ntags = [\"t{number}\"]\nstart_with = 1\ncadence = {{ weekly = \"Fri 08:00\" }}\n"
        ));
    }
    Newsroom::with(&config)
}

fn piece(newsroom: &Newsroom, number: usize, title: &str, body: &str, more: &str) {
    let text = format!(
        "+++\ntitle = \"{number} {}\"\nslug = \"piece-{number}\"\ntags = [\"t{}\"]\ndate = \"2026-03-01\"\n{more}\n+++\n{body}\n\nThe end.\n",
        escaped(title),
        number % NEWSLETTERS,
    );
    newsroom.write(&format!("articles/en/{number}.md"), text);
}

/// What was taken, with what Python reads in it; fails if one of them is not as every letter is.
#[track_caller]
fn taken(server: &Sink) -> Vec<(Accepted, Letter, Value)> {
    assert_eq!(server.bare_line_ends(), 0, "neither CR nor LF stands alone on the wire");
    let accepted = server.accepted();
    let bytes: Vec<Vec<u8>> = server.messages().into_iter().map(|(_, bytes)| bytes).collect();
    let read = verifiers::email(&bytes);
    let taken = accepted.into_iter().zip(bytes).zip(read).map(|((accepted, bytes), read)| {
        let names: Vec<&str> =
            read["headers"].as_array().unwrap().iter().map(|header| header[0].as_str().unwrap()).collect();
        assert_eq!(names, FIELDS, "{read:#}");
        assert_eq!(read["defects"], json!([]), "{read:#}");
        assert_eq!((&read["crlf_only"], &read["ascii_only"]), (&json!(true), &json!(true)));
        assert!(read["longest_line"].as_u64().unwrap() <= 998, "{read:#}");
        assert!(bytes.ends_with(b"\r\n"));
        assert_eq!(read["to"][0]["address"], accepted.recipient);
        assert_eq!(read["to"].as_array().unwrap().len(), 1);
        assert_eq!(read["from"][0]["address"], "shirin@far-bank.example");
        let sender =
            accepted.sender.strip_prefix("bounce+").and_then(|rest| rest.strip_suffix("@b.far-bank.example"));
        let is_ours = sender.is_some_and(|id| id.chars().all(|c| c.is_ascii_hexdigit() || c == '.'));
        assert!(is_ours, "{}", accepted.sender);
        (accepted, Letter::read(&bytes), read)
    });
    taken.collect()
}

#[test]
fn m02_m03_s07_s08_no_title_or_body_changes_a_letters_header_envelope_or_lines() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let mut newsroom = newsroom(server.port());
    for number in 0..NEWSLETTERS {
        newsroom = newsroom.reader_of(&format!("n{number}"), "mina@example.org", "weekly", "");
    }
    newsroom.run();
    let titles = hostiles(LETTERS, 2);
    for (number, (title, body)) in titles.iter().zip(hostiles(LETTERS, 3)).enumerate() {
        piece(&newsroom, number, title, &body, "announce = \"now\"");
    }
    newsroom.run();
    let letters = taken(&server);
    let refused: Vec<String> = newsroom.problems();
    assert_eq!(letters.len(), LETTERS, "{refused:#?}");
    for (accepted, letter, read) in letters {
        assert_eq!(accepted.recipient, "mina@example.org");
        // A hostile body may swallow what follows it, but nothing else of the letter.
        assert!(letter.text.contains("Read on the site:") && letter.html.contains("/unsubscribe/"));
        let subject = read["subject"].as_str().unwrap();
        let number: usize =
            subject.split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{subject:?}"));
        let title = clean_subject(&clean_line(&format!("{number} {}", titles[number])));
        let is_cut = subject.ends_with('…') && title.starts_with(subject.trim_end_matches('…'));
        assert!(subject == title || is_cut, "{subject:?} of {title:?}");
    }
}

#[test]
fn m03_s03_s07_no_readers_name_changes_anything_but_the_greeting() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let mut newsroom = newsroom(server.port());
    // A row ends with its line, and none can hold NUL.
    let names: Vec<String> =
        hostiles(LETTERS, 4).iter().map(|name| name.replace(['\0', '\r', '\n'], " ")).collect();
    let mut list = csv::Writer::from_writer(Vec::new());
    list.write_record(["email", "name"]).unwrap();
    for (number, name) in names.iter().enumerate() {
        list.write_record([&format!("reader{number}@example.org"), name]).unwrap();
    }
    newsroom.write("subscribers/n0.csv", list.into_inner().unwrap());
    piece(&newsroom, 0, "Wells", "Water.", "");
    newsroom.run().at("2026-03-06 08:00").run();
    let letters = taken(&server);
    assert_eq!(letters.len(), LETTERS);
    let plain = &letters[0].1;
    for (accepted, letter, read) in &letters {
        let number: usize =
            accepted.recipient.trim_start_matches("reader").split('@').next().unwrap().parse().unwrap();
        let name: String = clean_line(&names[number]).chars().take(NAME_CHARACTERS_MAX).collect();
        let greeting = if name.is_empty() { "Hello,".to_string() } else { format!("Dear {name},") };
        let first = |letter: &Letter| {
            let mut lines = letter.text.lines();
            lines.find(|line| line.starts_with("Dear ") || *line == "Hello,").unwrap().to_string()
        };
        assert_eq!(first(letter), greeting);
        assert_eq!(letter.headers["subject"], plain.headers["subject"]);
        assert_eq!(letter.text.lines().count(), plain.text.lines().count(), "{read:#}");
        let escaped =
            name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        assert!(name.is_empty() || letter.html.contains(&format!("Dear {escaped},")), "{greeting}");
    }
}
