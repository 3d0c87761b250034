//! The topics that changed since a shard last looked.
//!
//! A set cannot overflow, so the feed never waits for a shard. It is a bitmap in two levels: a bit for each topic in the
//! leaves, and in the summary a bit for each leaf that may have any.
//!
//! **No mark is lost.** A marker sets its leaf bit, then the summary bit; a drain clears the summary, then the leaf. Both
//! change the leaf with read-modify-writes (`AcqRel`), so one sees the other:
//! - the drain's comes later: it takes the bit along, and whatever the marker did before is visible to the reads that follow
//!   (the topic's head above all, which moved before the mark);
//! - the marker's comes later: it sees the cleared leaf and with it the cleared summary, so it sets the summary bit anew or
//!   finds it set by another after that, and the next drain comes by.
//!
//! The leaf orders everything, so the summary itself is relaxed. A marker that finds its bit set need do no more: a topic has
//! one publisher, so it was itself that set it, went on to the summary and asked for a wake-up (or only noted the topic, and
//! remembers that), and the drain that will clear the leaf is still to come. Its read-modify-write is needed even so, or that
//! drain would not see the newer head.
//!
//! **No wake-up is lost, and none comes twice.** A marker, having marked, swaps the flag `woken` to true (`Release`) and wakes
//! the shard if it was false; a drain swaps it to false (`Acquire`) before it looks at the bitmap. Of two swaps one comes
//! later:
//! - the drain's: it sees the marks of all who swapped before it, since a chain of swaps hands on what each released;
//! - the marker's: the first one after the drain finds false, and wakes the shard for another drain.
//!
//! So between two drains the shard is woken at most once, however much changes.

use crate::mutant::{Mutant, mutated, order};
use crate::record::TopicId;
use crate::sync::{AtomicBool, AtomicU64};
use crossbeam::utils::CachePadded;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// Bits used of a word. Few under loom, so that a small set has several words of both levels.
const WORD: u32 = if cfg!(loom) { 2 } else { u64::BITS };

/// The topics that changed since they were last drained.
#[derive(Debug)]
pub struct DirtySet {
    woken: CachePadded<AtomicBool>,
    /// Not padded: each drain looks at all of it.
    summary: Box<[AtomicU64]>,
    leaves: Box<[AtomicU64]>,
}

impl DirtySet {
    /// An empty set for topics 0 to `topics_max`, exclusive.
    #[must_use]
    pub fn new(topics_max: u32) -> Self {
        let leaves = topics_max.div_ceil(WORD);
        Self {
            woken: CachePadded::new(AtomicBool::new(false)),
            summary: (0..leaves.div_ceil(WORD)).map(|_| AtomicU64::new(0)).collect(),
            leaves: (0..leaves).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Marks a topic. Says whether the shard must be woken, which the caller then does.
    ///
    /// # Panics
    /// If the topic is beyond what the set was made for.
    #[must_use = "a shard that is not woken sleeps on"]
    pub fn mark(&self, topic: TopicId) -> bool {
        let early = mutated(Mutant::WakeBeforeMark).then(|| self.request_wake());
        let is_news = self.set(topic);
        early.unwrap_or_else(|| is_news && self.request_wake())
    }

    /// Marks a topic without asking for a drain. Whoever marks it for a drain after that has to request the wake-up too, since the
    /// mark is no news then.
    pub fn note(&self, topic: TopicId) {
        self.set(topic);
    }

    /// Asks for a drain though no topic changed. Says whether the shard must be woken.
    #[must_use = "a shard that is not woken sleeps on"]
    pub fn request_wake(&self) -> bool {
        if mutated(Mutant::WakeIsLoad) {
            let is_needed = !self.woken.load(Acquire);
            self.woken.store(true, Release);
            return is_needed;
        }
        !self.woken.swap(true, order(Mutant::WakeNotRelease, Release, Relaxed))
    }

    /// Yields each marked topic once and forgets its mark before that, so that what the caller then reads of the topic is at
    /// least what the mark was about. A mark that comes meanwhile is yielded now or by the next drain.
    pub fn drain(&self, mut each: impl FnMut(TopicId)) {
        if !mutated(Mutant::RearmAfterDrain) {
            self.rearm();
        }
        for (word, summary) in self.summary.iter().enumerate() {
            let leaves = self.clear_summary(summary);
            for_each_bit(leaves, |bit| self.drain_leaf(word as u32 * WORD + bit, &mut each));
        }
        if mutated(Mutant::RearmAfterDrain) {
            self.rearm();
        }
    }

    fn rearm(&self) {
        self.woken.swap(false, order(Mutant::RearmNotAcquire, Acquire, Relaxed));
    }

    /// Sets a topic's bit; false if it was set, so that all that follows was done.
    fn set(&self, topic: TopicId) -> bool {
        let (leaf, bit) = (topic.0 / WORD, 1 << (topic.0 % WORD));
        if mutated(Mutant::MarkSummaryFirst) {
            self.set_summary(leaf);
        }
        if mutated(Mutant::MarkSkipsSetBit) && self.leaves[leaf as usize].load(Acquire) & bit != 0 {
            return false;
        }
        let with_release = order(Mutant::MarkNotAcquire, AcqRel, Release);
        let before =
            self.leaves[leaf as usize].fetch_or(bit, order(Mutant::MarkNotRelease, with_release, Acquire));
        let is_news = before & bit == 0;
        if is_news && !mutated(Mutant::MarkSummaryFirst) {
            self.set_summary(leaf);
        }
        is_news
    }

    fn set_summary(&self, leaf: u32) {
        let (word, bit) = (&self.summary[(leaf / WORD) as usize], 1 << (leaf % WORD));
        if word.load(Relaxed) & bit == 0 {
            word.fetch_or(bit, Relaxed);
        }
    }

    fn clear_summary(&self, summary: &AtomicU64) -> u64 {
        if summary.load(Relaxed) == 0 {
            return 0;
        }
        if mutated(Mutant::DrainLeafFirst) { summary.load(Relaxed) } else { summary.swap(0, Relaxed) }
    }

    fn drain_leaf(&self, leaf: u32, each: &mut impl FnMut(TopicId)) {
        let word = &self.leaves[leaf as usize];
        if mutated(Mutant::DrainClearsAfter) {
            for_each_bit(word.load(Acquire), |bit| each(TopicId(leaf * WORD + bit)));
            word.store(0, Release);
            return;
        }
        let with_release = order(Mutant::DrainLeafNotAcquire, AcqRel, Release);
        let bits = word.swap(0, order(Mutant::DrainLeafNotRelease, with_release, Acquire));
        if mutated(Mutant::DrainLeafFirst) {
            self.summary[(leaf / WORD) as usize].fetch_and(!(1 << (leaf % WORD)), Relaxed);
        }
        for_each_bit(bits, |bit| each(TopicId(leaf * WORD + bit)));
    }
}

fn for_each_bit(mut bits: u64, mut each: impl FnMut(u32)) {
    while bits != 0 {
        each(bits.trailing_zeros());
        bits &= bits - 1;
    }
}
