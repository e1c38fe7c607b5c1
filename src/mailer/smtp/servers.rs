//! All mail servers there are: each has its connections, and those of one that is away go to another.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Connection, Server};
use crate::{
    config::Smtp,
    mailer::{How, Refusal, Trouble},
};

/// How long a server is left alone that is away; each time in a row twice as long.
const REST: Duration = Duration::from_secs(5);
const REST_MAX: Duration = Duration::from_secs(300);

#[derive(Clone)]
pub(in crate::mailer) struct Servers(Arc<[Place]>);

/// A server, its connections, and how it has been.
struct Place {
    server: Server,
    free: Arc<Semaphore>,
    is_spare: bool,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    failures: u32,
    rests_until: Option<Instant>,
    /// Why.
    words: String,
}

impl Servers {
    pub(in crate::mailer) fn new(servers: &[Smtp]) -> Result<Self, Refusal> {
        let place = |smtp: &Smtp| {
            Ok(Place {
                free: Arc::new(Semaphore::new(smtp.connections)),
                is_spare: smtp.is_spare,
                server: Server::new(smtp.clone())?,
                health: Mutex::default(),
            })
        };
        Ok(Self(servers.iter().map(place).collect::<Result<_, Refusal>>()?))
    }

    /// At once, at the most; spare ones stand in for others and add none.
    pub(in crate::mailer) fn connections(&self) -> usize {
        let regular = self.0.iter().filter(|place| !place.is_spare);
        let regular: usize = regular.map(|place| place.server.connections()).sum();
        if regular > 0 { regular } else { self.0.iter().map(|place| place.server.connections()).sum() }
    }

    /// The `nth` connection: each server has as many as its own in turn.
    pub(in crate::mailer) fn connection(&self, nth: usize) -> Connection {
        let mut shares: Vec<usize> = Vec::new();
        let most = self.0.iter().map(|place| place.server.connections()).max().unwrap_or(0);
        for round in 0..most {
            let has = |place: &Place| !place.is_spare && round < place.server.connections();
            shares.extend(self.0.iter().enumerate().filter(|(_, place)| has(place)).map(|(at, _)| at));
        }
        let first = shares.get(nth % shares.len().max(1)).copied().unwrap_or(0);
        Connection::new(self.clone(), first)
    }

    /// A place at a server that is well, the connection's own if it is; the spare ones last.
    pub(super) fn take(&self, first: usize) -> Result<(usize, OwnedSemaphorePermit), Trouble> {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|at| (*at != first, self.0[*at].is_spare, *at));
        let mut why = None;
        for at in order {
            let place = &self.0[at];
            let health = place.health();
            if health.rests_until.is_some_and(|until| Instant::now() < until) {
                why.get_or_insert_with(|| health.words.clone());
                continue;
            }
            if let Ok(permit) = place.free.clone().try_acquire_owned() {
                return Ok((at, permit));
            }
        }
        Err(Trouble::Passing(why.unwrap_or_else(|| "all its connections are in use".into())))
    }

    pub(super) fn server(&self, at: usize) -> &Server {
        &self.0[at].server
    }

    pub(super) fn is_well(&self, at: usize) {
        *self.0[at].health() = Health::default();
    }

    /// It is left alone for a while, and others are asked; unless it has connections of ours open, so that it may
    /// only not bear one more.
    pub(super) fn is_away(&self, at: usize, refusal: &Refusal) {
        let place = &self.0[at];
        if place.free.available_permits() < place.server.connections() {
            return;
        }
        let mut health = place.health();
        let now = Instant::now();
        // Connections that failed together are one failure.
        if health.rests_until.is_none_or(|until| until <= now) {
            health.rests_until = Some(now + REST.saturating_mul(1 << health.failures.min(16)).min(REST_MAX));
            health.failures += 1;
        }
        health.words = refusal.to_string();
        if refusal.how == How::Lasting {
            tracing::warn!("a mail server cannot be used: {refusal}");
        }
    }

    /// How many there are.
    pub(super) fn number(&self) -> usize {
        self.0.len()
    }
}

impl Place {
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().expect("nothing panics while holding it")
    }
}
