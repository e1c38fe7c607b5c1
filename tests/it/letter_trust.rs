//! What makes a letter trusted, each promise by its number in `docs/mail.md`: the same bytes each time, signatures that
//! hold for everybody on the way, and what spam filters say.

use std::collections::BTreeMap;

use byline::dkim::Signer;
use byline::sink::Sink;

use crate::support::{
    editions::{self, EDITIONS, READER, config, letters, letters_of_now, newsletter, signer, signers},
    newsroom::Newsroom,
    postfix::Postfix,
    verifiers::{self, OpenSmtpd, Verdict, zone},
    wait_until,
};

/// Points by which a letter stands out, and no more.
const SPAMASSASSIN_MAX: f64 = 0.5;
const RSPAMD_MAX: f64 = 1.0;

fn all() -> Vec<Vec<u8>> {
    letters().values().cloned().collect()
}

/// The letters of a newsroom, by newsletter and reader.
fn by_reader(newsroom: &Newsroom) -> BTreeMap<(String, String), Vec<u8>> {
    let letters = newsroom.raw_letters().into_iter().map(|bytes| {
        let head = String::from_utf8(bytes.clone()).unwrap();
        let to = head.split("\r\nTo: ").nth(1).unwrap().split("\r\n").next().unwrap().to_string();
        ((newsletter(&bytes), to), bytes)
    });
    letters.collect()
}

#[test]
fn m15_a_letter_is_the_same_on_every_machine_and_after_a_restart() {
    let newsroom = || {
        EDITIONS.into_iter().fold(editions::newsroom(&config()), |newsroom, id| {
            newsroom.reader_of(id, "roya@example.org", "weekly", "")
        })
    };
    let mut one = newsroom();
    one.run().at("2026-03-06 08:00").run();
    let mut other = newsroom();
    other.run().at("2026-03-06 08:00").compose();
    // The issue is opened, and the program stops. The author goes on: nothing of that is in the letters.
    let mut other = other.restarted();
    other.write("articles/en/19.md", "---\ntitle: Other words\ndate: 2026-02-20\n---\nOther.\n");
    other.write("templates/mail/parts/name.hbs", "<tr><td>Other</td></tr>");
    other.at("2026-03-06 11:30").deliver();
    let (one, other) = (by_reader(&one), by_reader(&other));
    assert_eq!(one.len(), EDITIONS.len() * 2);
    assert!(one == other, "the same issues to the same readers");
    for id in EDITIONS {
        let letter = |reader: &str| &one[&(id.to_string(), reader.to_string())];
        assert_ne!(letter(READER), letter("roya@example.org"), "{id}");
        // The number is that of the machine: these were opened in the same order.
        assert_eq!(letter(READER).len(), letters()[id].len(), "{id}");
    }
}

#[test]
fn m16_a_message_id_is_one_letters_own_and_outlives_every_try() {
    let own = tempfile::tempdir().unwrap();
    let server = Sink::start(own.path());
    let mut newsroom = sending_to(server.port());
    for reader in ["thrice@example.org", "lost@example.org"] {
        newsroom = newsroom.reader_of("en-5", reader, "weekly", "");
    }
    newsroom.run().at("2026-03-06 08:00").run();
    for minutes in [3, 15, 40] {
        newsroom.at(&format!("2026-03-06 08:{minutes:02}")).run();
    }
    let mut tries: BTreeMap<String, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for (recipient, bytes) in server.offered() {
        let head = String::from_utf8(bytes.clone()).unwrap();
        let id = head.split("\r\nMessage-ID: <").nth(1).unwrap().split('>').next().unwrap();
        assert!(id.ends_with("@far-bank.example") && id.len() <= 250, "{id}");
        tries.entry(id.to_string()).or_default().push((recipient, bytes));
    }
    // A newsletter each for mina, and one of them for the three.
    assert_eq!(tries.len(), EDITIONS.len() + 2, "an id for each letter, and no other at another try");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, tries) in &tries {
        assert!(
            tries.iter().all(|one| *one == tries[0]),
            "{id}: every try has the same reader and the same bytes"
        );
        *counts.entry(&tries[0].0).or_default() += tries.len();
    }
    let expected = [("lost@example.org", 2), ("mina@example.org", EDITIONS.len()), ("thrice@example.org", 3)];
    assert_eq!(counts, BTreeMap::from(expected));
}

