//! `DKIM-Signature` over the finished bytes of a letter (RFC 6376, RFC 8463): relaxed both ways, so that
//! a server on the way may fold a header or strip spaces at the end of a line.
//!
//! Nothing of the message may be changed after this. The signature is the same each time, since RSA
//! (PKCS#1 v1.5) and Ed25519 take no random numbers and `t=` is the moment.

mod key;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};

pub use key::{Algorithm, DkimKey, KeyError};

/// What is signed if it is there. RFC 8058 §4 wants both headers of the one click among them.
const SIGNED: [&str; 17] = [
    "From",
    "To",
    "Reply-To",
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
    "Auto-Submitted",
    "Content-Language",
];

/// Named once more than they are there: a second one that somebody adds on the way breaks the signature
/// (RFC 6376 §8.15).
const ONCE_MORE: [&str; 11] = [
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// Of a selector, so that it fits into a name of the DNS with any domain that letters are from.
const SELECTOR_OCTETS_MAX: usize = 50;
/// Where lines of the signature are folded (RFC 5322 §2.1.1).
const LINE_MAX: usize = 76;

/// A key and the name under which its public half is found.
#[derive(Debug)]
pub struct Signer {
    /// `SELECTOR._domainkey.DOMAIN` holds the record.
    pub selector: String,
    /// The private half.
    pub key: DkimKey,
}

/// Whether a key can have this name in the DNS (RFC 6376 §3.1), typed in ASCII.
pub fn is_selector(text: &str) -> bool {
    let is_label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= SELECTOR_OCTETS_MAX && text.split('.').all(is_label)
}

impl Signer {
    /// The whole header field, CRLF included, to stand before `message`: header fields, an empty line and
    /// the body, all in CRLF, each header field at most once.
    pub fn header(&self, message: &[u8], domain: &str, at: DateTime<Utc>) -> String {
        let (head, body) = split(message);
        let fields: Vec<(&str, &str)> = fields(head).collect();
        let find = |name: &str| fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        let present: Vec<&str> = SIGNED.into_iter().filter(|name| find(name).is_some()).collect();
        let names: Vec<&str> = present.iter().copied().chain(ONCE_MORE).collect();
        let mut field = Folded::new("DKIM-Signature:");
        let (selector, time) = (&self.selector, at.timestamp());
        for tag in ["v=1;", &format!("a={};", self.key.algorithm().tag()), "c=relaxed/relaxed;"] {
            field.word(tag);
        }
        for tag in [format!("d={domain};"), format!("s={selector};"), format!("t={time};")] {
            field.word(&tag);
        }
        for (index, name) in names.iter().enumerate() {
            let first = if index == 0 { "h=" } else { "" };
            let after = if index + 1 == names.len() { ";" } else { ":" };
            field.word(&format!("{first}{name}{after}"));
        }
        field.word(&format!("bh={};", STANDARD.encode(body_hash(body))));
        field.word("b=");
        let mut signed = String::new();
        for (name, value) in present.iter().filter_map(|name| find(name)) {
            signed.push_str(&relaxed_header(name, value));
            signed.push_str("\r\n");
        }
        let own = field.text.strip_prefix("DKIM-Signature:").unwrap_or_default();
        signed.push_str(&relaxed_header("DKIM-Signature", own));
        // Folded after it is computed: a verifier takes all white space out of `b=`.
        field.letters(&self.key.sign(signed.as_bytes()));
        field.text + "\r\n"
    }
}

/// A header field that is folded at words while it is written.
struct Folded {
    text: String,
    column: usize,
}

impl Folded {
    fn new(name: &str) -> Self {
        Self { text: name.to_string(), column: name.len() }
    }

    fn word(&mut self, word: &str) {
        if self.column + 1 + word.len() > LINE_MAX {
            self.text.push_str("\r\n");
            self.column = 0;
        }
        self.text.push(' ');
        self.text.push_str(word);
        self.column += 1 + word.len();
    }

    /// Base64, cut wherever a line is full.
    fn letters(&mut self, letters: &str) {
        let (first, rest) = letters.split_at(letters.len().min(LINE_MAX - self.column));
        self.text.push_str(first);
        for line in crate::text::in_pieces(rest, LINE_MAX - 1) {
            self.text.push_str("\r\n ");
            self.text.push_str(line);
        }
    }
}

fn split(message: &[u8]) -> (&str, &[u8]) {
    let end = memchr::memmem::find(message, b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    let head = str::from_utf8(&message[..end]).expect("header fields of ours are ASCII");
    (head, message.get(end + 2..).unwrap_or_default())
}

/// Each header field's name and value, folds included.
fn fields(head: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = head;
    std::iter::from_fn(move || {
        let mut end = 0;
        loop {
            end += rest[end..].find("\r\n")?;
            if !rest[end + 2..].starts_with([' ', '\t']) {
                break;
            }
            end += 2;
        }
        let (field, after) = rest.split_at(end);
        rest = &after[2..];
        field.split_once(':')
    })
}

/// RFC 6376 §3.4.2.
fn relaxed_header(name: &str, value: &str) -> String {
    let words: Vec<&str> = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}", name.to_ascii_lowercase(), words.join(" "))
}

/// SHA-256 of the body in its relaxed form (RFC 6376 §3.4.4).
fn body_hash(body: &[u8]) -> [u8; 32] {
    if is_tidy(body) {
        return sha256(&body[..end_of_text(body)]);
    }
    let mut relaxed = Vec::with_capacity(body.len() + 2);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        for byte in line {
            match (byte, relaxed.last()) {
                (b' ' | b'\t', Some(b' ')) => {}
                (b' ' | b'\t', _) => relaxed.push(b' '),
                (byte, _) => relaxed.push(*byte),
            }
        }
        if relaxed.last() == Some(&b' ') {
            relaxed.pop();
        }
        relaxed.extend_from_slice(b"\r\n");
    }
    sha256(&relaxed[..end_of_text(&relaxed)])
}

