//! Deliveries become mail, and every outcome is written down before its connection goes on.
//!
//! One writer serves all connections: it gathers the outcomes they hand in and the letters they ask
//! for, puts both into one durable transaction, and answers. So after a crash at most one letter a
//! connection is in doubt, and no letter is ever sent that was not marked first.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    delivery::{Claimed, Outcome, Settled, VariantId},
    mailer::{Connection, Mailer, Trouble},
    message::{Addressee, Compiled, Keys},
    store::{Claims, Store, StoreError, Terms},
};

/// Rendered letters kept at hand; an issue has one for each group of readers.
const VARIANTS_KEPT_MAX: usize = 64;

/// Letters in a row at which a connection was lost before their dot: then it is not the letters.
const LOST_MAX: usize = 3;

/// While the store is away, how often and how long it is asked again.
const STORE_TRIES_MAX: usize = 300;
const STORE_TRY_AGAIN: Duration = Duration::from_secs(1);

/// Sending stopped before everything due was sent.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The store is away: nothing goes out that could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The mail server is away or refuses us.
    #[error("the mail server does not take letters: {0}")]
    Trouble(#[from] Trouble),
    /// Letters were begun, and it hung up on them or refused their sender.
    #[error("the mail server does not take letters: {0}")]
    NotTaken(String),
}

/// What it takes to send.
#[derive(Clone)]
pub struct Sender {
    /// Where deliveries are.
    pub store: Store,
    /// How letters leave.
    pub mailer: Mailer,
    /// What they are signed with.
    pub keys: Keys,
    /// Under which terms.
    pub terms: Terms,
    /// What time it is.
    pub clock: Clock,
}

/// What time it is whenever it is asked: sending takes time, and a letter put off is due by it.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What came of the letters so far; read it while they go out.
#[derive(Debug, Default)]
pub struct Tally {
    /// Taken by the server, or written.
    pub accepted: AtomicUsize,
    /// To be tried again later.
    pub deferred: AtomicUsize,
    /// Never to be tried again.
    pub refused: AtomicUsize,
    /// The server may have them.
    pub in_doubt: AtomicUsize,
}

impl Tally {
    fn count(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Accepted { .. } => &self.accepted,
            Outcome::Deferred { .. } => &self.deferred,
            Outcome::Refused { .. } => &self.refused,
            Outcome::InDoubt { .. } => &self.in_doubt,
            Outcome::NotSent { .. } => return,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// All of them.
    pub fn total(&self) -> usize {
        [&self.accepted, &self.deferred, &self.refused, &self.in_doubt].iter().map(|n| n.load(Relaxed)).sum()
    }
}

/// Sends everything that is due, and returns when nothing is, when `stop` is cancelled, or when the
/// server is in trouble. When the next letter is due, if any is open.
pub async fn run_once(
    sender: &Sender,
    tally: &Arc<Tally>,
    stop: &CancellationToken,
) -> Result<Option<DateTime<Utc>>, DeliverError> {
    // Nothing is on its way now. What a row says is, was left by a sender that could not write it down.
    let left = sender.store.recover(sender.terms, (sender.clock)()).await?;
    if left.again + left.held > 0 {
        tracing::warn!(
            again = left.again,
            held = left.held,
            "letters were on their way when sending last stopped"
        );
    }
    // Nothing due, nothing opened: a quiet newsroom does not knock at the mail server.
    match sender.store.next_due().await? {
        Some(due) if due <= (sender.clock)() => {}
        later => return Ok(later),
    }
    let (requests, inbox) = mpsc::channel(sender.mailer.connections());
    let writer = tokio::spawn(write(sender.clone(), inbox, stop.clone()));
    let letters = Arc::new(Letters::new(sender.store.clone()));
    let mut workers = JoinSet::new();
    for _ in 0..sender.mailer.connections() {
        let worker = Worker {
            connection: sender.mailer.connection(),
            requests: requests.clone(),
            letters: letters.clone(),
            keys: sender.keys.clone(),
            tally: tally.clone(),
            stop: stop.clone(),
        };
        workers.spawn(worker.run());
    }
    drop(requests);
    let mut trouble = None;
    while let Some(ended) = workers.join_next().await {
        // The others finish what they have on its way, whatever became of this one.
        let ended = ended.unwrap_or_else(|panic| Err(DeliverError::NotTaken(panic.to_string())));
        trouble = worse(trouble, ended.err());
    }
    let next_due = writer.await.map_err(|panic| StoreError::Unavailable(panic.to_string()))??;
    match trouble {
        // One connection too many for the server is no trouble if the others have sent everything.
        Some(DeliverError::Trouble(why)) => match sender.store.next_due().await? {
            Some(due) if due <= (sender.clock)() => Err(why.into()),
            later => Ok(later),
        },
        Some(error) => Err(error),
        None => Ok(next_due),
    }
}

/// A letter that was not taken says more than a connection that was not had.
fn worse(one: Option<DeliverError>, other: Option<DeliverError>) -> Option<DeliverError> {
    match one {
        None | Some(DeliverError::Trouble(_)) => other.or(one),
        Some(_) => one,
    }
}

/// A connection hands in its last outcome and asks for its next letter, or takes leave.
struct Request {
    settled: Option<Settled>,
    next: Option<oneshot::Sender<Option<Claimed>>>,
}

/// The one writer. Ends when every connection has.
async fn write(
    sender: Sender,
    mut inbox: mpsc::Receiver<Request>,
    stop: CancellationToken,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let mut next_due = None;
    let mut requests = Vec::new();
    while inbox.recv_many(&mut requests, sender.mailer.connections()).await > 0 {
        let mut settled = Vec::new();
        let mut waiting = Vec::new();
        for request in requests.drain(..) {
            settled.extend(request.settled);
            waiting.extend(request.next);
        }
        let claims = settle_and_claim(&sender, Arc::new(settled), waiting.len(), &stop).await?;
        next_due = claims.next_due;
        let mut claimed = claims.claimed.into_iter();
        for asker in waiting {
            // A connection waits for its answer or has none: it cannot have gone away in between.
            let _ = asker.send(claimed.next());
        }
    }
    Ok(next_due)
}

/// What came of letters is known here and nowhere else: while the store is away, a full disk say, it is
/// brought again and again, and nothing more goes out.
async fn settle_and_claim(
    sender: &Sender,
    settled: Arc<Vec<Settled>>,
    want: usize,
    stop: &CancellationToken,
) -> Result<Claims, StoreError> {
    let mut tries = 0;
    loop {
        let now = (sender.clock)();
        match sender.store.settle_and_claim(settled.clone(), want, sender.terms, now).await {
            Err(why) if tries < STORE_TRIES_MAX && !stop.is_cancelled() => {
                if tries == 0 {
                    tracing::error!("outcomes cannot be written down, so nothing is sent: {why}");
                }
                tries += 1;
                tokio::time::sleep(STORE_TRY_AGAIN).await;
            }
            answered => return answered,
        }
    }
}

/// The letters of open issues, each read from the store and compiled once.
struct Letters {
    store: Store,
    kept: Mutex<HashMap<VariantId, Arc<Compiled>>>,
}

impl Letters {
    fn new(store: Store) -> Self {
        Self { store, kept: Mutex::default() }
    }

