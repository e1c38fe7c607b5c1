//! `byline readers list|add|remove`

use anyhow::{Context, bail};
use chrono::Utc;
use serde_json::json;

use super::{Ended, Open, print_json};
use crate::{
    diagnostic::{count, list},
    newsroom::Folder,
    subscribe::{self, ByHand},
    subscriber::address::EmailAddress,
    text::clean_line,
};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show readers: address, name, newsletter, status, cadence, language.
    List {
        /// Only of this newsletter.
        newsletter: Option<String>,
    },
    /// Add a reader at your word; also one who left.
    Add {
        /// Which newsletter.
        newsletter: String,
        /// The reader's address.
        email: EmailAddress,
        /// The reader's name.
        #[arg(long, default_value = "")]
        name: String,
        /// One of the newsletter's languages.
        #[arg(long)]
        language: Option<String>,
        /// One of the newsletter's cadences.
        #[arg(long)]
        cadence: Option<String>,
    },
    /// End a reader's subscriptions; no list brings them back.
    Remove {
        /// The reader's address.
        email: EmailAddress,
        /// Only of this newsletter.
        #[arg(long, value_name = "ID")]
        newsletter: Option<String>,
    },
}

pub(super) async fn run(folder: &Folder, arguments: Arguments, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    match arguments.command {
        Command::List { newsletter } => show(&open, newsletter, json).await,
        Command::Add { newsletter, email, name, language, cadence } => {
            let config = &open.settings.config;
            let newsletter = config
                .newsletter(&newsletter)
                .with_context(|| format!("there is no newsletter `{newsletter}`"))?;
            let language = match language {
                None => None,
                Some(tag) => {
                    let found = newsletter.languages.iter().find(|language| language.as_str() == tag);
                    let known: Vec<&str> =
                        newsletter.languages.iter().map(super::super::language::Language::as_str).collect();
                    Some(found.cloned().with_context(|| {
                        format!("`{}` has no language `{tag}`; write {}", newsletter.id, list(&known, "or"))
                    })?)
                }
            };
            if let Some(name) = cadence.as_ref().filter(|name| newsletter.cadence(name).is_none()) {
                let known: Vec<&str> =
                    newsletter.cadences.iter().map(|cadence| cadence.name.as_str()).collect();
                bail!("`{}` has no cadence `{name}`; write {}", newsletter.id, list(&known, "or"));
            }
            let look = open.look().await?;
            let live = look.live(config, Utc::now());
            let name = clean_line(&name);
            let reader = ByHand { email: email.clone(), name, language, cadence };
            let added = subscribe::add(reader, newsletter, &live, &open.store, Utc::now()).await?;
            if json {
                print_json(
                    &json!({ "email": email.to_string(), "newsletter": newsletter.id, "added": added }),
                )?;
            } else {
                let what = if added { "added to" } else { "is already a reader of" };
                println!("{email} {what} `{}`", newsletter.id);
            }
            Ok(Ended::Done)
        }
        Command::Remove { email, newsletter } => {
            // The lists first: a reader whom only a list knows would come back with the next look.
            open.look().await?;
            let removed = open.store.remove_reader(email.clone(), newsletter, Utc::now()).await?;
            if json {
                print_json(&json!({ "email": email.to_string(), "removed": removed }))?;
            } else {
                println!("{email}: {} ended", count(removed, "subscription"));
            }
            Ok(if removed == 0 { Ended::Failed } else { Ended::Done })
        }
    }
}

async fn show(open: &Open, newsletter: Option<String>, json: bool) -> anyhow::Result<Ended> {
    open.look().await?;
    for reader in open.store.readers(newsletter).await? {
        if json {
            print_json(&reader)?;
        } else {
            println!(
                "{}\t{}\t{}\t{}\t{}\t{}",
                reader.email,
                reader.name,
                reader.newsletter,
                reader.status,
                reader.cadence,
                reader.language.unwrap_or_default()
            );
        }
    }
    Ok(Ended::Done)
}
