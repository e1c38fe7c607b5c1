//! Changed feeds are told to hubs, and by the program's own hub to its subscribers (W3C `WebSub`).
//!
//! Only what is served already is told. Whoever was told another version than the one that is out is
//! due, whatever happened since; so nothing is lost in a crash.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;

use crate::{
    newsroom::Settings,
    outbound::{Answer, Outbound, OutboundError, Trust},
    site::{Document, Found, Kind, Tree},
    store::{DuePing, HubRequest, HubSubscription, Store, StoreError},
};

/// At once, at the most.
const CALLS_MAX: usize = 64;
/// In one run, at the most.
const BATCH_MAX: usize = 256;
/// What may come back of a challenge.
const CHALLENGE_BYTES_MAX: usize = 1024;
/// How often a request is tried that cannot be verified.
const ATTEMPTS_MAX: u32 = 3;
/// How long to wait after each failure in a row; the last holds from then on.
const BACKOFF_MINUTES: [i64; 6] = [1, 5, 30, 120, 360, 720];

/// What to tell, and with what.
pub struct Pinger {
    /// What was asked and told.
    pub store: Store,
    /// The way out.
    pub outbound: Outbound,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pinged {
    /// Hubs and subscribers who know the newest version now.
    pub told: usize,
    /// Those who could not be told.
    pub failed: usize,
}

impl Pinger {
    /// Asks subscribers whether what was asked in their name is their wish; how many requests were decided.
    pub async fn verify_once(
        &self,
        tree: &Tree,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let due = self.store.due_hub_requests(now, BATCH_MAX).await?;
        let decided: Vec<Result<bool, StoreError>> = stream::iter(due)
            .map(|request| self.verify(request, tree, settings, now))
            .buffer_unordered(CALLS_MAX)
            .collect()
            .await;
        decided.into_iter().try_fold(0, |count, decided| Ok(count + usize::from(decided?)))
    }

