//! One tag as it stands in a text, of XML or of HTML: the same shape serves both.

use std::ops::Range;

/// Attributes of one tag that are kept; those after are passed over.
pub const ATTRIBUTES_MAX: usize = 256;

/// A start or end tag.
#[derive(Debug)]
pub struct Tag<'t> {
    /// As written, prefix and case included.
    pub name: &'t str,
    /// `</x>`.
    pub is_end: bool,
    /// `<x/>`.
    pub is_empty: bool,
    /// In the order written.
    pub attributes: Vec<Attribute<'t>>,
    /// From `<` to `>`.
    pub span: Range<usize>,
}

/// An attribute; its value is as written, references and all.
#[derive(Debug, Clone)]
pub struct Attribute<'t> {
    /// As written.
    pub name: &'t str,
    /// Without its quotes; empty if there is none.
    pub value: &'t str,
    /// The value, or the name where there is no value.
    pub span: Range<usize>,
}

impl<'t> Tag<'t> {
    /// The tag that begins at `start`, if one does and it ends.
    pub fn read(text: &'t str, start: usize) -> Option<Self> {
        let mut reader = Reader { text, at: start + 1 };
        let is_end = reader.skip(b'/');
        reader.byte().filter(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80 || *byte == b'_')?;
        let name = reader.until(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
        let mut tag = Self { name, is_end, is_empty: false, attributes: Vec::new(), span: start..start };
        loop {
            reader.skip_while(|byte| byte.is_ascii_whitespace());
            match reader.byte()? {
                b'>' => break,
                b'/' => {
                    reader.at += 1;
                    tag.is_empty = reader.byte() == Some(b'>');
                }
                _ => tag.keep(reader.attribute()),
            }
        }
        tag.span.end = reader.at + 1;
        Some(tag)
    }

    /// Is there a tag at `start`, whether or not it ends?
    pub fn begins(text: &str, start: usize) -> bool {
        let mut after = text.as_bytes()[start + 1..].iter();
        match after.next() {
            Some(b'/') => after.next().is_some_and(u8::is_ascii_alphabetic),
            Some(byte) => byte.is_ascii_alphabetic(),
            None => false,
        }
    }

    fn keep(&mut self, attribute: Attribute<'t>) {
        if self.attributes.len() < ATTRIBUTES_MAX {
            self.attributes.push(attribute);
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, expected: u8) -> bool {
        let found = self.byte() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn skip_while(&mut self, matches: impl Fn(u8) -> bool) {
        while self.byte().is_some_and(&matches) {
            self.at += 1;
        }
    }

    fn until(&mut self, ends: impl Fn(u8) -> bool) -> &'t str {
        let start = self.at;
        self.skip_while(|byte| !ends(byte));
        &self.text[start..self.at]
    }

    /// Reads at least one byte, or a stray `=` would hold it up for ever.
    fn attribute(&mut self) -> Attribute<'t> {
        let start = self.at;
        self.at += 1;
        self.skip_while(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>' | b'='));
        let name = start..self.at;
        self.skip_while(|byte| byte.is_ascii_whitespace());
        if !self.skip(b'=') {
            return Attribute { name: &self.text[name.clone()], value: "", span: name };
        }
        self.skip_while(|byte| byte.is_ascii_whitespace());
        let value = self.value();
        let span = if value.is_empty() { name.clone() } else { value.clone() };
        Attribute { name: &self.text[name], value: &self.text[value], span }
    }

    fn value(&mut self) -> Range<usize> {
        let quote = self.byte().filter(|byte| matches!(byte, b'"' | b'\''));
        let Some(quote) = quote else {
            let start = self.at;
            self.skip_while(|byte| !byte.is_ascii_whitespace() && byte != b'>');
            return start..self.at;
        };
        self.at += 1;
        let start = self.at;
        self.skip_while(|byte| byte != quote);
        let end = self.at;
        self.skip(quote);
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_an_attribute_is_read() {
        let text = r#"x<a href="a>b" id = c hidden title='' / data-é=1/>"#;
        let tag = Tag::read(text, 1).unwrap();
        let read: Vec<_> = tag.attributes.iter().map(|a| (a.name, a.value)).collect();
        assert_eq!(read, [("href", "a>b"), ("id", "c"), ("hidden", ""), ("title", ""), ("data-é", "1/")]);
        assert_eq!(&text[tag.attributes[0].span.clone()], "a>b");
        assert_eq!(tag.span, 1..text.len());
        assert!(Tag::read("<a href=\"x", 0).is_none());
        assert!(Tag::read("< a>", 0).is_none());
        assert!(Tag::read("<br/>", 0).unwrap().is_empty);
    }
}
