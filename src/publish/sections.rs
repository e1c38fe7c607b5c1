//! What is live, and the parts of the site that have a page and feeds of their own: all of it, each
//! language, each tag, each outlet.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::{
    article::{
        Article, ArticleId, Text,
        identity::{Slug, tag_slug},
    },
    feed::{Masthead, distinct, page_of},
    language::Language,
    newsroom::{Look, Settings, TextAway},
    site::Key,
};

const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Everything that an edition is made of.
pub(super) struct Plan<'l> {
    pub look: &'l Look,
    pub settings: &'l Settings,
    /// Newest first.
    pub live: Vec<Arc<Live>>,
    sections: Vec<Section>,
    translations: BTreeMap<ArticleId, Arc<Live>>,
}

/// An article that is out.
pub(super) struct Live {
    pub article: Arc<Article>,
    /// Its last change; no two articles have the same.
    pub updated: DateTime<Utc>,
    /// Of all that it shows.
    pub key: Key,
}

/// A part of the site with a page and feeds of its own.
pub(super) struct Section {
    pub kind: Kind,
    /// Its path, decoded: `/`, `/fa/`, `/tags/iran/`.
    pub prefix: String,
    /// Of its page, and of its feeds unless an entry says another.
    pub language: Language,
    /// What it is called beside the site's name; nothing for the whole site.
    pub name: String,
    /// Newest first.
    pub articles: Vec<Arc<Live>>,
}

/// What an article must be to be in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Whole,
    Language,
    Tag,
    Outlet,
}

impl<'l> Plan<'l> {
    pub fn new(look: &'l Look, settings: &'l Settings, now: DateTime<Utc>) -> Self {
        let mut articles = look.live(now);
        articles.sort_by_cached_key(|article| (Reverse(article.published()), article.guid.clone()));
        let updated = distinct(articles.iter().map(|article| (article.updated(), article.id.0)).collect());
        let live = articles.into_iter().map(|article| {
            let updated = updated[&article.id.0];
            let key = key_of(&article, updated, settings);
            Arc::new(Live { article, updated, key })
        });
        let live: Vec<Arc<Live>> = live.collect();
        let translations = translations(&live);
        Self { sections: sections(&live, settings), look, settings, live, translations }
    }

    /// The whole site first, then its languages, tags and outlets.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Those of a kind.
    pub fn sections_of(&self, kind: Kind) -> impl Iterator<Item = &Section> {
        self.sections.iter().filter(move |section| section.kind == kind)
    }

    /// The same piece in another language.
    pub fn translation(&self, article: &Article) -> Option<&Arc<Live>> {
        self.translations.get(&article.id)
    }

    /// What an article says.
    pub fn text(&self, article: &Article) -> Result<Text, TextAway> {
        self.look.texts.of(&article.manuscript, &self.settings.config.desk())
    }

    /// The whole address of a path (decoded).
    pub fn url(&self, path: &str) -> Url {
        let site = &self.settings.config.site.url;
        let path = utf8_percent_encode(path.trim_start_matches('/'), IN_PATH).to_string();
        site.join(&path).unwrap_or_else(|_| site.clone())
    }

    /// The section's name as a feed bears it: the site's, and what the section is.
    pub fn title(&self, section: &Section) -> String {
        let site = self.settings.config.site.title.for_readers_of(&section.language);
        match section.name.is_empty() {
            true => site.to_string(),
            false => format!("{site} · {}", section.name),
        }
    }

    /// What the section's feeds say of themselves.
    pub fn masthead(&self, section: &Section) -> Masthead {
        let config = &self.settings.config;
        let said = |words: &crate::language::Localised| words.for_readers_of(&section.language).to_string();
        Masthead {
            id: format!("tag:{},2026:feed{}", config.site.id_authority, self.url(&section.prefix).path()),
            title: self.title(section),
            description: said(&config.site.description),
            language: section.language.clone(),
            author: said(&config.site.author),
            home: self.url(&section.prefix),
            site: config.site.url.clone(),
            hubs: config.hubs(),
        }
    }
}

impl Live {
    pub fn text_bytes(&self) -> usize {
        self.article.manuscript.text_bytes
    }

    pub fn url(&self, site: &Url) -> Url {
        page_of(&self.article, site)
    }
}

impl Section {
    /// The whole site, or a language of it.
    pub fn is_main(&self) -> bool {
        matches!(self.kind, Kind::Whole | Kind::Language)
    }

    /// Readers can get at everything that was ever in the feeds of the site and of its languages, if it
    /// has several. Those of tags and outlets are a window on the same pieces.
    pub fn has_archives(&self) -> bool {
        self.kind == Kind::Whole || (self.kind == Kind::Language && !self.name.is_empty())
    }

