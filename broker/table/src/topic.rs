//! A topic, as its readers see it.
//!
//! # Why a joiner misses nothing and gets nothing twice
//!
//! The publisher, for each entry, does in this order:
//! 1. stores the entry in the log (and among the marks);
//! 2. `head.swap`, `AcqRel`;
//! 3. stores a new image, if one is due;
//! 4. reads the interest bits, and which of these shards are to be prompt;
//! 5. marks the topic dirty in each interested shard, and wakes those, or all if the entry is urgent.
//!
//! A shard that begins to serve the topic does in this order:
//! 1. `interest.fetch_or`;
//! 2. loads the image;
//! 3. `head.fetch_add(0)`, `AcqRel`; there it stands.
//!
//! The two operations on `head` are read-modify-writes of one word, so one comes first and the other sees it.
//! - *The publisher's first:* the shard reads a head that counts the entry, and acquires the entry: it serves the
//!   entry now.
//! - *The shard's first:* the publisher's swap acquires what the shard did before, so its read of the interest finds the
//!   bit: it marks the topic, and the shard serves the entry after its next drain. It does not serve it now, since the head it
//!   stands at does not count it.
//!
//! A load in the place of `fetch_add(0)` would not do: it may read an old head while the publisher reads old interest, and the
//! entry would fall between the two. The interest itself can be relaxed, since the head orders it.
//!
//! A shard that is to be prompt from some time on sets its bit for that, does the same to `head` and serves the topic up to
//! there; so for each entry the same two cases hold, with its being woken in the place of its being told at all.
//!
//! The image is stored after the head was moved over what it includes and loaded before the head is read, so it is never ahead
//! of where the joiner stands. The drain clears a topic's mark before the shard reads the head, see the module `dirty`.
//!
//! A shard that already serves the topic may stand before that head. Then the newcomer is not to get with the others what lies in
//! between, which its snapshot includes: either the shard serves the others up to the head first, or it serves the newcomer by a
//! position of its own until it has come there.

use crate::entry::EntryRef;
use crate::image::Image;
use crate::log::{Held, Lapped, Log, Reader};
use crate::marks::{MarkList, Marks};
use crate::mutant::{Mutant, mutated, order};
use crate::options::TopicOptions;
use crate::record::{Position, Record, TopicId};
use crate::resume::{self, Resume};
use crate::shard::Shard;
use crate::sync::{AtomicU64, Slot};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// One channel of one symbol: a log, perhaps an image, and the shards that are interested.
#[derive(Debug)]
pub struct Topic<R, I> {
    id: TopicId,
    /// The index of the last entry; its sequence number stands in the entry.
    head: AtomicU64,
    interest: AtomicU64,
    /// Of the interested shards those that are woken by each entry.
    prompt: AtomicU64,
    image: Slot<Image<I>>,
    log: Log<R>,
    marks: MarkList<R>,
    shards: Arc<[Shard]>,
}

/// Where a shard begins.
#[derive(Debug)]
pub struct Join<I> {
    /// The last image, never ahead of `head`. If the log does not reach back to it any more, load [`Topic::image`] anew.
    pub image: Option<Arc<Image<I>>>,
    /// What the shard has to serve its newcomers up to: later entries mark the topic dirty.
    pub head: Position,
}

impl<R: Record, I> Topic<R, I> {
    pub(crate) fn new(id: TopicId, options: TopicOptions, shards: Arc<[Shard]>) -> Self {
        Self {
            id,
            head: AtomicU64::new(0),
            interest: AtomicU64::new(0),
            prompt: AtomicU64::new(0),
            image: Slot::empty(),
            log: Log::new(options.log_entries),
            marks: MarkList::new(options),
            shards,
        }
    }

    /// Its number in the table.
    #[must_use]
    pub fn id(&self) -> TopicId {
        self.id
    }

    /// The index of the last entry; the cheapest way to see whether there is more to read.
    #[must_use]
    pub fn head_index(&self) -> u64 {
        self.head.load(order(Mutant::HeadLoadNotAcquire, Acquire, Relaxed))
    }

