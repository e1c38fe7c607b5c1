//! The author's hand on issues that are going out, and the end of each: nothing is done, paused or cancelled
//! whose letters do not add up.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    Result, Store,
    counts::{self, Counts},
    to_ms,
};
use crate::{
    delivery::DeliveryState,
    newsletter::issue::{Cause, IssueId, IssueState},
};

/// What came of a word of the author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the issue may have been in another state"]
pub enum Told {
    /// It was done, for so many letters where that says something.
    Done(usize),
    /// There is no such issue.
    NoIssue,
    /// It stands otherwise, so there was nothing to be done.
    Is(IssueState),
}

/// What becomes of letters in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// They are sent again, with the same Message-ID.
    Resend,
    /// They are counted as accepted.
    AssumeSent,
}

impl Store {
    /// Lets a waiting issue go out.
    pub async fn approve(&self, issue: IssueId, now: DateTime<Utc>) -> Result<Told> {
        self.told(issue, move |tx, state| match state {
            IssueState::Waiting => {
                let _ = let_go(tx, issue, now)?;
                Ok(Told::Done(open(tx, issue)?))
            }
            other => Ok(Told::Is(other)),
        })
        .await
    }

    /// Stops an issue until the author lets it go on. What is under way is finished.
    pub async fn pause(&self, issue: IssueId, cause: Cause) -> Result<Told> {
        self.told(issue, move |tx, state| match state {
            IssueState::Sending | IssueState::Waiting => {
                let _ = pause(tx, issue, cause, None)?;
                Ok(Told::Done(open(tx, issue)?))
            }
            other => Ok(Told::Is(other)),
        })
        .await
    }

    /// Stops every issue that is going out; which. To hold them, also those that wait for a word.
    pub async fn pause_all(&self, cause: Cause, words: String) -> Result<Vec<IssueId>> {
        self.act(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT id FROM issue WHERE state = 'sending' OR (state = 'waiting' AND ?1 = 'held') ORDER BY id",
            )?;
            let ids: Vec<i64> = statement
                .query_map([cause.as_str()], |row| row.get(0))?
                .collect::<std::result::Result<_, _>>()?;
            let ids: Vec<IssueId> = ids.into_iter().map(IssueId).collect();
            let words = Some(words.as_str()).filter(|words| !words.is_empty());
            for id in &ids {
                pause(tx, *id, cause, words)?;
            }
            Ok(ids)
        })
        .await
    }

    /// Lets a paused issue go on, whatever it was paused for, unless its letters do not add up.
    pub async fn resume(&self, issue: IssueId, now: DateTime<Utc>) -> Result<Told> {
        self.told(issue, move |tx, state| match state {
            IssueState::Paused if let_go(tx, issue, now)? => {
                put_back_refused(tx, issue, false, now)?;
                Ok(Told::Done(open(tx, issue)?))
            }
            other => Ok(Told::Is(other)),
        })
        .await
    }

    /// Nobody gets it any more who has not got it; their watermarks go back, so that the articles are still to
    /// come. For how many. What is under way is finished, and called off too if it comes back unsent.
    pub async fn cancel(&self, issue: IssueId, now: DateTime<Utc>) -> Result<Told> {
        self.told(issue, move |tx, state| {
            if !state.is_open() {
                return Ok(Told::Is(state));
            }
            let cancelled = call_off(tx, issue, now)?;
            tx.execute("UPDATE issue SET state = 'cancelled', cause = NULL WHERE id = ?1", [issue.0])?;
            let _ = hold_to_account(tx, issue)?;
            Ok(Told::Done(cancelled))
        })
        .await
    }

    /// Decides what becomes of an issue's letters that are in doubt. Of how many. An issue that was cancelled
    /// sends nothing again: its doubts are then letters that were not sent.
    pub async fn resolve(&self, issue: IssueId, resolution: Resolution, now: DateTime<Utc>) -> Result<Told> {
        self.told(issue, move |tx, state| {
            let (to, words) = match resolution {
                Resolution::Resend => (DeliveryState::Pending, "sent again at the author’s word"),
                Resolution::AssumeSent => (DeliveryState::Accepted, "taken as sent at the author’s word"),
            };
            let resolved = tx.execute(
                "UPDATE delivery SET state = ?2, not_before = ?3, updated = ?3, tried_since = NULL,
                        reply = reply || '; ' || ?4, is_assumed = ?5
                 WHERE issue_id = ?1 AND state = 'in_doubt'",
                params![issue.0, to.as_str(), to_ms(now), words, resolution == Resolution::AssumeSent],
            )?;
            if resolved == 0 {
                return Ok(Told::Is(state));
            }
            let mut counts = Counts::default();
            counts.moved_many(issue, DeliveryState::InDoubt, to, resolved);
            counts.write(tx)?;
            if resolution == Resolution::Resend && state == IssueState::Done {
                let _ = let_go(tx, issue, now)?;
            }
            let _ = finish(tx, issue, now)?;
            Ok(Told::Done(resolved))
        })
        .await
    }

    async fn told(
        &self,
        issue: IssueId,
        act: impl FnOnce(&Transaction<'_>, IssueState) -> Result<Told> + Send + 'static,
    ) -> Result<Told> {
        self.act(move |tx| match state(tx, issue)? {
            None => Ok(Told::NoIssue),
            Some(state) => act(tx, state),
        })
        .await
    }
}

