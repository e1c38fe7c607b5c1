//! One edition: which articles it gives to whom, frozen when it is opened.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::Newsletter;
use crate::{
    article::{Article, ArticleId},
    language::Language,
};

/// The store's number of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IssueId(pub i64);

impl std::fmt::Display for IssueId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One newsletter, one cadence, one instant: the identity of a scheduled run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The newsletter's id.
    pub newsletter: String,
    /// The cadence's name.
    pub cadence: String,
    /// When it is due.
    pub at: DateTime<Utc>,
}

/// What made an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Its slot came.
    Slot(Slot),
    /// The author sent a cadence's digest by hand; no cadence means all of them.
    ByHand {
        /// Only readers of this one.
        cadence: Option<String>,
    },
    /// An article wants a letter of its own (`announce: now`); once for each newsletter.
    Announcement(ArticleId),
    /// The author sent chosen articles by hand.
    Special {
        /// Only readers of this one.
        cadence: Option<String>,
    },
}

impl Origin {
    /// A special issue does not move anybody's watermark.
    pub fn is_special(&self) -> bool {
        matches!(self, Origin::Announcement(_) | Origin::Special { .. })
    }

    /// The cadence whose readers it is for, if not for all.
    pub fn cadence(&self) -> Option<&str> {
        match self {
            Origin::Slot(slot) => Some(&slot.cadence),
            Origin::ByHand { cadence } | Origin::Special { cadence } => cadence.as_deref(),
            Origin::Announcement(_) => None,
        }
    }
}

/// Where an issue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IssueState {
    /// Waits for the author's word.
    Waiting,
    /// Its letters are going out.
    Sending,
    /// It stopped for a [`Cause`], and goes on at the author's word.
    Paused,
    /// Whoever had not got it does not get it any more.
    Cancelled,
    /// Every delivery has an outcome.
    Done,
}

impl IssueState {
    /// Every state.
    pub const ALL: [IssueState; 5] =
        [Self::Waiting, Self::Sending, Self::Paused, Self::Cancelled, Self::Done];

    /// Its name in the store and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            IssueState::Waiting => "waiting",
            IssueState::Sending => "sending",
            IssueState::Paused => "paused",
            IssueState::Cancelled => "cancelled",
            IssueState::Done => "done",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether letters of it may still go out.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Sending | Self::Paused)
    }
}

/// Why an issue is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The author said so.
    Author,
    /// It is held until the author has looked: what was sent may not be what is written down.
    Held,
    /// Nothing of it was sent for longer than letters are tried.
    Late,
    /// The first letters are out, and the author is to look at them.
    Canary,
    /// The mail server refuses letters for our sake.
    Refused,
    /// The mail server refuses the login.
    Login,
    /// Its letters do not add up: a fault in the program or the database.
    Sums,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 7] =
        [Self::Author, Self::Held, Self::Late, Self::Canary, Self::Refused, Self::Login, Self::Sums];

    /// Its name in the store and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Author => "author",
            Cause::Held => "held",
            Cause::Late => "late",
            Cause::Canary => "canary",
            Cause::Refused => "refused",
            Cause::Login => "login",
            Cause::Sums => "sums",
        }
    }

    /// The cause of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == name)
    }

    /// In words, after "is paused: ".
    pub fn words(self) -> &'static str {
        match self {
            Cause::Author => "you said so",
            Cause::Held => "held until you have looked at it",
            Cause::Late => "nothing of it went out in time, and it may be stale by now",
            Cause::Canary => "its first letters are out; look at what came of them",
            Cause::Refused => "the mail server refuses letters of yours, whoever they are for",
            Cause::Login => "the mail server refuses the login",
            Cause::Sums => "its letters do not add up",
        }
    }
}

/// What an active reader has had and wants, as an issue asks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taste {
    /// The highest `seq` already offered.
    pub seen: i64,
    /// Only articles in this language; all of the newsletter's if none is chosen.
    pub language: Option<Language>,
    /// Articles that a letter already brought: of those above `seen`, or of those that the issue is about.
    pub had: Vec<ArticleId>,
    /// Where the reader is, if that is known.
    pub zone: Option<Tz>,
}

/// The articles of `newsletter` that a digest cut at `cut` gives to a reader: what is after the
/// watermark and fits. Newest first.
pub fn digest_for(newsletter: &Newsletter, live: &[Arc<Article>], cut: i64, taste: &Taste) -> Vec<ArticleId> {
    let mut chosen: Vec<&Article> = live
        .iter()
        .map(AsRef::as_ref)
        .filter(|article| article.seq.is_some_and(|seq| taste.seen < seq && seq <= cut))
        .filter(|article| newsletter.carries(article) && taste.reads(article))
        .filter(|article| !taste.had.contains(&article.id))
        .collect();
    chosen.sort_by_key(|article| std::cmp::Reverse(article.seq));
    chosen.into_iter().map(|article| article.id).collect()
}

impl Taste {
    /// Whether the reader wants articles in its language.
    pub fn reads(&self, article: &Article) -> bool {
        self.language.as_ref().is_none_or(|language| *language == article.manuscript.language)
    }
}

/// The watermark of a reader who joins now: the newest `start_with` articles that fit are still to
/// come.
pub fn starting_watermark(
    newsletter: &Newsletter,
    live: &[Arc<Article>],
    language: Option<&Language>,
) -> i64 {
    let mut seqs: Vec<i64> = live
        .iter()
        .filter(|article| newsletter.carries(article))
        .filter(|article| language.is_none_or(|wanted| *wanted == article.manuscript.language))
        .filter_map(|article| article.seq)
        .collect();
    seqs.sort_unstable_by_key(|seq| std::cmp::Reverse(*seq));
    let newest = live.iter().filter_map(|article| article.seq).max().unwrap_or(0);
    match (newsletter.start_with, seqs.get(newsletter.start_with)) {
        (0, _) => newest,
        (_, Some(last_not_to_come)) => *last_not_to_come,
        (_, None) => 0,
    }
}
