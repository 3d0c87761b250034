//! What a feed is told: which symbols, which channels, how deep.

use crate::demand::OnDemand;
use crate::lines::Line;
use crate::machine::MachineError;
use crate::roster::Roster;
use schemas::capture::LINE_BYTES_MAX;
use schemas::model::Channel;
use std::sync::Arc;

/// Levels a side that are published unless told otherwise.
pub const BOOK_DEPTH: usize = 1_000;
/// Symbols that one feed may open unless told otherwise.
pub const SYMBOLS_MAX: usize = 10_000;
/// Entries of a book between two images, a quarter of the usual log.
pub const IMAGE_EVERY: u32 = 256;
/// Silence after which a venue's feed is stale unless told otherwise, in milliseconds.
pub const STALE_AFTER_MS: u64 = 5_000;
/// Silence after which a feed dials anew unless told otherwise, in milliseconds.
pub const RECONNECT_AFTER_MS: u64 = 30_000;

/// The settings of one feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The venue's name as it stands in front of its symbols.
    pub venue: String,
    /// Symbols that exist from the start, by the venue's own names.
    pub symbols: Vec<String>,
    /// Whether symbols appear when they are first seen: in captures that name none, and in tick lines.
    pub discover: bool,
    /// Whether the messages come from a capture: what its recorder had asked for is not what these settings say.
    pub is_recorded: bool,
    /// How many symbols the feed may open.
    pub symbols_max: usize,
    /// What of a symbol is published.
    pub channels: Channels,
    /// Levels a side that are published.
    pub book_depth: usize,
    /// The depth asked of the venue where there is a choice: Kraken's book, Binance's depth snapshot.
    pub depth: Option<usize>,
    /// Which of Binance's trade streams is read.
    pub trades: Trades,
    /// How often Binance sends changes of its books, in milliseconds: 100 or 1000.
    pub depth_ms: u32,
    /// Where quotes come from.
    pub quotes: Quotes,
    /// What stands between base and quote in the venue's names of symbols, where something does.
    pub separator: Option<char>,
    /// Silence after which the feed is stale, in milliseconds; none: never.
    pub stale_after_ms: Option<u64>,
    /// Silence after which the feed dials anew, in milliseconds; none: never.
    pub reconnect_after_ms: Option<u64>,
    /// How long the venue may answer and send no data before another connection is made, in milliseconds; none: for as long as it
    /// likes. Where silences were longer before, the limit is longer too.
    pub data_silence_ms: Option<u64>,
    /// Whether a symbol counts as live only when its book is.
    pub awaits_book: bool,
    /// Entries of a book between two images.
    pub image_every: u32,
    /// The name of the topics' present life.
    pub epoch: Arc<str>,
    /// Whether each topic's frames are digested as they are published.
    pub digest: bool,
    /// Whether all of a capture counts as received at the beginning of time, in topics that are always called the same: so that
    /// two recordings of the same messages can be compared.
    pub timeless: bool,
    /// Bytes of one line of a capture; a longer one counts as damaged.
    pub capture_line_bytes_max: usize,
    /// Whether another connection carries the other channels of the same symbols, and this one those that may be quiet for long:
    /// its part of a symbol is live as soon as it is connected.
    pub is_companion: bool,
    /// Which of several lines the feed is; none: it is the only one.
    pub line: Option<Line>,
    /// Symbols come and go with their subscribers; none: those that are named are there for good.
    pub on_demand: Option<OnDemand>,
    /// Where another list of symbols is left; none: the list stays as it is.
    pub roster: Option<Roster>,
}

impl Settings {
    /// The settings of `venue` that nobody changed, without symbols.
    #[must_use]
    pub fn new(venue: &str, epoch: impl Into<Arc<str>>) -> Self {
        Self {
            venue: venue.to_owned(),
            symbols: Vec::new(),
            discover: false,
            is_recorded: false,
            symbols_max: SYMBOLS_MAX,
            channels: Channels::ALL,
            book_depth: BOOK_DEPTH,
            depth: None,
            trades: Trades::Each,
            depth_ms: 100,
            quotes: Quotes::Auto,
            separator: None,
            stale_after_ms: Some(STALE_AFTER_MS),
            reconnect_after_ms: Some(RECONNECT_AFTER_MS),
            data_silence_ms: None,
            awaits_book: true,
            image_every: IMAGE_EVERY,
            epoch: epoch.into(),
            digest: false,
            timeless: false,
            capture_line_bytes_max: LINE_BYTES_MAX,
            is_companion: false,
            line: None,
            on_demand: None,
            roster: None,
        }
    }
}

