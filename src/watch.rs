//! Notices that the author saved something, and wakes whoever looks. It never says what changed: the
//! look finds out, and a missed event costs no more than the time to the next look.

use std::{
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
    let mut watched = Vec::new();
    loop {
        // A folder may come later than the program, or be replaced by another of its name.
        watch_folders(&mut watcher, &root, &mut watched);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            event = seen.recv() => if event.is_none() { return Ok(()) },
        }
        let patience = Instant::now() + PATIENCE;
        while let Ok(Some(())) = timeout_at(patience.min(Instant::now() + QUIET), seen.recv()).await {}
        wake.notify_one();
    }
}

fn watch_folders(watcher: &mut RecommendedWatcher, root: &Path, watched: &mut Vec<&'static str>) {
    watched.retain(|folder| root.join(folder).is_dir());
    for folder in FOLDERS {
        let path = root.join(folder);
        if !watched.contains(&folder) && path.is_dir() {
            match watcher.watch(&path, RecursiveMode::Recursive) {
                Ok(()) => watched.push(folder),
                Err(why) => {
                    tracing::warn!("cannot watch {folder}/ ({why}); looking every few seconds instead");
                }
            }
        }
    }
}

/// Reading is no change, though the kernel reports it, and our own looks read.
fn is_a_change(event: &notify::Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => event.need_rescan(),
        _ => true,
    }
}
