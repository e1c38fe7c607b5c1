//! Text as a reader sees it, with the way back to the bytes it was written with.
//!
//! A fault in an article's HTML lies inside CDATA, behind `&lt;` or behind `\u003c`. [`Text::span`]
//! still finds the place in the document.

use std::ops::Range;

/// Decoded text that remembers where each part came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// What a reader sees.
    pub value: String,
    steps: Vec<Step>,
    whole: Range<usize>,
}

/// From here on, text and document run alike, until the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    text: usize,
    source: usize,
    /// The bytes of an escape, which stands for one character.
    escape: Option<usize>,
}

impl Text {
    /// The text inside an XML element or attribute value; markup in it is passed over.
    pub fn of_xml(source: &str, range: Range<usize>) -> Self {
        let mut text = Self { whole: range.clone(), ..Self::default() };
        let mut at = range.start;
        while at < range.end {
            at = text.take_xml(source, at..range.end);
        }
        text
    }

    /// The text of a JSON string, `range` being what stands between its quotes.
    pub fn of_json(source: &str, range: Range<usize>) -> Self {
        let mut text = Self { whole: range.clone(), ..Self::default() };
        let mut at = range.start;
        while at < range.end {
            at = text.take_json(source, at..range.end);
        }
        text
    }

    /// Where a part of the value stands in the document.
    pub fn span(&self, part: Range<usize>) -> Range<usize> {
        if part.is_empty() || self.steps.is_empty() {
            return self.whole.clone();
        }
        let start = self.step_before(part.start + 1).map_or(self.whole.start, |step| step.place(part.start));
        let end = self.step_before(part.end).map_or(self.whole.end, |step| step.end_place(part.end));
        start..end
    }

    /// Where the value stands without the white space around it.
    pub fn trimmed_span(&self) -> Range<usize> {
        let start = self.value.len() - self.value.trim_start().len();
        self.span(start..start + self.value.trim().len())
    }

    /// The value without the white space around it.
    pub fn trimmed(&self) -> &str {
        self.value.trim()
    }

    fn step_before(&self, offset: usize) -> Option<&Step> {
        let after = self.steps.partition_point(|step| step.text < offset);
        after.checked_sub(1).and_then(|index| self.steps.get(index))
    }

    fn push(&mut self, part: &str, source: usize) {
        if !part.is_empty() {
            self.steps.push(Step { text: self.value.len(), source, escape: None });
            self.value.push_str(part);
        }
    }

    fn push_escape(&mut self, c: char, source: Range<usize>) {
        self.steps.push(Step { text: self.value.len(), source: source.start, escape: Some(source.len()) });
        self.value.push(c);
    }

    /// Takes the next piece of an element's inside and says where the one after it begins.
    fn take_xml(&mut self, source: &str, range: Range<usize>) -> usize {
        let rest = &source[range.clone()];
        let past = |end: &str| rest.find(end).map_or(range.end, |at| range.start + at + end.len());
        if let Some(cdata) = rest.strip_prefix("<![CDATA[") {
            let inside = cdata.find("]]>").map_or(cdata, |end| &cdata[..end]);
            self.push(inside, range.start + "<![CDATA[".len());
            return past("]]>");
        }
        match rest.as_bytes().first() {
            Some(b'<') if rest.starts_with("<!--") => past("-->"),
            Some(b'<') => past(">"),
            Some(b'&') => self.take_reference(rest, range.start),
            _ => {
                let end = rest.find(['<', '&']).unwrap_or(rest.len());
                self.push(&rest[..end], range.start);
                range.start + end
            }
        }
    }

    fn take_reference(&mut self, rest: &str, start: usize) -> usize {
        let Some(name) = rest[1..].split_once(';').map(|(name, _)| name) else {
            self.push("&", start);
            return start + 1;
        };
        let end = start + name.len() + 2;
        match reference(name) {
            Some(c) => self.push_escape(c, start..end),
            None => self.push(&rest[..name.len() + 2], start),
        }
        end
    }

    fn take_json(&mut self, source: &str, range: Range<usize>) -> usize {
        let rest = &source[range.clone()];
        let plain = rest.find('\\').unwrap_or(rest.len());
        if plain > 0 {
            self.push(&rest[..plain], range.start);
            return range.start + plain;
        }
        let (c, length) = json_escape(rest);
        let end = (range.start + length).min(range.end);
        self.push_escape(c, range.start..end);
        end
    }
}

impl Step {
    fn place(&self, offset: usize) -> usize {
        match self.escape {
            Some(_) => self.source,
            None => self.source + offset - self.text,
        }
    }

    fn end_place(&self, offset: usize) -> usize {
        self.escape.map_or(self.source + offset - self.text, |length| self.source + length)
    }
}

/// What `&name;` or `&#number;` stands for in XML.
pub fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => numeric(name.strip_prefix('#')?),
    }
}

/// What the number of a character reference stands for.
pub fn numeric(digits: &str) -> Option<char> {
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => digits.parse(),
    };
    number.ok().and_then(char::from_u32)
}

/// The character that an escape at the start of `rest` stands for, and its bytes.
fn json_escape(rest: &str) -> (char, usize) {
    let c = match rest.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{C}',
        Some(b'u') => return json_unicode(rest),
        Some(other) => char::from(*other),
        None => '\\',
    };
    (c, 2)
}

/// Characters past U+FFFF are written as two escapes, which together are one character.
fn json_unicode(rest: &str) -> (char, usize) {
    let unit = |at: usize| u16::from_str_radix(rest.get(at..at + 4)?, 16).ok();
    let (first, second) = (unit(2).unwrap_or(0xFFFD), unit(8).unwrap_or(0));
    if let Some(c) = char::from_u32(u32::from(first)) {
        return (c, 6);
    }
    let pair = char::decode_utf16([first, second]).next().and_then(Result::ok);
    pair.map_or(('\u{FFFD}', 6), |c| (c, 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_decoded_text_leads_back_to_its_bytes() {
        let source = "<t>a &lt;b> <![CDATA[c <i>]]> d</t>";
        let text = Text::of_xml(source, 3..31);
        assert_eq!(text.value, "a <b> c <i> d");
        let found = |part: &str| {
            let at = text.value.find(part).unwrap();
            &source[text.span(at..at + part.len())]
        };
        assert_eq!(found("<b>"), "&lt;b>");
        assert_eq!(found("<"), "&lt;");
        assert_eq!(found("<i>"), "<i>");
        assert_eq!(found(" d"), " d");
    }

    #[test]
    fn json_escapes_lead_back_too() {
        let source = r#""a\u003cb> \ud83d\ude00 \"x\"""#;
        let text = Text::of_json(source, 1..source.len() - 1);
        assert_eq!(text.value, "a<b> 😀 \"x\"");
        assert_eq!(&source[text.span(1..4)], r"\u003cb>");
        assert_eq!(&source[text.span(5..9)], r"\ud83d\ude00");
    }
}
