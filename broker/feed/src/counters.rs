//! What a feed counts: written by its machine, read by metrics from any thread.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds one.
    pub fn up(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What was wrong with a venue's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be read: not JSON, cut off, a field missing or a price that is no number.
    Malformed,
    /// It can be read, and is of no known type.
    Unknown,
    /// It crosses the book.
    Crossed,
    /// No book can hold it.
    Impossible,
    /// It is about a symbol that was not asked for, or that the limit on symbols keeps out.
    Symbol,
    /// The venue refused a request.
    Refused,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 6] =
        [Self::Malformed, Self::Unknown, Self::Crossed, Self::Impossible, Self::Symbol, Self::Refused];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Crossed => "crossed",
            Self::Impossible => "impossible",
            Self::Symbol => "symbol",
            Self::Refused => "refused",
        }
    }
}

/// What a feed counts.
#[derive(Debug, Default)]
pub struct FeedCounters {
    /// Messages received.
    pub frames: Count,
    /// Bytes of them.
    pub bytes: Count,
    /// Messages with a fault, by [`Fault`].
    faults: [Count; Fault::ALL.len()],
    /// Breaks in the continuity of a book.
    pub gaps: Count,
    /// Books begun anew after they had been live.
    pub resyncs: Count,
    /// Books whose checksum was not the venue's.
    pub checksum_failures: Count,
    /// Trades that were jumped over.
    pub trades_lost: Count,
    /// Trades that came again, or late, and were dropped.
    pub trades_repeated: Count,
    /// Connections that ended.
    pub disconnects: Count,
    /// Times that the feed fell silent.
    pub silences: Count,
    /// Times that another connection was wanted since no data came, though the venue answered.
    pub data_silences: Count,
    /// Messages and trades that this one of several lines was the first to bring.
    pub line_first: Count,
    /// Those that another line had brought before.
    pub line_again: Count,
    /// Trades that no longer waited for one that another line may bring, since too many did.
    pub line_holds_cut: Count,
    /// Symbols subscribed to on demand.
    pub demand_subscribed: Count,
    /// Those that were let go again.
    pub demand_released: Count,
    /// Those that the venue refused.
    pub demand_refused: Count,
    /// Those that a limit kept out.
    pub demand_limited: Count,
    /// Requests for a snapshot.
    pub fetches: Count,
    /// Those that failed.
    pub fetch_failures: Count,
}

impl FeedCounters {
    /// How many messages had this fault.
    #[must_use]
    pub const fn faults(&self, fault: Fault) -> &Count {
        &self.faults[fault as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_a_place_of_its_own() {
        let counters = FeedCounters::default();
        for (n, fault) in (1u64..).zip(Fault::ALL) {
            counters.faults(fault).add(n);
        }
        let counts: Vec<_> = Fault::ALL.iter().map(|fault| counters.faults(*fault).value()).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5, 6]);
    }
}
