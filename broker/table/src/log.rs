use crate::budget::{Evict, LogBudget};
use crate::entry::{Entry, Record};
use crate::sync::{Arc, ArcSwapOption, OnceLock, Weak};

/// Entries of a chunk.
pub(crate) const CHUNK: u64 = 64;

type Slot<R> = OnceLock<Arc<Entry<R>>>;
type Ring<R> = Box<[ArcSwapOption<Chunk<R>>]>;

/// Entries whose indices follow one another.
#[derive(Debug)]
pub(crate) struct Chunk<R: Record> {
    number: u64,
    slots: [Slot<R>; CHUNK as usize],
}

/// The last entries of a topic: a ring of chunks. A topic without entries has no ring.
#[derive(Debug)]
pub(crate) struct Log<R: Record> {
    ring: OnceLock<Arc<Ring<R>>>,
    chunks: u64,
}

struct FullChunk<R: Record> {
    ring: Weak<Ring<R>>,
    number: u64,
}

impl<R: Record> Log<R> {
    /// Holds at least the last `entries` entries.
    pub(crate) fn new(entries: usize) -> Self {
        // One chunk more, since the newest is mostly not full.
        Self { ring: OnceLock::new(), chunks: (entries as u64).div_ceil(CHUNK).max(1) + 1 }
    }

    /// The entry `index`, counted from 1, if it is still there.
    pub(crate) fn read(&self, index: u64) -> Option<Arc<Entry<R>>> {
        let number = index.checked_sub(1)? / CHUNK;
        let ring = self.ring.get()?;
        let chunk = ring[(number % self.chunks) as usize].load();
        let chunk = chunk.as_deref().filter(|chunk| chunk.number == number)?;
        chunk.slots[((index - 1) % CHUNK) as usize].get().cloned()
    }

    /// The first entry of the oldest chunk that is there, of a log whose head is at `head`.
    pub(crate) fn oldest(&self, head: u64) -> Option<Arc<Entry<R>>> {
        let newest = head.checked_sub(1)? / CHUNK;
        let oldest = (newest + 1).saturating_sub(self.chunks);
        (oldest..=newest).find_map(|number| self.read(number * CHUNK + 1))
    }

    /// Adds the entry that follows the last one. Only the topic's writer does.
    pub(crate) fn push(&self, entry: Arc<Entry<R>>, budget: &LogBudget) {
        let ring =
            self.ring.get_or_init(|| Arc::new((0..self.chunks).map(|_| ArcSwapOption::empty()).collect()));
        let at = entry.position().index - 1;
        let (number, slot) = (at / CHUNK, (at % CHUNK) as usize);
        let place = &ring[(number % self.chunks) as usize];
        if slot == 0 {
            let slots = std::array::from_fn(|_| OnceLock::new());
            place.store(Some(Arc::new(Chunk { number, slots })));
            if number > 0 {
                budget.chunk_is_full(Box::new(FullChunk { ring: Arc::downgrade(ring), number: number - 1 }));
            }
        }
        if let Some(chunk) = place.load().as_deref() {
            // The writer is alone and each slot is written once.
            let _ = chunk.slots[slot].set(entry);
        }
    }
}

impl<R: Record> Evict for FullChunk<R> {
    fn evict(&self) -> bool {
        let Some(ring) = self.ring.upgrade() else { return false };
        let place = &ring[(self.number % ring.len() as u64) as usize];
        let there = place.load();
        if there.as_deref().is_none_or(|chunk| chunk.number != self.number) {
            return false;
        }
        let before = place.compare_and_swap(&*there, None);
        before.as_deref().is_some_and(|chunk| chunk.number == self.number)
    }
}
