//! The published tree: feeds in memory for readers, everything in `public/`.
//!
//! A tree is swapped whole, so no reader sees the RSS of one generation beside the Atom of another. A
//! document is made again only if what it depends on changed ([`Key`]), and one whose bytes did not
//! change keeps its validators, also over a restart.

mod delta;
mod document;
mod journal;
mod key;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, Utc};
use imbl::{OrdMap, OrdSet};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rayon::prelude::*;

pub use document::{Document, Encoding};
pub use key::Key;

use self::{
    document::{Facts, etag_of},
    journal::{Journal, Line},
};
use crate::{
    durable::{self, Staged},
    language::Language,
};

/// What need not be escaped in an address's path.
pub const IN_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// How a kind of document is kept and served.
#[derive(Debug)]
pub struct Form {
    /// What it is.
    pub kind: Kind,
    /// The value of Content-Type.
    pub media_type: &'static str,
    /// How long readers may keep it, in seconds.
    pub max_age: u32,
    /// Whether its bytes are held in memory, or read from `public/` when somebody asks.
    pub in_memory: bool,
    /// Whether compressing it gains anything.
    pub compress: bool,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For people.
    Page,
    /// What feed readers subscribe to.
    Feed,
    /// A block of a feed's older entries.
    Archive,
    /// What pages need.
    File,
}

/// What is to be published. `E` is why a document could not be made.
pub struct Edition<'e, E> {
    /// Pages and feeds, each path once.
    pub sheets: Vec<Sheet<'e, E>>,
    /// Files of the newsroom that pages show, by their path: `/media/images/x.png`; nothing for one that
    /// stays as it was published.
    pub media: BTreeMap<String, Option<PathBuf>>,
    /// Where else things are.
    pub signposts: Signposts,
    /// Whether anything that is not in it goes, or stays as it is.
    pub extent: Extent,
}

/// How much of the site an edition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it: what it does not have is taken away.
    Whole,
    /// What changed: the rest stays.
    Part,
}

/// Documents to be published that are made of the same: a page, or a feed in its formats.
pub struct Sheet<'e, E> {
    /// The path of each, decoded, not percent-encoded (`/`, `/qanats/`, `/feed.rss`), and how it is kept
    /// and served.
    pub documents: Vec<(String, &'static Form)>,
    /// Of all that their bytes depend on.
    pub key: Key,
    /// Makes the bytes of each.
    pub make: Make<'e, E>,
}

/// Makes the bytes of documents.
pub type Make<'e, E> = Box<dyn Fn() -> Result<Vec<Vec<u8>>, E> + Send + Sync + 'e>;

impl<'e, E> Sheet<'e, E> {
    /// A sheet with one document.
    pub fn one(
        path: String,
        form: &'static Form,
        key: Key,
        make: impl Fn() -> Result<Vec<u8>, E> + Send + Sync + 'e,
    ) -> Self {
        Self { documents: vec![(path, form)], key, make: Box::new(move || Ok(vec![make()?])) }
    }
}

/// Answers for addresses where no document stands.
#[derive(Debug, Clone, Default)]
pub struct Signposts {
    /// Old addresses and the new ones (percent-encoded).
    pub moved: OrdMap<String, String>,
    /// Addresses of withdrawn articles.
    pub gone: OrdSet<String>,
    /// What a missing page and a withdrawn one look like, the site's own language first.
    pub notices: Vec<(Language, Notices)>,
    /// The value of `Link` of every feed, with `{self}` for its own address.
    pub feed_link: String,
}

/// The two pages without an address of their own.
#[derive(Debug, Clone)]
pub struct Notices {
    /// 404
    pub missing: String,
    /// 410
    pub gone: String,
}

/// A file served from `public/`.
#[derive(Debug, Clone)]
pub struct Media {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it changed.
    pub modified: SystemTime,
    /// The value of Content-Type.
    pub media_type: String,
}

/// One generation of the site.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    documents: OrdMap<String, Arc<Document>>,
    media: OrdMap<String, Media>,
    signposts: Signposts,
}

