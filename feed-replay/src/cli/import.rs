//! `feed-replay import`

use super::output::{complain, print};
use super::{Usage, venue_help};
use crate::import::{Imported, import};
use crate::source::{Format, RestFile};
use crate::tape::Tape;
use crate::venue::Venue;
use clap::ValueEnum;
use std::path::PathBuf;

/// How many damaged records are told one by one.
const TOLD_MAX: u64 = 10;

/// Turn another recorder's file into a capture
///
/// Files of one recording are joined in their order, several others are merged by time; the records of the second and further ones carry
/// `@conn 1` and so on. Where a format has no receive times, records take the venue's event times, never backwards, and otherwise
/// come 1 ms after the one before.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The format of the files
    #[arg(long, value_enum, env = "TICKCAST_FROM")]
    from: From,
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[arg(long, env = "TICKCAST_VENUE", help = venue_help("The venue whose frames they hold"))]
    venue: Venue,
    /// Where to write the capture; compressed if the name ends in .zst or .gz
    #[arg(long, env = "TICKCAST_OUT")]
    out: PathBuf,
    /// Put a REST depth body where it joins the stream (Binance): the URL with its symbol=, and the file that holds the body
    #[arg(long, value_name = "URL=FILE")]
    rest: Vec<RestFile>,
    /// Print one line of JSON
    #[arg(long, env = "TICKCAST_JSON")]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum From {
    /// Text with `T: frame` lines, by cryptofeed's recorder
    Cryptofeed,
    /// A frame a line without times, as flashbook's fixtures
    Flashbook,
    /// `CBCAP1` files, by crossbook
    Cbcap,
    /// Captures: several become one, and compressed ones plain
    Capture,
}

impl From {
    fn format(self) -> Format {
        match self {
            From::Capture => Format::Capture,
            From::Cryptofeed => Format::Cryptofeed,
            From::Flashbook => Format::Frames,
            From::Cbcap => Format::Cbcap,
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    Usage::check_rest(&args.rest, args.venue)?;
    let tape =
        Tape::new(&args.files, Some(args.from.format()), Some(args.venue))?.with_rest(args.rest.clone());
    let mut told = 0;
    let imported = import(&tape, args.venue, &args.out, |message| {
        told += 1;
        if told <= TOLD_MAX {
            complain(message);
        }
    })?;
    print(args.json, &imported, |imported| text(imported, args))
}

fn text(imported: &Imported, args: &Args) -> String {
    let Imported { records, frames, rest_bodies, damaged } = imported;
    let out = args.out.display();
    format!(
        "{out}: {records} records, {frames} frames, {rest_bodies} REST bodies; {damaged} damaged records left out"
    )
}
