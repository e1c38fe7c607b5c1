//! One letter as a group of readers gets it: its words put together, and rendered once.

use std::sync::Arc;

use super::{ComposeError, Desk, pictures::Pictures};
use crate::{
    article::{Article, ArticleId, excerpt, markup, plain},
    diagnostic::{Severity, count},
    language::{Direction, Language, runs_right_to_left, starts_left_to_right},
    message::lint::{self, Finding, bytes_sent},
    newsletter::variant::{LetterKind, Variant},
    newsroom::TextAway,
    template::{
        Letter,
        context::{AlsoArticle, AlsoContext, Card, LetterContext, LetterHead, ReaderSlots},
    },
    text::{escape_html, shorten},
};

/// HTML of a letter, in bytes: what mailboxes cut off is the link for leaving. What differs by reader needs the rest.
const HTML_BYTES_MAX: usize = lint::HTML_BYTES_MAX - 1_000;

/// Of a title in a letter; nobody reads a longer one.
const TITLE_CHARACTERS_MAX: usize = 500;
/// Of a title in a subject; more is cut by every mailbox.
const SUBJECT_TITLE_CHARACTERS_MAX: usize = 160;
/// Of an article's summary in a digest.
const SUMMARY_CHARACTERS_MAX: usize = 1_200;
/// How often a piece that is too long is made shorter before its summary must do.
const SHORTENED_MAX: usize = 6;

/// What a letter is made of.
#[derive(Debug, Clone, Copy)]
pub struct Content<'c> {
    /// The language of its own words.
    pub language: &'c Language,
    /// Newest first.
    pub articles: &'c [ArticleId],
    /// Pieces in other languages to point to.
    pub also: &'c [ArticleId],
    /// Chosen articles, sent by themselves.
    pub special: bool,
}

/// A rendered letter.
#[derive(Debug)]
pub struct Rendered {
    /// As it is kept.
    pub variant: Variant,
    /// What was done because it would have been too long.
    pub cut: Option<Cut>,
}

/// A letter that would have been longer than mailboxes show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of its HTML, had it been whole.
    pub bytes: usize,
    /// The title of the article that has the most of them.
    pub biggest: String,
    /// The article's file.
    pub path: String,
    /// Articles that are not in it.
    pub left_out: usize,
}

impl Cut {
    /// What the author is told.
    pub fn finding(&self) -> Finding {
        let Self { bytes, biggest, path, left_out } = self;
        let kilobytes = bytes / 1000;
        let done = match left_out {
            0 => "it ends early, with a link to the rest on the site".to_string(),
            _ => format!("{} left out, with a link to the site", count(*left_out, "article")),
        };
        Finding {
            severity: Severity::Warning,
            message: format!(
                "the whole letter would have {kilobytes} kB of HTML, and Gmail shows 102: {done}"
            ),
            hint: format!(
                "most of it is “{biggest}” (articles/{path}); a shorter text, or fewer pictures and styles"
            ),
        }
    }
}

/// Renders the letter that brings these articles: one in full, several with their summaries.
pub fn render(desk: &Desk<'_>, content: Content<'_>) -> Result<Rendered, ComposeError> {
    let found = content.articles.iter().filter_map(|id| desk.article(*id));
    let found: Vec<&Arc<Article>> = found.collect();
    let kind = if found.len() == 1 { LetterKind::Single } else { LetterKind::Digest };
    let cards: Vec<Card> = found.iter().map(|article| card(desk, article, kind)).collect::<Result<_, _>>()?;
    let press = Press { desk, content, kind };
    let whole = press.letter(cards.clone(), 0)?;
    if bytes_sent(&whole.html) <= HTML_BYTES_MAX {
        return Ok(Rendered { variant: press.variant(whole), cut: None });
    }
    let size = |card: &Card| card.body_html.as_ref().map_or(card.summary.len(), String::len);
    let biggest = (0..cards.len()).max_by_key(|index| size(&cards[*index])).unwrap_or_default();
    let (letter, left_out) = match kind {
        LetterKind::Single => (press.shortened(cards.clone(), bytes_sent(&whole.html))?, 0),
        _ => press.fitting(&cards)?,
    };
    let cut = Cut {
        bytes: bytes_sent(&whole.html),
        biggest: cards.get(biggest).map(|card| card.title.clone()).unwrap_or_default(),
        path: found.get(biggest).map(|article| article.manuscript.path.clone()).unwrap_or_default(),
        left_out,
    };
    Ok(Rendered { variant: press.variant(letter), cut: Some(cut) })
}

