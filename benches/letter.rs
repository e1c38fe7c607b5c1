//! What one reader’s letter costs once its variant is compiled: filled in, serialised, signed.
//!
//! `cargo bench --bench letter`. Each row stands beside a limit measured in the same run: what cannot be done without
//! (hashing the letter’s bytes once, the bare signature of 32 bytes), and beside encoding all of it for each reader.

use std::{hint::black_box, time::Instant};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use byline::{
    delivery::DeliveryId,
    dkim::{Algorithm, DkimKey, Signer},
    message::{Addressee, Compiled, Keys},
    newsletter::{
        issue::IssueId,
        variant::{Frame, LetterKind, Variant},
    },
    subscriber::{SubscriptionId, address::EmailAddress, token::TokenKey},
    template::context::slot,
};

/// Bytes of text and HTML together.
const LETTER_BYTES: usize = 30_000;
const LETTERS_A_SECOND: f64 = 1_000.0;
const ROUNDS: usize = 7;
const ROUND_SECONDS: f64 = 0.4;

fn main() {
    for (name, words) in [
        ("English, quoted-printable", "The boat leaves when the bread is on board — and not before. "),
        ("Persian, base64", "قایق وقتی راه می‌افتد که نان بار شده باشد، نه زودتر. "),
    ] {
        measure(name, &variant(words));
    }
}

fn measure(name: &str, variant: &Variant) {
    let compiled = Compiled::new(&frame(), variant);
    let (plain, rsa, ed25519) =
        (keys(Vec::new()), keys(vec![Algorithm::Rsa]), keys(vec![Algorithm::Ed25519]));
    let both = keys(vec![Algorithm::Rsa, Algorithm::Ed25519]);
    let one = letter(&compiled, 1, &plain);
    println!("\n{name}: {} bytes on the wire", one.len());
    println!("{:<46} {:>9} {:>16}", "", "µs", "core at 1,000/s");

    let hashing = row("limit: the bytes hashed once", || digest(&SHA256, black_box(&one)));
    let (rsa_key, ed_key) = (
        RsaKeyPair::generate(KeySize::Rsa2048).expect("a key is made"),
        Ed25519KeyPair::generate().expect("a key is made"),
    );
    let random = SystemRandom::new();
    let mut signature = vec![0; rsa_key.public_modulus_len()];
    let bare_rsa = row("limit: RSA-2048 over 32 bytes", || {
        rsa_key.sign(&RSA_PKCS1_SHA256, &random, black_box(&[7; 32]), &mut signature).expect("it fits");
    });
    let bare_ed = row("limit: Ed25519 over 32 bytes", || ed_key.sign(black_box(&[7; 32])));

    let mut reader = 0;
    let mut next = || {
        reader += 1;
        reader
    };
    let unsigned = row("filled in and serialised", || letter(&compiled, next(), &plain));
    let with_rsa = row("the same, signed with RSA-2048", || letter(&compiled, next(), &rsa));
    let with_ed = row("the same, signed with Ed25519", || letter(&compiled, next(), &ed25519));
    let with_both = row("the same, signed with both", || letter(&compiled, next(), &both));
    let afresh = row("peer: all of it encoded for each reader", || {
        letter(&Compiled::new(&frame(), variant), next(), &plain);
    });

    println!("serialised / hashed once                       {:>8.2}x", unsigned / hashing);
    println!(
        "signed with RSA / (serialised + limits)        {:>8.2}x",
        with_rsa / (unsigned + hashing + bare_rsa)
    );
    println!(
        "signed with Ed25519 / (serialised + limits)    {:>8.2}x",
        with_ed / (unsigned + hashing + bare_ed)
    );
    println!("encoded for each / compiled once               {:>8.2}x", afresh / unsigned);
    println!("letters a second on one core, signed with both {:>8.0}", 1e6 / with_both);
}

/// The best of several rounds, in microseconds: what disturbs a round only makes it longer.
fn row<T>(name: &str, mut work: impl FnMut() -> T) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let (started, mut times) = (Instant::now(), 0.0);
        while started.elapsed().as_secs_f64() < ROUND_SECONDS {
            black_box(work());
            times += 1.0;
        }
        best = best.min(started.elapsed().as_secs_f64() * 1e6 / times);
    }
    println!("{name:<46} {best:>9.1} {:>15.1}%", best * LETTERS_A_SECOND / 1e6 * 100.0);
    best
}

fn letter(compiled: &Compiled, reader: i64, keys: &Keys) -> Vec<u8> {
    let address: EmailAddress = "mina.example@readers.example.org".parse().expect("it is an address");
    let delivery = DeliveryId { issue: IssueId(7), subscription: SubscriptionId(reader) };
    compiled.personalise(delivery, Addressee { address: &address, name: "Mina Example" }, keys).bytes
}

fn keys(algorithms: Vec<Algorithm>) -> Keys {
    let signer = |algorithm| Signer {
        selector: "b1".into(),
        key: DkimKey::generate(algorithm).expect("a key is made"),
    };
    Keys { token: TokenKey::new([1; 32]), dkim: algorithms.into_iter().map(signer).collect() }
}

fn frame() -> Frame {
    Frame {
        newsletter: "dispatches".into(),
        from_name: "Shirin Example".into(),
        from: "shirin@far-bank.example".into(),
        reply_to: None,
        return_domain: Some("b.far-bank.example".into()),
        site: "https://far-bank.example/".parse().expect("it is an address"),
        date: "2026-03-06T07:00:00Z".parse().expect("it is a moment"),
    }
}

/// A third of it text, the rest HTML, with the marks where a letter has them.
fn variant(words: &str) -> Variant {
    let paragraph = |bytes: usize| words.repeat(bytes / words.len());
    let html: String = (0..20)
        .map(|_| format!("<p style=\"margin:0 0 18px\">{}</p>\n", paragraph(LETTER_BYTES / 32)))
        .collect();
    Variant {
        kind: LetterKind::Digest,
        language: "en".parse().expect("it is a language"),
        subject: words.trim().into(),
        text: format!("{}\n\n{}\n\n{}\n", slot::GREETING, paragraph(LETTER_BYTES / 3), slot::UNSUBSCRIBE_URL),
        html: format!("<p>{}</p>\n{html}<a href=\"{}\">x</a>\n", slot::GREETING, slot::UNSUBSCRIBE_URL),
        greeting: "Dear {name},".into(),
        greeting_nameless: "Hello,".into(),
    }
}
