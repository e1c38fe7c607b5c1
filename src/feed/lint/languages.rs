//! Language codes, and text that runs from right to left (F25).

use std::ops::Range;

use super::{
    html::tokens::{Token, has_tag, tokens},
    report::Report,
    rules::shared as rules,
    text::{Text, numeric},
};

/// Languages written from right to left unless a script says otherwise.
const RIGHT_TO_LEFT: [&str; 13] =
    ["ar", "fa", "he", "iw", "ur", "ps", "ckb", "sd", "ug", "yi", "dv", "prs", "azb"];
/// Scripts written from right to left.
const SCRIPTS: [&str; 5] = ["arab", "hebr", "thaa", "syrc", "nkoo"];

/// Reports what is not a language code.
pub fn check(report: &mut Report, code: &str, span: Range<usize>) {
    if !is_code(code) {
        report.add(&rules::INVALID_LANGUAGE, span, &[code]);
    }
}

/// The shape of RFC 5646: `en`, `en-GB`, `zh-Hant-TW`.
fn is_code(code: &str) -> bool {
    let mut parts = code.split('-');
    let is_word = |part: &str, lengths: Range<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let first = parts.next().unwrap_or_default();
    let is_primary = is_word(first, 2..9) || matches!(first, "x" | "i" | "X" | "I");
    let is_alphabetic = first.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_primary && is_alphabetic && parts.all(|part| is_word(part, 1..9))
}

/// Is this language written from right to left?
pub fn is_right_to_left(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    let mut parts = code.split('-');
    let language = parts.next().unwrap_or_default();
    match parts.next().filter(|part| part.len() == 4) {
        Some(script) => SCRIPTS.contains(&script),
        None => RIGHT_TO_LEFT.contains(&language),
    }
}

/// Reports a title that readers which go by the first letter lay out from the left.
pub fn check_title(report: &mut Report, language: &str, title: &Text) {
    if is_right_to_left(language)
        && let Some(part) = starts_left_to_right(&title.value)
    {
        report.add(&rules::RTL_TITLE, title.span(part), &[language]);
    }
}

/// Reports a text that readers lay out from the left.
pub fn check_html(report: &mut Report, language: &str, html: &Text) {
    if !is_right_to_left(language) {
        return;
    }
    // Plain text has nowhere to say it.
    let mut says_direction = !has_tag(&html.value);
    let mut first_letters = None;
    for token in tokens(&html.value) {
        match token {
            Token::Tag(tag) => says_direction |= tag.attributes.iter().any(|a| is_rtl(a.name, a.value)),
            Token::Text(part) if first_letters.is_none() => {
                let found = first_strong(&without_references(&html.value[part.clone()]));
                first_letters = found.map(|(at, is_rtl)| (part.start + at, is_rtl));
            }
            Token::Text(_) => {}
        }
    }
    if let Some((at, false)) = first_letters {
        report.add(&rules::RTL_BODY, html.span(at..at + letter_length(&html.value, at)), &[language]);
    }
    if !says_direction && first_letters.is_some() {
        report.add(&rules::MISSING_DIRECTION, html.trimmed_span(), &[language]);
    }
}

fn is_rtl(name: &str, value: &str) -> bool {
    name.eq_ignore_ascii_case("dir") && value.eq_ignore_ascii_case("rtl")
}

fn starts_left_to_right(text: &str) -> Option<Range<usize>> {
    let (at, is_rtl) = first_strong(text)?;
    (!is_rtl).then(|| at..at + letter_length(text, at))
}

fn letter_length(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// Where the first letter with a direction of its own stands, and whether that is right to left.
fn first_strong(text: &str) -> Option<(usize, bool)> {
    text.char_indices().find_map(|(at, c)| direction(c).map(|is_rtl| (at, is_rtl)))
}

/// HTML with `&nbsp;` and the like blotted out, of the same length; the marks for direction count.
fn without_references(html: &str) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut parts = html.split('&');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let name = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '#').next().unwrap_or_default();
        let c = match name {
            "rlm" => '\u{200F}',
            "lrm" => '\u{200E}',
            _ => name.strip_prefix('#').and_then(numeric).unwrap_or(' '),
        };
        plain.push(c);
        let blots = (name.len() + 1).saturating_sub(c.len_utf8());
        plain.extend(std::iter::repeat_n(' ', blots));
        plain.push_str(&part[name.len()..]);
    }
    plain
}

/// Near enough to UAX #9: letters of the right-to-left scripts and the mark U+200F against all others.
fn direction(c: char) -> Option<bool> {
    match c {
        '\u{200F}' | '\u{61C}' => Some(true),
        '\u{200E}' => Some(false),
        '\u{590}'..='\u{8FF}'
        | '\u{FB1D}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFC}'
        | '\u{10800}'..='\u{10FFF}'
        | '\u{1E800}'..='\u{1EFFF}' => c.is_alphabetic().then_some(true),
        _ => c.is_alphabetic().then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_shape_of_rfc_5646() {
        for code in ["en", "en-GB", "fa", "ckb", "zh-Hant-TW", "x-klingon"] {
            assert!(is_code(code), "{code}");
        }
        for code in ["", "e", "en_US", "en-", "english language", "فارسی"] {
            assert!(!is_code(code), "{code}");
        }
    }

    #[test]
    fn a_script_outweighs_the_language() {
        assert!(is_right_to_left("fa") && is_right_to_left("fa-IR") && is_right_to_left("pa-Arab"));
        assert!(!is_right_to_left("fa-Latn") && !is_right_to_left("en"));
    }
}
