//! Who an issue is for: active readers, those alike together, so that a million take no more memory than ten.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use rusqlite::{Transaction, params};

use super::{Result, Store, to_ms};
use crate::{
    article::ArticleId,
    delivery::VariantId,
    newsletter::issue::{IssueId, Taste},
    subscriber::SubscriptionId,
};

/// Whose readers, and which of them.
#[derive(Debug, Clone)]
pub struct Audience {
    /// The newsletter's id.
    pub newsletter: String,
    /// Only those of this cadence.
    pub cadence: Option<String>,
    /// Only this one.
    pub reader: Option<SubscriptionId>,
    /// What the issue is about.
    pub about: About,
}

/// What an issue is about: of this it is asked who has had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// Whatever is above a reader's watermark, which it moves.
    News,
    /// These articles; it moves no watermark.
    Articles(Vec<ArticleId>),
}

/// Readers of whom an issue knows the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crowd {
    /// What.
    pub taste: Taste,
    /// How many.
    pub readers: usize,
}

impl Store {
    /// The readers of an audience, those alike together.
    pub async fn audience(&self, audience: Audience) -> Result<Vec<Crowd>> {
        self.read(move |tx| crowds(tx, &audience)).await
    }

    /// Where the active readers of a cadence are, as far as that is known.
    pub async fn zones(&self, newsletter: String, cadence: String) -> Result<Vec<Tz>> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT DISTINCT zone FROM subscription
                 WHERE newsletter = ?1 AND cadence = ?2 AND status = 'active' AND zone IS NOT NULL",
            )?;
            let names: Vec<String> = statement
                .query_map([newsletter, cadence], |row| row.get(0))?
                .collect::<std::result::Result<_, _>>()?;
            Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
        })
        .await
    }
}

/// `seen`, `language`, `zone` and `had` as they are kept.
type Kept = (i64, Option<String>, Option<String>, String);

fn crowds(tx: &Transaction<'_>, audience: &Audience) -> Result<Vec<Crowd>> {
    let asked = asked_below(tx, &audience.about)?;
    let (chosen, reader) = (chosen(&audience.about), audience.reader.map(|reader| reader.0));
    let mut statement = match &audience.about {
        About::News => tx.prepare_cached(
            "SELECT seen, language, zone, CASE WHEN seen < ?3 THEN coalesce(
                 (SELECT group_concat(DISTINCT article_id ORDER BY article_id) FROM brought
                  WHERE subscription_id = subscription.id AND seq > subscription.seen AND ?5 IS NULL), '') ELSE '' END
             FROM subscription
             WHERE newsletter = ?1 AND (?2 IS NULL OR cadence = ?2) AND (?4 IS NULL OR id = ?4) AND status = 'active'",
        )?,
        About::Articles(_) => tx.prepare_cached(
            "SELECT seen, language, zone, CASE WHEN seen < ?3 THEN coalesce(
                 (SELECT group_concat(DISTINCT article_id ORDER BY article_id) FROM brought
                  WHERE subscription_id = subscription.id AND article_id IN (SELECT value FROM json_each(?5))), '')
                 ELSE '' END
             FROM subscription
             WHERE newsletter = ?1 AND (?2 IS NULL OR cadence = ?2) AND (?4 IS NULL OR id = ?4) AND status = 'active'",
        )?,
    };
    let mut rows = statement.query(params![audience.newsletter, audience.cadence, asked, reader, chosen])?;
    let mut places: HashMap<Kept, usize> = HashMap::new();
    let mut crowds: Vec<Crowd> = Vec::new();
    while let Some(row) = rows.next()? {
        let kept: Kept = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        if let Some(place) = places.get(&kept) {
            crowds[*place].readers += 1;
            continue;
        }
        crowds.push(Crowd { taste: taste(&kept), readers: 1 });
        places.insert(kept, crowds.len() - 1);
    }
    Ok(crowds)
}

fn taste((seen, language, zone, had): &Kept) -> Taste {
    Taste {
        seen: *seen,
        language: language.as_ref().and_then(|tag| tag.parse().ok()),
        had: had.split(',').filter_map(|id| id.parse().ok()).map(ArticleId).collect(),
        zone: zone.as_ref().and_then(|name| name.parse().ok()),
    }
}

/// What a letter of these has: its variant, and when it may go out.
pub(super) struct Letter {
    /// Whoever has seen so far is not asked what letters brought: [`asked_below`].
    pub(super) asked_below: i64,
    pub(super) issue: IssueId,
    pub(super) variant: VariantId,
    pub(super) not_before: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
}

