//! All that a template can see. Nothing of the config, the store or the machine is in here but what
//! is named.

use serde::Serialize;
use serde_json::Value;

use crate::language::{Direction, Language};

/// What differs by reader stands in a rendered letter as one private-use character, filled in when it
/// is sent: a letter is rendered once for a group, never once a reader.
pub mod slot {
    /// "Dear Mina,".
    pub const GREETING: char = '\u{E003}';
    /// "Mina".
    pub const NAME: char = '\u{E004}';
    /// "mina@example.org".
    pub const EMAIL: char = '\u{E005}';
    /// Where the reader leaves.
    pub const UNSUBSCRIBE_URL: char = '\u{E006}';
}

/// What every page sees, and `rest`, which is its own.
#[derive(Debug, Clone, Serialize)]
pub struct PageContext<'c, R> {
    /// The site.
    pub site: SiteContext,
    /// The page's language.
    pub language: Language,
    /// The page's direction.
    pub direction: Direction,
    /// The words of the language.
    pub t: &'c Value,
    /// The front pages, if there is more than one language.
    pub languages: Vec<LanguageLink>,
    /// The feeds of the site, this page's language first.
    pub feeds: Vec<FeedLink>,
    /// The front page in its language.
    pub home_url: String,
    /// The page that says how to get feeds and letters.
    pub subscribe_url: String,
    /// The page itself.
    pub page: PageHead,
    /// What this kind of page shows.
    #[serde(flatten)]
    pub rest: R,
}

/// The site, in one language.
#[derive(Debug, Clone, Serialize)]
pub struct SiteContext {
    /// Its name.
    pub title: String,
    /// One sentence.
    pub description: String,
    /// Who writes.
    pub author: String,
    /// The front page.
    pub url: String,
    /// For letters.
    pub postal_address: Option<String>,
}

/// A front page in one language.
#[derive(Debug, Clone, Serialize)]
pub struct LanguageLink {
    /// `fa`
    pub code: Language,
    /// `فارسی`
    pub name: String,
    /// Its address.
    pub url: String,
    /// Whether this page is in it.
    pub current: bool,
}

/// One feed in its three formats.
#[derive(Debug, Clone, Serialize)]
pub struct FeedLink {
    /// Its name.
    pub title: String,
    /// Address of the RSS.
    pub rss: String,
    /// Address of the Atom.
    pub atom: String,
    /// Address of the JSON.
    pub json: String,
}

/// What stands in a page's head.
#[derive(Debug, Clone, Serialize)]
pub struct PageHead {
    /// Its title.
    pub title: String,
    /// For search engines and previews.
    pub description: String,
    /// Its address.
    pub url: String,
    /// The page that search engines should show instead.
    pub canonical: Option<String>,
    /// What search engines may do.
    pub robots: Option<String>,
    /// Structured data, safe inside `<script>`.
    pub json_ld: Option<String>,
    /// `website` or `article`.
    pub kind: &'static str,
    /// `en_GB`
    pub locale: String,
    /// Address of its picture.
    pub image: Option<String>,
    /// When it was published.
    pub published: Option<String>,
    /// When it was last changed.
    pub modified: Option<String>,
}

/// A list of articles.
#[derive(Debug, Clone, Serialize)]
pub struct ListRest {
    /// `front`, `topic` or `outlet`.
    pub kind: &'static str,
    /// Newest first.
    pub articles: Vec<Card>,
    /// The page with the articles before these.
    pub older: Option<String>,
    /// The page with the articles after these.
    pub newer: Option<String>,
}

/// What a person sees who opens a feed in a browser.
#[derive(Debug, Clone, Serialize)]
pub struct FeedRest {
    /// The feed.
    pub feed: FeedLink,
    /// The page that it is the feed of.
    pub home: String,
    /// Newest first.
    pub articles: Vec<Card>,
}

/// How to get feeds and letters.
#[derive(Debug, Clone, Serialize)]
pub struct SubscribeRest {
    /// What comes by mail.
    pub newsletters: Vec<NewsletterOffer>,
}

/// A newsletter that one can have.
#[derive(Debug, Clone, Serialize)]
pub struct NewsletterOffer {
    /// The newsletter.
    #[serde(flatten)]
    pub newsletter: NewsletterContext,
    /// The rhythms one can choose.
    pub cadences: Vec<CadenceContext>,
}

/// A rhythm.
#[derive(Debug, Clone, Serialize)]
pub struct CadenceContext {
    /// In the page's language.
    pub name: String,
}

/// Every tag, or every outlet.
#[derive(Debug, Clone, Serialize)]
pub struct TopicsRest {
    /// By name.
    pub topics: Vec<TopicLink>,
}

/// A tag or an outlet.
#[derive(Debug, Clone, Serialize)]
pub struct TopicLink {
    /// Its name.
    pub name: String,
    /// Its page, if it has one.
    pub url: Option<String>,
    /// How many articles, in the page's digits; empty where nobody counts.
    pub count: String,
}

/// An article's page.
#[derive(Debug, Clone, Serialize)]
pub struct ArticleRest {
    /// The piece.
    pub article: FullArticle,
}

/// The pages for leaving a newsletter. They never show whose link it was.
#[derive(Debug, Clone, Serialize)]
pub struct LeavingRest {
    /// Which one.
    pub newsletter: NewsletterContext,
    /// Where the button posts to.
    pub action: String,
}

/// A page with nothing of its own.
#[derive(Debug, Clone, Serialize)]
pub struct NothingMore {}

