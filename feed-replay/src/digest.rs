//! What the broker would publish of a capture, as one digest per topic: the same code publishes there and here, so equal digests
//! mean the same bytes in each topic's log, whatever the speed.

use crate::source::{Item, Source};
use crate::tape::{Tape, TapeError};
use crate::venue::Venue;
use feed::digest::Digest;
use feed::market::{Market, MarketLimits};
use feed::replay::{Replay, ReplayError};
use feed::settings::{BOOK_DEPTH, Channels};
use feed::topic::Table;
use schemas::capture::{Header, Writer, decompressed};
use schemas::model::Channel;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

const TOPICS_MAX: u32 = 120_000;
/// Digests are taken as entries are published, so that the logs may be short.
const LOG_BYTES_MAX: usize = 64 << 20;

/// What is published of the capture: what a `file:` feed's URL says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whose frames it holds.
    pub venue: Venue,
    /// The symbols that exist from the start; without any, all that the capture holds.
    pub symbols: Vec<String>,
    /// The channels; without any, all.
    pub channels: Vec<Channel>,
    /// Levels a side, where the venue offers a choice.
    pub depth: Option<usize>,
    /// Levels a side that are published.
    pub book_depth: usize,
    /// Whether times and the topics' name count for nothing.
    pub timeless: bool,
}

impl Settings {
    /// What `file:PATH?venue=VENUE` means.
    #[must_use]
    pub fn of_venue(venue: Venue) -> Self {
        Self {
            venue,
            symbols: Vec::new(),
            channels: Vec::new(),
            depth: None,
            book_depth: BOOK_DEPTH,
            timeless: false,
        }
    }
}

/// The digests of a capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Digests {
    /// One for each topic that had an entry, by symbol and channel.
    pub topics: Vec<Digest>,
    /// All of them in one.
    pub total: Total,
    /// Damaged lines that were passed over.
    pub damaged: u64,
}

/// All topics together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Total {
    /// How many topics had an entry.
    pub topics: usize,
    /// Entries of all topics.
    pub entries: u64,
    /// SHA-256 over the lines `channel symbol sha256`, each with a line feed.
    pub sha256: String,
}

/// Why there is no digest.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// A file cannot be opened or read.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The capture cannot be replayed, or breaks off.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Replays `tape` into a market of its own, as fast as it goes. What is no capture is read as `import` would write it.
///
/// # Errors
/// [`DigestError`].
pub fn digest(tape: &Tape, settings: &Settings) -> Result<Digests, DigestError> {
    let (mut replay, market) = replay(tape, settings, true)?;
    while replay.step()? {}
    let topics = market.registry().digests().topics;
    Ok(Digests { total: Total::of(&topics), topics, damaged: replay.damaged() })
}

/// A replay of `tape` that has not begun, and the market that it is to fill.
pub(crate) fn replay(
    tape: &Tape,
    settings: &Settings,
    digest: bool,
) -> Result<(Replay, Arc<Market>), DigestError> {
    // Opening errors are told better by the tape.
    tape.open()?;
    let table = Arc::new(Table::new(TOPICS_MAX, LOG_BYTES_MAX, Vec::new()));
    let market = Arc::new(Market::new(table, MarketLimits::default()));
    let (venue, tape) = (settings.venue, tape.clone());
    let open = Box::new(move || open_text(&tape, venue));
    let settings = feed::settings::Settings { digest, ..feed_settings(settings) };
    Ok((Replay::new(open, venue.feed(), false, settings, Arc::clone(&market))?, market))
}

fn feed_settings(settings: &Settings) -> feed::settings::Settings {
    // The replay makes the epoch from the capture and the settings.
    let mut feed = feed::settings::Settings::new(settings.venue.name(), "");
    feed.symbols.clone_from(&settings.symbols);
    if !settings.channels.is_empty() {
        feed.channels = Channels::of(&settings.channels);
    }
    feed.depth = settings.depth;
    feed.book_depth = settings.book_depth;
    feed.timeless = settings.timeless;
    feed
}

impl Total {
    fn of(topics: &[Digest]) -> Self {
        let mut hash = Sha256::new();
        for Digest { channel, symbol, sha256, .. } in topics {
            hash.update(format!("{channel} {symbol} {sha256}\n"));
        }
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { topics: topics.len(), entries: topics.iter().map(|topic| topic.entries).sum(), sha256 }
    }
}

