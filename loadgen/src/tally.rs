//! All that one thread has counted.

use crate::counts::Counts;
use crate::failure::Reasons;
use crate::histogram::{Latency, microseconds};
use crate::plan::{Behaviour, Client};
use hdrhistogram::Histogram;
use hdrhistogram::errors::{AdditionError, CreationError};
use std::time::Duration;

/// Samples of messages that could not be read.
const SAMPLES_MAX: usize = 10;
const SAMPLE_BYTES_MAX: usize = 512;
/// What begins later than this after its time is late.
const LATE: Duration = Duration::from_millis(10);

/// What one thread, or all of them, counted.
#[derive(Debug)]
pub struct Tally {
    /// Received within the window.
    pub window: Counts,
    /// Frames about topics, of the whole run.
    pub deliveries: u64,
    /// Latencies of connections that read promptly, within the window.
    pub prompt: Latency,
    /// Latencies of those that are on a tier, where others are not, within the window.
    pub tiered: Latency,
    /// Latencies of those that read slowly, within the window.
    pub slow: Latency,
    /// How long bytes waited between the poller's word of them and their read, within the window, in microseconds.
    pub lags: Histogram<u64>,
    /// Attempts to connect that failed.
    pub failures: Reasons,
    /// Ends of live connections that this side did not plan.
    pub ends: Reasons,
    /// Requests and symbols that the broker refused.
    pub refused: Reasons,
    /// Connections that left and came back by plan.
    pub churned: u64,
    /// Scheduled things (leaving, trickling reads) that were done.
    pub scheduled: u64,
    /// Of which began late.
    pub late: u64,
    /// The latest of them.
    pub latest: Duration,
    /// CPU time of the receiving threads within the window.
    pub cpu: Duration,
    /// CPU time of the busiest of them.
    pub cpu_busiest: Duration,
    /// How long they were ready and waited for a core within the window, where the system tells.
    pub waited: Option<Duration>,
    /// The broker's greeting.
    pub greeting: Option<String>,
    /// Messages that could not be read.
    pub samples: Vec<String>,
}

impl Tally {
    /// Nothing yet.
    ///
    /// # Errors
    /// None with the bounds of [`crate::histogram`].
    pub fn new() -> Result<Self, CreationError> {
        Ok(Self {
            window: Counts::default(),
            deliveries: 0,
            prompt: Latency::new()?,
            tiered: Latency::new()?,
            slow: Latency::new()?,
            lags: microseconds()?,
            failures: Reasons::default(),
            ends: Reasons::default(),
            refused: Reasons::default(),
            churned: 0,
            scheduled: 0,
            late: 0,
            latest: Duration::ZERO,
            cpu: Duration::ZERO,
            cpu_busiest: Duration::ZERO,
            waited: None,
            greeting: None,
            samples: Vec::new(),
        })
    }

    /// The latencies of connections like this one, told apart by their tier if `by_tier`.
    pub fn latency(&mut self, client: &Client, by_tier: bool) -> &mut Latency {
        match client.behaviour {
            Behaviour::Prompt if by_tier && client.interval_ms > 0 => &mut self.tiered,
            Behaviour::Prompt => &mut self.prompt,
            Behaviour::Stalled | Behaviour::Trickling => &mut self.slow,
        }
    }

    /// Something scheduled began this much after its time.
    pub fn began(&mut self, after: Duration) {
        self.scheduled += 1;
        self.late += u64::from(after > LATE);
        self.latest = self.latest.max(after);
    }

    /// The broker greeted; the first greeting is kept.
    pub fn hello(&mut self, text: &[u8]) {
        self.greeting.get_or_insert_with(|| String::from_utf8_lossy(text).into_owned());
    }

    /// A message could not be read.
    pub fn unparsable(&mut self, client: u32, error: &str, bytes: &[u8]) {
        self.window.unparsable += 1;
        if self.samples.len() < SAMPLES_MAX {
            let shown = &bytes[..bytes.len().min(SAMPLE_BYTES_MAX)];
            self.samples.push(format!("connection {client}: {error}: {}", String::from_utf8_lossy(shown)));
        }
    }

    /// Adds what another thread counted.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub fn merge(&mut self, other: Self) -> Result<(), AdditionError> {
        self.window.merge(&other.window);
        self.deliveries += other.deliveries;
        self.prompt.merge(&other.prompt)?;
        self.tiered.merge(&other.tiered)?;
        self.slow.merge(&other.slow)?;
        self.lags.add(&other.lags)?;
        self.failures.merge(&other.failures);
        self.ends.merge(&other.ends);
        self.refused.merge(&other.refused);
        self.churned += other.churned;
        self.scheduled += other.scheduled;
        self.late += other.late;
        self.latest = self.latest.max(other.latest);
        self.cpu += other.cpu;
        self.cpu_busiest = self.cpu_busiest.max(other.cpu_busiest);
        self.waited = self.waited.into_iter().chain(other.waited).reduce(|a, b| a + b);
        self.greeting = self.greeting.take().or(other.greeting);
        self.samples.extend(other.samples);
        self.samples.truncate(SAMPLES_MAX);
        Ok(())
    }
}
