//! What the author says about a piece: the keys at the top of a file, in a side file, or in the head
//! of an HTML page. Bodies are not read here.

use std::{ops::Range, sync::Arc};

use chrono_tz::Tz;
use url::Url;

use super::{
    Announce, Desk, Picture,
    attribution::{Attribution, Kind, Outlet},
    identity::{Guid, Slug},
    when::When,
};
use crate::{
    diagnostic::{
        Diagnostic, Problems, SourceFile,
        keys::{Keys, Node, Typed, Value},
    },
    language::Language,
    text::{clean, clean_line},
};

/// Each has a page and three feeds.
const TAGS_MAX: usize = 100;
const DATE_HINT: &str = "write `2024-06-18`, or with a time `2024-06-18T07:30+01:00`";

/// The keys of one piece, each checked; what was not given is empty.
#[derive(Debug, Clone, Default)]
pub struct FrontMatter {
    /// `title`.
    pub title: Option<String>,
    /// `date`.
    pub date: Option<When>,
    /// `updated`.
    pub updated: Option<When>,
    /// `expires`.
    pub expires: Option<When>,
    /// `lang`.
    pub language: Option<Language>,
    /// `slug`.
    pub slug: Option<Slug>,
    /// Where `slug`, or the whole, stands: for a clash of addresses.
    pub slug_span: Range<usize>,
    /// `aliases`: addresses it had before.
    pub aliases: Vec<Slug>,
    /// `guid`, of a piece that came from elsewhere.
    pub guid: Option<Guid>,
    /// `summary`.
    pub summary: Option<String>,
    /// `tags`.
    pub tags: Vec<String>,
    /// `authors`.
    pub authors: Vec<String>,
    /// `draft`.
    pub draft: bool,
    /// `written_for`, `attributions`; nothing said is different from `none`.
    pub attributions: Option<Vec<Attribution>>,
    /// Where the first attribution stands.
    pub attribution_span: Range<usize>,
    /// `image`.
    pub image: Option<Picture>,
    /// `enclosure`: a sound or film, relative to the article's folder.
    pub enclosure: Option<String>,
    /// `announce`.
    pub announce: Announce,
    /// `translation`: the slug of the same piece in another language.
    pub translation: Option<String>,
}

/// A file cut into its front matter and its body.
pub struct Split {
    /// The keys, if the file begins with any.
    pub keys: Option<Node>,
    /// The bytes of the body.
    pub body: Range<usize>,
}

/// Cuts off YAML between `---` lines or TOML between `+++` lines. Nothing if a fence is never closed
/// or the keys cannot be read; the problem is reported.
pub fn split(file: &Arc<SourceFile>, problems: &Problems) -> Option<Split> {
    let text = &file.text;
    let begin = text.len() - text.trim_start_matches('\u{FEFF}').len();
    let Some(fence) = ["---", "+++"]
        .into_iter()
        .find(|fence| text[begin..].lines().next().is_some_and(|line| line.trim_end() == *fence))
    else {
        return Some(Split { keys: None, body: begin..text.len() });
    };
    let start = begin + text[begin..].find('\n').map_or(text.len() - begin, |end| end + 1);
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if line.trim_end() == fence {
            let body = at + line.len()..text.len();
            let keys = if fence == "---" {
                Node::from_yaml(file.clone(), start..at, problems)?
            } else {
                // Blank lines keep the places of what follows as they are in the file.
                let mut padded = (*file.as_ref()).clone();
                padded.text = blank(&text[..start]) + &text[start..at];
                let node = Node::from_toml(Arc::new(padded), problems);
                if problems.has_errors() {
                    return None;
                }
                node
            };
            return Some(Split { keys: Some(keys), body });
        }
        at += line.len();
    }
    problems.push(Diagnostic::front_matter_open(file, fence));
    None
}

