//! The feeds of a section: the document that readers subscribe to, and its archives.

use std::sync::Arc;

use super::{
    PublishError, Sheet,
    plan::Plan,
    sections::{Kind, Live, Section},
    signposts::media_file,
};
use crate::{
    article::{Article, ArticleId},
    feed::{ENTRIES_MAX, Enclosure, Entry, Feed, Format, MAX_AGE_SECONDS, Masthead, Place, fitting},
    newsroom::TextAway,
    site::{self, Form, Key},
};

/// Archives never change, but for a withdrawal.
const ARCHIVE_MAX_AGE: u32 = 86_400;
/// Raised when archives are to be written anew though nothing in them changed: a format was at fault.
const ARCHIVE_FORMAT: &str = "1";

const fn form(kind: site::Kind, format: Format, in_memory: bool) -> Form {
    let media_type = match format {
        Format::Rss => "application/rss+xml; charset=utf-8",
        Format::Atom => "application/atom+xml; charset=utf-8",
        Format::Json => "application/feed+json",
    };
    let max_age = if matches!(kind, site::Kind::Archive) { ARCHIVE_MAX_AGE } else { MAX_AGE_SECONDS };
    Form { kind, media_type, max_age, in_memory, compress: true }
}

const fn forms(kind: site::Kind, in_memory: bool) -> [Form; 3] {
    [
        form(kind, Format::Rss, in_memory),
        form(kind, Format::Atom, in_memory),
        form(kind, Format::Json, in_memory),
    ]
}

/// Those of the site and of its languages, which are asked for most.
static MAIN_FEEDS: [Form; 3] = forms(site::Kind::Feed, true);
/// There may be very many tags.
static OTHER_FEEDS: [Form; 3] = forms(site::Kind::Feed, false);
static ARCHIVES: [Form; 3] = forms(site::Kind::Archive, false);

/// Adds what readers of a section subscribe to.
pub(super) fn add<'p>(sheets: &mut Vec<Sheet<'p>>, section: &'p Section, plan: &'p Plan) {
    let newest = section.newest(ENTRIES_MAX);
    let fitting = fitting(newest.iter().map(|live| live.text_bytes()));
    let current: Arc<[Arc<Live>]> = newest.into_iter().take(fitting).collect();
    let archives = plan.archives.blocks(&section.prefix).len();
    let place = Place::Current { archives };
    let key = current_key(&current, archives, section, plan);
    let forms = if section.is_main() { &MAIN_FEEDS } else { &OTHER_FEEDS };
    add_formats(sheets, &format!("{}feed", section.prefix), forms, key, (section, place, current, plan));
}

/// Adds the archive of a section that has the articles of `block`; `index` counts from 0.
pub(super) fn add_archive<'p>(
    sheets: &mut Vec<Sheet<'p>>,
    section: &'p Section,
    index: usize,
    block: &[ArticleId],
    plan: &'p Plan,
) {
    let archives = plan.archives.blocks(&section.prefix).len();
    // One that left the section, or the site, leaves its archive.
    let live = block.iter().filter_map(|id| plan.article(*id));
    let own = live.filter(|live| section.kind == Kind::Whole || is_in(live, section)).cloned();
    let own: Arc<[Arc<Live>]> = own.collect();
    let place = Place::Archive { number: index + 1, archives };
    let key = archive_key(&own, index + 1 == archives, section, plan);
    let path = format!("{}archive/{}", section.prefix, index + 1);
    add_formats(sheets, &path, &ARCHIVES, key, (section, place, own, plan));
}

fn is_in(live: &Live, section: &Section) -> bool {
    live.article.manuscript.language == section.language
}

fn add_formats<'p>(
    sheets: &mut Vec<Sheet<'p>>,
    path: &str,
    forms: &'static [Form; 3],
    key: Key,
    (section, place, articles, plan): (&'p Section, Place, Arc<[Arc<Live>]>, &'p Plan),
) {
    let documents = Format::ALL.into_iter().zip(forms);
    let documents = documents.map(|(format, form)| (format!("{path}.{}", format.ending()), form));
    let path = path.to_string();
    let make = move || documents_of(&path, section, place, &articles, plan);
    sheets.push(Sheet { documents: documents.collect(), key, make: Box::new(make) });
}

