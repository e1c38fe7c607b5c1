//! A letter as bytes: a pure function of the issue, the reader and the newsroom's keys, so that a copy
//! sent after a crash is the same to the last byte.
//!
//! How it leaves is `mailer`'s; what it says was rendered once a variant by `template`. Here it is
//! compiled once ([`Compiled`]), and then filled in, signed and addressed for each reader.

mod encode;
pub mod lint;
mod part;

use std::{
    fmt::{self, Write},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use url::Url;

use crate::{
    delivery::{DeliveryId, Message, MessageId},
    dkim::Signer,
    newsletter::{
        Sender,
        variant::{Frame, Variant},
    },
    subscriber::{
        address::EmailAddress,
        token::{ConfirmToken, TokenKey, UnsubscribeToken},
    },
    text::{clean_line, hex},
};
use part::{Fillings, Media, Part};

/// Bytes of the MAC that an identity in an address or a Message-ID carries.
const MAC_BYTES: usize = 10;
/// RFC 5322 §3.3.
const DATE_FORMAT: &str = "%a, %d %b %Y %H:%M:%S +0000";
/// Gmail asks for 5 to 15 characters that are always the same.
const SENDER_ID_MAX: usize = 15;
const SENDER_ID_MIN: usize = 5;

/// The reader a letter is for.
#[derive(Debug, Clone, Copy)]
pub struct Addressee<'a> {
    /// The address.
    pub address: &'a EmailAddress,
    /// The name; may be empty.
    pub name: &'a str,
}

/// What links, identities and letters are signed with.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Links and identities.
    pub token: TokenKey,
    /// Whole letters: one signature each (RFC 6376 §4). None if it is left to the mail server.
    pub dkim: Arc<[Signer]>,
}

/// Where a reader leaves a newsletter.
pub fn unsubscribe_url(site: &Url, delivery: DeliveryId, key: &TokenKey) -> String {
    format!("{site}unsubscribe/{}", unsubscribe_token(delivery).sign(key))
}

fn unsubscribe_token(delivery: DeliveryId) -> UnsubscribeToken {
    UnsubscribeToken { subscription: delivery.subscription }
}

/// What one reader finds in a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// One line.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Where the reader leaves.
    pub unsubscribe_url: String,
}

/// The letter of a variant as one reader finds it.
pub fn contents(
    frame: &Frame,
    variant: &Variant,
    delivery: DeliveryId,
    to: Addressee<'_>,
    key: &TokenKey,
) -> Contents {
    let fillings = Fillings::of(frame, variant, delivery, to, key);
    Contents {
        subject: fillings.fill(&variant.subject, Media::Plain),
        text: fillings.fill(&variant.text, Media::Plain),
        html: fillings.fill(&variant.html, Media::Html),
        unsubscribe_url: fillings.unsubscribe_url,
    }
}

/// A letter, ready for any number of readers.
#[derive(Debug)]
pub struct Compiled {
    frame: Frame,
    /// Without its parts, which are compiled.
    words: Variant,
    sender: EmailAddress,
    /// Header fields that are the same for all.
    from: String,
    date: String,
    /// Of which kind of letter, by whom.
    feedback: String,
    text: Part,
    html: Part,
    /// Bytes of its parts as encoded, about.
    room: usize,
}

impl Compiled {
    /// Compiles what a group of readers gets.
    pub fn new(frame: &Frame, variant: &Variant) -> Self {
        let sender: EmailAddress =
            frame.from.parse().expect("the config's sender was parsed when the issue was opened");
        Self {
            frame: frame.clone(),
            words: Variant { text: String::new(), html: String::new(), ..variant.clone() },
            from: encode::mailbox(&frame.from_name, &frame.from),
            date: frame.date.format(DATE_FORMAT).to_string(),
            feedback: format!(
                "{}:{}:{}",
                frame.newsletter,
                variant.kind.as_str(),
                sender_id(sender.domain())
            ),
            sender,
            text: Part::new(Media::Plain, &variant.text),
            html: Part::new(Media::Html, &variant.html),
            // Base64 needs a third more, and its line ends; quoted-printable seldom as much.
            room: (variant.text.len() + variant.html.len()) * 3 / 2 + 1024,
        }
    }

