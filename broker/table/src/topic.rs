use crate::budget::LogBudget;
use crate::entry::{Encoding, Entry, FrameCell, Position, Record};
use crate::log::Log;
use crate::sync::{Arc, ArcSwapOption, AtomicU64, Ordering};
use crate::table::Shards;
use bytes::Bytes;

/// A topic's place in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub u32);

/// How many marks a topic keeps.
const MARKS: usize = 64;

/// One topic, as its readers see it.
#[derive(Debug)]
pub struct Topic<R: Record, I> {
    id: TopicId,
    log: Log<R>,
    head: AtomicU64,
    image: ArcSwapOption<Image<I>>,
    marks: ArcSwapOption<Marks<R>>,
    interest: AtomicU64,
}

/// The whole state as of a position.
#[derive(Debug)]
pub struct Image<I> {
    position: Position,
    body: I,
    frame: FrameCell,
}

/// Entries that a reader is told even when the log no longer has them.
#[derive(Debug)]
pub struct Marks<R: Record> {
    /// The marks, oldest first.
    pub entries: Vec<Arc<Entry<R>>>,
    /// Whether there were no others in the range.
    pub complete: bool,
}

/// Where a shard stands that begins to serve a topic, and the image to begin with.
#[derive(Debug)]
pub struct Join<I> {
    /// The latest image; never ahead of `head`.
    pub image: Option<Arc<Image<I>>>,
    /// Where the shard stands.
    pub head: Position,
}

/// The one who writes a topic.
#[derive(Debug)]
pub struct Publisher<R: Record, I> {
    topic: Arc<Topic<R, I>>,
    shards: Arc<Shards>,
    budget: Arc<LogBudget>,
    position: Position,
}

impl<I> Image<I> {
    /// The entry as of which it is the state.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The state.
    #[must_use]
    pub fn body(&self) -> &I {
        &self.body
    }

    /// Its frame.
    pub fn frame(&self, encoding: Encoding, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.frame.get_or_encode(encoding, encode)
    }
}

impl<R: Record, I> Topic<R, I> {
    pub(crate) fn new(id: TopicId, log_entries: usize) -> Self {
        Self {
            id,
            log: Log::new(log_entries),
            head: AtomicU64::new(0),
            image: ArcSwapOption::empty(),
            marks: ArcSwapOption::empty(),
            interest: AtomicU64::new(0),
        }
    }

    /// Its place in the table.
    #[must_use]
    pub fn id(&self) -> TopicId {
        self.id
    }

    /// The last entry's position.
    #[must_use]
    pub fn head(&self) -> Position {
        self.position_of(|| self.head.load(Ordering::Acquire))
    }

