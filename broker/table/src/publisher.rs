//! The one who writes a topic.

use crate::budget::{Completed, Evict, LogBudget};
use crate::entry::Entry;
use crate::image::Image;
use crate::log::{Chunk, Held, Stored, chunk_of, opens_chunk};
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
    /// Shards in which the topic may be marked dirty without that they were woken.
    noted: u64,
}

impl<R: Record, I: Send + Sync + 'static> Publisher<R, I> {
    pub(crate) fn new(topic: Arc<Topic<R, I>>, budget: Arc<LogBudget>) -> Self {
        Self { topic, budget, head: Position::START, open: None, image_index: 0, noted: 0 }
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

    /// Whether the next entry should bring a new image, in a topic that has images: there is none yet in the chunk that it
    /// goes to. The open chunk is never evicted, so with this the log always reaches back to the image, even if the topic is
    /// slow and the table's bound for bytes small.
    #[must_use]
    pub fn image_is_due(&self) -> bool {
        let due = chunk_of(self.head.index + 1) != chunk_of(self.image_index);
        due && !(mutated(Mutant::ImageDueOnce) && self.image_index > 0)
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
        let completed = self.open_chunk_if_due();
        if mutated(Mutant::QueueBeforeHead) {
            self.settle(completed);
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
        self.settle(completed);
        entry
    }

    /// Opens a chunk if the next entry needs one. Gives the number of the chunk that will get no more entries.
    fn open_chunk_if_due(&mut self) -> Option<u64> {
        let number = chunk_of(self.head.index + 1).filter(|_| opens_chunk(self.head.index + 1))?;
        self.open = Some(self.topic.log().open(number, &self.budget));
        number.checked_sub(1)
    }

    fn store(&self, record: R) -> Held<R> {
        let chunk = self.open.as_ref().expect("the first entry opens the first chunk");
        let entry = Entry::new(self.head, record, Arc::clone(chunk.account()));
        entry.charge_record();
        let index = entry.index();
        if entry.is_mark() {
            let mark = Arc::new(entry);
            chunk.set(index, Stored::Apart(Arc::clone(&mark)));
            if mutated(Mutant::HeadBeforeMarks) {
                self.topic.move_head(index);
            }
            self.topic.marks().push(&mark);
        } else {
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

    /// Only now that the head has left a completed chunk may it be evicted.
    fn settle(&self, completed: Option<u64>) {
        if let Some(chunk) = completed {
            let topic: Weak<Topic<R, I>> = Arc::downgrade(&self.topic);
            self.budget.complete(Completed { log: topic, chunk });
        }
        self.budget.enforce();
    }
}

impl<R: Record, I: Send + Sync> Evict for Topic<R, I> {
    /// What leads from the image to the head stays, or nobody could join a topic that has fallen quiet. It is lapped in time.
    fn evict(&self, chunk: u64) -> bool {
        let needed = self.image().and_then(|image| chunk_of(image.position().index + 1));
        let may_go = needed.is_none_or(|needed| chunk < needed) || mutated(Mutant::EvictNeeded);
        may_go && self.log().evict(chunk)
    }

    fn holds(&self, chunk: u64) -> bool {
        self.log().holds(chunk)
    }
}
