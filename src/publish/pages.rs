//! Pages: the index, each article, and what stands where nothing does.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::{HTML, PAGE_MAX_AGE, PublishError, STYLE_MAX_AGE, feed_title, json_ld};
use crate::{
    article::{Article, attribution::SearchEngines},
    feed::page_of,
    language::Language,
    newsroom::Settings,
    site::{Content, Edition, Notices},
    template::{
        Page, TemplateError,
        context::{
            ArticleRest, FeedLink, FullArticle, IndexRest, LanguageLink, Moment, NothingMore, PageContext,
            PageHead, TranslationLink,
        },
    },
};

/// Articles on an index, newest first.
const INDEX_ARTICLES_MAX: usize = 50;

/// Adds every page of what is live.
pub(super) fn add(edition: &mut Edition, live: &[Article], settings: &Settings) -> Result<(), PublishError> {
    let site = &settings.config.site;
    let mut put = |path: String, html: String| {
        let content = Content { bytes: html.into_bytes(), media_type: HTML, max_age: PAGE_MAX_AGE };
        edition.pages.insert(path, content);
    };
    put("/".into(), index(live.iter(), site.language(), "/", settings)?);
    for language in &site.languages {
        let of_language = live.iter().filter(|article| article.manuscript.language == *language);
        let path = format!("/{language}/");
        put(path.clone(), index(of_language, language, &path, settings)?);
    }
    for article in live {
        put(format!("/{}/", article.manuscript.slug), piece(article, live, settings)?);
    }
    let style = settings.templates.style().as_bytes().to_vec();
    let content = Content { bytes: style, media_type: "text/css; charset=utf-8", max_age: STYLE_MAX_AGE };
    edition.pages.insert("/assets/style.css".into(), content);
    for language in &site.languages {
        let notices = Notices {
            missing: notice(Page::Missing, "missing.title", language, settings)?,
            gone: notice(Page::Gone, "gone.title", language, settings)?,
        };
        edition.notices.push((language.clone(), notices));
    }
    Ok(())
}

fn index<'a>(
    articles: impl Iterator<Item = &'a Article>,
    language: &Language,
    path: &str,
    settings: &Settings,
) -> Result<String, TemplateError> {
    let site = &settings.config.site;
    let head = PageHead {
        title: site.title.for_readers_of(language).to_string(),
        description: site.description.for_readers_of(language).to_string(),
        url: absolute(settings, path),
        canonical: Some(absolute(settings, path)),
        ..head(language)
    };
    let articles = articles.take(INDEX_ARTICLES_MAX).map(|article| settings.card(article)).collect();
    let context = page(settings, language, head, IndexRest { articles });
    settings.templates.page(Page::Index, language, &context)
}

fn piece(article: &Article, live: &[Article], settings: &Settings) -> Result<String, TemplateError> {
    let config = &settings.config;
    let manuscript = &article.manuscript;
    let language = &manuscript.language;
    let (published, updated) = (article.published(), article.updated());
    let (canonical, robots) = search_engines(article, settings);
    let head = PageHead {
        title: manuscript.title.clone(),
        description: manuscript.summary.clone(),
        url: page_of(article, &config.site.url).to_string(),
        canonical,
        robots,
        json_ld: Some(json_ld::of(article, config)),
        kind: "article",
        image: manuscript.image.as_ref().map(|image| image.src.clone()),
        published: Some(machine(published)),
        modified: Some(machine(updated)),
        ..head(language)
    };
    let mut card = settings.card(article);
    card.body_html = Some(crate::article::markup::direct(&manuscript.body.html, language.direction()));
    let full = FullArticle {
        card,
        author: manuscript.authors.join(", "),
        updated: (updated > published).then(|| Moment {
            date: language.date(&updated.with_timezone(&config.site.zone)),
            datetime: machine(updated),
        }),
        translation: translation(article, live, settings),
    };
    let context = page(settings, language, head, ArticleRest { article: full });
    settings.templates.page(Page::Article, language, &context)
}

