//! The daemon's chores, each as one look: publish, compose, deliver, and tell hubs and subscribers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, RwLock},
    time::SystemTime,
};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    alert::{Alert, Messenger, Told},
    compose,
    config::Config,
    deliver::{self, DeliverError, Pacing, Paused, Sender, Tally},
    diagnostic::Diagnostic,
    mailer::Mailer,
    message::Keys,
    newsroom::{CONFIG, Folder, Hint, Look, Looker, Settings},
    ping::Pinger,
    publish::{PublishError, Publisher},
    site::Site,
    store::{Store, StoreError, Terms},
    subscribe::Lists,
    subscriber::token::TokenKey,
};

/// What a chore found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Did some work; there may be more.
    Worked,
    /// Nothing was due.
    Idle,
}

/// What a look led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Something may be different.
    Anew,
    /// Nothing is.
    AsBefore,
}

/// What publishing saw last, for composing.
#[derive(Default)]
pub struct Latest {
    seen: Option<(Arc<Settings>, Arc<Look>)>,
}

/// Keeps the settings, the articles and the lists up to date, and the site with them.
pub struct Desk {
    folder: Folder,
    environment: BTreeMap<String, String>,
    settings: Arc<Settings>,
    fingerprint: Fingerprint,
    store: Store,
    publisher: Publisher,
    looker: Looker,
    lists: Lists,
    published: Option<(Arc<Settings>, Arc<Look>)>,
    /// What was wrong with the settings when they were last read.
    reloaded: Vec<Diagnostic>,
    /// What was to be said last, and how it was.
    heard: Vec<Diagnostic>,
    said: BTreeSet<String>,
}

/// The files that settings are read from, as the file system tells versions apart.
type Fingerprint = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

impl Desk {
    /// A desk with settings just read.
    pub fn new(
        folder: Folder,
        environment: BTreeMap<String, String>,
        settings: Arc<Settings>,
        store: Store,
    ) -> Self {
        Self {
            fingerprint: fingerprint(&folder),
            looker: Looker::new(&folder, &store),
            lists: Lists::new(store.clone()),
            store,
            publisher: Publisher::default(),
            published: None,
            reloaded: Vec::new(),
            heard: Vec::new(),
            said: BTreeSet::new(),
            folder,
            environment,
            settings,
        }
    }

    /// Looks at everything the author wrote, and publishes if anything is different.
    pub async fn publish(
        &mut self,
        site: &Arc<Site>,
        latest: &RwLock<Latest>,
        settings: &RwLock<Arc<Settings>>,
        hint: (Hint, BTreeSet<String>),
        now: DateTime<Utc>,
    ) -> anyhow::Result<Published> {
        self.reload();
        let open = hint.1.clone();
        let mut look = self.looker.look_at(hint, &self.settings, now).await?;
        let mut done = Published::AsBefore;
        let same = |before: &(Arc<Settings>, Arc<Look>)| {
            Arc::ptr_eq(&before.0, &self.settings) && Arc::ptr_eq(&before.1, &look)
        };
        if !self.published.as_ref().is_some_and(same) || !site.is_whole() {
            let published = match self.publisher.run_once(&look, &self.settings, &self.store, site, now).await
            {
                Err(PublishError::Template(why)) => {
                    self.reloaded.push(Diagnostic::template_failed(
                        &why.place,
                        &why.why,
                        "what is to be published",
                    ));
                    let last = self.published.as_ref().map(|(last, _)| last.clone());
                    let Some(last) = last.filter(|last| !Arc::ptr_eq(last, &self.settings)) else {
                        self.say(&self.reloaded.clone());
                        self.reloaded.pop();
                        return Err(why.into());
                    };
                    tracing::warn!("the settings do not hold; the last good ones stay in use");
                    self.settings = last;
                    look = self.looker.look_at((Hint::Everything, open), &self.settings, now).await?;
                    self.publisher.run_once(&look, &self.settings, &self.store, site, now).await?
                }
                published => published?,
            };
            if published.written + published.removed > 0 {
                tracing::info!(written = published.written, removed = published.removed, "published");
            }
            done = Published::Anew;
            self.published = Some((self.settings.clone(), look.clone()));
            *settings.write().expect("nothing panics while holding it") = self.settings.clone();
            let seen = Some((self.settings.clone(), look.clone()));
            latest.write().expect("nothing panics while holding it").seen = seen;
            // After they are out: the first reader to ask should not wait for it.
            let tree = site.current();
            tokio::task::spawn_blocking(move || tree.compress_feeds());
        }
        let mut problems = self.reloaded.clone();
        problems.extend(look.problems.iter().cloned());
        let listed = match self.lists.run_once(&self.folder, &look, &self.settings, now).await {
            Ok(listed) => listed,
            Err(why) => {
                self.say(&problems);
                return Err(why.into());
            }
        };
        problems.extend(listed.problems);
        for (newsletter, synced) in listed.synced.iter().filter(|(_, synced)| synced.added > 0) {
            tracing::info!(newsletter.id = newsletter, added = synced.added, "readers added from a list");
        }
        self.say(&problems);
        Ok(done)
    }

