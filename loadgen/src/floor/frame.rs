//! An update that is ready to be sent but for a few digits.

use super::tick::TS_DIGITS;
use crate::ascii;
use memchr::memmem;
use schemas::decimal::{Decimal, DecimalError};
use schemas::model::{Channel, Micros, Quote, State, Symbol, Update};
use schemas::wire::frame::{self, AsOf, Topic};
use schemas::wire::{SeqRange, websocket};
use std::ops::Range;

/// The topic's life, of which there is only one.
pub(super) const EPOCH: &str = "floor";
/// What a subscriber is told to have: the updates go on from there. As long a number as a broker soon has.
pub(super) const SEQ_BEFORE: u64 = 999;
/// A time with as many digits as all others.
const SOME_TIME: Micros = Micros(1_000_000_000_000_000);

/// The frame of a symbol's next update.
#[derive(Debug)]
pub(crate) struct Frame {
    symbol: Symbol,
    quote: Update,
    seq: u64,
    bytes: Vec<u8>,
    first: Range<usize>,
    last: Range<usize>,
    ts: Range<usize>,
    rx: Range<usize>,
}

impl Frame {
    /// In front of the symbol's first update.
    ///
    /// # Errors
    /// None: the numbers are numbers.
    pub(crate) fn new(symbol: Symbol) -> Result<Self, DecimalError> {
        let decimal = |text: &str| text.parse::<Decimal>().map(Some);
        // As wide as what the publisher writes.
        let quote = Quote {
            bid: decimal("1000.00")?,
            bid_size: decimal("100")?,
            ask: decimal("1000.01")?,
            ask_size: decimal("100")?,
        };
        let mut new = Self {
            symbol,
            quote: Update::Quote(quote),
            seq: SEQ_BEFORE,
            bytes: Vec::new(),
            first: 0..0,
            last: 0..0,
            ts: 0..0,
            rx: 0..0,
        };
        new.encode();
        Ok(new)
    }

    /// The frame of the next update, with the digits of its times.
    pub(crate) fn next(&mut self, ts: &[u8; TS_DIGITS], rx: &[u8; TS_DIGITS]) -> &[u8] {
        self.seq += 1;
        if !ascii::increment(&mut self.bytes[self.first.clone()]) {
            self.encode();
        }
        self.bytes.copy_within(self.first.clone(), self.last.start);
        self.bytes[self.ts.clone()].copy_from_slice(ts);
        self.bytes[self.rx.clone()].copy_from_slice(rx);
        &self.bytes
    }

    /// The text of the next update, without the head of its frame.
    pub(crate) fn next_text(&mut self, ts: &[u8; TS_DIGITS], rx: &[u8; TS_DIGITS]) -> &[u8] {
        websocket::payload(self.next(ts, rx))
    }

    /// The frame that says what a subscriber has from the start.
    pub(super) fn snapshot(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let as_of = AsOf { ts: Some(SOME_TIME), rx: Some(SOME_TIME), state: State::Live };
        let seq = SeqRange::new(SEQ_BEFORE, SEQ_BEFORE);
        frame::snapshot_whole(&mut text, self.topic(), seq, as_of, Some(&self.quote));
        websocket::text(&text).to_vec()
    }

    /// Encodes the frame of `seq` as a broker does, and finds the digits in it.
    fn encode(&mut self) {
        let mut text = Vec::new();
        let seq = SeqRange::new(self.seq, self.seq);
        frame::update(&mut text, self.topic(), seq, Some(SOME_TIME), SOME_TIME, &self.quote);
        self.bytes.clear();
        websocket::append(&mut self.bytes, websocket::TEXT, &text);
        self.first = digits_after(&self.bytes, b"\"seq\":[");
        self.last = self.first.end + 1..self.first.end + 1 + self.first.len();
        self.ts = digits_after(&self.bytes, b"\"ts\":");
        self.rx = digits_after(&self.bytes, b"\"rx\":");
    }

    fn topic(&self) -> Topic<'_> {
        Topic { channel: Channel::Quotes, symbol: &self.symbol, epoch: EPOCH }
    }
}

fn digits_after(bytes: &[u8], key: &[u8]) -> Range<usize> {
    let start = memmem::find(bytes, key).map_or(0, |at| at + key.len());
    let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    start..start + digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patched_digits_give_what_a_broker_encodes() {
        let symbol: Symbol = "acme:S0042".parse().unwrap();
        let mut frame = Frame::new(symbol.clone()).unwrap();
        for seq in SEQ_BEFORE + 1..=100_001 {
            let sent = frame.next(b"1795257960428740", b"1795257960429489").to_vec();
            if !(seq < 1_005 || seq % 1_000 == 9 || seq > 99_995) {
                continue;
            }
            let mut text = Vec::new();
            let topic = Topic { channel: Channel::Quotes, symbol: &symbol, epoch: "e" };
            let (ts, rx) = (Micros(1_795_257_960_428_740), Micros(1_795_257_960_429_489));
            frame::update(&mut text, topic, SeqRange::new(seq, seq), Some(ts), rx, &frame.quote);
            assert_eq!(sent, *websocket::text(&text), "{seq}");
        }
    }

    #[test]
    fn the_snapshot_is_what_the_first_update_follows() {
        let frame = Frame::new("acme:S0042".parse().unwrap()).unwrap();
        let text = String::from_utf8(websocket::payload(&frame.snapshot()).to_vec()).unwrap();
        assert!(text.contains(r#""seq":[999,999],"epoch":"floor","state":"live""#), "{text}");
    }
}
