//! `byline preview NEWSLETTER`: letters as they would be, before anybody has them.

mod gallery;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, bail};
use chrono::Utc;

use self::gallery::{Gallery, Media, Shown};
use super::{Ended, Open, known_cadence, newsletter, print_json};
use crate::{
    article::{Article, ArticleId},
    compose::{self, ComposeError, Content, Cut, Desk, Rendered},
    delivery::DeliveryId,
    diagnostic::{count, list},
    durable,
    language::Language,
    message::{self, Addressee, Compiled, Keys, lint},
    newsletter::{
        Newsletter,
        issue::IssueId,
        variant::{Frame, LetterKind},
    },
    newsroom::Folder,
    store::Reader,
    subscriber::{SubscriptionId, address::EmailAddress},
};

/// Letters of one issue that are shown; a reader's own is found with `--reader`.
const VARIANTS_MAX: usize = 12;
/// To whom a letter is shown where no reader is named.
const SAMPLE_READER: (&str, &str) = ("reader@example.org", "");

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Which newsletter.
    newsletter: String,
    /// The next digest of this cadence's readers; of all without it.
    #[arg(long, value_name = "C")]
    cadence: Option<String>,
    /// As this reader would get it.
    #[arg(long, value_name = "ADDRESS")]
    reader: Option<EmailAddress>,
    /// Another letter than the next digest: single (the newest article), confirm, welcome or goodbye.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    letter: Option<LetterKind>,
    /// Only in this language.
    #[arg(long, value_name = "L")]
    language: Option<Language>,
    /// These articles, by address (slug), number or guid, as `send --article` would.
    #[arg(long = "article", value_name = "ID", num_args = 1..)]
    articles: Vec<String>,
    /// Only write the files, into `data/preview/`, and do not serve them.
    #[arg(long)]
    no_serve: bool,
    /// Where to serve them; port 0 takes a free one. On this machine only.
    #[arg(long, value_name = "ADDR", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))]
    listen: SocketAddr,
}

fn kind(typed: &str) -> Result<LetterKind, String> {
    let known: Vec<&str> = LetterKind::ALL.iter().map(|kind| kind.as_str()).collect();
    LetterKind::named(typed).ok_or_else(|| format!("write {}", list(&known, "or")))
}

pub(super) async fn run(folder: &Folder, arguments: Arguments, json: bool) -> anyhow::Result<Ended> {
    if !arguments.listen.ip().is_loopback() {
        bail!("{} is not an address of this machine alone; letters are not for others yet", arguments.listen);
    }
    let Some(open) = Open::at(folder)? else { return Ok(Ended::CannotRun) };
    let newsletter = newsletter(&open, &arguments.newsletter)?;
    if let Some(name) = &arguments.cadence {
        known_cadence(newsletter, name)?;
    }
    if let Some(language) = &arguments.language
        && !newsletter.languages.iter().any(|known| known.primary() == language.primary())
    {
        let known: Vec<&str> = newsletter.languages.iter().map(Language::as_str).collect();
        bail!(
            "`{}` has no letters in `{}`; it has {}",
            newsletter.id,
            language.as_str(),
            list(&known, "and")
        );
    }
    let look = open.look().await?;
    let now = Utc::now();
    let live = look.live(now);
    let desk = Desk::new(&open.settings, &look, &live, newsletter, now);
    let reader = match &arguments.reader {
        None => None,
        Some(address) => Some(find_reader(&open, newsletter, address).await?),
    };
    let (variants, why) = variants(&open, &desk, &arguments, reader.as_ref()).await?;
    let letters = shown(&desk, &open.keys()?, reader.as_ref(), &variants)?;
    if letters.is_empty() {
        bail!("there is no such letter: no article is out that `{}` carries", newsletter.id);
    }
    let gallery = Gallery::new(newsletter, &why, &letters);
    let target = folder.data().join("preview").join(&newsletter.id);
    match std::fs::remove_dir_all(&target) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            return Err(why).context("cannot clear data/preview");
        }
        _ => {}
    }
    // Readers' addresses may be in them.
    durable::private_folder(&folder.data())?;
    for (name, _, bytes) in &gallery.files {
        durable::write(&target.join(name), bytes, None)?;
    }
    for letter in &letters {
        describe(letter, json)?;
    }
    eprintln!("{why}; {} in {}", count(letters.len(), "letter"), target.display());
    if arguments.no_serve {
        return Ok(Ended::Done);
    }
    let media =
        Media { address: format!("{}media/", open.settings.config.site.url), files: Arc::clone(&look.media) };
    gallery.serve(arguments.listen, media).await?;
    Ok(Ended::Done)
}

