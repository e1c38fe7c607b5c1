//! The words of sanitised HTML: a summary of it, and the text that a plain letter shows.
//!
//! It reads only what `markup::sanitise` wrote, whose form is known: every tag well-formed, every
//! attribute quoted, and no entities but `&amp; &lt; &gt; &quot; &nbsp;`.

/// A made summary is at least this long (characters), if the text is.
const SUMMARY_CHARACTERS_MIN: usize = 110;
/// And at most this long.
const SUMMARY_CHARACTERS_MAX: usize = 280;
/// How far a quotation within a sentence may reach (bytes).
const QUOTATION_BYTES_MAX: usize = 600;

/// The text without tags, on one line.
pub fn words(html: &str) -> String {
    let mut text = String::new();
    for part in parts(html) {
        match part {
            Part::Text(words) => text.push_str(&unescape(words)),
            Part::Tag { name, .. } if is_block(name) || name == "br" => text.push(' '),
            Part::Tag { .. } => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One or two sentences from the first paragraphs.
pub fn summary(html: &str) -> String {
    let mut summary = String::new();
    // Notes stand at the end, in a section of their own.
    let notes =
        html.rfind("<section").filter(|at| html[*at..].contains("<li id=\"") && html[*at..].contains("fn-"));
    let text = &html[..notes.unwrap_or(html.len())];
    for paragraph in paragraphs(text) {
        for sentence in sentences(&words(&without_marks(paragraph))) {
            let length = summary.chars().count();
            if length >= SUMMARY_CHARACTERS_MIN
                || (length > 0 && length + sentence.chars().count() > SUMMARY_CHARACTERS_MAX)
            {
                return summary;
            }
            if length > 0 {
                summary.push(' ');
            }
            summary.push_str(&crate::text::shorten(sentence, SUMMARY_CHARACTERS_MAX));
        }
    }
    summary
}

/// Without the numbers that lead to notes.
fn without_marks(html: &str) -> String {
    let mut rest = html;
    let mut text = String::new();
    while let Some(start) = rest.find("<sup") {
        let Some(end) = rest[start..].find("</sup>").map(|end| start + end + "</sup>".len()) else { break };
        text.push_str(&rest[..start]);
        let raised = &rest[start..end];
        if !raised.contains("<a ") {
            text.push_str(raised);
        }
        rest = &rest[end..];
    }
    text + rest
}

/// The first paragraph, tags and all, if the body begins with one.
pub fn first_paragraph(html: &str) -> Option<&str> {
    let starts = html.starts_with("<p>") || html.starts_with("<p ");
    starts.then(|| html.find("</p>").map(|end| &html[..end + 4])).flatten()
}

fn paragraphs(html: &str) -> impl Iterator<Item = &str> {
    html.split("<p").skip(1).filter_map(|rest| {
        let rest = rest
            .strip_prefix('>')
            .or_else(|| rest.strip_prefix(' ').and_then(|rest| rest.split_once('>').map(|(_, rest)| rest)))?;
        Some(rest.split("</p>").next().unwrap_or(rest))
    })
}

fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (end, _) in
        text.match_indices(['.', '!', '?', '؟', '…', '۔']).map(|(index, mark)| (index + mark.len(), mark))
    {
        if end < start {
            continue; // within the marks that ended the last one
        }
        let rest = text[end..].trim_start_matches(['”', '"', '’', '»', ')']);
        if rest.is_empty() || rest.starts_with(' ') {
            let end = text.len() - rest.len();
            if ends_within_quotation(&text[start..end], rest) {
                continue;
            }
            sentences.push(text[start..end].trim());
            start = end;
        }
    }
    if !text[start..].trim().is_empty() {
        sentences.push(text[start..].trim());
    }
    sentences
}

/// Whether a quotation is open that closes soon: what stands in it is one with the sentence around it.
fn ends_within_quotation(sentence: &str, rest: &str) -> bool {
    if sentence.len() > QUOTATION_BYTES_MAX {
        return false;
    }
    let soon = &rest[..rest.floor_char_boundary(QUOTATION_BYTES_MAX)];
    [('«', '»'), ('“', '”')].into_iter().any(|(opens, closes)| {
        let is_open = sentence.matches(opens).count() > sentence.matches(closes).count();
        is_open && soon.contains(closes)
    })
}

/// The whole text for a plain letter: paragraphs apart, lists with dashes or numbers, code line by line, links with
/// their address. Links within the article itself, whose page is `page`, stay words.
pub fn letter_text(html: &str, page: &str) -> String {
    let mut out = String::new();
    let mut links: Vec<(String, usize)> = Vec::new();
    let mut lists: Vec<Option<usize>> = Vec::new();
    let mut code = 0_usize;
    let mut heading = None;
    let mut quotations: Vec<usize> = Vec::new();
    for part in parts(html) {
        match part {
            Part::Text(words) if code > 0 => out.push_str(&unescape(words)),
            Part::Text(words) => push_words(&mut out, &unescape(words)),
            Part::Tag { name: "pre", closing, .. } => {
                code = if closing { code.saturating_sub(1) } else { code + 1 };
                break_line(&mut out, 2);
            }
            Part::Tag { name: "ol" | "ul", closing: true, .. } => {
                lists.pop();
                break_line(&mut out, if lists.is_empty() { 2 } else { 1 });
            }
            Part::Tag { name: name @ ("ol" | "ul"), .. } => {
                // A list within a list stays close to its line.
                break_line(&mut out, if lists.is_empty() { 2 } else { 1 });
                lists.push((name == "ol").then_some(0));
            }
            Part::Tag { name: "a", closing: false, attributes } => {
                links.push((attribute(attributes, "href").unwrap_or_default(), out.len()));
            }
            Part::Tag { name: "a", closing: true, .. } => {
                if let Some((address, start)) = links.pop() {
                    // A block inside the link may have taken white space back, and more.
                    let shown = out.get(start..).unwrap_or_default().trim().to_string();
                    let (before, note) =
                        address.split_once('#').map_or((address.as_str(), false), |(it, _)| (it, true));
                    let inside = note && (before.is_empty() || before == page);
                    let is_note = inside && !shown.is_empty() && shown.chars().all(char::is_numeric);
                    if inside && shown == "↩" {
                        out.truncate(start); // the way back from a note
                    } else if is_note {
                        // A note's number would stick to the word before it.
                        out.truncate(start);
                        out.push_str(&format!("[{shown}]"));
                    }
                    if !address.is_empty() && !inside && shown != address {
                        out.push_str(&format!(" ({address})"));
                    }
                }
            }
            Part::Tag { name: "img", attributes, .. } => {
                if let Some(alt) = attribute(attributes, "alt").filter(|alt| !alt.is_empty()) {
                    push_words(&mut out, &format!("[{alt}]"));
                }
            }
            Part::Tag { name: "br", .. } => out.push('\n'),
            Part::Tag { name: "hr", .. } => {
                break_line(&mut out, 2);
                out.push_str("* * *");
                break_line(&mut out, 2);
            }
            // What was struck out is not said any more.
            Part::Tag { name: "del" | "s", closing: false, .. } => out.push('~'),
            Part::Tag { name: "del" | "s", .. } => {
                out.truncate(out.trim_end().len());
                out.push('~');
            }
            Part::Tag { name: "blockquote", closing: false, .. } => {
                if !is_item(&out) {
                    break_line(&mut out, 2);
                }
                quotations.push(out.len());
            }
            Part::Tag { name: "blockquote", .. } => {
                if let Some(start) = quotations.pop() {
                    quote(&mut out, start);
                }
                break_line(&mut out, 2);
            }
            Part::Tag { name: "li", closing: false, .. } => {
                break_line(&mut out, 1);
                out.push_str(&"  ".repeat(lists.len().saturating_sub(1)));
                match lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        out.push_str(&format!("{number}. "));
                    }
                    _ => out.push_str("- "),
                }
            }
            Part::Tag { name: "tr", closing: true, .. } => break_line(&mut out, 1),
            Part::Tag { name: "td" | "th", closing: true, .. } => out.push_str("  "),
            Part::Tag { name: "li" | "tr" | "td" | "th", .. } => {}
            Part::Tag { name: "h1" | "h2" | "h3" | "h4" | "h5" | "h6", closing: false, .. } => {
                if !is_item(&out) {
                    break_line(&mut out, 2);
                }
                // Without its type, a heading would be a sentence among others.
                heading = Some(out.len());
                out.push_str("— ");
            }
            Part::Tag { name: "h1" | "h2" | "h3" | "h4" | "h5" | "h6", .. } => {
                match heading.take() {
                    Some(start) if out.get(start..).is_some_and(|shown| shown.trim() == "—") => {
                        out.truncate(start);
                    }
                    _ => {
                        out.truncate(out.trim_end().len());
                        out.push_str(" —");
                    }
                }
                break_line(&mut out, 2);
            }
            Part::Tag { name, .. } if is_block(name) => {
                if !is_item(&out) {
                    break_line(&mut out, 2);
                }
            }
            Part::Tag { .. } => {}
        }
    }
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_string()
}

