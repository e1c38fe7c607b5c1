//! What pages see.

use serde::Serialize;
use serde_json::Value;

use super::{Card, FeedLink, NewsletterContext, SiteContext};
use crate::language::{Direction, Language};

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