fn state(tx: &Transaction<'_>, issue: IssueId) -> Result<Option<IssueState>> {
    let name: Option<String> = tx
        .prepare_cached("SELECT state FROM issue WHERE id = ?1")?
        .query_row([issue.0], |row| row.get(0))
        .optional()?;
    Ok(name.and_then(|name| IssueState::named(&name)))
}

fn open(tx: &Transaction<'_>, issue: IssueId) -> Result<usize> {
    let counts = counts::counted(tx, issue)?;
    Ok(counts.iter().filter(|(state, _)| !state.is_final()).map(|(_, count)| count).sum())
}

/// Stops an issue, unless it has stopped already.
pub(super) fn pause(tx: &Transaction<'_>, issue: IssueId, cause: Cause, words: Option<&str>) -> Result<bool> {
    let paused = tx.execute(
        "UPDATE issue SET state = 'paused', cause = ?2, words = ?3
         WHERE id = ?1 AND state IN ('waiting', 'sending')",
        params![issue.0, cause.as_str(), words],
    )?;
    if cause != Cause::Sums {
        hold_to_account(tx, issue)?;
    }
    Ok(paused == 1)
}

/// What an issue still has to send, it does not send; the watermarks of its readers go back. How many.
fn call_off(tx: &Transaction<'_>, issue: IssueId, now: DateTime<Utc>) -> Result<usize> {
    tx.execute(
        "UPDATE subscription SET seen = min(seen, delivery.seen_before) FROM delivery
         WHERE delivery.subscription_id = subscription.id AND delivery.issue_id = ?1
               AND delivery.state IN ('pending', 'deferred')",
        [issue.0],
    )?;
    let mut counts = Counts::default();
    let mut called_off = 0;
    for from in [DeliveryState::Pending, DeliveryState::Deferred] {
        let moved = tx.execute(
            "UPDATE delivery SET state = 'cancelled', updated = ?3 WHERE issue_id = ?1 AND state = ?2",
            params![issue.0, from.as_str(), to_ms(now)],
        )?;
        counts.moved_many(issue, from, DeliveryState::Cancelled, moved);
        called_off += moved;
    }
    counts.write(tx)?;
    Ok(called_off)
}

/// Letters that come back unsent are not among the first that the author wants to look at.
pub(super) fn give_back(tx: &Transaction<'_>, issue: IssueId, letters: usize) -> Result<()> {
    tx.prepare_cached("UPDATE issue SET canary = canary + ?2 WHERE id = ?1 AND canary IS NOT NULL")?
        .execute(params![issue.0, letters as i64])?;
    Ok(())
}

