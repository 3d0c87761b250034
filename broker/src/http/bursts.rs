//! Work in short bursts, for the sake of shards on the same core.
//!
//! Once it is a thread's turn, the system lets it run on until its next tick, which is milliseconds away. While thousands of
//! handshakes come in at once that would make updates so late again and again; a thread that gives the core away sooner gets no
//! smaller part of it, in smaller pieces.

use crate::clock;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long a thread of the control runtime works before it lets another one on the same core run.
const BURST: Duration = Duration::from_micros(250);

thread_local! {
    static BEGUN: Cell<Instant> = Cell::new(clock::instant());
}

/// For use between two pieces of work: lets other threads run if this one's burst is over.
pub(super) fn pause() {
    if is_over(BEGUN.get(), clock::instant()) {
        std::thread::yield_now();
        BEGUN.set(clock::instant());
    }
}

fn is_over(begun: Instant, now: Instant) -> bool {
    now.saturating_duration_since(begun) >= BURST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_over_when_its_time_is_and_the_next_one_begins_after_the_pause() {
        let start = Instant::now();
        assert!(!is_over(start, start + BURST / 2));
        assert!(is_over(start, start + BURST));
        BEGUN.set(start.checked_sub(20 * BURST).unwrap());
        pause();
        assert!(BEGUN.get() >= start, "the next one begins after the pause");
        let back = BEGUN.get();
        assert!(!is_over(back, back + BURST / 2) && is_over(back, back + BURST));
    }
}
