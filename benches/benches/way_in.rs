//! How long is the way in: from the bytes of a venue's frame to an entry in the table, with a shard marked that wants it?
//!
//! The machines are the real ones. They take one frame after the other of 20 symbols, whose books have 1,000 levels a side. The
//! goal for Binance's bookTicker and trade is 1 µs.
//!
//! `cargo bench -p benches --bench way_in`

use benches::frames::{Kind, binance, coinbase, kraken, ticks};
use benches::rounds::{in_rounds, timed};
use benches::way_in::{SYMBOLS, WayIn};
use criterion::{Criterion, criterion_group, criterion_main};
use feed::settings::IMAGE_EVERY;
use feed::venue::Venue;
use std::time::Duration;

fn way_in(c: &mut Criterion) {
    let cases = [
        (Venue::Binance, binance::BOOK_TICKER),
        (Venue::Binance, binance::TRADE),
        (Venue::Binance, binance::DEPTH_UPDATE),
        (Venue::Coinbase, coinbase::TICKER),
        (Venue::Coinbase, coinbase::MATCH),
        (Venue::Coinbase, coinbase::L2UPDATE),
        (Venue::Kraken, kraken::TICKER),
        (Venue::Kraken, kraken::TRADE),
        (Venue::Kraken, kraken::BOOK),
        (Venue::Ticks, ticks::QUOTE),
    ];
    for (venue, kind) in cases {
        take(c, &format!("way in/{venue} {}", kind.name), venue, kind, IMAGE_EVERY);
    }
    let name = "way in/binance depthUpdate with an image";
    take(c, name, Venue::Binance, binance::DEPTH_UPDATE, 1);
}

/// Measures how long the machine takes for a frame; making frames and looking at the outcome does not count.
fn take(c: &mut Criterion, name: &str, venue: Venue, kind: Kind, image_every: u32) {
    let mut way_in = WayIn::new(venue, kind, image_every);
    c.bench_function(name, |b| {
        b.iter_custom(|frames| {
            let before = way_in.published();
            let spent = in_rounds(frames, SYMBOLS, || round(&mut way_in));
            assert!(way_in.published() - before >= frames, "each frame makes an entry");
            spent
        });
    });
}

fn round(way_in: &mut WayIn) -> Duration {
    let mut frames = way_in.next_round();
    let (spent, ()) = timed(|| frames.iter_mut().for_each(|frame| way_in.receive(frame)));
    way_in.drain();
    spent
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = way_in
}
criterion_main!(benches);
