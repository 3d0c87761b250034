//! Is a decimal of our own worth it? The digits of a Binance trade, read and written back, against `rust_decimal`.
//!
//! `cargo bench -p benches --bench decimal`

use criterion::{Criterion, criterion_group, criterion_main};
use schemas::decimal::Decimal;
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

/// Price and size as the venue writes them.
const TEXTS: [&str; 2] = ["63501.60000000", "0.02317000"];

fn decimals(c: &mut Criterion) {
    let mut group = c.benchmark_group("decimal");
    group.bench_function("read, ours", |b| {
        b.iter(|| TEXTS.map(|text| Decimal::parse(black_box(text.as_bytes()))));
    });
    group.bench_function("read, rust_decimal", |b| {
        b.iter(|| TEXTS.map(|text| rust_decimal::Decimal::from_str_exact(black_box(text))));
    });
    let ours = TEXTS.map(|text| text.parse::<Decimal>().expect("a number"));
    let theirs = TEXTS.map(|text| rust_decimal::Decimal::from_str_exact(text).expect("a number"));
    let mut out = Vec::with_capacity(64);
    group.bench_function("write, ours", |b| {
        b.iter(|| {
            out.clear();
            black_box(ours).iter().for_each(|number| number.write(&mut out));
            black_box(out.len())
        });
    });
    group.bench_function("write, rust_decimal", |b| {
        b.iter(|| {
            out.clear();
            black_box(theirs).iter().for_each(|number| write!(out, "{number}").expect("memory"));
            black_box(out.len())
        });
    });
    group.bench_function("compare, ours", |b| b.iter(|| black_box(ours[0]) < black_box(ours[1])));
    group.bench_function("compare, rust_decimal", |b| b.iter(|| black_box(theirs[0]) < black_box(theirs[1])));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = decimals
}
criterion_main!(benches);
