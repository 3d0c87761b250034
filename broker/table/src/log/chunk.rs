//! The entries of a chunk, each set once.

use super::CHUNK_ENTRIES;
use crate::account::{Account, SHARED_BYTES};
use crate::entry::{Entry, EntryRef, Mark};
use crate::sync::{OnceLock, is_abandoned};
use std::sync::Arc;

/// Entries lie in their chunk, one after the other. So publishing allocates seldom, a reader goes through memory in its order, and
/// since all chunks of all topics have one size, what one log gives up serves any other.
#[derive(Debug)]
pub(crate) struct Chunk<R> {
    number: u64,
    account: Account,
    entries: [OnceLock<Stored<R>>; CHUNK_ENTRIES as usize],
}

/// An entry in its chunk.
#[derive(Debug)]
pub(crate) enum Stored<R> {
    Here(Entry<R>),
    Apart(Arc<Mark<R>>),
}

impl<R> Chunk<R> {
    /// What a chunk takes, shared as it is, in bytes.
    const BYTES: usize = size_of::<Self>() + SHARED_BYTES;

    /// An empty chunk, counted in its account.
    pub(super) fn new(number: u64, account: Account) -> Self {
        account.charge(Self::BYTES);
        Self { number, account, entries: std::array::from_fn(|_| OnceLock::new()) }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// An entry that belongs here, if it is published.
    pub(crate) fn get(&self, index: u64) -> Option<EntryRef<'_, R>> {
        Some(match self.entries[place_of(index)].get()? {
            Stored::Here(entry) => EntryRef::new(entry, &self.account),
            Stored::Apart(mark) => mark.entry(),
        })
    }

    /// Stores an entry where it belongs. For the publisher only, once for each index.
    pub(crate) fn set(&self, index: u64, stored: Stored<R>) {
        let is_first = self.entries[place_of(index)].set(stored).is_ok();
        debug_assert!(is_first, "one publisher, and an index that only grows");
    }
}

impl<R> Drop for Chunk<R> {
    fn drop(&mut self) {
        if !is_abandoned() {
            self.account.close();
        }
    }
}

/// The place of an entry in its chunk.
fn place_of(index: u64) -> usize {
    ((index - 1) % CHUNK_ENTRIES) as usize
}
