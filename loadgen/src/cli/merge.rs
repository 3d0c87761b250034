//! What `loadgen merge` was told.

use super::OutputArgs;
use clap::Parser;
use std::path::PathBuf;

/// The arguments of `loadgen merge`.
#[derive(Debug, Clone, Parser)]
pub struct MergeArgs {
    /// Directories of all parts of one load (what `loadgen run --part I/N --out DIR` wrote)
    #[arg(required = true, value_name = "DIR")]
    pub parts: Vec<PathBuf>,

    /// Where the report of the whole goes.
    #[command(flatten)]
    pub output: OutputArgs,
}
