//! The findings of one document as they gather.

use std::{collections::BTreeMap, ops::Range};

use super::{
    Expectation, Finding,
    encodings::{Decoded, Encoding},
    rules::{Rule, document},
};

/// Findings of one rule, at the most; a template's fault repeats in every article.
const FINDINGS_OF_A_RULE_MAX: usize = 50;
/// Characters of the document that a message quotes, at the most.
const QUOTED_CHARS_MAX: usize = 120;

/// A document under examination and what was found.
pub struct Report<'d> {
    /// The whole text.
    pub source: &'d str,
    /// How its bytes were read.
    pub encoding: Encoding,
    /// How many there were.
    pub bytes: usize,
    /// What the caller knows.
    pub expectation: &'d Expectation,
    findings: Vec<Finding>,
    counts: BTreeMap<&'static str, usize>,
}

impl<'d> Report<'d> {
    /// Nothing found yet.
    pub fn new(document: &'d Decoded, expectation: &'d Expectation) -> Self {
        Self {
            source: &document.text,
            encoding: document.encoding,
            bytes: document.bytes,
            expectation,
            findings: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Adds a finding; `found` fills the `{0}`, `{1}` … of the rule's words.
    pub fn add(&mut self, rule: &Rule, span: Range<usize>, found: &[&str]) {
        let count = self.counts.entry(rule.id).or_default();
        *count += 1;
        if *count <= FINDINGS_OF_A_RULE_MAX {
            self.findings.push(finding(rule, span, found));
        }
    }

    /// All of them, in the order of the document.
    pub fn into_findings(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
        for (rule, count) in self.counts {
            if count > FINDINGS_OF_A_RULE_MAX {
                let more = (count - FINDINGS_OF_A_RULE_MAX).to_string();
                self.findings.push(finding(&document::MORE_OF_THE_SAME, 0..0, &[&more, rule]));
            }
        }
        self.findings
    }
}

/// A finding with its words filled in.
pub fn finding(rule: &Rule, span: Range<usize>, found: &[&str]) -> Finding {
    let found: Vec<String> = found.iter().map(|text| quotable(text)).collect();
    let message = filled(rule.message, &found);
    let hint = filled(rule.hint, &found);
    Finding { severity: rule.severity, rule: rule.id, span, message, hint }
}

/// Text from the document as one short line that cannot disturb a terminal.
fn quotable(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let mut visible = spaced.filter(|c| !c.is_control() && !is_bidi_control(*c));
    let mut short: String = visible.by_ref().take(QUOTED_CHARS_MAX).collect();
    if visible.next().is_some() {
        short.push('…');
    }
    short
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// One pass, so that a `{0}` in the document stays what it is; so does any other brace of ours.
fn filled(template: &str, found: &[String]) -> String {
    let mut parts = template.split('{');
    let mut words = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let value = part.split_once('}').and_then(|(number, _)| found.get(number.parse::<usize>().ok()?));
        match value.zip(part.split_once('}')) {
            Some((value, (_, rest))) => {
                let is_quoted_nothing = value.is_empty() && words.ends_with('`');
                words.extend([if is_quoted_nothing { "(nothing)" } else { value }, rest]);
            }
            None => words.extend(["{", part]),
        }
    }
    words
}
