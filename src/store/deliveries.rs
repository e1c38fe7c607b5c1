//! Deliveries: claimed and settled, and both durable before a connection goes on.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use rusqlite::{Transaction, params};

use super::{Result, Store, from_ms, to_ms};
use crate::{
    delivery::{Claimed, DeliveryId, Outcome, Settled, VariantId, WhenInDoubt, retry},
    newsletter::issue::IssueId,
    subscriber::SubscriptionId,
};

/// A letter that was claimed and not sent waits so long for its next turn.
const NOT_SENT_DELAY: Duration = Duration::seconds(30);

/// Under which terms letters are claimed and settled.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Who sends: `outbox` or `smtp`. A letter left in an outbox can be written again; only a mail
    /// server leaves doubts.
    pub via: &'static str,
    /// What becomes of a doubt.
    pub when_in_doubt: WhenInDoubt,
    /// How long after an issue was opened its letters are tried.
    pub give_up_after: Duration,
}

/// What is to be sent now, and when to look again.
#[derive(Debug, Default)]
pub struct Claims {
    /// Durably marked as being sent.
    pub claimed: Vec<Claimed>,
    /// When the next deferred letter is due, if nothing is now.
    pub next_due: Option<DateTime<Utc>>,
}

/// What was found of a sender that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// To be sent again: each to at most one reader a connection.
    pub again: usize,
    /// Held, for the author to decide.
    pub held: usize,
}

impl Store {
    /// Writes outcomes and claims the next letters, at most `want`, in one durable transaction. So no
    /// connection goes on before its last outcome is safe, and none begins before its claim is. On an
    /// error nothing was written, and the same outcomes can be brought again.
    pub async fn settle_and_claim(
        &self,
        settled: Arc<Vec<Settled>>,
        want: usize,
        terms: Terms,
        now: DateTime<Utc>,
    ) -> Result<Claims> {
        self.act(move |tx| {
            for outcome in settled.iter() {
                settle(tx, outcome, terms, now)?;
            }
            let mut claims = Claims::default();
            while claims.claimed.len() < want {
                let missing = want - claims.claimed.len();
                if !claim(tx, missing, terms, now, &mut claims.claimed)? {
                    break;
                }
            }
            if claims.claimed.len() < want {
                finish_issues(tx)?;
                claims.next_due = next_due(tx)?;
            }
            Ok(claims)
        })
        .await
    }

    /// Takes over from a sender that died: what it had claimed is sent again or held. Only for whoever
    /// holds the newsroom's sender lock.
    pub async fn recover(&self, terms: Terms, now: DateTime<Utc>) -> Result<Recovered> {
        self.act(move |tx| {
            let hold = terms.when_in_doubt == WhenInDoubt::Hold;
            let held = match hold {
                true => tx.execute(
                    "UPDATE delivery SET state = 'in_doubt', updated = ?1,
                            reply = 'the program stopped while the server had it'
                     WHERE state = 'sending' AND via != 'outbox'",
                    [to_ms(now)],
                )?,
                false => 0,
            };
            let again = tx.execute(
                "UPDATE delivery SET state = 'pending', updated = ?1 WHERE state = 'sending'",
                [to_ms(now)],
            )?;
            finish_issues(tx)?;
            Ok(Recovered { again, held })
        })
        .await
    }

    /// When the next letter is due, if any is open.
    pub async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        self.act(next_due).await
    }
}

