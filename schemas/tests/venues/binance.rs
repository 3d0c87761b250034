use crate::files::{cryptofeed, hftbacktest, lines, recording};
use crate::oracle::{same_digits, same_levels, unsigned};
use schemas::model::{Micros, Side, Trade, TradeId};
use schemas::venue::Parser;
use schemas::venue::binance::{Depth, Frame, Message, depth_body, parse};
use serde_json::Value;

fn same_time(time: Micros, expected: &Value) {
    let micros = |time| if time < 1_000_000_000_000_000 { time * 1000 } else { time };
    assert_eq!(Some(time.0), unsigned(expected).map(micros));
}

fn same_trade(trade: &Trade, id: u64, data: &Value) {
    assert_eq!(trade.id, Some(TradeId::Number(id)));
    same_time(trade.ts.expect("a time"), &data["T"]);
    same_digits(Some(trade.price), &data["p"]);
    same_digits(Some(trade.size), &data["q"]);
    assert_eq!(trade.side == Some(Side::Sell), data["m"]);
}

fn same_depth(depth: &Depth<'_>, data: &Value) {
    assert_eq!(depth.symbol, data["s"]);
    same_time(depth.event_time, &data["E"]);
    assert_eq!((Some(depth.first_id), Some(depth.last_id)), (unsigned(&data["U"]), unsigned(&data["u"])));
    assert_eq!(depth.previous_id, unsigned(&data["pu"]));
    same_levels(depth.bids, &data["b"]);
    same_levels(depth.asks, &data["a"]);
}

/// Checks a frame field by field and says of which kind it is.
pub(crate) fn check(frame: &Frame<'_>, text: &[u8]) -> &'static str {
    let expected: Value = serde_json::from_slice(text).expect("JSON");
    let inner = expected.get("data").filter(|_| !expected["stream"].is_null());
    assert_eq!(frame.stream, inner.and_then(|_| expected["stream"].as_str()));
    let data = inner.unwrap_or(&expected);
    match &frame.message {
        Message::Trade { symbol, event_time, id, trade } => {
            assert_eq!((Some(*symbol), Some(*id)), (data["s"].as_str(), unsigned(&data["t"])));
            same_time(*event_time, &data["E"]);
            same_trade(trade, *id, data);
            "trade"
        }
        Message::AggTrade { symbol, event_time, id, trade_ids, trade } => {
            assert_eq!((Some(*symbol), Some(*id)), (data["s"].as_str(), unsigned(&data["a"])));
            assert_eq!((Some(trade_ids.0), Some(trade_ids.1)), (unsigned(&data["f"]), unsigned(&data["l"])));
            same_time(*event_time, &data["E"]);
            same_trade(trade, *id, data);
            "aggTrade"
        }
        Message::BookTicker { symbol, update_id, quote, .. } => {
            assert_eq!((Some(*symbol), Some(*update_id)), (data["s"].as_str(), unsigned(&data["u"])));
            same_digits(quote.bid, &data["b"]);
            same_digits(quote.bid_size, &data["B"]);
            same_digits(quote.ask, &data["a"]);
            same_digits(quote.ask_size, &data["A"]);
            "bookTicker"
        }
        Message::Depth(depth) => {
            same_depth(depth, data);
            "depth"
        }
        Message::PartialDepth { last_update_id, bids, asks } => {
            assert_eq!(Some(*last_update_id), unsigned(&data["lastUpdateId"]));
            same_levels(bids, &data["bids"]);
            same_levels(asks, &data["asks"]);
            "snapshot"
        }
        Message::Ticker24h { symbol, event_time, ticker } => {
            assert_eq!(Some(*symbol), data["s"].as_str());
            same_time(*event_time, &data["E"]);
            same_digits(ticker.last, &data["c"]);
            same_digits(ticker.open, &data["o"]);
            same_digits(ticker.high, &data["h"]);
            same_digits(ticker.low, &data["l"]);
            same_digits(ticker.volume, &data["v"]);
            same_digits(ticker.quote_volume, &data["q"]);
            same_digits(ticker.vwap, &data["w"]);
            same_digits(ticker.change_pct, &data["P"]);
            "24hrTicker"
        }
        Message::Error { code, message, .. } if data["error"].is_null() => {
            assert_eq!((Some(*code), Some(*message)), (data["code"].as_i64(), data["msg"].as_str()));
            "error"
        }
        Message::Unused => "unused",
        _ => "other",
    }
}

/// How many frames of these kinds there are, in the order of `KINDS`.
fn count<'a>(frames: impl Iterator<Item = &'a [u8]>) -> [usize; 6] {
    const KINDS: [&str; 6] = ["trade", "aggTrade", "bookTicker", "depth", "snapshot", "unused"];
    let mut parser = Parser::default();
    let mut counts = [0; 6];
    for text in frames {
        let mut bytes = text.to_vec();
        let frame = parse(&mut bytes, &mut parser).unwrap_or_else(|error| panic!("{error}"));
        let kind = check(&frame, text);
        counts[KINDS.iter().position(|k| *k == kind).expect("a kind")] += 1;
    }
    counts
}

