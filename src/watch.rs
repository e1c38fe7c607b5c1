//! Notices that the author saved something, and wakes whoever looks, with a hint where to look. The look
//! finds out what changed; a missed event costs no more than the time to the next look at everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind},
};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::newsroom::{CONFIG, Hint};

/// A file that is still open is looked at when nothing has happened for so long.
const QUIET: Duration = Duration::from_millis(1000);
/// Whoever has a file open and writes nothing for so long has forgotten it. Only Linux says when a file is
/// closed.
const OPEN_MAX: Duration = Duration::from_secs(if cfg!(target_os = "linux") { 30 } else { 2 });
/// One that was closed, or moved to its place, is whole; only what comes with it is waited for.
const BREATH: Duration = Duration::from_millis(3);
/// But an endless stream of events is looked into now and then.
const PATIENCE: Duration = Duration::from_millis(2000);
/// Hints about more files than this are one about everything.
const PATHS_MAX: usize = 256;
/// Folders of the author's, below the newsroom's.
const FOLDERS: [&str; 4] = ["articles", "templates", "i18n", "subscribers"];

/// Where somebody should look, gathered until somebody does.
#[derive(Debug, Default)]
pub struct Hints(Mutex<Gathered>);

#[derive(Debug, Default)]
struct Gathered {
    hint: Option<Hint>,
    /// Files below `articles/` that somebody writes and has not closed; when he began, and last wrote.
    open: BTreeMap<String, (Instant, Instant)>,
}

impl Hints {
    /// What was gathered, and the files that are being written. Without a hint, everything: who looks
    /// unasked wants to know of all.
    pub fn take(&self) -> (Hint, BTreeSet<String>) {
        let mut gathered = self.0.lock().expect("nothing panics while holding it");
        gathered
            .open
            .retain(|_, (began, wrote)| wrote.elapsed() < OPEN_MAX && began.elapsed() < OPEN_MAX * 2);
        let open = gathered.open.keys().cloned().collect();
        (gathered.hint.take().unwrap_or_default(), open)
    }

    fn add(&self, more: Option<BTreeSet<String>>) {
        let hint = &mut self.0.lock().expect("nothing panics while holding it").hint;
        *hint = Some(match (hint.take(), more) {
            (None, Some(paths)) => Hint::Paths(paths),
            (Some(Hint::Paths(mut paths)), Some(more)) => {
                paths.extend(more);
                if paths.len() > PATHS_MAX { Hint::Everything } else { Hint::Paths(paths) }
            }
            (_, None) | (Some(Hint::Everything), _) => Hint::Everything,
        });
    }

    fn note_writing(&self, event: &notify::Event, paths: &BTreeSet<String>) {
        let open = &mut self.0.lock().expect("nothing panics while holding it").open;
        for path in paths {
            if matches!(event.kind, EventKind::Modify(ModifyKind::Data(_))) {
                let now = Instant::now();
                open.entry(path.clone()).or_insert((now, now)).1 = now;
            } else {
                open.remove(path);
            }
        }
    }
}

