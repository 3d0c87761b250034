//! The open loop: updates leave at their intended times, on a thread of their own.

use super::lines::Lines;
use super::link::Link;
use super::schedule::{Order, Schedule, Tick};
use super::voice::{AttendError, Voice};
use crate::histogram::microseconds;
use crate::phase::{Course, Phase, Place};
use crate::random::Random;
use crate::worker::now_us;
use hdrhistogram::Histogram;
use hdrhistogram::errors::CreationError;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What leaves later than this after its intended time is late, in microseconds.
pub const LATE_US: u64 = 1_000;
/// Lines of one write, however many are due.
const LINES_MAX: usize = 8_192;
/// How soon a new phase is noticed, at the latest.
const LOOK_EVERY_US: u64 = 10_000;
/// How soon a question of a server is answered, at the latest.
const ATTEND_EVERY: Duration = Duration::from_millis(100);

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
    /// Updates of which each counts as often as it has subscribers: all that were due within the window by the schedule.
    pub due: u64,
}

impl Published {
    /// Nothing yet.
    ///
    /// # Errors
    /// None with the bounds of [`crate::histogram`].
    pub fn new() -> Result<Self, CreationError> {
        Ok(Self { updates: 0, writes: 0, late: 0, lateness: microseconds()?, due: 0 })
    }
}

/// A publisher that waits for the run to begin.
#[derive(Debug)]
pub struct Publisher {
    link: Link,
    writer: Writer,
    symbols: u32,
    /// How many subscribers each symbol has, if that is to be known.
    watchers: Vec<u64>,
    /// Deliveries that are due of all that left so far.
    handed_over: Arc<AtomicU64>,
    published: Published,
    attended: Instant,
}

/// What updates look like.
#[derive(Debug)]
enum Writer {
    Lines(Lines),
    Voice(Box<Voice>),
}

impl Publisher {
    /// For this many symbols, by lines or by the link's voice.
    ///
    /// # Errors
    /// None with the bounds of [`crate::histogram`].
    pub fn new(mut link: Link, symbols: u32) -> Result<Self, CreationError> {
        let writer = link.voice.take().map_or_else(|| Writer::Lines(Lines::new(symbols)), Writer::Voice);
        let (watchers, handed_over, published) = (Vec::new(), Arc::default(), Published::new()?);
        Ok(Self { link, writer, symbols, watchers, handed_over, published, attended: Instant::now() })
    }

    /// This publisher, which also counts what is due to so many subscribers of each symbol, and lets it be seen how many
    /// deliveries are due of what it has handed over.
    #[must_use]
    pub fn to_watchers(mut self, watchers: Vec<u64>, handed_over: Arc<AtomicU64>) -> Self {
        self.watchers = watchers;
        self.handed_over = handed_over;
        self
    }

    /// Publishes as long as the run is running, and keeps the connection until it ends.
    ///
    /// # Errors
    /// [`AttendError`] if the server is gone.
    pub fn run(
        mut self,
        per_s: u64,
        order: Order,
        random: Random,
        course: &Course,
    ) -> Result<Published, AttendError> {
        // Otherwise the system may wake this thread up 50 us late; where it cannot be set, the report tells of it.
        let _ = rustix::thread::set_current_timer_slack(NonZero::new(1));
        course.wait_for(Phase::Running);
        let mut schedule = Schedule::new(now_us(), per_s, self.symbols, order, random);
        let mut bytes = Vec::new();
        while course.phase() == Phase::Running {
            self.write_due(&mut schedule, &mut bytes, course, u64::MAX)?;
            self.attend()?;
            let wait_us = schedule.next_us().saturating_sub(now_us());
            if wait_us > 0 {
                sleep(Duration::from_micros(wait_us.min(LOOK_EVERY_US)));
            }
        }
        self.hand_over_rest(&mut schedule, &mut bytes, course)?;
        while course.phase() < Phase::Ending {
            self.attend()?;
            sleep(Duration::from_micros(LOOK_EVERY_US));
        }
        Ok(self.published)
    }

    /// Where each update is looked for, those that are late still leave if they were due within the window; what cannot be
    /// handed over until the run ends came to nobody.
    fn hand_over_rest(
        &mut self,
        schedule: &mut Schedule,
        bytes: &mut Vec<u8>,
        course: &Course,
    ) -> Result<(), AttendError> {
        let last_us = course.window_us().1.saturating_sub(1).min(now_us());
        while !self.watchers.is_empty() && course.phase() < Phase::Ending && schedule.next_us() <= last_us {
            self.write_due(schedule, bytes, course, last_us)?;
        }
        while let Some(tick) = schedule.due(last_us) {
            self.count_due(&tick, course);
        }
        Ok(())
    }

    /// Answers, from time to time, what a server asks in its dialect.
    fn attend(&mut self) -> Result<(), AttendError> {
        match &mut self.writer {
            Writer::Voice(voice) if self.attended.elapsed() >= ATTEND_EVERY => {
                self.attended = Instant::now();
                voice.attend(&mut self.link)
            }
            _ => Ok(()),
        }
    }

    /// How many deliveries are due of an update.
    fn count_due(&mut self, tick: &Tick, course: &Course) -> u64 {
        let deliveries = self.watchers.get(tick.symbol as usize).copied().unwrap_or_default();
        if course.place(tick.ts_us) == Place::Within {
            self.published.due += deliveries;
        }
        deliveries
    }

    /// All that is due, up to `last_us`, in one write.
    fn write_due(
        &mut self,
        schedule: &mut Schedule,
        bytes: &mut Vec<u8>,
        course: &Course,
        last_us: u64,
    ) -> Result<(), AttendError> {
        let now = now_us();
        let counts = course.place(now) == Place::Within;
        bytes.clear();
        let mut deliveries = 0;
        for tick in std::iter::from_fn(|| schedule.due(now.min(last_us))).take(LINES_MAX) {
            match &mut self.writer {
                Writer::Lines(lines) => lines.append(bytes, tick.symbol, tick.ts_us, tick.number),
                Writer::Voice(voice) => voice.append(bytes, tick.symbol, tick.ts_us, now),
            }
            deliveries += self.count_due(&tick, course);
            if counts {
                self.published.count(now - tick.ts_us);
            }
        }
        if !bytes.is_empty() {
            self.published.writes += u64::from(counts);
            let given_up = if self.watchers.is_empty() { Phase::Checking } else { Phase::Ending };
            if self.link.send(bytes, || course.phase() >= given_up)? {
                self.handed_over.fetch_add(deliveries, Ordering::Relaxed);
            }
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
