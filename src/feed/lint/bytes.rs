//! A document as bytes: is it UTF-8, and does it say so (F5).

use std::ops::Range;

use super::{
    Finding,
    report::{self, Report},
    rules::document as rules,
    tags::{Attribute, Tag},
};

/// U+FEFF in front, which editors on Windows write.
pub const MARK: char = '\u{FEFF}';

/// Where a byte stands: line and column, both counted from 1, the column in characters.
#[must_use]
pub fn line_and_column(document: &[u8], offset: usize) -> (usize, usize) {
    let before = &document[..offset.min(document.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = before.split(|byte| *byte == b'\n').count();
    (lines, String::from_utf8_lossy(&before[line_start..]).chars().count() + 1)
}

/// The one fault of a document that is not UTF-8.
pub fn not_utf8(document: &[u8], offset: usize) -> Finding {
    let (line, column) = line_and_column(document, offset);
    let byte = document.get(offset).map(|byte| format!("0x{byte:02X}")).unwrap_or_default();
    let found = [&line.to_string(), &column.to_string(), &byte, likely_encoding(document)];
    report::finding(&rules::NOT_UTF8, offset..offset + 1, &found)
}

fn likely_encoding(document: &[u8]) -> &'static str {
    match document {
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => "; it is UTF-16 now",
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

/// Does the XML declaration say UTF-8?
pub fn check_declaration(report: &mut Report) {
    let source = report.source;
    let start = if source.starts_with(MARK) { MARK.len_utf8() } else { 0 };
    if !source[start..].starts_with("<?xml") {
        return report.add(&rules::MISSING_XML_DECLARATION, start..start, &[]);
    }
    let span = start..start + source[start..].find("?>").map_or(0, |end| end + 2);
    let attributes = pseudo_attributes(source, &span);
    let value = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
    match value("encoding") {
        None => report.add(&rules::MISSING_ENCODING, span, &[]),
        Some(found) if found.value.eq_ignore_ascii_case("utf-8") => {}
        Some(found) => report.add(&rules::WRONG_ENCODING, found.span.clone(), &[found.value]),
    }
    if let Some(found) = value("version").filter(|found| found.value != "1.0") {
        report.add(&rules::WRONG_XML_VERSION, found.span.clone(), &[found.value]);
    }
}

/// `<?xml a="b"?>` reads like the tag `<xml a="b"?>`.
fn pseudo_attributes<'d>(source: &'d str, span: &Range<usize>) -> Vec<Attribute<'d>> {
    Tag::read(source, span.start + 1).map(|tag| tag.attributes).unwrap_or_default()
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
