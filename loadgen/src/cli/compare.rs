//! What `loadgen compare` was told.

use super::{MeasuringArgs, SymbolArgs, at_least_one};
use crate::peer::Peer;
use clap::Parser;
use std::path::PathBuf;

/// The arguments of `loadgen compare`.
#[derive(Debug, Clone, Parser)]
#[command(after_help = AFTER)]
pub struct CompareArgs {
    /// Servers to compare, each of which is started anew for each round
    #[arg(
        long,
        env = "TICKCAST_PEERS",
        value_name = "PEER,...",
        value_delimiter = ',',
        value_enum,
        default_value = "tickcast,floor,nats,mosquitto,socket.io,ws,tokio-broadcast"
    )]
    pub peers: Vec<Peer>,

    /// Connections to open to each of them
    #[arg(long, env = "TICKCAST_CONNECTIONS", value_name = "N", value_parser = at_least_one)]
    pub connections: usize,

    /// Updates to publish each second, over all symbols, whether subscribers keep up or not
    #[arg(long, env = "TICKCAST_RATE", value_name = "R", value_parser = at_least_one)]
    pub rate: usize,

    /// What is published, and who watches it.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// Rounds, in each of which every server is measured once, for --duration after --warmup
    #[arg(long, env = "TICKCAST_ROUNDS", value_name = "K", default_value = "3", value_parser = at_least_one)]
    pub rounds: usize,

    /// Directory of the servers for Node.js [default: benches/peers of the checkout around]
    #[arg(long, env = "TICKCAST_PEERS_DIR", value_name = "DIR")]
    pub peers_dir: Option<PathBuf>,

    /// How it is measured.
    #[command(flatten)]
    pub measuring: MeasuringArgs,
}

const AFTER: &str = "\
Every server gets the same updates over one connection of a publisher, at the same times, and the same subscribers; it runs as a \
process of its own on the server's core, with a temporary configuration on a free port of the loopback. What it used is read from \
/proc, so the figures of all of them come about in the same way. A server that is not installed is told in its row, with what to \
do about it. The exit status is 1 if one that is installed could not be measured.";
