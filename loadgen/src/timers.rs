//! What a worker has to do later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// Things to do at their times, earliest first.
#[derive(Debug)]
pub struct Timers<T> {
    heap: BinaryHeap<Reverse<(Instant, u64, Keyed<T>)>>,
    count: u64,
}

/// Never compared: the count before it is unique.
#[derive(Debug)]
struct Keyed<T>(T);

impl<T> PartialEq for Keyed<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Keyed<T> {}

impl<T> PartialOrd for Keyed<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Keyed<T> {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), count: 0 }
    }
}

impl<T> Timers<T> {
    /// `what` is to be done at `at`; things for one time keep their order.
    pub fn schedule(&mut self, at: Instant, what: T) {
        self.count += 1;
        self.heap.push(Reverse((at, self.count, Keyed(what))));
    }

    /// The next thing that is due at `now`, and when it was to be done.
    pub fn due(&mut self, now: Instant) -> Option<(Instant, T)> {
        let next = self.heap.peek()?.0.0;
        if next > now {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, Keyed(what)))| (at, what))
    }

    /// How long nothing is due, at most `longest`.
    #[must_use]
    pub fn idle(&self, now: Instant, longest: Duration) -> Duration {
        self.heap.peek().map_or(longest, |next| next.0.0.saturating_duration_since(now).min(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_due_in_order() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        for (ms, what) in [(20, "c"), (10, "a"), (10, "b")] {
            timers.schedule(at(ms), what);
        }
        assert_eq!(timers.idle(start, Duration::from_secs(1)), Duration::from_millis(10));
        assert_eq!(timers.due(at(9)), None);
        assert_eq!(timers.due(at(15)), Some((at(10), "a")));
        assert_eq!(timers.due(at(15)), Some((at(10), "b")));
        assert_eq!(timers.due(at(15)), None);
        assert_eq!(timers.idle(at(30), Duration::from_secs(1)), Duration::ZERO);
    }
}
