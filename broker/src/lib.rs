//! The Tickcast broker: one venue connection in, thousands of subscriber sockets out.

pub mod clock;
pub mod config;
pub mod fanout;
pub mod http;
pub mod metrics;
pub mod panics;
mod seldom;
mod session;
pub mod upstream;

use clock::{Clock, SystemClock};
use config::{Config, FeedSpec, FeedsOn};
use fanout::{ShardWake, Shards};
use feed::market::{Market, MarketLimits};
use feed::topic::Table;
use http::{App, Connections};
use metrics::{FeedMetrics, Metrics, ShardMetrics, SymbolMetrics, TableMetrics};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use upstream::{Context, Dialling, Feed, Reloader};

/// Serves on `listener` until `shutdown`, then ends in order.
///
/// # Errors
/// As [`Broker::start`].
pub async fn run(listener: TcpListener, config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    Broker::start(listener, config, shutdown).await?.end().await;
    Ok(())
}

/// A broker that serves.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    shards: Arc<Shards>,
    feeds: Vec<Feed>,
    /// The feeds' specifications, each with how many of the feeds it has become.
    specs: Vec<(FeedSpec, usize)>,
    serving: JoinHandle<()>,
    /// Asks it to end in order.
    shutdown: CancellationToken,
    /// Ends HTTP, when the streams have ended.
    http_end: CancellationToken,
    drain_timeout: Duration,
}

impl Broker {
    /// Sets everything up and begins to serve.
    ///
    /// # Errors
    /// What keeps the broker from serving at all: a feed that cannot be set up, a thread that cannot be made.
    pub async fn start(
        listener: TcpListener,
        config: Config,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let Parts { table, market, shards, clock } = parts(&config)?;
        let dialling = Arc::new(Dialling::default());
        let lines = config::lines(&config.feeds)?;
        let context = |place: usize| Context {
            line: lines[place].clone(),
            dialling: Arc::clone(&dialling),
            runtime: feeds_runtime(config.feeds_on, &shards, place),
            market: Arc::clone(&market),
            clock: Arc::clone(&clock),
            limits: Arc::new(config.limits.clone()),
            book_depth: config.book_depth,
            epoch: epoch(&*clock).into(),
            shutdown: shutdown.clone(),
        };
        let (mut feeds, mut specs) = (Vec::new(), Vec::new());
        for (place, spec) in config.feeds.iter().enumerate() {
            let started = upstream::start(spec, &context(place)).await?;
            specs.push((spec.clone(), started.len()));
            feeds.extend(started);
        }
        let address = listener.local_addr()?;
        let http_end = CancellationToken::new();
        let app = app(&config, &feeds, table, market, Arc::clone(&shards), shutdown.clone());
        let serving = tokio::spawn(http::serve(listener, app, http_end.clone()));
        let drain_timeout = Duration::from_millis(config.limits.drain_timeout_ms);
        Ok(Self { address, shards, feeds, specs, serving, shutdown, http_end, drain_timeout })
    }

    /// Where it serves.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The feeds.
    #[must_use]
    pub fn feeds(&self) -> &[Feed] {
        &self.feeds
    }

    /// What takes over the symbols of feeds from a configuration that was read anew.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        let mut left = &self.feeds[..];
        let of_spec = |(spec, count): &(FeedSpec, usize)| {
            let (feeds, others) = left.split_at(*count);
            left = others;
            (spec.clone(), feeds)
        };
        Reloader::new(self.specs.iter().map(of_spec).collect())
    }

    /// Waits until it is asked to end, then ends in order: it is not ready any more and opens no new streams, clients are told
    /// to come back, feeds end, and HTTP ends last.
    pub async fn end(self) {
        self.shutdown.cancelled().await;
        tracing::info!("shutting down");
        let Self { shards, feeds, serving, http_end, drain_timeout, .. } = self;
        let ended = timeout(drain_timeout, async {
            // Shards end by themselves within their own time limits.
            let _ = tokio::task::spawn_blocking(move || shards.shutdown()).await;
            for feed in feeds {
                let _ = feed.task.await;
            }
            http_end.cancel();
            let _ = serving.await;
        });
        if ended.await.is_err() {
            let drain_timeout_ms = drain_timeout.as_millis() as u64;
            tracing::warn!(drain_timeout_ms, "not all ended in time");
        }
    }
}

