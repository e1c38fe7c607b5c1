//! What is wrong with a letter before anybody has it: what mail programs cut, spam filters count, readers
//! cannot use, or a template has lost.

use std::collections::BTreeSet;

use unicode_bidi::{BidiClass, bidi_class};

use super::Contents;
use crate::{
    diagnostic::Severity,
    feed::lint::{Tag, Token, resolved, tokens},
    newsletter::variant::LetterKind,
    text::shorten,
};

/// Most mailboxes show less; no reader sees more than this of a subject (characters).
const SUBJECT_CHARACTERS_MAX: usize = 100;
/// Bytes of HTML after which Gmail cuts a letter off (102 kB), less what it adds itself.
pub const HTML_BYTES_MAX: usize = 95_000;
/// Of what a mailbox shows beside the subject (characters).
pub const SNIPPET_CHARACTERS_MAX: usize = 120;
/// Of a text in a message.
const SHOWN_CHARACTERS_MAX: usize = 60;
/// What the program fills in texts of `i18n/`; other words in braces are the author's own.
const FILLED: [&str; 9] =
    ["name", "newsletter", "language", "count", "cadence", "first", "more", "outlet", "date"];
/// Elements that mail programs remove, or take for an attack.
const FORBIDDEN: [&str; 10] =
    ["script", "form", "input", "button", "iframe", "object", "embed", "svg", "link", "base"];

/// Elements that part no words.
const INLINE: [&str; 12] =
    ["a", "b", "bdi", "bdo", "cite", "code", "em", "i", "span", "strong", "sub", "sup"];

/// One fault of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, and what comes of it.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// Everything wrong with a letter, the worst first.
pub fn lint(kind: LetterKind, contents: &Contents) -> Vec<Finding> {
    let mut lint = Lint { findings: Vec::new() };
    lint.subject(&contents.subject);
    lint.placeholders(contents);
    lint.one_click(kind, contents);
    lint.text(kind, contents);
    lint.html(kind, contents);
    lint.findings.sort_by_key(|finding| finding.severity != Severity::Error);
    lint.findings
}

/// Bytes of HTML as it leaves: each line ends in CRLF.
pub fn bytes_sent(html: &str) -> usize {
    html.len() + html.matches('\n').count()
}

struct Lint {
    findings: Vec<Finding>,
}

