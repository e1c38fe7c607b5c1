//! What is wrong with a feed, in words for its author: the checks behind `byline feed lint`.
//!
//! [`lint`] reads one document, RSS, Atom or JSON Feed, and knows nothing else: no network, no file and no clock. So it cannot see what only HTTP shows (types, caching, redirects)
//! nor what only two documents show (stable ids, a walk through archives).
//!
//! The rules and all their wording stand in `rules/`, one table for each format.

mod addresses;
mod atom;
mod bytes;
mod dates;
mod elements;
mod encodings;
mod html;
mod json;
mod kind;
mod languages;
mod limits;
mod links;
mod malformed;
mod names;
mod namespaces;
mod plain;
mod report;
mod root;
mod rss;
mod rules;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod urls;
mod xml;

use std::ops::Range;

use chrono::{DateTime, Utc};

use self::{
    encodings::{Decoded, Encoding},
    kind::Kind,
    report::Report,
};
use crate::diagnostic::Severity;

pub use self::{
    bytes::line_and_column,
    encodings::decoded,
    html::tokens::{Token, resolved, tokens},
    tags::{Attribute, Tag},
};

/// One fault in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The rule's stable name, in kebab case.
    pub rule: &'static str,
    /// Where, in bytes of the document's text: what [`decoded`] makes of it.
    pub span: Range<usize>,
    /// What is wrong and what it breaks; begins small, has no full stop.
    pub message: String,
    /// The very thing to do.
    pub hint: String,
}

/// What the caller knows and a document cannot say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The address that the document was fetched from, or will have.
    pub self_url: Option<String>,
    /// The present; without it no date is called too late.
    pub now: Option<DateTime<Utc>>,
}

/// Everything wrong with a document, in the order of its bytes.
#[must_use]
pub fn lint(document: &str, expectation: &Expectation) -> Vec<Finding> {
    let text = document.into();
    findings(&Decoded { text, encoding: Encoding::Utf8, bytes: document.len() }, expectation)
}

/// As [`lint`], of bytes in any encoding. What is not text in one has that one fault.
#[must_use]
pub fn lint_bytes(document: &[u8], expectation: &Expectation) -> Vec<Finding> {
    match encodings::decode(document) {
        Ok(decoded) => findings(&decoded, expectation),
        Err(valid_up_to) => vec![bytes::not_utf8(document, valid_up_to)],
    }
}

fn findings(document: &Decoded, expectation: &Expectation) -> Vec<Finding> {
    let mut report = Report::new(document, expectation);
    bytes::check_mark(&mut report);
    match kind::of(&mut report) {
        Some(Kind::Xml) => root::check(&mut report),
        Some(Kind::Json) => json::check(&mut report),
        None => {}
    }
    report.into_findings()
}
