//! Every template rendered once with a sample, before readers see any: what would go wrong, with its line.

use handlebars::RenderErrorReason;
use serde_json::Value;

use super::context::Sample;
use super::{Page, Registries, Sources, Templates, context, helpers, render, words_at};
use crate::{
    diagnostic::{Diagnostic, Problems, SourceFile},
    language::Language,
    newsletter::variant::LetterKind,
};

impl Templates {
    /// Renders everything once with a sample, so that a wrong name is found now and not at midnight.
    pub(super) fn try_out(&self, language: &Language, sources: &Sources<'_>, problems: &Problems) {
        let Some(strings) = self.strings.get(language) else { return };
        let Registries { html, text } = self.registries(language);
        let known = context::names(language, strings);
        let mut without = Vec::new();
        let report = |failed: &handlebars::RenderError, fallback: &str| {
            let name = failed.template_name.as_deref().unwrap_or(fallback);
            if let Some(file) = sources.get(name) {
                problems.push(self.explain(failed, file, language, &known, sources));
            }
        };
        for page in Page::ALL {
            if let Err(failed) = render(html, page.template(), &context::sample_page(language, strings)) {
                report(&failed, page.template());
            }
        }
        let with =
            [(0, Sample::Rich), (1, Sample::Rich), (3, Sample::Rich), (1, Sample::Bare), (3, Sample::Bare)];
        for (kind, (articles, sample)) in
            LetterKind::ALL.into_iter().flat_map(|kind| with.map(|with| (kind, with)))
        {
            if kind == LetterKind::Single && articles == 0 {
                continue;
            }
            let sample = context::sample_letter(language, strings, articles, sample);
            for (registry, part) in [(text, "subject"), (text, "text"), (html, "html")] {
                let name = format!("mail/{}/{part}", kind.as_str());
                match render(registry, &name, &sample) {
                    Err(failed) => report(&failed, &name),
                    Ok(rendered) if part != "subject" => {
                        let needed = needed(kind).filter(|(slot, _)| !rendered.contains(*slot));
                        if let Some((_, variable)) = needed
                            && let Some(file) = sources.get(name.as_str())
                        {
                            without.push(Diagnostic::template_without(file, variable));
                        }
                    }
                    Ok(_) => {}
                }
            }
        }
        // A template that does not render lacks more than its links.
        if !problems.has_errors() {
            without.into_iter().for_each(|problem| problems.push(problem));
        }
    }

    fn explain(
        &self,
        failed: &handlebars::RenderError,
        file: &SourceFile,
        language: &Language,
        known: &[String],
        sources: &Sources<'_>,
    ) -> Diagnostic {
        let place = failed.line_no.zip(failed.column_no);
        match failed.reason() {
            RenderErrorReason::PartialNotFound(name) => {
                let parts: Vec<&str> = sources.keys().copied().collect();
                return Diagnostic::template_partial(file, place, name, &parts);
            }
            RenderErrorReason::HelperNotFound(name) => {
                return Diagnostic::template_helper(file, place, name, &helpers::NAMES);
            }
            _ => {}
        }
        let RenderErrorReason::MissingVariable(Some(field)) = failed.reason() else {
            return Diagnostic::template(file, place, failed.reason());
        };
        // The place is that of the tag; the name stands a little after it.
        let (line, column) = place.unwrap_or((1, 1));
        let tag = crate::diagnostic::span_at(&file.text, line, column).start;
        let last = field.rsplit(['.', '/']).next().unwrap_or(field);
        let start = file.text[tag..].find(last).map_or(tag, |offset| tag + offset);
        let span = start..start + last.len();
        let words = field.strip_prefix("@root.").unwrap_or(field);
        let Some(key) = words.strip_prefix("t.") else {
            return Diagnostic::template_field(file, &span, field, known);
        };
        let (table, _) = key.rsplit_once('.').unwrap_or(("", key));
        if self.strings.values().any(|strings| words_at(strings, key).is_some()) {
            return Diagnostic::missing_words(file, &span, key, language.primary());
        }
        let beside = self
            .strings
            .get(language)
            .and_then(|strings| words_at(strings, table))
            .and_then(Value::as_object);
        let beside: Vec<&str> =
            beside.into_iter().flat_map(|table| table.keys().map(String::as_str)).collect();
        Diagnostic::unknown_words(file, &span, field, &beside)
    }
}

/// The link that a letter is of no use, or not allowed, without: its mark, and its name in templates.
pub(super) fn needed(kind: LetterKind) -> Option<(char, &'static str)> {
    match kind {
        LetterKind::Confirm => Some((context::slot::CONFIRM_URL, "reader.confirm_url")),
        kind => kind.is_to_a_list().then_some((context::slot::UNSUBSCRIBE_URL, "reader.unsubscribe_url")),
    }
}
