//! What readers reach by HTTP: the published tree, and the page for leaving a newsletter.
//!
//! A GET never changes anything. The feeds of the site and its languages come from memory, everything else
//! from `public/`; the store is asked only about leaving and about hubs.

mod conditional;
mod hub;
mod leave;
mod limits;
mod metrics;
mod polls;
mod quick;
mod tree;

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, RwLock},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use futures_util::future::Either;
use hyper::{body::Incoming, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore},
    time::timeout,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use self::{
    limits::{Clients, Limits},
    polls::Polls,
    quick::Quick,
};
use crate::{newsroom::Settings, site::Site, store::Store, subscriber::token::TokenKey};

/// At once, at the most; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1024;
/// Of them, one client has no more than this.
const CONNECTIONS_PER_CLIENT_MAX: usize = 512;
/// Open files that are not connections: the store, pages that are read, calls to hubs.
const OTHER_FILES: u64 = 256;
/// A client that sends its request more slowly is dropped.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that takes nothing of its answer for so long is dropped.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// Larger, and a slow reader would seem to take nothing for minutes.
const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// A whole request, its body too, and the making of its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Forms are small.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// At shutdown, answers under way have this long.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);

/// What requests are answered from.
#[derive(Clone)]
pub struct App {
    /// Feeds and pages.
    pub site: Arc<Site>,
    /// Subscriptions.
    pub store: Store,
    /// The settings as they stand now.
    pub settings: Arc<RwLock<Arc<Settings>>>,
    /// Signs and checks links.
    pub key: TokenKey,
    /// What time it is.
    pub clock: fn() -> DateTime<Utc>,
    /// There is something for the hub to verify.
    pub wake_hub: Arc<Notify>,
    polls: Arc<Polls>,
    hub_limits: Arc<Limits>,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
struct Peer(IpAddr);

impl Peer {
    /// The client's own address. A proxy on this machine says for whom it asks; nobody else is believed.
    fn address(self, request: &HeaderMap) -> IpAddr {
        // Whatever stands before the last address was said by the client.
        let named = request.get_all("x-forwarded-for").iter().next_back().and_then(|line| line.to_str().ok());
        let last = named.and_then(|named| named.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
        last.filter(|_| self.0.to_canonical().is_loopback()).unwrap_or(self.0)
    }
}

impl App {
    /// Answers from these.
    pub fn new(
        site: Arc<Site>,
        store: Store,
        settings: Arc<RwLock<Arc<Settings>>>,
        key: TokenKey,
        clock: fn() -> DateTime<Utc>,
        wake_hub: Arc<Notify>,
    ) -> Self {
        let (polls, hub_limits) = (Arc::new(Polls::new()), Arc::new(hub::limits()));
        Self { site, store, settings, key, clock, wake_hub, polls, hub_limits }
    }

    fn settings(&self) -> Arc<Settings> {
        self.settings.read().expect("nothing panics while holding it").clone()
    }
}

/// Every address.
fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics::show))
        .route("/hub", get(hub::about).post(hub::ask))
        .route("/unsubscribe/{token}", get(leave::ask).post(leave::leave))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .fallback(tree::serve)
        .layer(middleware::from_fn_with_state(app.clone(), known_host))
        .layer(middleware::from_fn(same_for_all))
        .with_state(app)
}

