//! What was published: the reference that every frame is compared with.

use feed::topic::{Entry, Held, TopicHandle};
use schemas::decimal::Decimal;
use schemas::model::{Body, BookLevels, Level, State, Trade, Update};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Price and size as they are written.
pub(super) type Written = [String; 2];

/// A book, by price.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Levels {
    pub(super) bids: BTreeMap<Decimal, Written>,
    pub(super) asks: BTreeMap<Decimal, Written>,
}

/// One topic: all its entries, out of a log that forgets nothing, and the topic that the shard serves.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) served: Arc<TopicHandle>,
    reference: Arc<TopicHandle>,
    entries: Vec<Held>,
    /// The book as of each entry.
    books: Vec<Levels>,
}

impl Truth {
    pub(super) fn new(served: Arc<TopicHandle>, reference: Arc<TopicHandle>) -> Self {
        Self { served, reference, entries: Vec::new(), books: Vec::new() }
    }

    /// Takes in what was published since the last look, and says where that begins.
    pub(super) fn look(&mut self) -> usize {
        let seen = self.entries.len();
        for index in seen as u64 + 1..=self.reference.topic.head_index() {
            let entry = self.reference.topic.read(index).expect("the reference forgets nothing");
            assert_eq!(entry.first(), self.head() + 1, "entries tile");
            let mut book = self.books.last().cloned().unwrap_or_default();
            book.apply(&entry.record().body);
            self.entries.push(entry);
            self.books.push(book);
        }
        assert_eq!(self.served.topic.head(), self.reference.topic.head());
        seen
    }

    pub(super) fn entries_from(&self, at: usize) -> &[Held] {
        &self.entries[at..]
    }

    /// The last `seq`.
    pub(super) fn head(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.last())
    }

    /// How many entries it has.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn place(&self, seq: u64) -> Option<usize> {
        let place = self.entries.partition_point(|entry| entry.last() < seq);
        (seq > 0 && place < self.entries.len()).then_some(place)
    }

    /// The entry that `seq` is of.
    pub(super) fn entry(&self, seq: u64) -> Option<&Entry> {
        self.place(seq).map(|place| &*self.entries[place])
    }

    /// The entries that a range is of.
    pub(super) fn entries(&self, first: u64, last: u64) -> &[Held] {
        match (self.place(first), self.place(last)) {
            (Some(from), Some(to)) if from <= to => &self.entries[from..=to],
            _ => &[],
        }
    }

    /// Whether the entry that `seq` is of is still in the log that the shard reads.
    pub(super) fn is_in_log(&self, seq: u64) -> bool {
        self.place(seq).is_some_and(|place| self.served.topic.read(place as u64 + 1).is_some())
    }

    /// Whether all after `seq` is still in the log that the shard reads.
    pub(super) fn log_reaches_back_to(&self, seq: u64) -> bool {
        self.entries(seq + 1, self.head()).iter().all(|entry| self.served.topic.read(entry.index()).is_some())
    }

    /// The topic's state as of `seq`.
    pub(super) fn state(&self, seq: u64) -> State {
        self.entry(seq).map_or(State::default(), |entry| entry.record().state)
    }

    /// The latest data as of `seq`: an update or a whole book.
    pub(super) fn data(&self, seq: u64) -> Option<&Entry> {
        let up_to = self.place(seq).map_or(0, |place| place + 1);
        let is_data = |entry: &&Held| matches!(entry.record().body, Body::Update(_) | Body::Reset(_));
        self.entries[..up_to].iter().rev().find(is_data).map(|entry| &**entry)
    }

    /// The last `seq` of the latest data as of `seq`.
    pub(super) fn data_seq(&self, seq: u64) -> u64 {
        self.data(seq).map_or(0, |entry| entry.last())
    }

    /// The book as of `seq`.
    pub(super) fn book(&self, seq: u64) -> Levels {
        self.place(seq).map(|place| self.books[place].clone()).unwrap_or_default()
    }

    /// Whether more states and losses came since `seq` than a topic keeps beyond its log: then some of them count as trades.
    pub(super) fn has_forgotten_marks(&self, seq: u64) -> bool {
        let kept = table::TopicOptions::default().marks_max;
        let is_mark = |entry: &&Held| matches!(entry.record().body, Body::State(_) | Body::Loss(_));
        self.entries(seq, self.head()).iter().filter(is_mark).count() > kept
    }

    /// The trades of a range; what else it holds takes a number too, but is none.
    pub(super) fn trades(&self, first: u64, last: u64) -> Vec<&Trade> {
        let mut found = Vec::new();
        for entry in self.entries(first, last) {
            if let Body::Update(Update::Trades(trades)) = &entry.record().body {
                let numbered = (entry.first()..).zip(trades.iter());
                found
                    .extend(numbered.filter(|(seq, _)| (first..=last).contains(seq)).map(|(_, trade)| trade));
            }
        }
        found
    }
}

impl Levels {
    /// What an entry makes of the book.
    fn apply(&mut self, body: &Body) {
        match body {
            Body::Reset(image) => {
                *self = Self::default();
                self.set(&image.levels);
            }
            Body::Update(Update::Book(levels)) => self.set(levels),
            _ => {}
        }
        let is_there = |_: &Decimal, level: &mut Written| level[1] != "0";
        self.bids.retain(is_there);
        self.asks.retain(is_there);
    }

    /// Sets levels; a deleted one is set to zero.
    pub(super) fn set(&mut self, levels: &BookLevels) {
        self.bids.extend(levels.bids.iter().map(|level| (level.price, written(level))));
        self.asks.extend(levels.asks.iter().map(|level| (level.price, written(level))));
    }

    /// Bids and asks as frames list them, best first.
    pub(super) fn lists(&self) -> (Vec<Written>, Vec<Written>) {
        (self.bids.values().rev().cloned().collect(), self.asks.values().cloned().collect())
    }
}

/// As it stands in a frame: a deleted level is a bare zero.
fn written(level: &Level) -> Written {
    let size = if level.size.is_zero() { "0".to_owned() } else { level.size.to_string() };
    [level.price.to_string(), size]
}
