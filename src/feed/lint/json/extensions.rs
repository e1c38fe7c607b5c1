//! Extensions of JSON Feed: keys that begin with `_`.

use std::{collections::BTreeMap, ops::Range};

use super::{
    super::{report::Report, rules::json as rules},
    tree::{Member, Value},
};

/// The extensions of one feed: where each came first, and whether it said what it is about.
#[derive(Debug, Default)]
pub struct Extensions {
    seen: BTreeMap<String, (Range<usize>, bool)>,
}

impl Extensions {
    /// Checks one use of an extension.
    pub fn check(&mut self, report: &mut Report, member: &Member) {
        let is_object = matches!(member.node.value, Value::Table(_));
        if !is_object {
            let found = [member.key.as_str(), member.node.what()];
            report.add(&rules::EXTENSION_NOT_AN_OBJECT, member.node.span.clone(), &found);
        }
        let starts_well = member.key.chars().nth(1).is_some_and(char::is_alphabetic);
        let keys = std::iter::once(member).chain(member.node.members());
        if let Some(bad) = keys.into_iter().find(|found| found.key.contains('.') || !starts_well) {
            report.add(&rules::EXTENSION_NAME, bad.key_span.clone(), &[&bad.key]);
        }
        let first = (member.key_span.clone(), false);
        let (_, has_about) = self.seen.entry(member.key.clone()).or_insert(first);
        // One that is no object has nowhere to say it; that was said.
        *has_about |= !is_object || member.node.get("about").is_some();
    }

    /// Reports extensions that never said what they are about.
    pub fn finish(self, report: &mut Report) {
        for (name, (span, has_about)) in self.seen {
            if !has_about {
                report.add(&rules::EXTENSION_WITHOUT_ABOUT, span, &[&name]);
            }
        }
    }
}