/// Marks every line from `start` on as somebody else's words, as replies have them.
fn quote(out: &mut String, start: usize) {
    let quoted: Vec<String> =
        out.get(start..).unwrap_or_default().trim().lines().map(|line| format!("> {line}")).collect();
    out.truncate(start.min(out.len()));
    out.push_str(&quoted.join("\n"));
}

/// Whether an item of a list begins here.
fn is_item(out: &str) -> bool {
    out.ends_with("- ") || out.ends_with(". ")
}

fn push_words(out: &mut String, words: &str) {
    let begins = out.is_empty() || out.ends_with(['\n', ' ']);
    let leading = words.starts_with(char::is_whitespace) && !begins;
    let trailing = words.ends_with(char::is_whitespace);
    let joined = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if leading {
        out.push(' ');
    }
    out.push_str(&joined);
    if trailing && !joined.is_empty() {
        out.push(' ');
    }
}

fn break_line(out: &mut String, lines: usize) {
    let kept = out.trim_end_matches([' ', '\n']).len();
    let already = out[kept..].matches('\n').count();
    out.truncate(kept);
    if !out.is_empty() {
        out.push_str(&"\n".repeat(lines.max(already)));
    }
}

enum Part<'h> {
    Text(&'h str),
    Tag { name: &'h str, closing: bool, attributes: &'h str },
}

