//! `/readyz`: whether clients should be sent here.

use super::App;
use super::reply::{Reply, json};
use crate::upstream::FeedStatus;
use hyper::StatusCode;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Readiness<'a> {
    ready: bool,
    draining: bool,
    feeds: Vec<Feed<'a>>,
}

#[derive(Serialize)]
struct Feed<'a> {
    feed: &'a str,
    live: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// 503 until each feed has been live once, of several lines one, and again while draining. A feed that breaks later does not make the broker
/// unready: its topics say so themselves, and to send all clients elsewhere would help none of them.
pub(super) fn reply(app: &App) -> Reply {
    let draining = app.draining.is_cancelled();
    let has_been_live =
        |feed: &Arc<FeedStatus>| app.feeds.iter().any(|other| other.is_same_feed(feed) && other.was_live());
    let ready = !draining && app.feeds.iter().all(has_been_live);
    let feeds = app.feeds.iter().map(|feed| {
        let reason = feed.trouble();
        Feed { feed: feed.url(), live: reason.is_none(), reason }
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &Readiness { ready, draining, feeds: feeds.collect() })
}