/// What stands at an address.
#[derive(Debug)]
pub enum Found<'t> {
    /// A page or feed.
    Document(&'t Arc<Document>),
    /// A file.
    Media(&'t Media),
    /// It is elsewhere now, percent-encoded.
    Moved(Cow<'t, str>),
    /// It was withdrawn.
    Gone,
    /// Nothing ever was.
    Missing,
}

/// What publishing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Published {
    /// Documents and files written.
    pub written: usize,
    /// Taken away.
    pub removed: usize,
}

impl Tree {
    /// The same with more signposts.
    fn with(mut self, more: Signposts) -> Self {
        for (path, to) in more.moved {
            self.signposts.moved.insert(path, to);
        }
        self
    }

    /// What stands at a path (decoded).
    pub fn at(&self, path: &str) -> Found<'_> {
        if let Some(document) = self.documents.get(path) {
            return Found::Document(document);
        }
        if let Some(media) = self.media.get(path) {
            return Found::Media(media);
        }
        let folder = format!("{path}/");
        if self.documents.contains_key(&folder) {
            return Found::Moved(utf8_percent_encode(&folder, IN_PATH).to_string().into());
        }
        if let Some(to) = self.signposts.moved.get(path) {
            return Found::Moved(to.into());
        }
        if self.signposts.gone.contains(path) {
            return Found::Gone;
        }
        Found::Missing
    }

    /// The pages for what is not there, in a language or the site's own.
    pub fn notices(&self, language: Option<&Language>) -> Option<&Notices> {
        let notices = &self.signposts.notices;
        let same = notices.iter().find(|(own, _)| Some(own) == language);
        same.or_else(|| notices.first()).map(|(_, notices)| notices)
    }

    /// The value of `Link` for the feed whose own address is `url`.
    pub fn feed_link(&self, url: &str) -> String {
        self.signposts.feed_link.replace("{self}", url)
    }

    /// Makes the compressed forms of what is held in memory, which is asked for most.
    pub fn compress_feeds(&self) {
        self.documents.values().for_each(|document| document.compress());
    }

    /// Every document with its path.
    pub fn documents(&self) -> impl Iterator<Item = (&str, &Arc<Document>)> {
        self.documents.iter().map(|(path, document)| (path.as_str(), document))
    }

    /// Every file with its path.
    pub fn media(&self) -> impl Iterator<Item = (&str, &Media)> {
        self.media.iter().map(|(path, media)| (path.as_str(), media))
    }
}

/// The site as it stands now.
pub struct Site {
    folder: PathBuf,
    current: RwLock<Arc<Tree>>,
    journal: Mutex<Journal>,
    misses: AtomicBool,
}

/// A document of the new generation.
struct Made {
    document: Arc<Document>,
    /// Its file, if that is not in the folder yet.
    staged: Option<Staged>,
    /// The journal does not know it yet, so the folder may not have it.
    is_new: bool,
    /// Its bytes are not what they were.
    has_changed: bool,
}

impl Site {
    /// A site published into `folder`; nothing is in memory yet.
    pub fn new(folder: &Path) -> Self {
        let journal = Mutex::new(Journal::open(folder));
        let misses = AtomicBool::new(false);
        Self { folder: folder.to_path_buf(), current: RwLock::default(), journal, misses }
    }

    /// The generation that readers see.
    pub fn current(&self) -> Arc<Tree> {
        self.current.read().expect("nothing panics while holding it").clone()
    }

    /// Whether `public/` has what was published, as far as anybody knows; if not, everything must be
    /// published anew.
    pub fn is_whole(&self) -> bool {
        let front = self.file_of("/");
        let feed = self.file_of("/feed.rss");
        let lacks_front = matches!(self.current().at("/"), Found::Document(_)) && !front.exists();
        let lacks_feed = matches!(self.current().at("/feed.rss"), Found::Document(_)) && !feed.exists();
        !lacks_front && !lacks_feed && !self.misses.load(Ordering::Relaxed) && self.journal().is_there()
    }

    /// Somebody asked for a file that should be in `public/` and is not.
    pub fn misses_a_file(&self) {
        self.misses.store(true, Ordering::Relaxed);
    }

