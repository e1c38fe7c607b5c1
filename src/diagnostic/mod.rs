//! A problem in a file the author wrote: what, where (file, line, column), and how to mend it.
//!
//! Config, front matter, templates and lists all report through [`Diagnostic`], and its named
//! constructors are the only way to make one, so that all wording stands in this file. What the
//! world does wrong (a server away, a full disk) is not here: that is an error of its module.

pub mod keys;
mod templates;

use std::{cell::RefCell, fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

/// How far from a known name a typed one may be (edits) and still be taken for a slip of it.
const SLIP_EDITS_MAX: usize = 2;
/// Of a line longer than this (bytes) only the part round the place is quoted.
const QUOTED_LINE_BYTES_MAX: usize = 400;
/// How much of it, before and after the beginning of the place.
const QUOTED_BYTES_AROUND: usize = 60;

/// A file's text, kept so that a problem can quote its line.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path as shown to the author, relative to the newsroom.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// Every problem found in one reading, in the order found. A check collects; it never stops at the
/// first.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<Diagnostic>>);

impl Problems {
    /// Adds one.
    pub fn push(&self, diagnostic: Diagnostic) {
        self.0.borrow_mut().push(diagnostic);
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.0.borrow().iter().any(Diagnostic::is_error)
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.0.into_inner()
    }
}

/// Does the problem stop something, or is it only worth knowing?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A guess that was made, shown so that it can be corrected.
    Note,
    /// Works, but surely not as wished.
    Warning,
    /// The file, or the part of it, is not used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// One problem in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    severity: Severity,
    message: String,
    #[serde(flatten)]
    place: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Place {
    file: String,
    /// Counted from 1, as editors do; 0 where the whole file is meant.
    line: usize,
    /// In characters, counted from 1.
    column: usize,
    #[serde(skip)]
    quoted: String,
    #[serde(skip)]
    marked: Range<usize>,
    /// Only a part of the line is quoted.
    #[serde(skip)]
    is_part: bool,
}

impl Place {
    /// No whole line to show: the whole file is meant, the line is empty or secret, or too long to read.
    fn is_unquoted(&self) -> bool {
        self.line == 0 || self.quoted.is_empty() || self.is_part
    }

    fn whole(file: &str) -> Self {
        Self { file: file.into(), line: 0, column: 0, quoted: String::new(), marked: 0..0, is_part: false }
    }

    fn in_file(file: &SourceFile, span: &Range<usize>) -> Self {
        let text = &file.text;
        let at = floor_boundary(text, span.start);
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let quoted = text[line_start..].lines().next().unwrap_or_default();
        if quoted.len() > QUOTED_LINE_BYTES_MAX {
            return Self::in_long_line(file, at, line_start, quoted);
        }
        let end = floor_boundary(text, span.end.max(at)).min(line_start + quoted.len());
        Self {
            file: file.path.clone(),
            line: text[..at].matches('\n').count() + 1,
            column: text[line_start..at].chars().count() + 1,
            quoted: quoted.to_string(),
            marked: (at - line_start).min(quoted.len())..end.max(at) - line_start,
            is_part: false,
        }
    }

    fn in_long_line(file: &SourceFile, at: usize, line_start: usize, line: &str) -> Self {
        let text = &file.text;
        let from = floor_boundary(line, (at - line_start).saturating_sub(QUOTED_BYTES_AROUND));
        let to = floor_boundary(line, at - line_start + QUOTED_BYTES_AROUND);
        Self {
            file: file.path.clone(),
            line: text[..at].matches('\n').count() + 1,
            column: text[line_start..at].chars().count() + 1,
            quoted: format!("…{}…", line[from..to].trim()),
            marked: 0..0,
            is_part: true,
        }
    }
}

fn floor_boundary(text: &str, mut index: usize) -> usize {
    index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

impl Diagnostic {
    /// Whether it stops the thing it is about.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Whether a running program says it; notes are for `check`.
    pub fn is_worth_saying(&self) -> bool {
        self.severity > Severity::Note
    }

    /// Error, warning or note.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The file it is about, as the author knows it.
    pub fn file(&self) -> &str {
        &self.place.file
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn error(file: &SourceFile, span: &Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            place: Place::in_file(file, span),
            hint: None,
        }
    }

    fn warning(file: &SourceFile, span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, span, message) }
    }

    fn note(file: &SourceFile, span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(file, span, message) }
    }

    fn of_file(path: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), place: Place::whole(path), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    // ---- any file

    /// The file could not be read at all.
    pub fn unreadable(path: &str, why: impl fmt::Display) -> Self {
        Self::of_file(path, format!("cannot read this file: {why}"))
    }

    /// A file that must be there is not.
    pub fn missing_file(path: &str, hint: &str) -> Self {
        Self::of_file(path, "this file is missing").hint(hint)
    }

    /// The bytes are not UTF-8; `valid` is the text before the first bad byte.
    pub fn not_utf8(path: &str, valid: &str) -> Self {
        let file = SourceFile { path: path.into(), text: valid.into() };
        Self::error(&file, &(valid.len()..valid.len()), "this file is not UTF-8 from here on")
            .hint("save it again with the encoding UTF-8")
    }

    /// A parser's own words about its syntax.
    pub fn syntax(file: &SourceFile, span: &Range<usize>, message: impl fmt::Display) -> Self {
        Self::error(file, span, clean_sentence(&message.to_string()))
    }

    /// A key that nothing reads.
    pub fn unknown_key(file: &SourceFile, span: &Range<usize>, key: &str, known: &[&str]) -> Self {
        Self::error(file, span, format!("unknown key `{key}`")).hint(match closest(key, known) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("the keys here are {}", list(known, "and")),
        })
    }

    /// A name that must be one of a few.
    pub fn unknown_name(
        file: &SourceFile,
        span: &Range<usize>,
        what: &str,
        name: &str,
        known: &[&str],
    ) -> Self {
        Self::error(file, span, format!("unknown {what} `{name}`")).hint(match closest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "none is set up yet; add one to `config.toml`".into(),
            None => format!("write {}", list(known, "or")),
        })
    }

    /// A value of the wrong type: `wanted` and `found` with their articles ("a number").
    pub fn wrong_type(file: &SourceFile, span: &Range<usize>, key: &str, wanted: &str, found: &str) -> Self {
        Self::error(file, span, format!("`{key}` wants {wanted}, and this is {found}"))
    }

    /// A value that does not parse; `hint` says how to write it.
    pub fn invalid(
        file: &SourceFile,
        span: &Range<usize>,
        what: &str,
        why: impl fmt::Display,
        hint: &str,
    ) -> Self {
        Self::error(file, span, format!("invalid {what}: {why}")).hint(hint)
    }

    /// Something that must be there is not; `span` is where it was looked for.
    pub fn missing_key(file: &SourceFile, span: &Range<usize>, key: &str, hint: &str) -> Self {
        Self::error(file, span, format!("`{key}` is missing")).hint(hint)
    }

    // ---- config

    /// A secret written into the file itself.
    pub fn secret_in_the_open(file: &SourceFile, span: &Range<usize>, key: &str) -> Self {
        let variable = format!("SMTP_{}", key.to_uppercase());
        let mut diagnostic = Self::error(file, span, format!("`{key}` must not stand in this file"))
            .hint(format!("write `{key} = {{ env = \"{variable}\" }}` or `{key} = {{ file = \"/path\" }}`"));
        // The line is not quoted: what is on the screen ends in a log.
        diagnostic.place.quoted.clear();
        diagnostic
    }

    /// A secret whose variable or file is not there.
    pub fn secret_missing(file: &SourceFile, span: &Range<usize>, why: impl fmt::Display) -> Self {
        Self::error(file, span, format!("cannot read this secret: {why}"))
    }

    /// The address of the site works on this machine only.
    pub fn site_not_public(file: &SourceFile, span: &Range<usize>, url: &str) -> Self {
        Self::note(file, span, format!("`{url}` can be opened on this machine only"))
            .hint("set `url` to the address readers will use before sending letters to other people")
    }

    /// Letters are signed in a way that not every mailbox reads, and in no other.
    pub fn no_key_of_rsa(file: &SourceFile, span: &Range<usize>) -> Self {
        Self::warning(file, span, "letters are signed with Ed25519 alone, which Gmail and others do not read")
            .hint("`byline dkim new SELECTOR` makes an RSA key; let both sign")
    }

    /// More keys sign than servers check signatures.
    pub fn too_many_keys(file: &SourceFile, span: &Range<usize>, most: usize) -> Self {
        Self::warning(
            file,
            span,
            format!("more than {most} keys sign, and many servers check the first {most}"),
        )
        .hint("give the older ones `sign = false`, and take them out when their letters are old")
    }

    /// An environment variable that names no key.
    pub fn unknown_variable(name: &str) -> Self {
        Self::of_file(&format!("environment variable {name}"), "no key of `config.toml` has this name")
            .hint("the form is `BYLINE_MAIL__SMTP__PORT=2525`: two underscores between the parts")
    }

    /// Two keys that say the same thing.
    pub fn said_twice(file: &SourceFile, span: &Range<usize>, key: &str, other: &str) -> Self {
        Self::error(file, span, format!("`{key}` and `{other}` cannot both be given"))
            .hint(format!("leave one of them out; `{other}` can be a list"))
    }

    // ---- articles

    /// No title in front matter, heading or `<title>`.
    pub fn no_title(file: &SourceFile) -> Self {
        Self::error(file, &(0..0), "this article has no title")
            .hint("put `title: …` into the front matter, or begin with a `# heading`")
    }

    /// Front matter that begins and never ends.
    pub fn front_matter_open(file: &SourceFile, fence: &str) -> Self {
        Self::error(file, &(0..fence.len()), "the front matter is never closed")
            .hint(format!("end it with a line `{fence}`"))
    }

    /// Two articles want one address; the first keeps it.
    pub fn slug_taken(file: &SourceFile, span: &Range<usize>, slug: &str, by: &str) -> Self {
        Self::error(file, span, format!("the address `/{slug}/` is taken by `{by}`"))
            .hint("give this article a `slug:` of its own")
    }

    /// The outlet wants a delay that cannot be counted.
    pub fn held(file: &SourceFile, span: &Range<usize>, outlet: &str, delay: &str) -> Self {
        Self::error(
            file,
            span,
            format!(
                "held back: {outlet} wants {delay} before republishing, and the original date is not known"
            ),
        )
        .hint("write `written_for: { outlet: …, date: YYYY-MM-DD }`, or `cleared: { by: …, on: … }`")
    }

    /// A last good version is shown instead of this one.
    pub fn last_good_stays(path: &str) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::of_file(path, "the last good version stays on the site until this is mended")
        }
    }

    /// A picture or sound that an article names and that is not there.
    pub fn missing_media(file: &SourceFile, span: &Range<usize>, name: &str) -> Self {
        Self::warning(file, span, format!("`{name}` is not in the folder"))
            .hint("the path counts from the article's own folder")
    }

    /// The first ones count.
    pub fn too_many_tags(file: &SourceFile, span: &Range<usize>, most: usize) -> Self {
        Self::warning(file, span, format!("more than {most} tags; from here on they are left out"))
            .hint("keep those that readers would look for")
    }

    /// Readers compare ids, and Atom wants an address there.
    pub fn odd_guid(file: &SourceFile, span: &Range<usize>) -> Self {
        Self::warning(file, span, "a guid should be an address: `https:…` or `tag:…`").hint(
            "keep it if the piece was published with it, and Atom gets a `tag:` of it; else leave it out",
        )
    }

    /// It would stay among the newest until then.
    pub fn updated_in_future(file: &SourceFile, span: &Range<usize>) -> Self {
        Self::warning(file, span, "`updated` is in the future, and readers are told so")
            .hint("write when the article was last changed")
    }

    /// Feeds say how long a sound is, which is known only of a file at hand.
    pub fn enclosure_elsewhere(file: &SourceFile, span: &Range<usize>, url: &str) -> Self {
        Self::warning(file, span, format!("`{url}` is not in `articles/`, so no feed names it"))
            .hint("put the sound or film beside the article, and link to what is elsewhere in the text")
    }

    /// A line that was taken for the attribution.
    pub fn guessed_outlet(file: &SourceFile, span: &Range<usize>, outlet: &str) -> Self {
        Self::note(file, span, format!("taken for the attribution: written for {outlet}"))
            .hint("a file of the same name ending in `.toml` with `written_for = \"…\"` settles it")
    }

    /// A line that was taken for a heading.
    pub fn guessed_heading(file: &SourceFile, span: &Range<usize>) -> Self {
        Self::note(file, span, "taken for a heading")
    }

    /// Lines that were taken for what a page's comment form left behind.
    pub fn guessed_boilerplate(file: &SourceFile, span: &Range<usize>) -> Self {
        Self::note(file, span, "left out from here on: it reads like a page's comment form")
    }

    /// The first line was taken for the title.
    pub fn guessed_title(file: &SourceFile, span: &Range<usize>) -> Self {
        Self::note(file, span, "taken for the title")
    }

    /// No date: the day the file was first seen is used.
    pub fn guessed_date(file: &SourceFile) -> Self {
        Self::note(file, &(0..0), "no date: dated by when this file was first seen")
            .hint("give it a `date`, in the front matter or in a `.toml` file of the same name")
    }

    // ---- lists

    /// A row of a list that cannot be used.
    pub fn bad_row(file: &SourceFile, span: &Range<usize>, why: impl fmt::Display, hint: &str) -> Self {
        Self::error(file, span, why.to_string()).hint(hint)
    }

    /// A list whose name is no newsletter's.
    pub fn list_without_newsletter(path: &str, id: &str, known: &[&str]) -> Self {
        Self::of_file(path, format!("there is no newsletter `{id}` for this list")).hint(
            match closest(id, known) {
                Some(name) => format!("did you mean `{name}.csv`?"),
                None => format!("add `[newsletter.{id}]` to `config.toml`"),
            },
        )
    }

    // ---- feeds

    /// A fault of a finished feed, in the words of its rule.
    pub fn feed_fault(
        file: &SourceFile,
        span: &Range<usize>,
        severity: Severity,
        (rule, message, hint): (&str, &str, &str),
    ) -> Self {
        let fault = Self { severity, ..Self::error(file, span, format!("{message} [{rule}]")) };
        if hint.is_empty() { fault } else { fault.hint(hint) }
    }

    /// A fault of a letter; `letter` says which.
    pub fn letter_fault(letter: &str, severity: Severity, message: &str, hint: &str) -> Self {
        Self { severity, ..Self::of_file(letter, message).hint(hint) }
    }

    /// Draws it, in colour where `styled`.
    pub fn draw(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let hint = self.hint.as_deref().map(|hint| Level::HELP.with_name("hint").message(hint));
        let title = level.primary_title(&self.message);
        if self.place.is_unquoted() {
            let position = match self.place.line {
                0 => self.place.file.clone(),
                line => format!("{}:{line}:{}", self.place.file, self.place.column),
            };
            let mut drawn = renderer.render(&[annotate_snippets::Group::with_title(title)]);
            drawn.push_str(&format!("\n --> {position}"));
            if self.place.is_part {
                drawn.push_str(&format!("\n  | {}", self.place.quoted));
            }
            if let Some(hint) = &self.hint {
                drawn.push_str(&format!("\n  = hint: {hint}"));
            }
            return drawn;
        }
        let mut group = title.element(
            Snippet::source(&self.place.quoted)
                .line_start(self.place.line)
                .path(&self.place.file)
                .annotation(AnnotationKind::Primary.span(self.place.marked.clone())),
        );
        if let Some(hint) = hint {
            group = group.element(hint);
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.draw(false))
    }
}

