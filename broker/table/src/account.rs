//! Who has taken how many bytes of the budget, and that each is given back once.
//!
//! An account is charged by the publisher and by every shard that encodes a frame. That of a chunk is closed by whoever takes the
//! chunk out of the log: the publisher that laps it, one that evicts it, or the drop of the topic; that of a mark when the last one
//! who holds it lets go. The count and the closed flag share one word. A charge before the close is in the sum that the close
//! returns, one after it sees the flag and takes nothing from the budget, and a second close finds the flag and gives back nothing.
//! For this the order of the changes to the one word suffices; no other memory is published through it.

use crate::budget::LogBudget;
use crate::mutant::{Mutant, mutated};
use crate::sync::AtomicU64;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const CLOSED: u64 = 1 << 63;

/// What an `Arc` takes beside what it holds, in bytes: two counts.
pub(crate) const SHARED_BYTES: usize = 2 * size_of::<usize>();

/// What a chunk with its entries, or a mark, has taken of the budget.
#[derive(Debug)]
pub(crate) struct Account {
    taken: AtomicU64,
    budget: Arc<LogBudget>,
}

impl Account {
    pub(crate) fn new(budget: Arc<LogBudget>) -> Self {
        Self { taken: AtomicU64::new(0), budget }
    }

    /// Takes bytes of the budget, unless it was closed before.
    pub(crate) fn charge(&self, bytes: usize) {
        let before = self.taken.fetch_add(bytes as u64, Relaxed);
        if before & CLOSED == 0 || mutated(Mutant::AccountAddsAfterClose) {
            self.budget.take(bytes as u64);
        }
    }

    /// What was taken so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.taken.load(Relaxed) & !CLOSED
    }

    /// Gives everything back, once.
    pub(crate) fn close(&self) {
        let before = self.taken_and_close();
        if before & CLOSED == 0 {
            self.budget.give_back(before);
        }
    }

    fn taken_and_close(&self) -> u64 {
        if mutated(Mutant::AccountCloseIsTwoSteps) {
            let before = self.taken.load(Relaxed);
            self.taken.store(CLOSED, Relaxed);
            return before;
        }
        self.taken.swap(CLOSED, Relaxed)
    }
}
