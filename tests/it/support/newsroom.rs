//! A newsroom in its own folder, with its own store, where the test says what time it is.
//!
//! Dropping it fails the test if a letter was left without an outcome.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use byline::{
    compose, daemon,
    deliver::{self, Pacing, Sender, Tally},
    diagnostic::Diagnostic,
    mailer::Mailer,
    message::Keys,
    newsroom::{Folder, Hint, Look, Looker, Settings},
    outbound::Outbound,
    ping::{Pinged, Pinger},
    publish::{self, Publisher},
    site::{Found, Site},
    store::{HubRequest, IssueSummary, Mode, Store},
    subscribe::Lists,
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::outbox::{self, Letter};

/// One language, one outlet, one newsletter with three cadences.
pub const CONFIG: &str = r#"
[site]
url = "https://far-bank.example/"
title = "The Far Bank"
author = "Shirin Example"
languages = ["en", "fa"]
timezone = "Europe/London"
id_authority = "far-bank.example"
[mail]
from = "Shirin Example <shirin@far-bank.example>"
[outlet.bbc-online]
name = { en = "BBC Online", fa = "وب‌سایت بی‌بی‌سی" }
feed = "https://feeds.bbci.co.uk/news/rss.xml"
aliases = ["BBC"]
[outlet.harbour-review]
name = "The Harbour Review"
republish_after = "14d"
[newsletter.dispatches]
name = "Dispatches"
languages = ["en", "fa"]
[newsletter.dispatches.cadence]
weekly = "Fri 08:00"
daily = "07:30"
instant = true
"#;

pub struct Newsroom {
    folder: tempfile::TempDir,
    runtime: Runtime,
    store: Store,
    settings: Arc<Settings>,
    looker: Looker,
    lists: Lists,
    site: Site,
    publisher: Publisher,
    pub now: DateTime<Utc>,
    problems: Vec<Diagnostic>,
}

impl Newsroom {
    pub fn new() -> Self {
        Self::with(CONFIG)
    }

    pub fn with(config: &str) -> Self {
        Self::with_secrets(config, &[])
    }

    /// With these files in `data/`, which only their owner may read.
    pub fn with_secrets(config: &str, secrets: &[(&str, &[u8])]) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let temporary = tempfile::tempdir().unwrap();
        fs::write(temporary.path().join("config.toml"), config).unwrap();
        fs::create_dir_all(temporary.path().join("data")).unwrap();
        for (name, bytes) in secrets {
            let path = temporary.path().join("data").join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let folder = Folder::new(temporary.path());
        let runtime = Runtime::new().unwrap();
        let store = Store::open(&folder.database()).unwrap();
        Self {
            settings: Arc::new(settings(&folder)),
            looker: Looker::new(&folder, &store),
            lists: Lists::new(store.clone()),
            site: Site::new(&folder.public()),
            publisher: Publisher::default(),
            now: moment("2026-03-02 12:00"),
            problems: Vec::new(),
            folder: temporary,
            runtime,
            store,
        }
    }

    /// The program stops and starts again.
    pub fn restarted(mut self) -> Self {
        let folder = self.folder();
        self.store = Store::open(&folder.database()).unwrap();
        self.settings = Arc::new(settings(&folder));
        self.looker = Looker::new(&folder, &self.store);
        self.lists = Lists::new(self.store.clone());
        self.site = Site::new(&folder.public());
        self.publisher = Publisher::default();
        self
    }

