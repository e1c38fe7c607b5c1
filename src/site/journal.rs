//! What was published into the folder, a line a document, so that a restart makes nothing again that
//! stands there already, and takes away what is no longer published.
//!
//! Lines are added at the end; the last one about a path holds. What a line says is believed only of a
//! file that still has the size and the time it says.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::{Key, document::Facts};
use crate::durable;

const JOURNAL: &str = ".published";
/// Rewritten when it has so many times the lines it needs,
const SLACK: usize = 2;
/// and so many more.
const LINES_MIN: usize = 1000;
/// What would break a line.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// What the folder's journal says.
#[derive(Debug, Default)]
pub(super) struct Journal {
    file: PathBuf,
    /// Lines in the file.
    lines: usize,
    /// By path. Files that pages show have no facts.
    pub known: BTreeMap<String, Option<Facts>>,
}

/// A change of the folder.
pub(super) enum Line<'l> {
    Document(&'l str, Facts),
    Media(&'l str),
    Removed(&'l str),
}

impl Journal {
    /// Reads the journal of `folder`, and shortens it if it has grown long.
    pub fn open(folder: &Path) -> Self {
        let file = folder.join(JOURNAL);
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut known = BTreeMap::new();
        for line in text.lines() {
            match parse(line) {
                Some((path, Some(entry))) => drop(known.insert(path, entry)),
                Some((path, None)) => drop(known.remove(&path)),
                None => {} // torn by a crash: what it was about is made again
            }
        }
        let mut journal = Self { file, lines: text.lines().count(), known };
        if !text.is_empty() && !text.ends_with('\n') {
            // Torn, and the next line would go on where it ends.
            let _ = journal.rewrite();
        }
        journal.shorten();
        journal
    }

    fn shorten(&mut self) {
        if self.lines > self.known.len() * SLACK + LINES_MIN {
            // Only longer than it need be, if this fails.
            let _ = self.rewrite();
        }
    }

    /// Whether somebody took the folder away since.
    pub fn is_there(&self) -> bool {
        self.file.exists()
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let lines = self.known.iter().map(|(path, facts)| match facts {
            Some(facts) => Line::Document(path, facts.clone()).to_string(),
            None => Line::Media(path).to_string(),
        });
        durable::write(&self.file, lines.collect::<String>().as_bytes(), None)?;
        self.lines = self.known.len();
        Ok(())
    }

    /// Notes paths that may be ours soon, so that a crash leaves nothing that nobody knows of. After a power
    /// cut they may be unknown all the same.
    pub fn intend<'p>(&mut self, paths: impl Iterator<Item = &'p String>) -> io::Result<()> {
        let fresh: Vec<&String> = paths.filter(|path| !self.known.contains_key(*path)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let lines: String = fresh.iter().map(|path| Line::Media(path).to_string()).collect();
        OpenOptions::new().create(true).append(true).open(&self.file)?.write_all(lines.as_bytes())?;
        self.lines += fresh.len();
        self.known.extend(fresh.into_iter().map(|path| (path.clone(), None)));
        Ok(())
    }

    /// Adds lines, durably.
    pub fn add(&mut self, lines: &[Line<'_>]) -> io::Result<()> {
        if lines.is_empty() && self.is_there() {
            return Ok(());
        }
        let text: String = lines.iter().map(ToString::to_string).collect();
        if let Some(folder) = self.file.parent() {
            durable::make_folder(folder)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.file)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        for line in lines {
            match line {
                Line::Document(path, facts) => {
                    self.known.insert((*path).to_string(), Some(facts.clone()));
                }
                Line::Media(path) => drop(self.known.insert((*path).to_string(), None)),
                Line::Removed(path) => drop(self.known.remove(*path)),
            }
        }
        self.lines += lines.len();
        self.shorten();
        Ok(())
    }
}

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Line::Document(path, facts) => {
                let since = facts.modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                let path = utf8_percent_encode(path, ESCAPED);
                writeln!(f, "+\t{path}\t{}\t{}\t{since}\t{}", facts.key, facts.etag, facts.bytes)
            }
            Line::Media(path) => writeln!(f, "=\t{}", utf8_percent_encode(path, ESCAPED)),
            Line::Removed(path) => writeln!(f, "-\t{}", utf8_percent_encode(path, ESCAPED)),
        }
    }
}

type Entry = (String, Option<Option<Facts>>);

fn parse(line: &str) -> Option<Entry> {
    let mut fields = line.split('\t');
    let kind = fields.next()?;
    let path = percent_decode_str(fields.next()?).decode_utf8().ok()?.into_owned();
    match kind {
        "-" => Some((path, None)),
        "=" => Some((path, Some(None))),
        "+" => {
            let key = Key::parse(fields.next()?)?;
            let etag = fields.next()?.to_string();
            let seconds = fields.next()?.parse().ok()?;
            let bytes = fields.next()?.parse().ok()?;
            let modified: SystemTime = UNIX_EPOCH + Duration::from_secs(seconds);
            Some((path, Some(Some(Facts { key, etag, modified, bytes }))))
        }
        _ => None,
    }
}
