//! What is due becomes an issue: its articles chosen, its letters rendered, its audience frozen.
//!
//! An issue is opened by a slot, by an article that wants a letter of its own, or by the author. Who
//! gets what follows from each reader's watermark, never from a date. Nothing is sent here.

mod letter;
mod pictures;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use chrono::{DateTime, Duration, Utc};

use crate::{
    article::{Announce, Article, ArticleId, identity::are_translations},
    language::Language,
    newsletter::{
        Cadence, Newsletter,
        issue::{IssueId, IssueState, Origin, Slot, Taste, digest_for},
        schedule::{Schedule, lead, same_time},
        variant::Frame,
    },
    newsroom::{Look, Settings, TextAway, Texts},
    store::{About, Audience, Considered, Crowd, NewCrowd, NewIssue, NewVariant, Opened, Store, StoreError},
    subscriber::SubscriptionId,
    template::TemplateError,
};
pub use letter::{Content, Cut, Rendered, render, render_notice};

/// Pieces in other languages that a digest points to, at the most.
const ALSO_MAX: usize = 5;

/// No issue was opened.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A letter would not render.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A file changed meanwhile; the next look sees it.
    #[error(transparent)]
    Text(#[from] TextAway),
}

/// An issue as it would be opened now.
#[derive(Debug)]
pub struct Plan {
    /// The issue.
    pub issue: NewIssue,
    /// Every article in it, newest first.
    pub articles: Vec<ArticleId>,
    /// What would have been too long, whole, by the variant's place in the issue.
    pub cuts: BTreeMap<usize, Cut>,
    /// How many readers get it.
    pub readers: usize,
}

/// Everything a newsletter's issues are made of.
pub struct Desk<'d> {
    /// The settings.
    pub settings: &'d Settings,
    /// What is out.
    pub live: &'d [Arc<Article>],
    /// What it says.
    pub texts: &'d Texts,
    /// The files that it can show, by their path below `articles/`.
    pub media: &'d BTreeMap<String, PathBuf>,
    /// The newsletter.
    pub newsletter: &'d Newsletter,
    /// The moment.
    pub now: DateTime<Utc>,
}

impl<'d> Desk<'d> {
    /// `live` is what is out at `now` of what was seen.
    pub fn new(
        settings: &'d Settings,
        look: &'d Look,
        live: &'d [Arc<Article>],
        newsletter: &'d Newsletter,
        now: DateTime<Utc>,
    ) -> Self {
        Self { settings, live, texts: &look.texts, media: &look.media, newsletter, now }
    }

    /// The newest articles in a language that the newsletter carries, at most `most`.
    pub fn newest(&self, language: &Language, most: usize) -> Vec<ArticleId> {
        let carried = self
            .live
            .iter()
            .filter(|article| article.manuscript.language == *language && self.newsletter.carries(article));
        let mut carried: Vec<&Arc<Article>> = carried.collect();
        carried.sort_by_key(|article| std::cmp::Reverse(article.seq));
        carried.into_iter().take(most).map(|article| article.id).collect()
    }

    /// One of the articles that are out.
    fn article(&self, id: ArticleId) -> Option<&'d Arc<Article>> {
        self.live.iter().find(|article| article.id == id)
    }
}

/// What came of opening the issues that are due.
#[derive(Debug, Default)]
pub struct Opening {
    /// Each that was opened, with the number of its letters.
    pub opened: Vec<(IssueId, usize)>,
    /// What kept newsletters from theirs, one for each.
    pub failed: Vec<ComposeError>,
}

