//! One connection at work: it ends a letter and begins the next, and never ends two before the outcome of the
//! first is written down.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    DeliverError, Tally,
    letters::Letters,
    writer::{Answer, Request},
};
use crate::{
    delivery::{Claimed, Lane, Message, Outcome, Settled, Turn},
    mailer::{Begun, Connection, Trouble},
    message::{Addressee, Keys},
    store::StoreError,
};

/// What a letter says for itself that was claimed, and is not to be sent after all.
const RECALLED: &str = "the issue stopped, or the reader left";

/// A lane that cannot reach its server tries again after so long.
const REST: Duration = Duration::from_secs(30);

/// Letters in a row that did not come to their dot: then it is not the letters.
const LOST_MAX: usize = 3;

pub(super) struct Worker {
    pub(super) lane: Lane,
    pub(super) connection: Connection,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) letters: Arc<Letters>,
    pub(super) keys: Keys,
    pub(super) tally: Arc<Tally>,
    pub(super) stop: CancellationToken,
    pub(super) shift: Option<Shift>,
    pub(super) hand: Hand,
}

/// The lanes of a run. One that cannot reach its server rests, and tries again while others are at work.
#[derive(Debug, Default)]
pub(super) struct Crew {
    at_work: AtomicUsize,
    /// Nobody is at work any more.
    over: CancellationToken,
}

/// A lane at work, until it is dropped.
#[derive(Debug)]
pub(super) struct Shift(Arc<Crew>);

impl Shift {
    pub(super) fn of(crew: &Arc<Crew>) -> Self {
        crew.at_work.fetch_add(1, Relaxed);
        Self(crew.clone())
    }

    /// After a while, if others are still at work then.
    async fn after_a_rest(self) -> Option<Self> {
        let crew = self.0.clone();
        drop(self);
        tokio::select! {
            () = crew.over.cancelled() => None,
            () = tokio::time::sleep(REST) => Some(Self::of(&crew)),
        }
    }
}

impl Drop for Shift {
    fn drop(&mut self) {
        if self.0.at_work.fetch_sub(1, Relaxed) == 1 {
            self.0.over.cancel();
        }
    }
}

/// What a lane has in hand.
pub(super) struct Hand {
    /// Here whenever no letter is in flight.
    turn: Option<Turn>,
    /// The server waits for it.
    begun: Option<(Claimed, Message)>,
    claimed: VecDeque<Claimed>,
    /// What is not written down yet.
    settled: Vec<Settled>,
    /// Why letters in a row were not sent.
    lost: Vec<String>,
    /// Why letters in a row came back that were begun with one before.
    given_back: Vec<String>,
}

impl Hand {
    pub(super) fn empty(turn: Turn) -> Self {
        Self {
            turn: Some(turn),
            begun: None,
            claimed: VecDeque::new(),
            settled: Vec::new(),
            lost: Vec::new(),
            given_back: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.begun.is_none() && self.claimed.is_empty()
    }

    fn is_stuck(&self) -> bool {
        self.lost.len() + self.given_back.len() >= LOST_MAX
    }

    fn letters(&self) -> usize {
        usize::from(self.begun.is_some()) + self.claimed.len()
    }
}

impl Worker {
    pub(super) async fn run(mut self) -> Result<(), DeliverError> {
        let ended = loop {
            let ended = self.work().await;
            self.let_go("sending stopped").await?;
            match (ended, self.shift.take()) {
                (Err(DeliverError::Trouble(Trouble::Passing(why))), Some(shift)) => {
                    tracing::debug!(lane = self.lane.0, "a connection rests: {why}");
                    self.shift = shift.after_a_rest().await;
                    if self.shift.is_none() {
                        break Err(Trouble::Passing(why).into());
                    }
                }
                (ended, _) => break ended,
            }
        };
        self.connection.close().await;
        ended
    }

    async fn work(&mut self) -> Result<(), DeliverError> {
        loop {
            if self.hand.begun.is_none() {
                if !self.connection.is_ready() {
                    // Opening one may take a while, and an outcome does not wait for it in memory alone.
                    self.hand_in().await?;
                }
                self.connection.ready().await?;
            }
            if !self.hand.settled.is_empty() || self.hand.is_empty() {
                self.ask().await?;
            }
            if self.hand.is_stuck() {
                let reason = self.hand.lost.pop().or(self.hand.given_back.pop());
                return Err(DeliverError::NotTaken(reason.unwrap_or_default()));
            }
            // What was just recalled is to be handed in, and asked for anew.
            if self.hand.is_empty() && !self.hand.settled.is_empty() {
                continue;
            }
            let next = match self.hand.begun.is_none() || self.connection.looks_ahead() {
                true => self.hand.claimed.pop_front(),
                false => None,
            };
            match (self.hand.begun.take(), next) {
                // What it lost says more than that nothing is left.
                (None, None) => {
                    let lost = self.hand.lost.pop();
                    return lost.map_or(Ok(()), |reason| Err(DeliverError::NotTaken(reason)));
                }
                (None, Some(claimed)) => self.begin(claimed).await,
                (Some(begun), next) => self.end(begun, next).await,
            }
        }
    }

