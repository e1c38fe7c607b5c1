//! Keys and values as an author typed them, in TOML or YAML, each with its place in the file.
//!
//! [`Keys`] is read one key at a time; a wrong type is reported where it stands, and
//! [`Keys::finish`] reports every key that nobody asked for. So one reading finds all mistakes,
//! where deserializing into a struct would stop at the first.

use std::{fmt, ops::Range, sync::Arc};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Diagnostic, Problems, SourceFile};

/// Tables inside tables, at the most.
const DEPTH_MAX: usize = 16;

/// A value and where it was typed.
#[derive(Debug, Clone)]
pub struct Node {
    /// What was typed.
    pub value: Value,
    /// The file, or the environment variable, it stands in.
    pub file: Arc<SourceFile>,
    /// The bytes of the file.
    pub span: Range<usize>,
}

/// What was typed.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string.
    Text(String),
    /// A YAML scalar without quotes, as it was typed: `no`, `1984`, `2024-06-18`.
    Plain(String),
    /// A whole number.
    Number(i64),
    /// `true` or `false`.
    Flag(bool),
    /// A TOML date, as it was typed.
    Date(String),
    /// Values in square brackets.
    List(Vec<Node>),
    /// Keys with values, in the order typed.
    Table(Vec<(Key, Node)>),
    /// Nothing after the colon.
    Nothing,
    /// A TOML type that no key of ours has.
    Other(&'static str),
}

/// A key and where it was typed.
#[derive(Debug, Clone)]
pub struct Key {
    /// The name.
    pub name: String,
    /// The bytes of the file.
    pub span: Range<usize>,
}

impl Value {
    fn type_name(&self) -> &'static str {
        match self {
            Value::Text(_) => "text",
            Value::Plain(_) => "a plain word",
            Value::Number(_) => "a number",
            Value::Flag(_) => "`true` or `false`",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Nothing => "empty",
            Value::Other(name) => name,
        }
    }
}

impl Node {
    /// Reads a TOML document; problems of syntax are reported and what can be read is kept.
    pub fn from_toml(file: Arc<SourceFile>, problems: &Problems) -> Node {
        let (table, errors) = DeTable::parse_recoverable(&file.text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            problems.push(Diagnostic::syntax(&file, &span, error.message()));
        }
        Node { span: table.span(), value: toml_table(table.get_ref(), &file), file: file.clone() }
    }

    /// Reads a YAML mapping that begins at byte `offset` of the file and ends before `end`.
    pub fn from_yaml(file: Arc<SourceFile>, part: Range<usize>, problems: &Problems) -> Option<Node> {
        let text = &file.text[part.clone()];
        if text.trim().is_empty() {
            return Some(Node { value: Value::Table(Vec::new()), span: part, file });
        }
        match serde_saphyr::from_str::<Spanned<Yaml>>(text) {
            Ok(yaml) => Some(yaml_node(yaml, &file, part.start, 0)),
            Err(error) => {
                let plain = error.without_snippet();
                let (line, column) =
                    plain.location().map_or((1, 1), |place| (place.line() as usize, place.column() as usize));
                let mut span = super::span_at(text, line.max(1), column.max(1));
                span = span.start + part.start..span.end + part.start;
                let message = plain.to_string();
                let message = message.split(" at line ").next().unwrap_or(&message);
                let message = message.rsplit_once("column").map_or(message, |(_, rest)| {
                    rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == ' ')
                });
                problems.push(Diagnostic::syntax(&file, &span, plain_words(message)));
                None
            }
        }
    }

    /// The text of a string, or of a plain YAML scalar.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Plain(text) => Some(text),
            _ => None,
        }
    }
}

/// Without the words of the library for its own settings.
fn plain_words(message: &str) -> &str {
    match message.split_once(", set ") {
        Some((what, _)) => what,
        None if message.starts_with("budget breached") => "it is larger than any front matter is",
        None => message,
    }
}

fn toml_table(table: &DeTable<'_>, file: &Arc<SourceFile>) -> Value {
    Value::Table(
        table
            .iter()
            .map(|(key, value)| {
                let node =
                    Node { value: toml_value(value.get_ref(), file), file: file.clone(), span: value.span() };
                (Key { name: key.get_ref().to_string(), span: key.span() }, node)
            })
            .collect(),
    )
}