/// Each once, and none that says nothing.
fn distinct(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for word in words {
        if !word.is_empty() && !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// Reads the keys; each mistake is reported where it stands.
pub fn read(node: &Node, desk: &Desk<'_>, problems: &Problems) -> FrontMatter {
    let Some(mut keys) = Keys::of(node, "front matter", problems) else {
        return FrontMatter::default();
    };
    let line = |typed: Typed<'_>| clean_line(typed.text);
    let when = |keys: &mut Keys<'_>, key| read_when(keys, key, desk.zone, problems);
    let mut matter = FrontMatter {
        title: keys.text("title").map(line).filter(|title| !title.is_empty()),
        date: when(&mut keys, "date"),
        updated: when(&mut keys, "updated"),
        expires: when(&mut keys, "expires"),
        language: read_language(&mut keys, desk, problems),
        summary: keys.text("summary").map(line).filter(|summary| !summary.is_empty()),
        tags: read_tags(&mut keys, problems),
        authors: distinct(keys.texts("authors").into_iter().chain(keys.text("author")).map(line)),
        draft: keys.flag("draft").unwrap_or(false),
        guid: read_guid(&mut keys, problems),
        image: read_image(&mut keys, problems),
        enclosure: keys.text("enclosure").and_then(|typed| read_address(typed, problems)),
        announce: read_announce(&mut keys, problems),
        translation: keys.text("translation").map(|typed| typed.text.to_string()),
        slug_span: node.span.start..node.span.start,
        attribution_span: node.span.start..node.span.start,
        ..FrontMatter::default()
    };
    if let Some(typed) = keys.text("slug") {
        matter.slug_span = typed.node.span.clone();
        matter.slug = read_slug(typed, problems);
    }
    matter.aliases =
        keys.texts("aliases").into_iter().filter_map(|typed| read_slug(typed, problems)).collect();
    let attributions = keys.value("attributions");
    let written_for = keys.value("written_for");
    if let (Some(_), Some(node)) = (written_for, attributions) {
        let (one, other) = ("written_for", "attributions");
        problems.push(Diagnostic::said_twice(&node.file, &node.span, one, other));
    }
    if let Some(node) = written_for.or(attributions) {
        matter.attribution_span = node.span.clone();
        matter.attributions = Some(read_attributions(node, desk, problems));
    }
    keys.finish();
    matter
}

fn read_slug(typed: Typed<'_>, problems: &Problems) -> Option<Slug> {
    match Slug::of(&clean(typed.text)) {
        Ok(slug) => Some(slug),
        Err(why) => {
            let node = typed.node;
            let hint = "use letters, digits and hyphens";
            problems.push(Diagnostic::invalid(&node.file, &node.span, "slug", why, hint));
            None
        }
    }
}

fn read_language(keys: &mut Keys<'_>, desk: &Desk<'_>, problems: &Problems) -> Option<Language> {
    let typed = keys.text("lang")?;
    let known = desk.languages.iter().find(|known| {
        typed.text.parse::<Language>().is_ok_and(|language| language.primary() == known.primary())
    });
    if known.is_none() {
        let names: Vec<&str> = desk.languages.iter().map(Language::as_str).collect();
        let node = typed.node;
        let unknown = Diagnostic::unknown_name(&node.file, &node.span, "language", typed.text, &names);
        problems.push(unknown);
    }
    known.cloned()
}

fn read_announce(keys: &mut Keys<'_>, problems: &Problems) -> Announce {
    let Some(typed) = keys.text("announce") else { return Announce::default() };
    match typed.text {
        "digest" => Announce::Digest,
        "now" => Announce::Now,
        "never" => Announce::Never,
        other => {
            let node = typed.node;
            let known = ["digest", "now", "never"];
            problems.push(Diagnostic::unknown_name(
                &node.file,
                &node.span,
                "value of `announce`",
                other,
                &known,
            ));
            Announce::Never
        }
    }
}

fn read_tags(keys: &mut Keys<'_>, problems: &Problems) -> Vec<String> {
    let typed = keys.texts("tags");
    if let Some(beyond) = typed.get(TAGS_MAX) {
        problems.push(Diagnostic::too_many_tags(&beyond.node.file, &beyond.node.span, TAGS_MAX));
    }
    distinct(typed.into_iter().take(TAGS_MAX).map(|typed| clean_line(typed.text)))
}

/// An id must be an address of some kind (RFC 4287 §4.2.6), and is for ever.
fn read_guid(keys: &mut Keys<'_>, problems: &Problems) -> Option<Guid> {
    let typed = keys.text("guid")?;
    let (file, span) = (&typed.node.file, &typed.node.span);
    let words = clean_line(typed.text);
    if words.is_empty() {
        let hint = "leave it out, and the article gets one";
        problems.push(Diagnostic::invalid(file, span, "guid", "it is empty", hint));
        return None;
    }
    let guid = Guid::brought(&words);
    if Url::parse(guid.as_str()).is_err() {
        problems.push(Diagnostic::odd_guid(file, span));
    }
    Some(guid)
}

/// The address of a file: one below `articles/`, or on the web.
fn read_address(typed: Typed<'_>, problems: &Problems) -> Option<String> {
    let text = clean_line(typed.text);
    let is_fit = match Url::parse(&text) {
        Ok(url) => matches!(url.scheme(), "http" | "https"),
        Err(_) => !text.is_empty(),
    };
    if !is_fit {
        let why = "neither a file nor an `https:` address";
        let hint = "write its path as from the article's own folder: `images/x.jpg`";
        problems.push(Diagnostic::invalid(&typed.node.file, &typed.node.span, "address", why, hint));
    }
    is_fit.then_some(text)
}

fn read_image(keys: &mut Keys<'_>, problems: &Problems) -> Option<Picture> {
    let node = keys.value("image")?;
    if let Some(text) = node.as_text() {
        let src = read_address(Typed { text, node }, problems)?;
        return Some(Picture { src, alt: String::new() });
    }
    let mut keys = Keys::of(node, "image", problems)?;
    let src = keys.required_text("src", "write `image: { src: images/x.jpg, alt: \"…\" }`")?;
    let alt = keys.text("alt").map(|typed| clean_line(typed.text)).unwrap_or_default();
    keys.finish();
    Some(Picture { src: read_address(src, problems)?, alt })
}

fn read_attributions(node: &Node, desk: &Desk<'_>, problems: &Problems) -> Vec<Attribution> {
    match &node.value {
        Value::List(items) => {
            items.iter().filter_map(|item| read_attribution(item, desk, problems)).collect()
        }
        Value::Text(none) | Value::Plain(none) if none == "none" => Vec::new(),
        Value::Flag(false) => Vec::new(),
        _ => read_attribution(node, desk, problems).into_iter().collect(),
    }
}

fn read_attribution(node: &Node, desk: &Desk<'_>, problems: &Problems) -> Option<Attribution> {
    if let Some(text) = node.as_text() {
        let outlet = known_outlet(Typed { text, node }, desk, problems)?;
        return Some(Attribution::written_for(outlet));
    }
    let mut keys = Keys::of(node, "written_for", problems)?;
    let outlet = keys
        .required_text("outlet", "write `written_for: { outlet: …, url: …, date: … }`")
        .and_then(|typed| known_outlet(typed, desk, problems));
    let url =
        keys.parsed(
            "url",
            "address",
            "write the whole address, with `https://`",
            |text| match url::Url::parse(text.trim()) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url.to_string()),
                Ok(url) => Err(format!("`{}:` is not a web address", url.scheme())),
                Err(why) => Err(why.to_string()),
            },
        );
    let date = read_when(&mut keys, "date", desk.zone, problems);
    let kind = read_kind(&mut keys, problems);
    let title = keys.text("title").map(|typed| clean_line(typed.text));
    let changes = keys.text("changes").map(|typed| clean_line(typed.text));
    let cleared = match keys.value("cleared").map(|node| (node, &node.value)) {
        None | Some((_, Value::Flag(false))) => false,
        Some((_, Value::Flag(true))) => true,
        Some((_, Value::Plain(word))) => word == "true" || word == "yes",
        Some((node, _)) => {
            if let Some(mut keys) = Keys::of(node, "cleared", problems) {
                let _ = (keys.value("by"), keys.value("on"), keys.value("note"));
                keys.finish();
            }
            true
        }
    };
    keys.finish();
    Some(Attribution { outlet: outlet?, kind, url, date, title, changes, cleared })
}

