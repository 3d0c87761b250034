//! What measured, and under which load.

use crate::plan::Plan;
use crate::popularity::Popularity;
use serde::Serialize;
use std::net::IpAddr;

/// What measured, and when.
#[derive(Debug, Serialize)]
pub struct Tool {
    /// The version of this program.
    pub version: &'static str,
    /// The command line.
    pub command: Vec<String>,
    /// When the run started, in UTC.
    pub started: String,
    /// Whether someone ended it early.
    pub interrupted: bool,
}

/// The load.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the flags of the command")]
pub struct Load {
    pub address: String,
    pub connections: usize,
    pub channel: &'static str,
    pub symbols: usize,
    pub symbols_per_connection: usize,
    pub popularity: Popularity,
    pub interval_ms: u32,
    pub tiered: usize,
    pub stalled: usize,
    pub trickling: usize,
    pub churn_per_min: f64,
    pub verify: bool,
    pub resume: bool,
    pub threads: usize,
    pub seed: u64,
    pub ramp_up_s: f64,
    pub source_addresses: Vec<IpAddr>,
    pub warmup_s: f64,
    /// How long the window was in fact.
    pub measured_s: f64,
}

impl Tool {
    /// This program, with the command line it was given.
    #[must_use]
    pub fn new(started: jiff::Timestamp, interrupted: bool) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            command: std::env::args().collect(),
            started: started.to_string(),
            interrupted,
        }
    }
}

impl Load {
    pub(super) fn new(plan: &Plan, measured_s: f64) -> Self {
        Self {
            address: format!("ws://{}{}", plan.target.host, plan.target.path),
            connections: plan.connections,
            channel: plan.channel.name(),
            symbols: plan.symbols.len(),
            symbols_per_connection: plan.symbols_per_connection,
            popularity: plan.popularity,
            interval_ms: plan.interval_ms,
            tiered: if plan.interval_ms > 0 { plan.tiered } else { 0 },
            stalled: plan.stalled,
            trickling: plan.trickling,
            churn_per_min: plan.churn.0,
            verify: plan.verify,
            resume: plan.resume,
            threads: plan.threads,
            seed: plan.seed,
            ramp_up_s: plan.ramp_up.as_secs_f64(),
            source_addresses: plan.sources.clone(),
            warmup_s: plan.warmup.as_secs_f64(),
            measured_s,
        }
    }
}
