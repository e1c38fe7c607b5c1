//! The published tree: in memory for readers, in `public/` for whatever else serves files.
//!
//! A tree is swapped whole, so no reader sees the RSS of one generation beside the Atom of another. A
//! document whose bytes did not change keeps its validators, also over a restart: Last-Modified is the
//! time of its file in `public/`, which is written only when the bytes change.

mod document;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    time::SystemTime,
};

use chrono::{DateTime, Utc};

pub use document::{Document, Encoding};

use crate::{durable, language::Language};

/// Where the folder says what was published into it, a path a line.
const PUBLISHED: &str = ".published";

/// What is to be published.
#[derive(Debug, Default)]
pub struct Edition {
    /// Pages and feeds, by their path: `/`, `/qanats/`, `/feed.rss`. Decoded, not percent-encoded.
    pub pages: BTreeMap<String, Content>,
    /// Files of the newsroom that pages show, by their path: `/media/images/x.png`.
    pub media: BTreeMap<String, PathBuf>,
    /// Old addresses and the new ones (percent-encoded).
    pub moved: BTreeMap<String, String>,
    /// Addresses of withdrawn articles.
    pub gone: BTreeSet<String>,
    /// What a missing page and a withdrawn one look like, the site's own language first.
    pub notices: Vec<(Language, Notices)>,
}

/// The two pages without an address of their own.
#[derive(Debug, Clone)]
pub struct Notices {
    /// 404
    pub missing: String,
    /// 410
    pub gone: String,
}

