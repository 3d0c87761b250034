//! What a shard counts. It counts in plain numbers of its own and publishes them once a turn, so that counting costs the hot
//! path nothing; whoever reads them, for metrics, sees numbers that are a turn old.

use super::advance::Skipped;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The figures of one shard, as of its last turn.
        #[derive(Debug, Default)]
        pub struct ShardStats {
            $($(#[doc = $doc])+ pub $name: AtomicU64,)+
        }

        /// The shard's own side of its figures.
        #[derive(Debug, Default)]
        pub(crate) struct Counts {
            $(pub(crate) $name: u64,)+
        }

        impl Counts {
            fn store(&self, stats: &ShardStats) {
                $(stats.$name.store(self.$name, Relaxed);)+
            }
        }

        impl ShardStats {
            /// Name, help text and value of each figure.
            #[must_use]
            pub fn figures(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($doc),+), self.$name.load(Relaxed)),)+]
            }
        }
    };
}

counters! {
    /// Connections now.
    connections,
    /// Subscriptions now, those that patterns brought included.
    subscriptions,
    /// Connections now that are served by their cursors: their socket is full, or they just asked for something.
    connections_behind,
    /// Subscriptions now that are served in a slower tier than they asked for.
    subscriptions_demoted,
    /// Bytes held now for connections whose sockets are full: rests of frames, replies.
    bytes_held,
    /// The most bytes held now for one connection.
    bytes_held_largest,
    /// Data frames written, one for each connection that got it; what is conflated and what replaces it count as one.
    deliveries,
    /// Writes to sockets.
    writes,
    /// Bytes written to sockets.
    bytes_written,
    /// Sequence numbers that were conflated, one for each connection.
    conflated,
    /// Trades that connections lost because they read too slowly.
    lost,
    /// Times that a connection's socket was full.
    fell_behind,
    /// Times that a subscription was moved to a slower tier because it was late again and again.
    demotions,
    /// Times that a subscription was moved back to a faster tier.
    promotions,
    /// Connections accepted.
    accepted,
    /// Connections ended.
    ended,
    /// Connections closed because they read too slowly for too long.
    closed_slow,
    /// Connections closed because no pong came.
    closed_no_pong,
    /// Connections closed because they broke the protocol or a limit.
    closed_policy,
    /// Connections reset because their close frame could not be sent.
    resets,
    /// Requests answered.
    requests,
    /// Requests refused because they came too fast.
    requests_refused,
    /// Subscriptions refused because the connection has too many.
    subscriptions_refused,
    /// Turns.
    turns,
    /// Time spent in turns, in microseconds.
    turn_us,
    /// The longest turn so far, in microseconds.
    turn_longest_us,
}

/// How many data frames, and what they skip.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) frames: u64,
    pub(crate) skipped: Skipped,
}

impl Told {
    /// Counts one more frame.
    pub(crate) fn add(&mut self, skipped: Skipped) {
        *self = self.with(Self { frames: 1, skipped });
    }

    /// Both.
    pub(crate) fn with(self, other: Self) -> Self {
        let conflated = self.skipped.conflated + other.skipped.conflated;
        let lost = self.skipped.lost + other.skipped.lost;
        Self { frames: self.frames + other.frames, skipped: Skipped { conflated, lost } }
    }
}

impl Counts {
    /// A write took `bytes`, which are the frames that `told` counts.
    pub(crate) fn wrote(&mut self, bytes: usize, told: Told) {
        self.writes += 1;
        self.bytes_written += bytes as u64;
        self.deliveries += told.frames;
        self.conflated += told.skipped.conflated;
        self.lost += told.skipped.lost;
    }

    /// A turn has ended.
    pub(crate) fn publish(&mut self, stats: &ShardStats, turn: Duration) {
        let us = turn.as_micros() as u64;
        self.turns += 1;
        self.turn_us += us;
        self.turn_longest_us = self.turn_longest_us.max(us);
        self.store(stats);
    }
}
