//! What a log holds, and how places in it are named.

/// What a topic's log holds.
pub trait Record: Send + Sync + 'static {
    /// How many sequence numbers it takes; zero counts as one. A trades update of n trades is n wide.
    fn width(&self) -> u64;

    /// Whether a cursor that was lapped must still be told: a change of state, a loss. The topic keeps its last marks beyond
    /// its log's reach, so a mark should be small.
    fn is_mark(&self) -> bool;

    /// Whether a mark says what holds from there on. The last one that does is kept, however many marks come after it.
    fn holds_on(&self) -> bool {
        false
    }

    /// Whether it wakes each interested shard, also one that looks at the topic when it wakes by itself.
    fn is_urgent(&self) -> bool {
        self.is_mark()
    }

    /// What it takes on the heap, beside its own size, in bytes. What it shares with an image is not counted before the log holds it alone
    /// ([`EntryRef::count`](crate::EntryRef::count)).
    fn heap_bytes(&self) -> usize;
}

/// The number of a topic in its table, dense from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub u32);

/// A place in a topic, up to and including. Zero is before the first entry.
///
/// `seq` says which place it is: of two places the one with the smaller `seq` is the earlier. `index` says where the log goes on from
/// there: the entry after it contains `seq` + 1, perhaps in its middle if it is a wide one. Only where that entry has left the log, so that
/// nobody can look it up any more, `index` may be smaller, down to zero; all that lies between has left the log too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Position {
    /// Counts entries.
    pub index: u64,
    /// Counts sequence numbers.
    pub seq: u64,
}

impl Position {
    /// Before the first entry.
    pub const START: Self = Self { index: 0, seq: 0 };
}
