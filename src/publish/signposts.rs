//! Where else things are: pictures, old addresses, withdrawn articles.

use std::{collections::BTreeMap, path::PathBuf};

use url::Url;

use super::{
    pages,
    plan::{Plan, Touched},
    sections::{Live, Section},
};
use crate::{site::Signposts, template::TemplateError};

/// Addresses that other programs gave their feeds, and readers still ask for.
const OLD_FEEDS: [(&str, &str); 12] = [
    ("feed", "feed.rss"),
    ("feed/", "feed.rss"),
    ("feed/rss/", "feed.rss"),
    ("feed/rss2/", "feed.rss"),
    ("feed/atom/", "feed.atom"),
    ("feed/json/", "feed.json"),
    ("feed.xml", "feed.rss"),
    ("rss", "feed.rss"),
    ("rss/", "feed.rss"),
    ("rss.xml", "feed.rss"),
    ("index.xml", "feed.rss"),
    ("atom.xml", "feed.atom"),
];

/// Those of the whole site.
pub(super) fn all(plan: &Plan) -> Result<Signposts, TemplateError> {
    let mut signposts = Signposts {
        notices: pages::notices(plan)?,
        feed_link: pages::feed_link(plan),
        ..Signposts::default()
    };
    plan.sections().for_each(|section| add_old_feeds(&mut signposts, section, plan));
    plan.live().for_each(|live| add_article(&mut signposts, live, plan));
    add_withdrawn(&mut signposts, plan);
    Ok(signposts)
}

/// Those of what is touched.
pub(super) fn of(touched: &Touched, plan: &Plan) -> Signposts {
    let mut signposts = Signposts::default();
    let sections = touched.sections.keys().filter_map(|prefix| plan.section(prefix));
    sections.for_each(|section| add_old_feeds(&mut signposts, section, plan));
    let articles = touched.articles.iter().filter_map(|id| plan.article(*id));
    articles.for_each(|live| add_article(&mut signposts, live, plan));
    signposts
}

fn add_old_feeds(signposts: &mut Signposts, section: &Section, plan: &Plan) {
    let prefix = &section.prefix;
    for (old, new) in OLD_FEEDS {
        let to = plan.url(&format!("{prefix}{new}")).path().to_string();
        signposts.moved.insert(format!("{prefix}{old}"), to);
    }
}

/// Addresses that an article had lead to where it is.
fn add_article(signposts: &mut Signposts, live: &Live, plan: &Plan) {
    let article = &live.article;
    let to = live.url(&plan.settings.config.site.url).path().to_string();
    let own = &article.manuscript.slug;
    // Another article may link to its file.
    signposts.moved.insert(format!("/media/{}", article.manuscript.path), to.clone());
    // A piece that was brought along from elsewhere: `/?p=1043` asks for it.
    if let Some((_, query)) = article.guid.as_str().split_once("/?") {
        signposts.moved.insert(format!("/?{query}"), to.clone());
    }
    let remembered = plan.look.records.get(&article.id).into_iter().flat_map(|record| &record.slugs);
    for old in remembered.chain(&article.manuscript.aliases).filter(|slug| *slug != own) {
        // Where another article stands now, it is found before this.
        for path in [format!("/{old}"), format!("/{old}/")] {
            signposts.moved.entry(path).or_insert_with(|| to.clone());
        }
    }
}

/// Addresses of withdrawn articles say so. What stands or has moved there is found before this.
fn add_withdrawn(signposts: &mut Signposts, plan: &Plan) {
    for record in plan.look.records.values() {
        // A file that is there and cannot be read is no withdrawal.
        let unread = plan.look.present.contains(&record.path) && !plan.look.articles.contains_key(&record.id);
        if record.seq.is_some() && plan.article(record.id).is_none() && !unread {
            signposts.gone.extend(record.slugs.iter().map(|slug| format!("/{slug}/")));
        }
    }
}

/// Only what a live article shows: a folder may hold more than is meant for readers. What is being written
/// stays as it was published.
pub(super) fn media(touched: &Touched, plan: &Plan) -> BTreeMap<String, Option<PathBuf>> {
    let mut media = BTreeMap::new();
    let articles = touched.articles.iter().filter_map(|id| plan.article(*id));
    for url in articles.flat_map(|live| live.article.manuscript.media()) {
        if let Some(file) = media_file(url, plan)
            && let Ok(url) = Url::parse(url)
            && let Ok(path) = percent_encoding::percent_decode_str(url.path()).decode_utf8()
        {
            let is_open = path.strip_prefix("/media/").is_some_and(|path| plan.look.open.contains(path));
            media.insert(path.into_owned(), (!is_open).then(|| file.clone()));
        }
    }
    media
}

/// The file that an address under `/media/` is.
pub(super) fn media_file<'p>(url: &str, plan: &'p Plan) -> Option<&'p PathBuf> {
    let path = url.strip_prefix(plan.settings.config.site.url.join("media/").ok()?.as_str())?;
    let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
    plan.look.media.get(path.as_ref())
}
