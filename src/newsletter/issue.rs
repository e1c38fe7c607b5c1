//! One edition: which articles it gives to whom, frozen when it is opened.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Newsletter;
use crate::{
    article::{Article, ArticleId},
    language::Language,
    subscriber::SubscriptionId,
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
    /// Every delivery has an outcome.
    Done,
}

impl IssueState {
    /// Its name in the store and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            IssueState::Waiting => "waiting",
            IssueState::Sending => "sending",
            IssueState::Done => "done",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Sending, Self::Done].into_iter().find(|state| state.as_str() == name)
    }
}

/// What one active reader has had and wants, as an issue asks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taste {
    /// Whose.
    pub subscription: SubscriptionId,
    /// The highest `seq` already offered.
    pub seen: i64,
    /// Only articles in this language; all of the newsletter's if none is chosen.
    pub language: Option<Language>,
    /// Articles above `seen` that a special issue already brought.
    pub had: Vec<ArticleId>,
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
