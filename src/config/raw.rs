//! `config.toml` as typed: every key, its type and its place, turned into [`Config`] with every
//! mistake reported.

mod mail;
mod newsletters;
mod outlets;
pub(super) mod values;

use std::{collections::BTreeMap, net::SocketAddr, path::Path, str::FromStr, sync::Arc};

use chrono_tz::Tz;
use url::Url;

use self::values::{authority, site_url, zone};
use super::{Config, Hub, Reading, Serve, Site, Transport};
use crate::{
    article::attribution::Outlet,
    diagnostic::{
        Diagnostic, Problems, SourceFile,
        keys::{Key, Keys, Node, Typed, Value},
    },
    language::{Language, Localised},
    newsletter::Sender,
    text::clean_line,
};

const LISTEN_DEFAULT: &str = "127.0.0.1:8080";

pub(super) fn read(file: SourceFile, environment: &BTreeMap<String, String>, root: &Path) -> Reading {
    let problems = Problems::default();
    let mut tree = Node::from_toml(Arc::new(file), &problems);
    let is_whole = !problems.has_errors();
    for (name, value) in environment {
        if let Some(path) = overriding(name) {
            override_key(&mut tree, name, path, value, &problems);
        }
    }
    let reader = Reader { problems: &problems, environment, root };
    let config = reader.config(&tree);
    Reading { config, problems: problems.into_vec(), is_whole }
}

/// The key that a variable overrides, if it does: `BYLINE_LOG` does not.
pub(super) fn overriding(name: &str) -> Option<&str> {
    name.strip_prefix("BYLINE_").filter(|path| path.contains("__"))
}

/// `MAIL__SMTP__PORT=2525` is `[mail.smtp] port = 2525`; a hyphen of an id is typed as `_`.
fn override_key(tree: &mut Node, name: &str, path: &str, value: &str, problems: &Problems) {
    let text = format!("value = {value}");
    let quiet = Problems::default();
    let parsed =
        Node::from_toml(Arc::new(SourceFile { path: format!("environment variable {name}"), text }), &quiet);
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

/// What a newsletter takes over from the rest of the config.
#[derive(Clone, Copy)]
struct House<'c> {
    site: &'c Site,
    outlets: &'c BTreeMap<String, Arc<Outlet>>,
    sender: Option<&'c Sender>,
    sender_was_given: bool,
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
        let outlets: BTreeMap<String, Arc<Outlet>> = outlets
            .into_iter()
            .map(|(id, outlet)| (id.name.clone(), Arc::new(self.outlet(id, outlet, &languages))))
            .collect();
        let site = self.site(site_keys, languages, &outlets);
        let serve = Self::serve(keys.table("serve"));
        let hub = self.hub(keys.table("hub"));
        let mut mail_keys = keys.table("mail");
        let sender = mail_keys.as_mut().and_then(|mail| Self::sender(mail, &site));
        let sender_was_given = mail_keys.as_mut().is_some_and(|mail| mail.value("from").is_some());
        let mut mail = self.mail(mail_keys, tree);
        if let Transport::Smtp(servers) = &mut mail.transport {
            for smtp in servers {
                smtp.hello.get_or_insert_with(|| site.id_authority.clone());
            }
        }
        let house = House { site: &site, outlets: &outlets, sender: sender.as_ref(), sender_was_given };
        let newsletters = keys
            .tables("newsletter")
            .into_iter()
            .filter_map(|(id, keys)| self.newsletter(id, keys, house))
            .collect();
        keys.finish();
        Config { site, serve, hub, mail, outlets, newsletters }
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
        outlets: &BTreeMap<String, Arc<Outlet>>,
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
            && let Some(url) =
                keys.parsed("url", "address", "write the whole address, with `https://`", site_url)
        {
            site.url = url;
            if values::is_loopback(site.url.host_str().unwrap_or_default())
                && let Some(node) = keys.value("url")
            {
                let url = site.url.as_str();
                self.problems.push(Diagnostic::site_not_public(&node.file, &node.span, url));
            }
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

    fn serve(keys: Option<Keys<'_>>) -> Serve {
        let mut listen = LISTEN_DEFAULT.parse().expect("a constant address");
        let mut metrics = false;
        if let Some(mut keys) = keys {
            let hint = "write an address and a port: `127.0.0.1:8080`";
            if let Some(typed) = keys.parsed("listen", "address", hint, SocketAddr::from_str) {
                listen = typed;
            }
            metrics = keys.flag("metrics").unwrap_or(false);
            keys.finish();
        }
        Serve { listen, metrics }
    }

    fn hub(&self, keys: Option<Keys<'_>>) -> Hub {
        let mut hub = Hub { built_in: true, others: Vec::new(), private_callbacks: false };
        let Some(mut keys) = keys else { return hub };
        hub.built_in = keys.flag("built_in").unwrap_or(true);
        hub.private_callbacks = keys.flag("private_callbacks").unwrap_or(false);
        for typed in keys.texts("others") {
            match Url::parse(typed.text) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => hub.others.push(url),
                _ => self.invalid(
                    typed.node,
                    "hub",
                    "not the address of a hub",
                    "write the whole address, with `https://`",
                ),
            }
        }
        keys.finish();
        hub
    }

    /// Text, or a table of texts by language.
    fn localised(&self, keys: &mut Keys<'_>, key: &'static str, languages: &[Language]) -> Option<Localised> {
        let node = keys.value(key)?;
        if let Some(text) = node.as_text() {
            return Some(Localised::new(vec![(languages[0].clone(), clean_line(text))]));
        }
        let Value::Table(entries) = &node.value else {
            let why = "neither text nor a table of texts by language";
            self.invalid(node, key, why, &format!("write `{key} = \"…\"`"));
            return Some(Localised::default());
        };
        let known: Vec<&str> = languages.iter().map(Language::as_str).collect();
        let mut words = Vec::new();
        for (tag, value) in entries {
            let language = tag.name.parse::<Language>().ok();
            let language = language.filter(|tag| languages.iter().any(|l| l.primary() == tag.primary()));
            match (language, value.as_text()) {
                (Some(language), Some(text)) => words.push((language, clean_line(text))),
                (None, _) => {
                    self.problems.push(Diagnostic::unknown_name(
                        &value.file,
                        &tag.span,
                        "language",
                        &tag.name,
                        &known,
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
}
