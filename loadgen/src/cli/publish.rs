//! What is to be published.

use super::at_least_one;
use crate::publish::schedule::Order;
use clap::Args;

/// What `loadgen run` is to publish.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Publishing")]
pub struct PublishArgs {
    /// Feed the broker too: the address of its feed `ticks+listen://ADDR?venue=acme`
    #[arg(
        long,
        env = "TICKCAST_PUBLISH",
        value_name = "ADDR",
        requires = "rate",
        conflicts_with = "symbols"
    )]
    pub publish: Option<String>,

    /// Updates to publish each second, over all symbols, whether subscribers keep up or not
    #[arg(long, env = "TICKCAST_RATE", value_name = "R", requires = "publish", value_parser = at_least_one)]
    pub rate: Option<usize>,

    /// Of which symbols.
    #[command(flatten)]
    pub published: PublishedArgs,
}

/// Symbols that this side publishes.
#[derive(Debug, Clone, Copy, Args)]
pub struct PublishedArgs {
    /// Symbols to publish: S0000, S0001, ...
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
}

/// From 1 to as many symbols as five digits name.
fn symbols() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=100_000)
}

/// A number of updates, from 1.
pub(super) fn ahead() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}
