//! Recording a venue: what the wire carries, written to files that survive a crash.
//!
//! A venue's feed is driven by the machine that drives it in the broker ([`link::run`]), so a recording holds what a broker asks
//! for and sees: requests, REST snapshots, and after a break the resync. Or it is just some frames that are sent.

mod file;
mod frames;
mod queue;
mod tap;
mod writer;

pub use writer::{FileInfo, Rotation, WriteError};

use crate::time::now;
use feed::counters::FeedCounters;
use feed::machine::{Machine, MachineError};
use feed::market::{Market, MarketLimits};
use feed::pacer::Pacer;
use feed::settings::Settings;
use feed::spec::VenueFeed;
use feed::topic::Table;
use frames::Frames;
use link::{Dialling, Endpoints};
use queue::{Queue, Sender};
use schemas::capture::Header;
use schemas::model::Micros;
use serde::Serialize;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tap::{Tap, Tapped};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;
use writer::Writer;

/// How long connections may take to end.
const GOODBYE: Duration = Duration::from_secs(2);
const TOPICS_MAX: u32 = 120_000;
/// Nobody reads the topics.
const LOG_BYTES_MAX: usize = 1 << 20;

/// What is recorded, and how it is written.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Where the frames come from.
    pub from: From,
    /// Where they are written to. With a rotation, the time of its first record goes into each file's name.
    pub out: PathBuf,
    /// When another file is begun.
    pub rotation: Rotation,
    /// The longest time after which what came is safe from a crash.
    pub flush_every: Duration,
    /// Bytes that may wait to be written; then connections are not read until some are.
    pub queue_bytes_max: usize,
    /// Limits and times of the connections.
    pub limits: link::Limits,
}

/// Where frames come from.
#[derive(Debug, Clone)]
pub enum From {
    /// A venue, by its rules.
    Venue {
        /// Where it is.
        feed: VenueFeed,
        /// What of it; one connection takes what the venue's rules allow it.
        settings: Box<Settings>,
    },
    /// Whatever is at a URL.
    Url {
        /// `ws` or `wss`.
        url: Url,
        /// What the files say that the venue is.
        venue: Option<String>,
        /// What is sent once connected.
        send: Vec<String>,
        /// Silence after which it is dialled anew; none: never.
        reconnect_after: Option<Duration>,
    },
}

/// Why there is no recording, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The feed cannot be set up.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The files cannot be written; what was recorded until then is whole.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What was recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The files, in their order.
    pub files: Vec<FileInfo>,
    /// Frames from the venue.
    pub frames: u64,
    /// Their bytes.
    pub frame_bytes: u64,
    /// Frames that were sent.
    pub sent: u64,
    /// Replies over HTTP.
    pub http: u64,
    /// Connections made.
    pub connects: u64,
    /// Connections that ended by themselves.
    pub lost: u64,
    /// Connects and requests over HTTP that failed.
    pub errors: u64,
    /// How often a connection was not read because too much waited to be written.
    pub waits: u64,
    /// Breaks in the continuity of a book.
    pub gaps: u64,
    /// Books whose checksum was not the venue's.
    pub checksum_failures: u64,
    /// Trades that were jumped over.
    pub trades_lost: u64,
}

/// Records until `shutdown` is done.
///
/// # Errors
/// [`RecordError`].
pub async fn record(
    recording: Recording,
    shutdown: impl Future<Output = ()>,
) -> Result<Summary, RecordError> {
    let stop = CancellationToken::new();
    let connections = connections(&recording)?;
    let counters: Vec<_> = connections.iter().map(|c| Arc::clone(c.machine.counters())).collect();
    let (sender, queue) = queue::queue(recording.queue_bytes_max);
    let writing = start_writer(&recording, queue, stop.clone())?;
    let tapped = Arc::new(Tapped::default());
    let tasks = TaskTracker::new();
    start_connections(connections, &recording, &sender, &tapped, (&tasks, &stop));
    tokio::select! {
        () = shutdown => {}
        () = stop.cancelled() => {}
    }
    stop.cancel();
    tasks.close();
    let _ = tokio::time::timeout(GOODBYE, tasks.wait()).await;
    let waits = sender.waits();
    // With the last sender the writer ends.
    drop(sender);
    let files = tokio::task::block_in_place(|| writing.join()).unwrap_or(Ok(Vec::new()))?;
    Ok(summary(files, waits, &tapped, &counters))
}

type Writing = std::thread::JoinHandle<Result<Vec<FileInfo>, WriteError>>;

