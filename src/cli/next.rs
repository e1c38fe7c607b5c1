//! `byline next`

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Ended, Open, print_json};
use crate::{
    article::State,
    compose::{self, Desk},
    diagnostic::count,
    newsletter::{Cadence, issue::Origin},
    newsroom::Folder,
};

/// One cadence and what its next issue would be if nothing changed until then.
#[derive(Serialize)]
struct Due {
    newsletter: String,
    cadence: String,
    schedule: String,
    /// None for an instant cadence: it comes with the next article.
    next: Option<DateTime<Utc>>,
    /// The same, as the newsletter's own clocks show it.
    local: Option<String>,
    articles: usize,
    readers: usize,
}

pub(super) async fn run(folder: &Folder, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let look = open.look().await?;
    let now = Utc::now();
    let config = &open.settings.config;
    let live = look.live(now);
    for newsletter in &config.newsletters {
        let desk = Desk::new(&open.settings, &look, &live, newsletter, now);
        for cadence in &newsletter.cadences {
            let due = due(&open, &desk, cadence).await?;
            if json {
                print_json(&due)?;
            } else {
                let when = due.local.as_deref().unwrap_or("with the next article");
                out!(
                    "{} {}: {when}; {} to {}",
                    due.newsletter,
                    due.cadence,
                    count(due.articles, "article"),
                    count(due.readers, "reader")
                );
            }
        }
    }
    warn_of_stranded(&open).await?;
    if !json {
        for article in look.articles.values() {
            if let State::Waiting { until } = article.state(now) {
                let local = until.with_timezone(&config.site.zone).format("%a %Y-%m-%d %H:%M %Z");
                out!("articles/{}: out on {local}", article.manuscript.path);
            }
        }
    }
    Ok(Ended::Done)
}

/// Readers of a cadence that the config no longer has would wait for ever.
async fn warn_of_stranded(open: &Open) -> anyhow::Result<()> {
    let mut stranded: BTreeMap<(String, String), usize> = BTreeMap::new();
    for reader in open.store.readers(None).await?.into_iter().filter(|reader| reader.status == "active") {
        let newsletter = open.settings.config.newsletter(&reader.newsletter);
        if newsletter.is_none_or(|newsletter| newsletter.cadence(&reader.cadence).is_none()) {
            *stranded.entry((reader.newsletter, reader.cadence)).or_default() += 1;
        }
    }
    for ((newsletter, cadence), readers) in stranded {
        let readers = count(readers, "reader");
        eprintln!(
            "warning: {readers} of `{newsletter}` wait for `{cadence}`, which the config does not have"
        );
    }
    Ok(())
}

async fn due(open: &Open, desk: &Desk<'_>, cadence: &Cadence) -> anyhow::Result<Due> {
    let newsletter = desk.newsletter;
    let cut = desk.live.iter().filter_map(|article| article.seq).max().unwrap_or(0);
    let origin = Origin::ByHand { cadence: Some(cadence.name.clone()) };
    let plan = compose::plan_digest(desk, &open.store, origin, cut).await?;
    let next = cadence.schedule.next(desk.now, newsletter.zone);
    Ok(Due {
        newsletter: newsletter.id.clone(),
        cadence: cadence.name.clone(),
        schedule: cadence.schedule.to_string(),
        local: next
            .map(|next| next.with_timezone(&newsletter.zone).format("%a %Y-%m-%d %H:%M %Z").to_string()),
        next,
        articles: plan.articles.len(),
        readers: plan.readers,
    })
}
