//! Finding a sequence number in a log.

use crate::record::{Position, Record};
use crate::topic::Topic;

/// Where a cursor goes on that has everything up to and including some sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// With the entry after this position's index. If that is a wide one it may contain the sequence number; what the cursor
    /// has of it is to be trimmed.
    At(Position),
    /// The log does not reach back that far.
    TooOld,
    /// The topic has not come that far: the cursor is not of this topic's life.
    Beyond,
}

/// What a probe of the log found.
enum Probe {
    /// Gone, and all before it.
    Gone,
    /// Ends at or before the sequence number.
    Before,
    /// Begins after the next one.
    After,
    /// The one to go on with.
    Next,
}

pub(crate) fn resume<R: Record, I>(topic: &Topic<R, I>, seq: u64) -> Resume {
    let head = topic.head();
    if seq >= head.seq {
        return if seq == head.seq { Resume::At(head) } else { Resume::Beyond };
    }
    let (mut low, mut high) = (topic.log().oldest(head.index), head.index);
    while low <= high {
        let middle = low + (high - low) / 2;
        match probe(topic, middle, seq) {
            Probe::Next => return Resume::At(Position { index: middle - 1, seq }),
            Probe::Gone | Probe::Before => low = middle + 1,
            Probe::After => high = middle - 1,
        }
    }
    // Entries tile, so what was not found has left the log.
    Resume::TooOld
}

fn probe<R: Record, I>(topic: &Topic<R, I>, index: u64, seq: u64) -> Probe {
    let found = topic.log().with(index, |entry| match () {
        () if entry.last() <= seq => Probe::Before,
        () if entry.first() > seq + 1 => Probe::After,
        () => Probe::Next,
    });
    found.unwrap_or(Probe::Gone)
}
