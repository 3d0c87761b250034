//! What `loadgen storm` was told.

use super::at_least_one;
use crate::popularity::Popularity;
use crate::units;
use clap::{Parser, ValueEnum};
use schemas::model::Channel;
use std::path::PathBuf;
use std::time::Duration;

/// The arguments of `loadgen storm`.
#[derive(Debug, Clone, Parser)]
pub struct StormArgs {
    /// The broker's stream, such as ws://127.0.0.1:9000/v1/stream
    #[arg(long, env = "TICKCAST_URL", value_name = "URL")]
    pub url: String,

    /// TOML file with the flags of this command as keys (connections = 5000, ...); flags and the environment win over it
    #[arg(long, env = "TICKCAST_SCENARIO", value_name = "FILE")]
    pub scenario: Option<PathBuf>,

    /// Connections that are cut, and come back
    #[arg(long, env = "TICKCAST_CONNECTIONS", value_name = "N", default_value = "10000", value_parser = at_least_one)]
    pub connections: usize,

    /// Further connections that stay, and are measured all the time
    #[arg(long, env = "TICKCAST_LIVE", value_name = "L", default_value = "500", value_parser = at_least_one)]
    pub live: usize,

    /// Channel to subscribe to: trades, quotes, ticker, book10, book or status
    #[arg(long, env = "TICKCAST_CHANNEL", default_value = "quotes")]
    pub channel: Channel,

    /// Symbols that each connection watches
    #[arg(long, env = "TICKCAST_SYMBOLS_PER_CONNECTION", value_name = "K", default_value = "20", value_parser = at_least_one)]
    pub symbols_per_connection: usize,

    /// How interest is spread over the symbols (all: every connection watches every symbol)
    #[arg(long, env = "TICKCAST_POPULARITY", value_enum, default_value = "uniform")]
    pub popularity: Popularity,

    /// Symbols to choose from [default: those that the broker lists at /v1/symbols]
    #[arg(long, env = "TICKCAST_SYMBOLS", value_name = "A,B,...", value_delimiter = ',')]
    pub symbols: Vec<String>,

    /// Rate tier: at most one frame of a topic each T milliseconds; 0 is each update
    #[arg(long, env = "TICKCAST_INTERVAL_MS", value_name = "T", default_value = "0")]
    pub interval_ms: u32,

    /// How the connections end on this side
    #[arg(long, env = "TICKCAST_CUT", value_enum, default_value = "reset")]
    pub cut: Cut,

    /// A cold storm: all connect for the first time, and none is cut
    #[arg(long, env = "TICKCAST_FRESH", conflicts_with = "cut")]
    pub fresh: bool,

    /// Ask for what was missed since the cut (`epoch` and `after`), as client.js does, instead of snapshots
    #[arg(long, env = "TICKCAST_RESUME", conflicts_with = "fresh")]
    pub resume: bool,

    /// Time over which they come back, evenly spread; 0s is all at once
    #[arg(long, env = "TICKCAST_WITHIN", value_name = "D", default_value = "1s", value_parser = units::duration)]
    pub within: Duration,

    /// From the cut to when all must be consistent again; exit status 1 if one is not
    #[arg(long, env = "TICKCAST_LIMIT", value_name = "D", default_value = "5s", value_parser = units::duration)]
    pub limit: Duration,

    /// How much longer to wait for the rest, to tell how long they take
    #[arg(long, env = "TICKCAST_PATIENCE", value_name = "D", default_value = "30s", value_parser = units::duration)]
    pub patience: Duration,

    /// How long the live connections are measured before the cut, and again afterwards
    #[arg(long, env = "TICKCAST_BASELINE", value_name = "D", default_value = "5s", value_parser = units::duration)]
    pub baseline: Duration,

    /// How long to wait before that, once all are connected
    #[arg(long, env = "TICKCAST_WARMUP", value_name = "D", default_value = "2s", value_parser = units::duration)]
    pub warmup: Duration,

    /// Threads of the storm, besides the one that receives for the live connections [default: half of the cores, at
    /// most 4]
    #[arg(long, env = "TICKCAST_THREADS", value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,

    /// How long connecting for the first time may take in all
    #[arg(long, env = "TICKCAST_CONNECT_TIMEOUT", value_name = "D", default_value = "60s", value_parser = units::duration)]
    pub connect_timeout: Duration,

    /// Seed of all random choices [default: drawn, and reported]
    #[arg(long, env = "TICKCAST_SEED", value_name = "N")]
    pub seed: Option<u64>,

    /// Directory for report.txt, report.json, the distributions, connections.csv (the times of each connection) and live.csv
    /// (latency over time)
    #[arg(long, env = "TICKCAST_OUT", value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Print the report as JSON
    #[arg(long, env = "TICKCAST_JSON")]
    pub json: bool,
}

/// How connections are cut. No close frame is sent in either case: so it looks when a network or a proxy fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// By a TCP reset
    Reset,
    /// By closing the socket, as when a process ends (the system makes that a reset where bytes are unread)
    Close,
}
