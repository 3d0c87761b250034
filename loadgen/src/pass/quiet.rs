//! When nothing is on its way to subscribers any more.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// After as long without any delivery, where as much came as was published; what came may count a little more than that.
const QUIET_TIME: Duration = Duration::from_millis(200);
/// After as long, where less came.
const QUIET_TIME_AFTER_LOSS: Duration = Duration::from_secs(2);

/// For how long there was no delivery.
#[derive(Debug)]
pub(super) struct Quiet(Cell<(u64, Instant)>);

impl Default for Quiet {
    fn default() -> Self {
        Self(Cell::new((0, Instant::now())))
    }
}

impl Quiet {
    /// Whether there were none for long enough, now that there have been so many of those that were published.
    pub(super) fn is_over(&self, deliveries: u64, published: u64) -> bool {
        let (before, since) = self.0.get();
        if deliveries != before {
            self.0.set((deliveries, Instant::now()));
            return false;
        }
        let long = if deliveries >= published { QUIET_TIME } else { QUIET_TIME_AFTER_LOSS };
        since.elapsed() >= long
    }
}