    /// Writes down what the next start, or a bad version of a file, will need. No reader waits for it.
    pub async fn settle(&mut self) -> anyhow::Result<()> {
        Ok(self.looker.keep().await?)
    }

    /// Reads the settings again if a file of theirs changed. What does not hold is to be said, and the
    /// last that did stays in use.
    fn reload(&mut self) {
        let fingerprint = fingerprint(&self.folder);
        if fingerprint == self.fingerprint {
            return;
        }
        self.fingerprint = fingerprint;
        let (settings, problems) = self.folder.settings(&self.environment).settings();
        if let Some(settings) = settings {
            tracing::info!("settings read again");
            self.settings = Arc::new(settings);
        } else {
            tracing::warn!("the settings do not hold; the last good ones stay in use");
        }
        self.reloaded = problems;
    }

    /// Says each problem once, for as long as it lasts.
    fn say(&mut self, problems: &[Diagnostic]) {
        if self.heard == problems {
            return; // drawing very many takes a while
        }
        self.heard = problems.to_vec();
        let drawn: BTreeSet<String> =
            problems.iter().filter(|problem| problem.is_worth_saying()).map(ToString::to_string).collect();
        for problem in drawn.difference(&self.said) {
            eprintln!("{problem}\n");
        }
        self.said = drawn;
    }
}

fn fingerprint(folder: &Folder) -> Fingerprint {
    let mut files = Fingerprint::new();
    for name in [CONFIG, "templates", "i18n"] {
        // These may be links; what is below is not followed.
        let path = folder.root().join(name);
        enter(&path.canonicalize().unwrap_or(path), &mut files);
    }
    files
}

fn enter(path: &Path, files: &mut Fingerprint) {
    // Not followed: links can lead in circles.
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    if metadata.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            enter(&entry.path(), files);
        }
    } else {
        files.insert(path.to_path_buf(), (metadata.len(), metadata.modified().ok()));
    }
}

