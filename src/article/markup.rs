//! From Markdown or HTML as typed to HTML that may go anywhere: sanitised, every address absolute.
//!
//! The attribution line and the language wrapper are not added here: a feed, a page and a letter each
//! put them where they belong.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use comrak::{Arena, nodes::NodeValue};
use sha2::{Digest, Sha256};
use url::Url;

use super::pasted;
use crate::language::{Direction, Language};

/// Elements inside elements, at the most: sanitising costs the square of it.
const NESTING_MAX: usize = 100;
/// How often, over all paragraphs, an element that was not closed may go on in the next.
const CARRIED_MAX: usize = 100_000;
/// Of one element.
const ATTRIBUTES_MAX: usize = 1000;
/// A page must be something that a reader can load.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

const TAGS: [&str; 62] = [
    "a",
    "abbr",
    "aside",
    "audio",
    "b",
    "bdi",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "source",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "u",
    "ul",
];

/// Blocks that carry their own direction: readers drop the wrapper round them.
const BLOCKS: [&str; 12] =
    ["p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "table", "figcaption"];

/// Where an article's addresses lead.
#[derive(Debug, Clone)]
pub struct Base {
    /// The article's own page.
    pub page: Url,
    /// What `images/x.png` in the article is relative to.
    pub media: Url,
    /// The front page: what `/x` is relative to.
    pub site: Url,
}

/// A body that may be published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// Sanitised HTML, without a wrapper.
    pub html: String,
    /// Files of the newsroom it shows or links, as addresses.
    pub media: Vec<String>,
}

/// A body cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum MarkupError {
    /// Deeper than any article is.
    #[error("elements are nested more than {NESTING_MAX} deep")]
    TooDeep,
    /// More than any element has.
    #[error("an element has more than {ATTRIBUTES_MAX} attributes")]
    TooManyAttributes,
    /// Much of it was made of very little.
    #[error("it comes to more than {} MiB of HTML", BODY_BYTES_MAX / (1024 * 1024))]
    TooLong,
}

/// A text in Markdown, parsed into `arena`.
pub struct Markdown<'a> {
    root: comrak::Node<'a>,
    options: Box<comrak::Options<'static>>,
    /// What the way back from a note is called, if not in English.
    back: Option<&'static str>,
    /// Its first heading, if that was to be taken for the title.
    pub title: Option<String>,
}

/// Reads Markdown. With `take_title` a first-level heading at the beginning is the title.
pub fn markdown<'a>(arena: &'a Arena<'a>, text: &str, language: &Language, take_title: bool) -> Markdown<'a> {
    let mut options = comrak::Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.footnotes = true;
    // English quotes in a Persian text would be wrong.
    options.parse.smart = language.primary() == "en";
    options.render.r#unsafe = true; // sanitised below, with what the author wrote as HTML
    let root = comrak::parse_document(arena, text, &options);
    let mut title = None;
    if take_title
        && let Some(first) = root.first_child()
        && matches!(&first.data.borrow().value, NodeValue::Heading(heading) if heading.level == 1)
    {
        title = Some(node_text(first));
    }
    if title.is_some()
        && let Some(first) = root.first_child()
    {
        first.detach();
    }
    for node in root.descendants() {
        if let NodeValue::Heading(heading) = &mut node.data.borrow_mut().value {
            heading.level = heading.level.max(2); // the title is the page's only first level
        }
    }
    let back = (language.primary() == "fa").then_some("بازگشت به متن، یادداشت ");
    Markdown { root, options: Box::new(options), back, title }
}

