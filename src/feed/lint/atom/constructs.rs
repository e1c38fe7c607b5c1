//! What Atom builds feeds and entries from: texts, dates, people, categories (RFC 4287 §3).

use roxmltree::Node;

use super::super::{
    addresses,
    dates::{self, Dated},
    elements::{self, Shape},
    html, names, plain,
    report::Report,
    rules::{atom as rules, shared},
    urls,
    xml::Element,
};

/// RFC 4287 §3.2.
const PERSON: Shape = Shape {
    format: "Atom",
    known: &["name", "uri", "email"],
    repeatable: &[],
    others_once: &[],
    required: &["name"],
};

/// Checks an element that feed and entry have alike.
pub fn check(report: &mut Report, element: &Element) {
    match element.name.as_str() {
        "title" | "subtitle" | "rights" | "summary" => check_text(report, element),
        "author" | "contributor" => check_person(report, element),
        "category" => check_category(report, element),
        "id" => check_id(report, element),
        _ => dates::check_borrowed(report, element),
    }
}

/// RFC 4287 §3.1: `text`, `html` or `xhtml`.
fn check_text(report: &mut Report, element: &Element) {
    elements::check_attributes(report, element, &["type"]);
    match element.attribute("type") {
        None | Some(("text", _)) => check_plain(report, element),
        Some(("html", _)) => check_html(report, element),
        Some(("xhtml", _)) => check_xhtml(report, element),
        Some((other, span)) => report.add(&rules::INVALID_TEXT_TYPE, span, &[other, &element.name]),
    }
}

/// Plain text: no elements, and no tags written as text.
pub fn check_plain(report: &mut Report, element: &Element) {
    if check_no_elements(report, element) {
        let text = element.text(report.source);
        let is_title = element.name == "title";
        if is_title {
            elements::check_not_blank(report, element);
        }
        let entities_are_meant = report.source[element.node.range()].contains("&#x");
        let rule = &rules::CONTAINS_UNDECLARED_HTML;
        plain::check_text(report, rule, &element.name, &text, entities_are_meant);
    }
}

/// HTML, escaped.
pub fn check_html(report: &mut Report, element: &Element) {
    if check_no_elements(report, element) {
        html::check(report, &element.text(report.source));
    }
}

/// XHTML: one `div` with all of it.
pub fn check_xhtml(report: &mut Report, element: &Element) {
    let mut children = element.node.children().filter(Node::is_element);
    let first = children.next();
    let is_div = first.is_some_and(|child| child.has_tag_name((names::XHTML, "div")));
    let has_text = element.node.children().any(|child| child.is_text() && !blank(&child));
    if !is_div || children.next().is_some() || has_text {
        report.add(&rules::MISSING_XHTML_DIV, element.tag(report.source), &[&element.name]);
    }
    html::check_elements(report, element);
}

fn blank(node: &Node) -> bool {
    node.text().is_none_or(|text| text.trim().is_empty())
}

fn check_no_elements(report: &mut Report, element: &Element) -> bool {
    let hint = "write `type=\"html\"` and escape the markup: `&lt;` for `<`";
    elements::check_no_elements(report, element, hint)
}

/// RFC 4287 §3.3.
pub fn date(report: &mut Report, element: &Element) -> Option<Dated> {
    elements::check_attributes(report, element, &[]);
    check_whitespace(report, element);
    dates::of_atom(report, element)
}

/// RFC 4287 §4.2.6: an id is compared character by character.
fn check_id(report: &mut Report, id: &Element) {
    elements::check_attributes(report, id, &[]);
    check_whitespace(report, id);
    let text = id.text(report.source);
    urls::check_id(report, "id", text.trimmed(), id.value_span(report.source));
}

/// Reports white space around a value.
pub fn check_whitespace(report: &mut Report, element: &Element) {
    let text = element.text(report.source);
    if !text.trimmed().is_empty() && text.trimmed().len() != text.value.len() {
        report.add(&shared::UNEXPECTED_WHITESPACE, element.node.range(), &[&element.name]);
    }
}

fn check_person(report: &mut Report, person: &Element) {
    elements::check_attributes(report, person, &[]);
    let children = person.children(Some(names::ATOM));
    elements::check(report, person, &children, &PERSON);
    for child in &children {
        let text = child.text(report.source);
        let span = child.value_span(report.source);
        match child.name.as_str() {
            "name" => elements::check_not_blank(report, child),
            "email" if !addresses::is_address(text.trimmed()) => {
                report.add(&rules::INVALID_EMAIL, span, &[text.trimmed()]);
            }
            "uri" if urls::scheme(text.trimmed()).is_none() => {
                report.add(&shared::RELATIVE_LINK, span, &[text.trimmed(), "uri"]);
            }
            _ => {}
        }
    }
}

fn check_category(report: &mut Report, category: &Element) {
    elements::check_attributes(report, category, &["term", "scheme", "label"]);
    elements::require_attributes(report, category, &["term"]);
    if let Some((scheme, span)) = category.attribute("scheme")
        && urls::scheme(scheme).is_none()
    {
        report.add(&shared::INVALID_LINK, span, &[scheme, "scheme"]);
    }
}
