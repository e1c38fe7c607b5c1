//! How an article and the site are shown in pages and letters alike.

use chrono::SecondsFormat;

use super::Settings;
use crate::{
    article::{Article, identity::tag_slug},
    feed::page_of,
    language::Language,
    newsletter::Newsletter,
    template::context::{AttributionContext, Card, ImageContext, NewsletterContext, SiteContext, TopicLink},
};

/// The class of the attribution line; in pages and letters only.
const WRITTEN_FOR: &str = "written-for";

impl Settings {
    /// An article in a list, in its own language.
    pub fn card(&self, article: &Article) -> Card {
        let config = &self.config;
        let manuscript = &article.manuscript;
        let language = &manuscript.language;
        let published = article.published();
        let attributions = manuscript
            .credits()
            .into_iter()
            .map(|credit| AttributionContext { html: credit.html(Some(WRITTEN_FOR)), text: credit.line() });
        Card {
            title: manuscript.title.clone(),
            url: page_of(article, &config.site.url).to_string(),
            language: language.clone(),
            direction: language.direction(),
            date: language.date(&published.with_timezone(&config.site.zone)),
            datetime: published.to_rfc3339_opts(SecondsFormat::Secs, true),
            summary: manuscript.summary.clone(),
            attributions: attributions.collect(),
            tags: manuscript.tags.iter().map(|tag| self.topic(tag)).collect(),
            image: manuscript.image.as_ref().map(|image| ImageContext {
                url: image.src.clone(),
                alt: image.alt.clone(),
                width: None,
                height: None,
            }),
            body_html: None,
            text_body: None,
            shortened: false,
        }
    }

    /// A tag, and the page with all that bear it.
    fn topic(&self, tag: &str) -> TopicLink {
        let url =
            tag_slug(tag).and_then(|slug| self.config.site.url.join(&format!("tags/{}", slug.path())).ok());
        TopicLink { name: tag.to_string(), url: url.map(String::from), count: String::new() }
    }

    /// The site, in a language.
    pub fn site_context(&self, language: &Language) -> SiteContext {
        let site = &self.config.site;
        SiteContext {
            title: site.title.for_readers_of(language).to_string(),
            description: site.description.for_readers_of(language).to_string(),
            author: site.author.for_readers_of(language).to_string(),
            url: site.url.to_string(),
            postal_address: self.config.mail.postal_address.clone(),
            timezone: site.zone.name().to_string(),
        }
    }

    /// A newsletter, in a language.
    pub fn newsletter_context(&self, newsletter: &Newsletter, language: &Language) -> NewsletterContext {
        let description = newsletter.description.as_ref();
        NewsletterContext {
            name: newsletter.name.for_readers_of(language).to_string(),
            description: description.map(|words| words.for_readers_of(language).to_string()),
            language: language.clone(),
            direction: language.direction(),
        }
    }
}
