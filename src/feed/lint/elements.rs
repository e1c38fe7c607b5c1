//! Which elements and attributes may stand where, and how often.

use std::collections::BTreeSet;

use super::{names, report::Report, rules::shared as rules, xml::Element};

/// What an element of a format may hold.
pub struct Shape {
    /// As the rules name the format.
    pub format: &'static str,
    /// The format's elements that may stand here.
    pub known: &'static [&'static str],
    /// Those of them, and of extensions, that may stand once.
    pub once: &'static [&'static str],
    /// Those that must.
    pub required: &'static [&'static str],
}

/// Checks the children of `parent` against its shape.
pub fn check(report: &mut Report, parent: &Element, children: &[Element], shape: &Shape) {
    for name in shape.required {
        if !children.iter().any(|child| child.name == *name) {
            let span = parent.tag(report.source);
            report.add(&rules::MISSING_ELEMENT, span, &[name, &parent.name]);
        }
    }
    let mut seen = BTreeSet::new();
    for child in children {
        let is_known = if child.name.contains(':') {
            !child.name.starts_with(':') && names::is_defined(&child.name)
        } else {
            shape.known.contains(&child.name.as_str())
        };
        if !is_known {
            let span = child.tag(report.source);
            report.add(&rules::UNDEFINED_ELEMENT, span, &[child.name.trim_start_matches(':'), shape.format]);
        }
        let is_once = shape.once.contains(&child.name.as_str());
        if is_once && !seen.insert(child.name.as_str()) {
            report.add(&rules::DUPLICATE_ELEMENT, child.node.range(), &[&child.name, &parent.name]);
        }
    }
}

/// Reports attributes without a namespace that are not `allowed`.
pub fn check_attributes(report: &mut Report, element: &Element, allowed: &[&str]) {
    for attribute in element.node.attributes().filter(|attribute| attribute.namespace().is_none()) {
        if !allowed.contains(&attribute.name()) {
            let found = [attribute.name(), &element.name];
            report.add(&rules::UNEXPECTED_ATTRIBUTE, attribute.range_qname(), &found);
        }
    }
}

/// Reports attributes that are missing.
pub fn require_attributes(report: &mut Report, element: &Element, required: &[&str]) {
    for name in required.iter().filter(|name| element.attribute(name).is_none()) {
        let span = element.tag(report.source);
        report.add(&rules::MISSING_ATTRIBUTE, span, &[name, &element.name]);
    }
}

/// Reports an element without text.
pub fn check_not_blank(report: &mut Report, element: &Element) {
    if element.text(report.source).trimmed().is_empty() {
        report.add(&rules::NOT_BLANK, element.node.range(), &[&element.name]);
    }
}
