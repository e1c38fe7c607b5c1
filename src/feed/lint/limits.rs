//! What is too much to read: sizes, and shapes that would make reading slow.
//!
//! roxmltree does not recurse, but it compares every attribute of a tag with all before it and
//! copies namespaces from parent to child. A look at the tags beforehand keeps both small.

use super::{
    report::Report,
    rules::document as rules,
    tags::{ATTRIBUTES_MAX, Tag},
};

const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A larger feed is worth a remark: JSON Feed 1.1 calls 250K fine and 1MB a burden.
const FEED_BYTES_FINE: usize = 250 * 1024;
/// A larger one is refused by some.
const FEED_BYTES_MAX: usize = 512 * 1024;
const DEPTH_MAX: usize = 256;
/// roxmltree takes room for as many nodes as there are `<`, and attributes as there are `=`.
const LESS_THAN_MAX: usize = 2_000_000;
const EQUALS_MAX: usize = 4_000_000;
const NAMESPACE_COPIES_MAX: usize = 2_000_000;

/// Is the document of a size to be read? Says so if not.
pub fn accepts(report: &mut Report) -> bool {
    let source = report.source;
    if source.len() > DOCUMENT_BYTES_MAX {
        let bytes = format!("{} bytes", source.len());
        report.add(&rules::TOO_LARGE, 0..0, &[&bytes, &DOCUMENT_BYTES_MAX.to_string()]);
        return false;
    }
    true
}

/// Remarks on a feed that is a burden to fetch (F13).
pub fn check_size(report: &mut Report) {
    let kib = report.bytes.div_ceil(1024).to_string();
    if report.bytes > FEED_BYTES_MAX {
        report.add(&rules::OVERSIZED_FEED, 0..0, &[&kib]);
    } else if report.bytes > FEED_BYTES_FINE {
        report.add(&rules::LARGE_FEED, 0..0, &[&kib]);
    }
}

/// Is XML of a shape to be read? Says so if not.
pub fn accepts_xml(report: &mut Report) -> bool {
    let count = |byte: u8| report.source.bytes().filter(|found| *found == byte).count();
    let counts = [("signs `<`", count(b'<'), LESS_THAN_MAX), ("signs `=`", count(b'='), EQUALS_MAX)];
    let excess = counts.into_iter().find(|(_, count, max)| count > max);
    let excess = excess.map(|(what, _, max)| (0, what, max)).or_else(|| excessive_tag(report.source));
    if let Some((at, what, max)) = excess {
        report.add(&rules::TOO_LARGE, at..at, &[&format!("more than {max} {what}"), &max.to_string()]);
    }
    excess.is_none()
}

type Excess = (usize, &'static str, usize);

fn excessive_tag(source: &str) -> Option<Excess> {
    let mut open: Vec<usize> = Vec::new();
    let (mut at, mut copies) = (0, 0);
    while let Some(start) = source[at..].find('<').map(|next| at + next) {
        let Some(tag) = Tag::read(source, start) else {
            at = past_other_markup(source, start);
            continue;
        };
        at = tag.span.end;
        if tag.is_end {
            open.pop();
            continue;
        }
        let declared = tag.attributes.iter().filter(|attribute| attribute.name.starts_with("xmlns")).count();
        let in_scope = open.last().unwrap_or(&0) + declared;
        copies += if declared > 0 { in_scope } else { 0 };
        if !tag.is_empty {
            open.push(in_scope);
        }
        let excesses = [
            (open.len(), "elements inside each other", DEPTH_MAX),
            (tag.attributes.len() + 1, "attributes on one element", ATTRIBUTES_MAX),
            (copies, "namespaces", NAMESPACE_COPIES_MAX),
        ];
        if let Some((_, what, max)) = excesses.into_iter().find(|(count, _, max)| count > max) {
            return Some((start, what, max));
        }
    }
    None
}

/// Where to look on after a `<` that begins no tag.
fn past_other_markup(source: &str, start: usize) -> usize {
    let rest = &source[start..];
    let ends = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
    let end = ends.into_iter().find(|(begin, _)| rest.starts_with(begin)).map(|(_, end)| end);
    let Some(end) = end else {
        // A tag that never ends runs to the end of the document, and so would the next look.
        return if Tag::begins(source, start) { source.len() } else { start + 1 };
    };
    rest.find(end).map_or(source.len(), |at| start + at + end.len())
}
