//! Rounds: what came of letters and the claims to the next, durable before any lane goes on.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use rusqlite::{Transaction, params};

use super::{
    Result, Store, StoreError,
    claims::{Want, allowance, claim},
    control,
    control::put_back_refused,
    counts::{self, Counts},
    from_ms, to_ms,
};
use crate::{
    delivery::{
        Claimed, DeliveryId, DeliveryState, Lane, Outcome, Settled, Turn, WhenInDoubt, breaker::Tripped,
        provider::Provider, reply::Blame, retry,
    },
    newsletter::issue::{Cause, IssueId},
    subscriber::SubscriptionId,
};

/// A letter that was claimed and not sent waits so long for its next turn, for each time in a row.
const NOT_SENT_DELAY: Duration = Duration::seconds(30);
const NOT_SENT_DELAYS_MAX: i32 = 20;
/// If a server hung up on it so often, and takes others, it is this letter.
const LOSSES_MAX: u32 = 10;

/// Under which terms letters are claimed and settled.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Who sends: `outbox` or `smtp`. A letter left in an outbox can be written again; only a mail
    /// server leaves doubts.
    pub via: &'static str,
    /// What becomes of a doubt.
    pub when_in_doubt: WhenInDoubt,
    /// How long after its first try a letter is tried.
    pub give_up_after: Duration,
    /// Where the author is, if letters are counted by his days.
    pub counts_days_in: Option<Tz>,
}

impl Terms {
    /// The author's day, if letters are counted by it.
    pub fn day(&self, now: DateTime<Utc>) -> Option<NaiveDate> {
        self.counts_days_in.map(|zone| now.with_timezone(&zone).date_naive())
    }
}

/// What lanes bring to the store and ask of it, all at once.
#[derive(Debug, Default)]
pub struct Round {
    /// What came of letters.
    pub settled: Vec<Settled>,
    /// Issues that must stop.
    pub stops: Vec<Tripped>,
    /// Letters that lanes ask for.
    pub wants: Vec<Want>,
    /// What the round before said.
    pub version: Option<Version>,
}

/// What the store made of a round.
#[derive(Debug, Default)]
pub struct Recorded {
    /// For each lane whose letter is settled: it may send its next final dot.
    pub turns: Vec<Turn>,
    /// Durably marked as being sent, and by whom.
    pub claimed: Vec<(Lane, Claimed)>,
    /// Who has nothing more that is due.
    pub dry: Vec<(IssueId, Provider)>,
    /// Issues that stopped in this round, and what the server said.
    pub paused: Vec<(IssueId, Cause, String)>,
    /// Letters that were claimed and are not to go out, as far as they are not begun: somebody else stopped their
    /// issue since the round before, or the reader left.
    pub recalled: Vec<(Lane, DeliveryId)>,
    /// Of the store at the end of this round.
    pub version: Option<Version>,
}

/// Another whenever anybody has written something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// What other connections wrote.
    others: i64,
    /// Rows that this one changed.
    own: u64,
}

impl Version {
    fn of(tx: &Transaction<'_>) -> Result<Self> {
        let others = tx.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        Ok(Self { others, own: tx.total_changes() })
    }
}

impl Store {
    /// Writes outcomes and claims the next letters in one durable transaction. So no lane sends a final dot
    /// before its last outcome is safe, and none before its claim is. On an error nothing was written, and
    /// the round comes back, to be brought again.
    pub async fn record(
        &self,
        round: Round,
        terms: Terms,
        now: DateTime<Utc>,
    ) -> std::result::Result<Recorded, (Round, StoreError)> {
        let round = Arc::new(round);
        let brought = round.clone();
        let recorded = self.act(move |tx| record(tx, &brought, terms, now)).await;
        let round = Arc::into_inner(round).expect("the store let go of its own when it answered");
        match recorded {
            Ok(mut recorded) => {
                recorded.turns =
                    round.settled.into_iter().filter_map(Settled::into_turn_once_durable).collect();
                Ok(recorded)
            }
            Err(why) => Err((round, why)),
        }
    }
}