impl Markdown<'_> {
    /// The text as HTML that is fit to publish.
    pub fn body(self, base: &Base) -> Result<Body, MarkupError> {
        if self.is_plain() {
            return self.safe_body(base).of_fit_length();
        }
        let html = self.html();
        if html.len() > BODY_BYTES_MAX {
            return Err(MarkupError::TooLong);
        }
        sanitise(&html, base)
    }

    fn html(&self) -> String {
        let mut html = String::new();
        // Writing into a String cannot fail.
        let _ = comrak::format_html(self.root, &self.options, &mut html);
        match self.back {
            Some(back) => html.replace("aria-label=\"Back to reference ", &format!("aria-label=\"{back}")),
            None => html,
        }
    }

    /// Whether there is nothing in it but Markdown's own, which can hold nothing dangerous but
    /// addresses. Footnotes are links to ids that the formatter makes up.
    fn is_plain(&self) -> bool {
        let mut depth_max = 0;
        let plain = self.root.descendants().all(|node| {
            depth_max = depth_max.max(node.ancestors().take(NESTING_MAX + 1).count());
            !matches!(
                node.data.borrow().value,
                NodeValue::HtmlBlock(_)
                    | NodeValue::HtmlInline(_)
                    | NodeValue::Raw(_)
                    | NodeValue::FootnoteDefinition(_)
                    | NodeValue::FootnoteReference(_)
            )
        });
        plain && depth_max <= NESTING_MAX
    }

    /// The same as sanitising, where only addresses want a look: many times quicker.
    fn safe_body(self, base: &Base) -> Body {
        let prefix = id_prefix(&base.page);
        let media = Mutex::new(Vec::new());
        let nodes: Vec<comrak::Node<'_>> = self.root.descendants().collect();
        for node in nodes {
            let mut is_dead = false;
            match &mut node.data.borrow_mut().value {
                NodeValue::Link(link) | NodeValue::Image(link) => {
                    match filter("href", &link.url, base, &prefix, &media) {
                        Some(url) => link.url = url.into_owned(),
                        None => is_dead = true,
                    }
                }
                // Its language becomes a class, which no feed keeps.
                NodeValue::CodeBlock(code) => code.info.clear(),
                _ => {}
            }
            if is_dead {
                // What it says stays; where it led does not.
                while let Some(child) = node.first_child() {
                    node.insert_before(child);
                }
                node.detach();
            }
        }
        // As the sanitiser writes it. In text a quotation mark is a reference, so these are tags.
        let is_tag = |before: &str| ["<br", "<hr", "\""].iter().any(|end| before.ends_with(end));
        let html = crate::text::replace_where(&self.html(), " />", ">", is_tag);
        Body {
            html: crate::text::clean(html.trim()),
            media: media.into_inner().expect("nothing panicked while holding it"),
        }
    }
}

fn node_text(node: comrak::Node<'_>) -> String {
    let mut text = String::new();
    for child in node.descendants() {
        match &child.data.borrow().value {
            NodeValue::Text(part) => text.push_str(part),
            NodeValue::Code(code) => text.push_str(&code.literal),
            NodeValue::SoftBreak | NodeValue::LineBreak => text.push(' '),
            _ => {}
        }
    }
    text
}

