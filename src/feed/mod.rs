//! What a feed says, whatever its format: [`Feed`] and [`Entry`].
//!
//! A format (`rss`, `atom`, `json`) is a function from `&Feed` to bytes and sees nothing else. The
//! bytes depend on the feed alone: no clock, no build time.

pub mod atom;
pub mod json;
pub mod rss;

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, SubsecRound, Utc};
use url::Url;

use crate::{
    article::{Article, attribution::Credit, markup},
    language::{Direction, Language, starts_left_to_right},
};

/// Entries in the main feed, at the most.
pub const ENTRIES_MAX: usize = 20;
/// It stops earlier when their bodies reach this many bytes.
const BODY_BYTES_MAX: usize = 250 * 1024;
/// What feeds call the program; no version, which would change their bytes at each update.
const GENERATOR: &str = "Byline";
/// How long a reader may keep a feed, in seconds: the `ttl` of RSS and `max-age` of HTTP agree.
pub const MAX_AGE_SECONDS: u32 = 900;

/// A title, who speaks, and the newest entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    title: String,
    description: String,
    language: Language,
    author: String,
    /// The page that this is the feed of.
    home: Url,
    entries: Vec<Entry>,
}

/// What every feed of a newsroom says alike.
#[derive(Debug, Clone)]
pub struct Masthead {
    /// The feed's name.
    pub title: String,
    /// One sentence.
    pub description: String,
    /// Its main language; entries in another say so.
    pub language: Language,
    /// Who writes.
    pub author: String,
    /// The page that this is the feed of, ending in `/`.
    pub home: Url,
}

/// One article as a feed shows it: all that a format may know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The order in which articles were first seen.
    pub number: i64,
    /// Never changes.
    pub id: String,
    /// The article's page.
    pub url: String,
    /// As the author wrote it.
    pub title: String,
    /// Its own.
    pub language: Language,
    /// Plain text, the attribution first.
    pub summary: String,
    /// The whole text, the attribution first, in a wrapper that says language and direction.
    pub html: String,
    /// When it came out here.
    pub published: DateTime<Utc>,
    /// When it last changed in a way worth a second look; distinct within a feed.
    pub updated: DateTime<Utc>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// In the author's order.
    pub tags: Vec<String>,
    /// For whom it was written.
    pub credits: Vec<Credit>,
    /// The address of its picture.
    pub image: Option<String>,
    /// A sound or film that comes with it.
    pub enclosure: Option<Enclosure>,
}

/// A file that comes with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosure {
    /// Its address.
    pub url: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
}

impl Entry {
    /// The entry of a live article.
    pub fn of(article: &Article, site: &Url) -> Self {
        let manuscript = &article.manuscript;
        let credits = manuscript.credits();
        let sentences = credits.iter().map(|credit| credit.sentence.as_str());
        let summary = sentences.chain([manuscript.summary.as_str()]).collect::<Vec<_>>().join(" ");
        Self {
            number: article.id.0,
            id: article.guid.to_string(),
            url: page_of(article, site).to_string(),
            title: titled(&manuscript.title, &manuscript.language),
            language: manuscript.language.clone(),
            summary: summary.trim().to_string(),
            html: wrapped(&manuscript.body.html, &credits, &manuscript.language),
            published: article.published().trunc_subsecs(0),
            updated: article.updated().trunc_subsecs(0),
            authors: manuscript.authors.clone(),
            tags: manuscript.tags.clone(),
            credits,
            image: manuscript.image.as_ref().map(|image| image.src.clone()),
            enclosure: None,
        }
    }
}

/// The licences that outlets ask to be named.
fn rights(entry: &Entry) -> Option<String> {
    let licences: Vec<&str> = entry.credits.iter().filter_map(|credit| credit.licence.as_deref()).collect();
    (!licences.is_empty()).then(|| licences.join("; "))
}

/// The address of an article's page.
pub fn page_of(article: &Article, site: &Url) -> Url {
    site.join(&article.manuscript.slug.path()).unwrap_or_else(|_| site.clone())
}

/// A right-to-left title that starts in Latin letters gets a mark in front, or readers with
/// `dir=auto` lay all of it out left to right.
fn titled(title: &str, language: &Language) -> String {
    match language.direction() == Direction::RightToLeft && starts_left_to_right(title) {
        true => format!("\u{200F}{title}"),
        false => title.to_string(),
    }
}

fn wrapped(body: &str, credits: &[Credit], language: &Language) -> String {
    let direction = language.direction();
    let credits: String = credits.iter().map(|credit| credit.html(None)).collect();
    let body = markup::direct(body, direction);
    format!("<div lang=\"{language}\" dir=\"{}\">{credits}{body}</div>", direction.as_str())
}

