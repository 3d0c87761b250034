//! How a load is shared among processes.

use super::at_least_one;
use crate::part::Part;
use clap::Args;
use std::str::FromStr;

/// How a load is shared among processes.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Several processes")]
pub struct ShareArgs {
    /// Share the connections among N processes of this program, which measure at the same time, and report as one
    #[arg(long, env = "TICKCAST_PROCESSES", value_name = "N", value_parser = at_least_one,
        conflicts_with_all = ["part", "publish", "floor_pairs"])]
    pub processes: Option<usize>,

    /// Take part I of N of the connections only: for processes that are started by hand, on several machines for example,
    /// with the same load and --seed; `loadgen merge` makes one report of their directories
    #[arg(long, env = "TICKCAST_PART", value_name = "I/N", requires = "seed", requires = "out",
        conflicts_with_all = ["publish", "floor_pairs"])]
    pub part: Option<Part>,

    /// What the process is told that --processes starts.
    #[arg(long, env = LED, hide = true)]
    pub led: Option<Led>,
}

/// The environment variable by which a process learns that it is led.
pub(crate) const LED: &str = "TICKCAST_LED";

/// What a process is told by the one that leads it: its part, and the seed of the whole load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Led {
    /// Its part.
    pub part: Part,
    /// The seed.
    pub seed: u64,
}

impl std::fmt::Display for Led {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}", self.part, self.seed)
    }
}

impl FromStr for Led {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read =
            |(part, seed): (&str, &str)| Some(Self { part: part.parse().ok()?, seed: seed.parse().ok()? });
        text.split_once(':')
            .and_then(read)
            .ok_or_else(|| "expected a part and a seed, such as 1/2:7".to_owned())
    }
}
