//! Taking over from a sender that died, or has been away.

use chrono::{DateTime, Utc};
use rusqlite::{Transaction, params};

use super::{Result, Store, control, counts::Counts, deliveries::Terms, to_ms};
use crate::{
    delivery::{DeliveryState, WhenInDoubt},
    newsletter::issue::{Cause, IssueId},
};

/// What was found of a sender that died, or has been away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Claimed, and surely not sent: as if they had not been.
    pub unsent: usize,
    /// In doubt, and to be sent again: at most one a lane.
    pub again: usize,
    /// In doubt, and held for the author to decide.
    pub held: usize,
    /// Issues that stopped: they are too late to go out without a word of the author, or their first letters
    /// are out.
    pub paused: Vec<(IssueId, Cause)>,
}

impl Store {
    /// Takes over from a sender that died: what it had under way is sent again or held. Issues that nobody
    /// sent in time are paused. Only for whoever holds the newsroom's sender lock.
    pub async fn recover(&self, terms: Terms, now: DateTime<Utc>) -> Result<Recovered> {
        self.act(move |tx| {
            let mut found = recover_deliveries(tx, terms, now)?;
            found.paused.extend(pause_late(tx, terms, now)?.into_iter().map(|issue| (issue, Cause::Late)));
            Ok(found)
        })
        .await
    }
}

/// A lane sends in the order of its turns, and no final dot before the outcome of the last is written down: so
/// only the lowest turn of each can have been sent. What an outbox has is written again, to the same file.
fn recover_deliveries(tx: &Transaction<'_>, terms: Terms, now: DateTime<Utc>) -> Result<Recovered> {
    let mut statement = tx.prepare_cached(
        "SELECT issue_id, subscription_id, via != 'outbox' AND (turn IS NULL OR turn =
                (SELECT min(turn) FROM delivery other WHERE other.state = 'sending' AND other.lane = delivery.lane))
         FROM delivery WHERE state = 'sending'",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let left: Vec<(i64, i64, bool)> = rows.collect::<std::result::Result<_, _>>()?;
    let mut counts = Counts::default();
    let mut found = Recovered::default();
    for (issue, subscription, is_doubt) in left {
        let (state, counter) = match (is_doubt, terms.when_in_doubt) {
            (false, _) => (DeliveryState::Pending, &mut found.unsent),
            (true, WhenInDoubt::Resend) => (DeliveryState::Pending, &mut found.again),
            (true, WhenInDoubt::Hold) => (DeliveryState::InDoubt, &mut found.held),
        };
        *counter += 1;
        let words = is_doubt.then_some("the program stopped while the server had it");
        tx.prepare_cached(
            "UPDATE delivery SET state = ?3, attempt = attempt - ?4, doubts = doubts + ?5,
                    reply = coalesce(?6, reply), lane = NULL, turn = NULL, updated = ?7
             WHERE issue_id = ?1 AND subscription_id = ?2",
        )?
        .execute(params![
            issue,
            subscription,
            state.as_str(),
            !is_doubt,
            is_doubt,
            words,
            to_ms(now)
        ])?;
        counts.moved(IssueId(issue), DeliveryState::Sending, state);
        if !is_doubt {
            control::give_back(tx, IssueId(issue), 1)?;
        }
    }
    for issue in counts.write(tx)? {
        found.paused.extend(control::finish(tx, issue, now)?.map(|cause| (issue, cause)));
    }
    Ok(found)
}

/// An issue that has letters to be sent, and was not sent for so long as letters are tried, is held: it may be
/// stale, or the database older than what was sent.
fn pause_late(tx: &Transaction<'_>, terms: Terms, now: DateTime<Utc>) -> Result<Vec<IssueId>> {
    let mut statement = tx.prepare_cached(
        "SELECT id FROM issue WHERE state = 'sending' AND max(sending_since, active_at) < ?1
         AND EXISTS (SELECT 1 FROM delivery WHERE issue_id = issue.id AND state IN ('pending', 'deferred')
                     AND not_before < ?1)",
    )?;
    let since = to_ms(now - terms.give_up_after);
    let late: Vec<i64> =
        statement.query_map([since], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
    let late: Vec<IssueId> = late.into_iter().map(IssueId).collect();
    for issue in &late {
        control::pause(tx, *issue, Cause::Late, None)?;
    }
    Ok(late)
}
