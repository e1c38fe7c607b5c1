//! Which characters may be published, and when two ways of typing are the same words.
//!
//! Every string of an article, a config or a list passes [`clean`] once, where it comes in, so no
//! format has to defend itself against characters that XML or mail cannot carry.

use unicode_normalization::UnicodeNormalization;

/// Private-use characters that the program itself uses as marks (see `feed::rss`, `message`).
pub const MARKS: std::ops::RangeInclusive<char> = '\u{E000}'..='\u{E00F}';

/// Keeps what XML 1.0 (§2.2 Char) and people can read: no controls, noncharacters, replacement
/// characters or byte order marks; every line end becomes `\n`. ZWNJ and direction marks stay.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    // Nearly all of it needs no thought, and is copied as it is.
    while let Some(at) = first_suspicious(rest.as_bytes()) {
        cleaned.push_str(&rest[..at]);
        let mut characters = rest[at..].chars();
        match characters.next() {
            Some('\r') => {
                cleaned.push('\n');
                let after = characters.as_str();
                rest = after.strip_prefix('\n').unwrap_or(after);
                continue;
            }
            Some(character) if is_publishable(character) => cleaned.push(character),
            _ => {}
        }
        rest = characters.as_str();
    }
    cleaned.push_str(rest);
    cleaned
}

/// Where the first byte is of a character that may not be publishable.
fn first_suspicious(bytes: &[u8]) -> Option<usize> {
    // Many at once, without a branch for each: nearly all are past any doubt.
    let (chunks, _) = bytes.as_chunks::<64>();
    let is_good = |chunk: &&[u8; 64]| !chunk.iter().fold(false, |found, byte| found | is_suspicious(*byte));
    let good = chunks.iter().take_while(is_good).count() * 64;
    bytes[good..].iter().position(|byte| is_suspicious(*byte)).map(|at| good + at)
}

/// The first bytes of characters that may not be publishable.
fn is_suspicious(byte: u8) -> bool {
    match byte {
        b'\t' | b'\n' | 0x20..=0x7E | 0x80..=0xC1 | 0xC3..=0xED => false,
        _ => true, // controls, U+0080–U+00BF, private use, U+F000 and up
    }
}

/// [`clean`], on one line, without space at the ends or runs of it within.
pub fn clean_line(text: &str) -> String {
    one_line(&clean(text))
}

/// A rendered subject: one line; the marks of what differs by reader stay, and so do spaces that do not break.
pub fn clean_subject(text: &str) -> String {
    one_line(text)
}

fn one_line(text: &str) -> String {
    let words = text.split([' ', '\n', '\r', '\t', '\u{B}', '\u{C}', '\u{85}', '\u{2028}', '\u{2029}']);
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn is_publishable(character: char) -> bool {
    let code = u32::from(character);
    match character {
        '\t' | '\n' => true,
        '\u{FEFF}' | '\u{FFFD}' => false,
        _ if code < 0x20 || (0x7F..=0x9F).contains(&code) => false,
        // Noncharacters: U+FDD0–FDEF and the last two of each plane.
        _ if (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE => false,
        _ => !MARKS.contains(&character),
    }
}

/// The words alone, however typed: NFKC, lower case, Arabic yeh and kaf as Persian, no ZWNJ, tatweel,
/// diacritics or punctuation; one space between words.
pub fn fold(text: &str) -> String {
    let mut folded = String::new();
    for character in text.nfkc().flat_map(char::to_lowercase) {
        match character {
            'ي' | 'ى' => folded.push('ی'),
            'ك' => folded.push('ک'),
            '\u{200C}' => folded.push(' '),
            '\u{0640}' | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{0300}'..='\u{036F}' // marks on letters
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' // direction
            | '\'' | '’' | '‘' => {}
            _ if character.is_alphanumeric() || character == '.' => folded.push(character),
            _ => folded.push(' '),
        }
    }
    folded
        .split_whitespace()
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// At most `characters_max` characters, cut at a word with an ellipsis; within a word that has half of them.
pub fn shorten(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_string();
    }
    let cut: String = text.chars().take(characters_max).collect();
    let whole =
        cut.rfind(' ').filter(|space| *space >= cut.len() / 2).map_or(cut.as_str(), |space| &cut[..space]);
    format!("{}…", whole.trim_end_matches([',', ';', ':', '،', '؛', ' ', '.', '\u{200C}', '\u{200D}']))
}

/// `&`, `<`, `>`, `"` as HTML and XML attribute values need them.
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// `text` with every `what` that `is_meant`, given what stands before it, replaced by `with`.
pub fn replace_where(text: &str, what: &str, with: &str, is_meant: impl Fn(&str) -> bool) -> String {
    let mut replaced = String::with_capacity(text.len() + text.len() / 64);
    let mut done = 0;
    for at in memchr::memmem::find_iter(text.as_bytes(), what) {
        if is_meant(&text[..at]) {
            replaced.push_str(&text[done..at]);
            replaced.push_str(with);
            done = at + what.len();
        }
    }
    replaced.push_str(&text[done..]);
    replaced
}

/// ASCII in pieces of `length`, the last one shorter.
pub fn in_pieces(ascii: &str, length: usize) -> impl Iterator<Item = &str> {
    (0..ascii.len()).step_by(length).map(move |at| &ascii[at..ascii.len().min(at + length)])
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn cleaning_looks_at_every_character(text: String) {
            let by_character: String = text
                .replace("\r\n", "\n")
                .replace('\r', "\n")
                .chars()
                .filter(|character| is_publishable(*character))
                .collect();
            proptest::prop_assert_eq!(clean(&text), by_character);
        }
    }
    use proptest::prelude::*;

    #[test]
    fn controls_go_and_the_marks_of_persian_stay() {
        assert_eq!(clean("a\u{0}b\u{B}\r\nc\rd\u{FFFE}\u{FEFF}"), "ab\nc\nd");
        assert_eq!(clean("می\u{200C}شود \u{200F}BBC"), "می\u{200C}شود \u{200F}BBC");
    }

    #[test]
    fn a_text_is_cut_at_a_word_unless_that_leaves_next_to_nothing() {
        assert_eq!(shorten("One two three", 13), "One two three");
        assert_eq!(shorten("One two three", 12), "One two…");
        assert_eq!(shorten("A incomprehensibilities", 12), "A incomprehe…");
    }

    #[test]
    fn one_name_typed_two_ways_folds_to_one() {
        assert_eq!(fold("بي‌بي‌سي"), fold("بی بی سی"));
        assert_eq!(fold("BBC Online."), "bbc online");
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing_more(text: String) {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once.clone());
            prop_assert!(!once.contains('\r'));
        }
    }
}
