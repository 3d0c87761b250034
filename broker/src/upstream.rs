//! Upstream: what brings market data in. The machines of the crate `feed` decide, the tasks here carry out: they connect, send,
//! fetch, keep the time and come back after a failure.

mod backoff;
mod connect;
mod fetch;
mod simulated;
mod status;
mod venue;

pub use status::FeedStatus;

use crate::clock::Clock;
use crate::config::{FeedSpec, Limits, Source};
use anyhow::Context as _;
use feed::counters::FeedCounters;
use feed::market::Market;
use feed::settings::{Channels, Settings};
use feed::sim::{Sim, SimSettings};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What all feeds share.
#[derive(Clone)]
pub struct Context {
    /// Where symbols are opened.
    pub market: Arc<Market>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Limits and times.
    pub limits: Arc<Limits>,
    /// Levels a side that are published.
    pub book_depth: usize,
    /// The name of this life of the topics, for feeds that have no better one.
    pub epoch: Arc<str>,
    /// Ends the feeds.
    pub shutdown: CancellationToken,
}

/// A feed that runs.
#[derive(Debug)]
pub struct Feed {
    /// How it does.
    pub status: Arc<FeedStatus>,
    /// Ends when the feed does.
    pub task: JoinHandle<()>,
}

/// Starts a feed.
///
/// # Errors
/// What makes it impossible from the start: a file that cannot be read, a symbol that is no symbol.
pub fn start(spec: &FeedSpec, context: &Context) -> anyhow::Result<Feed> {
    start_source(spec, context).with_context(|| format!("feed {}", spec.url))
}

fn start_source(spec: &FeedSpec, context: &Context) -> anyhow::Result<Feed> {
    match &spec.source {
        Source::Simulated(simulated) => {
            let settings = settings(spec, "sim", context);
            let sim =
                SimSettings { symbols: simulated.symbols, rate: simulated.rate as u64, seed: simulated.seed };
            let sim = Sim::new(&settings, sim, &context.market)?;
            let status = FeedStatus::new(&spec.url, Arc::new(FeedCounters::default()));
            let task = tokio::spawn(simulated::run(sim, context.clone(), Arc::clone(&status)));
            Ok(Feed { status, task })
        }
        _ => anyhow::bail!("not yet"),
    }
}

/// What the machine is told.
fn settings(spec: &FeedSpec, venue: &str, context: &Context) -> Settings {
    let selection = &spec.selection;
    let mut settings = Settings::new(spec.venue.as_deref().unwrap_or(venue), Arc::clone(&context.epoch));
    settings.symbols.clone_from(&selection.symbols);
    if !selection.channels.is_empty() {
        settings.channels = Channels::of(&selection.channels);
    }
    settings.depth = selection.depth;
    settings.book_depth = context.book_depth;
    settings
}
