//! What is known of one product: its book as played, its last trade and ticker, its ids.

use super::frame::Frame;
use crate::book::{Book, write_pairs};
use crate::edit::Edits;
use crate::ids::IdRange;
use crate::json::{elements, fields, unquoted};
use crate::stand_in::Moment;
use crate::time::{nanos_of_rfc3339, rfc3339_micros};
use crate::venue::precision::{Precision, digits_needed};
use schemas::capture::UnixNanos;
use schemas::decimal::Decimal;
use schemas::model::{Level, Side};

/// One product's state.
#[derive(Debug, Default)]
pub(super) struct Product {
    /// None until the first snapshot has been played.
    book: Option<Book>,
    /// The time that the last book message carried.
    book_time: Option<String>,
    last_match: Option<String>,
    last_ticker: Option<String>,
    /// The last trade's id and the highest sequence number, as sent.
    trade_id: Option<u64>,
    sequence: u64,
    /// The ids and the sequence numbers of the capture.
    trades: IdRange,
    sequences: IdRange,
    has_heartbeats: bool,
    /// The finest digits seen.
    pub(super) precision: Precision,
}

/// The levels of a snapshot that are looked at for their digits, of each side.
const LEVELS_SEEN_MAX: usize = 100;

impl Product {
    /// Learns from a frame what the capture holds.
    pub(super) fn survey(&mut self, frame: &Frame<'_>) {
        self.has_heartbeats |= frame.name == "heartbeat";
        let is_trade = frame.name == "match";
        self.trades.see(frame.trade_id.filter(|_| is_trade));
        self.sequences.see(frame.sequence);
        self.see_digits(frame);
    }

    fn see_digits(&mut self, frame: &Frame<'_>) {
        self.precision.see_price(digits_needed(frame.price));
        self.precision.see_size(digits_needed(frame.size));
        let sides = [frame.bids, frame.asks].map(|side| elements(side).take(LEVELS_SEEN_MAX));
        let levels = sides.into_iter().flatten().map(|(_, level)| (level, 0));
        // A change says first which side it is of.
        for (level, at) in levels.chain(elements(frame.changes).map(|(_, change)| (change, 1))) {
            let mut numbers = elements(level).skip(at).map(|(_, number)| digits_needed(number));
            self.precision.see_price(numbers.next().unwrap_or(0));
            self.precision.see_size(numbers.next().unwrap_or(0));
        }
    }

    /// Takes note of a frame that is played; `sent` is its text as it goes out.
    pub(super) fn play(&mut self, frame: &Frame<'_>, sent: &str, moment: &Moment) {
        match frame.name {
            "snapshot" => self.book = snapshot(frame),
            "l2update" => self.update(frame),
            "match" | "last_match" if moment.turn == 0 || frame.name == "match" => {
                keep(&mut self.last_match, sent)
            }
            "ticker" => keep(&mut self.last_ticker, sent),
            _ => {}
        }
        if matches!(frame.name, "snapshot" | "l2update") {
            self.book_time = frame.time.map(|time| shifted_time(time, moment).unwrap_or(time.to_owned()));
        }
        let (trade_shift, sequence_shift) = self.id_shifts(moment);
        if let Some(id) = frame.trade_id {
            self.trade_id = self.trade_id.max(Some(id.saturating_add(trade_shift)));
        }
        self.sequence =
            self.sequence.max(frame.sequence.map_or(0, |sequence| sequence.saturating_add(sequence_shift)));
    }

    /// The book is forgotten; trades go on from the last one.
    pub(super) fn rewind(&mut self) {
        self.book = None;
    }

    fn update(&mut self, frame: &Frame<'_>) {
        let Some(book) = &mut self.book else { return };
        let applied = elements(frame.changes).try_for_each(|(_, text)| {
            let (side, level) = change(text)?;
            book.set(side, level);
            Some(())
        });
        if applied.is_none() {
            tracing::warn!(
                "{}: an update of the book cannot be read; late subscribers get no snapshot",
                frame.product
            );
            self.book = None;
        }
    }

