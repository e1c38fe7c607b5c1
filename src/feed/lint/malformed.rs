//! Why a document is not well-formed XML, said plainly.

use std::ops::Range;

use roxmltree::{Error, TextPos};

use super::{bytes::code_point, kind, names, report::Report, rules::document as rules};

/// Reports the one fault at which reading stopped.
pub fn report(report: &mut Report, error: &Error) {
    let source = report.source;
    let at = offset(source, error.pos());
    let mut add = |rule, span, found: &[&str]| report.add(rule, span, found);
    match error {
        Error::NonXmlChar(c, _) => add(&rules::CONTROL_CHARACTER, character(source, at), &[&code_point(*c)]),
        Error::MalformedEntityReference(_) if source[at..].starts_with("&#") => {
            let span = at..at + source[at..].find(';').map_or(2, |end| end + 1).min(12);
            add(&rules::FORBIDDEN_REFERENCE, span.clone(), &[source.get(span).unwrap_or("&#")]);
        }
        Error::MalformedEntityReference(_) => add(&rules::LONE_AMPERSAND, character(source, at), &[]),
        Error::UnknownEntityReference(name, _) => {
            add(&rules::UNKNOWN_ENTITY, at..at + name.len() + 2, &[name]);
        }
        Error::UnexpectedCloseTag(open, close, _) => {
            add(&rules::UNCLOSED_ELEMENT, tag(source, at), &[open, close]);
        }
        Error::UnclosedRootNode | Error::UnexpectedEndOfStream => {
            add(&rules::CUT_OFF, source.len()..source.len(), &[root_name(source)]);
        }
        Error::UnknownNamespace(prefix, _) => {
            let address = names::address_of(prefix).unwrap_or("…");
            add(&rules::UNBOUND_PREFIX, at..at + prefix.len(), &[prefix, address]);
        }
        Error::UnexpectedDeclaration(_) => add(&rules::BLANK_BEFORE_DECLARATION, 0..at, &[]),
        Error::DtdDetected => add(&rules::DOCTYPE, kind::doctype(source).unwrap_or(0..0), &[]),
        Error::InvalidCharacterData(_) => add(&rules::CDATA_END, cdata_end(source, at), &[]),
        Error::InvalidChar(b'"' | b'\'', b'<', _) | Error::InvalidAttributeValue(_) => {
            add(&rules::LESS_THAN_IN_ATTRIBUTE, character(source, at), &[]);
        }
        Error::DuplicatedAttribute(name, _) | Error::DuplicatedNamespace(name, _) => {
            add(&rules::DUPLICATE_ATTRIBUTE, at..at + name.len(), &[name]);
        }
        other => add(&rules::NOT_WELL_FORMED, character(source, at), &[reason(other).as_str()]),
    }
}

/// The crate's own words, without the place at their end.
fn reason(error: &Error) -> String {
    let words = error.to_string();
    words.split(" at ").next().unwrap_or(&words).to_string()
}

/// The byte at a row and column; the column counts characters.
fn offset(source: &str, place: TextPos) -> usize {
    let row_start = source.split_inclusive('\n').take(place.row as usize - 1).map(str::len).sum::<usize>();
    let row = &source[row_start..];
    row_start + row.char_indices().nth(place.col as usize - 1).map_or(row.len(), |(at, _)| at)
}

fn character(source: &str, at: usize) -> Range<usize> {
    at..at + source[at..].chars().next().map_or(0, char::len_utf8)
}

fn tag(source: &str, at: usize) -> Range<usize> {
    at..source[at..].find('>').map_or(source.len(), |end| at + end + 1)
}

/// The crate points at the end of the text that has it.
fn cdata_end(source: &str, at: usize) -> Range<usize> {
    source[..at].rfind("]]>").map_or(at..at, |found| found..found + 3)
}

fn root_name(source: &str) -> &str {
    let roots = ["rss", "feed", "rdf:RDF"];
    roots.into_iter().find(|name| source.contains(&format!("<{name}"))).unwrap_or("rss")
}
