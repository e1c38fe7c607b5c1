//! `config.toml` as typed: every key, its type and its place, turned into [`Config`] with every
//! mistake reported.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, str::FromStr, sync::Arc, time::Duration};

use chrono::TimeDelta;
use chrono_tz::Tz;
use url::Url;

use super::{Config, Login, Mail, Reading, Secret, Security, Serve, Site, Smtp, Transport};
use crate::{
    article::attribution::{Kind, Outlet, SearchEngines},
    delivery::WhenInDoubt,
    diagnostic::{
        Diagnostic, Problems, SourceFile,
        keys::{Key, Keys, Node, Typed, Value},
    },
    language::{Language, Localised},
    newsletter::{Cadence, CatchUp, Newsletter, Sender, schedule::Schedule},
    subscriber::address::EmailAddress,
    text::clean_line,
};

const LISTEN_DEFAULT: &str = "127.0.0.1:8080";
const CONNECTIONS_DEFAULT: usize = 4;
const CONNECTIONS_MAX: i64 = 200;
const START_WITH_DEFAULT: usize = 3;
const TIMEOUT_SECONDS_DEFAULT: u64 = 60;
/// RFC 5321 §4.5.3.2.6.
const DOT_TIMEOUT_SECONDS_DEFAULT: u64 = 600;
const DURATION_HINT: &str = "write a number and a unit: `30s`, `10m`, `24h`, `7d`";
const ADDRESS_HINT: &str = "write it as `name@example.org`, or `Name <name@example.org>`";

pub(super) fn read(
    file: SourceFile,
    environment: &BTreeMap<String, String>,
    root: &Path,
) -> Reading {
    let problems = Problems::default();
    let mut tree = Node::from_toml(Arc::new(file), &problems);
    let is_whole = !problems.has_errors();
    for (name, value) in environment {
        if let Some(path) = name.strip_prefix("BYLINE_").filter(|path| path.contains("__")) {
            override_key(&mut tree, name, path, value, &problems);
        }
    }
    let reader = Reader { problems: &problems, environment, root };
    let config = reader.config(&tree);
    Reading { config, problems: problems.into_vec(), is_whole }
}

/// `MAIL__SMTP__PORT=2525` is `[mail.smtp] port = 2525`; a hyphen of an id is typed as `_`.
fn override_key(tree: &mut Node, name: &str, path: &str, value: &str, problems: &Problems) {
    let text = format!("value = {value}");
    let quiet = Problems::default();
    let parsed = Node::from_toml(
        Arc::new(SourceFile { path: format!("environment variable {name}"), text }),
        &quiet,
    );
    let node = match parsed.value {
        Value::Table(mut entries) if !quiet.has_errors() && entries.len() == 1 => entries.remove(0).1,
        _ => {
            let file = SourceFile { path: format!("environment variable {name}"), text: value.into() };
            let span = 0..value.len();
            Node { value: Value::Text(value.to_string()), file: Arc::new(file), span }
        }
    };
    let mut at = tree;
    let parts: Vec<&str> = path.split("__").collect();
    for (index, part) in parts.iter().enumerate() {
        let Value::Table(entries) = &mut at.value else {
            problems.push(Diagnostic::unknown_variable(name));
            return;
        };
        let typed = part.to_lowercase();
        let found = entries.iter().position(|(key, _)| key.name.replace('-', "_") == typed);
        let position = found.unwrap_or_else(|| {
            let empty = Node { value: Value::Table(Vec::new()), ..node.clone() };
            entries.push((Key { name: typed, span: 0..0 }, empty));
            entries.len() - 1
        });
        at = &mut entries[position].1;
        if index + 1 == parts.len() {
            *at = node;
            return;
        }
    }
}

struct Reader<'p> {
    problems: &'p Problems,
    environment: &'p BTreeMap<String, String>,
    root: &'p Path,
}

