//! A newsroom as it stands: its folder, its settings, and its articles entered in the ledger.
//!
//! This only looks. What is made of it, pages and feeds or letters, is for `publish` and `compose`.

mod glance;
mod look;
mod scan;
mod show;
mod texts;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

pub use glance::Hint;
pub use look::{Look, LookError, Looker, News};
pub use scan::Stamp;
pub use texts::{TextAway, Texts};

use crate::{
    config::Config,
    diagnostic::{Diagnostic, Problems, SourceFile},
    newsletter::Newsletter,
    site::Key,
    subscriber::{
        list::{self, LIST_BYTES_MAX, List, Offer},
        token::TokenKey,
    },
    template::{self, Templates},
};

/// The file that makes a folder a newsroom.
pub const CONFIG: &str = "config.toml";
/// Templates and words are small; a larger file is something else.
const TEMPLATE_BYTES_MAX: u64 = 1024 * 1024;

/// Where a newsroom's files are.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The newsroom at `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the author writes.
    pub fn articles(&self) -> PathBuf {
        self.root.join("articles")
    }

    /// Readers' lists.
    pub fn subscribers(&self) -> PathBuf {
        self.root.join("subscribers")
    }

    /// The program's own.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Feeds and pages.
    pub fn public(&self) -> PathBuf {
        self.root.join("public")
    }

    /// Letters as files.
    pub fn outbox(&self) -> PathBuf {
        self.root.join("outbox")
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.data().join("byline.sqlite")
    }

    /// The newsroom's key, made the first time it is asked for.
    pub fn key(&self) -> io::Result<TokenKey> {
        let path = self.data().join("secret.key");
        if !path.exists() {
            make_key(&path)?;
        }
        let bytes = fs::read(&path)?;
        let wrong = || io::Error::other(format!("{} is not a key of 32 bytes", path.display()));
        Ok(TokenKey::new(bytes.try_into().map_err(|_| wrong())?))
    }

    /// The text of `config.toml`, which makes a folder a newsroom.
    pub fn config(&self) -> Result<SourceFile, Diagnostic> {
        let path = self.root.join(CONFIG);
        if !path.exists() {
            let hint = "this folder is no newsroom yet: `byline init .` makes one";
            return Err(Diagnostic::missing_file(CONFIG, hint));
        }
        source_file(CONFIG, &path)
    }

    /// Reads `config.toml`, the templates and the words.
    pub fn settings(&self, environment: &BTreeMap<String, String>) -> Read {
        let problems = Problems::default();
        let config = match self.config() {
            Ok(file) => file,
            Err(problem) => return Read::failed(vec![problem]),
        };
        let config_text = config.text.clone();
        let reading = Config::read(config, environment, &self.root);
        reading.problems.into_iter().for_each(|problem| problems.push(problem));
        if !reading.is_whole {
            return Read::failed(problems.into_vec());
        }
        let files = self.template_files(&problems);
        template::unused(&files).into_iter().for_each(|problem| problems.push(problem));
        let key = settings_key(&config_text, environment, &files);
        let templates = match Templates::compile(&files, &reading.config.site.languages) {
            Ok(templates) => Some(templates),
            Err(found) => {
                found.into_iter().for_each(|problem| problems.push(problem));
                None
            }
        };
        Read { config: Some(reading.config), templates, key, problems: problems.into_vec() }
    }

    /// The author's templates and words, as far as they can be read.
    pub fn template_files(&self, problems: &Problems) -> Vec<SourceFile> {
        let mut files = Vec::new();
        for (folder, endings) in [("templates", &[".hbs", ".css"][..]), ("i18n", &[".toml"])] {
            gather(&self.root.join(folder), folder, endings, Depth::All, &mut files, problems);
        }
        let mut sources = Vec::new();
        for (shown, path) in files {
            if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > TEMPLATE_BYTES_MAX) {
                problems.push(Diagnostic::unreadable(&shown, "it is larger than a template may be"));
                continue;
            }
            match source_file(&shown, &path) {
                Ok(file) => sources.push(file),
                Err(problem) => problems.push(problem),
            }
        }
        sources
    }

    /// Every list of a newsletter: `subscribers/NEWSLETTER.csv`.
    pub fn lists(&self, config: &Config, problems: &Problems) -> Vec<ListFile> {
        let mut files = Vec::new();
        // A folder in there is the author's own.
        gather(&self.subscribers(), "subscribers", &[".csv"], Depth::One, &mut files, problems);
        let known: Vec<&str> = config.newsletters.iter().map(|newsletter| newsletter.id.as_str()).collect();
        let mut lists = Vec::new();
        for (shown, path) in files {
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if !known.contains(&id.as_str()) {
                problems.push(Diagnostic::list_without_newsletter(&shown, &id, &known));
                continue;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.len() > LIST_BYTES_MAX => {
                    problems.push(Diagnostic::unreadable(&shown, "it is larger than a list may be"));
                }
                Ok(metadata) => {
                    lists.push(ListFile { newsletter: id, stamp: Stamp::of(&metadata), shown, path });
                }
                Err(why) => problems.push(Diagnostic::unreadable(&shown, why)),
            }
        }
        lists
    }
}

