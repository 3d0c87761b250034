//! One entry of a log.

use crate::account::{Account, Tally};
use crate::frame::{Encoding, FrameCell};
use crate::record::{Position, Record};
use crate::sync::{OnceLock, is_abandoned};
use bytes::Bytes;
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
    /// The account of the chunk that holds the entry.
    account: Arc<Account>,
    /// A mark may outlive its chunk. It is counted here as long as the topic's marks hold it, then in its chunk's account.
    as_mark: Option<Tally>,
}

impl<R: Record> Entry<R> {
    /// What an entry takes that does not lie in its chunk.
    const BYTES_APART: usize = size_of::<Self>() + 2 * size_of::<usize>();

    /// The entry after `before`.
    pub(crate) fn new(before: Position, record: R, account: Arc<Account>) -> Self {
        let (width, as_mark) = (record.width().max(1), record.is_mark().then(Tally::default));
        Self {
            index: before.index + 1,
            first: before.seq + 1,
            last: before.seq + width,
            record,
            update: FrameCell::new(),
            snapshot: OnceLock::new(),
            account,
            as_mark,
        }
    }

    /// Counts what the record has on the heap, and the entry itself where it does not lie in its chunk; done once, when it enters
    /// the log.
    pub(crate) fn charge_record(&self) {
        let entry = if self.is_mark() { Self::BYTES_APART } else { 0 };
        self.charge(entry + self.record.heap_bytes());
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

    /// The entry's own frame; encoded now if nobody has.
    pub fn update_frame(&self, encoding: Encoding, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.update.get_or_encode_counted(encoding, encode, |bytes| self.charge(bytes))
    }

    /// The frame of the topic's whole state as of this entry; encoded now if nobody has.
    pub fn snapshot_frame(&self, encoding: Encoding, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.snapshot_cell().get_or_encode_counted(encoding, encode, |bytes| self.charge(bytes))
    }

    fn snapshot_cell(&self) -> &FrameCell {
        if let Some(cell) = self.snapshot.get() {
            return cell;
        }
        if self.snapshot.set(Box::default()).is_ok() {
            self.charge(size_of::<FrameCell>());
        }
        self.snapshot.get().expect("the cell was set just now, here or by the one who was first")
    }

    fn charge(&self, bytes: usize) {
        let bytes = bytes as u64;
        match &self.as_mark {
            Some(tally) if tally.add(bytes) => self.account.budget().take(bytes),
            _ => self.account.charge(bytes),
        }
    }

    /// What it takes for being held as a mark, in bytes.
    pub(crate) fn bytes_as_mark(&self) -> u64 {
        self.as_mark.as_ref().map_or(0, Tally::bytes)
    }

    pub(crate) fn is_mark(&self) -> bool {
        self.as_mark.is_some()
    }

    /// The topic's marks no longer hold it: from now on its chunk accounts for it.
    pub(crate) fn cease_to_be_mark(&self) {
        if let Some(bytes) = self.as_mark.as_ref().and_then(Tally::close) {
            self.account.charge(bytes);
            self.account.budget().give_back(bytes);
        }
    }
}

impl<R> Drop for Entry<R> {
    fn drop(&mut self) {
        if is_abandoned() {
            return;
        }
        if let Some(bytes) = self.as_mark.as_ref().and_then(Tally::close) {
            self.account.budget().give_back(bytes);
        }
    }
}
