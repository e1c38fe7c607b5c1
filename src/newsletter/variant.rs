//! A letter as it is frozen: what all of an issue's have alike, and what a group of readers gets.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::Sender;
use crate::language::Language;

/// What a letter is about; each has its templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LetterKind {
    /// Several articles, with their summaries.
    #[default]
    Digest,
    /// One article in full.
    Single,
    /// "Was it you who subscribed?"
    Confirm,
    /// The first letter after that.
    Welcome,
    /// The last.
    Goodbye,
}

impl LetterKind {
    /// Every kind.
    pub const ALL: [LetterKind; 5] =
        [Self::Digest, Self::Single, Self::Confirm, Self::Welcome, Self::Goodbye];

    /// Its name in paths and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Single => "single",
            Self::Confirm => "confirm",
            Self::Welcome => "welcome",
            Self::Goodbye => "goodbye",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it is one of many alike, which readers can leave.
    pub fn is_to_a_list(self) -> bool {
        !matches!(self, Self::Confirm | Self::Goodbye)
    }
}

/// What all letters of an issue have alike, frozen when it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The newsletter's id.
    pub newsletter: String,
    /// The writer's name.
    pub from_name: String,
    /// The writer's address.
    pub from: String,
    /// Where replies go, if elsewhere.
    pub reply_to: Option<String>,
    /// The domain to which mail that cannot be delivered returns; to `from` if there is none.
    #[serde(default)]
    pub return_domain: Option<String>,
    /// The front page; links for leaving stand under it.
    pub site: Url,
    /// The Date of every letter, whenever it is sent.
    pub date: DateTime<Utc>,
}

/// An issue as one group of readers gets it. What differs by reader is still marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What it is about.
    pub kind: LetterKind,
    /// The language of its words.
    pub language: Language,
    /// One line.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// "Dear {name},"
    pub greeting: String,
    /// "Hello,"
    pub greeting_nameless: String,
}

impl Frame {
    /// Freezes what a newsletter's letters have alike.
    pub fn new(newsletter: &str, sender: &Sender, site: &Url, date: DateTime<Utc>) -> Self {
        Self {
            newsletter: newsletter.to_string(),
            from_name: sender.name.clone(),
            from: sender.address.to_string(),
            reply_to: sender.reply_to.as_ref().map(ToString::to_string),
            return_domain: sender.return_domain.clone(),
            site: site.clone(),
            date,
        }
    }
}
