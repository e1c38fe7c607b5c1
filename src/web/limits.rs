//! Who has asked how often, and who is connected: nobody takes what is there for all.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

/// Of each kind, so many are remembered.
const REMEMBERED_MAX: usize = 50_000;
/// Those who have not asked for a while are forgotten no more often than this.
const SWEEP: Duration = Duration::from_secs(60);

/// How often each of very many may ask.
pub(super) struct Limits {
    limiter: DefaultKeyedRateLimiter<u64>,
    swept: Mutex<Instant>,
}

impl Limits {
    pub fn new(quota: Quota) -> Self {
        Self { limiter: RateLimiter::keyed(quota), swept: Mutex::new(Instant::now()) }
    }

    /// Counts that `who` asks; in how many seconds they may ask again, if it is not now. While too many are
    /// remembered, nobody new is counted.
    pub fn wait(&self, who: impl Hash) -> Option<u64> {
        if self.is_full() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        who.hash(&mut hasher);
        let refused = self.limiter.check_key(&hasher.finish()).err()?;
        Some(refused.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
    }

    fn is_full(&self) -> bool {
        if self.limiter.len() < REMEMBERED_MAX {
            return false;
        }
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.elapsed() >= SWEEP {
            self.limiter.retain_recent();
            *swept = Instant::now();
        }
        self.limiter.len() >= REMEMBERED_MAX
    }
}

/// How many connections each client has open.
#[derive(Default)]
pub(super) struct Clients(Mutex<HashMap<IpAddr, usize>>);

/// One connection of a client, for as long as it lives.
pub(super) struct Place {
    clients: Arc<Clients>,
    client: IpAddr,
}

impl Clients {
    /// A place for one more connection, unless this client has `most`. A proxy on this machine has as many
    /// as it likes: all the world comes through it.
    pub fn place(self: &Arc<Self>, client: IpAddr, most: usize) -> Option<Place> {
        let client = network(client);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if *count >= most && !client.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Place { clients: self.clone(), client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.clients.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}

/// A household or an office has a whole /64 of IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_has_so_many_connections_and_a_proxy_as_many_as_it_likes() {
        let clients = Arc::new(Clients::default());
        let (one, neighbour) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        let held: Vec<_> = (0..2).map(|_| clients.place(one, 2).unwrap()).collect();
        assert!(clients.place(neighbour, 2).is_none(), "the same household");
        assert!(clients.place("192.0.2.1".parse().unwrap(), 2).is_some());
        drop(held);
        assert!(clients.place(neighbour, 2).is_some());
        assert!(clients.0.lock().unwrap().is_empty(), "who has left is forgotten");
        let proxy: Vec<_> = (0..9).map(|_| clients.place("127.0.0.1".parse().unwrap(), 2)).collect();
        assert!(proxy.iter().all(Option::is_some));
    }

    #[test]
    fn memory_has_an_end_however_many_ask() {
        let limits = Limits::new(Quota::per_minute(std::num::NonZeroU32::MIN));
        for who in 0..REMEMBERED_MAX * 2 {
            assert!(limits.wait(who).is_none());
        }
        assert!(limits.limiter.len() <= REMEMBERED_MAX);
    }
}
