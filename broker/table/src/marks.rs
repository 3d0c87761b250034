//! The last marks of a topic, beyond the reach of its log.
//!
//! A cursor that was lapped is still told each change of state in its order, and since marks take sequence numbers too, only
//! who knows all of them can say how many trades were lost between two numbers. The last one that says what holds from there
//! on is never forgotten, or a cursor that passes over it would be wrong about that for good.

use crate::entry::Mark;
use crate::log::Held;
use crate::options::TopicOptions;
use crate::record::Record;
use crate::sync::{AtomicU64, Slot};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// The marks of a range.
#[derive(Debug)]
pub struct Marks<R> {
    /// In their order.
    pub entries: Vec<Held<R>>,
    /// Whether these are all; false if the topic has forgotten some of the range.
    pub complete: bool,
}

/// Marks are rare, so each brings a new list.
#[derive(Debug)]
pub(crate) struct MarkList<R> {
    current: Slot<Kept<R>>,
    /// The sequence number of the last mark, so that who asks for marks where there are none, as most do, looks at no list. It is
    /// stored before the head is moved over the mark, and asked for up to a head that was seen.
    last: AtomicU64,
    max: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Kept<R> {
    entries: Vec<Arc<Mark<R>>>,
    /// The sequence number of the last mark that is no longer kept.
    forgotten: u64,
}

impl<R: Record> MarkList<R> {
    pub(crate) fn new(options: TopicOptions) -> Self {
        Self {
            current: Slot::empty(),
            last: AtomicU64::new(0),
            max: options.marks_max,
            bytes_max: options.marks_bytes_max,
        }
    }

    /// Adds a mark. For the publisher only.
    pub(crate) fn push(&self, mark: &Arc<Mark<R>>) {
        let (mut entries, mut forgotten) = match &*self.current.load() {
            Some(kept) => (kept.entries.clone(), kept.forgotten),
            None => (Vec::new(), 0),
        };
        entries.push(Arc::clone(mark));
        let displaced = entries.len() - self.how_many_fit(&entries);
        let last_held = entries.iter().rposition(|mark| mark.entry().record().holds_on());
        let held = last_held.filter(|held| *held < displaced).map(|held| entries.remove(held));
        for displaced in entries.drain(..displaced - usize::from(held.is_some())) {
            forgotten = forgotten.max(displaced.entry().last());
        }
        entries.splice(..0, held);
        self.current.swap(Some(Arc::new(Kept { entries, forgotten })));
        self.last.store(mark.entry().last(), Relaxed);
    }

    /// How many of the last marks may stay: the very last one whatever it takes.
    fn how_many_fit(&self, entries: &[Arc<Mark<R>>]) -> usize {
        let mut bytes = 0;
        let fits = |mark: &&Arc<Mark<R>>| {
            bytes += mark.bytes();
            bytes <= self.bytes_max as u64
        };
        entries.iter().rev().take_while(fits).count().max(1).min(self.max)
    }

    /// The marks after `after`, up to and including `up_to`.
    pub(crate) fn between(&self, after: u64, up_to: u64) -> Marks<R> {
        if self.last.load(Relaxed) <= after {
            return Marks { entries: Vec::new(), complete: true };
        }
        let guard = self.current.load();
        let Some(kept) = &*guard else { return Marks { entries: Vec::new(), complete: true } };
        let begin = kept.entries.partition_point(|mark| mark.entry().last() <= after);
        let end = kept.entries.partition_point(|mark| mark.entry().last() <= up_to).max(begin);
        let entries = kept.entries[begin..end].iter().map(|mark| Held::from(Arc::clone(mark))).collect();
        Marks { entries, complete: kept.forgotten <= after }
    }
}
