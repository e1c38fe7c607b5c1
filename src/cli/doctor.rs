//! `byline doctor mail`

mod call;

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use super::{Ended, Open, dkim::show_record, print_json};
use crate::{
    config::{Config, Transport},
    dkim::DkimKey,
    doctor::{
        dkim::{Idle, Key},
        dns::Dns,
        finding::{About, Finding, Level},
        report::{self, Question},
    },
    newsroom::Folder,
    subscriber::address::{Domain, EmailAddress},
};

/// The port of name servers (RFC 1035 §4.2).
const DNS_PORT: u16 = 53;
/// Keys that sign nothing, at the most, that are looked at.
const IDLE_KEYS_MAX: usize = 20;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Look up what the world knows about your mail, call your mail server, and say what to mend.
    Mail {
        /// Another domain than those that your newsletters are from.
        domain: Option<Domain>,
        /// Ask this name server, as `9.9.9.9` or `192.0.2.1:5353`, instead of the system's.
        #[arg(long, value_name = "ADDR", value_parser = name_server)]
        resolver: Option<SocketAddr>,
        /// Do not call the mail server.
        #[arg(long)]
        no_connect: bool,
    },
}

pub(super) async fn run(folder: &Folder, arguments: Arguments, json: bool) -> anyhow::Result<Ended> {
    let Command::Mail { domain, resolver, no_connect } = arguments.command;
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let domain = domain.map(String::from);
    let dns = match resolver {
        Some(address) => Dns::at(address)?,
        None => Dns::system()?,
    };
    let mut told = Told { json, findings: Vec::new() };
    if resolver.is_none() && !dns.knows_the_world().await {
        told.tell([Finding::warn(
            About::Dns,
            "that of this machine knows nothing of the internet, so what follows may be wrong.",
        )
        .fix(
            "Run this on a machine that is online, or ask another: `byline doctor mail --resolver 9.9.9.9`.",
        )])?;
    }
    let questions = questions(&open, domain.as_deref());
    if questions.is_empty() {
        told.tell([Finding::note(
            About::Domain,
            "no newsletter is set up, so no letters are from any domain.",
        )
        .fix("Name one to look at: `byline doctor mail example.org`.")])?;
    }
    for question in questions {
        told.tell(report::examine(&dns, &question).await)?;
    }
    match &open.settings.config.mail.transport {
        Transport::Outbox => told.tell([Finding::note(
            About::Server,
            "letters become files in outbox/, so no server was called.",
        )
        .fix(
            "To send them, set `transport = \"smtp\"` under `[mail]`, and the server under `[mail.smtp]`.",
        )])?,
        Transport::Smtp(_) if no_connect => {}
        Transport::Smtp(servers) => {
            for smtp in servers {
                told.tell(call::server(smtp, &senders(&open.settings.config, domain.as_deref())).await)?;
            }
        }
    }
    told.conclude()
}

/// The findings so far. They are shown as they come, since some take a while, and each once: newsletters
/// may share a domain or a server.
struct Told {
    json: bool,
    findings: Vec<Finding>,
}

impl Told {
    fn tell(&mut self, findings: impl IntoIterator<Item = Finding>) -> anyhow::Result<()> {
        for finding in findings {
            if !self.findings.contains(&finding) {
                show(&finding, self.json)?;
                self.findings.push(finding);
            }
        }
        Ok(())
    }

    fn conclude(&self) -> anyhow::Result<Ended> {
        let of = |level| self.findings.iter().filter(|finding| finding.level == level).count();
        let (bad, warn) = (of(Level::Bad), of(Level::Warn));
        if !self.json {
            if self.findings.iter().any(|finding| finding.record.is_some()) {
                out!("{HOW_TO_PUBLISH}");
            }
            match (bad, warn) {
                (0, 0) => out!("nothing to mend"),
                (0, warn) => out!("{warn} to look at"),
                (bad, 0) => out!("{bad} to mend"),
                (bad, warn) => out!("{bad} to mend, {warn} to look at"),
            }
        }
        Ok(if bad > 0 { Ended::Failed } else { Ended::Done })
    }
}

