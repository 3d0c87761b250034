use crate::files::{cryptofeed, recording};
use crate::oracle::{same_digits, same_levels, unsigned};
use schemas::decimal::Decimal;
use schemas::model::{Micros, Side, Ticker, Trade, TradeId};
use schemas::venue::Parser;
use schemas::venue::bybit::{Message, Topic, parse};
use serde_json::Value;

fn same_time(time: Option<Micros>, expected: &Value) {
    assert_eq!(time.map(|time| time.0), unsigned(expected).map(|ms| ms.saturating_mul(1_000)));
}

/// The number is written like the string; an empty one is none.
fn same_filled(number: Option<Decimal>, expected: &Value) {
    same_digits(number, if expected == "" { &Value::Null } else { expected });
}

fn same_trades(trades: &[Trade], data: &Value) {
    assert_eq!(Some(trades.len()), data.as_array().map(Vec::len));
    for (index, trade) in trades.iter().enumerate() {
        let expected = &data[index];
        let id = match &trade.id {
            Some(TradeId::Number(number)) => number.to_string(),
            Some(TradeId::Text(text)) => text.to_string(),
            None => String::new(),
        };
        assert_eq!(expected["i"], *id);
        same_time(trade.ts, &expected["T"]);
        same_digits(Some(trade.price), &expected["p"]);
        same_digits(Some(trade.size), &expected["v"]);
        let side = if trade.side == Some(Side::Buy) { "Buy" } else { "Sell" };
        assert_eq!(expected["S"], *side);
    }
}

fn same_ticker(ticker: &Ticker, data: &Value) {
    same_filled(ticker.last, &data["lastPrice"]);
    same_filled(ticker.open, &data["prevPrice24h"]);
    same_filled(ticker.high, &data["highPrice24h"]);
    same_filled(ticker.low, &data["lowPrice24h"]);
    same_filled(ticker.volume, &data["volume24h"]);
    same_filled(ticker.quote_volume, &data["turnover24h"]);
    if let Some(percent) = ticker.change_pct {
        // An exponent undoes what one did, but for the digits.
        let fraction: Decimal = format!("{percent}e-2").parse().expect("a number");
        assert_eq!(Some(fraction), data["price24hPcnt"].as_str().and_then(|text| text.parse().ok()));
    }
}

/// Checks a frame field by field, if it is of a known kind, and says whether it is.
pub(crate) fn check(message: &Message<'_>, frame: &Value) -> bool {
    let data = &frame["data"];
    let is_topic = |topic: Topic<'_>| {
        // A depth may be written with a sign or with zeros.
        assert_eq!(frame["topic"].as_str().and_then(Topic::parse), Some(topic));
    };
    let is_whole = |is_whole| assert_eq!(frame["type"], if is_whole { "snapshot" } else { "delta" });
    match message {
        Message::Book(book) => {
            is_topic(Topic::Book { depth: book.depth, symbol: book.symbol });
            is_whole(book.is_whole);
            same_levels(book.bids, &data["b"]);
            same_levels(book.asks, &data["a"]);
            same_time(Some(book.time), if frame["cts"].is_null() { &frame["ts"] } else { &frame["cts"] });
            assert_eq!(Some(book.update_id), unsigned(&data["u"]));
        }
        Message::Trades { symbol, trades } => {
            is_topic(Topic::Trades { symbol });
            same_trades(trades, data);
        }
        Message::Ticker { symbol, is_whole: whole, time, ticker } => {
            is_topic(Topic::Ticker { symbol });
            is_whole(*whole);
            same_time(Some(*time), &frame["ts"]);
            same_ticker(ticker, data);
        }
        Message::Reply(reply) => {
            assert_eq!((&frame["op"], &frame["success"]), (&reply.op.into(), &reply.success.into()));
            let or_empty = |value: &Value| value.as_str().unwrap_or("").to_owned();
            assert_eq!(or_empty(&frame["req_id"]), reply.request);
            assert_eq!(or_empty(&frame["ret_msg"]), reply.message);
        }
        _ => return false,
    }
    true
}

/// Checks all frames, and counts the books and the rest.
fn count(frames: &[&[u8]]) -> [usize; 2] {
    let mut parser = Parser::default();
    let mut counts = [0; 2];
    for text in frames {
        let frame: Value = serde_json::from_slice(text).expect("JSON");
        let mut bytes = text.to_vec();
        let message = parse(&mut bytes, &mut parser).unwrap_or_else(|error| panic!("{error}"));
        assert!(check(&message, &frame), "{message:?}");
        counts[usize::from(!matches!(message, Message::Book(_)))] += 1;
    }
    counts
}

#[test]
fn recordings_of_the_best_bid_and_ask() {
    let known =
        [("bybit-v5-linear_20250613.cryptofeed", [198, 4]), ("bybit-v5-spot_20250613.cryptofeed", [139, 6])];
    for (name, counts) in known {
        let Some(bytes) = recording(name) else { continue };
        assert_eq!(count(&cryptofeed(&bytes).0), counts, "{name}");
    }
}
