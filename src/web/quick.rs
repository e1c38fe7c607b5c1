//! Feeds that lie ready, for readers who ask as most do: nothing is worked out twice.
//!
//! Whatever is out of the ordinary (a query, a browser, a reader that has nothing yet) goes the usual
//! way, through `tree`, and gets the same answer.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::SystemTime,
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
};

use super::{
    App,
    conditional::{self, wanted},
    host_of, is_ours, put_same_for_all, tree,
};
use crate::{
    newsroom::Settings,
    ping::feeds,
    site::{Document, Tree},
};

/// The feeds of one generation, with the headers of their answers.
#[derive(Default)]
struct Ready {
    tree: Option<Arc<Tree>>,
    settings: Option<Arc<Settings>>,
    feeds: HashMap<String, Feed>,
}

struct Feed {
    document: Arc<Document>,
    modified: String,
    headers: HeaderMap,
}

/// What lies ready, made anew when something was published.
#[derive(Default)]
pub(super) struct Quick(RwLock<Ready>);

impl Quick {
    /// The answer to an ordinary request for a feed in memory.
    pub fn answer<B>(&self, app: &App, request: &Request<B>) -> Option<Response<Body>> {
        let headers = request.headers();
        let is_ordinary = request.method() == Method::GET
            && request.uri().query().is_none()
            && conditional::is_conditional(headers)
            && !headers.contains_key("sec-fetch-mode")
            && !headers.contains_key("a-im");
        if !is_ordinary {
            return None;
        }
        self.make_ready(app);
        let ready = self.0.read().expect("nothing panics while holding it");
        let feed = ready.feeds.get(request.uri().path())?;
        if feed.document.modified() > SystemTime::now() {
            return None; // its date is not yet one to give out
        }
        let site = ready.settings.as_ref()?.config.site.url.host_str().unwrap_or_default();
        if !host_of(request).is_some_and(|host| is_ours(host, site)) {
            return None;
        }
        if conditional::is_known(headers, feed.document.etag(), &feed.modified) {
            return Some(respond(StatusCode::NOT_MODIFIED, feed.headers.clone(), Body::empty()));
        }
        let (encoding, bytes) = feed.document.ready(wanted(headers))?;
        let mut headers = feed.headers.clone();
        let media_type = HeaderValue::from_static(feed.document.form().media_type);
        headers.insert(header::CONTENT_TYPE, media_type);
        tree::put_encoding(&mut headers, encoding);
        Some(respond(StatusCode::OK, headers, bytes.into()))
    }

    fn make_ready(&self, app: &App) {
        let (tree, settings) = (app.site.current(), app.settings());
        let is_same = |ready: &Ready| {
            ready.tree.as_ref().is_some_and(|before| Arc::ptr_eq(before, &tree))
                && ready.settings.as_ref().is_some_and(|before| Arc::ptr_eq(before, &settings))
        };
        if is_same(&self.0.read().expect("nothing panics while holding it")) {
            return;
        }
        let in_memory = feeds(&tree).filter(|(_, document)| document.form().in_memory);
        let feeds = in_memory.map(|(path, document)| {
            let mut headers = tree::headers_of(document);
            tree::put_feed_headers(&mut headers, &tree, path, &settings);
            put_same_for_all(&mut headers);
            let modified = httpdate::fmt_http_date(document.modified());
            tree::put(&mut headers, header::LAST_MODIFIED, &modified);
            (path.to_string(), Feed { document: document.clone(), modified, headers })
        });
        let feeds = feeds.collect();
        let ready = Ready { tree: Some(tree), settings: Some(settings), feeds };
        *self.0.write().expect("nothing panics while holding it") = ready;
    }
}

fn respond(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
