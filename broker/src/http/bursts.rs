//! Work in short bursts, for the sake of shards on the same core.
//!
//! Once it is a thread's turn, the system lets it run on until its next tick, which is milliseconds away. While thousands of
//! handshakes come in at once that would make updates so late again and again; a thread that gives the core away sooner gets no
//! smaller part of it, in smaller pieces.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long a thread of the control runtime works before it lets another one on the same core run.
const BURST: Duration = Duration::from_micros(250);

thread_local! {
    static BURSTS: Bursts = Bursts { begun: Cell::new(Instant::now()) };
}

/// For use between two pieces of work: lets other threads run if this one's burst is over.
pub(super) fn pause() {
    let is_over = BURSTS.with(|bursts| bursts.is_over(Instant::now()));
    if is_over {
        std::thread::yield_now();
        BURSTS.with(|bursts| bursts.begin(Instant::now()));
    }
}

struct Bursts {
    begun: Cell<Instant>,
}

impl Bursts {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun.get()) >= BURST
    }

    fn begin(&self, now: Instant) {
        self.begun.set(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_over_when_its_time_is_and_the_next_one_begins_after_the_pause() {
        let start = Instant::now();
        let bursts = Bursts { begun: Cell::new(start) };
        assert!(!bursts.is_over(start + BURST / 2));
        assert!(bursts.is_over(start + BURST));
        let back = start + 20 * BURST;
        bursts.begin(back);
        assert!(!bursts.is_over(back + BURST / 2) && bursts.is_over(back + BURST));
    }
}
