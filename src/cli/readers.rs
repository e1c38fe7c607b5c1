//! `byline readers list|add|remove`

use anyhow::bail;
use chrono::Utc;
use chrono_tz::Tz;
use serde_json::json;

use super::{Ended, Open, newsletter, print_json};
use crate::{
    diagnostic::{count, list},
    language::Language,
    newsletter::Newsletter,
    newsroom::Folder,
    store::Change,
    subscribe::{self, Added, ByHand},
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
    /// Add a reader at your word, also one who left; or change what a reader chose.
    Add(AddArguments),
    /// End a reader's subscriptions; no list brings them back.
    Remove {
        /// The reader's address.
        email: EmailAddress,
        /// Only of this newsletter.
        #[arg(long, value_name = "ID")]
        newsletter: Option<String>,
    },
}

#[derive(clap::Args)]
struct AddArguments {
    /// Which newsletter.
    newsletter: String,
    /// The reader's address.
    email: EmailAddress,
    /// The reader's name.
    #[arg(long)]
    name: Option<String>,
    /// One of the newsletter's languages; articles in all of them without it.
    #[arg(long)]
    language: Option<String>,
    /// One of the newsletter's cadences; its first without it.
    #[arg(long)]
    cadence: Option<String>,
    /// Where the reader is, as Asia/Tehran, for cadences that come at the reader's own time.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Tz>,
}

pub(super) async fn run(folder: &Folder, arguments: Arguments, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    match arguments.command {
        Command::List { newsletter } => show(&open, newsletter, json).await,
        Command::Add(arguments) => add(&open, arguments, json).await,
        Command::Remove { email, newsletter } => remove(&open, email, newsletter, json).await,
    }
}

async fn show(open: &Open, id: Option<String>, json: bool) -> anyhow::Result<Ended> {
    if let Some(id) = &id {
        newsletter(open, id)?;
    }
    open.look().await?;
    for reader in open.store.readers(id).await? {
        if json {
            print_json(&reader)?;
        } else {
            let language = reader.language.unwrap_or_default();
            let choice = format!("{}\t{}\t{}\t{language}", reader.newsletter, reader.status, reader.cadence);
            out!("{}\t{}\t{choice}", reader.email, reader.name);
        }
    }
    Ok(Ended::Done)
}

async fn add(open: &Open, arguments: AddArguments, json: bool) -> anyhow::Result<Ended> {
    let newsletter = newsletter(open, &arguments.newsletter)?;
    let email = arguments.email.clone();
    let said = choice(newsletter, &arguments)?;
    let look = open.look().await?;
    let now = Utc::now();
    let live = look.live(now);
    let reader = ByHand { email: email.clone(), said };
    let added = subscribe::add(reader, newsletter, &live, &open.store, now).await?;
    if json {
        let added = added == Added::Now;
        print_json(&json!({ "email": email.to_string(), "newsletter": newsletter.id, "added": added }))?;
        return Ok(Ended::Done);
    }
    let id = &newsletter.id;
    match added {
        Added::Now => out!("{email} is a reader of `{id}` now"),
        Added::Changed => out!("{email} was a reader of `{id}` already; what you said was changed"),
        Added::Already => out!("{email} was a reader of `{id}` already"),
    }
    Ok(Ended::Done)
}

/// What was said, checked against what the newsletter offers.
fn choice(newsletter: &Newsletter, arguments: &AddArguments) -> anyhow::Result<Change> {
    let id = &newsletter.id;
    let mut language = None;
    if let Some(tag) = &arguments.language {
        language = newsletter.languages.iter().find(|language| language.as_str() == tag).cloned();
        if language.is_none() {
            let known: Vec<&str> = newsletter.languages.iter().map(Language::as_str).collect();
            bail!("`{id}` has no language `{tag}`; write {}", list(&known, "or"));
        }
    }
    if let Some(name) = arguments.cadence.as_ref().filter(|name| newsletter.cadence(name).is_none()) {
        let known: Vec<&str> = newsletter.cadences.iter().map(|cadence| cadence.name.as_str()).collect();
        bail!("`{id}` has no cadence `{name}`; write {}", list(&known, "or"));
    }
    let name = arguments.name.as_deref().map(clean_line);
    Ok(Change { name, language, cadence: arguments.cadence.clone(), zone: arguments.timezone })
}

async fn remove(open: &Open, email: EmailAddress, id: Option<String>, json: bool) -> anyhow::Result<Ended> {
    if let Some(id) = &id {
        newsletter(open, id)?;
    }
    // The lists first: a reader whom only a list knows would come with the next look.
    open.look().await?;
    let removed = open.store.remove_reader(email.clone(), id, Utc::now()).await?;
    if json {
        print_json(&json!({ "email": email.to_string(), "removed": removed }))?;
    } else {
        out!("{email}: {} ended", count(removed, "subscription"));
    }
    Ok(if removed == 0 { Ended::Failed } else { Ended::Done })
}
