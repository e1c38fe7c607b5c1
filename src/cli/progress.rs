//! How far letters are: a bar for people, a line of JSON a second for programs. Read from the store, so it is
//! the same whoever sends.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::print_json;
use crate::{
    delivery::DeliveryState,
    newsletter::issue::{IssueId, IssueState},
    store::{IssueSummary, Store},
};

/// How often the store is asked.
pub(super) const LOOK: Duration = Duration::from_millis(200);
/// How often a program is told.
const TELL: Duration = Duration::from_secs(1);
/// The rate is that of so long.
const RATE_OVER: Duration = Duration::from_secs(5);

/// Letters of all issues that are watched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Progress {
    event: &'static str,
    letters: usize,
    accepted: usize,
    refused: usize,
    in_doubt: usize,
    deferred: usize,
    /// Not tried yet, or under way.
    open: usize,
    /// Whether more of them goes out now.
    is_going_on: bool,
    letters_per_second: f64,
    seconds_left: Option<u64>,
}

/// Follows issues to their end.
pub(super) struct Watch {
    issues: Vec<IssueId>,
    /// When how many had an outcome.
    seen: VecDeque<(Instant, usize)>,
    told: Option<Instant>,
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    Json,
}

impl Watch {
    /// Shows a bar, or JSON.
    pub(super) fn new(issues: &[IssueSummary], json: bool) -> Self {
        let issues: Vec<IssueId> = issues.iter().map(|issue| issue.issue).collect();
        Self {
            issues,
            seen: VecDeque::new(),
            told: None,
            shown: if json { Shown::Json } else { Shown::Bar(bar()) },
        }
    }

    /// Looks once, and shows it.
    pub(super) async fn look(&mut self, store: &Store) -> anyhow::Result<Progress> {
        let mut issues = Vec::with_capacity(self.issues.len());
        for issue in &self.issues {
            issues.extend(store.issue(*issue).await?);
        }
        let progress = self.progress(&issues, Instant::now());
        self.show(progress)?;
        Ok(progress)
    }

    fn progress(&mut self, issues: &[IssueSummary], now: Instant) -> Progress {
        let count = |state| issues.iter().map(|issue| issue.count(state)).sum::<usize>();
        let letters: usize = issues.iter().map(|issue| issue.letters).sum();
        let deferred = count(DeliveryState::Deferred);
        let open = count(DeliveryState::Pending) + count(DeliveryState::Sending);
        let settled = letters - open.min(letters);
        self.seen.push_back((now, settled));
        while self.seen.len() > 2 && now - self.seen[0].0 > RATE_OVER {
            self.seen.pop_front();
        }
        let (since, before) = self.seen[0];
        let seconds = (now - since).as_secs_f64();
        let rate = if seconds > 0.0 { settled.saturating_sub(before) as f64 / seconds } else { 0.0 };
        let is_sending = |issue: &IssueSummary| {
            let to_come = [DeliveryState::Pending, DeliveryState::Sending];
            issue.state == IssueState::Sending && to_come.iter().any(|state| issue.count(*state) > 0)
        };
        Progress {
            event: "progress",
            letters,
            accepted: count(DeliveryState::Accepted),
            refused: count(DeliveryState::Refused),
            in_doubt: count(DeliveryState::InDoubt),
            deferred,
            open,
            is_going_on: issues.iter().any(is_sending),
            letters_per_second: (rate * 10.0).round() / 10.0,
            seconds_left: (rate > 0.0).then(|| (open as f64 / rate).ceil() as u64),
        }
    }

    fn show(&mut self, progress: Progress) -> anyhow::Result<()> {
        match &self.shown {
            Shown::Bar(bar) => {
                bar.set_length(progress.letters as u64);
                bar.set_position((progress.letters - progress.open.min(progress.letters)) as u64);
                bar.set_message(progress.words());
            }
            Shown::Json => {
                if self.told.is_none_or(|told| told.elapsed() >= TELL) {
                    self.told = Some(Instant::now());
                    print_json(&progress)?;
                }
            }
        }
        Ok(())
    }

    /// Takes the bar away.
    pub(super) fn end(self) {
        if let Shown::Bar(bar) = self.shown {
            bar.finish_and_clear();
        }
    }
}

impl Progress {
    /// Letters that are not tried yet, or under way.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Whether more of them goes out now.
    pub(super) fn is_going_on(&self) -> bool {
        self.is_going_on
    }

    fn words(&self) -> String {
        let mut words = format!("{:.0} a second", self.letters_per_second);
        if let Some(seconds) = self.seconds_left {
            words.push_str(&format!(", {} left", span(seconds)));
        }
        for (number, what) in
            [(self.deferred, "deferred"), (self.refused, "refused"), (self.in_doubt, "in doubt")]
        {
            if number > 0 {
                words.push_str(&format!(", {number} {what}"));
            }
        }
        words
    }
}

/// `1:02:03`, `2:03`, `3 s`.
fn span(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, minutes) => format!("{minutes}:{rest:02}"),
        (hours, minutes) => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} letters, {msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_on_a_clock() {
        assert_eq!([3, 59, 123, 3723].map(span), ["3 s", "59 s", "2:03", "1:02:03"]);
    }
}