/// For who has never done it.
const HOW_TO_PUBLISH: &str = "\
To publish a record, log in where your domain is looked after, most often where you bought it, open its DNS
records and add one with the type, name and value above. Many panels add the domain to the name by themselves:
enter only what stands before it then, and `@` for the domain itself. In an hour, run this again.
";

fn name_server(typed: &str) -> Result<SocketAddr, String> {
    let whole = typed.parse::<SocketAddr>().ok();
    whole
        .or_else(|| typed.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, DNS_PORT)))
        .ok_or_else(|| "write the address of a name server, as `9.9.9.9` or `[2620:fe::fe]:53`".to_string())
}

/// From whom servers see the letters come, once each: where bounces go, as `message` writes it.
fn senders(config: &Config, domain: Option<&str>) -> Vec<EmailAddress> {
    let mut senders: Vec<EmailAddress> = Vec::new();
    for sender in config.newsletters.iter().map(|newsletter| &newsletter.sender) {
        let bounces = sender.return_domain.as_ref().and_then(|at| format!("bounce+0@{at}").parse().ok());
        let address = bounces.unwrap_or_else(|| sender.address.clone());
        let is_meant = domain.is_none_or(|domain| domain == sender.address.domain());
        if is_meant && !senders.contains(&address) {
            senders.push(address);
        }
    }
    senders
}

/// One for each domain that letters are from.
fn questions(open: &Open, domain: Option<&str>) -> Vec<Question> {
    let config = &open.settings.config;
    let signers = config.mail.dkim.iter();
    let keys: Vec<Key> = signers
        .map(|signer| Key { selector: signer.selector.clone(), record: signer.key.record() })
        .collect();
    let idle = idle_keys(&open.folder, &keys);
    let server = match &config.mail.transport {
        Transport::Smtp(servers) => servers.first().map(|smtp| (smtp.host.clone(), smtp.port)),
        Transport::Outbox => None,
    };
    let senders = config.newsletters.iter().map(|newsletter| &newsletter.sender);
    let mut domains: BTreeSet<(String, Option<String>)> =
        senders.map(|sender| (sender.address.domain().to_string(), sender.return_domain.clone())).collect();
    if let Some(domain) = domain {
        domains.retain(|(known, _)| known == domain);
        if domains.is_empty() {
            domains.insert((domain.to_string(), None));
        }
    }
    let question = |(from_domain, return_domain)| Question {
        from_domain,
        return_domain,
        keys: keys.clone(),
        idle: idle.clone(),
        server: server.clone(),
    };
    domains.into_iter().map(question).collect()
}

/// What `byline dkim new` left in `data/dkim/` and the config does not sign with.
pub(super) fn idle_keys(folder: &Folder, signing: &[Key]) -> Vec<Idle> {
    let files = std::fs::read_dir(folder.data().join("dkim")).into_iter().flatten().flatten();
    let mut idle: Vec<Idle> = files
        .filter_map(|file| {
            let path = file.path();
            let selector =
                path.file_stem()?.to_str().filter(|_| path.extension().is_some_and(|it| it == "pem"))?;
            let key = DkimKey::from_pem(&std::fs::read_to_string(&path).ok()?).ok()?;
            Some(Idle {
                file: format!("data/dkim/{selector}.pem"),
                key: Key { selector: selector.to_string(), record: key.record() },
            })
        })
        // A key may be in use from another place, under the same name or another.
        .filter(|idle| !signing.iter().any(|key| *key == idle.key || key.record == idle.key.record))
        .collect();
    idle.sort_by(|one, other| one.file.cmp(&other.file));
    idle.truncate(IDLE_KEYS_MAX);
    idle
}

fn show(finding: &Finding, json: bool) -> anyhow::Result<()> {
    let Finding { level, about, says, fix, record } = finding;
    if json {
        let record = record.as_ref().map(
            |record| serde_json::json!({ "name": record.name, "type": record.kind, "value": record.value }),
        );
        return print_json(&serde_json::json!({
            "level": level.as_str(), "about": about.to_string(), "says": says, "fix": fix, "record": record,
        }));
    }
    out!("{:<5} {says}", level.as_str());
    if let Some(fix) = fix {
        out!("      {fix}");
    }
    if let Some(record) = record {
        show_record("      ", record)?;
    }
    out!("");
    Ok(())
}
