//! The beginning of a long text.

/// Elements after which a text may end.
const BLOCKS: [&str; 14] =
    ["p", "div", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "pre", "table", "figure", "hr", "section"];
/// Elements without an end.
const VOID: [&str; 7] = ["img", "br", "hr", "source", "wbr", "col", "input"];

/// As many whole blocks of sanitised HTML as fit into `bytes_max`, with everything closed that is open
/// where it ends; empty if not even the first fits. A heading never stands last.
pub fn beginning(html: &str, bytes_max: usize) -> String {
    let mut open: Vec<&str> = Vec::new();
    let mut best = String::new();
    let mut at = 0;
    while let Some(start) = html[at..].find('<').map(|offset| at + offset) {
        let Some(end) = html[start..].find('>').map(|offset| start + offset + 1) else { break };
        let tag = &html[start + 1..end - 1];
        let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        at = end;
        let is_void = VOID.contains(&name);
        match closes {
            true if open.last() == Some(&name) => drop(open.pop()),
            false if !is_void => open.push(name),
            _ => {}
        }
        if end > bytes_max {
            break;
        }
        let ends_here =
            BLOCKS.contains(&name) && (closes || is_void) && !matches!(name, "h2" | "h3" | "h4" | "hr");
        if ends_here && end + open.iter().map(|name| name.len() + 3).sum::<usize>() <= bytes_max {
            best = open.iter().rev().fold(html[..end].to_string(), |text, name| text + &format!("</{name}>"));
        }
    }
    best
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
    }

    #[test]
    fn what_is_open_where_it_ends_is_closed() {
        let html = "<div dir=\"rtl\"><ul><li>One</li><li>Two</li></ul></div>";
        assert_eq!(beginning(html, html.len() - 3), "<div dir=\"rtl\"><ul><li>One</li></ul></div>");
    }
}
