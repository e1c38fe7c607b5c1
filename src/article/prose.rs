//! A plain text piece as it was copied off a page: title, attribution, headings and leftovers are
//! recognised, and every guess is said with its line.

use std::ops::Range;

use super::attribution::Outlet;
use crate::text::{escape_html, fold};

/// An attribution is one short sentence.
const ATTRIBUTION_WORDS_MAX: usize = 25;
/// It stands among this many blocks at either end.
const ATTRIBUTION_BLOCKS: usize = 3;
/// A heading is a line this short (words).
const HEADING_WORDS_MAX: usize = 10;
/// One slip is forgiven in a name of at least this many letters.
const SLIP_NAME_LETTERS_MIN: usize = 6;

/// What was recognised in a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Prose {
    /// The first line.
    pub title: Option<(String, Range<usize>)>,
    /// The id of the outlet that a sentence names, and where.
    pub outlet: Option<(String, Range<usize>)>,
    /// Lines taken for headings.
    pub headings: Vec<Range<usize>>,
    /// Where the leftovers of a page begin.
    pub boilerplate: Option<Range<usize>>,
    /// Paragraphs and headings as HTML.
    pub html: String,
}

/// Reads a text; `outlets` are the only names that an attribution can name. A `title` that is settled
/// already is taken off the text only if the text begins with it.
pub fn read<'o>(text: &str, title: Option<&str>, outlets: impl Iterator<Item = &'o Outlet> + Clone) -> Prose {
    let mut blocks = blocks(text);
    let boilerplate = strip_boilerplate(&mut blocks, text);
    let begins = |title: &str| blocks.first().is_some_and(|first| fold(&text[first.clone()]) == fold(title));
    let title = match title {
        Some(settled) if !begins(settled) => None,
        _ => (!blocks.is_empty()).then(|| blocks.remove(0)),
    };
    let outlet = take_attribution(&mut blocks, text, outlets);
    let mut headings = Vec::new();
    let mut html = String::new();
    for (index, block) in blocks.iter().enumerate() {
        let words = text[block.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
        if is_heading(&text[block.clone()]) && index + 1 < blocks.len() {
            headings.push(block.clone());
            html.push_str(&format!("<h2>{}</h2>\n", escape_html(&words)));
        } else {
            html.push_str(&format!("<p>{}</p>\n", escape_html(&words)));
        }
    }
    let title = title.map(|span| (text[span.clone()].split_whitespace().collect::<Vec<_>>().join(" "), span));
    Prose { title, outlet, headings, boilerplate, html }
}

/// Which known outlet a sentence says the piece was for.
pub fn recognise<'o>(sentence: &str, outlets: impl Iterator<Item = &'o Outlet>) -> Option<&'o Outlet> {
    let folded = fold(sentence);
    let words: Vec<&str> = folded.split(' ').collect();
    if words.len() > ATTRIBUTION_WORDS_MAX || !words.iter().any(|word| is_verb(word)) {
        return None;
    }
    // The longest name wins: "BBC Online" before "BBC".
    outlets
        .filter_map(|outlet| {
            let names = outlet.folded_names();
            let found = names.iter().filter(|name| names_outlet(&words, name)).map(String::len).max()?;
            Some((found, outlet))
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, outlet)| outlet)
}

fn is_verb(word: &str) -> bool {
    const ENGLISH: [&str; 6] = ["wrote", "written", "published", "appeared", "broadcast", "ran"];
    const PERSIAN: [&str; 3] = ["نوشته", "منتشر", "پخش"];
    ENGLISH.contains(&word) || PERSIAN.iter().any(|verb| word.starts_with(verb))
}

fn names_outlet(words: &[&str], name: &str) -> bool {
    let length = name.split(' ').count();
    let slips = usize::from(name.chars().count() >= SLIP_NAME_LETTERS_MIN);
    words.windows(length).any(|window| strsim::damerau_levenshtein(&window.join(" "), name) <= slips)
}

/// Runs of lines without a blank one between.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let (mut at, mut after_blank) = (0, true);
    for line in text.split_inclusive('\n') {
        let words = line.trim();
        if words.is_empty() {
            after_blank = true;
        } else {
            let start = at + (line.len() - line.trim_start().len());
            let end = start + words.len();
            match blocks.last_mut() {
                Some(last) if !after_blank => last.end = end,
                _ => blocks.push(start..end),
            }
            after_blank = false;
        }
        at += line.len();
    }
    blocks
}

/// Takes what a comment form left off the end, from the end upward: everything from the first of its
/// lines on, if that is in the last part of the text.
fn strip_boilerplate(blocks: &mut Vec<Range<usize>>, text: &str) -> Option<Range<usize>> {
    const MARKS: [&str; 7] = [
        "leave a reply",
        "leave a comment",
        "your email address will not be published",
        "last comments",
        "recent comments",
        "post comment",
        "دیدگاه تان را بنویسید",
    ];
    let is_mark = |block: &Range<usize>| {
        let folded = fold(&text[block.clone()]);
        MARKS.iter().any(|mark| folded.starts_with(mark))
    };
    // Not in the first third: a piece may well speak of comments.
    let floor = blocks.len() / 3 + 1;
    let first = blocks.iter().skip(floor).position(is_mark)? + floor;
    let span = blocks[first].clone();
    blocks.truncate(first);
    Some(span)
}

fn take_attribution<'o>(
    blocks: &mut Vec<Range<usize>>,
    text: &str,
    outlets: impl Iterator<Item = &'o Outlet> + Clone,
) -> Option<(String, Range<usize>)> {
    let last = blocks.len().saturating_sub(ATTRIBUTION_BLOCKS);
    let ends = (0..blocks.len()).filter(|index| *index < ATTRIBUTION_BLOCKS || *index >= last);
    for index in ends.collect::<Vec<_>>() {
        let span = blocks[index].clone();
        if let Some(outlet) = recognise(&text[span.clone()], outlets.clone()) {
            blocks.remove(index);
            return Some((outlet.id.clone(), span));
        }
    }
    None
}

fn is_heading(block: &str) -> bool {
    let ends_open = !block.ends_with(['.', '!', '?', '؟', '…', ':', '”', '"', '»', ',', '،', ';']);
    let short = block.split_whitespace().count() <= HEADING_WORDS_MAX;
    let quote = block.starts_with(['‘', '“', '"', '«', '-', '•']);
    ends_open && short && !quote && !block.contains('\n')
}
