//! `serve`: starts the chores and what wakes them, and stops them in order.
//!
//! A waker never does the work. It wakes a chore, which looks at what is due and does it; so a lost
//! wake costs a poll interval, a repeated one nothing, and a restart is no special case.

mod chores;
mod lock;

use std::{
    collections::BTreeMap,
    fmt::Display,
    panic::AssertUnwindSafe,
    sync::{Arc, RwLock},
    time::Duration,
};

use chrono::Utc;
use futures_util::FutureExt;
use tokio::{net::TcpListener, sync::Notify, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use chores::{Desk, Latest, Progress, Published, terms};
pub use lock::{Lock, LockError};

use crate::{
    clock,
    mailer::Mailer,
    newsroom::{Folder, Settings},
    outbound::Outbound,
    ping::Pinger,
    site::Site,
    store::Store,
    watch::{self, Hints},
    web::{self, App},
};

/// How often each chore looks if nothing wakes it.
const PUBLISH_POLL: Duration = Duration::from_secs(10);
const COMPOSE_POLL: Duration = Duration::from_secs(30);
const PING_POLL: Duration = Duration::from_secs(30);
const DELIVER_POLL: Duration = Duration::from_secs(2);
/// The clock's tick: a slot comes at most this late.
const TICK: Duration = Duration::from_secs(2);
/// After an error, wakes are not heeded for so long.
const PAUSE: Duration = Duration::from_secs(2);
/// At shutdown, a letter on its way has this long to be answered.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What runs.
pub struct Daemon {
    /// Where.
    pub folder: Folder,
    /// With which settings, until they change.
    pub settings: Arc<Settings>,
    /// What overrides them.
    pub environment: BTreeMap<String, String>,
    /// What is remembered.
    pub store: Store,
    /// How letters leave.
    pub mailer: Mailer,
}

impl Daemon {
    /// Publishes once, then calls `ready` and runs until `stop` is cancelled.
    pub async fn run(
        self,
        listener: TcpListener,
        ready: impl FnOnce(),
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let key = self.folder.key()?;
        let site = Arc::new(Site::new(&self.folder.public()));
        let latest = Arc::new(RwLock::new(Latest::default()));
        let settings = Arc::new(RwLock::new(self.settings.clone()));
        let [to_publish, to_compose, to_deliver, to_verify, to_tell] =
            std::array::from_fn(|_| Arc::new(Notify::new()));

        let mut desk = Desk::new(self.folder.clone(), self.environment, self.settings, self.store.clone());
        desk.publish(&site, &latest, &settings, Default::default(), Utc::now()).await?;

        let chores = TaskTracker::new();
        let app = App::new(
            site.clone(),
            self.store.clone(),
            settings.clone(),
            key.clone(),
            Utc::now,
            to_verify.clone(),
        );
        chores.spawn(web::serve(listener, app, stop.clone()));
        ready();

        let (wake, wake_teller) = (to_compose.clone(), to_tell.clone());
        let pinger = Pinger { store: self.store.clone(), outbound: Outbound::new()? };
        let telling = Arc::new(chores::Telling { pinger, site: site.clone(), settings: settings.clone() });
        // Two chores: whoever does not answer a question must not hold up the news of others. Who is due
        // follows from the store, so both may be cut short.
        let (asking, halt) = (telling.clone(), stop.clone());
        chores.spawn(keep("verify", to_verify, PING_POLL, stop.clone(), async move || {
            or_idle(asking.verify(Utc::now()), &halt).await
        }));
        let halt = stop.clone();
        chores.spawn(keep("tell", to_tell, PING_POLL, stop.clone(), async move || {
            or_idle(telling.tell(Utc::now()), &halt).await
        }));
        let published = (latest.clone(), settings.clone());
        let hints = Arc::new(Hints::default());
        let hinted = hints.clone();
        chores.spawn(keep("publish", to_publish.clone(), PUBLISH_POLL, stop.clone(), async move || {
            let done = desk.publish(&site, &published.0, &published.1, hinted.take(), Utc::now()).await?;
            if done == Published::Anew {
                wake.notify_one();
                wake_teller.notify_one();
            }
            desk.settle().await.map(|()| Progress::Idle)
        }));
        let (store, wake) = (self.store.clone(), to_deliver.clone());
        chores.spawn(keep("compose", to_compose.clone(), COMPOSE_POLL, stop.clone(), async move || {
            let progress = chores::compose(&latest, &store, Utc::now()).await;
            wake.notify_one();
            progress
        }));
        let sender = chores::Sending::new(self.folder.clone(), self.store, self.mailer, key, settings);
        let halt = stop.clone();
        chores.spawn(keep("deliver", to_deliver, DELIVER_POLL, stop.clone(), async move || {
            Box::pin(sender.deliver(&halt)).await
        }));
        chores.spawn(logged(
            "watch",
            watch::watch(self.folder.root().to_path_buf(), hints, to_publish, stop.clone()),
        ));
        chores.spawn(logged("clock", clock::tick(TICK, to_compose, stop.clone())));

        stop.cancelled().await;
        chores.close();
        timeout(STOP_TIMEOUT, chores.wait())
            .await
            .map_err(|_| anyhow::anyhow!("something did not stop within {} s", STOP_TIMEOUT.as_secs()))
    }
}

/// Runs `chore` until `stop`: again at once while it works, else when woken or after `poll`. An error
/// is said once, and waited out.
async fn keep<E: Display>(
    name: &'static str,
    wake: Arc<Notify>,
    poll: Duration,
    stop: CancellationToken,
    mut chore: impl AsyncFnMut() -> Result<Progress, E>,
) {
    let mut said = String::new();
    while !stop.is_cancelled() {
        // A fault of ours in one letter or page must not end a chore for ever.
        let done = AssertUnwindSafe(chore()).catch_unwind().await;
        match done.map_err(|_| "a fault in the program; its own words are above".to_string()) {
            Ok(Ok(Progress::Worked)) => continue,
            Ok(Ok(Progress::Idle)) => said.clear(),
            failed => {
                let error = match failed {
                    Ok(Err(error)) => error.to_string(),
                    Err(fault) => fault,
                    Ok(Ok(_)) => continue,
                };
                if error != said {
                    tracing::error!("{name}: {error}");
                    said = error;
                }
                // Not the wake at first: what failed would fail again at once.
                tokio::select! {
                    () = tokio::time::sleep(poll.min(PAUSE)) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(poll) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Nothing, if it is to stop before that is done.
async fn or_idle<E>(
    chore: impl Future<Output = Result<Progress, E>>,
    stop: &CancellationToken,
) -> Result<Progress, E> {
    tokio::select! {
        done = chore => done,
        () = stop.cancelled() => Ok(Progress::Idle),
    }
}

async fn logged<E: Display>(name: &'static str, waker: impl Future<Output = Result<(), E>>) {
    if let Err(error) = waker.await {
        tracing::error!("{name} has stopped; the chores go on by themselves, more slowly: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wake_while_the_chore_looks_is_not_lost() {
        let stop = CancellationToken::new();
        let (wake, runs) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let chore = {
            let (wake, runs) = (wake.clone(), runs.clone());
            async move || {
                if runs.fetch_add(1, SeqCst) == 0 {
                    wake.notify_one();
                }
                Ok::<_, String>(Progress::Idle)
            }
        };
        let task = tokio::spawn(keep("test", wake, Duration::from_secs(3600), stop.clone(), chore));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(runs.load(SeqCst), 2);
        stop.cancel();
        task.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_pauses_instead_of_spinning() {
        let stop = CancellationToken::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let chore = async move || {
            counted.fetch_add(1, SeqCst);
            Err::<Progress, _>("the database is away")
        };
        let wake = Arc::new(Notify::new());
        let task = tokio::spawn(keep("test", wake.clone(), Duration::from_secs(60), stop.clone(), chore));
        for _ in 0..100 {
            wake.notify_one();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!((4..=6).contains(&runs.load(SeqCst)), "{runs:?} runs in ten seconds");
        stop.cancel();
        task.await.unwrap();
    }
}
