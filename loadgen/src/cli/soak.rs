//! What `loadgen soak` was told.

use super::RunArgs;
use crate::units::{self, Share};
use clap::{Args, Parser};
use std::time::Duration;

/// The arguments of `loadgen soak`.
#[derive(Debug, Clone, Parser)]
pub struct SoakArgs {
    /// The load, as of `loadgen run`.
    #[command(flatten)]
    pub run: RunArgs,

    /// What is looked at, and what is too much.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// What is looked at while a load goes on, and what is too much.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Soaking")]
pub struct WatchArgs {
    /// How often memory is looked at: the broker's by its metrics, and this program's
    #[arg(long, env = "TICKCAST_WATCH_EVERY", value_name = "D", default_value = "10s", value_parser = every)]
    pub watch_every: Duration,

    /// How much more memory the broker may have in the last quarter of the time than in the first one, beyond a MiB
    #[arg(long, env = "TICKCAST_GROWTH_MAX", value_name = "P%", default_value = "5%", value_parser = units::churn)]
    pub growth_max: Share,

    /// How much longer the 99th percentile of latencies may be then, beyond a millisecond
    #[arg(long, env = "TICKCAST_RISE_MAX", value_name = "P%", default_value = "50%", value_parser = units::churn)]
    pub rise_max: Share,

    /// How many fewer deliveries a second there may be then
    #[arg(long, env = "TICKCAST_FALL_MAX", value_name = "P%", default_value = "10%", value_parser = units::share)]
    pub fall_max: Share,
}

/// A duration that is some time.
fn every(text: &str) -> Result<Duration, String> {
    let every = units::duration(text).map_err(|error| error.to_string())?;
    if every.is_zero() { Err("expected more than nothing".to_owned()) } else { Ok(every) }
}
