//! How long does it take to encode a frame, WebSocket header included? It happens once for each entry that anybody wants.
//!
//! `cargo bench -p benches --bench encode`

use benches::events::{event, reset};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use schemas::model::{Channel, Event, Symbol};
use schemas::wire::{SeqRange, frame, websocket};
use std::hint::black_box;
use std::time::Duration;

fn encodings(c: &mut Criterion) {
    let symbol = Symbol::new("binance", "BTCUSDT").expect("a symbol");
    let cases: [(&str, Channel, Event); 5] = [
        ("quotes", Channel::Quotes, event(Channel::Quotes, 1)),
        ("trades, one", Channel::Trades, event(Channel::Trades, 1)),
        ("book, 8 levels a side", Channel::Book, event(Channel::Book, 1)),
        ("book10", Channel::Book10, event(Channel::Book10, 1)),
        ("book snapshot, 1000 levels a side", Channel::Book, reset(1_000)),
    ];
    let mut group = c.benchmark_group("encode");
    for (name, channel, event) in cases {
        let topic = frame::Topic { channel, symbol: &symbol, epoch: "6b01777b-6e2c" };
        let seq = SeqRange::new(88_121, 88_121);
        let write = || websocket::text_of(|out| frame::entry(out, topic, seq, black_box(&event)));
        group.throughput(Throughput::Bytes(write().len() as u64));
        group.bench_function(name, |b| b.iter(write));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = encodings
}
criterion_main!(benches);
