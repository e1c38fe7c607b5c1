//! Which elements and attributes may stand where, and how often.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::{
    names,
    report::Report,
    rules::{Rule, shared as rules},
    xml::Element,
};

/// What an element of a format may hold.
pub struct Shape {
    /// As the rules name the format.
    pub format: &'static str,
    /// The format's elements that may stand here.
    pub known: &'static [&'static str],
    /// Those of them that may stand more than once.
    pub repeatable: &'static [&'static str],
    /// Lists of those of other namespaces that may stand once.
    pub others_once: &'static [&'static [&'static str]],
    /// Those that must.
    pub required: &'static [&'static str],
}

impl Shape {
    /// Is it one of the format's own?
    pub fn knows(&self, name: &str) -> bool {
        self.known.contains(&name)
    }

    fn has_once(&self, name: &str) -> bool {
        self.others_once.iter().any(|names| names.contains(&name))
            || (self.knows(name) && !self.repeatable.contains(&name))
    }
}

/// Checks the children of `parent` against its shape.
pub fn check(report: &mut Report, parent: &Element, children: &[Element], shape: &Shape) {
    for name in shape.required {
        if !children.iter().any(|child| child.name == *name) {
            let span = parent.tag(report.source);
            report.add(&rules::MISSING_ELEMENT, span, &[name, &parent.name]);
        }
    }
    check_no_text(report, parent);
    let mut seen = BTreeSet::new();
    for child in children {
        let is_known = if child.name.contains(':') {
            !child.name.starts_with(':') && names::is_defined(&child.name)
        } else {
            shape.knows(&child.name)
        };
        if !is_known {
            let span = child.tag(report.source);
            report.add(&rules::UNDEFINED_ELEMENT, span, &[child.name.trim_start_matches(':'), shape.format]);
        }
        if shape.has_once(&child.name) && !seen.insert(child.name.as_str()) {
            report.add(&rules::DUPLICATE_ELEMENT, child.node.range(), &[&child.name, &parent.name]);
        }
    }
}

/// Reports text between the elements of one that has elements only.
pub fn check_no_text(report: &mut Report, parent: &Element) {
    for node in parent.node.children().filter(Node::is_text) {
        let text = node.text().unwrap_or_default().trim();
        if !text.is_empty() {
            let written = &report.source[node.range()];
            let start = node.range().start + written.len() - written.trim_start().len();
            report.add(&rules::UNEXPECTED_TEXT, start..start + written.trim().len(), &[text, &parent.name]);
        }
    }
}

/// Reports an element inside one that has text only; answers whether there is none. `hint` is what
/// to do.
pub fn check_no_elements(report: &mut Report, element: &Element, hint: &str) -> bool {
    let inside = element.node.children().find(Node::is_element);
    if let Some(child) = inside {
        let found = [element.name.as_str(), child.tag_name().name(), hint];
        report.add(&rules::MARKUP_IN_TEXT, child.range(), &found);
    }
    inside.is_none()
}

/// Reports what comes after the first article, called `article`: readers that stop there miss it.
pub fn check_order(report: &mut Report, children: &[Element], article: &str, rule: &Rule) {
    let after = children.iter().skip_while(|child| child.name != article);
    for child in after.filter(|child| child.name != article) {
        report.add(rule, child.tag(report.source), &[&child.name]);
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
