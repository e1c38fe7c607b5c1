//! One issue to one reader, and the only order in which it can be sent.
//!
//! ```text
//! pending ──claim──▶ Claimed ──begin──▶ InFlight ──settle──▶ Settled ──▶ accepted | deferred | refused | in doubt
//!                       └──release──────────────────────────▶ Settled ──▶ pending
//! ```
//!
//! `Claimed` and `InFlight` are tokens. Neither can be copied, and only the store makes a `Claimed`,
//! after its row says so durably; a mailer takes an `InFlight` alone. So nothing is sent unmarked,
//! and nothing is settled twice:
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

pub mod retry;

use std::fmt;

use serde::{Deserialize, Serialize};

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
}

impl DeliveryState {
    /// Every state, in the order it is reported.
    pub const ALL: [DeliveryState; 7] = [
        Self::Accepted,
        Self::Refused,
        Self::InDoubt,
        Self::Skipped,
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

/// A delivery whose row says that it is being sent.
#[must_use = "a claimed delivery must be begun or released"]
#[derive(Debug)]
pub struct Claimed {
    id: DeliveryId,
    attempt: u32,
    to: EmailAddress,
    name: String,
    variant: VariantId,
}

/// A letter that is being handed to a mailer.
#[must_use = "a letter in flight must be settled with what came of it"]
#[derive(Debug)]
pub struct InFlight {
    id: DeliveryId,
    attempt: u32,
}

/// What came of a delivery, to be written down before its connection takes the next.
#[must_use = "an outcome that is not written down is a doubt"]
#[derive(Debug)]
pub struct Settled {
    id: DeliveryId,
    attempt: u32,
    outcome: Outcome,
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

impl Claimed {
    /// For stores alone, after the row is durable.
    pub(crate) fn from_durable_row(
        id: DeliveryId,
        attempt: u32,
        to: EmailAddress,
        name: String,
        variant: VariantId,
    ) -> Self {
        Self { id, attempt, to, name, variant }
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

    /// From here on the mailer may have it.
    pub fn begin(self) -> InFlight {
        InFlight { id: self.id, attempt: self.attempt }
    }

    /// It was not begun.
    pub fn release(self, reason: String) -> Settled {
        Settled { id: self.id, attempt: self.attempt, outcome: Outcome::NotSent { reason } }
    }
}

impl InFlight {
    /// A letter to a tester: of no issue, to no reader, and written down nowhere.
    pub(crate) fn of_test_letter() -> Self {
        Self { id: DeliveryId { issue: IssueId(0), subscription: SubscriptionId(0) }, attempt: 1 }
    }

    /// Which.
    pub fn id(&self) -> DeliveryId {
        self.id
    }

    /// What came of it.
    pub fn settle(self, outcome: Outcome) -> Settled {
        Settled { id: self.id, attempt: self.attempt, outcome }
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
}
