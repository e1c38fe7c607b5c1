//! `byline serve`

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Ended, Open, environment, print_line};
use crate::{
    daemon::{Daemon, Lock, LockError},
    mailer::Mailer,
    newsroom::Folder,
};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Where to listen, instead of where the config says; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

pub(super) async fn run(folder: Folder, arguments: Arguments) -> anyhow::Result<Ended> {
    let Some(open) = Open::at(&folder)? else { return Ok(Ended::CannotRun) };
    let _serving = match Lock::take(&folder.data().join("serve.lock")) {
        Ok(lock) => lock,
        Err(LockError::Held(pid)) => {
            bail!("`byline serve` is already running on this folder, as process {pid}")
        }
        Err(why) => return Err(why).context("cannot lock data/serve.lock"),
    };
    let _sending = match Lock::take(&folder.data().join("sender.lock")) {
        Ok(lock) => lock,
        Err(LockError::Held(pid)) => {
            bail!("process {pid} is sending letters; wait until it is done, or stop it")
        }
        Err(why) => return Err(why).context("cannot lock data/sender.lock"),
    };
    open.store.check().await?;
    let config = &open.settings.config;
    let mailer = Mailer::new(&config.mail.transport, &folder.outbox())?;
    let address = arguments.listen.unwrap_or(config.serve.listen);
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    let daemon = Daemon {
        folder,
        settings: open.settings.clone(),
        environment: environment(),
        store: open.store,
        mailer,
    };
    let ready = move || {
        // Whoever started it may wait for this line; if nobody does, it serves all the same.
        let _ = print_line(format_args!("listening on http://{address}"));
    };
    daemon.run(listener, ready, stop).await?;
    Ok(Ended::Done)
}

/// The first signal stops in order, the second at once.
pub(super) fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.is_cancelled() {
                std::process::exit(1);
            }
            stop.cancel();
        }
    });
    Ok(())
}
