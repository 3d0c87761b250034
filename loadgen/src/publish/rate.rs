//! The open loop: updates leave at their intended times, on a thread of their own.

use super::lines::Lines;
use super::link::{Link, LinkError};
use super::schedule::{Order, Schedule};
use crate::histogram::microseconds;
use crate::phase::{Course, Phase, Place};
use crate::random::Random;
use crate::worker::now_us;
use hdrhistogram::Histogram;
use hdrhistogram::errors::CreationError;
use std::num::NonZero;
use std::thread::sleep;
use std::time::Duration;

/// What leaves later than this after its intended time is late, in microseconds.
pub const LATE_US: u64 = 1_000;
/// Lines of one write, however many are due.
const LINES_MAX: usize = 8_192;
/// How soon a new phase is noticed, at the latest.
const LOOK_EVERY_US: u64 = 10_000;

/// What was published within the window.
#[derive(Debug)]
pub struct Published {
    /// Updates.
    pub updates: u64,
    /// Writes: updates that were due at once left in one.
    pub writes: u64,
    /// Updates that left more than [`LATE_US`] after their intended times.
    pub late: u64,
    /// How long after their intended times updates left, in microseconds.
    pub lateness: Histogram<u64>,
}

impl Published {
    /// Nothing yet.
    ///
    /// # Errors
    /// None with the bounds of [`crate::histogram`].
    pub fn new() -> Result<Self, CreationError> {
        Ok(Self { updates: 0, writes: 0, late: 0, lateness: microseconds()? })
    }
}

/// A publisher that waits for the run to begin.
#[derive(Debug)]
pub struct Publisher {
    link: Link,
    lines: Lines,
    symbols: u32,
    published: Published,
}

impl Publisher {
    /// For this many symbols.
    ///
    /// # Errors
    /// None with the bounds of [`crate::histogram`].
    pub fn new(link: Link, symbols: u32) -> Result<Self, CreationError> {
        Ok(Self { link, lines: Lines::new(symbols), symbols, published: Published::new()? })
    }

    /// Publishes as long as the run is running, and keeps the connection until it ends.
    ///
    /// # Errors
    /// [`LinkError`] if the broker is gone.
    pub fn run(
        mut self,
        per_s: u64,
        order: Order,
        random: Random,
        course: &Course,
    ) -> Result<Published, LinkError> {
        // Otherwise the system may wake this thread up 50 us late; where it cannot be set, the report tells of it.
        let _ = rustix::thread::set_current_timer_slack(NonZero::new(1));
        course.wait_for(Phase::Running);
        let mut schedule = Schedule::new(now_us(), per_s, self.symbols, order, random);
        let mut bytes = Vec::with_capacity(self.lines.width() * 64);
        while course.phase() == Phase::Running {
            self.write_due(&mut schedule, &mut bytes, course)?;
            let wait_us = schedule.next_us().saturating_sub(now_us());
            if wait_us > 0 {
                sleep(Duration::from_micros(wait_us.min(LOOK_EVERY_US)));
            }
        }
        course.wait_for(Phase::Ending);
        Ok(self.published)
    }

    /// All that is due, in one write.
    fn write_due(
        &mut self,
        schedule: &mut Schedule,
        bytes: &mut Vec<u8>,
        course: &Course,
    ) -> Result<(), LinkError> {
        let now = now_us();
        let counts = course.place(now) == Place::Within;
        bytes.clear();
        for tick in std::iter::from_fn(|| schedule.due(now)).take(LINES_MAX) {
            self.lines.append(bytes, tick.symbol, tick.ts_us, tick.number);
            if counts {
                self.published.count(now - tick.ts_us);
            }
        }
        if !bytes.is_empty() {
            self.published.writes += u64::from(counts);
            self.link.send(bytes, || course.phase() > Phase::Running)?;
        }
        Ok(())
    }
}

impl Published {
    fn count(&mut self, late_us: u64) {
        self.updates += 1;
        self.late += u64::from(late_us > LATE_US);
        self.lateness.saturating_record(late_us);
    }
}
