//! `byline status [ISSUE]`

use anyhow::bail;

use super::{
    Ended, Open, issue_line, print_json,
    progress::{LOOK, Watch},
};
use crate::{
    newsletter::issue::{IssueId, IssueState},
    newsroom::Folder,
    store::IssueSummary,
};

/// Issues shown without a number, the newest first.
const ISSUES_MAX: usize = 20;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// One issue; the newest without it.
    issue: Option<i64>,
    /// Follow those that are being sent, until all that is due is sent.
    #[arg(long)]
    watch: bool,
}

pub(super) async fn run(folder: &Folder, arguments: &Arguments, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let issues = match arguments.issue.map(IssueId) {
        None => open.store.issues(ISSUES_MAX).await?,
        Some(id) => match open.store.issue(id).await? {
            Some(issue) => vec![issue],
            None => bail!("there is no issue {id}"),
        },
    };
    if arguments.watch {
        watch(&open, &issues, json).await?;
    }
    for issue in &issues {
        // As it is now, if it was watched.
        let issue = open.store.issue(issue.issue).await?.unwrap_or_else(|| issue.clone());
        let issue = &issue;
        if json {
            print_json(issue)?;
        } else {
            out!("{}{}", issue_line(issue), origin(issue));
        }
    }
    if issues.is_empty() && !json {
        out!("no issue has been made yet");
    }
    Ok(Ended::Done)
}

async fn watch(open: &Open, issues: &[IssueSummary], json: bool) -> anyhow::Result<()> {
    let sending = issues.iter().filter(|issue| issue.state == IssueState::Sending).cloned();
    let mut watch = Watch::new(&sending.collect::<Vec<_>>(), json);
    while watch.look(&open.store).await?.is_going_on() {
        tokio::time::sleep(LOOK).await;
    }
    watch.end();
    Ok(())
}

fn origin(issue: &IssueSummary) -> String {
    let made = match issue.origin.as_str() {
        "slot" => "by its schedule",
        "announcement" => "to announce an article",
        "special" => "by hand, with chosen articles",
        _ => "by hand",
    };
    let cadence = issue.cadence.as_ref().map(|name| format!(" for {name}")).unwrap_or_default();
    format!(" (made {made}{cadence}, {})", issue.opened.format("%Y-%m-%d %H:%M UTC"))
}
