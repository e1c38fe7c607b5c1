//! `byline templates list` and `reset`

use std::{fs, path::Path};

use anyhow::{Context, bail};

use super::{Ended, print_json, show};
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
    if let Err(problem) = folder.config() {
        show(&[problem]);
        return Ok(Ended::CannotRun);
    }
    match arguments.command {
        Command::List => list(folder, json),
        Command::Reset { name } => reset(folder, &name),
    }
}

fn list(folder: &Folder, json: bool) -> anyhow::Result<Ended> {
    let problems = Problems::default();
    let own = folder.template_files(&problems);
    let problems = problems.into_vec();
    let state = |path: &str, built_in: &str| match own.iter().find(|file| file.path == path) {
        Some(file) if file.text == built_in => "as it came",
        Some(_) => "yours",
        None if problems.iter().any(|problem| problem.file() == path) => "unreadable",
        None => "built in",
    };
    let added = own.iter().filter(|file| !BUILT_IN.iter().any(|(path, _)| *path == file.path));
    let known = BUILT_IN.iter().map(|(path, built_in)| (*path, state(path, built_in)));
    for (path, state) in known.chain(added.map(|file| (file.path.as_str(), "added"))) {
        if json {
            print_json(&serde_json::json!({ "template": path, "state": state }))?;
        } else {
            out!("{state:<11} {path}");
        }
    }
    show(&problems);
    Ok(Ended::Done)
}

fn reset(folder: &Folder, name: &str) -> anyhow::Result<Ended> {
    let parts = name.split('/').filter(|part| !part.is_empty() && *part != ".");
    let wanted = parts.collect::<Vec<_>>().join("/");
    let is_meant = |path: &str| {
        let short = path.strip_prefix("templates/").unwrap_or(path);
        [path, short].iter().any(|path| {
            *path == wanted
                || without_ending(path) == wanted
                || path.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    let own: Vec<String> =
        folder.template_files(&Problems::default()).into_iter().map(|file| file.path).collect();
    // `html.fa` stands before `html` in one language, so as it came there is none.
    let of_a_language = own.iter().filter(|path| {
        let plain = plain_of(path);
        plain.is_some_and(|plain| BUILT_IN.iter().any(|(path, _)| *path == plain))
            && !BUILT_IN.iter().any(|(known, _)| known == path)
    });
    let of_a_language: Vec<&String> = of_a_language.filter(|path| is_meant(path)).collect();
    let meant: Vec<_> = BUILT_IN.iter().filter(|(path, _)| is_meant(path)).collect();
    if meant.is_empty() && of_a_language.is_empty() {
        let own = own.iter().map(String::as_str);
        let known: Vec<&str> = BUILT_IN.iter().map(|(path, _)| *path).chain(own).map(short).collect();
        match closest(&wanted, &known) {
            Some(near) if near == wanted => {
                bail!("`{name}` is a template of your own; the program brings none to put in its place")
            }
            Some(near) => bail!("there is no template `{name}`; did you mean `{near}`?"),
            None => bail!("there is no template `{name}`; `byline templates list` shows them"),
        }
    }
    for path in of_a_language {
        let kept = put_aside(folder, path)?;
        out!("{path} is no longer used; yours is kept as {kept}");
    }
    for (path, built_in) in meant {
        let full = folder.root().join(path);
        match fs::read_to_string(&full) {
            Ok(own) if own == *built_in => {
                out!("{path} is as it came");
                continue;
            }
            Err(_) if full.symlink_metadata().is_err() => out!("{path} is there to edit, as it came"),
            _ => {
                let kept = put_aside(folder, path)?;
                out!("{path} is as it came; yours is kept as {kept}");
            }
        }
        durable::write(&full, built_in.as_bytes(), None)?;
    }
    Ok(Ended::Done)
}

/// `templates/mail/digest/html.hbs` for `templates/mail/digest/html.fa.hbs`.
fn plain_of(path: &str) -> Option<String> {
    let (plain, _) = path.strip_suffix(".hbs")?.rsplit_once('.')?;
    Some(format!("{plain}.hbs"))
}

fn without_ending(path: &str) -> &str {
    path.strip_suffix(".hbs").or_else(|| path.strip_suffix(".toml")).unwrap_or(path)
}

/// As it is called: `mail/digest/html`.
fn short(path: &str) -> &str {
    path.strip_prefix("templates/").unwrap_or(path).trim_end_matches(".hbs")
}

/// Keeps a file under another name; which.
fn put_aside(folder: &Folder, path: &str) -> anyhow::Result<String> {
    let full = folder.root().join(path);
    let kept = free_name(&full);
    fs::rename(&full, &kept).with_context(|| format!("cannot keep {path}"))?;
    Ok(kept.file_name().unwrap_or_default().to_string_lossy().into_owned())
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
