//! A sample of everything, for trying templates out.

use serde::Serialize;
use serde_json::Value;

use super::{
    super::Page, AlsoArticle, AlsoContext, ArticleRest, AttributionContext, CadenceContext, Card, FeedLink,
    FeedRest, FullArticle, ImageContext, LanguageLink, LeavingRest, LetterContext, LetterHead, ListRest,
    Moment, NewsletterContext, NewsletterOffer, NothingMore, PageContext, PageHead, ReaderSlots, SiteContext,
    SubscribeRest, TopicLink, TopicsRest, TranslationLink,
};
use crate::{language::Language, newsletter::variant::LetterKind};

fn sample_card(language: &Language) -> Card {
    Card {
        title: "A <sample> & its “title”".into(),
        url: "https://example.org/sample/".into(),
        language: language.clone(),
        direction: language.direction(),
        date: "1 January 2026".into(),
        datetime: "2026-01-01T00:00:00Z".into(),
        summary: "A summary.".into(),
        attributions: vec![AttributionContext {
            html: "<p>Written for X.</p>".into(),
            text: "Written for X.".into(),
        }],
        tags: vec![TopicLink { count: String::new(), ..sample_topic(language) }],
        image: Some(ImageContext {
            url: "https://example.org/a.png".into(),
            alt: "A".into(),
            width: Some(640),
            height: Some(360),
        }),
        body_html: Some("<p>Text</p>".into()),
        text_body: Some("Text".into()),
        shortened: true,
    }
}

fn sample_topic(language: &Language) -> TopicLink {
    let url = Some("https://example.org/tags/one/".into());
    TopicLink { name: "One".into(), url, count: language.number(1) }
}

fn sample_feed() -> FeedLink {
    FeedLink {
        title: "Feed".into(),
        rss: "https://example.org/feed.rss".into(),
        atom: "https://example.org/feed.atom".into(),
        json: "https://example.org/feed.json".into(),
    }
}

fn sample_site() -> SiteContext {
    SiteContext {
        title: "A site".into(),
        description: "Of samples".into(),
        author: "Writer".into(),
        url: "https://example.org/".into(),
        postal_address: Some("1 Street".into()),
        timezone: "Europe/London".into(),
    }
}

fn sample_newsletter(language: &Language) -> NewsletterContext {
    NewsletterContext {
        name: "A newsletter".into(),
        description: Some("Of samples".into()),
        language: language.clone(),
        direction: language.direction(),
    }
}

/// What a page is given.
pub fn page(page: Page, language: &Language, t: &Value, sample: Sample) -> Value {
    let some = || Some("https://example.org/".to_string());
    let cards = vec![sample_card(language)];
    let is_rich = sample == Sample::Rich;
    match page {
        Page::List => {
            let mut list = ListRest { kind: "front", articles: cards, older: some(), newer: some() };
            if !is_rich {
                list.articles.iter_mut().for_each(strip);
                (list.kind, list.older, list.newer) = ("topic", None, None);
            }
            with(language, t, sample, list)
        }
        Page::Article => {
            let mut article = sample_full_article(language);
            if !is_rich {
                // A page shows all of its article.
                let text = article.card.body_html.take();
                strip(&mut article.card);
                article.card.body_html = text;
                (article.updated, article.translation) = (None, None);
                article.originals.clear();
            }
            with(language, t, sample, ArticleRest { article })
        }
        Page::Feed => {
            let articles = if is_rich { cards } else { Vec::new() };
            let rest = FeedRest { feed: sample_feed(), home: "https://example.org/".into(), articles };
            with(language, t, sample, rest)
        }
        Page::Subscribe => {
            let offer = NewsletterOffer {
                newsletter: sample_newsletter(language),
                cadences: vec![CadenceContext { name: "weekly".into() }],
            };
            with(language, t, sample, SubscribeRest { newsletters: only_if(is_rich, offer) })
        }
        Page::Topics => {
            with(language, t, sample, TopicsRest { topics: only_if(is_rich, sample_topic(language)) })
        }
        Page::Unsubscribe | Page::Unsubscribed => {
            let newsletter = sample_newsletter(language);
            with(language, t, sample, LeavingRest { newsletter, action: "/unsubscribe/x".into() })
        }
        Page::Missing | Page::Gone => with(language, t, sample, NothingMore {}),
    }
}

fn only_if<T>(is: bool, one: T) -> Vec<T> {
    if is { vec![one] } else { Vec::new() }
}

