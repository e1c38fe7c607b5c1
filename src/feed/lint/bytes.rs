//! A document as bytes: its lines, its encoding and whether it says so (F5), and characters that no
//! writer meant. How it is read stands in `encodings`.

use super::{
    Finding,
    encodings::{Encoding, MARK, after_mark, declaration},
    report::{self, Report},
    rules::document as rules,
};

/// Where a byte stands: line and column, both counted from 1, the column in characters. Lines end
/// in LF, CR or both.
#[must_use]
pub fn line_and_column(document: &[u8], offset: usize) -> (usize, usize) {
    let before = &document[..offset.min(document.len())];
    let is_end = |at: &usize| match before[*at] {
        b'\r' => document.get(at + 1) != Some(&b'\n'),
        byte => byte == b'\n',
    };
    let ends = (0..before.len()).filter(is_end);
    let (lines, line_start) = ends.fold((1, 0), |(lines, _), at| (lines + 1, at + 1));
    (lines, String::from_utf8_lossy(&before[line_start..]).chars().count() + 1)
}

/// The one fault of a document that is not text in any encoding.
pub fn not_utf8(document: &[u8], offset: usize) -> Finding {
    let (line, column) = line_and_column(document, offset);
    let byte = document.get(offset).map(|byte| format!("0x{byte:02X}")).unwrap_or_default();
    let found = [&line.to_string(), &column.to_string(), &byte, likely_encoding(document)];
    report::finding(&rules::NOT_UTF8, offset..offset + char::REPLACEMENT_CHARACTER.len_utf8(), &found)
}

fn likely_encoding(document: &[u8]) -> &'static str {
    match document {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => "; it is UTF-32 now",
        _ if document.contains(&0) => "; it seems not to be text at all",
        _ => "; it seems to be in Windows-1252 or another old encoding now",
    }
}

/// Is there a byte order mark?
pub fn check_mark(report: &mut Report) {
    if report.source.starts_with(MARK) {
        report.add(&rules::BYTE_ORDER_MARK, 0..MARK.len_utf8(), &[]);
    }
}

/// Is the document in UTF-8, and does it say so (F5)?
pub fn check_encoding(report: &mut Report) {
    let said = declaration(report.source).and_then(|(_, attributes)| {
        let found = attributes.into_iter().find(|attribute| attribute.name == "encoding")?;
        Some((found.value, found.span))
    });
    let (name, span) = said.unwrap_or(("", 0..0));
    let is = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    match report.encoding {
        Encoding::Utf8 if name.is_empty() || name.eq_ignore_ascii_case("utf-8") => {}
        Encoding::Utf8 if report.source.is_ascii() && !is("utf") && !is("ucs") => {
            report.add(&rules::OLD_ENCODING, span, &[name]);
        }
        Encoding::Utf8 => report.add(&rules::WRONG_ENCODING, span, &[name, "UTF-8"]),
        Encoding::Utf16 if name.is_empty() || is("utf-16") => {
            report.add(&rules::OLD_ENCODING, span, &["UTF-16"]);
        }
        Encoding::Utf16 => report.add(&rules::WRONG_ENCODING, span, &[name, "UTF-16"]),
        Encoding::OneByte => report.add(&rules::OLD_ENCODING, span, &[name]),
        Encoding::Unread => report.add(&rules::UNREAD_ENCODING, span, &[name]),
    }
}

/// Is there an XML declaration, and is it whole?
pub fn check_declaration(report: &mut Report) {
    let Some((span, attributes)) = declaration(report.source) else {
        let start = after_mark(report.source);
        return report.add(&rules::MISSING_XML_DECLARATION, start..start, &[]);
    };
    let value = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
    // XML 1.0 §4.3.3: UTF-16 says so by its byte order mark.
    if value("encoding").is_none() && report.encoding == Encoding::Utf8 {
        report.add(&rules::MISSING_ENCODING, span, &[]);
    }
    if let Some(found) = value("version").filter(|found| found.value != "1.0") {
        report.add(&rules::WRONG_XML_VERSION, found.span.clone(), &[found.value]);
    }
}

/// Characters that no writer meant: U+0080–9F, which Windows-1252 leaves behind, and U+FFFD.
pub fn check_characters(report: &mut Report) {
    let source = report.source;
    for (at, c) in source.char_indices().filter(|(_, c)| is_bad(*c)) {
        report.add(&rules::BAD_CHARACTERS, at..at + c.len_utf8(), &[&code_point(c)]);
    }
    for (at, _) in source.match_indices("&#") {
        let Some(digits) = source[at + 2..].get(..8).or(source.get(at + 2..)) else { continue };
        let Some((digits, _)) = digits.split_once(';') else { continue };
        if let Some(c) = super::text::numeric(digits).filter(|c| is_bad(*c)) {
            report.add(&rules::BAD_CHARACTERS, at..at + digits.len() + 3, &[&code_point(c)]);
        }
    }
}

/// Is it rubbish rather than a letter?
pub fn is_bad(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9F}' | '\u{FFFD}')
}

/// `U+0085`.
pub fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}
