//! Steps of the algorithms that a loom test may weaken or reorder, to show that its model would notice.
//!
//! The code asks [`mutated`] at the step in question. Outside of loom that is a constant `false` and leaves no trace in
//! the compiled code.

use std::sync::atomic::Ordering;

/// One weakened or reordered step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each name says which step is changed, and how")]
pub enum Mutant {
    // Publishing.
    HeadBeforeSlot,
    HeadBeforeMarks,
    ImageBeforeHead,
    InterestReadBeforeHead,
    HeadSwapNotRelease,
    HeadSwapNotAcquire,
    // Joining and leaving.
    JoinHeadBeforeInterest,
    JoinHeadBeforeImage,
    JoinHeadIsLoad,
    JoinHeadNotRelease,
    JoinHeadNotAcquire,
    JoinInterestIsStore,
    LeaveInterestIsStore,
    // Being woken by each entry.
    PromptReadBeforeHead,
    PromptAfterHead,
    NoteIsForgotten,
    // Reading.
    HeadLoadNotAcquire,
    // Dirty marks.
    MarkSkipsSetBit,
    MarkNotRelease,
    MarkNotAcquire,
    MarkSummaryFirst,
    DrainLeafFirst,
    DrainClearsAfter,
    DrainLeafNotRelease,
    DrainLeafNotAcquire,
    // Waking.
    WakeBeforeMark,
    WakeIsLoad,
    WakeNotRelease,
    RearmAfterDrain,
    RearmNotAcquire,
    // Lapping and eviction.
    LapUnchecked,
    EvictUnchecked,
    EvictUncompared,
    EvictNeeded,
    QueueBeforeHead,
    ImageDueOnce,
    // A ring that grows.
    MissIsFinal,
    LevelLoadNotAcquire,
    GrowBeforeCopy,
    GrowAfterClear,
    GrowNotRelease,
    GrowKeepsEvicted,
    // Accounting.
    AccountCloseIsTwoSteps,
    AccountAddsAfterClose,
}

/// Whether the running model has this step changed.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) const fn mutated(_: Mutant) -> bool {
    false
}

/// `right`, or `weak` where the running model has it weakened.
#[inline(always)]
pub(crate) fn order(mutant: Mutant, right: Ordering, weak: Ordering) -> Ordering {
    if mutated(mutant) { weak } else { right }
}

#[cfg(loom)]
pub(crate) use selection::mutated;
#[cfg(loom)]
pub use selection::with;

#[cfg(loom)]
mod selection {
    use super::Mutant;
    use std::cell::Cell;

    thread_local! {
        /// Loom runs all threads of a model on the thread that started it.
        static SELECTED: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    pub(crate) fn mutated(mutant: Mutant) -> bool {
        SELECTED.get() == Some(mutant)
    }

    /// Runs a model with one step changed.
    pub fn with(mutant: Option<Mutant>, model: impl FnOnce()) {
        struct Reset;
        impl Drop for Reset {
            fn drop(&mut self) {
                SELECTED.set(None);
            }
        }
        SELECTED.set(mutant);
        let _reset = Reset;
        model();
    }
}
