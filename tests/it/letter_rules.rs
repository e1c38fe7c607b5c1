//! What every letter promises about its form, each promise by its number in `docs/mail.md`. Judged by Python’s email
//! package and by the bytes; for signatures and filters see `letter_trust`, for hostile words `letter_storms`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use byline::{
    delivery::DeliveryId,
    language::Language,
    message::{Addressee, Compiled, Keys},
    newsletter::{
        issue::IssueId,
        variant::{Frame, LetterKind, Variant},
    },
    subscriber::{SubscriptionId, token::TokenKey},
};
use serde_json::Value;

use crate::support::{
    editions::{self, EDITIONS, letters},
    newsroom::Newsroom,
    outbox::Letter,
    verifiers,
};

/// The header fields of a letter to a list, in their order.
pub(crate) const FIELDS: [&str; 17] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Archive",
    "List-Help",
    "List-Post",
    "Feedback-ID",
    "Precedence",
    "Auto-Submitted",
    "Content-Language",
];

/// As Python reads each letter, by the id of its newsletter.
fn read() -> &'static BTreeMap<String, Value> {
    static READ: std::sync::OnceLock<BTreeMap<String, Value>> = std::sync::OnceLock::new();
    READ.get_or_init(|| {
        let bytes: Vec<Vec<u8>> = letters().values().cloned().collect();
        letters().keys().cloned().zip(verifiers::email(&bytes)).collect()
    })
}

fn decoded(id: &str) -> Letter {
    Letter::read(&letters()[id])
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_string()).collect()
}

/// The lines of a letter that carry no address and no signature.
fn ordinary_lines(letter: &[u8]) -> Vec<String> {
    let text = String::from_utf8(letter.to_vec()).unwrap();
    let unfolded = text.replace("\r\n ", "\u{1}").replace("\r\n\t", "\u{1}");
    let fields = unfolded.split("\r\n").filter(|field| !field.starts_with("DKIM-Signature:"));
    let lines = fields.flat_map(|field| field.split('\u{1}').map(str::to_string).collect::<Vec<_>>());
    lines.filter(|line| !line.contains("://") && !line.contains("mailto:")).collect()
}

#[test]
fn m01_each_header_field_stands_once() {
    for (id, read) in read() {
        let counts: BTreeMap<String, u64> = serde_json::from_value(read["counts"].clone()).unwrap();
        for field in FIELDS {
            assert_eq!(counts[&field.to_lowercase()], 1, "{id}: {field}");
        }
        assert_eq!(counts.len(), FIELDS.len() + 1, "{id}: {counts:?}");
        assert_eq!(counts["dkim-signature"], 2, "{id}");
        let names: Vec<&str> =
            read["headers"].as_array().unwrap().iter().map(|header| header[0].as_str().unwrap()).collect();
        assert_eq!(names[2..], FIELDS, "{id}");
        assert_eq!(read["defects"], serde_json::json!([]), "{id}");
    }
}

#[test]
fn m02_lines_are_short_and_end_in_crlf() {
    for (id, letter) in letters() {
        let read = &read()[id];
        assert_eq!(
            (read["crlf_only"].as_bool(), read["ascii_only"].as_bool()),
            (Some(true), Some(true)),
            "{id}"
        );
        assert!(read["longest_line"].as_u64().unwrap() <= 998, "{id}");
        assert!(letter.ends_with(b"\r\n"), "{id}");
        for line in ordinary_lines(letter) {
            assert!(line.len() <= 78, "{id}: {line}");
        }
    }
}

