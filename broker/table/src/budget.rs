//! One bound for the bytes of all logs together.
//!
//! A chunk that will get no more entries is queued with its topic. When the logs hold more than they may, a publisher takes
//! the oldest chunks off the queue and out of their logs. Publishers queue without a lock. Working the queue off is one
//! publisher's task at a time: a second one that finds it taken goes on publishing, since the first looks at the gauge until
//! it is content, and everyone who publishes looks again.
//!
//! Most queued chunks are never evicted but lapped, so the queue must lose them too: with each chunk that is queued, two
//! old ones are looked at and forgotten if their log no longer has them.

use crate::sync::{AtomicI64, AtomicU64, Queue, TryLock};
use crossbeam::queue::SegQueue;
use crossbeam::utils::CachePadded;
use std::sync::Weak;
use std::sync::atomic::Ordering::Relaxed;

/// Looks at queued chunks for each one that is queued; with two, at most half of the queue is chunks that are gone.
const LOOKS_PER_CHUNK: usize = 2;

/// The bytes that all logs of a table hold, and their bound.
#[derive(Debug)]
pub struct LogBudget {
    /// Below zero for a moment when a chunk is given back between the two halves of a charge.
    bytes: CachePadded<AtomicI64>,
    bytes_max: usize,
    evicted_chunks: AtomicU64,
    completed: Queue<Completed>,
    order: TryLock<EvictionOrder>,
}

/// A log that gives chunks up.
pub(crate) trait Evict: Send + Sync {
    /// Takes a chunk out, unless it is gone; says whether it did.
    fn evict(&self, chunk: u64) -> bool;

    /// Whether a chunk is still there.
    fn holds(&self, chunk: u64) -> bool;
}

/// A chunk that will get no more entries.
pub(crate) struct Completed {
    pub(crate) log: Weak<dyn Evict>,
    pub(crate) chunk: u64,
}

impl LogBudget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes: CachePadded::new(AtomicI64::new(0)),
            bytes_max,
            evicted_chunks: AtomicU64::new(0),
            completed: Queue::new(),
            order: TryLock::default(),
        }
    }

    /// What the logs hold now: records, entries, chunks, and the frames that were encoded.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Relaxed).max(0) as usize
    }

    /// What they may hold. The chunk that each topic writes to, and its marks, are never evicted, so with a bound below what
    /// those take the gauge stays above it.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Chunks that were evicted so far.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted_chunks.load(Relaxed)
    }

    /// Entries that were evicted so far.
    #[must_use]
    pub fn evicted_entries(&self) -> u64 {
        self.evicted() * crate::log::CHUNK_ENTRIES
    }

    pub(crate) fn take(&self, bytes: u64) {
        self.bytes.fetch_add(bytes as i64, Relaxed);
    }

    pub(crate) fn give_back(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes as i64, Relaxed);
    }

    /// Queues a chunk for eviction.
    pub(crate) fn complete(&self, completed: Completed) {
        self.completed.push(completed);
        if let Some(mut order) = self.order.try_lock() {
            order.absorb(&self.completed);
        }
    }

    /// Evicts the oldest chunks until the logs hold no more than they may, or nothing more can go.
    pub(crate) fn enforce(&self) {
        if !self.is_exceeded() {
            return;
        }
        let Some(mut order) = self.order.try_lock() else { return };
        order.absorb(&self.completed);
        while self.is_exceeded() {
            let Some(oldest) = order.pop() else { return };
            if oldest.log.upgrade().is_some_and(|log| log.evict(oldest.chunk)) {
                self.evicted_chunks.fetch_add(1, Relaxed);
            }
        }
    }

    fn is_exceeded(&self) -> bool {
        self.bytes() > self.bytes_max
    }
}

/// Completed chunks, oldest first: all of `checked` is older than all of `unchecked`. Queues of small blocks, since others would double
/// at some time.
#[derive(Default)]
struct EvictionOrder {
    /// Were still in their logs when they were looked at in this round.
    checked: SegQueue<Completed>,
    unchecked: SegQueue<Completed>,
}

impl EvictionOrder {
    fn absorb(&mut self, completed: &Queue<Completed>) {
        while let Some(chunk) = completed.pop() {
            self.unchecked.push(chunk);
            for _ in 0..LOOKS_PER_CHUNK {
                self.look();
            }
        }
    }

    fn look(&mut self) {
        if self.unchecked.is_empty() {
            std::mem::swap(&mut self.checked, &mut self.unchecked);
        }
        if let Some(held) = self.unchecked.pop().filter(Completed::is_held) {
            self.checked.push(held);
        }
    }

    fn pop(&mut self) -> Option<Completed> {
        self.checked.pop().or_else(|| self.unchecked.pop())
    }
}

impl Completed {
    fn is_held(&self) -> bool {
        self.log.upgrade().is_some_and(|log| log.holds(self.chunk))
    }
}

impl std::fmt::Debug for Completed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Completed").field("chunk", &self.chunk).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for EvictionOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queued = self.checked.len() + self.unchecked.len();
        f.debug_struct("EvictionOrder").field("queued", &queued).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::LogBudget;
    use crate::log::CHUNK_ENTRIES;
    use crate::record::Record;
    use crate::table::Table;

    struct Item;

    impl Record for Item {
        fn width(&self) -> u64 {
            1
        }

        fn is_mark(&self) -> bool {
            false
        }

        fn heap_bytes(&self) -> usize {
            1
        }
    }

    fn queued(budget: &LogBudget) -> usize {
        let order = budget.order.try_lock().expect("there is no other publisher");
        budget.completed.len() + order.checked.len() + order.unchecked.len()
    }

    #[test]
    fn the_queue_forgets_chunks_that_were_lapped() {
        let table: Table<Item, ()> = Table::new(10, usize::MAX, Vec::new());
        let (mut slow, mut fast) = (table.register(10_000).unwrap(), table.register(256).unwrap());
        let (held_by_slow, held_by_fast) = (10, 256 / CHUNK_ENTRIES + 1);
        (0..held_by_slow * CHUNK_ENTRIES).for_each(|_| drop(slow.publish(Item)));
        for _ in 0..1_000 * CHUNK_ENTRIES {
            fast.publish(Item);
            assert!(queued(table.budget()) as u64 <= 2 * (held_by_slow + held_by_fast) + 2);
        }
        slow.publish(Item);
        assert!(queued(table.budget()) as u64 >= held_by_slow, "what is still there is still queued");
    }
}
