//! Which path answers what.

use super::accept::Connection;
use super::reply::{self, Failure, Reply, for_any_origin, with_type};
use super::{Excess, assets, readiness, snapshot, symbols};
use crate::metrics::Metrics;
use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, header};

/// A path that the broker knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Stream,
    Symbols,
    Snapshot,
    Digests,
    Metrics,
    Health,
    Readiness,
    Schema(String),
    Page(String),
}

/// Where a request goes. Everything that is no other path may be a file of the page.
pub(super) fn route(head: &Parts) -> Route {
    let path = head.uri.path();
    match path {
        "/v1/stream" => Route::Stream,
        "/v1/symbols" => Route::Symbols,
        "/v1/snapshot" => Route::Snapshot,
        "/v1/digests" => Route::Digests,
        "/metrics" => Route::Metrics,
        "/healthz" => Route::Health,
        "/readyz" => Route::Readiness,
        "/" => Route::Page("index.html".to_owned()),
        _ => match path.strip_prefix("/schemas/") {
            Some(name) => Route::Schema(name.to_owned()),
            None => Route::Page(path.trim_start_matches('/').to_owned()),
        },
    }
}

/// The reply of every path but the stream's.
pub(super) fn reply(connection: &Connection, head: &Parts, route: Route) -> Reply {
    let name = route.name();
    let is_public = route.is_public();
    let mut reply = match answer(connection, head, route) {
        Ok(reply) => reply,
        Err(failure) => failure.into(),
    };
    if is_public {
        for_any_origin(&mut reply);
    }
    if connection.excess.is_some() || connection.app.draining.is_cancelled() {
        reply::set(&mut reply, header::CONNECTION, "close");
    }
    connection.app.metrics.http_reply(name, reply.status());
    reply
}

fn answer(connection: &Connection, head: &Parts, route: Route) -> Result<Reply, Failure> {
    let app = &*connection.app;
    match head.method {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return Ok(reply::options()),
        _ => {
            let message = format!("{}: expected {}", head.method, reply::METHODS);
            return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message));
        }
    }
    // What operators watch is answered in any case.
    if let Some(excess) = connection.excess
        && !matches!(route, Route::Metrics | Route::Health | Route::Readiness)
    {
        return Err(too_many(excess));
    }
    match route {
        Route::Symbols => Ok(symbols::reply(&app.market)),
        Route::Snapshot => snapshot::reply(&app.market, head.uri.query().unwrap_or_default()),
        Route::Digests => Ok(reply::json(StatusCode::OK, &app.market.registry().digests())),
        Route::Metrics => Ok(with_type(StatusCode::OK, Metrics::CONTENT_TYPE, app.metrics.text())),
        Route::Health => {
            Ok(with_type(StatusCode::OK, "text/plain; charset=utf-8", Bytes::from_static(b"ok\n")))
        }
        Route::Readiness => Ok(readiness::reply(app)),
        Route::Schema(name) => assets::schema(&name, head),
        Route::Page(name) => assets::page(&name, head),
        Route::Stream => Err(Failure::bad_request("this is a WebSocket")),
    }
}

fn too_many(excess: Excess) -> Failure {
    let limit = match excess {
        Excess::Total => "connections_max",
        Excess::Address => "connections_per_address_max",
    };
    Failure::unavailable("limit_exceeded", format!("{limit} is reached"))
}

impl Route {
    /// Its name in metrics: one of few, whatever is asked for.
    fn name(&self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Symbols => "symbols",
            Self::Snapshot => "snapshot",
            Self::Digests => "digests",
            Self::Metrics => "metrics",
            Self::Health => "healthz",
            Self::Readiness => "readyz",
            Self::Schema(_) => "schemas",
            Self::Page(_) => "page",
        }
    }

    /// Whether pages of other origins may read it.
    fn is_public(&self) -> bool {
        match self {
            Self::Page(name) => std::path::Path::new(name)
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("js")),
            Self::Stream | Self::Symbols | Self::Snapshot | Self::Digests | Self::Schema(_) => true,
            Self::Metrics | Self::Health | Self::Readiness => false,
        }
    }
}
