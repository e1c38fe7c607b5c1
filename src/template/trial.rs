//! Every template before readers see any of it: its names looked up, and all of it rendered with samples, so that what
//! would go wrong is told with its line.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use handlebars::{Handlebars, RenderError, RenderErrorReason};
use serde_json::Value;

use super::{
    Page, Sources, Templates,
    context::{self, Sample},
    helpers,
    names::{self, Elsewhere, Name},
    render, words_at,
};
use crate::{
    diagnostic::{Diagnostic, Problems, SourceFile, span_at},
    language::Language,
    newsletter::variant::LetterKind,
};

/// How long rendering all samples of one language may take together.
const TRIAL_MAX: Duration = Duration::from_secs(20);

/// A template that pages or letters are made with, and what it is given.
struct Tried<'t> {
    name: String,
    registry: &'t Handlebars<'static>,
    letter: Option<LetterKind>,
    /// The first has everything.
    samples: Vec<Value>,
    /// Every name in the first.
    known: Vec<String>,
}

impl Templates {
    /// Looks up every name, and then renders everything with samples, so that what is wrong is found now and not at
    /// midnight.
    pub(super) fn try_out(&self, language: &Language, sources: &Sources<'_>, problems: &Problems) {
        let Some(strings) = self.strings.get(language) else { return };
        let all = self.all(language, strings);
        let words = Words { templates: self, language, all: &all, sources };
        let wrong = words.wrong_names();
        if !wrong.is_empty() {
            return wrong.into_iter().for_each(|problem| problems.push(problem));
        }
        let mut failed = Vec::new();
        let mut without = Vec::new();
        let until = Instant::now() + TRIAL_MAX;
        for tried in &all {
            let is_body = tried.letter.is_some() && !tried.name.ends_with("/subject");
            let needed = tried.letter.and_then(needed).filter(|_| is_body);
            for sample in &tried.samples {
                match render(tried.registry, &tried.name, sample, until) {
                    Err(why) => failed.extend(words.failed(&why, &tried.name)),
                    Ok(rendered) => {
                        let needed = needed.filter(|(slot, _)| !rendered.contains(*slot));
                        if let Some((_, variable)) = needed
                            && let Some(file) = sources.get(tried.name.as_str())
                        {
                            without.push(Diagnostic::template_without(file, variable));
                        }
                    }
                }
            }
        }
        // A template that does not render lacks more than its links.
        let found = if failed.is_empty() { without } else { failed };
        found.into_iter().for_each(|problem| problems.push(problem));
    }

    fn all(&self, language: &Language, strings: &Value) -> Vec<Tried<'_>> {
        let registries = self.registries(language);
        let tried = |name: String, registry, letter, samples: Vec<Value>| {
            let mut known = context::paths(&samples[0]);
            // A digest has one by itself only if there is one: its own way is the list.
            known.retain(|path| letter != Some(LetterKind::Digest) || !path.starts_with("article."));
            Tried { name, registry, letter, samples, known }
        };
        let pages = Page::ALL.into_iter().map(|page| {
            let samples = [Sample::Rich, Sample::Bare]
                .map(|sample| context::sample_page(page, language, strings, sample));
            tried(page.template().to_string(), &registries.html, None, samples.into())
        });
        let parts = [("subject", &registries.text), ("text", &registries.text), ("html", &registries.html)];
        let letters = LetterKind::ALL.into_iter().flat_map(|kind| parts.map(|part| (kind, part)));
        let letters = letters.map(|(kind, (part, registry))| {
            let samples = [
                (3, Sample::Rich),
                (1, Sample::Rich),
                (1, Sample::Bare),
                (3, Sample::Bare),
                (0, Sample::Rich),
            ];
            let samples = samples.into_iter().filter(|(count, _)| kind != LetterKind::Single || *count > 0);
            let samples = samples.map(|(count, sample)| {
                let letter = context::sample_letter(kind, language, strings, count, sample);
                serde_json::to_value(letter).expect("a sample is plain data")
            });
            tried(format!("mail/{}/{part}", kind.as_str()), registry, Some(kind), samples.collect())
        });
        pages.chain(letters).collect()
    }
}

/// What goes wrong with a language's templates, in words.
struct Words<'w> {
    templates: &'w Templates,
    language: &'w Language,
    all: &'w [Tried<'w>],
    sources: &'w Sources<'w>,
}

