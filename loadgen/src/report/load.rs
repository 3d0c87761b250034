//! What measured, and under which load.

use crate::mix::Dealt;
use crate::part::Part;
use crate::plan::{Plan, Target};
use crate::popularity::Popularity;
use schemas::model::Channel;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::IpAddr;

/// What measured, and when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tool {
    /// The version of this program.
    pub version: Cow<'static, str>,
    /// The command line.
    pub command: Vec<String>,
    /// When the run started, in UTC.
    pub started: String,
    /// Whether someone ended it early.
    pub interrupted: bool,
}

/// The load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the flags of the command")]
pub struct Load {
    pub address: String,
    pub connections: usize,
    /// Which of these it held itself, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfChannel {
    /// Its name.
    pub channel: Cow<'static, str>,
    /// How many.
    pub connections: usize,
}

/// Connections of a tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfTier {
    /// In milliseconds; 0 is each update.
    pub interval_ms: u32,
    /// How many.
    pub connections: usize,
}

impl OfChannel {
    fn new(dealt: &Dealt<Channel>) -> Self {
        Self { channel: dealt.what.name().into(), connections: dealt.count }
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
            version: env!("CARGO_PKG_VERSION").into(),
            command: std::env::args().collect(),
            started: started.to_string(),
            interrupted,
        }
    }
}

impl Load {
    pub(crate) fn new(plan: &Plan, measured_s: f64) -> Self {
        let (tiered, interval_ms) = plan.tiered();
        Self {
            address: plan.targets().map(Target::url).collect::<Vec<_>>().join(","),
            connections: plan.connections,
            part: plan.part,
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

    /// Connections that the one held who tells this.
    #[must_use]
    pub fn own_connections(&self) -> usize {
        self.part.unwrap_or(Part::WHOLE).share(self.connections)
    }

    /// Whether some connections are on a tier, and others are not.
    pub(super) fn has_both_rates(&self) -> bool {
        (1..self.connections).contains(&self.tiered)
    }
}
