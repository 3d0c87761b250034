//! The places of the chunks.

use super::Chunk;
use crate::sync::{OnceLock, Slot};

/// As many places as chunks may stand in the log. The first is here; the others are made when the second chunk is opened,
/// so that a topic with few entries, as most are, takes one place.
#[derive(Debug)]
pub(super) struct Ring<R> {
    chunks: u64,
    first: Slot<Chunk<R>>,
    others: OnceLock<Box<[Slot<Chunk<R>>]>>,
}

impl<R> Ring<R> {
    pub(super) fn new(chunks: u64) -> Self {
        Self { chunks, first: Slot::empty(), others: OnceLock::new() }
    }

    pub(super) fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The place of a chunk, if it was made.
    pub(super) fn slot(&self, number: u64) -> Option<&Slot<Chunk<R>>> {
        match self.place(number) {
            0 => Some(&self.first),
            place => self.others.get().map(|others| &others[place - 1]),
        }
    }

    /// The place of a chunk. For the publisher only.
    pub(super) fn slot_or_grow(&self, number: u64) -> &Slot<Chunk<R>> {
        let place = self.place(number);
        if place > 0 && self.others.get().is_none() {
            let others = (1..self.chunks).map(|_| Slot::empty()).collect();
            let is_first = self.others.set(others).is_ok();
            debug_assert!(is_first, "only the publisher makes places");
        }
        self.slot(number).expect("the places were made just now")
    }

    fn place(&self, number: u64) -> usize {
        (number % self.chunks) as usize
    }
}