    /// The position of the last entry.
    #[must_use]
    pub fn head(&self) -> Position {
        self.position_from(self.head_index())
    }

    /// The last entry; none in a topic without any.
    #[must_use]
    pub fn latest(&self) -> Option<Held<R>> {
        self.latest_from(self.head_index(), |head| self.log.get(head))
    }

    /// The entry at an index that the head has reached; none if it is no longer in the log.
    #[must_use]
    pub fn read(&self, index: u64) -> Option<Held<R>> {
        self.log.get(index)
    }

    /// The entries from `first` to `last`, both inclusive, which the head has reached. It costs one look at the ring for each
    /// chunk, and no reference counts.
    #[must_use]
    pub fn reader(&self, first: u64, last: u64) -> Reader<'_, R> {
        Reader::new(&self.log, first, last)
    }

    /// Hands out the entries from `first` to `last`, both inclusive, which the head has reached.
    ///
    /// # Errors
    /// If an entry is no longer in the log; those before it were handed out.
    pub fn read_range(
        &self,
        first: u64,
        last: u64,
        mut each: impl FnMut(EntryRef<'_, R>),
    ) -> Result<(), Lapped> {
        let mut reader = self.reader(first, last);
        while let Some(entry) = reader.next()? {
            each(entry);
        }
        Ok(())
    }

    /// The oldest entry that is still in the log; none in a topic without any.
    #[must_use]
    pub fn oldest(&self) -> Option<Held<R>> {
        loop {
            let head = self.head_index();
            if head == 0 {
                return None;
            }
            let found = self.read(self.log.oldest(head));
            if found.is_some() {
                return found;
            }
        }
    }

    /// Where a cursor goes on that has everything up to and including `seq`.
    #[must_use]
    pub fn resume(&self, seq: u64) -> Resume {
        resume::resume(self, seq)
    }

    /// Where a cursor goes on that has everything up to and including `seq`, if the log reaches back that far and the topic has
    /// come that far. The entry that follows may be a wide one that contains `seq`; the caller trims it.
    #[must_use]
    pub fn after(&self, seq: u64) -> Option<Position> {
        match self.resume(seq) {
            Resume::At(position) => Some(position),
            Resume::TooOld | Resume::Beyond => None,
        }
    }

    /// The marks after the sequence number `after`, up to and including `up_to`, which the head has reached.
    #[must_use]
    pub fn marks_between(&self, after: u64, up_to: u64) -> Marks<R> {
        self.marks.between(after, up_to)
    }

    /// The last image, if the publisher makes any.
    #[must_use]
    pub fn image(&self) -> Option<Arc<Image<I>>> {
        self.image.load().clone()
    }

    /// From now on the topic is marked in the shard's set when it changes. The shard is woken for that by urgent entries only,
    /// until it is to be [prompt](Self::be_prompt). Joining again does no harm.
    ///
    /// # Panics
    /// If the table has no such shard.
    #[must_use]
    pub fn join(&self, shard: usize) -> Join<I> {
        let early_head = mutated(Mutant::JoinHeadBeforeInterest).then(|| self.join_head());
        self.add_interest(self.bit(shard));
        let early_head =
            early_head.or_else(|| mutated(Mutant::JoinHeadBeforeImage).then(|| self.join_head()));
        let image = self.image();
        let head = early_head.unwrap_or_else(|| self.join_head());
        Join { image, head: self.position_from(head) }
    }

    /// From now on each entry wakes the shard, which has joined. It has to serve the topic up to the position that this returns.
    ///
    /// # Panics
    /// If the table has no such shard.
    #[must_use]
    pub fn be_prompt(&self, shard: usize) -> Position {
        let early_head = mutated(Mutant::PromptAfterHead).then(|| self.join_head());
        if self.prompt.fetch_or(self.bit(shard), Relaxed) & self.bit(shard) == 0 {
            self.shards[shard].count_prompt(true);
        }
        self.position_from(early_head.unwrap_or_else(|| self.join_head()))
    }

    /// From now on only urgent entries wake the shard.
    ///
    /// # Panics
    /// If the table has no such shard.
    pub fn be_patient(&self, shard: usize) {
        if self.prompt.fetch_and(!self.bit(shard), Relaxed) & self.bit(shard) != 0 {
            self.shards[shard].count_prompt(false);
        }
    }

    /// The shard is no longer told, but for marks that are under way.
    ///
    /// # Panics
    /// If the table has no such shard.
    pub fn leave(&self, shard: usize) {
        let bit = self.bit(shard);
        self.be_patient(shard);
        if mutated(Mutant::LeaveInterestIsStore) {
            self.interest.store(self.interest.load(Relaxed) & !bit, Relaxed);
        } else {
            self.interest.fetch_and(!bit, Relaxed);
        }
    }

    fn bit(&self, shard: usize) -> u64 {
        assert!(shard < self.shards.len(), "shard {shard} of {}", self.shards.len());
        1 << shard
    }

    fn add_interest(&self, bit: u64) {
        if mutated(Mutant::JoinInterestIsStore) {
            self.interest.store(self.interest.load(Relaxed) | bit, Relaxed);
        } else {
            self.interest.fetch_or(bit, Relaxed);
        }
    }

    fn join_head(&self) -> u64 {
        if mutated(Mutant::JoinHeadIsLoad) {
            return self.head.load(Acquire);
        }
        let with_release = order(Mutant::JoinHeadNotAcquire, AcqRel, Release);
        self.head.fetch_add(0, order(Mutant::JoinHeadNotRelease, with_release, Acquire))
    }

    fn position_from(&self, head: u64) -> Position {
        self.latest_from(head, |head| self.log.with(head, |entry| entry.position()))
            .unwrap_or(Position::START)
    }

    /// Finds something about the entry that the head stands on. It may be lapped while we look, but only after the head has moved on: a chunk
    /// is lapped or queued for eviction after the head has left it.
    pub(crate) fn latest_from<T>(&self, mut head: u64, find: impl Fn(u64) -> Option<T>) -> Option<T> {
        while head > 0 {
            let found = find(head);
            if found.is_some() {
                return found;
            }
            let next = self.head_index();
            assert!(!cfg!(loom) || next > head, "the head's entry is gone, and the head has not moved");
            head = next;
        }
        None
    }
}