fn record(tx: &Transaction<'_>, round: &Round, terms: Terms, now: DateTime<Utc>) -> Result<Recorded> {
    let mut counts = Counts::default();
    let mut recorded = Recorded::default();
    let has_changed = round.version != Some(Version::of(tx)?);
    for settled in &round.settled {
        settle(tx, settled, terms, now, &mut counts)?;
    }
    let mut touched = BTreeSet::new();
    for issue in refused_too_late(tx, round)? {
        // Else one write, with the claims, in which most of it cancels out.
        touched.append(&mut counts.write(tx)?);
        put_back_refused(tx, issue, is_nobody_taken(tx, issue)?, now)?;
    }
    for Tripped { issue, reply, unless_taken } in &round.stops {
        touched.append(&mut counts.write(tx)?);
        let is_nobody_taken = is_nobody_taken(tx, *issue)?;
        if *unless_taken && !is_nobody_taken {
            continue;
        }
        put_back_refused(tx, *issue, is_nobody_taken, now)?;
        if control::pause(tx, *issue, Cause::Refused, Some(reply))? {
            recorded.paused.push((*issue, Cause::Refused, reply.clone()));
        }
    }
    // The wants of one issue and provider are asked for together.
    let mut allowances = BTreeMap::new();
    for wants in round.wants.chunk_by(|a, b| (a.issue, &a.provider) == (b.issue, &b.provider)) {
        let allowance = match allowances.entry(wants[0].issue) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(allowance(tx, wants[0].issue, now)?),
        };
        let claimed = claim(tx, &wants[..wants.len().min(allowance.left)], terms, now, &mut counts)?;
        allowance.left -= claimed.len();
        if claimed.len() < wants.len() {
            recorded.dry.push((wants[0].issue, wants[0].provider.clone()));
        }
        recorded.claimed.extend(claimed);
    }
    for (issue, allowance) in allowances.iter().filter(|(_, allowance)| allowance.is_limited) {
        tx.prepare_cached("UPDATE issue SET canary = ?2 WHERE id = ?1")?
            .execute(params![issue.0, allowance.left as i64])?;
    }
    touched.append(&mut counts.write(tx)?);
    for issue in touched {
        recorded.paused.extend(control::finish(tx, issue, now)?.map(|cause| (issue, cause, String::new())));
    }
    if has_changed || !recorded.paused.is_empty() {
        recorded.recalled = recalled(tx)?;
    }
    recorded.version = Some(Version::of(tx)?);
    Ok(recorded)
}

