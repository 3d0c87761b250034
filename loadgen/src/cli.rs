//! What the user typed.

mod common;
mod compare;
mod floor;
mod merge;
mod publish;
mod report;
mod run;
mod saturate;
mod scenario;
mod share;
mod soak;
mod storm;
mod symbols;

pub use common::{CoreArgs, MeasuringArgs, OutputArgs, PairArgs, WindowArgs};
pub use compare::CompareArgs;
pub use floor::FloorArgs;
pub use merge::MergeArgs;
pub use publish::{PublishArgs, PublishedArgs};
pub use report::ReportArgs;
pub use run::RunArgs;
pub use saturate::SaturateArgs;
pub use scenario::{ScenarioError, expanded};
pub(crate) use share::LED;
pub use share::{Led, ShareArgs};
pub use soak::{SoakArgs, WatchArgs};
pub use storm::{Cut, StormArgs};
pub use symbols::SymbolArgs;

use clap::{Parser, Subcommand};

/// Measures what subscribers of a market data broker get.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version, about, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the load generator can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Subscribe with many connections and report what they get.
    Run(RunArgs),
    /// Cut many connections at once and measure how they come back, and what the others notice.
    Storm(StormArgs),
    /// Publish as fast as subscribers take it, and measure how fast that is and what it costs.
    Saturate(SaturateArgs),
    /// Measure what bare writes cost: what no broker can be cheaper than with a write for each update and subscriber.
    Floor(FloorArgs),
    /// Start other servers and this project's in turns, put the same load on each, and print one table.
    Compare(CompareArgs),
    /// Run for hours, watch memory and latencies, and end with a verdict on whether they drift (exit status 1).
    Soak(SoakArgs),
    /// Make one report of the parts of a load that several processes carried (run --part).
    Merge(MergeArgs),
    /// Compare runs that were kept with --out.
    Report(ReportArgs),
    /// The server of `loadgen floor`, which is told on its standard input what to do.
    #[command(hide = true)]
    FloorServer,
}

/// A whole number from 1.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count >= 1).ok_or_else(|| "expected a whole number from 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
