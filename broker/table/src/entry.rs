use crate::budget::LogBudget;
use crate::sync::{Arc, OnceLock};
use bytes::Bytes;

/// What a topic's log holds.
pub trait Record: Send + Sync + 'static {
    /// How many sequence numbers it takes; at least one.
    fn width(&self) -> u64;

    /// Whether it is kept in the topic's short list of marks, so that a reader who was lapped still finds it.
    fn is_mark(&self) -> bool;

    /// About how much memory it takes, in bytes.
    fn bytes(&self) -> usize;
}

/// A place in a topic's log: everything up to and including it. Zero is before the first entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Entries so far.
    pub index: u64,
    /// Sequence numbers so far.
    pub seq: u64,
}

/// How a frame is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// JSON text.
    Json,
}

const ENCODINGS: usize = 1;

/// A frame, by encoding: encoded by whoever needs it first, shared by all.
#[derive(Debug, Default)]
pub struct FrameCell([OnceLock<Bytes>; ENCODINGS]);

impl FrameCell {
    /// The frame; nobody waits for another one's encoding, a loser drops its copy.
    pub fn get_or_encode(&self, encoding: Encoding, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.get_or_encode_counted(encoding, encode, |_| {})
    }

    fn get_or_encode_counted(
        &self,
        encoding: Encoding,
        encode: impl FnOnce() -> Bytes,
        stored: impl FnOnce(usize),
    ) -> &Bytes {
        let cell = &self.0[encoding as usize];
        if let Some(frame) = cell.get() {
            return frame;
        }
        let frame = encode();
        let bytes = frame.len();
        if cell.set(frame).is_ok() {
            stored(bytes);
        }
        // Set by us or, just before us, by another: either way it is there, and nothing is encoded twice here.
        cell.get_or_init(Bytes::new)
    }

    fn bytes(&self) -> usize {
        self.0.iter().filter_map(OnceLock::get).map(Bytes::len).sum()
    }
}

/// An entry of a topic's log, with its frames.
#[derive(Debug)]
pub struct Entry<R: Record> {
    index: u64,
    first: u64,
    last: u64,
    record: R,
    update: FrameCell,
    snapshot: FrameCell,
    record_bytes: usize,
    budget: Arc<LogBudget>,
}

impl<R: Record> Entry<R> {
    pub(crate) fn new(after: Position, record: R, budget: Arc<LogBudget>) -> Self {
        let record_bytes = record.bytes();
        budget.add(record_bytes);
        Self {
            index: after.index + 1,
            first: after.seq + 1,
            last: after.seq + record.width().max(1),
            record,
            update: FrameCell::default(),
            snapshot: FrameCell::default(),
            record_bytes,
            budget,
        }
    }

    /// Its first sequence number.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Its last sequence number.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Where one stands who has it.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { index: self.index, seq: self.last }
    }

    /// What it holds.
    #[must_use]
    pub fn record(&self) -> &R {
        &self.record
    }

    /// The frame of the entry itself.
    pub fn update_frame(&self, encoding: Encoding, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.update.get_or_encode_counted(encoding, encode, |bytes| self.budget.add(bytes))
    }

    /// The frame of the whole state as of this entry.
    pub fn snapshot_frame(&self, encoding: Encoding, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.snapshot.get_or_encode_counted(encoding, encode, |bytes| self.budget.add(bytes))
    }
}

impl<R: Record> Drop for Entry<R> {
    fn drop(&mut self) {
        self.budget.give_back(self.record_bytes + self.update.bytes() + self.snapshot.bytes());
    }
}
