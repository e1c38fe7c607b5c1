//! Which letters may go out, and the claims that lanes lay to them.

use std::collections::HashMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Result, Store, counts::Counts, deliveries::Terms, from_ms, to_ms};
use crate::{
    delivery::{Claimed, DeliveryId, DeliveryState, Lane, VariantId, provider::Provider},
    newsletter::issue::IssueId,
    subscriber::SubscriptionId,
};

/// That an issue is being sent is noted at most so often.
const ACTIVE_NOTED_EVERY: Duration = Duration::seconds(10);

/// A lane asks for a letter of an issue to a provider.
#[derive(Debug, Clone)]
pub struct Want {
    /// Who asks.
    pub lane: Lane,
    /// Higher than that of any claim before.
    pub turn: i64,
    /// Of which issue.
    pub issue: IssueId,
    /// To whom.
    pub provider: Provider,
}

/// Letters of one issue to one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which issue.
    pub issue: IssueId,
    /// To whom.
    pub provider: Provider,
    /// When the first of them is due.
    pub due: DateTime<Utc>,
}

impl Store {
    /// Who has letters to come, of issues that are being sent.
    pub async fn groups(&self) -> Result<Vec<Group>> {
        self.read(groups).await
    }

    /// How many letters are due, at most `most`.
    pub async fn due(&self, most: usize, now: DateTime<Utc>) -> Result<usize> {
        self.read(move |tx| {
            let due: i64 = tx.query_row(
                "SELECT count(*) FROM (SELECT 1 FROM issue JOIN delivery ON issue_id = issue.id
                 WHERE issue.state = 'sending' AND delivery.state IN ('pending', 'deferred') AND not_before <= ?1
                 LIMIT ?2)",
                params![to_ms(now), most as i64],
                |row| row.get(0),
            )?;
            Ok(due.unsigned_abs() as usize)
        })
        .await
    }

    /// How many letters each provider took on a day.
    pub async fn sent_on(&self, day: NaiveDate) -> Result<HashMap<Provider, u32>> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached("SELECT provider, count FROM sent_on WHERE day = ?1")?;
            let rows = statement
                .query_map([day.to_string()], |row| Ok((Provider::named(row.get(0)?), row.get(1)?)))?;
            Ok(rows.collect::<std::result::Result<_, _>>()?)
        })
        .await
    }

    /// Issues that are being sent are not late while it is their pace that holds them.
    pub async fn are_active(&self, now: DateTime<Utc>) -> Result<()> {
        self.act(move |tx| {
            tx.execute(
                "UPDATE issue SET active_at = ?1 WHERE state = 'sending' AND active_at < ?2",
                [to_ms(now), to_ms(now - ACTIVE_NOTED_EVERY)],
            )?;
            Ok(())
        })
        .await
    }

    /// When the next letter is due, if any is open.
    pub async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        self.read(|tx| Ok(groups(tx)?.into_iter().map(|group| group.due).min())).await
    }
}

/// A row that may be claimed.
struct Due {
    subscription: SubscriptionId,
    variant: VariantId,
    attempt: u32,
    was: DeliveryState,
    email: String,
    name: String,
    status: String,
}

/// Claims a letter for each want, of the same issue and provider. A reader who left since is passed over for
/// good.
pub(super) fn claim(
    tx: &Transaction<'_>,
    wants: &[Want],
    terms: Terms,
    now: DateTime<Utc>,
    counts: &mut Counts,
) -> Result<Vec<(Lane, Claimed)>> {
    let Some(Want { issue, provider, .. }) = wants.first() else { return Ok(Vec::new()) };
    let issue = *issue;
    let mut claimed = Vec::new();
    while claimed.len() < wants.len() {
        let due = due(tx, issue, provider, wants.len() - claimed.len(), now)?;
        if due.is_empty() {
            break;
        }
        for row in due {
            let id = DeliveryId { issue, subscription: row.subscription };
            let address = row.email.parse().ok().filter(|_| row.status == "active");
            let (Some(address), want) = (address, &wants[claimed.len()]) else {
                pass_over(tx, id, &row, now, counts)?;
                continue;
            };
            tx.prepare_cached(
                "UPDATE delivery SET state = 'sending', attempt = ?3, via = ?4, lane = ?5, turn = ?6, updated = ?7,
                        tried_since = coalesce(tried_since, ?7)
                 WHERE issue_id = ?1 AND subscription_id = ?2",
            )?
            .execute(params![
                id.issue.0,
                id.subscription.0,
                row.attempt + 1,
                terms.via,
                want.lane.0,
                want.turn,
                to_ms(now)
            ])?;
            counts.moved(issue, row.was, DeliveryState::Sending);
            let to = (address, row.name);
            let letter = Claimed::from_durable_row(id, row.attempt + 1, to, row.variant, provider.clone());
            claimed.push((want.lane, letter));
        }
    }
    Ok(claimed)
}