    /// Also after a page that made the program panic: what was written down is right all the same.
    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what changed, lets readers see it all at once, and makes it durable. On an error before the
    /// swap readers keep what they had; on one after it the next publishing writes what is missing.
    pub fn publish<E: From<io::Error> + Send>(
        &self,
        edition: Edition<'_, E>,
        now: DateTime<Utc>,
    ) -> Result<Published, E> {
        if edition.extent == Extent::Whole {
            self.misses.store(false, Ordering::Relaxed);
        }
        durable::make_folder(&self.folder)?;
        let mut journal = self.journal();
        let mut before = self.current();
        if !journal.is_there() {
            // Nothing stands in the folder any more, whatever stood there.
            *journal = Journal::open(&self.folder);
            before = Arc::default();
        }
        // Whatever happens from here on, it is known what may be ours.
        let paths = edition.sheets.iter().flat_map(|sheet| sheet.documents.iter().map(|(path, _)| path));
        journal.intend(paths.chain(edition.media.keys()))?;
        let known = &*journal;
        let sheets = edition.sheets.par_iter();
        let made: Result<Vec<Vec<Made>>, E> =
            sheets.map(|sheet| self.make(sheet, &before, known, now)).collect();
        tracing::debug!(sheets = edition.sheets.len(), "all documents are made");
        let mut tree = match edition.extent {
            Extent::Whole => Tree { signposts: edition.signposts, ..Tree::default() },
            Extent::Part => Tree::clone(&before).with(edition.signposts),
        };
        let (mut fresh, mut fresh_media, mut staged) = (Vec::new(), Vec::new(), Vec::new());
        let made: Vec<Made> = made?.into_iter().flatten().collect();
        let mut written = made.iter().filter(|made| made.has_changed).count();
        let paths = edition.sheets.into_iter().flat_map(|sheet| sheet.documents);
        for ((path, _), made) in paths.zip(made) {
            if made.is_new {
                fresh.push((path.clone(), made.document.clone()));
            }
            staged.extend(made.staged);
            tree.documents.insert(path, made.document);
        }
        let placed: Vec<_> = edition
            .media
            .into_par_iter()
            .map(|(path, source)| {
                let placed = match (source, before.media.get(&path)) {
                    (Some(source), _) => self.stage_media(&path, &source),
                    (None, stood) => Ok(stood.map(|media| (media.clone(), None))),
                };
                (path, placed)
            })
            .collect();
        for (path, media) in placed {
            // A file that was taken away meanwhile is missing from the site, and its article says so.
            match media {
                Ok(Some((media, copy))) => {
                    written += usize::from(copy.is_some());
                    if copy.is_some() {
                        fresh_media.push((path.clone(), media.path.clone()));
                    }
                    staged.extend(copy);
                    tree.media.insert(path, media);
                }
                Ok(None) => {}
                Err(why) => tracing::warn!("{path} cannot be published: {why}"),
            }
        }
        // All of it is made and lies ready: nothing was touched until here.
        staged.into_par_iter().try_for_each(Staged::place)?;
        tracing::debug!("all documents are in their places");
        let tree = Arc::new(tree);
        *self.current.write().expect("nothing panics while holding it") = tree.clone();
        self.keep(&fresh, &fresh_media)?;
        tracing::debug!("all documents are safe");
        let removed = match edition.extent {
            Extent::Whole => self.sweep(&tree, &mut journal)?,
            Extent::Part => 0,
        };
        note(&mut journal, &fresh, &fresh_media)?;
        Ok(Published { written, removed })
    }

    /// The documents as they stand, if they depend on nothing that changed; else made anew.
    fn make<E: From<io::Error>>(
        &self,
        sheet: &Sheet<'_, E>,
        before: &Tree,
        journal: &Journal,
        now: DateTime<Utc>,
    ) -> Result<Vec<Made>, E> {
        let standing = sheet.documents.iter().map(|(path, form)| {
            let known = journal.known.get(path).and_then(Option::as_ref);
            self.standing(path, form, sheet.key, before, known)
        });
        if let Some(standing) = standing.collect() {
            return Ok(standing);
        }
        let mut made = Vec::new();
        for ((path, form), bytes) in sheet.documents.iter().zip((sheet.make)()?) {
            let known = journal.known.get(path).and_then(Option::as_ref);
            let old = before.documents.get(path);
            made.push(self.place(path, form, sheet.key, bytes, old, known, now)?);
        }
        Ok(made)
    }

    fn standing(
        &self,
        path: &str,
        form: &'static Form,
        key: Key,
        before: &Tree,
        known: Option<&Facts>,
    ) -> Option<Made> {
        let file = self.file_of(path);
        if let Some(document) = before.documents.get(path)
            && document.key() == key
            && std::ptr::eq(document.form(), form)
            && let is_there = stands(&file, &document.facts())
            && (form.in_memory || is_there)
        {
            let is_new = !is_there || known.is_none_or(|facts| *facts != document.facts());
            return Some(Made { document: document.clone(), staged: None, is_new, has_changed: false });
        }
        let facts = known.filter(|facts| facts.key == key && stands(&file, facts))?;
        let stood =
            |document| Made { document: Arc::new(document), staged: None, is_new: false, has_changed: false };
        if !form.in_memory {
            return Some(stood(Document::in_folder(form, facts.clone(), file)));
        }
        let bytes = fs::read(&file).ok().filter(|bytes| etag_of(bytes) == facts.etag)?;
        Some(stood(Document::in_memory(form, facts.clone(), bytes, None)))
    }

