//! The venues that there are machines for.

use crate::binance::{self, Binance, BinanceError};
use crate::coinbase::{self, Coinbase};
use crate::kraken::{self, Kraken, KrakenError};
use crate::machine::Machine;
use crate::market::{Market, MarketError};
use crate::settings::Settings;
use crate::ticks::{self, Ticks};
use schemas::venue::Parser;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A venue, or a kind of feed, by the format that it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Venue {
    /// Binance spot.
    Binance,
    /// Coinbase Exchange.
    Coinbase,
    /// Kraken, WebSocket v2.
    Kraken,
    /// Tick lines.
    Ticks,
}

/// What a frame is at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glance {
    /// Best bid and ask.
    Quote,
    /// Trades, each by itself.
    Trade,
    /// Trades of one order in one.
    Aggregate,
    /// A book was granted to so many levels.
    Granted(usize),
    /// Anything else.
    Other,
}

/// No machine speaks this venue's format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown venue `{0}`: expected {expected}", expected = Venue::expected())]
pub struct UnknownVenue(String);

/// Why a machine cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// As Binance's rules have it.
    #[error(transparent)]
    Binance(#[from] BinanceError),
    /// As Kraken's rules have it.
    #[error(transparent)]
    Kraken(#[from] KrakenError),
    /// The symbols cannot be opened.
    #[error(transparent)]
    Market(#[from] MarketError),
}

impl Venue {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Binance, Self::Coinbase, Self::Kraken, Self::Ticks];

    /// Its name in URLs and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Coinbase => "coinbase",
            Self::Kraken => "kraken",
            Self::Ticks => "ticks",
        }
    }

    /// A machine for this venue; its symbols exist from here on.
    ///
    /// # Errors
    /// [`MachineError`] if the settings ask for what the venue does not have, or the symbols cannot be opened.
    pub fn machine(self, settings: Settings, market: Arc<Market>) -> Result<Box<dyn Machine>, MachineError> {
        Ok(match self {
            Self::Binance => Box::new(Binance::new(settings, market)?),
            Self::Coinbase => Box::new(Coinbase::new(settings, market)?),
            Self::Kraken => Box::new(Kraken::new(settings, market)?),
            Self::Ticks => Box::new(Ticks::new(settings, market)?),
        })
    }

    /// What a frame is, as far as it decides how the feed of a capture is set up.
    pub(crate) fn glance(self, frame: &mut [u8], parser: &mut Parser) -> Glance {
        match self {
            Self::Binance => binance::glance(frame, parser),
            Self::Coinbase => coinbase::glance(frame, parser),
            Self::Kraken => kraken::glance(frame, parser),
            Self::Ticks => ticks::glance(frame, parser),
        }
    }

    fn expected() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Venue {
    type Err = UnknownVenue;

    fn from_str(name: &str) -> Result<Self, UnknownVenue> {
        let unknown = || UnknownVenue(name.chars().take(64).collect());
        Self::ALL.into_iter().find(|venue| venue.name() == name).ok_or_else(unknown)
    }
}
