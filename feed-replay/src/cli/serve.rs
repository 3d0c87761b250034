//! `feed-replay serve`

use super::{Usage, duration, venue_help};
use crate::fault::{self, Fault, Faults};
use crate::serve::{Limits, Server, Settings, Speed, Tls, When};
use crate::source::RestFile;
use crate::tape::Tape;
use crate::venue::Venue;
use anyhow::Context as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Stand in for a venue: replay a capture over the venue's own WebSocket and REST paths
///
/// Clients connect as they would to the venue, subscribe in its own form and get its own replies
/// and errors. Besides captures, files of cryptofeed, cbcap and a frame per line are served as
/// they are.
///
/// The clock starts with the first subscription, once no further request has come for
/// --settle-ms; all connections share it. REST depth (Binance) and the snapshots for late
/// subscribers (the other venues) are the recorded ones until those have been played, and then
/// the book as played since. At the end connections stay open and are kept alive.
///
/// A line `feed-replay: serving CAPTURE as VENUE on ws://ADDR and http://ADDR` on standard output
/// says that clients can connect; with port 0 it tells the real port.
///
///   binance   /ws/<stream>[/<stream>...] and /stream?streams=, /ws and /stream with SUBSCRIBE
///             requests, timeUnit=MICROSECOND; /api/v3/depth, exchangeInfo (as recorded, else
///             made of what the capture shows), ping and time; a recorded serverShutdown is sent to
///             all connections, which end ten seconds later
///   binance-usdm   the same behind /public (trades, book tickers, depth) and /market (all else),
///             and without either as /public; /fapi/v1/depth, exchangeInfo, ping and time
///   binance-coinm  the same with /dapi/v1
///   coinbase  / with subscribe requests; level2, level2_batch and level2_50 are one stream;
///             /products, currencies and time
///   kraken    /v2 or /, version 2 of the protocol; a book has the depth that was recorded, all
///             others are refused as not supported; /0/public/AssetPairs, Assets, SystemStatus and
///             Time
///   bybit     /v5/public/spot and /v5/public/linear, one capture at both, with the replies of each;
///             one bad topic has a whole request refused
///   okx       /ws/v5/public, the text `ping`; books-l2-tbt is served as books, too; a connection
///             over which nothing goes is cut; a recorded notice 64008 is given to all connections,
///             which end a minute later
///
/// Clients that connect or ask more often than the venue allows, or for more, are refused as it
/// does, unless --lenient.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// The capture; several are read as one: files of one recording in their order, others by time
    #[arg(required = true, value_name = "CAPTURE", env = "TICKCAST_CAPTURE")]
    captures: Vec<PathBuf>,
    #[arg(long, env = "TICKCAST_VENUE", help = venue_help("The venue to stand in for"))]
    venue: Venue,
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "TICKCAST_LISTEN", value_name = "ADDR")]
    listen: SocketAddr,
    /// How many times as fast as recorded, or `max`: as fast as the slowest reader takes it
    #[arg(long, env = "TICKCAST_SPEED", default_value = "1")]
    speed: Speed,
    /// Begin anew at the end. Event times and ids go on rising; a client sees a gap in Binance's depth and fetches it anew, the
    /// other venues send their snapshots again
    #[arg(long = "loop", env = "TICKCAST_LOOP")]
    looped: bool,
    /// Replace event times by the scheduled time of sending, in microseconds where the venue has them (Binance: where the
    /// client asks for timeUnit=MICROSECOND)
    #[arg(long, env = "TICKCAST_RESTAMP")]
    restamp: bool,
    /// Start here: unix seconds or nanoseconds, a time such as 2026-07-07T22:58:17Z, or an offset such as +30s
    #[arg(long, env = "TICKCAST_FROM", value_name = "T")]
    from: Option<When>,
    /// End here, written in the same ways
    #[arg(long, env = "TICKCAST_TO", value_name = "T")]
    to: Option<When>,
    /// Put a REST depth body where it joins the stream (Binance): the URL with its symbol=, and the file that holds the body
    #[arg(long, value_name = "URL=FILE")]
    rest: Vec<RestFile>,
    /// Serve over TLS (wss:// and https://) with this certificate, and those that vouch for it behind it, as PEM
    #[arg(long, env = "TICKCAST_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, as PEM
    #[arg(long, env = "TICKCAST_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    #[command(flatten)]
    faults: FaultArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// See [`Faults`].
#[derive(Debug, clap::Args)]
struct FaultArgs {
    #[arg(long = "fault", value_name = "SPEC", help = "Make a fault, such as drop:0.1% (see --help)", long_help = fault::HELP)]
    faults: Vec<Fault>,
    /// Decides which messages the faults hit
    #[arg(long, env = "TICKCAST_FAULT_SEED", default_value_t = 1, value_name = "N")]
    fault_seed: u64,
    /// From one drop, dup, reorder, badsum or garbage of a channel of a symbol to the next at least so much of the capture's time, so
    /// that each can be told from the next
    #[arg(long, env = "TICKCAST_FAULT_SPACING", default_value = "0s", value_name = "D", value_parser = duration)]
    fault_spacing: Duration,
}

