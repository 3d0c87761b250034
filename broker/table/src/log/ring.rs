//! The places of the chunks: a ring that grows.
//!
//! A chunk that comes where another one stands makes the ring larger, until there are as many places as chunks may stand in the log;
//! from then on it laps. To grow, the publisher does in this order:
//! 1. puts the chunks into their places in a larger table;
//! 2. moves the level, which says which table is in use;
//! 3. empties their old places; a chunk that is not there any more was evicted meanwhile, so its new place is emptied too.
//!
//! Who does not find a chunk looks at the level again, and if that has moved, in the larger table: an old place that was emptied in
//! step 3 says that step 2 was done. Tables stay until the log goes, so that nobody who looks needs to hold on to one.

use super::Chunk;
use crate::mutant::{Mutant, mutated, order};
use crate::sync::{AtomicU64, Guard, OnceLock, Slot};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Places in the first table. The place before that one is the ring's own: a topic with few entries needs no other.
const TABLE: u64 = if cfg!(loom) { 2 } else { 8 };
/// How many times as large as a table the next one is.
const GROWTH: u64 = 4;

/// A chunk stands at its number modulo their count.
type Places<R> = [Slot<Chunk<R>>];
type Table<R> = OnceLock<Box<Places<R>>>;

/// The chunks of a log, in places for as many as ever stood there together. That is seldom as many as may: what all logs may hold
/// together is divided among many topics.
#[derive(Debug)]
pub(super) struct Ring<R> {
    chunks_max: u64,
    /// Zero while `first` is in use, then the number of the table in use, from 1.
    level: AtomicU64,
    first: Slot<Chunk<R>>,
    tables: OnceLock<Box<[Table<R>]>>,
}

impl<R> Ring<R> {
    /// A ring for at most `chunks_max` chunks. Takes no memory but its own yet.
    pub(super) fn new(chunks_max: u64) -> Self {
        Self { chunks_max, level: AtomicU64::new(0), first: Slot::empty(), tables: OnceLock::new() }
    }

    pub(super) fn chunks_max(&self) -> u64 {
        self.chunks_max
    }

    /// A chunk, if it is there. The guard is never empty then.
    pub(super) fn get(&self, number: u64) -> Option<Guard<Chunk<R>>> {
        self.look(number, |slot| {
            let guard = slot.load();
            let is_it = |chunk: &Arc<Chunk<R>>| chunk.number() == number || mutated(Mutant::LapUnchecked);
            guard.as_ref().is_some_and(is_it).then_some(guard)
        })
    }

    /// Takes a chunk out, unless it is gone.
    pub(super) fn take(&self, number: u64) -> Option<Arc<Chunk<R>>> {
        self.look(number, |slot| {
            let guard = slot.load();
            let is_it = |chunk: &&Arc<Chunk<R>>| chunk.number() == number || mutated(Mutant::EvictUnchecked);
            let chunk = guard.as_ref().filter(is_it)?;
            let is_taken = if mutated(Mutant::EvictUncompared) {
                slot.swap(None).is_some()
            } else {
                slot.clear_if(chunk)
            };
            is_taken.then(|| Arc::clone(chunk))
        })
    }

    /// Puts the next chunk into its place, and returns the one that it laps. For the publisher only.
    pub(super) fn put(&self, chunk: Arc<Chunk<R>>) -> Option<Arc<Chunk<R>>> {
        let number = chunk.number();
        let places = self.places(self.level.load(Relaxed));
        if slot(places, number).load().is_some() && (places.len() as u64) < self.chunks_max {
            self.grow(places);
        }
        slot(self.places(self.level.load(Relaxed)), number).swap(Some(chunk))
    }

    /// Looks at a chunk's place, and again if the ring has grown meanwhile and nothing was found.
    fn look<T>(&self, number: u64, look: impl Fn(&Slot<Chunk<R>>) -> Option<T>) -> Option<T> {
        let mut level = self.level();
        loop {
            let found = look(slot(self.places(level), number));
            let level_now = self.level();
            if found.is_some() || level_now == level || mutated(Mutant::MissIsFinal) {
                return found;
            }
            level = level_now;
        }
    }

    fn level(&self) -> u64 {
        self.level.load(order(Mutant::LevelLoadNotAcquire, Acquire, Relaxed))
    }

    /// The places of a level that was reached.
    fn places(&self, level: u64) -> &Places<R> {
        match level.checked_sub(1) {
            None => std::slice::from_ref(&self.first),
            Some(table) => self
                .tables
                .get()
                .and_then(|tables| tables[table as usize].get())
                .expect("the table was made before the level moved to it"),
        }
    }

