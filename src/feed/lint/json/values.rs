//! One object against its shape: keys that are missing, unknown or twice, and values of a wrong kind.

use std::collections::BTreeSet;

use super::{
    super::{
        addresses, bytes, dates, html, languages, plain,
        report::Report,
        rules::{document, json as rules, shared},
        text::Text,
        urls,
    },
    extensions::Extensions,
    shapes::{AUTHOR, Kind, Shape},
    tree::{Member, Node, Value},
};

/// Checks an object and all inside it.
pub fn check_object(report: &mut Report, object: &Node, shape: &'static Shape, extensions: &mut Extensions) {
    let start = object.span.start..object.span.start + 1;
    for (key, example) in shape.required {
        if object.get(key).is_none() {
            report.add(&rules::MISSING_KEY, start.clone(), &[key, shape.name, example]);
        }
    }
    if *shape == AUTHOR && !object.members().iter().any(|member| is_of(shape, &member.key)) {
        report.add(&rules::EMPTY_AUTHOR, object.span.clone(), &[]);
    }
    let mut seen = BTreeSet::new();
    for member in object.members() {
        if !seen.insert(member.key.as_str()) {
            report.add(&rules::DUPLICATE_KEY, member.key_span.clone(), &[&member.key]);
        }
        match shape.keys.iter().find(|(key, _)| *key == member.key) {
            Some((_, kind)) => check_value(report, member, *kind, extensions),
            None if member.key.starts_with('_') => extensions.check(report, member),
            None => unknown_key(report, member, shape),
        }
    }
}

fn is_of(shape: &Shape, key: &str) -> bool {
    shape.keys.iter().any(|(known, _)| *known == key)
}

fn unknown_key(report: &mut Report, member: &Member, shape: &Shape) {
    let bare = |key: &str| key.to_ascii_lowercase().replace(['_', '-'], "");
    let meant = shape.keys.iter().find(|(key, _)| bare(key) == bare(&member.key));
    let hint = match meant {
        Some((key, _)) => format!("write `{key}`"),
        None => format!("leave it out, or make it an extension: `_{}`", member.key),
    };
    report.add(&rules::UNKNOWN_KEY, member.key_span.clone(), &[&member.key, shape.name, &hint]);
}

fn check_value(report: &mut Report, member: &Member, kind: Kind, extensions: &mut Extensions) {
    let node = &member.node;
    match (kind, &node.value) {
        (_, Value::Null) => report.add(&rules::NULL_VALUE, node.span.clone(), &[&member.key]),
        (Kind::Flag, Value::Flag) => {}
        (Kind::Number, Value::Number(number)) => {
            if number.starts_with('-') {
                report.add(&rules::NEGATIVE_NUMBER, node.span.clone(), &[&member.key, number]);
            }
        }
        (Kind::List(shape), Value::List(items)) => {
            items.iter().for_each(|item| check_element(report, &member.key, item, shape, extensions));
        }
        (Kind::Object(shape), Value::Table(_)) => check_object(report, node, shape, extensions),
        (Kind::Texts, Value::List(items)) => {
            items.iter().for_each(|item| check_tag(report, &member.key, item));
        }
        (Kind::Flag | Kind::Number | Kind::List(_) | Kind::Object(_) | Kind::Texts, _) => {
            wrong_type(report, &member.key, node, kind);
        }
        (_, Value::Text(text)) if text.value.is_empty() => {
            report.add(&rules::EMPTY_STRING, node.span.clone(), &[&member.key]);
        }
        (_, Value::Text(_)) => check_text(report, &member.key, node, kind),
        _ => wrong_type(report, &member.key, node, kind),
    }
}

fn check_element(
    report: &mut Report,
    key: &str,
    item: &Node,
    shape: &'static Shape,
    extensions: &mut Extensions,
) {
    match item.value {
        Value::Table(_) => check_object(report, item, shape, extensions),
        _ => wrong_type(report, key, item, Kind::Object(shape)),
    }
}

fn check_tag(report: &mut Report, key: &str, tag: &Node) {
    match &tag.value {
        Value::Text(text) if text.value.is_empty() => {
            report.add(&rules::EMPTY_STRING, tag.span.clone(), &[key]);
        }
        Value::Text(text) => check_characters(report, text),
        _ => wrong_type(report, key, tag, Kind::Text),
    }
}

fn check_text(report: &mut Report, key: &str, node: &Node, kind: Kind) {
    let Some(text) = node.text() else { return };
    let (value, span) = (text.value.as_str(), node.span.clone());
    check_characters(report, text);
    match kind {
        Kind::Plain => _ = plain::check_text(report, &shared::CONTAINS_HTML, key, text, false),
        Kind::Html => html::check(report, text),
        Kind::Url => _ = urls::check_iri(report, key, value, span),
        Kind::Contact if !value.strip_prefix("mailto:").is_some_and(addresses::is_address) => {
            urls::check_iri(report, key, value, span);
        }
        Kind::Date => _ = dates::check_rfc3339(report, key, value, span),
        Kind::Language => languages::check(report, value, span),
        Kind::MediaType if !urls::is_media_type(value) => {
            report.add(&shared::INVALID_MIME_TYPE, span, &[value]);
        }
        _ => {}
    }
}

fn wrong_type(report: &mut Report, key: &str, node: &Node, kind: Kind) {
    let (wanted, hint) = match kind {
        Kind::Flag => ("`true` or `false`", "write it without quotes".to_string()),
        Kind::Number => ("a number", "write it without quotes".to_string()),
        Kind::List(_) | Kind::Texts => ("a list", format!("write `\"{key}\": [ … ]`")),
        Kind::Object(_) => ("an object", "write `{ … }`".to_string()),
        _ => ("text", "write it in quotes: `\"…\"`".to_string()),
    };
    report.add(&rules::WRONG_TYPE, node.span.clone(), &[key, node.what(), wanted, &hint]);
}

/// Characters that no writer meant, in any text.
fn check_characters(report: &mut Report, text: &Text) {
    for (at, c) in text.value.char_indices().filter(|(_, c)| is_bad(*c)) {
        let span = text.span(at..at + c.len_utf8());
        report.add(&document::BAD_CHARACTERS, span, &[&bytes::code_point(c)]);
    }
}

fn is_bad(c: char) -> bool {
    let is_space = matches!(c, '\n' | '\r' | '\t');
    let is_noncharacter = matches!(c, '\u{FFFE}' | '\u{FFFF}' | '\u{FDD0}'..='\u{FDEF}');
    bytes::is_bad(c) || (c.is_control() && !is_space) || is_noncharacter
}
