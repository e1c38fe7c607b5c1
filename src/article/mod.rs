//! One piece: what its file says ([`Manuscript`]), and who it is and whether it is out ([`Article`]).

pub mod attribution;
pub mod excerpt;
pub mod front_matter;
pub mod identity;
mod kept;
pub mod ledger;
pub mod markup;
mod pasted;
pub mod plain;
pub mod prose;
pub mod when;

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use comrak::Arena;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use crate::{
    diagnostic::{Diagnostic, Problems, SourceFile},
    language::{Language, Localised, looks_right_to_left},
    text::{clean, fold},
};
use attribution::{Attribution, Credit, Kind, Outlet};
use front_matter::FrontMatter;
use identity::{Guid, Slug};
use markup::{Base, Body};
use when::When;

/// A file larger than this is no article.
pub const ARTICLE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Guesses about headings that are worth saying.
const HEADINGS_SAID_MAX: usize = 50;
/// A longer paragraph is more than an attribution that the author typed.
const OWN_BYTES_MAX: usize = 4096;

/// What reading an article needs to know of the newsroom.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'c> {
    /// The site's front page.
    pub site: &'c Url,
    /// The site's languages, its own first.
    pub languages: &'c [Language],
    /// In which dates without a zone are meant.
    pub zone: Tz,
    /// Every outlet that an article may name.
    pub outlets: &'c BTreeMap<String, Arc<Outlet>>,
    /// Whom an article was written for that does not say.
    pub default_outlet: Option<&'c str>,
    /// Who wrote an article that does not say.
    pub author: &'c Localised,
}

/// When readers hear of an article by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Announce {
    /// Each cadence takes it at its time.
    #[default]
    Digest,
    /// In a letter of its own, once it is live.
    Now,
    /// Feeds and pages only.
    Never,
}

/// A picture that stands for the piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Its address.
    pub src: String,
    /// What it shows, for those who do not see it.
    pub alt: String,
}

/// What one file says: everything about a piece but who it is, and its text, which is long and seldom
/// needed: that is a [`Text`] of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manuscript {
    /// The file below `articles/`: `en/qanats.md`.
    pub path: String,
    /// SHA-256 of the file, and of its side file if it has one, as hex.
    pub content: String,
    /// Its language, one of the site's.
    pub language: Language,
    /// Never empty.
    pub title: String,
    /// Its address now.
    pub slug: Slug,
    /// Addresses it says it had.
    pub aliases: Vec<Slug>,
    /// A guid it brought along.
    pub guid: Option<Guid>,
    /// The day it gives itself.
    pub date: Option<When>,
    /// The last change worth a reader's second look.
    pub updated: Option<DateTime<Utc>>,
    /// When it must go.
    pub expires: Option<DateTime<Utc>>,
    /// Not for publication yet.
    pub draft: bool,
    /// One or two sentences, without the attribution.
    pub summary: String,
    /// Never empty.
    pub authors: Vec<String>,
    /// In the author's order.
    pub tags: Vec<String>,
    /// The lead picture.
    pub image: Option<Picture>,
    /// The address of a sound or film.
    pub enclosure: Option<String>,
    /// For whom it was written.
    #[serde(skip)]
    pub attributions: Vec<Attribution>,
    /// When readers hear of it by mail.
    pub announce: Announce,
    /// The slug of the same piece in another language.
    pub translation: Option<String>,
    /// Files of the newsroom that its text shows or links, as addresses.
    pub media: Vec<String>,
    /// How long its text is as HTML.
    pub text_bytes: usize,
    /// Guesses and warnings: nothing that stops it.
    #[serde(skip)]
    pub remarks: Vec<Diagnostic>,
    /// Where the file names its address, for a clash.
    pub slug_span: Range<usize>,
    /// Where the file names its outlet.
    pub attribution_span: Range<usize>,
}

/// A piece's text as HTML, safe to publish, without a wrapper and without the attribution.
pub type Text = Arc<str>;

