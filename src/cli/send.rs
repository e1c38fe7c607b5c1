//! `byline send NEWSLETTER`

use std::{
    io::{IsTerminal, Write},
    sync::Arc,
};

use anyhow::{Context, bail};
use chrono::Utc;
use serde_json::json;

use super::{Ended, Open, issue_line, known_cadence, newsletter, print_json};
use crate::{
    article::{Article, ArticleId},
    compose::{self, Content, Cut, Desk, Plan, Rendered},
    config,
    delivery::{DeliveryId, Outcome},
    diagnostic::count,
    language::Language,
    mailer::Mailer,
    message::{Addressee, Compiled},
    newsletter::{
        issue::{IssueId, Origin},
        variant::Frame,
    },
    newsroom::Folder,
    subscriber::{SubscriptionId, address::EmailAddress},
};

/// Articles in a test letter, at the most.
const TEST_ARTICLES: usize = 3;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Which newsletter.
    #[arg(required_unless_present = "to_missed")]
    newsletter: Option<String>,
    /// Only readers of this cadence; all without it.
    #[arg(long, value_name = "C")]
    cadence: Option<String>,
    /// These articles, by address (slug), number or guid, instead of what each reader has not had.
    #[arg(long = "article", value_name = "ID", num_args = 1..)]
    articles: Vec<String>,
    /// Show what would be sent and to how many, and make no issue.
    #[arg(long)]
    dry_run: bool,
    /// Send one letter in each language to this address, which must be one of `[mail] testers`.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "dry_run")]
    test: Option<EmailAddress>,
    /// Send that issue again, as it was, to those who did not get it: refused, given up or cancelled.
    #[arg(long, value_name = "ISSUE", conflicts_with_all = ["newsletter", "cadence", "articles", "test"])]
    to_missed: Option<i64>,
    /// Send it only after so long, as `10m` or `2h`: until then it can be cancelled.
    #[arg(long, value_name = "TIME", value_parser = config::duration, conflicts_with_all = ["test", "to_missed"])]
    after: Option<chrono::Duration>,
    /// Do not ask for the number of readers.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(folder: &Folder, arguments: Arguments, json: bool) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    if let Some(issue) = arguments.to_missed {
        return to_missed(&open, IssueId(issue), &arguments, json).await;
    }
    let newsletter = newsletter(&open, arguments.newsletter.as_deref().unwrap_or_default())?;
    if let Some(name) = &arguments.cadence {
        known_cadence(newsletter, name)?;
    }
    let look = open.look().await?;
    let now = Utc::now();
    let live = look.live(now);
    let desk = Desk::new(&open.settings, &look, &live, newsletter, now);
    let mut chosen: Vec<&Article> = Vec::new();
    for id in &arguments.articles {
        let article = find(&live, id)?;
        if !chosen.iter().any(|other| other.id == article.id) {
            chosen.push(article);
        }
    }
    if let Some(tester) = arguments.test {
        return test(&open, &desk, &chosen, tester, json).await;
    }
    let mut plan = if chosen.is_empty() {
        compose::plan_by_hand(&desk, &open.store, arguments.cadence).await?
    } else {
        let origin = Origin::Special { cadence: arguments.cadence };
        compose::plan_special(&desk, &open.store, origin, &chosen).await?
    };
    if plan.readers > 0 {
        describe(&plan, &live, &newsletter.id);
    }
    if arguments.dry_run {
        return dry_run(&plan, json);
    }
    if plan.readers == 0 {
        if json {
            print_json(&json!({ "issue": null, "newsletter": newsletter.id, "letters": 0, "counts": {} }))?;
        } else {
            out!("no issue: there is nothing that an active reader of `{}` has not had", newsletter.id);
        }
        return Ok(Ended::Done);
    }
    if !arguments.yes && !confirmed(plan.readers)? {
        eprintln!("nothing was sent");
        return Ok(Ended::Failed);
    }
    let begins = arguments.after.map(|after| now + after);
    if begins.is_some() {
        plan.issue.crowds.iter_mut().for_each(|crowd| crowd.not_before = begins);
    }
    let Some((issue, _)) = compose::open(&open.store, plan).await? else {
        bail!("another issue reached these readers meanwhile; nothing was sent");
    };
    if let Some(begins) = begins {
        let begins = begins.with_timezone(&open.settings.config.site.zone).format("%Y-%m-%d %H:%M:%S");
        eprintln!("it begins to go out at {begins}; until then `byline cancel {issue}` takes it back");
    }
    opened(&open, issue, json).await
}

/// The same letters once more, for whoever is known not to have them.
async fn to_missed(open: &Open, missed: IssueId, arguments: &Arguments, json: bool) -> anyhow::Result<Ended> {
    let readers = match open.store.missed(missed).await? {
        None => bail!("there is no issue {missed}"),
        Some(0) => {
            eprintln!("nobody who is still a reader has missed issue {missed}");
            return Ok(Ended::Done);
        }
        Some(readers) => readers,
    };
    eprintln!("issue {missed} again to {} who did not get it", count(readers, "reader"));
    if arguments.dry_run {
        if json {
            print_json(&json!({ "issue": null, "to_missed": missed, "dry_run": true, "letters": readers }))?;
        } else {
            out!("dry run: {} would be sent", count(readers, "letter"));
        }
        return Ok(Ended::Done);
    }
    if !arguments.yes && !confirmed(readers)? {
        eprintln!("nothing was sent");
        return Ok(Ended::Failed);
    }
    let Some((issue, _)) = open.store.open_for_missed(missed, Utc::now()).await? else {
        bail!("another issue reached these readers meanwhile; nothing was sent");
    };
    opened(open, issue, json).await
}

