//! Who has taken how many bytes of the budget, and that each is given back once.
//!
//! An account is charged by the publisher and by every shard that encodes a frame, and closed by whoever takes its chunk out
//! of the log: the publisher that laps it, one that evicts it, or the drop of the topic. The count and the closed flag share
//! one word. A charge before the close is in the sum that the close returns, one after it sees the flag and takes nothing
//! from the budget, and a second close finds the flag and gives back nothing. For this the order of the changes to the one
//! word suffices; no other memory is published through it.

use crate::budget::LogBudget;
use crate::mutant::{Mutant, mutated};
use crate::sync::AtomicU64;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const CLOSED: u64 = 1 << 63;

/// Bytes counted until it is closed.
#[derive(Debug)]
pub(crate) struct Tally(AtomicU64);

impl Default for Tally {
    fn default() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl Tally {
    /// Counts bytes; false if it was closed before.
    pub(crate) fn add(&self, bytes: u64) -> bool {
        let before = self.0.fetch_add(bytes, Relaxed);
        before & CLOSED == 0 || mutated(Mutant::AccountAddsAfterClose)
    }

    /// What was counted so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Relaxed) & !CLOSED
    }

    /// Closes it; what was counted, for the first who does.
    pub(crate) fn close(&self) -> Option<u64> {
        if mutated(Mutant::AccountCloseIsTwoSteps) {
            let before = self.0.load(Relaxed);
            self.0.store(CLOSED, Relaxed);
            return (before & CLOSED == 0).then_some(before);
        }
        let before = self.0.swap(CLOSED, Relaxed);
        (before & CLOSED == 0).then_some(before)
    }
}

/// What a chunk and its entries have taken of the budget.
#[derive(Debug)]
pub(crate) struct Account {
    tally: Tally,
    budget: Arc<LogBudget>,
}

impl Account {
    pub(crate) fn new(budget: Arc<LogBudget>) -> Self {
        Self { tally: Tally::default(), budget }
    }

    pub(crate) fn budget(&self) -> &LogBudget {
        &self.budget
    }

    /// Takes bytes of the budget, unless the chunk has left the log.
    pub(crate) fn charge(&self, bytes: u64) {
        if self.tally.add(bytes) {
            self.budget.take(bytes);
        }
    }

    /// Gives everything back, once.
    pub(crate) fn close(&self) {
        if let Some(bytes) = self.tally.close() {
            self.budget.give_back(bytes);
        }
    }
}
