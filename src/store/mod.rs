//! What readers and servers did: subscriptions, issues, deliveries; and the ledger of articles.
//!
//! Kept in `SQLite`. Each method is one domain act in one transaction, durable when it returns
//! (`synchronous = FULL`); what the author wrote is not here but in his files. All work is done by one
//! thread that owns the connection, so callers wait without blocking the runtime. Several processes
//! may share the file: each act takes the write lock from its beginning.

mod archives;
mod articles;
mod control;
mod counts;
mod deliveries;
mod hub;
mod issues;
mod readers;
mod readings;
mod schema;

use std::{path::Path, sync::mpsc, time::Duration};

use chrono::{DateTime, TimeZone, Utc};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

pub use archives::Archives;
pub use articles::{Few, GoodText, Ledger};
pub use control::{Resolution, Told};
pub use deliveries::{Group, Recorded, Recovered, Round, Terms, Want};
pub use hub::{Asked, DuePing, HubRequest, HubSubscription, Mode};
pub use issues::{Audit, AuditRow, Considered, IssueSummary, NewIssue, NewLetter, NewVariant, Opened};
pub use readers::{Change, Leaving, NewReader, Reader, Synced};
pub use readings::Reading;

/// How long an act waits for another process to finish its own.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// The store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened, written or made durable: nothing was changed. Try later.
    #[error("the database in data/ is not available: {0}")]
    Unavailable(String),
    /// Another version of the program wrote it.
    #[error("data/byline.sqlite was written by a newer Byline (schema {found}, this one knows {known})")]
    Newer {
        /// Of the file.
        found: i64,
        /// Of this program.
        known: i64,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Unavailable(error.to_string())
    }
}

/// What an act answers.
pub type Result<T> = std::result::Result<T, StoreError>;

type Act = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the store; clones share it.
#[derive(Clone)]
pub struct Store {
    acts: mpsc::Sender<Act>,
}

impl Store {
    /// Opens or makes the database at `path`, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        schema::migrate(&mut connection)?;
        let (acts, queue) = mpsc::channel::<Act>();
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                let _stop = StopOnPanic;
                queue.into_iter().for_each(|act| act(&mut connection));
            })
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { acts })
    }

    /// Runs `act` in one transaction on the store's thread.
    async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.begin(act)?.await.map_err(|_| ended())?
    }

    /// The same for whoever is on a thread that may wait.
    fn act_now<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let answer = self.begin(act)?;
        // Wherever it is called from: other work on this thread moves to another.
        tokio::task::block_in_place(|| answer.blocking_recv()).map_err(|_| ended())?
    }

    fn begin<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T>>> {
        let (answer, answered) = oneshot::channel();
        let work = move |connection: &mut Connection| {
            let _ = answer.send(in_transaction(connection, act)); // the asker may have gone
        };
        self.acts.send(Box::new(work)).map_err(|_| ended())?;
        Ok(answered)
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("its thread has ended".into())
}

/// A broken invariant of ours stops the program: the next start picks up from the rows. To go on without
/// a store would be to send what cannot be written down.
struct StopOnPanic;

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    act: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    // From the beginning: an act that reads first and then writes would fail where another process
    // wrote in between.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let answer = act(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}

fn to_ms(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_millis()
}

fn from_ms(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(ms).single().unwrap_or_default()
}