/// What everything else stands on.
struct Parts {
    table: Arc<Table>,
    market: Arc<Market>,
    shards: Arc<Shards>,
    clock: Arc<dyn Clock>,
}

fn parts(config: &Config) -> io::Result<Parts> {
    let limits = &config.limits;
    let wakes: Vec<ShardWake> = (0..config.shards).map(|_| ShardWake::default()).collect();
    let boxed = wakes.iter().map(|wake| Box::new(wake.clone()) as Box<dyn table::Wake>).collect();
    let topics_max = u32::try_from(limits.topics_max).unwrap_or(u32::MAX);
    let table = Arc::new(Table::new(topics_max, limits.log_bytes_max, boxed));
    let market_limits = MarketLimits {
        symbols_max: limits.symbols_max,
        trades_log_entries: limits.trades_log_entries_max,
        book_log_entries: limits.book_log_entries_max,
        other_log_entries: limits.other_log_entries_max,
    };
    let market = Arc::new(Market::new(Arc::clone(&table), market_limits));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = Arc::new(fanout_settings(config));
    let shards = Arc::new(Shards::start(&wakes, &table, &market, &settings, &clock)?);
    Ok(Parts { table, market, shards, clock })
}

/// Where a feed runs: to wake a thread that shares its core would cost more than the feed's own work.
fn feeds_runtime(feeds_on: FeedsOn, shards: &Shards, place: usize) -> Handle {
    shards.runtime(place).filter(|_| feeds_on.is_shards()).cloned().unwrap_or_else(Handle::current)
}

fn app(
    config: &Config,
    feeds: &[Feed],
    table: Arc<Table>,
    market: Arc<Market>,
    shards: Arc<Shards>,
    draining: CancellationToken,
) -> Arc<App> {
    let limits = &config.limits;
    let descriptors = metrics::max_fds().map_or(usize::MAX, |max| max as usize);
    let connections_max = http::within_descriptors(limits.connections_max, descriptors);
    if connections_max < limits.connections_max {
        tracing::info!(connections_max, "as many connections as the process may have open files (ulimit -n)");
    }
    let connections = Connections::new(connections_max, limits.connections_per_address_max);
    let feeds: Vec<_> = feeds.iter().map(|feed| Arc::clone(&feed.status)).collect();
    let metrics = Metrics::new()
        .with(ShardMetrics(Arc::clone(&shards)))
        .with(TableMetrics {
            table,
            connections: Arc::clone(&connections),
            unsent_bytes_max: limits.unsent_bytes_max,
        })
        .with(FeedMetrics(feeds.clone()))
        .with(SymbolMetrics(Arc::clone(&market)));
    Arc::new(App { market, feeds, metrics, streams: shards, connections, draining, limits: limits.clone() })
}

fn fanout_settings(config: &Config) -> fanout::Settings {
    let limits = &config.limits;
    fanout::Settings {
        node: config.node.clone(),
        tiers_ms: limits.tiers_ms.clone(),
        turn_ms_max: limits.turn_ms_max,
        turn_interval_ms: limits.turn_interval_ms,
        conflate_after_ms: limits.conflate_after_ms,
        demote_after_ms: limits.demote_after_ms,
        promote_after_ms: limits.promote_after_ms,
        promote_after_ms_max: limits.promote_after_ms_max,
        demoted_interval_ms_max: limits.demoted_interval_ms_max,
        stall_time_max_ms: limits.stall_time_max_ms,
        heartbeat_ms: limits.heartbeat_ms,
        ping_ms: limits.ping_ms,
        pong_timeout_ms: limits.pong_timeout_ms,
        close_timeout_ms: limits.close_timeout_ms,
        unsent_bytes_max: limits.unsent_bytes_max,
        control_bytes_max: limits.control_bytes_max,
        subscriptions_max: limits.subscriptions_max,
        requests_per_s_max: limits.requests_per_s_max,
        request_burst_max: limits.request_burst_max,
        refused_requests_max: limits.refused_requests_max,
        request_bytes_max: limits.request_bytes_max,
    }
}

/// The name of this life of the topics: the second in which it began, and enough of the rest that no two lives share it.
fn epoch(clock: &dyn Clock) -> String {
    let now = clock.now().0;
    format!("{:x}-{:x}", now / 1_000_000, now % 1_000_000)
}
