//! A glance: a look at a few files that are known to have changed, while everything else stays as it was
//! seen last. What a save costs must not grow with the archive.
//!
//! A glance takes only what cannot concern any other article: a piece edited under its own address, or
//! a new one that resembles nothing. For anything else it declines, and the whole folder is looked at.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs,
    path::Path,
    sync::Arc,
};

use chrono::{DateTime, Utc};

use super::{
    Look, LookError, Looker, Settings,
    look::{Last, News, article, remark, sighting},
    scan::{DEPTH_MAX, Scanned, Stamp, is_passed_over, read, side_of},
};
use crate::{
    article::{Article, ArticleId, Format, Manuscript, State, ledger::Record},
    config::Config,
    diagnostic::{Diagnostic, Problems},
    language::Language,
    store::{Few, GoodText, StoreError},
};

/// More at once are no save but a move.
const PATHS_MAX: usize = 64;

/// Where to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Hint {
    /// At everything.
    #[default]
    Everything,
    /// At these files below `articles/`.
    Paths(BTreeSet<String>),
}

/// What the articles there are could be confused with.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The store's, to know whether another process has written to it.
    pub version: i64,
    paths: HashMap<String, ArticleId>,
    contents: HashMap<String, ArticleId>,
    guids: HashSet<String>,
    slugs: HashMap<String, ArticleId>,
    titles: HashMap<(String, Language), ArticleId>,
}

impl Index {
    pub fn of<'r>(version: i64, records: impl Iterator<Item = &'r Record>) -> Self {
        let mut index = Self { version, ..Self::default() };
        records.for_each(|record| index.add(record));
        index
    }

    fn add(&mut self, record: &Record) {
        let id = record.id;
        self.paths.insert(record.path.clone(), id);
        self.contents.insert(record.content.clone(), id);
        self.guids.insert(record.guid.to_string());
        self.titles.insert((record.title.clone(), record.language.clone()), id);
        self.slugs.extend(record.slugs.iter().map(|slug| (slug.to_string(), id)));
    }

    /// Whether the manuscript can be nobody but `own`, or somebody new.
    fn is_distinct(&self, manuscript: &Manuscript, own: Option<ArticleId>) -> bool {
        let is_free = |holder: Option<&ArticleId>| holder.is_none() || holder.copied() == own;
        let mut slugs = manuscript.aliases.iter().chain([&manuscript.slug]);
        is_free(self.contents.get(&manuscript.content))
            && is_free(self.titles.get(&(manuscript.title.clone(), manuscript.language.clone())))
            && slugs.all(|slug| is_free(self.slugs.get(slug.as_str())))
            && (own.is_some()
                || manuscript.guid.as_ref().is_none_or(|guid| !self.guids.contains(guid.as_str())))
    }
}

/// A file that was read at a glance.
struct Glimpse {
    stamp: Stamp,
    scanned: Arc<Scanned>,
    manuscript: Arc<Manuscript>,
    was: Option<Arc<Article>>,
}

