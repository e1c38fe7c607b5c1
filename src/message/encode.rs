//! How words stand in a letter: headers by RFC 2047, bodies by RFC 2045.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::text::in_pieces;

/// RFC 2047 §2: an encoded word is at most 75 characters.
const ENCODED_WORD_MAX: usize = 75;
/// The same: a line with one has at most 76.
const ENCODED_LINE_MAX: usize = 76;
/// RFC 5322 §2.1.1, without CRLF: lines should be no longer.
pub const LINE_MAX: usize = 78;
/// RFC 2045 §6.8.
pub const BASE64_LINE: usize = 76;
/// RFC 2045 §6.7 has 76; the first character of a line may become three, and the last line go on.
const QUOTED_LINE: usize = 73;

/// The value of an unstructured header: as it is if it is plain, else encoded as a whole, because
/// white space between encoded words is lost.
pub fn text(header: &str, value: &str) -> String {
    let begins = header.len() + 2;
    if is_plain(value) && fits(begins, value) {
        return fold(begins, value);
    }
    encoded_words(begins, value)
}

/// `Name <address>`, the name quoted or encoded as it needs (RFC 5322 §3.4).
pub fn mailbox(name: &str, address: &str) -> String {
    if name.is_empty() {
        return address.to_string();
    }
    let atoms = name.chars().all(|c| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c));
    let shown = match is_plain(name) && name.len() <= LINE_MAX / 2 {
        true if atoms => name.to_string(),
        true => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        false => encoded_words("From: ".len(), name),
    };
    let last = shown.rsplit("\r\n").next().unwrap_or(&shown).len();
    // RFC 2047 §2: a line with an encoded word has at most 76.
    let line_max = if shown.contains("=?") { ENCODED_LINE_MAX } else { LINE_MAX };
    let gap = if last + address.len() + 9 > line_max { "\r\n " } else { " " };
    format!("{shown}{gap}<{address}>")
}

/// ASCII that no reader takes for anything else, with single spaces within.
fn is_plain(value: &str) -> bool {
    let printable = value.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    printable && !value.contains("=?") && !value.contains("  ") && value.trim() == value
}

/// Whether folding at spaces keeps every line short.
fn fits(begins: usize, value: &str) -> bool {
    value.split(' ').enumerate().all(|(index, word)| {
        let margin = if index == 0 { begins } else { 1 };
        margin + word.len() <= LINE_MAX
    })
}

fn fold(begins: usize, value: &str) -> String {
    let mut folded = String::new();
    let mut column = begins;
    for (index, word) in value.split(' ').enumerate() {
        if index > 0 {
            if column + 1 + word.len() > LINE_MAX {
                folded.push_str("\r\n ");
                column = 1;
            } else {
                folded.push(' ');
                column += 1;
            }
        }
        folded.push_str(word);
        column += word.len();
    }
    folded
}

/// UTF-8 in base64, cut between characters; each word decodes by itself.
fn encoded_words(begins: usize, value: &str) -> String {
    const FRAME: usize = "=?utf-8?B??=".len();
    let mut words: Vec<String> = Vec::new();
    let mut chunk = String::new();
    let room = |words: &Vec<String>| {
        let line = if words.is_empty() { LINE_MAX - begins.min(40) - 2 } else { ENCODED_WORD_MAX };
        (line.min(ENCODED_WORD_MAX) - FRAME) / 4 * 3
    };
    for character in value.chars() {
        if chunk.len() + character.len_utf8() > room(&words) {
            words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(&chunk)));
            chunk.clear();
        }
        chunk.push(character);
    }
    if !chunk.is_empty() || words.is_empty() {
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(&chunk)));
    }
    words.join("\r\n ")
}

/// Whether a body may stand as it is: ASCII in short lines, and nothing that mailboxes or servers change.
pub fn is_seven_bit(text: &str) -> bool {
    text.split("\r\n").all(|line| {
        let printable = line.bytes().all(|byte| byte == b'\t' || (0x20..0x7F).contains(&byte));
        printable && line.len() <= LINE_MAX && !line.ends_with([' ', '\t']) && !line.starts_with("From ")
    })
}

/// A stretch of text in quoted-printable (RFC 2045 §6.7), from the beginning of a line. A line never
/// begins with a dot or `From `, which careless servers and mailboxes change.
pub fn quoted_printable(text: &str) -> String {
    let options = quoted_printable::Options::default()
        .input_mode(quoted_printable::InputMode::Text)
        .line_length_limit(QUOTED_LINE);
    let encoded = quoted_printable::encode_with_options(text.as_bytes(), options);
    let mut safe = String::with_capacity(encoded.len());
    for line in encoded.split_inclusive("\r\n") {
        match line.as_bytes() {
            [b'.', ..] => safe.push_str("=2E"),
            [b'F', b'r', b'o', b'm', b' ', ..] => safe.push_str("=46"),
            [..] => {
                safe.push_str(line);
                continue;
            }
        }
        safe.push_str(&line[1..]);
    }
    safe
}

/// Base64 in lines, each ending in CRLF.
pub fn wrapped(base64: &str) -> String {
    let mut lines = String::with_capacity(base64.len() + base64.len() / 38 + 2);
    for line in in_pieces(base64, BASE64_LINE) {
        lines.push_str(line);
        lines.push_str("\r\n");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(value: &str) -> String {
        value
            .split("\r\n ")
            .map(|word| {
                let inner = word.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap();
                String::from_utf8(STANDARD.decode(inner).unwrap()).unwrap()
            })
            .collect()
    }

    #[test]
    fn plain_subjects_stay_plain_and_fold_at_spaces() {
        assert_eq!(text("Subject", "Water & stone"), "Water & stone");
        let long = "word ".repeat(40).trim().to_string();
        let folded = text("Subject", &long);
        assert!(folded.split("\r\n").all(|line| line.len() <= 78));
        assert_eq!(folded.replace("\r\n", ""), long);
        assert!(text("Subject", "=?utf-8?B?eA==?=").starts_with("=?utf-8?B?"));
    }

    #[test]
    fn a_mailbox_quotes_what_needs_it() {
        assert_eq!(mailbox("Shirin Example", "s@x.example"), "Shirin Example <s@x.example>");
        assert_eq!(mailbox("Example, S. \"x\"", "s@x.example"), "\"Example, S. \\\"x\\\"\" <s@x.example>");
        assert!(mailbox("شیرین", "s@x.example").starts_with("=?utf-8?B?"));
    }

    proptest! {
        #[test]
        fn every_word_decodes_by_itself_to_the_whole(value: String) {
            let encoded = encoded_words("Subject: ".len(), &value);
            prop_assert_eq!(decode(&encoded), value);
            prop_assert!(encoded.split("\r\n ").all(|word| word.len() <= 75));
        }
    }
}