/// Wakes `wake` after each save below `root`, until `stop`; `hints` say where it was.
pub async fn watch(
    root: PathBuf,
    hints: Arc<Hints>,
    wake: Arc<Notify>,
    stop: CancellationToken,
) -> notify::Result<()> {
    // The system speaks of whole paths, wherever the program was started.
    let root = root.canonicalize().unwrap_or(root);
    let (events, mut seen) = mpsc::unbounded_channel();
    let (seen_root, noted) = (root.clone(), hints.clone());
    // What links lead to is not the author's, and is not looked at either.
    let config = notify::Config::default().with_follow_symlinks(false);
    let take = move |event: notify::Result<notify::Event>| {
        let is_whole = match event {
            Ok(event) if !is_a_change(&event) || !is_the_authors(&event, &seen_root) => return,
            Ok(event) => {
                let paths = articles_of(&event, &seen_root);
                if let Some(paths) = &paths {
                    noted.note_writing(&event, paths);
                }
                noted.add(paths);
                is_whole(&event)
            }
            // An error, an overflow too, means that something was missed.
            Err(_) => {
                noted.add(None);
                false
            }
        };
        let _ = events.send(is_whole); // nobody listens any more when the program stops
    };
    let mut watcher = RecommendedWatcher::new(take, config)?;
    watcher.watch(&root, RecursiveMode::NonRecursive)?;
    let mut watched = BTreeMap::new();
    loop {
        // A folder may come later than the program, or be replaced by another of its name.
        if watch_folders(&mut watcher, &root, &mut watched) {
            tracing::debug!("watching the author's folders");
            // What was saved between the last look and now was seen by nobody.
            hints.add(None);
            wake.notify_one();
        }
        let mut is_whole = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            event = seen.recv() => match event {
                Some(is_whole) => is_whole,
                None => return Ok(()),
            },
        };
        let patience = Instant::now() + PATIENCE;
        loop {
            let pause = if is_whole { BREATH } else { QUIET };
            match timeout_at(patience.min(Instant::now() + pause), seen.recv()).await {
                Ok(Some(next)) => is_whole = next,
                Ok(None) | Err(_) => break,
            }
        }
        wake.notify_one();
    }
}

/// Whether it is about the config or a folder of the author's, not about what the program writes.
fn is_the_authors(event: &notify::Event, root: &Path) -> bool {
    event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(|path| is_theirs(path, root))
}

fn is_theirs(path: &Path, root: &Path) -> bool {
    let first = path.strip_prefix(root).ok().and_then(|path| path.iter().next()?.to_str());
    first.is_some_and(|first| first == CONFIG || FOLDERS.contains(&first))
}

/// The files below `articles` that an event is about; nothing if it may be about more.
fn articles_of(event: &notify::Event, root: &Path) -> Option<BTreeSet<String>> {
    let is_more = event.need_rescan() || matches!(event.kind, EventKind::Other | EventKind::Any);
    if is_more || event.paths.is_empty() {
        return None;
    }
    let articles = root.join(FOLDERS[0]);
    let path = |path: &PathBuf| Some(path.strip_prefix(&articles).ok()?.to_str()?.to_string());
    // A file may have been moved here from where nobody looks.
    let paths = event.paths.iter().filter(|path| is_theirs(path, root) && !is_being_written(path));
    paths.map(path).collect()
}

/// A temporary file beside the one that it will become; nothing is to be seen there yet.
fn is_being_written(path: &Path) -> bool {
    path.file_name().is_some_and(|name| crate::durable::is_temporary(&name.to_string_lossy()))
}

/// After this nothing more is to come of the file.
fn is_whole(event: &notify::Event) -> bool {
    matches!(
        event.kind,
        EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Modify(ModifyKind::Name(_))
    )
}

/// Watches each folder that is there; one that was replaced by another of its name anew. Whether any is
/// watched that was not before.
fn watch_folders(
    watcher: &mut RecommendedWatcher,
    root: &Path,
    watched: &mut BTreeMap<&'static str, (u64, u64)>,
) -> bool {
    let mut more = false;
    for folder in FOLDERS {
        let path = root.join(folder);
        let Some(identity) = identity(&path) else {
            watched.remove(folder);
            continue;
        };
        if watched.get(folder) == Some(&identity) {
            continue;
        }
        let _ = watcher.unwatch(&path); // the one it replaced, if any
        match watcher.watch(&path, RecursiveMode::Recursive) {
            Ok(()) => {
                watched.insert(folder, identity);
                more = true;
            }
            Err(why) => tracing::warn!("cannot watch {folder}/ ({why}); looking every few seconds instead"),
        }
    }
    more
}

/// Which folder it is, whatever its name.
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir)?;
    Some((metadata.dev(), metadata.ino()))
}

/// Reading is no change, though the kernel reports it, and our own looks read.
fn is_a_change(event: &notify::Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => event.need_rescan(),
        _ => true,
    }
}
