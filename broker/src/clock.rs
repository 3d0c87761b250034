//! The time, as a parameter: nothing else in the broker asks the system for it.

use schemas::model::Micros;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Debug + Send + Sync {
    /// Microseconds since the Unix epoch.
    fn now(&self) -> Micros;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// A clock that stands still until it is set. Clones tell the same time.
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicU64>);

/// The time that only goes forward, for limits and intervals.
#[inline]
pub(crate) fn instant() -> Instant {
    #[cfg(test)]
    if let Some(scripted) = crate::fanout::scripted::instant() {
        return scripted;
    }
    Instant::now()
}

impl Clock for SystemClock {
    fn now(&self) -> Micros {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Micros(since_epoch.map_or(0, |since| since.as_micros() as u64))
    }
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn new(now: Micros) -> Self {
        Self(Arc::new(AtomicU64::new(now.0)))
    }

    /// Moves it to `now`.
    pub fn set(&self, now: Micros) {
        self.0.store(now.0, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_for_all_its_clones() {
        let clock = ManualClock::new(Micros(5));
        let other = clock.clone();
        assert_eq!(other.now(), Micros(5));
        clock.set(Micros(9));
        assert_eq!((other.now(), other.now()), (Micros(9), Micros(9)));
    }

    #[test]
    fn the_system_clock_is_in_microseconds() {
        // Between 2020 and 2100.
        assert!((1_577_836_800_000_000..4_102_444_800_000_000).contains(&SystemClock.now().0));
    }
}
