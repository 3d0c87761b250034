//! Symbols that this side publishes to a server which it starts itself, and who watches them.

use super::at_least_one;
use super::publish::PublishedArgs;
use crate::popularity::Popularity;
use clap::Args;

/// What is published, and who watches it.
#[derive(Debug, Clone, Copy, Args)]
pub struct SymbolArgs {
    /// What is published.
    #[command(flatten)]
    pub published: PublishedArgs,

    /// Symbols that each connection watches
    #[arg(long, env = "TICKCAST_SYMBOLS_PER_CONNECTION", value_name = "K", default_value = "1", value_parser = at_least_one)]
    pub symbols_per_connection: usize,

    /// How interest is spread over the symbols (all: every connection watches every symbol)
    #[arg(long, env = "TICKCAST_POPULARITY", value_enum, default_value = "uniform")]
    pub popularity: Popularity,
}
