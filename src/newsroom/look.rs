//! One look at the articles: every file read, entered in the ledger, and numbered if it is out.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use imbl::{OrdMap, OrdSet};

use super::{
    Folder, Hint, Settings,
    glance::Index,
    scan::{SOURCES_MAX, Scan, Scanned, Scanner, Stamp},
    texts::Texts,
};
use crate::{
    article::{
        Article, ArticleId, Manuscript, State, content_of,
        identity::Guid,
        ledger::{Record, Sighting},
    },
    config::Config,
    diagnostic::{Diagnostic, Problems, SourceFile},
    store::{GoodText, Store, StoreError},
};

/// Files whose readings or texts are kept in one act.
const BATCH: usize = 500;

/// The articles as they stand at a moment.
#[derive(Debug, Clone)]
pub struct Look {
    /// Every article with a file that is good now, or was.
    pub articles: OrdMap<ArticleId, Arc<Article>>,
    /// What they say.
    pub texts: Arc<Texts>,
    /// Every ledger entry, also of files that are gone.
    pub records: OrdMap<ArticleId, Arc<Record>>,
    /// Every article's file there is, good or bad.
    pub present: OrdSet<String>,
    /// Files that articles can show, by their path below `articles/`.
    pub media: Arc<BTreeMap<String, PathBuf>>,
    /// Files that somebody is writing, by their path below `articles/`: they stay what they were.
    pub open: Arc<BTreeSet<String>>,
    /// Everything wrong or guessed, and worth saying.
    pub problems: Vec<Diagnostic>,
    /// When something changes by itself: a waiting article's day, a live one's end.
    pub next_change: Option<DateTime<Utc>>,
    /// Which look it is: every one has a number of its own.
    pub generation: u64,
    /// What is different from an earlier look, if that is all.
    pub news: Option<News>,
}

/// The articles in which a look differs from an earlier one.
#[derive(Debug, Clone)]
pub struct News {
    /// The number of the earlier look.
    pub since: u64,
    /// New articles, and those whose file changed.
    pub changed: Vec<ArticleId>,
}

impl Look {
    /// Those that are out at `now`.
    pub fn live(&self, now: DateTime<Utc>) -> Vec<Arc<Article>> {
        self.articles.values().filter(|article| article.state(now) == State::Live).cloned().collect()
    }
}

/// Nothing could be seen; what was seen last still holds.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The ledger is away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder is.
    #[error("{0}")]
    Folder(String),
}

/// Looks again and again, and reads only what changed.
pub struct Looker {
    pub(super) folder: Folder,
    pub(super) store: Store,
    pub(super) scanner: Scanner,
    pub(super) texts: Arc<Texts>,
    /// Of each path, what it said when it was last good.
    pub(super) good: BTreeMap<String, Arc<Manuscript>>,
    pub(super) settings: Option<Arc<Settings>>,
    /// Files that were read and not entered yet: the store was away.
    pub(super) unentered: BTreeSet<String>,
    pub(super) last: Option<Last>,
    pub(super) generation: u64,
    /// Files whose reading is not kept yet for the next start.
    pub(super) unkept: BTreeSet<String>,
    /// Whether every good file's text is in the store.
    has_all_texts: bool,
    pub(super) index: Index,
}

/// What the last look saw, to know whether anything is different.
pub(super) struct Last {
    pub paths: BTreeSet<String>,
    pub media: BTreeMap<String, (PathBuf, Stamp)>,
    pub look: Arc<Look>,
}

impl Looker {
    /// Looks at `folder` and keeps the ledger in `store`.
    pub fn new(folder: &Folder, store: &Store) -> Self {
        Self {
            folder: folder.clone(),
            store: store.clone(),
            scanner: Scanner::default(),
            texts: Arc::new(Texts::new(folder, store)),
            good: BTreeMap::new(),
            settings: None,
            unentered: BTreeSet::new(),
            last: None,
            generation: 0,
            unkept: BTreeSet::new(),
            has_all_texts: false,
            index: Index::default(),
        }
    }

