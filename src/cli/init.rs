//! `byline init DIR`

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use super::Ended;
use crate::{durable, template::BUILT_IN};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The folder to make; it may be there already if no newsroom is in it.
    dir: PathBuf,
}

/// What a new newsroom starts with, besides templates and words.
const FILES: [(&str, &str); 4] = [
    ("config.toml", include_str!("init/config.toml")),
    ("articles/welcome.md", include_str!("init/welcome.md")),
    ("subscribers/letters.csv", "email,name,language,cadence\n"),
    (".gitignore", "/data/\n/public/\n/outbox/\n"),
];

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Ended> {
    let root = &arguments.dir;
    if root.join("config.toml").exists() {
        bail!("{} is a newsroom already", root.display());
    }
    for (path, text) in FILES.iter().chain(BUILT_IN) {
        write_new(&root.join(path), text)?;
    }
    out!("{}", root.display());
    eprintln!(
        "a newsroom is in {0}\nhint: put your name into {0}/config.toml, then `byline --root {0} serve`",
        root.display()
    );
    Ok(Ended::Done)
}

/// Leaves alone what is there: it is the author's.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    if fs::exists(path)? {
        eprintln!("{} is there already and stays as it is", path.display());
        return Ok(());
    }
    durable::write(path, text.as_bytes(), None).with_context(|| format!("cannot write {}", path.display()))
}
