//! What is known of one instrument: its books as played, its last messages, its trade ids.

use super::frame::{Frame, Item};
use crate::book::level;
use crate::edit::Edits;
use crate::ids::IdRange;
use crate::json::{elements, fields};
use crate::stand_in::Moment;
use schemas::decimal::Decimal;
use schemas::model::Level;
use schemas::venue::okx::checksum;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// One instrument's state.
#[derive(Debug, Default)]
pub(super) struct Instrument {
    /// The recorded channels; each with its book, if it has one that changes and a snapshot of it has been played.
    channels: BTreeMap<String, Option<Book>>,
    /// The ids of the capture's trades.
    trade_ids: IdRange,
    /// The last message of each channel that is whole each time.
    last: BTreeMap<String, String>,
}

/// A book as the venue sends it: each level with all its fields.
#[derive(Debug, Default)]
struct Book {
    bids: BTreeMap<Reverse<Decimal>, Entry>,
    asks: BTreeMap<Decimal, Entry>,
    /// The time of the last message as sent.
    time: u64,
    /// The number of the last message, where messages have some.
    seq: Option<String>,
    /// Whether messages have a checksum, and whether it is one: at last the venue only sent zeros.
    checksum: Option<bool>,
}

#[derive(Debug)]
struct Entry {
    level: Level,
    text: String,
}

/// Whether a channel's book is told by its changes.
fn has_changes(channel: &str) -> bool {
    matches!(channel, "books" | "books-l2-tbt" | "books50-l2-tbt")
}

impl Instrument {
    /// Learns from a frame what the capture holds.
    pub(super) fn survey(&mut self, frame: &Frame<'_>) {
        if !self.channels.contains_key(frame.channel) {
            self.channels.insert(frame.channel.to_owned(), None);
        }
        for (_, item) in frame.items() {
            let Item { trade_id, count, .. } = Item::parse(item);
            self.trade_ids.see(trade_id);
            self.trade_ids.see(trade_id.map(|id| id.saturating_sub(count.unwrap_or(1).saturating_sub(1))));
        }
    }

    /// The recorded channel that a client's name means: the same, or a book of as many levels that came oftener.
    pub(super) fn recorded<'a>(&self, asked: &'a str) -> Option<&'a str> {
        let holds = |channel: &str| self.channels.contains_key(channel);
        match asked {
            asked if holds(asked) => Some(asked),
            "books" if holds("books-l2-tbt") => Some("books-l2-tbt"),
            _ => None,
        }
    }

    /// The books are forgotten; trades go on from the last one.
    pub(super) fn rewind(&mut self) {
        self.channels.values_mut().for_each(|book| *book = None);
    }

    /// Takes note of a frame as it is sent.
    pub(super) fn play(&mut self, frame: &Frame<'_>, text: &str) {
        if !has_changes(frame.channel) {
            let last = self.last.entry(frame.channel.to_owned()).or_default();
            last.clear();
            last.push_str(text);
            return;
        }
        let Some(book) = self.channels.get_mut(frame.channel) else { return };
        if frame.action == "snapshot" {
            *book = Some(Book::default());
        }
        let item = frame.first_item();
        if book.as_mut().is_some_and(|book| book.take(&item).is_none()) {
            tracing::warn!(
                "{}: the book cannot be read, or fails its checksum; late subscribers wait for the next snapshot",
                frame.instrument
            );
            *book = None;
        }
    }

    /// What a subscriber of a recorded channel gets first if that has been played already.
    pub(super) fn missed(&self, recorded: &str, asked: &str, instrument: &str) -> Option<String> {
        if !has_changes(recorded) {
            return self.last.get(recorded).cloned();
        }
        let book = self.channels.get(recorded)?.as_ref()?;
        Some(format!(
            "{{\"arg\":{{\"channel\":\"{asked}\",\"instId\":\"{instrument}\"}},\"action\":\"snapshot\",\"data\":[{}]}}",
            book.snapshot()
        ))
    }

    /// The text with its event times and, in later turns, its trade ids changed; none if it goes out as recorded.
    pub(super) fn rewrite(&self, text: &str, frame: &Frame<'_>, moment: &Moment) -> Option<String> {
        if moment.is_as_recorded() {
            return None;
        }
        let shift = self.trade_ids.shift(moment.turn);
        let mut edits = Edits::default();
        for (at, item) in frame.items() {
            for field in fields(item) {
                let number = || field.text().parse::<u64>().ok();
                let new = match field.key {
                    "ts" => number().map(|ms| moment.event_time(ms.saturating_mul(1_000_000)) / 1_000_000),
                    "tradeId" => number().map(|id| id.saturating_add(shift)),
                    _ => None,
                };
                if let Some(new) = new {
                    edits.replace(at + field.at..at + field.at + field.value.len(), format!("\"{new}\""));
                }
            }
        }
        Some(edits.apply(text))
    }
}

impl Book {
    /// Takes a snapshot or changes; none if they cannot be read, or if the checksum is another one then.
    fn take(&mut self, item: &Item<'_>) -> Option<()> {
        for (_, text) in elements(item.bids) {
            set(&mut self.bids, Reverse, text)?;
        }
        for (_, text) in elements(item.asks) {
            set(&mut self.asks, |price| price, text)?;
        }
        self.time = item.time.unwrap_or(self.time);
        self.seq = item.seq.map(str::to_owned);
        self.checksum = item.checksum.map(|checksum| checksum != "0");
        let is_right = self.checksum != Some(true) || item.checksum == Some(&self.checksum().to_string());
        is_right.then_some(())
    }

    fn checksum(&self) -> i32 {
        checksum(self.bids.values().map(|entry| &entry.level), self.asks.values().map(|entry| &entry.level))
    }

    fn snapshot(&self) -> String {
        let join = |texts: Vec<&str>| texts.join(",");
        let asks = join(self.asks.values().map(|entry| entry.text.as_str()).collect());
        let bids = join(self.bids.values().map(|entry| entry.text.as_str()).collect());
        let mut out = format!("{{\"asks\":[{asks}],\"bids\":[{bids}],\"ts\":\"{}\"", self.time);
        if let Some(is_one) = self.checksum {
            out += &format!(",\"checksum\":{}", if is_one { self.checksum() } else { 0 });
        }
        if let Some(seq) = &self.seq {
            out += &format!(",\"seqId\":{seq},\"prevSeqId\":-1");
        }
        out + "}"
    }
}

fn set<K: Ord>(side: &mut BTreeMap<K, Entry>, key: impl Fn(Decimal) -> K, text: &str) -> Option<()> {
    let level = level(text)?;
    if level.size.is_zero() {
        side.remove(&key(level.price));
    } else {
        side.insert(key(level.price), Entry { level, text: text.to_owned() });
    }
    Some(())
}