/// Titles that letters have been broken with, and five hundred in all.
fn titles() -> Vec<String> {
    let seeds = [
        "Water & stone",
        "آب زیر شهر",
        "نامهٔ کرانه: می‌روم و نمی‌آیم",
        "BBC و رادیوی خانه",
        "سلام  دنیا",
        "two  spaces  and   three",
        "👩‍👩‍👧‍👦 at home 🌊",
        "=?utf-8?B?eA==?= literally",
        "=?utf-8?Q?=0D=0ABcc:?=",
        "a\u{300}\u{301}\u{302} e\u{301}",
        "“quoted” and \"quoted\" \\ back",
        "(a comment) <an address@example.org>, and; more: x",
        "\u{200F}BBC",
        "\u{2067}isolated\u{2069}",
        "日本語の題名と한국어",
    ];
    let mut titles: Vec<String> = seeds.iter().map(ToString::to_string).collect();
    for number in 0.. {
        if titles.len() >= 500 {
            break;
        }
        let (one, other) = (seeds[number % seeds.len()], seeds[number * 7 / 3 % seeds.len()]);
        titles.push(format!("{} {other}{}", one.repeat(number % 5 + 1), "x".repeat(number % 90)));
    }
    titles.push("unbroken".repeat(150));
    titles
}

/// A letter with this subject and sender’s name.
fn letter(subject: &str, from_name: &str, text: &str, html: &str) -> Vec<u8> {
    let frame = Frame {
        newsletter: "dispatches".into(),
        from_name: from_name.into(),
        from: editions::FROM.into(),
        reply_to: None,
        return_domain: Some("b.far-bank.example".into()),
        site: "https://far-bank.example/".parse().unwrap(),
        date: "2026-03-06T08:00:00Z".parse().unwrap(),
    };
    let variant = Variant {
        kind: LetterKind::Digest,
        language: "en".parse::<Language>().unwrap(),
        subject: subject.into(),
        text: text.into(),
        html: html.into(),
        greeting: "Dear {name},".into(),
        greeting_nameless: "Hello,".into(),
    };
    let keys = Keys { token: TokenKey::new([7; 32]), dkim: Vec::new().into() };
    let delivery = DeliveryId { issue: IssueId(1), subscription: SubscriptionId(1) };
    let address = editions::READER.parse().unwrap();
    Compiled::new(&frame, &variant)
        .personalise(delivery, Addressee { address: &address, name: "" }, &keys)
        .bytes
}

#[test]
fn m04_titles_and_names_arrive_as_they_were_typed() {
    let titles = titles();
    assert!(titles.len() > 500);
    let bytes: Vec<Vec<u8>> = titles.iter().map(|title| letter(title, title, "x\n", "<p>x</p>")).collect();
    for (title, read) in titles.iter().zip(verifiers::email(&bytes)) {
        assert_eq!(read["subject"], Value::from(title.as_str()));
        assert_eq!(read["from"][0]["name"], Value::from(title.as_str()));
        assert_eq!(read["from"][0]["address"], editions::FROM);
        assert_eq!(read["defects"], serde_json::json!([]), "{title}");
    }
}

#[test]
fn m04_titles_arrive_through_a_newsroom_with_their_braces_and_lasting_spaces() {
    let mut newsroom = Newsroom::new().reader("mina@example.org", "weekly");
    for (name, title) in
        [("a", "100\u{A0}km of\u{202F}road"), ("b", "How {more} and {newsletter} end {first}")]
    {
        let text = format!("+++\ntitle = \"{title}\"\ndate = \"2026-03-01\"\n+++\nText.\n");
        newsroom.write(&format!("articles/en/{name}.md"), text);
    }
    newsroom.run().at("2026-03-06 08:00").run();
    assert_eq!(
        newsroom.letters()[0].subject(),
        "Dispatches: How {more} and {newsletter} end {first} + 1 more"
    );
    newsroom.write(
        "articles/en/c.md",
        "+++\ntitle = \"100\u{A0}km\"\ndate = \"2026-03-06\"\nannounce = \"now\"\n+++\nText.\n",
    );
    newsroom.run();
    assert!(newsroom.letters().iter().any(|letter| letter.subject() == "100\u{A0}km"));
}

