//! The parts of the site that have a page and feeds of their own: all of it, each language, each tag,
//! each outlet.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use imbl::{OrdMap, Vector};
use url::Url;

use crate::{
    article::{
        Article, ArticleId,
        identity::{Guid, tag_slug},
    },
    config::Config,
    feed::page_of,
    language::Language,
    newsroom::Settings,
    site::Key,
};

/// Articles on a page of a list. The first page has up to twice as many, less one: pages are numbered
/// from the oldest, and one that is full never changes again.
pub(super) const LIST_ARTICLES: usize = 20;

/// An article that is out.
pub(super) struct Live {
    pub article: Arc<Article>,
    pub published: DateTime<Utc>,
    /// Its last change; no two articles have the same.
    pub updated: DateTime<Utc>,
    /// Of all that it shows.
    pub key: Key,
}

/// A part of the site with a page and feeds of its own.
#[derive(Clone)]
pub(super) struct Section {
    pub kind: Kind,
    /// Its path, decoded: `/`, `/fa/`, `/tags/iran/`.
    pub prefix: String,
    /// Of its page, and of its feeds unless an entry says another.
    pub language: Language,
    /// What it is called beside the site's name; nothing for the whole site.
    pub name: String,
    /// Newest first.
    pub articles: Vector<Arc<Live>>,
    /// The same by their last change, newest first.
    by_update: OrdMap<Reverse<DateTime<Utc>>, Arc<Live>>,
    /// Those that no archive has, newest first.
    pub waiting: Vec<Arc<Live>>,
}

/// What an article must be to be in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Whole,
    Language,
    Tag,
    Outlet,
}

impl Live {
    pub fn new(article: Arc<Article>, updated: DateTime<Utc>, settings: &Settings) -> Self {
        let published = article.published();
        let key = key_of(&article, updated, settings);
        Self { article, published, updated, key }
    }

    pub fn text_bytes(&self) -> usize {
        self.article.manuscript.text_bytes
    }

    pub fn url(&self, site: &Url) -> Url {
        page_of(&self.article, site)
    }

    /// The place in a list, newest first.
    pub fn place(&self) -> (Reverse<DateTime<Utc>>, &Guid) {
        (Reverse(self.published), &self.article.guid)
    }

    /// Every section it is in, each with what to call a new one.
    pub fn sections(&self, config: &Config) -> Vec<(Kind, String, String)> {
        let manuscript = &self.article.manuscript;
        let language = &manuscript.language;
        let mut sections = vec![(Kind::Whole, "/".to_string(), String::new())];
        if config.site.languages.len() > 1 {
            sections.push((Kind::Language, format!("/{language}/"), language.own_name().to_string()));
        }
        let mut own = BTreeSet::new();
        for tag in &manuscript.tags {
            if let Some(slug) = tag_slug(tag).filter(|slug| own.insert(slug.clone())) {
                sections.push((Kind::Tag, format!("/tags/{slug}/"), tag.clone()));
            }
        }
        let outlets: BTreeSet<&str> =
            manuscript.attributions.iter().map(|attribution| attribution.outlet.id.as_str()).collect();
        for outlet in outlets.into_iter().filter_map(|id| config.outlets.get(id)) {
            let name = outlet.name.for_readers_of(language).to_string();
            sections.push((Kind::Outlet, format!("/outlets/{}/", outlet.id), name));
        }
        sections
    }
}

impl Section {
    pub fn new(kind: Kind, prefix: String, language: Language, name: String) -> Self {
        let (articles, by_update, waiting) = (Vector::new(), OrdMap::new(), Vec::new());
        Self { kind, prefix, language, name, articles, by_update, waiting }
    }

    /// The whole site, or a language of it.
    pub fn is_main(&self) -> bool {
        matches!(self.kind, Kind::Whole | Kind::Language)
    }

    /// How many numbered pages its list has beside the first.
    pub fn numbered_pages(&self) -> usize {
        (self.articles.len() / LIST_ARTICLES).saturating_sub(1)
    }

    /// What all its pages and feeds say of it.
    pub fn about(&self) -> String {
        format!("{} {} {:?}", self.prefix, self.language, self.name)
    }

    /// Readers can get at everything that was ever in the feeds of the site and of its languages. Those
    /// of tags and outlets are a window on the same pieces.
    pub fn has_archives(&self) -> bool {
        self.is_main()
    }

