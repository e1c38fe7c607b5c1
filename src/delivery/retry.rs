//! When a deferred letter is tried again, and when it is given up.

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

use super::DeliveryId;

/// Greylisting wants minutes, a full mailbox hours.
const DELAYS_SECONDS: [i64; 7] = [60, 300, 900, 1800, 3600, 7200, 14400];
/// Each delay varies by this share either way, so that a crowd does not come back at once.
const JITTER_PERCENT: i64 = 20;

/// The next try after `attempt` tries (1 or more), or nothing if that is after `deadline`.
pub fn next_try(
    id: DeliveryId,
    attempt: u32,
    now: DateTime<Utc>,
    deadline: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let index = (attempt.max(1) as usize - 1).min(DELAYS_SECONDS.len() - 1);
    let delay = DELAYS_SECONDS[index];
    let jitter = delay * JITTER_PERCENT / 100;
    let spread = jitter * 2 + 1;
    let seconds = delay - jitter + draw(id, attempt).rem_euclid(spread);
    let next = now + Duration::seconds(seconds);
    (next <= deadline).then_some(next)
}

/// A number that differs by delivery and try, and is the same each time it is asked for.
fn draw(id: DeliveryId, attempt: u32) -> i64 {
    let mut digest = Sha256::new();
    digest.update(id.issue.0.to_be_bytes());
    digest.update(id.subscription.0.to_be_bytes());
    digest.update(attempt.to_be_bytes());
    let digest = digest.finalize();
    i64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{newsletter::issue::IssueId, subscriber::SubscriptionId};

    #[test]
    fn delays_grow_stay_within_their_jitter_and_end_at_the_deadline() {
        let now: DateTime<Utc> = "2026-03-06T07:00:00Z".parse().unwrap();
        let deadline = now + Duration::hours(24);
        for subscription in 0..200 {
            let id = DeliveryId { issue: IssueId(1), subscription: SubscriptionId(subscription) };
            for (index, delay) in DELAYS_SECONDS.iter().enumerate() {
                let attempt = u32::try_from(index).unwrap() + 1;
                let waited = (next_try(id, attempt, now, deadline).unwrap() - now).num_seconds();
                assert!((delay * 8 / 10..=delay * 12 / 10).contains(&waited), "{attempt}: {waited}");
            }
            assert_eq!(next_try(id, 3, deadline, deadline), None);
        }
    }
}