/// How many letters of an issue may begin now.
pub(super) struct Allowance {
    pub(super) left: usize,
    /// The author wants to look at the first of them.
    pub(super) is_limited: bool,
}

pub(super) fn allowance(tx: &Transaction<'_>, issue: IssueId, now: DateTime<Utc>) -> Result<Allowance> {
    let found: Option<(Option<i64>, i64)> = tx
        .prepare_cached("SELECT canary, active_at FROM issue WHERE id = ?1 AND state = 'sending'")?
        .query_row([issue.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((canary, active_at)) = found else { return Ok(Allowance { left: 0, is_limited: false }) };
    if (now - from_ms(active_at)).abs() > ACTIVE_NOTED_EVERY {
        tx.prepare_cached("UPDATE issue SET active_at = ?2 WHERE id = ?1")?
            .execute(params![issue.0, to_ms(now)])?;
    }
    let left = canary.map_or(usize::MAX, |left| left.max(0) as usize);
    Ok(Allowance { left, is_limited: canary.is_some() })
}

fn due(
    tx: &Transaction<'_>,
    issue: IssueId,
    provider: &Provider,
    most: usize,
    now: DateTime<Utc>,
) -> Result<Vec<Due>> {
    // The index is used only where its own condition is repeated.
    let mut statement = tx.prepare_cached(
        "SELECT d.subscription_id, d.variant_id, d.attempt, d.state, s.email, s.name, c.status
         FROM delivery d
         JOIN subscription c ON c.id = d.subscription_id
         JOIN subscriber s ON s.id = c.subscriber_id
         WHERE d.issue_id = ?1 AND d.provider = ?2 AND d.state IN ('pending', 'deferred') AND d.not_before <= ?3
         ORDER BY d.not_before, d.subscription_id LIMIT ?4",
    )?;
    let rows = statement.query_map(params![issue.0, provider.as_str(), to_ms(now), most as i64], |row| {
        let state: String = row.get(3)?;
        Ok(Due {
            subscription: SubscriptionId(row.get(0)?),
            variant: VariantId(row.get(1)?),
            attempt: row.get(2)?,
            was: if state == "deferred" { DeliveryState::Deferred } else { DeliveryState::Pending },
            email: row.get(4)?,
            name: row.get(5)?,
            status: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

fn pass_over(
    tx: &Transaction<'_>,
    id: DeliveryId,
    row: &Due,
    now: DateTime<Utc>,
    counts: &mut Counts,
) -> Result<()> {
    let (state, words) = match row.status.as_str() {
        "active" => (DeliveryState::Refused, "the address is not one that can be mailed"),
        _ => (DeliveryState::Skipped, "the reader left before this was sent"),
    };
    tx.prepare_cached(
        "UPDATE delivery SET state = ?3, reply = ?4, updated = ?5 WHERE issue_id = ?1 AND subscription_id = ?2",
    )?
    .execute(params![id.issue.0, id.subscription.0, state.as_str(), words, to_ms(now)])?;
    counts.moved(id.issue, row.was, state);
    Ok(())
}

/// From provider to provider along the index, however many letters each has.
fn groups(tx: &Transaction<'_>) -> Result<Vec<Group>> {
    let mut statement = tx.prepare_cached(
        "WITH RECURSIVE found (issue_id, provider) AS (
             SELECT id, (SELECT min(provider) FROM delivery
                         WHERE issue_id = issue.id AND state IN ('pending', 'deferred'))
             FROM issue WHERE state = 'sending'
             UNION ALL
             SELECT issue_id, (SELECT min(provider) FROM delivery
                               WHERE issue_id = found.issue_id AND provider > found.provider
                                     AND state IN ('pending', 'deferred'))
             FROM found WHERE provider IS NOT NULL)
         SELECT issue_id, provider, (SELECT min(not_before) FROM delivery
             WHERE issue_id = found.issue_id AND provider = found.provider AND state IN ('pending', 'deferred'))
         FROM found WHERE provider IS NOT NULL",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Group {
            issue: IssueId(row.get(0)?),
            provider: Provider::named(row.get(1)?),
            due: from_ms(row.get(2)?),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}
