//! The author's folders as files: what is there, what changed, what is good. Only what changed is read
//! and parsed again; the rest costs a stat.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rayon::prelude::*;

use super::{source_file, texts::Texts};
use crate::{
    article::{ARTICLE_BYTES_MAX, Desk, Format, Manuscript},
    diagnostic::{Diagnostic, Problems, SourceFile},
    durable,
    store::Reading,
};

/// When more files than this are read at once, their texts are not held until the ledger has them.
pub(super) const SOURCES_MAX: usize = 256;
/// Folders inside folders, at the most.
pub(super) const DEPTH_MAX: usize = 12;

/// A file as the file system tells it apart from its next version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    changed: (i64, i64, u64),
}

/// One article's file, read.
#[derive(Debug, Clone)]
pub struct Scanned {
    /// Below `articles/`.
    pub path: String,
    /// The files as they were read, until the ledger has them.
    pub source: Option<Source>,
    /// What it says, unless a problem stops it.
    pub manuscript: Option<Arc<Manuscript>>,
    /// What stops it.
    pub errors: Vec<Diagnostic>,
}

/// An article's file, and its side file if it has one.
#[derive(Debug, Clone)]
pub struct Source {
    /// Empty if it is not UTF-8.
    pub file: Arc<SourceFile>,
    /// `qanats.toml` beside `qanats.txt`.
    pub side: Option<Arc<SourceFile>>,
}

impl Scanned {
    /// The file, to point into it.
    pub fn file(&self, articles: &Path) -> Arc<SourceFile> {
        if let Some(source) = &self.source {
            return source.file.clone();
        }
        let shown = format!("articles/{}", self.path);
        let file = source_file(&shown, &articles.join(&self.path));
        Arc::new(file.unwrap_or(SourceFile { path: shown, text: String::new() }))
    }

    fn without_source(&self) -> Self {
        Self { source: None, ..self.clone() }
    }
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Every article's file, by path.
    pub articles: Vec<Arc<Scanned>>,
    /// Every other file below `articles/`, by path.
    pub media: BTreeMap<String, (PathBuf, Stamp)>,
    /// Articles that are new or changed since the last scan.
    pub changed: BTreeSet<String>,
}

/// Remembers what was read, so that an unchanged file is not read again.
#[derive(Debug, Default)]
pub struct Scanner {
    known: BTreeMap<String, (Stamp, Option<Stamp>, Arc<Scanned>)>,
    /// What files said before the program started.
    kept: HashMap<String, Reading>,
    /// Files that are being written.
    open: BTreeSet<String>,
    /// Every file of the last scan.
    seen: BTreeMap<String, Stamp>,
}

impl Scanner {
    /// Forgets everything: what an article comes to may have changed with the config.
    pub fn forget(&mut self) {
        self.known.clear();
        self.kept.clear();
    }

    /// These are being written: until they are closed, they stay what they were.
    pub fn pass_over(&mut self, open: BTreeSet<String>) {
        self.open = open;
    }

    /// Files that are being written.
    pub fn open(&self) -> &BTreeSet<String> {
        &self.open
    }

    /// Whether a file is being written.
    pub fn is_open(&self, path: &str) -> bool {
        self.open.contains(path)
    }

    /// Takes these for what files say that have not changed since.
    pub fn recall(&mut self, kept: HashMap<String, Reading>) {
        self.kept = kept;
    }

    /// The texts of files are in the ledger, and need not be held any longer.
    pub fn drop_sources(&mut self, paths: &BTreeSet<String>) {
        for path in paths {
            if let Some((_, _, scanned)) = self.known.get_mut(path) {
                *scanned = Arc::new(scanned.without_source());
            }
        }
    }

