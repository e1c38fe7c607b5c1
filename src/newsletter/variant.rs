//! A letter as it is frozen: what all of an issue's have alike, and what a group of readers gets.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::Sender;
use crate::language::Language;

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
    /// The front page; links for leaving stand under it.
    pub site: Url,
    /// The Date of every letter, whenever it is sent.
    pub date: DateTime<Utc>,
}

/// An issue as one group of readers gets it. What differs by reader is still marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
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
            site: site.clone(),
            date,
        }
    }
}
