//! The command line: one file a command. Data goes to stdout, talk to stderr.
//!
//! Exit codes: 0 done, 1 something asked for failed, 2 could not run.

/// Prints a line of data. A reader that has gone away (`| head`) ends the program, quietly.
macro_rules! out {
    ($($words:tt)*) => { crate::cli::print_line(format_args!($($words)*))? };
}

mod audit;
mod build;
mod check;
mod deliver;
mod demo;
mod dkim;
mod doctor;
mod feed;
mod init;
mod new;
mod next;
mod preview;
mod progress;
mod readers;
mod send;
mod serve;
mod status;
mod steer;
mod templates;

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, bail};
use chrono::Utc;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use self::steer::Word;
use crate::{
    diagnostic::{Diagnostic, Severity, closest, count, list},
    durable,
    message::Keys,
    newsletter::Newsletter,
    newsroom::{Folder, Look, Looker, Settings},
    store::{IssueSummary, Store},
    subscribe::Lists,
};

/// Feeds and letters for writers who own their readers.
///
/// Byline watches a folder of articles, publishes them as pages and as RSS, Atom and JSON feeds that
/// say where each piece first ran, and mails digests to subscribers.
#[derive(Parser)]
#[command(name = "byline", version, arg_required_else_help = true)]
struct Arguments {
    /// The newsroom's folder.
    #[arg(long, global = true, default_value = ".", value_name = "DIR")]
    root: PathBuf,

    /// Answers as JSON, where there is data.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Watch the folder, publish, serve feeds and pages, send what is due; until stopped.
    Serve(serve::Arguments),
    /// Read everything the author wrote and show every problem and every guess.
    Check,
    /// Publish feeds and pages into `public/` once.
    Build,
    /// Look at feeds as a strict reader would.
    Feed(feed::Arguments),
    /// Make a new newsroom.
    Init(init::Arguments),
    /// Begin an article.
    New(new::Arguments),
    /// Show what is due when, with how many articles and readers.
    Next,
    /// Make an issue of a newsletter now.
    Send(send::Arguments),
    /// Show letters as readers would get them: on a telephone and a large screen, in the light and in the
    /// dark, as text and as source.
    Preview(preview::Arguments),
    /// Let an issue go out that waits for the author's word.
    Approve(steer::Arguments),
    /// Stop an issue until you say otherwise; what is on its way is finished.
    Pause(steer::Arguments),
    /// Let a paused issue go on.
    Resume(steer::Arguments),
    /// End an issue: whoever has not got it does not get it, and its articles are still to come for them.
    Cancel(steer::Arguments),
    /// Hold an issue, or all of them, until you have looked.
    Hold(steer::HoldArguments),
    /// Say what becomes of letters that the server may have without having said so.
    Resolve(steer::ResolveArguments),
    /// Make the issues that are due and send their letters, then exit.
    Deliver,
    /// Show issues and how far they are.
    Status(status::Arguments),
    /// Show what became of each letter of an issue, and whether the sums balance.
    Audit(audit::Arguments),
    /// Show, add and remove readers.
    Readers(readers::Arguments),
    /// Make a key that signs letters, and show what to publish in the DNS.
    Dkim(dkim::Arguments),
    /// Look for what keeps letters from arriving.
    Doctor(doctor::Arguments),
    /// Try things out with a mail server that is part of the program: what a crash does, for one.
    Demo(demo::Arguments),
    /// Show which templates are yours, and put one back as it came.
    Templates(templates::Arguments),
}

/// How a command ended that could run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Done,
    /// Something asked for failed.
    Failed,
    /// What the author wrote does not hold.
    CannotRun,
}

/// Runs the program.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    log(if matches!(arguments.command, Command::Serve(_)) { "byline=info" } else { "byline=warn" });
    // One provider for all TLS of the process; a second call would be refused, and there is none.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(why) => return cannot_run(&why.into()),
    };
    match runtime.block_on(dispatch(arguments)) {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Failed) => ExitCode::from(1),
        Ok(Ended::CannotRun) => ExitCode::from(2),
        Err(error) => cannot_run(&error),
    }
}

