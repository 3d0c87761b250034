use crate::sync::{AtomicU64, AtomicUsize, Ordering};
use crossbeam::queue::SegQueue;
use std::fmt;

/// A bound on the memory of all logs together: the oldest entries go first.
///
/// Logs give up entries in chunks, when they are full; the one that is being filled stays. Publishers see to it when they
/// begin a chunk.
pub struct LogBudget {
    max: usize,
    bytes: AtomicUsize,
    evicted: AtomicU64,
    full_chunks: SegQueue<Box<dyn Evict>>,
}

/// A chunk of some log that can be taken out of it.
pub(crate) trait Evict: Send + Sync {
    /// Takes it out; says whether it was still there.
    fn evict(&self) -> bool;
}

impl LogBudget {
    /// At most about `log_bytes_max` bytes of records and frames.
    #[must_use]
    pub fn new(log_bytes_max: usize) -> Self {
        Self {
            max: log_bytes_max,
            bytes: AtomicUsize::new(0),
            evicted: AtomicU64::new(0),
            full_chunks: SegQueue::new(),
        }
    }

    /// Bytes of records and frames now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Chunks of entries that had to go early so far.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// A chunk is full. Chunks that are over the bound, or gone anyway, leave the queue.
    pub(crate) fn chunk_is_full(&self, chunk: Box<dyn Evict>) {
        self.full_chunks.push(chunk);
        while self.bytes() > self.max {
            let Some(oldest) = self.full_chunks.pop() else { return };
            self.evicted.fetch_add(u64::from(oldest.evict()), Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for LogBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogBudget")
            .field("max", &self.max)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
