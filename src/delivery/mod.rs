//! One issue to one reader, and the only order in which it can be sent.
//!
//! ```text
//! pending ──claim──▶ Claimed ──begin(Turn)──▶ InFlight ──settle──▶ Settled ──▶ accepted | deferred | refused | in doubt
//!                       └──unsent────────────────────────────────▶ Settled ──▶ pending | deferred | refused
//! ```
//!
//! `Claimed`, `Turn` and `InFlight` are tokens. None can be copied. Only the store makes a `Claimed`, after
//! its row says so durably; so nothing is sent unmarked. A lane (a connection) has one `Turn`: `begin` takes
//! it, and it comes back only when the outcome of that letter is durable. So a lane can claim and announce
//! its next letter while one is under way, and cannot send its final dot: after a crash at most one letter a
//! lane is in doubt.
//!
//! ```compile_fail
//! use byline::delivery::{Claimed, InFlight};
//! fn send(_: &InFlight) {}
//! fn too_early(claimed: Claimed) {
//!     send(&claimed); // a `Claimed` is not an `InFlight`
//! }
//! ```
//!
//! ```compile_fail
//! use byline::delivery::{InFlight, Outcome};
//! fn twice(in_flight: InFlight) {
//!     let reply = Outcome::Accepted { reply: String::new() };
//!     in_flight.settle(reply.clone());
//!     in_flight.settle(reply); // moved
//! }
//! ```
//!
//! ```compile_fail
//! use byline::delivery::{Claimed, InFlight, Turn};
//! fn ahead(one: Claimed, other: Claimed, turn: Turn) -> (InFlight, InFlight) {
//!     (one.begin(turn), other.begin(turn)) // moved: the first is not settled yet
//! }
//! ```

pub mod breaker;
pub mod pace;
pub mod provider;
pub mod reply;
pub mod retry;
pub mod witness;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::provider::Provider;
use crate::{
    newsletter::issue::IssueId,
    subscriber::{SubscriptionId, address::EmailAddress},
};

/// One issue to one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId {
    /// Which issue.
    pub issue: IssueId,
    /// To whom.
    pub subscription: SubscriptionId,
}

/// The store's number of a variant: an issue as one group of readers gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VariantId(pub i64);

/// Where a delivery stands, as its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be sent.
    Pending,
    /// Claimed by a connection; if the program dies now, it may have been sent.
    Sending,
    /// The server took responsibility for it.
    Accepted,
    /// To be tried again later.
    Deferred,
    /// Never to be tried again.
    Refused,
    /// The server may have it, and it is not sent again.
    InDoubt,
    /// The reader left before it was begun.
    Skipped,
    /// The author cancelled the issue before it was begun.
    Cancelled,
}

impl DeliveryState {
    /// Every state, in the order it is reported.
    pub const ALL: [DeliveryState; 8] = [
        Self::Accepted,
        Self::Refused,
        Self::InDoubt,
        Self::Skipped,
        Self::Cancelled,
        Self::Pending,
        Self::Sending,
        Self::Deferred,
    ];

    /// Its name in the store and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::InDoubt => "in_doubt",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing more will happen to it by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Sending | Self::Deferred)
    }
}

/// What is done with a letter that the server may or may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenInDoubt {
    /// Sent again, with the same Message-ID: nobody missed.
    #[default]
    Resend,
    /// Not sent again, and listed: nobody twice.
    Hold,
}

/// One connection's place among those that send; they count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub u32);

/// The right of a lane to send one final dot.
#[must_use = "a turn that is lost stops its lane"]
#[derive(Debug)]
pub struct Turn(Lane);

/// A delivery whose row says that it is being sent.
#[must_use = "a claimed delivery must be begun or released"]
#[derive(Debug)]
pub struct Claimed {
    id: DeliveryId,
    attempt: u32,
    to: EmailAddress,
    name: String,
    variant: VariantId,
    provider: Provider,
}

/// A letter that is being handed to a mailer.
#[must_use = "a letter in flight must be settled with what came of it"]
#[derive(Debug)]
pub struct InFlight {
    id: DeliveryId,
    attempt: u32,
    provider: Provider,
    turn: Turn,
}

/// What came of a delivery, to be written down before its lane's next final dot.
#[must_use = "an outcome that is not written down is a doubt"]
#[derive(Debug)]
pub struct Settled {
    id: DeliveryId,
    attempt: u32,
    provider: Provider,
    outcome: Outcome,
    turn: Option<Turn>,
}