/// What lanes have, and should not.
fn recalled(tx: &Transaction<'_>) -> Result<Vec<(Lane, DeliveryId)>> {
    let mut statement = tx.prepare_cached(
        "SELECT lane, issue_id, subscription_id FROM delivery
         JOIN issue ON issue.id = issue_id JOIN subscription ON subscription.id = subscription_id
         WHERE delivery.state = 'sending' AND lane IS NOT NULL
               AND (issue.state != 'sending' OR subscription.status != 'active')",
    )?;
    let rows = statement.query_map([], |row| {
        let id = DeliveryId { issue: IssueId(row.get(1)?), subscription: SubscriptionId(row.get(2)?) };
        Ok((Lane(row.get(0)?), id))
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// What a row becomes.
struct Becomes<'w> {
    state: DeliveryState,
    words: &'w str,
    not_before: DateTime<Utc>,
    attempt: u32,
    losses: u32,
    doubts: u32,
    blame: Option<Blame>,
}

fn settle(
    tx: &Transaction<'_>,
    settled: &Settled,
    terms: Terms,
    now: DateTime<Utc>,
    counts: &mut Counts,
) -> Result<()> {
    let (id, attempt) = (settled.id(), settled.attempt());
    let becomes =
        |state, words| Becomes { state, words, not_before: now, attempt, losses: 0, doubts: 0, blame: None };
    let given_up;
    let row = match settled.outcome() {
        Outcome::Accepted { reply } => becomes(DeliveryState::Accepted, reply.as_str()),
        Outcome::Refused { reply } => {
            Becomes { blame: Some(Blame::of(reply)), ..becomes(DeliveryState::Refused, reply) }
        }
        Outcome::GivenBack { reason: words } => {
            let Past { losses, .. } = past(tx, id, terms)?;
            Becomes { attempt: attempt.saturating_sub(1), losses, ..becomes(DeliveryState::Pending, words) }
        }
        Outcome::NotSent { reason: words } | Outcome::SenderRefused { reply: words } => {
            given_up = format!("given up: {words}");
            let Past { until, losses, doubts } = past(tx, id, terms)?;
            let losses = losses + 1;
            if losses >= LOSSES_MAX && now > until && !is_nobody_taken(tx, id.issue)? {
                becomes(given_up_as(doubts), &given_up)
            } else {
                // As if it had not been tried. Others first: if it was this letter at which the server hung up,
                // it must not block them.
                let delays =
                    i32::try_from(losses).map_or(NOT_SENT_DELAYS_MAX, |n| n.min(NOT_SENT_DELAYS_MAX));
                Becomes {
                    attempt: attempt.saturating_sub(1),
                    losses,
                    not_before: now + NOT_SENT_DELAY * delays,
                    ..becomes(DeliveryState::Pending, words)
                }
            }
        }
        Outcome::InDoubt { reason } if terms.when_in_doubt == WhenInDoubt::Hold => {
            Becomes { doubts: 1, ..becomes(DeliveryState::InDoubt, reason) }
        }
        Outcome::Deferred { reply: words } | Outcome::InDoubt { reason: words } => {
            let is_doubt = matches!(settled.outcome(), Outcome::InDoubt { .. });
            let Past { until, doubts, .. } = past(tx, id, terms)?;
            let next = retry::next_try(id, attempt, now, until);
            given_up = format!("given up: {words}");
            let row = if next.is_some() {
                becomes(DeliveryState::Deferred, words)
            } else {
                let state = given_up_as(doubts + u32::from(is_doubt));
                let blame = (state == DeliveryState::Refused).then(|| Blame::of(words));
                Becomes { blame, ..becomes(state, &given_up) }
            };
            Becomes { not_before: next.unwrap_or(now), doubts: u32::from(is_doubt), ..row }
        }
    };
    write(tx, id, &row, now)?;
    if row.state == DeliveryState::Pending {
        control::give_back(tx, id.issue, 1)?;
    }
    if let (Some(day), DeliveryState::Accepted) = (terms.day(now), row.state) {
        tx.prepare_cached(
            "INSERT INTO sent_on VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE SET count = count + 1",
        )?
        .execute(params![day.to_string(), settled.provider().as_str()])?;
    }
    counts.moved(id.issue, DeliveryState::Sending, row.state);
    Ok(())
}

fn write(tx: &Transaction<'_>, id: DeliveryId, row: &Becomes<'_>, now: DateTime<Utc>) -> Result<()> {
    let changed = tx
        .prepare_cached(
            "UPDATE delivery SET state = ?3, reply = ?4, not_before = ?5, attempt = ?6, doubts = doubts + ?7,
                    blame = ?8, updated = ?9, losses = ?10, lane = NULL, turn = NULL
             WHERE issue_id = ?1 AND subscription_id = ?2 AND state = 'sending'",
        )?
        .execute(params![
            id.issue.0,
            id.subscription.0,
            row.state.as_str(),
            crate::text::clean_line(row.words),
            to_ms(row.not_before),
            row.attempt,
            row.doubts,
            row.blame.map(Blame::as_str),
            to_ms(now),
            row.losses
        ])?;
    assert_eq!(changed, 1, "delivery {id:?} is settled once, while it is being sent");
    Ok(())
}

/// A letter that the server may have is not one that it does not have.
fn given_up_as(doubts: u32) -> DeliveryState {
    if doubts > 0 { DeliveryState::InDoubt } else { DeliveryState::Refused }
}

/// What is known of a letter besides its outcome.
struct Past {
    /// Until when it is tried: from its first try, or from when its issue was let go on.
    until: DateTime<Utc>,
    losses: u32,
    doubts: u32,
}

fn past(tx: &Transaction<'_>, id: DeliveryId, terms: Terms) -> Result<Past> {
    let past = tx
        .prepare_cached(
            "SELECT max(sending_since, coalesce(tried_since, 0)), losses, doubts
             FROM delivery JOIN issue ON issue.id = issue_id WHERE issue_id = ?1 AND subscription_id = ?2",
        )?
        .query_row([id.issue.0, id.subscription.0], |row| {
            let until = from_ms(row.get(0)?) + terms.give_up_after;
            Ok(Past { until, losses: row.get(1)?, doubts: row.get(2)? })
        })?;
    Ok(past)
}

/// Issues that were paused already for such refusals when these letters, which were under way then, met them.
fn refused_too_late(tx: &Transaction<'_>, round: &Round) -> Result<BTreeSet<IssueId>> {
    let refused = round.settled.iter().filter(|settled| matches!(settled.outcome(), Outcome::Refused { .. }));
    let mut issues: BTreeSet<IssueId> = refused.map(|settled| settled.id().issue).collect();
    let mut statement =
        tx.prepare_cached("SELECT 1 FROM issue WHERE id = ?1 AND state = 'paused' AND cause = 'refused'")?;
    let mut late = BTreeSet::new();
    while let Some(issue) = issues.pop_first() {
        if statement.exists([issue.0])? {
            late.insert(issue);
        }
    }
    Ok(late)
}

fn is_nobody_taken(tx: &Transaction<'_>, issue: IssueId) -> Result<bool> {
    let taken = counts::counted(tx, issue)?.get(&DeliveryState::Accepted).copied();
    Ok(taken.unwrap_or(0) == 0)
}
