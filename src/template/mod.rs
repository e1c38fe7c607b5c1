//! What readers see, as templates: all compiled and tried on a sample at start, strict about names.
//!
//! A template that does not hold is reported with its line, and the last good set stays in use: that
//! is the caller's, which keeps the old [`Templates`].

mod built_in;
pub mod context;
mod helpers;
mod inline;
mod limits;
mod names;
mod strings;
mod trial;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::{Duration, Instant},
};

use handlebars::{Handlebars, RenderErrorReason, TemplateErrorReason};
use serde::Serialize;
use serde_json::Value;

pub use built_in::{FILES as BUILT_IN, PICTURES};

use self::limits::Unpaired;
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
    /// By language, as `html.fa` stands in the place of `html` there.
    registries: BTreeMap<Language, Registries>,
    strings: BTreeMap<Language, Value>,
    style: String,
}

/// The templates of one language.
struct Registries {
    html: Handlebars<'static>,
    /// Subjects and plain parts; nothing in them is escaped.
    text: Handlebars<'static>,
    /// Where each is from, by its name in calls.
    paths: BTreeMap<String, String>,
}

/// The sources of one language, by their names in calls: `mail/parts/top`.
type Sources<'s> = BTreeMap<&'s str, &'s SourceFile>;

/// A template did not render: it passed its trial, so this is about what it was given.
#[derive(Debug, thiserror::Error)]
#[error("{place} did not render: {why}")]
pub struct TemplateError {
    /// `templates/mail/digest/html.hbs:12:3`
    pub place: String,
    /// What went wrong there.
    pub why: String,
}

impl Templates {
    /// Compiles the built-in templates, with the author's files (paths from the newsroom's folder, as
    /// `templates/page/index.hbs` or `i18n/fa.toml`) in their place.
    pub fn compile(files: &[SourceFile], languages: &[Language]) -> Result<Self, Vec<Diagnostic>> {
        // Handlebars goes as deep as a text has openings.
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("templates".into()).stack_size(limits::STACK_BYTES);
            let compiling = thread.spawn_scoped(scope, || Self::compile_here(files, languages));
            let compiling = compiling.expect("a thread can be started");
            compiling.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn compile_here(files: &[SourceFile], languages: &[Language]) -> Result<Self, Vec<Diagnostic>> {
        let problems = Problems::default();
        let mut sources: BTreeMap<String, SourceFile> = BUILT_IN
            .iter()
            .map(|&(path, text)| (path.to_string(), SourceFile { path: path.into(), text: text.into() }))
            .collect();
        sources.extend(files.iter().map(|file| (file.path.clone(), file.clone())));
        let registries = languages.iter().map(|language| {
            let sources = of_language(&sources, language, languages);
            let html = registry(&sources, |name| !is_text(name), &problems);
            let text = registry(&sources, is_text, &problems);
            let paths = sources.iter().map(|(name, file)| ((*name).to_string(), file.path.clone()));
            (language.clone(), Registries { html, text, paths: paths.collect() })
        });
        let templates = Self {
            registries: registries.collect(),
            strings: strings::read(&sources, languages, &problems),
            style: sources.get("templates/page/style.css").map(|file| file.text.clone()).unwrap_or_default(),
        };
        if !problems.has_errors() {
            for language in languages {
                templates.try_out(language, &of_language(&sources, language, languages), &problems);
            }
        }
        match problems.has_errors() {
            true => Err(once(problems)),
            false => Ok(templates),
        }
    }

    /// The words of a language.
    pub fn strings(&self, language: &Language) -> &Value {
        self.strings.get(language).or_else(|| self.strings.values().next()).unwrap_or(&Value::Null)
    }

    fn registries(&self, language: &Language) -> &Registries {
        let found = self.registries.get(language).or_else(|| self.registries.values().next());
        found.expect("a site has a language, and every language its templates")
    }

    /// One text, by its path: `letter.greeting`.
    pub fn string(&self, language: &Language, path: &str) -> &str {
        words_at(self.strings(language), path).and_then(Value::as_str).unwrap_or_default()
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
        let registries = self.registries(language);
        let rendered = render(&registries.html, page.template(), context, soon());
        rendered.map_err(|failed| registries.error(page.template(), &failed))
    }

    /// A letter. The subject is rendered first and shown to the other parts; the styles of the HTML are
    /// written into its elements, as many mailboxes take no style sheet.
    pub fn letter(
        &self,
        kind: LetterKind,
        language: &Language,
        mut context: context::LetterContext<'_>,
    ) -> Result<Letter, TemplateError> {
        let registries @ Registries { html, text, .. } = self.registries(language);
        let name = |part: &str| format!("mail/{}/{part}", kind.as_str());
        let part = |registry, part: &str, context: &context::LetterContext<'_>| {
            let rendered = render(registry, &name(part), context, soon());
            rendered.map_err(|failed| registries.error(&name(part), &failed))
        };
        let subject = crate::text::clean_subject(&part(text, "subject", &context)?);
        context.letter.subject.clone_from(&subject);
        let text = part(text, "text", &context)?;
        let html = part(html, "html", &context)?;
        for (part, rendered) in [("text", &text), ("html", &html)] {
            if let Some((_, variable)) = trial::needed(kind).filter(|(slot, _)| !rendered.contains(*slot)) {
                let why = format!("it has no `{{{{{variable}}}}}` this time");
                return Err(registries.error_at(&name(part), None, why));
            }
        }
        let html = inline::styles(html).map_err(|why| registries.error_at(&name("html"), None, why))?;
        Ok(Letter { text: text.trim().to_string() + "\n", html, subject })
    }
}

