//! Who is to be told of changed feeds, and what they were told last (`WebSub`).
//!
//! Nothing is queued: whoever was told another version than the one that is out is due. So a crash at any
//! moment loses nothing, and a feed that changes twice is told of once.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Transaction, params};

use super::{Result, Store, to_ms};

/// Subscriptions of one feed, at the most.
pub const SUBSCRIPTIONS_PER_TOPIC_MAX: i64 = 10_000;
/// Subscriptions and requests of callbacks on one host, at the most: nobody is flooded through us.
pub const CALLBACKS_PER_HOST_MAX: i64 = 100;
/// Requests that wait to be verified, at the most.
pub const REQUESTS_MAX: i64 = 1_000;

/// What a subscriber asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To be told.
    Subscribe,
    /// To be told no longer.
    Unsubscribe,
}

impl Mode {
    /// The value of `hub.mode`.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Subscribe => "subscribe",
            Mode::Unsubscribe => "unsubscribe",
        }
    }
}

/// A request that somebody made, maybe in another's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRequest {
    /// The store's number; 0 before it is kept.
    pub id: i64,
    /// The path of a feed.
    pub topic: String,
    /// Where to tell.
    pub callback: String,
    /// The callback's host.
    pub host: String,
    /// What for.
    pub mode: Mode,
    /// Signs what is delivered.
    pub secret: Option<String>,
    /// Old subscribers want it back.
    pub verify_token: Option<String>,
    /// For how long.
    pub lease: TimeDelta,
    /// How often verifying it has failed.
    pub attempts: u32,
}

/// Whether a request was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Asked {
    /// It will be verified.
    Kept,
    /// There are too many of that host, or at all.
    TooMany,
}

/// Somebody who is to be told of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSubscription {
    /// The store's number.
    pub id: i64,
    /// The path of a feed.
    pub topic: String,
    /// Where to tell.
    pub callback: String,
    /// Signs what is delivered.
    pub secret: Option<String>,
    /// How often telling has failed since it last worked.
    pub failures: u32,
}

/// Another hub that is to be told of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePing {
    /// Its address.
    pub hub: String,
    /// The path of a feed.
    pub topic: String,
    /// How often telling has failed since it last worked.
    pub failures: u32,
}

impl Store {
    /// Keeps a request until it is verified; a later one for the same takes its place.
    pub async fn ask_hub(&self, request: HubRequest, now: DateTime<Utc>) -> Result<Asked> {
        self.act(move |tx| {
            let count = |sql: &str, value: &str| -> Result<i64> {
                Ok(tx.prepare_cached(sql)?.query_row([value], |row| row.get(0))?)
            };
            let waiting: i64 = tx.query_row("SELECT count(*) FROM hub_request", [], |row| row.get(0))?;
            let of_host = count(
                "SELECT (SELECT count(*) FROM hub_request WHERE host = ?1)
                      + (SELECT count(*) FROM hub_subscription WHERE host = ?1)",
                &request.host,
            )?;
            let of_topic =
                count("SELECT count(*) FROM hub_subscription WHERE topic = ?1", &request.topic)?;
            let is_known = tx
                .prepare_cached(
                    "SELECT 1 FROM hub_subscription WHERE topic = ?1 AND callback = ?2
                     UNION ALL SELECT 1 FROM hub_request WHERE topic = ?1 AND callback = ?2",
                )?
                .exists([&request.topic, &request.callback])?;
            let is_full = of_host >= CALLBACKS_PER_HOST_MAX || of_topic >= SUBSCRIPTIONS_PER_TOPIC_MAX;
            if waiting >= REQUESTS_MAX || (is_full && !is_known) {
                return Ok(Asked::TooMany);
            }
            tx.prepare_cached(
                "INSERT INTO hub_request (topic, callback, host, mode, secret, verify_token, lease_ms, not_before)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT DO UPDATE SET mode = excluded.mode, secret = excluded.secret, attempts = 0,
                     verify_token = excluded.verify_token, lease_ms = excluded.lease_ms,
                     not_before = excluded.not_before",
            )?
            .execute(params![
                request.topic,
                request.callback,
                request.host,
                request.mode.as_str(),
                request.secret,
                request.verify_token,
                request.lease.num_milliseconds(),
                to_ms(now)
            ])?;
            Ok(Asked::Kept)
        })
        .await
    }

