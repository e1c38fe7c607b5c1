//! Fields of RSS that say little by themselves, and those that channel and item share.

use std::collections::BTreeSet;

use super::super::{
    dates::{self, Dated},
    elements, plain,
    report::Report,
    rules::{Rule, rss as rules, shared},
    urls,
    xml::Element,
};

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A date in the form of RSS.
pub fn date(report: &mut Report, element: &Element) -> Option<Dated> {
    let text = element.text(report.source);
    let span = element.value_span(report.source);
    let moment = dates::check_rfc822(report, &text, span.clone())?;
    Some(Dated { moment, written: text.trimmed().to_string(), span })
}

/// A date in the form of Atom.
pub fn atom_date(report: &mut Report, element: &Element) -> Option<Dated> {
    let text = element.text(report.source);
    let span = element.value_span(report.source);
    let moment = dates::check_rfc3339(report, &element.name, text.trimmed(), span.clone())?;
    Some(Dated { moment, written: text.trimmed().to_string(), span })
}

/// A whole address in ASCII.
pub fn check_link(report: &mut Report, element: &Element) {
    let text = element.text(report.source);
    urls::check_text(report, &element.name, &text, element.node.range());
}

/// A tag.
pub fn check_category(report: &mut Report, category: &Element) {
    elements::check_attributes(report, category, &["domain"]);
    elements::check_not_blank(report, category);
    plain::check(report, category);
}

/// Fields of other namespaces that channel and item have alike.
pub fn check_extension(report: &mut Report, element: &Element) {
    let text = element.text(report.source);
    match element.name.as_str() {
        "dc:date" | "dcterms:created" | "dcterms:issued" | "dcterms:modified" | "sy:updateBase" => {
            let span = element.value_span(report.source);
            dates::check_w3cdtf(report, &element.name, text.trimmed(), span);
        }
        "atom:updated" | "atom:published" => _ = atom_date(report, element),
        _ => {}
    }
}

/// Reports elements of Atom that have no place here.
pub fn check_borrowed(report: &mut Report, parent: &Element, children: &[Element], allowed: &[&str]) {
    let borrowed = children.iter().filter(|child| child.name.starts_with("atom:"));
    for child in borrowed.filter(|child| !allowed.contains(&child.name.as_str())) {
        let span = child.tag(report.source);
        match child.name.as_str() {
            "atom:source" => report.add(&rules::ATOM_SOURCE_IN_ITEM, span, &[]),
            name => report.add(&shared::QUESTIONABLE_USAGE, span, &[name, &parent.name]),
        }
    }
}

/// Reports two elements that say the same; `same` has both names and the one to keep.
pub fn check_same(report: &mut Report, children: &[Element], same: &[(&str, &str, &str)], rule: &Rule) {
    for (core, extension, keep) in same {
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
