//! `byline doctor mail`

use std::{collections::BTreeSet, net::SocketAddr};

use super::{Ended, Open, print_json};
use crate::{
    config::{Config, Security, Smtp, Transport},
    doctor::{
        dkim::Key,
        dns::Dns,
        finding::{About, Finding, Level, listed},
        report::{self, Question},
    },
    mailer,
    newsroom::Folder,
    subscriber::address::Domain,
};

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
        /// Ask this name server, as `192.0.2.1:53`, instead of the system's.
        #[arg(long, value_name = "ADDR")]
        resolver: Option<SocketAddr>,
        /// Do not call the mail server.
        #[arg(long)]
        no_connect: bool,
    },
}

pub(super) async fn run(folder: &Folder, arguments: Arguments, json: bool) -> anyhow::Result<Ended> {
    let Command::Mail { domain, resolver, no_connect } = arguments.command;
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let config = &open.settings.config;
    let dns = match resolver {
        Some(address) => Dns::at(address)?,
        None => Dns::system()?,
    };
    let mut findings = Vec::new();
    if resolver.is_none() && !dns.knows_the_world().await {
        findings.push(
            Finding::warn(About::Dns, "the name server of this machine knows nothing of the internet, so what follows may be wrong.")
                .fix("Run this on a machine that is online, or name another server: `--resolver 9.9.9.9:53`."),
        );
    }
    for question in questions(config, domain) {
        findings.extend(report::examine(&dns, &question).await);
    }
    match &config.mail.transport {
        Transport::Outbox => findings.push(
            Finding::note(About::Server, "letters become files in outbox/, so no server was called.")
                .fix("To send them, set `transport = \"smtp\"` under `[mail]`, and the server under `[mail.smtp]`."),
        ),
        Transport::Smtp(_) if no_connect => {}
        Transport::Smtp(smtp) => findings.extend(call(smtp).await),
    }
    let mut said = Vec::new();
    findings.retain(|finding| {
        !said.contains(finding) && {
            said.push(finding.clone());
            true
        }
    });
    for finding in &findings {
        print(finding, json)?;
    }
    let bad = findings.iter().filter(|finding| finding.level == Level::Bad).count();
    let warn = findings.iter().filter(|finding| finding.level == Level::Warn).count();
    if !json {
        out!(
            "{}",
            match (bad, warn) {
                (0, 0) => "nothing to mend".to_string(),
                (0, warn) => format!("{warn} to look at"),
                (bad, warn) => format!("{bad} to mend, {warn} to look at"),
            }
        );
    }
    Ok(if bad > 0 { Ended::Failed } else { Ended::Done })
}

/// One for each domain that letters are from.
fn questions(config: &Config, domain: Option<Domain>) -> Vec<Question> {
    let keys: Vec<Key> = config
        .mail
        .dkim
        .iter()
        .map(|signer| Key { selector: signer.selector.clone(), record: signer.key.record() })
        .collect();
    let server = match &config.mail.transport {
        Transport::Smtp(smtp) => Some((smtp.host.clone(), smtp.port)),
        Transport::Outbox => None,
    };
    let mut domains: BTreeSet<(String, Option<String>)> = config
        .newsletters
        .iter()
        .map(|newsletter| {
            (newsletter.sender.address.domain().to_string(), newsletter.sender.return_domain.clone())
        })
        .collect();
    if let Some(domain) = domain {
        let domain = String::from(domain);
        domains.retain(|(known, _)| *known == domain);
        if domains.is_empty() {
            domains.insert((domain, None));
        }
    }
    let question = |(from_domain, return_domain)| Question {
        from_domain,
        return_domain,
        keys: keys.clone(),
        server: server.clone(),
    };
    domains.into_iter().map(question).collect()
}

/// Says hello to the mail server as if to send, and takes leave.
async fn call(smtp: &Smtp) -> Vec<Finding> {
    let name = format!("{}:{}", smtp.host, smtp.port);
    let offers = match mailer::call(smtp, &[]).await {
        Ok(answer) => answer.offers,
        Err(why) => {
            let says = format!("{name} would not take letters now: {}.", why.words);
            let fix = "Compare `[mail.smtp]` with what your provider says: host, port, security, username, password.";
            return vec![Finding::bad(About::Server, says).fix(fix)];
        }
    };
    let guarded = match smtp.security {
        Security::StartTls => "it encrypts (STARTTLS) and its certificate is good",
        Security::Tls => "it encrypts (TLS) and its certificate is good",
        Security::None => "it does not encrypt, which is for this machine only",
    };
    let login = if smtp.login.is_some() { "; it takes your login" } else { "" };
    let says = format!("{name} answers; {guarded}{login}.");
    let mut findings = vec![match smtp.security {
        Security::None => Finding::note(About::Server, says),
        _ => Finding::good(About::Server, says),
    }];
    let offered: Vec<&str> = offers.iter().map(String::as_str).collect();
    let has = |name: &str| {
        offers.iter().any(|offer| offer.split(' ').next().is_some_and(|it| it.eq_ignore_ascii_case(name)))
    };
    findings.push(Finding::note(About::Server, format!("it offers {}.", listed(&offered))));
    if !has("DSN") {
        let says = "it does not offer DSN, so it says in its own way what could not be delivered.";
        findings.push(Finding::note(About::Server, says));
    }
    findings
}

fn print(finding: &Finding, json: bool) -> anyhow::Result<()> {
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
        out!("      name   {}\n      value  {}", record.name, record.value);
    }
    out!("");
    Ok(())
}