/// Opens every issue that is due. A newsletter whose letters do not render holds up no other.
pub async fn run_once(
    look: &Look,
    settings: &Settings,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<Opening, StoreError> {
    let live = look.live(now);
    let mut opening = Opening::default();
    for newsletter in &settings.config.newsletters {
        let desk = Desk::new(settings, look, &live, newsletter, now);
        match catch_up(&desk, store, &mut opening.opened).await {
            Ok(()) => {}
            Err(ComposeError::Store(why)) => return Err(why),
            Err(why) => opening.failed.push(why),
        }
    }
    Ok(opening)
}

/// Opens every issue of one newsletter that is due.
async fn catch_up(
    desk: &Desk<'_>,
    store: &Store,
    opened: &mut Vec<(IssueId, usize)>,
) -> Result<(), ComposeError> {
    for article in announcements(desk) {
        if !store.is_announced(desk.newsletter.id.clone(), article.id).await? {
            let plan = plan_special(desk, store, Origin::Announcement(article.id), &[article]).await?;
            opened.extend(open_due(store, plan).await?);
        }
    }
    for cadence in &desk.newsletter.cadences {
        keep_up(desk, cadence, store, opened).await?;
    }
    Ok(())
}

/// Opens the slots of one cadence that have come since it was last looked at.
async fn keep_up(
    desk: &Desk<'_>,
    cadence: &Cadence,
    store: &Store,
    opened: &mut Vec<(IssueId, usize)>,
) -> Result<(), ComposeError> {
    let newsletter = desk.newsletter;
    let (id, name) = (newsletter.id.clone(), cadence.name.clone());
    let archive = desk.live.iter().filter(|article| article.is_archive).filter_map(|article| article.seq);
    let start = Considered { until: desk.now, seq: archive.max().unwrap_or(0) };
    let considered = store.considered(id.clone(), name.clone(), start).await?;
    // Where it is that time first, it may be hours before it is here.
    let lead = match cadence.is_local {
        true => lead(newsletter.zone, &store.zones(id.clone(), name.clone()).await?, desk.now),
        false => Duration::zero(),
    };
    let until = desk.now + lead;
    let (slots, cut) = match cadence.schedule {
        Schedule::Instant => instant_slots(desk, considered),
        Schedule::Cron(_) => (newsletter.due(cadence, considered.until, until), ripe(desk)),
    };
    for at in slots {
        let slot = Slot { newsletter: id.clone(), cadence: name.clone(), at };
        let plan = plan_digest(desk, store, Origin::Slot(slot), cut).await?;
        opened.extend(open_due(store, plan).await?);
    }
    // Only now: if this is never reached, the same slots are found again, and are there already.
    store.consider(id, name, Considered { until, seq: cut.max(considered.seq) }).await?;
    Ok(())
}

/// The highest number among articles that have been out for the grace window.
fn ripe(desk: &Desk<'_>) -> i64 {
    let ripe = desk.live.iter().filter(|article| {
        article.is_archive
            || article.live_at.is_some_and(|live_at| live_at + desk.newsletter.grace <= desk.now)
    });
    ripe.filter_map(|article| article.seq).max().unwrap_or(0)
}

/// An instant cadence has a slot whenever there is news: at the moment that the newest of it was ripe.
fn instant_slots(desk: &Desk<'_>, considered: Considered) -> (Vec<DateTime<Utc>>, i64) {
    let cut = ripe(desk);
    let newsletter = desk.newsletter;
    let news = desk.live.iter().filter(|article| {
        let fresh = article.seq.is_some_and(|seq| considered.seq < seq && seq <= cut);
        fresh && newsletter.carries(article) && article.manuscript.announce == Announce::Digest
    });
    let at = news.filter_map(|article| article.live_at).max().map(|live_at| live_at + newsletter.grace);
    let recent = at.filter(|at| desk.now - *at <= newsletter.max_age);
    (recent.into_iter().collect(), cut)
}

/// Articles that want a letter of their own and are ripe for it.
fn announcements<'d>(desk: &Desk<'d>) -> Vec<&'d Article> {
    let cut = ripe(desk);
    let wanted = desk.live.iter().filter(|article| {
        let recent = article.live_at.is_some_and(|at| desk.now - at <= desk.newsletter.max_age);
        article.manuscript.announce == Announce::Now
            && !article.is_archive
            && recent
            && article.seq.is_some_and(|seq| seq <= cut)
            && desk.newsletter.carries(article)
    });
    wanted.map(AsRef::as_ref).collect()
}

