//! One entry of a log.

use crate::account::{Account, SHARED_BYTES};
use crate::budget::LogBudget;
use crate::frame::{Encoding, Frame, FrameCell};
use crate::record::{Position, Record};
use crate::sync::{OnceLock, is_abandoned};
use std::ops::Deref;
use std::sync::Arc;

/// One entry of a topic's log, with its frames.
#[derive(Debug)]
pub struct Entry<R> {
    index: u64,
    first: u64,
    last: u64,
    record: R,
    update: FrameCell,
    /// Few entries are ever made into a snapshot, so its place is made when needed.
    snapshot: OnceLock<Box<FrameCell>>,
}

impl<R: Record> Entry<R> {
    /// The entry after `before`.
    pub(crate) fn new(before: Position, record: R) -> Self {
        let width = record.width().max(1);
        Self {
            index: before.index + 1,
            first: before.seq + 1,
            last: before.seq + width,
            record,
            update: FrameCell::new(),
            snapshot: OnceLock::new(),
        }
    }
}

impl<R> Entry<R> {
    /// Its number in the log, from 1.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The first sequence number it takes.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The last sequence number it takes.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Where one stands who has it.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { index: self.index, seq: self.last }
    }

    /// Where one stands who has all before it.
    #[must_use]
    pub fn before(&self) -> Position {
        Position { index: self.index - 1, seq: self.first - 1 }
    }

    /// What was published.
    #[must_use]
    pub fn record(&self) -> &R {
        &self.record
    }
}

/// An entry where it lies, so that its frames are counted there.
#[derive(Debug)]
pub struct EntryRef<'a, R> {
    entry: &'a Entry<R>,
    account: &'a Account,
}

impl<'a, R> EntryRef<'a, R> {
    pub(crate) fn new(entry: &'a Entry<R>, account: &'a Account) -> Self {
        Self { entry, account }
    }

    /// The entry.
    #[must_use]
    pub fn get(self) -> &'a Entry<R> {
        self.entry
    }

    /// The entry's own frame; encoded now if nobody has.
    pub fn update_frame(self, encoding: Encoding, encode: impl FnOnce() -> Frame) -> &'a Frame {
        self.entry.update.get_or_encode_counted(encoding, encode, |bytes| self.account.charge(bytes))
    }

    /// The frame of the topic's whole state as of this entry; encoded now if nobody has.
    pub fn snapshot_frame(self, encoding: Encoding, encode: impl FnOnce() -> Frame) -> &'a Frame {
        self.snapshot_cell().get_or_encode_counted(encoding, encode, |bytes| self.account.charge(bytes))
    }

    /// Counts what the entry holds and shared with something outside the log until now, in bytes.
    pub fn count(self, bytes: usize) {
        self.account.charge(bytes);
    }

    fn snapshot_cell(self) -> &'a FrameCell {
        let cell = &self.entry.snapshot;
        if let Some(cell) = cell.get() {
            return cell;
        }
        if cell.set(Box::default()).is_ok() {
            self.account.charge(size_of::<FrameCell>());
        }
        cell.get().expect("the cell was set just now, here or by the one who was first")
    }
}

impl<R> Deref for EntryRef<'_, R> {
    type Target = Entry<R>;

    fn deref(&self) -> &Entry<R> {
        self.entry
    }
}

impl<R> Clone for EntryRef<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for EntryRef<'_, R> {}

/// A mark: an entry that the topic's marks may hold longer than its chunk does. It lies apart from the chunk, and is counted apart,
/// as long as anybody holds it.
#[derive(Debug)]
pub(crate) struct Mark<R> {
    entry: Entry<R>,
    account: Account,
}

impl<R: Record> Mark<R> {
    /// What a mark takes, shared as it is, in bytes.
    const BYTES: usize = size_of::<Self>() + SHARED_BYTES;

    pub(crate) fn new(entry: Entry<R>, budget: &Arc<LogBudget>) -> Self {
        let account = Account::new(Arc::clone(budget));
        account.charge(Self::BYTES + entry.record.heap_bytes());
        Self { entry, account }
    }
}

impl<R> Mark<R> {
    pub(crate) fn entry(&self) -> EntryRef<'_, R> {
        EntryRef::new(&self.entry, &self.account)
    }

    /// What it takes, with its frames.
    pub(crate) fn bytes(&self) -> u64 {
        self.account.bytes()
    }
}

impl<R> Drop for Mark<R> {
    fn drop(&mut self) {
        if !is_abandoned() {
            self.account.close();
        }
    }
}