impl Lint {
    fn say(&mut self, severity: Severity, message: impl Into<String>, hint: &str) {
        let finding = Finding { severity, message: message.into(), hint: hint.to_string() };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn subject(&mut self, subject: &str) {
        let characters = subject.chars().count();
        if characters == 0 {
            self.say(Severity::Error, "the subject is empty", "look at `subject.hbs`");
        }
        if characters > SUBJECT_CHARACTERS_MAX {
            let message = format!("the subject has {characters} characters, and mailboxes show about 60");
            self.say(Severity::Warning, message, "a shorter title, or another `subject.hbs`");
        }
        if subject.contains(['\u{0654}', '\u{0655}']) {
            let message =
                "the subject has a hamza as a mark of its own (هٔ), which a spam filter counts against it";
            self.say(Severity::Note, message, "ه‌ی is not counted: نامه‌ی for نامهٔ");
        }
        if let Some(odd) = subject.chars().find(|c| is_odd(*c)) {
            let message = format!("the subject has an invisible character, U+{:04X}", u32::from(odd));
            self.say(Severity::Warning, message, "type the title again without it");
        }
        // Letters of Persian have no case; filters look at those that have.
        let cased = || subject.chars().filter(|c| c.is_uppercase() || c.is_lowercase());
        let letters = subject.chars().filter(|c| c.is_alphabetic()).count();
        if letters > 8 && cased().next().is_some() && cased().all(char::is_uppercase) {
            let message = "every letter of the subject that can be a capital is one, which spam filters count against it";
            self.say(Severity::Note, message, "small letters, or the name in Persian: بی‌بی‌سی for BBC");
        }
        if subject.contains("!!") || subject.contains("؟؟") || subject.contains("??") {
            self.say(Severity::Warning, "the subject shouts, as spam often does", "one mark is enough");
        }
    }

    /// `{name}` of a text that nobody filled.
    fn placeholders(&mut self, contents: &Contents) {
        for (part, words) in
            [("subject", &contents.subject), ("text", &contents.text), ("html", &visible(&contents.html))]
        {
            if let Some(name) = placeholder(words) {
                let message = format!("`{{{name}}}` stands in the {part} where words should be");
                let hint = match name {
                    "count" => "the template calls the text with `plural`, and gives the number",
                    _ => "the template calls the text with `say`, and gives this name",
                };
                self.say(Severity::Warning, message, hint);
            }
        }
    }

    fn one_click(&mut self, kind: LetterKind, contents: &Contents) {
        let link = &contents.unsubscribe_url;
        // RFC 8058 §3.1: an HTTPS URI, in ASCII.
        if kind.is_to_a_list() && !is_here(link) && !link.starts_with("https://") {
            let message = "the link for leaving is not https, so mailboxes show no button for it, and Gmail may refuse the letter";
            self.say(
                Severity::Warning,
                message,
                "set `url` under `[site]` to an address that begins with https://",
            );
        }
    }

    fn text(&mut self, kind: LetterKind, contents: &Contents) {
        if contents.text.trim().is_empty() {
            self.say(Severity::Error, "the plain part is empty", "look at `text.hbs`");
        }
        if kind.is_to_a_list() && !contents.text.contains(&contents.unsubscribe_url) {
            let message = "the plain part has no link for leaving";
            self.say(Severity::Error, message, "put `{{reader.unsubscribe_url}}` into `text.hbs`");
        }
    }

    fn html(&mut self, kind: LetterKind, contents: &Contents) {
        let html = &contents.html;
        let bytes = bytes_sent(html);
        if bytes > HTML_BYTES_MAX {
            let message =
                format!("the letter has {} kB of HTML, and Gmail cuts it off after 102", bytes / 1000);
            self.say(Severity::Warning, message, "fewer articles, or shorter styles in the template");
        }
        let mut links = BTreeSet::new();
        for token in tokens(html) {
            if let Token::Tag(tag) = token
                && !tag.is_end
            {
                self.tag(&tag, &mut links);
            }
        }
        for sheet in html.split("<style").skip(1) {
            self.style(sheet.split("</style").next().unwrap_or_default());
        }
        if kind.is_to_a_list() && !links.contains(&contents.unsubscribe_url) {
            let message = "the letter has no link for leaving";
            self.say(Severity::Error, message, "put `{{reader.unsubscribe_url}}` into `html.hbs`");
        }
        // A note at the end of an article is on its page, which is in the plain part.
        let page = |link: &str| link.split('#').next().unwrap_or_default().to_string();
        for link in links.iter().filter(|link| link.starts_with("http")) {
            if !contents.text.contains(&page(link)) {
                let message = format!("the plain part lacks {}, which the HTML links to", shown(link));
                self.say(Severity::Note, message, "spam filters compare the two; put it into `text.hbs`");
            }
        }
    }

    fn tag(&mut self, tag: &Tag<'_>, links: &mut BTreeSet<String>) {
        let name = tag.name.to_ascii_lowercase();
        let value = |name: &str| {
            let found = tag.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name));
            found.map(|attribute| resolved(attribute.value))
        };
        if FORBIDDEN.contains(&name.as_str()) {
            let message = format!("`<{name}>` is removed by mail programs, or taken for an attack");
            self.say(Severity::Error, message, "take it out of the template");
        }
        if let Some(event) = tag.attributes.iter().find(|it| it.name.to_ascii_lowercase().starts_with("on")) {
            let message = format!("`{}` is removed by mail programs, or taken for an attack", event.name);
            self.say(Severity::Error, message, "take it out of the template");
        }
        if let Some(style) = value("style") {
            self.style(&style);
        }
        match name.as_str() {
            "a" => {
                if let Some(href) = value("href") {
                    self.link(&href);
                    links.insert(href);
                }
            }
            "audio" | "video" => {
                let message = format!("most mail programs do not play `<{name}>`");
                self.say(Severity::Note, message, "the article's page does, and the letter links to it");
            }
            "img" => {
                let src = value("src").unwrap_or_default();
                if ["width", "height"]
                    .iter()
                    .any(|side| value(side).is_some_and(|pixels| matches!(pixels.trim(), "0" | "1")))
                {
                    let message = format!(
                        "the picture {} is one that nobody sees, as those that count readers are",
                        shown(&src)
                    );
                    self.say(Severity::Error, message, "take it out: a letter of Byline watches nobody");
                }
                if value("alt").is_none_or(|alt| alt.trim().is_empty()) {
                    let message =
                        format!("the picture {} has no words for those who do not see it", shown(&src));
                    self.say(Severity::Warning, message, "give it an `alt` in the article");
                }
                if !src.starts_with("https://") && !is_here(&src) {
                    let message = format!(
                        "the picture {} is not fetched over https, so many readers never see it",
                        shown(&src)
                    );
                    self.say(
                        Severity::Warning,
                        message,
                        "put it into the article's folder, or link to https",
                    );
                }
            }
            _ => {}
        }
    }

    /// A font or picture that a style fetches from elsewhere tells that place who reads, and when.
    fn style(&mut self, css: &str) {
        let fetches = css.split("url(").skip(1).map(unquoted);
        let fetches = fetches.filter(|address| !address.starts_with("data:"));
        let imports = css.split("@import").skip(1).map(str::trim_start);
        let imports = imports.filter(|after| !after.starts_with("url(")).map(unquoted);
        for address in fetches.chain(imports) {
            let address = address.split([')', '\'', '"', ';']).next().unwrap_or_default();
            let message = format!("a style fetches {}, and mail programs do not", shown(address));
            self.say(Severity::Warning, message, "take it out of the template; what readers have is enough");
        }
    }

    fn link(&mut self, href: &str) {
        let scheme = href.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https" | "mailto" | "tel") && !href.starts_with('#') {
            let message = format!("the link {} leads nowhere from a letter", shown(href));
            self.say(Severity::Error, message, "write the whole address, with https://");
        }
    }
}

