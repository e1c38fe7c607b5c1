//! Deliveries become mail, and every outcome is written down before its connection goes on.
//!
//! One writer serves all lanes, each of which has one connection: it gathers the outcomes they bring and the
//! letters they ask for, puts both into one durable transaction, and answers. So after a crash at most one
//! letter a lane is in doubt, and no letter is ever sent that was not marked first.

mod lane;
mod letters;
mod queue;
mod steady;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

pub use self::writer::Pacing;
use self::{
    lane::{Crew, Hand, Shift, Worker},
    letters::Letters,
    writer::Writer,
};
use crate::{
    config,
    delivery::{Lane, Outcome, Turn, pace::Day},
    mailer::{Connection, Mailer, Trouble},
    message::Keys,
    newsletter::issue::{Cause, IssueId},
    store::{Group, Store, StoreError, Terms},
};

/// Sending stopped before everything due was sent.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The store is away: nothing goes out that could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no room to write down what would be sent.
    #[error("there is almost no room left on the disk of data/, so nothing is sent")]
    NoRoom,
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
    /// How fast they may go to whom.
    pub pace: config::Pace,
    /// How fast they go.
    pub pacing: Pacing,
    /// The author's, whose days count.
    pub zone: Tz,
    /// What time it is.
    pub clock: Clock,
    /// Hears at once of each issue that stops.
    pub on_pause: Listener,
}

/// Hears of an issue that stopped; it must not keep anybody waiting.
pub type Listener = Arc<dyn Fn(&Paused) + Send + Sync>;

impl Sender {
    /// Limits may be others than before, and so may the day.
    async fn heed(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let day = match self.pace.warm_up {
            None => None,
            Some(warm_up) => {
                let day = now.with_timezone(&self.zone).date_naive();
                Some(Day { most: warm_up.most(day), had: self.store.sent_on(day).await? })
            }
        };
        self.pacing.heed(self.pace.limits.clone(), day);
        Ok(())
    }

    /// What time it is, unless the clock has just jumped.
    fn now(&self) -> DateTime<Utc> {
        self.pacing.moment((self.clock)())
    }
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
            Outcome::NotSent { .. } | Outcome::GivenBack { .. } | Outcome::SenderRefused { .. } => return,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// All of them.
    pub fn total(&self) -> usize {
        [&self.accepted, &self.deferred, &self.refused, &self.in_doubt].iter().map(|n| n.load(Relaxed)).sum()
    }
}

/// What is left when sending has come to its end.
#[derive(Debug, Default)]
pub struct Sent {
    /// When the next letter is due, if any is open.
    pub later: Option<DateTime<Utc>>,
    /// Issues that stopped meanwhile.
    pub paused: Vec<Paused>,
    /// Why not everything due was sent.
    pub trouble: Option<DeliverError>,
}

impl Sent {
    fn pause(&mut self, sender: &Sender, paused: Paused) {
        (sender.on_pause)(&paused);
        self.paused.push(paused);
    }
}

/// An issue that stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// Which.
    pub issue: IssueId,
    /// Why.
    pub cause: Cause,
    /// What the server said; may be empty.
    pub words: String,
}

/// Sends everything that is due, and returns when nothing is, when `stop` is cancelled, or when the
/// server is in trouble.
pub async fn run_once(sender: &Sender, tally: &Arc<Tally>, stop: &CancellationToken) -> Sent {
    let mut sent = Sent::default();
    sent.trouble = run(sender, tally, stop, &mut sent).await.err();
    sent
}

async fn run(
    sender: &Sender,
    tally: &Arc<Tally>,
    stop: &CancellationToken,
    sent: &mut Sent,
) -> Result<(), DeliverError> {
    recover(sender, sent).await?;
    // Nothing due, nothing opened: a quiet newsroom does not knock at the mail server.
    let now = sender.now();
    let (due, to_come): (Vec<Group>, Vec<Group>) =
        sender.store.groups().await?.into_iter().partition(|group| group.due <= now);
    if due.is_empty() {
        sent.later = to_come.iter().map(|group| group.due).min();
        return Ok(());
    }
    sender.heed(now).await?;
    if !sender.pacing.has_room(&due) {
        sender.store.are_active(now).await?;
        sent.later = Some(sender.pacing.opens(&due, now).unwrap_or_else(|| tomorrow(sender.zone, now)));
        return Ok(());
    }
    if !sender.store.has_room() {
        return Err(DeliverError::NoRoom);
    }
    let lanes = sender.store.due(sender.mailer.connections(), now).await?;
    let mut first = sender.mailer.connection(0);
    match first.ready().await {
        Ok(()) => {}
        Err(Trouble::Login(words)) => return login_refused(sender, words, sent).await,
        Err(trouble) => return Err(trouble.into()),
    }
    send(sender, tally, stop, (lanes, first), sent).await
}