    async fn get(&self, id: VariantId) -> Result<Arc<Compiled>, StoreError> {
        let kept = |letters: &Self| letters.kept.lock().expect("no one panics holding it").get(&id).cloned();
        if let Some(letter) = kept(self) {
            return Ok(letter);
        }
        let (frame, variant) = self.store.variant(id).await?;
        let letter = Arc::new(Compiled::new(&frame, &variant));
        let mut letters = self.kept.lock().expect("no one panics holding it");
        if letters.len() >= VARIANTS_KEPT_MAX {
            letters.clear();
        }
        letters.insert(id, letter.clone());
        Ok(letter)
    }
}

/// One connection at work.
struct Worker {
    connection: Connection,
    requests: mpsc::Sender<Request>,
    letters: Arc<Letters>,
    keys: Keys,
    tally: Arc<Tally>,
    stop: CancellationToken,
}

impl Worker {
    async fn run(mut self) -> Result<(), DeliverError> {
        let ended = self.work().await;
        self.connection.close().await;
        ended
    }

    async fn work(&mut self) -> Result<(), DeliverError> {
        let mut settled = None;
        let mut lost = Vec::new();
        loop {
            if self.stop.is_cancelled() {
                return self.hand_in(settled.take()).await;
            }
            // Before a claim: a server that is away must cost no reader anything.
            if let Err(trouble) = self.connection.ready().await {
                self.hand_in(settled.take()).await?;
                return Err(trouble.into());
            }
            let next = match lost.len() {
                LOST_MAX.. => self.hand_in(settled.take()).await.map(|()| None)?,
                _ => self.ask(settled.take()).await?,
            };
            let Some(claimed) = next else {
                return lost.pop().map_or(Ok(()), |reason| Err(DeliverError::NotTaken(reason)));
            };
            let outcome = self.send(claimed).await;
            if let Outcome::NotSent { reason } = outcome.outcome() {
                lost.push(reason.clone());
            } else {
                lost.clear();
                self.tally.count(outcome.outcome());
            }
            settled = Some(outcome);
        }
    }

    async fn send(&mut self, claimed: Claimed) -> Settled {
        let letter = match self.letters.get(claimed.variant()).await {
            Ok(letter) => letter,
            Err(why) => return claimed.release(why.to_string()),
        };
        let to = Addressee { address: claimed.to(), name: claimed.name() };
        let message = letter.personalise(claimed.id(), to, &self.keys);
        let in_flight = claimed.begin();
        let outcome = self.connection.send(&in_flight, &message).await;
        in_flight.settle(outcome)
    }

    /// Hands in the last outcome and asks for the next letter; none if nothing more is due.
    async fn ask(&self, settled: Option<Settled>) -> Result<Option<Claimed>, StoreError> {
        let (next, answer) = oneshot::channel();
        self.request(Request { settled, next: Some(next) }).await?;
        answer.await.map_err(|_| gone())
    }

    async fn hand_in(&self, settled: Option<Settled>) -> Result<(), DeliverError> {
        if settled.is_some() {
            self.request(Request { settled, next: None }).await?;
        }
        Ok(())
    }

    async fn request(&self, request: Request) -> Result<(), StoreError> {
        self.requests.send(request).await.map_err(|_| gone())
    }
}

/// The writer stopped because the store did; its own error says why.
fn gone() -> StoreError {
    StoreError::Unavailable("an outcome could not be written down".into())
}
