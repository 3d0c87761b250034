//! What a run brings home, before a report is made of it; of a part of a load, what it leaves behind to be merged.

use super::load::{Load, Tool};
use super::parts::PartReport;
use crate::broker_stats::Sample;
use crate::machine::Machine;
use crate::progress::Standing;
use crate::publish::Published;
use crate::roll_call::Answers;
use crate::soak::Watched;
use crate::tally::Tally;
use crate::verify::Verification;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What was measured besides what the workers counted.
#[derive(Debug, Serialize, Deserialize)]
pub struct Measured {
    /// How long connecting took.
    pub connect_time: Duration,
    /// Memory as it was seen within the window, if it was looked at.
    #[serde(skip)]
    pub watched: Vec<Watched>,
    /// When the window opened, in microseconds since the Unix epoch.
    pub start_us: u64,
    /// How long it was.
    pub window: Duration,
    /// CPU time of this process within it.
    pub client_cpu: Duration,
    /// Memory of this process.
    pub memory: OwnMemory,
    /// The broker's account of itself before and after it.
    pub broker: Result<(Sample, Sample), String>,
    /// Where the connections stood at the end.
    pub standing: Standing,
    /// What this side published within it, if it did.
    #[serde(skip)]
    pub published: Option<Published>,
    /// What came of each update at each subscriber, if it was looked for.
    #[serde(skip)]
    pub answers: Option<Answers>,
    /// Whether someone ended the run early.
    pub interrupted: bool,
}

/// Memory of this process, in bytes, where the system tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct OwnMemory {
    /// Resident before the first connection.
    pub before: Option<f64>,
    /// The most that was resident up to the end of the window.
    pub peak: Option<f64>,
}

impl OwnMemory {
    /// With that of another process; unknown if one of them is.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b);
        Self { before: sum(self.before, other.before), peak: sum(self.peak, other.peak) }
    }
}

impl Default for Measured {
    fn default() -> Self {
        Self {
            connect_time: Duration::ZERO,
            watched: Vec::new(),
            start_us: 0,
            window: Duration::ZERO,
            client_cpu: Duration::ZERO,
            memory: OwnMemory::default(),
            broker: Err("not asked".into()),
            standing: Standing::default(),
            published: None,
            answers: None,
            interrupted: false,
        }
    }
}

/// All that a run measured, counted and found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// What measured.
    pub tool: Tool,
    /// Where.
    pub machine: Machine,
    /// The load.
    pub load: Load,
    /// What was measured around the workers.
    pub measured: Measured,
    /// What they counted.
    pub tally: Tally,
    /// What they verified.
    pub verification: Option<Verification>,
    /// The parts that it was merged from.
    #[serde(skip)]
    pub parts: Vec<PartReport>,
}
