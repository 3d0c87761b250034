use super::{Level, Micros, Quote, State, Ticker, Trade};
use std::sync::Arc;

/// An entry of a topic's log: what happened, when, and the topic's state since then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The venue's event time, where it gives one.
    pub ts: Option<Micros>,
    /// When the broker received it; from a capture: when the capture did.
    pub rx: Micros,
    /// The state of the topic as of this entry.
    pub state: State,
    /// What happened.
    pub body: Body,
}

/// The four kinds of entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A change.
    Update(Update),
    /// A whole new book, after a resync.
    Reset(BookImage),
    /// The topic is live, stale, resyncing or halted from here on.
    State(StateChange),
    /// Trades that the venue sent and we never got.
    Loss(Loss),
}

/// A change, by channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The trades of one venue message; each takes a sequence number.
    Trades(Box<[Trade]>),
    /// Best bid and ask, whole.
    Quote(Quote),
    /// 24-hour statistics, whole.
    Ticker(Box<Ticker>),
    /// The ten best levels of each side, whole.
    Book10(BookLevels),
    /// Levels that are set; size zero deletes.
    Book(BookLevels),
    /// The state of the symbol.
    Status(StateChange),
}

/// Levels of both sides, best first, and the checksum of the book as of this entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BookLevels {
    /// Bids, highest price first.
    pub bids: Vec<Level>,
    /// Asks, lowest price first.
    pub asks: Vec<Level>,
    /// CRC-32 of the ten best levels ([`crate::checksum`]).
    pub checksum: u32,
}

/// A whole book as of some entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BookImage {
    /// The venue's event time of the last change, where it gives one.
    pub ts: Option<Micros>,
    /// When the broker received the last change.
    pub rx: Micros,
    /// The state of the topic then.
    pub state: State,
    /// All kept levels: shared, since a reset stands in the log and as the image.
    pub levels: Arc<BookLevels>,
}

/// A change of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// The state from here on.
    pub state: State,
    /// Why, in a few words for people; may be empty.
    pub reason: Arc<str>,
    /// Since when.
    pub since: Micros,
    /// The latest data of a topic whose updates are whole, so that this entry is an image too.
    pub last: Option<Box<Whole>>,
}

/// The latest data of a topic whose updates are whole, with its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// The venue's event time, where it gives one.
    pub ts: Option<Micros>,
    /// When the broker received it.
    pub rx: Micros,
    /// The data.
    pub update: Update,
}

/// Trades that never reached us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// How many trades, by the venue's trade ids.
    pub lost: u64,
}

impl Event {
    /// How many sequence numbers the entry takes: one, or one for each trade. Never zero.
    #[must_use]
    pub fn width(&self) -> u64 {
        match &self.body {
            Body::Update(Update::Trades(trades)) => (trades.len() as u64).max(1),
            _ => 1,
        }
    }

    /// About how much memory the entry takes beside its own size, in bytes; that of a reset without its levels, which the image shares
    /// ([`BookImage::levels_bytes`]).
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.body {
            Body::Update(update) => update.heap_bytes(),
            Body::State(change) => change.heap_bytes(),
            Body::Reset(_) | Body::Loss(_) => 0,
        }
    }
}

impl BookImage {
    /// About how much memory its levels take, in bytes.
    #[must_use]
    pub fn levels_bytes(&self) -> usize {
        size_of::<BookLevels>() + self.levels.heap_bytes()
    }
}

impl Update {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Trades(trades) => size_of_val(&**trades),
            Self::Quote(_) => 0,
            Self::Ticker(ticker) => size_of_val(&**ticker),
            Self::Book10(levels) | Self::Book(levels) => levels.heap_bytes(),
            Self::Status(change) => change.heap_bytes(),
        }
    }
}

impl BookLevels {
    fn heap_bytes(&self) -> usize {
        (self.bids.capacity() + self.asks.capacity()) * size_of::<Level>()
    }
}

impl StateChange {
    fn heap_bytes(&self) -> usize {
        let last = self.last.as_ref().map_or(0, |whole| size_of::<Whole>() + whole.update.heap_bytes());
        self.reason.len() + last
    }
}