/// Renders a letter about a subscription: confirm, welcome or goodbye.
pub fn render_notice(
    desk: &Desk<'_>,
    kind: LetterKind,
    language: &Language,
    cadence: Option<&str>,
) -> Result<Variant, ComposeError> {
    let press = Press { desk, content: Content { language, articles: &[], also: &[], special: false }, kind };
    let mut context = press.context(Vec::new(), 0);
    let words = &desk.settings.templates;
    context.cadence = cadence.map(|name| words.string(language, &format!("cadence.{name}")).to_string());
    let letter = words.letter(kind, language, context)?;
    Ok(press.variant(letter))
}

/// Everything that a letter is made with.
struct Press<'p> {
    desk: &'p Desk<'p>,
    content: Content<'p>,
    kind: LetterKind,
}

impl Press<'_> {
    fn letter(&self, cards: Vec<Card>, left_out: usize) -> Result<Letter, ComposeError> {
        let context = self.context(cards, left_out);
        Ok(self.desk.settings.templates.letter(self.kind, self.content.language, context)?)
    }

    /// As many articles as there is room for, the newest first, and how many there is none for.
    fn fitting(&self, cards: &[Card]) -> Result<(Letter, usize), ComposeError> {
        let (mut most, mut too_many) = (0, cards.len());
        let mut best = self.letter(Vec::new(), cards.len())?;
        while too_many - most > 1 {
            let count = usize::midpoint(most, too_many);
            let letter = self.letter(cards[..count].to_vec(), cards.len() - count)?;
            if bytes_sent(&letter.html) <= HTML_BYTES_MAX {
                (most, best) = (count, letter);
            } else {
                too_many = count;
            }
        }
        Ok((best, cards.len() - most))
    }

    /// The beginning of the one article, as much as there is room for.
    fn shortened(&self, mut cards: Vec<Card>, whole: usize) -> Result<Letter, ComposeError> {
        let full = cards[0].body_html.take().unwrap_or_default();
        let (mut room, mut bytes) = (full.len(), whole);
        for _ in 0..SHORTENED_MAX {
            // Styles make it longer in proportion, so it shrinks in proportion; a little more is sure.
            room = room * HTML_BYTES_MAX / bytes.max(1) * 19 / 20;
            let beginning = excerpt::beginning(&full, room);
            cards[0].text_body =
                Some(plain::letter_text(&beginning, &cards[0].url)).filter(|text| !text.is_empty());
            cards[0].body_html = Some(beginning).filter(|html| !html.is_empty());
            cards[0].shortened = true;
            let letter = self.letter(cards.clone(), 0)?;
            bytes = bytes_sent(&letter.html);
            if bytes <= HTML_BYTES_MAX {
                return Ok(letter);
            }
        }
        (cards[0].body_html, cards[0].text_body) = (None, None);
        self.letter(cards, 0)
    }

    fn context(&self, cards: Vec<Card>, left_out: usize) -> LetterContext<'_> {
        let Desk { settings, newsletter, now, .. } = self.desk;
        let language = self.content.language;
        let first = cards.first();
        let site = &settings.config.site;
        let letter = LetterHead {
            subject: String::new(),
            preheader: first
                .map(|card| shorten(&card.summary, lint::SNIPPET_CHARACTERS_MAX))
                .unwrap_or_default(),
            date: language.date(&now.with_timezone(&newsletter.zone)),
            special: self.content.special,
            count: cards.len() + left_out,
            more: language.number((cards.len() + left_out).saturating_sub(1)),
            first: first
                .map(|card| first_title(&card.title, language, cards.len() + left_out > 1))
                .unwrap_or_default(),
            left_out,
            site_url: site.home(language).to_string(),
        };
        LetterContext {
            site: settings.site_context(language),
            newsletter: settings.newsletter_context(newsletter, language),
            language: language.clone(),
            direction: language.direction(),
            t: settings.templates.strings(language),
            letter,
            article: cards.first().cloned(),
            articles: cards,
            also: self.also(),
            cadence: None,
            subscribe_url: site.subscribe_page(language).into(),
            reader: ReaderSlots::of(self.kind),
        }
    }

    /// Pieces in other languages, a block for each.
    fn also(&self) -> Vec<AlsoContext> {
        let Desk { settings, newsletter, .. } = self.desk;
        let site = &settings.config.site.url;
        let others = self.content.also.iter().filter_map(|id| self.desk.article(*id));
        let others: Vec<&Arc<Article>> = others.collect();
        let block = |language: &Language| {
            let mine = others.iter().filter(|article| article.manuscript.language == *language);
            let articles: Vec<AlsoArticle> = mine
                .map(|article| AlsoArticle {
                    title: article.manuscript.title.clone(),
                    url: crate::feed::page_of(article, site).to_string(),
                    language: language.clone(),
                    direction: language.direction(),
                })
                .collect();
            let words = settings.templates.string(self.content.language, "letter.also");
            let name =
                settings.templates.string(self.content.language, &format!("language.{}", language.primary()));
            let name = if name.is_empty() { language.own_name() } else { name };
            (!articles.is_empty()).then(|| AlsoContext {
                language: language.clone(),
                direction: language.direction(),
                language_name: name.to_string(),
                title: words.replace("{language}", name),
                articles,
            })
        };
        newsletter.languages.iter().filter_map(block).collect()
    }

    fn variant(&self, letter: Letter) -> Variant {
        let (templates, language) = (&self.desk.settings.templates, self.content.language);
        Variant {
            kind: self.kind,
            language: language.clone(),
            subject: letter.subject,
            text: letter.text,
            html: letter.html,
            greeting: templates.string(language, "letter.greeting").to_string(),
            greeting_nameless: templates.string(language, "letter.greeting_nameless").to_string(),
        }
    }
}

