//! The ledger of articles: who each file is, in which order they went live, where they have been.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Result, Store, from_ms, to_ms};
use crate::article::{
    ArticleId,
    identity::{Guid, Slug},
    ledger::{Record, Sighting, identify},
};

/// The ledger after the files have been entered.
#[derive(Debug)]
pub struct Ledger {
    /// Every entry, also of files that are gone.
    pub records: Vec<Record>,
    /// For each sighting, its entry.
    pub found: Vec<ArticleId>,
}

/// The text of a good file, kept for when a bad one replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodText {
    /// The file.
    pub text: String,
    /// Its side file.
    pub side: Option<String>,
}

/// A file that is surely the article of this entry, or a new one.
#[derive(Debug, Clone)]
pub struct Few {
    /// Its entry.
    pub id: Option<ArticleId>,
    /// What it says.
    pub sighting: Sighting,
    /// All of it.
    pub text: GoodText,
    /// Whether it is out for the first time.
    pub goes_live: bool,
}

impl Store {
    /// Enters what was seen: finds each file's entry or makes one. `present` are all files there are,
    /// good or bad; `texts` those of the sightings that changed, by path.
    pub async fn enter_articles(
        &self,
        sightings: Vec<Sighting>,
        present: BTreeSet<String>,
        texts: BTreeMap<String, GoodText>,
        now: DateTime<Utc>,
    ) -> Result<Ledger> {
        self.act(move |tx| {
            let records = records(tx)?;
            let found = identify(&records, &sightings, &present);
            let by_id: BTreeMap<ArticleId, &Record> =
                records.iter().map(|record| (record.id, record)).collect();
            let mut ids = Vec::with_capacity(sightings.len());
            for (sighting, id) in sightings.iter().zip(found) {
                let id = match id {
                    Some(id) => {
                        update(tx, id, sighting, by_id.get(&id).copied())?;
                        id
                    }
                    None => insert(tx, sighting, now)?,
                };
                if let Some(good) = texts.get(&sighting.path) {
                    keep_text(tx, id, good)?;
                }
                ids.push(id);
            }
            Ok(Ledger { records: self::records(tx)?, found: ids })
        })
        .await
    }

