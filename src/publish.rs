//! Articles become feeds and pages, all of one generation at once.
//!
//! A pure function of the articles, the settings and the moment ([`edition`]), and one write. Same
//! content, same bytes.

mod json_ld;
pub mod pages;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use chrono::{DateTime, Utc};
use url::Url;

use crate::{
    article::Article,
    feed::{self, Enclosure, Entry, Feed, MAX_AGE_SECONDS, Masthead},
    language::Language,
    newsroom::{Look, Settings},
    site::{Content, Edition, Published, Site},
    template::TemplateError,
};

const HTML: &str = "text/html; charset=utf-8";
/// A page may be stale for so long, in seconds.
const PAGE_MAX_AGE: u32 = 300;
const STYLE_MAX_AGE: u32 = 3600;

/// Nothing was published; readers keep what they had.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A page would not render.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A feed came out ill-formed: better the old one than that.
    #[error("{path} would not be well-formed XML ({why}), so nothing was published")]
    IllFormed {
        /// Which feed.
        path: String,
        /// The reader's words.
        why: String,
    },
    /// The disk.
    #[error("cannot write public/: {0}")]
    Disk(#[from] std::io::Error),
}

/// Makes an edition of what is live, and publishes it.
pub fn run_once(
    look: &Look,
    settings: &Settings,
    site: &Site,
    now: DateTime<Utc>,
) -> Result<Published, PublishError> {
    let edition = edition(look, settings, now)?;
    Ok(site.publish(edition, now)?)
}

/// Everything that is out at `now`.
pub fn edition(look: &Look, settings: &Settings, now: DateTime<Utc>) -> Result<Edition, PublishError> {
    let mut live = look.live(now);
    live.sort_by_key(|article| (std::cmp::Reverse(article.published()), article.guid.clone()));
    let mut edition = Edition::default();
    add_feeds(&mut edition, &live, look, settings)?;
    pages::add(&mut edition, &live, settings)?;
    add_media(&mut edition, &live, look, settings);
    add_old_addresses(&mut edition, &live, look, settings);
    Ok(edition)
}

/// `/feed.rss`, `/feed.atom`, `/feed.json`, and the same under each language.
fn add_feeds(
    edition: &mut Edition,
    live: &[Article],
    look: &Look,
    settings: &Settings,
) -> Result<(), PublishError> {
    let site = &settings.config.site;
    add_feed(edition, "/", site.url.clone(), site.language(), live.iter(), look, settings)?;
    for language in &site.languages {
        let of_language = live.iter().filter(|article| article.manuscript.language == *language);
        let prefix = format!("/{language}/");
        let home = site.url.join(&prefix).unwrap_or_else(|_| site.url.clone());
        add_feed(edition, &prefix, home, language, of_language, look, settings)?;
    }
    Ok(())
}

fn add_feed<'a>(
    edition: &mut Edition,
    prefix: &str,
    home: Url,
    language: &Language,
    articles: impl Iterator<Item = &'a Article> + Clone,
    look: &Look,
    settings: &Settings,
) -> Result<(), PublishError> {
    let config = &settings.config;
    let masthead = Masthead {
        title: feed_title(settings, language, prefix == "/"),
        description: config.site.description.for_readers_of(language).to_string(),
        language: language.clone(),
        author: config.site.author.for_readers_of(language).to_string(),
        home,
    };
    let entries = articles.map(|article| Entry {
        enclosure: enclosure(article, look, &config.site.url),
        ..Entry::of(article, &config.site.url)
    });
    let made = documents(&Feed::new(masthead.clone(), entries.clone()), prefix);
    let made = made.or_else(|_| {
        // Should cleaning ever fall short: the entry at fault stays out, and the others do not suffer.
        let good = entries.filter(|entry| is_good(entry, &masthead));
        documents(&Feed::new(masthead.clone(), good), prefix)
    })?;
    edition.pages.extend(made);
    Ok(())
}

fn is_good(entry: &Entry, masthead: &Masthead) -> bool {
    let alone = documents(&Feed::new(masthead.clone(), [entry.clone()]), "/");
    if let Err(why) = &alone {
        tracing::error!("{} is left out of the feeds: {why}", entry.url);
    }
    alone.is_ok()
}

