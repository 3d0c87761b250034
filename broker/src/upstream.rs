//! Upstream: what brings market data in. The machines of the crate `feed` decide, the tasks here carry out: they connect, send,
//! fetch, keep the time and come back after a failure.

mod file;
mod lines;
mod reload;
mod simulated;
mod status;
mod ticks;
mod venue;

pub use link::Dialling;
pub use reload::{Change, Connection, ReloadError, Reloader};
pub use status::FeedStatus;

use crate::clock::Clock;
use crate::config::{FeedSpec, FileFeed, Limits, SimulatedFeed, Source, TickLines, TickLink, VenueFeed};
use anyhow::Context as _;
use feed::counters::FeedCounters;
use feed::demand::OnDemand;
use feed::lines::Line;
use feed::machine::Machine;
use feed::market::Market;
use feed::replay::Replay;
use feed::roster::Roster;
use feed::settings::{IMAGE_EVERY, Settings};
use feed::sim::{Sim, SimSettings};
use feed::ticks::Ticks;
use feed::venue::Venue;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
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
    /// Which of several lines the feed is; none: it is alone.
    pub line: Option<Line>,
    /// Keeps connects within what venues allow.
    pub dialling: Arc<Dialling>,
    /// Where the feeds' tasks run.
    pub runtime: Handle,
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
    /// Where its symbols can change while it runs.
    pub connection: Option<Connection>,
}

/// Starts a feed; one whose symbols need several connections by the venue's rules becomes several.
///
/// # Errors
/// What makes it impossible from the start: a file that cannot be read, a symbol that is no symbol.
pub async fn start(spec: &FeedSpec, context: &Context) -> anyhow::Result<Vec<Feed>> {
    start_source(spec, context).await.with_context(|| format!("feed {}", spec.url))
}

async fn start_source(spec: &FeedSpec, context: &Context) -> anyhow::Result<Vec<Feed>> {
    Ok(match &spec.source {
        Source::Simulated(simulated) => vec![start_simulated(spec, simulated, context)?],
        Source::File(file) => vec![start_file(spec, file, context)?],
        Source::Venue(venue) => start_venue(spec, venue, context)?,
        Source::TickLines(lines) => vec![start_tick_lines(spec, lines, context).await?],
    })
}

fn start_simulated(spec: &FeedSpec, simulated: &SimulatedFeed, context: &Context) -> anyhow::Result<Feed> {
    let sim = SimSettings { symbols: simulated.symbols, rate: simulated.rate, seed: simulated.seed };
    let sim = Sim::new(&settings(spec, "sim", context), sim, &context.market)?;
    let status = FeedStatus::new(&spec.url, Arc::new(FeedCounters::default()));
    let task = context.runtime.spawn(simulated::run(sim, context.clone(), Arc::clone(&status)));
    Ok(Feed { status, task, connection: None })
}

fn start_file(spec: &FeedSpec, file: &FileFeed, context: &Context) -> anyhow::Result<Feed> {
    let named = match &spec.venue {
        Some(venue) => Some(venue.clone()),
        None => file::venue_of(&file.path)?,
    };
    let venue: Venue = named.context("the capture names no venue: say which with ?venue=")?.parse()?;
    let settings =
        Settings { digest: file.digest, trades: file.trades, ..settings(spec, venue.name(), context) };
    let market = Arc::clone(&context.market);
    let replay = Replay::new(file::opener(&file.path), venue, file.looped, settings, market)?;
    let status = FeedStatus::new(&spec.url, Arc::clone(replay.machine().counters()));
    let task = context.runtime.spawn(file::run(replay, file.clone(), context.clone(), Arc::clone(&status)));
    Ok(Feed { status, task, connection: None })
}