    /// Files whose text is not kept, though they were good.
    pub async fn articles_without_text(&self) -> Result<Vec<String>> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT path FROM article WHERE NOT EXISTS (SELECT 1 FROM good_text WHERE article_id = id)",
            )?;
            let paths = statement.query_map([], |row| row.get(0))?;
            Ok(paths.collect::<std::result::Result<_, _>>()?)
        })
        .await
    }

    /// Keeps the texts of good files, by path.
    pub async fn keep_texts(&self, texts: Vec<(String, GoodText)>) -> Result<()> {
        self.act(move |tx| {
            let mut statement = tx.prepare_cached("SELECT id FROM article WHERE path = ?1")?;
            for (path, good) in &texts {
                if let Some(id) = statement.query_row([path], |row| row.get(0)).optional()? {
                    keep_text(tx, ArticleId(id), good)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// A number that is another whenever another process has written.
    pub async fn version(&self) -> Result<i64> {
        self.read(version).await
    }

    /// Enters files that are surely what they are said to be, and numbers those that go live: one
    /// transaction. Nothing if another process has written since `version`; else the entry of each.
    pub async fn enter_few(
        &self,
        few: Vec<Few>,
        version: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<Record>>> {
        self.act(move |tx| {
            if self::version(tx)? != version {
                return Ok(None);
            }
            let mut entered = Vec::new();
            for Few { id, sighting, text, goes_live } in &few {
                let id = match id {
                    Some(id) => {
                        update(tx, *id, sighting, None)?;
                        *id
                    }
                    None => insert(tx, sighting, now)?,
                };
                keep_text(tx, id, text)?;
                if *goes_live {
                    number(tx, id, false, now)?;
                }
                entered.push(record(tx, id)?);
            }
            Ok(Some(entered))
        })
        .await
    }

    /// The last good text of the article whose file is at `path`.
    pub async fn good_text(&self, path: String) -> Result<Option<GoodText>> {
        self.read(move |tx| good_text(tx, &path)).await
    }

    /// The same for whoever is on a thread that may wait.
    pub fn good_text_now(&self, path: String) -> Result<Option<GoodText>> {
        self.act_now(move |tx| good_text(tx, &path))
    }

    /// Numbers articles that are live for the first time, in the order given. Those of the newsroom's
    /// very first scan are its archive: they are no news.
    pub async fn go_live(&self, articles: Vec<ArticleId>, now: DateTime<Utc>) -> Result<()> {
        self.act(move |tx| {
            let scanned: bool = tx.query_row("SELECT scanned FROM newsroom", [], |row| row.get(0))?;
            for id in articles {
                number(tx, id, !scanned, now)?;
            }
            tx.execute("UPDATE newsroom SET scanned = 1 WHERE scanned = 0", [])?;
            Ok(())
        })
        .await
    }

    /// Notes which numbered articles are out and which are not. One that was away while issues were made,
    /// and was given to nobody, would never reach a reader: when it comes back it is numbered anew.
    /// Whether any was. The archive keeps its numbers: it was never to be mailed.
    pub async fn note_presence(&self, live: Vec<ArticleId>, now: DateTime<Utc>) -> Result<bool> {
        self.act(move |tx| {
            let live: BTreeSet<i64> = live.into_iter().map(|id| id.0).collect();
            let mut statement =
                tx.prepare_cached("SELECT id, away_since, is_archive FROM article WHERE seq IS NOT NULL")?;
            let known: Vec<(i64, Option<i64>, bool)> = statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<std::result::Result<_, _>>()?;
            let mut renumbered = false;
            for (id, away_since, is_archive) in known {
                match (live.contains(&id), away_since) {
                    (false, None) => {
                        tx.execute(
                            "UPDATE article SET away_since = ?2 WHERE id = ?1",
                            params![id, to_ms(now)],
                        )?;
                    }
                    (true, Some(since)) => {
                        renumbered |= !is_archive && renumber_if_missed(tx, id, since)?;
                        tx.execute("UPDATE article SET away_since = NULL WHERE id = ?1", [id])?;
                    }
                    _ => {}
                }
            }
            Ok(renumbered)
        })
        .await
    }

    /// Every entry.
    pub async fn article_records(&self) -> Result<Vec<Record>> {
        self.act(records).await
    }
}

fn good_text(tx: &Transaction<'_>, path: &str) -> Result<Option<GoodText>> {
    let mut statement = tx
        .prepare_cached("SELECT text, side FROM good_text JOIN article ON id = article_id WHERE path = ?1")?;
    let found = statement
        .query_row([path], |row| Ok(GoodText { text: row.get(0)?, side: row.get(1)? }))
        .optional()?;
    Ok(found)
}

fn version(tx: &Transaction<'_>) -> Result<i64> {
    Ok(tx.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}

fn keep_text(tx: &Transaction<'_>, id: ArticleId, good: &GoodText) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO good_text VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET text = excluded.text, side = excluded.side",
    )?
    .execute(params![id.0, good.text, good.side])?;
    Ok(())
}

fn number(tx: &Transaction<'_>, id: ArticleId, is_archive: bool, now: DateTime<Utc>) -> Result<()> {
    tx.prepare_cached(
        "UPDATE article SET live_at = ?2, is_archive = ?3,
                seq = (SELECT coalesce(max(seq), 0) + 1 FROM article)
         WHERE id = ?1 AND seq IS NULL",
    )?
    .execute(params![id.0, to_ms(now), is_archive])?;
    Ok(())
}

fn records(tx: &Transaction<'_>) -> Result<Vec<Record>> {
    let mut slugs: BTreeMap<i64, Vec<Slug>> = BTreeMap::new();
    let mut statement = tx.prepare_cached("SELECT article_id, slug FROM slug ORDER BY used")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        slugs.entry(row.get(0)?).or_default().push(Slug::remembered(row.get(1)?));
    }
    let mut statement = tx.prepare_cached(
        "SELECT id, guid, path, content, title, language, first_seen, seq, live_at, is_archive
         FROM article ORDER BY id",
    )?;
    let records = statement.query_map([], |row| {
        let slugs = slugs.remove(&row.get(0)?).unwrap_or_default();
        from_row(row, slugs)
    })?;
    Ok(records.collect::<std::result::Result<_, _>>()?)
}

fn record(tx: &Transaction<'_>, id: ArticleId) -> Result<Record> {
    let mut statement = tx.prepare_cached("SELECT slug FROM slug WHERE article_id = ?1 ORDER BY used")?;
    let slugs = statement.query_map([id.0], |row| row.get(0).map(Slug::remembered))?;
    let slugs: Vec<Slug> = slugs.collect::<std::result::Result<_, _>>()?;
    let mut statement = tx.prepare_cached(
        "SELECT id, guid, path, content, title, language, first_seen, seq, live_at, is_archive
         FROM article WHERE id = ?1",
    )?;
    Ok(statement.query_row([id.0], |row| from_row(row, slugs))?)
}

fn from_row(row: &rusqlite::Row<'_>, slugs: Vec<Slug>) -> rusqlite::Result<Record> {
    let language: String = row.get(5)?;
    Ok(Record {
        id: ArticleId(row.get(0)?),
        guid: Guid::given(row.get(1)?),
        path: row.get(2)?,
        content: row.get(3)?,
        title: row.get(4)?,
        language: language.parse().map_err(|_| rusqlite::Error::InvalidQuery)?,
        first_seen: from_ms(row.get(6)?),
        seq: row.get(7)?,
        live_at: row.get::<_, Option<i64>>(8)?.map(from_ms),
        is_archive: row.get(9)?,
        slugs,
    })
}

fn renumber_if_missed(tx: &Transaction<'_>, id: i64, away_since: i64) -> Result<bool> {
    let renumbered = tx.execute(
        "UPDATE article SET seq = (SELECT max(seq) + 1 FROM article)
         WHERE id = ?1
           AND NOT EXISTS (SELECT 1 FROM variant_article WHERE article_id = ?1)
           AND EXISTS (SELECT 1 FROM issue WHERE opened_at >= ?2 AND cut >= article.seq)",
        params![id, away_since],
    )?;
    Ok(renumbered == 1)
}

fn insert(tx: &Transaction<'_>, sighting: &Sighting, now: DateTime<Utc>) -> Result<ArticleId> {
    let mut guid = sighting.guid.clone();
    let mut number = 2;
    while tx.prepare_cached("SELECT 1 FROM article WHERE guid = ?1")?.exists([guid.as_str()])? {
        guid = sighting.guid.numbered(number);
        number += 1;
    }
    tx.prepare_cached(
        "INSERT INTO article (guid, path, content, title, language, first_seen)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        guid.as_str(),
        sighting.path,
        sighting.content,
        sighting.title,
        sighting.language.as_str(),
        to_ms(now)
    ])?;
    let id = ArticleId(tx.last_insert_rowid());
    enter_slugs(tx, id, &sighting.slugs)?;
    Ok(id)
}

fn update(tx: &Transaction<'_>, id: ArticleId, sighting: &Sighting, record: Option<&Record>) -> Result<()> {
    let same = record.is_some_and(|record| {
        record.path == sighting.path
            && record.content == sighting.content
            && record.title == sighting.title
            && record.language == sighting.language
    });
    if !same {
        tx.prepare_cached(
            "UPDATE article SET path = ?2, content = ?3, title = ?4, language = ?5 WHERE id = ?1",
        )?
        .execute(params![
            id.0,
            sighting.path,
            sighting.content,
            sighting.title,
            sighting.language.as_str()
        ])?;
    }
    let known = |slug: &Slug| record.is_some_and(|record| record.slugs.contains(slug));
    let current = record.and_then(|record| record.slugs.last()) == sighting.slugs.last();
    if !current || !sighting.slugs.iter().all(known) {
        enter_slugs(tx, id, &sighting.slugs)?;
    }
    Ok(())
}

/// The last is the present address, and takes it over from whoever had it before.
fn enter_slugs(tx: &Transaction<'_>, id: ArticleId, slugs: &[Slug]) -> Result<()> {
    for (index, slug) in slugs.iter().enumerate() {
        let is_present = index + 1 == slugs.len();
        tx.prepare_cached(
            "INSERT INTO slug VALUES (?1, ?2, (SELECT coalesce(max(used), 0) + 1 FROM slug))
             ON CONFLICT DO UPDATE SET article_id = excluded.article_id, used = excluded.used
             WHERE ?3 OR article_id = excluded.article_id",
        )?
        .execute(params![slug.as_str(), id.0, is_present])?;
    }
    Ok(())
}
