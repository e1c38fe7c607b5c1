//! `byline feed lint`

use std::path::Path;

use anyhow::{Context, bail};
use chrono::Utc;
use url::Url;

use super::{Ended, print_json, show, summary};
use crate::{
    diagnostic::{Diagnostic, SourceFile},
    feed::lint::{Expectation, Finding, decoded, lint_bytes},
    outbound::{Outbound, Trust},
};

/// A feed larger than this is read by no reader.
const FEED_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show what is wrong with a feed: RSS 2.0, Atom or JSON Feed, yours or anybody's.
    Lint {
        /// Files or addresses.
        #[arg(required = true, value_name = "FILE|URL")]
        targets: Vec<String>,
    },
}

pub(super) async fn run(arguments: Arguments, json: bool) -> anyhow::Result<Ended> {
    let Command::Lint { targets } = arguments.command;
    let outbound = Outbound::new()?;
    let (mut clean, mut unread) = (true, false);
    for target in &targets {
        let (bytes, self_url) = match read(target, &outbound).await {
            Ok(read) => read,
            Err(why) => {
                eprintln!("error: {why:#}");
                unread = true;
                continue;
            }
        };
        let findings = lint_bytes(&bytes, &Expectation { self_url, now: Some(Utc::now()) });
        let problems = diagnostics(target, &bytes, &findings);
        clean &= !problems.iter().any(Diagnostic::is_worth_saying);
        if json {
            problems.iter().try_for_each(print_json)?;
        } else {
            show(&problems);
            out!("{target}: {}", summary(&problems));
        }
    }
    Ok(match (unread, clean) {
        (true, _) => Ended::CannotRun,
        (false, true) => Ended::Done,
        (false, false) => Ended::Failed,
    })
}

/// The bytes, and where they came from.
async fn read(target: &str, outbound: &Outbound) -> anyhow::Result<(Vec<u8>, Option<String>)> {
    let url = Url::parse(target).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        let bytes = std::fs::read(Path::new(target)).with_context(|| format!("cannot read {target}"))?;
        return Ok((bytes, None));
    };
    let answer = outbound.get(&url, Trust::Author, FEED_BYTES_MAX).await;
    let answer = answer.with_context(|| format!("cannot fetch {url}"))?;
    if !answer.is_success() {
        bail!("{url} answers with status {}", answer.status);
    }
    // A feed names the address that it has, not the one that led to it.
    Ok((answer.body, Some(answer.url.into())))
}

/// Findings as problems of the file `shown`.
pub(super) fn diagnostics(shown: &str, bytes: &[u8], findings: &[Finding]) -> Vec<Diagnostic> {
    let file = SourceFile { path: shown.to_string(), text: decoded(bytes) };
    let fault = |finding: &Finding| {
        let words = (finding.rule, finding.message.as_str(), finding.hint.as_str());
        Diagnostic::feed_fault(&file, &finding.span, finding.severity, words)
    };
    findings.iter().map(fault).collect()
}
