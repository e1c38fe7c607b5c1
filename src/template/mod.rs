//! What readers see, as templates: all compiled and tried on a sample at start, strict about names.
//!
//! A template that does not hold is reported with its line, and the last good set stays in use: that
//! is the caller's, which keeps the old [`Templates`].

mod built_in;
pub mod context;
mod helpers;
mod inline;
mod limits;
mod strings;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::{Duration, Instant},
};

use handlebars::{Handlebars, RenderErrorReason};
use serde::Serialize;
use serde_json::Value;

pub use built_in::{FILES as BUILT_IN, PICTURES};

use crate::{
    diagnostic::{Diagnostic, Problems, SourceFile},
    language::Language,
    newsletter::variant::LetterKind,
};

/// What a page or letter may come to; one that grows beyond is a runaway loop.
const OUTPUT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// And how long it may take.
const RENDER_MAX: Duration = Duration::from_secs(5);

/// A page of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Articles, newest first.
    List,
    /// One article.
    Article,
    /// What a person sees who opens a feed.
    Feed,
    /// How to get feeds and letters.
    Subscribe,
    /// Every tag, or every outlet.
    Topics,
    /// "Unsubscribe?", with a button.
    Unsubscribe,
    /// "You have unsubscribed."
    Unsubscribed,
    /// No such page.
    Missing,
    /// Withdrawn.
    Gone,
}

impl Page {
    const ALL: [Page; 9] = [
        Page::List,
        Page::Article,
        Page::Feed,
        Page::Subscribe,
        Page::Topics,
        Page::Unsubscribe,
        Page::Unsubscribed,
        Page::Missing,
        Page::Gone,
    ];

    fn template(self) -> &'static str {
        match self {
            Page::List => "page/list",
            Page::Article => "page/article",
            Page::Feed => "page/feed",
            Page::Subscribe => "page/subscribe",
            Page::Topics => "page/topics",
            Page::Unsubscribe => "page/unsubscribe",
            Page::Unsubscribed => "page/unsubscribed",
            Page::Missing => "page/missing",
            Page::Gone => "page/gone",
        }
    }
}

/// A rendered letter. What differs by reader is still marks (`context::slot`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Every template and every word, checked.
pub struct Templates {
    html: Handlebars<'static>,
    text: Handlebars<'static>,
    strings: BTreeMap<Language, Value>,
    style: String,
}

/// A template did not render: it passed its trial, so this is about what it was given.
#[derive(Debug, thiserror::Error)]
#[error("template `{template}` did not render: {why}")]
pub struct TemplateError {
    template: String,
    why: String,
}

impl Templates {
    /// Compiles the built-in templates, with the author's files (paths from the newsroom's folder, as
    /// `templates/page/index.hbs` or `i18n/fa.toml`) in their place.
    pub fn compile(files: &[SourceFile], languages: &[Language]) -> Result<Self, Vec<Diagnostic>> {
        let problems = Problems::default();
        let mut sources: BTreeMap<String, SourceFile> = BUILT_IN
            .iter()
            .map(|(path, text)| (*path, *text))
            .map(|(path, text)| (path.to_string(), SourceFile { path: path.into(), text: text.into() }))
            .collect();
        sources.extend(files.iter().map(|file| (file.path.clone(), file.clone())));
        let templates = Self {
            html: registry(&sources, |name| !is_text(name), &problems),
            text: registry(&sources, is_text, &problems),
            strings: strings::read(&sources, languages, &problems),
            style: sources.get("templates/page/style.css").map(|file| file.text.clone()).unwrap_or_default(),
        };
        if !problems.has_errors() {
            templates.try_out(&sources, &problems);
        }
        match problems.has_errors() {
            true => Err(problems.into_vec()),
            false => Ok(templates),
        }
    }

    /// The words of a language.
    pub fn strings(&self, language: &Language) -> &Value {
        self.strings.get(language).or_else(|| self.strings.values().next()).unwrap_or(&Value::Null)
    }

