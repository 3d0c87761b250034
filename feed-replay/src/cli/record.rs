//! `feed-replay record`

use super::output::print;
use super::{Usage, venue_help};
use crate::record::{From, Recording, Rotation, Summary, record};
use anyhow::Context as _;
use feed::settings::Settings;
use feed::spec::{FeedSpec, Source};
use schemas::capture::Compression;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

/// Record what a venue sends, until Ctrl-C
///
/// The venue is asked for the same as by a broker with that --feed: requests are paced by its rules, books are fetched anew
/// after a break, a lost connection is dialled again. Or --url is dialled and each --send is sent.
///
/// Written is each frame with the time at which it came in nanoseconds, and what the recorder did:
/// connects, requests sent, replies over HTTP, closes with their code, errors. WebSocket pings are
/// answered, not written.
///
/// The file is compressed by zstd in blocks that end with a whole record, each --flush-ms at the
/// latest, and are then on disk. A recorder that is killed leaves a file that opens and holds
/// everything up to the last block; `info`, `serve` and `digest` tell that its end is missing and
/// take it as it is.
///
/// With --rotate-bytes or --rotate-every the time goes into the names (btc.zst becomes
/// btc-20261121T165500.123456Z.zst), and each header says which recording the file belongs to and
/// which part of it is: given together, the files are read as the one recording that they are.
/// No file is ever written over.
///
/// A line `feed-replay: recording FEED to FILE` on standard output says that it has begun, and a
/// summary follows at the end.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(group(clap::ArgGroup::new("from").required(true).args(["feed", "url"])))]
pub(super) struct Args {
    #[arg(long, env = "TICKCAST_FEED", help = feed_help())]
    feed: Option<FeedSpec>,
    /// Dial this instead, ws:// or wss://
    #[arg(long, env = "TICKCAST_URL", value_parser = websocket_url)]
    url: Option<Url>,
    /// With --url: send this text frame once connected; may be given several times
    #[arg(long, value_name = "FRAME", requires = "url")]
    send: Vec<String>,
    #[arg(long, env = "TICKCAST_VENUE", requires = "url", help = venue_help("With --url: whose frames these are"))]
    venue: Option<crate::venue::Venue>,
    /// With --url: dial anew when nothing has come for so long; 0: never
    #[arg(long, env = "TICKCAST_RECONNECT_AFTER_MS", default_value_t = 60_000, value_name = "MS")]
    reconnect_after_ms: u64,
    /// Where to write; the name ends in .zst
    #[arg(long, env = "TICKCAST_OUT", value_name = "FILE.zst")]
    out: PathBuf,
    /// Begin another file when one has so many bytes, told at the end of a block
    #[arg(long, env = "TICKCAST_ROTATE_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    rotate_bytes: Option<u64>,
    /// Begin another file when the clock passes a multiple of this: 10m, 1h (on the hour), 24h (at midnight UTC)
    #[arg(long, env = "TICKCAST_ROTATE_EVERY", value_name = "D", value_parser = positive_duration)]
    rotate_every: Option<Duration>,
    /// End after so long: 500ms, 30s, 5m, 1h; without it, with Ctrl-C
    #[arg(long, env = "TICKCAST_DURATION", value_name = "D", value_parser = positive_duration)]
    duration: Option<Duration>,
    /// How much time's frames a crash may cost
    #[arg(long, env = "TICKCAST_FLUSH_MS", default_value_t = 1_000, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    flush_ms: u64,
    /// Bytes that may wait to be written; beyond them the venue is not read until some are
    #[arg(long, env = "TICKCAST_QUEUE_BYTES_MAX", default_value_t = 64 << 20, value_name = "BYTES")]
    queue_bytes_max: usize,
    /// The largest message that is taken
    #[arg(long, env = "TICKCAST_MESSAGE_BYTES_MAX", default_value_t = 32 << 20, value_name = "BYTES")]
    message_bytes_max: usize,
    /// Print the summary as one line of JSON
    #[arg(long, env = "TICKCAST_JSON")]
    json: bool,
}

fn feed_help() -> String {
    let venues = feed::venue::Venue::ALL.into_iter().filter(|venue| venue.is_dialled());
    let names: Vec<_> = venues.map(feed::venue::Venue::name).collect();
    format!(
        "A venue's feed, as a broker takes it: kraken+wss://ws.kraken.com/v2?symbols=BTC/USD (venues: {})",
        names.join(", ")
    )
}

fn websocket_url(text: &str) -> Result<Url, String> {
    let expected = || format!("expected ws:// or wss://HOST, found {text:?}");
    let url: Url = text.parse().map_err(|_| expected())?;
    let fits = matches!(url.scheme(), "ws" | "wss") && url.host_str().is_some();
    if fits { Ok(url) } else { Err(expected()) }
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    super::duration(text)
        .and_then(|d| if d.is_zero() { Err("expected more than 0".to_owned()) } else { Ok(d) })
}

/// A recorder has no subscribers whose symbols it could take.
fn named(spec: &FeedSpec) -> Result<(), Usage> {
    if spec.selection.on_demand {
        return Err(Usage(
            "--feed: symbols: expected names, since nobody subscribes to a recorder".to_owned(),
        ));
    }
    Ok(())
}

impl Args {
    fn recording(&self) -> Result<Recording, Usage> {
        if Compression::of_name(&self.out) != Compression::Zstd {
            return Err(Usage(format!(
                "--out: expected a name that ends in .zst, found {}",
                self.out.display()
            )));
        }
        Ok(Recording {
            from: self.from()?,
            out: self.out.clone(),
            rotation: Rotation { bytes: self.rotate_bytes, every: self.rotate_every },
            flush_every: Duration::from_millis(self.flush_ms),
            queue_bytes_max: self.queue_bytes_max,
            limits: link::Limits { message_bytes_max: self.message_bytes_max, ..link::Limits::default() },
        })
    }

    fn from(&self) -> Result<From, Usage> {
        let Some(spec) = &self.feed else {
            let Some(url) = self.url.clone() else {
                return Err(Usage("expected --feed or --url".to_owned()));
            };
            let venue = self.venue.map(|venue| venue.name().to_owned());
            let reconnect_after =
                Some(Duration::from_millis(self.reconnect_after_ms)).filter(|d| !d.is_zero());
            return Ok(From::Url { url, venue, send: self.send.clone(), reconnect_after });
        };
        let Source::Venue(feed) = spec.source.clone() else {
            return Err(Usage(format!("--feed: expected a venue such as kraken+wss://, found {}", spec.url)));
        };
        named(spec)?;
        // The epoch names topics that nobody reads.
        let settings = feed.settle(spec.settings(Settings::new(feed.venue.name(), "recording")));
        Ok(From::Venue { feed, settings: Box::new(settings) })
    }

    fn name(&self) -> String {
        let url = self.url.as_ref().map(Url::to_string);
        self.feed.as_ref().map(|spec| spec.url.clone()).or(url).unwrap_or_default()
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let recording = args.recording()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let summary = runtime.block_on(until_stopped(args, recording))?;
    print(args.json, &summary, Summary::to_string)?;
    anyhow::ensure!(summary.connects > 0, "no connection was made: see above");
    Ok(())
}

async fn until_stopped(args: &Args, recording: Recording) -> anyhow::Result<Summary> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let ready = format!("feed-replay: recording {} to {}", args.name(), args.out.display());
    let recorded = record(recording, async {
        // Nobody reads it: then there is nobody to tell.
        let _ = writeln!(io::stdout(), "{ready}");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = pause(args.duration) => {}
        }
    });
    recorded.await.context("the recording has ended")
}

async fn pause(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
