//! A letter as bytes: a pure function of the issue, the reader and the newsroom's key, so that a copy
//! sent after a crash is the same to the last byte.
//!
//! How it leaves is `mailer`'s; what it says was rendered once a variant by `template`.

mod encode;

use url::Url;

use crate::{
    delivery::{DeliveryId, Message, MessageId},
    newsletter::variant::{Frame, Variant},
    subscriber::{
        address::EmailAddress,
        token::{TokenKey, UnsubscribeToken},
    },
    template::context::slot,
    text::{clean_line, escape_html, hex},
};

/// The reader a letter is for.
#[derive(Debug, Clone, Copy)]
pub struct Addressee<'a> {
    /// The address.
    pub address: &'a EmailAddress,
    /// The name; may be empty.
    pub name: &'a str,
}

/// The same for a delivery at each try: made of its identity and the newsroom's key.
fn message_id(delivery: DeliveryId, domain: &str, key: &TokenKey) -> MessageId {
    let mut identity = delivery.issue.0.to_be_bytes().to_vec();
    identity.extend_from_slice(&delivery.subscription.0.to_be_bytes());
    let mac = key.mac("message-id", &identity);
    let local = format!("{}.{}", delivery.issue, hex(&mac[..10]));
    MessageId::new(local, domain)
}

/// Where a reader leaves a newsletter.
pub fn unsubscribe_url(site: &Url, delivery: DeliveryId, key: &TokenKey) -> String {
    let token = UnsubscribeToken { subscription: delivery.subscription }.sign(key);
    format!("{site}unsubscribe/{token}")
}

/// Builds one reader's letter.
pub fn build(
    frame: &Frame,
    variant: &Variant,
    delivery: DeliveryId,
    to: Addressee<'_>,
    key: &TokenKey,
) -> Message {
    let sender: EmailAddress =
        frame.from.parse().expect("the config's sender was parsed when the issue was opened");
    let id = message_id(delivery, sender.domain(), key);
    let slots = Slots::of(frame, variant, delivery, to, key);
    let boundary = format!("=_{}", id.local().replace('.', "_"));
    let mut bytes = headers(frame, variant, &slots, to, &sender, &id, &boundary);
    for (media_type, body) in
        [("text/plain", slots.fill_text(&variant.text)), ("text/html", slots.fill_html(&variant.html))]
    {
        bytes.push_str(&format!("--{boundary}\r\nContent-Type: {media_type}; charset=utf-8\r\n"));
        bytes.push_str(&encode::body(&body));
    }
    bytes.push_str(&format!("--{boundary}--\r\n"));
    Message { sender, recipient: to.address.clone(), id, bytes: bytes.into_bytes() }
}

fn headers(
    frame: &Frame,
    variant: &Variant,
    slots: &Slots,
    to: Addressee<'_>,
    sender: &EmailAddress,
    id: &MessageId,
    boundary: &str,
) -> String {
    let newsletter = &frame.newsletter;
    let domain = sender.domain();
    let mut out = String::new();
    let mut put = |name: &str, value: &str| out.push_str(&format!("{name}: {value}\r\n"));
    put("From", &encode::mailbox(&frame.from_name, &frame.from));
    // The address alone: a name that a stranger typed adds only risk.
    put("To", &to.address.to_string());
    put("Subject", &encode::text("Subject", &slots.fill_text(&variant.subject)));
    put("Date", &frame.date.format("%a, %d %b %Y %H:%M:%S +0000").to_string());
    put("Message-ID", &format!("<{id}>"));
    if let Some(reply_to) = &frame.reply_to {
        put("Reply-To", reply_to);
    }
    put("MIME-Version", "1.0");
    put("Content-Type", &format!("multipart/alternative;\r\n boundary=\"{boundary}\""));
    // RFC 2919; it also keeps vacation programs from answering.
    put("List-Id", &format!("<{newsletter}.{domain}>"));
    // RFC 8058 §3.1: both headers, https, and the POST needs no cookie.
    put("List-Unsubscribe", &format!("<{}>", slots.unsubscribe_url));
    put("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
    put("Precedence", "bulk");
    // RFC 3834 §5.
    put("Auto-Submitted", "auto-generated");
    put("Content-Language", variant.language.as_str());
    out.push_str("\r\n");
    out
}

/// What differs by reader.
struct Slots {
    greeting: String,
    name: String,
    email: String,
    unsubscribe_url: String,
}

impl Slots {
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
        }
    }

    fn fill_text(&self, text: &str) -> String {
        self.fill(text, str::to_string)
    }

    fn fill_html(&self, html: &str) -> String {
        self.fill(html, escape_html)
    }

    fn fill(&self, template: &str, escape: impl Fn(&str) -> String) -> String {
        let mut out = String::with_capacity(template.len() + 256);
        for character in template.chars() {
            match character {
                slot::GREETING => out.push_str(&escape(&self.greeting)),
                slot::NAME => out.push_str(&escape(&self.name)),
                slot::EMAIL => out.push_str(&escape(&self.email)),
                slot::UNSUBSCRIBE_URL => out.push_str(&escape(&self.unsubscribe_url)),
                _ => out.push(character),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{newsletter::issue::IssueId, subscriber::SubscriptionId};
    use proptest::prelude::*;

    fn letter(subject: &str, from_name: &str, name: &str) -> String {
        let frame = Frame {
            newsletter: "dispatches".into(),
            from_name: from_name.into(),
            from: "shirin@far-bank.example".into(),
            reply_to: None,
            site: Url::parse("https://far-bank.example/").unwrap(),
            date: "2026-03-06T07:00:00Z".parse().unwrap(),
        };
        let variant = Variant {
            language: "en".parse().unwrap(),
            subject: subject.into(),
            text: format!("{}\n\nText.\n{}\n", slot::GREETING, slot::UNSUBSCRIBE_URL),
            html: format!("<p>{}</p><a href=\"{}\">x</a>", slot::GREETING, slot::UNSUBSCRIBE_URL),
            greeting: "Dear {name},".into(),
            greeting_nameless: "Hello,".into(),
        };
        let delivery = DeliveryId { issue: IssueId(7), subscription: SubscriptionId(3) };
        let address = "mina@example.org".parse().unwrap();
        let to = Addressee { address: &address, name };
        let message = build(&frame, &variant, delivery, to, &TokenKey::new([1; 32]));
        String::from_utf8(message.bytes).unwrap()
    }

    #[test]
    fn a_letter_is_the_same_to_the_last_byte_each_time() {
        insta::assert_snapshot!(letter("Water & stone", "Shirin Example", "Mina").replace("\r\n", "\n"));
        assert_eq!(letter("a", "b", "c"), letter("a", "b", "c"));
    }

    #[test]
    fn a_name_is_escaped_where_it_stands() {
        let letter = letter("s", "f", "<b>{{secret}}");
        assert!(
            letter.contains("Dear <b>{{secret}},") && letter.contains("Dear &lt;b&gt;{{secret}},"),
            "{letter}"
        );
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
                "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "Auto-Submitted", "Content-Language",
            ]);
            prop_assert!(letter.is_ascii());
            prop_assert!(letter.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
        }
    }
}