    /// One reader's letter: filled in, serialised and signed.
    pub fn personalise(&self, delivery: DeliveryId, to: Addressee<'_>, keys: &Keys) -> Message {
        let id = Identity(delivery);
        let mac = id.of_letter(&keys.token);
        let fillings = Fillings::of(&self.frame, &self.words, delivery, to, &keys.token);
        let message_id = message_id(&self.sender, delivery, &keys.token);
        let boundary = format!("=_{}_{mac}", delivery.issue);
        let headers = self.headers(delivery, to, &fillings, &message_id, &boundary, &keys.token);
        let mut bytes = Vec::with_capacity(headers.len() + self.room);
        bytes.extend_from_slice(headers.as_bytes());
        for part in [&self.text, &self.html] {
            bytes.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            part.write(&fillings, &mut bytes);
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        sign(&mut bytes, self.sender.domain(), self.frame.date, keys);
        let sender = self.return_path(&id, &keys.token).unwrap_or_else(|| self.sender.clone());
        Message { sender, recipient: to.address.clone(), id: message_id, bytes }
    }

    /// An address of its own for each delivery, so that what comes back says whose it was.
    fn return_path(&self, id: &Identity, key: &TokenKey) -> Option<EmailAddress> {
        let domain = self.frame.return_domain.as_ref()?;
        let address = format!("bounce+{}@{domain}", id.in_an_address(key));
        // An issue of before that limit may have a longer domain; its letters return to the writer.
        address.parse().ok()
    }

    fn headers(
        &self,
        delivery: DeliveryId,
        to: Addressee<'_>,
        fillings: &Fillings,
        id: &MessageId,
        boundary: &str,
        key: &TokenKey,
    ) -> String {
        let Frame { newsletter, reply_to, site, .. } = &self.frame;
        let domain = self.sender.domain();
        let mut out = String::with_capacity(2048);
        let mut put = |name: &str, value: &dyn fmt::Display| {
            let _ = write!(out, "{name}: {value}\r\n"); // a String takes everything
        };
        put("From", &self.from);
        // The address alone: a name that a stranger typed adds only risk.
        put("To", to.address);
        put("Subject", &encode::text("Subject", &fillings.fill(&self.words.subject, Media::Plain)));
        put("Date", &self.date);
        put("Message-ID", &format_args!("<{id}>"));
        if let Some(reply_to) = reply_to {
            put("Reply-To", reply_to);
        }
        put("MIME-Version", &"1.0");
        put("Content-Type", &format_args!("multipart/alternative;\r\n boundary=\"{boundary}\""));
        if self.words.kind.is_to_a_list() {
            // RFC 2919; it also keeps vacation programs from answering.
            put("List-Id", &format_args!("<{newsletter}.{domain}>"));
            // RFC 8058 §3.1: both headers, https, and the POST needs no cookie.
            let by_mail = self.frame.return_domain.as_ref().map(|domain| {
                let token = unsubscribe_token(delivery).sign_for_mail(key);
                format!(",\r\n <mailto:unsub+{token}@{domain}>")
            });
            let by_mail = by_mail.unwrap_or_default();
            put("List-Unsubscribe", &format_args!("<{}>{by_mail}", fillings.unsubscribe_url));
            put("List-Unsubscribe-Post", &"List-Unsubscribe=One-Click");
            // RFC 2369 §3.
            put("List-Archive", &format_args!("<{site}>"));
            put("List-Help", &format_args!("<{site}subscribe/>"));
            put("List-Post", &"NO");
            put("Feedback-ID", &format_args!("{}:{}", delivery.issue, self.feedback));
            put("Precedence", &"bulk");
        }
        // RFC 3834 §5.
        put("Auto-Submitted", &"auto-generated");
        put("Content-Language", &self.words.language.as_str());
        out.push_str("\r\n");
        out
    }
}

/// Words to the author, not to a reader.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'w> {
    /// One line.
    pub subject: &'w str,
    /// Plain, in lines.
    pub text: &'w str,
    /// What they are about: part of the Message-ID, so that two are told apart.
    pub reason: &'w str,
}