/// [`open`], for a plan that nobody looked at before: what was cut is in the log.
async fn open_due(store: &Store, plan: Plan) -> Result<Option<(IssueId, usize)>, ComposeError> {
    let (newsletter, cuts) = (plan.issue.audience.newsletter.clone(), plan.cuts.clone());
    let opened = open(store, plan).await?;
    if let Some((issue, _)) = opened {
        for finding in cuts.values().map(Cut::finding) {
            tracing::warn!("issue {issue} of `{newsletter}`: {}; {}", finding.message, finding.hint);
        }
    }
    Ok(opened)
}

/// Opens the issue of a plan, unless nobody would get it.
pub async fn open(store: &Store, plan: Plan) -> Result<Option<(IssueId, usize)>, ComposeError> {
    if plan.issue.crowds.is_empty() {
        return Ok(None);
    }
    Ok(match store.open_issue(plan.issue).await? {
        Opened::New(issue, letters) => Some((issue, letters)),
        Opened::Already => None,
    })
}

/// The author sends a digest now, to the readers of one cadence or all.
pub async fn plan_by_hand(
    desk: &Desk<'_>,
    store: &Store,
    cadence: Option<String>,
) -> Result<Plan, ComposeError> {
    plan_digest(desk, store, Origin::ByHand { cadence }, newest(desk)).await
}

/// The same for one reader.
pub async fn plan_for_reader(
    desk: &Desk<'_>,
    store: &Store,
    reader: SubscriptionId,
) -> Result<Plan, ComposeError> {
    let origin = Origin::ByHand { cadence: None };
    let audience = Audience { reader: Some(reader), ..audience(desk, &origin, About::News) };
    plan_news(desk, store, origin, audience, newest(desk)).await
}

fn newest(desk: &Desk<'_>) -> i64 {
    desk.live.iter().filter_map(|article| article.seq).max().unwrap_or(0)
}

fn audience(desk: &Desk<'_>, origin: &Origin, about: About) -> Audience {
    let cadence = origin.cadence().map(str::to_string);
    Audience { newsletter: desk.newsletter.id.clone(), cadence, reader: None, about }
}

/// A digest: to each reader what is after the watermark, in the reader's language.
pub async fn plan_digest(
    desk: &Desk<'_>,
    store: &Store,
    origin: Origin,
    cut: i64,
) -> Result<Plan, ComposeError> {
    let audience = audience(desk, &origin, About::News);
    plan_news(desk, store, origin, audience, cut).await
}

async fn plan_news(
    desk: &Desk<'_>,
    store: &Store,
    origin: Origin,
    audience: Audience,
    cut: i64,
) -> Result<Plan, ComposeError> {
    let crowds = store.audience(audience.clone()).await?;
    let choices = crowds.into_iter().map(|crowd| {
        let articles = digest_for(desk.newsletter, desk.live, cut, &crowd.taste);
        let also = if articles.is_empty() { Vec::new() } else { also(desk, cut, &crowd.taste, &articles) };
        Choice { crowd, articles, also }
    });
    plan(desk, origin, audience, cut, choices.collect())
}

/// What came out meanwhile in languages that the reader did not choose, but for translations of what the
/// letter brings.
fn also(desk: &Desk<'_>, cut: i64, taste: &Taste, articles: &[ArticleId]) -> Vec<ArticleId> {
    let Some(own) = &taste.language else { return Vec::new() };
    let every = Taste { language: None, ..taste.clone() };
    let given: Vec<&Arc<Article>> = articles.iter().filter_map(|id| desk.article(*id)).collect();
    let is_translation = |article: &Article| {
        given.iter().any(|other| are_translations(&article.manuscript, &other.manuscript))
    };
    let others = digest_for(desk.newsletter, desk.live, cut, &every);
    let others = others.into_iter().filter(|id| {
        desk.article(*id)
            .is_some_and(|article| article.manuscript.language != *own && !is_translation(article))
    });
    others.take(ALSO_MAX).collect()
}