/// What stands in a language's file at `letter.greeting`; all of it at nothing.
fn words_at<'w>(strings: &'w Value, key: &str) -> Option<&'w Value> {
    key.split('.').filter(|name| !name.is_empty()).try_fold(strings, |table, name| table.get(name))
}

impl Registries {
    fn error(&self, called: &str, failed: &handlebars::RenderError) -> TemplateError {
        let name = failed.template_name.as_deref().unwrap_or(called);
        let why = match failed.reason() {
            RenderErrorReason::MissingVariable(Some(field)) => format!("`{field}` is not there this time"),
            RenderErrorReason::MissingVariable(None)
            | RenderErrorReason::ParamNotFoundForIndex(..)
            | RenderErrorReason::ParamNotFoundForName(..)
            | RenderErrorReason::ParamTypeMismatchForName(..)
            | RenderErrorReason::HashTypeMismatchForName(..) => {
                "a helper is called there with what is not there this time, or of another kind".into()
            }
            reason => reason.to_string(),
        };
        self.error_at(name, failed.line_no.zip(failed.column_no), why)
    }

    fn error_at(&self, name: &str, place: Option<(usize, usize)>, why: String) -> TemplateError {
        let path = self.paths.get(name).cloned().unwrap_or_else(|| name.to_string());
        let place = place.map(|(line, column)| format!("{path}:{line}:{column}"));
        TemplateError { place: place.unwrap_or(path), why }
    }
}

fn render(
    registry: &Handlebars<'static>,
    name: &str,
    context: &impl Serialize,
    until: Instant,
) -> Result<String, handlebars::RenderError> {
    let mut out = Capped { bytes: Vec::new(), until: until.min(soon()) };
    registry.render_to_write(name, context, &mut out)?;
    String::from_utf8(out.bytes).map_err(|_| RenderErrorReason::Other("the output is not text".into()).into())
}

