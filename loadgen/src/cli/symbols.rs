//! Symbols that this side publishes to a server which it starts itself, and who watches them.

use super::at_least_one;
use super::publish::symbols;
use crate::popularity::Popularity;
use crate::publish::schedule::Order;
use clap::Args;

/// What is published, and who watches it.
#[derive(Debug, Clone, Copy, Args)]
pub struct SymbolArgs {
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
}
