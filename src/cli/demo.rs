//! `byline demo sink|crash`: sending tried out, with a mail server that is part of the program.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};

use super::Ended;
use crate::{
    diagnostic::count,
    sink::{Accepted, Keeping, Sink},
};

/// Readers of the demonstration, at the most: it is to be over soon.
const READERS_MAX: u64 = 100_000;
/// Its connections: so many letters can be in doubt.
const CONNECTIONS: usize = 8;
/// The issue is over in this time, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Run a mail server that takes letters and delivers none, until it is stopped.
    Sink {
        /// How long an answer takes; those to commands that came together come together.
        #[arg(long, value_name = "MS", default_value_t = 0)]
        delay_ms: u64,
        /// Keep each letter's line in this folder, in `accepted.log`, on disk before it is answered.
        #[arg(long, value_name = "DIR")]
        log: Option<std::path::PathBuf>,
    },
    /// Kill a sender in the middle of an issue, start it again, and show who got what.
    Crash {
        /// How many readers.
        #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(10..=READERS_MAX))]
        readers: u64,
        /// How often it is killed.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
        kills: u64,
        /// Hold letters in doubt instead of sending them again.
        #[arg(long)]
        hold: bool,
    },
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Ended> {
    match arguments.command {
        What::Sink { delay_ms, log } => sink(Duration::from_millis(delay_ms), log.as_deref()).await,
        What::Crash { readers, kills, hold } => {
            tokio::task::spawn_blocking(move || crash(readers as usize, kills as usize, hold)).await?
        }
    }
}

async fn sink(delay: Duration, log: Option<&Path>) -> anyhow::Result<Ended> {
    let keeping = if log.is_some() { Keeping::Everything } else { Keeping::Counts };
    let folder = log.unwrap_or(Path::new("."));
    let sink = Sink::builder(folder).reply_delay(delay).keeping(keeping).listen()?;
    out!("takes letters on 127.0.0.1:{}", sink.port());
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    out!("took {}", count(sink.taken(), "letter"));
    Ok(Ended::Done)
}

/// A newsroom of invented readers in a temporary folder, and the program itself, killed and started again.
fn crash(readers: usize, kills: usize, hold: bool) -> anyhow::Result<Ended> {
    let folder = std::env::temp_dir().join(format!("byline-demo-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let shown = show(&folder, readers, kills, hold);
    fs::remove_dir_all(&folder)?;
    shown
}

fn show(folder: &Path, readers: usize, kills: usize, hold: bool) -> anyhow::Result<Ended> {
    let sink = Sink::builder(folder).reply_delay(Duration::from_millis(1)).listen()?;
    write_newsroom(folder, sink.port(), readers, hold)?;
    let opened = byline(folder, &["send", "dispatches", "--yes"]).output()?;
    if !opened.status.success() {
        bail!("the issue could not be made: {}", String::from_utf8_lossy(&opened.stderr).trim());
    }
    eprintln!("an issue to {}, over {CONNECTIONS} connections", count(readers, "reader"));
    for kill in 1..=kills {
        let mut sender = byline(folder, &["deliver"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        wait(&sink, readers * kill / (kills + 1), &mut sender)?;
        sender.kill()?; // kill -9: it learns nothing of it
        sender.wait()?;
        eprintln!("killed when the server had taken {}", sink.taken());
    }
    let ended = byline(folder, &["deliver"]).stderr(Stdio::null()).output()?;
    out!("{}", String::from_utf8_lossy(&ended.stdout).trim());
    let audit = byline(folder, &["audit", "1", "--summary", "--against", "accepted.log"]).output()?;
    out!("{}", String::from_utf8_lossy(&audit.stdout).trim());
    report(&sink.accepted(), readers, kills, hold)
}

/// What the server says, which knows nothing of the program's rows.
fn report(accepted: &[Accepted], readers: usize, kills: usize, hold: bool) -> anyhow::Result<Ended> {
    let mut by_reader: BTreeMap<&str, Vec<&Accepted>> = BTreeMap::new();
    for letter in accepted {
        by_reader.entry(&letter.recipient).or_default().push(letter);
    }
    let (missed, copies) = (readers - by_reader.len(), accepted.len() - by_reader.len());
    let alike = by_reader.values().all(|letters| {
        letters
            .iter()
            .all(|letter| (&letter.message_id, &letter.hash) == (&letters[0].message_id, &letters[0].hash))
    });
    let bound = if hold { 0 } else { kills * CONNECTIONS };
    let same = if copies == 0 {
        ""
    } else if alike {
        ", all with the same Message-ID and bytes"
    } else {
        ", NOT ALL ALIKE"
    };
    out!(
        "the server’s own log: {} of {} got the letter, {missed} missed; {} (at most {bound}){same}",
        by_reader.len(),
        count(readers, "reader"),
        count(copies, "copy").replace("copys", "copies"),
    );
    let missed_allowed = if hold { kills * CONNECTIONS } else { 0 };
    let holds = missed <= missed_allowed && copies <= bound && alike;
    Ok(if holds { Ended::Done } else { Ended::Failed })
}

fn wait(sink: &Sink, letters: usize, sender: &mut Child) -> anyhow::Result<()> {
    let since = Instant::now();
    while sink.taken() < letters {
        if sender.try_wait()?.is_some() || since.elapsed() > PATIENCE {
            bail!("the sender stopped before it was killed");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn byline(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| "byline".into()));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command
}

fn write_newsroom(folder: &Path, port: u16, readers: usize, hold: bool) -> anyhow::Result<()> {
    let when_in_doubt = if hold { "hold" } else { "resend" };
    let config = format!(
        "[site]\nurl = \"https://far-bank.example/\"\ntitle = \"The Far Bank\"\nauthor = \"Shirin Example\"\n\
         languages = [\"en\"]\n[mail]\nfrom = \"Shirin Example <shirin@far-bank.example>\"\ntransport = \"smtp\"\n\
         when_in_doubt = \"{when_in_doubt}\"\n[mail.smtp]\nhost = \"127.0.0.1\"\nport = {port}\n\
         security = \"none\"\nconnections = {CONNECTIONS}\n[newsletter.dispatches]\nname = \"Dispatches\"\n\
         [newsletter.dispatches.cadence]\nweekly = \"Fri 08:00\"\n"
    );
    fs::write(folder.join("config.toml"), config)?;
    fs::create_dir_all(folder.join("articles"))?;
    fs::write(
        folder.join("articles/wells.md"),
        "---\ntitle: The wells of the far bank\ndate: 2026-03-01\n---\nWater runs under the town.\n",
    )?;
    fs::create_dir_all(folder.join("subscribers"))?;
    let rows: String = (1..=readers).map(|reader| format!("reader{reader}@example.org\n")).collect();
    fs::write(folder.join("subscribers/dispatches.csv"), format!("email\n{rows}"))?;
    Ok(())
}
