//! A topic's log: a ring of chunks, each with room for a few entries, which are set once.
//!
//! A chunk is never written again once its entries are set; the next lap brings a new chunk, which replaces the old one in
//! the ring. Whoever still reads the old one reads what it always held. So the only question a reader must ask is whether
//! the chunk in the ring is the one it came for: each carries its number, counted from the log's beginning. Another number,
//! or none, says that the reader was lapped or that the chunk was evicted.
//!
//! The publisher sets an entry before it moves the head over it, so whoever has seen the head finds it.

mod chunk;
mod held;
mod reader;
mod ring;

pub(crate) use chunk::{Chunk, Stored};
pub use held::Held;
pub use reader::{Lapped, Reader};

use crate::account::Account;
use crate::budget::LogBudget;
use crate::entry::EntryRef;
use crate::sync::{AtomicU64, Guard};
use ring::Ring;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Entries in a chunk. The chunk that a topic writes to is never evicted, so of many quiet topics this many entries may stay each.
pub const CHUNK_ENTRIES: u64 = if cfg!(loom) { 2 } else { 8 };

/// Entries after which a topic with images needs the next one.
pub const IMAGE_ENTRIES: u64 = if cfg!(loom) { CHUNK_ENTRIES } else { 32 };

/// The last entries of a topic.
#[derive(Debug)]
pub(crate) struct Log<R> {
    ring: Ring<R>,
    /// Chunks below this number were evicted. A hint: it saves looking for them.
    evicted_below: AtomicU64,
}

impl<R> Log<R> {
    /// A log in which the last `entries` entries stay readable. Takes no memory for chunks yet.
    pub(crate) fn new(entries: usize) -> Self {
        // When a chunk is opened, the one that it replaces is gone at once: hence one more than the entries fill.
        let chunks_of = |entries: u64| entries.div_ceil(CHUNK_ENTRIES) + 1;
        let chunks = chunks_of(entries.saturating_sub(1) as u64).max(chunks_of(IMAGE_ENTRIES));
        Self { ring: Ring::new(chunks), evicted_below: AtomicU64::new(0) }
    }

    /// An entry; none if it is not there yet or not there any more.
    pub(crate) fn get(&self, index: u64) -> Option<Held<R>> {
        let chunk = self.chunk(chunk_of(index)?)?;
        let chunk = chunk.as_ref().filter(|chunk| chunk.get(index).is_some())?;
        Some(Held::of(chunk, index))
    }

    pub(crate) fn with<T>(&self, index: u64, look: impl FnOnce(EntryRef<'_, R>) -> T) -> Option<T> {
        let chunk = self.chunk(chunk_of(index)?)?;
        chunk.as_ref()?.get(index).map(look)
    }

    /// A chunk, if it is in the ring. The guard is never empty.
    pub(crate) fn chunk(&self, number: u64) -> Option<Guard<Chunk<R>>> {
        self.ring.get(number)
    }

    /// The first entry that may still be there, when the log ends with `head`.
    pub(crate) fn oldest(&self, head: u64) -> u64 {
        let Some(open) = chunk_of(head) else { return 1 };
        let not_lapped = (open + 1).saturating_sub(self.ring.chunks_max());
        not_lapped.max(self.evicted_below()) * CHUNK_ENTRIES + 1
    }

    /// Puts a new chunk into the ring, in the place of the one that it laps. For the publisher only.
    pub(crate) fn open(&self, number: u64, budget: &Arc<LogBudget>) -> Arc<Chunk<R>> {
        let chunk = Arc::new(Chunk::new(number, Account::new(Arc::clone(budget))));
        let lapped = self.ring.put(Arc::clone(&chunk));
        if let Some(lapped) = lapped {
            lapped.account().close();
        }
        chunk
    }

    /// Takes a completed chunk out of the ring, unless it is gone; says whether it did.
    pub(crate) fn evict(&self, number: u64) -> bool {
        self.evicted_below.fetch_max(number + 1, Relaxed);
        // If it was lapped meanwhile, the publisher has closed its account.
        let Some(chunk) = self.ring.take(number) else { return false };
        chunk.account().close();
        true
    }

    /// Chunks below this number were evicted, or are being.
    pub(crate) fn evicted_below(&self) -> u64 {
        self.evicted_below.load(Relaxed)
    }

    pub(crate) fn holds(&self, number: u64) -> bool {
        self.chunk(number).is_some()
    }
}

/// The number of the chunk that holds an entry; none for index 0, which is before the first.
pub(crate) fn chunk_of(index: u64) -> Option<u64> {
    Some(index.checked_sub(1)? / CHUNK_ENTRIES)
}

/// Whether an entry is the first in its chunk.
pub(crate) fn opens_chunk(index: u64) -> bool {
    index.wrapping_sub(1).is_multiple_of(CHUNK_ENTRIES)
}
