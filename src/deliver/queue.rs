//! Whose letter is next: issue by issue and provider by provider in turn, each as fast as it may.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use chrono::{DateTime, Utc};

use crate::{
    delivery::{pace::Pace, provider::Provider},
    newsletter::issue::IssueId,
    store::Group,
};

/// What is due is looked up again after so long, so that a new issue need not wait for the end of a large one.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Letters of one group before the next has its turn: fair enough, and one question to the store.
const TURN: usize = 8;

/// Who has letters that are due, in the order in which they are asked.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ring: VecDeque<(IssueId, Provider)>,
    looked: Option<Duration>,
    /// When the first letter is due of those that are not yet.
    later: Option<DateTime<Utc>>,
}

impl Queue {
    /// What is due at `moment`, and what later.
    pub(super) fn fill(&mut self, groups: Vec<Group>, moment: DateTime<Utc>, now: Duration) {
        self.looked = Some(now);
        self.later = groups.iter().map(|group| group.due).filter(|due| *due > moment).min();
        let due = groups.into_iter().filter(|group| group.due <= moment);
        self.ring = due.map(|group| (group.issue, group.provider)).collect();
    }

    /// When to look again, if nothing more is due.
    pub(super) fn later(&self) -> Option<DateTime<Utc>> {
        self.later
    }

    /// Whether anything is due.
    pub(super) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Up to `most` letters that may begin now, a few of each group before the next has its turn.
    pub(super) fn next(&mut self, most: usize, pace: &Pace, now: Duration) -> Vec<(IssueId, Provider)> {
        let mut chosen = Vec::new();
        let mut room: HashMap<Provider, usize> = HashMap::new();
        let mut passed = 0;
        while chosen.len() < most && passed < self.ring.len() {
            let Some(group) = self.ring.pop_front() else { break };
            let left = room.entry(group.1.clone()).or_insert_with(|| pace.room(&group.1, now));
            let letters = TURN.min(*left).min(most - chosen.len());
            *left -= letters;
            passed = if letters > 0 { 0 } else { passed + 1 };
            chosen.extend(std::iter::repeat_n(&group, letters).cloned());
            self.ring.push_back(group);
        }
        chosen.sort();
        chosen
    }

    /// Nothing more of these is due.
    pub(super) fn dry(&mut self, group: &(IssueId, Provider)) {
        self.ring.retain(|other| other != group);
    }

    /// When what is due should be looked up again, if it was.
    pub(super) fn old_at(&self) -> Option<Duration> {
        self.looked.map(|looked| looked + LOOK_AGAIN)
    }

    /// When one of those that must wait may go on, if only time makes it so.
    pub(super) fn opens(&self, pace: &Pace, now: Duration) -> Option<Duration> {
        self.ring.iter().filter_map(|(_, provider)| pace.opens(provider, now)).min()
    }
}
