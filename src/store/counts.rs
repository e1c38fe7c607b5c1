//! How many letters of an issue are in each state, kept beside the rows themselves. Each is the other's
//! witness: what does not add up stops the issue.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{CachedStatement, OptionalExtension, Transaction, params};

use super::Result;
use crate::{delivery::DeliveryState, newsletter::issue::IssueId};

/// What one transaction changes.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<(IssueId, DeliveryState), i64>);

impl Counts {
    pub(super) fn moved(&mut self, issue: IssueId, from: DeliveryState, to: DeliveryState) {
        self.moved_many(issue, from, to, 1);
    }

    pub(super) fn moved_many(&mut self, issue: IssueId, from: DeliveryState, to: DeliveryState, many: usize) {
        *self.0.entry((issue, from)).or_default() -= many as i64;
        *self.0.entry((issue, to)).or_default() += many as i64;
    }

    pub(super) fn entered(&mut self, issue: IssueId, state: DeliveryState, many: usize) {
        *self.0.entry((issue, state)).or_default() += many as i64;
    }

    /// Writes it down; the issues that it is about.
    pub(super) fn write(&mut self, tx: &Transaction<'_>) -> Result<BTreeSet<IssueId>> {
        let mut touched = BTreeSet::new();
        for ((issue, state), by) in std::mem::take(&mut self.0) {
            touched.insert(issue);
            if by != 0 {
                tx.prepare_cached(
                    "INSERT INTO issue_count VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET count = count + excluded.count",
                )?
                .execute(params![issue.0, state.as_str(), by])?;
            }
        }
        Ok(touched)
    }
}

/// By the counter, which is exact whenever no transaction is open.
pub(super) fn counted(tx: &Transaction<'_>, issue: IssueId) -> Result<BTreeMap<DeliveryState, usize>> {
    let statement =
        tx.prepare_cached("SELECT state, count FROM issue_count WHERE issue_id = ?1 AND count != 0")?;
    read(statement, issue)
}

/// By the rows.
pub(super) fn by_rows(tx: &Transaction<'_>, issue: IssueId) -> Result<BTreeMap<DeliveryState, usize>> {
    let statement =
        tx.prepare_cached("SELECT state, count(*) FROM delivery WHERE issue_id = ?1 GROUP BY state")?;
    read(statement, issue)
}

fn read(mut statement: CachedStatement<'_>, issue: IssueId) -> Result<BTreeMap<DeliveryState, usize>> {
    let mut rows = statement.query([issue.0])?;
    let mut counts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (name, count): (String, i64) = (row.get(0)?, row.get(1)?);
        let state = DeliveryState::named(&name).ok_or(rusqlite::Error::InvalidQuery)?;
        counts.insert(state, count.max(0) as usize);
    }
    Ok(counts)
}

/// Whether every reader who could have been in the issue is accounted for, once:
/// audience = excluded + letters, letters = the rows, state by state.
pub(super) fn balance(tx: &Transaction<'_>, issue: IssueId) -> Result<bool> {
    let letters: Option<i64> = tx
        .prepare_cached("SELECT letters FROM issue WHERE id = ?1 AND audience = excluded + letters")?
        .query_row([issue.0], |row| row.get(0))
        .optional()?;
    let rows = by_rows(tx, issue)?;
    Ok(Some(rows.values().sum::<usize>() as i64) == letters && rows == counted(tx, issue)?)
}
