//! A venue over its WebSocket: what the connection tells of itself becomes the feed's status.

use super::{Context, FeedStatus};
use feed::machine::Machine;
use link::{Endpoints, Witness};
use std::sync::Arc;
use url::Url;

/// Keeps a venue connected until the broker shuts down.
pub(crate) async fn run(
    machine: Box<dyn Machine>,
    endpoints: Endpoints,
    context: Context,
    status: Arc<FeedStatus>,
) {
    let clock = Arc::clone(&context.clock);
    let limits = &context.limits;
    let context = link::Context {
        limits: link::Limits {
            message_bytes_max: limits.upstream_message_bytes_max,
            connect_timeout_ms: limits.upstream_connect_timeout_ms,
            fetch_timeout_ms: limits.upstream_fetch_timeout_ms,
            backoff_min_ms: limits.backoff_min_ms,
            backoff_max_ms: limits.backoff_max_ms,
        },
        now: Arc::new(move || clock.now()),
        dialling: context.dialling,
        shutdown: context.shutdown,
    };
    link::run(machine, endpoints, context, Status(status)).await;
}

struct Status(Arc<FeedStatus>);

impl Witness for Status {
    fn name(&self) -> &str {
        self.0.url()
    }

    fn connected(&mut self, _: &Url) {
        self.0.connects.up();
    }

    fn cannot_connect(&mut self, _: &Url, reason: &str) {
        self.0.connect_failures.up();
        self.0.not_live(reason);
    }

    fn lost(&mut self, reason: &str) {
        self.0.not_live(reason);
    }

    fn live(&mut self, is_live: bool) {
        if is_live {
            self.0.live();
        } else {
            self.0.not_live("not all symbols are live");
        }
    }
}
