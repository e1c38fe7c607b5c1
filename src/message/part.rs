//! One part of a letter, compiled: encoded once for all readers, and cut where something differs by reader.
//!
//! Only what differs is encoded for each. That works in base64 because lines may be shorter than they
//! could be (RFC 2045 §6.8), and a stretch is at hand for each of the three ways in which it can begin
//! within a group of three bytes; in quoted-printable because a soft line break can stand anywhere.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::encode::{BASE64_LINE, is_seven_bit, quoted_printable, wrapped};
use crate::{template::context::slot, text::escape_html};

/// What stands in the place of the marks for one reader.
#[derive(Debug, Default)]
pub struct Fillings {
    /// "Dear Mina,"
    pub greeting: String,
    /// "Mina"
    pub name: String,
    /// "mina@example.org"
    pub email: String,
    /// The page for leaving.
    pub unsubscribe_url: String,
    /// The page for confirming.
    pub confirm_url: String,
}

impl Fillings {
    fn at(&self, mark: char) -> Option<&str> {
        Some(match mark {
            slot::GREETING => &self.greeting,
            slot::NAME => &self.name,
            slot::EMAIL => &self.email,
            slot::UNSUBSCRIBE_URL => &self.unsubscribe_url,
            slot::CONFIRM_URL => &self.confirm_url,
            _ => return None,
        })
    }

    /// `text` with every mark filled.
    pub fn fill(&self, text: &str, media: Media) -> String {
        let mut filled = String::with_capacity(text.len() + 256);
        for piece in pieces(text) {
            match piece {
                Piece::Fixed(fixed) => filled.push_str(fixed),
                Piece::Mark(mark) => filled.push_str(&media.escaped(self.at(mark).unwrap_or_default())),
            }
        }
        filled
    }
}

/// The two forms of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `text/plain`
    Plain,
    /// `text/html`
    Html,
}

impl Media {
    fn name(self) -> &'static str {
        match self {
            Media::Plain => "text/plain",
            Media::Html => "text/html",
        }
    }

    fn escaped(self, words: &str) -> String {
        match self {
            Media::Plain => words.to_string(),
            Media::Html => escape_html(words),
        }
    }
}

enum Piece<'t> {
    Fixed(&'t str),
    Mark(char),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split_inclusive(slot::ALL).flat_map(|stretch| {
        let mark = stretch.chars().next_back().filter(|last| slot::ALL.contains(last));
        let fixed = mark.map_or(stretch, |mark| &stretch[..stretch.len() - mark.len_utf8()]);
        let fixed = (!fixed.is_empty()).then_some(Piece::Fixed(fixed));
        fixed.into_iter().chain(mark.map(Piece::Mark))
    })
}

/// A part with its marks, ready for any number of readers.
#[derive(Debug)]
pub struct Part {
    media: Media,
    /// As it is, if that may do: ASCII in short lines.
    plain: Option<String>,
    stretches: Stretches,
}

#[derive(Debug)]
enum Stretches {
    Quoted(Vec<Stretch<String>>),
    Base64(Vec<Stretch<Grouped>>),
}

#[derive(Debug)]
enum Stretch<F> {
    Fixed(F),
    Mark(char),
}

impl Part {
    /// Compiles a rendered text. Never 8-bit, which a server on the way might rewrite under a signature:
    /// 7bit if it is ASCII in short lines, quoted-printable if most of it is, else base64.
    pub fn new(media: Media, text: &str) -> Self {
        let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
        let without: String = text.split(slot::ALL).collect();
        let others = without.bytes().filter(|byte| !byte.is_ascii()).count();
        let stretches = if others * 5 <= without.len() {
            Stretches::Quoted(stretches(&text, quoted_printable))
        } else {
            Stretches::Base64(stretches(&text, Grouped::new))
        };
        let plain = is_seven_bit(&without).then_some(text);
        Self { media, plain, stretches }
    }