    fn folder(&self) -> Folder {
        Folder::new(self.folder.path())
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn article(self, path: &str, text: &str) -> Self {
        self.write(&format!("articles/{path}"), text);
        self
    }

    /// A piece with a title, a date and a line of text.
    pub fn piece(self, name: &str, date: &str) -> Self {
        let text =
            format!("---\ntitle: {name}\ndate: {date}\nwritten_for: bbc-online\n---\nText of {name}.\n");
        self.article(&format!("en/{name}.md"), &text)
    }

    pub fn reader(self, email: &str, cadence: &str) -> Self {
        self.reader_of("dispatches", email, cadence, "")
    }

    pub fn reader_of(self, newsletter: &str, email: &str, cadence: &str, language: &str) -> Self {
        let path = self.path(&format!("subscribers/{newsletter}.csv"));
        let list = fs::read_to_string(&path).unwrap_or_else(|_| "email,name,language,cadence\n".into());
        self.write(
            &format!("subscribers/{newsletter}.csv"),
            format!("{list}{email},,{language},{cadence}\n"),
        );
        self
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(&format!("articles/{from}")), self.path(&format!("articles/{to}"))).unwrap();
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.path(&format!("articles/{path}"))).unwrap();
    }

    pub fn configure(&mut self, config: &str) {
        self.write("config.toml", config);
        self.settings = Arc::new(settings(&self.folder()));
    }

    /// Sets the clock: `2026-03-06 07:00`, in UTC.
    pub fn at(&mut self, moment: &str) -> &mut Self {
        self.now = self::moment(moment);
        self
    }

    /// One look of every chore.
    pub fn run(&mut self) -> &mut Self {
        self.open_issues().deliver()
    }

    /// Opens what is due, and sends nothing.
    pub fn open_issues(&mut self) -> &mut Self {
        let look = self.look();
        let now = self.now;
        let opening = self.runtime.block_on(compose::run_once(&look, &self.settings, &self.store, now));
        assert!(opening.unwrap().failed.is_empty());
        self
    }

    /// Publishes, and says nothing to readers.
    pub fn look(&mut self) -> Arc<Look> {
        self.look_at(Hint::Everything)
    }

    /// Publishes what a glance at these files shows.
    pub fn glance(&mut self, paths: &[&str]) -> Arc<Look> {
        self.look_at(Hint::Paths(paths.iter().map(|path| (*path).to_string()).collect()))
    }

    /// What would be published if nothing had been before, by path.
    pub fn afresh(&self) -> BTreeMap<String, Vec<u8>> {
        let mut looker = Looker::new(&self.folder(), &self.store);
        let look = self.runtime.block_on(looker.look(&self.settings, self.now)).unwrap();
        let documents = publish::documents(&look, &self.settings, &self.store, self.now, |_| true);
        let documents = self.runtime.block_on(documents).unwrap();
        documents.into_iter().map(|(path, _, bytes)| (path, bytes)).collect()
    }

    /// What is published, by path.
    pub fn published(&self) -> BTreeMap<String, Vec<u8>> {
        let tree = self.site.current();
        let documents = tree.documents();
        documents.map(|(path, document)| (path.to_string(), document.read().unwrap().to_vec())).collect()
    }

    /// The files that are published beside documents.
    pub fn shown(&self) -> BTreeSet<String> {
        self.site.current().media().map(|(path, _)| path.to_string()).collect()
    }

    fn look_at(&mut self, hint: Hint) -> Arc<Look> {
        let (folder, now) = (self.folder(), self.now);
        let look =
            self.runtime.block_on(self.looker.look_at((hint, BTreeSet::new()), &self.settings, now)).unwrap();
        let listed = self.runtime.block_on(self.lists.run_once(&folder, &look, &self.settings, now)).unwrap();
        let published = self.publisher.run_once(&look, &self.settings, &self.store, &self.site, now);
        self.runtime.block_on(published).unwrap();
        self.problems = look.problems.iter().cloned().chain(listed.problems).collect();
        look
    }

    /// Makes somebody a subscriber of a feed who was told of a version last.
    pub fn grant(&self, topic: &str, callback: &str, told: &str) {
        let request = HubRequest {
            id: 0,
            topic: topic.to_string(),
            callback: callback.to_string(),
            host: "localhost".to_string(),
            mode: Mode::Subscribe,
            secret: None,
            verify_token: None,
            lease: TimeDelta::days(10),
            attempts: 0,
        };
        let (now, told) = (self.now, told.to_string());
        self.store(async move |store| store.grant_hub_request(request, told, now).await.unwrap());
    }

    /// Tells hubs and subscribers what is published.
    pub fn tell(&self) -> Pinged {
        // As the program does when it starts.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let pinger = Pinger { store: self.store.clone(), outbound: Outbound::new().unwrap() };
        let tree = self.site.current();
        self.runtime.block_on(pinger.tell_once(&tree, &self.settings, self.now)).unwrap()
    }

    /// Composes without delivering.
    pub fn compose(&mut self) -> &mut Self {
        let look = self.look();
        let now = self.now;
        let opening = self.runtime.block_on(compose::run_once(&look, &self.settings, &self.store, now));
        assert!(opening.unwrap().failed.is_empty());
        self
    }

    /// Sends what is due into the outbox.
    pub fn deliver(&mut self) -> &mut Self {
        self.deliver_as(&Pacing::default())
    }

    /// As a sender that has sent before, and remembers how fast and when.
    pub fn deliver_as(&mut self, pacing: &Pacing) -> &mut Self {
        let mailer = Mailer::new(&self.settings.config.mail.transport, &self.folder().outbox()).unwrap();
        let now = Arc::new(Mutex::new(self.now));
        let sender = Sender {
            store: self.store.clone(),
            on_pause: std::sync::Arc::new(|_| {}),
            terms: daemon::terms(&self.settings.config, &mailer),
            keys: Keys { token: self.folder().key().unwrap(), dkim: self.settings.config.mail.dkim.clone() },
            pace: self.settings.config.mail.pace.clone(),
            pacing: pacing.clone(),
            zone: self.settings.config.site.zone,
            clock: Arc::new(move || *now.lock().unwrap()),
            mailer,
        };
        let tally = Arc::new(Tally::default());
        let stop = CancellationToken::new();
        let sent = self.runtime.block_on(deliver::run_once(&sender, &tally, &stop));
        assert!(sent.trouble.is_none(), "{sent:?}");
        self
    }

    pub fn store<T>(&self, act: impl AsyncFnOnce(&Store) -> T) -> T {
        self.runtime.block_on(act(&self.store))
    }

    /// The body at an address of the site.
    #[track_caller]
    pub fn page(&self, path: &str) -> String {
        match self.site.current().at(path) {
            Found::Document(document) => String::from_utf8(document.read().unwrap().to_vec()).unwrap(),
            other => panic!("{path}: {other:?}"),
        }
    }

    /// When the bytes at an address changed.
    pub fn modified(&self, path: &str) -> std::time::SystemTime {
        match self.site.current().at(path) {
            Found::Document(document) => document.modified(),
            other => panic!("{path}: {other:?}"),
        }
    }

    /// What stands at an address, in a word.
    pub fn stands_at(&self, path: &str) -> String {
        match self.site.current().at(path) {
            Found::Document(_) => "a page".into(),
            Found::Media(_) => "a file".into(),
            Found::Moved(to) => format!("moved to {to}"),
            Found::Gone => "gone".into(),
            Found::Missing => "nothing".into(),
        }
    }

    /// Titles in the joint JSON feed, newest first.
    pub fn titles(&self) -> Vec<String> {
        self.items().iter().map(|item| item["title"].as_str().unwrap().to_string()).collect()
    }

    pub fn items(&self) -> Vec<serde_json::Value> {
        let feed: serde_json::Value = serde_json::from_str(&self.page("/feed.json")).unwrap();
        feed["items"].as_array().unwrap().clone()
    }

    pub fn problems(&self) -> Vec<String> {
        let drawn = self.problems.iter().filter(|problem| problem.is_worth_saying());
        drawn.map(ToString::to_string).collect()
    }

    pub fn notes(&self) -> Vec<String> {
        self.problems.iter().map(ToString::to_string).collect()
    }

    pub fn letters(&self) -> Vec<Letter> {
        outbox::letters(&self.folder().outbox())
    }

    /// Letters as bytes, in no order that means anything.
    pub fn raw_letters(&self) -> Vec<Vec<u8>> {
        outbox::raw_letters(&self.folder().outbox())
    }

    pub fn letters_to(&self, email: &str) -> Vec<Letter> {
        let mut letters = self.letters();
        letters.retain(|letter| letter.to() == email);
        letters
    }

    /// Letters as `reader: subject`, in the order of their issues.
    pub fn mail(&self) -> Vec<String> {
        let mut mail: Vec<(u64, String)> = self
            .letters()
            .iter()
            .map(|letter| {
                let issue = letter.id().trim_start_matches('<').split('.').next().unwrap().parse().unwrap();
                (issue, format!("{}: {}", letter.to().split('@').next().unwrap(), letter.subject()))
            })
            .collect();
        mail.sort();
        mail.into_iter().map(|(_, line)| line).collect()
    }

    pub fn issues(&self) -> Vec<IssueSummary> {
        let mut issues = self.runtime.block_on(self.store.issues(1000)).unwrap();
        issues.reverse();
        issues
    }
}

impl Drop for Newsroom {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for issue in self.issues() {
            assert_eq!(issue.open(), 0, "letters were left without an outcome: {issue:#?}");
            let audit = self.runtime.block_on(self.store.audit(issue.issue)).unwrap().unwrap();
            assert!(audit.balanced, "the sums do not balance: {audit:#?}");
        }
    }
}

fn settings(folder: &Folder) -> Settings {
    let (settings, problems) = folder.settings(&BTreeMap::new()).settings();
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    settings.unwrap_or_else(|| panic!("{}", shown.join("\n")))
}

pub fn moment(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(&format!("{text}:00"), "%Y-%m-%d %H:%M:%S").unwrap().and_utc()
}