/// Writes a letter for each reader who is in the crowd now. How many.
pub(super) fn add_letters(
    tx: &Transaction<'_>,
    audience: &Audience,
    taste: &Taste,
    letter: &Letter,
) -> Result<usize> {
    let had: Vec<String> = taste.had.iter().map(|article| article.0.to_string()).collect();
    let mut statement = match &audience.about {
        // Nobody of these need be asked, and nothing that is written is read.
        _ if taste.seen >= letter.asked_below => tx.prepare_cached(
            "INSERT INTO delivery
                (issue_id, subscription_id, variant_id, state, provider, not_before, seen_before, updated)
             SELECT ?1, id, ?2, 'pending', provider, ?3, seen, ?4 FROM subscription
             WHERE newsletter = ?5 AND (?6 IS NULL OR cadence = ?6) AND (?7 IS NULL OR id = ?7) AND status = 'active'
                   AND seen = ?8 AND language IS ?9 AND zone IS ?10 AND ?11 = '' AND ?12 IS ?12",
        )?,
        About::News => tx.prepare_cached(
            "INSERT INTO delivery
                (issue_id, subscription_id, variant_id, state, provider, not_before, seen_before, updated)
             SELECT ?1, id, ?2, 'pending', provider, ?3, seen, ?4 FROM subscription
             WHERE newsletter = ?5 AND (?6 IS NULL OR cadence = ?6) AND (?7 IS NULL OR id = ?7) AND status = 'active'
                   AND seen = ?8 AND language IS ?9 AND zone IS ?10
                   AND coalesce((SELECT group_concat(DISTINCT article_id ORDER BY article_id) FROM brought
                       WHERE subscription_id = subscription.id AND seq > subscription.seen), '') = ?11 AND ?12 IS NULL",
        )?,
        About::Articles(_) => tx.prepare_cached(
            "INSERT INTO delivery
                (issue_id, subscription_id, variant_id, state, provider, not_before, seen_before, updated)
             SELECT ?1, id, ?2, 'pending', provider, ?3, seen, ?4 FROM subscription
             WHERE newsletter = ?5 AND (?6 IS NULL OR cadence = ?6) AND (?7 IS NULL OR id = ?7) AND status = 'active'
                   AND seen = ?8 AND language IS ?9 AND zone IS ?10
                   AND coalesce((SELECT group_concat(DISTINCT article_id ORDER BY article_id) FROM brought
                       WHERE subscription_id = subscription.id
                             AND article_id IN (SELECT value FROM json_each(?12))), '') = ?11",
        )?,
    };
    Ok(statement.execute(params![
        letter.issue.0,
        letter.variant.0,
        to_ms(letter.not_before),
        to_ms(letter.now),
        audience.newsletter,
        audience.cadence,
        audience.reader.map(|reader| reader.0),
        taste.seen,
        taste.language.as_ref().map(crate::language::Language::as_str),
        taste.zone.map(Tz::name),
        had.join(","),
        chosen(&audience.about)
    ])?)
}

/// How many are in it now, alike or not.
pub(super) fn readers(tx: &Transaction<'_>, audience: &Audience) -> Result<usize> {
    let readers: i64 = tx
        .prepare_cached(
            "SELECT count(*) FROM subscription
             WHERE newsletter = ?1 AND (?2 IS NULL OR cadence = ?2) AND (?3 IS NULL OR id = ?3) AND status = 'active'",
        )?
        .query_row(
            params![audience.newsletter, audience.cadence, audience.reader.map(|reader| reader.0)],
            |row| row.get(0),
        )?;
    Ok(readers.unsigned_abs() as usize)
}

/// Whoever has seen so far need not be asked what letters brought: nothing that it is about.
pub(super) fn asked_below(tx: &Transaction<'_>, about: &About) -> Result<i64> {
    Ok(match about {
        About::News => tx.query_row(
            "SELECT coalesce(max(seq), 0) FROM article JOIN variant_article ON article_id = article.id",
            [],
            |row| row.get(0),
        )?,
        About::Articles(_) => tx.query_row(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM variant_article
                 WHERE article_id IN (SELECT value FROM json_each(?1))) THEN ?2 ELSE ?3 END",
            params![chosen(about), i64::MAX, i64::MIN],
            |row| row.get(0),
        )?,
    })
}

/// As JSON, which the database can read.
fn chosen(about: &About) -> Option<String> {
    let About::Articles(articles) = about else { return None };
    let ids: Vec<String> = articles.iter().map(|article| article.0.to_string()).collect();
    Some(format!("[{}]", ids.join(",")))
}
