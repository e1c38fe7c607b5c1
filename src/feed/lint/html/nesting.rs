//! Tags that do not close as they opened: readers repair them, each in its own way.
//!
//! This follows the HTML standard only as far as writers go wrong: crossed and stray tags, tags
//! left open, and text where a table has no cell. End tags that HTML lets one leave out may be.

use std::ops::Range;

use super::{
    super::{
        report::Report,
        rules::{Rule, content as rules},
        tags::Tag,
        text::Text,
    },
    vocabulary,
};

/// Elements inside each other that are followed, at the most.
const DEPTH_MAX: usize = 256;
/// Faults in one article after which nothing more is said of its nesting.
const FAULTS_MAX: usize = 8;

/// Elements whose end tag may be left out.
const OPTIONAL_END: &[&str] = &[
    "p", "li", "dd", "dt", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "optgroup", "rp", "rt",
    "colgroup", "caption",
];
/// Elements at whose start an open `<p>` ends.
const ENDS_P: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dd",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "ul",
];
/// Elements that a search for an open `<p>` or `<li>` does not look beyond.
const SCOPES: &[&str] = &["table", "td", "th", "caption", "button", "template"];
const TABLE_PARTS: &[&str] = &["table", "tbody", "thead", "tfoot", "tr"];
const TABLE_CONTENT: [&str; 10] =
    ["caption", "colgroup", "col", "tbody", "thead", "tfoot", "tr", "td", "th", "template"];
/// Elements that end one of their own kind, or of the others in their group.
const SIBLINGS: &[&[&str]] = &[
    &["li"],
    &["dd", "dt"],
    &["option"],
    &["rp", "rt"],
    &["td", "th"],
    &["tr"],
    &["tbody", "thead", "tfoot", "caption", "colgroup"],
];

/// Elements at which a search for an open `<li>` or `<dt>` stops.
const LISTS: &[&str] = &["ul", "ol", "dl", "table", "select", "ruby", "template"];
const DRAWINGS: &[&str] = &["svg", "math"];

/// The elements open at a place in an article.
#[derive(Debug, Default)]
pub struct Nesting {
    open: Vec<(String, Range<usize>)>,
    faults: usize,
}

impl Nesting {
    /// The next tag.
    pub fn tag(&mut self, report: &mut Report, html: &Text, tag: &Tag) {
        let name = tag.name.to_ascii_lowercase();
        let is_drawing = DRAWINGS.contains(&name.as_str());
        // That an element is unknown, or that there is a drawing, is said elsewhere.
        let is_foreign = !is_drawing && (self.is_inside_drawing() || !vocabulary::is_html(&name));
        if self.faults >= FAULTS_MAX || is_foreign {
            return;
        }
        match tag.is_end {
            true => self.end_tag(report, html, &name, &tag.span),
            false => self.start_tag(report, html, &name, tag),
        }
    }

    /// The next text.
    pub fn text(&mut self, report: &mut Report, html: &Text, part: Range<usize>) {
        if self.is_between_cells() && !html.value[part.clone()].trim().is_empty() {
            self.fault(report, html, part, &rules::TEXT_BETWEEN_CELLS, &[]);
        }
    }

    /// The end of the article.
    pub fn end(&mut self, report: &mut Report, html: &Text) {
        while let Some((name, span)) = self.open.pop() {
            if !is_optional(&name) && self.faults < FAULTS_MAX {
                return self.fault(report, html, span, &rules::NEVER_CLOSED, &[&name]);
            }
        }
    }

    /// Inside a drawing or formula other rules hold.
    pub fn is_inside_drawing(&self) -> bool {
        self.open.last().is_some_and(|(open, _)| DRAWINGS.contains(&open.as_str()))
    }

    fn start_tag(&mut self, report: &mut Report, html: &Text, name: &str, tag: &Tag) {
        let span = &tag.span;
        if self.is_between_cells() && !TABLE_CONTENT.contains(&name) {
            self.fault(report, html, span.clone(), &rules::ELEMENT_BETWEEN_CELLS, &[name]);
        }
        if ENDS_P.contains(&name) {
            self.close_paragraph(report, html, span);
        }
        if let Some(group) = SIBLINGS.iter().find(|group| group.contains(&name)) {
            self.close_sibling(group);
        }
        if name == "a" && self.open.iter().any(|(open, _)| open == "a") {
            self.fault(report, html, span.clone(), &rules::LINK_IN_LINK, &[]);
        }
        if tag.is_empty && vocabulary::is_html(name) && !vocabulary::is_void(name) {
            self.fault(report, html, span.clone(), &rules::CLOSES_NOT_ITSELF, &[name]);
        }
        if !tag.is_empty && !vocabulary::is_void(name) {
            self.push(report, html, name, span);
        }
    }

    fn push(&mut self, report: &mut Report, html: &Text, name: &str, span: &Range<usize>) {
        if self.open.len() < DEPTH_MAX {
            return self.open.push((name.to_string(), span.clone()));
        }
        self.fault(report, html, span.clone(), &rules::TOO_DEEP, &[&DEPTH_MAX.to_string()]);
        self.faults = FAULTS_MAX;
    }

    fn end_tag(&mut self, report: &mut Report, html: &Text, name: &str, span: &Range<usize>) {
        let Some(at) = self.open.iter().rposition(|(open, _)| open == name) else {
            return self.fault(report, html, span.clone(), &rules::STRAY_END_TAG, &[name]);
        };
        match self.left_open_after(at) {
            Some(crossed) => {
                self.fault(report, html, span.clone(), &rules::CROSSED_TAGS, &[name, &crossed]);
                self.open.remove(at);
            }
            None => self.open.truncate(at),
        }
    }

    /// A paragraph ends where a block begins, if nothing is open inside it.
    fn close_paragraph(&mut self, report: &mut Report, html: &Text, span: &Range<usize>) {
        let Some(at) = self.open_in_scope(&["p"], SCOPES) else { return };
        if let Some(inner) = self.left_open_after(at) {
            self.fault(report, html, span.clone(), &rules::OPEN_IN_PARAGRAPH, &[&inner]);
        }
        self.open.truncate(at);
    }

    fn close_sibling(&mut self, group: &[&str]) {
        let is_table = TABLE_CONTENT.contains(&group[0]);
        let borders = if is_table { &["table"] } else { LISTS };
        if let Some(at) = self.open_in_scope(group, borders)
            && self.left_open_after(at).is_none()
        {
            self.open.truncate(at);
        }
    }

    /// The innermost element inside that one which needs an end tag.
    fn left_open_after(&self, at: usize) -> Option<String> {
        let inner = self.open[at + 1..].iter().rev();
        inner.map(|(open, _)| open).find(|open| !is_optional(open)).cloned()
    }

    /// The innermost open one of `names` that no border hides.
    fn open_in_scope(&self, names: &[&str], borders: &[&str]) -> Option<usize> {
        let inward = self.open.iter().enumerate().rev();
        let mut visible = inward.take_while(|(_, (open, _))| !borders.contains(&open.as_str()));
        visible.find(|(_, (open, _))| names.contains(&open.as_str())).map(|(at, _)| at)
    }

    fn is_between_cells(&self) -> bool {
        self.open.last().is_some_and(|(open, _)| TABLE_PARTS.contains(&open.as_str()))
    }

    fn fault(&mut self, report: &mut Report, html: &Text, part: Range<usize>, rule: &Rule, found: &[&str]) {
        self.faults += 1;
        report.add(rule, html.span(part), found);
    }
}

fn is_optional(name: &str) -> bool {
    OPTIONAL_END.contains(&name)
}
