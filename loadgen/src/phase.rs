//! Where a run stands: written by the one who leads it, read by the workers.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// How soon one who waits for a phase notices it.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What the workers are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Open the connections.
    Connecting,
    /// Receive and keep the schedule (churn); what is measured depends on the window.
    Running,
    /// Cut connections and let them come back, where that is asked for.
    Storming,
    /// Verify once more against fresh snapshots.
    Checking,
    /// Close all and return.
    Ending,
}

/// The phase of a run, and the window in which arrivals count.
#[derive(Debug)]
pub struct Course {
    phase: AtomicU8,
    window_start_us: AtomicU64,
    window_end_us: AtomicU64,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Connecting as u8),
            window_start_us: AtomicU64::new(u64::MAX),
            window_end_us: AtomicU64::new(u64::MAX),
        }
    }
}

impl Course {
    /// The present phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Connecting,
            1 => Phase::Running,
            2 => Phase::Storming,
            3 => Phase::Checking,
            _ => Phase::Ending,
        }
    }

    /// Sleeps until `phase`, or a later one, has begun.
    pub fn wait_for(&self, phase: Phase) {
        while self.phase() < phase {
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Begins `phase`.
    pub fn begin(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Arrivals count from here on, in microseconds since the Unix epoch.
    pub fn open_window(&self, start_us: u64) {
        self.window_start_us.store(start_us, Ordering::Release);
    }

    /// Arrivals count until here, in microseconds since the Unix epoch.
    pub fn close_window(&self, end_us: u64) {
        self.window_end_us.store(end_us, Ordering::Release);
    }

    /// Whether something at `now_us` is before the window, in it or after it.
    #[must_use]
    pub fn place(&self, now_us: u64) -> Place {
        if now_us < self.window_start_us.load(Ordering::Acquire) {
            Place::Before
        } else if now_us < self.window_end_us.load(Ordering::Acquire) {
            Place::Within
        } else {
            Place::After
        }
    }

    /// The place of what was due at `due_us` and came at `at_us`: in the window if any part of its way is.
    #[must_use]
    pub fn place_of(&self, due_us: u64, at_us: u64) -> Place {
        match (self.place(due_us), self.place(at_us)) {
            (_, Place::Before) => Place::Before,
            (Place::After, _) => Place::After,
            _ => Place::Within,
        }
    }

    /// The start and the end of the window, in microseconds since the Unix epoch; `u64::MAX` is not yet known.
    #[must_use]
    pub fn window_us(&self) -> (u64, u64) {
        (self.window_start_us.load(Ordering::Acquire), self.window_end_us.load(Ordering::Acquire))
    }
}

/// A place in relation to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Warm-up.
    Before,
    /// Counts.
    Within,
    /// Counts no more.
    After,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_falls_into_the_window_counts() {
        let course = Course::default();
        assert_eq!(course.place(5), Place::Before);
        course.open_window(10);
        assert_eq!([9, 10, 1000].map(|at| course.place(at)), [Place::Before, Place::Within, Place::Within]);
        course.close_window(20);
        assert_eq!([19, 20].map(|at| course.place(at)), [Place::Within, Place::After]);
    }

    #[test]
    fn what_is_on_its_way_within_the_window_belongs_to_it() {
        let course = Course::default();
        course.open_window(10);
        course.close_window(20);
        let places = [(1, 9), (9, 10), (11, 12), (19, 30), (5, 30), (20, 30)];
        let within =
            [Place::Before, Place::Within, Place::Within, Place::Within, Place::Within, Place::After];
        assert_eq!(places.map(|(due, at)| course.place_of(due, at)), within);
    }

    #[test]
    fn phases_follow_each_other() {
        let course = Course::default();
        for phase in [Phase::Connecting, Phase::Running, Phase::Storming, Phase::Checking, Phase::Ending] {
            course.begin(phase);
            assert_eq!(course.phase(), phase);
        }
    }
}
