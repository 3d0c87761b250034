use crate::files::{cryptofeed, recording};
use crate::oracle::{same_digits, same_levels, unsigned};
use schemas::decimal::Decimal;
use schemas::model::{Level, Micros, Side, TradeId};
use schemas::venue::Parser;
use schemas::venue::okx::{Book, Fill, Message, checksum, parse};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;

fn same_time(time: Option<Micros>, expected: &Value) {
    assert_eq!(time.map(|time| time.0), unsigned(expected).map(|ms| ms.saturating_mul(1_000)));
}

/// The number is written like the string; an empty one is none.
fn same_filled(number: Option<Decimal>, expected: &Value) {
    same_digits(number, if expected == "" { &Value::Null } else { expected });
}

fn same_book(book: &Book<'_>, frame: &Value) {
    let data = &frame["data"][0];
    assert_eq!(frame["arg"]["channel"], book.channel.name());
    assert_eq!(book.is_whole, frame["action"] != "update");
    same_levels(book.bids, &data["bids"]);
    same_levels(book.asks, &data["asks"]);
    same_time(Some(book.time), &data["ts"]);
    let signed = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    assert_eq!((book.seq, book.previous_seq), (signed(&data["seqId"]), signed(&data["prevSeqId"])));
    assert_eq!(book.checksum.map(i64::from), signed(&data["checksum"]).filter(|checksum| *checksum != 0));
}

fn same_fills(fills: &[Fill], data: &Value) {
    assert_eq!(Some(fills.len()), data.as_array().map(Vec::len));
    for (index, Fill { first_id, last_id, trade }) in fills.iter().enumerate() {
        let expected = &data[index];
        assert_eq!(
            (Some(*last_id), trade.id.clone()),
            (unsigned(&expected["tradeId"]), Some(TradeId::Number(*last_id)))
        );
        let count = unsigned(&expected["count"]).unwrap_or(1);
        assert_eq!(*first_id, last_id.saturating_sub(count.saturating_sub(1)));
        same_time(trade.ts, &expected["ts"]);
        same_digits(Some(trade.price), &expected["px"]);
        same_digits(Some(trade.size), &expected["sz"]);
        assert_eq!(trade.side.map(Side::name), expected["side"].as_str());
    }
}

/// Checks a frame field by field, if it is of a known kind, and says whether it is.
pub(crate) fn check(message: &Message<'_>, frame: &Value) -> bool {
    let data = &frame["data"];
    let same_instrument = |instrument: &str| assert_eq!(frame["arg"]["instId"], *instrument);
    match message {
        Message::Book(book) => {
            same_instrument(book.instrument);
            same_book(book, frame);
        }
        Message::Trades { instrument, fills } => {
            same_instrument(instrument);
            same_fills(fills, data);
        }
        Message::Ticker { instrument, time, ticker } => {
            same_instrument(instrument);
            same_time(Some(*time), &data[0]["ts"]);
            let is_spot = data[0]["instType"] == "SPOT" || data[0]["instType"] == "MARGIN";
            let volumes = [&data[0]["vol24h"], &data[0]["volCcy24h"]];
            let volumes = if is_spot { volumes } else { [volumes[1], &Value::Null] };
            same_filled(ticker.last, &data[0]["last"]);
            same_filled(ticker.open, &data[0]["open24h"]);
            same_filled(ticker.high, &data[0]["high24h"]);
            same_filled(ticker.low, &data[0]["low24h"]);
            same_filled(ticker.volume, volumes[0]);
            same_filled(ticker.quote_volume, volumes[1]);
        }
        Message::Subscribed { channel, instrument } => {
            let named = frame["arg"]["channel"].as_str();
            assert_eq!(channel.map(|channel| channel.name()), named.filter(|_| channel.is_some()));
            assert_eq!(*instrument, frame["arg"]["instId"].as_str().unwrap_or(""));
        }
        Message::Error { code, message } | Message::Notice { code, message } => {
            assert_eq!((frame["code"].as_str(), frame["msg"].as_str()), (Some(*code), Some(*message)));
        }
        _ => return false,
    }
    true
}

/// A book kept as the venue wants it, to verify its checksums.
#[derive(Default)]
struct Kept {
    bids: BTreeMap<Reverse<Decimal>, Level>,
    asks: BTreeMap<Decimal, Level>,
}

impl Kept {
    fn apply(&mut self, book: &Book<'_>) -> i32 {
        if book.is_whole {
            *self = Self::default();
        }
        set(&mut self.bids, book.bids, Reverse);
        set(&mut self.asks, book.asks, |price| price);
        checksum(self.bids.values(), self.asks.values())
    }
}

fn set<K: Ord>(side: &mut BTreeMap<K, Level>, levels: &[Level], key: impl Fn(Decimal) -> K) {
    for level in levels {
        if level.size.is_zero() {
            side.remove(&key(level.price));
        } else {
            side.insert(key(level.price), *level);
        }
    }
}

/// Checks all frames, verifies the checksums, and counts the books, the fills, the tickers and the rest.
fn count(frames: &[&[u8]]) -> [usize; 4] {
    let (mut parser, mut kept) = (Parser::default(), BTreeMap::<String, Kept>::new());
    let mut counts = [0; 4];
    for text in frames {
        let frame: Value = serde_json::from_slice(text).expect("JSON");
        let mut bytes = text.to_vec();
        let message = parse(&mut bytes, &mut parser).unwrap_or_else(|error| panic!("{error}"));
        assert!(check(&message, &frame), "{message:?}");
        match &message {
            Message::Book(book) => {
                let checksum = kept.entry(book.instrument.to_owned()).or_default().apply(book);
                // An empty book's is 0, which the parser takes for none.
                assert_eq!(Some(checksum).filter(|checksum| *checksum != 0), book.checksum);
                counts[0] += 1;
            }
            Message::Trades { fills, .. } => counts[1] += fills.len(),
            Message::Ticker { .. } => counts[2] += 1,
            _ => counts[3] += 1,
        }
    }
    counts
}

#[test]
fn recordings_from_the_time_of_checksums() {
    let known = [
        ("okx-v5_10symbols_20220227.cryptofeed", [3_679, 19, 19, 60]),
        ("okx-v5_10symbols_line1-of-3_20210722.cryptofeed", [1_504, 36, 46, 30]),
        ("okx-v5_10symbols_line2-of-3_20210722.cryptofeed", [1_446, 36, 47, 30]),
        ("okx-v5_10symbols_line3-of-3_20210722.cryptofeed", [1_422, 36, 46, 30]),
    ];
    for (name, counts) in known {
        let Some(bytes) = recording(name) else { continue };
        assert_eq!(count(&cryptofeed(&bytes).0), counts, "{name}");
    }
}
