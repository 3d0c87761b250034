//! What loom can explore.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

/// Whether the model has failed and only its memory is left to be freed: its atomics must not be touched any more.
pub(crate) fn is_abandoned() -> bool {
    std::thread::panicking()
}

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

/// A queue; each use of it is a step that loom can put elsewhere.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    uses: AtomicUsize,
    values: Mutex<VecDeque<T>>,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self { uses: AtomicUsize::new(0), values: Mutex::default() }
    }

    pub(crate) fn push(&self, value: T) {
        self.use_it().push_back(value);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        self.use_it().pop_front()
    }

    fn use_it(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.uses.fetch_add(1, AcqRel);
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock that nobody waits for.
#[derive(Debug)]
pub(crate) struct TryLock<T> {
    is_taken: AtomicBool,
    value: Mutex<T>,
}

impl<T: Default> Default for TryLock<T> {
    fn default() -> Self {
        Self { is_taken: AtomicBool::new(false), value: Mutex::default() }
    }
}

impl<T> TryLock<T> {
    pub(crate) fn try_lock(&self) -> Option<TryLockGuard<'_, T>> {
        // Not a swap: it would store once more what is there, and loom lets others read that after the holder's release.
        self.is_taken.compare_exchange(false, true, Acquire, Relaxed).ok()?;
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        Some(TryLockGuard { is_taken: &self.is_taken, value })
    }
}

pub(crate) struct TryLockGuard<'a, T> {
    is_taken: &'a AtomicBool,
    value: MutexGuard<'a, T>,
}

impl<T> Deref for TryLockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for TryLockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for TryLockGuard<'_, T> {
    fn drop(&mut self) {
        if !is_abandoned() {
            self.is_taken.store(false, Release);
        }
    }
}