fn start_writer(recording: &Recording, queue: Queue, stop: CancellationToken) -> Result<Writing, WriteError> {
    let Recording { out, rotation, flush_every, .. } = recording;
    let writer = Writer::create(out, *rotation, *flush_every, &header(&recording.from))?;
    let failed = |error| WriteError { path: out.clone(), error };
    let run = move || {
        let written = writer.run(queue);
        // Without a writer there is nothing to record for.
        stop.cancel();
        written
    };
    std::thread::Builder::new().name("writer".to_owned()).spawn(run).map_err(failed)
}

/// One connection to come.
struct Connection {
    name: String,
    machine: Box<dyn Machine>,
    endpoints: Endpoints,
}

fn connections(recording: &Recording) -> Result<Vec<Connection>, MachineError> {
    match &recording.from {
        From::Venue { feed, settings } => {
            let table = Arc::new(Table::new(TOPICS_MAX, LOG_BYTES_MAX, Vec::new()));
            let market = Arc::new(Market::new(table, MarketLimits::default()));
            let VenueFeed { venue, stream, rest, .. } = feed;
            let connection = |(place, settings)| {
                let (stream, rest, connects) = (stream.clone(), rest.clone(), venue.connects());
                let machine = venue.machine(settings, Arc::clone(&market))?;
                let name = format!("{} connection {place}", venue.name());
                // A recording holds no message twice: a connection breaks before another one is made.
                let endpoints = Endpoints { stream, rest, connects, takes_over: false, life: None };
                Ok(Connection { name, machine, endpoints })
            };
            venue.connections(settings).into_iter().enumerate().map(connection).collect()
        }
        From::Url { url, send, reconnect_after, .. } => {
            let machine = Box::new(Frames::new(url, send.clone(), *reconnect_after));
            let connects = Pacer::within(100, 60_000_000);
            let (stream, rest) = (url.clone(), url.clone());
            let endpoints = Endpoints { stream, rest, connects, takes_over: false, life: None };
            Ok(vec![Connection { name: url.to_string(), machine, endpoints }])
        }
    }
}

fn start_connections(
    connections: Vec<Connection>,
    recording: &Recording,
    sender: &Arc<Sender>,
    tapped: &Arc<Tapped>,
    (tasks, stop): (&TaskTracker, &CancellationToken),
) {
    let context = link::Context {
        limits: recording.limits,
        now: Arc::new(|| Micros::from_nanos(now())),
        dialling: Arc::new(Dialling::default()),
        shutdown: stop.clone(),
    };
    for (conn, Connection { name, machine, endpoints }) in (0..).zip(connections) {
        let tap = Tap::new(name, conn, Arc::clone(sender), Arc::clone(tapped));
        tasks.spawn(link::run(machine, endpoints, context.clone(), tap));
    }
}

fn header(from: &From) -> Header {
    match from {
        From::Venue { feed, .. } => Header::of_venue(feed.venue.name()),
        From::Url { venue: Some(venue), .. } => Header::of_venue(venue),
        From::Url { venue: None, .. } => Header::default(),
    }
}

fn summary(files: Vec<FileInfo>, waits: u64, tapped: &Tapped, counters: &[Arc<FeedCounters>]) -> Summary {
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let sum = |of: fn(&FeedCounters) -> u64| counters.iter().map(|counters| of(counters)).sum();
    Summary {
        files,
        waits,
        frames: count(&tapped.frames),
        frame_bytes: count(&tapped.frame_bytes),
        sent: count(&tapped.sent),
        http: count(&tapped.http),
        connects: count(&tapped.connects),
        lost: count(&tapped.lost),
        errors: count(&tapped.errors),
        gaps: sum(|counters| counters.gaps.value()),
        checksum_failures: sum(|counters| counters.checksum_failures.value()),
        trades_lost: sum(|counters| counters.trades_lost.value()),
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, frame_bytes, sent, http, connects, lost, errors, waits, .. } = self;
        writeln!(f, "frames     {frames} ({frame_bytes} bytes), {sent} sent, {http} replies over HTTP")?;
        writeln!(f, "connects   {connects}, {lost} of them lost; {errors} connects and requests failed")?;
        let Self { gaps, checksum_failures, trades_lost, .. } = self;
        writeln!(f, "breaks     {gaps} gaps, {checksum_failures} checksums, {trades_lost} trades lost")?;
        if *waits > 0 {
            writeln!(
                f,
                "slow       {waits} times a connection was not read since too much waited to be written"
            )?;
        }
        for FileInfo { path, bytes, records } in &self.files {
            writeln!(f, "file       {} ({records} records, {bytes} bytes)", path.display())?;
        }
        Ok(())
    }
}
