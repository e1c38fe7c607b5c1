//! `byline deliver`

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use super::{
    Ended, Open, issue_line, print_json,
    progress::{LOOK, Watch},
    serve::stop_on_signal,
};
use crate::{
    compose,
    daemon::{Lock, LockError, terms},
    deliver::{self, DeliverError, Pacing, Paused, Sender, Sent, Tally},
    delivery::DeliveryState,
    diagnostic::count,
    mailer::Mailer,
    newsletter::issue::{IssueId, IssueState},
    newsroom::Folder,
    store::{IssueSummary, Store},
};

/// Issues that are looked at for open letters.
const ISSUES_MAX: usize = 1000;
/// Another sender that sends nothing for so long is stuck, as when the mail server is away.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(folder: &Folder, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    open.store.check().await?;
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
        Ok(_lock) => send(&open, &before, json).await?,
        Err(LockError::Held(pid)) => {
            eprintln!("process {pid} is sending already; waiting for it");
            follow(&open.store, &before, json).await?
        }
        Err(why) => return Err(why.into()),
    };
    report(&open.store, &ids, json).await?;
    Ok(if trouble { Ended::Failed } else { Ended::Done })
}

/// Sends what is due; whether the mail server stood in the way.
async fn send(open: &Open, before: &[IssueSummary], json: bool) -> anyhow::Result<bool> {
    let config = &open.settings.config;
    let mailer = Mailer::new(&config.mail.transport, &open.folder.outbox())?;
    let terms = terms(config, &mailer);
    let keys = open.keys()?;
    let sender = Sender {
        store: open.store.clone(),
        mailer,
        keys,
        terms,
        pace: config.mail.pace.clone(),
        pacing: Pacing::default(),
        zone: config.site.zone,
        clock: Arc::new(Utc::now),
        on_pause: Arc::new(say_paused),
    };
    let tally = Arc::new(Tally::default());
    let stop = CancellationToken::new();
    let (store, mut watch) = (open.store.clone(), Watch::new(before, json));
    let done = CancellationToken::new();
    let over = done.clone();
    let showing = tokio::spawn(async move {
        // At least once, and no error of showing is one of sending.
        while watch.look(&store).await.is_ok() && !over.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = over.cancelled() => {}
            }
        }
        watch.end();
    });
    stop_on_signal(stop.clone())?; // letters on their way are finished first
    let sent = deliver::run_once(&sender, &tally, &stop).await;
    done.cancel();
    showing.await?;
    let Sent { later, paused, trouble } = sent;
    match trouble {
        None => {
            if let Some(later) = later {
                eprintln!("more is due at {}", later.with_timezone(&config.site.zone).format("%H:%M:%S"));
            }
            Ok(!paused.is_empty())
        }
        Some(why @ (DeliverError::Trouble(_) | DeliverError::NotTaken(_) | DeliverError::NoRoom)) => {
            let then =
                if matches!(why, DeliverError::NoRoom) { "when there is some" } else { "when it does" };
            eprintln!("error: {why}");
            eprintln!("hint: nothing is lost; run `byline deliver` again {then}");
            Ok(true)
        }
        Some(why) => Err(why.into()),
    }
}

fn say_paused(paused: &Paused) {
    let Paused { issue, cause, words } = paused;
    let words = if words.is_empty() { String::new() } else { format!(": {words}") };
    eprintln!("error: issue {issue} is paused: {}{words}", cause.words());
    eprintln!("hint: nothing is lost; `byline resume {issue}` goes on, `byline cancel {issue}` ends it");
}

/// Waits until another process has sent what is due; whether it got stuck.
async fn follow(store: &Store, before: &[IssueSummary], json: bool) -> anyhow::Result<bool> {
    let mut watch = Watch::new(before, json);
    let (mut least, mut since) = (usize::MAX, Instant::now());
    let is_stuck = loop {
        let open = watch.look(store).await?.open();
        let due = store.next_due().await?.is_some_and(|due| due <= Utc::now());
        let issues = sending(store).await?;
        let busy = issues.iter().any(|issue| issue.count(DeliveryState::Sending) > 0);
        if !due && !busy {
            break false;
        }
        if open < least {
            (least, since) = (open, Instant::now());
        } else if since.elapsed() > PATIENCE {
            break true;
        }
        tokio::time::sleep(LOOK).await;
    };
    watch.end();
    if is_stuck {
        eprintln!("error: it has sent nothing for {} s", PATIENCE.as_secs());
        eprintln!("hint: its own messages say why, or it keeps to `[mail.pace]`; nothing is lost");
    }
    Ok(is_stuck)
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
