//! What comes along when HTML is pasted from elsewhere: frames become links, pictures that a script was to
//! load are loaded without it, pictures that nobody can see go.

use url::Url;

use crate::text::escape_html;

/// A longer tag is none.
const TAG_CHARACTERS_MAX: usize = 4096;

/// Before sanitising: embedded players become links to what they play, and what stands in `noscript` is
/// shown, as nothing runs.
pub(super) fn before(html: &str) -> String {
    rewritten(html, &["iframe", "noscript"], |name, tag| match name {
        "iframe" if tag.starts_with("</") => Some(String::new()),
        "iframe" => Some(link_of(tag)),
        "noscript" => Some(String::new()),
        _ => None,
    })
}

/// After sanitising: a picture whose address had to go leaves its words, one that is no larger than a
/// point leaves nothing.
pub(super) fn after(html: &str) -> String {
    rewritten(html, &["img", "source"], |name, tag| {
        let shows = attribute(tag, "src").is_some() || attribute(tag, "srcset").is_some();
        let is_point = ["width", "height"]
            .iter()
            .all(|side| attribute(tag, side).is_some_and(|pixels| matches!(pixels.as_str(), "0" | "1")));
        match name {
            "img" if is_point => Some(String::new()),
            "img" if !shows => Some(attribute_as_written(tag, "alt").unwrap_or_default()),
            "source" if !shows => Some(String::new()),
            _ => None,
        }
    })
}

/// Each tag of these `names` as `instead` has it, which is given its name in lower case; the others as
/// they are.
fn rewritten(html: &str, names: &[&str], instead: impl Fn(&str, &str) -> Option<String>) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (text, tag) = rest.split_at(start);
        out.push_str(text);
        let name = tag_name(tag).to_ascii_lowercase();
        let end = if names.contains(&name.as_str()) { tag_end(tag) } else { 1 };
        match instead(&name, &tag[..end]).filter(|_| end > 1) {
            Some(other) => out.push_str(&other),
            None => out.push_str(&tag[..end]),
        }
        rest = &tag[end..];
    }
    out.push_str(rest);
    out
}

/// Behind the `>` that ends a tag; behind its `<` if it has no end.
fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    for (at, character) in tag.char_indices().take(TAG_CHARACTERS_MAX) {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (None, '>') => return at + 1,
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    1
}

fn tag_name(tag: &str) -> &str {
    let name = tag.strip_prefix('<').unwrap_or(tag);
    let name = name.strip_prefix('/').unwrap_or(name);
    let end = name.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(name.len());
    &name[..end]
}

/// A paragraph with a link to what a frame shows; nothing if that is no page.
fn link_of(tag: &str) -> String {
    let Some(address) = attribute(tag, "src") else { return String::new() };
    let address = address.strip_prefix("//").map_or(address.clone(), |rest| format!("https://{rest}"));
    let Some(url) = Url::parse(&address).ok().filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return String::new();
    };
    let url = page_of_player(&url).unwrap_or(url);
    let title = attribute(tag, "title").filter(|title| !title.trim().is_empty());
    let title = title.unwrap_or_else(|| url.host_str().unwrap_or_default().to_string());
    format!("<p><a href=\"{}\">{}</a></p>", escape_html(url.as_str()), escape_html(&title))
}

/// The page of a film whose player is embedded.
fn page_of_player(url: &Url) -> Option<Url> {
    let host = url.host_str()?.trim_start_matches("www.");
    let mut path = url.path_segments()?;
    let page = match (host, path.next()?, path.next()) {
        ("youtube.com" | "youtube-nocookie.com", "embed", Some(id)) => {
            format!("https://www.youtube.com/watch?v={id}")
        }
        ("player.vimeo.com", "video", Some(id)) => format!("https://vimeo.com/{id}"),
        _ => return None,
    };
    Url::parse(&page).ok()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let written = attribute_as_written(tag, name)?;
    Some(written.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&"))
}

/// The value as it stands between its quotes, or without any.
fn attribute_as_written(tag: &str, name: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower[from..].find(name) {
        let start = from + found;
        from = start + name.len();
        let before = lower[..start].chars().next_back()?;
        let after = lower[from..].trim_start();
        if !(before.is_whitespace() || before == '"' || before == '\'') || !after.starts_with('=') {
            continue;
        }
        let value = tag[tag.len() - after.len() + 1..].trim_start();
        let quote = value.chars().next()?;
        let end = match quote {
            '"' | '\'' => value[1..].find(quote).map(|end| (1, end + 1)),
            _ => Some((0, value.find(|end: char| end.is_whitespace() || end == '>').unwrap_or(value.len()))),
        };
        let (open, close) = end?;
        return Some(value[open..close].to_string());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_becomes_a_link_to_what_it_plays() {
        let html = "<p>a</p><iframe width=560 src=\"https://www.youtube.com/embed/abc123?rel=0\" title=\"A film\" allowfullscreen></iframe><p>b</p>";
        assert_eq!(
            before(html),
            "<p>a</p><p><a href=\"https://www.youtube.com/watch?v=abc123\">A film</a></p><p>b</p>"
        );
        assert_eq!(before("<iframe src='javascript:x'></iframe>"), "");
        assert_eq!(
            before("<iframe src=//maps.example/x></iframe>"),
            "<p><a href=\"https://maps.example/x\">maps.example</a></p>"
        );
        assert_eq!(before("<noscript><img src=a.png></noscript> 1 < 2"), "<img src=a.png> 1 < 2");
    }

    #[test]
    fn dead_pictures_leave_their_words_and_points_nothing() {
        assert_eq!(after("<p><img alt=\"a &amp; b\"> x</p>"), "<p>a &amp; b x</p>");
        assert_eq!(after("<img src=\"a.png\" width=\"1\" height=\"1\">"), "");
        assert_eq!(after("<img src=\"a.png\" alt=\"\">"), "<img src=\"a.png\" alt=\"\">");
        assert_eq!(
            after("<picture><source><img src=\"a.png\"></picture>"),
            "<picture><img src=\"a.png\"></picture>"
        );
    }
}
