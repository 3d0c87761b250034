//! The whole state of a topic as of some entry.

use crate::frame::{Encoding, Frame, FrameCell};
use crate::record::Position;

/// The whole state of a topic as of some entry, with its frame. Ten thousand joins cost one encoding.
#[derive(Debug)]
pub struct Image<I> {
    position: Position,
    body: I,
    frame: FrameCell,
}

impl<I> Image<I> {
    pub(crate) fn new(position: Position, body: I) -> Self {
        Self { position, body, frame: FrameCell::new() }
    }

    /// The last entry that it includes; the log goes on after it.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// What was published.
    #[must_use]
    pub fn body(&self) -> &I {
        &self.body
    }

    /// Its frame; encoded now if nobody has.
    pub fn frame(&self, encoding: Encoding, encode: impl FnOnce() -> Frame) -> &Frame {
        self.frame.get_or_encode(encoding, encode)
    }
}
