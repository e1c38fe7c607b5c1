//! `byline dkim new SELECTOR` and `show`

use std::{collections::BTreeSet, io::Write, path::Path};

use anyhow::{Context, bail};

use super::{Ended, Open, doctor::idle_keys, print_json};
use crate::{
    config::Transport,
    dkim::{self, Algorithm, DkimKey},
    doctor::{self, dkim::Key, finding::Record},
    durable,
    newsroom::Folder,
    text::in_pieces,
};

/// Octets in one string of a TXT record (RFC 1035 §3.3).
const TXT_STRING_MAX: usize = 255;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a key, and show what to publish and what to write into `config.toml`.
    New {
        /// What to call it in the DNS, as `b2026`; another name for each new key.
        selector: String,
        /// An Ed25519 key, as a second signature beside an RSA one.
        #[arg(long)]
        ed25519: bool,
    },
    /// Show the DNS records for the keys in `config.toml`, and those that go with them.
    Show,
}

pub(super) fn run(folder: &Folder, arguments: Arguments, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    match arguments.command {
        Command::New { selector, ed25519 } => {
            let algorithm = if ed25519 { Algorithm::Ed25519 } else { Algorithm::Rsa };
            new(&open, &selector.to_ascii_lowercase(), algorithm, json)
        }
        Command::Show => {
            let dkim = open.settings.config.mail.dkim.iter();
            let mut keys: Vec<Key> = dkim
                .map(|signer| Key { selector: signer.selector.clone(), record: signer.key.record() })
                .collect();
            // Those that are to be published before they sign.
            for idle in idle_keys(folder, &keys) {
                eprintln!("the key in {} signs nothing yet", idle.file);
                keys.push(idle.key);
            }
            if keys.is_empty() {
                eprintln!("there is no key yet; `byline dkim new b1` makes one");
            }
            let keys: Vec<(String, String)> =
                keys.into_iter().map(|key| (key.selector, key.record)).collect();
            show(&records(&open, &keys), json)?;
            Ok(Ended::Done)
        }
    }
}

fn new(open: &Open, selector: &str, algorithm: Algorithm, json: bool) -> anyhow::Result<Ended> {
    if selector.contains('.') || !dkim::is_selector(selector) {
        bail!("`{selector}` cannot be part of a domain's name; use letters, digits and hyphens");
    }
    let shown = format!("data/dkim/{selector}.pem");
    let path = open.folder.root().join(&shown);
    let key = DkimKey::generate(algorithm)?;
    durable::private_folder(&open.folder.data())?;
    if path.exists() {
        bail!(
            "there is a key in {shown} already; choose another name, as `{selector}x`, and change over to it"
        );
    }
    write_new(&path, &key.to_pem()?).with_context(|| format!("cannot write {shown}"))?;
    let records = records(open, &[(selector.to_string(), key.record())]);
    if json {
        show(&records, true)?;
        return Ok(Ended::Done);
    }
    out!("The key is in {shown}. Whoever has it can sign as you: keep it to yourself, with a copy.\n");
    out!("1. Publish these records where your domain is looked after, most often where you bought it.");
    out!(
        "   The one at {selector}._domainkey is new. Of the others none may be there twice: if there is a record"
    );
    out!(
        "   that begins with v=spf1 or v=DMARC1 already, leave it, and see what `byline doctor mail` says of it.\n"
    );
    show(&records, false)?;
    out!("2. When `byline doctor mail` finds the key, add this to config.toml:\n");
    out!("[mail.dkim.{selector}]\nkey = {{ file = \"{shown}\" }}");
    Ok(Ended::Done)
}

/// A key that is there already is not lost.
fn write_new(path: &Path, pem: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        durable::private_folder(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()
}

/// What makes letters trusted, for each domain that letters are from.
fn records(open: &Open, keys: &[(String, String)]) -> Vec<Record> {
    let config = &open.settings.config;
    let host = match &config.mail.transport {
        Transport::Smtp(servers) => servers.first().map(|smtp| smtp.host.as_str()),
        Transport::Outbox => None,
    };
    let senders = config.newsletters.iter().map(|newsletter| &newsletter.sender);
    let domains: BTreeSet<(&str, Option<&str>)> =
        senders.map(|sender| (sender.address.domain(), sender.return_domain.as_deref())).collect();
    let mut records: Vec<Record> = Vec::new();
    for (domain, return_domain) in domains {
        for record in doctor::proposal(domain, return_domain, host, keys) {
            if !records.contains(&record) {
                records.push(record);
            }
        }
    }
    records
}

fn show(records: &[Record], json: bool) -> anyhow::Result<()> {
    for record in records {
        if json {
            let Record { name, kind, value } = record;
            print_json(&serde_json::json!({ "name": name, "type": kind, "value": value }))?;
        } else {
            show_record("   ", record)?;
            out!("");
        }
    }
    Ok(())
}

/// A record as panels ask for it, and as a zone file wants it where that is another way.
pub(super) fn show_record(margin: &str, record: &Record) -> anyhow::Result<()> {
    let Record { name, kind, value } = record;
    out!("{margin}type   {kind}");
    out!("{margin}name   {name}");
    out!("{margin}value  {value}");
    if value.len() > TXT_STRING_MAX {
        let strings: Vec<String> =
            in_pieces(value, TXT_STRING_MAX).map(|piece| format!("\"{piece}\"")).collect();
        out!("{margin}(a zone file wants it in pieces: {})", strings.join(" "));
    }
    Ok(())
}
