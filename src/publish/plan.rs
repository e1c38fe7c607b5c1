//! Everything that an edition is made of, kept from one to the next: a saved article changes what it
//! touches, not all of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use imbl::{OrdMap, Vector};
use percent_encoding::utf8_percent_encode;
use url::Url;

use super::sections::{self, Kind, Live, Section};
use crate::{
    article::{Article, ArticleId, State, Text, identity::Slug},
    feed::{Masthead, distinct},
    language::Localised,
    newsroom::{Look, Settings, TextAway},
    site::IN_PATH,
    store::Archives,
};

/// Everything that an edition is made of.
#[derive(Clone)]
pub(super) struct Plan {
    pub look: Arc<Look>,
    pub settings: Arc<Settings>,
    pub archives: Arc<Archives>,
    /// By path, so the whole site comes first.
    sections: OrdMap<String, Section>,
    live: OrdMap<ArticleId, Arc<Live>>,
    /// Who has which last change.
    updates: OrdMap<DateTime<Utc>, ArticleId>,
    translations: OrdMap<ArticleId, ArticleId>,
    /// The slugs that articles name as their translations, whether they are there or not.
    named: Arc<BTreeSet<String>>,
}

/// What is different from the plan before.
#[derive(Default)]
pub(super) struct Touched {
    /// Articles whose page changed.
    pub articles: BTreeSet<ArticleId>,
    /// Sections, each with the last place in its list that changed.
    pub sections: BTreeMap<String, usize>,
}

impl Plan {
    pub fn new(
        look: &Arc<Look>,
        archives: &Arc<Archives>,
        settings: &Arc<Settings>,
        now: DateTime<Utc>,
    ) -> Self {
        let articles = look.live(now);
        let updated = distinct(articles.iter().map(|article| (article.updated(), article.id.0)).collect());
        let live = articles.into_iter().map(|article| {
            let updated = updated[&article.id.0];
            Arc::new(Live::new(article, updated, settings))
        });
        let mut live: Vec<Arc<Live>> = live.collect();
        live.sort_by(|a, b| a.place().cmp(&b.place()));
        let live: Vector<Arc<Live>> = live.into_iter().collect();
        Self {
            sections: sections::all(&live, settings, &archived(archives)),
            translations: translations(&live),
            named: Arc::new(live.iter().flat_map(|live| names_of(&live.article)).collect()),
            updates: live.iter().map(|live| (live.updated, live.article.id)).collect(),
            live: live.into_iter().map(|live| (live.article.id, live)).collect(),
            look: look.clone(),
            settings: settings.clone(),
            archives: archives.clone(),
        }
    }

    /// The plan after `look`, which differs from this one's in the articles of its news alone; nothing if
    /// more must be thought over than them.
    pub fn after(&self, look: &Arc<Look>, now: DateTime<Utc>) -> Option<(Self, Touched)> {
        let news = look.news.as_ref().filter(|news| news.since == self.look.generation)?;
        let mut plan = Self { look: look.clone(), ..self.clone() };
        let mut touched = Touched::default();
        for id in &news.changed {
            let article = look.articles.get(id)?;
            let was = self.live.get(id);
            if article.state(now) != State::Live {
                if was.is_some() {
                    return None;
                }
                continue;
            }
            let live = Arc::new(Live::new(article.clone(), plan.update_of(article, was)?, &plan.settings));
            if !plan.is_alike(was, &live) {
                return None;
            }
            plan.put(&live, was, &mut touched)?;
        }
        Some((plan, touched))
    }

    /// The last change of an article as it would come out if all were thought over; nothing if another's
    /// would be different.
    fn update_of(&self, article: &Article, was: Option<&Arc<Live>>) -> Option<DateTime<Utc>> {
        let own = article.updated().trunc_subsecs(0);
        let second = TimeDelta::seconds(1);
        if let Some(was) = was {
            let before = was.article.updated().trunc_subsecs(0);
            if before == own {
                return Some(was.updated);
            }
            // Whoever gave way to it would move up.
            let next = self.updates.get(&(was.updated + second)).and_then(|id| self.live.get(id));
            let gave_way = next.is_some_and(|next| next.article.updated().trunc_subsecs(0) < next.updated);
            if gave_way || was.updated != before {
                return None;
            }
        }
        let mut updated = own;
        while let Some(other) = self.updates.get(&updated).filter(|id| **id != article.id) {
            // Whoever changed later, or was seen later, would have to give way.
            let other = self.live.get(other)?;
            if other.article.updated().trunc_subsecs(0) > own || other.article.id > article.id {
                return None;
            }
            updated += second;
        }
        Some(updated)
    }

    /// Whether it is a new article, or has the address, language and translation that it had.
    fn is_alike(&self, was: Option<&Arc<Live>>, live: &Live) -> bool {
        let Some(was) = was else {
            let manuscript = &live.article.manuscript;
            return manuscript.translation.is_none() && !self.named.contains(manuscript.slug.as_str());
        };
        let (old, new) = (&was.article.manuscript, &live.article.manuscript);
        // A picture that it no longer shows would have to be taken away.
        let shown: BTreeSet<&str> = new.media().collect();
        old.media().all(|url| shown.contains(url))
            && old.slug == new.slug
            && old.aliases == new.aliases
            && old.translation == new.translation
            && old.language == new.language
            && self.settings.config.site.languages.contains(&new.language)
    }

