//! Deliveries: claimed and settled, and both durable before a lane goes on.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry},
    sync::Arc,
};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Result, Store, StoreError, counts::Counts, from_ms, to_ms};
use crate::{
    delivery::{
        Claimed, DeliveryId, DeliveryState, Lane, Outcome, Settled, Turn, VariantId, WhenInDoubt,
        provider::Provider, reply::Blame, retry,
    },
    newsletter::issue::{Cause, IssueId},
    subscriber::SubscriptionId,
};

/// A letter that was claimed and not sent waits so long for its next turn.
const NOT_SENT_DELAY: Duration = Duration::seconds(30);
/// That an issue is being sent is noted at most so often.
const ACTIVE_NOTED_EVERY: Duration = Duration::seconds(10);

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
    /// The author's day, if letters are counted by it.
    pub day: Option<NaiveDate>,
}

/// What lanes bring to the store and ask of it, all at once.
#[derive(Debug, Default)]
pub struct Round {
    /// What came of letters.
    pub settled: Vec<Settled>,
    /// Issues that must stop, with what the server said.
    pub stops: Vec<(IssueId, Cause, String)>,
    /// Letters that lanes ask for.
    pub wants: Vec<Want>,
}

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

/// What the store made of a round.
#[derive(Debug, Default)]
pub struct Recorded {
    /// For each lane whose letter is settled: it may send its next final dot.
    pub turns: Vec<Turn>,
    /// Durably marked as being sent, and by whom.
    pub claimed: Vec<(Lane, Claimed)>,
    /// Who has nothing more that is due.
    pub dry: Vec<(IssueId, Provider)>,
    /// Issues that stopped in this round.
    pub paused: Vec<(IssueId, Cause)>,
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

/// What was found of a sender that died, or has been away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Claimed, and surely not sent: as if they had not been.
    pub unsent: usize,
    /// In doubt, and to be sent again: at most one a lane.
    pub again: usize,
    /// In doubt, and held for the author to decide.
    pub held: usize,
    /// Issues that are too late to go out without a word of the author.
    pub late: Vec<IssueId>,
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

    /// Takes over from a sender that died: what it had under way is sent again or held. Issues that nobody
    /// sent in time are paused. Only for whoever holds the newsroom's sender lock.
    pub async fn recover(&self, terms: Terms, now: DateTime<Utc>) -> Result<Recovered> {
        self.act(move |tx| {
            let mut found = recover_deliveries(tx, terms, now)?;
            found.late = pause_late(tx, terms, now)?;
            Ok(found)
        })
        .await
    }

    /// Who has letters to come, of issues that are being sent.
    pub async fn groups(&self) -> Result<Vec<Group>> {
        self.act(groups).await
    }