    /// Tells whoever is due.
    pub async fn tell_once(
        &self,
        tree: &Tree,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Pinged, StoreError> {
        let feeds: BTreeMap<String, String> =
            feeds(tree).map(|(path, document)| (path.to_string(), document.etag().to_string())).collect();
        let mut pinged = Pinged::default();
        let due = self.store.due_hub_subscriptions(feeds.clone(), now, BATCH_MAX).await?;
        let told = stream::iter(due)
            .map(|subscription| self.tell_subscriber(subscription, tree, settings, now))
            .buffer_unordered(CALLS_MAX)
            .collect::<Vec<Result<bool, StoreError>>>();
        let others = settings.config.hub.others.iter().map(Url::to_string).collect();
        let due = self.store.due_pings(others, feeds.clone(), now, BATCH_MAX).await?;
        let pings = stream::iter(due)
            .map(|ping| self.tell_hub(ping, &feeds, settings, now))
            .buffer_unordered(CALLS_MAX)
            .collect::<Vec<Result<bool, StoreError>>>();
        // Neither waits for the other's slowest.
        let (told, pings) = futures_util::future::join(told, pings).await;
        for told in told.into_iter().chain(pings) {
            if told? {
                pinged.told += 1;
            } else {
                pinged.failed += 1;
            }
        }
        Ok(pinged)
    }

    /// Asks the subscriber whether the request is its own (`WebSub` §5.3). Whether it was decided.
    async fn verify(
        &self,
        request: HubRequest,
        tree: &Tree,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let challenge = crate::text::hex(&rand::random::<[u8; 16]>());
        let (Some(feed), Ok(mut url)) = (feed_at(tree, &request.topic), Url::parse(&request.callback)) else {
            self.store.drop_hub_request(request).await?;
            return Ok(true);
        };
        // The callback's own query stays (§5.3).
        url.query_pairs_mut()
            .append_pair("hub.mode", request.mode.as_str())
            .append_pair("hub.topic", &topic_url(&request.topic, settings))
            .append_pair("hub.challenge", &challenge)
            .append_pair("hub.lease_seconds", &request.lease.num_seconds().to_string());
        if let Some(token) = &request.verify_token {
            url.query_pairs_mut().append_pair("hub.verify_token", token);
        }
        match self.outbound.get(&url, trust(settings), CHALLENGE_BYTES_MAX).await {
            Ok(answer) if answer.is_success() && answer.body == challenge.as_bytes() => {
                self.store.grant_hub_request(request, feed.etag().to_string(), now).await?;
                Ok(true)
            }
            Err(OutboundError::Failed(_)) | Ok(Answer { status: 429 | 500.., .. })
                if request.attempts + 1 < ATTEMPTS_MAX =>
            {
                let until = now + backoff(request.attempts);
                self.store.put_off_hub_request(request.id, until).await?;
                Ok(false)
            }
            // It answered, and did not say that it asked.
            _ => {
                self.store.drop_hub_request(request).await?;
                Ok(true)
            }
        }
    }

    /// Sends the whole feed (`WebSub` §7), signed if the subscriber gave a secret.
    async fn tell_subscriber(
        &self,
        subscription: HubSubscription,
        tree: &Tree,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let feed = feed_at(tree, &subscription.topic);
        let (Some(feed), Ok(callback)) = (feed, Url::parse(&subscription.callback)) else {
            self.store.forget_subscriber(subscription.id).await?;
            return Ok(false);
        };
        let status = match feed.read() {
            Ok(body) => {
                let mut headers = vec![
                    ("content-type", feed.form().media_type.to_string()),
                    ("link", tree.feed_link(&topic_url(&subscription.topic, settings))),
                ];
                if let Some(secret) = &subscription.secret {
                    headers.push(("x-hub-signature", signature(secret, &body)));
                }
                self.outbound.post(&callback, trust(settings), &headers, body).await.ok()
            }
            Err(why) => {
                tracing::warn!("{} cannot be read from public/: {why}", subscription.topic);
                None
            }
        };
        match status {
            Some(200..=299) => {
                self.store.told_subscriber(subscription.id, feed.etag().to_string()).await?;
                Ok(true)
            }
            Some(410) => {
                self.store.forget_subscriber(subscription.id).await?;
                Ok(false)
            }
            _ => {
                let until = now + backoff(subscription.failures);
                self.store.put_off_subscriber(subscription.id, until).await?;
                Ok(false)
            }
        }
    }

    /// Tells another hub that a feed changed, as all that are in use understand it.
    async fn tell_hub(
        &self,
        ping: DuePing,
        feeds: &BTreeMap<String, String>,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let Ok(hub) = Url::parse(&ping.hub) else { return Ok(false) };
        let topic = topic_url(&ping.topic, settings);
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("hub.mode", "publish")
            .append_pair("hub.url", &topic)
            .append_pair("hub.topic", &topic)
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded".to_string())];
        let answered = self.outbound.post(&hub, Trust::Author, &headers, form).await;
        let etag = feeds.get(&ping.topic).cloned().unwrap_or_default();
        match answered {
            Ok(200..=299) => {
                self.store.told_hub(ping, etag).await?;
                Ok(true)
            }
            failed => {
                if ping.failures == 0 {
                    let why =
                        failed.map_or_else(|why| why.to_string(), |status| format!("it answered {status}"));
                    tracing::warn!("the hub {hub} could not be told: {why}");
                }
                let until = now + backoff(ping.failures);
                self.store.put_off_hub(ping, until).await?;
                Ok(false)
            }
        }
    }
}

/// What can be subscribed to: every feed but archives, which never change.
pub fn feeds(tree: &Tree) -> impl Iterator<Item = (&str, &Arc<Document>)> {
    tree.documents().filter(|(_, document)| document.form().kind == Kind::Feed)
}

/// The one at a path.
pub fn feed_at<'t>(tree: &'t Tree, path: &str) -> Option<&'t Arc<Document>> {
    match tree.at(path) {
        Found::Document(document) if document.form().kind == Kind::Feed => Some(document),
        _ => None,
    }
}

/// The address that subscribers know a feed by.
pub fn topic_url(path: &str, settings: &Settings) -> String {
    let site = &settings.config.site.url;
    site.join(path.trim_start_matches('/')).map(String::from).unwrap_or_default()
}

fn trust(settings: &Settings) -> Trust {
    if settings.config.hub.private_callbacks { Trust::Neighbour } else { Trust::Stranger }
}

/// `sha256=…` (`WebSub` §7.1).
fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key may have any length");
    mac.update(body);
    format!("sha256={}", crate::text::hex(&mac.finalize().into_bytes()))
}

fn backoff(failures: u32) -> TimeDelta {
    let step = (failures as usize).min(BACKOFF_MINUTES.len() - 1);
    TimeDelta::minutes(BACKOFF_MINUTES[step])
}
