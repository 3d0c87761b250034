//! The shards, as publishers see them.

use crate::dirty::DirtySet;
use crate::record::TopicId;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// How many shards a table can have: one for each bit of a topic's interest.
pub const SHARDS_MAX: usize = u64::BITS as usize;

/// Wakes a shard that may sleep. Called from publishers' threads, at most once between two drains of the shard. It must not
/// be lost on a shard that is just about to sleep: a permit that is kept does it.
pub trait Wake: Send + Sync + 'static {
    /// Wakes the shard.
    fn wake(&self);
}

/// One shard's dirty topics, and how it is woken.
pub(crate) struct Shard {
    dirty: DirtySet,
    wake: Box<dyn Wake>,
    /// Topics of which each entry wakes it. For information only: nothing is ordered by it.
    prompt_topics: AtomicUsize,
}

impl Shard {
    pub(crate) fn new(topics_max: u32, wake: Box<dyn Wake>) -> Self {
        Self { dirty: DirtySet::new(topics_max), wake, prompt_topics: AtomicUsize::new(0) }
    }

    /// Marks a topic and wakes the shard for it; `is_noted` says that it may be marked already and the shard was not woken.
    pub(crate) fn mark(&self, topic: TopicId, is_noted: bool) {
        if self.dirty.mark(topic) || is_noted && self.dirty.request_wake() {
            self.wake.wake();
        }
    }

    /// Marks a topic for when the shard wakes next.
    pub(crate) fn note(&self, topic: TopicId) {
        self.dirty.note(topic);
    }

    pub(crate) fn wake(&self) {
        if self.dirty.request_wake() {
            self.wake.wake();
        }
    }

    /// A topic begins or ends to wake it with each entry.
    pub(crate) fn count_prompt(&self, begins: bool) {
        if begins {
            self.prompt_topics.fetch_add(1, Relaxed);
        } else {
            self.prompt_topics.fetch_sub(1, Relaxed);
        }
    }

    pub(crate) fn is_prompt(&self) -> bool {
        self.prompt_topics.load(Relaxed) > 0
    }

    pub(crate) fn drain(&self, each: impl FnMut(TopicId)) {
        self.dirty.drain(each);
    }
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("dirty", &self.dirty).finish_non_exhaustive()
    }
}
