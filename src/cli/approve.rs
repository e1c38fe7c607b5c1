//! `byline approve ISSUE`

use anyhow::bail;
use chrono::Utc;

use super::{Ended, Open, issue_line, print_json};
use crate::{newsletter::issue::IssueId, newsroom::Folder};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The issue's number, as `status` shows it.
    issue: i64,
}

pub(super) async fn run(folder: &Folder, arguments: &Arguments, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let issue = IssueId(arguments.issue);
    match open.store.approve(issue, Utc::now()).await? {
        None => bail!("there is no issue {issue}"),
        Some(false) => {
            let state = open.store.issue(issue).await?.map_or("gone", |summary| summary.state.as_str());
            eprintln!("issue {issue} was not waiting: it is {state}");
            return Ok(Ended::Failed);
        }
        Some(true) => {}
    }
    if let Some(summary) = open.store.issue(issue).await? {
        if json {
            print_json(&summary)?;
        } else {
            out!("{}", issue_line(&summary));
        }
    }
    Ok(Ended::Done)
}