#[test]
fn hftbacktest_spot() {
    let Some(bytes) = recording("binance-spot_btcusdt_20240808.gz") else { return };
    let counts = count(hftbacktest(&bytes));
    assert_eq!(counts.iter().sum::<usize>(), 41_248 + 1);
    assert!(counts[0] > 0 && counts[2] > 0 && counts[3] > 0 && counts[4] == 1, "{counts:?}");
}

#[test]
fn hftbacktest_usdm() {
    let Some(bytes) = recording("binance-usdm_btcusdt_20240718.gz") else { return };
    assert_eq!(count(hftbacktest(&bytes)).iter().sum::<usize>(), 11_413 + 1);
}

#[test]
fn cryptofeed_spot() {
    let Some(bytes) = recording("binance-spot_10symbols_20210405.cryptofeed") else { return };
    let (frames, bodies) = cryptofeed(&bytes);
    let counts = count(frames.iter().copied());
    assert!(counts[1] > 0 && counts[2] > 0 && counts[3] > 0, "{counts:?}");
    let mut parser = Parser::default();
    let mut books = 0;
    for body in bodies {
        let expected: Value = serde_json::from_slice(body).expect("JSON");
        let mut bytes = body.to_vec();
        let book = depth_body(&mut bytes, &mut parser).expect("a book");
        assert_eq!(Some(book.last_update_id), expected["lastUpdateId"].as_u64());
        same_levels(book.bids, &expected["bids"]);
        same_levels(book.asks, &expected["asks"]);
        books += 1;
    }
    assert_eq!((books, counts.iter().sum::<usize>()), (10, 11_357));
}

#[test]
fn cryptofeed_coinm() {
    let Some(bytes) = recording("binance-coinm_10symbols_20210721.cryptofeed") else { return };
    assert_eq!(count(cryptofeed(&bytes).0.into_iter()), [0, 51, 2_240, 2_047, 0, 33]);
    let Some(bytes) = recording("binance-coinm_10symbols_20210721.http.cryptofeed") else { return };
    let mut parser = Parser::default();
    let bodies = cryptofeed(&bytes).1;
    for body in &bodies {
        let expected: Value = serde_json::from_slice(body).expect("JSON");
        let mut bytes = body.to_vec();
        let book = depth_body(&mut bytes, &mut parser).expect("a book");
        assert_eq!(book.symbol, expected["symbol"].as_str());
        same_time(book.event_time.expect("a time"), &expected["E"]);
        same_levels(book.bids, &expected["bids"]);
    }
    assert_eq!(bodies.len(), 10);
}

#[test]
fn frame_per_line() {
    let Some(bytes) = recording("binance-spot_btc-eth_20260707.ndjson") else { return };
    let counts = count(lines(&bytes));
    assert!(counts[0] > 0 && counts[3] > 0, "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), 2_063);
    let Some(body) = recording("binance-spot_btc_rest-depth_20260707.json") else { return };
    assert_eq!(count(std::iter::once(&body[..])), [0, 0, 0, 0, 1, 0]);
}