/// Is it out, and if not, why not?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The author is not done.
    Draft,
    /// Its day, or the outlet's, has not come.
    Waiting {
        /// When it will be out.
        until: DateTime<Utc>,
    },
    /// An outlet's delay cannot be counted, as the original date is not known.
    Held,
    /// Out.
    Live,
    /// Its time is over.
    Expired,
}

/// The ledger's number of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArticleId(pub i64);

/// A piece with its identity, which outlives its file's name, title and address.
#[derive(Debug, Clone)]
pub struct Article {
    /// The ledger's number.
    pub id: ArticleId,
    /// What feed readers know it by.
    pub guid: Guid,
    /// The order in which articles first went live; none before that.
    pub seq: Option<i64>,
    /// When it first went live.
    pub live_at: Option<DateTime<Utc>>,
    /// It was there when the newsroom was first scanned, so it is not news.
    pub is_archive: bool,
    /// When its file was first seen.
    pub first_seen: DateTime<Utc>,
    /// What its file says.
    pub manuscript: Arc<Manuscript>,
}

impl Attribution {
    /// Written for `outlet`, and nothing more is known.
    pub fn written_for(outlet: Arc<Outlet>) -> Self {
        let kind = Kind::Written;
        Self { outlet, kind, url: None, date: None, title: None, changes: None, cleared: false }
    }
}

impl Manuscript {
    /// Reads `articles/PATH`, and the keys of its side file if it has one. Nothing if a problem
    /// stops it; every problem is reported.
    pub fn read(
        file: &Arc<SourceFile>,
        side: Option<&Arc<SourceFile>>,
        path: &str,
        desk: &Desk<'_>,
        problems: &Problems,
    ) -> Option<(Self, Text)> {
        let mine = Problems::default();
        let read = read(file, side, path, desk, &mine);
        let failed = mine.has_errors();
        let found = mine.into_vec();
        let (errors, remarks): (Vec<_>, Vec<_>) = found.into_iter().partition(Diagnostic::is_error);
        errors.into_iter().for_each(|error| problems.push(error));
        read.filter(|_| !failed).map(|(manuscript, text)| (Self { remarks, ..manuscript }, text))
    }

    /// The text alone, of a file that was good once: what is wrong with its keys now is passed over.
    pub fn text_of(
        file: &Arc<SourceFile>,
        side: Option<&Arc<SourceFile>>,
        path: &str,
        desk: &Desk<'_>,
    ) -> Option<Text> {
        read(file, side, path, desk, &Problems::default()).map(|(_, text)| text)
    }

    /// Every file of the newsroom that it shows or links, as addresses.
    pub fn media(&self) -> impl Iterator<Item = &str> {
        let image = self.image.as_ref().map(|image| image.src.as_str());
        self.media.iter().map(String::as_str).chain(image).chain(self.enclosure.as_deref())
    }

    /// Each attribution in the words of the piece's own language.
    pub fn credits(&self) -> Vec<Credit> {
        self.attributions.iter().map(|attribution| attribution.credit(&self.language)).collect()
    }
}