/// See [`Limits`].
#[derive(Debug, clap::Args)]
struct LimitArgs {
    /// Start when no request has come for so long after the first subscription
    #[arg(long, env = "TICKCAST_SETTLE_MS", default_value_t = 250, value_name = "MS")]
    settle_ms: u64,
    /// Open connections at most
    #[arg(long, env = "TICKCAST_CONNECTIONS_MAX", default_value_t = 1_000, value_name = "N")]
    connections_max: usize,
    /// Bytes that may wait for one connection before it is cut off
    #[arg(long, env = "TICKCAST_QUEUE_BYTES_MAX", default_value_t = 64 << 20, value_name = "BYTES")]
    queue_bytes_max: usize,
    /// Messages from a client in a second before it is closed, instead of the venue's number (100 where it has none)
    #[arg(long, env = "TICKCAST_REQUESTS_PER_S_MAX", value_name = "N")]
    requests_per_s_max: Option<u32>,
    /// The longest message from a client
    #[arg(long, env = "TICKCAST_REQUEST_BYTES_MAX", default_value_t = 256 << 10, value_name = "BYTES")]
    request_bytes_max: usize,
    /// Cut off a connection that reads nothing for so long at speed `max`
    #[arg(long, env = "TICKCAST_STALL_MS_MAX", default_value_t = 30_000, value_name = "MS")]
    stall_ms_max: u64,
    /// Ping clients so often, instead of as often as the venue does (Binance spot: 20,000)
    #[arg(long, env = "TICKCAST_PING_MS", value_name = "MS")]
    ping_ms: Option<u64>,
    /// Close a client that sends no pong for so long, instead of the venue's time (Binance spot: 60,000)
    #[arg(long, env = "TICKCAST_PONG_MS_MAX", value_name = "MS")]
    pong_ms_max: Option<u64>,
    /// Close a Coinbase connection that has not subscribed by then
    #[arg(long, env = "TICKCAST_SUBSCRIBE_MS_MAX", default_value_t = 5_000, value_name = "MS")]
    subscribe_ms_max: u64,
    /// Close a connection over which nothing went for so long, instead of after the venue's time (OKX: 30,000,
    /// Bybit: 600,000)
    #[arg(long, env = "TICKCAST_IDLE_MS_MAX", value_name = "MS")]
    idle_ms_max: Option<u64>,
    /// Serve clients that connect or ask more often, or for more, than the venue allows
    #[arg(long, env = "TICKCAST_LENIENT")]
    lenient: bool,
}

impl LimitArgs {
    fn limits(&self) -> Limits {
        Limits {
            settle: Duration::from_millis(self.settle_ms),
            connections_max: self.connections_max,
            queue_bytes_max: self.queue_bytes_max,
            stall_max: Duration::from_millis(self.stall_ms_max),
            request_bytes_max: self.request_bytes_max,
            requests_per_s_max: self.requests_per_s_max,
            subscribe_within: Duration::from_millis(self.subscribe_ms_max),
            ping_every: self.ping_ms.map(|ms| Duration::from_millis(ms.max(1))),
            pong_within: self.pong_ms_max.map(Duration::from_millis),
            idle_within: self.idle_ms_max.map(Duration::from_millis),
            lenient: self.lenient,
            ..Limits::default()
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    Usage::check_rest(&args.rest, args.venue)?;
    let tape = Tape::new(&args.captures, None, Some(args.venue))?.with_rest(args.rest.clone());
    let tls = args.tls_cert.as_deref().zip(args.tls_key.as_deref());
    let tls = tls.map(|(certificate, key)| Tls::load(certificate, key)).transpose();
    let settings = Settings {
        venue: args.venue,
        tape,
        speed: args.speed,
        looped: args.looped,
        restamp: args.restamp,
        from: args.from,
        to: args.to,
        faults: Faults {
            faults: args.faults.faults.clone(),
            seed: args.faults.fault_seed,
            spacing: args.faults.fault_spacing,
        },
        tls: tls.map_err(|error| Usage(error.to_string()))?,
        limits: args.limits.limits(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(args, settings))
}

async fn serve(args: &Args, settings: Settings) -> anyhow::Result<()> {
    // Before anything is served, so that no signal is missed.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let name = settings.tape.path().display().to_string();
    let server = Server::bind(args.listen, settings).await?;
    let (venue, address, tally) = (args.venue, server.address(), server.tally());
    let (stream, rest) = if args.tls_cert.is_some() { ("wss", "https") } else { ("ws", "http") };
    let ready =
        format!("feed-replay: serving {name} as {venue} on {stream}://{address} and {rest}://{address}");
    writeln!(io::stdout(), "{ready}").context("standard output")?;
    server
        .run(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("shutting down");
        })
        .await;
    let counts = tally.counts();
    if !counts.faults.is_empty() {
        // As JSON, too: whoever tests with faults compares numbers.
        let _ = writeln!(io::stdout(), "{counts}{}", serde_json::to_string(&counts)?);
    }
    Ok(())
}