/// The newsroom of the editions, sending to a server on this machine.
fn sending_to(port: u16) -> Newsroom {
    let smtp = format!(
        "[mail]\ntransport = \"smtp\"\nsmtp = {{ host = \"127.0.0.1\", port = {port}, security = \"none\" }}"
    );
    editions::newsroom(&config().replace("[mail]", &smtp))
}

/// Messages of every shape, in CRLF, without a signature.
fn shapes() -> Vec<(&'static str, Vec<u8>)> {
    let head = "From: Shirin <shirin@far-bank.example>\r\nTo: mina@example.org\r\nSubject: x\r\nDate: Fri, 06 Mar 2026 08:00:00 +0000\r\nMessage-ID: <1@far-bank.example>\r\nMIME-Version: 1.0\r\n";
    let text =
        |body: &str| format!("{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{body}").into_bytes();
    let many: String =
        (0..400).map(|n| format!("List-Archive: <https://far-bank.example/{n}/>\r\n")).take(1).collect();
    let long = format!(
        "References:{}\r\n",
        (0..700).map(|n| format!("\r\n <{n:020}@far-bank.example>")).collect::<String>()
    );
    vec![
        ("text", text("Hello.\r\n")),
        ("multipart", unsigned(&letters()["en-5"])),
        ("persian", unsigned(&letters()["fa-20"])),
        ("mixed", unsigned(&letters()["mixed-20"])),
        ("empty", text("")),
        ("one empty line", text("\r\n")),
        ("trailing blanks", text("a  \t\r\n b \r\n\r\n \r\n\r\n")),
        ("dots", text(".\r\n..\r\n...and\r\n.\r\n")),
        ("spaces and tabs", text("a \t  b\r\n\tc\r\n")),
        ("folded", format!("{head}Feedback-ID: a:\r\n\tb:\r\n  c:d\r\n{many}\r\nx\r\n").into_bytes()),
        ("20 kB of header", format!("{head}{long}\r\nx\r\n").into_bytes()),
    ]
}

/// A letter without its signatures.
fn unsigned(letter: &[u8]) -> Vec<u8> {
    let at = String::from_utf8_lossy(letter).find("\r\nFrom: ").unwrap() + 2;
    letter[at..].to_vec()
}

fn sign(signer: &Signer, message: &[u8]) -> Vec<u8> {
    let header = signer.header(message, "far-bank.example", "2026-03-06T08:00:00Z".parse().unwrap());
    [header.as_bytes(), message].concat()
}

#[test]
fn m17_two_verifiers_find_every_signature_good() {
    let signers = [signer("one", "rsa-pkcs1"), signer("eight", "rsa-pkcs8"), signer("ed", "ed25519")];
    let zone = zone(&signers);
    let (mut names, mut letters) = (Vec::new(), Vec::new());
    for signer in &signers {
        for (shape, message) in shapes() {
            names.push(format!("{shape}, signed by {}", signer.selector));
            letters.push(sign(signer, &message));
        }
    }
    assert!(letters.iter().any(|letter| letter.len() > 20_000));
    for (name, held) in names.iter().zip(verifiers::signatures_hold(&zone, &letters)) {
        assert_eq!(held, [true, true], "[dkimpy, opendkim] on {name}");
    }
    // Two at once, as letters have them.
    let both = verifiers::dkimpy(&verifiers::zone(&editions::signers()), &all());
    for said in &both {
        assert_eq!(said["signatures"].as_array().unwrap().len(), 2, "{said}");
        assert_eq!(said["ok"], true, "{said}");
    }
    assert!(
        verifiers::signatures_hold(&verifiers::zone(&signers), &all())
            .iter()
            .all(|held| *held == [false, false]),
        "with other keys published none holds"
    );
}