fn parts(html: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(inside) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            rest = after;
            return Some(Part::Text(text));
        };
        let end = tag_end(inside);
        let (tag, after) = (&inside[..end], inside.get(end + 1..).unwrap_or_default());
        rest = after;
        let closing = tag.starts_with('/');
        let tag = tag.trim_start_matches('/');
        let name_end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
        Some(Part::Tag { name: &tag[..name_end], closing, attributes: &tag[name_end..] })
    })
}

/// Where a tag ends: the first `>` outside quotes.
fn tag_end(tag: &str) -> usize {
    let mut quoted = false;
    tag.find(|character| {
        quoted ^= character == '"';
        character == '>' && !quoted
    })
    .unwrap_or(tag.len())
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let after = attributes.split_once(&format!(" {name}=\""))?.1;
    Some(unescape(after.split('"').next()?))
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "ul"
            | "ol"
            | "li"
            | "dl"
            | "dt"
            | "dd"
            | "blockquote"
            | "pre"
            | "table"
            | "tr"
            | "td"
            | "th"
            | "caption"
            | "figure"
            | "figcaption"
            | "hr"
            | "section"
            | "aside"
            | "details"
            | "summary"
    )
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", "\u{A0}")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_whole_sentences() {
        let html = "<h2>Not this</h2><p>One. Two &amp; “three.” Four?</p><p>Five is a long sentence that goes on until there is enough of it to stand alone as a summary.</p><p>Six.</p>";
        assert_eq!(
            summary(html),
            "One. Two & “three.” Four? Five is a long sentence that goes on until there is enough of it to stand alone as a summary."
        );
        assert_eq!(summary("<p>آب زیر خاک می‌رود. چرا؟</p>"), "آب زیر خاک می‌رود. چرا؟");
        let long = "x".repeat(80);
        assert_eq!(
            summary(&format!("<p>{long} «یک. دو.» She says: “Three. Four.” Five.</p>")),
            format!("{long} «یک. دو.» She says: “Three. Four.”")
        );
        let long = "x".repeat(120);
        assert_eq!(summary(&format!("<p>“{long} never. Closed.</p>")), format!("“{long} never."));
    }

    #[test]
    fn a_letter_reads_as_text() {
        let html = "<h2>Water</h2><p>See <a href=\"https://x.example/?a=1&amp;b=2\">this</a>\nand <em>that</em>.</p><ul><li>one</li><li><p>two</p></li></ul><table><tbody><tr><td>a</td><td>b</td></tr></tbody></table>";
        assert_eq!(
            letter_text(html, "https://far-bank.example/a/"),
            "— Water —\n\nSee this (https://x.example/?a=1&b=2) and that.\n\n- one\n- two\n\na  b"
        );
        let page = "https://far-bank.example/a/";
        for (html, text) in [
            ("<p><a href=\"https://x.example/d#part\">doc</a>.</p>", "doc (https://x.example/d#part)."),
            (
                "<p>Asleep.<sup><a href=\"https://far-bank.example/a/#fn-1\">1</a></sup> Where</p>",
                "Asleep.[1] Where",
            ),
            (
                "<ol><li>one<ul><li>in it</li></ul></li><li>two</li></ol><p>x</p>",
                "1. one\n  - in it\n2. two\n\nx",
            ),
            (
                "<p>So:</p><pre><code>fn main() {\n    print();\n}\n</code></pre><p>x</p>",
                "So:\n\nfn main() {\n    print();\n}\n\nx",
            ),
            ("<ul><li><h3>A</h3><p>x</p></li></ul>", "- — A —\n\nx"),
            (
                "<p>She says:</p><blockquote><p>One.</p><p>Two.</p></blockquote><p>x</p>",
                "She says:\n\n> One.\n>\n> Two.\n\nx",
            ),
            ("<p>It was <del>nine</del> ten.</p><hr><p>x</p>", "It was ~nine~ ten.\n\n* * *\n\nx"),
            ("<ol><li><p>A note. <a href=\"#r1\">↩</a></p></li></ol>", "1. A note."),
            ("<h2><img src=\"a.png\" alt=\"\"></h2><p>x</p>", "x"),
        ] {
            assert_eq!(letter_text(html, page), text);
        }
    }
}