/// A newsletter, in one language.
#[derive(Debug, Clone, Serialize)]
pub struct NewsletterContext {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub description: Option<String>,
    /// Its language.
    pub language: Language,
    /// Its direction.
    pub direction: Direction,
}

/// An article in a list.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
    /// Its title.
    pub title: String,
    /// Its page.
    pub url: String,
    /// Its language.
    pub language: Language,
    /// Its direction.
    pub direction: Direction,
    /// When it was published, for people.
    pub date: String,
    /// The same for machines.
    pub datetime: String,
    /// Without the attribution.
    pub summary: String,
    /// For whom it was written.
    pub attributions: Vec<AttributionContext>,
    /// In the author's order.
    pub tags: Vec<TopicLink>,
    /// Its picture.
    pub image: Option<ImageContext>,
    /// In a letter with one article: all of it, as HTML.
    pub body_html: Option<String>,
    /// In a letter with one article: all of it, as text.
    pub text_body: Option<String>,
}

/// One attribution.
#[derive(Debug, Clone, Serialize)]
pub struct AttributionContext {
    /// A whole paragraph.
    pub html: String,
    /// "Written for BBC Online: https://…"
    pub text: String,
}

/// A picture.
#[derive(Debug, Clone, Serialize)]
pub struct ImageContext {
    /// Its address.
    pub url: String,
    /// What it shows.
    pub alt: String,
}

/// An article with its text.
#[derive(Debug, Clone, Serialize)]
pub struct FullArticle {
    /// What a list shows of it.
    #[serde(flatten)]
    pub card: Card,
    /// Who wrote it.
    pub author: String,
    /// When it was last changed.
    pub updated: Option<Moment>,
    /// The same piece in another language.
    pub translation: Option<TranslationLink>,
    /// The outlets' own pages of it.
    pub originals: Vec<String>,
}

/// A moment for people and machines.
#[derive(Debug, Clone, Serialize)]
pub struct Moment {
    /// For people.
    pub date: String,
    /// For machines.
    pub datetime: String,
}

/// The same piece in another language.
#[derive(Debug, Clone, Serialize)]
pub struct TranslationLink {
    /// Its title.
    pub title: String,
    /// Its page.
    pub url: String,
    /// Its language.
    pub language: Language,
    /// Its direction.
    pub direction: Direction,
    /// The language's own name.
    pub language_name: String,
}

/// What a letter sees.
#[derive(Debug, Clone, Serialize)]
pub struct LetterContext<'c> {
    /// The site.
    pub site: SiteContext,
    /// The newsletter.
    pub newsletter: NewsletterContext,
    /// The letter's language.
    pub language: Language,
    /// The letter's direction.
    pub direction: Direction,
    /// The words of the language.
    pub t: &'c Value,
    /// The letter itself.
    pub letter: LetterHead,
    /// Newest first.
    pub articles: Vec<Card>,
    /// The reader: marks, filled in when it is sent.
    pub reader: ReaderSlots,
}

/// A letter's own facts.
#[derive(Debug, Clone, Serialize)]
pub struct LetterHead {
    /// What `subject.hbs` made; empty while that is being rendered.
    pub subject: String,
    /// What a mailbox shows beside the subject.
    pub preheader: String,
    /// The day it was made, for people.
    pub date: String,
    /// Chosen articles, sent by themselves.
    pub special: bool,
    /// How many articles.
    pub count: usize,
    /// How many besides the first, in the language's digits.
    pub more: String,
    /// The title of the first.
    pub first: String,
}

/// The marks of `slot`, each by its name.
#[derive(Debug, Clone, Serialize)]
pub struct ReaderSlots {
    greeting: char,
    name: char,
    email: char,
    unsubscribe_url: char,
}

impl Default for ReaderSlots {
    fn default() -> Self {
        Self {
            greeting: slot::GREETING,
            name: slot::NAME,
            email: slot::EMAIL,
            unsubscribe_url: slot::UNSUBSCRIBE_URL,
        }
    }
}

/// Every name that a template can use, for a hint.
pub fn names() -> Vec<&'static str> {
    vec![
        "action",
        "alt",
        "article",
        "articles",
        "atom",
        "attributions",
        "author",
        "body_html",
        "cadences",
        "canonical",
        "code",
        "count",
        "current",
        "date",
        "datetime",
        "description",
        "direction",
        "email",
        "feed",
        "feeds",
        "first",
        "greeting",
        "home",
        "home_url",
        "html",
        "image",
        "json",
        "json_ld",
        "kind",
        "language",
        "language_name",
        "languages",
        "letter",
        "locale",
        "modified",
        "more",
        "name",
        "newer",
        "newsletter",
        "newsletters",
        "older",
        "originals",
        "page",
        "postal_address",
        "preheader",
        "published",
        "reader",
        "robots",
        "rss",
        "site",
        "special",
        "subject",
        "subscribe_url",
        "summary",
        "t",
        "tags",
        "text",
        "text_body",
        "title",
        "topics",
        "translation",
        "unsubscribe_url",
        "updated",
        "url",
    ]
}

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
        image: Some(ImageContext { url: "https://example.org/a.png".into(), alt: "A".into() }),
        body_html: Some("<p>Text</p>".into()),
        text_body: Some("Text".into()),
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
pub(super) fn sample_page<'c>(language: &Language, t: &'c Value) -> PageContext<'c, impl Serialize + use<>> {
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

/// A letter with `articles` articles.
pub(super) fn sample_letter<'c>(language: &Language, t: &'c Value, articles: usize) -> LetterContext<'c> {
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
        },
        articles: vec![sample_card(language); articles],
        reader: ReaderSlots::default(),
    }
}
