//! How long a venue's frame takes from bytes to values, and whether another way of parsing it would be faster.
//!
//! `tape` and `scanner` are what the project does; `serde` and `raw_value` are the ways that they were chosen over:
//! derived structs that borrow from simd-json's tape, and serde_json with numbers as `RawValue`. Those two first read
//! what kind of message it is, as they would have to, and leave times unread.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use schemas::decimal::Decimal;
use schemas::model::Level;
use schemas::venue::{Parser, binance, coinbase, kraken, ticks};
use serde::Deserialize;
use serde_json::value::RawValue;
use simd_json::Buffers;
use std::hint::black_box;

const BOOK_TICKER: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
const RAW_BOOK_TICKER: &str = r#"{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}"#;
const TRADE: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1783465157897,"s":"BTCUSDT","t":6486989273,"p":"63551.02000000","q":"0.00317000","T":1783465157897,"m":true,"M":true}}"#;
const COINBASE_MATCH: &str = r#"{"type":"match","trade_id":1052119289,"maker_order_id":"15bc13f2-e38c-4693-8c0b-e8c6152b9c1d","taker_order_id":"13d7d08f-7396-421b-9dba-94eac92f3d78","side":"sell","size":"0.2","price":"63514.6","product_id":"BTC-USD","sequence":132235026010,"time":"2026-07-07T22:58:17.164892Z"}"#;
const KRAKEN_UPDATE: &str = r#"{"channel":"book","type":"update","data":[{"symbol":"ETH/USD","bids":[{"price":1774.10,"qty":0.5}],"asks":[{"price":1774.14,"qty":2.00130641}],"checksum":3356266482,"timestamp":"2026-07-07T23:00:03.977459Z"}]}"#;
const TICK: &str = r#"{"channel":"quotes","symbol":"ACME","ts":1785644622707507,"bid":"61837.63","bid_size":"3.78826000","ask":"61837.64","ask_size":"1.54698000"}"#;

/// A Binance message with so many levels a side.
fn depth(levels: usize) -> String {
    let side = |from: usize| {
        let levels: Vec<String> =
            (0..levels).map(|n| format!(r#"["{}.02000000","0.{n:08}"]"#, from + n)).collect();
        levels.join(",")
    };
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1783465158014,"s":"BTCUSDT","U":97109082206,"u":97109082242,"b":[{}],"a":[{}]}}}}"#,
        side(63_000),
        side(64_000)
    )
}

#[derive(Deserialize)]
struct Combined<'a, T> {
    #[serde(borrow)]
    stream: &'a str,
    data: T,
}

#[derive(Deserialize)]
struct Event<'a> {
    e: Option<&'a str>,
}

#[derive(Deserialize)]
struct BookTicker<'a> {
    u: u64,
    s: &'a str,
    b: &'a str,
    #[serde(rename = "B")]
    bid_size: &'a str,
    a: &'a str,
    #[serde(rename = "A")]
    ask_size: &'a str,
}

#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    t: u64,
    p: &'a str,
    q: &'a str,
    #[serde(rename = "T")]
    time: u64,
    m: bool,
}

#[derive(Deserialize)]
struct Depth<'a> {
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    #[serde(borrow)]
    b: Vec<[&'a str; 2]>,
    #[serde(borrow)]
    a: Vec<[&'a str; 2]>,
}

#[derive(Deserialize)]
struct KrakenKind<'a> {
    channel: &'a str,
}

#[derive(Deserialize)]
struct KrakenFrame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    data: Vec<KrakenBook<'a>>,
}

#[derive(Deserialize)]
struct KrakenBook<'a> {
    symbol: &'a str,
    #[serde(borrow)]
    bids: Vec<KrakenLevel<'a>>,
    #[serde(borrow)]
    asks: Vec<KrakenLevel<'a>>,
    checksum: u32,
    timestamp: &'a str,
}

#[derive(Deserialize)]
struct KrakenLevel<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
}

/// Reads the kind of a message of Binance, then the message.
fn by_kind<'a, T: Deserialize<'a>>(frame: &'a mut [u8], buffers: &mut Buffers) -> Combined<'a, T> {
    let mut tape = simd_json::Deserializer::from_slice_with_buffers(frame, buffers).expect("JSON");
    let kind: Combined<'_, Event<'_>> = Deserialize::deserialize(&mut tape).expect("an event");
    black_box(kind.data.e);
    tape.restart();
    Deserialize::deserialize(&mut tape).expect("a message")
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).expect("a number")
}