fn read(
    file: &Arc<SourceFile>,
    side: Option<&Arc<SourceFile>>,
    path: &str,
    desk: &Desk<'_>,
    problems: &Problems,
) -> Option<(Manuscript, Text)> {
    let format = Format::of(path)?;
    let split = front_matter::split(file, problems)?;
    let mut matter = match &split.keys {
        Some(keys) => front_matter::read(keys, desk, problems),
        None => FrontMatter::default(),
    };
    let has_keys = split.keys.is_some() || side.is_some();
    if let Some(side) = side {
        let keys = crate::diagnostic::keys::Node::from_toml(side.clone(), problems);
        matter = front_matter::read(&keys, desk, problems);
    }
    let mut body_span = split.body;
    if format == Format::Html {
        let head = front_matter::head(&file.text[body_span.clone()]);
        if !has_keys {
            let node = front_matter::head_node(file, &head);
            matter = front_matter::read(&node, desk, problems);
        } else if matter.title.is_none() {
            let title = head.keys.iter().find(|(key, _)| *key == "title");
            matter.title = title.map(|(_, title)| title.clone());
        }
        body_span = body_span.start + head.body.start..body_span.start + head.body.end;
    }
    let body = &file.text[body_span.clone()];
    let language = language_of(path, &matter, body, desk);
    let arena = Arena::new();
    let source = match format {
        Format::Markdown => {
            let markdown = markup::markdown(&arena, &clean(body), &language, matter.title.is_none());
            let heading = markdown.title.as_ref().map(|heading| crate::text::clean_line(heading));
            matter.title = matter.title.or(heading);
            Source::Markdown(markdown)
        }
        Format::Html => Source::Html(without_title(&clean(body), matter.title.as_deref())),
        Format::Text => Source::Html(read_prose(file, &body_span, &mut matter, desk, problems)),
    };
    let Some(title) = matter.title.filter(|title| !title.is_empty()) else {
        problems.push(Diagnostic::no_title(file));
        return None;
    };
    let slug = slug_of(file, path, &title, matter.slug, problems)?;
    if desk.languages.iter().any(|language| language.as_str() == slug.as_str()) {
        let (why, hint) = ("it is the front page of a language", "give the article another `slug:`");
        problems.push(Diagnostic::invalid(file, &matter.slug_span, "address", why, hint));
        return None;
    }
    let base = base_of(path, &slug, desk);
    let body = match source {
        Source::Markdown(markdown) => markdown.body(&base),
        Source::Html(html) => markup::sanitise(&html, &base),
    };
    let mut body = match body {
        Ok(body) => body,
        Err(why) => {
            let hint = "take out the needless elements";
            problems.push(Diagnostic::invalid(file, &body_span, "text", why, hint));
            return None;
        }
    };
    let attributions = match (matter.attributions, desk.default_outlet) {
        (Some(said), _) => said,
        (None, Some(outlet)) => {
            desk.outlets.get(outlet).cloned().map(Attribution::written_for).into_iter().collect()
        }
        (None, None) => Vec::new(),
    };
    drop_own_attribution(&mut body, &attributions, &language);
    if matter.date.is_none() {
        problems.push(Diagnostic::guessed_date(file));
    }
    let absolute = |address: String| base.media.join(&address).map(String::from).unwrap_or(address);
    let manuscript = Manuscript {
        path: path.to_string(),
        content: content_of(file, side),
        summary: matter.summary.unwrap_or_else(|| plain::summary(&body.html)),
        authors: match matter.authors.is_empty() {
            true => vec![desk.author.for_readers_of(&language).to_string()],
            false => matter.authors,
        },
        language,
        title,
        slug,
        aliases: matter.aliases,
        guid: matter.guid,
        date: matter.date,
        updated: matter.updated.map(|when| when.at),
        expires: matter.expires.map(|when| when.at),
        draft: matter.draft,
        tags: matter.tags,
        image: matter.image.map(|image| Picture { src: absolute(image.src), ..image }),
        enclosure: matter.enclosure.map(absolute),
        attributions,
        announce: matter.announce,
        translation: matter.translation,
        media: body.media,
        text_bytes: body.html.len(),
        remarks: Vec::new(),
        slug_span: matter.slug_span,
        attribution_span: matter.attribution_span,
    };
    Some((manuscript, body.html.into()))
}

/// A text that is not fit to publish yet.
enum Source<'a> {
    Markdown(markup::Markdown<'a>),
    Html(String),
}

/// How a file is written, by its ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.md`, `.markdown`
    Markdown,
    /// `.html`, `.htm`
    Html,
    /// `.txt`
    Text,
}

impl Format {
    /// The format of an article's file; nothing for any other file.
    pub fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(Format::Markdown),
            "html" | "htm" => Some(Format::Html),
            "txt" => Some(Format::Text),
            _ => None,
        }
    }
}