/// The page to show instead of ours, and whether ours may be shown at all, as the outlet has it.
fn search_engines(article: &Article, settings: &Settings) -> (Option<String>, Option<String>) {
    let own = Some(page_of(article, &settings.config.site.url).to_string());
    for attribution in &article.manuscript.attributions {
        match (attribution.outlet.search_engines, &attribution.url) {
            (SearchEngines::NoIndex, _) => return (own, Some("noindex".into())),
            (SearchEngines::Canonical, Some(original)) => return (Some(original.clone()), None),
            _ => {}
        }
    }
    (own, None)
}

/// The same piece in another language, whichever of the two names the other.
fn translation(article: &Article, live: &[Article], settings: &Settings) -> Option<TranslationLink> {
    let named = |by: &Article, other: &Article| {
        by.manuscript.translation.as_deref().is_some_and(|name| {
            let slug = other.manuscript.slug.as_str();
            name == slug || crate::article::identity::Slug::of(name).is_ok_and(|name| name.as_str() == slug)
        })
    };
    let other = live.iter().find(|other| {
        other.manuscript.language != article.manuscript.language
            && (named(article, other) || named(other, article))
    })?;
    let language = &other.manuscript.language;
    Some(TranslationLink {
        title: other.manuscript.title.clone(),
        url: page_of(other, &settings.config.site.url).to_string(),
        language: language.clone(),
        direction: language.direction(),
        language_name: language.own_name().to_string(),
    })
}

fn notice(
    kind: Page,
    title: &str,
    language: &Language,
    settings: &Settings,
) -> Result<String, TemplateError> {
    let head = PageHead {
        title: settings.templates.string(language, title).to_string(),
        url: settings.config.site.url.to_string(),
        robots: Some("noindex".into()),
        ..head(language)
    };
    settings.templates.page(kind, language, &page(settings, language, head, NothingMore {}))
}

/// A page's head with nothing said yet.
pub fn head(language: &Language) -> PageHead {
    PageHead {
        title: String::new(),
        description: String::new(),
        url: String::new(),
        canonical: None,
        robots: None,
        json_ld: None,
        kind: "website",
        locale: language.locale(),
        image: None,
        published: None,
        modified: None,
    }
}

/// A page in a language: what all of them have, and `rest`.
pub fn page<'c, R: Serialize>(
    settings: &'c Settings,
    language: &Language,
    head: PageHead,
    rest: R,
) -> PageContext<'c, R> {
    let site = &settings.config.site;
    let languages = site.languages.iter().filter(|_| site.languages.len() > 1).map(|code| LanguageLink {
        code: code.clone(),
        name: code.own_name().to_string(),
        url: site.home(code).to_string(),
        current: code == language,
    });
    PageContext {
        site: settings.site_context(language),
        language: language.clone(),
        direction: language.direction(),
        t: settings.templates.strings(language),
        languages: languages.collect(),
        feeds: feeds(settings, language),
        page: head,
        rest,
    }
}

/// Every feed, the one for this page first: the joint feed on pages in the site's own language.
fn feeds(settings: &Settings, language: &Language) -> Vec<FeedLink> {
    let site = &settings.config.site;
    let link = |title: String, prefix: &str| FeedLink {
        title,
        rss: absolute(settings, &format!("{prefix}feed.rss")),
        atom: absolute(settings, &format!("{prefix}feed.atom")),
        json: absolute(settings, &format!("{prefix}feed.json")),
    };
    let mut feeds = vec![link(feed_title(settings, site.language(), true), "/")];
    if site.languages.len() > 1 {
        for each in &site.languages {
            let feed = link(feed_title(settings, each, false), &format!("/{each}/"));
            let first = each == language && language != site.language();
            feeds.insert(if first { 0 } else { feeds.len() }, feed);
        }
    }
    feeds
}

fn absolute(settings: &Settings, path: &str) -> String {
    settings.config.site.url.join(path).map(String::from).unwrap_or_default()
}

fn machine(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
