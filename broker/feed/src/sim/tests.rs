use super::*;
use crate::testing::{frames, market};
use schemas::model::Channel;
use std::sync::Arc;

const START: Micros = Micros(1_785_000_000_000_000);

fn sim(symbols: usize, rate: u64, seed: u64) -> (Arc<Market>, Sim) {
    let market = market();
    let settings = Settings { digest: true, ..Settings::new("sim", "e") };
    let mut sim = Sim::new(&settings, SimSettings { symbols, rate, seed }, &market).unwrap();
    sim.start(START);
    (market, sim)
}

/// Steps a second in steps of `pace_us`.
fn run(sim: &mut Sim, pace_us: u64) {
    for n in 1..=SECOND_US / pace_us {
        while sim.due() <= START.plus(n * pace_us) {
            sim.step(START.plus(n * pace_us));
        }
    }
}

fn published(market: &Market, channel: Channel) -> u64 {
    let registry = market.registry();
    let topics = registry.symbols().iter().filter_map(|symbol| symbol.topic(channel));
    topics.map(|topic| topic.topic.head().index).sum()
}

#[test]
fn keeps_its_rate_however_late_it_wakes() {
    for pace_us in [1_000, 100_000, SECOND_US] {
        let (market, mut sim) = sim(20, 5_000, 1);
        let counted = [Channel::Trades, Channel::Quotes, Channel::Book, Channel::Ticker];
        let entries = || counted.iter().map(|channel| published(&market, *channel)).sum::<u64>();
        let before = entries();
        run(&mut sim, pace_us);
        assert!((5_000..5_010).contains(&sim.updates()), "{}", sim.updates());
        assert_eq!(entries() - before, sim.updates());
        assert!(sim.due() > START.plus(SECOND_US));
    }
}

#[test]
fn a_step_is_bounded_and_the_schedule_waits_for_it() {
    let (_market, mut sim) = sim(5, 100_000, 1);
    let published = sim.step(START.plus(10 * SECOND_US));
    assert!((STEP_UPDATES_MAX..STEP_UPDATES_MAX + 10).contains(&published));
    assert!(sim.due() < START.plus(SECOND_US / 50));
}

#[test]
fn the_same_seed_is_the_same_market() {
    let digests = |seed| {
        let (market, mut sim) = sim(10, 2_000, seed);
        run(&mut sim, 10_000);
        market.registry().digests()
    };
    assert_eq!(digests(1), digests(1));
    assert_ne!(digests(1), digests(2));
}

#[test]
fn quotes_are_the_top_of_the_book_and_carry_their_intended_time() {
    let (market, mut sim) = sim(3, 2_000, 7);
    run(&mut sim, SECOND_US);
    let json = |frame: &String| serde_json::from_str::<serde_json::Value>(frame).unwrap();
    let last = |channel| json(frames(&market, channel, "sim:ACME").last().unwrap());
    let (quote, top) = (last(Channel::Quotes), last(Channel::Book10));
    assert_eq!([&quote["bid"], &quote["bid_size"]], [&top["bids"][0][0], &top["bids"][0][1]]);
    assert_eq!([&quote["ask"], &quote["ask_size"]], [&top["asks"][0][0], &top["asks"][0][1]]);
    let times: Vec<_> = frames(&market, Channel::Book, "sim:ACME")[2..]
        .iter()
        .map(|f| json(f)["ts"].as_u64().unwrap())
        .collect();
    assert!(times.is_sorted() && times[0] < times[times.len() - 1]);
    assert!(times.iter().all(|ts| (START.0..=START.plus(SECOND_US).0).contains(ts)));
    assert_eq!(last(Channel::Book)["rx"], START.plus(SECOND_US).0);
}

#[test]
fn every_symbol_is_live_from_the_start_and_the_first_are_busiest() {
    let (market, mut sim) = sim(500, 20_000, 1);
    let registry = market.registry();
    assert_eq!(registry.symbols().len(), 500);
    assert!(registry.symbols().iter().all(|symbol| symbol.state() == schemas::model::State::Live));
    run(&mut sim, 50_000);
    let book = |name: &str| registry.symbol(name).unwrap().topic(Channel::Book).unwrap().topic.head().index;
    let (first, last) = (book("sim:ACME"), book(&format!("sim:{}", names::name(499))));
    assert!(first > 20 * last, "{first} {last}");
}

#[test]
fn numbers_out_of_range_are_refused() {
    let (market, settings) = (market(), Settings::new("sim", "e"));
    let refused = |symbols, rate| {
        Sim::new(&settings, SimSettings { symbols, rate, seed: 1 }, &market).err().unwrap().to_string()
    };
    assert_eq!(refused(0, 1), "symbols: expected 1 to 73501, found 0");
    assert_eq!(refused(1, 0), "rate: expected 1 to 10000000 updates a second, found 0");
}