    async fn begin(&mut self, claimed: Claimed) {
        let message = match self.message(&claimed).await {
            Ok(message) => message,
            Err(why) => return self.note(claimed.unsent(Outcome::NotSent { reason: why.to_string() })),
        };
        match self.connection.begin(&message).await {
            Begun::Go => self.hand.begun = Some((claimed, message)),
            Begun::Not(outcome) => self.note(claimed.unsent(outcome)),
        }
    }

    async fn end(&mut self, (claimed, message): (Claimed, Message), next: Option<Claimed>) {
        let next = match next {
            None => None,
            Some(next) => match self.message(&next).await {
                Ok(message) => Some((next, message)),
                Err(why) => {
                    self.note(next.unsent(Outcome::NotSent { reason: why.to_string() }));
                    None
                }
            },
        };
        let turn = self.hand.turn.take().expect("the outcome of the letter before is written down");
        let in_flight = claimed.begin(turn);
        let ahead = next.as_ref().map(|(_, message)| message);
        let (outcome, begun) = self.connection.end(&in_flight, message, ahead).await;
        self.note(in_flight.settle(outcome));
        match (next, begun) {
            (Some(next), Some(Begun::Go)) => self.hand.begun = Some(next),
            (Some((next, _)), Some(Begun::Not(outcome))) => self.note(next.unsent(outcome)),
            (Some((next, _)), None) => self.hand.claimed.push_front(next),
            (None, _) => {}
        }
    }

    fn note(&mut self, settled: Settled) {
        match settled.outcome() {
            Outcome::NotSent { reason } => self.hand.lost.push(reason.clone()),
            Outcome::GivenBack { reason } => self.hand.given_back.push(reason.clone()),
            outcome => {
                self.hand.lost.clear();
                self.hand.given_back.clear();
                self.tally.count(outcome);
            }
        }
        self.hand.settled.push(settled);
    }

    /// Signing takes a millisecond with RSA: other work on this thread moves to another.
    async fn message(&self, claimed: &Claimed) -> Result<Message, StoreError> {
        let letter = self.letters.get(claimed.variant()).await?;
        let to = Addressee { address: claimed.to(), name: claimed.name() };
        let make = || letter.personalise(claimed.id(), to, &self.keys);
        Ok(if self.keys.dkim.is_empty() { make() } else { tokio::task::block_in_place(make) })
    }

    /// Hands in what came of letters, and asks for as many as fit into the hand.
    async fn ask(&mut self) -> Result<(), StoreError> {
        let room = if self.connection.looks_ahead() { 2 } else { 1 };
        let is_over = self.stop.is_cancelled() || self.hand.is_stuck();
        let want = if is_over { 0 } else { room - self.hand.letters().min(room) };
        let answer = self.request(want).await?;
        self.take(answer);
        Ok(())
    }

    fn take(&mut self, answer: Answer) {
        self.hand.turn = self.hand.turn.take().or(answer.turn);
        self.hand.claimed.extend(answer.claimed);
        let is_recalled = |claimed: &Claimed| answer.recalled.contains(&claimed.id());
        if self.hand.begun.as_ref().is_some_and(|(claimed, _)| is_recalled(claimed)) {
            self.abandon(RECALLED);
        }
        let (recalled, rest) = std::mem::take(&mut self.hand.claimed).into_iter().partition(is_recalled);
        self.hand.claimed = rest;
        self.release(recalled, RECALLED);
    }

    /// What is in hand goes back, unsent, and what came of letters is handed in.
    async fn let_go(&mut self, why: &str) -> Result<(), StoreError> {
        self.abandon(why);
        let claimed = std::mem::take(&mut self.hand.claimed);
        self.release(claimed, why);
        self.hand_in().await
    }

    /// Has what came of letters written down, if anything did.
    async fn hand_in(&mut self) -> Result<(), StoreError> {
        if !self.hand.settled.is_empty() {
            let answer = self.request(0).await?;
            self.take(answer);
        }
        Ok(())
    }

    fn abandon(&mut self, why: &str) {
        if let Some((claimed, _)) = self.hand.begun.take() {
            self.connection.abandon();
            self.release(VecDeque::from([claimed]), why);
        }
    }

    fn release(&mut self, claimed: VecDeque<Claimed>, why: &str) {
        let unsent = |claimed: Claimed| claimed.unsent(Outcome::GivenBack { reason: why.to_string() });
        self.hand.settled.extend(claimed.into_iter().map(unsent));
    }

    async fn request(&mut self, want: usize) -> Result<Answer, StoreError> {
        let (answer, answered) = oneshot::channel();
        let settled = std::mem::take(&mut self.hand.settled);
        // Whoever wants nothing is not kept waiting for it.
        let is_idle = self.hand.is_empty() && want > 0;
        let request = Request { lane: self.lane, settled, want, is_idle, answer };
        self.requests.send(request).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }
}

/// The writer stopped because the store did; its own error says why.
fn gone() -> StoreError {
    StoreError::Unavailable("an outcome could not be written down".into())
}