    /// A document with these bytes. What is not held in memory then lies ready beside its place.
    #[allow(clippy::too_many_arguments)] // all that a document is, and was
    fn place(
        &self,
        path: &str,
        form: &'static Form,
        key: Key,
        bytes: Vec<u8>,
        old: Option<&Arc<Document>>,
        known: Option<&Facts>,
        now: DateTime<Utc>,
    ) -> io::Result<Made> {
        let file = self.file_of(path);
        let etag = etag_of(&bytes);
        let before = old.map(|document| document.facts());
        let before = before.as_ref().or(known);
        let last = before.filter(|facts| facts.etag == etag && stands(&file, facts));
        let has_changed = last.is_none();
        // Two versions of one second would have one date, and a reader with the first would never be
        // given the second.
        let later = before.map(|facts| facts.modified + Duration::from_secs(1));
        let fresh = || later.map_or(SystemTime::from(now), |later| later.max(SystemTime::from(now)));
        let modified = last.map_or_else(fresh, |facts| facts.modified);
        let facts = Facts { key, etag, modified, bytes: bytes.len() };
        let stage = || durable::stage(file.clone(), &bytes, Some(modified));
        let staged = (has_changed && !form.in_memory).then(stage).transpose()?;
        let document = match form.in_memory {
            true => Document::in_memory(form, facts, bytes, old.map(AsRef::as_ref)),
            false => Document::in_folder(form, facts, file),
        };
        Ok(Made { document: Arc::new(document), staged, is_new: true, has_changed })
    }

    /// Writes what is in memory alone, and makes sure of all that is new.
    fn keep(&self, fresh: &[(String, Arc<Document>)], media: &[(String, PathBuf)]) -> io::Result<()> {
        for (path, document) in fresh.iter().filter(|(_, document)| document.form().in_memory) {
            let file = self.file_of(path);
            if !stands(&file, &document.facts()) || fs::read(&file)? != document.read()? {
                durable::stage(file, &document.read()?, Some(document.modified()))?.place()?;
            }
        }
        let files = fresh.iter().map(|(path, _)| self.file_of(path));
        durable::make_sure(&self.folder, files.chain(media.iter().map(|(_, file)| file.clone())).collect())
    }

    fn file_of(&self, path: &str) -> PathBuf {
        let relative = path.trim_start_matches('/');
        match path.ends_with('/') {
            true => self.folder.join(relative).join("index.html"),
            false => self.folder.join(relative),
        }
    }

    /// A file that pages show, and its copy if that is not in the folder yet.
    fn stage_media(&self, path: &str, source: &Path) -> io::Result<Option<(Media, Option<Staged>)>> {
        let Ok(original) = fs::metadata(source) else { return Ok(None) };
        let file = self.file_of(path);
        let (bytes, modified) = (original.len(), original.modified()?);
        let same = fs::metadata(&file)
            .is_ok_and(|copy| copy.len() == bytes && copy.modified().is_ok_and(|time| time == modified));
        let copy = || durable::stage_copy(file.clone(), source, modified);
        let copy = (!same).then(copy).transpose()?;
        let media_type = mime_guess::from_path(path).first_or_octet_stream().to_string();
        Ok(Some((Media { path: file, bytes, modified, media_type }, copy)))
    }

    /// Takes away what an earlier generation published and this one has not. What somebody else put into
    /// the folder is left alone: only what the journal knows is ours.
    fn sweep(&self, tree: &Tree, journal: &mut Journal) -> io::Result<usize> {
        let stands = |path: &String| tree.documents.contains_key(path) || tree.media.contains_key(path);
        let old: Vec<String> = journal.known.keys().filter(|path| !stands(path)).cloned().collect();
        let (mut removed, mut count) = (Vec::new(), 0);
        for path in &old {
            let file = self.file_of(path);
            count += usize::from(file.exists());
            match durable::remove(&file) {
                Ok(()) => removed.push(Line::Removed(path)),
                // It stays written down, so the next publishing tries again.
                Err(why) => tracing::warn!("{path} cannot be taken out of public/: {why}"),
            }
            // Folders that are empty now were the page's own.
            let folders = file.ancestors().skip(1).take_while(|folder| *folder != self.folder);
            let _ = folders.map(fs::remove_dir).take_while(Result::is_ok).count();
        }
        journal.add(&removed)?;
        Ok(count)
    }
}

/// Writes down what was published.
fn note(
    journal: &mut Journal,
    fresh: &[(String, Arc<Document>)],
    media: &[(String, PathBuf)],
) -> io::Result<()> {
    let documents = fresh.iter().map(|(path, document)| Line::Document(path, document.facts()));
    let media = media.iter().map(|(path, _)| Line::Media(path));
    journal.add(&documents.chain(media).collect::<Vec<_>>())
}

/// Whether the file at hand can be the one that was written down.
fn stands(file: &Path, facts: &Facts) -> bool {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    fs::metadata(file).is_ok_and(|there| {
        there.len() == facts.bytes as u64
            && there.modified().is_ok_and(|modified| seconds(modified) == seconds(facts.modified))
    })
}

#[cfg(test)]
mod tests;
