//! A sample of everything, for trying templates out.

use serde::Serialize;
use serde_json::Value;

use super::{
    AlsoArticle, AlsoContext, AttributionContext, CadenceContext, Card, FeedLink, FullArticle, ImageContext,
    LanguageLink, LetterContext, LetterHead, Moment, NewsletterContext, NewsletterOffer, PageContext,
    PageHead, ReaderSlots, SiteContext, TopicLink, TranslationLink,
};
use crate::language::Language;

#[derive(Serialize)]
struct EveryRest {
    articles: Vec<Card>,
    article: FullArticle,
    newsletter: NewsletterContext,
    action: String,
    kind: &'static str,
    older: Option<String>,
    newer: Option<String>,
    feed: FeedLink,
    home: String,
    newsletters: Vec<NewsletterOffer>,
    topics: Vec<TopicLink>,
}

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
        tags: vec![sample_topic()],
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

fn sample_topic() -> TopicLink {
    TopicLink { name: "One".into(), url: Some("https://example.org/tags/one/".into()), count: "1".into() }
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

/// A page with everything that any page can have.
pub fn page<'c>(language: &Language, t: &'c Value) -> PageContext<'c, impl Serialize + use<>> {
    let some = || Some("https://example.org/".to_string());
    PageContext {
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
        rest: EveryRest {
            articles: vec![sample_card(language)],
            article: FullArticle {
                card: sample_card(language),
                author: "Writer".into(),
                updated: Some(Moment {
                    date: "2 January 2026".into(),
                    datetime: "2026-01-02T00:00:00Z".into(),
                }),
                translation: Some(TranslationLink {
                    title: "Other".into(),
                    url: "https://example.org/other/".into(),
                    language: language.clone(),
                    direction: language.direction(),
                    language_name: "Other".into(),
                }),
                originals: vec!["https://example.org/original".into()],
            },
            newsletter: sample_newsletter(language),
            action: "/unsubscribe/x".into(),
            kind: "front",
            older: some(),
            newer: some(),
            feed: sample_feed(),
            home: "https://example.org/".into(),
            newsletters: vec![NewsletterOffer {
                newsletter: sample_newsletter(language),
                cadences: vec![CadenceContext { name: "weekly".into() }],
            }],
            topics: vec![sample_topic()],
        },
    }
}

/// How much a sample has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// Everything.
    Rich,
    /// Only what is always there.
    Bare,
}

/// A letter with `articles` articles.
pub fn letter<'c>(language: &Language, t: &'c Value, articles: usize, sample: Sample) -> LetterContext<'c> {
    match sample {
        Sample::Rich => rich(language, t, articles),
        Sample::Bare => bare(rich(language, t, articles)),
    }
}

/// The same with nothing that may be missing, so that every `else` is tried too.
fn bare(mut letter: LetterContext<'_>) -> LetterContext<'_> {
    let strip = |card: &mut Card| {
        card.attributions.clear();
        card.tags.clear();
        (card.image, card.body_html, card.text_body) = (None, None, None);
        card.shortened = false;
        card.summary.clear();
    };
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
            more: "2".into(),
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
        reader: ReaderSlots::default(),
    }
}
