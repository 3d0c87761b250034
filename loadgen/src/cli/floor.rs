//! What `loadgen floor` was told.

use super::publish::{ahead, symbols};
use super::{CoreArgs, OutputArgs, WindowArgs, at_least_one};
use crate::popularity::Popularity;
use crate::publish::schedule::Order;
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

    /// Symbols to publish
    #[arg(long, env = "TICKCAST_PUBLISH_SYMBOLS", value_name = "S", default_value = "1", value_parser = symbols())]
    pub publish_symbols: u32,

    /// Which symbol is next
    #[arg(
        long,
        env = "TICKCAST_PUBLISH_ORDER",
        value_name = "ORDER",
        value_enum,
        default_value = "round-robin"
    )]
    pub publish_order: Order,

    /// Symbols that each connection watches
    #[arg(long, env = "TICKCAST_SYMBOLS_PER_CONNECTION", value_name = "K", default_value = "1", value_parser = at_least_one)]
    pub symbols_per_connection: usize,

    /// How interest is spread over the symbols (all: every connection watches every symbol)
    #[arg(long, env = "TICKCAST_POPULARITY", value_enum, default_value = "uniform")]
    pub popularity: Popularity,

    /// Consecutive updates of a symbol in each write; several numbers are measured one after the other
    #[arg(long, env = "TICKCAST_BATCH", value_name = "B,...", default_value = "1", value_delimiter = ',', value_parser = at_least_one)]
    pub batch: Vec<usize>,

    /// When is measured, and by what.
    #[command(flatten)]
    pub window: WindowArgs,

    /// Where the report goes.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Which cores are used.
    #[command(flatten)]
    pub cores: CoreArgs,
}
