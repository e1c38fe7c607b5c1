//! `byline preview NEWSLETTER`: letters as they would be, before anybody has them.

mod gallery;

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, bail};
use chrono::Utc;

use self::gallery::{Gallery, Shown};
use super::{Ended, Open, newsletter, print_json};
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
    let look = open.look().await?;
    let now = Utc::now();
    let live = look.live(now);
    let desk = Desk {
        settings: &open.settings,
        live: &live,
        texts: &look.texts,
        media: &look.media,
        newsletter,
        now,
    };
    let reader = match &arguments.reader {
        None => None,
        Some(address) => Some(find_reader(&open, newsletter, address).await?),
    };
    let (mut variants, why) = variants(&open, &desk, &arguments, reader.as_ref()).await?;
    if let Some(language) = &arguments.language {
        variants.retain(|rendered| rendered.variant.language.primary() == language.primary());
    }
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
    gallery.serve(arguments.listen).await?;
    Ok(Ended::Done)
}

fn describe(letter: &Shown, json: bool) -> anyhow::Result<()> {
    let (html, size) = (letter.contents.html.len(), letter.message.bytes.len());
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
    let own = reader.map(|reader| {
        let chosen = reader.language.as_ref().and_then(|tag| tag.parse().ok());
        chosen.unwrap_or_else(|| newsletter.language.clone())
    });
    let languages: Vec<Language> = own.map_or_else(|| newsletter.languages.clone(), |own| vec![own]);
    if let Some(kind @ (LetterKind::Confirm | LetterKind::Welcome | LetterKind::Goodbye)) = arguments.letter {
        let first = newsletter.cadences.first().map(|cadence| cadence.name.as_str());
        let cadence = arguments.cadence.as_deref().or(reader.map(|reader| reader.cadence.as_str())).or(first);
        let notice = |language| compose::render_notice(desk, kind, language, cadence);
        let notices = languages.iter().map(|language| Ok(Rendered { variant: notice(language)?, cut: None }));
        let notices: Result<_, ComposeError> = notices.collect();
        return Ok((notices?, format!("the {} letter", kind.as_str())));
    }
    if arguments.letter.is_none() && arguments.articles.is_empty() {
        let plan = compose::plan_by_hand(desk, &open.store, arguments.cadence.clone()).await?;
        let mine = |index: usize| {
            reader.is_none_or(|reader| {
                let is_theirs = |letter: &crate::store::NewLetter| {
                    letter.subscription == reader.subscription && letter.variant == index
                };
                plan.issue.letters.iter().any(is_theirs)
            })
        };
        let planned = plan.issue.variants.iter().enumerate().filter(|(index, _)| mine(*index));
        let planned = planned.take(VARIANTS_MAX).map(|(index, new)| Rendered {
            variant: new.content.clone(),
            cut: plan.cuts.get(&index).cloned(),
        });
        let planned: Vec<Rendered> = planned.collect();
        if !planned.is_empty() {
            return Ok((planned, "what `byline send` would send now".into()));
        }
    }
    let chosen: Vec<&Article> =
        arguments.articles.iter().map(|id| super::send::find(desk.live, id)).collect::<Result<_, _>>()?;
    let mut variants = Vec::new();
    for language in &languages {
        let articles: Vec<ArticleId> = match (chosen.is_empty(), arguments.letter) {
            (false, _) => chosen.iter().map(|article| article.id).collect(),
            (true, Some(LetterKind::Single)) => desk.newest(language, 1),
            (true, _) => desk.newest(language, newsletter.start_with.max(1)),
        };
        if !articles.is_empty() {
            let content = Content { language, articles: &articles, also: &[], special: !chosen.is_empty() };
            variants.push(compose::render(desk, content)?);
        }
    }
    let why = match (chosen.is_empty(), arguments.letter) {
        (false, _) => "the chosen articles",
        (true, Some(LetterKind::Single)) => "the newest article by itself",
        (true, _) => "nothing new is due, so the newest articles",
    };
    Ok((variants, why.into()))
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
            language: variant.language.clone(),
            findings,
            message: Compiled::new(&frame, variant).personalise(delivery, to, keys),
            contents,
        }
    });
    Ok(shown.collect())
}
