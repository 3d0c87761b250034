use crate::files::{cbcap, lines, recording};
use crate::oracle::same_time;
use schemas::checksum;
use schemas::decimal::Decimal;
use schemas::model::{Level, Side, TradeId};
use schemas::venue::Parser;
use schemas::venue::kraken::{Message, parse};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The numbers of a message as the texts that stand in it.
#[derive(Deserialize)]
struct Texts<'a> {
    #[serde(borrow)]
    data: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    bids: Vec<LevelText<'a>>,
    #[serde(borrow, default)]
    asks: Vec<LevelText<'a>>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    qty: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct LevelText<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
}

fn same_digits(number: Decimal, text: &RawValue) {
    assert_eq!(number.to_string(), text.get());
}

fn same_levels(levels: &[Level], texts: &[LevelText<'_>]) {
    assert_eq!(levels.len(), texts.len());
    for (level, text) in levels.iter().zip(texts) {
        same_digits(level.price, text.price);
        same_digits(level.size, text.qty);
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

/// Checks a frame field by field, and its checksum against the book so far.
fn check(message: &Message<'_>, text: &[u8], kept: &mut BTreeMap<String, Kept>, depth: usize) {
    let frame: Value = serde_json::from_slice(text).expect("JSON");
    let data = &frame["data"];
    let texts = || serde_json::from_slice::<Texts<'_>>(text).expect("data").data;
    match message {
        Message::Book { snapshot, books } => {
            assert_eq!(*snapshot, frame["type"] == "snapshot");
            assert_eq!(Some(books.len()), data.as_array().map(Vec::len));
            for (index, (book, text)) in books.iter().zip(texts()).enumerate() {
                assert_eq!(data[index]["symbol"], book.symbol);
                assert_eq!(data[index]["checksum"], book.checksum);
                same_time(book.time, &data[index]["timestamp"]);
                same_levels(book.bids, &text.bids);
                same_levels(book.asks, &text.asks);
                let kept = kept.entry(book.symbol.to_owned()).or_default();
                if *snapshot {
                    *kept = Kept::default();
                }
                assert_eq!(kept.apply(book.bids, book.asks, depth), book.checksum);
            }
        }
        Message::Trades { snapshot, trades } => {
            assert_eq!(*snapshot, frame["type"] == "snapshot");
            let trades =
                trades.iter().flat_map(|run| run.trades.iter().map(move |trade| (run.symbol, trade)));
            for (index, ((symbol, trade), text)) in trades.zip(texts()).enumerate() {
                assert_eq!(data[index]["symbol"], symbol);
                assert_eq!(trade.id, data[index]["trade_id"].as_u64().map(TradeId::Number));
                assert_eq!(trade.side.map(Side::name), data[index]["side"].as_str());
                same_time(trade.ts, &data[index]["timestamp"]);
                same_digits(trade.price, text.price.expect("a price"));
                same_digits(trade.size, text.qty.expect("a size"));
            }
        }
        Message::Status { system, connection_id } => {
            assert_eq!(data[0]["system"], *system);
            assert_eq!(*connection_id, data[0]["connection_id"].as_u64());
        }
        Message::Heartbeat => assert_eq!(frame["channel"], "heartbeat"),
        Message::Reply(reply) => {
            assert_eq!((reply.method, reply.error), (frame["method"].as_str(), None));
            let result = &frame["result"];
            assert_eq!(reply.channel, result["channel"].as_str());
            assert_eq!(reply.symbol, result["symbol"].as_str());
            assert_eq!(reply.depth, result["depth"].as_u64());
        }
        other => panic!("{other:?} from {frame}"),
    }
}

/// Checks all frames and counts them.
fn count<'a>(frames: impl IntoIterator<Item = &'a [u8]>, depth: usize) -> usize {
    let (mut parser, mut kept) = (Parser::default(), BTreeMap::new());
    let mut count = 0;
    for text in frames {
        let message = parse(text, &mut parser).unwrap_or_else(|error| panic!("{error}"));
        check(&message, text, &mut kept, depth);
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