/// Answers on `listener` until `stop`, then finishes what is under way.
pub async fn serve(listener: TcpListener, app: App, stop: CancellationToken) {
    let quick = Arc::new(Quick::default());
    let router = router(app.clone());
    let limit = Arc::new(Semaphore::new(connections_max()));
    let clients = Arc::new(Clients::default());
    let mut http = hyper::server::conn::http1::Builder::new();
    // axum::serve sets no timer, and a client could hold a connection open for ever.
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let graceful = GracefulShutdown::new();
    loop {
        let permit = tokio::select! {
            permit = limit.clone().acquire_owned() => permit.expect("the semaphore is never closed"),
            () = stop.cancelled() => break,
        };
        let (socket, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(why) => {
                    // Out of file descriptors, mostly: it passes when a connection ends.
                    tracing::warn!("a connection could not be accepted: {why}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        let Some(place) = clients.place(peer.ip(), CONNECTIONS_PER_CLIENT_MAX) else { continue };
        let _ = socket.set_nodelay(true); // only slower without
        #[cfg(unix)]
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER_BYTES);
        let mut socket = TimeoutStream::new(socket);
        socket.set_write_timeout(Some(WRITE_TIMEOUT));
        let inner = TowerToHyperService::new(router.clone());
        let (app, quick) = (app.clone(), quick.clone());
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            let answer = quick.answer(&app, &request);
            request.extensions_mut().insert(Peer(peer.ip()));
            match answer {
                Some(answer) => Either::Left(std::future::ready(Ok(answer))),
                None => Either::Right(inner.call(request)),
            }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(Box::pin(socket)), service));
        tokio::spawn(async move {
            let _ = connection.await; // a client that went away is no news
            drop((permit, place));
        });
    }
    let _ = timeout(DRAIN_TIMEOUT, graceful.shutdown()).await;
}

/// As many as the system has files for.
fn connections_max() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut files = getrlimit(Resource::Nofile);
        let soft = files.current;
        files.current = files.maximum;
        // The usual limit is for programs that do not know better. If it stays, there are fewer connections.
        let most = if setrlimit(Resource::Nofile, files).is_ok() { files.current } else { soft };
        if let Some(most) = most {
            return usize::try_from(most.saturating_sub(OTHER_FILES))
                .unwrap_or(CONNECTIONS_MAX)
                .clamp(64, CONNECTIONS_MAX);
        }
    }
    CONNECTIONS_MAX
}

/// Headers that every answer has.
async fn same_for_all(request: Request, next: Next) -> Result<Response, Infallible> {
    let answered = timeout(REQUEST_TIMEOUT, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response());
    put_same_for_all(response.headers_mut());
    Ok(response)
}

fn put_same_for_all(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
}

/// A request for a host that is not ours gets nothing of ours: 421 (RFC 9110 §15.5.20). Ours are the
/// site's own name, this machine's, and addresses.
async fn known_host(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(host) = host_of(&request) else {
        return (StatusCode::BAD_REQUEST, "the request must name one host\n").into_response();
    };
    let settings = app.settings();
    if is_ours(host, settings.config.site.url.host_str().unwrap_or_default()) {
        return next.run(request).await;
    }
    (StatusCode::MISDIRECTED_REQUEST, "this server does not answer for that host\n").into_response()
}

/// Whom a request is for (RFC 9112 §3.2): its target's host, else the only `Host`. HTTP/1.0 need not say.
fn host_of<B>(request: &axum::http::Request<B>) -> Option<&str> {
    let mut named = request.headers().get_all(header::HOST).iter();
    match (named.next(), named.next()) {
        (Some(host), None) => match request.uri().host() {
            Some(target) => Some(target),
            None => host.to_str().ok(),
        },
        (None, None) if request.version() < Version::HTTP_11 => Some(""),
        _ => None,
    }
}

fn is_ours(host: &str, site: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    host.is_empty()
        || name.eq_ignore_ascii_case(site)
        || name.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok()
}

/// A page that belongs to one reader's link: never kept by anybody, never indexed.
fn private_page(status: StatusCode, html: String) -> Response {
    let mut response = (status, Body::from(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(tree::CONTENT_SECURITY));
    response
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn a_foreign_host_is_not_ours() {
        for ours in
            ["far-bank.example", "FAR-BANK.example:443", "localhost:8080", "127.0.0.1:1", "[::1]:8080"]
        {
            assert!(is_ours(ours, "far-bank.example"), "{ours}");
        }
        for foreign in ["evil.example", "far-bank.example.evil.example", "evil.example:80", "[[127.0.0.1]]"] {
            assert!(!is_ours(foreign, "far-bank.example"), "{foreign}");
        }
    }
}
