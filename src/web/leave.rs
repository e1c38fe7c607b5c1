//! `/unsubscribe/{token}`: GET shows a button and changes nothing, however often a scanner follows it;
//! POST leaves, at once and for good (RFC 8058).

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::{App, private_page};
use crate::{
    language::Language,
    newsroom::Settings,
    publish::pages::{head, page},
    store::Leaving,
    subscribe,
    template::{
        Page,
        context::{LeavingRest, NewsletterContext, PageHead},
    },
};

/// The page with the button.
pub(super) async fn ask(State(app): State<App>, Path(token): Path<String>) -> Response {
    match subscribe::leaving(&token, &app.key, &app.store).await {
        Ok(Some(leaving)) => show(&app, Page::Unsubscribe, leaving, &token),
        Ok(None) => unknown(&app),
        Err(why) => away(&why),
    }
}

/// The button, or a mail program on the reader's behalf. No cookie, no redirect, the same each time.
pub(super) async fn leave(State(app): State<App>, Path(token): Path<String>, body: Bytes) -> Response {
    // As a form or as multipart, the pair stands in the body (RFC 8058 §3.2). Without it, whoever
    // posts may be following links by rote.
    let said = String::from_utf8_lossy(&body);
    if !(said.contains("List-Unsubscribe") && said.contains("One-Click")) {
        return ask(State(app), Path(token)).await;
    }
    match subscribe::leave(&token, &app.key, &app.store, (app.clock)()).await {
        Ok(Some(leaving)) => show(&app, Page::Unsubscribed, leaving, &token),
        Ok(None) => unknown(&app),
        Err(why) => away(&why),
    }
}

fn show(app: &App, kind: Page, leaving: Leaving, token: &str) -> Response {
    let settings = app.settings();
    let known = settings.config.newsletter(&leaving.newsletter);
    let own =
        || known.map_or_else(|| settings.config.site.language().clone(), |known| known.language.clone());
    let language = leaving.language.unwrap_or_else(own);
    // A newsletter that the config no longer has can still be left.
    let newsletter = match known {
        Some(newsletter) => settings.newsletter_context(newsletter, &language),
        None => NewsletterContext {
            name: leaving.newsletter,
            description: None,
            direction: language.direction(),
            language: language.clone(),
        },
    };
    let rest = LeavingRest { newsletter, action: format!("/unsubscribe/{token}") };
    let context = page(&settings, &language, leaving_head(&settings, &language), rest);
    match settings.templates.page(kind, &language, &context) {
        Ok(html) => private_page(StatusCode::OK, html),
        Err(why) => {
            tracing::error!("{why}");
            private_page(StatusCode::INTERNAL_SERVER_ERROR, String::new())
        }
    }
}

fn leaving_head(settings: &Settings, language: &Language) -> PageHead {
    PageHead {
        title: settings.templates.string(language, "letter.unsubscribe").to_string(),
        url: settings.config.site.url.to_string(),
        robots: Some("noindex".into()),
        ..head(language)
    }
}

/// The same page whether the link was mistyped, forged or of another newsroom.
fn unknown(app: &App) -> Response {
    let tree = app.site.current();
    let html = tree.notices(None).map(|notices| notices.missing.clone()).unwrap_or_default();
    private_page(StatusCode::NOT_FOUND, html)
}

fn away(why: &crate::store::StoreError) -> Response {
    tracing::error!("a reader could not leave: {why}");
    let mut response = private_page(StatusCode::SERVICE_UNAVAILABLE, String::new());
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    response
}
