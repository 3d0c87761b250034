//! What one turn of a shard has to send: segments gathered once, and shared by all who are owed the same.
//!
//! Each dirty topic's new frames are copied behind one another into an arena: a *segment*. A connection is owed a list of
//! segments, which is a node of a tree: the node of a list is the child of the node of the list without its last segment.
//! Connections that are owed the same list stand at the same node, so its bytes are put together once, and noting a
//! segment for a connection costs a look at one number. Nothing is allocated per delivery.

use super::advance::Skipped;
use super::connection::Rest;
use super::stats::Told;
use rustc_hash::FxHashMap;
use std::ops::Range;
use table::{Position, TopicId};

/// A list of segments that somebody is owed. [`Owed::NOTHING`] is the empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Owed(u32);

impl Owed {
    /// The empty list.
    pub(crate) const NOTHING: Owed = Owed(0);

    /// Whether the list is empty.
    pub(crate) fn is_nothing(self) -> bool {
        self == Self::NOTHING
    }
}

/// A segment of the present batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SegmentId(u32);

/// A topic's new frames, and where its subscribers stood before them.
#[derive(Debug)]
struct Segment {
    topic: TopicId,
    before: Position,
    bytes: Range<usize>,
    pieces: Range<usize>,
    told: Told,
    /// The list of nothing else; none yet.
    alone: Owed,
}

/// Where a frame ends within the arena, and where one stands who has it.
#[derive(Debug, Clone, Copy)]
struct Piece {
    end: usize,
    position: Position,
    skipped: Skipped,
}

#[derive(Debug)]
struct Node {
    parent: Owed,
    segment: SegmentId,
    /// What the list's frames are.
    told: Told,
    /// Where the list's bytes lie in `gathered`, once somebody needed them.
    gathered: Option<Range<usize>>,
    /// The first list that was made of this one, and by which segment; further ones are among the `branches`. Where each subscriber
    /// watches something else, lists hardly ever branch.
    child: Option<(SegmentId, Owed)>,
}

/// How a connection stands to a topic after a write that took only part of what it was owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unserved {
    /// The topic.
    pub(crate) topic: TopicId,
    /// Up to where it was served, a frame that was cut off included.
    pub(crate) served: Position,
}

/// What a partial write leaves to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// The rest of the frame that was cut off, if one was.
    pub(crate) cut: Option<Rest>,
    /// The topics that were not served to the end, or whose last frame was cut off.
    pub(crate) unserved: Vec<Unserved>,
    /// The frames that the socket took, a cut one included.
    pub(crate) told: Told,
}

/// All that one turn has to send.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    arena: Vec<u8>,
    pieces: Vec<Piece>,
    segments: Vec<Segment>,
    /// Node `n` is `nodes[n - 1]`; node 0 is the empty list.
    nodes: Vec<Node>,
    /// Lists that were made of one that another was made of before.
    branches: FxHashMap<(Owed, SegmentId), Owed>,
    /// The last step taken: most subscribers of a topic come from the same node as the one before.
    last_step: Option<(Owed, SegmentId, Owed)>,
    gathered: Vec<u8>,
    /// The list that is being gathered, so that none is allocated for each.
    path: Vec<SegmentId>,
}

/// The arena's memory is given back after a turn that needed more than this.
const KEPT_BYTES: usize = 4 << 20;

impl Batch {
    /// Begins anew, keeping the memory.
    pub(crate) fn clear(&mut self) {
        for buffer in [&mut self.arena, &mut self.gathered] {
            buffer.clear();
            buffer.shrink_to(KEPT_BYTES);
        }
        self.pieces.clear();
        self.segments.clear();
        self.nodes.clear();
        self.branches.clear();
        self.last_step = None;
    }

    /// Begins a segment of `topic`, for subscribers who stand at `before`; its frames are pushed next.
    pub(crate) fn begin(&mut self, topic: TopicId, before: Position) -> SegmentId {
        let id = SegmentId(self.segments.len() as u32);
        let (at, piece) = (self.arena.len(), self.pieces.len());
        self.segments.push(Segment {
            topic,
            before,
            bytes: at..at,
            pieces: piece..piece,
            told: Told::default(),
            alone: Owed::NOTHING,
        });
        id
    }

