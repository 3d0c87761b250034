//! Keeps to a venue's limits on requests.

use crate::machine::Actions;
use schemas::model::Micros;
use std::collections::VecDeque;

/// Lets requests pass at a steady rate, some of them at once after a pause (the generic cell rate algorithm).
#[derive(Debug, Clone)]
pub struct Pacer {
    cost_us: u64,
    burst_us: u64,
    /// When all that has passed would have passed at the steady rate.
    paid_until: Micros,
}

impl Pacer {
    /// One request each `cost_us`; after a pause as many at once as `burst_us` pays for, at least one.
    #[must_use]
    pub const fn new(cost_us: u64, burst_us: u64) -> Self {
        Self { cost_us, burst_us, paid_until: Micros(0) }
    }

    /// At most `count` requests in any `window_us`: half of them at once after a pause, and as many steadily.
    #[must_use]
    pub const fn within(count: u64, window_us: u64) -> Self {
        Self::new(window_us * 2 / count, window_us)
    }

    /// When the next request may pass.
    #[must_use]
    pub fn ready_at(&self) -> Micros {
        let ahead_us = self.burst_us.saturating_sub(self.cost_us);
        Micros(self.paid_until.0.saturating_sub(ahead_us))
    }

    /// Counts a request that passes at `now`.
    pub fn take(&mut self, now: Micros) {
        self.paid_until = self.paid_until.max(now).plus(self.cost_us);
    }
}

/// Requests that wait for their turn.
#[derive(Debug)]
pub(crate) struct Requests {
    waiting: VecDeque<String>,
    pacer: Pacer,
}

impl Requests {
    /// None yet; they go at this pace.
    pub(crate) const fn new(pacer: Pacer) -> Self {
        Self { waiting: VecDeque::new(), pacer }
    }

    /// Lets these wait behind the others.
    pub(crate) fn extend(&mut self, requests: impl IntoIterator<Item = String>) {
        self.waiting.extend(requests);
    }

    /// Forgets what waits: there is nobody to send it to.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Sends what may go now.
    pub(crate) fn send(&mut self, now: Micros, actions: &mut Actions) {
        while self.pacer.ready_at() <= now
            && let Some(request) = self.waiting.pop_front()
        {
            self.pacer.take(now);
            actions.send(request);
        }
    }

    /// When [`send`](Self::send) has something to do.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        (!self.waiting.is_empty()).then(|| self.free_at())
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a further request would go at once.
    pub(crate) fn is_free(&self, now: Micros) -> bool {
        self.waiting.is_empty() && self.free_at() <= now
    }

    /// When a request may go, if none waits before it.
    pub(crate) fn free_at(&self) -> Micros {
        self.pacer.ready_at()
    }
}

/// How long to wait before trying again: twice as long each time.
pub(crate) fn backoff_us(failures: u32, first_us: u64, longest_us: u64) -> u64 {
    let doublings = failures.saturating_sub(1).min(32);
    first_us.saturating_mul(1 << doublings).min(longest_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(pacer: &mut Pacer, from: u64, to: u64) -> usize {
        let mut passed = 0;
        for now in (from..to).map(Micros) {
            while pacer.ready_at() <= now {
                pacer.take(now);
                passed += 1;
            }
        }
        passed
    }

    #[test]
    fn after_a_pause_a_burst_then_a_steady_rate() {
        let mut pacer = Pacer::new(10, 50);
        assert_eq!(pass(&mut pacer, 1_000, 1_001), 5);
        assert_eq!(pass(&mut pacer, 1_001, 1_101), 10);
        assert_eq!(pass(&mut pacer, 2_000, 2_001), 5);
        let mut single = Pacer::new(10, 0);
        assert_eq!((pass(&mut single, 5, 6), pass(&mut single, 6, 26)), (1, 2));
    }

    #[test]
    fn no_window_holds_more_than_are_allowed() {
        for (count, window) in [(3, 1_000), (480, 3_600), (300, 3_000), (2, 10)] {
            let mut pacer = Pacer::within(count, window);
            let mut passed = Vec::new();
            for now in (10_000..10_000 + 4 * window).map(Micros) {
                while pacer.ready_at() <= now {
                    pacer.take(now);
                    passed.push(now.0);
                }
            }
            let in_window =
                |from: &u64| passed.iter().filter(|at| (*from..from + window).contains(at)).count();
            let most = passed.iter().map(in_window).max().unwrap() as u64;
            assert!(most <= count && most >= count / 2, "{most} of {count}");
        }
    }

    #[test]
    fn waits_twice_as_long_each_time_up_to_the_longest() {
        let waits: Vec<_> = [0, 1, 2, 3, 4, 99].map(|n| backoff_us(n, 5, 30)).to_vec();
        assert_eq!(waits, [5, 5, 10, 20, 30, 30]);
    }
}