fn settle(tx: &Transaction<'_>, settled: &Settled, terms: Terms, now: DateTime<Utc>) -> Result<()> {
    let id = settled.id();
    let write = |state: &str, reply: &str, not_before: DateTime<Utc>, attempt: u32| -> Result<()> {
        let changed = tx
            .prepare_cached(
                "UPDATE delivery SET state = ?3, reply = ?4, not_before = ?5, attempt = ?6, updated = ?7
                 WHERE issue_id = ?1 AND subscription_id = ?2 AND state = 'sending'",
            )?
            .execute(params![
                id.issue.0,
                id.subscription.0,
                state,
                crate::text::clean_line(reply),
                to_ms(not_before),
                attempt,
                to_ms(now)
            ])?;
        assert_eq!(changed, 1, "delivery {id:?} is settled once, while it is being sent");
        Ok(())
    };
    let attempt = settled.attempt();
    let deadline = || -> Result<DateTime<Utc>> {
        let since: i64 = tx
            .prepare_cached("SELECT sending_since FROM issue WHERE id = ?1")?
            .query_row([id.issue.0], |row| row.get(0))?;
        Ok(from_ms(since) + terms.give_up_after)
    };
    let retry = |reply: &str, given_up: &str| match retry::next_try(id, attempt, now, deadline()?) {
        Some(next) => write("deferred", reply, next, attempt),
        None => write(given_up, &format!("given up: {reply}"), now, attempt),
    };
    match settled.outcome() {
        Outcome::Accepted { reply } => write("accepted", reply, now, attempt),
        Outcome::Refused { reply } => write("refused", reply, now, attempt),
        Outcome::Deferred { reply } => retry(reply, "refused"),
        Outcome::InDoubt { reason } => match terms.when_in_doubt {
            WhenInDoubt::Resend => retry(reason, "in_doubt"),
            WhenInDoubt::Hold => write("in_doubt", reason, now, attempt),
        },
        Outcome::NotSent { reason } if now > deadline()? => {
            write("refused", &format!("given up: {reason}"), now, attempt)
        }
        // Others first: if it was this letter at which the server hung up, it must not block them.
        Outcome::NotSent { reason } => {
            write("pending", reason, now + NOT_SENT_DELAY, attempt.saturating_sub(1))
        }
    }
}

/// Claims up to `most`; whether there may be more. A reader who left since is passed over for good.
fn claim(
    tx: &Transaction<'_>,
    most: usize,
    terms: Terms,
    now: DateTime<Utc>,
    claimed: &mut Vec<Claimed>,
) -> Result<bool> {
    // The index is used only where its own condition is repeated.
    let mut statement = tx.prepare_cached(
        "SELECT d.issue_id, d.subscription_id, d.variant_id, d.attempt, s.email, s.name, c.status
         FROM issue i
         JOIN delivery d ON d.issue_id = i.id
         JOIN subscription c ON c.id = d.subscription_id
         JOIN subscriber s ON s.id = c.subscriber_id
         WHERE i.state = 'sending' AND d.state IN ('pending', 'deferred') AND d.not_before <= ?1
         ORDER BY i.id, d.not_before, d.subscription_id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![to_ms(now), most as i64])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id = DeliveryId { issue: IssueId(row.get(0)?), subscription: SubscriptionId(row.get(1)?) };
        let (variant, attempt): (i64, u32) = (row.get(2)?, row.get(3)?);
        let (email, name, status): (String, String, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
        found.push((id, VariantId(variant), attempt + 1, email, name, status));
    }
    drop(rows);
    let more = found.len() == most;
    for (id, variant, attempt, email, name, status) in found {
        let address = email.parse().ok().filter(|_| status == "active");
        let (state, reply) = match (&address, status.as_str()) {
            (Some(_), _) => ("sending", None),
            (None, "active") => ("refused", Some("the address is not one that can be mailed")),
            (None, _) => ("skipped", Some("the reader left before this was sent")),
        };
        tx.prepare_cached(
            "UPDATE delivery SET state = ?3, attempt = ?4, via = ?5, updated = ?6,
                    reply = coalesce(?7, reply)
             WHERE issue_id = ?1 AND subscription_id = ?2",
        )?
        .execute(params![
            id.issue.0,
            id.subscription.0,
            state,
            if address.is_some() { attempt } else { attempt - 1 },
            terms.via,
            to_ms(now),
            reply
        ])?;
        if let Some(address) = address {
            claimed.push(Claimed::from_durable_row(id, attempt, address, name, variant));
        }
    }
    Ok(more)
}

/// An issue is done when every letter has an outcome and the outcomes add up.
fn finish_issues(tx: &Transaction<'_>) -> Result<()> {
    tx.execute(
        "UPDATE issue SET state = 'done' WHERE state = 'sending'
         AND NOT EXISTS (SELECT 1 FROM delivery WHERE issue_id = issue.id
                         AND state IN ('pending', 'deferred'))
         AND NOT EXISTS (SELECT 1 FROM delivery WHERE issue_id = issue.id AND state = 'sending')
         AND letters = (SELECT count(*) FROM delivery WHERE issue_id = issue.id)",
        [],
    )?;
    Ok(())
}

fn next_due(tx: &Transaction<'_>) -> Result<Option<DateTime<Utc>>> {
    let next: Option<i64> = tx.query_row(
        "SELECT min(not_before) FROM issue i JOIN delivery d ON d.issue_id = i.id
         WHERE i.state = 'sending' AND d.state IN ('pending', 'deferred')",
        [],
        |row| row.get(0),
    )?;
    Ok(next.map(from_ms))
}