/// `a`, `b` or `c`: each in backticks.
pub fn list(names: &[&str], conjunction: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} {conjunction} {last}", rest.join(", ")),
    }
}

/// "1 reader", "2 readers".
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// The known name nearest to what was typed, if it is near.
pub fn closest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&typed.to_lowercase(), name), *name))
        .filter(|(edits, name)| *edits <= SLIP_EDITS_MAX && *edits < name.chars().count())
        .min()
        .map(|(_, name)| name)
}

/// The bytes of `text` at a line and column (both from 1), to the end of the word there.
pub fn span_at(text: &str, line: usize, column: usize) -> Range<usize> {
    let line_start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text[line_start..].lines().next().unwrap_or_default();
    let start = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(i, _)| i);
    let word = rest[start..].find(char::is_whitespace).unwrap_or(rest.len() - start);
    line_start + start..line_start + start + word
}

/// A crate's message as one of ours: first line, no full stop at its end.
fn clean_sentence(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim().trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_under_the_word_and_a_slip_gets_a_hint() {
        let file = SourceFile { path: "config.toml".into(), text: "[site]\ntitel = \"x\"\n".into() };
        let drawn = Diagnostic::unknown_key(&file, &(7..12), "titel", &["title", "url"]).to_string();
        assert_eq!(
            drawn,
            "error: unknown key `titel`\n --> config.toml:2:1\n  |\n2 | titel = \"x\"\n  | ^^^^^\n  |\n  = hint: did you mean `title`?"
        );
    }

    #[test]
    fn a_span_beyond_the_text_or_inside_a_letter_is_no_panic() {
        let file = SourceFile { path: "a.md".into(), text: "ب\n".into() };
        for span in [0..99, 1..1, 50..60, 2..3] {
            assert!(Diagnostic::syntax(&file, &span, "no").to_string().contains("a.md"));
        }
    }
}
