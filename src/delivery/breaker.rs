//! When refusals are our fault, the issue stops, before every reader has been refused.

use std::collections::{HashMap, VecDeque};

use super::{Outcome, Settled, reply::Blame};
use crate::newsletter::issue::IssueId;

/// How many of the last letters of an issue are remembered.
const LAST: usize = 50;
/// So many refused for our sake among them, and so large a share, are too many.
const FOR_OUR_SAKE: usize = 5;
const SHARE_PERCENT: usize = 20;
/// So many refused before any is taken: then it is not the readers.
const FIRST: usize = 10;

/// Watches what comes of letters, issue by issue.
#[derive(Debug, Default)]
pub struct Breaker {
    issues: HashMap<IssueId, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Whether each of the last was refused for our sake.
    last: VecDeque<bool>,
    refused: usize,
    has_one_taken: bool,
}

/// Why an issue should stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tripped {
    /// Which.
    pub issue: IssueId,
    /// What the server said.
    pub reply: String,
    /// It is the first letters that were refused, as far as is remembered here: not if any was taken before.
    pub unless_taken: bool,
}

impl Breaker {
    /// Takes note of an outcome; whether it was one too many.
    pub fn note(&mut self, settled: &Settled) -> Option<Tripped> {
        let issue = settled.id().issue;
        let seen = self.issues.entry(issue).or_default();
        let (is_trip, unless_taken, reply) = match settled.outcome() {
            Outcome::Accepted { .. } => {
                seen.has_one_taken = true;
                seen.remember(false);
                return None;
            }
            Outcome::Deferred { reply } if Blame::of(reply) == Blame::Sender && is_about_us(reply) => {
                (seen.remember(true), false, reply)
            }
            Outcome::Deferred { .. }
            | Outcome::InDoubt { .. }
            | Outcome::NotSent { .. }
            | Outcome::GivenBack { .. } => return None,
            Outcome::SenderRefused { reply } => (true, false, reply),
            Outcome::Refused { reply } => {
                seen.refused += 1;
                let for_our_sake = seen.remember(Blame::of(reply) == Blame::Sender);
                let is_first = !seen.has_one_taken && seen.refused >= FIRST;
                (for_our_sake || is_first, !for_our_sake, reply)
            }
        };
        if is_trip {
            self.issues.remove(&issue);
        }
        is_trip.then(|| Tripped { issue, reply: reply.clone(), unless_taken })
    }
}

/// Google puts off what lacks a signature, as often as it refuses it; greylisting is a 4.7.1.
fn is_about_us(reply: &str) -> bool {
    ["4.7.26", "4.7.27", "4.7.30", "4.7.32"].iter().any(|code| reply.contains(code))
}

impl Seen {
    /// Whether too many of the last were refused for our sake.
    fn remember(&mut self, for_our_sake: bool) -> bool {
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(for_our_sake);
        let ours = self.last.iter().filter(|ours| **ours).count();
        ours >= FOR_OUR_SAKE && ours * 100 >= self.last.len() * SHARE_PERCENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::tests::settled;

    fn after(outcomes: &[(usize, Outcome)]) -> Option<usize> {
        let mut breaker = Breaker::default();
        let each = outcomes.iter().flat_map(|(times, outcome)| std::iter::repeat_n(outcome, *times));
        each.enumerate().find_map(|(at, outcome)| breaker.note(&settled(outcome.clone())).map(|_| at + 1))
    }

    fn refused(reply: &str) -> Outcome {
        Outcome::Refused { reply: reply.into() }
    }

    #[test]
    fn an_issue_stops_when_refusals_are_about_us() {
        let taken = Outcome::Accepted { reply: "250".into() };
        let (policy, nobody) = (refused("550 5.7.26 who are you"), refused("550 5.1.1 nobody"));
        assert_eq!(after(&[(9, policy.clone())]), Some(5));
        assert_eq!(
            after(&[(50, taken.clone()), (20, policy.clone())]),
            Some(60),
            "a fifth of the last fifty"
        );
        assert_eq!(after(&[(20, nobody.clone())]), Some(10), "nobody at all was taken");
        assert_eq!(after(&[(1, taken.clone()), (200, nobody)]), None, "a bad list is a bad list");
        let seldom: Vec<_> = (0..20).flat_map(|_| [(1, policy.clone()), (9, taken.clone())]).collect();
        assert_eq!(after(&seldom), None, "one server in ten that does not like us");
        assert_eq!(after(&[(1, Outcome::SenderRefused { reply: "530".into() })]), Some(1));
    }
}
