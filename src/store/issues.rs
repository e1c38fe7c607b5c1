//! Issues: opened once, with everything that they will ever send, and followed to their end.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{
    Result, Store, StoreError,
    control::hold_to_account,
    counts::{self, Counts},
    from_ms, to_ms,
};
use crate::{
    article::ArticleId,
    delivery::{DeliveryId, DeliveryState, VariantId},
    newsletter::{
        issue::{Cause, IssueId, IssueState, Origin},
        variant::{Frame, LetterKind, Variant},
    },
    subscriber::{SubscriptionId, address::EmailAddress},
};

/// An issue to be opened: its content and its audience.
#[derive(Debug, Clone)]
pub struct NewIssue {
    /// What made it.
    pub origin: Origin,
    /// The newsletter's id.
    pub newsletter: String,
    /// `Waiting` or `Sending`.
    pub state: IssueState,
    /// The highest `seq` it offers.
    pub cut: i64,
    /// What its letters have alike.
    pub frame: Frame,
    /// Its letters, one a group of readers.
    pub variants: Vec<NewVariant>,
    /// Who gets which.
    pub letters: Vec<NewLetter>,
    /// Readers who could have been in it, and for whom there is nothing in it.
    pub excluded: usize,
    /// Letters that go out before the author is asked to look at them; all if none.
    pub canary: Option<usize>,
}

/// A rendered letter and the articles in it.
#[derive(Debug, Clone)]
pub struct NewVariant {
    /// The letter.
    pub content: Variant,
    /// What it carries.
    pub articles: Vec<ArticleId>,
}

/// One reader of an issue that is being opened.
#[derive(Debug, Clone, Copy)]
pub struct NewLetter {
    /// To whom.
    pub subscription: SubscriptionId,
    /// Which of the issue's variants.
    pub variant: usize,
    /// The reader's watermark when the audience was read.
    pub seen_before: i64,
    /// When it may go out, if not at once.
    pub not_before: Option<DateTime<Utc>>,
}

/// What became of opening an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an issue that was there already was not opened"]
pub enum Opened {
    /// It is there now, with so many letters.
    New(IssueId, usize),
    /// Its slot, or its announcement, has one.
    Already,
}

/// How far a cadence has been looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Considered {
    /// Slots up to here.
    pub until: DateTime<Utc>,
    /// Articles up to here.
    pub seq: i64,
}

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

/// A variant as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(default)]
    kind: LetterKind,
    language: String,
    subject: String,
    text: String,
    html: String,
    greeting: String,
    greeting_nameless: String,
}

impl Store {
    /// Opens an issue in one transaction: its variants, its deliveries, and every reader's watermark.
    /// A reader who left, or whom another issue offered these articles meanwhile, is not in it.
    pub async fn open_issue(&self, new: NewIssue) -> Result<Opened> {
        self.act(move |tx| {
            let Some(issue) = insert_issue(tx, &new)? else { return Ok(Opened::Already) };
            let mut variants = Vec::with_capacity(new.variants.len());
            for variant in &new.variants {
                variants.push(insert_variant(tx, issue, variant)?);
            }
            let mut letters = 0_usize;
            let mut excluded = new.excluded;
            for letter in &new.letters {
                if take_reader(tx, &new, letter)? {
                    tx.prepare_cached(
                        "INSERT INTO delivery
                            (issue_id, subscription_id, variant_id, state, provider, not_before, seen_before, updated)
                         SELECT ?1, id, ?3, 'pending', provider, ?6, ?5, ?4 FROM subscription WHERE id = ?2",
                    )?
                    .execute(params![
                        issue.0,
                        letter.subscription.0,
                        variants[letter.variant].0,
                        to_ms(new.frame.date),
                        letter.seen_before,
                        to_ms(letter.not_before.map_or(new.frame.date, |at| at.max(new.frame.date)))
                    ])?;
                    letters += 1;
                } else {
                    excluded += 1;
                }
            }
            let state = if letters == 0 { IssueState::Done } else { new.state };
            let audience = new.letters.len() + new.excluded;
            tx.execute(
                "UPDATE issue SET letters = ?2, state = ?3, audience = ?4, excluded = ?5 WHERE id = ?1",
                params![issue.0, letters as i64, state.as_str(), audience as i64, excluded as i64],
            )?;
            let mut counts = Counts::default();
            counts.entered(issue, DeliveryState::Pending, letters);
            counts.write(tx)?;
            hold_to_account(tx, issue)?;
            Ok(Opened::New(issue, letters))
        })
        .await
    }