fn levels(texts: &[[&str; 2]], levels: &mut Vec<Level>) {
    levels.clear();
    levels.extend(texts.iter().map(|[price, size]| Level { price: decimal(price), size: decimal(size) }));
}

/// Parsing is in place, so each run gets a fresh copy of the frame, made outside of the measurement.
fn in_place(c: &mut Criterion, name: &str, frame: &str, mut parse: impl FnMut(&mut [u8])) {
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Bytes(frame.len() as u64));
    group.bench_function(name, |b| {
        b.iter_batched_ref(|| frame.as_bytes().to_vec(), |frame| parse(frame), BatchSize::SmallInput);
    });
    group.finish();
}

fn binance_frames(c: &mut Criterion) {
    let (small, large) = (depth(5), depth(500));
    let frames = [
        ("book_ticker", BOOK_TICKER),
        ("raw_book_ticker", RAW_BOOK_TICKER),
        ("trade", TRADE),
        ("depth_5", &small),
        ("depth_500", &large),
    ];
    for (name, frame) in frames {
        let mut parser = Parser::default();
        in_place(c, &format!("binance/{name}/tape"), frame, |frame| {
            black_box(binance::parse(frame, &mut parser).expect("a message"));
        });
    }
    let mut buffers = Buffers::default();
    in_place(c, "binance/book_ticker/serde", BOOK_TICKER, |frame| {
        let frame: Combined<'_, BookTicker<'_>> = by_kind(frame, &mut buffers);
        let BookTicker { u, s, b, bid_size, a, ask_size } = frame.data;
        black_box((frame.stream, u, s, [b, bid_size, a, ask_size].map(decimal)));
    });
    in_place(c, "binance/trade/serde", TRADE, |frame| {
        let frame: Combined<'_, Trade<'_>> = by_kind(frame, &mut buffers);
        let Trade { event_time, s, t, p, q, time, m } = frame.data;
        black_box((frame.stream, event_time, s, t, [p, q].map(decimal), time, m));
    });
    for (name, frame) in [("depth_5", &small), ("depth_500", &large)] {
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        in_place(c, &format!("binance/{name}/serde"), frame, |frame| {
            let frame: Combined<'_, Depth<'_>> = by_kind(frame, &mut buffers);
            levels(&frame.data.b, &mut bids);
            levels(&frame.data.a, &mut asks);
            let Depth { event_time, s, first, u, .. } = frame.data;
            black_box((frame.stream, event_time, s, first, u, &bids, &asks));
        });
    }
}

fn kraken_frames(c: &mut Criterion) {
    let mut parser = Parser::default();
    in_place(c, "kraken/update/scanner", KRAKEN_UPDATE, |frame| {
        black_box(kraken::parse(frame, &mut parser).expect("a message"));
    });
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    in_place(c, "kraken/update/raw_value", KRAKEN_UPDATE, |frame| {
        let kind: KrakenKind<'_> = serde_json::from_slice(frame).expect("a kind");
        black_box(kind.channel);
        let frame: KrakenFrame<'_> = serde_json::from_slice(frame).expect("a message");
        let level = |level: &KrakenLevel<'_>| Level {
            price: decimal(level.price.get()),
            size: decimal(level.qty.get()),
        };
        for book in &frame.data {
            bids.clear();
            bids.extend(book.bids.iter().map(level));
            asks.clear();
            asks.extend(book.asks.iter().map(level));
            black_box((frame.kind, book.symbol, book.checksum, book.timestamp, &bids, &asks));
        }
    });
}

fn other_frames(c: &mut Criterion) {
    let mut parser = Parser::default();
    in_place(c, "coinbase/match/tape", COINBASE_MATCH, |frame| {
        black_box(coinbase::parse(frame, &mut parser).expect("a message"));
    });
    in_place(c, "ticks/quote/scanner", TICK, |frame| {
        black_box(ticks::parse(frame, &mut parser).expect("a line"));
    });
}

criterion_group!(benches, binance_frames, kraken_frames, other_frames);
criterion_main!(benches);