/// A letter or mark that nobody sees but a spam filter; ZWNJ, ZWJ and direction marks are Persian's own.
fn is_odd(c: char) -> bool {
    let known = matches!(c, '\u{200C}'..='\u{200F}' | '\u{2066}'..='\u{2069}' | '\u{FE0F}');
    let hidden = matches!(bidi_class(c), BidiClass::BN | BidiClass::RLO | BidiClass::LRO);
    !known && (hidden || matches!(c, '\u{00AD}' | '\u{200B}' | '\u{2060}' | '\u{E000}'..='\u{F8FF}'))
}

/// An address of this machine: `check` says in its own words that the site is not public.
fn is_here(url: &str) -> bool {
    ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|here| url.starts_with(here))
}

/// What stands after the mark or space that something begins with.
fn unquoted(text: &str) -> &str {
    text.trim_start().trim_start_matches(['\'', '"'])
}

/// What a mailbox shows beside the subject: the first words of the HTML, without the filler after them.
pub fn snippet(html: &str) -> String {
    let words = resolved(&visible(html));
    let words = words.split('\u{034F}').next().unwrap_or_default();
    shorten(&words.split_whitespace().collect::<Vec<_>>().join(" "), SNIPPET_CHARACTERS_MAX)
}

/// The text of a letter's HTML; what stands in styles and the title is none.
fn visible(html: &str) -> String {
    let words = tokens(html).map(|token| match token {
        Token::Text(span) => &html[span],
        Token::Tag(tag) if INLINE.iter().any(|name| tag.name.eq_ignore_ascii_case(name)) => "",
        Token::Tag(_) => " ",
    });
    words.collect()
}

fn placeholder(words: &str) -> Option<&str> {
    words.split('{').skip(1).find_map(|after| {
        let name = after.split('}').next().filter(|name| name.len() < after.len())?;
        FILLED.contains(&name).then_some(name)
    })
}

