//! The simulated market by the real clock.

use super::{Context, FeedStatus};
use feed::sim::Sim;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Publishes what is due until the broker shuts down.
pub(crate) async fn run(mut sim: Sim, context: Context, status: Arc<FeedStatus>) {
    sim.start(context.clock.now());
    status.live();
    while !context.shutdown.is_cancelled() {
        let (now, due) = (context.clock.now(), sim.due());
        if due <= now {
            sim.step(now);
            // To sleep is to yield too; only who is late must go on at once.
            if sim.due() <= context.clock.now() {
                tokio::task::yield_now().await;
            }
        } else {
            sleep(Duration::from_micros(due.since(now))).await;
        }
    }
}
