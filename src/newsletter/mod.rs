//! What one subscribes to: a newsletter with its cadences; and its issues.

pub mod issue;
pub mod schedule;
pub mod variant;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use crate::{
    article::{Announce, Article},
    language::{Language, Localised},
    subscriber::address::EmailAddress,
};
use schedule::Schedule;

/// One newsletter, as `[newsletter.ID]` describes it.
#[derive(Debug, Clone)]
pub struct Newsletter {
    /// The table key.
    pub id: String,
    /// What readers know it by.
    pub name: Localised,
    /// One sentence, for pages and the foot of a letter.
    pub description: Option<Localised>,
    /// The language of its letters to readers who chose none.
    pub language: Language,
    /// The languages of the articles it carries.
    pub languages: Vec<Language>,
    /// Only articles for one of these outlets, if any is named.
    pub outlets: Vec<String>,
    /// Only articles with one of these tags, if any is named.
    pub tags: Vec<String>,
    /// In which its schedules are meant.
    pub zone: Tz,
    /// In the order of the config; the first is for readers who chose none.
    pub cadences: Vec<Cadence>,
    /// An issue waits for `byline approve`.
    pub approve: bool,
    /// Letters of an issue that go out before it waits for `byline resume`; all if none.
    pub canary: Option<usize>,
    /// A slot without articles makes no issue.
    pub skip_if_empty: bool,
    /// Newest articles that a new reader still gets.
    pub start_with: usize,
    /// What becomes of slots that passed while nothing ran.
    pub catch_up: CatchUp,
    /// A slot older than this is not caught up.
    pub max_age: Duration,
    /// How long an article must be live before letters carry it at once.
    pub grace: Duration,
    /// Who writes.
    pub sender: Sender,
}

/// A rhythm that a reader chooses.
#[derive(Debug, Clone)]
pub struct Cadence {
    /// `instant`, `daily`, `weekly`, or any name.
    pub name: String,
    /// When it comes.
    pub schedule: Schedule,
    /// At that time where each reader is, and not where the newsletter is.
    pub is_local: bool,
}

/// Who a letter is from, and where replies go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The writer's name; never an outlet's.
    pub name: String,
    /// The writer's address.
    pub address: EmailAddress,
    /// Where replies go, if elsewhere.
    pub reply_to: Option<EmailAddress>,
    /// The domain to which mail that cannot be delivered returns; to the writer if there is none.
    pub return_domain: Option<String>,
}

/// What becomes of slots that passed while nothing ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CatchUp {
    /// One issue, for the last of them.
    #[default]
    Latest,
    /// None of them.
    Skip,
    /// An issue for each.
    All,
}

/// Under `catch_up = "skip"`, a slot this late is still on time.
const ON_TIME: Duration = Duration::minutes(5);

impl Newsletter {
    /// The cadence of this name.
    pub fn cadence(&self, name: &str) -> Option<&Cadence> {
        self.cadences.iter().find(|cadence| cadence.name == name)
    }

    /// Whether it carries the article at all.
    pub fn carries(&self, article: &Article) -> bool {
        let manuscript = &article.manuscript;
        let outlet = self.outlets.is_empty()
            || manuscript
                .attributions
                .iter()
                .any(|attribution| self.outlets.contains(&attribution.outlet.id));
        let tag = self.tags.is_empty()
            || manuscript
                .tags
                .iter()
                .any(|tag| self.tags.iter().any(|wanted| wanted.to_lowercase() == tag.to_lowercase()));
        let language = self.languages.contains(&manuscript.language);
        outlet && tag && language && manuscript.announce != Announce::Never
    }

    /// The slots of `cadence` that are due: those after `considered` up to `now`, less what the
    /// policy drops. Oldest first.
    pub fn due(
        &self,
        cadence: &Cadence,
        considered: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Vec<DateTime<Utc>> {
        let mut due = cadence.schedule.between(considered.max(now - self.max_age), now, self.zone);
        match self.catch_up {
            CatchUp::Latest => due = due.pop().into_iter().collect(),
            CatchUp::Skip => due.retain(|slot| now - *slot <= ON_TIME),
            CatchUp::All => {}
        }
        due
    }
}
