//! How long to wait before the next attempt: twice as long after each failure, and by full jitter anything up to that, so that many
//! brokers that lost the same venue do not come back at once.

use feed::sim::random::Random;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The waits between attempts.
#[derive(Debug)]
pub struct Backoff {
    min_ms: u64,
    max_ms: u64,
    failures: u32,
    random: Random,
}

impl Backoff {
    /// Up to `min_ms` first, doubling up to `max_ms`; `seed` decides the jitter.
    #[must_use]
    pub fn new(min_ms: u64, max_ms: u64, seed: u64) -> Self {
        Self { min_ms: min_ms.max(1), max_ms: max_ms.max(1), failures: 0, random: Random::new(seed) }
    }

    /// A seed that differs from process to process and from feed to feed.
    #[must_use]
    pub fn seed_of(name: &str) -> u64 {
        RandomState::new().hash_one(name)
    }

    /// It worked: the next failure is the first again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The wait before the next attempt.
    pub fn failed(&mut self) -> Duration {
        let longest = self.min_ms.saturating_mul(1 << self.failures.min(32)).min(self.max_ms);
        self.failures += 1;
        Duration::from_millis(self.random.bits() % (longest + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound_and_begin_anew_after_a_success() {
        let mut longest = [Duration::ZERO; 12];
        for seed in 0..200 {
            let mut backoff = Backoff::new(100, 10_000, seed);
            for wait in &mut longest {
                *wait = backoff.failed().max(*wait);
            }
            backoff.succeeded();
            assert!(backoff.failed() <= Duration::from_millis(100));
        }
        for (n, wait) in longest.iter().enumerate() {
            let bound = Duration::from_millis((100 << n).min(10_000));
            assert!(*wait <= bound && *wait > bound * 8 / 10, "wait {n}: {wait:?} of {bound:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_waits() {
        let waits =
            |seed| (0..5).scan(Backoff::new(50, 5_000, seed), |b, _| Some(b.failed())).collect::<Vec<_>>();
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }
}
