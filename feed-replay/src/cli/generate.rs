//! `feed-replay generate`

use super::{Usage, duration, venue_help};
use crate::generate::{GenerateError, Settings, generate};
use crate::import::{WriteError, write_whole};
use crate::venue::Venue;
use anyhow::Context as _;
use std::path::PathBuf;
use std::time::Duration;

/// Make a capture from a seed, in a venue's own format
///
/// The same arguments give the same capture, byte for byte. Books are consistent: Binance's depth events go on from the REST
/// body that the capture holds, Kraken's checksums hold. Trade ids are contiguous.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[arg(long, env = "TICKCAST_VENUE", help = venue_help("In whose format"))]
    venue: Venue,
    /// How many symbols; the first ones are the busiest
    #[arg(long, env = "TICKCAST_SYMBOLS", default_value_t = 10, value_name = "N")]
    symbols: usize,
    /// Orders a second over all symbols; each changes a book, some trade
    #[arg(long, env = "TICKCAST_RATE", default_value_t = 100, value_name = "R")]
    rate: u64,
    /// How long: a number of seconds, or with a unit: 500ms, 30s, 5m, 1h
    #[arg(long, env = "TICKCAST_DURATION", default_value = "60s", value_parser = duration, value_name = "D")]
    duration: Duration,
    /// Decides everything
    #[arg(long, env = "TICKCAST_SEED", default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Where to write the capture; compressed if the name ends in .zst or .gz
    #[arg(long, env = "TICKCAST_OUT", value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Args { venue, symbols, rate, duration, seed, .. } = *args;
    let settings = Settings { venue, symbols, rate, duration, seed };
    match write_whole(&args.out, |output| generate(&settings, output)) {
        Ok(()) => Ok(()),
        Err(WriteError::Inner(GenerateError::Output(error)) | WriteError::Output(error)) => {
            Err(error).with_context(|| args.out.display().to_string())
        }
        Err(WriteError::Inner(wrong)) => Err(Usage(wrong.to_string()).into()),
    }
}
