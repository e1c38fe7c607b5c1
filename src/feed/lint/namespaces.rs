//! The namespaces that a feed declares, and under which prefixes.

use std::ops::Range;

use roxmltree::Node;

use super::{names, report::Report, rules::shared as rules, tags::Tag, text::Text};

/// Checks every declaration in the document.
pub fn check(report: &mut Report, root: Node) {
    let is_atom = root.tag_name().namespace() == Some(names::ATOM);
    for element in root.descendants().filter(Node::is_element) {
        let Some(tag) = Tag::read(report.source, element.range().start) else { continue };
        for attribute in tag.attributes {
            let prefix = match attribute.name.strip_prefix("xmlns") {
                Some("") => None,
                Some(prefix) if prefix.starts_with(':') => Some(&prefix[1..]),
                _ => continue,
            };
            let span = attribute.span.clone();
            let address = Text::of_xml(report.source, span.clone()).value;
            // RSS has no namespace of its own; old feeds name one for it all the same.
            let is_core = prefix.is_none() && element == root && !is_atom;
            if !is_core && !attribute.value.is_empty() {
                check_declaration(report, prefix, &address, &span, is_atom);
            }
        }
    }
}

fn check_declaration(
    report: &mut Report,
    prefix: Option<&str>,
    address: &str,
    span: &Range<usize>,
    is_atom: bool,
) {
    let usual = names::prefix_of(address);
    let reserved = prefix.and_then(names::address_of);
    match (usual, reserved, prefix) {
        (_, _, Some(prefix)) if names::is_usual(prefix, address) => {}
        (_, Some(reserved), Some(prefix)) => {
            report.add(&rules::RESERVED_PREFIX, span.clone(), &[prefix, reserved]);
        }
        (Some(usual), _, Some(_)) => report.add(&rules::NONSTD_PREFIX, span.clone(), &[usual, address]),
        (Some(_), _, None) => {}
        (None, ..) => report.add(&rules::UNKNOWN_NAMESPACE, span.clone(), &[address]),
    }
    let Some(prefix) = prefix else { return };
    if is_atom && matches!(usual, Some("atom" | "xhtml")) {
        report.add(&rules::AVOID_NAMESPACE_PREFIX, span.clone(), &[prefix]);
    }
}
