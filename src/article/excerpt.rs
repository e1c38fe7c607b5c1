//! The beginning of a long text.

/// Elements after which a text may end.
const BLOCKS: [&str; 14] =
    ["p", "div", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "pre", "table", "figure", "hr", "section"];
/// Elements without an end.
const VOID: [&str; 7] = ["img", "br", "hr", "source", "wbr", "col", "input"];

/// As many whole blocks of sanitised HTML as fit into `bytes_max`, with everything closed that is open
/// where it ends. A heading never stands last. Where that is less than half of what there is room for, as in a text
/// that is one block, it ends at a word.
pub fn beginning(html: &str, bytes_max: usize) -> String {
    let mut open: Vec<&str> = Vec::new();
    let mut best: Option<(usize, Vec<&str>)> = None;
    let mut at = 0;
    while let Some(start) = html[at..].find('<').map(|offset| at + offset) {
        let Some(end) = html[start..].find('>').map(|offset| start + offset + 1) else { break };
        let (name, ends) = step(&html[start + 1..end - 1], &mut open);
        at = end;
        if end > bytes_max {
            break;
        }
        let ends_here = BLOCKS.contains(&name) && ends && !matches!(name, "h2" | "h3" | "h4" | "hr");
        if ends_here && end + open.iter().map(|name| name.len() + 3).sum::<usize>() <= bytes_max {
            best = Some((end, open.clone()));
        }
    }
    let whole = best.as_ref().map_or(0, |(end, _)| *end);
    if whole < bytes_max / 2 {
        best = words(html, bytes_max).filter(|(end, _)| *end > whole).or(best);
    }
    best.map_or_else(String::new, |(end, open)| closed(&html[..end], &open))
}

/// The same up to a word.
fn words(html: &str, bytes_max: usize) -> Option<(usize, Vec<&str>)> {
    let mut open: Vec<&str> = Vec::new();
    let mut last: Option<(usize, Vec<&str>)> = None;
    let mut at = 0;
    while at < html.len().min(bytes_max) {
        let start = html[at..].find('<').map_or(html.len(), |offset| at + offset);
        let closers: usize = open.iter().map(|name| name.len() + 3).sum();
        let room = html.floor_char_boundary(bytes_max.saturating_sub(closers));
        if at < room
            && let Some(space) = html[at..start.min(room)].rfind(char::is_whitespace)
        {
            let end = at + space;
            if start > room {
                return Some((end, open));
            }
            last = Some((end, open.clone()));
        }
        let Some(end) = html[start..].find('>').map(|offset| start + offset + 1) else { break };
        step(&html[start + 1..end - 1], &mut open);
        at = end;
    }
    last
}

/// What is open after a tag; the tag's name, and whether it ends something or stands alone.
fn step<'h>(tag: &'h str, open: &mut Vec<&'h str>) -> (&'h str, bool) {
    let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
    let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let is_void = VOID.contains(&name);
    match closes {
        true if open.last() == Some(&name) => drop(open.pop()),
        false if !is_void => open.push(name),
        _ => {}
    }
    (name, closes || is_void)
}

fn closed(html: &str, open: &[&str]) -> String {
    open.iter().rev().fold(html.to_string(), |text, name| text + &format!("</{name}>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_after_a_whole_block_and_never_with_a_heading() {
        let html = "<p>One <em>x</em>.</p><h2>Two</h2><p>Three.</p>";
        assert_eq!(beginning(html, html.len()), html);
        assert_eq!(beginning(html, html.len() - 1), "<p>One <em>x</em>.</p>");
        assert_eq!(beginning(html, 5), "");
        assert_eq!(beginning("<div>One two<br>three four five</div>", 30), "<div>One two<br>three</div>");
        assert_eq!(
            beginning("<pre><code>a b\nc d e f g</code></pre>", 32),
            "<pre><code>a b\nc d</code></pre>"
        );
    }

    #[test]
    fn what_is_open_where_it_ends_is_closed() {
        let html = "<div dir=\"rtl\"><ul><li>One</li><li>Two</li></ul></div>";
        assert_eq!(beginning(html, html.len() - 3), "<div dir=\"rtl\"><ul><li>One</li></ul></div>");
    }
}
