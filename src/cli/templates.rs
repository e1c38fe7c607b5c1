//! `byline templates list` and `reset`

use std::{fs, path::Path};

use anyhow::{Context, bail};

use super::{Ended, environment, print_json, show};
use crate::{
    diagnostic::{Diagnostic, Problems, SourceFile, closest},
    durable,
    language::Language,
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
    let problems = Problems::default();
    let read = folder.template_files(&problems);
    let own = Own { read, unreadable: problems.into_vec() };
    match arguments.command {
        Command::List => list(&own, json),
        Command::Reset { name } => reset(folder, &own, &name),
    }
}

/// The author's files.
struct Own {
    read: Vec<SourceFile>,
    /// Why others could not be.
    unreadable: Vec<Diagnostic>,
}

impl Own {
    fn paths(&self) -> impl Iterator<Item = &str> {
        let read = self.read.iter().map(|file| file.path.as_str());
        read.chain(self.unreadable.iter().map(Diagnostic::file))
    }

    fn state(&self, path: &str) -> &'static str {
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == path).map(|(_, text)| *text);
        let read = self.read.iter().find(|file| file.path == path);
        match (built_in, read) {
            (Some(built_in), Some(file)) if file.text == built_in => "as it came",
            (Some(_), Some(_)) => "yours",
            (None, Some(_)) => "added",
            _ if self.paths().any(|known| known == path) => "unreadable",
            _ => "built in",
        }
    }
}

fn list(own: &Own, json: bool) -> anyhow::Result<Ended> {
    let added = own.paths().filter(|path| !is_built_in(path));
    for path in BUILT_IN.iter().map(|(path, _)| *path).chain(added) {
        let state = own.state(path);
        if json {
            print_json(&serde_json::json!({ "template": path, "state": state }))?;
        } else {
            out!("{state:<11} {path}");
        }
    }
    show(&own.unreadable);
    Ok(Ended::Done)
}

fn reset(folder: &Folder, own: &Own, name: &str) -> anyhow::Result<Ended> {
    let parts = name.split('/').filter(|part| !part.is_empty() && *part != ".");
    let wanted = parts.collect::<Vec<_>>().join("/");
    let is_meant = |path: &str| {
        let below = path.strip_prefix("templates/").unwrap_or(path);
        [path, below].iter().any(|path| {
            *path == wanted
                || without_ending(path) == wanted
                || path.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    // `html.fa` stands before `html` in one language, so as it came there is none.
    let config = folder.settings(&environment()).config;
    let languages = config.map(|config| config.site.languages).unwrap_or_default();
    let of_a_language = own.paths().filter(|path| {
        let plain = languages.iter().find_map(|language| plain_of(path, language));
        !is_built_in(path) && plain.is_some_and(|plain| is_built_in(&plain))
    });
    let of_a_language: Vec<&str> = of_a_language.filter(|path| is_meant(path)).collect();
    let meant: Vec<_> = BUILT_IN.iter().filter(|(path, _)| is_meant(path)).collect();
    if meant.is_empty() && of_a_language.is_empty() {
        let known = BUILT_IN.iter().map(|(path, _)| *path).chain(own.paths());
        let known: Vec<&str> = known
            .map(|path| path.strip_prefix("templates/").unwrap_or(path).trim_end_matches(".hbs"))
            .collect();
        match closest(&wanted, &known) {
            Some(near) if near == wanted => {
                bail!("`{name}` is a template of your own; the program brings none to put in its place")
            }
            Some(near) => bail!("there is no template `{name}`; did you mean `{near}`?"),
            None => bail!("there is no template `{name}`; `byline templates list` shows them"),
        }
    }
    // What is written below a linked folder would be elsewhere.
    let paths = of_a_language.iter().copied().chain(meant.iter().map(|(path, _)| *path));
    let folders = paths.flat_map(|path| Path::new(path).ancestors().skip(1));
    if let Some(link) = folders.into_iter().find(|part| folder.root().join(part).is_symlink()) {
        bail!("{} is a link, so nothing is written there; put a folder in its place", link.display());
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

fn is_built_in(path: &str) -> bool {
    BUILT_IN.iter().any(|(known, _)| *known == path)
}

/// `templates/mail/digest/html.hbs` for `templates/mail/digest/html.fa.hbs`.
fn plain_of(path: &str, language: &Language) -> Option<String> {
    let plain = path.strip_suffix(".hbs")?.strip_suffix(language.primary())?.strip_suffix('.')?;
    Some(format!("{plain}.hbs"))
}

fn without_ending(path: &str) -> &str {
    path.strip_suffix(".hbs").or_else(|| path.strip_suffix(".toml")).unwrap_or(path)
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