    /// What these files said, to be recalled after a restart.
    pub fn readings<'p>(&self, paths: impl Iterator<Item = &'p String>) -> Vec<(String, Reading)> {
        let reading = |path: &String| {
            let (stamp, side, scanned) = self.known.get(path)?;
            let manuscript = scanned.manuscript.as_ref().filter(|_| side.is_none())?.to_kept()?;
            Some((path.clone(), Reading { stamp: stamp.to_string(), manuscript }))
        };
        paths.filter_map(reading).collect()
    }

    /// What is known of an article's file: its own stamp, its side file's, and what it says.
    pub fn known(&self, path: &str) -> Option<&(Stamp, Option<Stamp>, Arc<Scanned>)> {
        self.known.get(path)
    }

    /// Remembers a file that was read by itself.
    pub fn know(&mut self, path: String, stamp: Stamp, scanned: Arc<Scanned>) {
        self.known.insert(path, (stamp, None, scanned));
    }

    /// Looks at the whole folder `articles`; what is new or changed is read on every core.
    pub fn scan(&mut self, articles: &Path, desk: &Desk<'_>, texts: &Texts) -> io::Result<Scan> {
        let mut files = walk(articles)?;
        // What is being written stays what it was; what was not there yet, away.
        for path in &self.open {
            match (self.seen.get(path), files.get_mut(path)) {
                (Some(was), Some((_, now))) => *now = *was,
                _ => drop(files.remove(path)),
            }
        }
        self.seen = files.iter().map(|(path, (_, stamp))| (path.clone(), *stamp)).collect();
        let mut scan = Scan::default();
        let pieces: Vec<&String> = files.keys().filter(|path| Format::of(path).is_some()).collect();
        let side = |path: &str| side_of(path).filter(|side| files.contains_key(side));
        let stamps = |path: &String| (files[path].1, side(path).map(|side| files[&side].1));
        let is_same = |path: &String| {
            let (stamp, side) = stamps(path);
            self.known.get(path).is_some_and(|(was, side_was, _)| (*was, *side_was) == (stamp, side))
        };
        let fresh: Vec<&String> = pieces.iter().copied().filter(|path| !is_same(path)).collect();
        let holds = fresh.len() <= SOURCES_MAX;
        let kept = std::mem::take(&mut self.kept);
        let read: Vec<(String, bool, Scanned)> = fresh
            .par_iter()
            .map(|path| {
                let side = side(path);
                let (full, stamp) = &files[*path];
                let half =
                    self.open.contains(*path) || side.as_ref().is_some_and(|side| self.open.contains(side));
                if half {
                    // Nothing is known of it any more, and it cannot be read now: the ledger knows.
                    let scanned =
                        Scanned { path: (*path).clone(), source: None, manuscript: None, errors: Vec::new() };
                    return ((*path).clone(), false, scanned);
                }
                let recalled = kept.get(*path).filter(|_| side.is_none());
                if let Some(scanned) = recalled.and_then(|reading| recall(path, *stamp, reading, desk)) {
                    return ((*path).clone(), false, scanned);
                }
                let side = side.as_ref().map(|side| (side.as_str(), files[side].0.as_path()));
                let scanned = read(path, full, stamp.bytes, side, desk, texts);
                ((*path).clone(), true, if holds { scanned } else { scanned.without_source() })
            })
            .collect();
        scan.changed = read.iter().filter(|(_, is_new, _)| *is_new).map(|(path, ..)| path.clone()).collect();
        let mut read: BTreeMap<String, Arc<Scanned>> =
            read.into_iter().map(|(path, _, scanned)| (path, Arc::new(scanned))).collect();
        let mut known = BTreeMap::new();
        for path in &pieces {
            let before = self.known.remove(*path).map(|(_, _, scanned)| scanned);
            let Some(scanned) = read.remove(*path).or(before) else { continue };
            let (stamp, side) = stamps(path);
            // One that could not be read now is read at the next scan.
            if scanned.manuscript.is_some() || !scanned.errors.is_empty() {
                known.insert((*path).clone(), (stamp, side, scanned.clone()));
            }
            scan.articles.push(scanned);
        }
        let sides: BTreeSet<String> = pieces.iter().filter_map(|path| side(path)).collect();
        self.known = known;
        scan.media = files
            .into_iter()
            .filter(|(path, _)| Format::of(path).is_none() && !sides.contains(path))
            .collect();
        Ok(scan)
    }
}

/// An article's files as they are now.
pub(super) fn sources(path: &str, articles: &Path) -> Option<Source> {
    let read = |path: &str| {
        let file = source_file(&format!("articles/{path}"), &articles.join(path));
        file.ok().map(Arc::new)
    };
    let side = side_of(path).and_then(|side| read(&side));
    Some(Source { file: read(path)?, side })
}

