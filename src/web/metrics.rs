//! `/metrics`: how far letters are, as Prometheus reads it. Numbers alone, no reader and no address; and for this
//! machine only, if the config has it at all.

use std::fmt::Write;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{App, Peer};
use crate::{delivery::DeliveryState, store::IssueSummary};

/// Issues that are shown, the newest first.
const ISSUES_MAX: usize = 50;

pub(super) async fn show(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    request: HeaderMap,
) -> Response {
    // What a proxy passes on comes from somebody else.
    let is_ours = peer.to_canonical().is_loopback() && !request.contains_key("x-forwarded-for");
    if !app.settings().config.serve.metrics || !is_ours {
        return StatusCode::NOT_FOUND.into_response();
    }
    match app.store.issues(ISSUES_MAX).await {
        Ok(issues) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, text(&issues)).into_response()
        }
        Err(why) => {
            tracing::error!("metrics: {why}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

fn text(issues: &[IssueSummary]) -> String {
    let mut out = String::new();
    let head = "# HELP byline_letters Letters of an issue by state.\n# TYPE byline_letters gauge\n";
    out.push_str(head);
    for issue in issues {
        for state in DeliveryState::ALL {
            let (id, newsletter, count) = (issue.issue, &issue.newsletter, issue.count(state));
            let _ = writeln!(
                out,
                "byline_letters{{issue=\"{id}\",newsletter=\"{newsletter}\",state=\"{}\"}} {count}",
                state.as_str()
            );
        }
    }
    out.push_str("# HELP byline_issues Issues by state.\n# TYPE byline_issues gauge\n");
    for state in crate::newsletter::issue::IssueState::ALL {
        let count = issues.iter().filter(|issue| issue.state == state).count();
        let _ = writeln!(out, "byline_issues{{state=\"{}\"}} {count}", state.as_str());
    }
    out
}
