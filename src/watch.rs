//! Notices that the author saved something, and wakes whoever looks. It never says what changed: the
//! look finds out, and a missed event costs no more than the time to the next look.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
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

/// A save is over when nothing has happened for so long: an editor's save is several events.
const QUIET: Duration = Duration::from_millis(40);
/// But an endless stream of events is looked into now and then.
const PATIENCE: Duration = Duration::from_millis(400);
/// Folders of the author's, below the newsroom's.
const FOLDERS: [&str; 4] = ["articles", "templates", "i18n", "subscribers"];

/// Wakes `wake` after each save below `root`, until `stop`.
pub async fn watch(root: PathBuf, wake: Arc<Notify>, stop: CancellationToken) -> notify::Result<()> {
    let (events, mut seen) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // An error, an overflow too, means that something was missed: look.
        if event.map_or(true, |event| is_a_change(&event)) {
            let _ = events.try_send(()); // full: the look that is coming will see this too
        }
    })?;
    watcher.watch(&root, RecursiveMode::NonRecursive)?;
    let mut watched = BTreeMap::new();
    loop {
        // A folder may come later than the program, or be replaced by another of its name.
        if watch_folders(&mut watcher, &root, &mut watched) {
            // What was saved between the last look and now was seen by nobody.
            wake.notify_one();
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            event = seen.recv() => if event.is_none() { return Ok(()) },
        }
        let patience = Instant::now() + PATIENCE;
        while let Ok(Some(())) = timeout_at(patience.min(Instant::now() + QUIET), seen.recv()).await {}
        wake.notify_one();
    }
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
