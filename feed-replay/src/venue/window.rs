//! Counting as venues count: so many within such a time.

use schemas::capture::UnixNanos;
use std::collections::VecDeque;
use std::time::Duration;

/// Lets at most so many pass within any such time.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    max: usize,
    within: Duration,
    passed: VecDeque<UnixNanos>,
}

impl Window {
    /// At most `max` within this time.
    pub(crate) const fn new(max: usize, within: Duration) -> Self {
        Self { max, within, passed: VecDeque::new() }
    }

    /// Whether one more may pass now; if so, it has passed.
    pub(crate) fn takes(&mut self, now: UnixNanos) -> bool {
        let within = u64::try_from(self.within.as_nanos()).unwrap_or(u64::MAX);
        while self.passed.front().is_some_and(|at| now.saturating_sub(*at) >= within) {
            self.passed.pop_front();
        }
        let takes = self.passed.len() < self.max;
        if takes {
            self.passed.push_back(now);
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_waits_until_the_first_ones_are_past() {
        let mut window = Window::new(2, Duration::from_nanos(10));
        let taken = [0, 3, 9, 10, 11, 13, 14].map(|now| window.takes(now));
        assert_eq!(taken, [true, true, false, true, false, true, false]);
    }
}
