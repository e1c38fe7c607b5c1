//! Which encoding a document is in, by its byte order mark or its XML declaration (XML 1.0 appendix
//! F), and its text. Line ends become `\n`, as XML 1.0 §2.11 has them, where they are a lone CR.

use std::{borrow::Cow, ops::Range};

use super::tags::{Attribute, Tag};

/// U+FEFF in front, which editors on Windows write.
pub const MARK: char = '\u{FEFF}';
/// An XML declaration is no longer.
const DECLARATION_BYTES_MAX: usize = 1024;
const LATIN_1: [&str; 9] =
    ["iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1", "l1", "cp819", "us-ascii", "ascii"];
const WINDOWS_1252: [&str; 4] = ["windows-1252", "cp1252", "cp-1252", "x-cp1252"];
/// What Windows-1252 has at 0x80 to 0x9F; five of them mean nothing.
const WINDOWS_LETTERS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// How the bytes of a document were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As UTF-8, whatever it says.
    Utf8,
    /// As UTF-16.
    Utf16,
    /// As ISO-8859-1 or Windows-1252, as it says.
    OneByte,
    /// It says an encoding that is not read here: every byte outside ASCII stands as `?`.
    Unread,
}

/// A document as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'d> {
    /// What it says.
    pub text: Cow<'d, str>,
    /// How it was read.
    pub encoding: Encoding,
    /// How large it was.
    pub bytes: usize,
}

/// The text of a document, or where it stops being text.
pub fn decode(document: &[u8]) -> Result<Decoded<'_>, usize> {
    let (text, encoding) = read(document)?;
    Ok(Decoded { text: with_line_feeds(text), encoding, bytes: document.len() })
}

/// The text that the spans of findings count in.
#[must_use]
pub fn decoded(document: &[u8]) -> String {
    match decode(document) {
        Ok(decoded) => decoded.text.into_owned(),
        Err(_) => with_line_feeds(String::from_utf8_lossy(document)).into_owned(),
    }
}

/// What is valid UTF-8 is hardly ever anything else, whatever it says.
fn read(document: &[u8]) -> Result<(Cow<'_, str>, Encoding), usize> {
    if let Some(text) = utf16(document) {
        return Ok((text.into(), Encoding::Utf16));
    }
    let valid_up_to = match std::str::from_utf8(document) {
        Ok(text) => return Ok((text.into(), Encoding::Utf8)),
        Err(error) => error.valid_up_to(),
    };
    let said = said_encoding(document).ok_or(valid_up_to)?;
    let is_one_of = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(&said));
    let letters = |letter: fn(u8) -> char| document.iter().map(|byte| letter(*byte)).collect::<String>();
    if is_one_of(&LATIN_1) {
        Ok((letters(char::from).into(), Encoding::OneByte))
    } else if is_one_of(&WINDOWS_1252) {
        Ok((letters(windows_1252).into(), Encoding::OneByte))
    } else if is_one_of(&["utf-8", "utf8"]) || document.contains(&0) {
        Err(valid_up_to)
    } else {
        Ok((letters(ascii).into(), Encoding::Unread))
    }
}

/// By the byte order mark, which is left out, or by the zeros beside the first sign of a feed.
fn utf16(document: &[u8]) -> Option<String> {
    let (start, unit): (usize, fn([u8; 2]) -> u16) = match document {
        [0xFF, 0xFE, 0, 0, ..] => return None,
        [0xFF, 0xFE, ..] => (2, u16::from_le_bytes),
        [0xFE, 0xFF, ..] => (2, u16::from_be_bytes),
        [b'<' | b'{' | b'[', 0, second, ..] if *second != 0 => (0, u16::from_le_bytes),
        [0, b'<' | b'{' | b'[', ..] => (0, u16::from_be_bytes),
        _ => return None,
    };
    let pairs = document[start..].chunks(2).map(|pair| unit([pair[0], pair.get(1).copied().unwrap_or(0)]));
    Some(char::decode_utf16(pairs).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9F => WINDOWS_LETTERS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn ascii(byte: u8) -> char {
    if byte.is_ascii() { char::from(byte) } else { '?' }
}

/// The XML declaration: where it stands and what it says. `<?xml a="b"?>` reads like the tag
/// `<xml a="b"?>`.
pub fn declaration(source: &str) -> Option<(Range<usize>, Vec<Attribute<'_>>)> {
    let start = after_mark(source);
    let end = start + source[start..].strip_prefix("<?xml")?.find("?>")? + "<?xml?>".len();
    let tag = Tag::read(&source[..end], start + 1)?;
    Some((start..end, tag.attributes))
}

/// Where the document begins.
pub fn after_mark(source: &str) -> usize {
    if source.starts_with(MARK) { MARK.len_utf8() } else { 0 }
}

/// What the XML declaration says, read byte by byte.
fn said_encoding(document: &[u8]) -> Option<String> {
    let start = document.trim_ascii_start();
    let start = String::from_utf8_lossy(&start[..start.len().min(DECLARATION_BYTES_MAX)]);
    let (_, attributes) = declaration(&start)?;
    attributes.iter().find(|attribute| attribute.name == "encoding").map(|found| found.value.to_string())
}

/// Old Macintosh files end lines with CR alone. One byte takes the place of one.
fn with_line_feeds(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_lone = |at: usize| text.as_bytes().get(at + 1) != Some(&b'\n');
    if !text.match_indices('\r').any(|(at, _)| is_lone(at)) {
        return text;
    }
    let feed = |(at, c): (usize, char)| if c == '\r' && is_lone(at) { '\n' } else { c };
    Cow::Owned(text.char_indices().map(feed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_its_mark_or_its_declaration_says() {
        let text = "<?xml version=\"1.0\" encoding=\"windows-1252\"?>\r<a>“é” €</a>";
        let one_byte = |c: char| match WINDOWS_LETTERS.iter().position(|letter| *letter == c) {
            Some(index) => index as u8 + 0x80,
            None => u32::from(c) as u8,
        };
        let windows: Vec<u8> = text.chars().map(one_byte).collect();
        assert_eq!(decode(&windows).unwrap().encoding, Encoding::OneByte);
        assert_eq!(decoded(&windows), text.replace('\r', "\n"));
        let marked = format!("\u{FEFF}{text}");
        for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let utf16 = |text: &str| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
            assert_eq!(decoded(&utf16(&marked)), text.replace('\r', "\n"));
            assert_eq!(decoded(&utf16(text)), text.replace('\r', "\n"));
        }
        let strange = decode(b"<?xml version='1.0' encoding='koi8-r'?>\xC1").unwrap();
        assert_eq!((strange.encoding, strange.text.ends_with('?')), (Encoding::Unread, true));
        assert_eq!(decode(b"<a>\xE9"), Err(3));
        assert_eq!(decode(b"<?xml version='1.0' encoding='UTF-8'?>\xE9"), Err(38));
    }

    #[test]
    fn a_lone_cr_is_a_line_end_and_nothing_moves() {
        assert_eq!(decoded("a\rb\r\nc\r\ré\r".as_bytes()), "a\nb\r\nc\n\né\n");
        let plain = "a\r\nb\n".as_bytes();
        assert!(matches!(decode(plain).unwrap().text, Cow::Borrowed(_)));
    }
}
