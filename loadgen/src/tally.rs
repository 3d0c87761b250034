//! All that one thread has counted.

use crate::class::Classes;
use crate::counts::Counts;
use crate::cpu;
use crate::failure::Reasons;
use crate::histogram::{as_text, microseconds};
use crate::reply::Granted;
use crate::series::{Second, Series, SeriesError};
use hdrhistogram::Histogram;
use hdrhistogram::errors::{AdditionError, CreationError};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Samples of messages that could not be read.
const SAMPLES_MAX: usize = 10;
const SAMPLE_BYTES_MAX: usize = 512;
/// What begins later than this after its time is late.
const LATE: Duration = Duration::from_millis(10);

const SECOND_US: u64 = 1_000_000;

/// What one thread, or all of them, counted.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tally {
    /// Received within the window and not about topics.
    pub others: Counts,
    /// What classes of connections received within the window.
    pub classes: Classes,
    /// The same for each second.
    pub series: Series,
    /// When the present second of the window is over, in microseconds since the Unix epoch; 0 before the first one.
    #[serde(skip)]
    pub second_ends_us: u64,
    #[serde(skip)]
    second: Option<Present>,
    /// Why seconds could not be kept, if any could not.
    #[serde(skip)]
    pub broken: Option<SeriesError>,
    /// Frames about topics, of the whole run.
    pub deliveries: u64,
    /// How long bytes waited between the poller's word of them and their read, within the window, in microseconds.
    #[serde(with = "as_text")]
    pub lags: Histogram<u64>,
    /// Attempts to connect that failed.
    pub failures: Reasons,
    /// Ends of live connections that this side did not plan.
    pub ends: Reasons,
    /// Requests and symbols that the broker refused.
    pub refused: Reasons,
    /// Connections that left and came back by plan.
    pub churned: u64,
    /// Topics that went on after what a connection had when it came back.
    pub resumed: u64,
    /// Topics that could not, and came afresh.
    pub not_resumed: u64,
    /// Frames that were out of place, where that was looked at without being verified: for those that resume.
    pub misplaced: u64,
    /// Scheduled things (leaving, trickling reads) that were done.
    pub scheduled: u64,
    /// Of which began late.
    pub late: u64,
    /// The latest of them.
    pub latest: Duration,
    /// CPU time of the receiving threads within the window.
    pub cpu: Duration,
    /// The part of it outside the kernel, where the system tells.
    pub cpu_own: Option<Duration>,
    /// CPU time of the busiest of them.
    pub cpu_busiest: Duration,
    /// How long they were ready and waited for a core within the window, where the system tells.
    pub waited: Option<Duration>,
    /// The broker's greeting.
    pub greeting: Option<String>,
    /// Messages that could not be read.
    pub samples: Vec<String>,
}

/// The second that goes on.
#[derive(Debug)]
struct Present {
    number: u64,
    /// The thread's CPU time when it began.
    cpu: Duration,
    lag_us_max: u64,
    /// Whether some connections are on a tier, and others are not.
    rates_differ: bool,
}

impl Tally {
    /// Nothing yet.
    ///
    /// # Errors
    /// None with the bounds of [`crate::histogram`].
    pub fn new() -> Result<Self, CreationError> {
        Ok(Self {
            others: Counts::default(),
            classes: Classes::new()?,
            series: Series::default(),
            second_ends_us: 0,
            second: None,
            broken: None,
            deliveries: 0,
            lags: microseconds()?,
            failures: Reasons::default(),
            ends: Reasons::default(),
            refused: Reasons::default(),
            churned: 0,
            resumed: 0,
            not_resumed: 0,
            misplaced: 0,
            scheduled: 0,
            late: 0,
            latest: Duration::ZERO,
            cpu: Duration::ZERO,
            cpu_own: None,
            cpu_busiest: Duration::ZERO,
            waited: None,
            greeting: None,
            samples: Vec::new(),
        })
    }

    /// All that was received within the window.
    #[must_use]
    pub fn received(&self) -> Counts {
        let mut sum = self.classes.counts();
        sum.merge(&self.others);
        sum
    }

    /// Within the window, which opened at `start_us`, the second of `at_us` begins.
    pub fn begin_second(&mut self, start_us: u64, at_us: u64, rates_differ: bool) {
        self.end_second();
        let number = at_us.saturating_sub(start_us) / SECOND_US;
        self.second_ends_us = start_us.saturating_add((number + 1) * SECOND_US);
        self.second = Some(Present { number, cpu: cpu::of_thread(), lag_us_max: 0, rates_differ });
    }

    /// The present second of the window is over.
    pub fn end_second(&mut self) {
        let Some(present) = self.second.take() else { return };
        let mut second = Second::new(cpu::of_thread().saturating_sub(present.cpu), present.lag_us_max);
        let mut kept = Ok(());
        let merged = self.classes.end_second(|tallied| {
            second.counts.merge(&tallied.latest.counts);
            if kept.is_ok() && tallied.class.is_main(present.rates_differ) {
                kept = second.keep(&tallied.latest.latency);
            }
        });
        if let Err(error) = kept.and(merged.map_err(Into::into)) {
            self.broken.get_or_insert(error);
        }
        self.series.add(present.number, second);
    }

    /// Within the window, bytes waited so long for the receive loop, in microseconds.
    pub fn waited(&mut self, lag_us: u64) {
        self.lags.saturating_record(lag_us);
        if let Some(second) = &mut self.second {
            second.lag_us_max = second.lag_us_max.max(lag_us);
        }
    }

    /// Something scheduled began this much after its time.
    pub fn began(&mut self, after: Duration) {
        self.scheduled += 1;
        self.late += u64::from(after > LATE);
        self.latest = self.latest.max(after);
    }

    /// A topic was granted; to one that asked to go on, the broker says whether it does.
    pub fn granted(&mut self, granted: &Granted<'_>) {
        self.resumed += u64::from(granted.resumed == Some(true));
        self.not_resumed += u64::from(granted.resumed == Some(false));
    }

    /// The broker greeted; the first greeting is kept.
    pub fn hello(&mut self, text: &[u8]) {
        self.greeting.get_or_insert_with(|| String::from_utf8_lossy(text).into_owned());
    }

    /// A message could not be read.
    pub fn unparsable(&mut self, client: u32, error: &str, bytes: &[u8]) {
        self.others.unparsable += 1;
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
        self.others.merge(&other.others);
        self.classes.merge(&other.classes)?;
        self.series.merge(other.series);
        self.deliveries += other.deliveries;
        self.lags.add(&other.lags)?;
        self.failures.merge(&other.failures);
        self.ends.merge(&other.ends);
        self.refused.merge(&other.refused);
        self.churned += other.churned;
        self.resumed += other.resumed;
        self.not_resumed += other.not_resumed;
        self.misplaced += other.misplaced;
        self.scheduled += other.scheduled;
        self.late += other.late;
        self.latest = self.latest.max(other.latest);
        self.cpu += other.cpu;
        let sum = |a: Option<Duration>, b: Option<Duration>| a.into_iter().chain(b).reduce(|a, b| a + b);
        self.cpu_own = sum(self.cpu_own, other.cpu_own);
        self.cpu_busiest = self.cpu_busiest.max(other.cpu_busiest);
        self.waited = sum(self.waited, other.waited);
        self.greeting = self.greeting.take().or(other.greeting);
        self.samples.extend(other.samples);
        self.samples.truncate(SAMPLES_MAX);
        Ok(())
    }
}
