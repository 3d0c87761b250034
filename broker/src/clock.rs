//! The time, as a parameter: nothing else in the broker asks the system for it.

use schemas::model::Micros;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time. Clones tell the same.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `now` until it is set.
    #[must_use]
    pub fn manual(now: Micros) -> Self {
        Self(Some(Arc::new(AtomicU64::new(now.0))))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> Micros {
        match &self.0 {
            Some(manual) => Micros(manual.load(Ordering::Relaxed)),
            None => Micros(since_epoch_us()),
        }
    }

    /// Moves a manual clock to `now`; the system's clock is left alone.
    pub fn set(&self, now: Micros) {
        if let Some(manual) = &self.0 {
            manual.store(now.0, Ordering::Relaxed);
        }
    }
}

fn since_epoch_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_for_all_its_clones() {
        let clock = Clock::manual(Micros(5));
        let other = clock.clone();
        clock.set(Micros(9));
        assert_eq!((other.now(), other.now()), (Micros(9), Micros(9)));
    }

    #[test]
    fn the_system_clock_is_in_microseconds() {
        // Between 2020 and 2100.
        assert!((1_577_836_800_000_000..4_102_444_800_000_000).contains(&Clock::system().now().0));
    }
}
