//! The report of a storm: one structure, for people as text and for programs as JSON.

mod broker;
mod comeback;
mod files;
mod stayed;
mod text;
mod warnings;

pub use broker::{BrokerThrough, Through};
pub use comeback::{Return, Steps};
pub use stayed::{Ratios, SpellSummary, Stayed};

use super::{Observed, Spells, StormPlan, Times};
use crate::cli::{Cut, StormArgs};
use crate::counted::Counted;
use crate::machine::Machine;
use crate::popularity::Popularity;
use crate::report::output::Output;
use crate::report::{ClientCost, Measured, Tool};
use crate::tally::Tally;
use serde::Serialize;
use std::time::Duration;

/// The report of a storm.
#[derive(Debug, Serialize)]
pub struct StormReport {
    /// What measured.
    pub loadgen: Tool,
    /// The machine it ran on.
    pub machine: Machine,
    /// The load.
    pub load: StormLoad,
    /// How the connections came back.
    pub comeback: Return,
    /// What those got that stayed.
    pub live: Stayed,
    /// What it cost this side.
    pub client: ClientThrough,
    /// What it cost the broker.
    pub broker: BrokerThrough,
    /// Messages that could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unparsable: Vec<String>,
    /// What a reader of the figures should know.
    pub warnings: Vec<String>,
    /// Why the run counts as failed; empty when it does not.
    pub failures: Vec<String>,
    #[serde(skip)]
    times: Vec<(u32, Times)>,
    #[serde(skip)]
    spells: Option<Spells>,
    #[serde(skip)]
    cut_us: u64,
}

/// The load.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the flags of the command")]
pub struct StormLoad {
    pub address: String,
    pub connections: usize,
    pub live: usize,
    pub channel: String,
    pub symbols: usize,
    pub symbols_per_connection: usize,
    pub popularity: Popularity,
    pub interval_ms: u32,
    /// None: all connected for the first time.
    pub cut: Option<Cut>,
    pub resume: bool,
    pub within_s: f64,
    pub limit_s: f64,
    pub warmup_s: f64,
    pub threads: usize,
    pub seed: u64,
    /// How long the first connecting took.
    pub connect_s: f64,
}

/// What the storm cost this side.
#[derive(Debug, Serialize)]
pub struct ClientThrough {
    /// The threads of the storm, within it.
    pub storm: ClientCost,
    /// The niceness of these threads; 0 is that of the thread for the connections that stay.
    pub nice: Option<i32>,
    /// Share of a core that the thread used that receives for the connections that stay, of the whole run.
    pub live_thread_share: f64,
    /// Connections that were opened (or left by churn) more than 10 ms after their time.
    pub late_starts: u64,
    /// How late the latest was, in milliseconds.
    pub latest_start_ms: f64,
}

impl StormReport {
    /// Puts together what was measured.
    #[must_use]
    pub fn new(plan: &StormPlan, observed: Observed, live: Counted, storm: Counted) -> Self {
        let comeback = storm.comeback.unwrap_or_default();
        let mut report = Self {
            loadgen: Tool::new(observed.started, observed.interrupted),
            machine: Machine::here(),
            load: StormLoad::new(plan, &observed),
            comeback: Return::new(plan, &observed, &comeback, &storm.tally),
            client: ClientThrough::new(plan, &observed, &live.tally, &storm.tally, comeback.nice),
            broker: BrokerThrough::new(&observed.broker.readings(), &storm.tally),
            live: Stayed::new(&observed, &live),
            unparsable: [live.tally.samples, storm.tally.samples].concat(),
            warnings: Vec::new(),
            failures: Vec::new(),
            times: comeback.times,
            spells: live.spells,
            cut_us: observed.storm_us.0,
        };
        report.warnings = warnings::of(&report);
        report.failures = warnings::failures(&report);
        report
    }

    /// Writes the report where the arguments want it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, args: &StormArgs) -> anyhow::Result<()> {
        let output = Output {
            text: text::of(self),
            json: serde_json::to_string_pretty(self)?,
            files: files::of(self),
        };
        output.write(args.json, args.out.as_deref())
    }
}

impl StormLoad {
    fn new(plan: &StormPlan, observed: &Observed) -> Self {
        let storm = &plan.storm;
        Self {
            address: storm.target.url(),
            connections: storm.connections,
            live: plan.live.connections,
            channel: storm.channel_names(),
            symbols: storm.symbols.len(),
            symbols_per_connection: storm.symbols_per_connection,
            popularity: storm.popularity,
            interval_ms: storm.tiered().1,
            cut: plan.cut,
            resume: plan.resume,
            within_s: plan.within.as_secs_f64(),
            limit_s: plan.limit.as_secs_f64(),
            warmup_s: storm.warmup.as_secs_f64(),
            threads: storm.threads,
            seed: storm.seed,
            connect_s: observed.connect_time.as_secs_f64(),
        }
    }
}

impl ClientThrough {
    fn new(plan: &StormPlan, observed: &Observed, live: &Tally, storm: &Tally, nice: Option<i32>) -> Self {
        let measured = Measured {
            window: observed.storm_time(),
            client_cpu: observed.client_cpu,
            ..Measured::default()
        };
        Self {
            storm: ClientCost::new(&measured, storm, plan.storm.threads, plan.storm.connections),
            nice,
            live_thread_share: share(live.cpu_busiest, observed.live_time()),
            late_starts: storm.late,
            latest_start_ms: storm.latest.as_secs_f64() * 1e3,
        }
    }
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}
