//! How the connections of a storm came back.

use super::follow::Times;
use crate::failure::Reasons;
use crate::verify::Faults;
use std::time::Duration;

/// What the threads of a storm saw.
#[derive(Debug, Default)]
pub struct Comeback {
    /// The number of each connection, and its times.
    pub times: Vec<(u32, Times)>,
    /// Attempts to connect beyond the first one of each connection.
    pub retries: u64,
    /// How long it took to cut all.
    pub cut_time: Duration,
    /// Frames that were looked at, before the storm too.
    pub frames: u64,
    /// What was wrong with them.
    pub faults: Faults,
    /// Attempts to connect that failed before the storm.
    pub earlier_failures: Reasons,
    /// Connections that ended before the storm.
    pub earlier_ends: Reasons,
    /// The niceness of the threads, where the system tells; of several the lowest.
    pub nice: Option<i32>,
}

impl Comeback {
    /// Adds what another thread saw.
    pub fn merge(&mut self, other: Self) {
        self.times.extend(other.times);
        self.retries += other.retries;
        self.cut_time = self.cut_time.max(other.cut_time);
        self.frames += other.frames;
        self.faults.merge(other.faults);
        self.earlier_failures.merge(&other.earlier_failures);
        self.earlier_ends.merge(&other.earlier_ends);
        self.nice = self.nice.into_iter().chain(other.nice).min();
    }
}