    /// Opens an issue with the letters of another, for those readers who did not get it and are still there:
    /// refused, given up or cancelled. Whoever may have it, or got it in such an issue before, is not in it.
    /// With how many letters; none if there is nobody.
    pub async fn open_for_missed(
        &self,
        missed: IssueId,
        now: DateTime<Utc>,
    ) -> Result<Option<(IssueId, usize)>> {
        self.act(move |tx| {
            let frame = Frame { date: now, ..frame(tx, missed)? };
            let frame = serde_json::to_string(&frame).expect("strings and a date serialise");
            tx.execute(
                "INSERT INTO issue (newsletter, origin, follows, state, cut, opened_at, sending_since, active_at,
                                    frame, audience, excluded, letters)
                 SELECT newsletter, 'special', id, 'sending', 0, ?2, ?2, ?2, ?3, 0, 0, 0 FROM issue WHERE id = ?1",
                params![missed.0, to_ms(now), frame],
            )?;
            let issue = IssueId(tx.last_insert_rowid());
            let letters = copy_variants(tx, missed, issue)?
                .into_iter()
                .map(|(of, copy)| add_missed(tx, (missed, of), (issue, copy), now))
                .sum::<Result<usize>>()?;
            if letters == 0 {
                tx.execute("DELETE FROM variant_article WHERE variant_id IN
                            (SELECT id FROM variant WHERE issue_id = ?1)", [issue.0])?;
                tx.execute("DELETE FROM variant WHERE issue_id = ?1", [issue.0])?;
                tx.execute("DELETE FROM issue WHERE id = ?1", [issue.0])?;
                return Ok(None);
            }
            tx.execute("UPDATE issue SET letters = ?2, audience = ?2 WHERE id = ?1", [issue.0, letters as i64])?;
            let mut counts = Counts::default();
            counts.entered(issue, DeliveryState::Pending, letters);
            counts.write(tx)?;
            hold_to_account(tx, issue)?;
            Ok(Some((issue, letters)))
        })
        .await
    }

    /// How many would be in such an issue.
    pub async fn missed(&self, issue: IssueId) -> Result<Option<usize>> {
        self.act(move |tx| {
            if summary(tx, issue)?.is_none() {
                return Ok(None);
            }
            let missed: i64 =
                tx.query_row("SELECT count(*) FROM missed WHERE issue_id = ?1", [issue.0], |row| row.get(0))?;
            Ok(Some(missed.unsigned_abs() as usize))
        })
        .await
    }

    /// How far a cadence has been looked at; `start` if never, which is then remembered.
    pub async fn considered(
        &self,
        newsletter: String,
        cadence: String,
        start: Considered,
    ) -> Result<Considered> {
        self.act(move |tx| {
            tx.execute(
                "INSERT INTO schedule VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                params![newsletter, cadence, to_ms(start.until), start.seq],
            )?;
            Ok(tx.query_row(
                "SELECT considered, seq FROM schedule WHERE newsletter = ?1 AND cadence = ?2",
                params![newsletter, cadence],
                |row| Ok(Considered { until: from_ms(row.get(0)?), seq: row.get(1)? }),
            )?)
        })
        .await
    }

    /// A cadence has been looked at up to here. A clock that went back takes this back with it: the slots
    /// between have their issues, which are not opened twice.
    pub async fn consider(&self, newsletter: String, cadence: String, considered: Considered) -> Result<()> {
        self.act(move |tx| {
            tx.execute(
                "UPDATE schedule SET considered = ?3, seq = max(seq, ?4)
                 WHERE newsletter = ?1 AND cadence = ?2",
                params![newsletter, cadence, to_ms(considered.until), considered.seq],
            )?;
            Ok(())
        })
        .await
    }

    /// Whether an article's announcement to a newsletter has been made.
    pub async fn is_announced(&self, newsletter: String, article: ArticleId) -> Result<bool> {
        self.act(move |tx| {
            Ok(tx
                .prepare_cached(
                    "SELECT 1 FROM issue WHERE newsletter = ?1 AND announced = ?2 AND origin = 'announcement'",
                )?
                .exists(params![newsletter, article.0])?)
        })
        .await
    }