    /// Requests that are to be verified now, the oldest first.
    pub async fn due_hub_requests(&self, now: DateTime<Utc>, most: usize) -> Result<Vec<HubRequest>> {
        self.act(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT id, topic, callback, host, mode, secret, verify_token, lease_ms, attempts
                 FROM hub_request WHERE not_before <= ?1 ORDER BY id LIMIT ?2",
            )?;
            let requests = statement.query_map(params![to_ms(now), most as i64], |row| {
                let mode: String = row.get(4)?;
                Ok(HubRequest {
                    id: row.get(0)?,
                    topic: row.get(1)?,
                    callback: row.get(2)?,
                    host: row.get(3)?,
                    mode: if mode == "subscribe" { Mode::Subscribe } else { Mode::Unsubscribe },
                    secret: row.get(5)?,
                    verify_token: row.get(6)?,
                    lease: TimeDelta::milliseconds(row.get(7)?),
                    attempts: row.get(8)?,
                })
            })?;
            Ok(requests.collect::<std::result::Result<_, _>>()?)
        })
        .await
    }

    /// The subscriber meant it: what was asked holds from `now`. `told` is the feed's tag.
    pub async fn grant_hub_request(
        &self,
        request: HubRequest,
        told: String,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.act(move |tx| {
            match request.mode {
                Mode::Subscribe => tx
                    .prepare_cached(
                        "INSERT INTO hub_subscription (topic, callback, host, secret, lease_until, told)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                         ON CONFLICT DO UPDATE SET secret = excluded.secret,
                             lease_until = excluded.lease_until, failures = 0, not_before = 0",
                    )?
                    .execute(params![
                        request.topic,
                        request.callback,
                        request.host,
                        request.secret,
                        to_ms(now + request.lease),
                        told
                    ])?,
                Mode::Unsubscribe => tx
                    .prepare_cached("DELETE FROM hub_subscription WHERE topic = ?1 AND callback = ?2")?
                    .execute([&request.topic, &request.callback])?,
            };
            forget_request(tx, &request)
        })
        .await
    }

    /// The subscriber did not mean it, or cannot be reached: nothing changes.
    pub async fn drop_hub_request(&self, request: HubRequest) -> Result<()> {
        self.act(move |tx| forget_request(tx, &request)).await
    }

    /// The subscriber is to be asked again.
    pub async fn put_off_hub_request(&self, id: i64, until: DateTime<Utc>) -> Result<()> {
        self.act(move |tx| {
            tx.prepare_cached(
                "UPDATE hub_request SET attempts = attempts + 1, not_before = ?2 WHERE id = ?1",
            )?
            .execute(params![id, to_ms(until)])?;
            Ok(())
        })
        .await
    }

    /// Subscribers who know another version than the one that is out (`current`: tags by path); those
    /// whose lease is over are forgotten.
    pub async fn due_hub_subscriptions(
        &self,
        current: BTreeMap<String, String>,
        now: DateTime<Utc>,
        most: usize,
    ) -> Result<Vec<HubSubscription>> {
        self.act(move |tx| {
            tx.prepare_cached("DELETE FROM hub_subscription WHERE lease_until <= ?1")?
                .execute([to_ms(now)])?;
            let mut statement = tx.prepare_cached(
                "SELECT id, topic, callback, secret, failures, told FROM hub_subscription
                 WHERE not_before <= ?1 ORDER BY failures, id",
            )?;
            let mut rows = statement.query([to_ms(now)])?;
            let mut due = Vec::new();
            while due.len() < most
                && let Some(row) = rows.next()?
            {
                let (topic, told): (String, String) = (row.get(1)?, row.get(5)?);
                if current.get(&topic).is_some_and(|etag| *etag != told) {
                    let (id, callback) = (row.get(0)?, row.get(2)?);
                    due.push(HubSubscription {
                        id,
                        topic,
                        callback,
                        secret: row.get(3)?,
                        failures: row.get(4)?,
                    });
                }
            }
            Ok(due)
        })
        .await
    }

    /// The subscriber has the version with this tag.
    pub async fn told_subscriber(&self, id: i64, etag: String) -> Result<()> {
        self.act(move |tx| {
            tx.prepare_cached(
                "UPDATE hub_subscription SET told = ?2, failures = 0, not_before = 0 WHERE id = ?1",
            )?
            .execute(params![id, etag])?;
            Ok(())
        })
        .await
    }

    /// The subscriber could not be told; again at `until`.
    pub async fn put_off_subscriber(&self, id: i64, until: DateTime<Utc>) -> Result<()> {
        self.act(move |tx| {
            tx.prepare_cached(
                "UPDATE hub_subscription SET failures = failures + 1, not_before = ?2 WHERE id = ?1",
            )?
            .execute(params![id, to_ms(until)])?;
            Ok(())
        })
        .await
    }

    /// The subscriber is gone for good.
    pub async fn forget_subscriber(&self, id: i64) -> Result<()> {
        self.act(move |tx| {
            tx.prepare_cached("DELETE FROM hub_subscription WHERE id = ?1")?.execute([id])?;
            Ok(())
        })
        .await
    }

    /// Other hubs that were told of another version than the one that is out, or of none.
    pub async fn due_pings(
        &self,
        hubs: Vec<String>,
        current: BTreeMap<String, String>,
        now: DateTime<Utc>,
        most: usize,
    ) -> Result<Vec<DuePing>> {
        self.act(move |tx| {
            let mut statement =
                tx.prepare_cached("SELECT topic, told, failures, not_before FROM ping WHERE hub = ?1")?;
            let mut due = Vec::new();
            for hub in hubs {
                let rows = statement
                    .query_map([&hub], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))))?;
                let known: BTreeMap<String, (String, u32, i64)> =
                    rows.collect::<std::result::Result<_, _>>()?;
                for (topic, etag) in &current {
                    let (told, failures, not_before) = known.get(topic).cloned().unwrap_or_default();
                    if due.len() < most && told != *etag && not_before <= to_ms(now) {
                        due.push(DuePing { hub: hub.clone(), topic: topic.clone(), failures });
                    }
                }
            }
            Ok(due)
        })
        .await
    }

    /// The hub knows the version with this tag.
    pub async fn told_hub(&self, ping: DuePing, etag: String) -> Result<()> {
        self.act(move |tx| {
            tx.prepare_cached(
                "INSERT INTO ping (hub, topic, told) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET told = excluded.told, failures = 0, not_before = 0",
            )?
            .execute([&ping.hub, &ping.topic, &etag])?;
            Ok(())
        })
        .await
    }

    /// The hub could not be told; again at `until`.
    pub async fn put_off_hub(&self, ping: DuePing, until: DateTime<Utc>) -> Result<()> {
        self.act(move |tx| {
            tx.prepare_cached(
                "INSERT INTO ping (hub, topic, told, failures, not_before) VALUES (?1, ?2, '', 1, ?3)
                 ON CONFLICT DO UPDATE SET failures = failures + 1, not_before = excluded.not_before",
            )?
            .execute(params![ping.hub, ping.topic, to_ms(until)])?;
            Ok(())
        })
        .await
    }
}

/// Unless another request took its place meanwhile.
fn forget_request(tx: &Transaction<'_>, request: &HubRequest) -> Result<()> {
    tx.prepare_cached("DELETE FROM hub_request WHERE id = ?1 AND mode = ?2 AND secret IS ?3")?
        .execute(params![request.id, request.mode.as_str(), request.secret])?;
    Ok(())
}
