//! `config.toml`, checked: every value parsed, every default filled in.
//!
//! What an author can type is read in `raw`; the environment may override any key.

mod raw;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono_tz::Tz;
use url::Url;

use crate::{
    article::{Desk, attribution::Outlet},
    delivery::{
        WhenInDoubt,
        pace::{Limits, WarmUp},
    },
    diagnostic::{Diagnostic, SourceFile},
    dkim::Signer,
    language::{Language, Localised},
    newsletter::Newsletter,
};

/// A span of time as it is typed: `10m` is ten minutes; `s`, `m`, `h` and `d` are known.
pub fn duration(text: &str) -> Result<chrono::Duration, String> {
    raw::values::duration(text)
}

/// Everything that `config.toml` and the environment say.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[site]`
    pub site: Site,
    /// `[serve]`
    pub serve: Serve,
    /// `[hub]`
    pub hub: Hub,
    /// `[mail]`
    pub mail: Mail,
    /// `[outlet.ID]`
    pub outlets: BTreeMap<String, Arc<Outlet>>,
    /// `[newsletter.ID]`, in the order of the file.
    pub newsletters: Vec<Newsletter>,
}

/// The writer's site.
#[derive(Debug, Clone)]
pub struct Site {
    /// The front page, as readers reach it; ends in `/`.
    pub url: Url,
    /// Its name.
    pub title: Localised,
    /// One sentence about it.
    pub description: Localised,
    /// Who writes.
    pub author: Localised,
    /// At least one, the main one first.
    pub languages: Vec<Language>,
    /// In which dates without a zone are meant, and shown.
    pub zone: Tz,
    /// Whom an article was written for that does not say.
    pub default_outlet: Option<String>,
    /// The domain that new guids are minted under; it never follows the address.
    pub id_authority: String,
}

/// The web server.
#[derive(Debug, Clone)]
pub struct Serve {
    /// Where `serve` listens.
    pub listen: SocketAddr,
    /// Whether programs on this machine may read `/metrics`.
    pub metrics: bool,
}

/// Whom changed feeds are told to (`WebSub`).
#[derive(Debug, Clone)]
pub struct Hub {
    /// The program's own hub, at `/hub`.
    pub built_in: bool,
    /// Others, which the feeds name too.
    pub others: Vec<Url>,
    /// Whether a subscriber may be on this machine or a private network.
    pub private_callbacks: bool,
}

/// How letters leave.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Where to.
    pub transport: Transport,
    /// What becomes of a letter that the server may have.
    pub when_in_doubt: WhenInDoubt,
    /// How long a letter is tried.
    pub give_up_after: chrono::Duration,
    /// How fast letters go to one provider.
    pub pace: Pace,
    /// Where the writer can be reached by post, which some countries ask for.
    pub postal_address: Option<String>,
    /// What letters are signed with, one signature each.
    pub dkim: Arc<[Signer]>,
    /// Who hears of trouble; if nothing is said, whoever letters are from.
    pub alerts_to: Option<Vec<crate::subscriber::address::EmailAddress>>,
    /// Addresses that `send --test` may reach.
    pub testers: Vec<crate::subscriber::address::EmailAddress>,
}

/// Where letters go.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Files in `outbox/`.
    Outbox,
    /// Mail servers: at least one.
    Smtp(Vec<Smtp>),
}

/// A mail server and how to speak to it.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its name, which its certificate must bear.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// For AUTH.
    pub login: Option<Login>,
    /// At once, at the most.
    pub connections: usize,
    /// What we call ourselves in EHLO.
    pub hello: Option<String>,
    /// PEM of a certificate authority to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// For the answer to each command.
    pub timeout: Duration,
    /// For the answer to the final dot: a short one makes duplicates (RFC 1047).
    pub dot_timeout: Duration,
    /// Used only while others are away.
    pub is_spare: bool,
}

/// How fast letters go to one provider of mailboxes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pace {
    /// Letters at once and a minute.
    pub limits: Limits,
    /// Fewer a day at first, while providers get to know the sender.
    pub warm_up: Option<WarmUp>,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS after STARTTLS, or nothing is sent.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None; on this machine only.
    None,
}

/// A name and a password.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What reading a config came to.
#[derive(Debug)]
pub struct Reading {
    /// What could be read; what could not has its default. Use it to go on checking, not to run, if
    /// there are errors.
    pub config: Config,
    /// Everything wrong.
    pub problems: Vec<Diagnostic>,
    /// Whether the file's syntax held, so that the rest of the newsroom can be checked against it.
    pub is_whole: bool,
}

impl Config {
    /// Reads the text of `config.toml` and the `BYLINE_…` variables of `environment`; `root` is what
    /// relative paths in it count from.
    pub fn read(file: SourceFile, environment: &BTreeMap<String, String>, root: &Path) -> Reading {
        raw::read(file, environment, root)
    }

    /// Whether an environment variable of this name overrides a key.
    pub fn is_overriding(name: &str) -> bool {
        raw::overriding(name).is_some()
    }

    /// The newsletter of this id.
    pub fn newsletter(&self, id: &str) -> Option<&Newsletter> {
        self.newsletters.iter().find(|newsletter| newsletter.id == id)
    }

    /// Every hub that the feeds name, our own first.
    pub fn hubs(&self) -> Vec<Url> {
        let own = self.hub.built_in.then(|| self.site.url.join("hub").ok()).flatten();
        own.into_iter().chain(self.hub.others.iter().cloned()).collect()
    }

    /// What reading an article needs to know.
    pub fn desk(&self) -> Desk<'_> {
        Desk {
            site: &self.site.url,
            languages: &self.site.languages,
            zone: self.site.zone,
            outlets: &self.outlets,
            default_outlet: self.site.default_outlet.as_deref(),
            author: &self.site.author,
        }
    }
}

impl Site {
    /// Its main language.
    pub fn language(&self) -> &Language {
        &self.languages[0]
    }

    /// The front page in a language: the site's own, or `/fa/`.
    pub fn home(&self, language: &Language) -> Url {
        if language == self.language() {
            return self.url.clone();
        }
        self.url.join(&format!("{language}/")).unwrap_or_else(|_| self.url.clone())
    }

    /// The page that says how to get feeds and letters, in a language.
    pub fn subscribe_page(&self, language: &Language) -> Url {
        let home = self.home(language);
        home.join("subscribe/").unwrap_or(home)
    }
}