    /// Issues with their counts, the newest first, at most `most`.
    pub async fn issues(&self, most: usize) -> Result<Vec<IssueSummary>> {
        self.act(move |tx| {
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
        self.act(move |tx| summary(tx, issue)).await
    }

    /// One issue with what became of each letter.
    pub async fn audit(&self, issue: IssueId) -> Result<Option<Audit>> {
        self.act(move |tx| {
            let Some(summary) = summary(tx, issue)? else { return Ok(None) };
            let mut statement = tx.prepare_cached(
                "SELECT email, state, attempt, reply, updated, doubts, blame, subscription_id FROM delivery
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

    /// What a letter is made of.
    pub async fn variant(&self, variant: VariantId) -> Result<(Frame, Variant)> {
        self.act(move |tx| {
            let (issue, content): (i64, String) =
                tx.query_row("SELECT issue_id, content FROM variant WHERE id = ?1", [variant.0], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            let broken = |why: &dyn std::fmt::Display| broken(IssueId(issue), why);
            let frame = frame(tx, IssueId(issue))?;
            let kept: Kept = serde_json::from_str(&content).map_err(|why| broken(&why))?;
            let content = Variant {
                kind: kept.kind,
                language: kept.language.parse().map_err(|why| broken(&why))?,
                subject: kept.subject,
                text: kept.text,
                html: kept.html,
                greeting: kept.greeting,
                greeting_nameless: kept.greeting_nameless,
            };
            Ok((frame, content))
        })
        .await
    }
}

/// Each variant with its copy.
fn copy_variants(tx: &Transaction<'_>, from: IssueId, to: IssueId) -> Result<Vec<(VariantId, VariantId)>> {
    let mut statement = tx.prepare_cached("SELECT id FROM variant WHERE issue_id = ?1")?;
    let ids: Vec<i64> =
        statement.query_map([from.0], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
    let mut copies = Vec::with_capacity(ids.len());
    for id in ids {
        tx.execute(
            "INSERT INTO variant (issue_id, content) SELECT ?2, content FROM variant WHERE id = ?1",
            [id, to.0],
        )?;
        let copy = tx.last_insert_rowid();
        tx.execute(
            "INSERT INTO variant_article SELECT ?2, article_id FROM variant_article WHERE variant_id = ?1",
            [id, copy],
        )?;
        copies.push((VariantId(id), VariantId(copy)));
    }
    Ok(copies)
}

fn add_missed(
    tx: &Transaction<'_>,
    (missed, of): (IssueId, VariantId),
    (issue, copy): (IssueId, VariantId),
    now: DateTime<Utc>,
) -> Result<usize> {
    Ok(tx.execute(
        "INSERT INTO delivery
            (issue_id, subscription_id, variant_id, state, provider, not_before, seen_before, updated)
         SELECT ?2, subscription_id, ?3, 'pending', provider, ?4, seen_before, ?4
         FROM missed WHERE issue_id = ?1 AND variant_id = ?5",
        params![missed.0, issue.0, copy.0, to_ms(now), of.0],
    )?)
}

/// What all letters of an issue have alike.
fn frame(tx: &Transaction<'_>, issue: IssueId) -> Result<Frame> {
    let frame: String =
        tx.prepare_cached("SELECT frame FROM issue WHERE id = ?1")?.query_row([issue.0], |row| row.get(0))?;
    serde_json::from_str(&frame).map_err(|why| broken(issue, &why))
}

fn broken(issue: IssueId, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("issue {issue}: {why}"))
}

fn insert_issue(tx: &Transaction<'_>, new: &NewIssue) -> Result<Option<IssueId>> {
    let (origin, slot_at, announced) = match &new.origin {
        Origin::Slot(slot) => ("slot", Some(to_ms(slot.at)), None),
        Origin::ByHand { .. } => ("by_hand", None, None),
        Origin::Announcement(article) => ("announcement", None, Some(article.0)),
        Origin::Special { .. } => ("special", None, None),
    };
    let frame = serde_json::to_string(&new.frame).expect("strings and a date serialise");
    let inserted = tx.execute(
        "INSERT INTO issue
            (newsletter, origin, cadence, slot_at, announced, state, cut, opened_at, sending_since, active_at,
             frame, audience, excluded, letters, canary)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?8, ?9, 0, 0, 0, ?10) ON CONFLICT DO NOTHING",
        params![
            new.newsletter,
            origin,
            new.origin.cadence(),
            slot_at,
            announced,
            new.state.as_str(),
            new.cut,
            to_ms(new.frame.date),
            frame,
            new.canary.map(|letters| letters as i64)
        ],
    )?;
    Ok((inserted == 1).then(|| IssueId(tx.last_insert_rowid())))
}

fn insert_variant(tx: &Transaction<'_>, issue: IssueId, variant: &NewVariant) -> Result<VariantId> {
    let content = variant.content.clone();
    let kept = Kept {
        kind: content.kind,
        language: content.language.to_string(),
        subject: content.subject,
        text: content.text,
        html: content.html,
        greeting: content.greeting,
        greeting_nameless: content.greeting_nameless,
    };
    let kept = serde_json::to_string(&kept).expect("strings serialise");
    tx.execute("INSERT INTO variant (issue_id, content) VALUES (?1, ?2)", params![issue.0, kept])?;
    let id = tx.last_insert_rowid();
    for article in &variant.articles {
        tx.execute("INSERT INTO variant_article VALUES (?1, ?2)", params![id, article.0])?;
    }
    Ok(VariantId(id))
}

/// Moves a reader's watermark, if it still stands where the audience saw it and the reader has not
/// left. A special issue moves none.
fn take_reader(tx: &Transaction<'_>, new: &NewIssue, letter: &NewLetter) -> Result<bool> {
    let seen = if new.origin.is_special() { letter.seen_before } else { new.cut.max(letter.seen_before) };
    let moved = tx
        .prepare_cached(
            "UPDATE subscription SET seen = ?3 WHERE id = ?1 AND seen = ?2 AND status = 'active'",
        )?
        .execute(params![letter.subscription.0, letter.seen_before, seen])?;
    Ok(moved == 1)
}

fn summary(tx: &Transaction<'_>, issue: IssueId) -> Result<Option<IssueSummary>> {
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