/// Makes HTML fit to publish: known elements only, no scripts, every address absolute and ASCII.
pub fn sanitise(html: &str, base: &Base) -> Result<Body, MarkupError> {
    check_shape(html)?;
    let html = demote_first_level(&pasted::before(html));
    let prefix = id_prefix(&base.page);
    let media = Arc::new(Mutex::new(Vec::new()));
    let (seen, here) = (media.clone(), base.clone());
    let cleaned = ammonia::Builder::new()
        .tags(HashSet::from(TAGS))
        .add_tags(["video"])
        .add_clean_content_tags([
            "script",
            "style",
            "textarea",
            "title",
            "plaintext",
            "xmp",
            "noembed",
            "noframes",
        ])
        .tag_attributes(tag_attributes())
        .generic_attributes(HashSet::from(["lang", "dir", "title", "id"]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(None)
        .attribute_filter(move |_, attribute, value| filter(attribute, value, &here, &prefix, &seen))
        .clean(&html)
        .to_string();
    // Once more: a character reference (`&#11;`) is decoded only now.
    let html = crate::text::clean(pasted::after(cleaned.trim()).trim());
    let media = std::mem::take(&mut *media.lock().expect("no one panics holding it"));
    Body { html, media }.of_fit_length()
}

impl Body {
    fn of_fit_length(self) -> Result<Self, MarkupError> {
        if self.html.len() > BODY_BYTES_MAX { Err(MarkupError::TooLong) } else { Ok(self) }
    }
}

fn tag_attributes() -> HashMap<&'static str, HashSet<&'static str>> {
    HashMap::from([
        ("a", HashSet::from(["href", "hreflang", "aria-label"])),
        ("img", HashSet::from(["src", "srcset", "alt", "width", "height"])),
        ("source", HashSet::from(["src", "srcset", "type"])),
        ("video", HashSet::from(["src", "poster", "controls", "width", "height"])),
        ("audio", HashSet::from(["src", "controls"])),
        ("blockquote", HashSet::from(["cite"])),
        ("q", HashSet::from(["cite"])),
        ("del", HashSet::from(["cite", "datetime"])),
        ("ins", HashSet::from(["cite", "datetime"])),
        ("time", HashSet::from(["datetime"])),
        ("td", HashSet::from(["colspan", "rowspan", "align"])),
        ("th", HashSet::from(["colspan", "rowspan", "align"])),
        ("ol", HashSet::from(["start"])),
    ])
}

fn filter<'v>(
    attribute: &str,
    value: &'v str,
    base: &Base,
    prefix: &str,
    media: &Mutex<Vec<String>>,
) -> Option<Cow<'v, str>> {
    let note = |url: &String| {
        if url.starts_with(base.media_root().as_str())
            && let Ok(mut media) = media.lock()
        {
            media.push(url.clone());
        }
    };
    match attribute {
        "href" | "src" | "poster" | "cite" => {
            let url = absolute(value, base, prefix)?;
            note(&url);
            Some(url.into())
        }
        "srcset" => {
            let candidates = candidates(value).into_iter().filter_map(|(address, width)| {
                let url = absolute(address, base, prefix)?;
                note(&url);
                let url = url.replace(',', "%2C");
                Some(format!("{url} {width}").trim().to_string())
            });
            let candidates: Vec<String> = candidates.collect();
            (!candidates.is_empty()).then(|| candidates.join(", ").into())
        }
        "id" if value.contains(char::is_whitespace) => None,
        "id" => Some(format!("{prefix}{value}").into()),
        "dir" => matches!(value, "ltr" | "rtl" | "auto").then_some(value.into()),
        "lang" => value.parse::<Language>().ok().map(|language| language.to_string().into()),
        _ => Some(value.into()),
    }
}

/// The pictures of a `srcset`, each with its width or density (HTML, "Parsing a srcset attribute").
fn candidates(srcset: &str) -> Vec<(&str, &str)> {
    let mut candidates = Vec::new();
    let mut rest = srcset;
    loop {
        rest = rest.trim_start_matches(|character: char| character.is_whitespace() || character == ',');
        if rest.is_empty() {
            return candidates;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (address, after) = rest.split_at(end);
        if address.ends_with(',') {
            candidates.push((address.trim_end_matches(','), ""));
            rest = after;
            continue;
        }
        let (width, after) = after.split_once(',').unwrap_or((after, ""));
        candidates.push((address, width.trim()));
        rest = after;
    }
}

/// One address as every reader can follow it; nothing for one that must not be followed.
fn absolute(address: &str, base: &Base, prefix: &str) -> Option<String> {
    let address = address.trim();
    if address.is_empty() {
        return None;
    }
    let url = if let Some(fragment) = address.strip_prefix('#') {
        let mut url = base.page.clone();
        url.set_fragment(Some(&format!("{prefix}{fragment}")));
        url
    } else if let Some(rest) = address.strip_prefix("//") {
        Url::parse(&format!("https://{rest}")).ok()?
    } else if address.starts_with('/') {
        base.site.join(address.trim_start_matches('/')).ok()?
    } else {
        base.media.join(address).ok()?
    };
    matches!(url.scheme(), "http" | "https" | "mailto").then(|| url.to_string())
}

impl Base {
    /// The address under which the files of `articles/` are.
    pub fn media_root(&self) -> Url {
        self.site.join("media/").unwrap_or_else(|_| self.site.clone())
    }
}

/// Keeps the footnotes of two articles on one page apart.
fn id_prefix(page: &Url) -> String {
    let digest = Sha256::digest(page.path());
    format!("a{:02x}{:02x}{:02x}-", digest[0], digest[1], digest[2])
}

fn demote_first_level(html: &str) -> String {
    html.replace("<h1", "<h2").replace("</h1", "</h2").replace("<H1", "<h2").replace("</H1", "</h2")
}

/// Refuses what takes very long to read: elements that must be closed and stand too deep in each other,
/// and elements with very many attributes. What HTML closes by itself is not counted.
fn check_shape(html: &str) -> Result<(), MarkupError> {
    const SELF_CLOSING: [&str; 29] = [
        "p", "li", "dt", "dd", "td", "th", "tr", "option", "area", "base", "br", "col", "embed", "hr", "img",
        "input", "link", "meta", "param", "source", "track", "wbr", "thead", "tbody", "tfoot", "rt", "rp",
        "body", "html",
    ];
    // What marks words goes on in the next paragraph if it was not closed, and all of it is written anew.
    const MARKING: [&str; 14] =
        ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
    let mut carried = 0;
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let part = &rest[start + 1..];
        let (closes, part) = part.strip_prefix('/').map_or((false, part), |part| (true, part));
        let end = part.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(part.len());
        let name = part[..end].to_ascii_lowercase();
        if name.is_empty() {
            rest = part;
            continue;
        }
        let (attributes, after) = attributes_of(&part[end..]);
        if attributes > ATTRIBUTES_MAX {
            return Err(MarkupError::TooManyAttributes);
        }
        rest = after;
        if !closes && matches!(name.as_str(), "script" | "style" | "textarea") {
            // What stands in there is no markup.
            rest = rest.find("</").map_or("", |end| &rest[end..]);
        } else if closes {
            // An end without a beginning ends nothing.
            if let Some(place) = open.iter().rposition(|opened| *opened == name) {
                open.truncate(place);
            }
        } else if SELF_CLOSING.contains(&name.as_str()) {
            carried += open.iter().filter(|opened| MARKING.contains(&opened.as_str())).count();
            if carried > CARRIED_MAX {
                return Err(MarkupError::TooDeep);
            }
        } else {
            open.push(name);
            if open.len() > NESTING_MAX {
                return Err(MarkupError::TooDeep);
            }
        }
    }
    Ok(())
}

