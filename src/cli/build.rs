//! `byline build`

use anyhow::{Context, bail};
use chrono::Utc;
use serde_json::json;

use super::{Ended, Open, print_json};
use crate::{
    daemon::{Lock, LockError},
    diagnostic::{Diagnostic, count},
    newsroom::Folder,
    publish::Publisher,
    site::Site,
};

pub(super) async fn run(folder: &Folder, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let _serving = match Lock::take(&folder.data().join("serve.lock")) {
        Ok(lock) => lock,
        Err(LockError::Held(pid)) => {
            bail!("`byline serve` is running on this folder, as process {pid}: it publishes at each save")
        }
        Err(why) => return Err(why).context("cannot lock data/serve.lock"),
    };
    let (look, mut looker) = open.looked().await?;
    let site = Site::new(&folder.public());
    let now = Utc::now();
    let mut publisher = Publisher::default();
    // Two things that do not wait for each other.
    let keeping = tokio::spawn(async move { looker.keep().await });
    let published = publisher.run_once(&look, &open.settings, &open.store, &site, now).await?;
    keeping.await??;
    let tree = site.current();
    let documents = tree.documents().count();
    if json {
        print_json(&json!({
            "documents": documents, "files": tree.media().count(),
            "written": published.written, "removed": published.removed,
        }))?;
    } else {
        out!(
            "{} in public/: {} written, {} removed",
            count(documents, "document"),
            published.written,
            published.removed
        );
    }
    // A bad article does not stop the others; whoever asked for all of them should know.
    let wrong = look.problems.iter().any(Diagnostic::is_error);
    Ok(if wrong { Ended::Failed } else { Ended::Done })
}
