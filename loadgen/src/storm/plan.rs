//! What the arguments of a storm mean: two loads, one that is cut and one that stays.

use crate::cli::{Cut, StormArgs};
use crate::mix::Mix;
use crate::plan::{self, Plan, PlanError, Target};
use crate::units::Share;
use std::sync::Arc;
use std::time::Duration;

/// The seed of the connections that stay is another one, or they would watch what the first ones of the others watch.
const LIVE_SEED: u64 = 0x6C69_7665;

/// A storm to be.
#[derive(Debug)]
pub struct StormPlan {
    /// The connections that are cut, or that connect for the first time.
    pub storm: Arc<Plan>,
    /// Those that stay; their `duration` is that of the measurement before the cut, and again after the storm.
    pub live: Arc<Plan>,
    /// How they are cut; none if all connect for the first time.
    pub cut: Option<Cut>,
    /// Whether they ask for what they missed.
    pub resume: bool,
    /// The time over which they come back.
    pub within: Duration,
    /// From the cut to when all are to be consistent.
    pub limit: Duration,
    /// How much longer to wait for the rest.
    pub patience: Duration,
}

impl StormPlan {
    /// Settles what `args` mean, with the broker's `symbols` that have the channel.
    ///
    /// # Errors
    /// [`PlanError`] if they contradict each other, or the symbols do not suffice.
    pub fn new(args: &StormArgs, target: Target, symbols: Vec<String>, seed: u64) -> Result<Self, PlanError> {
        Self::check(args)?;
        let asked = args.symbols_per_connection;
        let live = Plan {
            target,
            more_targets: Vec::new(),
            channels: Mix::of(args.channel).deal(args.live),
            tiers: Mix::of(args.interval_ms).deal(args.live),
            symbols_per_connection: plan::symbols_each(asked, args.popularity, symbols.len(), args.channel)?,
            symbols,
            popularity: args.popularity,
            connections: args.live,
            part: None,
            stalled: 0,
            trickling: 0,
            churn: Share::default(),
            duration: args.baseline,
            warmup: args.warmup,
            connect_timeout: args.connect_timeout,
            ramp_up: Duration::ZERO,
            sources: Vec::new(),
            watch_every: None,
            verify: true,
            resume: false,
            threads: 1,
            seed: seed ^ LIVE_SEED,
            publishing: None,
            dialect: None,
            roll_call: false,
        };
        let threads = args.threads.unwrap_or_else(plan::default_threads).min(args.connections);
        let connections = args.connections;
        let storm = Plan {
            connections,
            channels: Mix::of(args.channel).deal(connections),
            tiers: Mix::of(args.interval_ms).deal(connections),
            verify: false,
            threads,
            seed,
            ..live.clone()
        };
        Ok(Self {
            storm: Arc::new(storm),
            live: Arc::new(live),
            cut: (!args.fresh).then_some(args.cut),
            resume: args.resume,
            within: args.within,
            limit: args.limit,
            patience: args.patience,
        })
    }

    /// What can be said of the arguments before the broker's symbols are known.
    ///
    /// # Errors
    /// [`PlanError`] if they contradict each other.
    pub fn check(args: &StormArgs) -> Result<(), PlanError> {
        if args.baseline.is_zero() { Err(PlanError::Baseline) } else { Ok(()) }
    }

    /// Connections of both kinds.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.storm.connections + self.live.connections
    }

    /// Local ports that are taken at the same time: the system keeps those of connections that were closed for a while.
    #[must_use]
    pub fn ports(args: &StormArgs) -> usize {
        let closed = if args.cut == Cut::Close && !args.fresh { args.connections } else { 0 };
        args.connections + args.live + closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn args(arguments: &[&str]) -> StormArgs {
        let start = ["loadgen storm", "--url", "ws://127.0.0.1:9/v1/stream"];
        StormArgs::try_parse_from(start.iter().chain(arguments)).unwrap()
    }

    fn plan(arguments: &[&str]) -> Result<StormPlan, PlanError> {
        let args = args(arguments);
        StormPlan::new(&args, Target::parse(&args.url)?, (0..50).map(|i| format!("sim:{i}")).collect(), 1)
    }

    #[test]
    fn both_loads_are_the_same_but_for_their_size_and_choices() {
        let plan = plan(&["--live", "40", "--threads", "3"]).unwrap();
        assert_eq!((plan.storm.connections, plan.live.connections, plan.connections()), (10_000, 40, 10_040));
        assert_eq!((plan.storm.threads, plan.live.threads), (3, 1));
        assert_eq!((plan.storm.verify, plan.live.verify), (false, true));
        assert_eq!(plan.storm.symbols_per_connection, 20);
        assert_ne!(plan.storm.clients()[0][0].symbols, plan.live.clients()[0][0].symbols);
    }

    #[test]
    fn closed_sockets_keep_their_ports() {
        let ports = |arguments: &[&str]| StormPlan::ports(&args(arguments));
        assert_eq!(ports(&[]), 10_500);
        assert_eq!(ports(&["--cut", "close"]), 20_500);
        assert_eq!(ports(&["--fresh"]), 10_500);
    }

    #[test]
    fn contradictions_are_told() {
        assert!(matches!(plan(&["--baseline", "0s"]), Err(PlanError::Baseline)));
        assert!(matches!(plan(&["--symbols-per-connection", "51"]), Err(PlanError::Symbols { .. })));
        let start = ["loadgen storm", "--url", "ws://a:1/", "--fresh"];
        for other in [&["--cut", "close"][..], &["--resume"]] {
            assert!(StormArgs::try_parse_from(start.iter().chain(other)).is_err(), "{other:?}");
        }
    }
}