#[test]
fn m05_encoded_words_are_short_and_each_decodes_by_itself() {
    let mut words = 0;
    for title in titles() {
        let bytes = letter(&title, &title, "x\n", "<p>x</p>");
        let head = String::from_utf8(bytes).unwrap();
        let head = head.split("\r\n\r\n").next().unwrap();
        for line in head.split("\r\n").filter(|line| line.contains("=?utf-8?B?")) {
            assert!(line.len() <= 76, "{line}");
            for word in line.split_whitespace().filter(|word| word.starts_with("=?")) {
                let inner = word.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap();
                assert!(word.len() <= 75, "{word}");
                assert!(
                    String::from_utf8(STANDARD.decode(inner).unwrap()).is_ok(),
                    "{word} is cut in a letter"
                );
                words += 1;
            }
        }
    }
    assert!(words > 2_000, "{words}");
}

#[test]
fn m06_a_letter_has_the_same_links_in_words_and_in_html() {
    for (id, read) in read() {
        let parts = read["parts"].as_array().unwrap();
        let types: Vec<&str> = parts.iter().map(|part| part["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["text/plain", "text/html"], "{id}");
        assert!(read["headers"].to_string().contains("multipart/alternative"), "{id}");
        for part in parts {
            assert_eq!(part["charset"], "utf-8", "{id}");
            assert!(!part["text"].as_str().unwrap().trim().is_empty(), "{id}");
        }
        assert_eq!(texts(&parts[0]["links"]), texts(&parts[1]["links"]), "{id}");
    }
}

#[test]
fn m06_a_link_into_another_page_is_in_the_plain_part_too() {
    let mut newsroom = Newsroom::new().reader("mina@example.org", "weekly");
    newsroom.write("articles/en/a.md", "---\ntitle: A\ndate: 2026-03-01\n---\nSee [doc](https://other.example/d#part)[^n] and [this](https://en.example/wiki/Bank_(geography)).\n\n[^n]: A note.\n");
    newsroom.run().at("2026-03-06 08:00").run();
    let letter = &newsroom.letters()[0];
    let text =
        "See doc (https://other.example/d#part)[1] and this (https://en.example/wiki/Bank_(geography)).";
    assert!(letter.text.contains(text), "{}", letter.text);
}

#[test]
fn m07_the_plain_part_is_pleasant_and_says_all() {
    for (id, expected) in [
        (
            "en-5",
            &["A coat for every weather", "Written for BBC Online", "Written for The Harbour Review"][..],
        ),
        ("fa-5", &["این مطلب را برای وب‌سایت بی‌بی‌سی نوشته‌ام", "آبِ زیر شهر"]),
        ("mixed-5", &["Written for BBC Online", "برای وب‌سایت بی‌بی‌سی"]),
        ("en-1", &["A coat for every weather", "the children were calling each other home"]),
    ] {
        let text = decoded(id).text;
        for words in expected {
            assert!(text.contains(words), "{id} does not say {words}:\n{text}");
        }
        let own = if id.starts_with("fa") { "fa-19" } else { "en-19" };
        assert!(text.contains(&format!("\nhttps://far-bank.example/{own}/\n")), "{id}:\n{text}");
        assert!(text.contains("https://far-bank.example/unsubscribe/"), "{id}");
        assert!(text.contains("https://www.bbc.com/"), "{id}: the original's address");
        for odd in ["<", "&nbsp;", "&amp;", "\u{34F}", "\u{A0}", "│", "─", "[1]", "\n\n\n", "{{", "\t"] {
            assert!(!text.contains(odd), "{id} has {odd:?}:\n{text}");
        }
        assert!(text.lines().all(|line| line.trim_end() == line), "{id}:\n{text}");
    }
}

fn encodings(letter: &[u8]) -> Vec<String> {
    let read = &verifiers::email(&[letter.to_vec()])[0];
    let parts = read["parts"].as_array().unwrap();
    parts.iter().map(|part| part["encoding"].as_str().unwrap().to_string()).collect()
}

#[test]
fn m08_the_transfer_encoding_follows_the_words() {
    for size in [1, 40, 900] {
        let plain = letter("s", "f", &"Short plain lines.\n".repeat(size), &"<p>Plain.</p>\n".repeat(size));
        assert_eq!(encodings(&plain), ["7bit", "7bit"], "{size}");
        let long = letter(
            "s",
            "f",
            &format!("{}\n", "long line ".repeat(size + 10)),
            &"<p>Café.</p>\n".repeat(size),
        );
        assert_eq!(encodings(&long), ["quoted-printable"; 2], "{size}");
        let persian =
            letter("s", "f", &"آب زیر شهر.\n".repeat(size), &"<p>آب زیر شهر و باز هم آب</p>\n".repeat(size));
        assert_eq!(encodings(&persian), ["base64"; 2], "{size}");
        let body = String::from_utf8(persian).unwrap();
        let body = body.split("base64\r\n\r\n").nth(1).unwrap().split("--=_").next().unwrap();
        let text = String::from_utf8(STANDARD.decode(body.replace("\r\n", "")).unwrap()).unwrap();
        assert_eq!(text, "آب زیر شهر.\r\n".repeat(size), "a line ends in CRLF under base64 too");
    }
    for (id, read) in read() {
        for part in read["parts"].as_array().unwrap() {
            let encoding = part["encoding"].as_str().unwrap();
            assert!(["7bit", "quoted-printable", "base64"].contains(&encoding), "{id}: {encoding}");
        }
    }
}

#[test]
fn m09_a_letter_that_gmail_would_cut_ends_with_a_link_instead() {
    let config = editions::config();
    let mut newsroom = Newsroom::with_secrets(
        &config,
        &[
            ("rsa.pem", include_bytes!("../keys/rsa-pkcs8.pem")),
            ("ed25519.pem", include_bytes!("../keys/ed25519.pem")),
        ],
    )
    .reader_of("en-1", editions::READER, "weekly", "");
    let paragraph = "A long piece goes on and on, and has <em>words</em> in it.\n\n";
    let text = format!(
        "---\ntitle: Very long\ndate: 2026-03-01\nwritten_for: bbc-online\n---\n{}",
        paragraph.repeat(5_000)
    );
    newsroom.write("articles/en/long.md", &text);
    newsroom.at("2026-03-06 07:59").run().at("2026-03-06 08:00").run();
    let letter = newsroom.letters().remove(0);
    assert!(text.len() > 300_000 && letter.html.len() <= 95_000, "{} bytes", letter.html.len());
    assert!(letter.html.len() > 60_000, "as much as there is room for: {} bytes", letter.html.len());
    letter.shows("This piece was too long for one letter. The rest of it is on the site.");
    for part in [&letter.text, &letter.html] {
        assert!(part.contains("https://far-bank.example/long/"));
        assert!(part.contains("https://far-bank.example/unsubscribe/"));
    }
}

/// Every element with its attributes, as html5lib, which reads HTML as browsers do, finds them.
fn elements(html: &str) -> Vec<(String, BTreeMap<String, String>, String)> {
    const SCRIPT: &str = r#"
import sys, json, html5lib
tree = html5lib.parse(sys.stdin.read(), namespaceHTMLElements=False)
print(json.dumps([[e.tag, e.attrib, "".join(e.itertext())] for e in tree.iter() if isinstance(e.tag, str)]))
"#;
    use std::io::Write;
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(html.as_bytes()).unwrap();
    serde_json::from_slice(&python.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn m09_many_short_lines_count_as_they_are_sent_and_one_block_is_cut_within() {
    let lines = format!("```\n{}```\n", "x y\n".repeat(30_000));
    let block = format!("<div>{}</div>\n", "Words that go on<br><br>".repeat(6_000));
    for body in [lines, block] {
        let mut newsroom = Newsroom::new().reader("mina@example.org", "weekly");
        newsroom.write("articles/en/a.md", format!("---\ntitle: A\ndate: 2026-03-01\n---\nIntro.\n\n{body}"));
        newsroom.run().at("2026-03-06 08:00").run();
        let letter = &newsroom.letters()[0];
        let sent = letter.html.replace('\n', "\r\n").len();
        assert!((50_000..=95_000).contains(&sent), "{sent} bytes");
        letter.shows("This piece was too long for one letter.");
        assert!(letter.html.contains("/unsubscribe/") && letter.text.len() > 20_000);
    }
}

#[test]
fn m10_every_block_says_its_language_and_direction() {
    const BLOCKS: [&str; 11] =
        ["html", "body", "table", "td", "p", "h1", "h2", "h3", "ul", "ol", "blockquote"];
    for id in EDITIONS {
        let is_persian = |text: &str| text.chars().any(|c| ('\u{600}'..='\u{6FF}').contains(&c));
        let html = decoded(id).html;
        let elements = elements(&html);
        let own = if id.starts_with("fa") { ("fa", "rtl") } else { ("en", "ltr") };
        let [root, ..] = &elements[..] else { panic!("{id}") };
        assert_eq!((root.1["lang"].as_str(), root.1["dir"].as_str()), own, "{id}");
        let mut seen = BTreeSet::new();
        for (tag, attributes, text) in &elements {
            // English in an English letter runs as the cell around it says.
            let is_plain_block = tag != "table" && tag != "td" && tag != "body" && tag != "html";
            if is_plain_block && own.1 == "ltr" && !is_persian(text) {
                continue;
            }
            if BLOCKS.contains(&tag.as_str()) {
                let direction =
                    attributes.get("dir").unwrap_or_else(|| panic!("{id}: <{tag}> has no dir: {text}"));
                assert!(
                    is_plain_block || attributes.contains_key("lang"),
                    "{id}: <{tag}> has no lang: {text}"
                );
                seen.insert(direction.as_str());
                let style = attributes.get("style").map(String::as_str).unwrap_or_default();
                let is_told = style.contains(&format!("direction: {direction}"));
                assert!(is_told || tag == "html" || tag == "button", "{id}: <{tag}> {style}");
            }
            // A browser would take the direction of an address from its first letter.
            assert_ne!(attributes.get("dir").map(String::as_str), Some("auto"), "{id}: <{tag}>");
            if tag == "h2" || (tag == "p" && text.starts_with("این مطلب را برای")) {
                let wanted = if is_persian(text) { "rtl" } else { "ltr" };
                assert_eq!(attributes["dir"], wanted, "{id}: {text}");
            }
        }
        let both = BTreeSet::from(["ltr", "rtl"]);
        let one = BTreeSet::from([own.1]);
        assert_eq!(seen, if id.starts_with("mixed") { both } else { one }, "{id}");
    }
    // A title that begins in Latin letters runs from the right, in HTML and in plain text.
    let letter = decoded("fa-5");
    assert!(letter.text.contains("\n\u{200F}BBC و رادیوی خانه"), "{}", letter.text);
}

#[test]
fn m11_nothing_is_fetched_but_the_pictures_of_articles() {
    for id in EDITIONS {
        let html = decoded(id).html;
        let mut hosts = BTreeSet::new();
        for (tag, attributes, _) in elements(&html) {
            assert!(
                !["script", "link", "iframe", "object", "form", "base"].contains(&tag.as_str()),
                "{id}: {tag}"
            );
            assert!(attributes.keys().all(|name| !name.starts_with("on")), "{id}: {attributes:?}");
            if tag == "img" {
                assert!(attributes["src"].starts_with("https://far-bank.example/"), "{id}: {attributes:?}");
                assert!(!attributes["alt"].is_empty(), "{id}");
                let side = |name: &str| attributes[name].parse::<u32>().unwrap();
                assert!(side("width") > 16 && side("height") > 16, "{id}: a pixel that counts readers?");
            }
            for name in ["src", "href", "background", "srcset"] {
                if let Some(url) = attributes.get(name).and_then(|url| url.parse::<url::Url>().ok()) {
                    hosts.insert(url.host_str().unwrap_or_default().to_string());
                }
            }
        }
        assert!(!html.contains("url(") && !html.contains("@import") && !html.contains("@font-face"), "{id}");
        let expected = BTreeSet::from(["far-bank.example".to_string(), "www.bbc.com".to_string()]);
        assert!(hosts.is_subset(&expected), "{id}: {hosts:?}");
    }
    let pictures = elements(&decoded("en-5").html).iter().filter(|(tag, ..)| tag == "img").count();
    assert_eq!(pictures, 1, "the piece with a picture is among them");
}

#[test]
fn m12_styles_stand_in_the_elements_and_the_dark_and_the_pointer_stay() {
    for id in EDITIONS {
        let html = decoded(id).html;
        for kept in
            ["@media (prefers-color-scheme: dark)", "@media (max-width", ":hover", "color-scheme: light dark"]
        {
            assert!(html.contains(kept), "{id} lacks {kept}");
        }
        let styled =
            elements(&html).iter().filter(|(_, attributes, _)| attributes.contains_key("style")).count();
        assert!(styled > 15, "{id}: {styled}");
        assert_eq!(html.matches("<style").count(), 1, "{id}: only what cannot stand in elements");
    }
}

#[test]
fn m13_one_click_is_ascii_folded_between_addresses_and_exact() {
    for (id, letter) in letters() {
        let raw = String::from_utf8(letter.clone()).unwrap();
        let field = raw.split("\r\nList-Unsubscribe: ").nth(1).unwrap();
        let (web, rest) = field.split_once(">,\r\n <").unwrap();
        let mail = rest.split("\r\n").next().unwrap().strip_suffix('>').unwrap();
        let web = web.strip_prefix('<').unwrap();
        assert!(
            web.starts_with("https://far-bank.example/unsubscribe/") && !web.contains(['\r', ' ', '=', '?']),
            "{id}: {web}"
        );
        assert!(mail.starts_with("mailto:unsub+") && mail.ends_with("@b.far-bank.example"), "{id}: {mail}");
        assert!(mail["mailto:".len()..].split('@').next().unwrap().len() <= 64, "{id}: {mail}");
        assert!(raw.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{id}");
    }
}

#[test]
fn m14_a_reader_who_is_away_does_not_answer() {
    for (id, read) in read() {
        let field = |name: &str| {
            let headers = read["headers"].as_array().unwrap();
            headers.iter().find(|header| header[0] == name).unwrap()[1].as_str().unwrap().to_string()
        };
        assert_eq!(field("List-Id"), format!("<{id}.far-bank.example>"));
        assert_eq!((field("Precedence"), field("Auto-Submitted")), ("bulk".into(), "auto-generated".into()));
        let feedback = field("Feedback-ID");
        let feedback: Vec<&str> = feedback.split(':').collect();
        let kind = if id.ends_with("-1") { "single" } else { "digest" };
        assert!(
            matches!(feedback[..], [_, newsletter, of, "farbankexample"] if newsletter == id && of == kind),
            "{feedback:?}"
        );
    }
    let mut letters: Vec<Vec<u8>> = letters().values().cloned().collect();
    letters.push(b"From: mina@example.org\r\nTo: mina@example.org\r\nSubject: A letter of a friend\r\nDate: Fri, 06 Mar 2026 08:00:00 +0000\r\nMessage-ID: <x@example.org>\r\n\r\nHello\r\n".to_vec());
    let answered = verifiers::answered_while_away(&letters);
    let (friend, ours) = answered.split_last().unwrap();
    assert!(*friend, "the test itself would notice an answer");
    assert!(ours.iter().all(|answered| !answered), "{answered:?}");
}

/// The bytes of a letter so that they can be read: what is encoded is shown decoded, with the sum of all of it.
fn shown(letter: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let raw = String::from_utf8(letter.to_vec()).unwrap().replace("\r\n", "\n");
    let (head, _) = raw.split_once("\n\n").unwrap();
    let read = Letter::read(letter);
    let sum: String = Sha256::digest(letter).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{head}\n\n--- text\n{}\n--- html\n{}\n--- {} bytes, SHA-256 {sum}\n",
        read.text,
        read.html,
        letter.len()
    )
}

#[test]
fn letters_of_one_five_and_twenty_pieces_are_these_bytes() {
    for (id, letter) in letters() {
        insta::assert_snapshot!(id.as_str(), shown(letter));
    }
}