fn describe(letter: &Shown, json: bool) -> anyhow::Result<()> {
    let (html, size) = (lint::bytes_sent(&letter.contents.html), letter.message.bytes.len());
    if json {
        let faults: Vec<&str> = letter.findings.iter().map(|finding| finding.message.as_str()).collect();
        return print_json(&serde_json::json!({
            "letter": letter.name, "subject": letter.contents.subject, "kind": letter.kind, "language": letter.language,
            "to": letter.message.recipient.to_string(), "html_bytes": html, "bytes": size, "faults": faults,
        }));
    }
    out!(
        "{}: {} ({} kB of HTML, {} kB in all)",
        letter.name,
        letter.contents.subject,
        html / 1000,
        size / 1000
    );
    for finding in &letter.findings {
        eprintln!("  {}: {} ({})", finding.severity, finding.message, finding.hint);
    }
    Ok(())
}

/// The letters to show, and in words which they are.
async fn variants(
    open: &Open,
    desk: &Desk<'_>,
    arguments: &Arguments,
    reader: Option<&Reader>,
) -> anyhow::Result<(Vec<Rendered>, String)> {
    let newsletter = desk.newsletter;
    let own: Option<Language> =
        reader.and_then(|reader| reader.language.as_ref()).and_then(|tag| tag.parse().ok());
    let mut languages = match (&own, reader) {
        (Some(own), _) => vec![own.clone()],
        (None, Some(_)) => vec![newsletter.language.clone()],
        (None, None) => newsletter.languages.clone(),
    };
    let is_wanted = |language: &Language| {
        arguments.language.as_ref().is_none_or(|wanted| wanted.primary() == language.primary())
    };
    if let (Some(reader), [one]) = (reader, languages.as_slice())
        && !is_wanted(one)
    {
        bail!("the letters of {} are in `{one}`; leave `--language` out", reader.email);
    }
    languages.retain(is_wanted);
    if let Some(kind @ (LetterKind::Confirm | LetterKind::Welcome | LetterKind::Goodbye)) = arguments.letter {
        let first = newsletter.cadences.first().map(|cadence| cadence.name.as_str());
        let cadence = arguments.cadence.as_deref().or(reader.map(|reader| reader.cadence.as_str())).or(first);
        let notice = |language| compose::render_notice(desk, kind, language, cadence);
        let notices = languages.iter().map(|language| Ok(Rendered { variant: notice(language)?, cut: None }));
        let notices: Result<_, ComposeError> = notices.collect();
        return Ok((notices?, format!("the {} letter", kind.as_str())));
    }
    if !arguments.articles.is_empty() {
        let mut groups = chosen(desk, arguments, own.as_ref(), reader.is_some())?;
        groups.retain(|(_, language)| is_wanted(language));
        return Ok((rendered(desk, &groups, true)?, "the chosen articles".into()));
    }
    if arguments.letter == Some(LetterKind::Single) {
        let groups =
            languages.into_iter().map(|language| (desk.newest(&language, 1), language)).collect::<Vec<_>>();
        return Ok((rendered(desk, &groups, false)?, "the newest article by itself".into()));
    }
    let mut planned = planned(open, desk, arguments, reader).await?;
    planned.retain(|rendered| is_wanted(&rendered.variant.language));
    planned.truncate(VARIANTS_MAX);
    if !planned.is_empty() {
        return Ok((planned, "what `byline send` would send now".into()));
    }
    let most = newsletter.start_with.max(1);
    let groups =
        languages.into_iter().map(|language| (desk.newest(&language, most), language)).collect::<Vec<_>>();
    Ok((rendered(desk, &groups, false)?, "nothing new is due, so the newest articles".into()))
}

