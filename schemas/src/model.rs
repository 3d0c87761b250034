//! The market model: what a topic is called and what may happen to it.
//!
//! A topic is one [`Channel`] of one [`Symbol`]. Its log holds [`Event`]s. Prices and sizes are the venue's own digits
//! ([`Decimal`]); fields that a venue does not send are absent, never made up.

mod event;
mod symbol;

pub use event::{Body, BookImage, BookLevels, Event, Loss, StateChange, Update, Whole};
pub use symbol::{Symbol, SymbolError, SymbolInfo};

use crate::decimal::Decimal;
use std::fmt;
use std::str::FromStr;

/// A point in time: microseconds since the Unix epoch, which stay exact in a browser's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub u64);

impl Micros {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000))
    }

    /// From nanoseconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns / 1_000)
    }

    /// The microseconds from `earlier` to this time; zero if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This time and `us` microseconds.
    #[must_use]
    pub const fn plus(self, us: u64) -> Self {
        Self(self.0.saturating_add(us))
    }
}

/// What of a symbol a topic tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Channel {
    /// Every trade.
    Trades,
    /// Best bid and ask, whole at each change.
    Quotes,
    /// 24-hour statistics, whole at each change.
    Ticker,
    /// The ten best levels of each side, whole at each change.
    Book10,
    /// The book as levels that are set.
    Book,
    /// The state of the symbol over all its topics.
    Status,
}

impl Channel {
    /// All channels, in the order of their numbers.
    pub const ALL: [Channel; 6] =
        [Self::Trades, Self::Quotes, Self::Ticker, Self::Book10, Self::Book, Self::Status];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Quotes => "quotes",
            Self::Ticker => "ticker",
            Self::Book10 => "book10",
            Self::Book => "book",
            Self::Status => "status",
        }
    }

    /// Whether each update is the whole state, so that the latest one replaces all before it.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        !matches!(self, Self::Trades | Self::Book)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown channel `{0}`: expected trades, quotes, ticker, book10, book or status")]
pub struct UnknownChannel(String);

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(name: &str) -> Result<Self, UnknownChannel> {
        Self::ALL
            .into_iter()
            .find(|c| c.name() == name)
            .ok_or_else(|| UnknownChannel(name.chars().take(64).collect()))
    }
}

/// The side of an order. Of a trade: the aggressor's (the taker's).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Buys, or stands in the bids.
    Buy,
    /// Sells, or stands in the asks.
    Sell,
}

impl Side {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }

    /// The other side: of a maker's, the taker's.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// How far a topic's data can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum State {
    /// Current as far as the feed can tell.
    Live,
    /// Nothing came for longer than the feed's limit, or its connection is down.
    Stale,
    /// Not (or no longer) joined to the venue's stream; a new image is on its way.
    #[default]
    Resyncing,
    /// The venue has stopped trading.
    Halted,
}

impl State {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Resyncing => "resyncing",
            Self::Halted => "halted",
        }
    }
}

/// A venue's name for a trade: a number nearly everywhere, and then it is kept as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TradeId {
    /// A number; most venues count their trades.
    Number(u64),
    /// Anything else, as the venue wrote it.
    Text(Box<str>),
}

/// One trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// The venue's name for it.
    pub id: Option<TradeId>,
    /// When it happened, by the venue's clock.
    pub ts: Option<Micros>,
    /// At which price.
    pub price: Decimal,
    /// How much of the base asset.
    pub size: Decimal,
    /// The aggressor's side.
    pub side: Option<Side>,
}

/// Best bid and ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quote {
    /// The highest price that someone bids.
    pub bid: Option<Decimal>,
    /// The size there.
    pub bid_size: Option<Decimal>,
    /// The lowest price that someone asks.
    pub ask: Option<Decimal>,
    /// The size there.
    pub ask_size: Option<Decimal>,
}

impl Quote {
    /// Whether both are written with the same digits, field by field.
    #[must_use]
    pub fn same_digits(&self, other: &Self) -> bool {
        let same = |a: Option<Decimal>, b: Option<Decimal>| match (a, b) {
            (Some(a), Some(b)) => a.same_digits(b),
            (None, None) => true,
            _ => false,
        };
        same(self.bid, other.bid)
            && same(self.bid_size, other.bid_size)
            && same(self.ask, other.ask)
            && same(self.ask_size, other.ask_size)
    }
}

/// Statistics of the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticker {
    /// Price of the last trade.
    pub last: Option<Decimal>,
    /// Price 24 hours ago.
    pub open: Option<Decimal>,
    /// Highest price.
    pub high: Option<Decimal>,
    /// Lowest price.
    pub low: Option<Decimal>,
    /// Volume in the base asset.
    pub volume: Option<Decimal>,
    /// Volume in the quote asset.
    pub quote_volume: Option<Decimal>,
    /// Volume-weighted average price.
    pub vwap: Option<Decimal>,
    /// Change of the price in percent.
    pub change_pct: Option<Decimal>,
}

/// A price and what stands there. In an update a size of zero deletes the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The price.
    pub price: Decimal,
    /// How much of the base asset; zero deletes.
    pub size: Decimal,
}