/// Opens what is due, from what publishing saw last.
pub(super) async fn compose(
    latest: &RwLock<Latest>,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<Progress, compose::ComposeError> {
    let seen = latest.read().expect("nothing panics while holding it").seen.clone();
    let Some((settings, look)) = seen else { return Ok(Progress::Idle) };
    let compose::Opening { opened, failed } = compose::run_once(&look, &settings, store, now).await?;
    for (issue, letters) in opened {
        tracing::info!(issue.id = issue.0, letters, "issue opened");
    }
    failed.into_iter().next().map_or(Ok(Progress::Idle), Err)
}

/// Asks those in whose name something was asked of the hub, and tells hubs and subscribers what changed.
pub(super) struct Telling {
    pub pinger: Pinger,
    pub site: Arc<Site>,
    pub settings: Arc<RwLock<Arc<Settings>>>,
}

impl Telling {
    pub async fn verify(&self, now: DateTime<Utc>) -> Result<Progress, StoreError> {
        let decided = self.pinger.verify_once(&self.site.current(), &self.settings(), now).await?;
        Ok(if decided > 0 { Progress::Worked } else { Progress::Idle })
    }

    pub async fn tell(&self, now: DateTime<Utc>) -> Result<Progress, StoreError> {
        let pinged = self.pinger.tell_once(&self.site.current(), &self.settings(), now).await?;
        if pinged.told > 0 {
            tracing::info!(told = pinged.told, failed = pinged.failed, "hubs and subscribers told");
        }
        Ok(if pinged.told > 0 { Progress::Worked } else { Progress::Idle })
    }

    fn settings(&self) -> Arc<Settings> {
        self.settings.read().expect("nothing panics while holding it").clone()
    }
}

/// Sends what is due, with the settings of the moment.
pub(super) struct Sending {
    folder: Folder,
    store: Store,
    /// With the settings that it is made from; it remembers which servers are away.
    mailer: Mutex<(Arc<Settings>, Mailer)>,
    key: TokenKey,
    settings: Arc<RwLock<Arc<Settings>>>,
    pacing: Pacing,
}

impl Sending {
    pub(super) fn new(
        folder: Folder,
        store: Store,
        mailer: Mailer,
        key: TokenKey,
        settings: Arc<RwLock<Arc<Settings>>>,
    ) -> Self {
        let started_with = settings.read().expect("nothing panics while holding it").clone();
        let mailer = Mutex::new((started_with, mailer));
        Self { folder, store, mailer, key, settings, pacing: Pacing::default() }
    }

    fn mailer(&self, settings: &Arc<Settings>) -> Result<Mailer, DeliverError> {
        let mut made = self.mailer.lock().expect("nothing panics while holding it");
        if !Arc::ptr_eq(settings, &made.0) {
            let mailer = Mailer::new(&settings.config.mail.transport, &self.folder.outbox())?;
            *made = (settings.clone(), mailer);
        }
        Ok(made.1.clone())
    }

    pub(super) async fn deliver(&self, stop: &CancellationToken) -> Result<Progress, DeliverError> {
        let (tell, mut told) = mpsc::unbounded_channel::<Paused>();
        let settings = self.settings.read().expect("nothing panics while holding it").clone();
        let mailer = self.mailer(&settings)?;
        let sender = Sender {
            terms: terms(&settings.config, &mailer),
            store: self.store.clone(),
            keys: Keys { token: self.key.clone(), dkim: settings.config.mail.dkim.clone() },
            pace: settings.config.mail.pace.clone(),
            pacing: self.pacing.clone(),
            zone: settings.config.site.zone,
            clock: Arc::new(Utc::now),
            // Whoever hears it is there until sending is over.
            on_pause: Arc::new(move |paused| drop(tell.send(paused.clone()))),
            mailer,
        };
        let messenger = Messenger {
            config: &settings.config,
            store: &self.store,
            mailer: &sender.mailer.clone(),
            keys: &sender.keys.clone(),
        };
        let tally = Arc::new(Tally::default());
        let sending = async {
            let sender = sender;
            deliver::run_once(&sender, &tally, stop).await
        };
        let telling = async {
            while let Some(paused) = told.recv().await {
                say_paused(&paused);
                say_told(messenger.tell_paused(paused.issue, paused.cause, Utc::now()).await);
            }
        };
        let (sent, ()) = tokio::join!(sending, telling);
        if let Some(DeliverError::NoRoom) = &sent.trouble {
            say_told(messenger.tell(&Alert::no_room(), Utc::now()).await);
        }
        if tally.total() > 0 {
            tracing::info!(letters = tally.total(), "delivered");
        }
        sent.trouble.map_or(Ok(Progress::Idle), Err)
    }
}

fn say_paused(Paused { issue, cause, words }: &Paused) {
    let words = if words.is_empty() { String::new() } else { format!(": {words}") };
    tracing::error!(
        issue.id = issue.0,
        "an issue is paused: {}{words}; `byline resume {issue}` goes on",
        cause.words()
    );
}

fn say_told(told: Result<Told, StoreError>) {
    match told {
        Ok(Told::Sent | Told::Enough) => {}
        Ok(Told::Not(why)) => tracing::warn!("no letter about this to the author: {why}"),
        Err(why) => tracing::warn!("no letter about this to the author: {why}"),
    }
}

/// Under which terms a config has letters sent.
pub fn terms(config: &Config, mailer: &Mailer) -> Terms {
    Terms {
        via: mailer.via(),
        when_in_doubt: config.mail.when_in_doubt,
        give_up_after: config.mail.give_up_after,
        counts_days_in: config.mail.pace.warm_up.map(|_| config.site.zone),
    }
}