/// Chosen articles as each group of readers would get them: those of one language, and those who chose none.
fn chosen(
    desk: &Desk<'_>,
    arguments: &Arguments,
    own: Option<&Language>,
    is_one_reader: bool,
) -> anyhow::Result<Vec<(Vec<ArticleId>, Language)>> {
    let articles: Vec<&Article> =
        arguments.articles.iter().map(|id| super::send::find(desk.live, id)).collect::<Result<_, _>>()?;
    let of = |language: &Language| -> Vec<ArticleId> {
        let mine = articles.iter().filter(|article| article.manuscript.language == *language);
        mine.map(|article| article.id).collect()
    };
    Ok(match own {
        Some(own) => vec![(of(own), own.clone())],
        None if is_one_reader => {
            vec![(articles.iter().map(|article| article.id).collect(), desk.newsletter.language.clone())]
        }
        None => super::send::groups(desk, &articles),
    })
}

fn rendered(
    desk: &Desk<'_>,
    groups: &[(Vec<ArticleId>, Language)],
    special: bool,
) -> Result<Vec<Rendered>, ComposeError> {
    let render = |(articles, language): &(Vec<ArticleId>, Language)| {
        compose::render(desk, Content { language, articles, also: &[], special })
    };
    groups.iter().filter(|(articles, _)| !articles.is_empty()).map(render).collect()
}

/// What the next digest would be: of one reader, of one cadence, or of all.
async fn planned(
    open: &Open,
    desk: &Desk<'_>,
    arguments: &Arguments,
    reader: Option<&Reader>,
) -> Result<Vec<Rendered>, ComposeError> {
    let plan = match reader {
        Some(reader) => compose::plan_for_reader(desk, &open.store, reader.subscription).await?,
        None => compose::plan_by_hand(desk, &open.store, arguments.cadence.clone()).await?,
    };
    let planned =
        plan.issue.variants.iter().enumerate().map(|(index, new)| Rendered {
            variant: new.content.clone(),
            cut: plan.cuts.get(&index).cloned(),
        });
    Ok(planned.collect())
}

async fn find_reader(open: &Open, newsletter: &Newsletter, address: &EmailAddress) -> anyhow::Result<Reader> {
    let readers = open.store.readers(Some(newsletter.id.clone())).await?;
    let found = readers.into_iter().find(|reader| reader.email.to_lowercase() == address.key());
    let Some(reader) = found else { bail!("{address} is no reader of `{}`", newsletter.id) };
    if reader.status != "active" {
        bail!("{address} is not an active reader of `{}`, but {}", newsletter.id, reader.status);
    }
    Ok(reader)
}

/// The letters filled in, built and looked over. Their links for leaving lead nowhere.
fn shown(
    desk: &Desk<'_>,
    keys: &Keys,
    reader: Option<&Reader>,
    variants: &[Rendered],
) -> anyhow::Result<Vec<Shown>> {
    let newsletter = desk.newsletter;
    let frame = Frame::new(&newsletter.id, &newsletter.sender, &desk.settings.config.site.url, desk.now);
    let (email, name) = reader.map_or(SAMPLE_READER, |reader| (reader.email.as_str(), reader.name.as_str()));
    let address: EmailAddress = email.parse()?;
    let shown = variants.iter().enumerate().map(|(index, Rendered { variant, cut })| {
        let subscription = SubscriptionId(-1 - index as i64);
        let delivery = DeliveryId { issue: IssueId(0), subscription };
        let to = Addressee { address: &address, name };
        let contents = message::contents(&frame, variant, delivery, to, &keys.token);
        let mut findings = lint::lint(variant.kind, &contents);
        findings.extend(cut.as_ref().map(Cut::finding));
        Shown {
            name: format!("{}-{}-{}", index + 1, variant.kind.as_str(), variant.language),
            kind: variant.kind,
            sender: newsletter.sender.name.clone(),
            language: variant.language.clone(),
            findings,
            message: Compiled::new(&frame, variant).personalise(delivery, to, keys),
            contents,
        }
    });
    Ok(shown.collect())
}
