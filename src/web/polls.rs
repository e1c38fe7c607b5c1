//! Feed readers that ask for everything again and again, though they could ask for what is new.
//!
//! A request that can be answered with 304 is never put off.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use axum::http::{HeaderMap, header};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

use super::conditional::text;

/// So many times in a row anybody may have all of a feed: people try things out.
const BURST: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");
/// And after that once in so long.
const PAUSE: Duration = Duration::from_secs(300);
/// Pollers remembered at a time.
const POLLERS_MAX: usize = 50_000;

/// Who has asked for what, how often.
pub(super) struct Polls(DefaultKeyedRateLimiter<u64>);

impl Polls {
    pub fn new() -> Self {
        let quota = Quota::with_period(PAUSE).expect("the pause is not zero").allow_burst(BURST);
        Self(RateLimiter::keyed(quota))
    }

    /// How many seconds this poller should wait before it may have all of the feed at `path` again.
    pub fn wait(&self, address: IpAddr, request: &HeaderMap, path: &str) -> Option<u64> {
        if self.0.len() > POLLERS_MAX {
            self.0.retain_recent();
        }
        let mut poller = DefaultHasher::new();
        (network(address), text(request, header::USER_AGENT), path).hash(&mut poller);
        let refused = self.0.check_key(&poller.finish()).err()?;
        let wait = refused.wait_time_from(governor::clock::DefaultClock::default().now());
        Some(wait.as_secs() + 1)
    }
}

/// A household or an office has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}