/// The title of the first article. If the subject goes on after it, and it runs the other way, it is kept apart: else the
/// numbers behind it would jump into it.
fn first_title(title: &str, language: &Language, goes_on: bool) -> String {
    let title = shorten(title, SUBJECT_TITLE_CHARACTERS_MAX);
    let is_foreign = match language.direction() {
        Direction::LeftToRight => title.chars().any(runs_right_to_left),
        Direction::RightToLeft => starts_left_to_right(&title),
    };
    if goes_on && is_foreign { format!("\u{2068}{title}\u{2069}") } else { title }
}

/// An article alone in its letter is there in full.
fn card(desk: &Desk<'_>, article: &Article, kind: LetterKind) -> Result<Card, TextAway> {
    let mut card = desk.settings.card(article);
    card.title = shorten(&card.title, TITLE_CHARACTERS_MAX);
    card.summary = shorten(&card.summary, SUMMARY_CHARACTERS_MAX);
    let pictures = Pictures::new(&desk.settings.config.site.url, desk.media);
    if let Some(image) = &mut card.image {
        let size = pictures.size(&image.url);
        (image.width, image.height) = (size.map(|(width, _)| width), size.map(|(_, height)| height));
    }
    if kind == LetterKind::Single {
        let html = &*desk.texts.of(&article.manuscript, &desk.settings.config.desk())?;
        // A picture that the text shows is not shown twice.
        card.image = card.image.filter(|image| !html.contains(&escape_html(&image.url)));
        card.text_body = Some(plain::letter_text(html, &card.url));
        card.body_html = Some(markup::direct(&pictures.sized(html), card.direction));
    }
    Ok(card)
}
