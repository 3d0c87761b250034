//! What `loadgen report` was told.

use super::OutputArgs;
use clap::Parser;
use std::path::PathBuf;

/// The arguments of `loadgen report`.
#[derive(Debug, Clone, Parser)]
pub struct ReportArgs {
    /// Directories of runs (what `loadgen run --out` wrote); the others are held against the first one
    #[arg(required = true, value_name = "DIR")]
    pub runs: Vec<PathBuf>,

    /// Where the comparison goes: with --out, its page report.html too.
    #[command(flatten)]
    pub output: OutputArgs,
}
