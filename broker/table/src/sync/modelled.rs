//! What loom can explore.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Release};
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64};

/// A cell that is set once. The value stands beside a flag that publishes it.
#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    is_set: AtomicBool,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { is_set: AtomicBool::new(false), value: std::sync::OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.is_set.load(Acquire) { self.value.get() } else { None }
    }

    /// The real one returns the value that was there first, and acquires it, when it refuses.
    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let result = self.value.set(value);
        if result.is_ok() {
            self.is_set.store(true, Release);
        } else {
            while !self.is_set.load(Acquire) {
                loom::thread::yield_now();
            }
        }
        result
    }
}

/// What a [`Slot`] held when it was read.
pub(crate) struct Guard<T>(Option<Arc<T>>);

impl<T> Deref for Guard<T> {
    type Target = Option<Arc<T>>;

    fn deref(&self) -> &Option<Arc<T>> {
        &self.0
    }
}

/// All values that were ever stored stand in a list; the atomic says which is current. So a reader may see any value that
/// the memory model lets it see, and acquires no more than that value's store released.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    current: AtomicUsize,
    values: Mutex<Vec<Option<Arc<T>>>>,
}

impl<T> Slot<T> {
    pub(crate) fn empty() -> Self {
        Self { current: AtomicUsize::new(0), values: Mutex::new(vec![None]) }
    }

    pub(crate) fn load(&self) -> Guard<T> {
        Guard(self.value(self.current.load(Acquire)))
    }

    pub(crate) fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        let new = self.add(value);
        self.value(self.current.swap(new, AcqRel))
    }

    pub(crate) fn clear_if(&self, expected: &Arc<T>) -> bool {
        let Some(old) = self.find(expected) else { return false };
        let new = self.add(None);
        self.current.compare_exchange(old, new, AcqRel, Acquire).is_ok()
    }

    fn add(&self, value: Option<Arc<T>>) -> usize {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.push(value);
        values.len() - 1
    }

    fn value(&self, at: usize) -> Option<Arc<T>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)[at].clone()
    }

    fn find(&self, expected: &Arc<T>) -> Option<usize> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.iter().position(|value| value.as_ref().is_some_and(|value| Arc::ptr_eq(value, expected)))
    }
}