fn sample_full_article(language: &Language) -> FullArticle {
    FullArticle {
        card: sample_card(language),
        author: "Writer".into(),
        updated: Some(Moment { date: "2 January 2026".into(), datetime: "2026-01-02T00:00:00Z".into() }),
        translation: Some(TranslationLink {
            title: "Other".into(),
            url: "https://example.org/other/".into(),
            language: language.clone(),
            direction: language.direction(),
            language_name: "Other".into(),
        }),
        originals: vec!["https://example.org/original".into()],
    }
}

/// What every page is given, and its own.
fn with(language: &Language, t: &Value, sample: Sample, rest: impl Serialize) -> Value {
    let some = || Some("https://example.org/".to_string());
    let mut page = PageContext {
        site: sample_site(),
        language: language.clone(),
        direction: language.direction(),
        t,
        languages: vec![LanguageLink {
            code: language.clone(),
            name: "English".into(),
            url: "https://example.org/".into(),
            current: true,
        }],
        feeds: vec![sample_feed()],
        home_url: "https://example.org/".into(),
        subscribe_url: "https://example.org/subscribe/".into(),
        page: PageHead {
            title: "A page".into(),
            description: "Of samples".into(),
            url: "https://example.org/".into(),
            canonical: some(),
            robots: Some("noindex".into()),
            json_ld: Some("{}".into()),
            kind: "article",
            locale: "en_GB".into(),
            image: some(),
            published: Some("2026-01-01T00:00:00Z".into()),
            modified: Some("2026-01-01T00:00:00Z".into()),
        },
        rest,
    };
    if sample == Sample::Bare {
        page.languages.clear();
        page.site.postal_address = None;
        page.site.description.clear();
        let head = &mut page.page;
        head.description.clear();
        (head.canonical, head.robots, head.json_ld) = (None, None, None);
        (head.image, head.published, head.modified) = (None, None, None);
    }
    serde_json::to_value(page).expect("a sample is plain data")
}

/// How much a sample has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// Everything.
    Rich,
    /// Only what is always there.
    Bare,
}

/// What a letter with `articles` articles is given.
pub fn letter<'c>(
    kind: LetterKind,
    language: &Language,
    t: &'c Value,
    articles: usize,
    sample: Sample,
) -> LetterContext<'c> {
    let letter = LetterContext { reader: ReaderSlots::of(kind), ..rich(language, t, articles) };
    match sample {
        Sample::Rich => letter,
        Sample::Bare => bare(letter),
    }
}

/// Takes away what an article may lack.
fn strip(card: &mut Card) {
    card.attributions.clear();
    card.tags.clear();
    (card.image, card.body_html, card.text_body) = (None, None, None);
    card.shortened = false;
    card.summary.clear();
}

/// The same with nothing that may be missing, so that every `else` is tried too.
fn bare(mut letter: LetterContext<'_>) -> LetterContext<'_> {
    letter.articles.iter_mut().chain(letter.article.as_mut()).for_each(strip);
    letter.site.postal_address = None;
    letter.newsletter.description = None;
    (letter.letter.special, letter.letter.left_out) = (false, 0);
    letter.letter.preheader.clear();
    letter.also.clear();
    letter.cadence = None;
    letter
}

fn rich<'c>(language: &Language, t: &'c Value, articles: usize) -> LetterContext<'c> {
    LetterContext {
        site: sample_site(),
        newsletter: sample_newsletter(language),
        language: language.clone(),
        direction: language.direction(),
        t,
        letter: LetterHead {
            subject: "A letter".into(),
            preheader: "Of samples".into(),
            date: "1 January 2026".into(),
            special: true,
            count: articles,
            more: language.number(2),
            first: "A sample".into(),
            left_out: articles,
            site_url: "https://example.org/".into(),
        },
        article: (articles > 0).then(|| sample_card(language)),
        articles: vec![sample_card(language); articles],
        also: vec![AlsoContext {
            language: language.clone(),
            direction: language.direction(),
            language_name: "Other".into(),
            title: "Also in Other".into(),
            articles: vec![AlsoArticle {
                title: "Other".into(),
                url: "https://example.org/other/".into(),
                language: language.clone(),
                direction: language.direction(),
            }],
        }],
        cadence: Some("weekly".into()),
        subscribe_url: "https://example.org/subscribe/".into(),
        reader: ReaderSlots::of(LetterKind::Digest),
    }
}