    /// What a subscriber of a channel gets first if that has been played already.
    pub(super) fn missed(&self, channel: &str, name: &str) -> Option<String> {
        match channel {
            "level2" => self.book.as_ref().map(|book| self.snapshot_of(book, name)),
            "matches" => Some(self.last_match.as_ref()?.replacen("\"match\"", "\"last_match\"", 1)),
            "ticker" => self.last_ticker.clone(),
            _ => None,
        }
    }

    fn snapshot_of(&self, book: &Book, name: &str) -> String {
        let mut out = format!("{{\"type\":\"snapshot\",\"product_id\":\"{name}\",\"asks\":");
        write_pairs(book.asks(), &mut out);
        out += ",\"bids\":";
        write_pairs(book.bids(), &mut out);
        if let Some(time) = &self.book_time {
            out += &format!(",\"time\":\"{time}\"");
        }
        out + "}"
    }

    /// A heartbeat, where recorded ones do not come (any more) and a trade is known.
    pub(super) fn heartbeat(&self, name: &str, now: UnixNanos, ended: bool) -> Option<String> {
        let trade_id = self.trade_id.filter(|_| ended || !self.has_heartbeats)?;
        let (sequence, time) = (self.sequence, rfc3339_micros(now));
        Some(format!(
            "{{\"type\":\"heartbeat\",\"last_trade_id\":{trade_id},\"product_id\":\"{name}\",\"sequence\":{sequence},\"time\":\"{time}\"}}"
        ))
    }

    /// The text with its event time and, in later turns, its ids changed; none if it goes out as recorded.
    pub(super) fn rewrite(&self, text: &str, frame: &Frame<'_>, moment: &Moment) -> Option<String> {
        // The last trade before the subscription was then, whenever it is told.
        if moment.is_as_recorded() || frame.name == "last_match" {
            return None;
        }
        let (trade_shift, sequence_shift) = self.id_shifts(moment);
        let mut edits = Edits::default();
        for field in fields(text) {
            let new = match field.key {
                "time" => shifted_time(field.text(), moment).map(|time| format!("\"{time}\"")),
                "trade_id" | "last_trade_id" => {
                    field.integer().map(|id| id.saturating_add(trade_shift).to_string())
                }
                "sequence" => {
                    field.integer().map(|sequence| sequence.saturating_add(sequence_shift).to_string())
                }
                _ => None,
            };
            if let Some(new) = new {
                edits.replace(field.range(), new);
            }
        }
        Some(edits.apply(text))
    }

    /// By how much trade ids and sequence numbers are larger than recorded: trades go on without a gap.
    fn id_shifts(&self, moment: &Moment) -> (u64, u64) {
        (self.trades.shift(moment.turn), self.sequences.shift(moment.turn))
    }
}

fn snapshot(frame: &Frame<'_>) -> Option<Book> {
    let mut book = Book::default();
    book.set_all(Side::Buy, frame.bids)?;
    book.set_all(Side::Sell, frame.asks)?;
    Some(book)
}

/// `["buy","price","size"]`
fn change(text: &str) -> Option<(Side, Level)> {
    let mut parts = elements(text).map(|(_, part)| unquoted(part));
    let side = match parts.next()? {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        _ => return None,
    };
    let mut number = || Decimal::parse(parts.next()?.as_bytes()).ok();
    Some((side, Level { price: number()?, size: number()? }))
}

fn shifted_time(recorded: &str, moment: &Moment) -> Option<String> {
    Some(rfc3339_micros(moment.event_time(nanos_of_rfc3339(recorded)?)))
}

fn keep(slot: &mut Option<String>, text: &str) {
    let kept = slot.get_or_insert_default();
    kept.clear();
    kept.push_str(text);
}