    /// Writes its header fields, the empty line and the body, ending in CRLF.
    pub fn write(&self, fillings: &Fillings, out: &mut Vec<u8>) {
        let head =
            format!("Content-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: ", self.media.name());
        out.extend_from_slice(head.as_bytes());
        if let Some(plain) = &self.plain {
            let filled = fillings.fill(plain, self.media);
            if is_seven_bit(&filled) {
                out.extend_from_slice(b"7bit\r\n\r\n");
                out.extend_from_slice(filled.as_bytes());
                return end_line(out);
            }
        }
        match &self.stretches {
            Stretches::Quoted(stretches) => {
                out.extend_from_slice(b"quoted-printable\r\n\r\n");
                self.write_quoted(stretches, fillings, out);
            }
            Stretches::Base64(stretches) => {
                out.extend_from_slice(b"base64\r\n\r\n");
                self.write_base64(stretches, fillings, out);
            }
        }
        end_line(out);
    }

    fn write_quoted(&self, stretches: &[Stretch<String>], fillings: &Fillings, out: &mut Vec<u8>) {
        let mut put = |encoded: &str| {
            if encoded.is_empty() {
                return;
            }
            if !out.ends_with(b"\r\n") {
                out.extend_from_slice(b"=\r\n");
            }
            out.extend_from_slice(encoded.as_bytes());
        };
        for stretch in stretches {
            match stretch {
                Stretch::Fixed(encoded) => put(encoded),
                Stretch::Mark(mark) => {
                    let words = self.media.escaped(fillings.at(*mark).unwrap_or_default());
                    put(&quoted_printable(&words));
                }
            }
        }
    }

    fn write_base64(&self, stretches: &[Stretch<Grouped>], fillings: &Fillings, out: &mut Vec<u8>) {
        let mut writer = Base64Writer { out, pending: Vec::with_capacity(BASE64_LINE) };
        for stretch in stretches {
            match stretch {
                Stretch::Fixed(grouped) => writer.stretch(grouped),
                Stretch::Mark(mark) => {
                    let words = self.media.escaped(fillings.at(*mark).unwrap_or_default());
                    writer.bytes(words.as_bytes());
                }
            }
        }
        writer.end();
    }
}

fn end_line(out: &mut Vec<u8>) {
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
}

fn stretches<F>(text: &str, encode: impl Fn(&str) -> F) -> Vec<Stretch<F>> {
    let stretch = |piece| match piece {
        Piece::Fixed(fixed) => Stretch::Fixed(encode(fixed)),
        Piece::Mark(mark) => Stretch::Mark(mark),
    };
    pieces(text).map(stretch).collect()
}

/// A stretch of bytes for base64, by how many of them are needed to fill the group of three before it.
#[derive(Debug)]
struct Grouped([Option<Begun>; 3]);

#[derive(Debug)]
struct Begun {
    first: Vec<u8>,
    lines: String,
    last: Vec<u8>,
}

impl Grouped {
    fn new(text: &str) -> Self {
        Self([0, 1, 2].map(|needed| {
            let (first, rest) = text.as_bytes().split_at_checked(needed)?;
            let (groups, last) = rest.split_at(rest.len() / 3 * 3);
            Some(Begun {
                first: first.to_vec(),
                lines: wrapped(&STANDARD.encode(groups)),
                last: last.to_vec(),
            })
        }))
    }
}

/// Bytes that are not encoded yet are fewer than a line has.
struct Base64Writer<'o> {
    out: &'o mut Vec<u8>,
    pending: Vec<u8>,
}

