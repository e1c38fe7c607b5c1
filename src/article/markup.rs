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

use crate::language::{Direction, Language};

/// Elements inside elements, at the most: sanitising costs the square of it.
const NESTING_MAX: usize = 100;

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
}

/// Markdown's title, if it begins with a first-level heading, and the HTML of the rest (not yet safe).
pub fn markdown(text: &str, language: &Language, take_title: bool) -> (Option<String>, String) {
    let mut options = comrak::Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.footnotes = true;
    // English quotes in a Persian text would be wrong.
    options.parse.smart = language.primary() == "en";
    options.render.r#unsafe = true; // sanitised below, with what the author wrote as HTML
    let arena = Arena::new();
    let root = comrak::parse_document(&arena, text, &options);
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
    let mut html = String::new();
    // Writing into a String cannot fail.
    let _ = comrak::format_html(root, &options, &mut html);
    (title, html)
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
    if nesting(html) > NESTING_MAX {
        return Err(MarkupError::TooDeep);
    }
    let html = demote_first_level(html);
    let prefix = id_prefix(&base.page);
    let media = Arc::new(Mutex::new(Vec::new()));
    let (seen, here) = (media.clone(), base.clone());
    let cleaned = ammonia::Builder::new()
        .tags(HashSet::from(TAGS))
        .add_tags(["video"])
        .tag_attributes(tag_attributes())
        .generic_attributes(HashSet::from(["lang", "dir", "title", "id"]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(None)
        .attribute_filter(move |_, attribute, value| filter(attribute, value, &here, &prefix, &seen))
        .clean(&html)
        .to_string();
    Ok(Body {
        // Once more: a character reference (`&#11;`) is decoded only now.
        html: crate::text::clean(cleaned.trim()),
        media: std::mem::take(&mut *media.lock().expect("no one panics holding it")),
    })
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
    match attribute {
        "href" | "src" | "poster" | "cite" => {
            let url = absolute(value, base, prefix)?;
            if url.starts_with(base.media_root().as_str())
                && let Ok(mut media) = media.lock()
            {
                media.push(url.clone());
            }
            Some(url.into())
        }
        "srcset" => {
            let candidates: Option<Vec<String>> = value
                .split(',')
                .map(|candidate| {
                    let (address, width) = candidate.trim().split_once(' ').unwrap_or((candidate.trim(), ""));
                    let url = absolute(address, base, prefix)?;
                    Some(format!("{url} {width}").trim().to_string())
                })
                .collect();
            candidates.map(|candidates| candidates.join(", ").into())
        }
        "id" if value.contains(char::is_whitespace) => None,
        "id" => Some(format!("{prefix}{value}").into()),
        "dir" => matches!(value, "ltr" | "rtl" | "auto").then_some(value.into()),
        "lang" => value.parse::<Language>().ok().map(|language| language.to_string().into()),
        _ => Some(value.into()),
    }
}

/// One address as every reader can follow it; nothing for one that must not be followed.
fn absolute(address: &str, base: &Base, prefix: &str) -> Option<String> {
    let address = address.trim();
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

/// How deep elements that must be closed stand in each other; what HTML closes by itself is not
/// counted.
fn nesting(html: &str) -> usize {
    const SELF_CLOSING: [&str; 22] = [
        "p", "li", "dt", "dd", "td", "th", "tr", "option", "br", "hr", "img", "input", "meta", "link",
        "source", "col", "wbr", "thead", "tbody", "tfoot", "rt", "rp",
    ];
    let (mut depth, mut deepest) = (0usize, 0);
    for part in html.split('<').skip(1) {
        let closing = part.starts_with('/');
        let name: String = part
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if name.is_empty() || SELF_CLOSING.contains(&name.as_str()) {
            continue;
        }
        depth = if closing { depth.saturating_sub(1) } else { depth + 1 };
        deepest = deepest.max(depth);
    }
    deepest
}

/// Puts `dir` on every block of sanitised HTML that has no attribute of its own.
pub fn direct(html: &str, direction: Direction) -> String {
    if direction == Direction::LeftToRight {
        return html.to_string();
    }
    let mut directed = html.to_string();
    for block in BLOCKS {
        directed =
            directed.replace(&format!("<{block}>"), &format!("<{block} dir=\"{}\">", direction.as_str()));
    }
    directed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Base {
        let site = Url::parse("https://far-bank.example/").unwrap();
        Base { page: site.join("qanats/").unwrap(), media: site.join("media/en/").unwrap(), site }
    }

    fn cleaned(html: &str) -> String {
        sanitise(html, &base()).unwrap().html
    }

    #[test]
    fn scripts_go_and_language_stays() {
        assert_eq!(
            cleaned(
                "<p onclick=x lang=fa dir=rtl class=y>سلام<script>x</script></p><iframe src=//x></iframe>"
            ),
            "<p lang=\"fa\" dir=\"rtl\">سلام</p>"
        );
        assert_eq!(cleaned("<a href=\"JaVaScript:x\">a</a>"), "<a>a</a>");
        assert_eq!(cleaned("<a href=\"data:text/html,x\">a</a>"), "<a>a</a>");
    }

    #[test]
    fn every_address_is_absolute() {
        let body =
            sanitise("<img src=images/a.png alt=A><a href=/about>b</a><a href=//c.example>c</a>", &base())
                .unwrap();
        assert_eq!(
            body.html,
            "<img src=\"https://far-bank.example/media/en/images/a.png\" alt=\"A\"><a href=\"https://far-bank.example/about\">b</a><a href=\"https://c.example/\">c</a>"
        );
        assert_eq!(body.media, ["https://far-bank.example/media/en/images/a.png"]);
    }

    #[test]
    fn a_footnote_and_its_mark_find_each_other() {
        let english = "en".parse().unwrap();
        let (_, html) = markdown("Deep.[^1]\n\n[^1]: Very.\n", &english, false);
        let html = cleaned(&html);
        let id = html.split("<li id=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(html.contains(&format!("href=\"https://far-bank.example/qanats/#{id}\"")), "{html}");
    }

    #[test]
    fn markdown_gives_up_its_first_heading_and_speaks_the_dialect() {
        let english = "en".parse().unwrap();
        let (title, html) = markdown(
            "# A \"quiet\" broker\n\n~~no~~ www.x.example\n\n# Again\n\n|a|\n|-|\n|b|\n",
            &english,
            true,
        );
        assert_eq!(title.as_deref(), Some("A “quiet” broker"));
        assert!(
            html.contains("<del>no</del>") && html.contains("<table>") && html.contains("<h2>Again"),
            "{html}"
        );
        assert!(html.contains("href=\"http://www.x.example\""), "{html}");
    }

    #[test]
    fn nesting_without_end_is_refused_quickly() {
        assert!(sanitise(&"<div>".repeat(20_000), &base()).is_err());
        assert!(sanitise(&"<p>x".repeat(20_000), &base()).is_ok());
    }
}
