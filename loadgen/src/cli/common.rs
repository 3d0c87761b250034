//! Arguments that several commands have.

use super::at_least_one;
use crate::units;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// When is measured, and by what.
#[derive(Debug, Clone, Args)]
pub struct WindowArgs {
    /// How long to measure
    #[arg(long, env = "TICKCAST_DURATION", value_name = "D", default_value = "10s", value_parser = units::duration)]
    pub duration: Duration,

    /// How long to wait before measuring, once all are connected
    #[arg(long, env = "TICKCAST_WARMUP", value_name = "D", default_value = "2s", value_parser = units::duration)]
    pub warmup: Duration,

    /// How long connecting may take in all
    #[arg(long, env = "TICKCAST_CONNECT_TIMEOUT", value_name = "D", default_value = "60s", value_parser = units::duration)]
    pub connect_timeout: Duration,

    /// Threads that receive [default: half of the cores, at most 4; when saturating, 1]
    #[arg(long, env = "TICKCAST_THREADS", value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,

    /// Seed of all random choices [default: drawn, and reported]
    #[arg(long, env = "TICKCAST_SEED", value_name = "N")]
    pub seed: Option<u64>,
}

/// Where the report goes.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// Directory for the report (report.txt, report.json, for runs report.html with plots) and the latencies as the HdrHistogram
    /// tools read them (.hgrm, for runs second by second as .hlog)
    #[arg(long, env = "TICKCAST_OUT", value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Print the report as JSON
    #[arg(long, env = "TICKCAST_JSON")]
    pub json: bool,
}

/// How a server that this program starts is measured: when, by what, on which cores, and where the report goes.
#[derive(Debug, Clone, Args)]
pub struct MeasuringArgs {
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

/// Whether the floor is measured beside the broker.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Comparing with the floor")]
pub struct PairArgs {
    /// Measure the floor and the broker in turns, N times each for --duration after --warmup, and tell the ratios;
    /// connections are opened anew each time
    #[arg(long, env = "TICKCAST_FLOOR_PAIRS", value_name = "N", value_parser = at_least_one)]
    pub floor_pairs: Option<usize>,

    /// Which cores are used.
    #[command(flatten)]
    pub cores: CoreArgs,
}

/// Which cores are used.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Cores")]
pub struct CoreArgs {
    /// Core of the floor's server; a broker is given its core by whoever starts it (taskset -c 0 broker ...)
    #[arg(long, env = "TICKCAST_SERVER_CORE", value_name = "CORE")]
    pub server_core: Option<usize>,

    /// Core of all other threads: those that receive, and the publisher
    #[arg(long, env = "TICKCAST_CLIENT_CORE", value_name = "CORE")]
    pub client_core: Option<usize>,
}