fn shown(url: &str) -> String {
    format!("`{}`", shorten(url, SHOWN_CHARACTERS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAVE: &str = "https://far-bank.example/unsubscribe/x";

    fn said(subject: &str, text: &str, html: &str) -> Vec<String> {
        let contents = Contents {
            subject: subject.into(),
            text: format!("{text} {LEAVE}"),
            html: format!("{html}<a href=\"{LEAVE}\">leave</a>"),
            unsubscribe_url: LEAVE.into(),
        };
        lint(LetterKind::Digest, &contents).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn an_ordinary_letter_has_no_fault() {
        let html = "<p dir=\"rtl\">می‌رود</p><img src=\"https://x.example/a.png\" alt=\"A boat\">";
        assert_eq!(said("آب زیر خاک 🌊", "می‌رود", html), [""; 0]);
    }

    #[test]
    fn each_fault_is_named() {
        for (subject, text, html, wanted) in [
            ("", "x", "x", "the subject is empty"),
            (&"word ".repeat(30), "x", "x", "mailboxes show about 60"),
            ("نامهٔ کرانه", "x", "x", "hamza"),
            ("a\u{200B}b", "x", "x", "U+200B"),
            ("READ THIS NOW", "x", "x", "that can be a capital is one"),
            ("BBC و رادیوی خانه", "x", "x", "that can be a capital is one"),
            ("Now!!", "x", "x", "shouts"),
            ("{first} and more", "x", "x", "`{first}` stands in the subject"),
            ("s", "x", "<p>{name}</p>", "stands in the html"),
            ("s", "x", &"long ".repeat(20_000), "Gmail cuts it off"),
            ("s", "x", "<a href=\"/about\">x</a>", "leads nowhere"),
            ("s", "x", "<a href=\"javascript:x\">x</a>", "leads nowhere"),
            ("s", "x", "<a href=\"https://x.example/\">x</a>", "the plain part lacks"),
            ("s", "x", "<img src=\"https://x.example/a.png\">", "has no words"),
            ("s", "x", "<img src=\"http://x.example/a.png\" alt=\"A\">", "not fetched over https"),
            ("s", "x", "<form action=\"x\"></form>", "`<form>` is removed"),
            ("s", "x", "<p onclick=\"x\">", "`onclick` is removed"),
            ("s", "x", "<img src=\"https://x.example/a\" width=\"1\" height=\"1\" alt=\"A\">", "nobody sees"),
            ("s", "x", "<style>p { background: url('https://x.example/a') }</style>", "a style fetches"),
            (
                "s",
                "x",
                "<style>@import \"https://x.example/a.css\";</style>",
                "a style fetches `https://x.example/a.css`",
            ),
            ("s", "x", "<td style=\"background: url(https://x.example/a)\">", "a style fetches"),
        ] {
            let said = said(subject, text, html);
            assert!(said.iter().any(|said| said.contains(wanted)), "{wanted}: {said:?}");
        }
    }

    #[test]
    fn a_mailbox_shows_the_first_words_without_their_filler() {
        let html = "<head><title>T</title><style>p {}</style></head><div>می\u{200C}رود &amp; <b>more</b>&#847;&zwnj;&nbsp;&#847;</div><h1>Name</h1>";
        assert_eq!(snippet(html), "می\u{200C}رود & more");
        assert_eq!(snippet("<h1>Name</h1><p>W<b>or</b>ds</p>"), "Name Words");
    }

    #[test]
    fn a_letter_that_nobody_can_leave_is_an_error() {
        let contents = Contents {
            subject: "s".into(),
            text: "x".into(),
            html: "x".into(),
            unsubscribe_url: LEAVE.into(),
        };
        let errors = |kind| {
            let findings = lint(kind, &contents);
            findings.iter().filter(|finding| finding.severity == Severity::Error).count()
        };
        assert_eq!((errors(LetterKind::Single), errors(LetterKind::Goodbye)), (2, 0));
    }
}
