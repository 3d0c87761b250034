//! What can be wrong with what a subscriber gets.

use crate::failure::Reasons;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Faults that are listed; the rest is counted.
const LISTED_MAX: usize = 100;
const FRAME_BYTES_MAX: usize = 2048;

/// A broken promise of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The frame cannot be read as what it says it is.
    #[error("malformed frame: {0}")]
    Malformed(String),
    /// A topic that nobody asked for on this connection.
    #[error("a topic that this connection did not subscribe to")]
    NotSubscribed,
    /// A reply precedes all data that it grants.
    #[error("data of a topic before the reply that grants it")]
    BeforeReply,
    /// Nothing of a topic follows the reply to its unsubscribe.
    #[error("data of a topic after the reply to its unsubscribe")]
    AfterUnsubscribe,
    /// A range that goes backwards or begins at 0.
    #[error("[{0},{1}] is no range")]
    Range(u64, u64),
    /// A frame that does not begin where the last one ended.
    #[error("the range begins at {first} where {expected} was due")]
    Tiling {
        /// The last one plus 1.
        expected: u64,
        /// What came.
        first: u64,
    },
    /// The first frame of a topic that has data is no snapshot.
    #[error("the first frame of the topic is no snapshot")]
    NoSnapshot,
    /// The reply named another snapshot than the one that came.
    #[error("the reply promised a snapshot of `{promised}`, and one of `{came}` came")]
    Promise {
        /// Epoch and `seq` of the reply.
        promised: String,
        /// Epoch and `seq` of the snapshot.
        came: String,
    },
    /// An epoch changes by a snapshot only.
    #[error("a frame other than a snapshot names another epoch")]
    Epoch,
    /// A snapshot that nobody asked for takes the topic back.
    #[error("a snapshot of {seq} takes the topic back, which stood at {stood}")]
    Back {
        /// The snapshot's last `seq`.
        seq: u64,
        /// Where the topic stood.
        stood: u64,
    },
    /// A snapshot skips trades and no `gap` says so.
    #[error("{0} trades were skipped silently")]
    SilentLoss(u64),
    /// The checksum is not that of the book.
    #[error("checksum {sent}, but the book's is {computed}")]
    Checksum {
        /// In the frame.
        sent: u32,
        /// Of the rebuilt book.
        computed: u32,
    },
    /// A book frame without checksum.
    #[error("a book without checksum")]
    NoChecksum,
    /// Two ways to one `seq` of a topic give different data.
    #[error("the data at {seq} differs from what others got: {difference}")]
    Digits {
        /// Where.
        seq: u64,
        /// The first difference.
        difference: String,
    },
    /// Two ways to one `seq` of a topic give different states.
    #[error("the state at {seq} is `{here}` here and `{there}` for others")]
    State {
        /// Where.
        seq: u64,
        /// Of this subscriber.
        here: String,
        /// Of another one.
        there: String,
    },
    /// What a frame carries is not as much as its range covers.
    #[error("the range covers {width} and the frame accounts for {counted}")]
    Sum {
        /// The range's width.
        width: u64,
        /// Trades, or lost ones.
        counted: u64,
    },
    /// Trades are never replaced by newer ones.
    #[error("trades were conflated")]
    ConflatedTrades,
    /// A skipped range of a book can be made good by a snapshot only.
    #[error("an update of a book after a skipped range, without a snapshot")]
    Unmendable,
    /// Levels that are not best first, or more than ten of them.
    #[error("the levels are not the ten best, best first")]
    NotTopTen,
}

impl Fault {
    /// A name for counting.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NotSubscribed => "not_subscribed",
            Self::BeforeReply => "before_reply",
            Self::AfterUnsubscribe => "after_unsubscribe",
            Self::Range(..) => "range",
            Self::Tiling { .. } => "tiling",
            Self::NoSnapshot => "no_snapshot",
            Self::Promise { .. } => "promise",
            Self::Epoch => "epoch",
            Self::Back { .. } => "back",
            Self::SilentLoss(_) => "silent_loss",
            Self::Checksum { .. } => "checksum",
            Self::NoChecksum => "no_checksum",
            Self::Digits { .. } => "digits",
            Self::State { .. } => "state",
            Self::Sum { .. } => "sum",
            Self::ConflatedTrades => "conflated_trades",
            Self::Unmendable => "unmendable",
            Self::NotTopTen => "not_top_ten",
        }
    }
}

/// A fault and where it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The connection's number.
    pub connection: u32,
    /// The fault's name.
    pub fault: Cow<'static, str>,
    /// What was wrong.
    pub message: String,
    /// The frame, cut off where it is long.
    pub frame: String,
}

/// All faults that were found: counted by name, the first ones with their frames.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// How many, by name.
    pub counts: Reasons,
    /// The first ones.
    pub listed: Vec<Listed>,
}

impl Faults {
    /// Adds a fault of `connection` in `frame`.
    pub fn add(&mut self, connection: u32, fault: &Fault, frame: &[u8]) {
        self.counts.count(fault.name());
        if self.listed.len() < LISTED_MAX {
            let shown = String::from_utf8_lossy(&frame[..frame.len().min(FRAME_BYTES_MAX)]).into_owned();
            self.listed.push(Listed {
                connection,
                fault: fault.name().into(),
                message: fault.to_string(),
                frame: shown,
            });
        }
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.total()
    }

    /// Adds those of another thread.
    pub fn merge(&mut self, other: Self) {
        self.counts.merge(&other.counts);
        self.listed.extend(other.listed);
        self.listed.truncate(LISTED_MAX);
    }
}
