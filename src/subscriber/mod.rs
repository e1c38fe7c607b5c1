//! A reader: an address, and consent to a newsletter.

pub mod address;
pub mod list;
pub mod token;

use serde::{Deserialize, Serialize};

/// The store's number of one consent: this reader, that newsletter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubscriptionId(pub i64);

/// Where a consent stands. Only an active one is mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Asked for, not yet confirmed.
    Pending,
    /// Mailed.
    Active,
    /// Left, or was taken off. No list brings it back.
    Ended,
}

impl Status {
    /// Its name in the store and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Active => "active",
            Status::Ended => "ended",
        }
    }
}
