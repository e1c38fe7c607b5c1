//! What a feed says, whatever its format: [`Feed`] and [`Entry`].
//!
//! A format (`rss`, `atom`, `json`) is a function from `&Feed` to bytes and sees nothing else. The
//! bytes depend on the feed alone: no clock, no build time.

pub mod archive;
pub mod atom;
pub mod json;
pub mod lint;
pub mod rss;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, SubsecRound, Utc};
use url::Url;

use crate::{
    article::{Article, attribution::Credit, markup, plain},
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

/// A title, who speaks, and entries, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    masthead: Masthead,
    place: Place,
    entries: Vec<Entry>,
}

/// What every document of one feed says alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masthead {
    /// Never changes, whatever the site's address becomes.
    pub id: String,
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
    /// The site's front page.
    pub site: Url,
    /// Where readers can ask to be told of changes (`WebSub`).
    pub hubs: Vec<Url>,
}

/// Which document of a feed it is (RFC 5005 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The one that readers subscribe to.
    Current {
        /// How many archives there are.
        archives: usize,
    },
    /// A block of older entries.
    Archive {
        /// From 1, the oldest.
        number: usize,
        /// How many there are.
        archives: usize,
    },
}

/// One of the three formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RSS 2.0.
    Rss,
    /// RFC 4287.
    Atom,
    /// JSON Feed 1.1.
    Json,
}

impl Format {
    /// All three, the most common first.
    pub const ALL: [Format; 3] = [Format::Rss, Format::Atom, Format::Json];

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Rss => "rss",
            Format::Atom => "atom",
            Format::Json => "json",
        }
    }

    /// Its media type, without parameters.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Rss => "application/rss+xml",
            Format::Atom => "application/atom+xml",
            Format::Json => "application/feed+json",
        }
    }

    /// The document.
    pub fn document(self, feed: &Feed) -> Vec<u8> {
        match self {
            Format::Rss => rss::document(feed),
            Format::Atom => atom::document(feed),
            Format::Json => json::document(feed),
        }
    }
}

/// Where a feed points to.
struct Pointer {
    rel: &'static str,
    media_type: Option<&'static str>,
    href: String,
}