impl Looker {
    /// Looks at `paths` alone; nothing if more must be looked at.
    pub(super) async fn glance(
        &mut self,
        paths: &BTreeSet<String>,
        settings: &Arc<Settings>,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Look>>, LookError> {
        let same = self.settings.as_ref().is_some_and(|before| Arc::ptr_eq(before, settings));
        let Some(last) = self.last.as_ref().filter(|_| same && self.unentered.is_empty()) else {
            return Ok(None);
        };
        let look = last.look.clone();
        if paths.len() > PATHS_MAX || look.next_change.is_some_and(|change| change <= now) {
            return Ok(None);
        }
        let mut glimpses = Vec::new();
        for path in paths.iter().filter(|path| !self.scanner.is_open(path)) {
            match self.glimpse(path, &look, &settings.config) {
                Seen::Same => {}
                Seen::Changed(glimpse) => glimpses.push(glimpse),
                Seen::More => return Ok(None),
            }
        }
        let titles: BTreeSet<&str> =
            glimpses.iter().map(|glimpse| glimpse.manuscript.title.as_str()).collect();
        if titles.len() < glimpses.len() {
            return Ok(None); // two of them may be one that moved
        }
        if glimpses.is_empty() {
            return Ok(Some(look));
        }
        Ok(self.take_in(glimpses, &look, &settings.config, now).await?)
    }

    fn glimpse(&self, path: &str, look: &Look, config: &Config) -> Seen {
        let articles = self.folder.articles();
        let full = articles.join(path);
        // Folders that a look at everything does not go into.
        let folders = full.ancestors().skip(1).take_while(|folder| *folder != articles);
        let is_deep = folders.clone().count() > DEPTH_MAX;
        let is_elsewhere = folders.clone().any(Path::is_symlink);
        let is_plain =
            Format::of(path).is_some() && !path.split('/').any(is_passed_over) && !is_deep && !is_elsewhere;
        let Some(metadata) = fs::symlink_metadata(&full).ok().filter(|file| is_plain && file.is_file())
        else {
            return Seen::More;
        };
        let side = side_of(path).map(|side| articles.join(side));
        if side.is_some_and(|side| side.exists()) {
            return Seen::More;
        }
        let stamp = Stamp::of(&metadata);
        let known = self.scanner.known(path);
        if known.is_some_and(|(was, side, _)| *was == stamp && side.is_none()) {
            return Seen::Same;
        }
        // One that was bad, or refused, stands for what others make of it.
        let is_good = known.is_none_or(|(_, side, scanned)| {
            side.is_none()
                && scanned.manuscript.as_ref().is_some_and(|manuscript| {
                    self.good.get(path).is_some_and(|good| Arc::ptr_eq(good, manuscript))
                })
        });
        let scanned = Arc::new(read(path, &full, metadata.len(), None, &config.desk(), &self.texts));
        let Some(manuscript) = scanned.manuscript.clone().filter(|_| is_good) else { return Seen::More };
        let id = self.index.paths.get(path).copied();
        let was = id.and_then(|id| look.articles.get(&id)).cloned();
        let is_known = known.is_some() == was.is_some() && id.is_some() == was.is_some();
        if !is_known || !self.index.is_distinct(&manuscript, id) {
            return Seen::More;
        }
        if let Some(was) = &was
            && (was.manuscript.slug != manuscript.slug || was.manuscript.aliases != manuscript.aliases)
        {
            return Seen::More;
        }
        Seen::Changed(Glimpse { stamp, scanned, manuscript, was })
    }

    /// Enters what was glimpsed in the ledger, if nobody else has written there since.
    async fn take_in(
        &mut self,
        glimpses: Vec<Glimpse>,
        look: &Arc<Look>,
        config: &Config,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Look>>, StoreError> {
        let mut few = Vec::new();
        for glimpse in &glimpses {
            let Some(goes_live) = glimpse.goes_live(now) else { return Ok(None) };
            few.push(Few {
                id: glimpse.was.as_ref().map(|was| was.id),
                sighting: sighting(&glimpse.scanned, config, now),
                text: GoodText {
                    text: glimpse.scanned.file(&self.folder.articles()).text.clone(),
                    side: None,
                },
                goes_live,
            });
        }
        let Some(records) = self.store.enter_few(few, self.index.version, now).await? else {
            return Ok(None);
        };
        let mut next = Look::clone(look);
        let mut changed = Vec::new();
        for (glimpse, record) in glimpses.into_iter().zip(records) {
            let path = glimpse.scanned.path.clone();
            let article = Arc::new(article(&record, glimpse.manuscript.clone()));
            let state = article.state(now);
            let change = match state {
                State::Waiting { until } => Some(until),
                State::Live => article.ends(),
                _ => None,
            };
            next.next_change = next.next_change.into_iter().chain(change).min();
            let shown = format!("articles/{path}");
            next.problems.retain(|problem| problem.file() != shown);
            next.problems.extend(self.remarks(&glimpse, &article, &next, config, now));
            next.present.insert(path.clone());
            changed.push(record.id);
            self.index.add(&record);
            next.articles.insert(record.id, article);
            next.records.insert(record.id, Arc::new(record));
            self.good.insert(path.clone(), glimpse.manuscript);
            self.scanner.know(path.clone(), glimpse.stamp, glimpse.scanned);
            self.scanner.drop_sources(&BTreeSet::from([path.clone()]));
            self.unkept.insert(path.clone());
            if let Some(Last { paths, .. }) = &mut self.last {
                paths.insert(path);
            }
        }
        self.generation += 1;
        next.news = Some(News { since: look.generation, changed });
        next.generation = self.generation;
        let next = Arc::new(next);
        if let Some(last) = &mut self.last {
            last.look = next.clone();
        }
        Ok(Some(next))
    }
}

impl Looker {
    fn remarks(
        &self,
        glimpse: &Glimpse,
        article: &Article,
        look: &Look,
        config: &Config,
        now: DateTime<Utc>,
    ) -> Vec<Diagnostic> {
        let problems = Problems::default();
        glimpse.manuscript.remarks.iter().for_each(|remark| problems.push(remark.clone()));
        let file = || glimpse.scanned.file(&self.folder.articles());
        let is_there = |path: &str| look.media.contains_key(path) || look.present.contains(path);
        remark(article, &file, &is_there, config, now, &problems);
        problems.into_vec()
    }
}

enum Seen {
    /// Nothing is different.
    Same,
    /// This file alone.
    Changed(Glimpse),
    /// Maybe more than this file.
    More,
}

impl Glimpse {
    /// Whether it is out for the first time; nothing if it comes or goes in another way.
    fn goes_live(&self, now: DateTime<Utc>) -> Option<bool> {
        let Some(was) = &self.was else {
            let fresh = Article::unentered(self.manuscript.clone(), now);
            return Some(fresh.state(now) == State::Live);
        };
        let is = Article { manuscript: self.manuscript.clone(), ..Article::clone(was) };
        match (was.state(now) == State::Live, is.state(now) == State::Live) {
            (true, false) => None,
            (false, true) => was.seq.is_none().then_some(true),
            (true, true) | (false, false) => Some(false),
        }
    }
}
