//! What is particular to each venue: how its frames are read, how it answers, and how a capture in its format is made.

pub mod binance;
pub mod bybit;
mod closing;
pub mod coinbase;
mod idle;
pub mod kraken;
pub mod okx;
mod precision;
mod subscribers;
#[cfg(test)]
mod testing;
pub(crate) mod window;

use crate::generate::listing::{Listing, Notation};
use crate::generate::teller::Teller;
use crate::serve::Limits;
use crate::stand_in::StandIn;
use schemas::capture::UnixNanos;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A venue that can be stood in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Venue {
    /// Binance spot.
    Binance,
    /// Binance futures with margin in dollars.
    BinanceUsdM,
    /// Binance futures with margin in coins.
    BinanceCoinM,
    /// Bybit, v5.
    Bybit,
    /// Coinbase Exchange.
    Coinbase,
    /// Kraken, WebSocket version 2.
    Kraken,
    /// OKX, v5.
    Okx,
}

/// What a venue is to the rest of the program. Each one's file has one; here is the list of them.
pub(crate) struct Profile {
    /// Whose machine reads its frames, and its name.
    pub(crate) feed: feed::venue::Venue,
    /// What a frame is.
    pub(crate) classify: fn(&str) -> Class<'_>,
    /// Makes what stands in for it.
    pub(crate) stand_in: fn(&Limits) -> Box<dyn StandIn>,
    /// How often clients may connect.
    pub(crate) connects: Connects,
    /// How many messages a client may send in a second, where the venue says so.
    pub(crate) messages_per_s: Option<u32>,
    /// How it writes symbols and numbers.
    pub(crate) notation: Notation,
    /// Makes what tells of a generated market in its format.
    pub(crate) teller: fn(&[Listing]) -> Box<dyn Teller>,
}

/// How often the clients of one address, which all are here, may connect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connects {
    pub(crate) max: usize,
    pub(crate) within: Duration,
}

/// What a frame is, as far as captures are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class<'a> {
    /// Data, or what only concerned the recorder's connection.
    pub kind: ClassKind,
    /// The venue's name of the channel or the kind of stream, such as `depth@100ms` or `matches`.
    pub channel: Cow<'a, str>,
    /// The symbol as the venue writes it; empty where there is none.
    pub symbol: Cow<'a, str>,
    /// The venue's time of the event, where it states one that is as old as the frame (which the time of a trade in a
    /// snapshot of past trades is not).
    pub event_time: Option<UnixNanos>,
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassKind {
    /// Market data of a channel.
    Data,
    /// Replies to requests, greetings and signs of life.
    Control,
    /// A REST depth body that stands between the frames, as hftbacktest writes it.
    RestDepth,
    /// Not recognised: damaged, or of a kind that this program does not know.
    Unknown,
}

impl Class<'_> {
    /// A frame that is not recognised.
    #[must_use]
    pub fn unknown() -> Self {
        Self::of(ClassKind::Unknown, "", "")
    }

    fn of<'a>(
        kind: ClassKind,
        channel: impl Into<Cow<'a, str>>,
        symbol: impl Into<Cow<'a, str>>,
    ) -> Class<'a> {
        Class { kind, channel: channel.into(), symbol: symbol.into(), event_time: None }
    }
}

impl Venue {
    /// All of them.
    pub const ALL: [Venue; 7] = [
        Venue::Binance,
        Venue::BinanceUsdM,
        Venue::BinanceCoinM,
        Venue::Bybit,
        Venue::Coinbase,
        Venue::Kraken,
        Venue::Okx,
    ];

    pub(crate) const fn profile(self) -> &'static Profile {
        match self {
            Venue::Binance => &binance::SPOT,
            Venue::BinanceUsdM => &binance::USD_M,
            Venue::BinanceCoinM => &binance::COIN_M,
            Venue::Bybit => &bybit::PROFILE,
            Venue::Coinbase => &coinbase::PROFILE,
            Venue::Kraken => &kraken::PROFILE,
            Venue::Okx => &okx::PROFILE,
        }
    }

    /// What stands in for it, without I/O; it has seen nothing yet.
    #[must_use]
    pub fn stand_in(self, limits: &Limits) -> Box<dyn StandIn> {
        (self.profile().stand_in)(limits)
    }

    /// Whose machine reads its frames.
    #[must_use]
    pub const fn feed(self) -> feed::venue::Venue {
        self.profile().feed
    }

    /// The name in command lines and captures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.feed().name()
    }

    /// What this venue's frame is.
    #[must_use]
    pub fn classify(self, frame: &str) -> Class<'_> {
        (self.profile().classify)(frame)
    }

    /// The venues that this frame can be of: some are told apart by most of their frames, but not by all.
    pub fn of_frame(frame: &str) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|venue| venue.classify(frame).kind != ClassKind::Unknown)
    }

    /// The names of those that fit, for people: `binance, coinbase or kraken`.
    #[must_use]
    pub fn names(fits: impl Fn(Self) -> bool) -> String {
        let names: Vec<_> = Self::ALL.into_iter().filter(|venue| fits(*venue)).map(Self::name).collect();
        match names.as_slice() {
            [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
            names => names.concat(),
        }
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Venue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|venue| venue.name() == text)
            .ok_or_else(|| format!("expected {}, found {text:?}", Self::names(|_| true)))
    }
}