    /// Moves the chunks from the places in use to those of the next level. For the publisher only.
    fn grow(&self, old: &Places<R>) {
        let level = self.level.load(Relaxed);
        let new: Box<Places<R>> = (0..self.size(level + 1)).map(|_| Slot::empty()).collect();
        let chunks: Vec<Arc<Chunk<R>>> = old.iter().filter_map(|slot| slot.load().clone()).collect();
        let tables = get_or_set(&self.tables, || (0..self.levels()).map(|_| OnceLock::new()).collect());
        let new = get_or_set(&tables[level as usize], || new);
        let move_level = || {
            self.level.store(level + 1, order(Mutant::GrowNotRelease, Release, Relaxed));
        };
        if mutated(Mutant::GrowBeforeCopy) {
            move_level();
        }
        for chunk in &chunks {
            slot(new, chunk.number()).swap(Some(Arc::clone(chunk)));
        }
        if mutated(Mutant::GrowAfterClear) {
            chunks.iter().for_each(|chunk| drop(slot(old, chunk.number()).swap(None)));
        }
        move_level();
        for chunk in &chunks {
            let was_evicted = slot(old, chunk.number()).swap(None).is_none();
            if was_evicted && !mutated(Mutant::GrowKeepsEvicted) {
                slot(new, chunk.number()).clear_if(chunk);
            }
        }
    }

    /// How many places a level above zero has.
    fn size(&self, level: u64) -> u64 {
        let size = (1..level).fold(TABLE, |size, _| size.saturating_mul(GROWTH));
        size.min(self.chunks_max)
    }

    /// How many levels above zero there may be.
    fn levels(&self) -> u64 {
        (1..)
            .find(|&level| self.size(level) == self.chunks_max)
            .expect("each size is larger up to the largest")
    }
}

fn slot<R>(places: &Places<R>, number: u64) -> &Slot<Chunk<R>> {
    &places[(number % places.len() as u64) as usize]
}

/// What is there; made if nothing is. For the publisher only.
fn get_or_set<T>(cell: &OnceLock<T>, make: impl FnOnce() -> T) -> &T {
    if cell.get().is_none() {
        let is_first = cell.set(make()).is_ok();
        debug_assert!(is_first, "only the publisher makes tables");
    }
    cell.get().expect("it was made just now, or before")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Ring, TABLE};
    use crate::account::Account;
    use crate::budget::LogBudget;
    use crate::log::Chunk;
    use std::sync::Arc;

    const CHUNKS_MAX: u64 = 513;

    fn chunk(number: u64) -> Arc<Chunk<u64>> {
        Arc::new(Chunk::new(number, Account::new(Arc::new(LogBudget::new(usize::MAX)))))
    }

    fn size(ring: &Ring<u64>) -> u64 {
        ring.places(ring.level()).len() as u64
    }

    #[test]
    fn a_ring_has_places_for_the_chunks_that_stand_in_it() {
        let ring = Ring::new(CHUNKS_MAX);
        assert!(ring.put(chunk(0)).is_none() && ring.take(0).is_some());
        assert!(ring.put(chunk(1)).is_none());
        assert_eq!(size(&ring), 1, "one place is enough for one chunk at a time");
        for number in 2..10 * CHUNKS_MAX {
            assert!(ring.put(chunk(number)).is_none());
            let gone = number.saturating_sub(TABLE - 1);
            assert_eq!(ring.take(gone).is_some(), gone > 0);
            assert!(ring.get(gone).is_none() && (gone + 1..=number).all(|kept| ring.get(kept).is_some()));
        }
        assert_eq!(size(&ring), TABLE);
    }

    #[test]
    fn a_ring_grows_as_far_as_it_may_and_then_laps() {
        let ring = Ring::new(CHUNKS_MAX);
        for number in 0..CHUNKS_MAX {
            assert!(
                ring.put(chunk(number)).is_none(),
                "nothing is lapped before there are as many as may be"
            );
            assert!((0..=number).all(|kept| ring.get(kept).is_some()));
        }
        assert_eq!(size(&ring), CHUNKS_MAX);
        for number in CHUNKS_MAX..3 * CHUNKS_MAX {
            assert_eq!(ring.put(chunk(number)).map(|lapped| lapped.number()), Some(number - CHUNKS_MAX));
            assert!(ring.get(number - CHUNKS_MAX).is_none() && ring.take(number - CHUNKS_MAX).is_none());
        }
    }
}
