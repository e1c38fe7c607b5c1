//! `byline deliver`

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::{Ended, Open, issue_line, print_json};
use crate::{
    compose,
    daemon::{Lock, LockError, terms},
    deliver::{self, Pacing, Paused, Sender, Sent, Tally},
    delivery::DeliveryState,
    diagnostic::count,
    mailer::Mailer,
    newsletter::issue::{IssueId, IssueState},
    newsroom::Folder,
    store::{IssueSummary, Store},
};

/// Issues that are looked at for open letters.
const ISSUES_MAX: usize = 1000;
/// How often the bar is drawn, and another sender's progress looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Another sender that sends nothing for so long is stuck, as when the mail server is away.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(folder: &Folder, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let lock = Lock::take(&folder.data().join("sender.lock"));
    let mut trouble = false;
    if lock.is_ok() {
        // Nobody else does: slots that have come get their issues now.
        let look = open.look().await?;
        let opening = compose::run_once(&look, &open.settings, &open.store, Utc::now()).await?;
        for (issue, letters) in opening.opened {
            eprintln!("issue {issue} was due: {}", count(letters, "letter"));
        }
        // What is open already is sent all the same.
        for why in opening.failed {
            trouble = true;
            eprintln!("error: {why}");
        }
    }
    let before = sending(&open.store).await?;
    let ids: BTreeSet<IssueId> = before.iter().map(|issue| issue.issue).collect();
    trouble |= match lock {
        Ok(_lock) => send(&open, &before).await?,
        Err(LockError::Held(pid)) => {
            eprintln!("process {pid} is sending already; waiting for it");
            follow(&open.store, &before).await?
        }
        Err(why) => return Err(why.into()),
    };
    report(&open.store, &ids, json).await?;
    Ok(if trouble { Ended::Failed } else { Ended::Done })
}

/// Sends what is due; whether the mail server stood in the way.
async fn send(open: &Open, before: &[IssueSummary]) -> anyhow::Result<bool> {
    let config = &open.settings.config;
    let mailer = Mailer::new(&config.mail.transport, &open.folder.outbox())?;
    let terms = terms(config, &mailer);
    let keys = open.keys()?;
    let sender = Sender {
        store: open.store.clone(),
        mailer,
        keys,
        terms,
        pacing: Pacing::default(),
        clock: Arc::new(Utc::now),
    };
    let tally = Arc::new(Tally::default());
    let stop = CancellationToken::new();
    let bar = bar(before.iter().map(IssueSummary::open).sum());
    let drawing = tokio::spawn(draw(bar.clone(), tally.clone()));
    let (cancel, interrupted) = (stop.clone(), tokio::signal::ctrl_c());
    let watch = tokio::spawn(async move {
        if interrupted.await.is_ok() {
            cancel.cancel(); // letters on their way are finished first
        }
    });
    let sent = deliver::run_once(&sender, &tally, &stop).await;
    drawing.abort();
    watch.abort();
    bar.finish_and_clear();
    match sent {
        Ok(Sent { later, paused }) => {
            paused.iter().for_each(say_paused);
            if let Some(later) = later {
                eprintln!("more is due at {}", later.with_timezone(&config.site.zone).format("%H:%M:%S"));
            }
            Ok(!paused.is_empty())
        }
        Err(why @ (deliver::DeliverError::Trouble(_) | deliver::DeliverError::NotTaken(_))) => {
            eprintln!("error: {why}");
            eprintln!("hint: nothing is lost; run `byline deliver` again when it does");
            Ok(true)
        }
        Err(why) => Err(why.into()),
    }
}

fn say_paused(paused: &Paused) {
    let Paused { issue, cause, words } = paused;
    let words = if words.is_empty() { String::new() } else { format!(": {words}") };
    eprintln!("error: issue {issue} is paused: {}{words}", cause.words());
    eprintln!("hint: nothing is lost; `byline resume {issue}` goes on, `byline cancel {issue}` ends it");
}

fn bar(open: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} letters, {per_sec}, {eta} left{msg}");
    ProgressBar::new(open as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

async fn draw(bar: ProgressBar, tally: Arc<Tally>) {
    loop {
        bar.set_position(tally.total() as u64);
        let (deferred, refused) = (tally.deferred.load(Relaxed), tally.refused.load(Relaxed));
        if deferred + refused > 0 {
            bar.set_message(format!("; {deferred} deferred, {refused} refused"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until another process has sent what is due; whether it got stuck.
async fn follow(store: &Store, before: &[IssueSummary]) -> anyhow::Result<bool> {
    let total: usize = before.iter().map(IssueSummary::open).sum();
    let bar = bar(total);
    let (mut least, mut since) = (usize::MAX, Instant::now());
    loop {
        let issues = sending(store).await?;
        let open: usize = issues.iter().map(IssueSummary::open).sum();
        bar.set_position(total.saturating_sub(open) as u64);
        let due = store.next_due().await?.is_some_and(|due| due <= Utc::now());
        let busy = issues.iter().any(|issue| issue.count(DeliveryState::Sending) > 0);
        if !due && !busy {
            bar.finish_and_clear();
            return Ok(false);
        }
        if open < least {
            (least, since) = (open, Instant::now());
        } else if since.elapsed() > PATIENCE {
            bar.finish_and_clear();
            eprintln!("error: it has sent nothing for {} s", PATIENCE.as_secs());
            eprintln!("hint: its own messages say why; nothing is lost");
            return Ok(true);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn sending(store: &Store) -> anyhow::Result<Vec<IssueSummary>> {
    let mut issues = store.issues(ISSUES_MAX).await?;
    issues.retain(|issue| issue.state == IssueState::Sending);
    Ok(issues)
}

async fn report(store: &Store, ids: &BTreeSet<IssueId>, json: bool) -> anyhow::Result<()> {
    for id in ids {
        if let Some(issue) = store.issue(*id).await? {
            if json {
                print_json(&issue)?;
            } else {
                out!("{}", issue_line(&issue));
            }
        }
    }
    if ids.is_empty() && !json {
        out!("nothing is due");
    }
    Ok(())
}