    /// One text, by its path: `letter.greeting`.
    pub fn string(&self, language: &Language, path: &str) -> &str {
        let found = path.split('.').try_fold(self.strings(language), |value, key| value.get(key));
        found.and_then(Value::as_str).unwrap_or_default()
    }

    /// The style sheet of the pages.
    pub fn style(&self) -> &str {
        &self.style
    }

    /// A page.
    pub fn page(
        &self,
        page: Page,
        language: &Language,
        context: &impl Serialize,
    ) -> Result<String, TemplateError> {
        render(&self.html, page.template(), language, context).map_err(TemplateError::of)
    }

    /// A letter. The subject is rendered first and shown to the other parts; the styles of the HTML are
    /// written into its elements, as many mailboxes take no style sheet.
    pub fn letter(
        &self,
        kind: LetterKind,
        language: &Language,
        mut context: context::LetterContext<'_>,
    ) -> Result<Letter, TemplateError> {
        let part = |registry, name: &str, context: &context::LetterContext<'_>| {
            let name = format!("mail/{}/{name}", kind.as_str());
            render(registry, &name, language, context).map_err(TemplateError::of)
        };
        let subject = crate::text::clean_subject(&part(&self.text, "subject", &context)?);
        context.letter.subject.clone_from(&subject);
        let text = part(&self.text, "text", &context)?;
        let html = part(&self.html, "html", &context)?;
        let html = inline::styles(&html)
            .map_err(|why| TemplateError { template: format!("mail/{}/html", kind.as_str()), why })?;
        Ok(Letter { text: text.trim().to_string() + "\n", html, subject })
    }

    /// Renders everything once with a sample, so that a wrong name is found now and not at midnight.
    fn try_out(&self, sources: &BTreeMap<String, SourceFile>, problems: &Problems) {
        let mut seen = BTreeSet::new();
        let mut report = |failed: handlebars::RenderError, fallback: &str| {
            let name = failed.template_name.clone().unwrap_or_else(|| fallback.to_string());
            let Some(file) = sources.get(&format!("templates/{name}.hbs")) else { return };
            let place = failed.line_no.zip(failed.column_no);
            if seen.insert((name, place)) {
                problems.push(explain(&failed, file, place));
            }
        };
        for (language, strings) in &self.strings {
            for page in Page::ALL {
                let sample = context::sample_page(language, strings);
                if let Err(failed) = render(&self.html, page.template(), language, &sample) {
                    report(failed, page.template());
                }
            }
            for (kind, articles) in
                LetterKind::ALL.into_iter().flat_map(|kind| [(kind, 0), (kind, 1), (kind, 3)])
            {
                if kind == LetterKind::Single && articles == 0 {
                    continue;
                }
                let sample = context::sample_letter(language, strings, articles);
                for (registry, part) in [(&self.text, "subject"), (&self.text, "text"), (&self.html, "html")]
                {
                    let name = format!("mail/{}/{part}", kind.as_str());
                    if let Err(failed) = render(registry, &name, language, &sample) {
                        report(failed, &name);
                    }
                }
            }
        }
    }
}

impl TemplateError {
    fn of(failed: handlebars::RenderError) -> Self {
        let template = failed.template_name.clone().unwrap_or_default();
        Self { template, why: failed.reason().to_string() }
    }
}

/// `html.fa` before `html`, if there is one.
fn render(
    registry: &Handlebars<'static>,
    name: &str,
    language: &Language,
    context: &impl Serialize,
) -> Result<String, handlebars::RenderError> {
    let own = format!("{name}.{}", language.primary());
    let name = if registry.has_template(&own) { &own } else { name };
    let mut out = Capped { bytes: Vec::new(), until: Instant::now() + RENDER_MAX };
    registry.render_to_write(name, context, &mut out)?;
    String::from_utf8(out.bytes).map_err(|_| RenderErrorReason::Other("the output is not text".into()).into())
}