/// What came of handing a letter to a mailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server took responsibility (250 after the final dot), or the file is in the outbox.
    Accepted {
        /// What the server said: its queue id stands in it.
        reply: String,
    },
    /// Not now: a 4yz, to be tried again.
    Deferred {
        /// What the server said.
        reply: String,
    },
    /// Never: a 5yz about this reader or this letter.
    Refused {
        /// What the server said.
        reply: String,
    },
    /// Sent to its final dot, and no answer: the server may have it.
    InDoubt {
        /// What happened instead of an answer.
        reason: String,
    },
    /// Surely not sent, and no fault of this reader's: as if it had not been tried.
    NotSent {
        /// What stood in the way.
        reason: String,
    },
    /// Surely not sent, and not even begun for its own sake: it is due as before.
    GivenBack {
        /// Why.
        reason: String,
    },
    /// A 5yz at MAIL: the server takes nothing from this sender. Not sent, and the next would fare no better.
    SenderRefused {
        /// What the server said.
        reply: String,
    },
}

impl Outcome {
    /// What the server said, or what happened instead.
    pub fn words(&self) -> &str {
        match self {
            Self::Accepted { reply }
            | Self::Deferred { reply }
            | Self::Refused { reply }
            | Self::SenderRefused { reply } => reply,
            Self::InDoubt { reason } | Self::NotSent { reason } | Self::GivenBack { reason } => reason,
        }
    }
}

/// A letter ready to be handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// MAIL FROM.
    pub sender: EmailAddress,
    /// RCPT TO.
    pub recipient: EmailAddress,
    /// The same at each try.
    pub id: MessageId,
    /// RFC 5322: CRLF, ASCII, no line over 998 octets.
    pub bytes: Vec<u8>,
}

/// `7.53681dd8c3ac92c58d6f@far-bank.example`, without the angle brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId {
    local: String,
    domain: String,
}

impl MessageId {
    /// Of a local part that is unique in the newsroom.
    pub fn new(local: String, domain: &str) -> Self {
        Self { local, domain: domain.to_string() }
    }

    /// The part before the `@`, which also names the file in an outbox.
    pub fn local(&self) -> &str {
        &self.local
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl Turn {
    /// A lane's first. For whoever has just taken over from senders before, whose doubts are written down.
    pub(crate) fn first(lane: Lane) -> Self {
        Self(lane)
    }

    /// Whose.
    pub fn lane(&self) -> Lane {
        self.0
    }
}

impl Claimed {
    /// For stores alone, after the row is durable.
    pub(crate) fn from_durable_row(
        id: DeliveryId,
        attempt: u32,
        (to, name): (EmailAddress, String),
        variant: VariantId,
        provider: Provider,
    ) -> Self {
        Self { id, attempt, to, name, variant, provider }
    }

    /// Which.
    pub fn id(&self) -> DeliveryId {
        self.id
    }

    /// To whom.
    pub fn to(&self) -> &EmailAddress {
        &self.to
    }

    /// The reader's name; may be empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which letter.
    pub fn variant(&self) -> VariantId {
        self.variant
    }

    /// Who receives this reader's mail.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// From here on the mailer may have it.
    pub fn begin(self, turn: Turn) -> InFlight {
        InFlight { id: self.id, attempt: self.attempt, provider: self.provider, turn }
    }

    /// It came to an end before its final dot.
    pub fn unsent(self, outcome: Outcome) -> Settled {
        Settled { id: self.id, attempt: self.attempt, provider: self.provider, outcome, turn: None }
    }
}

impl InFlight {
    /// A letter to a tester, or to the author: of no issue, to no reader, and written down nowhere.
    pub(crate) fn of_no_issue() -> Self {
        Self {
            id: DeliveryId { issue: IssueId(0), subscription: SubscriptionId(0) },
            attempt: 1,
            provider: Provider::of(""),
            turn: Turn::first(Lane(0)),
        }
    }

    /// Which.
    pub fn id(&self) -> DeliveryId {
        self.id
    }

    /// What came of it.
    pub fn settle(self, outcome: Outcome) -> Settled {
        let Self { id, attempt, provider, turn } = self;
        Settled { id, attempt, provider, outcome, turn: Some(turn) }
    }
}

impl Settled {
    /// Which.
    pub fn id(&self) -> DeliveryId {
        self.id
    }

    /// How often it has been tried, this time included.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// What came of it.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Who receives this reader's mail.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The lane may send its next final dot. For stores alone, after the outcome is durable.
    pub(crate) fn into_turn_once_durable(self) -> Option<Turn> {
        self.turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What came of some letter.
    pub(super) fn settled(outcome: Outcome) -> Settled {
        let id = DeliveryId { issue: IssueId(1), subscription: SubscriptionId(1) };
        let provider = Provider::of("mina@example.org");
        Settled { id, attempt: 1, provider, outcome, turn: Some(Turn::first(Lane(0))) }
    }
}
