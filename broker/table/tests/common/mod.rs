//! What the tests publish, and who sleeps.

#![cfg(not(loom))]
#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use table::{Record, Table, Wake};

/// A record that is what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) value: u64,
    pub(crate) width: u64,
    pub(crate) is_mark: bool,
    pub(crate) holds_on: bool,
    pub(crate) bytes: usize,
}

impl Item {
    pub(crate) fn update(value: u64) -> Self {
        Self { value, width: 1, is_mark: false, holds_on: false, bytes: 100 }
    }

    pub(crate) fn mark(value: u64) -> Self {
        Self { is_mark: true, ..Self::update(value) }
    }
}

impl Record for Item {
    fn width(&self) -> u64 {
        self.width
    }

    fn is_mark(&self) -> bool {
        self.is_mark
    }

    fn holds_on(&self) -> bool {
        self.holds_on
    }

    fn heap_bytes(&self) -> usize {
        self.bytes
    }
}

/// Counts how often a shard was woken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wakes(Arc<AtomicUsize>);

impl Wakes {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Wake for Wakes {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// A table whose images are numbers, without shards.
pub(crate) fn table(log_bytes_max: usize) -> Table<Item, u64> {
    Table::new(1_000, log_bytes_max, Vec::new())
}
