//! 32 slots, each set once.

use super::CHUNK_ENTRIES;
use crate::account::Account;
use crate::entry::Entry;
use crate::sync::{OnceLock, is_abandoned};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Chunk<R> {
    number: u64,
    account: Arc<Account>,
    slots: [OnceLock<Arc<Entry<R>>>; CHUNK_ENTRIES as usize],
}

impl<R> Chunk<R> {
    /// An empty chunk, counted in its account.
    pub(super) fn new(number: u64, account: Account) -> Self {
        account.charge((size_of::<Self>() + size_of::<Account>()) as u64);
        Self { number, account: Arc::new(account), slots: std::array::from_fn(|_| OnceLock::new()) }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// An entry that belongs here, if it is published.
    pub(crate) fn get(&self, index: u64) -> Option<&Arc<Entry<R>>> {
        self.slots[slot_of(index)].get()
    }

    /// Sets the entry's slot. For the publisher only, once for each.
    pub(crate) fn set(&self, entry: Arc<Entry<R>>) {
        let is_first = self.slots[slot_of(entry.index())].set(entry).is_ok();
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

fn slot_of(index: u64) -> usize {
    ((index - 1) % CHUNK_ENTRIES) as usize
}
