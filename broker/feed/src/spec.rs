//! What a feed is: where market data comes from, and what of it.

mod query;
mod url;

pub use self::url::{FeedUrlError, has_port};

use crate::settings::{Channels, Settings, Trades};
use crate::venue::Venue;
use ::url::Url;
use schemas::model::Channel;
use std::path::PathBuf;

/// A feed, as its URL describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedSpec {
    /// The URL as it was typed.
    pub url: String,
    /// The venue's name in front of the feed's symbols; a recording may name it itself.
    pub venue: Option<String>,
    /// Where the data comes from.
    pub source: Source,
    /// What of it is wanted.
    pub selection: Selection,
}

/// Where a feed's data comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A simulated market.
    Simulated(SimulatedFeed),
    /// A capture.
    File(FileFeed),
    /// Tick lines over TCP.
    TickLines(TickLines),
    /// A venue's WebSocket.
    Venue(VenueFeed),
}

/// What of a feed is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Symbols that exist from the start, by the venue's names.
    pub symbols: Vec<String>,
    /// Symbols come and go with their subscribers instead.
    pub on_demand: bool,
    /// Channels; none: all.
    pub channels: Vec<Channel>,
    /// Levels a side, where the source offers a choice.
    pub depth: Option<usize>,
    /// Silence after which the feed is stale, in milliseconds; none: as usual with such feeds.
    pub stale_after_ms: Option<u64>,
}

impl FeedSpec {
    /// These settings with what the feed's URL says: its venue's name, symbols, channels, depth and limit of silence.
    #[must_use]
    pub fn settings(&self, settings: Settings) -> Settings {
        let Selection { symbols, channels, depth, stale_after_ms, .. } = &self.selection;
        let stale_after_ms = stale_after_ms.or(settings.stale_after_ms);
        let mut settings = Settings { symbols: symbols.clone(), depth: *depth, stale_after_ms, ..settings };
        if let Some(venue) = &self.venue {
            settings.venue.clone_from(venue);
        }
        if !channels.is_empty() {
            settings.channels = Channels::of(channels);
        }
        settings
    }
}

impl VenueFeed {
    /// These settings with what the URL says of its venue's choices.
    #[must_use]
    pub fn settle(&self, settings: Settings) -> Settings {
        let depth_ms = self.depth_ms.unwrap_or(settings.depth_ms);
        let data_silence_ms = Some(self.data_silence_ms).filter(|ms| *ms > 0);
        Settings { trades: self.trades, depth_ms, data_silence_ms, ..settings }
    }
}

/// A simulated market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedFeed {
    /// How many symbols there are.
    pub symbols: usize,
    /// Updates a second, over all symbols.
    pub rate: u64,
    /// Where its chance begins.
    pub seed: u64,
}

/// A capture that is replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct FileFeed {
    /// Where it lies.
    pub path: PathBuf,
    /// How fast it goes.
    pub speed: Speed,
    /// Begin anew at its end.
    pub looped: bool,
    /// Keep a digest of each topic for `/v1/digests`.
    pub digest: bool,
    /// Which trades, where the capture holds both.
    pub trades: Trades,
}

/// How fast a capture is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// This many times as fast as it was recorded.
    Times(f64),
    /// As fast as it can be read.
    Max,
}

/// Tick lines over TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickLines {
    /// Who calls whom.
    pub link: TickLink,
    /// `HOST:PORT` of the other side, or of ours.
    pub address: String,
}

/// Who opens the connection of tick lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TickLink {
    /// The broker dials.
    Dial,
    /// Publishers dial the broker.
    Listen,
}

/// A venue's WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueFeed {
    /// Whose messages they are.
    pub venue: Venue,
    /// `ws` or `wss`, host, port and path.
    pub stream: Url,
    /// Where its HTTP requests go.
    pub rest: Url,
    /// Which trades, where the venue offers a choice.
    pub trades: Trades,
    /// How often changes of books are sent, in milliseconds; none: where the venue offers no choice.
    pub depth_ms: Option<u32>,
    /// How long the venue may answer and send no data before another connection is made, in milliseconds; 0: for as long as it likes.
    pub data_silence_ms: u64,
    /// The name that it shares with the other lines of the same feed.
    pub name: Option<String>,
}

impl std::str::FromStr for FeedSpec {
    type Err = FeedUrlError;

    fn from_str(text: &str) -> Result<Self, FeedUrlError> {
        Self::parse(text)
    }
}
