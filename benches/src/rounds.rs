//! Measuring work that comes in rounds: making its input, and looking at the outcome, does not count.

use std::time::{Duration, Instant};

/// The time that so many operations take, by rounds of `per_round` operations each of which says how long it took.
pub fn in_rounds(operations: u64, per_round: usize, mut round: impl FnMut() -> Duration) -> Duration {
    let rounds = operations.div_ceil(per_round as u64);
    let spent: Duration = (0..rounds).map(|_| round()).sum();
    spent.mul_f64(operations as f64 / (rounds * per_round as u64) as f64)
}

/// How long the work takes, and what it gives.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let result = work();
    (begun.elapsed(), result)
}
