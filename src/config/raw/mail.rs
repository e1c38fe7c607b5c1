//! `[mail]` and `[mail.smtp]`

use std::{io, path::Path, str::FromStr, sync::Arc, time::Duration};

use super::{
    Reader,
    values::{ADDRESS_HINT, DURATION_HINT, duration, hello, is_loopback, return_domain, sender},
};
use crate::{
    config::{Login, Mail, Pace, Secret, Security, Site, Smtp, Transport},
    delivery::{WhenInDoubt, pace::WarmUp},
    diagnostic::{
        Diagnostic,
        keys::{Keys, Node},
    },
    dkim::{self, Algorithm, DkimKey, Signer},
    newsletter::Sender,
    subscriber::address::EmailAddress,
    text::clean_line,
};

const CONNECTIONS_DEFAULT: usize = 4;
const CONNECTIONS_MAX: i64 = 200;
const TIMEOUT_SECONDS_DEFAULT: u64 = 60;
/// RFC 5321 §4.5.3.2.6.
const DOT_TIMEOUT_SECONDS_DEFAULT: u64 = 600;

/// A million letters a minute, or on the first day, is no limit any more.
const PER_MINUTE_MAX: i64 = 1_000_001;
/// What others recommend to a new sender (and what Mailbox providers bear): fifty, and half as many more each day.
const WARM_UP_FIRST_DAY: u32 = 50;
const WARM_UP_GROWTH_PERCENT: f64 = 50.0;

/// Signatures of one letter; `OpenDKIM` looks at the first three alone.
const SIGNATURES_MAX: usize = 3;

const RETURN_DOMAIN_HINT: &str =
    "write a domain of yours whose mail you receive: `return_domain = \"b.example.org\"`";

/// Whether letters go to the server that is described.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Used,
    Unused,
}

