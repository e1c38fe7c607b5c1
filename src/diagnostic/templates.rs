//! What is wrong with a template, or with the words that it shows.

use std::{fmt, ops::Range};

use super::{Diagnostic, SourceFile, clean_sentence, closest, list, span_at};

impl Diagnostic {
    /// A template that does not compile or does not render.
    pub fn template(file: &SourceFile, place: Option<(usize, usize)>, why: impl fmt::Display) -> Self {
        let span = place.map_or(0..0, |(line, column)| span_at(&file.text, line, column));
        Self::error(file, &span, clean_sentence(&why.to_string()))
    }

    /// A block that nothing closes; it begins at this byte.
    pub fn template_open(file: &SourceFile, at: usize, block: &str) -> Self {
        let end = file.text[at..].find("}}").map_or(file.text.len(), |length| at + length + 2);
        let closing = block.trim_start_matches("> ");
        let shown = if closing == block { format!("{block} …") } else { block.to_string() };
        Self::error(file, &(at..end), format!("`{{{{#{shown}}}}}` is never closed"))
            .hint(format!("write `{{{{/{closing}}}}}` where it should end"))
    }

    /// The end of a block that did not begin; it stands at this byte.
    pub fn template_closed(file: &SourceFile, at: usize, block: &str) -> Self {
        let end = file.text[at..].find("}}").map_or(file.text.len(), |length| at + length + 2);
        Self::error(file, &(at..end), format!("`{{{{/{block}}}}}` closes nothing"))
            .hint(format!("write `{{{{#{block} …}}}}` where it should begin, or take it out"))
    }

    /// A block closed by the end of another.
    pub fn template_crossed(
        file: &SourceFile,
        place: Option<(usize, usize)>,
        opened: &str,
        closing: &str,
    ) -> Self {
        let why =
            format!("`{{{{#{opened} …}}}}` is open here, and `{{{{/{closing}}}}}` closes something else");
        Self::template(file, place, why).hint(format!("write `{{{{/{opened}}}}}` before it, or in its place"))
    }

    /// Braces that are no tag.
    pub fn template_braces(file: &SourceFile, place: Option<(usize, usize)>) -> Self {
        Self::template(file, place, "the braces here cannot be read").hint(
            "a name stands in two on each side: `{{site.title}}`; two braces that are only text are written `\\{{`",
        )
    }

    /// A field that a page or letter does not have there. `known` are the paths of all fields; those of each one
    /// in a list begin with the list's name and `[]`.
    pub fn template_field(file: &SourceFile, span: &Range<usize>, field: &str, known: &[String]) -> Self {
        let last = |path: &str| path.rsplit(['.', '/']).next().unwrap_or_default().to_string();
        let typed = last(field);
        let same: Vec<&str> = known.iter().map(String::as_str).filter(|path| last(path) == typed).collect();
        let lasts: Vec<String> = known.iter().map(|path| last(path)).collect();
        let lasts: Vec<&str> = lasts.iter().map(String::as_str).collect();
        let whole = same
            .iter()
            .find(|path| **path == field)
            .or_else(|| same.iter().find(|path| !path.contains("[]")));
        let inside = same.iter().min_by_key(|path| (!path.starts_with("articles[]"), path.len()));
        let hint = match (whole, inside, closest(&typed, &lasts)) {
            (Some(path), ..) => {
                format!("it is `{path}`; inside `{{{{#each …}}}}` or `{{{{#with …}}}}` write `@root.{path}`")
            }
            (None, Some(path), _) => {
                let list = path.split("[]").next().unwrap_or_default();
                format!("each of `{list}` has a `{typed}`: write it inside `{{{{#each {list}}}}}`")
            }
            (None, None, Some(name)) => format!("did you mean `{name}`?"),
            (None, None, None) => "docs/mail.md and docs/templates.md of Byline list every name".into(),
        };
        Self::error(file, span, format!("nothing here is called `{field}`")).hint(hint)
    }

    /// A template that holds for samples and failed on what is there, as `articles/en/one.md`; `place` is as
    /// `templates/page/list.hbs:3:1`.
    pub fn template_failed(place: &str, why: &str, made_of: &str) -> Self {
        Self::of_file(place, format!("this did not render with {made_of}: {}", clean_sentence(why)))
            .hint("what not every article has stands inside `{{#if …}}…{{/if}}`")
    }

    /// A list or a group of names where words should be.
    pub fn template_whole(file: &SourceFile, span: &Range<usize>, field: &str) -> Self {
        Self::error(file, span, format!("`{field}` is not words, but holds others")).hint(format!(
            "name what is in it, as in docs/mail.md of Byline; of a list, each: `{{{{#each {field}}}}}`"
        ))
    }

    /// A field that only other pages are given.
    pub fn template_of_others(
        file: &SourceFile,
        span: &Range<usize>,
        field: &str,
        here: &str,
        others: &[&str],
    ) -> Self {
        Self::error(file, span, format!("`{here}` is given no `{field}`")).hint(format!(
            "it is for {}; a part of several pages writes it inside `{{{{#if {field}}}}}…{{{{/if}}}}`",
            list(others, "and")
        ))
    }

    /// What somebody typed with an address that may not be theirs.
    pub fn template_typed(file: &SourceFile, span: &Range<usize>, field: &str) -> Self {
        Self::error(file, span, format!("a letter that asks for confirmation is given no `{field}`"))
            .hint("whoever typed the address may not be its owner, so nothing that was typed goes there")
    }