/// A plain letter to the author, of no issue.
pub fn notice(
    sender: &Sender,
    to: &EmailAddress,
    words: Notice<'_>,
    date: DateTime<Utc>,
    keys: &Keys,
) -> Message {
    let identity = format!("{}\0{to}\0{}", words.reason, date.timestamp_millis());
    let mac = hex(&keys.token.mac("notice", identity.as_bytes())[..MAC_BYTES]);
    let domain = sender.address.domain();
    let id = MessageId::new(format!("notice.{mac}"), domain);
    let head = format!(
        "From: {}\r\nTo: {to}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{id}>\r\nMIME-Version: 1.0\r\n\
         Auto-Submitted: auto-generated\r\n",
        encode::mailbox("Byline", &sender.address.to_string()),
        encode::text("Subject", words.subject),
        date.format(DATE_FORMAT),
    );
    let mut bytes = head.into_bytes();
    Part::new(Media::Plain, words.text).write(&Fillings::default(), &mut bytes);
    sign(&mut bytes, domain, date, keys);
    Message { sender: sender.address.clone(), recipient: to.clone(), id, bytes }
}

/// Puts a signature before it for each key there is.
fn sign(bytes: &mut Vec<u8>, domain: &str, date: DateTime<Utc>, keys: &Keys) {
    let signatures: String = keys.dkim.iter().map(|signer| signer.header(bytes, domain, date)).collect();
    if !signatures.is_empty() {
        bytes.splice(0..0, signatures.into_bytes());
    }
}

impl Fillings {
    fn of(frame: &Frame, variant: &Variant, delivery: DeliveryId, to: Addressee<'_>, key: &TokenKey) -> Self {
        let name = clean_line(to.name);
        Self {
            greeting: match name.is_empty() {
                true => variant.greeting_nameless.clone(),
                false => variant.greeting.replace("{name}", &name),
            },
            name,
            email: to.address.to_string(),
            unsubscribe_url: unsubscribe_url(&frame.site, delivery, key),
            confirm_url: format!(
                "{}confirm/{}",
                frame.site,
                ConfirmToken { subscription: delivery.subscription }.sign(key)
            ),
        }
    }
}

/// What a delivery is called where it leaves the newsroom: not to be guessed, and the same at each try.
struct Identity(DeliveryId);

/// A letter's Message-ID: the same at each try, and not to be guessed.
pub fn message_id(sender: &EmailAddress, delivery: DeliveryId, key: &TokenKey) -> MessageId {
    MessageId::new(format!("{}.{}", delivery.issue, Identity(delivery).of_letter(key)), sender.domain())
}

impl Identity {
    fn of_letter(&self, key: &TokenKey) -> String {
        self.mac("message-id", key)
    }

    fn mac(&self, purpose: &str, key: &TokenKey) -> String {
        let mut identity = self.0.issue.0.to_be_bytes().to_vec();
        identity.extend_from_slice(&self.0.subscription.0.to_be_bytes());
        hex(&key.mac(purpose, &identity)[..MAC_BYTES])
    }

    /// At most 54 characters; RFC 5321 §4.5.3.1.1 has room for 64 before the `@`. Not the MAC of the
    /// Message-ID, which whoever has the letter knows.
    fn in_an_address(&self, key: &TokenKey) -> String {
        let (issue, reader) = (self.0.issue.0, self.0.subscription.0);
        format!("{issue:x}.{reader:x}.{}", self.mac("return-path", key))
    }
}

/// The constant last field of a Feedback-ID.
fn sender_id(domain: &str) -> String {
    let id: String = domain.chars().filter(char::is_ascii_alphanumeric).take(SENDER_ID_MAX).collect();
    format!("{id:0<SENDER_ID_MIN$}")
}

#[cfg(test)]
mod tests;
