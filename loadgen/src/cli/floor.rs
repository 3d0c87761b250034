//! What `loadgen floor` was told.

use super::publish::ahead;
use super::{MeasuringArgs, SymbolArgs, at_least_one};
use clap::Parser;

/// The arguments of `loadgen floor`.
#[derive(Debug, Clone, Parser)]
pub struct FloorArgs {
    /// Connections to open
    #[arg(long, env = "TICKCAST_CONNECTIONS", value_name = "N", value_parser = at_least_one)]
    pub connections: usize,

    /// Updates to publish each second, over all symbols, whether subscribers keep up or not
    #[arg(long, env = "TICKCAST_RATE", value_name = "R", value_parser = at_least_one, required_unless_present = "ahead")]
    pub rate: Option<usize>,

    /// Saturate instead: publish one symbol, at most W updates ahead of the mean subscriber
    #[arg(long, env = "TICKCAST_AHEAD", value_name = "W", value_parser = ahead(), conflicts_with_all = ["rate", "publish_symbols"])]
    pub ahead: Option<u32>,

    /// What is published, and who watches it.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// Consecutive updates of a symbol in each write; several numbers are measured one after the other
    #[arg(long, env = "TICKCAST_BATCH", value_name = "B,...", default_value = "1", value_delimiter = ',', value_parser = at_least_one)]
    pub batch: Vec<usize>,

    /// How it is measured.
    #[command(flatten)]
    pub measuring: MeasuringArgs,
}
