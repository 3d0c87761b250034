//! The simulated market by the real clock.

use super::{Context, FeedStatus};
use feed::sim::Sim;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How long the market sleeps at least while nobody is told of each update, since there are no subscribers or all sit on rate tiers,
/// of which the fastest is ten times as slow by default. What is due meanwhile keeps its times, and its core sleeps longer.
const UNHURRIED: Duration = Duration::from_millis(5);

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
            let until_due = Duration::from_micros(due.since(now));
            let least = if context.market.is_watched_promptly() { Duration::ZERO } else { UNHURRIED };
            sleep(until_due.max(least)).await;
        }
    }
}
