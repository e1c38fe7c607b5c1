//! The one writer: it gathers what all lanes bring and ask for into one durable transaction, and answers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{Paused, Sender, queue::Queue, steady::Steady};
use crate::{
    delivery::{
        Claimed, DeliveryId, Lane, Settled, Turn,
        breaker::Breaker,
        pace::{Day, Limits, Pace},
    },
    store::{Group, Recorded, Round, StoreError, Version, Want},
};

/// While the store is away, it is asked again so often.
const STORE_TRY_AGAIN: Duration = Duration::from_secs(1);
/// Once it is to stop, for so long at the most; who stops it waits for 30 s.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// A provider that is to be left alone for longer is left to another run.
const PATIENCE: Duration = Duration::from_secs(60);

/// How fast letters go to each provider, and what time it is: both remembered from run to run.
#[derive(Debug, Clone)]
pub struct Pacing {
    pace: Arc<Mutex<Pace>>,
    steady: Arc<Mutex<Steady>>,
    since: Instant,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { pace: Arc::default(), steady: Arc::default(), since: Instant::now() }
    }
}

impl Pacing {
    /// The moment, if the clock on the wall says `wall`.
    pub(super) fn moment(&self, wall: DateTime<Utc>) -> DateTime<Utc> {
        self.steady.lock().expect("nothing panics while holding it").moment(wall, self.now())
    }

    /// A run begins, and nothing is left of the one before.
    pub(super) fn begin(&self) {
        self.pace().none_is_under_way();
    }

    /// From now on, these limits, and those of the day if it has any.
    pub(super) fn heed(&self, limits: Limits, day: Option<Day>) {
        self.pace().limit(limits, day);
    }

    /// Whether a letter of any of these may begin now.
    pub(super) fn has_room(&self, groups: &[Group]) -> bool {
        let (pace, now) = (self.pace(), self.now());
        groups.iter().any(|group| pace.room(&group.provider, now) > 0)
    }

    /// When a letter of one of these may begin, if only time keeps it from that.
    pub(super) fn opens(&self, groups: &[Group], moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (pace, now) = (self.pace(), self.now());
        let today = groups.iter().filter(|group| !pace.is_full_today(&group.provider));
        let opens = today.filter_map(|group| pace.opens(&group.provider, now)).min()?;
        Some(moment + chrono::Duration::from_std(opens.saturating_sub(now)).unwrap_or_default())
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().expect("nothing panics while holding it")
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }
}

/// What a lane brings and asks for.
pub(super) struct Request {
    pub(super) lane: Lane,
    pub(super) settled: Vec<Settled>,
    pub(super) want: usize,
    /// Nothing is under way on it, so it can wait for its answer.
    pub(super) is_idle: bool,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What a lane gets.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// It may send its next final dot.
    pub(super) turn: Option<Turn>,
    pub(super) claimed: Vec<Claimed>,
    /// Of what it has claimed, this is not to be sent.
    pub(super) recalled: Vec<DeliveryId>,
}

/// A lane that waits, and what it has got so far.
struct Asker {
    lane: Lane,
    want: usize,
    is_idle: bool,
    answer: oneshot::Sender<Answer>,
    got: Answer,
}

impl Asker {
    /// How many letters it still asks for.
    fn wants(&self) -> usize {
        self.want - self.got.claimed.len().min(self.want)
    }
}

pub(super) struct Writer {
    sender: Sender,
    stop: CancellationToken,
    queue: Queue,
    breaker: Breaker,
    turns: i64,
    waiting: Vec<Asker>,
    paused: Vec<Paused>,
    /// What lanes have to be told of, when they ask next.
    recalled: HashMap<Lane, Vec<DeliveryId>>,
    version: Option<Version>,
    /// For how many lanes there is work.
    wanted_lanes: watch::Sender<usize>,
    is_full: bool,
}

/// What is left when every lane has ended.
pub(super) struct Rest {
    pub(super) later: Option<DateTime<Utc>>,
    pub(super) paused: Vec<Paused>,
    /// There was no room to write down more.
    pub(super) is_full: bool,
}

impl Writer {
    pub(super) fn new(sender: Sender, stop: CancellationToken, wanted_lanes: watch::Sender<usize>) -> Self {
        Self {
            sender,
            stop,
            queue: Queue::default(),
            breaker: Breaker::default(),
            turns: 0,
            waiting: Vec::new(),
            paused: Vec::new(),
            recalled: HashMap::new(),
            version: None,
            wanted_lanes,
            is_full: false,
        }
    }