#[test]
fn m18_what_matters_is_signed_and_a_second_one_breaks_it() {
    let letter = String::from_utf8(letters()["mixed-5"].clone()).unwrap();
    let unfolded = letter.split("\r\nFrom: ").next().unwrap().replace("\r\n ", "");
    for signature in unfolded.split("\r\n") {
        let names = signature.split("h=").nth(1).unwrap().split(';').next().unwrap().replace(' ', "");
        let names: Vec<&str> = names.split(':').collect();
        let count = |name: &str| names.iter().filter(|found| **found == name).count();
        for twice in [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Content-Type",
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
        ] {
            assert_eq!(count(twice), 2, "{twice} in {names:?}");
        }
        // Not there, and not to be added.
        assert_eq!((count("Cc"), count("Reply-To")), (1, 1));
        for once in ["List-Id", "List-Archive", "Feedback-ID", "Content-Language"] {
            assert_eq!(count(once), 1, "{once} in {names:?}");
        }
        assert_eq!(count("MIME-Version"), 2);
        for never in ["Precedence", "Received", "Return-Path"] {
            assert_eq!(count(never), 0, "{never} in {names:?}");
        }
        assert!(
            !signature.contains(" l=") && !signature.contains(" i=") && !signature.contains(" x="),
            "{signature}"
        );
        assert!(signature.contains(" c=relaxed/relaxed;"), "{signature}");
    }
    let second = |field: &str| letter.replace("\r\nFrom: ", &format!("\r\n{field}\r\nFrom: ")).into_bytes();
    let after = |field: &str| {
        letter.replace("\r\nContent-Language: ", &format!("\r\n{field}\r\nContent-Language: ")).into_bytes()
    };
    let changed: Vec<Vec<u8>> = [
        "From: Somebody <else@far-bank.example>",
        "Subject: Other words",
        "List-Unsubscribe: <https://elsewhere.example/>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "To: roya@example.org",
        "Cc: roya@example.org",
        "Reply-To: somebody@elsewhere.example",
        "Date: Fri, 06 Mar 2026 09:00:00 +0000",
        "Message-ID: <2@far-bank.example>",
        "Content-Type: text/html",
    ]
    .into_iter()
    .flat_map(|field| [second(field), after(field)])
    .chain([
        letter.replace("Subject: ", "Subject: x").into_bytes(),
        letter.replace("List-Id: <mixed-5", "List-Id: <mixed-6").into_bytes(),
        letter.replacen("base64\r\n\r\n", "base64\r\n\r\nAA", 1).into_bytes(),
        letter.replace("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "").into_bytes(),
    ])
    .collect();
    let zone = zone(&signers());
    assert_eq!(verifiers::signatures_hold(&zone, &[letter.clone().into_bytes()]), [[true, true]]);
    for (index, held) in verifiers::signatures_hold(&zone, &changed).into_iter().enumerate() {
        assert_eq!(
            held,
            [false, false],
            "[dkimpy, opendkim] on {}",
            String::from_utf8_lossy(&changed[index])
        );
    }
    // What servers do on the way does no harm.
    let on_the_way = [
        format!(
            "Received: from a by b; Fri, 06 Mar 2026 08:00:01 +0000\r\nReturn-Path: <x@y.example>\r\n{letter}"
        ),
        letter.replace("Precedence: bulk", "Precedence: list"),
        letter.replace("\r\nList-Help: ", "\r\nlist-help:\r\n\t"),
        letter.replace("\r\n", "\n"),
    ];
    let on_the_way = on_the_way.map(String::into_bytes);
    for held in verifiers::signatures_hold(&zone, &on_the_way) {
        assert_eq!(held, [true, true]);
    }
}

fn judged(judge: fn(&serde_json::Value, &[Vec<u8>]) -> Vec<Verdict>) -> BTreeMap<String, Verdict> {
    let bytes: Vec<Vec<u8>> = letters_of_now().values().cloned().collect();
    letters_of_now().keys().cloned().zip(judge(&zone(&signers()), &bytes)).collect()
}

#[test]
fn m19_m20_rspamd_finds_nothing_and_everything_in_line() {
    for (id, verdict) in judged(verifiers::rspamd) {
        for good in ["R_DKIM_ALLOW", "R_SPF_ALLOW", "DMARC_POLICY_ALLOW", "MAILLIST"] {
            assert!(verdict.has(good), "{id} lacks {good}: {verdict:#?}");
        }
        assert!(!verdict.has("DKIM_MIXED"), "{id}: {verdict:#?}");
        assert!(verdict.score <= RSPAMD_MAX, "{id}: {verdict:#?}");
    }
    // In strict alignment: the signature's domain is that of From.
    for letter in all() {
        let letter = String::from_utf8(letter).unwrap();
        let domain = editions::FROM.split('@').nth(1).unwrap();
        assert_eq!(letter.matches(&format!(" d={domain};")).count(), 2);
    }
}

#[test]
fn m20_spamassassin_finds_nothing() {
    for (id, verdict) in judged(verifiers::spamassassin) {
        for good in ["DKIM_VALID", "DKIM_VALID_AU", "SPF_PASS"] {
            assert!(verdict.has(good), "{id} lacks {good}: {verdict:#?}");
        }
        assert!(verdict.score <= SPAMASSASSIN_MAX, "{id}: {verdict:#?}");
    }
}

#[test]
fn m20_the_filters_would_notice_what_is_wrong() {
    let spam = String::from_utf8(unsigned(&letters_of_now()["en-1"])).unwrap();
    let spam = [spam.replace("Subject: ", "Subject: FREE MONEY!!! CLICK NOW ").into_bytes()];
    let (rspamd, spamassassin) = (
        &verifiers::rspamd(&zone(&signers()), &spam)[0],
        &verifiers::spamassassin(&zone(&signers()), &spam)[0],
    );
    assert!(rspamd.has("R_DKIM_NA") && rspamd.has("DMARC_POLICY_REJECT"), "{rspamd:#?}");
    assert!(rspamd.score > RSPAMD_MAX && !spamassassin.has("DKIM_VALID"), "{rspamd:#?} {spamassassin:#?}");
}

#[test]
fn m21_signatures_survive_postfix() {
    let own = tempfile::tempdir().unwrap();
    let postfix = Postfix::start(own.path());
    let mut newsroom = sending_to(postfix.plain_port());
    newsroom.run().at("2026-03-06 08:00").run();
    let arrived: Vec<Vec<u8>> =
        postfix.wait_for_letters(EDITIONS.len()).into_iter().map(|(_, bytes)| bytes).collect();
    holds_after_a_hop(&arrived);
}

#[test]
fn m21_signatures_survive_opensmtpd() {
    let server = OpenSmtpd::start();
    let mut newsroom = sending_to(server.port());
    newsroom.run().at("2026-03-06 08:00").run();
    wait_until("the letters to arrive", 30, || server.letters().len() == EDITIONS.len());
    holds_after_a_hop(&server.letters());
}

fn holds_after_a_hop(arrived: &[Vec<u8>]) {
    assert_eq!(arrived.len(), EDITIONS.len());
    for letter in arrived {
        let letter = String::from_utf8_lossy(letter);
        assert!(
            letter.contains("Received: ") && letter.contains("for <mina@example.org>"),
            "it went through: {letter}"
        );
    }
    for held in verifiers::signatures_hold(&zone(&signers()), arrived) {
        assert_eq!(held, [true, true], "[dkimpy, opendkim]");
    }
}
