//! Issues as the author sees them: how each stands, and what became of each letter.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction};
use serde::Serialize;

use super::{
    Result, Store, counts, from_ms,
    issues::{broken, frame},
};
use crate::{
    delivery::{DeliveryId, DeliveryState},
    newsletter::issue::{Cause, IssueId, IssueState},
    subscriber::{SubscriptionId, address::EmailAddress},
};

/// An issue and its counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssueSummary {
    /// Its number.
    pub issue: IssueId,
    /// Its newsletter.
    pub newsletter: String,
    /// `slot`, `by_hand`, `announcement` or `special`.
    pub origin: String,
    /// The cadence whose readers it is for; all if none.
    pub cadence: Option<String>,
    /// When its slot was due.
    pub slot: Option<DateTime<Utc>>,
    /// When it was opened.
    pub opened: DateTime<Utc>,
    /// Where it stands.
    pub state: IssueState,
    /// Why it is paused.
    pub cause: Option<Cause>,
    /// What the server said when it was.
    pub words: Option<String>,
    /// Readers who could have been in it.
    pub audience: usize,
    /// Those of them for whom there was nothing in it.
    pub excluded: usize,
    /// How many letters it was opened with.
    pub letters: usize,
    /// How many letters are in each state.
    pub counts: BTreeMap<&'static str, usize>,
}

/// One outcome a reader, and whether the sums balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The issue.
    #[serde(flatten)]
    pub summary: IssueSummary,
    /// Whether the counts add up to the letters that it was opened with.
    pub balanced: bool,
    /// Whose letters they are.
    #[serde(skip)]
    pub sender: EmailAddress,
    /// Every reader of it.
    pub readers: Vec<AuditRow>,
}

/// What became of one reader's letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// Which letter.
    #[serde(skip)]
    pub delivery: DeliveryId,
    /// The address.
    pub email: String,
    /// The state's name.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// How often the server may have had it without an answer: so many copies there may be besides one.
    pub doubts: u32,
    /// Whether it counts as accepted by the author's word alone.
    pub assumed: bool,
    /// Whom a refusal is about.
    pub blame: Option<String>,
    /// What the server said last.
    pub reply: Option<String>,
    /// When.
    pub updated: DateTime<Utc>,
}

impl IssueSummary {
    /// How many letters are in this state.
    pub fn count(&self, state: DeliveryState) -> usize {
        self.counts.get(state.as_str()).copied().unwrap_or(0)
    }

    /// How many letters have no final state.
    pub fn open(&self) -> usize {
        DeliveryState::ALL.into_iter().filter(|state| !state.is_final()).map(|state| self.count(state)).sum()
    }
}

impl Store {
    /// Issues with their counts, the newest first, at most `most`.
    pub async fn issues(&self, most: usize) -> Result<Vec<IssueSummary>> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached("SELECT id FROM issue ORDER BY id DESC LIMIT ?1")?;
            let ids: Vec<i64> = statement
                .query_map([most as i64], |row| row.get(0))?
                .collect::<std::result::Result<_, _>>()?;
            let mut issues = Vec::with_capacity(ids.len());
            for id in ids {
                issues.extend(summary(tx, IssueId(id))?);
            }
            Ok(issues)
        })
        .await
    }

    /// One issue with its counts.
    pub async fn issue(&self, issue: IssueId) -> Result<Option<IssueSummary>> {
        self.read(move |tx| summary(tx, issue)).await
    }

    /// One issue with what became of each letter.
    pub async fn audit(&self, issue: IssueId) -> Result<Option<Audit>> {
        self.read(move |tx| {
            let Some(summary) = summary(tx, issue)? else { return Ok(None) };
            let mut statement = tx.prepare_cached(
                "SELECT email, state, attempt, reply, updated, doubts, blame, subscription_id, is_assumed
                 FROM delivery
                 JOIN subscription ON subscription.id = subscription_id
                 JOIN subscriber ON subscriber.id = subscriber_id
                 WHERE issue_id = ?1 ORDER BY email_key",
            )?;
            let readers: Vec<AuditRow> = statement
                .query_map([issue.0], |row| {
                    Ok(AuditRow {
                        delivery: DeliveryId { issue, subscription: SubscriptionId(row.get(7)?) },
                        email: row.get(0)?,
                        state: row.get(1)?,
                        attempts: row.get(2)?,
                        doubts: row.get(5)?,
                        assumed: row.get(8)?,
                        blame: row.get(6)?,
                        reply: row.get(3)?,
                        updated: from_ms(row.get(4)?),
                    })
                })?
                .collect::<std::result::Result<_, _>>()?;
            let balanced = counts::balance(tx, issue)? && readers.len() == summary.letters;
            let sender = frame(tx, issue)?.from.parse().map_err(|why| broken(issue, &why))?;
            Ok(Some(Audit { summary, balanced, sender, readers }))
        })
        .await
    }
}

pub(super) fn summary(tx: &Transaction<'_>, issue: IssueId) -> Result<Option<IssueSummary>> {
    let found = tx
        .query_row(
            "SELECT newsletter, origin, cadence, slot_at, opened_at, state, letters, cause, words, audience, excluded
             FROM issue WHERE id = ?1",
            [issue.0],
            |row| {
                let state: String = row.get(5)?;
                let cause: Option<String> = row.get(7)?;
                let number = |index| row.get(index).map(|number: i64| number.unsigned_abs() as usize);
                Ok(IssueSummary {
                    issue,
                    newsletter: row.get(0)?,
                    origin: row.get(1)?,
                    cadence: row.get(2)?,
                    slot: row.get::<_, Option<i64>>(3)?.map(from_ms),
                    opened: from_ms(row.get(4)?),
                    state: IssueState::named(&state).ok_or(rusqlite::Error::InvalidQuery)?,
                    cause: cause.and_then(|name| Cause::named(&name)),
                    words: row.get(8)?,
                    audience: number(9)?,
                    excluded: number(10)?,
                    letters: number(6)?,
                    counts: BTreeMap::new(),
                })
            },
        )
        .optional()?;
    let Some(mut summary) = found else { return Ok(None) };
    let counts = counts::counted(tx, issue)?;
    summary.counts = counts.into_iter().map(|(state, count)| (state.as_str(), count)).collect();
    Ok(Some(summary))
}
