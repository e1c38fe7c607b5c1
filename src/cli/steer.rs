//! `byline approve|pause|resume|cancel|hold|resolve ISSUE`: the author's hand on an issue.

use anyhow::bail;
use chrono::Utc;

use super::{Ended, Open, issue_line, print_json};
use crate::{
    diagnostic::count,
    newsletter::issue::{Cause, IssueId, IssueState},
    newsroom::Folder,
    store::{IssueSummary, Resolution, Told},
};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The issue's number, as `status` shows it.
    issue: i64,
}

#[derive(clap::Args)]
pub(super) struct HoldArguments {
    /// The issue's number, or ALL.
    issue: Which,
}

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["resend", "assume_sent"])))]
pub(super) struct ResolveArguments {
    /// The issue's number, as `status` shows it.
    issue: i64,
    /// Send them again, with the same Message-ID: nobody missed.
    #[arg(long)]
    resend: bool,
    /// Take them as sent: nobody twice.
    #[arg(long)]
    assume_sent: bool,
}

/// What the author says of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Approve,
    Pause,
    Resume,
    Cancel,
}

#[derive(Debug, Clone, Copy)]
enum Which {
    All,
    One(IssueId),
}

impl std::str::FromStr for Which {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        if typed.eq_ignore_ascii_case("all") {
            return Ok(Self::All);
        }
        let number = typed.parse().map_err(|_| "write the number of an issue, or ALL".to_string())?;
        Ok(Self::One(IssueId(number)))
    }
}

pub(super) async fn run(
    folder: &Folder,
    word: Word,
    arguments: &Arguments,
    json: bool,
) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let (issue, now) = (IssueId(arguments.issue), Utc::now());
    let told = match word {
        Word::Approve => open.store.approve(issue, now).await?,
        Word::Pause => open.store.pause(issue, Cause::Author).await?,
        Word::Resume => open.store.resume(issue, now).await?,
        Word::Cancel => open.store.cancel(issue, now).await?,
    };
    match (word, told) {
        (_, Told::NoIssue) => bail!("there is no issue {issue}"),
        (_, Told::Is(state)) => return Ok(not_done(issue, word, state)),
        (Word::Approve | Word::Resume, Told::Done(letters)) => {
            eprintln!(
                "{} to go; `byline deliver` sends now, a running `byline serve` by itself",
                count(letters, "letter")
            );
        }
        (Word::Pause, Told::Done(letters)) => {
            eprintln!("{} to go; what is on its way is finished", count(letters, "letter"));
        }
        (Word::Cancel, Told::Done(letters)) => {
            eprintln!(
                "{} will not be sent; their articles are still to come for these readers",
                count(letters, "letter")
            );
        }
    }
    show(&open, issue, json).await
}

fn not_done(issue: IssueId, word: Word, state: IssueState) -> Ended {
    let hint = match (word, state) {
        (Word::Resume, IssueState::Waiting) => format!("; `byline approve {issue}` lets it go"),
        (Word::Approve, IssueState::Paused) => format!("; `byline resume {issue}` lets it go on"),
        (Word::Resume, IssueState::Paused) => {
            format!(", and its letters do not add up; `byline audit {issue}` shows them")
        }
        _ => String::new(),
    };
    eprintln!("error: issue {issue} is {}{hint}", state.as_str());
    Ended::Failed
}

pub(super) async fn hold(folder: &Folder, arguments: &HoldArguments, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let held = match arguments.issue {
        Which::All => open.store.pause_all(Cause::Held, String::new()).await?,
        Which::One(issue) => match open.store.pause(issue, Cause::Held).await? {
            Told::NoIssue => bail!("there is no issue {issue}"),
            Told::Is(state) => return Ok(not_done(issue, Word::Pause, state)),
            Told::Done(_) => vec![issue],
        },
    };
    for issue in &held {
        show(&open, *issue, json).await?;
    }
    if held.is_empty() && !json {
        out!("no issue is open");
    }
    Ok(Ended::Done)
}

pub(super) async fn resolve(
    folder: &Folder,
    arguments: &ResolveArguments,
    json: bool,
) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let issue = IssueId(arguments.issue);
    let resolution = if arguments.resend { Resolution::Resend } else { Resolution::AssumeSent };
    match open.store.resolve(issue, resolution, Utc::now()).await? {
        Told::NoIssue => bail!("there is no issue {issue}"),
        Told::Is(_) => {
            eprintln!("error: no letter of issue {issue} is in doubt");
            return Ok(Ended::Failed);
        }
        Told::Done(letters) => {
            let is_cancelled = |issue: IssueSummary| issue.state == IssueState::Cancelled;
            let done = match (resolution, open.store.issue(issue).await?.is_some_and(is_cancelled)) {
                (Resolution::AssumeSent, _) => "taken as sent",
                (Resolution::Resend, false) => "to be sent again",
                (Resolution::Resend, true) => {
                    "taken as not sent: the issue is cancelled, and their articles are still to come"
                }
            };
            eprintln!("{} {done}", count(letters, "letter"));
        }
    }
    show(&open, issue, json).await
}

async fn show(open: &Open, issue: IssueId, json: bool) -> anyhow::Result<Ended> {
    if let Some(summary) = open.store.issue(issue).await? {
        if json {
            print_json(&summary)?;
        } else {
            out!("{}", issue_line(&summary));
        }
    }
    Ok(Ended::Done)
}
