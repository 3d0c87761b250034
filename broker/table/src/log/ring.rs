//! The places of the chunks.

use super::Chunk;
use crate::sync::{OnceLock, Slot};

/// Places that are made at once.
const ROW: usize = if cfg!(loom) { 1 } else { 16 };

type Row<R> = Box<[Slot<Chunk<R>>]>;

/// As many places as chunks may stand in the log. The first is here; the others are made row by row as the log comes to them, so
/// that a topic with few entries, as most are, takes one place.
#[derive(Debug)]
pub(super) struct Ring<R> {
    chunks: u64,
    first: Slot<Chunk<R>>,
    rows: OnceLock<Box<[OnceLock<Row<R>>]>>,
}

impl<R> Ring<R> {
    pub(super) fn new(chunks: u64) -> Self {
        Self { chunks, first: Slot::empty(), rows: OnceLock::new() }
    }

    pub(super) fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The place of a chunk, if it was made.
    pub(super) fn slot(&self, number: u64) -> Option<&Slot<Chunk<R>>> {
        match self.place(number) {
            None => Some(&self.first),
            Some((row, place)) => self.rows.get()?[row].get().map(|row| &row[place]),
        }
    }

    /// The place of a chunk. For the publisher only.
    pub(super) fn slot_or_grow(&self, number: u64) -> &Slot<Chunk<R>> {
        if let Some((row, _)) = self.place(number) {
            let rows = self.chunks.div_ceil(ROW as u64);
            let rows = get_or_set(&self.rows, || (0..rows).map(|_| OnceLock::new()).collect());
            get_or_set(&rows[row], || (0..ROW).map(|_| Slot::empty()).collect());
        }
        self.slot(number).expect("the place was made just now")
    }

    /// The row of a place and which it is there; none for the first.
    fn place(&self, number: u64) -> Option<(usize, usize)> {
        let place = (number % self.chunks).checked_sub(1)? as usize;
        Some((place / ROW, place % ROW))
    }
}

/// What is there; made if nothing is. For the publisher only.
fn get_or_set<T>(cell: &OnceLock<T>, make: impl FnOnce() -> T) -> &T {
    if cell.get().is_none() {
        let is_first = cell.set(make()).is_ok();
        debug_assert!(is_first, "only the publisher makes places");
    }
    cell.get().expect("it was made just now, or before")
}