    /// Puts an article in its place, which is the answer; it `waits` if no archive has it.
    pub fn put(&mut self, live: &Arc<Live>, waits: bool) -> usize {
        let place = self.articles.binary_search_by(|other| other.place().cmp(&live.place()));
        let place = place.unwrap_or_else(|place| place);
        self.articles.insert(place, live.clone());
        self.by_update.insert(Reverse(live.updated), live.clone());
        if waits && self.has_archives() {
            let index = self.waiting.partition_point(|other| other.place() < live.place());
            self.waiting.insert(index, live.clone());
        }
        place
    }

    /// Takes an article away: the place it had, and whether it waited for an archive.
    pub fn take(&mut self, live: &Live) -> Option<(usize, bool)> {
        let place = self.articles.binary_search_by(|other| other.place().cmp(&live.place())).ok()?;
        self.articles.remove(place);
        self.by_update.remove(&Reverse(live.updated));
        let waiting = self.waiting.len();
        self.waiting.retain(|other| other.article.id != live.article.id);
        Some((place, self.waiting.len() < waiting))
    }

    /// All at once: `live` is newest first.
    pub fn fill(&mut self, live: Vec<Arc<Live>>, archived: &HashSet<ArticleId>) {
        self.by_update = live.iter().map(|live| (Reverse(live.updated), live.clone())).collect();
        self.wait_for_archives(live.iter(), archived);
        self.articles = live.into_iter().collect();
    }

    /// Archives were cut.
    pub fn cut(&mut self, archived: &HashSet<ArticleId>) {
        let articles = self.articles.clone();
        self.wait_for_archives(articles.iter(), archived);
    }

    fn wait_for_archives<'l>(
        &mut self,
        live: impl Iterator<Item = &'l Arc<Live>>,
        archived: &HashSet<ArticleId>,
    ) {
        if self.has_archives() {
            self.waiting = live.filter(|live| !archived.contains(&live.article.id)).cloned().collect();
        }
    }

    /// What no archive has, and of the rest what changed last, as many as a feed may have.
    pub fn newest(&self, most: usize) -> Vec<Arc<Live>> {
        let is_waiting =
            |live: &&Arc<Live>| self.waiting.iter().any(|waiting| waiting.article.id == live.article.id);
        let rest = self.by_update.values().filter(|live| !is_waiting(live));
        self.waiting.iter().chain(rest).take(most).cloned().collect()
    }

    /// A section of tags or outlets speaks the language of all its articles, or the usual one. An outlet
    /// is called as that language calls it, a tag as the newest article spells it.
    pub fn settle(&mut self, settings: &Settings) {
        if self.is_main() {
            return;
        }
        let usual = settings.config.site.language();
        let mut languages = self.articles.iter().map(|live| &live.article.manuscript.language);
        let first = languages.next().unwrap_or(usual);
        let common = if languages.all(|language| language == first) { first } else { usual };
        self.language = common.clone();
        let own = self.prefix.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let name = if self.kind == Kind::Outlet {
            let outlet = settings.config.outlets.get(own);
            outlet.map(|outlet| outlet.name.for_readers_of(&self.language).to_string())
        } else {
            let newest = self.articles.front().into_iter();
            let mut tags = newest.flat_map(|live| &live.article.manuscript.tags);
            tags.find(|tag| tag_slug(tag).is_some_and(|slug| slug.as_str() == own)).cloned()
        };
        self.name = name.unwrap_or_else(|| std::mem::take(&mut self.name));
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

/// Every section of these articles, which are newest first.
pub(super) fn all(
    live: &Vector<Arc<Live>>,
    settings: &Settings,
    archived: &BTreeMap<String, HashSet<ArticleId>>,
) -> OrdMap<String, Section> {
    let site = &settings.config.site;
    let usual = site.language();
    let mut sections = BTreeMap::new();
    let mut add = |kind: Kind, prefix: String, language: &Language, name: String| {
        let section = Section::new(kind, prefix.clone(), language.clone(), name);
        sections.entry(prefix).or_insert_with(|| (section, Vec::new()));
    };
    add(Kind::Whole, "/".into(), usual, String::new());
    if site.languages.len() > 1 {
        for language in &site.languages {
            add(Kind::Language, format!("/{language}/"), language, language.own_name().to_string());
        }
    }
    for article in live {
        for (kind, prefix, name) in article.sections(&settings.config) {
            let (_, articles) = sections
                .entry(prefix.clone())
                .or_insert_with(|| (Section::new(kind, prefix, usual.clone(), name), Vec::new()));
            articles.push(article.clone());
        }
    }
    let nothing = HashSet::new();
    let filled = sections.into_iter().map(|(prefix, (mut section, articles))| {
        section.fill(articles, archived.get(&prefix).unwrap_or(&nothing));
        section.settle(settings);
        (prefix, section)
    });
    filled.collect()
}