impl Words<'_> {
    /// What is called by names that lead nowhere, each place once.
    fn wrong_names(&self) -> Vec<Diagnostic> {
        let mut elsewhere = Elsewhere::default();
        for tried in self.all {
            elsewhere.given.extend(tried.known.iter().cloned());
        }
        let registries = self.templates.registries(self.language);
        elsewhere.handed.extend(names::handed(&registries.html));
        elsewhere.handed.extend(names::handed(&registries.text));
        let mut said = BTreeSet::new();
        let mut found = Vec::new();
        for tried in self.all {
            for wrong in names::wrong(tried.registry, &tried.name, &tried.samples[0], &elsewhere) {
                if let Some(file) = self.sources.get(wrong.template.as_str())
                    && said.insert(wrong.clone())
                {
                    found.push(match &wrong.name {
                        Name::Field(field) => self.unknown_field(file, wrong.place, field, tried),
                        Name::Whole(field) => {
                            Diagnostic::template_whole(file, &span_of(file, wrong.place, field), field)
                        }
                        Name::Helper(name) => {
                            Diagnostic::template_helper(file, Some(wrong.place), name, &helpers::NAMES)
                        }
                        Name::Part(name) => {
                            let parts: Vec<&str> = self.sources.keys().copied().collect();
                            Diagnostic::template_partial(file, Some(wrong.place), name, &parts)
                        }
                    });
                }
            }
        }
        found
    }

    fn unknown_field(
        &self,
        file: &SourceFile,
        place: (usize, usize),
        field: &str,
        tried: &Tried<'_>,
    ) -> Diagnostic {
        let span = span_of(file, place, field);
        let path = field.strip_prefix("@root.").unwrap_or(field);
        if let Some(key) = path.strip_prefix("t.") {
            return self.unknown_words(file, &span, field, key);
        }
        if tried.letter == Some(LetterKind::Confirm) && path.starts_with("reader.") {
            return Diagnostic::template_typed(file, &span, field);
        }
        let has = |tried: &Tried<'_>| tried.known.iter().any(|name| name == path);
        if !has(tried) {
            let others = self.all.iter().filter(|other| has(other) && other.letter.is_none());
            let others: Vec<&str> = others.map(|other| other.name.as_str()).collect();
            if !others.is_empty() {
                return Diagnostic::template_of_others(file, &span, field, &tried.name, &others);
            }
        }
        Diagnostic::template_field(file, &span, field, &tried.known)
    }

    fn unknown_words(
        &self,
        file: &SourceFile,
        span: &std::ops::Range<usize>,
        field: &str,
        key: &str,
    ) -> Diagnostic {
        let strings = &self.templates.strings;
        if strings.get(self.language).is_some_and(|strings| words_at(strings, key).is_some()) {
            return Diagnostic::template_field(file, span, field, &[format!("t.{key}")]);
        }
        let (table, _) = key.rsplit_once('.').unwrap_or(("", key));
        if strings.values().any(|strings| words_at(strings, key).is_some()) {
            return Diagnostic::missing_words(file, span, key, self.language.primary());
        }
        let beside = strings.get(self.language).and_then(|strings| words_at(strings, table));
        let beside = beside.and_then(Value::as_object).into_iter().flat_map(|table| table.keys());
        let beside: Vec<&str> = beside.map(String::as_str).collect();
        Diagnostic::unknown_words(file, span, field, &beside)
    }

    /// Every name is known: what is missing now is not always there.
    fn failed(&self, why: &RenderError, tried: &str) -> Option<Diagnostic> {
        let file = self.sources.get(why.template_name.as_deref().unwrap_or(tried))?;
        let place = why.line_no.zip(why.column_no);
        Some(match why.reason() {
            RenderErrorReason::MissingVariable(Some(field)) => {
                let place = place.unwrap_or((1, 1));
                let tag = &file.text[span_at(&file.text, place.0, place.1).start..];
                let is_block = tag.starts_with("{{#") || tag.starts_with("{{~#");
                Diagnostic::template_sometimes(file, &span_of(file, place, field), field, is_block)
            }
            RenderErrorReason::MissingVariable(None)
            | RenderErrorReason::ParamNotFoundForIndex(..)
            | RenderErrorReason::ParamNotFoundForName(..)
            | RenderErrorReason::ParamTypeMismatchForName(..)
            | RenderErrorReason::HashTypeMismatchForName(..) => Diagnostic::template_argument(file, place),
            reason => Diagnostic::template(file, place, reason),
        })
    }
}

/// The place is that of the tag; the name stands a little after it.
fn span_of(file: &SourceFile, (line, column): (usize, usize), field: &str) -> std::ops::Range<usize> {
    let tag = span_at(&file.text, line, column).start;
    let rest = &file.text[tag..];
    let (at, length) = match rest.find(field) {
        Some(at) => (at + field.len() - last_of(field).len(), last_of(field).len()),
        None => (rest.find(last_of(field)).unwrap_or_default(), last_of(field).len()),
    };
    tag + at..tag + at + length
}

fn last_of(field: &str) -> &str {
    field.rsplit(['.', '/']).next().unwrap_or(field)
}

/// The link that a letter is of no use, or not allowed, without: its mark, and its name in templates.
pub(super) fn needed(kind: LetterKind) -> Option<(char, &'static str)> {
    match kind {
        LetterKind::Confirm => Some((context::slot::CONFIRM_URL, "reader.confirm_url")),
        kind => kind.is_to_a_list().then_some((context::slot::UNSUBSCRIBE_URL, "reader.unsubscribe_url")),
    }
}
