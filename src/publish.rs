//! Articles become feeds and pages, all of one generation at once.
//!
//! An edition is a pure function of the articles, the archives, the settings and the moment. Same
//! content, same bytes. Only what changed is made: a [`Publisher`] remembers what it was made of.

mod feeds;
mod json_ld;
pub mod pages;
mod plan;
mod sections;
mod signposts;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::plan::{Plan, Touched};
use crate::{
    feed::archive,
    newsroom::{Look, Settings, TextAway},
    site::{Edition, Extent, Form, Kind, Published, Site},
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
static ICON: Form = Form { media_type: "image/vnd.microsoft.icon", ..PICTURE };

/// Not everything was published. If the disk was at fault after readers were shown the new pages, the next
/// publishing writes what is missing; else they keep what they had.
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
    /// The archives could not be looked up.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk.
    #[error("cannot write public/: {0}")]
    Disk(String),
}

impl From<std::io::Error> for PublishError {
    fn from(why: std::io::Error) -> Self {
        Self::Disk(why.to_string())
    }
}

/// Publishes, and remembers what was published.
#[derive(Default)]
pub struct Publisher {
    plan: Option<Arc<Plan>>,
}

impl Publisher {
    /// Publishes what is live at `now`: only what changed, if that can be told.
    pub async fn run_once(
        &mut self,
        look: &Arc<Look>,
        settings: &Arc<Settings>,
        store: &Store,
        site: &Site,
        now: DateTime<Utc>,
    ) -> Result<Published, PublishError> {
        let last = self.plan.take().filter(|plan| Arc::ptr_eq(&plan.settings, settings) && site.is_whole());
        let after = last.and_then(|plan| plan.after(look, now));
        let (plan, touched, extent) = if let Some((plan, touched)) = after {
            (plan, touched, Extent::Part)
        } else {
            let archives = Arc::new(store.archives().await?);
            // Thinking all of it over takes a while: other work on this thread moves to another.
            let plan = tokio::task::block_in_place(|| Plan::new(look, &archives, settings, now));
            let everything = plan.everything();
            (plan, everything, Extent::Whole)
        };
        tracing::debug!(?extent, articles = touched.articles.len(), "publishing");
        let blocks = plan.archives.clone();
        let plan = Arc::new(cut(plan, store).await?);
        // An archive changes its neighbours, too.
        let has_cut = !Arc::ptr_eq(&blocks, &plan.archives);
        let published = tokio::task::block_in_place(|| {
            let edition = edition(&plan, &touched, extent, has_cut)?;
            site.publish(edition, now)
        })?;
        self.plan = Some(plan);
        Ok(published)
    }
}

/// Cuts the archives that are complete, and writes that down.
async fn cut(plan: Plan, store: &Store) -> Result<Plan, StoreError> {
    let mut fresh = Archives::default();
    for section in plan.sections().filter(|section| section.has_archives()) {
        let waiting = section.waiting.iter().rev();
        let waiting: Vec<_> = waiting.map(|live| (live.article.id, live.text_bytes())).collect();
        let blocks = plan.archives.blocks(&section.prefix).len();
        fresh.extend(&section.prefix, archive::cut(blocks, &waiting));
    }
    if fresh.is_empty() {
        return Ok(plan);
    }
    let archives = store.cut_archives(fresh).await?;
    Ok(plan.with_archives(Arc::new(archives)))
}

/// A document as it would be published: its path, how it is served, its bytes.
pub type Draft = (String, &'static Form, Vec<u8>);

/// Every document of the forms that are `wanted`, as it would be published at `now`.
pub async fn documents(
    look: &Arc<Look>,
    settings: &Arc<Settings>,
    store: &Store,
    now: DateTime<Utc>,
    wanted: impl Fn(&Form) -> bool,
) -> Result<Vec<Draft>, PublishError> {
    let mut drafts = Vec::new();
    each_document(look, settings, store, now, wanted, |draft| drafts.push(draft)).await?;
    Ok(drafts)
}

/// [`documents`], one after the other.
pub async fn each_document(
    look: &Arc<Look>,
    settings: &Arc<Settings>,
    store: &Store,
    now: DateTime<Utc>,
    wanted: impl Fn(&Form) -> bool,
    mut take: impl FnMut(Draft),
) -> Result<(), PublishError> {
    let archives = Arc::new(store.archives().await?);
    let plan = cut(Plan::new(look, &archives, settings, now), store).await?;
    let sheets = edition(&plan, &plan.everything(), Extent::Whole, true)?.sheets.into_iter();
    let wanted = sheets.filter(|sheet| sheet.documents.iter().any(|(_, form)| wanted(form)));
    tokio::task::block_in_place(|| {
        for sheet in wanted {
            let made = (sheet.make)()?;
            sheet.documents.into_iter().zip(made).for_each(|((path, form), bytes)| take((path, form, bytes)));
        }
        Ok(())
    })
}

/// What is `touched`, or everything that is out.
fn edition<'p>(
    plan: &'p Plan,
    touched: &Touched,
    extent: Extent,
    with_archives: bool,
) -> Result<Edition<'p, PublishError>, PublishError> {
    let mut sheets = Vec::new();
    let mut pages = touched.articles.clone();
    for (prefix, place) in &touched.sections {
        let Some(section) = plan.section(prefix) else { continue };
        // Those that came after it may have moved it on.
        let place = place.saturating_add(touched.articles.len());
        feeds::add(&mut sheets, section, plan);
        if extent == Extent::Whole || with_archives {
            for (index, block) in plan.archives.blocks(prefix).iter().enumerate() {
                feeds::add_archive(&mut sheets, section, index, block, plan);
                // Beside the archive, while their texts are in memory.
                let own = block.iter().filter(|id| pages.remove(id));
                own.for_each(|id| pages::add_article(&mut sheets, *id, plan));
            }
        }
        pages::add_section(&mut sheets, section, place, plan);
    }
    pages.iter().for_each(|id| pages::add_article(&mut sheets, *id, plan));
    pages::add_topics(&mut sheets, touched, plan);
    let signposts = match extent {
        Extent::Whole => {
            pages::add_others(&mut sheets, plan);
            signposts::all(plan)?
        }
        Extent::Part => signposts::of(touched, plan),
    };
    Ok(Edition { media: signposts::media(touched, plan), sheets, signposts, extent })
}

type Sheet<'p> = crate::site::Sheet<'p, PublishError>;
