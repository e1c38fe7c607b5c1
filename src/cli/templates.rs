//! `byline templates list` and `reset`

use std::{fs, path::Path};

use anyhow::{Context, bail};

use super::{Ended, print_json};
use crate::{
    diagnostic::{Problems, closest},
    durable,
    newsroom::Folder,
    template::BUILT_IN,
};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show every template and every file of words, and which of them are your own.
    List,
    /// Put a template back as it came with the program; yours is kept beside it, as `NAME.old`.
    Reset {
        /// Which one, as `mail/digest/html`, `page/style.css` or `i18n/fa`; a folder resets all in it.
        name: String,
    },
}

pub(super) fn run(folder: &Folder, arguments: Arguments, json: bool) -> anyhow::Result<Ended> {
    match arguments.command {
        Command::List => list(folder, json),
        Command::Reset { name } => reset(folder, &name),
    }
}

fn list(folder: &Folder, json: bool) -> anyhow::Result<Ended> {
    for (path, built_in) in BUILT_IN {
        let state = match fs::read_to_string(folder.root().join(path)) {
            Ok(own) if own == *built_in => "as it came",
            Ok(_) => "yours",
            Err(_) => "built in",
        };
        if json {
            print_json(&serde_json::json!({ "template": path, "state": state }))?;
        } else {
            out!("{state:<11} {path}");
        }
    }
    let read = folder.template_files(&Problems::default());
    for file in read.iter().filter(|file| !BUILT_IN.iter().any(|(path, _)| *path == file.path)) {
        if json {
            print_json(&serde_json::json!({ "template": file.path, "state": "added" }))?;
        } else {
            out!("{:<11} {}", "added", file.path);
        }
    }
    Ok(Ended::Done)
}

fn reset(folder: &Folder, name: &str) -> anyhow::Result<Ended> {
    let wanted = name.trim_end_matches('/');
    let is_meant = |path: &str| {
        let short = path.strip_prefix("templates/").unwrap_or(path);
        [path, short].iter().any(|path| {
            let bare = path.strip_suffix(".hbs").or_else(|| path.strip_suffix(".toml")).unwrap_or(path);
            *path == wanted
                || bare == wanted
                || path.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    let meant: Vec<_> = BUILT_IN.iter().filter(|(path, _)| is_meant(path)).collect();
    if meant.is_empty() {
        let known: Vec<&str> = BUILT_IN
            .iter()
            .map(|(path, _)| path.strip_prefix("templates/").unwrap_or(path).trim_end_matches(".hbs"))
            .collect();
        match closest(name, &known) {
            Some(near) => bail!("there is no template `{name}`; did you mean `{near}`?"),
            None => bail!("there is no template `{name}`; `byline templates list` shows them"),
        }
    }
    for (path, built_in) in meant {
        let full = folder.root().join(path);
        match fs::read_to_string(&full) {
            Ok(own) if own == *built_in => out!("{path} is as it came"),
            Ok(_) => {
                let kept = free_name(&full);
                fs::rename(&full, &kept).with_context(|| format!("cannot keep {path}"))?;
                durable::write(&full, built_in.as_bytes(), None)?;
                let kept = kept.file_name().unwrap_or_default().to_string_lossy().into_owned();
                out!("{path} is as it came; yours is kept as {kept}");
            }
            Err(_) if full.exists() => {
                let kept = free_name(&full);
                fs::rename(&full, &kept).with_context(|| format!("cannot keep {path}"))?;
                durable::write(&full, built_in.as_bytes(), None)?;
                out!("{path} could not be read; it is as it came, and yours is kept beside it");
            }
            Err(_) => {
                durable::write(&full, built_in.as_bytes(), None)?;
                out!("{path} is there to edit, as it came");
            }
        }
    }
    Ok(Ended::Done)
}

/// `html.hbs.old`, or the first `html.hbs.old2` that no file has.
fn free_name(path: &Path) -> std::path::PathBuf {
    let named = |ending: String| {
        path.with_file_name(format!("{}.{ending}", path.file_name().unwrap_or_default().to_string_lossy()))
    };
    let numbered = (2..).map(|number| named(format!("old{number}")));
    std::iter::once(named("old".into()))
        .chain(numbered)
        .find(|name| !name.exists())
        .unwrap_or_else(|| named("old".into()))
}
