//! `byline audit ISSUE`

use anyhow::bail;

use super::{Ended, Open, issue_line, print_json};
use crate::{newsletter::issue::IssueId, newsroom::Folder};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The issue's number, as `status` shows it.
    issue: i64,
}

pub(super) async fn run(folder: &Folder, arguments: &Arguments, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let Some(audit) = open.store.audit(IssueId(arguments.issue)).await? else {
        bail!("there is no issue {}", arguments.issue);
    };
    if json {
        print_json(&audit)?;
    } else {
        for row in &audit.readers {
            let reply = row.reply.as_deref().unwrap_or_default();
            out!("{}\t{}\t{}\t{reply}", row.email, row.state.replace('_', " "), row.attempts);
        }
        let sums = if audit.balanced { "the sums balance" } else { "THE SUMS DO NOT BALANCE" };
        out!("{}; {sums}", issue_line(&audit.summary));
    }
    Ok(if audit.balanced { Ended::Done } else { Ended::Failed })
}
