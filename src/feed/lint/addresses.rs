//! E-mail addresses where RSS wants them: `author`, `managingEditor`, `webMaster`.

use super::{report::Report, rules::shared as rules, xml::Element};

/// Checks an element whose text is `mina@example.org (Mina Example)`.
pub fn check(report: &mut Report, element: &Element) {
    let text = element.text(report.source);
    let value = text.trimmed();
    let rule = match value.split_once(' ') {
        None if is_address(value) => &rules::MISSING_REAL_NAME,
        Some((address, name)) if is_address(address) && is_in_brackets(name) => return,
        Some(_) if value.split([' ', '<', '>', '(', ')', ',']).any(is_address) => &rules::EMAIL_FORMAT,
        _ => &rules::INVALID_CONTACT,
    };
    report.add(rule, element.value_span(report.source), &[value, &element.name]);
}

fn is_in_brackets(name: &str) -> bool {
    name.len() > 2 && name.starts_with('(') && name.ends_with(')')
}

/// Does it look like one? Whether mail arrives there is another question.
pub fn is_address(value: &str) -> bool {
    let Some((person, host)) = value.split_once('@') else { return false };
    let is_person =
        !person.is_empty() && !person.contains(|c: char| c.is_whitespace() || "<>(),;:".contains(c));
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    is_person && labels.len() > 1 && labels.iter().all(is_label)
}
