//! `/hub`: feed readers ask to be told of changes at once (W3C `WebSub` §5). Nothing is believed here:
//! each request is kept, and the subscriber is asked whether it was its own.

use std::num::NonZeroU32;

use axum::{
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use governor::Quota;
use url::Url;

use super::{
    App, Peer,
    limits::{Limits, network},
};
use crate::{
    newsroom::Settings,
    outbound::is_public_host,
    ping::{feed_at, topic_url},
    store::{Asked, HubRequest, Mode},
};

const LEASE_USUAL: TimeDelta = TimeDelta::days(10);
const LEASE_MIN: TimeDelta = TimeDelta::minutes(5);
const LEASE_MAX: TimeDelta = TimeDelta::days(30);
/// `WebSub` §5.1: less than 200 bytes.
const SECRET_BYTES_MAX: usize = 199;
const CALLBACK_BYTES_MAX: usize = 2048;
/// Requests a minute from one client, and for callbacks on one host.
const REQUESTS_A_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("it is not zero");

/// Who asks how often, and about whom.
pub(super) fn limits() -> Limits {
    Limits::new(Quota::per_minute(REQUESTS_A_MINUTE))
}

/// What this address is for, to whoever looks.
pub(super) async fn about(State(app): State<App>) -> Response {
    if !app.settings().config.hub.built_in {
        return StatusCode::NOT_FOUND.into_response();
    }
    "This is a WebSub hub for the feeds of this site. Feed readers subscribe here by POST.\n".into_response()
}

pub(super) async fn ask(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let settings = app.settings();
    if !settings.config.hub.built_in {
        return StatusCode::NOT_FOUND.into_response();
    }
    let limited = |wait: Option<u64>| wait.is_some();
    if limited(app.hub_limits.wait(network(peer.address(&headers)))) {
        return wait();
    }
    let request = match parse(&body, &app, &settings) {
        Ok(request) => request,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, why),
    };
    if limited(app.hub_limits.wait(&request.host)) {
        return wait();
    }
    match app.store.ask_hub(request, (app.clock)()).await {
        Ok(Asked::Kept) => {
            app.wake_hub.notify_one();
            StatusCode::ACCEPTED.into_response()
        }
        Ok(Asked::TooMany) => wait(),
        Err(why) => {
            tracing::error!("a subscription could not be kept: {why}");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "please try again later")
        }
    }
}

/// Parameters that are not known are passed over (§5.1).
fn parse(body: &str, app: &App, settings: &Settings) -> Result<HubRequest, &'static str> {
    let value = |wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(body.as_bytes());
        pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    let mode = match value("hub.mode").as_deref() {
        Some("subscribe") => Mode::Subscribe,
        Some("unsubscribe") => Mode::Unsubscribe,
        Some("publish") => return Err("only this site publishes here"),
        _ => return Err("hub.mode must be subscribe or unsubscribe"),
    };
    let wanted = value("hub.topic").ok_or("hub.topic is missing")?;
    let path = Url::parse(&wanted).map(|url| url.path().to_string()).unwrap_or_default();
    let topic = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
    let is_ours = feed_at(&app.site.current(), &topic).is_some() && topic_url(&topic, settings) == wanted;
    if !is_ours {
        return Err("hub.topic is not a feed of this site");
    }
    let callback = value("hub.callback").ok_or("hub.callback is missing")?;
    let host = callback_host(&callback, settings)?;
    let secret = value("hub.secret").filter(|secret| !secret.is_empty());
    if secret.as_ref().is_some_and(|secret| secret.len() > SECRET_BYTES_MAX) {
        return Err("hub.secret must be less than 200 bytes");
    }
    let lease = match value("hub.lease_seconds").filter(|seconds| !seconds.is_empty()) {
        None => LEASE_USUAL,
        Some(seconds) => {
            if !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("hub.lease_seconds must be a number");
            }
            // A longer one than fits into the number is longer than the longest.
            let asked = seconds.parse::<u32>().unwrap_or(u32::MAX);
            TimeDelta::seconds(asked.into()).clamp(LEASE_MIN, LEASE_MAX)
        }
    };
    let verify_token = value("hub.verify_token").filter(|token| token.len() <= CALLBACK_BYTES_MAX);
    Ok(HubRequest { id: 0, topic, callback, host, mode, secret, verify_token, lease, attempts: 0 })
}

fn callback_host(callback: &str, settings: &Settings) -> Result<String, &'static str> {
    if callback.len() > CALLBACK_BYTES_MAX {
        return Err("hub.callback is too long");
    }
    let url = Url::parse(callback).map_err(|_| "hub.callback is not an address")?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err("hub.callback must be an http or https address without a password");
    }
    let host = url.host().ok_or("hub.callback has no host")?;
    if !is_public_host(&host) && !settings.config.hub.private_callbacks {
        return Err("hub.callback is not a public address");
    }
    Ok(host.to_string().to_lowercase().trim_end_matches('.').to_string())
}

fn refuse(status: StatusCode, why: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{why}\n")).into_response()
}

fn wait() -> Response {
    let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "too many requests; please wait");
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
    response
}
