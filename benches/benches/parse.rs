//! How long a venue's frame takes from bytes to values, and whether another way of parsing it would be faster.
//!
//! `tape` and `scanner` are what the project does; `serde` and `raw_value` are the ways that they were chosen over:
//! derived structs that borrow from simd-json's tape, and serde_json with numbers as `RawValue`. Those two first read
//! what kind of message it is, as they would have to, and leave times unread.
//!
//! `cargo bench -p benches --bench parse`

use benches::frames::{self, Kind};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use schemas::decimal::Decimal;
use schemas::model::Level;
use schemas::venue::{self, Parser};
use serde::Deserialize;
use serde_json::value::RawValue;
use simd_json::Buffers;
use std::hint::black_box;
use std::time::Duration;

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

fn binance(c: &mut Criterion) {
    let (small, large) = (frames::binance::depth(0, 1, 8), frames::binance::depth(0, 1, 500));
    let (book_ticker, trade) = (first(frames::binance::BOOK_TICKER), first(frames::binance::TRADE));
    let ticker = first(frames::binance::TICKER);
    let cases = [
        ("bookTicker", &book_ticker),
        ("trade", &trade),
        ("24hrTicker", &ticker),
        ("depthUpdate of 8 levels a side", &small),
        ("depthUpdate of 500 levels a side", &large),
    ];
    for (name, frame) in cases {
        let mut parser = Parser::default();
        in_place(c, &format!("binance {name}, tape"), frame, |frame| {
            black_box(venue::binance::parse(frame, &mut parser).expect("a message"));
        });
    }
    let mut buffers = Buffers::default();
    in_place(c, "binance bookTicker, serde", &book_ticker, |frame| {
        let frame: Combined<'_, BookTicker<'_>> = by_kind(frame, &mut buffers);
        let BookTicker { u, s, b, bid_size, a, ask_size } = frame.data;
        black_box((frame.stream, u, s, [b, bid_size, a, ask_size].map(decimal)));
    });
    in_place(c, "binance trade, serde", &trade, |frame| {
        let frame: Combined<'_, Trade<'_>> = by_kind(frame, &mut buffers);
        let Trade { event_time, s, t, p, q, time, m } = frame.data;
        black_box((frame.stream, event_time, s, t, [p, q].map(decimal), time, m));
    });
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    in_place(c, "binance depthUpdate of 500 levels a side, serde", &large, |frame| {
        let frame: Combined<'_, Depth<'_>> = by_kind(frame, &mut buffers);
        levels(&frame.data.b, &mut bids);
        levels(&frame.data.a, &mut asks);
        let Depth { event_time, s, first, u, .. } = frame.data;
        black_box((frame.stream, event_time, s, first, u, &bids, &asks));
    });
}

fn coinbase(c: &mut Criterion) {
    let mut parser = Parser::default();
    for kind in [frames::coinbase::TICKER, frames::coinbase::MATCH, frames::coinbase::L2UPDATE] {
        in_place(c, &format!("coinbase {}, tape", kind.name), &first(kind), |frame| {
            black_box(venue::coinbase::parse(frame, &mut parser).expect("a message"));
        });
    }
}

fn kraken(c: &mut Criterion) {
    let mut parser = Parser::default();
    for kind in [frames::kraken::TICKER, frames::kraken::TRADE, frames::kraken::BOOK] {
        in_place(c, &format!("kraken {}, scanner", kind.name), &first(kind), |frame| {
            black_box(venue::kraken::parse(frame, &mut parser).expect("a message"));
        });
    }
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    in_place(c, "kraken book, raw_value", &first(frames::kraken::BOOK), |frame| {
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

fn tick_lines(c: &mut Criterion) {
    let mut parser = Parser::default();
    in_place(c, "tick line of a quote, scanner", &first(frames::ticks::QUOTE), |frame| {
        black_box(venue::ticks::parse(frame, &mut parser).expect("a line"));
    });
}

fn first(kind: Kind) -> String {
    (kind.write)(0, 1)
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = binance, coinbase, kraken, tick_lines
}
criterion_main!(benches);