    /// A field that is there for some pages or letters, and not for all; or a block that is about it.
    pub fn template_sometimes(file: &SourceFile, span: &Range<usize>, field: &str, is_block: bool) -> Self {
        // Of a field, what it belongs to is missing; a block wants the thing itself.
        let around = match field.rsplit_once(['.', '/']) {
            Some((around, _)) if !is_block => around,
            _ => field,
        };
        Self::error(file, span, format!("`{field}` is not always there"))
            .hint(format!("write it inside `{{{{#if {around}}}}}…{{{{/if}}}}`"))
    }

    /// A helper called with something that is not always there.
    pub fn template_argument(file: &SourceFile, place: Option<(usize, usize)>) -> Self {
        Self::template(
            file,
            place,
            "a helper is called here with too little, or with what is not always there or of another kind",
        )
        .hint("give it all that docs/mail.md of Byline lists, inside `{{#if …}}` if it may be missing")
    }

    /// Words that one language's file has, and this one's lacks.
    pub fn missing_words(file: &SourceFile, span: &Range<usize>, key: &str, language: &str) -> Self {
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        Self::error(file, span, format!("i18n/{language}.toml has no `{key}`"))
            .hint(format!("add `{name} = \"…\"` under `[{table}]` there"))
    }

    /// Words that no language's file has; `beside` are those of the same table.
    pub fn unknown_words(file: &SourceFile, span: &Range<usize>, field: &str, beside: &[&str]) -> Self {
        let (table, name) = field.rsplit_once('.').unwrap_or(("", field));
        Self::error(file, span, format!("nothing here is called `{field}`")).hint(
            match closest(name, beside) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "add `{name} = \"…\"` under `[{}]` in each file of i18n/",
                    table.trim_start_matches("@root.").trim_start_matches("t.")
                ),
            },
        )
    }

    /// A letter without the link that it is of no use, or not allowed, without.
    pub fn template_without(file: &SourceFile, variable: &str) -> Self {
        let why = match variable {
            "reader.confirm_url" => "nobody could confirm a subscription with this letter",
            _ => "readers could not leave with this letter",
        };
        Self::error(file, &(0..0), format!("{why}: `{{{{{variable}}}}}` is missing"))
            .hint(format!("write `{{{{{variable}}}}}` where the link should stand"))
    }

    /// A call of a partial that is not there, or of one of the other kind.
    pub fn template_partial(
        file: &SourceFile,
        place: Option<(usize, usize)>,
        name: &str,
        known: &[&str],
    ) -> Self {
        let hint = match closest(name, known) {
            Some(near) if near != name => format!("did you mean `{near}`?"),
            Some(_) => "plain text calls parts for text alone, one whose name begins with `text`, and HTML the others".into(),
            None => format!("write it into templates/{name}.hbs, or take the call out"),
        };
        Self::template(file, place, format!("there is no part `{name}` for this")).hint(hint)
    }

    /// A call of something that is no helper.
    pub fn template_helper(
        file: &SourceFile,
        place: Option<(usize, usize)>,
        name: &str,
        known: &[&str],
    ) -> Self {
        let hint = match closest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the helpers are {}", list(known, "and")),
        };
        Self::template(file, place, format!("there is no helper `{name}`")).hint(hint)
    }

    /// A template that no page or letter uses.
    pub fn template_unused(file: &SourceFile, known: &[&str]) -> Self {
        let hint = match closest(&file.path, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`byline templates list` shows the names that are used".into(),
        };
        Self::warning(file, &(0..0), "no page or letter uses this file").hint(hint)
    }

    /// A name in braces in a text of `i18n/` that nothing fills.
    pub fn unfilled_name(file: &SourceFile, key: &str, name: &str, known: &[String]) -> Self {
        let at = file.text.find(&format!("{{{name}}}")).map_or(0..0, |at| at..at + name.len() + 2);
        let known: Vec<String> = known.iter().map(|name| format!("{{{name}}}")).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let hint = match known.is_empty() {
            true => "nothing is filled in there; take it out".to_string(),
            false => format!("what is filled in there is {}", list(&known, "and")),
        };
        Self::error(file, &at, format!("nothing fills `{{{name}}}` in `{key}`")).hint(hint)
    }

    /// Something else than a text in `i18n/`, or a text where a table of texts should be.
    pub fn string_no_text(file: &SourceFile, key: &str) -> Self {
        Self::error(file, &key_in(file, key), format!("`{key}` is not of the kind that is wanted there"))
            .hint("a text stands in quotation marks: `name = \"…\"`; a table of texts begins with `[name]`")
    }

    /// Partials that include each other.
    pub fn template_cycle(file: &SourceFile, through: &[String]) -> Self {
        Self::error(file, &(0..0), format!("these include each other: {}", through.join(" → ")))
            .hint("take one of the `{{> …}}` out")
    }

    /// A text that one language has and another lacks.
    pub fn missing_string(file: &SourceFile, key: &str, has: &str) -> Self {
        Self::error(file, &(0..0), format!("`{key}` is missing, and {has} has it"))
            .hint(format!("add `{key}` with its words in this language"))
    }
}

/// Where the last name of `letter.pieces.one` is set in a file of words; its beginning if that cannot be told.
fn key_in(file: &SourceFile, key: &str) -> Range<usize> {
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    let from = file.text.find(&format!("[{table}]")).unwrap_or_default();
    let mut at = from;
    for line in file.text[from..].split_inclusive('\n') {
        if line.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('=')) {
            let start = at + line.len() - line.trim_start().len();
            return start..start + name.len();
        }
        at += line.len();
    }
    0..0
}
