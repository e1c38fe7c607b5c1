//! JSON with the place of every key and value, which `serde_json` does not keep.
//!
//! It reads only what `serde_json` has accepted, so it need not look for faults, and its recursion
//! ends where `serde_json`'s does: at 128 values inside each other.

use std::ops::Range;

use super::super::text::Text;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Its bytes, quotes and brackets included.
    pub span: Range<usize>,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag,
    /// As written.
    Number(String),
    /// A string.
    Text(Text),
    /// `[…]`.
    List(Vec<Node>),
    /// `{…}`.
    Table(Vec<Member>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Member {
    /// Without its quotes.
    pub key: String,
    /// With its quotes.
    pub key_span: Range<usize>,
    /// What it has.
    pub node: Node,
}

impl Node {
    /// Reads a document that is known to be JSON.
    pub fn read(source: &str, start: usize) -> Self {
        Reader { source, at: start }.node()
    }

    /// The value of a key, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.members().iter().find(|member| member.key == key).map(|member| &member.node)
    }

    /// The keys and values of an object; none of anything else.
    pub fn members(&self) -> &[Member] {
        match &self.value {
            Value::Table(members) => members,
            _ => &[],
        }
    }

    /// The values of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&Text> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for a message.
    pub fn what(&self) -> &'static str {
        match self.value {
            Value::Null => "`null`",
            Value::Flag => "`true` or `false`",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Table(_) => "an object",
        }
    }
}

struct Reader<'d> {
    source: &'d str,
    at: usize,
}

impl Reader<'_> {
    fn byte(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b':')) {
            self.at += 1;
        }
    }

    fn node(&mut self) -> Node {
        self.skip_spaces();
        let start = self.at;
        let value = match self.byte() {
            Some(b'{') => self.table(),
            Some(b'[') => self.list(),
            Some(b'"') => Value::Text(self.string()),
            _ => self.word(),
        };
        Node { value, span: start..self.at }
    }

    fn word(&mut self) -> Value {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            self.at += 1;
        }
        match &self.source[start..self.at] {
            "null" => Value::Null,
            "true" | "false" => Value::Flag,
            number => Value::Number(number.to_string()),
        }
    }

    fn string(&mut self) -> Text {
        let start = self.at + 1;
        self.at = start;
        while let Some(byte) = self.byte().filter(|byte| *byte != b'"') {
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        Text::of_json(self.source, start..self.at - 1)
    }

    /// Passes a closing bracket, if one is next; at the end of the document, too.
    fn ends(&mut self, bracket: u8) -> bool {
        self.skip_spaces();
        let is_end = self.byte().is_none_or(|byte| byte == bracket);
        self.at += usize::from(is_end && self.at < self.source.len());
        is_end
    }

    fn list(&mut self) -> Value {
        self.at += 1;
        let mut items = Vec::new();
        while !self.ends(b']') {
            items.push(self.node());
        }
        Value::List(items)
    }

    fn table(&mut self) -> Value {
        self.at += 1;
        let mut members = Vec::new();
        while !self.ends(b'}') {
            let start = self.at;
            let key = self.string().value;
            let key_span = start..self.at;
            members.push(Member { key, key_span, node: self.node() });
        }
        Value::Table(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_place() {
        let source = r#" {"a": [1, "x\"y", null], "é" : {"b":true} } "#;
        let root = Node::read(source, 0);
        let text = |node: &Node| source[node.span.clone()].to_string();
        assert_eq!(text(&root.get("a").unwrap().items()[1]), r#""x\"y""#);
        assert_eq!(text(&root.get("a").unwrap().items()[2]), "null");
        assert_eq!(&source[root.members()[1].key_span.clone()], "\"é\"");
        assert_eq!(text(root.get("é").unwrap().get("b").unwrap()), "true");
        assert_eq!(text(&root), source.trim());
    }
}
