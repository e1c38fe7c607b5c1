//! Elements of XML by the names that the rules use, with the places of their parts.

use std::ops::Range;

use roxmltree::Node;

use super::{names, tags::Tag, text::Text};

/// An element of a feed, by the name that the rules use.
#[derive(Debug, Clone)]
pub struct Element<'a, 'd> {
    /// Itself.
    pub node: Node<'a, 'd>,
    /// `title` in the format's own namespace, `dc:creator` in a known one.
    pub name: String,
}

impl<'a, 'd> Element<'a, 'd> {
    /// The elements inside, named by a format whose own namespace is `core`.
    pub fn children(&self, core: Option<&str>) -> Vec<Element<'a, 'd>> {
        let elements = self.node.children().filter(Node::is_element);
        elements.map(|node| Element { node, name: name_of(node, core) }).collect()
    }

    /// The text inside.
    pub fn text(&self, source: &str) -> Text {
        Text::of_xml(source, self.inside(source))
    }

    /// The start tag.
    pub fn tag(&self, source: &str) -> Range<usize> {
        let range = self.node.range();
        Tag::read(source, range.start).map_or(range, |tag| tag.span)
    }

    /// Where the text stands without the white space around it; the whole element if it has none.
    pub fn value_span(&self, source: &str) -> Range<usize> {
        let text = self.text(source);
        if text.trimmed().is_empty() { self.node.range() } else { text.trimmed_span() }
    }

    /// An attribute without a namespace: its value and where that stands.
    pub fn attribute(&self, name: &str) -> Option<(&'a str, Range<usize>)> {
        let attribute = self.node.attribute_node(name)?;
        Some((attribute.value(), attribute.range_value()))
    }

    /// The language in force here.
    pub fn language(&self) -> Option<&'a str> {
        self.node.ancestors().find_map(|node| node.attribute((names::XML, "lang")))
    }

    fn inside(&self, source: &str) -> Range<usize> {
        let range = self.node.range();
        let start = self.tag(source).end;
        let end = source[start..range.end].rfind("</").map_or(range.end, |at| start + at);
        start..end
    }
}

/// Elements of an unknown namespace have a name that no rule asks for.
fn name_of(node: Node, core: Option<&str>) -> String {
    let local = node.tag_name().name();
    // `xmlns=""` is no namespace.
    match node.tag_name().namespace().filter(|namespace| !namespace.is_empty()) {
        namespace if namespace == core => local.to_string(),
        None => format!(":{local}"),
        Some(namespace) => format!("{}:{local}", names::prefix_of(namespace).unwrap_or("?")),
    }
}