fn toml_value(value: &DeValue<'_>, file: &Arc<SourceFile>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number too large"), Value::Number),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Table(table) => toml_table(table, file),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Node {
                    value: toml_value(item.get_ref(), file),
                    file: file.clone(),
                    span: item.span(),
                })
                .collect(),
        ),
    }
}

/// Any YAML value, with the place of each part.
enum Yaml {
    Text(String),
    Plain(String),
    Nothing,
    List(Vec<Spanned<Yaml>>),
    Table(Vec<(Spanned<String>, Spanned<Yaml>)>),
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Yaml;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a YAML value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
                Ok(Yaml::Plain(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
                Ok(Yaml::Plain(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
                Ok(Yaml::Plain(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Yaml, E> {
                Ok(Yaml::Plain(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Yaml, E> {
                Ok(Yaml::Text(value.to_string()))
            }
            fn visit_unit<E>(self) -> Result<Yaml, E> {
                Ok(Yaml::Nothing)
            }
            fn visit_none<E>(self) -> Result<Yaml, E> {
                Ok(Yaml::Nothing)
            }
            fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Yaml, D::Error> {
                Yaml::deserialize(inner)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Yaml, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Yaml::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Yaml, A::Error> {
                let mut table = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    table.push(entry);
                }
                Ok(Yaml::Table(table))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn yaml_node(yaml: Spanned<Yaml>, file: &Arc<SourceFile>, offset: usize, depth: usize) -> Node {
    let span = yaml_span(yaml.referenced, file, offset);
    let value = match yaml.value {
        Yaml::Text(text) => Value::Text(text),
        // Typed without quotes, and read as a number or a truth by YAML: keep what was typed.
        Yaml::Plain(read) => match file.text.get(span.clone()) {
            Some(typed) if !typed.trim().is_empty() => Value::Plain(typed.trim().to_string()),
            _ => Value::Plain(read),
        },
        Yaml::Nothing => Value::Nothing,
        _ if depth >= DEPTH_MAX => Value::Other("nested too deep"),
        Yaml::List(items) => {
            Value::List(items.into_iter().map(|item| yaml_node(item, file, offset, depth + 1)).collect())
        }
        Yaml::Table(entries) => Value::Table(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let span = yaml_span(key.referenced, file, offset);
                    let node = yaml_node(value, file, offset, depth + 1);
                    (Key { name: key.value, span }, node)
                })
                .collect(),
        ),
    };
    Node { value, file: file.clone(), span }
}

fn yaml_span(place: serde_saphyr::Location, file: &SourceFile, offset: usize) -> Range<usize> {
    let span = place.span();
    if let (Some(start), Some(length)) = (span.byte_offset(), span.byte_len()) {
        let start = offset + start as usize;
        start..start + length as usize
    } else {
        let part = &file.text[offset..];
        let span = super::span_at(part, place.line() as usize, place.column() as usize);
        offset + span.start..offset + span.end
    }
}

/// A table being read. Every getter names the key it reads, so that what is left over is unknown.
pub struct Keys<'a> {
    node: &'a Node,
    problems: &'a Problems,
    known: Vec<&'static str>,
}

/// A string with its place.
#[derive(Clone, Copy)]
pub struct Typed<'a> {
    /// The characters.
    pub text: &'a str,
    /// The place.
    pub node: &'a Node,
}

impl<'a> Keys<'a> {
    /// Reads `node`, reporting it if it is no table; `name` is its key.
    pub fn of(node: &'a Node, name: &str, problems: &'a Problems) -> Option<Self> {
        match &node.value {
            Value::Table(_) => Some(Self { node, problems, known: Vec::new() }),
            other => {
                let found = other.type_name();
                problems.push(Diagnostic::wrong_type(&node.file, &node.span, name, "a table", found));
                None
            }
        }
    }

    fn entries(&self) -> &'a [(Key, Node)] {
        match &self.node.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The place of the whole table.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// The value of a key, whatever its type.
    pub fn value(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        let (_, node) = self.entries().iter().find(|(typed, _)| typed.name == key)?;
        (!matches!(node.value, Value::Nothing)).then_some(node)
    }

    fn wrong_type(&self, node: &Node, key: &str, wanted: &str) {
        let found = node.value.type_name();
        self.problems.push(Diagnostic::wrong_type(&node.file, &node.span, key, wanted, found));
    }

    /// A string.
    pub fn text(&mut self, key: &'static str) -> Option<Typed<'a>> {
        let node = self.value(key)?;
        let text = node.as_text();
        if text.is_none() {
            self.wrong_type(node, key, "text in quotes");
        }
        text.map(|text| Typed { text, node })
    }

    /// A string that must be there; `hint` says what to write.
    pub fn required_text(&mut self, key: &'static str, hint: &str) -> Option<Typed<'a>> {
        if !self.entries().iter().any(|(typed, _)| typed.name == key) {
            self.known.push(key);
            let span = self.node.span.start..self.node.span.start;
            self.problems.push(Diagnostic::missing_key(&self.node.file, &span, key, hint));
            return None;
        }
        self.text(key)
    }

    /// A string that parses; `what` names it and `hint` says how it is written.
    pub fn parsed<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        what: &str,
        hint: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let typed = self.text(key)?;
        match parse(typed.text) {
            Ok(value) => Some(value),
            Err(why) => {
                let node = typed.node;
                self.problems.push(Diagnostic::invalid(&node.file, &node.span, what, why, hint));
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.value(key)?;
        match &node.value {
            Value::Flag(flag) => Some(*flag),
            Value::Plain(typed) => match typed.to_lowercase().as_str() {
                "true" | "yes" => Some(true),
                "false" | "no" => Some(false),
                _ => {
                    self.wrong_type(node, key, "`true` or `false`");
                    None
                }
            },
            _ => {
                self.wrong_type(node, key, "`true` or `false`");
                None
            }
        }
    }

    /// A whole number within `range`.
    pub fn number(&mut self, key: &'static str, range: Range<i64>) -> Option<i64> {
        let node = self.value(key)?;
        let number = match &node.value {
            Value::Number(number) => Some(*number),
            Value::Plain(typed) => typed.parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            self.wrong_type(node, key, "a whole number");
            return None;
        };
        if range.contains(&number) {
            return Some(number);
        }
        let why = format!("{number} is out of range");
        let hint = format!("write a number from {} to {}", range.start, range.end - 1);
        self.problems.push(Diagnostic::invalid(&node.file, &node.span, key, why, &hint));
        None
    }

    /// A list of strings, or one string alone.
    pub fn texts(&mut self, key: &'static str) -> Vec<Typed<'a>> {
        let Some(node) = self.value(key) else { return Vec::new() };
        if let Some(text) = node.as_text() {
            return vec![Typed { text, node }];
        }
        let Value::List(items) = &node.value else {
            self.wrong_type(node, key, "a list of texts");
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|node| {
                let text = node.as_text();
                if text.is_none() {
                    self.wrong_type(node, key, "texts");
                }
                text.map(|text| Typed { text, node })
            })
            .collect()
    }

    /// A table.
    pub fn table(&mut self, key: &'static str) -> Option<Keys<'a>> {
        let node = self.value(key)?;
        Keys::of(node, key, self.problems)
    }

    /// The tables of a table, by their key: `[outlet.bbc-online]`, `[outlet.…]`.
    pub fn tables(&mut self, key: &'static str) -> Vec<(&'a Key, Keys<'a>)> {
        let Some(table) = self.table(key) else { return Vec::new() };
        table
            .entries()
            .iter()
            .filter_map(|(id, node)| Some((id, Keys::of(node, &id.name, self.problems)?)))
            .collect()
    }

    /// Every key with its value, whatever their names.
    pub fn all(self) -> &'a [(Key, Node)] {
        self.entries()
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        for (key, node) in self.entries() {
            if !self.known.contains(&key.name.as_str()) {
                let unknown = Diagnostic::unknown_key(&node.file, &key.span, &key.name, &self.known);
                self.problems.push(unknown);
            }
        }
    }
}
