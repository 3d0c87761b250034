//! A list that only grows, read without a lock.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

const BLOCK: usize = 64;

type Block<T> = Box<[OnceLock<Arc<T>>]>;

/// A list that only grows, up to a limit. Places are made in blocks, as they are needed.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    blocks: Box<[OnceLock<Block<T>>]>,
    len: AtomicU32,
    max: u32,
    /// Held by whoever appends.
    appending: Mutex<()>,
}

impl<T> Registry<T> {
    pub(crate) fn new(max: u32) -> Self {
        let blocks = (max as usize).div_ceil(BLOCK);
        Self {
            blocks: (0..blocks).map(|_| OnceLock::new()).collect(),
            len: AtomicU32::new(0),
            max,
            appending: Mutex::new(()),
        }
    }

    pub(crate) fn max(&self) -> u32 {
        self.max
    }

    /// How many there are; all of them can be got.
    pub(crate) fn len(&self) -> u32 {
        self.len.load(Acquire)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Arc<T>> {
        let (block, place) = split(number);
        self.blocks.get(block)?.get()?[place].get()
    }

    /// Appends what is made for the next number; none if the list is full.
    pub(crate) fn push(&self, new: impl FnOnce(u32) -> T) -> Option<Arc<T>> {
        // The lock guards no data: a panic while it was held has left nothing half done.
        let _appending = self.appending.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.len.load(Relaxed);
        if number == self.max {
            return None;
        }
        let value = Arc::new(new(number));
        let (block, place) = split(number);
        let block = self.blocks[block].get_or_init(|| (0..BLOCK).map(|_| OnceLock::new()).collect());
        let is_first = block[place].set(Arc::clone(&value)).is_ok();
        debug_assert!(is_first, "numbers are given out once, under the lock");
        self.len.store(number + 1, Release);
        Some(value)
    }
}

fn split(number: u32) -> (usize, usize) {
    (number as usize / BLOCK, number as usize % BLOCK)
}