impl Base64Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.pending.push(*byte);
            if self.pending.len() == BASE64_LINE / 4 * 3 {
                self.flush();
            }
        }
    }

    fn stretch(&mut self, grouped: &Grouped) {
        let needed = (3 - self.pending.len() % 3) % 3;
        let Some(begun) = &grouped.0[needed] else {
            // Too short to fill the group: one or no byte.
            let Some(whole) = &grouped.0[0] else { return };
            return self.bytes(&whole.last);
        };
        self.bytes(&begun.first);
        self.flush();
        self.out.extend_from_slice(begun.lines.as_bytes());
        self.pending.extend_from_slice(&begun.last);
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.out.extend_from_slice(STANDARD.encode(&self.pending).as_bytes());
            self.out.extend_from_slice(b"\r\n");
            self.pending.clear();
        }
    }

    fn end(mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::{super::encode::LINE_MAX, *};
    use proptest::prelude::*;

    fn fillings(name: &str) -> Fillings {
        Fillings {
            greeting: format!("Dear {name},"),
            name: name.into(),
            email: "mina@example.org".into(),
            unsubscribe_url: "https://far-bank.example/unsubscribe/x".into(),
            confirm_url: String::new(),
        }
    }

    fn written(text: &str, fillings: &Fillings) -> (String, String) {
        let mut out = Vec::new();
        Part::new(Media::Plain, text).write(fillings, &mut out);
        let out = String::from_utf8(out).unwrap();
        let (head, body) = out.split_once("\r\n\r\n").unwrap();
        (head.rsplit(": ").next().unwrap().to_string(), body.to_string())
    }

    fn decoded(encoding: &str, body: &str) -> String {
        let bytes = match encoding {
            "7bit" => body.into(),
            "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
            _ => ::quoted_printable::decode(body, ::quoted_printable::ParseMode::Strict).unwrap(),
        };
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_encoding_follows_the_words() {
        let of = |text: &str| written(text, &fillings("Mina")).0;
        assert_eq!(of("Plain.\n"), "7bit");
        assert_eq!(of(&format!("{} and more\n", "long ".repeat(40))), "quoted-printable");
        assert_eq!(of("A café, and many more words in plain English.\n"), "quoted-printable");
        assert_eq!(of("آب زیر خاک\n"), "base64");
        assert_eq!(of("From here on\n"), "quoted-printable", "a mailbox file would change it");
    }

    #[test]
    fn a_name_that_is_not_plain_makes_a_plain_letter_quoted() {
        let text = format!("{}\n\nPlain.\n", slot::GREETING);
        assert_eq!(written(&text, &fillings("Mina")).0, "7bit");
        assert_eq!(written(&text, &fillings("مینا")).0, "quoted-printable");
    }

    #[test]
    fn a_line_that_begins_with_a_dot_and_goes_on_is_short_enough() {
        for length in 60..80 {
            let text = format!(".{}{}\n{}", "=.".repeat(9), slot::NAME, "long ".repeat(30));
            let (encoding, body) = written(&text, &fillings(&format!(".{}ا", "a".repeat(length))));
            assert!(body.split("\r\n").all(|line| line.len() <= 76), "{body}");
            assert!(decoded(&encoding, &body).contains("long"));
        }
    }

    proptest! {
        #[test]
        fn a_reader_gets_the_words_with_the_marks_filled(
            before in "[a-zآ-ی \n.=]{0,200}", between in "[a-zA-Z\u{200C}\n.]{0,90}",
            after in "(From |\\.|[ا-ی ]|\n){0,60}", name in "[a-zا-ی .]{0,90}",
        ) {
            let text = format!("{before}{}{between}{}{after}", slot::NAME, slot::EMAIL);
            let (encoding, body) = written(&text, &fillings(&name));
            let wanted = format!("{before}{name}{between}mina@example.org{after}").replace('\n', "\r\n");
            let found = decoded(&encoding, &body);
            // The line end that a part must have may be one more than the text had.
            prop_assert!(found == wanted || found == format!("{wanted}\r\n"), "{encoding}: {found:?} {wanted:?}");
            for line in body.split("\r\n") {
                prop_assert!(line.len() <= LINE_MAX && line.is_ascii() && !line.contains(['\r', '\n']), "{line:?}");
                prop_assert!(!line.starts_with("From ") && (encoding == "7bit" || !line.starts_with('.')), "{line:?}");
            }
        }
    }
}