fn read_kind(keys: &mut Keys<'_>, problems: &Problems) -> Kind {
    let Some(typed) = keys.text("kind") else { return Kind::Written };
    Kind::named(typed.text).unwrap_or_else(|| {
        let known = Kind::ALL.map(|(_, name)| name);
        let node = typed.node;
        problems.push(Diagnostic::unknown_name(&node.file, &node.span, "kind", typed.text, &known));
        Kind::Written
    })
}

fn known_outlet(typed: Typed<'_>, desk: &Desk<'_>, problems: &Problems) -> Option<Arc<Outlet>> {
    if let Some(outlet) = desk.outlets.get(typed.text) {
        return Some(outlet.clone());
    }
    let known: Vec<&str> = desk.outlets.keys().map(String::as_str).collect();
    let node = typed.node;
    problems.push(Diagnostic::unknown_name(&node.file, &node.span, "outlet", typed.text, &known));
    None
}

fn read_when(keys: &mut Keys<'_>, key: &'static str, zone: Tz, problems: &Problems) -> Option<When> {
    let node = keys.value(key)?;
    let (Value::Text(text) | Value::Plain(text) | Value::Date(text)) = &node.value else {
        let why = "not a date";
        problems.push(Diagnostic::invalid(&node.file, &node.span, key, why, DATE_HINT));
        return None;
    };
    let when = When::read(text, zone);
    if when.is_none() {
        let why = format!("`{text}` is not a date");
        problems.push(Diagnostic::invalid(&node.file, &node.span, key, why, DATE_HINT));
    }
    when
}