/// What the publisher does.
impl<R: Record, I> Topic<R, I> {
    pub(crate) fn log(&self) -> &Log<R> {
        &self.log
    }

    pub(crate) fn marks(&self) -> &MarkList<R> {
        &self.marks
    }

    pub(crate) fn move_head(&self, index: u64) {
        let with_release = order(Mutant::HeadSwapNotAcquire, AcqRel, Release);
        self.head.swap(index, order(Mutant::HeadSwapNotRelease, with_release, Acquire));
    }

    pub(crate) fn set_image(&self, image: Image<I>) {
        self.image.swap(Some(Arc::new(image)));
    }

    /// Whether a shard is told when the topic changes. It may begin or end to be so at any time.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.interest() != 0
    }

    pub(crate) fn interest(&self) -> u64 {
        self.interest.load(Relaxed)
    }

    /// The shards that each entry wakes.
    pub(crate) fn prompt(&self) -> u64 {
        self.prompt.load(Relaxed)
    }

    /// Marks the topic dirty in the shards of `interest` and wakes those of `prompt`. `noted` are those in which it may be marked
    /// already without that they were woken, which the publisher keeps for the next time.
    pub(crate) fn mark_dirty(&self, mut interest: u64, prompt: u64, noted: &mut u64) {
        while interest != 0 {
            let bit = interest & interest.wrapping_neg();
            let shard = &self.shards[interest.trailing_zeros() as usize];
            if prompt & bit == 0 {
                *noted |= bit;
                shard.note(self.id);
            } else {
                shard.mark(self.id, *noted & bit != 0 && !mutated(Mutant::NoteIsForgotten));
                *noted &= !bit;
            }
            interest &= interest - 1;
        }
    }
}
