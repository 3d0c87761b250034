use crate::files::{cbcap, lines, recording};
use crate::oracle::{same_text, same_time, unsigned};
use schemas::checksum;
use schemas::decimal::Decimal;
use schemas::model::{Level, Side, TradeId};
use schemas::venue::Parser;
use schemas::venue::kraken::{Book, Message, Trades, parse};
use serde_json::Value;
use serde_json::value::RawValue;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The members of an object, their numbers as the texts that stand there.
fn members(raw: &RawValue) -> BTreeMap<String, &RawValue> {
    serde_json::from_str(raw.get()).expect("an object")
}

fn elements(raw: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(raw.get()).expect("an array")
}

/// The parts of a message.
fn parts(text: &[u8]) -> Vec<BTreeMap<String, &RawValue>> {
    let frame: BTreeMap<String, &RawValue> = serde_json::from_slice(text).expect("an object");
    elements(frame["data"]).into_iter().map(members).collect()
}

/// The number is written like the bare number, or like the string.
fn same_digits(number: Decimal, raw: &RawValue) {
    let text = serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    same_text(Some(number), Some(&text));
}

fn same_levels(levels: &[Level], raw: &RawValue) {
    let expected = elements(raw);
    assert_eq!(levels.len(), expected.len());
    for (level, expected) in levels.iter().zip(expected.into_iter().map(members)) {
        same_digits(level.price, expected["price"]);
        same_digits(level.size, expected["qty"]);
    }
}

/// A book kept as the venue wants it, to verify its checksums.
#[derive(Default)]
struct Kept {
    bids: BTreeMap<Reverse<Decimal>, Level>,
    asks: BTreeMap<Decimal, Level>,
}

impl Kept {
    fn apply(&mut self, bids: &[Level], asks: &[Level], depth: usize) -> u32 {
        set(&mut self.bids, bids, Reverse, depth);
        set(&mut self.asks, asks, |price| price, depth);
        checksum::of_book(self.asks.values(), self.bids.values())
    }
}

fn set<K: Ord>(side: &mut BTreeMap<K, Level>, levels: &[Level], key: impl Fn(Decimal) -> K, depth: usize) {
    for level in levels {
        if level.size.is_zero() {
            side.remove(&key(level.price));
        } else {
            side.insert(key(level.price), *level);
        }
    }
    while side.len() > depth {
        side.pop_last();
    }
}

/// Checks a frame field by field, if it is of a known kind, and says whether it is.
pub(crate) fn check(message: &Message<'_>, text: &[u8]) -> bool {
    let frame: Value = serde_json::from_slice(text).expect("JSON");
    let data = &frame["data"];
    match message {
        Message::Book { snapshot, books } => {
            assert_eq!(*snapshot, frame["type"] == "snapshot");
            same_books(books, data, text);
        }
        Message::Trades { snapshot, trades } => {
            assert_eq!(*snapshot, frame["type"] == "snapshot");
            same_trades(trades, data, text);
        }
        Message::Status { system, connection_id } => {
            assert_eq!(data[0]["system"], *system);
            assert_eq!(*connection_id, unsigned(&data[0]["connection_id"]));
        }
        Message::Heartbeat => assert_eq!(frame["channel"], "heartbeat"),
        Message::Reply(reply) if reply.error.is_none() => {
            assert_eq!(reply.method, frame["method"].as_str());
            let result = &frame["result"];
            assert_eq!(reply.channel, result["channel"].as_str());
            assert_eq!(reply.symbol, result["symbol"].as_str());
            assert_eq!(reply.depth, unsigned(&result["depth"]));
        }
        _ => return false,
    }
    true
}

fn same_books(books: &[Book<'_>], data: &Value, text: &[u8]) {
    assert_eq!(Some(books.len()), data.as_array().map(Vec::len));
    for (index, (book, part)) in books.iter().zip(parts(text)).enumerate() {
        assert_eq!(data[index]["symbol"], book.symbol);
        assert_eq!(unsigned(&data[index]["checksum"]), Some(book.checksum.into()));
        same_time(book.time, &data[index]["timestamp"]);
        same_levels(book.bids, part["bids"]);
        same_levels(book.asks, part["asks"]);
    }
}

fn same_trades(runs: &[Trades<'_>], data: &Value, text: &[u8]) {
    let total: usize = runs.iter().map(|run| run.trades.len()).sum();
    assert_eq!(Some(total), data.as_array().map(Vec::len));
    let trades = runs.iter().flat_map(|run| run.trades.iter().map(move |trade| (run.symbol, trade)));
    for (index, ((symbol, trade), part)) in trades.zip(parts(text)).enumerate() {
        assert_eq!(data[index]["symbol"], symbol);
        assert_eq!(trade.id, unsigned(&data[index]["trade_id"]).map(TradeId::Number));
        assert_eq!(trade.side.map(Side::name), data[index]["side"].as_str());
        same_time(trade.ts, &data[index]["timestamp"]);
        same_digits(trade.price, part["price"]);
        same_digits(trade.size, part["qty"]);
    }
}

/// Applies a message to the books so far and verifies its checksums.
fn verify(message: &Message<'_>, kept: &mut BTreeMap<String, Kept>, depth: usize) {
    let Message::Book { snapshot, books } = message else { return };
    for book in books {
        let kept = kept.entry(book.symbol.to_owned()).or_default();
        if *snapshot {
            *kept = Kept::default();
        }
        assert_eq!(kept.apply(book.bids, book.asks, depth), book.checksum);
    }
}

/// Checks all frames and counts them.
fn count<'a>(frames: impl IntoIterator<Item = &'a [u8]>, depth: usize) -> usize {
    let (mut parser, mut kept) = (Parser::default(), BTreeMap::new());
    let mut count = 0;
    for text in frames {
        let message = parse(text, &mut parser).unwrap_or_else(|error| panic!("{error}"));
        assert!(check(&message, text), "{message:?}");
        verify(&message, &mut kept, depth);
        count += 1;
    }
    count
}

#[test]
fn frame_per_line() {
    let Some(bytes) = recording("kraken-v2_btc-eth_20260707.ndjson") else { return };
    assert_eq!(count(lines(&bytes), 10), 3_000);
}

#[test]
fn cbcap_recording() {
    let Some(bytes) = recording("kraken-v2_btcusd_20260802.cbcap") else { return };
    assert_eq!(count(cbcap(&bytes), 25), 2_104);
}

#[test]
fn resubscriptions() {
    let Some(bytes) = recording("kraken-v2_btcusd-resyncs_20260801.cbcap") else { return };
    assert_eq!(count(cbcap(&bytes), 10), 377);
}
