use crate::sync::{AtomicBool, AtomicU64, Ordering};
use crate::topic::TopicId;
use crossbeam::utils::CachePadded;

/// Wakes a shard that may sleep.
pub trait Wake: Send + Sync + 'static {
    /// Called at most once between two drains.
    fn wake(&self);
}

/// The topics that have changed for one shard: a bitmap and a summary of its words. It cannot overflow.
#[derive(Debug)]
pub struct DirtySet {
    pending: CachePadded<AtomicBool>,
    summary: Box<[AtomicU64]>,
    words: Box<[AtomicU64]>,
}

impl DirtySet {
    /// For topics numbered below `topics_max`.
    #[must_use]
    pub fn new(topics_max: u32) -> Self {
        let words = topics_max.div_ceil(64).max(1);
        let zeros = |n: u32| (0..n).map(|_| AtomicU64::new(0)).collect();
        Self {
            pending: CachePadded::new(AtomicBool::new(false)),
            summary: zeros(words.div_ceil(64)),
            words: zeros(words),
        }
    }

    /// Marks a topic; says whether the shard has to be woken.
    #[must_use]
    pub fn mark(&self, topic: TopicId) -> bool {
        let (word, bit) = (topic.0 as usize / 64, topic.0 % 64);
        if self.words[word].fetch_or(1 << bit, Ordering::AcqRel) == 0 {
            self.summary[word / 64].fetch_or(1 << (word % 64), Ordering::AcqRel);
        }
        self.poke()
    }

    /// Says whether the shard has to be woken, for a reason that is no topic.
    #[must_use]
    pub fn poke(&self) -> bool {
        !self.pending.swap(true, Ordering::AcqRel)
    }

    /// Takes all marks, and calls `each` for each topic that was marked. Heads are to be read after that.
    pub fn drain(&self, mut each: impl FnMut(TopicId)) {
        self.pending.swap(false, Ordering::AcqRel);
        for (group, summary) in self.summary.iter().enumerate() {
            // A plain look first: most are empty, and a swap of an empty word costs as much as one of a full one.
            if summary.load(Ordering::Acquire) == 0 {
                continue;
            }
            for word in bits(summary.swap(0, Ordering::AcqRel)) {
                let word = group * 64 + word as usize;
                for bit in bits(self.words[word].swap(0, Ordering::AcqRel)) {
                    each(TopicId(word as u32 * 64 + bit));
                }
            }
        }
    }
}

/// The positions of the bits that are set.
fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}