async fn opened(open: &Open, issue: IssueId, json: bool) -> anyhow::Result<Ended> {
    let summary = open.store.issue(issue).await?.context("the issue that was just opened is not there")?;
    eprintln!("hint: `byline deliver` sends it now; a running `byline serve` does by itself");
    if json {
        print_json(&summary)?;
    } else {
        out!("{}", issue_line(&summary));
    }
    Ok(Ended::Done)
}

pub(super) fn find<'l>(live: &'l [Arc<Article>], id: &str) -> anyhow::Result<&'l Article> {
    let number = id.parse::<i64>().ok();
    let found = live.iter().find(|article| {
        article.manuscript.slug.as_str() == id.trim_matches('/')
            || article.guid.as_str() == id
            || article.manuscript.path == id
            || number.is_some_and(|number| article.id == ArticleId(number))
    });
    found.map(AsRef::as_ref).with_context(|| format!("no article that is out is called `{id}`"))
}

fn describe(plan: &Plan, live: &[Arc<Article>], newsletter: &str) {
    eprintln!(
        "{} of `{newsletter}` in {} to {}:",
        count(plan.articles.len(), "article"),
        count(plan.issue.variants.len(), "variant"),
        count(plan.readers, "reader")
    );
    for id in &plan.articles {
        if let Some(article) = live.iter().find(|article| article.id == *id) {
            eprintln!("  {} ({})", article.manuscript.title, article.manuscript.slug);
        }
    }
    plan.cuts.values().for_each(warn);
}

fn warn(cut: &Cut) {
    let finding = cut.finding();
    eprintln!("{}: {}\nhint: {}", finding.severity, finding.message, finding.hint);
}

/// Chosen articles as each group of readers would get them: those of one language, and those who chose none.
pub(super) fn groups(desk: &Desk<'_>, articles: &[&Article]) -> Vec<(Vec<ArticleId>, Language)> {
    let each = desk.newsletter.languages.iter().map(|language| {
        let mine = articles.iter().filter(|article| article.manuscript.language == *language);
        (mine.map(|article| article.id).collect::<Vec<_>>(), language.clone())
    });
    let mut groups: Vec<_> = each.filter(|(articles, _)| !articles.is_empty()).collect();
    let every = (articles.iter().map(|article| article.id).collect(), desk.newsletter.language.clone());
    if !groups.contains(&every) {
        groups.push(every);
    }
    groups
}

fn dry_run(plan: &Plan, json: bool) -> anyhow::Result<Ended> {
    if json {
        print_json(&json!({
            "issue": null, "newsletter": plan.issue.audience.newsletter, "dry_run": true,
            "letters": plan.readers, "articles": plan.articles.len(), "variants": plan.issue.variants.len(),
        }))?;
    } else {
        out!("dry run: {} would be sent", count(plan.readers, "letter"));
    }
    Ok(Ended::Done)
}

/// The number must be typed, not a `y`: it is the last moment to notice the wrong list.
fn confirmed(readers: usize) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody is here to confirm {}; add `--yes`", count(readers, "letter"));
    }
    eprint!("type the number of readers ({readers}) to send: ");
    std::io::stderr().flush()?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    let digits: String = typed.chars().filter(|c| !matches!(c, ',' | ' ' | '\n' | '\r' | '.')).collect();
    Ok(digits == readers.to_string())
}

/// Letters to a tester are of no issue and written down nowhere, and can reach no list.
async fn test(
    open: &Open,
    desk: &Desk<'_>,
    chosen: &[&Article],
    tester: EmailAddress,
    json: bool,
) -> anyhow::Result<Ended> {
    let config = &open.settings.config;
    if !config.mail.testers.iter().any(|known| known.key() == tester.key()) {
        bail!("{tester} is not a tester; add it to `testers` under `[mail]`");
    }
    let keys = open.keys()?;
    let mailer = Mailer::new(&config.mail.transport, &open.folder.outbox())?;
    let mut connection = mailer.connection(0);
    connection.ready().await?;
    let frame = Frame::new(&desk.newsletter.id, &desk.newsletter.sender, &config.site.url, desk.now);
    let mut failed = false;
    let languages = desk.newsletter.languages.iter();
    let groups: Vec<(Vec<ArticleId>, Language)> = match chosen.is_empty() {
        true => languages.map(|language| (desk.newest(language, TEST_ARTICLES), language.clone())).collect(),
        false => groups(desk, chosen),
    };
    for (index, (articles, language)) in groups.iter().enumerate() {
        let content = Content { language, articles, also: &[], special: !chosen.is_empty() };
        let Rendered { variant, cut } = compose::render(desk, content)?;
        if let Some(cut) = cut {
            warn(&cut);
        }
        // No subscription has such a number; each letter has its own, and so its own Message-ID.
        let number = -desk.now.timestamp_micros() - i64::try_from(index)?;
        let id = DeliveryId { issue: IssueId(0), subscription: SubscriptionId(number) };
        let to = Addressee { address: &tester, name: "" };
        let message = Compiled::new(&frame, &variant).personalise(id, to, &keys);
        let outcome = connection.send(message).await;
        let (sent, said) = (matches!(outcome, Outcome::Accepted { .. }), outcome.words());
        failed |= !sent;
        if json {
            print_json(
                &json!({ "test": tester.to_string(), "language": language, "sent": sent, "reply": said }),
            )?;
        } else {
            out!("test letter ({language}): {said}");
        }
    }
    connection.close().await;
    Ok(if failed { Ended::Failed } else { Ended::Done })
}
