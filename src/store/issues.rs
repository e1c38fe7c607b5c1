//! Issues: opened once, with everything that they will ever send.

use chrono::{DateTime, Utc};
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};

use super::{
    Audience, Result, Store, StoreError,
    audience::{self, Letter, add_letters, asked_below},
    control::hold_to_account,
    counts::Counts,
    from_ms, to_ms,
};
use crate::{
    article::ArticleId,
    delivery::{DeliveryState, VariantId},
    newsletter::{
        issue::{IssueId, IssueState, Origin, Taste},
        variant::{Frame, LetterKind, Variant},
    },
};

/// An issue to be opened: its content and its audience.
#[derive(Debug, Clone)]
pub struct NewIssue {
    /// What made it.
    pub origin: Origin,
    /// Who could be in it.
    pub audience: Audience,
    /// `Waiting` or `Sending`.
    pub state: IssueState,
    /// The highest `seq` it offers.
    pub cut: i64,
    /// What its letters have alike.
    pub frame: Frame,
    /// Its letters, one a group of readers.
    pub variants: Vec<NewVariant>,
    /// Who of its audience gets which. There is nothing in it for the others.
    pub crowds: Vec<NewCrowd>,
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

/// Readers of an issue that is being opened who are alike.
#[derive(Debug, Clone)]
pub struct NewCrowd {
    /// Who: those of whom this holds when it is opened.
    pub taste: Taste,
    /// Which of the issue's variants.
    pub variant: usize,
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
    /// A reader who left, or whom another issue offered these articles meanwhile, is not in it; one who joined,
    /// and is like others who are in it, is.
    pub async fn open_issue(&self, new: NewIssue) -> Result<Opened> {
        self.act(move |tx| {
            let Some(issue) = insert_issue(tx, &new)? else { return Ok(Opened::Already) };
            let variants: Vec<VariantId> = new
                .variants
                .iter()
                .map(|variant| insert_variant(tx, issue, &variant.content))
                .collect::<Result<_>>()?;
            let audience = audience::readers(tx, &new.audience)?;
            let asked_below = asked_below(tx, &new.audience.about)?;
            let now = new.frame.date;
            let mut letters = 0_usize;
            for NewCrowd { taste, variant, not_before } in &new.crowds {
                let not_before = not_before.map_or(now, |at| at.max(now));
                let letter = Letter { asked_below, issue, variant: variants[*variant], not_before, now };
                letters += add_letters(tx, &new.audience, taste, &letter)?;
            }
            // Only now: whoever was just given these articles was asked about them as if not.
            for (id, variant) in variants.iter().zip(&new.variants) {
                insert_articles(tx, *id, &variant.articles)?;
            }
            if !new.origin.is_special() {
                move_watermarks(tx, issue, new.cut)?;
            }
            let state = if letters == 0 { IssueState::Done } else { new.state };
            let excluded = audience - letters;
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
        self.read(move |tx| {
            Ok(tx
                .prepare_cached(
                    "SELECT 1 FROM issue WHERE newsletter = ?1 AND announced = ?2 AND origin = 'announcement'",
                )?
                .exists(params![newsletter, article.0])?)
        })
        .await
    }

    /// What a letter is made of.
    pub async fn variant(&self, variant: VariantId) -> Result<(Frame, Variant)> {
        self.read(move |tx| {
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

/// What all letters of an issue have alike.
pub(super) fn frame(tx: &Transaction<'_>, issue: IssueId) -> Result<Frame> {
    let frame: String =
        tx.prepare_cached("SELECT frame FROM issue WHERE id = ?1")?.query_row([issue.0], |row| row.get(0))?;
    serde_json::from_str(&frame).map_err(|why| broken(issue, &why))
}

pub(super) fn broken(issue: IssueId, why: &dyn std::fmt::Display) -> StoreError {
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
            new.audience.newsletter,
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

fn insert_variant(tx: &Transaction<'_>, issue: IssueId, content: &Variant) -> Result<VariantId> {
    let content = content.clone();
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
    Ok(VariantId(tx.last_insert_rowid()))
}

fn insert_articles(tx: &Transaction<'_>, variant: VariantId, articles: &[ArticleId]) -> Result<()> {
    for article in articles {
        tx.execute("INSERT INTO variant_article VALUES (?1, ?2)", params![variant.0, article.0])?;
    }
    Ok(())
}

/// Whatever an issue offers its readers is not offered to them again.
fn move_watermarks(tx: &Transaction<'_>, issue: IssueId, cut: i64) -> Result<()> {
    tx.execute(
        "UPDATE subscription SET seen = ?2
         WHERE seen < ?2 AND id IN (SELECT subscription_id FROM delivery WHERE issue_id = ?1)",
        params![issue.0, cut],
    )?;
    Ok(())
}
