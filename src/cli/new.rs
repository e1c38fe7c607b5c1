//! `byline new "TITLE"`

use std::fs;

use anyhow::{Context, bail};
use chrono::Utc;

use super::{Ended, environment, show};
use crate::{
    article::identity::Slug,
    durable,
    language::{Direction, looks_right_to_left},
    newsroom::Folder,
    text::clean_line,
};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The article's title.
    title: String,
}

pub(super) fn run(folder: &Folder, arguments: &Arguments) -> anyhow::Result<Ended> {
    let read = folder.settings(&environment());
    let Some(config) = read.config else {
        show(&read.problems);
        return Ok(Ended::CannotRun);
    };
    let title = clean_line(&arguments.title);
    let slug = Slug::of(&title).context("no address can be made of this title")?;
    let right_to_left = looks_right_to_left(&title);
    let site = &config.site;
    let language = site
        .languages
        .iter()
        .find(|language| (language.direction() == Direction::RightToLeft) == right_to_left)
        .unwrap_or(site.language());
    let articles = folder.articles();
    let by_language = articles.join(language.as_str());
    let path = if by_language.is_dir() { by_language } else { articles }.join(format!("{slug}.md"));
    if path.exists() {
        bail!("{} is there already", path.display());
    }
    let day = Utc::now().with_timezone(&site.zone).date_naive();
    // Quoted as JSON, which is YAML too: a title may hold a colon or a quotation mark.
    let quoted = serde_json::to_string(&title)?;
    let outlet = site.default_outlet.as_deref().or_else(|| config.outlets.keys().next().map(String::as_str));
    let written_for = outlet.map(|id| format!("# written_for: {id}\n")).unwrap_or_default();
    let text =
        format!("---\ntitle: {quoted}\ndate: {day}\nlang: {language}\n{written_for}draft: true\n---\n\n");
    fs::create_dir_all(path.parent().unwrap_or(folder.root()))?;
    durable::write(&path, text.as_bytes(), None)?;
    out!("{}", path.display());
    eprintln!("hint: it is a draft until you take `draft: true` out");
    Ok(Ended::Done)
}
