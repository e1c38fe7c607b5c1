//! `byline check`

mod letters;

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};

use super::{Ended, environment, open_store, print_json, show, summary};
use crate::{
    article::State,
    diagnostic::{Diagnostic, Problems, count},
    feed::lint::{Expectation, lint_bytes},
    language::Language,
    newsroom::{Folder, ListFile, Look, Looker, Settings, read_list},
    ping,
    publish::{self, PublishError},
    site::{Form, Kind},
    store::Store,
    template::Templates,
};

/// Reads everything and changes nothing that readers see.
pub(super) async fn run(folder: &Folder, json: bool) -> anyhow::Result<Ended> {
    let read = folder.settings(&environment());
    let mut problems = read.problems;
    let mut counted = String::new();
    if let Some(config) = read.config {
        let lists = Problems::default();
        let files = folder.lists(&config, &lists);
        let rows = |list: &ListFile| {
            let newsletter = config.newsletter(&list.newsletter)?;
            match list.read() {
                Ok(file) => Some(read_list(newsletter, &file, &lists).rows.len()),
                Err(problem) => {
                    lists.push(problem);
                    None
                }
            }
        };
        let rows: usize = files.iter().filter_map(rows).sum();
        // Templates that do not hold are no reason not to read the articles.
        let templates = read.templates.or_else(|| built_in(folder, &config.site.languages));
        if let Some(templates) = templates {
            let settings = Arc::new(Settings { config, templates, key: read.key });
            // In a ledger that is thrown away: a check must not decide which article was first.
            let scratch = tempfile_folder()?;
            let store = open_store(&Folder::new(&scratch.0))?;
            let now = Utc::now();
            let look = Looker::new(folder, &store).look(&settings, now).await?;
            let of = |wanted: fn(State) -> bool| {
                look.articles.values().filter(|article| wanted(article.state(now))).count()
            };
            let live = of(|state| state == State::Live);
            let drafts = of(|state| state == State::Draft);
            let waiting = of(|state| matches!(state, State::Waiting { .. }));
            counted = format!(
                "{} ({live} out, {}, {waiting} waiting); {}; {} in lists: ",
                count(look.articles.len(), "article"),
                count(drafts, "draft"),
                count(settings.config.newsletters.len(), "newsletter"),
                count(rows, "reader"),
            );
            problems.extend(look.problems.iter().cloned());
            problems.extend(faults(&look, &settings, &store, now).await?);
            problems.extend(letters::faults(&look, &settings, now)?);
        }
        problems.extend(lists.into_vec());
    }
    problems.sort_by_key(|problem| !problem.is_error());
    let mut seen = BTreeSet::new();
    problems.retain(|problem| seen.insert(problem.to_string()));
    if json {
        problems.iter().try_for_each(print_json)?;
    } else {
        show(&problems);
        out!("{counted}{}", summary(&problems));
    }
    let wrong = problems.iter().any(Diagnostic::is_error);
    Ok(if wrong { Ended::CannotRun } else { Ended::Done })
}

/// What is wrong with the feeds as they would be published: the author's own words, mostly. And whether the pages can
/// be made.
async fn faults(
    look: &Arc<Look>,
    settings: &Arc<Settings>,
    store: &Store,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let mut said = BTreeSet::new();
    let is_feed = |form: &Form| form.kind == Kind::Feed && form.in_memory;
    let lint = |(path, _, bytes): publish::Draft| {
        let self_url = Some(ping::topic_url(&path, settings));
        let mut findings = lint_bytes(&bytes, &Expectation { self_url, now: Some(now) });
        // The same piece stands in many feeds.
        findings.retain(|finding| said.insert((finding.rule, finding.message.clone())));
        faults.extend(super::feed::diagnostics(&format!("public{path}"), &bytes, &findings));
    };
    let feeds = publish::each_document(look, settings, store, now, is_feed, lint).await;
    let is_page = |form: &Form| form.kind == Kind::Page;
    let pages = publish::each_document(look, settings, store, now, is_page, drop).await;
    for made in [feeds, pages] {
        match made {
            Err(PublishError::Template(why)) => {
                faults.push(Diagnostic::template_failed(&why.place, &why.why, "what is to be published"));
            }
            made => made?,
        }
    }
    Ok(faults)
}

/// The built-in templates, with the author's words: a language of the author's own has no others.
fn built_in(folder: &Folder, languages: &[Language]) -> Option<Templates> {
    let mut files = folder.template_files(&Problems::default());
    files.retain(|file| file.path.starts_with("i18n/"));
    let with_words = Templates::compile(&files, languages).ok();
    with_words.or_else(|| Templates::compile(&[], languages).ok())
}

/// A folder that goes when this is dropped.
struct Scratch(std::path::PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // the system clears its own temporary folder
    }
}

fn tempfile_folder() -> anyhow::Result<Scratch> {
    let name = format!("byline-check-{}-{:x}", std::process::id(), rand::random::<u64>());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(Scratch(folder))
}
