//! Feed readers that ask for everything again and again, though they could ask for what is new.
//!
//! A request that can be answered with 304 is never put off.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use axum::http::{HeaderMap, header};
use governor::Quota;

use super::{
    conditional::text,
    limits::{Limits, network},
};

/// So many times in a row anybody may have all of a feed: people try things out.
const BURST: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");
/// And after that once in so long.
const PAUSE: Duration = Duration::from_secs(300);

/// Who has asked for what, how often.
pub(super) struct Polls(Limits);

impl Polls {
    pub fn new() -> Self {
        Self(Limits::new(Quota::with_period(PAUSE).expect("the pause is not zero").allow_burst(BURST)))
    }

    /// How many seconds this poller should wait before it may have all of the feed at `path` again.
    pub fn wait(&self, address: IpAddr, request: &HeaderMap, path: &str) -> Option<u64> {
        self.0.wait((network(address), text(request, header::USER_AGENT), path))
    }
}