/// Lines in CRLF, with no tab, no two spaces together and none before a line's end: nothing to relax.
fn is_tidy(body: &[u8]) -> bool {
    let has = |what: &[u8]| memchr::memmem::find(body, what).is_some();
    let ends_well = body.is_empty() || body.ends_with(b"\r\n");
    ends_well && memchr::memchr(b'\t', body).is_none() && !has(b"  ") && !has(b" \r\n")
}

/// Where the last line that is not empty ends, its CRLF included.
fn end_of_text(body: &[u8]) -> usize {
    let mut end = body.len();
    while body[..end].ends_with(b"\r\n\r\n") || &body[..end] == b"\r\n" {
        end -= 2;
    }
    end
}

fn sha256(data: &[u8]) -> [u8; 32] {
    digest(&SHA256, data).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8463 Appendix A.2: the key, and a message's canonical body.
    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_publishes_the_record_of_rfc_8463() {
        let key = DkimKey::from_pem(ED25519).unwrap();
        assert_eq!(key.record(), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    }

    #[test]
    fn a_body_is_hashed_as_rfc_8463_shows() {
        let body = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
        assert_eq!(STANDARD.encode(body_hash(body)), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    }

    #[test]
    fn spaces_and_empty_lines_that_a_server_may_change_do_not_count() {
        let hash = |body: &str| body_hash(body.as_bytes());
        assert_eq!(hash("a  b \t\r\n\r\n\r\n"), hash("a b\r\n"));
        assert_eq!(hash("a\r\n\r\nb"), hash("a\r\n\r\nb\r\n"));
        assert_eq!(hash("\r\n\r\n"), hash(""));
        assert_ne!(hash("a\r\n\r\nb\r\n"), hash("a\r\nb\r\n"));
        assert_ne!(hash(" a\r\n"), hash("a\r\n"));
    }

    #[test]
    fn a_selector_is_plain() {
        for good in ["b1", "2026.news", "a-b"] {
            assert!(is_selector(good), "{good}");
        }
        for bad in
            ["", ".", "a.", "-a", "سلام", "b\u{AD}x", "\u{FF42}1", "%61b", "a_b", "a b", &"a".repeat(51)]
        {
            assert!(!is_selector(bad), "{bad}");
        }
    }

    #[test]
    fn keys_come_back_from_pem_as_they_were_made() {
        for algorithm in [Algorithm::Rsa, Algorithm::Ed25519] {
            let key = DkimKey::generate(algorithm).unwrap();
            let again = DkimKey::from_pem(&key.to_pem().unwrap()).unwrap();
            assert_eq!((again.algorithm(), again.record()), (algorithm, key.record()));
            assert_eq!(again.sign(b"x"), key.sign(b"x"));
        }
        assert_eq!(DkimKey::from_pem("not a key").unwrap_err(), KeyError::NotPem);
    }

    #[test]
    fn a_signature_stays_within_its_lines() {
        let signer = Signer { selector: "b1".into(), key: DkimKey::generate(Algorithm::Rsa).unwrap() };
        let message = b"From: a@far-bank.example\r\nSubject: x\r\n y\r\n\r\nHi.\r\n";
        let at = "2026-03-06T07:00:00Z".parse().unwrap();
        let header = signer.header(message, "far-bank.example", at);
        assert!(header.ends_with("\r\n") && header.lines().all(|line| line.len() <= 78), "{header}");
        assert_eq!(header, signer.header(message, "far-bank.example", at));
    }
}
