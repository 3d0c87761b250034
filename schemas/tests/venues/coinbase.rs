use crate::files::{cryptofeed, lines, recording};
use crate::oracle::{same_digits, same_levels, same_time, unsigned};
use schemas::model::{Level, Side, TradeId};
use schemas::venue::Parser;
use schemas::venue::coinbase::{Message, parse};
use serde_json::Value;
use std::collections::BTreeMap;

/// The changes of one side, as an array of `["price","size"]`.
fn changes(data: &Value, side: &str) -> Value {
    let changes = data["changes"].as_array().expect("an array").iter();
    changes
        .filter(|change| change[0] == side)
        .map(|change| Value::from(&change.as_array().expect("a change")[1..]))
        .collect()
}

fn same_sides(bids: &[Level], asks: &[Level], expected: [&Value; 2]) {
    same_levels(bids, expected[0]);
    same_levels(asks, expected[1]);
}

/// Checks a frame field by field, if it is of a known kind, and says whether it is.
pub(crate) fn check(message: &Message<'_>, data: &Value) -> bool {
    let same_product = |product: &str| assert_eq!(data["product_id"], *product);
    match message {
        Message::Snapshot(book) => {
            same_product(book.product);
            same_sides(book.bids, book.asks, [&data["bids"], &data["asks"]]);
            same_time(book.time, &data["time"]);
        }
        Message::Update(book) => {
            same_product(book.product);
            same_sides(book.bids, book.asks, [&changes(data, "buy"), &changes(data, "sell")]);
            same_time(book.time, &data["time"]);
        }
        Message::Match { product, last, sequence, id, trade } => {
            same_product(product);
            assert_eq!(*last, data["type"] == "last_match");
            assert_eq!((*sequence, Some(*id)), (unsigned(&data["sequence"]), unsigned(&data["trade_id"])));
            assert_eq!(trade.id, Some(TradeId::Number(*id)));
            same_time(trade.ts, &data["time"]);
            same_digits(Some(trade.price), &data["price"]);
            same_digits(Some(trade.size), &data["size"]);
            assert_eq!(trade.side == Some(Side::Sell), data["side"] == "buy");
        }
        Message::Ticker { product, sequence, time, quote, ticker } => {
            same_product(product);
            assert_eq!(*sequence, unsigned(&data["sequence"]));
            same_time(*time, &data["time"]);
            same_digits(quote.bid, &data["best_bid"]);
            same_digits(quote.bid_size, &data["best_bid_size"]);
            same_digits(quote.ask, &data["best_ask"]);
            same_digits(quote.ask_size, &data["best_ask_size"]);
            same_digits(ticker.last, &data["price"]);
            same_digits(ticker.open, &data["open_24h"]);
            same_digits(ticker.high, &data["high_24h"]);
            same_digits(ticker.low, &data["low_24h"]);
            same_digits(ticker.volume, &data["volume_24h"]);
        }
        Message::Heartbeat { product, sequence, last_trade_id, time } => {
            same_product(product);
            let ids = (unsigned(&data["sequence"]), unsigned(&data["last_trade_id"]));
            assert_eq!((Some(*sequence), Some(*last_trade_id)), ids);
            same_time(Some(*time), &data["time"]);
        }
        Message::Subscriptions { channels } => {
            assert_eq!(Some(channels.len()), data["channels"].as_array().map(Vec::len));
            for (subscribed, expected) in channels.iter().zip(data["channels"].as_array().expect("an array"))
            {
                assert_eq!(expected["name"], subscribed.channel);
                let products = expected["product_ids"].as_array().cloned().unwrap_or_default();
                assert_eq!(products, subscribed.products);
            }
        }
        _ => return false,
    }
    true
}

/// Checks all frames and counts them by type.
fn count<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> BTreeMap<String, usize> {
    let mut parser = Parser::default();
    let mut counts = BTreeMap::new();
    for text in frames {
        let data: Value = serde_json::from_slice(text).expect("JSON");
        let mut bytes = text.to_vec();
        let message = parse(&mut bytes, &mut parser).unwrap_or_else(|error| panic!("{error}"));
        assert!(check(&message, &data), "{message:?}");
        *counts.entry(data["type"].as_str().expect("a type").to_owned()).or_default() += 1;
    }
    counts
}

fn is_counted(counts: &BTreeMap<String, usize>, expected: &[(&str, usize)]) {
    let expected = expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    assert_eq!(*counts, expected);
}

#[test]
fn frame_per_line() {
    let Some(bytes) = recording("coinbase_btc-eth_20260707.ndjson") else { return };
    let expected = [
        ("heartbeat", 118),
        ("l2update", 1898),
        ("last_match", 2),
        ("match", 435),
        ("snapshot", 2),
        ("subscriptions", 1),
    ];
    is_counted(&count(lines(&bytes)), &expected);
}

#[test]
fn cryptofeed_recording() {
    let Some(bytes) = recording("coinbase_10symbols_20210417.cryptofeed") else { return };
    let expected = [
        ("l2update", 9719),
        ("last_match", 10),
        ("match", 97),
        ("snapshot", 10),
        ("subscriptions", 3),
        ("ticker", 107),
    ];
    is_counted(&count(cryptofeed(&bytes).0), &expected);
}