    /// Puts an article where it belongs now; nothing if a section is called otherwise then, or pages of it
    /// would have to be taken away.
    fn put(&mut self, live: &Arc<Live>, was: Option<&Arc<Live>>, touched: &mut Touched) -> Option<()> {
        let settings = self.settings.clone();
        let config = &settings.config;
        let id = live.article.id;
        let mut touch = |prefix: &str, place: usize| {
            let last = touched.sections.entry(prefix.to_string()).or_insert(place);
            *last = place.max(*last);
        };
        let (old, new) = (was.map_or_else(Vec::new, |was| was.sections(config)), live.sections(config));
        let stood = |(_, prefix, _): &(Kind, String, String)| {
            let section = self.sections.get(prefix)?;
            Some((prefix.clone(), (section.about(), section.numbered_pages())))
        };
        let before: BTreeMap<_, _> = old.iter().chain(&new).filter_map(stood).collect();
        let mut waited = BTreeSet::new();
        for (_, prefix, _) in old {
            let (place, waits) = self.sections.get_mut(&prefix)?.take(was?)?;
            touch(&prefix, place);
            if waits {
                waited.insert(prefix);
            }
        }
        for (kind, prefix, name) in new {
            let language = live.article.manuscript.language.clone();
            let section = self
                .sections
                .entry(prefix.clone())
                .or_insert_with(|| Section::new(kind, prefix.clone(), language, name));
            let place = section.put(live, was.is_none() || waited.contains(&prefix));
            touch(&prefix, place);
        }
        for prefix in touched.sections.keys() {
            let section = self.sections.get_mut(prefix)?;
            section.settle(&settings);
            let same = |(about, pages): &(String, usize)| {
                *about == section.about() && *pages <= section.numbered_pages()
            };
            if section.articles.is_empty() || !before.get(prefix).is_none_or(same) {
                return None;
            }
        }
        if let Some(was) = was {
            self.updates.remove(&was.updated);
        }
        self.live.insert(id, live.clone());
        self.updates.insert(live.updated, id);
        touched.articles.insert(id);
        if let Some(other) = self.translations.get(&id).and_then(|id| self.live.get(id)) {
            // Its page and its entries link to this one by its title.
            touched.articles.insert(other.article.id);
            for (_, prefix, _) in other.sections(config) {
                touched.sections.entry(prefix).or_default();
            }
        }
        Some(())
    }

    /// The same with more archives.
    pub fn with_archives(mut self, archives: Arc<Archives>) -> Self {
        let archived = archived(&archives);
        for (prefix, archived) in &archived {
            if let Some(section) = self.sections.get_mut(prefix) {
                section.cut(archived);
            }
        }
        Self { archives, ..self }
    }

    /// Everything: what a whole edition touches.
    pub fn everything(&self) -> Touched {
        Touched {
            articles: self.live.keys().copied().collect(),
            sections: self.sections.keys().map(|prefix| (prefix.clone(), usize::MAX)).collect(),
        }
    }

    /// The whole site first, then its languages, outlets and tags.
    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.values()
    }

    pub fn section(&self, prefix: &str) -> Option<&Section> {
        self.sections.get(prefix)
    }

    /// Those of a kind.
    pub fn sections_of(&self, kind: Kind) -> impl Iterator<Item = &Section> {
        self.sections().filter(move |section| section.kind == kind)
    }

    pub fn live(&self) -> impl Iterator<Item = &Arc<Live>> {
        self.live.values()
    }

    pub fn article(&self, id: ArticleId) -> Option<&Arc<Live>> {
        self.live.get(&id)
    }

    /// The same piece in another language.
    pub fn translation(&self, article: &Article) -> Option<&Arc<Live>> {
        self.live.get(self.translations.get(&article.id)?)
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
        let said = |words: &Localised| words.for_readers_of(&section.language).to_string();
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

fn archived(archives: &Archives) -> BTreeMap<String, HashSet<ArticleId>> {
    let of = |(prefix, blocks): (&String, &Vec<Vec<ArticleId>>)| {
        (prefix.clone(), blocks.iter().flatten().copied().collect())
    };
    archives.all().map(of).collect()
}

/// The slug that an article names as its translation, as typed and as a slug.
fn names_of(article: &Article) -> impl Iterator<Item = String> + use<> {
    let named = article.manuscript.translation.clone();
    let slug = named.as_ref().and_then(|named| Slug::of(named).ok()).map(|slug| slug.to_string());
    named.into_iter().chain(slug)
}

/// Pairs of the same piece in two languages, whichever of the two names the other.
fn translations(live: &Vector<Arc<Live>>) -> OrdMap<ArticleId, ArticleId> {
    let by_slug: BTreeMap<&str, &Arc<Live>> =
        live.iter().map(|live| (live.article.manuscript.slug.as_str(), live)).collect();
    let mut pairs = OrdMap::new();
    for one in live {
        let Some(named) = &one.article.manuscript.translation else { continue };
        let slug = Slug::of(named).ok();
        let other = by_slug.get(named.as_str()).or_else(|| by_slug.get(slug.as_ref()?.as_str()));
        let other_language =
            |other: &&&Arc<Live>| other.article.manuscript.language != one.article.manuscript.language;
        if let Some(other) = other.filter(other_language) {
            pairs.insert(one.article.id, other.article.id);
            pairs.entry(other.article.id).or_insert(one.article.id);
        }
    }
    pairs
}
