//! What readers and servers did: subscriptions, issues, deliveries; and the ledger of articles.
//!
//! Kept in `SQLite`. Each method is one domain act in one transaction, durable when it returns
//! (`synchronous = FULL`); what the author wrote is not here but in his files. All work is done by one
//! thread that owns the connection, so callers wait without blocking the runtime. Several processes
//! may share the file: each act that writes takes the write lock from its beginning.

mod alerts;
mod archives;
mod articles;
mod audience;
mod claims;
mod control;
mod counts;
mod deliveries;
mod follow_ups;
mod hub;
mod issues;
mod readers;
mod readings;
mod recovery;
mod reports;
mod schema;

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use chrono::{DateTime, TimeZone, Utc};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, config::DbConfig};
use tokio::sync::oneshot;

pub use archives::Archives;
pub use articles::{Few, GoodText, Ledger};
pub use audience::{About, Audience, Crowd};
pub use claims::{Group, Want};
pub use control::{Resolution, Told};
pub use deliveries::{Recorded, Round, Terms, Version};
pub use hub::{Asked, DuePing, HubRequest, HubSubscription, Mode};
pub use issues::{Considered, NewCrowd, NewIssue, NewVariant, Opened};
pub use readers::{Change, Leaving, NewReader, Reader, Synced};
pub use readings::Reading;
pub use recovery::Recovered;
pub use reports::{Audit, AuditRow, IssueSummary};

/// Free on the disk, or nothing is claimed: the database's log and an outbox's letters need some of it.
const ROOM_BYTES: u64 = 64 << 20;

/// Prepared statements at hand: all that sending uses, and more.
const STATEMENTS_KEPT: usize = 128;

/// How long an act waits for another process to finish its own.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// The store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or written: nothing was changed. Try later.
    #[error("the database in data/ is not available: {0}")]
    Unavailable(String),
    /// Another process has it for too long. Nothing was changed. Try later.
    #[error(
        "another process has held the database in data/ for {} s; find out which, with `fuser data/byline.sqlite`",
        BUSY_TIMEOUT.as_secs()
    )]
    Busy,
    /// What it says cannot be trusted. Nothing is sent from it.
    #[error(
        "the database data/byline.sqlite is damaged ({0}); put back a copy from before, and nothing is sent until then"
    )]
    Damaged(String),
    /// The disk did not make sure of what was written, and nobody can say what of it is there. This process does
    /// not use it any more.
    #[error("the disk failed to keep what was written to data/ ({0}); look after the disk, then start again")]
    Lost(String),
    /// Another version of the program wrote it.
    #[error("data/byline.sqlite was written by a newer Byline (schema {found}, this one knows {known})")]
    Newer {
        /// Of the file.
        found: i64,
        /// Of this program.
        known: i64,
    },
}

impl StoreError {
    /// Whether the same may be done later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// What an act answers.
pub type Result<T> = std::result::Result<T, StoreError>;

type Act = Box<dyn FnOnce(&mut Kept) + Send>;

/// A handle to the store; clones share it.
#[derive(Clone)]
pub struct Store {
    acts: mpsc::Sender<Act>,
    folder: PathBuf,
}

impl Store {
    /// Opens or makes the database at `path`, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        // A plan may not depend on what is bound: SQLite would make it anew for each letter.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        schema::migrate(&mut connection)?;
        let (acts, queue) = mpsc::channel::<Act>();
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                let _stop = StopOnPanic;
                let mut kept = Kept { connection, lost: None };
                queue.into_iter().for_each(|act| act(&mut kept));
            })
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        Ok(Self { acts, folder })
    }

    /// Looks whether the file is whole: a damaged one must not say who gets what. Reads all of it.
    pub async fn check(&self) -> Result<()> {
        self.read(|tx| {
            let found: String = tx.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if found == "ok" { Ok(()) } else { Err(StoreError::Damaged(found)) }
        })
        .await
    }

    /// Whether there is room on its disk for what sending writes, with some to spare. Nobody may be sent what
    /// could not be written down.
    pub fn has_room(&self) -> bool {
        rustix::fs::statvfs(&self.folder).is_ok_and(|disk| disk.f_bavail * disk.f_frsize >= ROOM_BYTES)
    }

    /// Runs `act` in one transaction on the store's thread.
    async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // From the beginning: an act that reads first and then writes would fail where another process
        // wrote in between.
        self.begin(TransactionBehavior::Immediate, act)?.await.map_err(|_| ended())?
    }

    /// The same for what only reads: it keeps nobody from writing, and waits for nobody.
    async fn read<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.begin(TransactionBehavior::Deferred, act)?.await.map_err(|_| ended())?
    }

    /// The same for whoever is on a thread that may wait.
    fn act_now<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let answer = self.begin(TransactionBehavior::Immediate, act)?;
        // Wherever it is called from: other work on this thread moves to another.
        tokio::task::block_in_place(|| answer.blocking_recv()).map_err(|_| ended())?
    }

    fn begin<T: Send + 'static>(
        &self,
        behavior: TransactionBehavior,
        act: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T>>> {
        let (answer, answered) = oneshot::channel();
        let work = move |kept: &mut Kept| {
            let _ = answer.send(kept.in_transaction(behavior, act)); // the asker may have gone
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

/// What the store's thread has.
struct Kept {
    connection: Connection,
    /// Why it is not used any more.
    lost: Option<String>,
}

impl Kept {
    fn in_transaction<T>(
        &mut self,
        behavior: TransactionBehavior,
        act: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        if let Some(why) = &self.lost {
            return Err(StoreError::Lost(why.clone()));
        }
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        let answer = act(&transaction)?;
        let Err(why) = transaction.commit() else { return Ok(answer) };
        if is_lost(&why) {
            self.lost = Some(why.to_string());
            return Err(StoreError::Lost(why.to_string()));
        }
        Err(why.into())
    }
}

/// Whether it was the fsync that failed: the system may have thrown away what it could not write, and a second
/// one would succeed without it.
fn is_lost(why: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC};
    let code = why.sqlite_error().map(|error| error.extended_code);
    code.is_some_and(|code| code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
}

fn to_ms(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_millis()
}

fn from_ms(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(ms).single().unwrap_or_default()
}