/// The feed in its three formats, with their paths.
fn documents(feed: &Feed, prefix: &str) -> Result<Vec<(String, Content)>, PublishError> {
    let made = [
        ("feed.rss", "application/rss+xml; charset=utf-8", feed::rss::document(feed)),
        ("feed.atom", "application/atom+xml; charset=utf-8", feed::atom::document(feed)),
        ("feed.json", "application/feed+json", feed::json::document(feed)),
    ];
    let checked = made.into_iter().map(|(file, media_type, bytes)| {
        let path = format!("{prefix}{file}");
        if media_type.contains("xml") {
            check_well_formed(&path, &bytes)?;
        }
        Ok((path, Content { bytes, media_type, max_age: MAX_AGE_SECONDS }))
    });
    checked.collect()
}

/// The feed's name: the site's, and for one language's feed beside others, the language's too.
fn feed_title(settings: &Settings, language: &Language, joint: bool) -> String {
    let site = &settings.config.site;
    let title = site.title.for_readers_of(language);
    match joint || site.languages.len() == 1 {
        true => title.to_string(),
        false => format!("{title} · {}", language.own_name()),
    }
}

fn check_well_formed(path: &str, bytes: &[u8]) -> Result<(), PublishError> {
    let ill_formed = |why: String| PublishError::IllFormed { path: path.to_string(), why };
    let xml = std::str::from_utf8(bytes).map_err(|why| ill_formed(why.to_string()))?;
    roxmltree::Document::parse(xml).map(|_| ()).map_err(|why| ill_formed(why.to_string()))
}

fn enclosure(article: &Article, look: &Look, site: &Url) -> Option<Enclosure> {
    let url = article.manuscript.enclosure.clone()?;
    let file = media_file(&url, look, site)?;
    let bytes = std::fs::metadata(file).ok()?.len();
    let media_type = mime_guess::from_path(file).first_or_octet_stream().to_string();
    Some(Enclosure { url, media_type, bytes })
}

/// The file that an address under `/media/` is.
fn media_file<'l>(url: &str, look: &'l Look, site: &Url) -> Option<&'l PathBuf> {
    let path = url.strip_prefix(site.join("media/").ok()?.as_str())?;
    let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
    look.media.get(path.as_ref())
}

/// Only what a live article shows: a folder may hold more than is meant for readers.
fn add_media(edition: &mut Edition, live: &[Article], look: &Look, settings: &Settings) {
    let site = &settings.config.site.url;
    for url in live.iter().flat_map(|article| article.manuscript.media()) {
        if let Some(file) = media_file(url, look, site)
            && let Ok(url) = Url::parse(url)
            && let Ok(path) = percent_encoding::percent_decode_str(url.path()).decode_utf8()
        {
            edition.media.insert(path.into_owned(), file.clone());
        }
    }
}

/// Addresses that articles had lead to where they are; those of withdrawn articles say so.
fn add_old_addresses(edition: &mut Edition, live: &[Article], look: &Look, settings: &Settings) {
    let ids: BTreeSet<_> = live.iter().map(|article| article.id).collect();
    let read: BTreeSet<_> = look.articles.iter().map(|article| article.id).collect();
    let records: BTreeMap<_, _> = look.records.iter().map(|record| (record.id, record)).collect();
    for article in live {
        let to = feed::page_of(article, &settings.config.site.url).path().to_string();
        let slug = article.manuscript.slug.as_str();
        edition.moved.insert(format!("/{slug}"), to.clone());
        let remembered = records.get(&article.id).into_iter().flat_map(|record| &record.slugs);
        for old in remembered.chain(&article.manuscript.aliases) {
            let path = format!("/{old}/");
            if !edition.pages.contains_key(&path) {
                edition.moved.insert(format!("/{old}"), to.clone());
                edition.moved.insert(path, to.clone());
            }
        }
    }
    for record in &look.records {
        // A file that is there and cannot be read is no withdrawal.
        let unread = look.present.contains(&record.path) && !read.contains(&record.id);
        if record.seq.is_some() && !ids.contains(&record.id) && !unread {
            let paths = record.slugs.iter().map(|slug| format!("/{slug}/"));
            let free =
                paths.filter(|path| !edition.pages.contains_key(path) && !edition.moved.contains_key(path));
            edition.gone.extend(free.collect::<Vec<_>>());
        }
    }
}
