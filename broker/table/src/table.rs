use crate::budget::LogBudget;
use crate::dirty::{DirtySet, Wake};
use crate::entry::Record;
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::topic::{Publisher, Topic, TopicId};
use std::fmt;
use std::marker::PhantomData;

/// All topics, and for each shard those that have changed.
pub struct Table<R: Record, I> {
    shards: Arc<Shards>,
    budget: Arc<LogBudget>,
    topics_max: u32,
    topics: AtomicU64,
    kind: PhantomData<fn() -> (R, I)>,
}

/// The shards, as publishers see them.
pub(crate) struct Shards(Vec<(DirtySet, Box<dyn Wake>)>);

/// There are as many topics as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableFull {
    /// How many there may be.
    pub topics_max: u32,
}

impl<R: Record, I> Table<R, I> {
    /// For up to `topics_max` topics, with logs of at most about `log_bytes_max` bytes together, and a shard for each of `wakes`.
    ///
    /// # Panics
    /// If there are more than 64 shards.
    #[must_use]
    pub fn new(topics_max: u32, log_bytes_max: usize, wakes: Vec<Box<dyn Wake>>) -> Self {
        assert!(wakes.len() <= 64, "there are at most 64 shards");
        let shards = wakes.into_iter().map(|wake| (DirtySet::new(topics_max), wake)).collect();
        Self {
            shards: Arc::new(Shards(shards)),
            budget: Arc::new(LogBudget::new(log_bytes_max)),
            topics_max,
            topics: AtomicU64::new(0),
            kind: PhantomData,
        }
    }

    /// Makes a topic whose log holds at least `log_entries` entries.
    ///
    /// # Errors
    /// [`TableFull`] if there are as many as there may be.
    pub fn register(&self, log_entries: usize) -> Result<Publisher<R, I>, TableFull> {
        let more = |topics: u64| (topics < u64::from(self.topics_max)).then_some(topics + 1);
        let id = self
            .topics
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .map_err(|_| TableFull { topics_max: self.topics_max })?;
        let topic = Arc::new(Topic::new(TopicId(id as u32), log_entries));
        Ok(Publisher::new(topic, Arc::clone(&self.shards), Arc::clone(&self.budget)))
    }

    /// Takes a shard's dirty marks, and calls `each` for each topic that was marked. Heads are to be read after that.
    pub fn drain(&self, shard: usize, each: impl FnMut(TopicId)) {
        if let Some((dirty, _)) = self.shards.0.get(shard) {
            dirty.drain(each);
        }
    }

    /// Wakes all shards: there is something new that is no entry.
    pub fn wake_all(&self) {
        for (dirty, wake) in &self.shards.0 {
            if dirty.poke() {
                wake.wake();
            }
        }
    }

    /// What all logs together take.
    #[must_use]
    pub fn budget(&self) -> &LogBudget {
        &self.budget
    }
}

impl Shards {
    /// Marks a topic for each shard whose bit is set.
    pub(crate) fn mark(&self, mut interest: u64, topic: TopicId) {
        while interest != 0 {
            let shard = interest.trailing_zeros() as usize;
            interest &= interest - 1;
            if let Some((dirty, wake)) = self.0.get(shard)
                && dirty.mark(topic)
            {
                wake.wake();
            }
        }
    }
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shards({})", self.0.len())
    }
}

impl<R: Record, I> fmt::Debug for Table<R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("shards", &self.shards)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for TableFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are already {} topics, as many as `topics_max` allows", self.topics_max)
    }
}

impl std::error::Error for TableFull {}
