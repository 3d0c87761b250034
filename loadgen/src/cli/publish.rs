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

    /// Symbols to publish: S0000, S0001, ...
    #[arg(long, env = "TICKCAST_PUBLISH_SYMBOLS", value_name = "S", default_value = "1", value_parser = symbols)]
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

/// Symbols are written with at most five digits.
const SYMBOLS_MAX: u32 = 100_000;

/// A number of symbols.
pub(super) fn symbols(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| (1..=SYMBOLS_MAX).contains(count));
    count.ok_or_else(|| format!("expected a whole number from 1 to {SYMBOLS_MAX}"))
}

/// A number of updates.
pub(super) fn ahead(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| *count >= 1);
    count.ok_or_else(|| "expected a whole number from 1".to_owned())
}
