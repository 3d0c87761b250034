//! What a subscriber has of a topic at one `seq`.
//!
//! Most subscribers of a topic go through the same versions by the same frames. So versions are shared, and each one
//! remembers what came out of the frames that were applied to it: a frame is worked through for one subscriber, and
//! compared byte by byte for all others.

use super::book::Book;
use super::fault::Fault;
use std::cell::RefCell;
use std::rc::{Rc, Weak};

/// Frames that a version remembers: the next update, and what tiers and resets make of it.
const SUCCESSORS_MAX: usize = 8;

/// A topic as of one `seq`.
#[derive(Debug)]
pub(super) struct Version {
    /// The epoch, as a number.
    pub(super) epoch: u64,
    /// The last `seq` that is in.
    pub(super) seq: u64,
    /// The data.
    pub(super) content: Content,
    /// The state, where it is known.
    pub(super) state: Option<Rc<str>>,
    successors: RefCell<Vec<Successor>>,
}

/// The data of a version.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Not known: a range was skipped, or something was wrong before.
    Unknown {
        /// It was skipped by a notice, so that only a snapshot can follow in a book.
        skipped: bool,
    },
    /// A book.
    Book(Book),
    /// The digest of data that is whole in each update.
    Whole(u64),
    /// Trades, which are compared one by one.
    Trades,
}

/// What a frame leads to.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// What the subscriber has after it.
    pub(super) next: Rc<Version>,
    /// What was wrong with it.
    pub(super) faults: Rc<[Fault]>,
    /// Whether its data was compared with what others got.
    pub(super) compared: bool,
}

/// A frame and what it led to.
#[derive(Debug)]
pub(super) struct Successor {
    frame: Box<[u8]>,
    next: Weak<Version>,
    faults: Rc<[Fault]>,
    compared: bool,
}

impl Version {
    /// A version without successors.
    #[must_use]
    pub(super) fn new(epoch: u64, seq: u64, content: Content, state: Option<Rc<str>>) -> Self {
        Self { epoch, seq, content, state, successors: RefCell::default() }
    }

    /// What `frame` leads to, if it was applied before and someone still has the result.
    #[must_use]
    pub(super) fn successor(&self, frame: &[u8]) -> Option<Step> {
        self.successors.borrow().iter().find_map(|successor| successor.step(frame))
    }

    /// Remembers what `frame` leads to.
    pub(super) fn remember(&self, frame: &[u8], step: &Step) {
        let mut successors = self.successors.borrow_mut();
        successors.retain(|successor| successor.next.strong_count() > 0);
        if successors.len() < SUCCESSORS_MAX {
            successors.push(Successor::new(frame, step));
        }
    }
}

impl Successor {
    /// `frame` leads to `step`, whose version is not kept alive by this.
    #[must_use]
    pub(super) fn new(frame: &[u8], step: &Step) -> Self {
        let Step { next, faults, compared } = step;
        Self { frame: frame.into(), next: Rc::downgrade(next), faults: faults.clone(), compared: *compared }
    }

    /// The step, if this is the frame and someone still has the result.
    #[must_use]
    pub(super) fn step(&self, frame: &[u8]) -> Option<Step> {
        let next = if *self.frame == *frame { self.next.upgrade()? } else { return None };
        Some(Step { next, faults: self.faults.clone(), compared: self.compared })
    }
}