impl Reader<'_> {
    fn config(&self, tree: &Node) -> Config {
        let mut keys = Keys::of(tree, "config.toml", self.problems).expect("TOML's root is a table");
        let site_keys = keys.table("site");
        if site_keys.is_none() {
            let hint = "begin with `[site]` and its `url`, `title` and `author`";
            self.problems.push(Diagnostic::missing_key(&tree.file, &(0..0), "[site]", hint));
        }
        let outlets = keys.tables("outlet");
        let languages = self.languages(site_keys.as_ref().map(Keys::node));
        let outlets: BTreeMap<String, Outlet> = outlets
            .into_iter()
            .map(|(id, outlet)| (id.name.clone(), self.outlet(id, outlet, &languages)))
            .collect();
        let site = self.site(site_keys, languages, &outlets);
        let serve = self.serve(keys.table("serve"));
        let mut mail_keys = keys.table("mail");
        let sender = mail_keys.as_mut().and_then(|mail| self.sender(mail, &site));
        let mut mail = self.mail(mail_keys, tree);
        if let Transport::Smtp(smtp) = &mut mail.transport {
            smtp.hello.get_or_insert_with(|| site.id_authority.clone());
        }
        let newsletters = keys
            .tables("newsletter")
            .into_iter()
            .filter_map(|(id, keys)| {
                self.newsletter(id, keys, &site, &outlets, sender.as_ref())
            })
            .collect();
        keys.finish();
        Config { site, serve, mail, outlets, newsletters }
    }

    fn invalid(&self, node: &Node, what: &str, why: impl std::fmt::Display, hint: &str) {
        self.problems.push(Diagnostic::invalid(&node.file, &node.span, what, why, hint));
    }

    fn unknown(&self, typed: Typed<'_>, what: &str, known: &[&str]) {
        let Typed { text, node } = typed;
        self.problems.push(Diagnostic::unknown_name(&node.file, &node.span, what, text, known));
    }

    /// Read before anything else, as everything else is said in them.
    fn languages(&self, site: Option<&Node>) -> Vec<Language> {
        let mut keys = site.and_then(|node| Keys::of(node, "site", self.problems));
        let typed = keys.as_mut().map(|keys| keys.texts("languages")).unwrap_or_default();
        let languages: Vec<Language> = typed
            .into_iter()
            .filter_map(|typed| match typed.text.parse() {
                Ok(language) => Some(language),
                Err(why) => {
                    self.invalid(typed.node, "language", why, "write tags such as `en` or `fa`");
                    None
                }
            })
            .collect();
        match languages.is_empty() {
            true => vec![Language::from_str("en").expect("`en` is a tag")],
            false => languages,
        }
    }

    fn site(
        &self,
        keys: Option<Keys<'_>>,
        languages: Vec<Language>,
        outlets: &BTreeMap<String, Outlet>,
    ) -> Site {
        let fallback = Url::parse("http://127.0.0.1:8080/").expect("a constant address");
        let mut site = Site {
            url: fallback,
            title: Localised::default(),
            description: Localised::default(),
            author: Localised::default(),
            zone: Tz::UTC,
            default_outlet: None,
            id_authority: String::new(),
            languages,
        };
        let Some(mut keys) = keys else { return site };
        let _ = keys.value("languages");
        if keys.required_text("url", "write `url = \"https://example.org/\"`").is_some()
            && let Some(url) = keys.parsed("url", "address", "write the whole address, with `https://`", site_url)
        {
            site.url = url;
        }
        site.title = self.required_localised(&mut keys, "title", &site.languages);
        site.author = self.required_localised(&mut keys, "author", &site.languages);
        site.description = self.localised(&mut keys, "description", &site.languages).unwrap_or_default();
        let zone = keys.parsed("timezone", "time zone", "write a name such as `Europe/London`", zone);
        site.zone = zone.unwrap_or(Tz::UTC);
        site.default_outlet = keys.text("default_outlet").and_then(|typed| {
            let known: Vec<&str> = outlets.keys().map(String::as_str).collect();
            let found = outlets.contains_key(typed.text);
            if !found {
                self.unknown(typed, "outlet", &known);
            }
            found.then(|| typed.text.to_string())
        });
        let authority = keys.parsed(
            "id_authority",
            "authority",
            "write a domain of yours, in lower case, without a port: `example.org`",
            authority,
        );
        site.id_authority =
            authority.unwrap_or_else(|| site.url.host_str().unwrap_or("localhost").to_string());
        keys.finish();
        site
    }

    fn serve(&self, keys: Option<Keys<'_>>) -> Serve {
        let mut listen = LISTEN_DEFAULT.parse().expect("a constant address");
        if let Some(mut keys) = keys {
            let hint = "write an address and a port: `127.0.0.1:8080`";
            if let Some(typed) = keys.parsed("listen", "address", hint, SocketAddr::from_str) {
                listen = typed;
            }
            keys.finish();
        }
        Serve { listen }
    }

    /// Text, or a table of texts by language.
    fn localised(
        &self,
        keys: &mut Keys<'_>,
        key: &'static str,
        languages: &[Language],
    ) -> Option<Localised> {
        let node = keys.value(key)?;
        if let Some(text) = node.as_text() {
            return Some(Localised::new(vec![(languages[0].clone(), clean_line(text))]));
        }
        let entries = Keys::of(node, key, self.problems)?.all();
        let known: Vec<&str> = languages.iter().map(Language::as_str).collect();
        let mut words = Vec::new();
        for (tag, value) in entries {
            let language = tag.name.parse::<Language>().ok();
            let language = language.filter(|tag| languages.iter().any(|l| l.primary() == tag.primary()));
            match (language, value.as_text()) {
                (Some(language), Some(text)) => words.push((language, clean_line(text))),
                (None, _) => {
                    self.problems.push(Diagnostic::unknown_name(
                        &value.file, &tag.span, "language", &tag.name, &known,
                    ));
                }
                (_, None) => self.invalid(value, key, "not text", "put it in quotes"),
            }
        }
        Some(Localised::new(words))
    }

    fn required_localised(
        &self,
        keys: &mut Keys<'_>,
        key: &'static str,
        languages: &[Language],
    ) -> Localised {
        let found = self.localised(keys, key, languages);
        if found.is_none() {
            let node = keys.node();
            let span = node.span.start..node.span.start;
            let hint = format!("write `{key} = \"…\"`, or `{key} = {{ {} = \"…\" }}`", languages[0]);
            self.problems.push(Diagnostic::missing_key(&node.file, &span, key, &hint));
        }
        found.unwrap_or_default()
    }

    fn outlet(&self, id: &Key, mut keys: Keys<'_>, languages: &[Language]) -> Outlet {
        let texts = |typed: Vec<Typed<'_>>| typed.iter().map(|typed| clean_line(typed.text)).collect();
        let name = self.required_localised(&mut keys, "name", languages);
        let address_hint = "write the whole address, with `https://`";
        let outlet = Outlet {
            id: id.name.clone(),
            name,
            url: keys.parsed("url", "address", address_hint, web_address),
            feed: keys.parsed("feed", "address", address_hint, web_address),
            aliases: texts(keys.texts("aliases")),
            domains: texts(keys.texts("domains")),
            wording: self.wording(&mut keys, languages),
            republish_after: keys
                .parsed("republish_after", "delay", "write a number of days: `14d`", days)
                .unwrap_or(TimeDelta::zero()),
            expires_after: keys.parsed("expires_after", "time", "write a number of days: `365d`", days),
            search_engines: self.search_engines(&mut keys),
            licence: keys.text("licence").map(|typed| clean_line(typed.text)),
        };
        keys.finish();
        outlet
    }

    fn search_engines(&self, keys: &mut Keys<'_>) -> SearchEngines {
        let Some(typed) = keys.text("search_engines") else { return SearchEngines::default() };
        match typed.text {
            "canonical" => SearchEngines::Canonical,
            "noindex" => SearchEngines::NoIndex,
            "index" => SearchEngines::Index,
            _ => {
                let known = ["canonical", "noindex", "index"];
                self.unknown(typed, "value of `search_engines`", &known);
                SearchEngines::default()
            }
        }
    }

    fn wording(
        &self,
        keys: &mut Keys<'_>,
        languages: &[Language],
    ) -> BTreeMap<(Language, Kind), String> {
        let mut wording = BTreeMap::new();
        let known: Vec<&str> = languages.iter().map(Language::as_str).collect();
        let kinds = Kind::ALL.map(|(_, name)| name);
        for (tag, of_language) in keys.tables("wording") {
            let Ok(language) = tag.name.parse::<Language>() else {
                let file = &of_language.node().file;
                let unknown = Diagnostic::unknown_name(file, &tag.span, "language", &tag.name, &known);
                self.problems.push(unknown);
                continue;
            };
            for (kind, node) in of_language.all() {
                match (Kind::named(&kind.name), node.as_text()) {
                    (Some(kind), Some(text)) if text.contains("{outlet}") => {
                        wording.insert((language.clone(), kind), clean_line(text));
                    }
                    (Some(_), _) => {
                        let hint = "write a sentence with `{outlet}` in it";
                        self.invalid(node, "wording", "it does not name the outlet", hint);
                    }
                    (None, _) => self.problems.push(Diagnostic::unknown_name(
                        &node.file, &kind.span, "kind", &kind.name, &kinds,
                    )),
                }
            }
        }
        wording
    }

    fn sender(&self, keys: &mut Keys<'_>, site: &Site) -> Option<Sender> {
        let (name, address) = keys.parsed("from", "sender", ADDRESS_HINT, mailbox)?;
        let reply_to = keys.parsed("reply_to", "address", ADDRESS_HINT, EmailAddress::from_str);
        let author = site.author.for_readers_of(site.language()).to_string();
        Some(Sender { name: name.unwrap_or(author), address, reply_to })
    }

    fn mail(&self, keys: Option<Keys<'_>>, tree: &Node) -> Mail {
        let mut mail = Mail {
            transport: Transport::Outbox,
            when_in_doubt: WhenInDoubt::default(),
            give_up_after: chrono::Duration::hours(24),
            postal_address: None,
            testers: Vec::new(),
        };
        let Some(mut keys) = keys else { return mail };
        let _ = (keys.value("from"), keys.value("reply_to"));
        if let Some(typed) = keys.text("when_in_doubt") {
            match typed.text {
                "resend" => {}
                "hold" => mail.when_in_doubt = WhenInDoubt::Hold,
                _ => self.unknown(typed, "value of `when_in_doubt`", &["resend", "hold"]),
            }
        }
        if let Some(span) = keys.parsed("give_up_after", "time", DURATION_HINT, duration) {
            mail.give_up_after = span;
        }
        mail.postal_address = keys.text("postal_address").map(|typed| clean_line(typed.text));
        for typed in keys.texts("testers") {
            match typed.text.parse() {
                Ok(address) => mail.testers.push(address),
                Err(why) => self.invalid(typed.node, "address", why, ADDRESS_HINT),
            }
        }
        let smtp_keys = keys.table("smtp");
        let smtp_missing = smtp_keys.is_none();
        let smtp = smtp_keys.and_then(|smtp| self.smtp(smtp));
        if let Some(typed) = keys.text("transport") {
            match (typed.text, smtp) {
                ("outbox", _) => {}
                ("smtp", Some(smtp)) => mail.transport = Transport::Smtp(Box::new(smtp)),
                ("smtp", None) if smtp_missing => {
                    let hint = "add `[mail.smtp]` with `host` and `port`";
                    self.problems.push(Diagnostic::missing_key(
                        &tree.file, &typed.node.span, "[mail.smtp]", hint,
                    ));
                }
                ("smtp", None) => {}
                _ => self.unknown(typed, "transport", &["outbox", "smtp"]),
            }
        }
        keys.finish();
        mail
    }

    fn smtp(&self, mut keys: Keys<'_>) -> Option<Smtp> {
        let host = keys.required_text("host", "write `host = \"mail.example.org\"`");
        let security_at = keys.value("security").cloned();
        let security = match keys.text("security") {
            None => Some(Security::StartTls),
            Some(typed) => match typed.text {
                "starttls" => Some(Security::StartTls),
                "tls" => Some(Security::Tls),
                "none" => Some(Security::None),
                _ => {
                    self.unknown(typed, "value of `security`", &["starttls", "tls", "none"]);
                    None
                }
            },
        };
        let port = keys.number("port", 1..65536).and_then(|port| u16::try_from(port).ok());
        let username = keys.text("username").map(|typed| typed.text.to_string());
        let password = self.secret(&mut keys, "password");
        let connections = keys.number("connections", 1..CONNECTIONS_MAX + 1);
        let hello = keys.text("hello").map(|typed| clean_line(typed.text));
        let ca_file = keys.text("ca_file").map(|typed| self.root.join(typed.text));
        let seconds = |typed: Option<chrono::Duration>, default: u64| {
            let typed = typed.and_then(|span| span.to_std().ok());
            typed.unwrap_or(Duration::from_secs(default))
        };
        let timeout = keys.parsed("timeout", "time", DURATION_HINT, duration);
        let dot_timeout = keys.parsed("dot_timeout", "time", DURATION_HINT, duration);
        keys.finish();
        let host = host?.text.to_string();
        let security = security?;
        if security == Security::None && !is_loopback(&host) {
            if let Some(node) = security_at {
                let why = "a password and letters would cross the network unprotected";
                self.invalid(&node, "security", why, "write `starttls` or `tls`; `none` is for this machine only");
            }
            return None;
        }
        let default_port = match security {
            Security::StartTls => 587,
            Security::Tls => 465,
            Security::None => 25,
        };
        let login = username.map(|username| Login {
            username,
            password: password.unwrap_or(Secret::new(String::new())),
        });
        Some(Smtp {
            host,
            port: port.unwrap_or(default_port),
            security,
            login,
            connections: connections.map_or(CONNECTIONS_DEFAULT, |n| n.unsigned_abs() as usize),
            hello,
            ca_file,
            timeout: seconds(timeout, TIMEOUT_SECONDS_DEFAULT),
            dot_timeout: seconds(dot_timeout, DOT_TIMEOUT_SECONDS_DEFAULT),
        })
    }

    /// `{ env = "NAME" }` or `{ file = "/path" }`; from the environment, the text itself.
    fn secret(&self, keys: &mut Keys<'_>, key: &'static str) -> Option<Secret> {
        let node = keys.value(key)?;
        if let Some(text) = node.as_text() {
            if node.file.path.starts_with("environment variable ") {
                return Some(Secret::new(text.to_string()));
            }
            self.problems.push(Diagnostic::secret_in_the_open(&node.file, &node.span, key));
            return None;
        }
        let mut source = Keys::of(node, key, self.problems)?;
        let (variable, path) = (source.text("env"), source.text("file"));
        source.finish();
        let found = match (variable, path) {
            (Some(variable), _) => self
                .environment
                .get(variable.text)
                .cloned()
                .ok_or_else(|| format!("the environment variable `{}` is not set", variable.text)),
            (None, Some(path)) => std::fs::read_to_string(self.root.join(path.text))
                .map(|text| text.trim_end_matches(['\r', '\n']).to_string())
                .map_err(|why| format!("`{}`: {why}", path.text)),
            (None, None) => Err("neither `env` nor `file` is given".to_string()),
        };
        match found {
            Ok(text) => Some(Secret::new(text)),
            Err(why) => {
                self.problems.push(Diagnostic::secret_missing(&node.file, &node.span, why));
                None
            }
        }
    }

    fn newsletter(
        &self,
        id: &Key,
        mut keys: Keys<'_>,
        site: &Site,
        outlets: &BTreeMap<String, Outlet>,
        sender: Option<&Sender>,
    ) -> Option<Newsletter> {
        let place = keys.node();
        let at = place.span.start..place.span.start;
        let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.name.is_empty() || !id.name.chars().all(is_id) {
            let why = "it becomes part of addresses and of a file's name";
            let hint = "use lower-case letters, digits and hyphens";
            self.problems.push(Diagnostic::invalid(&place.file, &id.span, "newsletter id", why, hint));
        }
        let name = self.required_localised(&mut keys, "name", &site.languages);
        let description = self.localised(&mut keys, "description", &site.languages);
        let site_tags: Vec<&str> = site.languages.iter().map(Language::as_str).collect();
        let known_language = |typed: Typed<'_>| {
            let found = site.languages.iter().find(|language| {
                typed.text.parse::<Language>().is_ok_and(|tag| tag.primary() == language.primary())
            });
            if found.is_none() {
                self.unknown(typed, "language", &site_tags);
            }
            found.cloned()
        };
        let language = keys.text("language").and_then(known_language);
        let language = language.unwrap_or_else(|| site.language().clone());
        let mut languages: Vec<Language> =
            keys.texts("languages").into_iter().filter_map(known_language).collect();
        if languages.is_empty() {
            languages = vec![language.clone()];
        }
        let known_outlets: Vec<&str> = outlets.keys().map(String::as_str).collect();
        let filter = keys.texts("outlets").into_iter().filter_map(|typed| {
            let found = outlets.contains_key(typed.text);
            if !found {
                self.unknown(typed, "outlet", &known_outlets);
            }
            found.then(|| typed.text.to_string())
        });
        let filter: Vec<String> = filter.collect();
        let tags = keys.texts("tags").iter().map(|typed| clean_line(typed.text)).collect();
        let zone = keys.parsed("timezone", "time zone", "write a name such as `Europe/London`", zone);
        let cadences = self.cadences(&mut keys, &at);
        let own = match keys.value("from").is_some() {
            true => self.sender(&mut keys, site),
            false => {
                let reply_to = keys.parsed("reply_to", "address", ADDRESS_HINT, EmailAddress::from_str);
                sender.cloned().map(|sender| Sender { reply_to: reply_to.or(sender.reply_to), ..sender })
            }
        };
        if own.is_none() && sender.is_none() {
            let hint = "write `from = \"Name <name@example.org>\"` here or under `[mail]`";
            self.problems.push(Diagnostic::missing_key(&place.file, &at, "from", hint));
        }
        let approve = keys.flag("approve").unwrap_or(false);
        let skip_if_empty = keys.flag("skip_if_empty").unwrap_or(true);
        let start_with = keys.number("start_with", 0..101);
        let catch_up = self.catch_up(&mut keys);
        let max_age = keys.parsed("max_age", "time", DURATION_HINT, duration);
        let grace = keys.parsed("grace", "time", DURATION_HINT, duration);
        keys.finish();
        Some(Newsletter {
            id: id.name.clone(),
            name,
            description,
            language,
            languages,
            outlets: filter,
            tags,
            zone: zone.unwrap_or(site.zone),
            cadences,
            approve,
            skip_if_empty,
            start_with: start_with.map_or(START_WITH_DEFAULT, |n| n.unsigned_abs() as usize),
            catch_up,
            max_age: max_age.unwrap_or(chrono::Duration::hours(24)),
            grace: grace.unwrap_or(chrono::Duration::zero()),
            sender: own.or_else(|| sender.cloned())?,
        })
    }

    fn catch_up(&self, keys: &mut Keys<'_>) -> CatchUp {
        let Some(typed) = keys.text("catch_up") else { return CatchUp::default() };
        match typed.text {
            "latest" => CatchUp::Latest,
            "skip" => CatchUp::Skip,
            "all" => CatchUp::All,
            _ => {
                self.unknown(typed, "value of `catch_up`", &["latest", "skip", "all"]);
                CatchUp::default()
            }
        }
    }

    fn cadences(&self, keys: &mut Keys<'_>, at: &std::ops::Range<usize>) -> Vec<Cadence> {
        let file = keys.node().file.clone();
        let Some(table) = keys.table("cadence") else {
            let hint = "add `[newsletter.ID.cadence]` with, for example, `weekly = \"Fri 08:00\"`";
            self.problems.push(Diagnostic::missing_key(&file, at, "cadence", hint));
            return Vec::new();
        };
        let hint = "write `\"07:30\"`, `\"Fri 08:00\"`, or six cron fields: `\"0 30 7 * * MON-FRI\"`";
        let mut cadences: Vec<Cadence> = Vec::new();
        for (name, node) in table.all() {
            let schedule = match (&node.value, node.as_text()) {
                (Value::Flag(true), _) => Schedule::Instant,
                (Value::Flag(false), _) => continue,
                (_, Some(text)) => match Schedule::parse(text) {
                    Ok(schedule) => schedule,
                    Err(why) => {
                        self.invalid(node, "schedule", why, hint);
                        continue;
                    }
                },
                _ => {
                    self.invalid(node, "schedule", "neither `true` nor text", hint);
                    continue;
                }
            };
            cadences.push(Cadence { name: name.name.clone(), schedule });
        }
        cadences
    }
}