impl Reader<'_> {
    pub(super) fn sender(keys: &mut Keys<'_>, site: &Site) -> Option<Sender> {
        let (name, address) = keys.parsed("from", "sender", ADDRESS_HINT, sender)?;
        let reply_to = keys.parsed("reply_to", "address", ADDRESS_HINT, EmailAddress::from_str);
        let author = site.author.for_readers_of(site.language()).to_string();
        let return_domain = keys.parsed("return_domain", "domain", RETURN_DOMAIN_HINT, return_domain);
        Some(Sender { name: name.unwrap_or(author), address, reply_to, return_domain })
    }

    pub(super) fn mail(&self, keys: Option<Keys<'_>>, tree: &Node) -> Mail {
        let mut mail = Mail {
            transport: Transport::Outbox,
            when_in_doubt: WhenInDoubt::default(),
            give_up_after: chrono::Duration::hours(24),
            postal_address: None,
            pace: Pace::default(),
            dkim: Arc::new([]),
            alerts_to: None,
            testers: Vec::new(),
        };
        let Some(mut keys) = keys else { return mail };
        let _ = (keys.value("from"), keys.value("reply_to"), keys.value("return_domain"));
        mail.dkim = self.signers(&mut keys);
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
        mail.testers = self.addresses(&mut keys, "testers");
        mail.alerts_to = keys.value("alerts_to").is_some().then(|| self.addresses(&mut keys, "alerts_to"));
        mail.pace = self.pace(&mut keys);
        let server_keys: Vec<Keys<'_>> = keys
            .table("smtp")
            .into_iter()
            .chain(keys.tables("server").into_iter().map(|(_, keys)| keys))
            .collect();
        let smtp_missing = server_keys.is_empty();
        let is_used = keys.value("transport").is_some_and(|node| node.as_text() == Some("smtp"));
        let use_of = if is_used { Use::Used } else { Use::Unused };
        let number = server_keys.len();
        let servers: Vec<Smtp> = server_keys.into_iter().filter_map(|keys| self.smtp(keys, use_of)).collect();
        let smtp = Some(servers).filter(|servers| servers.len() == number && !smtp_missing);
        if let Some(typed) = keys.text("transport") {
            match (typed.text, smtp) {
                ("smtp", Some(smtp)) => mail.transport = Transport::Smtp(smtp),
                ("smtp", None) if smtp_missing => {
                    let hint = "add `[mail.smtp]` with `host` and `port`";
                    self.problems.push(Diagnostic::missing_key(
                        &tree.file,
                        &typed.node.span,
                        "[mail.smtp]",
                        hint,
                    ));
                }
                ("outbox", _) | ("smtp", None) => {}
                _ => self.unknown(typed, "transport", &["outbox", "smtp"]),
            }
        }
        keys.finish();
        mail
    }

    fn addresses(&self, keys: &mut Keys<'_>, key: &'static str) -> Vec<EmailAddress> {
        let mut addresses = Vec::new();
        for typed in keys.texts(key) {
            match typed.text.parse() {
                Ok(address) => addresses.push(address),
                Err(why) => self.invalid(typed.node, "address", why, ADDRESS_HINT),
            }
        }
        addresses
    }

    /// `[mail.pace]` and `[mail.warm_up]`
    fn pace(&self, keys: &mut Keys<'_>) -> Pace {
        let mut pace = Pace::default();
        if let Some(mut keys) = keys.table("pace") {
            pace.limits.at_once =
                keys.number("at_once", 1..CONNECTIONS_MAX + 1).map(|n| n.unsigned_abs() as usize);
            pace.limits.per_minute = keys.number("per_minute", 1..PER_MINUTE_MAX).map(|n| n as u32);
            keys.finish();
        }
        if let Some(mut keys) = keys.table("warm_up") {
            let since = keys.required_text("since", "write the first day: `since = \"2026-12-01\"`");
            let since = since.and_then(|typed| match typed.text.parse() {
                Ok(day) => Some(day),
                Err(why) => {
                    self.invalid(typed.node, "day", why, "write it as `2026-12-01`");
                    None
                }
            });
            let first_day = keys.number("first_day", 1..PER_MINUTE_MAX);
            let percent = keys.number("growth_percent", 1..1001);
            keys.finish();
            pace.warm_up = since.map(|since| WarmUp {
                since,
                first_day: first_day.map_or(WARM_UP_FIRST_DAY, |n| n as u32),
                growth: 1.0 + percent.map_or(WARM_UP_GROWTH_PERCENT, |n| n as f64) / 100.0,
            });
        }
        pace
    }

    /// `[mail.dkim.SELECTOR]`, in the order of the file.
    fn signers(&self, keys: &mut Keys<'_>) -> Arc<[Signer]> {
        let mut signers = Vec::new();
        let mut places = Vec::new();
        for (selector, mut keys) in keys.tables("dkim") {
            let table = keys.node();
            if !dkim::is_selector(&selector.name) {
                let why = "it becomes part of a domain's name";
                let hint = "use letters, digits and hyphens: `[mail.dkim.b2026]`";
                self.problems.push(Diagnostic::invalid(&table.file, &selector.span, "selector", why, hint));
                continue;
            }
            let is_signing = keys.flag("sign").unwrap_or(true);
            let Some(node) = keys.value("key").cloned() else {
                let at = table.span.start..table.span.start;
                let hint = "write `key = { file = \"data/dkim/SELECTOR.pem\" }`; `byline dkim new SELECTOR` makes one";
                self.problems.push(Diagnostic::missing_key(&table.file, &at, "key", hint));
                keys.finish();
                continue;
            };
            let secret = self.secret(&mut keys, "key");
            keys.finish();
            let Some(secret) = secret else { continue };
            match DkimKey::from_pem(secret.expose()) {
                Ok(_)
                    if signers
                        .iter()
                        .any(|known: &Signer| known.selector.eq_ignore_ascii_case(&selector.name)) =>
                {
                    let why = "it is there already, in other letters";
                    let hint = "the DNS knows no capitals; give it another name";
                    self.problems.push(Diagnostic::invalid(
                        &table.file,
                        &selector.span,
                        "selector",
                        why,
                        hint,
                    ));
                }
                Ok(key) if is_signing => {
                    signers.push(Signer { selector: selector.name.to_ascii_lowercase(), key });
                    places.push((table.file.clone(), selector.span.clone()));
                }
                Ok(_) => {}
                Err(why) => self.invalid(&node, "key", why, "`byline dkim new SELECTOR` makes one"),
            }
        }
        if let Some((file, span)) = places.first()
            && signers.iter().all(|signer| signer.key.algorithm() != Algorithm::Rsa)
        {
            self.problems.push(Diagnostic::no_key_of_rsa(file, span));
        }
        if let Some((file, span)) = places.get(SIGNATURES_MAX) {
            self.problems.push(Diagnostic::too_many_keys(file, span, SIGNATURES_MAX));
        }
        signers.into()
    }

    fn smtp(&self, mut keys: Keys<'_>, use_of: Use) -> Option<Smtp> {
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
        let has_password = keys.value("password").is_some();
        // One that is not used may be missing, as on the machine where letters are only looked at.
        let is_typed = keys.value("password").is_some_and(|node| node.as_text().is_some());
        let password = match use_of {
            Use::Unused if !is_typed => None,
            _ => self.secret(&mut keys, "password"),
        };
        if username.is_some() && !has_password {
            let node = keys.node();
            let hint = "write `password = { env = \"SMTP_PASSWORD\" }`";
            let span = node.span.start..node.span.start;
            self.problems.push(Diagnostic::missing_key(&node.file, &span, "password", hint));
        }
        let connections = keys.number("connections", 1..CONNECTIONS_MAX + 1);
        let hello = keys.parsed("hello", "name", "write `hello = \"mail.example.org\"`", hello);
        let ca_file = keys.text("ca_file").map(|typed| self.root.join(typed.text));
        let seconds = |typed: Option<chrono::Duration>, default: u64| {
            let typed = typed.and_then(|span| span.to_std().ok());
            typed.unwrap_or(Duration::from_secs(default))
        };
        let timeout = keys.parsed("timeout", "time", DURATION_HINT, duration);
        let dot_timeout = keys.parsed("dot_timeout", "time", DURATION_HINT, duration);
        let is_spare = keys.flag("spare").unwrap_or(false);
        keys.finish();
        let host = host?.text.to_string();
        let security = security?;
        if security == Security::None && !is_loopback(&host) {
            if let Some(node) = security_at {
                let why = "a password and letters would cross the network unprotected";
                self.invalid(
                    &node,
                    "security",
                    why,
                    "write `starttls` or `tls`; `none` is for this machine only",
                );
            }
            return None;
        }
        let default_port = match security {
            Security::StartTls => 587,
            Security::Tls => 465,
            Security::None => 25,
        };
        let login = username
            .map(|username| Login { username, password: password.unwrap_or(Secret::new(String::new())) });
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
            is_spare,
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
            (None, Some(path)) => read_secret(&self.root.join(path.text))
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
}

/// A secret's text, unless others on this machine can read it too.
fn read_secret(path: &Path) -> io::Result<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path)?.permissions().mode();
        if mode & 0o007 != 0 {
            let why = format!("everybody on this machine can read it; run `chmod 600 {}`", path.display());
            return Err(io::Error::other(why));
        }
    }
    std::fs::read_to_string(path)
}