    /// The last entry, which holds the whole state where updates are whole.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<Entry<R>>> {
        loop {
            let index = self.head.load(Ordering::Acquire);
            if index == 0 {
                return None;
            }
            // Not there: the writer has gone round the whole log since. Then there is a later head.
            if let Some(entry) = self.log.read(index) {
                return Some(entry);
            }
        }
    }

    /// The entry `index`, counted from 1; none if it is not there yet, or no longer.
    #[must_use]
    pub fn read(&self, index: u64) -> Option<Arc<Entry<R>>> {
        self.log.read(index)
    }

    /// The oldest entry that is there.
    #[must_use]
    pub fn oldest(&self) -> Option<Arc<Entry<R>>> {
        self.log.oldest(self.head.load(Ordering::Acquire))
    }

    /// Where one goes on who has everything up to `seq`; none if the log does not reach back or is not that far. Within an entry
    /// that takes several numbers the position's `seq` is that asked for, and its `index` that of the entry before.
    #[must_use]
    pub fn after(&self, seq: u64) -> Option<Position> {
        let head = self.head();
        if seq == head.seq {
            return Some(head);
        }
        let (mut low, mut high) = (self.oldest()?.position().index, head.index);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.read(middle)?.last() <= seq {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let next = self.read(low).filter(|entry| entry.first() <= seq + 1 && seq < entry.last())?;
        Some(Position { index: next.position().index - 1, seq })
    }

    /// The latest image.
    #[must_use]
    pub fn image(&self) -> Option<Arc<Image<I>>> {
        self.image.load_full()
    }

    /// The marks whose sequence numbers are above `after` and at most `up_to`.
    #[must_use]
    pub fn marks_between(&self, after: u64, up_to: u64) -> Marks<R> {
        let marks = self.marks.load();
        let Some(marks) = marks.as_deref() else { return Marks { entries: Vec::new(), complete: true } };
        let within = |entry: &&Arc<Entry<R>>| entry.first() > after && entry.last() <= up_to;
        let reaches_back = marks.entries.first().is_some_and(|oldest| oldest.first() <= after + 1);
        Marks {
            entries: marks.entries.iter().filter(within).cloned().collect(),
            complete: marks.complete || reaches_back,
        }
    }

    /// Begins to serve the topic in a shard: from here on its entries mark the topic dirty for it.
    ///
    /// # Panics
    /// If the shard's number is 64 or more.
    #[must_use]
    pub fn join(&self, shard: usize) -> Join<I> {
        assert!(shard < 64, "there are at most 64 shards");
        self.interest.fetch_or(1 << shard, Ordering::AcqRel);
        let image = self.image.load_full();
        let head = self.position_of(|| self.head.fetch_add(0, Ordering::AcqRel));
        Join { image, head }
    }

    /// Ends to serve it.
    pub fn leave(&self, shard: usize) {
        self.interest.fetch_and(!(1 << shard), Ordering::AcqRel);
    }

    fn position_of(&self, head: impl Fn() -> u64) -> Position {
        loop {
            let index = head();
            if index == 0 {
                return Position::default();
            }
            if let Some(entry) = self.log.read(index) {
                return entry.position();
            }
        }
    }
}

impl<R: Record, I> Publisher<R, I> {
    pub(crate) fn new(topic: Arc<Topic<R, I>>, shards: Arc<Shards>, budget: Arc<LogBudget>) -> Self {
        Self { topic, shards, budget, position: Position::default() }
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &Arc<Topic<R, I>> {
        &self.topic
    }

    /// Up to where it has published.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Publishes the next entry.
    pub fn publish(&mut self, record: R) -> Arc<Entry<R>> {
        self.publish_entry(record, None)
    }

    /// Publishes the next entry, and the whole state as of it.
    pub fn publish_with_image(&mut self, record: R, image: I) -> Arc<Entry<R>> {
        self.publish_entry(record, Some(image))
    }

    fn publish_entry(&mut self, record: R, image: Option<I>) -> Arc<Entry<R>> {
        let entry = Arc::new(Entry::new(self.position, record, Arc::clone(&self.budget)));
        self.position = entry.position();
        let topic = &*self.topic;
        if entry.record().is_mark() {
            self.mark(&entry);
        }
        topic.log.push(Arc::clone(&entry), &self.budget);
        topic.head.swap(self.position.index, Ordering::AcqRel);
        if let Some(body) = image {
            let image = Image { position: self.position, body, frame: FrameCell::default() };
            topic.image.store(Some(Arc::new(image)));
        }
        self.shards.mark(topic.interest.load(Ordering::Acquire), topic.id);
        entry
    }

    /// Marks are visible before the head that includes them.
    fn mark(&self, entry: &Arc<Entry<R>>) {
        let (mut entries, mut complete) = match self.topic.marks.load().as_deref() {
            Some(marks) => (marks.entries.clone(), marks.complete),
            None => (Vec::new(), true),
        };
        if entries.len() == MARKS {
            entries.remove(0);
            complete = false;
        }
        entries.push(Arc::clone(entry));
        self.topic.marks.store(Some(Arc::new(Marks { entries, complete })));
    }
}
