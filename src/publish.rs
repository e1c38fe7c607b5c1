//! Articles become feeds and pages, all of one generation at once.
//!
//! [`cut`] decides which entries are complete archives now and writes that down. The rest is a pure
//! function of the articles, the archives, the settings and the moment ([`edition`]), and one write. Same
//! content, same bytes.

mod feeds;
mod json_ld;
pub mod pages;
mod sections;
mod signposts;

use chrono::{DateTime, Utc};

use self::sections::Plan;
use crate::{
    feed::archive,
    newsroom::{Look, Settings, TextAway},
    site::{Edition, Form, Kind, Published, Site},
    store::{Archives, Store, StoreError},
    template::TemplateError,
};

/// A page may be stale for so long, in seconds.
const PAGE_MAX_AGE: u32 = 300;
const FILE_MAX_AGE: u32 = 3600;

static PAGE: Form = Form {
    kind: Kind::Page,
    media_type: "text/html; charset=utf-8",
    max_age: PAGE_MAX_AGE,
    in_memory: false,
    compress: true,
};
static STYLE: Form = Form {
    kind: Kind::File,
    media_type: "text/css; charset=utf-8",
    max_age: FILE_MAX_AGE,
    in_memory: true,
    compress: true,
};
static PICTURE: Form = Form { media_type: "image/png", compress: false, ..STYLE };

/// Nothing was published; readers keep what they had.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A page would not render.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A feed came out ill-formed: better the old one than that.
    #[error("{path} would not be well-formed XML ({why}), so nothing was published")]
    IllFormed {
        /// Which feed.
        path: String,
        /// The reader's words.
        why: String,
    },
    /// A file changed meanwhile; the next look sees it.
    #[error(transparent)]
    Text(#[from] TextAway),
    /// The disk.
    #[error("cannot write public/: {0}")]
    Disk(#[from] std::io::Error),
}

/// Makes an edition of what is live, and publishes it.
pub fn run_once(
    look: &Look,
    archives: &Archives,
    settings: &Settings,
    site: &Site,
    now: DateTime<Utc>,
) -> Result<Published, PublishError> {
    let plan = Plan::new(look, settings, now);
    site.publish(edition(&plan, archives), now)
}

/// Cuts the archives that are complete at `now`, and answers with all of them.
pub async fn cut(
    look: &Look,
    settings: &Settings,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<Archives, StoreError> {
    let archives = store.archives().await?;
    let fresh = {
        let plan = Plan::new(look, settings, now);
        let mut fresh = Archives::default();
        for section in plan.sections().iter().filter(|section| section.has_archives()) {
            let blocks = archives.blocks(&section.prefix);
            let mut waiting = section.not_in(blocks);
            waiting.reverse();
            let waiting: Vec<_> = waiting.iter().map(|live| (live.article.id, live.text_bytes())).collect();
            let cut = archive::cut(blocks.len(), &waiting);
            fresh.extend(&section.prefix, cut);
        }
        fresh
    };
    if fresh.is_empty() {
        return Ok(archives);
    }
    store.cut_archives(fresh).await
}

/// A document as it would be published: its path, how it is served, its bytes.
pub type Draft = (String, &'static Form, Vec<u8>);

/// Every document of the forms that are `wanted`, as it would be published at `now`.
pub fn documents(
    look: &Look,
    archives: &Archives,
    settings: &Settings,
    now: DateTime<Utc>,
    wanted: impl Fn(&Form) -> bool,
) -> Result<Vec<Draft>, PublishError> {
    let plan = Plan::new(look, settings, now);
    let sheets = edition(&plan, archives).sheets.into_iter().filter(|sheet| wanted(sheet.form));
    sheets.map(|sheet| Ok((sheet.path, sheet.form, (sheet.make)()?))).collect()
}

/// Everything that is out.
fn edition<'p>(plan: &'p Plan<'_>, archives: &'p Archives) -> Edition<'p, PublishError> {
    let mut sheets = Vec::new();
    for section in plan.sections() {
        feeds::add(&mut sheets, section, archives.blocks(&section.prefix), plan);
        pages::add_section(&mut sheets, section, plan);
    }
    pages::add(&mut sheets, plan);
    let signposts = signposts::of(&sheets, plan);
    Edition { sheets, media: signposts::media(plan), signposts }
}

type Sheet<'p> = crate::site::Sheet<'p, PublishError>;