/// A document's bytes, and how it is served.
#[derive(Debug, Clone)]
pub struct Content {
    /// What a reader gets.
    pub bytes: Vec<u8>,
    /// The value of Content-Type.
    pub media_type: &'static str,
    /// How long readers may keep it, in seconds.
    pub max_age: u32,
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
#[derive(Debug, Default)]
pub struct Tree {
    documents: BTreeMap<String, Arc<Document>>,
    media: BTreeMap<String, Media>,
    moved: BTreeMap<String, String>,
    gone: BTreeSet<String>,
    notices: Vec<(Language, Notices)>,
}

/// What stands at an address.
#[derive(Debug)]
pub enum Found<'t> {
    /// A page or feed.
    Document(&'t Arc<Document>),
    /// A file.
    Media(&'t Media),
    /// It is elsewhere now.
    Moved(&'t str),
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
    /// What stands at a path (decoded).
    pub fn at(&self, path: &str) -> Found<'_> {
        if let Some(document) = self.documents.get(path) {
            return Found::Document(document);
        }
        if let Some(media) = self.media.get(path) {
            return Found::Media(media);
        }
        if let Some(to) = self.moved.get(path) {
            return Found::Moved(to);
        }
        if self.gone.contains(path) {
            return Found::Gone;
        }
        Found::Missing
    }

    /// The pages for what is not there, in a language or the site's own.
    pub fn notices(&self, language: Option<&Language>) -> Option<&Notices> {
        let same = self.notices.iter().find(|(own, _)| Some(own) == language);
        same.or_else(|| self.notices.first()).map(|(_, notices)| notices)
    }

    /// Makes the compressed forms of the feeds, which are asked for most.
    pub fn compress_feeds(&self) {
        let feeds =
            self.documents.values().filter(|document| document.media_type().starts_with("application/"));
        feeds.for_each(|document| document.compress());
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
}

impl Site {
    /// A site published into `folder`; nothing is in memory yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), current: RwLock::default() }
    }

    /// The generation that readers see.
    pub fn current(&self) -> Arc<Tree> {
        self.current.read().expect("nothing panics while holding it").clone()
    }

    /// Writes what changed, then lets readers see it all at once. On an error readers keep what they
    /// had, and so does the folder, file by file.
    pub fn publish(&self, edition: Edition, now: DateTime<Utc>) -> io::Result<Published> {
        let before = self.current();
        let mut published = Published::default();
        let mut tree =
            Tree { moved: edition.moved, gone: edition.gone, notices: edition.notices, ..Tree::default() };
        for (path, content) in edition.pages {
            let document = match before.documents.get(&path) {
                Some(document) if document.is(&content) => document.clone(),
                _ => Arc::new(self.place(&path, content, now, &mut published)?),
            };
            tree.documents.insert(path, document);
        }
        for (path, source) in edition.media {
            // A file that was taken away meanwhile is missing from the site, and its article says so.
            match self.place_media(&path, &source, &mut published) {
                Ok(Some(media)) => {
                    tree.media.insert(path, media);
                }
                Ok(None) => {}
                Err(why) => tracing::warn!("{path} cannot be published: {why}"),
            }
        }
        published.removed = self.sweep(&tree)?;
        *self.current.write().expect("nothing panics while holding it") = Arc::new(tree);
        Ok(published)
    }

    fn file_of(&self, path: &str) -> PathBuf {
        let relative = path.trim_start_matches('/');
        match path.ends_with('/') {
            true => self.folder.join(relative).join("index.html"),
            false => self.folder.join(relative),
        }
    }

    fn place(
        &self,
        path: &str,
        content: Content,
        now: DateTime<Utc>,
        published: &mut Published,
    ) -> io::Result<Document> {
        let file = self.file_of(path);
        let modified = match fs::read(&file) {
            Ok(there) if there == content.bytes => fs::metadata(&file)?.modified()?,
            _ => {
                let modified = SystemTime::from(now);
                durable::write(&file, &content.bytes, Some(modified))?;
                published.written += 1;
                modified
            }
        };
        Ok(Document::new(content, modified))
    }

    fn place_media(&self, path: &str, source: &Path, published: &mut Published) -> io::Result<Option<Media>> {
        let Ok(original) = fs::metadata(source) else { return Ok(None) };
        let file = self.file_of(path);
        let (bytes, modified) = (original.len(), original.modified()?);
        let same = fs::metadata(&file)
            .is_ok_and(|copy| copy.len() == bytes && copy.modified().is_ok_and(|time| time == modified));
        if !same {
            durable::write(&file, &fs::read(source)?, Some(modified))?;
            published.written += 1;
        }
        let media_type = mime_guess::from_path(path).first_or_octet_stream().to_string();
        Ok(Some(Media { path: file, bytes, modified, media_type }))
    }

    /// Takes away what an earlier generation published and this one has not. What somebody else put into
    /// the folder is left alone: only what stands in the list of the last generation is ours.
    fn sweep(&self, tree: &Tree) -> io::Result<usize> {
        let paths = tree.documents.keys().chain(tree.media.keys());
        let now: BTreeSet<String> = paths.cloned().collect();
        let list = self.folder.join(PUBLISHED);
        let before = fs::read_to_string(&list).unwrap_or_default();
        let mut removed = 0;
        for old in before.lines().filter(|path| !now.contains(*path)) {
            let file = self.file_of(old);
            if fs::remove_file(&file).is_ok() {
                removed += 1;
            }
            // A folder that is empty now was the page's own.
            if let Some(folder) = file.parent().filter(|folder| *folder != self.folder) {
                let _ = fs::remove_dir(folder);
            }
        }
        let listed: String = now.iter().map(|path| format!("{path}\n")).collect();
        if listed != before {
            durable::write(&list, listed.as_bytes(), None)?;
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edition(pages: &[(&str, &str)]) -> Edition {
        let pages = pages.iter().map(|(path, text)| {
            let content = Content {
                bytes: text.as_bytes().to_vec(),
                media_type: "text/html; charset=utf-8",
                max_age: 300,
            };
            ((*path).to_string(), content)
        });
        Edition { pages: pages.collect(), ..Edition::default() }
    }

    fn at(second: u32) -> DateTime<Utc> {
        format!("2026-03-06T07:00:{second:02}Z").parse().unwrap()
    }

    fn validators(site: &Site, path: &str) -> (String, SystemTime) {
        match site.current().at(path) {
            Found::Document(document) => (document.etag().to_string(), document.modified()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn same_bytes_keep_their_validators_also_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::new(folder.path());
        site.publish(edition(&[("/", "a"), ("/b/", "b")]), at(1)).unwrap();
        let first = validators(&site, "/b/");
        site.publish(edition(&[("/", "changed"), ("/b/", "b")]), at(2)).unwrap();
        assert_eq!(validators(&site, "/b/"), first);
        assert_eq!(validators(&site, "/").1, SystemTime::from(at(2)));
        let restarted = Site::new(folder.path());
        restarted.publish(edition(&[("/", "changed"), ("/b/", "b")]), at(3)).unwrap();
        assert_eq!(validators(&restarted, "/b/"), first);
    }

    #[test]
    fn what_is_no_longer_published_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::new(folder.path());
        site.publish(edition(&[("/", "a"), ("/b/", "b")]), at(1)).unwrap();
        fs::write(folder.path().join("CNAME"), "somebody else's").unwrap();
        let restarted = Site::new(folder.path());
        let published = restarted.publish(edition(&[("/", "a")]), at(2)).unwrap();
        assert_eq!(published, Published { written: 0, removed: 1 });
        assert!(!folder.path().join("b").exists());
        assert!(folder.path().join("CNAME").exists());
    }
}