/// The head of an HTML file: `<title>`, `<html lang>` and `<meta name=… content=…>`, and its body.
pub struct Head {
    /// Keys as front matter has them.
    pub keys: Vec<(&'static str, String)>,
    /// The bytes of what stands in `<body>`, or of everything.
    pub body: Range<usize>,
}

/// Reads an HTML file's head. Only what a well-kept page has is recognised; all else is body.
pub fn head(text: &str) -> Head {
    let lower = text.to_ascii_lowercase();
    let mut keys = Vec::new();
    let between = |open: &str, close: &str| -> Option<Range<usize>> {
        let tag = lower.find(open)?;
        let start = tag + lower[tag..].find('>')? + 1;
        Some(start..start + lower[start..].find(close)?)
    };
    if let Some(span) = between("<title", "</title") {
        keys.push(("title", unescape(&text[span])));
    }
    if let Some(tag) = lower.find("<html") {
        let end = tag + lower[tag..].find('>').unwrap_or(0);
        if let Some(language) = attribute(&text[tag..end], "lang") {
            keys.push(("lang", language));
        }
    }
    let head_end = lower.find("</head").or_else(|| lower.find("<body")).unwrap_or(0);
    for tag in text[..head_end].split('<').filter(|tag| tag.to_ascii_lowercase().starts_with("meta")) {
        let (Some(name), Some(content)) = (attribute(tag, "name"), attribute(tag, "content")) else {
            continue;
        };
        let key = match name.to_ascii_lowercase().as_str() {
            "date" | "dcterms.date" => "date",
            "description" => "summary",
            "keywords" => "tags",
            "author" => "author",
            "written-for" | "written_for" => "written_for",
            _ => continue,
        };
        keys.push((key, unescape(&content)));
    }
    Head { keys, body: between("<body", "</body").unwrap_or(0..text.len()) }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let start = lower.find(&format!(" {name}="))? + name.len() + 2;
    let rest = &tag[start..];
    let quote = rest.chars().next()?;
    match quote {
        '"' | '\'' => rest[1..].split(quote).next().map(str::to_string),
        _ => rest.split(|c: char| c.is_whitespace() || c == '>').next().map(str::to_string),
    }
}

/// The words of a title or an attribute, their character references read.
fn unescape(text: &str) -> String {
    let plain = ammonia::Builder::empty().clean(&text.replace('<', "&lt;")).to_string();
    clean_line(&super::plain::words(&plain))
}

/// The head's keys as front matter, each placed where its value stands in the file.
pub fn head_node(file: &Arc<SourceFile>, head: &Head) -> Node {
    use crate::diagnostic::keys::Key;
    let entries = head.keys.iter().map(|(key, value)| {
        let start = file.text.find(value.as_str()).unwrap_or(0);
        let span = start..start + value.len();
        let node = |value| Node { value, file: file.clone(), span: span.clone() };
        let value = match *key {
            "tags" => {
                Value::List(value.split(',').map(|tag| node(Value::Text(tag.trim().to_string()))).collect())
            }
            _ => Value::Text(value.clone()),
        };
        (Key { name: (*key).to_string(), span: span.clone() }, node(value))
    });
    Node { value: Value::Table(entries.collect()), file: file.clone(), span: 0..0 }
}
