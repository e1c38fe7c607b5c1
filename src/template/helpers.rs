//! What templates can call besides what Handlebars brings: a fixed list, none of which knows anything but
//! its arguments and the language of the page or letter.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonRender, Output, RenderContext,
    RenderErrorReason, handlebars_helper,
};
use serde_json::Value;

use super::context::slot;
use crate::{
    language::{Calendar, Language, looks_right_to_left, starts_left_to_right},
    text::escape_html,
};

/// U+200F: what follows it on its line runs from right to left.
const RIGHT_TO_LEFT_MARK: char = '\u{200F}';

/// Every helper, ours and those of Handlebars.
pub(super) const NAMES: [&str; 24] = [
    "say", "dir", "start", "line", "day", "number", "plural", "link", "if", "unless", "each", "with",
    "lookup", "raw", "len", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not",
];

pub(super) fn register(registry: &mut Handlebars<'static>) {
    // {{say t.page.read_in language="…"}}: fills the `{language}` of a text.
    handlebars_helper!(say: |text: str, **filled| {
        let value = |name: &str| filled.iter().find(|(known, _)| **known == name).map(|(_, value)| value.render());
        fill(text, value)
    });
    // {{dir title}}: `rtl` or `ltr`, by the letters of a text.
    handlebars_helper!(dir: |text: str| if looks_right_to_left(text) { "rtl" } else { "ltr" });
    // {{start direction}}: the side where lines begin, as `align` wants it.
    handlebars_helper!(start: |direction: str| if direction == "rtl" { "right" } else { "left" });
    // {{line title direction=direction}}: lines of a plain text, begun from the right even where the first
    // letter is Latin; an address that stands alone stays as it is.
    handlebars_helper!(line: |text: str, {direction: str = ""}| match direction {
        "rtl" => text.split('\n').map(from_the_right).collect::<Vec<_>>().join("\n"),
        _ => text.to_string(),
    });
    registry.register_helper("say", Box::new(say));
    registry.register_helper("dir", Box::new(dir));
    registry.register_helper("start", Box::new(start));
    registry.register_helper("line", Box::new(line));
    registry.register_helper("day", Box::new(InLanguage(day)));
    registry.register_helper("number", Box::new(InLanguage(number)));
    registry.register_helper("plural", Box::new(InLanguage(plural)));
    registry.register_helper("link", Box::new(link));
    // It would write whatever a template has at hand into the program's log.
    registry.unregister_helper("log");
}

/// A text with each `{name}` filled that is known. What is filled in is not looked at again: a title may have braces.
fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let known = rest[at + 1..]
            .find('}')
            .and_then(|length| Some((length, value(&rest[at + 1..at + 1 + length])?)));
        let Some((length, words)) = known else {
            filled.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        };
        filled.push_str(&rest[..at]);
        filled.push_str(&words);
        rest = &rest[at + length + 2..];
    }
    filled + rest
}

fn from_the_right(line: &str) -> String {
    let is_address = line.contains("://") && !line.contains(' ');
    match starts_left_to_right(line) && !is_address {
        true => format!("{RIGHT_TO_LEFT_MARK}{line}"),
        false => line.to_string(),
    }
}

/// A helper that writes words in the language of the page or letter, or in `language=`.
struct InLanguage(fn(&Helper<'_>, &Language, &Value) -> Result<String, RenderErrorReason>);

impl HelperDef for InLanguage {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let root = context.data();
        let own = root.get("language").and_then(Value::as_str);
        let tag = helper.hash_get("language").and_then(|value| value.value().as_str()).or(own);
        let language = Language::from_str(tag.unwrap_or("en"));
        let language = language.map_err(|why| RenderErrorReason::Other(why.to_string()))?;
        if let Some(missing) = helper.params().iter().find(|param| param.is_value_missing()) {
            return Err(RenderErrorReason::MissingVariable(missing.relative_path().cloned()).into());
        }
        out.write(&registry.get_escape_fn()(&(self.0)(helper, &language, root)?))?;
        Ok(())
    }
}

/// `{{day datetime}}`; `calendar="gregorian"` or `"persian"` if not the language's own.
fn day(helper: &Helper<'_>, language: &Language, root: &Value) -> Result<String, RenderErrorReason> {
    let wrong = |why: String| RenderErrorReason::Other(why);
    let typed = helper.param(0).map(|value| value.value().render()).unwrap_or_default();
    let moment = DateTime::parse_from_rfc3339(&typed)
        .map_err(|_| wrong(format!("`day` wants a moment such as `datetime`, not `{typed}`")))?;
    let calendar = match helper.hash_get("calendar").and_then(|value| value.value().as_str()) {
        None => language.calendar(),
        Some("gregorian") => Calendar::Gregorian,
        Some("persian") => Calendar::Persian,
        Some(other) => {
            return Err(wrong(format!("`{other}` is no calendar; write `gregorian` or `persian`")));
        }
    };
    let zone =
        root.pointer("/site/timezone").and_then(Value::as_str).and_then(|name| Tz::from_str(name).ok());
    Ok(language.date_in(calendar, &moment.with_timezone(&Utc).with_timezone(&zone.unwrap_or(Tz::UTC))))
}

/// `{{number 12}}`: in the language's digits.
fn number(helper: &Helper<'_>, language: &Language, _: &Value) -> Result<String, RenderErrorReason> {
    Ok(language.number(count_of(helper, "number")?))
}

/// `{{plural count t.letter.pieces}}`: `one` or `other` of a table of words, its `{count}` filled.
fn plural(helper: &Helper<'_>, language: &Language, _: &Value) -> Result<String, RenderErrorReason> {
    let count = count_of(helper, "plural")?;
    let form = if language.is_singular(count) { "one" } else { "other" };
    let words = helper.param(1).and_then(|table| table.value().get(form)).and_then(Value::as_str);
    let words = words.ok_or_else(|| {
        RenderErrorReason::Other("`plural` wants a number and a table of words with `one` and `other`".into())
    })?;
    Ok(words.replace("{count}", &language.number(count)))
}

fn count_of(helper: &Helper<'_>, name: &str) -> Result<usize, RenderErrorReason> {
    let value = helper.param(0).map(handlebars::PathAndJson::value);
    let count = value.and_then(|value| match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64().and_then(|count| usize::try_from(count).ok()),
    });
    count.ok_or_else(|| RenderErrorReason::Other(format!("`{name}` wants a whole number")))
}

/// `{{link url text}}`: a link, if the address is one for people to follow; else the text alone.
fn link(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let param = |index| helper.param(index).map(|value| value.value().render()).unwrap_or_default();
    let (url, text) = (param(0), escape_html(&param(1)));
    let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    // A reader's own link is a mark until the letter is sent.
    let is_readers = [slot::UNSUBSCRIBE_URL, slot::CONFIRM_URL].iter().any(|mark| url == mark.to_string());
    match is_readers || matches!(scheme.as_str(), "http" | "https" | "mailto") {
        true => out.write(&format!("<a href=\"{}\">{text}</a>", escape_html(&url)))?,
        false => out.write(&text)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let value = |name: &str| match name {
            "first" => Some("How {more} ends {first}".to_string()),
            "more" => Some("2".to_string()),
            _ => None,
        };
        assert_eq!(fill("{first} + {more} {other} {", value), "How {more} ends {first} + 2 {other} {");
    }
}
