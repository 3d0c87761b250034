//! The venues that there are machines for.

use crate::machine::{Machine, MachineError};
use crate::market::Market;
use crate::pacer::Pacer;
use crate::settings::Settings;
use crate::{binance, bybit, coinbase, kraken, okx, ticks};
use schemas::venue::Parser;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// A venue, or a kind of feed, by the format that it speaks.
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
    /// Kraken, WebSocket v2.
    Kraken,
    /// OKX, v5.
    Okx,
    /// Tick lines.
    Ticks,
}

/// What a venue is to the rest of the program. Each machine's file has one; here is the list of them.
#[derive(Clone)]
pub(crate) struct Profile {
    /// Its name in URLs and on command lines, and in front of its symbols.
    pub(crate) name: &'static str,
    /// Makes its machine.
    pub(crate) machine: MakeMachine,
    /// What a frame is, as far as it decides how the feed of a capture is set up.
    pub(crate) glance: fn(&mut [u8], &mut Parser) -> Glance,
    /// Spreads symbols over as many connections as the venue's rules want.
    pub(crate) connections: fn(&Settings) -> Vec<Settings>,
    /// The depths of books that there are to choose from.
    pub(crate) depths: Depths,
    /// Whether trades can be had as aggregates, too.
    pub(crate) has_aggregates: bool,
    /// How often changes of books can be had, in milliseconds, the usual one first; empty without a choice.
    pub(crate) depth_ms: &'static [u32],
    /// Whether a recorder may have put bodies of depth over REST among the frames.
    pub(crate) rest_depth: bool,
    /// How often an address may connect.
    pub(crate) connects: Pacer,
    /// Where HTTP is served, of hosts that only serve streams: the one, the other.
    pub(crate) rest_hosts: &'static [(&'static str, &'static str)],
    /// Whether its streams have several entry points, so that no URL can name the path.
    pub(crate) has_entry_points: bool,
    /// Whether a second connection can take over from the first, so that nobody sees a break: its machine can tell what it has had.
    pub(crate) takes_over: bool,
    /// How long it lets a connection live, where it ends them by the clock.
    pub(crate) life: Option<Duration>,
    /// How long it may answer and send no data unless told otherwise, in milliseconds.
    pub(crate) data_silence_ms: u64,
}

pub(crate) type MakeMachine = fn(Settings, Arc<Market>) -> Result<Box<dyn Machine>, MachineError>;

impl Profile {
    /// What is usual: one connection, nothing to choose from, and a cautious pace.
    pub(crate) const fn new(
        name: &'static str,
        machine: MakeMachine,
        glance: fn(&mut [u8], &mut Parser) -> Glance,
    ) -> Self {
        Self {
            name,
            machine,
            glance,
            connections: |settings| vec![settings.clone()],
            depths: Depths::One,
            has_aggregates: false,
            depth_ms: &[],
            rest_depth: false,
            connects: Pacer::within(100, 60_000_000),
            rest_hosts: &[],
            has_entry_points: false,
            takes_over: false,
            life: None,
            data_silence_ms: 120_000,
        }
    }
}

/// The depths of books that a venue offers, in levels a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depths {
    /// There is no choice.
    One,
    /// One of these.
    Among(&'static [u16]),
    /// Any, up to this.
    UpTo(u16),
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
    /// A book of so many levels; the deepest of a capture counts.
    Book(usize),
    /// Best bid and ask, which will do as a book of one level.
    Best,
    /// A book was granted to so many levels.
    Granted(usize),
    /// Anything else.
    Other,
}

/// No machine speaks this venue's format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown venue `{0}`: expected {expected}", expected = Venue::expected())]
pub struct UnknownVenue(String);

impl Venue {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Binance,
        Self::BinanceUsdM,
        Self::BinanceCoinM,
        Self::Bybit,
        Self::Coinbase,
        Self::Kraken,
        Self::Okx,
        Self::Ticks,
    ];

    const fn profile(self) -> &'static Profile {
        match self {
            Self::Binance => &binance::SPOT,
            Self::BinanceUsdM => &binance::USD_M,
            Self::BinanceCoinM => &binance::COIN_M,
            Self::Bybit => &bybit::PROFILE,
            Self::Coinbase => &coinbase::PROFILE,
            Self::Kraken => &kraken::PROFILE,
            Self::Okx => &okx::PROFILE,
            Self::Ticks => &ticks::PROFILE,
        }
    }

    /// Its name in URLs and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.profile().name
    }

    /// Whether it is dialled over a WebSocket, by a URL such as `kraken+wss://...`.
    #[must_use]
    pub const fn is_dialled(self) -> bool {
        !matches!(self, Self::Ticks)
    }

    /// A machine for this venue; its symbols exist from here on.
    ///
    /// # Errors
    /// [`MachineError`] if the settings ask for what the venue does not have, or the symbols cannot be opened.
    pub fn machine(self, settings: Settings, market: Arc<Market>) -> Result<Box<dyn Machine>, MachineError> {
        (self.profile().machine)(settings, market)
    }

    /// The settings of as many connections as the symbols need by the venue's rules.
    #[must_use]
    pub fn connections(self, settings: &Settings) -> Vec<Settings> {
        (self.profile().connections)(settings)
    }

    /// The depths of books that there are to choose from.
    #[must_use]
    pub const fn depths(self) -> Depths {
        self.profile().depths
    }

    /// Whether trades can be had as aggregates, too.
    #[must_use]
    pub const fn has_aggregates(self) -> bool {
        self.profile().has_aggregates
    }

    /// How often changes of books can be had, in milliseconds, the usual one first; empty without a choice.
    #[must_use]
    pub const fn depth_ms(self) -> &'static [u32] {
        self.profile().depth_ms
    }

    /// How often an address may connect by the venue's rules.
    #[must_use]
    pub fn connects(self) -> Pacer {
        self.profile().connects.clone()
    }

    /// The host of the venue's HTTP interface, if streams come from a host that serves nothing else.
    #[must_use]
    pub fn rest_host(self, stream_host: &str) -> Option<&'static str> {
        let known = self.profile().rest_hosts.iter().find(|(host, _)| *host == stream_host);
        known.map(|(_, rest)| *rest)
    }

    /// Whether its streams have several entry points, so that no URL can name the path.
    #[must_use]
    pub const fn has_entry_points(self) -> bool {
        self.profile().has_entry_points
    }

    /// Whether a second connection can take over from the first without a break.
    #[must_use]
    pub const fn takes_over(self) -> bool {
        self.profile().takes_over
    }

    /// How long it lets a connection live, where it ends them by the clock.
    #[must_use]
    pub const fn life(self) -> Option<Duration> {
        self.profile().life
    }

    /// How long it may answer and send no data before another connection is made, unless told otherwise, in milliseconds.
    #[must_use]
    pub const fn data_silence_ms(self) -> u64 {
        self.profile().data_silence_ms
    }

    /// Whether its books begin over REST; a recorder may have put the bodies among the frames.
    #[must_use]
    pub const fn has_rest_depth(self) -> bool {
        self.profile().rest_depth
    }

    /// What a frame is, as far as it decides how the feed of a capture is set up.
    pub(crate) fn glance(self, frame: &mut [u8], parser: &mut Parser) -> Glance {
        (self.profile().glance)(frame, parser)
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