    /// How many letters are due, at most `most`.
    pub async fn due(&self, most: usize, now: DateTime<Utc>) -> Result<usize> {
        self.act(move |tx| {
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
        self.act(move |tx| {
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
        self.act(|tx| Ok(groups(tx)?.into_iter().map(|group| group.due).min())).await
    }
}

fn record(tx: &Transaction<'_>, round: &Round, terms: Terms, now: DateTime<Utc>) -> Result<Recorded> {
    let mut counts = Counts::default();
    let mut recorded = Recorded::default();
    for settled in &round.settled {
        settle(tx, settled, terms, now, &mut counts)?;
    }
    for issue in refused_too_late(tx, round)? {
        put_back_refused(tx, issue, now, &mut counts)?;
    }
    for (issue, cause, words) in &round.stops {
        if *cause == Cause::Refused {
            put_back_refused(tx, *issue, now, &mut counts)?;
        }
        counts.write(tx)?;
        if super::control::pause(tx, *issue, *cause, Some(words))? {
            recorded.paused.push((*issue, *cause));
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
    let touched = counts.write(tx)?;
    for issue in touched {
        recorded.paused.extend(super::control::finish(tx, issue)?.map(|cause| (issue, cause)));
    }
    Ok(recorded)
}

/// What a row becomes.
struct Becomes<'w> {
    state: DeliveryState,
    words: &'w str,
    not_before: DateTime<Utc>,
    attempt: u32,
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
    let becomes = |state, words| Becomes { state, words, not_before: now, attempt, doubts: 0, blame: None };
    let given_up;
    let row = match settled.outcome() {
        Outcome::Accepted { reply } => becomes(DeliveryState::Accepted, reply.as_str()),
        Outcome::Refused { reply } => {
            Becomes { blame: Some(Blame::of(reply)), ..becomes(DeliveryState::Refused, reply) }
        }
        Outcome::GivenBack { reason: words } => {
            Becomes { attempt: attempt.saturating_sub(1), ..becomes(DeliveryState::Pending, words) }
        }
        // As if it had not been tried. Others first: if it was this letter at which the server hung up, it must
        // not block them.
        Outcome::NotSent { reason: words } | Outcome::SenderRefused { reply: words } => Becomes {
            attempt: attempt.saturating_sub(1),
            not_before: now + NOT_SENT_DELAY,
            ..becomes(DeliveryState::Pending, words)
        },
        Outcome::InDoubt { reason } if terms.when_in_doubt == WhenInDoubt::Hold => {
            Becomes { doubts: 1, ..becomes(DeliveryState::InDoubt, reason) }
        }
        Outcome::Deferred { reply: words } | Outcome::InDoubt { reason: words } => {
            let is_doubt = matches!(settled.outcome(), Outcome::InDoubt { .. });
            let next = retry::next_try(id, attempt, now, deadline(tx, id, terms)?);
            given_up = format!("given up: {words}");
            let row = match (next, is_doubt) {
                (Some(_), _) => becomes(DeliveryState::Deferred, words),
                (None, true) => becomes(DeliveryState::InDoubt, &given_up),
                (None, false) => {
                    Becomes { blame: Some(Blame::of(words)), ..becomes(DeliveryState::Refused, &given_up) }
                }
            };
            Becomes { not_before: next.unwrap_or(now), doubts: u32::from(is_doubt), ..row }
        }
    };
    write(tx, id, &row, now)?;
    if let (Some(day), DeliveryState::Accepted) = (terms.day, row.state) {
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
                    blame = ?8, updated = ?9, lane = NULL, turn = NULL
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
            to_ms(now)
        ])?;
    assert_eq!(changed, 1, "delivery {id:?} is settled once, while it is being sent");
    Ok(())
}

/// Until when a letter is tried: from its first try, or from when its issue was let go on.
fn deadline(tx: &Transaction<'_>, id: DeliveryId, terms: Terms) -> Result<DateTime<Utc>> {
    let since: i64 = tx
        .prepare_cached(
            "SELECT max(sending_since, coalesce(tried_since, 0)) FROM delivery JOIN issue ON issue.id = issue_id
             WHERE issue_id = ?1 AND subscription_id = ?2",
        )?
        .query_row([id.issue.0, id.subscription.0], |row| row.get(0))?;
    Ok(from_ms(since) + terms.give_up_after)
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

/// Who was refused for our sake is to get it once we have mended it; and everybody, if nobody was taken.
fn put_back_refused(
    tx: &Transaction<'_>,
    issue: IssueId,
    now: DateTime<Utc>,
    counts: &mut Counts,
) -> Result<()> {
    let back = tx.execute(
        "UPDATE delivery SET state = 'pending', not_before = ?2, updated = ?2, blame = NULL,
                attempt = attempt - 1
         WHERE issue_id = ?1 AND state = 'refused' AND (blame = 'sender' OR NOT EXISTS
               (SELECT 1 FROM delivery taken WHERE taken.issue_id = ?1 AND taken.state = 'accepted'))",
        params![issue.0, to_ms(now)],
    )?;
    counts.moved_many(issue, DeliveryState::Refused, DeliveryState::Pending, back);
    Ok(())
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
fn claim(
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
struct Allowance {
    left: usize,
    /// The author wants to look at the first of them.
    is_limited: bool,
}

fn allowance(tx: &Transaction<'_>, issue: IssueId, now: DateTime<Utc>) -> Result<Allowance> {
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
    }
    for issue in counts.write(tx)? {
        super::control::finish(tx, issue)?;
    }
    Ok(found)
}

/// An issue that has letters to be sent, and was not sent for so long as letters are tried, is held: it may be
/// stale, or the database older than what was sent.
fn pause_late(tx: &Transaction<'_>, terms: Terms, now: DateTime<Utc>) -> Result<Vec<IssueId>> {
    let mut statement = tx.prepare_cached(
        "SELECT id FROM issue WHERE state = 'sending' AND max(sending_since, active_at) < ?1
         AND EXISTS (SELECT 1 FROM delivery WHERE issue_id = issue.id AND state = 'pending' AND not_before < ?1)",
    )?;
    let since = to_ms(now - terms.give_up_after);
    let late: Vec<i64> =
        statement.query_map([since], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
    let late: Vec<IssueId> = late.into_iter().map(IssueId).collect();
    for issue in &late {
        super::control::pause(tx, *issue, Cause::Late, None)?;
    }
    Ok(late)
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
