//! HTML as a row of tags and texts: a tokenizer for checks, not for display.

use std::ops::Range;

use super::super::{tags::Tag, text};

/// A piece of HTML.
#[derive(Debug)]
pub enum Token<'t> {
    /// A start or end tag.
    Tag(Tag<'t>),
    /// What stands between tags.
    Text(Range<usize>),
}

/// Elements whose inside is not markup.
const RAW: [&str; 9] =
    ["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"];

/// The tags and texts of `html`; comments and declarations are passed over.
pub fn tokens(html: &str) -> impl Iterator<Item = Token<'_>> {
    Tokens { html, at: 0, raw: None }
}

/// Is there any tag in it?
pub fn has_tag(html: &str) -> bool {
    tokens(html).any(|token| matches!(token, Token::Tag(_)))
}

struct Tokens<'t> {
    html: &'t str,
    at: usize,
    raw: Option<&'t str>,
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        if let Some(name) = self.raw.take() {
            self.at = end_of_raw(self.html, self.at, name);
        }
        loop {
            let rest = &self.html[self.at..];
            match rest.find('<') {
                None if rest.is_empty() => return None,
                Some(0) => {
                    if let Some(token) = self.markup() {
                        return Some(token);
                    }
                }
                next => return Some(self.text(next.unwrap_or(rest.len()))),
            }
        }
    }
}

impl<'t> Tokens<'t> {
    fn text(&mut self, length: usize) -> Token<'t> {
        let start = self.at;
        self.at += length;
        Token::Text(start..self.at)
    }

    /// What a `<` begins; nothing for a comment.
    fn markup(&mut self) -> Option<Token<'t>> {
        let rest = &self.html[self.at..];
        if Tag::begins(self.html, self.at) {
            return self.tag().map(Token::Tag);
        }
        let end = match rest {
            _ if rest.starts_with("<!--") => "-->",
            _ if rest.starts_with("<!") || rest.starts_with("<?") || rest.starts_with("</") => ">",
            _ => return Some(self.text(1)),
        };
        self.at += rest.find(end).map_or(rest.len(), |at| at + end.len());
        None
    }

    /// HTML drops a tag that never ends, with all after it.
    fn tag(&mut self) -> Option<Tag<'t>> {
        let tag = Tag::read(self.html, self.at);
        self.at = tag.as_ref().map_or(self.html.len(), |tag| tag.span.end);
        self.raw = tag.as_ref().filter(|tag| is_raw(tag)).map(|tag| tag.name);
        tag
    }
}

fn is_raw(tag: &Tag) -> bool {
    !tag.is_end && RAW.iter().any(|name| name.eq_ignore_ascii_case(tag.name))
}

fn end_of_raw(html: &str, start: usize, name: &str) -> usize {
    let mut ends = html[start..].match_indices("</").map(|(at, _)| start + at);
    let is_end = |at: &usize| {
        html.as_bytes()
            .get(at + 2..at + 2 + name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    };
    ends.find(is_end).unwrap_or(html.len())
}

/// Text with its references resolved: numbers, and the names that matter in addresses.
pub fn resolved(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = rest[1..]
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '#')
            .map_or(rest.len(), |end| end + 1);
        let c = named(&rest[1..length]);
        plain.push(c.unwrap_or('&'));
        let semicolon = usize::from(rest[length..].starts_with(';'));
        rest = &rest[c.map_or(1, |_| length + semicolon)..];
    }
    plain.push_str(rest);
    plain
}

fn named(name: &str) -> Option<char> {
    match name {
        "colon" => Some(':'),
        "Tab" => Some('\t'),
        "NewLine" => Some('\n'),
        "sol" => Some('/'),
        _ => text::reference(name),
    }
}