    /// Looks where the hint says, or at more if that is not enough. Files that are `open` are being written,
    /// and stay what they were.
    pub async fn look_at(
        &mut self,
        (hint, open): (Hint, BTreeSet<String>),
        settings: &Arc<Settings>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Look>, LookError> {
        self.scanner.pass_over(open);
        if let Hint::Paths(paths) = hint
            && let Some(look) = self.glance(&paths, settings, now).await?
        {
            return Ok(look);
        }
        tracing::debug!("looking at everything");
        self.look(settings, now).await
    }

    /// Looks at everything. The same `Arc` as last time if nothing changed.
    pub async fn look(
        &mut self,
        settings: &Arc<Settings>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Look>, LookError> {
        let config = &settings.config;
        if !self.settings.as_ref().is_some_and(|before| Arc::ptr_eq(before, settings)) {
            self.scanner.forget();
            self.texts.forget();
            if self.settings.is_none() {
                self.scanner.recall(self.store.readings(settings.key.to_string()).await?);
            }
            self.settings = Some(settings.clone());
            self.last = None;
        }
        // Reading a whole archive takes a while: other work on this thread moves to another.
        let scan = tokio::task::block_in_place(|| {
            self.scanner.scan(&self.folder.articles(), &config.desk(), &self.texts)
        });
        tracing::debug!("looked through articles/");
        let scan = scan.map_err(|why| LookError::Folder(format!("cannot read articles/: {why}")))?;
        if !self.folder.articles().is_dir() && self.knows_articles().await? {
            let why = "articles/ is not there any more; the site stays as it was";
            return Err(LookError::Folder(why.into()));
        }
        self.unentered.extend(scan.changed.iter().cloned());
        let paths: BTreeSet<String> = scan.articles.iter().map(|scanned| scanned.path.clone()).collect();
        if let Some(last) = &self.last
            && self.unentered.is_empty()
            && last.paths == paths
            && last.media == scan.media
            && last.look.next_change.is_none_or(|change| change > now)
        {
            return Ok(last.look.clone());
        }
        let look = Arc::new(self.enter(&scan, config, now).await?);
        tracing::debug!(articles = look.articles.len(), "entered in the ledger");
        self.scanner.drop_sources(&self.unentered);
        self.has_all_texts &= self.unentered.len() <= SOURCES_MAX;
        self.unkept.append(&mut self.unentered);
        self.last = Some(Last { paths, media: scan.media, look: look.clone() });
        Ok(look)
    }

    /// Keeps what was read for the next start, and every good text for when a bad one replaces it. After
    /// publishing: no reader waits for it.
    pub async fn keep(&mut self) -> Result<(), StoreError> {
        let Some(settings) = &self.settings else { return Ok(()) };
        let unkept: Vec<String> = self.unkept.iter().cloned().collect();
        for some in unkept.chunks(BATCH) {
            let readings = self.scanner.readings(some.iter());
            self.store.keep_readings(settings.key.to_string(), readings).await?;
        }
        self.unkept.clear();
        if self.has_all_texts {
            return Ok(());
        }
        let articles = self.folder.articles();
        let without: Vec<String> = self.store.articles_without_text().await?;
        for some in without.chunks(BATCH) {
            let texts = some.iter().filter_map(|path| {
                let (_, _, scanned) = self.scanner.known(path)?;
                let source = super::scan::sources(path, &articles)?;
                let side = source.side.as_ref();
                let is_same = content_of(&source.file, side) == scanned.manuscript.as_ref()?.content;
                let side = side.map(|side| side.text.clone());
                is_same.then(|| (path.clone(), GoodText { text: source.file.text.clone(), side }))
            });
            self.store.keep_texts(texts.collect()).await?;
        }
        self.has_all_texts = true;
        tracing::debug!("texts and readings are kept");
        Ok(())
    }

    /// Whether there have ever been articles: then a folder that is missing is a disk that is away.
    async fn knows_articles(&self) -> Result<bool, StoreError> {
        Ok(!self.store.article_records().await?.is_empty())
    }

    async fn enter(&mut self, scan: &Scan, config: &Config, now: DateTime<Utc>) -> Result<Look, StoreError> {
        let problems = Problems::default();
        let version = self.store.version().await?;
        let before = self.store.article_records().await?;
        let articles_folder = self.folder.articles();
        let refused = clashes(&scan.articles, &before, &articles_folder, &problems);
        let (good, bad): (Vec<_>, Vec<_>) = scan
            .articles
            .iter()
            .partition(|scanned| scanned.manuscript.is_some() && !refused.contains(&scanned.path));
        let sightings = good.iter().map(|scanned| sighting(scanned, config, now)).collect();
        let present: BTreeSet<String> = scan.articles.iter().map(|scanned| scanned.path.clone()).collect();
        let fresh = good.iter().filter(|scanned| self.unentered.contains(&scanned.path));
        let texts = fresh.filter_map(|scanned| {
            let source = scanned.source.as_ref()?;
            let side = source.side.as_ref().map(|side| side.text.clone());
            Some((scanned.path.clone(), GoodText { text: source.file.text.clone(), side }))
        });
        let ledger = self.store.enter_articles(sightings, present.clone(), texts.collect(), now).await?;
        let by_id: BTreeMap<ArticleId, &Record> =
            ledger.records.iter().map(|record| (record.id, record)).collect();
        let mut articles = Vec::new();
        for (scanned, id) in good.iter().zip(&ledger.found) {
            if let (Some(manuscript), Some(record)) = (&scanned.manuscript, by_id.get(id)) {
                self.good.insert(scanned.path.clone(), manuscript.clone());
                manuscript.remarks.iter().for_each(|remark| problems.push(remark.clone()));
                articles.push(article(record, manuscript.clone()));
            }
        }
        let by_path: BTreeMap<&str, &Record> =
            ledger.records.iter().map(|record| (record.path.as_str(), record)).collect();
        for scanned in bad {
            scanned.errors.iter().for_each(|error| problems.push(error.clone()));
            if let Some(record) = by_path.get(scanned.path.as_str())
                && let Some(manuscript) = self.last_good(&scanned.path, config).await?
            {
                if !scanned.errors.is_empty() {
                    problems.push(Diagnostic::last_good_stays(&format!("articles/{}", scanned.path)));
                }
                articles.push(article(record, manuscript));
            }
        }
        let live = articles.iter().filter(|article| article.state(now) == State::Live);
        let renumbered = self.store.note_presence(live.map(|article| article.id).collect(), now).await?;
        let records = if renumbered { self.store.article_records().await? } else { ledger.records };
        let records = self.number(&mut articles, records, now).await?;
        let media = scan.media.iter().map(|(path, (full, _))| (path.clone(), full.clone())).collect();
        let files: BTreeMap<&str, &Scanned> =
            scan.articles.iter().map(|scanned| (scanned.path.as_str(), scanned.as_ref())).collect();
        for article in &articles {
            if let Some(scanned) = files.get(article.manuscript.path.as_str()) {
                let is_there = |path: &str| scan.media.contains_key(path) || files.contains_key(path);
                let file = || scanned.file(&articles_folder);
                remark(article, &file, &is_there, config, now, &problems);
            }
        }
        self.index = Index::of(version, records.iter());
        let next_change = next_change(&articles, now);
        self.generation += 1;
        Ok(Look {
            articles: articles.into_iter().map(|article| (article.id, Arc::new(article))).collect(),
            texts: self.texts.clone(),
            records: records.into_iter().map(|record| (record.id, Arc::new(record))).collect(),
            present: present.into_iter().collect(),
            media: Arc::new(media),
            open: Arc::new(self.scanner.open().clone()),
            problems: problems.into_vec(),
            next_change,
            generation: self.generation,
            news: None,
        })
    }

    /// What a file that is bad now said when it was good: from memory, or after a restart from the
    /// store.
    async fn last_good(
        &mut self,
        path: &str,
        config: &Config,
    ) -> Result<Option<Arc<Manuscript>>, StoreError> {
        if let Some(manuscript) = self.good.get(path) {
            return Ok(Some(manuscript.clone()));
        }
        let Some(good) = self.store.good_text(path.to_string()).await? else { return Ok(None) };
        let file = |text| Arc::new(SourceFile { path: format!("articles/{path}"), text });
        let side = good.side.map(file);
        let quiet = Problems::default();
        let read = Manuscript::read(&file(good.text), side.as_ref(), path, &config.desk(), &quiet);
        let manuscript = read.map(|(manuscript, text)| {
            self.texts.keep(&manuscript, &text);
            Arc::new(manuscript)
        });
        if let Some(manuscript) = &manuscript {
            self.good.insert(path.to_string(), manuscript.clone());
        }
        Ok(manuscript)
    }

    /// Gives a number to every article that is out for the first time, in the order of its date.
    async fn number(
        &self,
        articles: &mut [Article],
        records: Vec<Record>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Record>, StoreError> {
        let mut fresh: Vec<&Article> = articles
            .iter()
            .filter(|article| article.seq.is_none())
            .filter(|article| article.state(now) == State::Live)
            .collect();
        fresh.sort_by_key(|article| (article.published(), article.manuscript.path.clone()));
        let ids: Vec<ArticleId> = fresh.iter().map(|article| article.id).collect();
        let changed = !ids.is_empty();
        self.store.go_live(ids, now).await?;
        let records = if changed { self.store.article_records().await? } else { records };
        let by_id: BTreeMap<ArticleId, &Record> = records.iter().map(|record| (record.id, record)).collect();
        for article in articles {
            if let Some(record) = by_id.get(&article.id) {
                (article.seq, article.live_at) = (record.seq, record.live_at);
                article.is_archive = record.is_archive;
            }
        }
        Ok(records)
    }
}

pub(super) fn sighting(scanned: &Scanned, config: &Config, now: DateTime<Utc>) -> Sighting {
    let manuscript = scanned.manuscript.as_ref().expect("only good files are sighted");
    let day =
        manuscript.date.map_or_else(|| now.with_timezone(&config.site.zone).date_naive(), |when| when.day);
    let key = crate::article::key_of(&scanned.path);
    let mut slugs = manuscript.aliases.clone();
    slugs.push(manuscript.slug.clone());
    Sighting {
        path: scanned.path.clone(),
        content: manuscript.content.clone(),
        brought: manuscript.guid.is_some(),
        guid: manuscript.guid.clone().unwrap_or_else(|| Guid::mint(&config.site.id_authority, day, key)),
        title: manuscript.title.clone(),
        language: manuscript.language.clone(),
        slugs,
    }
}

pub(super) fn article(record: &Record, manuscript: Arc<Manuscript>) -> Article {
    Article {
        id: record.id,
        guid: record.guid.clone(),
        seq: record.seq,
        live_at: record.live_at,
        is_archive: record.is_archive,
        first_seen: record.first_seen,
        manuscript,
    }
}

/// Files that want an address which another has: whoever had it first keeps it.
fn clashes(
    scanned: &[Arc<Scanned>],
    records: &[Record],
    articles: &Path,
    problems: &Problems,
) -> BTreeSet<String> {
    let mut claims: BTreeMap<&str, Vec<(&Scanned, &Manuscript)>> = BTreeMap::new();
    for scanned in scanned {
        if let Some(manuscript) = &scanned.manuscript {
            claims.entry(manuscript.slug.as_str()).or_default().push((scanned, manuscript));
        }
    }
    let mut refused = BTreeSet::new();
    for (slug, mut claimants) in claims.into_iter().filter(|(_, claimants)| claimants.len() > 1) {
        let had_it = |path: &str| {
            let holds = |record: &&Record| {
                record.path == path && record.slugs.last().is_some_and(|last| last.as_str() == slug)
            };
            records.iter().find(holds).map_or(i64::MAX, |record| record.id.0)
        };
        claimants.sort_by_key(|(scanned, _)| (had_it(&scanned.path), scanned.path.clone()));
        let holder = format!("articles/{}", claimants[0].0.path);
        for (scanned, manuscript) in &claimants[1..] {
            let span = &manuscript.slug_span;
            problems.push(Diagnostic::slug_taken(&scanned.file(articles), span, slug, &holder));
            refused.insert(scanned.path.clone());
        }
    }
    refused
}

/// What is worth saying of a good file: held back, or showing what is not there.
pub(super) fn remark(
    article: &Article,
    file: &dyn Fn() -> Arc<SourceFile>,
    is_there: &dyn Fn(&str) -> bool,
    config: &Config,
    now: DateTime<Utc>,
    problems: &Problems,
) {
    let manuscript = &article.manuscript;
    if article.state(now) == State::Held {
        let outlet = manuscript.attributions.iter().find_map(|attribution| {
            let delays = attribution.outlet.republish_after.num_days() > 0;
            (attribution.date.is_none() && delays).then_some(&attribution.outlet)
        });
        if let Some(outlet) = outlet {
            let name = outlet.name.for_readers_of(config.site.language());
            let days = usize::try_from(outlet.republish_after.num_days()).unwrap_or(usize::MAX);
            let delay = crate::diagnostic::count(days, "day");
            let span = &manuscript.attribution_span;
            problems.push(Diagnostic::held(&file(), span, name, &delay));
        }
    }
    let root = config.site.url.join("media/").map(String::from).unwrap_or_default();
    if manuscript.updated.is_some_and(|updated| updated > now) && article.state(now) == State::Live {
        let file = file();
        problems.push(Diagnostic::updated_in_future(&file, &place_of("updated", &file.text)));
    }
    let shown: BTreeSet<&str> = manuscript.media().collect();
    for url in shown {
        // A folder is no file that could be missing.
        let Some(path) = url.strip_prefix(&root).filter(|path| !path.ends_with('/')) else { continue };
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
        if !is_there(&path) {
            let name = path.rsplit('/').next().unwrap_or(&path);
            let file = file();
            problems.push(Diagnostic::missing_media(&file, &place_of(name, &file.text), name));
        }
    }
    if let Some(url) = manuscript.enclosure.as_deref().filter(|url| !url.starts_with(&root)) {
        let file = file();
        let name = url.rsplit('/').next().unwrap_or(url);
        problems.push(Diagnostic::enclosure_elsewhere(&file, &place_of(name, &file.text), url));
    }
}

/// Where a file's name stands in a text, as a word of its own; else its beginning.
fn place_of(name: &str, text: &str) -> Range<usize> {
    let is_part = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || "-_".contains(character))
    };
    let mut places = text.match_indices(name).map(|(start, _)| start..start + name.len());
    let whole = places.find(|place| {
        !is_part(text[..place.start].chars().next_back()) && !is_part(text[place.end..].chars().next())
    });
    whole.filter(|_| !name.is_empty()).unwrap_or(0..0)
}

fn next_change(articles: &[Article], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    articles
        .iter()
        .filter_map(|article| match article.state(now) {
            State::Waiting { until } => Some(until),
            State::Live => article.ends(),
            _ => None,
        })
        .min()
}