    /// Serves lanes until all have ended.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Request>) -> Result<Rest, StoreError> {
        let mut requests = Vec::new();
        loop {
            let wakes = self.wakes();
            tokio::select! {
                got = inbox.recv_many(&mut requests, usize::MAX >> 1) => if got == 0 { break },
                () = sleep_until(wakes), if !self.is_over() => {}
                () = self.stop.cancelled(), if !self.waiting.is_empty() => {}
            }
            self.serve(&mut requests).await?;
        }
        Ok(Rest { later: self.queue.later(), paused: self.paused, is_full: self.is_full })
    }

    async fn serve(&mut self, requests: &mut Vec<Request>) -> Result<(), StoreError> {
        let mut round = Round::default();
        for request in requests.drain(..) {
            let Request { lane, settled, want, is_idle, answer } = request;
            round.settled.extend(settled);
            self.waiting.push(Asker { lane, want, is_idle, answer, got: Answer::default() });
        }
        self.note(&mut round);
        self.is_full = self.is_full || !self.sender.store.has_room();
        let mut has_looked = false;
        loop {
            if !has_looked && self.is_to_look() {
                has_looked = true;
                // A letter that comes back now is due too; and an error of looking must lose no outcome.
                if !round.settled.is_empty() {
                    let recorded = self.record(std::mem::take(&mut round)).await?;
                    self.hand_out(recorded);
                }
                self.look().await?;
            }
            self.choose(&mut round);
            if round.settled.is_empty() && round.wants.is_empty() {
                break;
            }
            let recorded = self.record(std::mem::take(&mut round)).await?;
            // Where less was due than was thought, there may be more elsewhere.
            let is_short = !recorded.dry.is_empty();
            self.hand_out(recorded);
            if !is_short {
                break;
            }
        }
        self.answer();
        Ok(())
    }

    /// Looks up what is due, and what the day allows. While the store is away, again and again, unless sending is to
    /// stop: lanes may have letters under way, and bring here what came of them.
    async fn look(&mut self) -> Result<(), StoreError> {
        let mut has_failed = false;
        loop {
            let now = self.sender.now();
            match self.due(now).await {
                Ok((groups, due)) => {
                    self.queue.fill(groups, now, self.sender.pacing.now());
                    self.wanted_lanes.send_replace(due);
                    return Ok(());
                }
                Err(why) if !why.may_pass() => return Err(why),
                Err(_) if self.stop.is_cancelled() => return Ok(()),
                Err(why) => {
                    if !has_failed {
                        tracing::error!("what is due cannot be looked up, so nothing is sent: {why}");
                    }
                    has_failed = true;
                    tokio::time::sleep(STORE_TRY_AGAIN).await;
                }
            }
        }
    }

    /// Who has letters that are due or to come, and how many are due, as far as that says something for lanes.
    async fn due(&self, now: DateTime<Utc>) -> Result<(Vec<Group>, usize), StoreError> {
        self.sender.heed(now).await?;
        let groups = self.sender.store.groups().await?;
        let due = self.sender.store.due(self.sender.mailer.connections(), now).await?;
        Ok((groups, due))
    }

    /// What outcomes say about us and about providers.
    fn note(&mut self, round: &mut Round) {
        let now = self.sender.pacing.now();
        let mut pace = self.sender.pacing.pace();
        for settled in &round.settled {
            pace.ended(settled.provider(), settled, now);
            round.stops.extend(self.breaker.note(settled));
        }
    }

    fn wanted(&self) -> usize {
        if self.is_over() { 0 } else { self.waiting.iter().map(Asker::wants).sum() }
    }

    fn is_to_look(&self) -> bool {
        let now = self.sender.pacing.now();
        let is_old = self.queue.old_at().is_none_or(|old| now >= old);
        !self.is_over() && (is_old || (self.wanted() > 0 && self.queue.is_empty()))
    }

    fn is_over(&self) -> bool {
        self.stop.is_cancelled() || self.is_full
    }

    /// Letters for those who ask, one each before anybody gets a second.
    fn choose(&mut self, round: &mut Round) {
        let now = self.sender.pacing.now();
        let chosen = self.queue.next(self.wanted(), &self.sender.pacing.pace(), now);
        let most = self.waiting.iter().map(Asker::wants).max().unwrap_or(0);
        let askers = (0..most).flat_map(|nth| {
            self.waiting.iter().filter(move |asker| nth < asker.wants()).map(|asker| asker.lane)
        });
        for (lane, (issue, provider)) in askers.zip(chosen) {
            self.turns += 1;
            round.wants.push(Want { lane, turn: self.turns, issue, provider });
        }
    }

    /// What came of letters is known here and nowhere else: while the store is away, a full disk say, it is
    /// brought again and again, and nothing more goes out.
    async fn record(&mut self, mut round: Round) -> Result<Recorded, StoreError> {
        let (mut has_failed, mut stopped) = (false, None);
        round.version = self.version;
        loop {
            let now = self.sender.now();
            match self.sender.store.record(round, self.sender.terms, now).await {
                Ok(recorded) => return Ok(recorded),
                Err((back, why)) if why.may_pass() && !self.has_waited_enough(&mut stopped) => {
                    if !has_failed {
                        tracing::error!("outcomes cannot be written down, so nothing is sent: {why}");
                    }
                    round = back;
                    has_failed = true;
                    tokio::time::sleep(STORE_TRY_AGAIN).await;
                }
                Err((_, why)) => return Err(why),
            }
        }
    }

    /// Whoever stops it waits a while, and no longer.
    fn has_waited_enough(&self, stopped: &mut Option<Instant>) -> bool {
        self.stop.is_cancelled() && stopped.get_or_insert_with(Instant::now).elapsed() > STOP_PATIENCE
    }

    fn hand_out(&mut self, recorded: Recorded) {
        let now = self.sender.pacing.now();
        let Recorded { turns, claimed, dry, paused, recalled, version } = recorded;
        self.version = version;
        for group in &dry {
            self.queue.dry(group);
        }
        let by_lane: HashMap<Lane, usize> =
            self.waiting.iter().enumerate().map(|(at, asker)| (asker.lane, at)).collect();
        for turn in turns {
            if let Some(at) = by_lane.get(&turn.lane()) {
                self.waiting[*at].got.turn = Some(turn);
            }
        }
        let mut pace = self.sender.pacing.pace();
        for (lane, letter) in claimed {
            pace.began(letter.provider(), 1, now);
            if let Some(at) = by_lane.get(&lane) {
                self.waiting[*at].got.claimed.push(letter);
            }
        }
        drop(pace);
        for (issue, cause, words) in paused {
            let paused = Paused { issue, cause, words };
            (self.sender.on_pause)(&paused);
            self.paused.push(paused);
        }
        for (lane, letter) in recalled {
            self.recalled.entry(lane).or_default().push(letter);
        }
    }

    /// Answers everybody who has got something, who has something to do, or for whom there will be nothing.
    fn answer(&mut self) {
        let may_wait = !self.is_over() && !self.queue.is_empty() && self.is_worth_waiting();
        let (waiting, ready): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|asker| may_wait && asker.is_idle && asker.got.claimed.is_empty());
        self.waiting = waiting;
        for mut asker in ready {
            let recalled = self.recalled.remove(&asker.lane).unwrap_or_default();
            // What was claimed since is meant.
            let is_anew = |id: &DeliveryId| asker.got.claimed.iter().any(|claimed| claimed.id() == *id);
            asker.got.recalled = recalled.into_iter().filter(|id| !is_anew(id)).collect();
            // A lane waits for its answer or has none: it cannot have gone away in between.
            let _ = asker.answer.send(asker.got);
        }
    }

    /// Whether somebody will be let go on soon: because letters are under way, or in a while.
    fn is_worth_waiting(&self) -> bool {
        let now = self.sender.pacing.now();
        let pace = self.sender.pacing.pace();
        pace.is_busy() || self.queue.opens(&pace, now).is_some_and(|opens| opens <= now + PATIENCE)
    }

    /// When lanes that wait may be let go on, or when to look whether they may, or whether there is work for more.
    fn wakes(&self) -> Option<Instant> {
        let now = self.sender.pacing.now();
        let opens = match self.waiting.is_empty() {
            true => None,
            false => self.queue.opens(&self.sender.pacing.pace(), now),
        };
        let wakes = opens.into_iter().chain(self.queue.old_at()).min()?;
        Some(self.sender.pacing.since + wakes)
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
