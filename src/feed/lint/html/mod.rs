//! The HTML of an article: what readers remove, and what leads nowhere when read elsewhere.

pub mod tokens;
pub mod vocabulary;

mod attributes;
mod nesting;
mod style;

use roxmltree::Node;

use super::{
    names,
    report::Report,
    rules::content as rules,
    tags::{Attribute, Tag},
    text::Text,
    xml::Element,
};

use self::{
    nesting::Nesting,
    tokens::{Token, tokens},
};

/// Checks a piece of HTML.
pub fn check(report: &mut Report, html: &Text) {
    let mut nesting = Nesting::default();
    for token in tokens(&html.value) {
        match token {
            Token::Tag(tag) => {
                if !tag.is_end && !nesting.is_inside_drawing() {
                    check_tag(report, html, &tag);
                }
                nesting.tag(report, html, &tag);
            }
            Token::Text(part) => nesting.text(report, html, part),
        }
    }
    nesting.end(report, html);
}

fn check_tag(report: &mut Report, html: &Text, tag: &Tag) {
    let name = tag.name.to_ascii_lowercase();
    let opening = html.span(tag.span.clone());
    if let Some(instead) = vocabulary::instead_of(&name) {
        report.add(&rules::SECURITY_RISK, opening, &[&name, instead]);
    } else if !vocabulary::is_html(&name) {
        report.add(&rules::NOT_HTML, opening, &[&name, vocabulary::hint_for_unknown(&name)]);
    } else {
        tag.attributes.iter().for_each(|attribute| {
            attributes::check(report, &name, attribute.name, &decoded(html, attribute));
        });
    }
}

/// An attribute's value with its references resolved, still knowing its place in the document.
fn decoded(html: &Text, attribute: &Attribute) -> attributes::Value {
    attributes::Value { text: tokens::resolved(attribute.value), span: html.span(attribute.span.clone()) }
}

/// Checks XHTML inside Atom, which came as elements.
pub fn check_elements(report: &mut Report, parent: &Element) {
    let elements = parent.node.descendants().filter(Node::is_element).skip(1);
    for node in elements.filter(|node| node.tag_name().namespace() == Some(names::XHTML)) {
        let name = node.tag_name().name().to_ascii_lowercase();
        let tag = Tag::read(report.source, node.range().start).map_or(node.range(), |tag| tag.span);
        if let Some(instead) = vocabulary::instead_of(&name) {
            report.add(&rules::SECURITY_RISK, tag, &[&name, instead]);
            continue;
        }
        for attribute in node.attributes() {
            let value =
                attributes::Value { text: attribute.value().to_string(), span: attribute.range_value() };
            attributes::check(report, &name, attribute.name(), &value);
        }
    }
}
