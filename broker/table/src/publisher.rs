//! The one who writes a topic.

use crate::budget::{Completed, Evict, LogBudget};
use crate::entry::{Entry, Mark};
use crate::image::Image;
use crate::log::{Chunk, Held, IMAGE_ENTRIES, Stored, chunk_of, opens_chunk};
use crate::mutant::{Mutant, mutated};
use crate::record::{Position, Record};
use crate::topic::Topic;
use std::sync::{Arc, Weak};

/// The one who writes a topic. There is one for each topic, so `publish` needs no lock and can take no other's number.
#[derive(Debug)]
pub struct Publisher<R, I> {
    topic: Arc<Topic<R, I>>,
    budget: Arc<LogBudget>,
    head: Position,
    open: Option<Arc<Chunk<R>>>,
    image_index: u64,
    /// Chunks below this number may be evicted.
    queued_below: u64,
    /// Shards in which the topic may be marked dirty without that they were woken.
    noted: u64,
}

impl<R: Record, I: Send + Sync + 'static> Publisher<R, I> {
    pub(crate) fn new(topic: Arc<Topic<R, I>>, budget: Arc<LogBudget>) -> Self {
        Self { topic, budget, head: Position::START, open: None, image_index: 0, queued_below: 0, noted: 0 }
    }

    /// The topic that it writes.
    #[must_use]
    pub fn topic(&self) -> &Arc<Topic<R, I>> {
        &self.topic
    }

    /// The position of the last entry.
    #[must_use]
    pub fn position(&self) -> Position {
        self.head
    }

    /// Whether the next entry should bring a new image, in a topic that has images: there is none yet among the [`IMAGE_ENTRIES`] that
    /// it belongs to, or the last one holds up what else would be evicted. What leads from the image to the head is never evicted, so this bounds what
    /// a slow topic keeps, and in a small ring the log always reaches back to the image.
    #[must_use]
    pub fn image_is_due(&self) -> bool {
        let left_behind = self.head.index / IMAGE_ENTRIES != self.image_index.wrapping_sub(1) / IMAGE_ENTRIES;
        let due = left_behind || self.image_holds_up_eviction();
        due && !(mutated(Mutant::ImageDueOnce) && self.image_index > 0)
    }

    /// Whether a completed chunk stays for the image's sake alone: all before it have been evicted.
    fn image_holds_up_eviction(&self) -> bool {
        let is_kept = chunk_of(self.head.index).is_some_and(|open| self.queued_below < open);
        is_kept && self.budget.evicted() > 0 && self.queued_below <= self.topic.log().evicted_below()
    }

    /// Publishes a record: gives it its sequence numbers, stores it, moves the head over it and marks the topic dirty for
    /// every interested shard.
    pub fn publish(&mut self, record: R) -> Held<R> {
        self.append(record, None)
    }

    /// Publishes a record, and the whole state that it leads to.
    pub fn publish_with_image(&mut self, record: R, image: I) -> Held<R> {
        self.append(record, Some(image))
    }

    /// The order of the steps matters; the module `topic` has the argument.
    fn append(&mut self, record: R, image: Option<I>) -> Held<R> {
        self.open_chunk_if_due();
        if mutated(Mutant::QueueBeforeHead) {
            self.settle(self.head.index + 1);
        }
        if mutated(Mutant::HeadBeforeSlot) {
            self.topic.move_head(self.head.index + 1);
        }
        let is_urgent = record.is_urgent();
        let entry = self.store(record);
        let mut image = image.map(|body| Image::new(entry.position(), body));
        if mutated(Mutant::ImageBeforeHead) {
            self.set_image(image.take());
        }
        let early_interest = mutated(Mutant::InterestReadBeforeHead).then(|| self.topic.interest());
        let early_prompt = mutated(Mutant::PromptReadBeforeHead).then(|| self.topic.prompt());
        self.topic.move_head(entry.index());
        self.head = entry.position();
        self.set_image(image);
        let interest = early_interest.unwrap_or_else(|| self.topic.interest());
        let prompt = if is_urgent { interest } else { early_prompt.unwrap_or_else(|| self.topic.prompt()) };
        self.topic.mark_dirty(interest, prompt, &mut self.noted);
        self.settle(self.head.index);
        entry
    }

    /// Opens a chunk if the next entry needs one.
    fn open_chunk_if_due(&mut self) {
        let index = self.head.index + 1;
        if opens_chunk(index) {
            self.open = chunk_of(index).map(|number| self.topic.log().open(number, &self.budget));
        }
    }

    fn store(&self, record: R) -> Held<R> {
        let chunk = self.open.as_ref().expect("the first entry opens the first chunk");
        let entry = Entry::new(self.head, record);
        let index = entry.index();
        if entry.record().is_mark() {
            let mark = Arc::new(Mark::new(entry, &self.budget));
            chunk.set(index, Stored::Apart(Arc::clone(&mark)));
            if mutated(Mutant::HeadBeforeMarks) {
                self.topic.move_head(index);
            }
            self.topic.marks().push(&mark);
        } else {
            chunk.account().charge(entry.record().heap_bytes());
            chunk.set(index, Stored::Here(entry));
        }
        Held::of(chunk, index)
    }

    fn set_image(&mut self, image: Option<Image<I>>) {
        if let Some(image) = image {
            self.image_index = image.position().index;
            self.topic.set_image(image);
        }
    }

    /// Queues for eviction what nobody needs any more who begins now, when the log ends with `head`: the chunks that the head has left,
    /// unless they lead from the image to it. Without those nobody could join a topic that has fallen quiet. They are lapped in time.
    fn settle(&mut self, head: u64) {
        let has_image = self.image_index > 0 && !mutated(Mutant::EvictNeeded);
        let needed = if has_image { head.min(self.image_index + 1) } else { head };
        let needed = chunk_of(needed).unwrap_or(0);
        while self.queued_below < needed {
            let topic: Weak<Topic<R, I>> = Arc::downgrade(&self.topic);
            self.budget.complete(Completed { log: topic, chunk: self.queued_below });
            self.queued_below += 1;
        }
        self.budget.enforce();
    }
}

impl<R: Record, I: Send + Sync> Evict for Topic<R, I> {
    fn evict(&self, chunk: u64) -> bool {
        self.log().evict(chunk)
    }

    fn holds(&self, chunk: u64) -> bool {
        self.log().holds(chunk)
    }
}