fn site_url(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|why| why.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it is not a web address".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a `?` or `#` in it".into());
    }
    if url.path() != "/" {
        return Err("a site stands at the top of its domain".into());
    }
    url.set_path("/");
    Ok(url)
}

fn web_address(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|why| why.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url.to_string()),
        other => Err(format!("`{other}:` is not a web address")),
    }
}

/// RFC 4151 §2.1: a domain, lower case, no port.
fn authority(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    match !text.is_empty() && text.chars().all(good) && text.contains('.') {
        true => Ok(text.to_string()),
        false => Err(format!("`{text}` is not a plain domain")),
    }
}

fn zone(text: &str) -> Result<Tz, String> {
    text.parse::<Tz>().map_err(|_| {
        let names: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        let near = names
            .iter()
            .map(|name| (strsim::damerau_levenshtein(name, text), name))
            .min()
            .filter(|(edits, _)| *edits <= 3);
        match near {
            Some((_, name)) => format!("there is no `{text}`; did you mean `{name}`?"),
            None => format!("there is no `{text}`"),
        }
    })
}

fn days(text: &str) -> Result<TimeDelta, String> {
    let number = text.strip_suffix('d').and_then(|number| number.trim().parse().ok());
    number.and_then(TimeDelta::try_days).ok_or_else(|| format!("`{text}` is not a number of days"))
}

fn duration(text: &str) -> Result<chrono::Duration, String> {
    let wrong = || format!("`{text}` is not a time");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: i64 = text[..text.len() - unit.len_utf8()].trim().parse().map_err(|_| wrong())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return Err(wrong()),
    };
    match number {
        0..=1_000_000 => Ok(chrono::Duration::seconds(number * seconds)),
        _ => Err(wrong()),
    }
}

/// `Name <name@example.org>` or the address alone.
fn mailbox(text: &str) -> Result<(Option<String>, EmailAddress), String> {
    let parse = |address: &str| address.parse::<EmailAddress>().map_err(|why| why.to_string());
    match text.trim().strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some((name, address)) => {
            let name = clean_line(name.trim().trim_matches('"'));
            Ok(((!name.is_empty()).then_some(name), parse(address)?))
        }
        None => Ok((None, parse(text)?)),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
