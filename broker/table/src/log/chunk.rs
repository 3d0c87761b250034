//! The entries of a chunk, each set once.

use super::CHUNK_ENTRIES;
use crate::account::Account;
use crate::entry::Entry;
use crate::sync::{OnceLock, is_abandoned};
use std::sync::Arc;

/// Entries of a block.
const BLOCK_ENTRIES: usize = CHUNK_ENTRIES as usize / BLOCKS;
/// Blocks of a chunk.
const BLOCKS: usize = if cfg!(loom) { 2 } else { 8 };

type Block<R> = [OnceLock<Stored<R>>; BLOCK_ENTRIES];

/// Entries lie in their chunk, one after the other, in blocks that are made as they are needed: most topics have few entries. So
/// publishing allocates seldom and a reader goes through memory in its order. All blocks of all topics have one size, so what one
/// log gives up serves any other.
#[derive(Debug)]
pub(crate) struct Chunk<R> {
    number: u64,
    account: Arc<Account>,
    blocks: [OnceLock<Box<Block<R>>>; BLOCKS],
}

/// An entry in its chunk.
#[derive(Debug)]
pub(crate) enum Stored<R> {
    Here(Entry<R>),
    /// A mark, which may outlive the chunk.
    Apart(Arc<Entry<R>>),
}

impl<R> Stored<R> {
    fn entry(&self) -> &Entry<R> {
        match self {
            Self::Here(entry) => entry,
            Self::Apart(entry) => entry,
        }
    }
}

impl<R> Chunk<R> {
    /// An empty chunk, counted in its account.
    pub(super) fn new(number: u64, account: Account) -> Self {
        account.charge((size_of::<Self>() + size_of::<Account>()) as u64);
        Self { number, account: Arc::new(account), blocks: std::array::from_fn(|_| OnceLock::new()) }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// An entry that belongs here, if it is published.
    pub(crate) fn get(&self, index: u64) -> Option<&Entry<R>> {
        let (block, place) = place_of(index);
        self.blocks[block].get()?[place].get().map(Stored::entry)
    }

    /// Stores an entry where it belongs. For the publisher only, once for each index.
    pub(crate) fn set(&self, index: u64, stored: Stored<R>) {
        let (block, place) = place_of(index);
        if place == 0 {
            self.account.charge(size_of::<Block<R>>() as u64);
            let empty = Box::new(std::array::from_fn(|_| OnceLock::new()));
            let is_first = self.blocks[block].set(empty).is_ok();
            debug_assert!(is_first, "only the publisher makes blocks");
        }
        let block = self.blocks[block].get().expect("it was made with the first entry");
        let is_first = block[place].set(stored).is_ok();
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

/// The block of an entry in its chunk, and its place there.
fn place_of(index: u64) -> (usize, usize) {
    let place = ((index - 1) % CHUNK_ENTRIES) as usize;
    (place / BLOCK_ENTRIES, place % BLOCK_ENTRIES)
}