impl Settings {
    /// The same for as many connections as the symbols need, if each may cost `max` in all; at least one.
    pub(crate) fn split(&self, max: usize, cost: impl Fn(&str) -> usize) -> Vec<Self> {
        let (mut parts, mut left) = (vec![Vec::new()], max);
        for symbol in &self.symbols {
            let cost = cost(symbol);
            if cost > left && !parts[parts.len() - 1].is_empty() {
                parts.push(Vec::new());
                left = max;
            }
            left = left.saturating_sub(cost);
            parts.last_mut().into_iter().for_each(|part| part.push(symbol.clone()));
        }
        parts.into_iter().map(|symbols| Self { symbols, ..self.clone() }).collect()
    }

    /// The depth of books that is asked for, else the usual one; a recording may hold others than a client may ask for.
    pub(crate) fn depth_among(
        &self,
        venue: &'static str,
        offered: &'static [u16],
        usual: u16,
    ) -> Result<u16, MachineError> {
        let Some(asked) = self.depth else { return Ok(usual) };
        let is_offered = |depth: &u16| self.is_recorded || offered.contains(depth);
        let refused = MachineError::Depth { venue, offered, asked };
        u16::try_from(asked).ok().filter(is_offered).ok_or(refused)
    }

    /// The settings of a feed of tick lines: an in-house feed may be silent for as long as it likes.
    #[must_use]
    pub fn of_ticks(venue: &str, epoch: impl Into<Arc<str>>) -> Self {
        Self {
            discover: true,
            awaits_book: false,
            stale_after_ms: None,
            reconnect_after_ms: None,
            ..Self::new(venue, epoch)
        }
    }
}

/// Which of Binance's trade streams is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trades {
    /// Every trade (`trade`).
    #[default]
    Each,
    /// The fills of one taker order at one price together (`aggTrade`).
    Aggregate,
}

/// Where quotes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quotes {
    /// From the venue's quote stream if it sends one, else from the book's top. That is known when the first quote has come
    /// or has not come for some seconds; until then the tops are held back.
    #[default]
    Auto,
    /// From the venue's quote stream.
    Stream,
    /// From the book's top when it changes.
    Book,
}

/// The channels of a symbol that a feed fills. `status` is always among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Channels(u8);

impl Channels {
    /// All of them.
    pub const ALL: Self = Self(0b11_1111);

    /// These; with `book` goes `book10`, and the reverse.
    #[must_use]
    pub fn of(channels: &[Channel]) -> Self {
        let bits = channels.iter().fold(bit(Channel::Status), |bits, channel| bits | bit(*channel));
        let books = bit(Channel::Book) | bit(Channel::Book10);
        Self(if bits & books == 0 { bits } else { bits | books })
    }

    /// Whether `channel` is among them.
    #[must_use]
    pub fn has(self, channel: Channel) -> bool {
        self.0 & bit(channel) != 0
    }

    /// All that are among them.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::ALL.into_iter().filter(move |channel| self.has(*channel))
    }
}

impl Default for Channels {
    fn default() -> Self {
        Self::ALL
    }
}

const fn bit(channel: Channel) -> u8 {
    1 << channel as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_spread_over_as_few_connections_as_will_do() {
        let symbols = ["aa", "bbb", "c", "dddddd", "e"].map(str::to_owned).to_vec();
        let settings = Settings { symbols, ..Settings::new("v", "e") };
        let parts: Vec<_> =
            settings.split(5, str::len).into_iter().map(|part| part.symbols.concat()).collect();
        assert_eq!(parts, ["aabbb", "c", "dddddd", "e"]);
        assert_eq!(Settings::new("v", "e").split(5, str::len).len(), 1);
    }

    #[test]
    fn a_book_brings_its_top_along() {
        let channels = Channels::of(&[Channel::Trades, Channel::Book]);
        let names: Vec<_> = channels.iter().map(Channel::name).collect();
        assert_eq!(names, ["trades", "book10", "book", "status"]);
        assert!(!channels.has(Channel::Quotes));
        assert_eq!(Channels::ALL.iter().count(), Channel::ALL.len());
    }
}
