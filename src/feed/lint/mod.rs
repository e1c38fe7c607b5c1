//! What is wrong with a feed, in words for its author: the checks behind `byline feed lint`.
//!
//! [`lint`] reads one document, RSS 2.0, Atom 1.0 or JSON Feed 1.x, and knows nothing else: no
//! network, no file and no clock. So it cannot see what only HTTP shows (types, caching, redirects)
//! nor what only two documents show (stable ids, a walk through archives).
//!
//! The rules and all their wording stand in `rules/`, one table for each format.

mod addresses;
mod atom;
mod bytes;
mod dates;
mod elements;
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

use self::{kind::Kind, report::Report};
use crate::diagnostic::Severity;

pub use self::bytes::line_and_column;

/// One fault in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The rule's stable name, in kebab case.
    pub rule: &'static str,
    /// Where, in bytes of the document.
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
    let mut report = Report::new(document, expectation);
    bytes::check_mark(&mut report);
    if let Some(kind) = kind::of(&mut report) {
        match kind {
            Kind::Xml => root::check(&mut report),
            Kind::Json => json::check(&mut report),
        }
    }
    report.into_findings()
}

/// As [`lint`], of bytes that may not be text: a document that is not UTF-8 has that one fault.
#[must_use]
pub fn lint_bytes(document: &[u8], expectation: &Expectation) -> Vec<Finding> {
    match std::str::from_utf8(document) {
        Ok(text) => lint(text, expectation),
        Err(error) => vec![bytes::not_utf8(document, error.valid_up_to())],
    }
}