/// When the author's next day begins.
fn tomorrow(zone: Tz, now: DateTime<Utc>) -> DateTime<Utc> {
    let tomorrow = now.with_timezone(&zone).date_naive() + chrono::Days::new(1);
    let midnight = tomorrow.and_time(chrono::NaiveTime::MIN).and_local_timezone(zone).earliest();
    midnight.map_or(now + chrono::Duration::days(1), |midnight| midnight.to_utc())
}

/// Nothing is on its way now. What a row says is, was left by a sender that could not write it down.
async fn recover(sender: &Sender, sent: &mut Sent) -> Result<(), StoreError> {
    // By the earlier of two clocks, if one jumped: an issue is not late because of that.
    let now = sender.now().min((sender.clock)());
    let found = sender.store.recover(sender.terms, now).await?;
    if found.again + found.held + found.unsent > 0 {
        tracing::warn!(
            unsent = found.unsent,
            again = found.again,
            held = found.held,
            "letters were on their way when sending last stopped"
        );
    }
    sender.pacing.begin();
    for (issue, cause) in found.paused {
        sent.pause(sender, Paused { issue, cause, words: String::new() });
    }
    Ok(())
}

/// A wrong password does not mend itself, and servers count: nothing is tried again without the author.
async fn login_refused(sender: &Sender, words: String, sent: &mut Sent) -> Result<(), DeliverError> {
    for issue in sender.store.pause_all(Cause::Login, words.clone()).await? {
        sent.pause(sender, Paused { issue, cause: Cause::Login, words: words.clone() });
    }
    Ok(())
}

async fn send(
    sender: &Sender,
    tally: &Arc<Tally>,
    stop: &CancellationToken,
    (lanes, first): (usize, Connection),
    sent: &mut Sent,
) -> Result<(), DeliverError> {
    let most = sender.mailer.connections();
    let (requests, inbox) = mpsc::channel(most.max(1));
    let (wanted_lanes, mut wanted) = watch::channel(lanes);
    let writer = tokio::spawn(Writer::new(sender.clone(), stop.clone(), wanted_lanes).run(inbox));
    let letters = Arc::new(Letters::new(sender.store.clone()));
    let crew = Arc::<Crew>::default();
    let worker = |lane: u32, connection: Connection| Worker {
        lane: Lane(lane),
        connection,
        requests: requests.clone(),
        letters: letters.clone(),
        keys: sender.keys.clone(),
        tally: tally.clone(),
        stop: stop.clone(),
        shift: Some(Shift::of(&crew)),
        // Whatever was in doubt on this lane before is written down: `recover` was called.
        hand: Hand::empty(Turn::first(Lane(lane))),
    };
    // A number is used once: a lane that ended is not that of another.
    let mut next = 1..;
    let mut workers = JoinSet::new();
    // All of them, before the first begins, which may be the only one to find something to do.
    let others = next.by_ref().take(lanes.saturating_sub(1));
    let others: Vec<Worker> =
        others.map(|lane| worker(lane, sender.mailer.connection(lane as usize))).collect();
    for worker in std::iter::once(worker(0, first)).chain(others) {
        workers.spawn(worker.run());
    }
    let mut trouble = None;
    loop {
        tokio::select! {
            ended = workers.join_next() => match ended {
                // The others finish what they have on its way, whatever became of this one.
                Some(Ok(ended)) => trouble = worse(trouble, ended.err()),
                Some(Err(panic)) => trouble = worse(trouble, Some(DeliverError::NotTaken(panic.to_string()))),
                None => break,
            },
            // More has become due.
            Ok(()) = wanted.changed() => {
                let missing = (*wanted.borrow_and_update()).min(most).saturating_sub(workers.len());
                for lane in next.by_ref().take(missing) {
                    workers.spawn(worker(lane, sender.mailer.connection(lane as usize)).run());
                }
            }
        }
    }
    drop(requests);
    let rest = writer.await.map_err(|panic| StoreError::Unavailable(panic.to_string()))??;
    let has_paused = !rest.paused.is_empty();
    sent.paused.extend(rest.paused);
    sent.later = rest.later;
    if rest.is_full {
        return Err(DeliverError::NoRoom);
    }
    match trouble {
        None => Ok(()),
        // One connection too many for the server is no trouble if the others have sent everything.
        Some(DeliverError::Trouble(why)) => {
            sent.later = sender.store.next_due().await?;
            if sent.later.is_some_and(|due| due <= sender.now()) { Err(why.into()) } else { Ok(()) }
        }
        // The issue is paused, and says it better.
        Some(DeliverError::NotTaken(_)) if has_paused => Ok(()),
        Some(error) => Err(error),
    }
}

/// A letter that was not taken says more than a connection that was not had.
fn worse(one: Option<DeliverError>, other: Option<DeliverError>) -> Option<DeliverError> {
    match one {
        None | Some(DeliverError::Trouble(_)) => other.or(one),
        Some(_) => one,
    }
}
