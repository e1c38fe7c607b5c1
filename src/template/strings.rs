//! The words of pages and letters, one file a language: `i18n/en.toml`. Every language has all keys.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    diagnostic::{Diagnostic, Problems, SourceFile},
    language::Language,
};

/// The language that every key exists in.
const REFERENCE: &str = "i18n/en.toml";

pub(super) fn read(
    sources: &BTreeMap<String, SourceFile>,
    languages: &[Language],
    problems: &Problems,
) -> BTreeMap<Language, Value> {
    let built_in = super::BUILT_IN.iter().find(|(path, _)| *path == REFERENCE);
    let reference = built_in.and_then(|(_, text)| toml::from_str::<Value>(text).ok()).unwrap_or_default();
    let mut strings = BTreeMap::new();
    for language in languages {
        let path = format!("i18n/{}.toml", language.primary());
        let Some(file) = sources.get(&path) else {
            let hint = "copy `i18n/en.toml` and translate its words";
            problems.push(Diagnostic::missing_file(&path, hint));
            continue;
        };
        match toml::from_str::<Value>(&file.text) {
            Ok(words) => {
                let mut slips = Vec::new();
                compare(&reference, &words, String::new(), &mut slips);
                for (key, slip) in slips {
                    problems.push(match slip {
                        Slip::Missing => Diagnostic::missing_string(file, &key, REFERENCE),
                        Slip::NoText => Diagnostic::string_no_text(file, &key),
                        Slip::Unfilled { name, known } => {
                            Diagnostic::unfilled_name(file, &key, &name, &known)
                        }
                    });
                }
                strings.insert(language.clone(), words);
            }
            Err(why) => {
                let span = why.span().unwrap_or(0..0);
                problems.push(Diagnostic::syntax(file, &span, why.message()));
            }
        }
    }
    strings
}

/// What is wrong with one text.
enum Slip {
    /// It is not there, or empty.
    Missing,
    /// A number, a list, or a text where a table should be.
    NoText,
    /// A name in braces that nothing fills there; `known` are filled.
    Unfilled { name: String, known: Vec<String> },
}

fn compare(reference: &Value, words: &Value, path: String, slips: &mut Vec<(String, Slip)>) {
    let Some(table) = reference.as_object() else { return };
    for (key, wanted) in table {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (wanted, words.get(key)) {
            (Value::Object(_), Some(found @ Value::Object(_))) => compare(wanted, found, path, slips),
            (Value::Object(_), None) => {
                compare(wanted, &Value::Object(serde_json::Map::new()), path, slips);
            }
            (Value::String(wanted), Some(Value::String(found))) if !found.trim().is_empty() => {
                let known = names(wanted);
                let unknown = names(found).into_iter().filter(|name| !known.contains(name));
                let unfilled = unknown.map(|name| Slip::Unfilled { name, known: known.clone() });
                slips.extend(unfilled.map(|slip| (path.clone(), slip)));
            }
            (_, None | Some(Value::String(_))) if wanted.is_string() => slips.push((path, Slip::Missing)),
            _ => slips.push((path, Slip::NoText)),
        }
    }
}

/// What stands in braces in a text.
fn names(text: &str) -> Vec<String> {
    let after = text.split('{').skip(1);
    after.filter_map(|after| after.split_once('}')).map(|(name, _)| name.to_string()).collect()
}
