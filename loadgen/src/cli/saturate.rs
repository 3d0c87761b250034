//! What `loadgen saturate` was told.

use super::publish::ahead;
use super::{OutputArgs, PairArgs, WindowArgs, at_least_one};
use clap::Parser;

/// The arguments of `loadgen saturate`.
#[derive(Debug, Clone, Parser)]
pub struct SaturateArgs {
    /// The broker's stream, such as ws://127.0.0.1:9000/v1/stream
    #[arg(long, env = "TICKCAST_URL", value_name = "URL")]
    pub url: String,

    /// The address of the broker's feed `ticks+listen://ADDR?venue=acme`, where the symbol S0000 is published
    #[arg(long, env = "TICKCAST_PUBLISH", value_name = "ADDR")]
    pub publish: String,

    /// Updates that the publisher is ahead of the mean subscriber, at most
    #[arg(long, env = "TICKCAST_AHEAD", value_name = "W", default_value = "16", value_parser = ahead())]
    pub ahead: u32,

    /// Connections to open, each of which subscribes to the quotes of the symbol
    #[arg(long, env = "TICKCAST_CONNECTIONS", value_name = "N", value_parser = at_least_one)]
    pub connections: usize,

    /// When is measured, and by what.
    #[command(flatten)]
    pub window: WindowArgs,

    /// Where the report goes.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Whether the floor is measured beside the broker.
    #[command(flatten)]
    pub pairs: PairArgs,
}
