//! A clock that jumps is not believed at once: by a day ahead, every letter would be late, and every one that was
//! put off given up; and it may be back in a minute.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A clock is set right by less than this without a question.
const JUMP: TimeDelta = TimeDelta::minutes(10);
/// What a clock says for so long is believed.
const CONFIRMED_AFTER: Duration = Duration::from_secs(300);

/// Follows the clock on the wall beside one that only goes forward.
#[derive(Debug, Default)]
pub(super) struct Steady {
    /// What the wall said, and what the other did.
    last: Option<(DateTime<Utc>, Duration)>,
    doubted: Option<Duration>,
}

impl Steady {
    /// The moment, where the wall says `wall`, and the other clock `lived`.
    pub(super) fn moment(&mut self, wall: DateTime<Utc>, lived: Duration) -> DateTime<Utc> {
        let (before, then) = *self.last.get_or_insert((wall, lived));
        let expected = before + TimeDelta::from_std(lived.saturating_sub(then)).unwrap_or_default();
        if (wall - expected).abs() > JUMP {
            let since = *self.doubted.get_or_insert_with(|| {
                tracing::warn!(
                    "the clock jumped from {expected} to {wall}; it is believed if it says so for long"
                );
                lived
            });
            if lived.saturating_sub(since) < CONFIRMED_AFTER {
                return expected;
            }
        }
        self.doubted = None;
        self.last = Some((wall, lived));
        wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_believed_when_it_says_so_for_long() {
        let noon: DateTime<Utc> = "2026-03-06T12:00:00Z".parse().unwrap();
        let (minute, day) = (TimeDelta::minutes(1), TimeDelta::days(1));
        let lived = |minutes: u64| Duration::from_secs(minutes * 60);
        let mut steady = Steady::default();
        assert_eq!(steady.moment(noon, lived(0)), noon);
        assert_eq!(steady.moment(noon + minute, lived(1)), noon + minute);
        assert_eq!(steady.moment(noon + day, lived(2)), noon + minute * 2, "not yet");
        assert_eq!(steady.moment(noon + minute * 3, lived(3)), noon + minute * 3, "it is back");
        assert_eq!(steady.moment(noon - day, lived(4)), noon + minute * 4);
        assert_eq!(steady.moment(noon - day + minute * 6, lived(10)), noon - day + minute * 6, "so it is");
        assert_eq!(steady.moment(noon - day + minute * 14, lived(11)), noon - day + minute * 14, "set right");
    }
}