/// A list of readers, not read yet.
#[derive(Debug)]
pub struct ListFile {
    /// Whose.
    pub newsletter: String,
    /// Which version it is.
    pub stamp: Stamp,
    shown: String,
    path: PathBuf,
}

impl ListFile {
    /// Its text.
    pub fn read(&self) -> Result<SourceFile, Diagnostic> {
        source_file(&self.shown, &self.path)
    }
}

/// What a list says, checked against what its newsletter offers.
pub fn read_list(newsletter: &Newsletter, file: &SourceFile, problems: &Problems) -> List {
    let cadences: Vec<&str> = newsletter.cadences.iter().map(|cadence| cadence.name.as_str()).collect();
    list::read(file, Offer { languages: &newsletter.languages, cadences: &cadences }, problems)
}

/// The settings of a newsroom.
pub struct Settings {
    /// `config.toml`
    pub config: Config,
    /// `templates/` and `i18n/`
    pub templates: Templates,
    /// Of all of them, the environment and the program: what was made with others is made anew.
    pub key: Key,
}

/// What reading the settings came to.
pub struct Read {
    /// As far as it could be read, to go on checking with.
    pub config: Option<Config>,
    /// If all of them hold.
    pub templates: Option<Templates>,
    /// Of all that was read.
    pub key: Key,
    /// Everything wrong.
    pub problems: Vec<Diagnostic>,
}

impl Read {
    fn failed(problems: Vec<Diagnostic>) -> Self {
        Self { config: None, templates: None, key: Key::of(["nothing"]), problems }
    }

    /// The settings, if nothing is wrong with them; else what is. Notes come with either.
    pub fn settings(self) -> (Option<Settings>, Vec<Diagnostic>) {
        let wrong = self.problems.iter().any(Diagnostic::is_error);
        match (self.config, self.templates) {
            (Some(config), Some(templates)) if !wrong => {
                (Some(Settings { config, templates, key: self.key }), self.problems)
            }
            _ => (None, self.problems),
        }
    }
}

fn settings_key(config: &str, environment: &BTreeMap<String, String>, files: &[SourceFile]) -> Key {
    // Another build of the program may make other pages of the same article.
    let program = std::env::current_exe().and_then(fs::metadata);
    let program = program.map(|program| format!("{} {:?}", program.len(), program.modified().ok()));
    let program = program.unwrap_or_default();
    let mut parts = vec![program.as_str(), config];
    for (name, value) in environment.iter().filter(|(name, _)| Config::is_overriding(name)) {
        parts.extend([name.as_str(), value.as_str()]);
    }
    for file in files {
        parts.extend([file.path.as_str(), file.text.as_str()]);
    }
    Key::of(parts)
}

/// A file's text, or why it has none.
fn source_file(shown: &str, full: &Path) -> Result<SourceFile, Diagnostic> {
    let bytes = fs::read(full).map_err(|why| Diagnostic::unreadable(shown, why))?;
    match String::from_utf8(bytes) {
        // Line ends of old Macs; every place in the text stays where it is.
        Ok(text) if text.contains('\r') && !text.contains('\n') => {
            Ok(SourceFile { path: shown.to_string(), text: text.replace('\r', "\n") })
        }
        Ok(text) => Ok(SourceFile { path: shown.to_string(), text }),
        Err(why) => {
            let valid = why.utf8_error().valid_up_to();
            let valid = String::from_utf8_lossy(&why.as_bytes()[..valid]).into_owned();
            Err(Diagnostic::not_utf8(shown, &valid))
        }
    }
}

/// Files below a folder with one of these endings, in the order of their names.
/// Whether folders in a folder are looked into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    One,
    All,
}

/// The files of a folder with one of these endings. A link is not followed, and said.
fn gather(
    folder: &Path,
    shown: &str,
    endings: &[&str],
    depth: Depth,
    files: &mut Vec<(String, PathBuf)>,
    problems: &Problems,
) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(metadata) = entry.metadata() else { continue };
        let shown = format!("{shown}/{name}");
        let is_meant = !name.starts_with('.') && endings.iter().any(|ending| name.ends_with(ending));
        let is_link = metadata.is_symlink();
        if metadata.is_dir() && depth == Depth::All {
            gather(&entry.path(), &shown, endings, depth, files, problems);
        } else if metadata.is_file() && is_meant {
            files.push((shown, entry.path()));
        } else if is_link && (is_meant || depth == Depth::All && entry.path().is_dir()) {
            problems
                .push(Diagnostic::unreadable(&shown, "it is a link, and links may lead out of the newsroom"));
        }
    }
}

/// Readable by its owner alone from its first moment; two processes that start at once agree on one.
fn make_key(path: &Path) -> io::Result<()> {
    use std::io::Write;
    #[cfg(unix)]
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = options.open(&temporary)?;
    file.write_all(&rand::random::<[u8; 32]>())?;
    file.sync_all()?;
    // Unlike a rename, a link does not replace the key that another process made first.
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?; // its name too: without it, no link of a letter works
    }
    match linked {
        Err(why) if why.kind() != io::ErrorKind::AlreadyExists => Err(why),
        _ => Ok(()),
    }
}
