//! A capture, replayed in process at its own pace or any other.

use super::{Context, FeedStatus};
use crate::config::{FileFeed, Speed};
use feed::replay::{Open, Replay, ReplayError};
use schemas::capture::{Header, Reader, decompressed};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// At full speed the runtime gets its turn after this many steps.
const STEPS_AT_ONCE: u32 = 256;

/// Opens a capture, again and again if need be.
pub(crate) fn opener(path: &Path) -> Open {
    let path = path.to_owned();
    Box::new(move || decompressed(BufReader::new(File::open(&path)?)))
}

/// The venue that a capture's first line names.
pub(crate) fn venue_of(path: &Path) -> Result<Option<String>, ReplayError> {
    let mut capture = Reader::new(opener(path)()?);
    Ok(capture.header()?.and_then(Header::venue).map(str::to_owned))
}

/// Replays until the capture ends or the broker shuts down.
pub(crate) async fn run(mut replay: Replay, file: FileFeed, context: Context, status: Arc<FeedStatus>) {
    tokio::select! {
        ended = steps(&mut replay, file.speed, &status) => match ended {
            Ok(()) => tracing::info!(feed = %status.url(), "the capture has ended"),
            Err(error) => {
                tracing::error!(feed = %status.url(), %error, "the capture breaks off");
                status.not_live(error.to_string());
            }
        },
        () = context.shutdown.cancelled() => {}
    }
}

async fn steps(replay: &mut Replay, speed: Speed, status: &FeedStatus) -> Result<(), ReplayError> {
    status.live();
    let Some(first) = replay.next_due() else { return Ok(()) };
    let begun = Instant::now();
    let mut at_once = 0;
    while let Some(due) = replay.next_due() {
        if let Speed::Times(times) = speed {
            let elapsed_ns = due.saturating_sub(first) as f64 / times;
            let due = begun + Duration::from_nanos(elapsed_ns as u64);
            if due > Instant::now() {
                sleep_until(due).await;
                at_once = 0;
            }
        }
        replay.step()?;
        at_once += 1;
        if at_once == STEPS_AT_ONCE {
            at_once = 0;
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