/// Who was refused for our sake is to get it once we have mended it; and if `nobody_was_taken`, everybody. But
/// for those whom an issue that followed has reached.
pub(super) fn put_back_refused(
    tx: &Transaction<'_>,
    issue: IssueId,
    nobody_was_taken: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let back = tx.execute(
        "UPDATE delivery SET state = 'pending', not_before = ?2, updated = ?2, blame = NULL, attempt = attempt - 1
         WHERE issue_id = ?1 AND state = 'refused' AND (blame = 'sender' OR ?3)
               AND subscription_id IN (SELECT subscription_id FROM missed WHERE issue_id = ?1)",
        params![issue.0, to_ms(now), nobody_was_taken],
    )?;
    give_back(tx, issue, back)?;
    let mut counts = Counts::default();
    counts.moved_many(issue, DeliveryState::Refused, DeliveryState::Pending, back);
    counts.write(tx)?;
    Ok(())
}

/// Lets an issue go on, from now. Whether its letters add up; if not, it stays.
fn let_go(tx: &Transaction<'_>, issue: IssueId, now: DateTime<Utc>) -> Result<bool> {
    if !hold_to_account(tx, issue)? {
        return Ok(false);
    }
    tx.execute(
        "UPDATE issue SET state = 'sending', sending_since = ?2, words = NULL, cause = NULL,
                canary = CASE WHEN cause = 'canary' OR canary <= 0 THEN NULL ELSE canary END
         WHERE id = ?1",
        params![issue.0, to_ms(now)],
    )?;
    Ok(true)
}

/// If every letter has an outcome, the issue is done; if its first letters have and the author wants to see
/// them, it is paused; if it was cancelled while these letters were under way, what came back is called off.
/// Why, if it is paused now.
pub(super) fn finish(tx: &Transaction<'_>, issue: IssueId, now: DateTime<Utc>) -> Result<Option<Cause>> {
    let (state, canary): (String, Option<i64>) = tx
        .prepare_cached("SELECT state, canary FROM issue WHERE id = ?1")?
        .query_row([issue.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if state == IssueState::Cancelled.as_str() {
        call_off(tx, issue, now)?;
    }
    let counts = counts::counted(tx, issue)?;
    let under_way = counts.get(&DeliveryState::Sending).copied().unwrap_or(0);
    let open: usize = counts.iter().filter(|(state, _)| !state.is_final()).map(|(_, count)| count).sum();
    if open == 0 {
        if !hold_to_account(tx, issue)? {
            return Ok(Some(Cause::Sums));
        }
        tx.execute(
            "UPDATE issue SET state = 'done', cause = NULL, words = NULL
             WHERE id = ?1 AND state IN ('sending', 'paused')",
            [issue.0],
        )?;
        return Ok(None);
    }
    let is_sending = state == IssueState::Sending.as_str();
    if is_sending && under_way == 0 && canary.is_some_and(|left| left <= 0) {
        pause(tx, issue, Cause::Canary, None)?;
        return Ok(Some(Cause::Canary));
    }
    Ok(None)
}

/// Whether an issue's letters add up. If not, it stops here.
pub(super) fn hold_to_account(tx: &Transaction<'_>, issue: IssueId) -> Result<bool> {
    if counts::balance(tx, issue)? {
        return Ok(true);
    }
    let rows: Vec<String> = counts::by_rows(tx, issue)?
        .into_iter()
        .map(|(state, count)| format!("{count} {}", state.as_str()))
        .collect();
    tracing::error!(
        issue.id = issue.0,
        "the letters of an issue do not add up, so it stops: {}",
        rows.join(", ")
    );
    tx.execute(
        "UPDATE issue SET state = 'paused', cause = 'sums', words = ?2 WHERE id = ?1 AND state != 'cancelled'",
        params![issue.0, rows.join(", ")],
    )?;
    Ok(false)
}