/// How many attributes a tag has, and what comes after it. `tag` begins behind the name.
fn attributes_of(tag: &str) -> (usize, &str) {
    let (mut count, mut quote, mut before) = (0, None, b' ');
    for (at, byte) in tag.bytes().enumerate() {
        let is_blank = byte.is_ascii_whitespace();
        if quote.is_some() {
            quote = quote.filter(|open| *open != byte);
        } else if byte == b'>' {
            return (count, &tag[at + 1..]);
        } else if before == b'=' && matches!(byte, b'"' | b'\'') {
            quote = Some(byte);
        } else if before.is_ascii_whitespace() && !is_blank && byte != b'=' {
            count += 1;
        }
        // Around `=` there may be space.
        if !(before == b'=' && is_blank) {
            before = byte;
        }
    }
    (count, "")
}

/// Puts `dir` on every block of sanitised HTML that has no attribute of its own, unless programs take that direction
/// for granted.
pub fn direct_unless_usual(html: &str, direction: Direction) -> String {
    match direction {
        Direction::LeftToRight => html.to_string(),
        Direction::RightToLeft => direct(html, direction),
    }
}

/// Puts `dir` on every block of sanitised HTML that has no attribute of its own.
pub fn direct(html: &str, direction: Direction) -> String {
    let mut directed = String::with_capacity(html.len() + html.len() / 16);
    let mut parts = html.split('<');
    directed.push_str(parts.next().unwrap_or_default());
    // An element with a direction or language of its own, and how many of its name are open in it.
    let mut own: Option<(&str, usize)> = None;
    for part in parts {
        let (closes, tag) = part.strip_prefix('/').map_or((false, part), |tag| (true, tag));
        let end = tag.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(tag.len());
        let (name, rest) = tag.split_at(end);
        let attributes = rest.split('>').next().unwrap_or_default();
        directed.push_str(if closes { "</" } else { "<" });
        directed.push_str(name);
        let has_end = !matches!(name, "img" | "br" | "hr" | "source" | "wbr" | "col");
        let is_own = has_end && (attributes.contains(" dir=") || attributes.contains(" lang="));
        own = match own {
            Some((of, depth)) if of == name && closes => (depth > 1).then_some((of, depth - 1)),
            Some((of, depth)) if of == name => Some((of, depth + 1)),
            None if is_own && !closes => Some((name, 1)),
            other => other,
        };
        if BLOCKS.contains(&name) && !closes && own.is_none() {
            directed.push_str(" dir=\"");
            directed.push_str(direction.as_str());
            directed.push('"');
        }
        directed.push_str(rest);
    }
    directed
}

#[cfg(test)]
mod tests;