/// The file's name below `articles/` without its ending: what a guid is made of.
pub fn key_of(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}

/// Folder, then `lang:`, then the script.
fn language_of(path: &str, matter: &FrontMatter, body: &str, desk: &Desk<'_>) -> Language {
    let folder = path.split('/').next().filter(|folder| folder.len() < path.len());
    let by_folder = folder.and_then(|folder| {
        desk.languages.iter().find(|language| language.as_str() == folder || language.primary() == folder)
    });
    by_folder.or(matter.language.as_ref()).cloned().unwrap_or_else(|| {
        let right_to_left = looks_right_to_left(body);
        let fits = |language: &&Language| {
            (language.direction() == crate::language::Direction::RightToLeft) == right_to_left
        };
        desk.languages.iter().find(fits).unwrap_or(&desk.languages[0]).clone()
    })
}

fn slug_of(
    file: &SourceFile,
    path: &str,
    title: &str,
    given: Option<Slug>,
    problems: &Problems,
) -> Option<Slug> {
    if given.is_some() {
        return given;
    }
    let name = key_of(path).rsplit('/').next().unwrap_or(path);
    match Slug::of(name).or_else(|_| Slug::of(title)) {
        Ok(slug) => Some(slug),
        Err(why) => {
            let hint = "give the article a `slug:`";
            problems.push(Diagnostic::invalid(file, &(0..0), "address", why, hint));
            None
        }
    }
}

fn base_of(path: &str, slug: &Slug, desk: &Desk<'_>) -> Base {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let media = desk.site.join("media/").and_then(|media| match folder {
        "" => Ok(media),
        _ => media.join(&format!("{folder}/")),
    });
    Base {
        page: desk.site.join(&slug.path()).unwrap_or_else(|_| desk.site.clone()),
        media: media.unwrap_or_else(|_| desk.site.clone()),
        site: desk.site.clone(),
    }
}

/// A page's own first heading says the title again.
fn without_title(html: &str, title: Option<&str>) -> String {
    let (Some(title), Some(start)) = (title, html.find("<h1")) else { return html.to_string() };
    let Some(end) = html[start..].find("</h1>").map(|end| start + end + 5) else {
        return html.to_string();
    };
    match fold(&plain::words(&html[start..end])) == fold(title) {
        true => html[..start].to_string() + &html[end..],
        false => html.to_string(),
    }
}

fn read_prose(
    file: &SourceFile,
    span: &Range<usize>,
    matter: &mut FrontMatter,
    desk: &Desk<'_>,
    problems: &Problems,
) -> String {
    // An outlet that is settled already is the only one whose sentence is not the author's prose.
    let settled = matter.attributions.clone();
    let outlets = desk.outlets.values().filter(|outlet| {
        settled.as_ref().is_none_or(|said| said.iter().any(|attribution| attribution.outlet.id == outlet.id))
    });
    let outlets = outlets.map(AsRef::as_ref);
    let prose = prose::read(&file.text[span.clone()], matter.title.as_deref(), outlets);
    let at = |part: &Range<usize>| part.start + span.start..part.end + span.start;
    if let (None, Some((title, part))) = (&matter.title, &prose.title) {
        matter.title = Some(crate::text::clean_line(title));
        problems.push(Diagnostic::guessed_title(file, &at(part)));
    }
    if let (None, Some((outlet, part))) = (&matter.attributions, &prose.outlet) {
        if let Some(outlet) = desk.outlets.get(outlet) {
            let name = outlet.name.for_readers_of(&desk.languages[0]);
            problems.push(Diagnostic::guessed_outlet(file, &at(part), name));
            matter.attributions = Some(vec![Attribution::written_for(outlet.clone())]);
        }
        matter.attribution_span = at(part);
    }
    for part in prose.headings.iter().take(HEADINGS_SAID_MAX) {
        problems.push(Diagnostic::guessed_heading(file, &at(part)));
    }
    if let Some(part) = &prose.boilerplate {
        problems.push(Diagnostic::guessed_boilerplate(file, &at(part)));
    }
    clean(&prose.html)
}