/// The document in each format; an entry that would spoil one is left out of all.
fn documents_of(
    path: &str,
    section: &Section,
    place: Place,
    articles: &[Arc<Live>],
    plan: &Plan,
) -> Result<Vec<Vec<u8>>, PublishError> {
    let entries: Vec<Entry> = articles.iter().map(|live| entry(live, plan)).collect::<Result<_, _>>()?;
    let feed = Feed::new(plan.masthead(section), place, entries);
    in_formats(path, &feed).or_else(|_| {
        // Should cleaning ever fall short: the entry at fault stays out, and the others do not suffer.
        let good = |entry: &&Entry| {
            let alone = Feed::new(plan.masthead(section), place, [(*entry).clone()]);
            match in_formats(path, &alone) {
                Ok(_) => true,
                Err(why) => {
                    tracing::error!("{} is left out of the feeds: {why}", entry.url);
                    false
                }
            }
        };
        let good: Vec<Entry> = feed.entries().iter().filter(good).cloned().collect();
        in_formats(path, &Feed::new(plan.masthead(section), place, good))
    })
}

fn in_formats(path: &str, feed: &Feed) -> Result<Vec<Vec<u8>>, PublishError> {
    let made = Format::ALL.into_iter().map(|format| {
        let bytes = format.document(feed);
        check_well_formed(format, &format!("{path}.{}", format.ending()), bytes)
    });
    made.collect()
}

fn check_well_formed(format: Format, path: &str, bytes: Vec<u8>) -> Result<Vec<u8>, PublishError> {
    if format == Format::Json {
        return Ok(bytes);
    }
    let ill_formed = |why: String| PublishError::IllFormed { path: path.to_string(), why };
    let xml = std::str::from_utf8(&bytes).map_err(|why| ill_formed(why.to_string()))?;
    roxmltree::Document::parse(xml).map_err(|why| ill_formed(why.to_string()))?;
    Ok(bytes)
}

fn entry(live: &Live, plan: &Plan) -> Result<Entry, TextAway> {
    let site = &plan.settings.config.site.url;
    let translation = plan.translation(&live.article).map(|other| {
        let manuscript = &other.article.manuscript;
        (manuscript.language.clone(), manuscript.title.clone(), other.url(site).to_string())
    });
    Ok(Entry {
        updated: live.updated,
        enclosure: enclosure(&live.article, plan),
        translation,
        ..Entry::of(&live.article, &plan.text(&live.article)?, site)
    })
}

fn enclosure(article: &Article, plan: &Plan) -> Option<Enclosure> {
    let url = article.manuscript.enclosure.clone()?;
    let file = media_file(&url, plan)?;
    let bytes = std::fs::metadata(file).ok()?.len();
    let media_type = mime_guess::from_path(file).first_or_octet_stream().to_string();
    Some(Enclosure { url, media_type, bytes })
}

fn current_key(articles: &[Arc<Live>], archives: usize, section: &Section, plan: &Plan) -> Key {
    let about = format!("{archives} {}", section.about());
    let mut parts: Vec<Vec<u8>> = vec![plan.settings.key.as_ref().to_vec(), about.into_bytes()];
    for live in articles {
        parts.push(live.key.as_ref().to_vec());
        if let Some(enclosure) = enclosure(&live.article, plan) {
            parts.push(enclosure.bytes.to_le_bytes().to_vec());
        }
        if let Some(other) = plan.translation(&live.article) {
            parts.push(other.key.as_ref().to_vec());
        }
    }
    Key::of(parts)
}

/// Not of the articles' texts: an archive stays as it was cut when a piece in it is edited. Only a
/// withdrawal, a newer archive beside it, or another name or address of the site rewrites one.
fn archive_key(articles: &[Arc<Live>], is_newest: bool, section: &Section, plan: &Plan) -> Key {
    // An archive names no hub.
    let masthead = Masthead { hubs: Vec::new(), ..plan.masthead(section) };
    let about = format!("{ARCHIVE_FORMAT} {is_newest} {masthead:?}");
    let guids = articles.iter().map(|live| live.article.guid.to_string());
    Key::of([about].into_iter().chain(guids))
}