/// One article as a feed shows it: all that a format may know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
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
    /// The same piece in another language: its language, title and address.
    pub translation: Option<(Language, String, String)>,
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
    /// The entry of a live article with this text.
    pub fn of(article: &Article, text: &str, site: &Url) -> Self {
        let manuscript = &article.manuscript;
        let credits = manuscript.credits();
        let sentences = credits.iter().map(|credit| credit.sentence.as_str());
        let summary = sentences.chain([manuscript.summary.as_str()]).collect::<Vec<_>>().join(" ");
        Self {
            id: article.guid.to_string(),
            url: page_of(article, site).to_string(),
            title: titled(&manuscript.title, &manuscript.language),
            language: manuscript.language.clone(),
            // A piece without words has its title at least.
            summary: titled(
                if summary.trim().is_empty() { &manuscript.title } else { summary.trim() },
                &manuscript.language,
            ),
            html: wrapped(text, &credits, &manuscript.language),
            published: article.published().trunc_subsecs(0),
            updated: article.updated().trunc_subsecs(0),
            authors: manuscript.authors.clone(),
            tags: manuscript.tags.clone(),
            credits,
            image: manuscript.image.as_ref().map(|image| image.src.clone()),
            translation: None,
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

/// A right-to-left text that starts in Latin letters gets a mark in front, or readers with `dir=auto`
/// lay all of it out left to right.
fn titled(text: &str, language: &Language) -> String {
    match language.direction() == Direction::RightToLeft && starts_left_to_right(text) {
        true => format!("\u{200F}{text}"),
        false => text.to_string(),
    }
}

/// The same for HTML: readers drop attributes, but not letters. The mark stands before the first word.
fn marked(html: String, direction: Direction) -> String {
    if direction == Direction::LeftToRight || !starts_left_to_right(&plain::words(&html)) {
        return html;
    }
    let mut in_tag = false;
    let first = html.char_indices().find(|(_, character)| {
        let is_text = !in_tag && *character != '<' && !character.is_whitespace();
        in_tag = *character == '<' || (in_tag && *character != '>');
        is_text
    });
    match first {
        Some((at, _)) => format!("{}\u{200F}{}", &html[..at], &html[at..]),
        None => html,
    }
}

fn wrapped(body: &str, credits: &[Credit], language: &Language) -> String {
    let direction = language.direction();
    let credits: String = credits.iter().map(|credit| credit.html(None)).collect();
    let body = markup::direct_unless_usual(body, direction);
    let html = format!("<div lang=\"{language}\" dir=\"{}\">{credits}{body}</div>", direction.as_str());
    marked(html, direction)
}

/// How many of these, given with the bytes of their bodies, the document that readers subscribe to
/// shows; the first always.
pub fn fitting(bodies: impl IntoIterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fitting = bodies.into_iter().take(ENTRIES_MAX).take_while(|body| {
        let first = bytes == 0;
        bytes += body;
        first || bytes <= BODY_BYTES_MAX
    });
    fitting.count()
}

impl Feed {
    /// A document with these entries.
    pub fn new(masthead: Masthead, place: Place, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        entries.sort_by(|a, b| b.published.cmp(&a.published).then_with(|| a.id.cmp(&b.id)));
        Self { masthead, place, entries }
    }

    /// When it last changed: the newest update of its entries, never the time it was made. A feed
    /// without entries has not changed since its site began.
    pub fn updated(&self) -> DateTime<Utc> {
        let newest = self.entries.iter().map(|entry| entry.updated).max();
        newest.unwrap_or(DateTime::UNIX_EPOCH + Duration::days(365 * 31))
    }

    /// How long its document is, more or less.
    fn bytes_about(&self) -> usize {
        let texts: usize =
            self.entries.iter().map(|entry| entry.html.len() + entry.summary.len() + 2048).sum();
        texts + texts / 4 + 4096
    }

    /// What it shows.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Its own address.
    pub fn address(&self, format: Format) -> String {
        match self.place {
            Place::Current { .. } => self.current(format),
            Place::Archive { number, .. } => self.archive(number, format),
        }
    }

    fn current(&self, format: Format) -> String {
        self.at(&format!("feed.{}", format.ending()))
    }

    fn archive(&self, number: usize, format: Format) -> String {
        self.at(&format!("archive/{number}.{}", format.ending()))
    }

    fn at(&self, file: &str) -> String {
        self.masthead.home.join(file).map(String::from).unwrap_or_default()
    }

    /// An address of the site's.
    fn on_site(&self, file: &str) -> String {
        self.masthead.site.join(file).map(String::from).unwrap_or_default()
    }

    /// The archive with the entries before these.
    fn older(&self) -> Option<usize> {
        let older = match self.place {
            Place::Current { archives } => archives,
            Place::Archive { number, .. } => number - 1,
        };
        (older > 0).then_some(older)
    }

    /// Every link of the document, its own address first (RFC 4287 §4.2.7.2, RFC 5005 §4, `WebSub` §4).
    fn pointers(&self, format: Format) -> Vec<Pointer> {
        let this = |rel, href| Pointer { rel, media_type: Some(format.media_type()), href };
        let mut pointers = vec![
            this("self", self.address(format)),
            Pointer { rel: "alternate", media_type: Some("text/html"), href: self.masthead.home.to_string() },
        ];
        if let Place::Current { .. } = self.place {
            let others = Format::ALL.into_iter().filter(|other| *other != format);
            pointers.extend(others.map(|other| Pointer {
                rel: "alternate",
                media_type: Some(other.media_type()),
                href: self.current(other),
            }));
            let hubs = self.masthead.hubs.iter();
            pointers.extend(hubs.map(|hub| Pointer { rel: "hub", media_type: None, href: hub.to_string() }));
        }
        if let Some(older) = self.older() {
            pointers.push(this("prev-archive", self.archive(older, format)));
        }
        if let Place::Archive { number, archives } = self.place {
            if number < archives {
                pointers.push(this("next-archive", self.archive(number + 1, format)));
            }
            pointers.push(this("current", self.current(format)));
        }
        pointers
    }
}

/// For each of these, given with their `updated` and the order in which they were first seen, an
/// `updated` of its own: two entries with one are a fault to Atom's readers, and pieces that carry only
/// a day would have it. Among equals, each one after the first gets a second more, so that a later one
/// changes none before it.
pub fn distinct(updates: Vec<(DateTime<Utc>, i64)>) -> BTreeMap<i64, DateTime<Utc>> {
    let whole = |(updated, number): (DateTime<Utc>, i64)| (updated.trunc_subsecs(0), number);
    let mut updates: Vec<_> = updates.into_iter().map(whole).collect();
    updates.sort_unstable();
    let mut taken = BTreeSet::new();
    let distinct = updates.into_iter().map(|(mut updated, number)| {
        while !taken.insert(updated) {
            updated += Duration::seconds(1);
        }
        (number, updated)
    });
    distinct.collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn entry(id: &str, title: &str, published: &str) -> Entry {
        let published: DateTime<Utc> = published.parse().unwrap();
        let language: Language = "en".parse().unwrap();
        Entry {
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
            translation: None,
            enclosure: None,
        }
    }

    pub(crate) fn feed(entries: Vec<Entry>) -> Feed {
        placed(Place::Current { archives: 0 }, entries)
    }

    pub(crate) fn placed(place: Place, entries: Vec<Entry>) -> Feed {
        let site = Url::parse("https://far-bank.example/").unwrap();
        let masthead = Masthead {
            id: "tag:far-bank.example,2026:feed".into(),
            title: "The Far Bank".into(),
            description: "Letters & essays".into(),
            language: "en".parse().unwrap(),
            author: "Shirin Example".into(),
            home: site.clone(),
            hubs: vec![site.join("hub").unwrap()],
            site,
        };
        Feed::new(masthead, place, entries)
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
        assert_eq!(feed.updated(), feed.entries()[0].updated);
        let day: DateTime<Utc> = "2026-01-02T00:00:00Z".parse().unwrap();
        let second = Duration::seconds(1);
        let updates = distinct(vec![(day, 3), (day + second, 2), (day, 1)]);
        assert_eq!(updates, BTreeMap::from([(1, day), (3, day + second), (2, day + second * 2)]));
    }

    #[test]
    fn a_main_feed_has_an_end() {
        assert_eq!(fitting(vec![10; 60]), ENTRIES_MAX);
        assert_eq!(fitting(vec![200 * 1024; 5]), 1);
        assert_eq!(fitting(vec![900 * 1024; 5]), 1);
        assert_eq!(fitting([]), 0);
    }

    #[test]
    fn archives_point_to_each_other_and_never_past_the_newest() {
        let rels = |place| -> Vec<(&str, String)> {
            let feed = placed(place, Vec::new());
            let pointers = feed.pointers(Format::Atom).into_iter();
            let pointers = pointers.filter(|pointer| !["alternate", "hub"].contains(&pointer.rel));
            pointers.map(|pointer| (pointer.rel, pointer.href[25..].to_string())).collect()
        };
        let own = |rel, href: &str| (rel, href.to_string());
        assert_eq!(rels(Place::Current { archives: 0 }), [own("self", "feed.atom")]);
        assert_eq!(
            rels(Place::Current { archives: 2 }),
            [own("self", "feed.atom"), own("prev-archive", "archive/2.atom")]
        );
        assert_eq!(
            rels(Place::Archive { number: 1, archives: 2 }),
            [
                own("self", "archive/1.atom"),
                own("next-archive", "archive/2.atom"),
                own("current", "feed.atom")
            ]
        );
        assert_eq!(
            rels(Place::Archive { number: 2, archives: 2 }),
            [
                own("self", "archive/2.atom"),
                own("prev-archive", "archive/1.atom"),
                own("current", "feed.atom")
            ]
        );
    }

    #[test]
    fn a_persian_title_that_starts_in_latin_is_still_laid_out_from_the_right() {
        let persian: Language = "fa".parse().unwrap();
        assert_eq!(titled("BBC و رادیو", &persian), "\u{200F}BBC و رادیو");
        assert_eq!(titled("رادیو BBC", &persian), "رادیو BBC");
        assert_eq!(titled("BBC", &"en".parse().unwrap()), "BBC");
        let html = |body: &str| wrapped(body, &[], &persian);
        assert!(html("<p>BBC و رادیو</p>").ends_with("<p dir=\"rtl\">\u{200F}BBC و رادیو</p></div>"));
        assert!(html("<p>رادیو BBC</p>").ends_with("<p dir=\"rtl\">رادیو BBC</p></div>"));
    }
}