/// SHA-256 of a file, and of its side file if it has one, as hex.
pub fn content_of(file: &SourceFile, side: Option<&Arc<SourceFile>>) -> String {
    let mut digest = Sha256::new();
    digest.update(&file.text);
    if let Some(side) = side {
        digest.update([0]);
        digest.update(&side.text);
    }
    crate::text::hex(&digest.finalize())
}

/// If the author typed the very sentence that we are going to put there, ours stands alone.
fn drop_own_attribution(body: &mut Body, attributions: &[Attribution], language: &Language) {
    let paragraph = plain::first_paragraph(&body.html).filter(|paragraph| paragraph.len() <= OWN_BYTES_MAX);
    let Some(paragraph) = paragraph.filter(|_| !attributions.is_empty()) else { return };
    let typed = fold(&plain::words(paragraph));
    let same = attributions.iter().any(|attribution| {
        let ours = fold(&attribution.credit(language).sentence);
        let by_hand = ["i wrote this article for", "this article was written for", "first written for"];
        let names = attribution.outlet.folded_names();
        typed == ours || names.iter().any(|name| by_hand.iter().any(|said| typed == format!("{said} {name}")))
    });
    if same {
        body.html = body.html[paragraph.len()..].trim_start().to_string();
    }
}

impl Article {
    /// One that the ledger does not know yet, first seen `now`.
    pub fn unentered(manuscript: Arc<Manuscript>, now: DateTime<Utc>) -> Self {
        let guid = Guid::given(String::new());
        let (id, seq, live_at, is_archive) = (ArticleId(0), None, None, false);
        Self { id, guid, seq, live_at, is_archive, first_seen: now, manuscript }
    }

    /// When it is, or was, first published here: its own date, or when its file was first seen, but
    /// never before the outlet allows.
    pub fn published(&self) -> DateTime<Utc> {
        let own = self.manuscript.date.map_or(self.first_seen, |when| when.at);
        let allowed = self.embargoes().filter_map(std::result::Result::ok).max();
        allowed.map_or(own, |allowed| allowed.max(own))
    }

    /// When its content last changed in a way worth a second look; never before it was published.
    pub fn updated(&self) -> DateTime<Utc> {
        let published = self.published();
        self.manuscript.updated.map_or(published, |updated| updated.max(published))
    }

    /// Whether it is out at `now`.
    pub fn state(&self, now: DateTime<Utc>) -> State {
        if self.manuscript.draft {
            return State::Draft;
        }
        if self.embargoes().any(|embargo| embargo.is_err()) {
            return State::Held;
        }
        let published = self.published();
        if published > now {
            return State::Waiting { until: published };
        }
        if self.ends().is_some_and(|end| end <= now) {
            return State::Expired;
        }
        State::Live
    }

    /// When it must go, by its own word or the outlet's.
    pub fn ends(&self) -> Option<DateTime<Utc>> {
        self.manuscript.expires.into_iter().chain(self.outlet_expiry()).min()
    }

    /// For each attribution that is not cleared, the moment the outlet allows republishing; an error
    /// where it sets a delay and the original date is not known.
    fn embargoes(&self) -> impl Iterator<Item = Result<DateTime<Utc>, ()>> + '_ {
        let none = chrono::TimeDelta::zero();
        self.manuscript.attributions.iter().filter_map(move |attribution| {
            let delay = attribution.outlet.republish_after;
            if attribution.cleared || delay == none {
                return None;
            }
            let Some(date) = attribution.date else { return Some(Err(())) };
            date.at.checked_add_signed(delay).map(Ok)
        })
    }

    fn outlet_expiry(&self) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        self.manuscript.attributions.iter().filter_map(|attribution| {
            attribution.date?.at.checked_add_signed(attribution.outlet.expires_after?)
        })
    }
}
