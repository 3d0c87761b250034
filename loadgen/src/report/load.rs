//! What measured, and under which load.

use crate::mix::Dealt;
use crate::plan::{Plan, Target};
use crate::popularity::Popularity;
use schemas::model::Channel;
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
    pub channel: String,
    pub channels: Vec<OfChannel>,
    pub symbols: usize,
    pub symbols_per_connection: usize,
    pub popularity: Popularity,
    pub interval_ms: u32,
    pub tiered: usize,
    pub tiers: Vec<OfTier>,
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

/// Connections of a channel.
#[derive(Debug, Serialize)]
pub struct OfChannel {
    /// Its name.
    pub channel: &'static str,
    /// How many.
    pub connections: usize,
}

/// Connections of a tier.
#[derive(Debug, Serialize)]
pub struct OfTier {
    /// In milliseconds; 0 is each update.
    pub interval_ms: u32,
    /// How many.
    pub connections: usize,
}

impl OfChannel {
    fn new(dealt: &Dealt<Channel>) -> Self {
        Self { channel: dealt.what.name(), connections: dealt.count }
    }
}

impl OfTier {
    const fn new(dealt: &Dealt<u32>) -> Self {
        Self { interval_ms: dealt.what, connections: dealt.count }
    }
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
        let (tiered, interval_ms) = plan.tiered();
        Self {
            address: plan.targets().map(Target::url).collect::<Vec<_>>().join(","),
            connections: plan.connections,
            channel: plan.channel_names(),
            channels: plan.channels.iter().map(OfChannel::new).collect(),
            symbols: plan.symbols.len(),
            symbols_per_connection: plan.symbols_per_connection,
            popularity: plan.popularity,
            interval_ms,
            tiered,
            tiers: plan.tiers.iter().map(OfTier::new).collect(),
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