/// What readers who are alike get.
struct Choice {
    crowd: Crowd,
    articles: Vec<ArticleId>,
    also: Vec<ArticleId>,
}

/// Chosen articles to every reader who has not been given them.
pub async fn plan_special(
    desk: &Desk<'_>,
    store: &Store,
    origin: Origin,
    articles: &[&Article],
) -> Result<Plan, ComposeError> {
    let ids = articles.iter().map(|article| article.id).collect();
    let audience = audience(desk, &origin, About::Articles(ids));
    let crowds = store.audience(audience.clone()).await?;
    let choices = crowds.into_iter().map(|crowd| {
        let fits = |article: &&&Article| crowd.taste.reads(article) && !crowd.taste.had.contains(&article.id);
        let articles = articles.iter().filter(fits).map(|article| article.id).collect::<Vec<_>>();
        Choice { crowd, articles, also: Vec::new() }
    });
    plan(desk, origin, audience, 0, choices.collect())
}

/// When it is the slot's time where the reader is, if the cadence goes by that.
fn local_slot(newsletter: &Newsletter, origin: &Origin, taste: &Taste) -> Option<DateTime<Utc>> {
    let Origin::Slot(slot) = origin else { return None };
    newsletter.cadence(&slot.cadence).filter(|cadence| cadence.is_local)?;
    Some(taste.zone.map_or(slot.at, |zone| same_time(slot.at, newsletter.zone, zone)))
}

/// Readers with the same articles and language share a variant, which is rendered once.
fn plan(
    desk: &Desk<'_>,
    origin: Origin,
    audience: Audience,
    cut: i64,
    choices: Vec<Choice>,
) -> Result<Plan, ComposeError> {
    let newsletter = desk.newsletter;
    let mut groups: BTreeMap<(Language, Vec<ArticleId>, Vec<ArticleId>), usize> = BTreeMap::new();
    let mut crowds = Vec::new();
    let mut readers = 0;
    let is_for_nobody =
        |choice: &Choice| choice.articles.is_empty() && (origin.is_special() || newsletter.skip_if_empty);
    for Choice { crowd, articles, also } in choices.into_iter().filter(|choice| !is_for_nobody(choice)) {
        let taste = crowd.taste;
        let language = taste.language.clone().unwrap_or_else(|| newsletter.language.clone());
        let next = groups.len();
        let variant = *groups.entry((language, articles, also)).or_insert(next);
        readers += crowd.readers;
        let not_before = local_slot(newsletter, &origin, &taste);
        crowds.push(NewCrowd { taste, variant, not_before });
    }
    let mut variants: Vec<Option<NewVariant>> = vec![None; groups.len()];
    let mut every: Vec<ArticleId> = Vec::new();
    let mut cuts = BTreeMap::new();
    for ((language, articles, also), index) in groups {
        every.extend(articles.iter().filter(|id| !every.contains(id)).collect::<Vec<_>>());
        let content =
            Content { language: &language, articles: &articles, also: &also, special: origin.is_special() };
        let Rendered { variant, cut } = render(desk, content)?;
        cuts.extend(cut.map(|cut| (index, cut)));
        variants[index] = Some(NewVariant { content: variant, articles });
    }
    every.sort_by_key(|id| {
        std::cmp::Reverse(desk.live.iter().find(|article| article.id == *id).and_then(|article| article.seq))
    });
    let state = if newsletter.approve && !matches!(origin, Origin::ByHand { .. } | Origin::Special { .. }) {
        IssueState::Waiting
    } else {
        IssueState::Sending
    };
    let frame = Frame::new(&newsletter.id, &newsletter.sender, &desk.settings.config.site.url, desk.now);
    let variants = variants.into_iter().flatten().collect();
    let issue = NewIssue {
        origin,
        audience,
        state,
        cut,
        frame,
        variants,
        // Too small an issue is over before anybody could look.
        canary: newsletter.canary.filter(|first| *first < readers),
        crowds,
    };
    Ok(Plan { issue, articles: every, cuts, readers })
}
