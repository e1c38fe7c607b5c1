//! Where else things are: pictures, old addresses, withdrawn articles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use url::Url;

use super::{Sheet, pages, sections::Plan};
use crate::site::Signposts;

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

pub(super) fn of(sheets: &[Sheet<'_>], plan: &Plan<'_>) -> Signposts {
    let stands: BTreeSet<&str> = sheets.iter().map(|sheet| sheet.path.as_str()).collect();
    let mut signposts = Signposts { notices: pages::notices(plan), ..Signposts::default() };
    signposts.feed_link = pages::feed_link(plan);
    add_old_feeds(&mut signposts, plan);
    add_old_addresses(&mut signposts, &stands, plan);
    signposts
}

fn add_old_feeds(signposts: &mut Signposts, plan: &Plan<'_>) {
    for section in plan.sections() {
        let prefix = &section.prefix;
        for (old, new) in OLD_FEEDS {
            let to = plan.url(&format!("{prefix}{new}")).path().to_string();
            signposts.moved.insert(format!("{prefix}{old}"), to);
        }
    }
}

/// Addresses that articles had lead to where they are; those of withdrawn articles say so.
fn add_old_addresses(signposts: &mut Signposts, stands: &BTreeSet<&str>, plan: &Plan<'_>) {
    let site = &plan.settings.config.site.url;
    let ids: BTreeSet<_> = plan.live.iter().map(|live| live.article.id).collect();
    let read: BTreeSet<_> = plan.look.articles.iter().map(|article| article.id).collect();
    let records: BTreeMap<_, _> = plan.look.records.iter().map(|record| (record.id, record)).collect();
    for live in &plan.live {
        let article = &live.article;
        let to = live.url(site).path().to_string();
        signposts.moved.insert(format!("/{}", article.manuscript.slug), to.clone());
        // A piece that was brought along from elsewhere: `/?p=1043` asks for it.
        if let Some((_, query)) = article.guid.as_str().split_once("/?") {
            signposts.moved.insert(format!("/?{query}"), to.clone());
        }
        let remembered = records.get(&article.id).into_iter().flat_map(|record| &record.slugs);
        for old in remembered.chain(&article.manuscript.aliases) {
            let path = format!("/{old}/");
            if !stands.contains(path.as_str()) {
                signposts.moved.insert(format!("/{old}"), to.clone());
                signposts.moved.insert(path, to.clone());
            }
        }
    }
    for record in &plan.look.records {
        // A file that is there and cannot be read is no withdrawal.
        let unread = plan.look.present.contains(&record.path) && !read.contains(&record.id);
        if record.seq.is_some() && !ids.contains(&record.id) && !unread {
            let paths = record.slugs.iter().map(|slug| format!("/{slug}/"));
            let free =
                paths.filter(|path| !stands.contains(path.as_str()) && !signposts.moved.contains_key(path));
            signposts.gone.extend(free.collect::<Vec<_>>());
        }
    }
}

/// Only what a live article shows: a folder may hold more than is meant for readers.
pub(super) fn media(plan: &Plan<'_>) -> BTreeMap<String, PathBuf> {
    let mut media = BTreeMap::new();
    for url in plan.live.iter().flat_map(|live| live.article.manuscript.media()) {
        if let Some(file) = media_file(url, plan)
            && let Ok(url) = Url::parse(url)
            && let Ok(path) = percent_encoding::percent_decode_str(url.path()).decode_utf8()
        {
            media.insert(path.into_owned(), file.clone());
        }
    }
    media
}

/// The file that an address under `/media/` is.
pub(super) fn media_file<'l>(url: &str, plan: &Plan<'l>) -> Option<&'l PathBuf> {
    let path = url.strip_prefix(plan.settings.config.site.url.join("media/").ok()?.as_str())?;
    let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
    plan.look.media.get(path.as_ref())
}
