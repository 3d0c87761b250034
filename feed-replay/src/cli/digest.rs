//! `feed-replay digest`

use super::output::print;
use super::venue_help;
use crate::digest::{Digests, Settings, digest};
use crate::tape::Tape;
use crate::venue::Venue;
use feed::settings::BOOK_DEPTH;
use schemas::model::Channel;
use std::path::PathBuf;

/// Print a digest of what the broker publishes of a capture, topic by topic
///
/// For each topic SHA-256 over the JSON text of all its frames (each followed by a line feed), the number of its entries and its
/// last sequence number. It is what a broker with `--feed "file:CAPTURE?venue=V&digest=true"` tells at /v1/digests when the
/// capture has ended, at any speed; options that the feed's URL has are to be given here too.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The capture; several are read as one: files of one recording in their order, others by time. Another recorder's file counts
    /// as what `import` makes of it
    #[arg(required = true, value_name = "CAPTURE", env = "TICKCAST_CAPTURE")]
    captures: Vec<PathBuf>,
    #[arg(long, env = "TICKCAST_VENUE", help = venue_help("The venue whose frames it holds"))]
    venue: Venue,
    /// The symbols that exist from the start, by the venue's names; without this, all that the capture holds
    #[arg(long, env = "TICKCAST_SYMBOLS", value_delimiter = ',', value_name = "A,B")]
    symbols: Vec<String>,
    /// Channels: trades, quotes, ticker, book, book10; without this, all
    #[arg(long, env = "TICKCAST_CHANNELS", value_delimiter = ',', value_name = "A,B")]
    channels: Vec<Channel>,
    /// Levels a side, where the venue offers a choice
    #[arg(long, env = "TICKCAST_DEPTH", value_name = "N")]
    depth: Option<usize>,
    /// Levels a side that are published
    #[arg(long, env = "TICKCAST_BOOK_DEPTH", default_value_t = BOOK_DEPTH, value_name = "N")]
    book_depth: usize,
    /// Leave out when messages were received, and the topics' epoch, which is made of the file: so that two recordings of the same
    /// messages can be compared. No silence is noticed then, and no broker tells the same digests
    #[arg(long, env = "TICKCAST_TIMELESS")]
    timeless: bool,
    /// Print one line of JSON
    #[arg(long, env = "TICKCAST_JSON")]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let tape = Tape::new(&args.captures, None, Some(args.venue))?;
    let settings = Settings {
        venue: args.venue,
        symbols: args.symbols.clone(),
        channels: args.channels.clone(),
        depth: args.depth,
        book_depth: args.book_depth,
        timeless: args.timeless,
    };
    let digests = digest(&tape, &settings)?;
    print(args.json, &digests, Digests::to_string)
}