    /// What none of these blocks has, newest first.
    pub fn not_in(&self, blocks: &[Vec<ArticleId>]) -> Vec<&Arc<Live>> {
        let archived: BTreeSet<ArticleId> = blocks.iter().flatten().copied().collect();
        self.articles.iter().filter(|live| !archived.contains(&live.article.id)).collect()
    }
}

fn key_of(article: &Article, updated: DateTime<Utc>, settings: &Settings) -> Key {
    let manuscript = &article.manuscript;
    let published = article.published().timestamp_millis().to_le_bytes();
    let updated = updated.timestamp_millis().to_le_bytes();
    let parts: [&[u8]; 6] = [
        settings.key.as_ref(),
        manuscript.content.as_bytes(),
        manuscript.path.as_bytes(),
        article.guid.as_str().as_bytes(),
        &published,
        &updated,
    ];
    Key::of(parts)
}

fn sections(live: &[Arc<Live>], settings: &Settings) -> Vec<Section> {
    let site = &settings.config.site;
    let mut sections = vec![Section {
        kind: Kind::Whole,
        prefix: "/".into(),
        language: site.language().clone(),
        name: String::new(),
        articles: live.to_vec(),
    }];
    for language in &site.languages {
        let own = live.iter().filter(|live| live.article.manuscript.language == *language);
        sections.push(Section {
            kind: Kind::Language,
            prefix: format!("/{language}/"),
            language: language.clone(),
            name: if site.languages.len() > 1 { language.own_name().to_string() } else { String::new() },
            articles: own.cloned().collect(),
        });
    }
    sections.extend(tags(live, site.language()));
    sections.extend(outlets(live, settings));
    sections
}

/// A tag is its address: "Iran" and "iran" are one, called as its newest article has it.
fn tags(live: &[Arc<Live>], usual: &Language) -> Vec<Section> {
    let mut tags: BTreeMap<Slug, (String, Vec<Arc<Live>>)> = BTreeMap::new();
    for article in live {
        let mut own = BTreeSet::new();
        for tag in &article.article.manuscript.tags {
            let Some(slug) = tag_slug(tag).filter(|slug| own.insert(slug.clone())) else { continue };
            tags.entry(slug).or_insert_with(|| (tag.clone(), Vec::new())).1.push(article.clone());
        }
    }
    let section = |(slug, (name, articles)): (Slug, (String, Vec<Arc<Live>>))| Section {
        kind: Kind::Tag,
        prefix: format!("/tags/{slug}/"),
        language: common_language(&articles, usual),
        name,
        articles,
    };
    tags.into_iter().map(section).collect()
}

fn outlets(live: &[Arc<Live>], settings: &Settings) -> Vec<Section> {
    let mut outlets: BTreeMap<&str, Vec<Arc<Live>>> = BTreeMap::new();
    for article in live {
        let ids: BTreeSet<&str> = article
            .article
            .manuscript
            .attributions
            .iter()
            .map(|attribution| attribution.outlet.id.as_str())
            .collect();
        ids.into_iter().for_each(|id| outlets.entry(id).or_default().push(article.clone()));
    }
    let section = |(id, articles): (&str, Vec<Arc<Live>>)| {
        let outlet = settings.config.outlets.get(id)?;
        let language = common_language(&articles, settings.config.site.language());
        Some(Section {
            kind: Kind::Outlet,
            prefix: format!("/outlets/{id}/"),
            name: outlet.name.for_readers_of(&language).to_string(),
            language,
            articles,
        })
    };
    outlets.into_iter().filter_map(section).collect()
}

/// The language of all of them, or the usual one.
fn common_language(articles: &[Arc<Live>], usual: &Language) -> Language {
    let mut languages = articles.iter().map(|live| &live.article.manuscript.language);
    let first = languages.next().unwrap_or(usual);
    if languages.all(|language| language == first) { first.clone() } else { usual.clone() }
}

/// Pairs of the same piece in two languages, whichever of the two names the other.
fn translations(live: &[Arc<Live>]) -> BTreeMap<ArticleId, Arc<Live>> {
    let by_slug: BTreeMap<&str, &Arc<Live>> =
        live.iter().map(|live| (live.article.manuscript.slug.as_str(), live)).collect();
    let mut pairs = BTreeMap::new();
    for one in live {
        let Some(named) = &one.article.manuscript.translation else { continue };
        let slug = Slug::of(named).ok();
        let other = by_slug.get(named.as_str()).or_else(|| by_slug.get(slug.as_ref()?.as_str()));
        let other_language =
            |other: &&&Arc<Live>| other.article.manuscript.language != one.article.manuscript.language;
        if let Some(other) = other.filter(other_language) {
            pairs.insert(one.article.id, (*other).clone());
            pairs.entry(other.article.id).or_insert_with(|| one.clone());
        }
    }
    pairs
}