impl fmt::Display for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.topics.iter().map(|topic| topic.symbol.len()).max().unwrap_or(0);
        for Digest { channel, symbol, entries, seq, sha256 } in &self.topics {
            writeln!(f, "{sha256}  {channel:<7} {symbol:<width$} entries {entries:>9} seq {seq:>9}")?;
        }
        let Total { topics, entries, sha256 } = &self.total;
        writeln!(f, "{sha256}  total: {topics} topics, {entries} entries")
    }
}

/// A capture as it is; anything else as the text of the capture that it would be imported as.
fn open_text(tape: &Tape, venue: Venue) -> io::Result<Box<dyn BufRead + Send>> {
    if tape.is_one_capture() {
        return decompressed(BufReader::new(File::open(tape.path())?));
    }
    let source = tape.open().map_err(io::Error::other)?;
    Ok(Box::new(BufReader::new(Imported::new(source, venue)?)))
}

/// Writes what is read from a source as a capture, on the way to a reader.
struct Imported {
    source: Box<dyn Source>,
    item: Item,
    text: Vec<u8>,
    at: usize,
}

impl Imported {
    fn new(source: Box<dyn Source>, venue: Venue) -> io::Result<Self> {
        let mut text = Vec::new();
        Writer::new(&mut text).header(&Header::of_venue(venue.name()))?;
        Ok(Self { source, item: Item::default(), text, at: 0 })
    }

    /// Makes the next line; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        (self.at, self.text) = (0, std::mem::take(&mut self.text));
        self.text.clear();
        match self.source.next(&mut self.item) {
            None => return Ok(false),
            Some(Ok(())) => Writer::new(&mut self.text).write(&self.item.record())?,
            // Another file may follow.
            Some(Err(error)) if error.is_torn() => tracing::warn!("{error}"),
            // The reader counts the line as damaged, and reads on.
            Some(Err(error)) if error.is_damage() => {
                tracing::warn!("{error}");
                self.text.extend_from_slice(b"damaged\n");
            }
            Some(Err(error)) => return Err(io::Error::other(error)),
        }
        Ok(true)
    }
}

impl Read for Imported {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() {
            if !self.fill()? {
                return Ok(0);
            }
        }
        let length = buffer.len().min(self.text.len() - self.at);
        buffer[..length].copy_from_slice(&self.text[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn sample(venue: Venue) -> Tape {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("samples/{venue}.capture.zst"));
        Tape::new(&[path], None, Some(venue)).unwrap()
    }

    #[test]
    fn a_capture_has_the_same_digests_each_time() {
        for venue in Venue::ALL {
            let settings = Settings::of_venue(venue);
            let first = digest(&sample(venue), &settings).unwrap();
            assert_eq!(first, digest(&sample(venue), &settings).unwrap());
            // Four symbols in six channels, and all of them live.
            assert_eq!((first.total.topics, first.damaged), (24, 0), "{venue}: {first}");
            let trades = Settings { channels: vec![Channel::Trades], ..settings };
            let fewer = digest(&sample(venue), &trades).unwrap();
            assert!(
                fewer.topics.iter().all(|topic| ["trades", "status"].contains(&topic.channel)),
                "{fewer}"
            );
        }
    }

    #[test]
    fn another_recorders_file_has_the_digests_of_its_import() {
        let folder = tempfile::tempdir().unwrap();
        let raw = folder.path().join("raw.ndjson");
        let frame = r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":63000.0,"qty":0.5,"ord_type":"limit","trade_id":7,"timestamp":"2026-08-01T02:54:52.603667Z"}]}"#;
        std::fs::write(&raw, format!("{frame}\n{}\n", frame.replace(":7,", ":8,"))).unwrap();
        let raw = Tape::new(&[raw], None, Some(Venue::Kraken)).unwrap();
        let out = folder.path().join("out.zst");
        crate::import::import(&raw, Venue::Kraken, &out, |message| panic!("{message}")).unwrap();
        let imported = Tape::new(&[out], None, Some(Venue::Kraken)).unwrap();
        let settings = Settings::of_venue(Venue::Kraken);
        let digests = digest(&raw, &settings).unwrap();
        assert_eq!(digests, digest(&imported, &settings).unwrap());
        let trades = digests.topics.iter().find(|topic| topic.channel == "trades").unwrap();
        assert_eq!((trades.symbol.as_str(), trades.seq), ("kraken:BTC/USD", 3));
    }
}
