//! `byline audit ISSUE [--against LOG]`

use std::{
    collections::BTreeMap,
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde::Serialize;

use super::{Ended, Open, issue_line, print_json};
use crate::{
    delivery::{
        DeliveryState,
        witness::{self, Testimony},
    },
    diagnostic::count,
    message::message_id,
    newsletter::issue::IssueId,
    newsroom::Folder,
    store::Audit,
    subscriber::token::TokenKey,
};

/// Letters that are named where the log and the rows do not agree; there may be very many.
const NAMED_MAX: usize = 50;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The issue's number, as `status` shows it.
    issue: i64,
    /// Hold it against what the receiving server wrote down: the log of a Postfix, or JSON lines with a
    /// `message_id` each. The whole log, of all servers that letters went to.
    #[arg(long, value_name = "LOG")]
    against: Option<PathBuf>,
    /// Only the sums.
    #[arg(long)]
    summary: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    audit: &'a Audit,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<&'a Reconciled>,
}

/// What the log says beside the rows.
#[derive(Debug, Default, Serialize)]
struct Reconciled {
    /// Letters of this issue in the log, copies too.
    taken: usize,
    /// Readers of whom a row says that their letter was taken, and the log does not.
    missing: Vec<String>,
    /// Copies besides one, by reader.
    copies: BTreeMap<String, usize>,
    /// Letters that neither an outcome nor a doubt explains.
    unexplained: usize,
    /// Readers of whom no row says that their letter was taken, and the log does: in doubt, most of them.
    unclaimed: Vec<String>,
}

pub(super) async fn run(folder: &Folder, arguments: &Arguments, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let Some(audit) = open.store.audit(IssueId(arguments.issue)).await? else {
        bail!("there is no issue {}", arguments.issue);
    };
    let reconciled = match &arguments.against {
        None => None,
        Some(path) => Some(reconcile(&audit, &testimony(path)?, &folder.key()?)),
    };
    if json {
        print_json(&Answer { audit: &audit, against: reconciled.as_ref() })?;
    } else {
        show(&audit, arguments.summary)?;
        if let Some(reconciled) = &reconciled {
            reconciled.show()?;
        }
    }
    let agrees = reconciled.is_none_or(|reconciled| reconciled.agrees());
    Ok(if audit.balanced && agrees { Ended::Done } else { Ended::Failed })
}

fn show(audit: &Audit, summary: bool) -> anyhow::Result<()> {
    if !summary {
        for row in &audit.readers {
            let reply = row.reply.as_deref().unwrap_or_default();
            out!("{}\t{}\t{}\t{reply}", row.email, row.state.replace('_', " "), row.attempts);
        }
    }
    let issue = &audit.summary;
    let sums = if audit.balanced { "the sums balance" } else { "THE SUMS DO NOT BALANCE" };
    out!(
        "{} = {} + {} with nothing new for them",
        count(issue.audience, "reader"),
        count(issue.letters, "letter"),
        issue.excluded
    );
    out!("{}; {sums}", issue_line(issue));
    Ok(())
}

fn testimony(path: &Path) -> anyhow::Result<Testimony> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let testimony = witness::read(BufReader::new(file))?;
    if testimony.understood == 0 {
        bail!("{} is no log that Byline knows; it wants that of a Postfix, or JSON lines", path.display());
    }
    Ok(testimony)
}

fn reconcile(audit: &Audit, testimony: &Testimony, key: &TokenKey) -> Reconciled {
    let mut found = Reconciled::default();
    for row in &audit.readers {
        let id = message_id(&audit.sender, row.delivery, key).to_string();
        let times = testimony.taken.get(&id).map_or(0, Vec::len);
        found.taken += times;
        let is_accepted = row.state == DeliveryState::Accepted.as_str();
        match times {
            0 if is_accepted && !row.assumed => found.missing.push(row.email.clone()),
            1.. if !is_accepted => found.unclaimed.push(row.email.clone()),
            _ => {}
        }
        if times > 1 {
            found.copies.insert(row.email.clone(), times - 1);
        }
        found.unexplained += times.saturating_sub(usize::from(is_accepted) + row.doubts as usize);
    }
    found
}

impl Reconciled {
    /// Nobody is missing, and every letter is accounted for.
    fn agrees(&self) -> bool {
        self.missing.is_empty() && self.unexplained == 0
    }

    fn show(&self) -> anyhow::Result<()> {
        let copies: usize = self.copies.values().sum();
        let named = |readers: &mut dyn Iterator<Item = &String>, what: &str| {
            for reader in readers.take(NAMED_MAX) {
                super::print_line(format_args!("{reader}\t{what}"))?;
            }
            anyhow::Ok(())
        };
        named(&mut self.missing.iter(), "not in the log")?;
        named(&mut self.copies.keys(), "more than once in the log")?;
        named(&mut self.unclaimed.iter(), "in the log, and not accepted here")?;
        out!(
            "the log has {} of it: {} missing, {copies} more than one each, {} not accepted here; {} without explanation",
            count(self.taken, "letter"),
            self.missing.len(),
            self.unclaimed.len(),
            self.unexplained
        );
        Ok(())
    }
}
