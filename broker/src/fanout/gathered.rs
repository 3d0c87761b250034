//! What one connection is sent in one write, when it is served by its cursors.

use super::advance::{Sink, Skipped};
use super::stats::Told;
use super::tier::merge;
use feed::topic::TopicHandle;
use table::{Frame, Position, TopicId};

/// Frames are gathered up to about this many bytes before they are written.
pub(super) const GATHER_BYTES: usize = 32 * 1024;

/// The frames of one write, of one connection's topics.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) frames: Vec<Next>,
    pub(super) bytes: usize,
    pub(super) topic: Option<TopicId>,
}

/// A frame of a topic, or several in one piece, where one stands who has it, and what it skips.
pub(super) struct Next {
    pub(super) topic: TopicId,
    pub(super) frame: Frame,
    pub(super) position: Position,
    pub(super) told: Told,
    pub(super) kind: Kind,
}

/// What a frame is to the one who gets it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It takes the cursor on.
    Data,
    /// The snapshot that its cursor waited for.
    Snapshot,
    /// It tells of another tier.
    Tier,
}

impl Gathered {
    /// Takes a frame that is no usual data.
    pub(super) fn take_as(&mut self, kind: Kind, frame: &Frame, position: Position) {
        self.take(frame, position, Skipped::default());
        if let Some(last) = self.frames.last_mut() {
            last.kind = kind;
            // What tells of a tier is no data.
            last.told.frames = u64::from(kind != Kind::Tier);
        }
    }

    /// Takes what came after `at` up to `end`, merged, and says how far that is.
    pub(super) fn merge(&mut self, handle: &TopicHandle, at: Position, end: Position) -> Position {
        merge(handle, at, end, &mut |frame: &Frame, position, skipped| {
            self.take(frame, position, skipped);
        })
    }
}

impl Sink for Gathered {
    fn take(&mut self, frame: &Frame, position: Position, skipped: Skipped) -> bool {
        if let Some(topic) = self.topic {
            self.bytes += frame.len();
            let told = Told { frames: 1, skipped };
            self.frames.push(Next { topic, frame: frame.clone(), position, told, kind: Kind::Data });
        }
        self.bytes < GATHER_BYTES
    }
}
