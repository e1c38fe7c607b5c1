//! Fields of RSS that say little by themselves, and those that channel and item share.

use std::collections::BTreeSet;

use super::super::{
    dates,
    elements::{self, Shape},
    languages, plain,
    report::Report,
    rules::{Rule, rss as rules, shared},
    urls,
    xml::Element,
};

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Those of RSS that have elements inside; all others have text.
const HOLDERS: [&str; 7] = ["image", "item", "items", "skipDays", "skipHours", "textInput", "textinput"];
/// Those of other namespaces that channel and item may have, but once.
pub const ONCE: &[&str] =
    &["dc:title", "dc:description", "dc:language", "dc:rights", "atom:id", "atom:title", "atom:updated"];
/// Elements of Atom that channel and item may borrow.
const BORROWED: [&str; 6] =
    ["atom:author", "atom:contributor", "atom:id", "atom:link", "atom:title", "atom:updated"];
/// Elements that say the same in both.
const SAME: [(&str, &str, &str); 3] = [
    ("category", "dc:subject", "category"),
    ("pubDate", "dc:date", "pubDate"),
    ("creativeCommons:license", "cc:license", "creativeCommons:license"),
];

/// Checks a field that channel and item have alike.
pub fn check(report: &mut Report, element: &Element) {
    match element.name.as_str() {
        "link" | "docs" | "comments" => check_link(report, element),
        "category" => check_category(report, element),
        "language" | "dc:language" => {
            let code = element.text(report.source);
            languages::check(report, code.trimmed(), element.value_span(report.source));
        }
        _ => dates::check_borrowed(report, element),
    }
}

/// The language of a channel or an item, by its own word or by what it stands in.
pub fn language(source: &str, parent: &Element, children: &[Element]) -> Option<String> {
    let named = children.iter().find(|child| matches!(child.name.as_str(), "language" | "dc:language"));
    let named = named.map(|child| child.text(source).trimmed().to_string());
    named.or(parent.language().map(str::to_string))
}

/// A whole address in ASCII.
pub fn check_link(report: &mut Report, element: &Element) {
    let text = element.text(report.source);
    urls::check_text(report, &element.name, &text, element.node.range());
}

fn check_category(report: &mut Report, category: &Element) {
    elements::check_attributes(report, category, &["domain"]);
    elements::check_not_blank(report, category);
    plain::check(report, category);
}

/// Reports elements inside fields that have text only.
pub fn check_markup(report: &mut Report, children: &[Element], shape: &Shape) {
    let has_text_only = |name: &str| match name.split_once(':') {
        None => shape.knows(name) && !HOLDERS.contains(&name),
        Some((prefix, _)) => prefix == "dc" || name == "content:encoded",
    };
    for child in children.iter().filter(|child| has_text_only(&child.name)) {
        elements::check_no_elements(report, child, instead_of_markup(&child.name));
    }
}

fn instead_of_markup(name: &str) -> &'static str {
    match name {
        "description" | "content:encoded" => {
            "escape the markup, `&lt;` for `<`, or put all of the text into `<![CDATA[…]]>`"
        }
        "link" | "guid" | "comments" | "docs" | "url" => "write the bare address",
        _ => "write plain words without markup",
    }
}

/// Reports elements of Atom that have no place here; `own` are those that have one here alone.
pub fn check_borrowed(report: &mut Report, parent: &Element, children: &[Element], own: &[&str]) {
    let is_allowed = |name: &str| BORROWED.contains(&name) || own.contains(&name);
    let borrowed = children.iter().filter(|child| child.name.starts_with("atom:"));
    for child in borrowed.filter(|child| !is_allowed(&child.name)) {
        let span = child.tag(report.source);
        match child.name.as_str() {
            "atom:source" => report.add(&rules::ATOM_SOURCE_IN_ITEM, span, &[]),
            name => report.add(&shared::QUESTIONABLE_USAGE, span, &[name, &parent.name]),
        }
    }
}

/// Reports two elements that say the same; `own`, of this parent alone, has both names and the one
/// to keep.
pub fn check_same(report: &mut Report, children: &[Element], own: &[(&str, &str, &str)], rule: &Rule) {
    for (core, extension, keep) in SAME.iter().chain(own) {
        let has_core = children.iter().any(|child| child.name == *core);
        let extension = children.iter().find(|child| child.name == *extension);
        if let Some(found) = extension.filter(|_| has_core) {
            report.add(rule, found.node.range(), &[core, &found.name, keep]);
        }
    }
}

/// Minutes.
pub fn check_ttl(report: &mut Report, ttl: &Element) {
    let text = ttl.text(report.source);
    if !text.trimmed().parse::<u32>().is_ok_and(|minutes| minutes > 0) {
        report.add(&rules::INVALID_TTL, ttl.value_span(report.source), &[text.trimmed()]);
    }
}

/// Hours of the day at which readers should not come.
pub fn check_hours(report: &mut Report, hours: &Element, core: Option<&str>) {
    let is_hour = |value: &str| value.parse::<u8>().is_ok_and(|hour| hour < 24);
    check_skips(report, hours, core, is_hour, &rules::INVALID_HOUR, 24);
}

/// Days at which readers should not come.
pub fn check_days(report: &mut Report, days: &Element, core: Option<&str>) {
    check_skips(report, days, core, |value| DAYS.contains(&value), &rules::INVALID_DAY, 7);
}

fn check_skips(
    report: &mut Report,
    skips: &Element,
    core: Option<&str>,
    is_right: impl Fn(&str) -> bool,
    rule: &Rule,
    all: usize,
) {
    let mut seen = BTreeSet::new();
    for child in skips.children(core) {
        let text = child.text(report.source);
        if !is_right(text.trimmed()) {
            report.add(rule, child.value_span(report.source), &[text.trimmed()]);
        } else if !seen.insert(text.trimmed().to_string()) {
            report.add(&shared::DUPLICATE_ELEMENT, child.node.range(), &[text.trimmed(), &skips.name]);
        }
    }
    if seen.len() == all {
        report.add(&rules::SKIPS_EVERYTHING, skips.tag(report.source), &[&skips.name]);
    }
}

/// Where programs register to be told of changes (rssCloud).
pub fn check_cloud(report: &mut Report, cloud: &Element) {
    const ATTRIBUTES: [&str; 5] = ["domain", "port", "path", "registerProcedure", "protocol"];
    elements::check_attributes(report, cloud, &ATTRIBUTES);
    elements::require_attributes(report, cloud, &ATTRIBUTES);
    if let Some((port, span)) = cloud.attribute("port")
        && !port.parse::<u16>().is_ok_and(|port| port > 0)
    {
        report.add(&rules::INVALID_CLOUD_PORT, span, &[port]);
    }
}