    /// Adds a frame to the segment begun last; who has it stands at `position`, and what it skips was `skipped`.
    pub(crate) fn push(&mut self, frame: &[u8], position: Position, skipped: Skipped) {
        self.arena.extend_from_slice(frame);
        self.pieces.push(Piece { end: self.arena.len(), position, skipped });
        if let Some(segment) = self.segments.last_mut() {
            segment.bytes.end = self.arena.len();
            segment.pieces.end = self.pieces.len();
            segment.told.add(skipped);
        }
    }

    /// The list `owed` with `segment` behind it.
    #[inline]
    pub(crate) fn extend(&mut self, owed: Owed, segment: SegmentId) -> Owed {
        match self.last_step {
            Some((from, by, to)) if from == owed && by == segment => to,
            _ => self.step(owed, segment),
        }
    }

    fn step(&mut self, owed: Owed, segment: SegmentId) -> Owed {
        let next = Owed(self.nodes.len() as u32 + 1);
        let (at, last) = (self.index(owed), &mut self.segments[segment.0 as usize]);
        let (before, to) = match self.nodes.get_mut(at) {
            None => {
                if last.alone.is_nothing() {
                    last.alone = next;
                }
                (Told::default(), last.alone)
            }
            Some(node) => {
                let child = *node.child.get_or_insert((segment, next));
                let is_first = child.0 == segment;
                let to =
                    if is_first { child.1 } else { *self.branches.entry((owed, segment)).or_insert(next) };
                (node.told, to)
            }
        };
        if to == next {
            let told = before.with(last.told);
            self.nodes.push(Node { parent: owed, segment, told, gathered: None, child: None });
        }
        self.last_step = Some((owed, segment, to));
        to
    }

    /// The bytes of a list, and what its frames are.
    #[inline]
    pub(crate) fn get(&mut self, owed: Owed) -> (&[u8], Told) {
        let Some(node) = self.nodes.get(self.index(owed)) else { return (&[], Told::default()) };
        let told = node.told;
        if node.parent.is_nothing() {
            return (&self.arena[self.segments[node.segment.0 as usize].bytes.clone()], told);
        }
        let range = match &node.gathered {
            Some(range) => range.clone(),
            None => self.gather(owed),
        };
        (&self.gathered[range], told)
    }

    fn gather(&mut self, owed: Owed) -> Range<usize> {
        let start = self.gathered.len();
        let mut path = std::mem::take(&mut self.path);
        self.trace(owed, &mut path);
        for segment in &path {
            let bytes = self.segments[segment.0 as usize].bytes.clone();
            self.gathered.extend_from_slice(&self.arena[bytes]);
        }
        self.path = path;
        let range = start..self.gathered.len();
        let index = self.index(owed);
        self.nodes[index].gathered = Some(range.clone());
        range
    }

    fn index(&self, owed: Owed) -> usize {
        (owed.0 as usize).wrapping_sub(1)
    }

    /// Fills `path` with the segments of a list, in their order.
    fn trace(&self, owed: Owed, path: &mut Vec<SegmentId>) {
        path.clear();
        let mut at = owed;
        while let Some(node) = self.nodes.get(self.index(at)) {
            path.push(node.segment);
            at = node.parent;
        }
        path.reverse();
    }

    /// What is left of a list of which the socket took `taken` bytes.
    pub(crate) fn after_partial_write(&self, owed: Owed, taken: usize) -> Left {
        let (mut left, mut passed, mut path) = (Left::default(), 0, Vec::new());
        self.trace(owed, &mut path);
        for segment in path {
            let segment = &self.segments[segment.0 as usize];
            let len = segment.bytes.len();
            let into = taken.saturating_sub(passed).min(len);
            passed += len;
            if into == len {
                left.told = left.told.with(segment.told);
            } else {
                self.after_partial_segment(segment, segment.bytes.start + into, &mut left);
            }
        }
        left
    }

