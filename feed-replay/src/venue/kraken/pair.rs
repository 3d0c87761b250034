//! What is known of one currency pair: its book as played, its last trades, its ticker.

use super::frame::{Frame, Item};
use super::requests::DEPTHS;
use crate::book::{Book, write_objects};
use crate::edit::Edits;
use crate::ids::IdRange;
use crate::json::{elements, fields};
use crate::stand_in::Moment;
use crate::time::{nanos_of_rfc3339, rfc3339_micros};
use crate::venue::precision::{Precision, digits_as_written};
use schemas::model::Side;
use std::collections::{BTreeSet, VecDeque};

/// As many trades as the venue sends in a snapshot.
const TRADES_MAX: usize = 50;

/// One pair's state.
#[derive(Debug, Default)]
pub(super) struct Pair {
    /// The depth that the recorder was granted.
    granted: Option<u64>,
    /// The most levels of a side in the recorded snapshots.
    levels: usize,
    channels: BTreeSet<String>,
    /// The ids of the capture's trades.
    trade_ids: IdRange,
    /// The zeros at the end of numbers count: checksums are made of them.
    pub(super) precision: Precision,
    /// None until the first snapshot has been played, or when the book proved wrong.
    book: Option<Book>,
    timestamp: Option<String>,
    trades: VecDeque<String>,
    ticker: Option<String>,
}

impl Pair {
    /// The recorder was granted this depth.
    pub(super) fn grant(&mut self, depth: u64) {
        self.granted.get_or_insert(depth);
    }

    /// Learns from an item what the capture holds.
    pub(super) fn survey(&mut self, frame: &Frame<'_>, item: &Item<'_>) {
        if !self.channels.contains(frame.channel) {
            self.channels.insert(frame.channel.to_owned());
        }
        if frame.channel == "book" && frame.kind == "snapshot" {
            let levels = elements(item.bids).count().max(elements(item.asks).count());
            self.levels = self.levels.max(levels);
        }
        self.see_digits(item);
        self.trade_ids.see(item.trade_id.filter(|_| frame.kind == "update"));
    }

    fn see_digits(&mut self, item: &Item<'_>) {
        let levels = elements(item.bids).chain(elements(item.asks)).map(|(_, level)| Item::parse(level));
        for Item { price, qty, .. } in levels.chain([*item]) {
            self.precision.see_price(digits_as_written(price));
            self.precision.see_size(digits_as_written(qty));
        }
    }

    /// Whether the capture has anything of this channel.
    pub(super) fn holds(&self, channel: &str) -> bool {
        self.channels.contains(channel)
    }

    /// The depth at which the book was recorded: what was granted, or what the snapshots show. None if it was not.
    pub(super) fn recorded_depth(&self) -> Option<u64> {
        let shown = DEPTHS.into_iter().find(|depth| self.levels as u64 <= *depth);
        self.granted.or(shown).filter(|_| self.holds("book"))
    }

    /// The book is forgotten; trades go on from the last one.
    pub(super) fn rewind(&mut self) {
        self.book = None;
    }

    /// Takes note of a frame as it is sent.
    pub(super) fn play(&mut self, frame: &Frame<'_>) {
        for (_, text) in frame.items() {
            match frame.channel {
                "book" => self.play_book(frame.kind == "snapshot", &Item::parse(text)),
                "trade" => {
                    if self.trades.len() == TRADES_MAX {
                        self.trades.pop_front();
                    }
                    self.trades.push_back(text.to_owned());
                }
                "ticker" => self.ticker = Some(text.to_owned()),
                _ => {}
            }
        }
    }

    fn play_book(&mut self, is_snapshot: bool, item: &Item<'_>) {
        if is_snapshot {
            self.book = Some(Book::default());
        }
        let depth =
            self.recorded_depth().map_or(usize::MAX, |depth| usize::try_from(depth).unwrap_or(usize::MAX));
        let Some(book) = &mut self.book else { return };
        let set = book.set_all(Side::Buy, item.bids).and(book.set_all(Side::Sell, item.asks));
        // The venue does not delete what drops out of the depth.
        book.truncate(depth);
        self.timestamp = item.timestamp.map(str::to_owned);
        if set.is_none() || item.checksum.is_some_and(|checksum| checksum != book.checksum()) {
            tracing::warn!(
                "{}: the book fails its checksum; late subscribers wait for the next snapshot",
                item.symbol
            );
            self.book = None;
        }
    }

    /// What a subscriber of a channel gets first if that has been played already.
    pub(super) fn missed(&self, channel: &str, symbol: &str) -> Option<String> {
        let data = match channel {
            "book" => self.snapshot_of(self.book.as_ref()?, symbol),
            "trade" if !self.trades.is_empty() => {
                self.trades.iter().map(String::as_str).collect::<Vec<_>>().join(",")
            }
            "ticker" => self.ticker.clone()?,
            _ => return None,
        };
        Some(format!("{{\"channel\":\"{channel}\",\"type\":\"snapshot\",\"data\":[{data}]}}"))
    }

    fn snapshot_of(&self, book: &Book, symbol: &str) -> String {
        let mut out = format!("{{\"symbol\":\"{symbol}\",\"bids\":");
        write_objects(book.bids(), &mut out);
        out += ",\"asks\":";
        write_objects(book.asks(), &mut out);
        out += &format!(",\"checksum\":{}", book.checksum());
        if let Some(timestamp) = &self.timestamp {
            out += &format!(",\"timestamp\":\"{timestamp}\"");
        }
        out + "}"
    }

    /// The text with its event times and, in later turns, its trade ids changed; none if it goes out as recorded. The trades of a
    /// snapshot keep their times.
    pub(super) fn rewrite(&self, text: &str, frame: &Frame<'_>, moment: &Moment) -> Option<String> {
        if moment.is_as_recorded() || (frame.channel == "trade" && frame.kind == "snapshot") {
            return None;
        }
        let shift = self.trade_ids.shift(moment.turn);
        let mut edits = Edits::default();
        for (at, item) in frame.items() {
            for field in fields(item) {
                let new = match field.key {
                    "timestamp" => nanos_of_rfc3339(field.text())
                        .map(|time| format!("\"{}\"", rfc3339_micros(moment.event_time(time)))),
                    "trade_id" => field.integer().map(|id| id.saturating_add(shift).to_string()),
                    _ => None,
                };
                if let Some(new) = new {
                    edits.replace(at + field.at..at + field.at + field.value.len(), new);
                }
            }
        }
        Some(edits.apply(text))
    }
}