/// When what is rendered from now on has taken too long.
fn soon() -> Instant {
    Instant::now() + RENDER_MAX
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

/// A note for each file of the author's that no page or letter uses: most likely its name is wrong.
pub fn unused(files: &[SourceFile]) -> Vec<Diagnostic> {
    let every = BUILT_IN.iter().map(|(_, text)| *text).chain(files.iter().map(|file| file.text.as_str()));
    let called: BTreeSet<String> = every.flat_map(limits::calls).collect();
    let known: Vec<&str> = BUILT_IN.iter().map(|(path, _)| *path).collect();
    let unused = files.iter().filter(|file| {
        let Some(name) = file.path.strip_prefix("templates/").and_then(|path| path.strip_suffix(".hbs"))
        else {
            return !known.contains(&file.path.as_str()) && file.path.starts_with("templates/");
        };
        // `html.fa` is `html` in Persian.
        let plain = name.rsplit_once('.').map_or(name, |(plain, _)| plain);
        let is_known = known.contains(&format!("templates/{plain}.hbs").as_str());
        !is_known && !called.contains(name) && !called.contains(plain)
    });
    unused.map(|file| Diagnostic::template_unused(file, &known)).collect()
}

/// Subjects and plain parts are text; nothing in them is escaped.
fn is_text(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let last = last.split('.').next().unwrap_or(last);
    let is_part = last.starts_with("text") && name.starts_with("mail/parts/");
    is_part || name.starts_with("mail/") && matches!(last, "subject" | "text")
}

/// The templates as one language has them: `mail/digest/html.fa` is called `mail/digest/html` in Persian, and is not
/// there in any other.
fn of_language<'s>(
    sources: &'s BTreeMap<String, SourceFile>,
    language: &Language,
    languages: &[Language],
) -> Sources<'s> {
    let mut mine = Sources::new();
    let mut own = Sources::new();
    for (path, file) in sources {
        let Some(name) = path.strip_prefix("templates/").and_then(|path| path.strip_suffix(".hbs")) else {
            continue;
        };
        match name.rsplit_once('.') {
            Some((plain, tag)) if tag == language.primary() => drop(own.insert(plain, file)),
            Some((_, tag)) if languages.iter().any(|other| other.primary() == tag) => {}
            _ => drop(mine.insert(name, file)),
        }
    }
    mine.extend(own);
    mine
}

/// What is wrong in several languages, once.
fn once(problems: Problems) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let mut problems = problems.into_vec();
    problems.retain(|problem| seen.insert(problem.to_string()));
    problems
}

fn registry(
    sources: &Sources<'_>,
    belongs: impl Fn(&str) -> bool,
    problems: &Problems,
) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    helpers::register(&mut registry);
    let mine: Vec<(&str, &SourceFile)> =
        sources.iter().filter(|(name, _)| belongs(name)).map(|(name, file)| (*name, *file)).collect();
    if mine.iter().any(|(name, _)| is_text(name)) {
        registry.register_escape_fn(handlebars::no_escape);
    }
    for (name, file) in &mine {
        if let Some(why) = limits::too_much(&file.text) {
            problems.push(Diagnostic::template(file, None, why));
        } else if let Err(why) = registry.register_template_string(name, &file.text) {
            problems.push(syntax(file, &why));
        }
    }
    let compiled = mine.iter().filter_map(|(name, file)| Some((*file, *name, registry.get_template(name)?)));
    limits::check(&compiled.collect::<Vec<_>>(), problems);
    registry
}

/// What does not compile, in words for a writer.
fn syntax(file: &SourceFile, why: &handlebars::TemplateError) -> Diagnostic {
    match why.reason() {
        TemplateErrorReason::InvalidSyntax(_) => match limits::unpaired(&file.text) {
            Some(Unpaired::Open(at, block)) => Diagnostic::template_open(file, at, &block),
            Some(Unpaired::Close(at, block)) => Diagnostic::template_closed(file, at, &block),
            None => Diagnostic::template_braces(file, why.pos()),
        },
        TemplateErrorReason::MismatchingClosedHelper(opened, closing)
        | TemplateErrorReason::MismatchingClosedDecorator(opened, closing) => {
            Diagnostic::template_crossed(file, why.pos(), opened, closing)
        }
        reason => Diagnostic::template(file, why.pos(), reason),
    }
}

#[cfg(test)]
mod tests;