impl Feed {
    /// The newest of `entries`, newest first.
    pub fn new(masthead: Masthead, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        make_updates_distinct(&mut entries);
        entries.sort_by(|a, b| b.published.cmp(&a.published).then_with(|| a.id.cmp(&b.id)));
        let mut bytes = 0;
        let fitting = entries.iter().take(ENTRIES_MAX).take_while(|entry| {
            let first = bytes == 0;
            bytes += entry.html.len();
            first || bytes <= BODY_BYTES_MAX
        });
        let fitting = fitting.count();
        entries.truncate(fitting);
        let Masthead { title, description, language, author, home } = masthead;
        Self { title, description, language, author, home, entries }
    }

    /// When it last changed: the newest update of its entries, never the time it was made. A feed
    /// without entries has not changed since its site began.
    pub fn updated(&self) -> DateTime<Utc> {
        let newest = self.entries.iter().map(|entry| entry.updated).max();
        newest.unwrap_or(DateTime::UNIX_EPOCH + Duration::days(365 * 31))
    }

    /// Its name.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it shows.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn address(&self, file: &str) -> String {
        self.home.join(file).map(String::from).unwrap_or_default()
    }
}

/// Two entries with one `updated` are a fault to Atom's readers; pieces that carry only a day would
/// have it. Among equals, each one after the first gets a second more, in the order in
/// which they were first seen, so that a later one changes none before it.
fn make_updates_distinct(entries: &mut [Entry]) {
    entries.sort_by_key(|entry| (entry.updated, entry.number));
    let mut taken = BTreeSet::new();
    for entry in entries {
        while !taken.insert(entry.updated) {
            entry.updated += Duration::seconds(1);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn entry(id: &str, title: &str, published: &str) -> Entry {
        let published: DateTime<Utc> = published.parse().unwrap();
        let language: Language = "en".parse().unwrap();
        Entry {
            number: id.bytes().map(i64::from).sum(),
            id: format!("tag:far-bank.example,2026-01-01:{id}"),
            url: format!("https://far-bank.example/{id}/"),
            title: titled(title, &language),
            summary: "A summary.".into(),
            html: wrapped("<p>A body ]]> with an end.</p>", &[], &language),
            language,
            published,
            updated: published,
            authors: vec!["Shirin Example".into()],
            tags: vec!["Water & stone".into()],
            credits: Vec::new(),
            image: None,
            enclosure: None,
        }
    }

    pub(crate) fn feed(entries: Vec<Entry>) -> Feed {
        let masthead = Masthead {
            title: "The Far Bank".into(),
            description: "Letters & essays".into(),
            language: "en".parse().unwrap(),
            author: "Shirin Example".into(),
            home: Url::parse("https://far-bank.example/").unwrap(),
        };
        Feed::new(masthead, entries)
    }

    #[test]
    fn newest_first_and_no_two_updates_alike() {
        let feed = feed(vec![
            entry("b", "B", "2026-01-02T00:00:00Z"),
            entry("c", "C", "2026-01-03T00:00:00Z"),
            entry("a", "A", "2026-01-02T00:00:00Z"),
        ]);
        let ids: Vec<_> = feed.entries().iter().map(|entry| &entry.id[32..]).collect();
        assert_eq!(ids, ["c", "a", "b"]);
        assert_eq!(feed.entries()[2].updated - feed.entries()[1].updated, Duration::seconds(1));
        assert_eq!(feed.updated(), feed.entries()[0].updated);
    }

    #[test]
    fn a_main_feed_has_an_end() {
        let day = |n: usize| format!("2026-01-{:02}T00:00:00Z", n % 28 + 1);
        let many = (0..60).map(|n| entry(&format!("{n}"), "x", &day(n))).collect();
        assert_eq!(feed(many).entries().len(), ENTRIES_MAX);
        let mut large = entry("l", "x", &day(3));
        large.html = "x".repeat(200 * 1024);
        let large = (0..5).map(|n| Entry { id: format!("{n}"), ..large.clone() }).collect();
        assert_eq!(feed(large).entries().len(), 1);
    }

    #[test]
    fn a_persian_title_that_starts_in_latin_is_still_laid_out_from_the_right() {
        let persian: Language = "fa".parse().unwrap();
        assert_eq!(titled("BBC و رادیو", &persian), "\u{200F}BBC و رادیو");
        assert_eq!(titled("رادیو BBC", &persian), "رادیو BBC");
        assert_eq!(titled("BBC", &"en".parse().unwrap()), "BBC");
    }
}
