//! Letters as bytes.

use proptest::prelude::*;

use super::*;
use crate::{
    dkim::{Algorithm, DkimKey},
    newsletter::{issue::IssueId, variant::LetterKind},
    subscriber::SubscriptionId,
    template::context::slot,
};

fn frame(from_name: &str) -> Frame {
    Frame {
        newsletter: "dispatches".into(),
        from_name: from_name.into(),
        from: "shirin@far-bank.example".into(),
        reply_to: None,
        return_domain: Some("b.far-bank.example".into()),
        site: Url::parse("https://far-bank.example/").unwrap(),
        date: "2026-03-06T07:00:00Z".parse().unwrap(),
    }
}

fn variant(kind: LetterKind, subject: &str) -> Variant {
    Variant {
        kind,
        language: "en".parse().unwrap(),
        subject: subject.into(),
        text: format!("{}\n\nText.\n{}\n", slot::GREETING, slot::UNSUBSCRIBE_URL),
        html: format!("<p>{}</p><a href=\"{}\">x</a>", slot::GREETING, slot::UNSUBSCRIBE_URL),
        greeting: "Dear {name},".into(),
        greeting_nameless: "Hello,".into(),
    }
}

fn delivery(issue: i64, subscription: i64) -> DeliveryId {
    DeliveryId { issue: IssueId(issue), subscription: SubscriptionId(subscription) }
}

fn keys(dkim: Vec<Signer>) -> Keys {
    Keys { token: TokenKey::new([1; 32]), dkim: dkim.into() }
}

fn message(kind: LetterKind, subject: &str, from_name: &str, name: &str) -> Message {
    let address = "mina@example.org".parse().unwrap();
    let to = Addressee { address: &address, name };
    Compiled::new(&frame(from_name), &variant(kind, subject)).personalise(
        delivery(7, 3),
        to,
        &keys(Vec::new()),
    )
}

fn letter(subject: &str, from_name: &str, name: &str) -> String {
    String::from_utf8(message(LetterKind::Digest, subject, from_name, name).bytes).unwrap()
}

#[test]
fn a_letter_is_the_same_to_the_last_byte_each_time() {
    insta::assert_snapshot!(letter("Water & stone", "Shirin Example", "Mina").replace("\r\n", "\n"));
    assert_eq!(letter("a", "b", "c"), letter("a", "b", "c"));
}

#[test]
fn a_name_is_escaped_where_it_stands() {
    let letter = letter("s", "f", "<b>{{secret}}");
    let said = letter.contains("Dear <b>{{secret}},") && letter.contains("Dear &lt;b&gt;{{secret}},");
    assert!(said, "{letter}");
}

#[test]
fn what_comes_back_says_whose_it_was() {
    let one = message(LetterKind::Digest, "s", "f", "");
    assert!(one.sender.to_string().starts_with("bounce+7.3."), "{}", one.sender);
    assert_eq!(one.sender.domain(), "b.far-bank.example");
    let address = "mina@example.org".parse().unwrap();
    let to = Addressee { address: &address, name: "" };
    let compiled = Compiled::new(&frame("f"), &variant(LetterKind::Digest, "s"));
    let longest = compiled.personalise(delivery(i64::MAX, -1), to, &keys(Vec::new()));
    assert!(longest.sender.local().len() <= 64, "{}", longest.sender);
}

#[test]
fn a_letter_about_a_subscription_is_not_one_to_a_list() {
    let bytes = message(LetterKind::Confirm, "s", "f", "").bytes;
    let letter = String::from_utf8(bytes).unwrap();
    assert!(!letter.contains("List-") && !letter.contains("Precedence"), "{letter}");
}

#[test]
fn every_signer_signs_and_the_order_is_theirs() {
    let signer = |selector: &str, algorithm| Signer {
        selector: selector.into(),
        key: DkimKey::generate(algorithm).unwrap(),
    };
    let keys = keys(vec![signer("b1", Algorithm::Rsa), signer("b1e", Algorithm::Ed25519)]);
    let address = "mina@example.org".parse().unwrap();
    let to = Addressee { address: &address, name: "Mina" };
    let compiled = Compiled::new(&frame("f"), &variant(LetterKind::Digest, "s"));
    let letter = String::from_utf8(compiled.personalise(delivery(7, 3), to, &keys).bytes).unwrap();
    let at = |what: &str| letter.find(what).unwrap_or_else(|| panic!("{what} in {letter}"));
    assert!(at("s=b1;") < at("s=b1e;") && at("s=b1e;") < at("\r\nFrom: "));
    assert_eq!(compiled.personalise(delivery(7, 3), to, &keys).bytes, letter.into_bytes());
}

proptest! {
    #[test]
    fn no_word_of_a_stranger_makes_a_header(subject: String, from: String, name: String) {
        let letter = letter(&clean_line(&subject), &clean_line(&from), &name);
        let head = letter.split("\r\n\r\n").next().unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        prop_assert_eq!(names, [
            "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Id",
            "List-Unsubscribe", "List-Unsubscribe-Post", "List-Archive", "List-Help", "List-Post",
            "Feedback-ID", "Precedence", "Auto-Submitted", "Content-Language",
        ]);
        prop_assert!(letter.is_ascii());
        prop_assert!(letter.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    }
}