/// To stderr; `BYLINE_LOG` chooses, as `info` or `byline=debug`.
fn log(usual: &str) {
    let filter = EnvFilter::try_from_env("BYLINE_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let styled = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(styled).init();
}

fn cannot_run(error: &anyhow::Error) -> ExitCode {
    let gone = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    if error.downcast_ref::<std::io::Error>().is_some_and(gone) {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {error:#}");
    ExitCode::from(2)
}

async fn dispatch(arguments: Arguments) -> anyhow::Result<Ended> {
    let Arguments { root, json, command } = arguments;
    let folder = Folder::new(&root);
    match command {
        Command::Serve(arguments) => serve::run(folder, arguments).await,
        Command::Check => check::run(&folder, json).await,
        Command::Build => build::run(&folder, json).await,
        Command::Feed(arguments) => feed::run(arguments, json).await,
        Command::Init(arguments) => init::run(&arguments),
        Command::New(arguments) => new::run(&folder, &arguments),
        Command::Next => next::run(&folder, json).await,
        Command::Send(arguments) => send::run(&folder, arguments, json).await,
        Command::Preview(arguments) => preview::run(&folder, arguments, json).await,
        Command::Approve(arguments) => steer::run(&folder, Word::Approve, &arguments, json).await,
        Command::Pause(arguments) => steer::run(&folder, Word::Pause, &arguments, json).await,
        Command::Resume(arguments) => steer::run(&folder, Word::Resume, &arguments, json).await,
        Command::Cancel(arguments) => steer::run(&folder, Word::Cancel, &arguments, json).await,
        Command::Hold(arguments) => steer::hold(&folder, &arguments, json).await,
        Command::Resolve(arguments) => steer::resolve(&folder, &arguments, json).await,
        Command::Deliver => deliver::run(&folder, json).await,
        Command::Status(arguments) => status::run(&folder, &arguments, json).await,
        Command::Audit(arguments) => audit::run(&folder, &arguments, json).await,
        Command::Readers(arguments) => readers::run(&folder, arguments, json).await,
        Command::Dkim(arguments) => dkim::run(&folder, arguments, json),
        Command::Doctor(arguments) => doctor::run(&folder, arguments, json).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Templates(arguments) => templates::run(&folder, arguments, json),
    }
}

/// A newsroom whose settings hold, and its store.
struct Open {
    folder: Folder,
    settings: Arc<Settings>,
    store: Store,
}

impl Open {
    /// Opens it, or shows why that cannot be.
    fn at(folder: &Folder) -> anyhow::Result<Option<Self>> {
        let (settings, problems) = folder.settings(&environment()).settings();
        let Some(settings) = settings else {
            show(&problems);
            eprintln!("{}", summary(&problems));
            return Ok(None);
        };
        let store = open_store(folder)?;
        Ok(Some(Self { folder: folder.clone(), settings: Arc::new(settings), store }))
    }

    /// What letters are signed with.
    fn keys(&self) -> anyhow::Result<Keys> {
        Ok(Keys { token: self.folder.key()?, dkim: self.settings.config.mail.dkim.clone() })
    }

    /// Looks at the articles and the lists, as a running daemon would have.
    async fn look(&self) -> anyhow::Result<Arc<Look>> {
        let (look, mut looker) = self.looked().await?;
        looker.keep().await?;
        Ok(look)
    }

    /// The same with who looked, who may have much to keep.
    async fn looked(&self) -> anyhow::Result<(Arc<Look>, Looker)> {
        let now = Utc::now();
        let mut looker = Looker::new(&self.folder, &self.store);
        let look = looker.look(&self.settings, now).await?;
        let mut lists = Lists::new(self.store.clone());
        let listed = lists.run_once(&self.folder, &look, &self.settings, now).await?;
        let problems = look.problems.iter().chain(&listed.problems);
        show(&problems.filter(|problem| problem.is_worth_saying()).cloned().collect::<Vec<_>>());
        Ok((look, looker))
    }
}

fn open_store(folder: &Folder) -> anyhow::Result<Store> {
    let data = folder.data();
    durable::private_folder(&data).with_context(|| format!("cannot make {}", data.display()))?;
    Ok(Store::open(&folder.database())?)
}

/// The variables that can override the config.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Shows problems on stderr, in colour where a person reads them.
fn show(problems: &[Diagnostic]) {
    let styled = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for problem in problems {
        eprintln!("{}\n", problem.draw(styled));
    }
}

/// "2 errors and 1 warning".
fn summary(problems: &[Diagnostic]) -> String {
    let of = |severity| problems.iter().filter(|problem| problem.severity() == severity).count();
    let counts =
        [(of(Severity::Error), "error"), (of(Severity::Warning), "warning"), (of(Severity::Note), "note")];
    let said: Vec<String> = counts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    match said.as_slice() {
        [] => "no problems".into(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn print_line(words: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_fmt(words)?;
    stdout.write_all(b"\n")?;
    Ok(stdout.flush()?)
}

/// Prints an answer as JSON.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    out!("{}", serde_json::to_string(value)?);
    Ok(())
}

/// The newsletter of this id, or which there are.
fn newsletter<'o>(open: &'o Open, id: &str) -> anyhow::Result<&'o Newsletter> {
    let config = &open.settings.config;
    if let Some(newsletter) = config.newsletter(id) {
        return Ok(newsletter);
    }
    let known: Vec<&str> = config.newsletters.iter().map(|newsletter| newsletter.id.as_str()).collect();
    match (closest(id, &known), known.is_empty()) {
        (Some(near), _) => bail!("there is no newsletter `{id}`; did you mean `{near}`?"),
        (None, true) => bail!("there is no newsletter yet; add `[newsletter.{id}]` to `config.toml`"),
        (None, false) => bail!("there is no newsletter `{id}`; write {}", list(&known, "or")),
    }
}

/// Fails, saying which there are, if a newsletter has no such cadence.
fn known_cadence(newsletter: &Newsletter, name: &str) -> anyhow::Result<()> {
    if newsletter.cadence(name).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = newsletter.cadences.iter().map(|cadence| cadence.name.as_str()).collect();
    bail!("`{}` has no cadence `{name}`; it has {}", newsletter.id, list(&known, "and"))
}

/// "issue 3 (dispatches) is done, 12 letters: 10 accepted, 2 refused".
fn issue_line(issue: &IssueSummary) -> String {
    let counts: Vec<String> = crate::delivery::DeliveryState::ALL
        .into_iter()
        .filter(|state| issue.count(*state) > 0)
        .map(|state| format!("{} {}", issue.count(state), state.as_str().replace('_', " ")))
        .collect();
    let cause = issue.cause.map(|cause| match &issue.words {
        Some(words) => format!(" ({}: {words})", cause.words()),
        None => format!(" ({})", cause.words()),
    });
    format!(
        "issue {} ({}) is {}{}, {}: {}",
        issue.issue,
        issue.newsletter,
        issue.state.as_str(),
        cause.unwrap_or_default(),
        count(issue.letters, "letter"),
        counts.join(", ")
    )
}
