//! std and arc-swap.

use arc_swap::ArcSwapOption;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

pub(crate) use std::sync::OnceLock;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

pub(crate) use crossbeam::queue::SegQueue as Queue;

/// Whether a model has failed and only its memory is left to be freed.
#[inline(always)]
pub(crate) const fn is_abandoned() -> bool {
    false
}

/// Protects what a [`Slot`] held when it was read.
pub(crate) type Guard<T> = arc_swap::Guard<Option<Arc<T>>>;

/// A place for a shared value that is replaced while others read it.
#[derive(Debug)]
pub(crate) struct Slot<T>(ArcSwapOption<T>);

impl<T> Slot<T> {
    pub(crate) fn empty() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// What is there. Acquires what the one who stored it had done.
    pub(crate) fn load(&self) -> Guard<T> {
        self.0.load()
    }

    pub(crate) fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        self.0.swap(value)
    }

    /// Empties the slot if it still holds `expected`; says whether it did.
    pub(crate) fn clear_if(&self, expected: &Arc<T>) -> bool {
        let found = self.0.compare_and_swap(expected, None);
        found.as_ref().is_some_and(|found| Arc::ptr_eq(found, expected))
    }
}

/// A lock that nobody waits for.
#[derive(Debug, Default)]
pub(crate) struct TryLock<T>(Mutex<T>);

impl<T> TryLock<T> {
    /// What it guards, unless another has it just now. What it guards must stay usable when its holder panics.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