fn start_venue(spec: &FeedSpec, venue: &VenueFeed, context: &Context) -> anyhow::Result<Vec<Feed>> {
    let settings = venue.settle(settings(spec, venue.venue.name(), context));
    let connections = venue.venue.connections(&settings);
    let start = |(place, settings)| start_connection(spec, venue, context, place, settings);
    connections.into_iter().enumerate().map(start).collect()
}

fn start_connection(
    spec: &FeedSpec,
    venue: &VenueFeed,
    context: &Context,
    place: usize,
    settings: Settings,
) -> anyhow::Result<Feed> {
    let settings = Settings { roster: Some(Roster::default()), ..settings };
    let connection = Connection { venue: venue.venue, settings: settings.clone() };
    let machine = venue.venue.machine(settings, Arc::clone(&context.market))?;
    let counters = Arc::clone(machine.counters());
    let status =
        FeedStatus::of_line(label(&spec.url, place, context.line.as_ref()), counters, (&venue.name, place));
    let (stream, rest, connects) = (venue.stream.clone(), venue.rest.clone(), venue.venue.connects());
    let (takes_over, life) = (venue.venue.takes_over(), venue.venue.life());
    let endpoints = link::Endpoints { stream, rest, connects, takes_over, life };
    let task = context.runtime.spawn(venue::run(machine, endpoints, context.clone(), Arc::clone(&status)));
    Ok(Feed { status, task, connection: Some(connection) })
}

/// What the feed is called in metrics: its URL, and what tells it from others of the same URL.
fn label(url: &str, place: usize, line: Option<&Line>) -> String {
    let line = line.map(|line| format!("line {}", line.number() + 1));
    let connection = (place > 0).then(|| format!("connection {}", place + 1));
    let told: Vec<_> = line.into_iter().chain(connection).collect();
    if told.is_empty() { url.to_owned() } else { format!("{url} ({})", told.join(", ")) }
}

async fn start_tick_lines(spec: &FeedSpec, lines: &TickLines, context: &Context) -> anyhow::Result<Feed> {
    let machine = Ticks::new(settings(spec, "ticks", context), Arc::clone(&context.market))?;
    let counters = Arc::clone(machine.counters());
    let (status, task) = match lines.link {
        TickLink::Dial => {
            let status = FeedStatus::new(&spec.url, counters);
            let dial = ticks::dial(machine, lines.address.clone(), context.clone(), Arc::clone(&status));
            (status, context.runtime.spawn(dial))
        }
        TickLink::Listen => {
            let cannot = || format!("cannot listen on {}", lines.address);
            let listener = TcpListener::bind(&lines.address).await.with_context(cannot)?;
            // Where port 0 was asked for, people want to know which it is.
            let url = spec.url.replacen(&lines.address, &listener.local_addr()?.to_string(), 1);
            let status = FeedStatus::new(url, counters);
            let listener = listener.into_std()?;
            let listen = ticks::listen(machine, listener, context.clone(), Arc::clone(&status));
            (status, context.runtime.spawn(listen))
        }
    };
    Ok(Feed { status, task, connection: None })
}

/// What the machine is told.
fn settings(spec: &FeedSpec, venue: &str, context: &Context) -> Settings {
    let mut settings = spec.settings(Settings::new(venue, Arc::clone(&context.epoch)));
    // Whoever reads a book's log must find an image that it reaches back to.
    let image_every = context.limits.book_log_entries_max / 4;
    settings.image_every = u32::try_from(image_every).unwrap_or(u32::MAX).clamp(1, IMAGE_EVERY);
    settings.capture_line_bytes_max = context.limits.capture_line_bytes_max;
    settings.book_depth = context.book_depth;
    settings.line.clone_from(&context.line);
    if let Source::Venue(feed) = &spec.source
        && spec.selection.on_demand
    {
        let (symbols_max, linger_ms) = (context.limits.demand_symbols_max, context.limits.demand_linger_ms);
        settings.on_demand = Some(OnDemand { venue: feed.venue, symbols_max, linger_ms });
    }
    settings
}