/// Where a template writes, up to a size and a moment.
struct Capped {
    bytes: Vec<u8>,
    until: Instant,
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > OUTPUT_BYTES_MAX {
            return Err(io::Error::other("the output has no end"));
        }
        if Instant::now() > self.until {
            return Err(io::Error::other("it takes too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Subjects and plain parts are text; nothing in them is escaped.
fn is_text(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let last = last.split('.').next().unwrap_or(last);
    let is_part = last.starts_with("text") && name.starts_with("mail/parts/");
    is_part || name.starts_with("mail/") && matches!(last, "subject" | "text")
}

fn registry(
    sources: &BTreeMap<String, SourceFile>,
    belongs: impl Fn(&str) -> bool,
    problems: &Problems,
) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    helpers::register(&mut registry);
    let mine: Vec<(&str, &SourceFile)> = sources
        .iter()
        .filter_map(|(path, file)| {
            let name = path.strip_prefix("templates/")?.strip_suffix(".hbs")?;
            belongs(name).then_some((name, file))
        })
        .collect();
    if mine.iter().any(|(name, _)| is_text(name)) {
        registry.register_escape_fn(handlebars::no_escape);
    }
    if !limits::check(&mine, problems) {
        return registry;
    }
    for (name, file) in mine {
        if let Err(why) = registry.register_template_string(name, &file.text) {
            problems.push(Diagnostic::template(file, why.pos(), why.reason()));
        }
    }
    registry
}

fn explain(failed: &handlebars::RenderError, file: &SourceFile, place: Option<(usize, usize)>) -> Diagnostic {
    let RenderErrorReason::MissingVariable(Some(field)) = failed.reason() else {
        return Diagnostic::template(file, place, failed.reason());
    };
    // The place is that of the tag; the name stands a little after it.
    let (line, column) = place.unwrap_or((1, 1));
    let tag = crate::diagnostic::span_at(&file.text, line, column).start;
    let last = field.rsplit(['.', '/']).next().unwrap_or(field);
    let start = file.text[tag..].find(last).map_or(tag, |offset| tag + offset);
    let known = context::names();
    Diagnostic::template_field(file, &(start..start + last.len()), field, &known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(path: &str, text: &str) -> Result<Templates, Vec<Diagnostic>> {
        let file = SourceFile { path: path.into(), text: text.into() };
        Templates::compile(&[file], &["en".parse().unwrap(), "fa".parse().unwrap()])
    }

    #[test]
    fn the_built_in_templates_hold_in_both_languages() {
        let built_in = Templates::compile(&[], &["en".parse().unwrap(), "fa".parse().unwrap()]);
        if let Err(problems) = built_in {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        }
    }

    #[test]
    fn a_wrong_name_is_found_before_anything_is_rendered_for_readers() {
        let problems = compile("templates/page/missing.hbs", "<p>{{site.tilte}}</p>\n").err().unwrap();
        let shown = problems[0].to_string();
        assert!(shown.contains("templates/page/missing.hbs:1:11"), "{shown}");
        assert!(shown.contains("did you mean `title`?"), "{shown}");
    }

    #[test]
    fn an_open_tag_is_shown_where_it_stands() {
        let problems = compile("templates/page/gone.hbs", "<p>\n{{#if site.title}}x\n").err().unwrap();
        assert!(problems[0].to_string().contains("templates/page/gone.hbs:"), "{}", problems[0]);
    }

    #[test]
    fn partials_that_include_each_other_are_refused() {
        let problems = Templates::compile(
            &[
                SourceFile { path: "templates/page/gone.hbs".into(), text: "{{> page/missing}}".into() },
                SourceFile { path: "templates/page/missing.hbs".into(), text: "{{> page/gone}}".into() },
            ],
            &["en".parse().unwrap()],
        );
        assert!(problems.err().unwrap()[0].to_string().contains("include each other"));
    }

    #[test]
    fn a_language_without_words_is_an_error() {
        let problems = compile("i18n/fa.toml", "[page]\nskip = \"x\"\n").err().unwrap();
        assert!(problems.iter().any(|problem| problem.message().contains("`letter.greeting` is missing")));
    }
}