/// What a file said when it was last read, if it is still the same.
fn recall(path: &str, stamp: Stamp, reading: &Reading, desk: &Desk<'_>) -> Option<Scanned> {
    let same = (reading.stamp == stamp.to_string()).then_some(&reading.manuscript)?;
    let manuscript = Manuscript::from_kept(same, desk)?;
    Some(Scanned {
        path: path.to_string(),
        source: None,
        manuscript: Some(Arc::new(manuscript)),
        errors: Vec::new(),
    })
}

/// `qanats.toml` beside `qanats.txt`.
pub(super) fn side_of(path: &str) -> Option<String> {
    Some(format!("{}.toml", path.rsplit_once('.')?.0))
}

/// Reads an article's file. Whatever is wrong with it becomes a diagnostic.
pub(super) fn read(
    path: &str,
    full: &Path,
    bytes: u64,
    side: Option<(&str, &Path)>,
    desk: &Desk<'_>,
    texts: &Texts,
) -> Scanned {
    let shown = format!("articles/{path}");
    let failed = |file: Arc<SourceFile>, problem: Diagnostic| Scanned {
        path: path.to_string(),
        source: Some(Source { file, side: None }),
        manuscript: None,
        errors: vec![problem],
    };
    let empty = Arc::new(SourceFile { path: shown.clone(), text: String::new() });
    if bytes > ARTICLE_BYTES_MAX {
        return failed(empty, Diagnostic::unreadable(&shown, "it is larger than 2 MiB"));
    }
    let file = match source_file(&shown, full) {
        Ok(file) => Arc::new(file),
        Err(problem) => return failed(empty, problem),
    };
    let side = match side.map(|(path, full)| source_file(&format!("articles/{path}"), full)) {
        None => None,
        Some(Ok(side)) => Some(Arc::new(side)),
        Some(Err(problem)) => return failed(file, problem),
    };
    let problems = Problems::default();
    let read = Manuscript::read(&file, side.as_ref(), path, desk, &problems);
    let manuscript = read.map(|(manuscript, text)| {
        texts.keep(&manuscript, &text);
        Arc::new(manuscript)
    });
    let source = Some(Source { file, side });
    Scanned { path: path.to_string(), source, manuscript, errors: problems.into_vec() }
}

type Files = BTreeMap<String, (PathBuf, Stamp)>;

/// Every regular file below a folder, with `/` between the parts of its path. Links, devices, hidden
/// files and what editors leave while they save are not articles.
fn walk(folder: &Path) -> io::Result<Files> {
    let mut files = BTreeMap::new();
    match fs::symlink_metadata(folder) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(files),
        Err(why) => return Err(why),
        Ok(_) => walk_into(folder, "", 0, &mut files)?,
    }
    Ok(files)
}

fn walk_into(folder: &Path, prefix: &str, depth: usize, files: &mut Files) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_passed_over(&name) {
            continue;
        }
        let path = format!("{prefix}{name}");
        // Gone between the listing and this: the next look will see the folder without it.
        let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
        if metadata.is_dir() {
            walk_into(&entry.path(), &format!("{path}/"), depth + 1, files)?;
        } else if metadata.is_file() {
            files.insert(path, (entry.path(), Stamp::of(&metadata)));
        }
    }
    Ok(())
}

/// Hidden files, backups (`a.md~`, `#a.md#`) and what editors, browsers and rsync have not finished.
pub(super) fn is_passed_over(name: &str) -> bool {
    let unfinished = [".swp", ".swx", ".tmp", ".part", ".crdownload", ".bak", ".orig"];
    name.starts_with('.')
        || name.starts_with('#')
        || name.ends_with('~')
        || durable::is_temporary(name)
        || unfinished.iter().any(|ending| name.ends_with(ending))
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Stamp {
    /// What these metadata say of a file's version.
    pub fn of(metadata: &fs::Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            // An editor can keep size and time; it cannot keep these.
            #[cfg(unix)]
            changed: (metadata.ctime(), metadata.ctime_nsec(), metadata.ino()),
        }
    }
}
