//! Frames: encoded once, by the first who needs them, and shared by all.

use crate::account::SHARED_BYTES;
use crate::sync::OnceLock;
use std::sync::Arc;

/// An encoded frame, as it is written to sockets: one allocation, and sharing it takes none.
pub type Frame = Arc<[u8]>;

/// How a frame is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// JSON text.
    Json,
}

impl Encoding {
    /// How many there are.
    pub const COUNT: usize = 1;

    const fn index(self) -> usize {
        match self {
            Self::Json => 0,
        }
    }
}

/// Room for one frame in each encoding.
#[derive(Debug)]
pub struct FrameCell([OnceLock<Frame>; Encoding::COUNT]);

impl FrameCell {
    /// An empty cell.
    #[must_use]
    pub fn new() -> Self {
        Self(std::array::from_fn(|_| OnceLock::new()))
    }

    /// The frame, if someone has encoded it.
    #[must_use]
    pub fn get(&self, encoding: Encoding) -> Option<&Frame> {
        self.0[encoding.index()].get()
    }

    /// The frame; encoded now if nobody has. Nobody waits for another's encoding: when two encode at once, one copy is dropped.
    pub fn get_or_encode(&self, encoding: Encoding, encode: impl FnOnce() -> Frame) -> &Frame {
        self.get_or_encode_counted(encoding, encode, |_| {})
    }

    /// As [`get_or_encode`](Self::get_or_encode); whoever's frame is kept has its bytes counted.
    pub(crate) fn get_or_encode_counted(
        &self,
        encoding: Encoding,
        encode: impl FnOnce() -> Frame,
        count: impl FnOnce(usize),
    ) -> &Frame {
        let cell = &self.0[encoding.index()];
        if let Some(frame) = cell.get() {
            return frame;
        }
        let frame = encode();
        let bytes = frame.len() + SHARED_BYTES;
        if cell.set(frame).is_ok() {
            count(bytes);
        }
        cell.get().expect("the cell was set just now, here or by the one who was first")
    }
}

impl Default for FrameCell {
    fn default() -> Self {
        Self::new()
    }
}