    /// What is left of a segment that was sent up to `at`.
    fn after_partial_segment(&self, segment: &Segment, at: usize, left: &mut Left) {
        let (mut served, mut start) = (segment.before, segment.bytes.start);
        for piece in &self.pieces[segment.pieces.clone()] {
            // Bytes of this frame were sent: it counts as served, and its rest is kept.
            if start < at {
                served = piece.position;
                left.told.add(piece.skipped);
            }
            if piece.end > at {
                if start < at {
                    left.cut = Some(Rest::of(self.arena[at..piece.end].into(), 0));
                }
                break;
            }
            start = piece.end;
        }
        left.unserved.push(Unserved { topic: segment.topic, served });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(index: u64) -> Position {
        Position { index, seq: index }
    }

    const CONFLATED: Skipped = Skipped { conflated: 7, lost: 0 };

    fn told(frames: u64, conflated: u64) -> Told {
        Told { frames, skipped: Skipped { conflated, lost: 0 } }
    }

    /// Topic 1 has frames `aa`, `bbb`, the second of which skips something; topic 2 has `c`.
    fn batch() -> (Batch, SegmentId, SegmentId) {
        let mut batch = Batch::default();
        let first = batch.begin(TopicId(1), at(10));
        batch.push(b"aa", at(11), Skipped::default());
        batch.push(b"bbb", at(12), CONFLATED);
        let second = batch.begin(TopicId(2), at(5));
        batch.push(b"c", at(6), Skipped::default());
        (batch, first, second)
    }

    #[test]
    fn the_same_list_is_the_same_node_and_is_gathered_once() {
        let (mut batch, first, second) = batch();
        let one = batch.extend(Owed::NOTHING, first);
        let other = batch.extend(Owed::NOTHING, second);
        let both = batch.extend(one, second);
        assert_eq!(batch.extend(Owed::NOTHING, first), one);
        let again = batch.extend(one, second);
        assert_eq!(again, both);
        assert_eq!(batch.get(one), (&b"aabbb"[..], told(2, 7)));
        assert_eq!(batch.get(other), (&b"c"[..], told(1, 0)));
        assert_eq!(batch.get(both), (&b"aabbbc"[..], told(3, 7)));
        assert_eq!(batch.get(both), (&b"aabbbc"[..], told(3, 7)));
        assert_eq!(batch.gathered, b"aabbbc");
        assert_eq!(batch.get(Owed::NOTHING), (&b""[..], Told::default()));
    }

    #[test]
    fn lists_branch_where_subscribers_watch_different_things() {
        let (mut batch, first, second) = batch();
        let third = batch.begin(TopicId(3), at(1));
        batch.push(b"dd", at(2), Skipped::default());
        let one = batch.extend(Owed::NOTHING, first);
        // Each twice, and in between others, so that no step is the last one.
        let lists: Vec<_> = [second, third, second, third].map(|by| batch.extend(one, by)).into();
        let other = [second, third].map(|segment| batch.extend(Owed::NOTHING, segment));
        assert_eq!(lists[..2], lists[2..]);
        let bytes: Vec<_> =
            [lists[0], lists[1], other[0], other[1]].map(|owed| batch.get(owed).0.to_vec()).into();
        assert_eq!(bytes, [&b"aabbbc"[..], b"aabbbdd", b"c", b"dd"]);
        assert_eq!([second, third].map(|segment| batch.extend(Owed::NOTHING, segment)), other);
        assert_eq!(batch.nodes.len(), 5);
        batch.clear();
        assert!(batch.nodes.is_empty() && batch.branches.is_empty());
    }

    #[test]
    fn a_partial_write_leaves_the_cut_frame_and_the_cursors() {
        let (mut batch, first, second) = batch();
        let one = batch.extend(Owed::NOTHING, first);
        let both = batch.extend(one, second);
        let unserved = |topic, index| Unserved { topic: TopicId(topic), served: at(index) };
        let left = |taken: usize, cut: &'static [u8], unserved: &[Unserved], told: Told| {
            let cut = (!cut.is_empty()).then(|| Rest::of(cut.into(), 0));
            let expected = Left { cut, unserved: unserved.to_vec(), told };
            assert_eq!(batch.after_partial_write(both, taken), expected, "{taken} bytes taken");
        };
        left(0, b"", &[unserved(1, 10), unserved(2, 5)], told(0, 0));
        left(1, b"a", &[unserved(1, 11), unserved(2, 5)], told(1, 0));
        left(2, b"", &[unserved(1, 11), unserved(2, 5)], told(1, 0));
        // The cut frame is the segment's last: the topic is listed, and has nothing more to come from this batch.
        left(3, b"bb", &[unserved(1, 12), unserved(2, 5)], told(2, 7));
        left(5, b"", &[unserved(2, 5)], told(2, 7));
    }
}
