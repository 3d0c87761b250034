//! `feed-replay info`

use super::output::print;
use crate::info::Info;
use crate::tape::Tape;
use std::path::PathBuf;

/// Show what a capture holds: venue, channels, symbols, span, rates, gaps, checksum failures, REST bodies, damaged lines
///
/// Gaps, checksum failures and the like are those that a broker sees that replays it with `file:`; so it reads the capture twice.
/// Reads captures and, as they are, files of cryptofeed, cbcap and frame-per-line files. Ends with status 1 if a line is
/// damaged or a file breaks off; what could be read is shown all the same. A recording whose recorder was killed has no end: that is
/// told, and no damage.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The capture; several are read as one: files of one recording in their order, others by time
    #[arg(required = true, value_name = "CAPTURE", env = "TICKCAST_CAPTURE")]
    captures: Vec<PathBuf>,
    /// Print one line of JSON
    #[arg(long, env = "TICKCAST_JSON")]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let info = Info::read(&Tape::new(&args.captures, None, None)?)?;
    print(args.json, &info, Info::to_string)?;
    anyhow::ensure!(info.is_whole(), "{} lines are damaged, or the end is broken: see above", info.damaged);
    Ok(())
}
