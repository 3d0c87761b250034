//! The recorded feeds, through the machines: every checksum holds, every book is what a naive reading of the recording
//! makes of it, no digit differs, and a second replay is the same bytes.
//!
//! The recordings lie beside the project, where `TICKCAST_FEEDS` says or in `../shared/feeds`.

#![expect(clippy::unwrap_used, reason = "what is amiss in a recording fails the test")]
#![expect(clippy::print_stderr, reason = "a recording that is not there is told loudly")]

mod captures;
mod follow;
mod naive;

use captures::Recording;
use feed::digest::Digests;
use feed::market::{Market, MarketLimits};
use feed::replay::{Open, Replay};
use feed::settings::{Settings, Trades};
use follow::Followed;
use schemas::model::{Channel, State};
use std::io::Cursor;
use std::sync::Arc;

/// A recording that has gone through its machine.
struct Played {
    market: Arc<Market>,
    replay: Replay,
}

fn play(recording: &Recording, change: impl Fn(&mut Settings)) -> Played {
    let table = Arc::new(feed::topic::Table::new(10_000, usize::MAX, Vec::new()));
    // So that the whole log can be read afterwards.
    let limits = MarketLimits {
        trades_log_entries: 1 << 17,
        book_log_entries: 1 << 17,
        other_log_entries: 1 << 17,
        ..MarketLimits::default()
    };
    let market = Arc::new(Market::new(table, limits));
    let mut settings = Settings { digest: true, ..Settings::new(recording.venue.name(), "e") };
    change(&mut settings);
    let text = Arc::clone(&recording.text);
    let open: Open = Box::new(move || Ok(Box::new(Cursor::new(ArcBytes(Arc::clone(&text))))));
    let mut replay =
        Replay::new(open, recording.venue, false, settings, Arc::clone(&market)).expect("a replay");
    while replay.step().expect("an undamaged recording") {}
    Played { market, replay }
}

struct ArcBytes(Arc<[u8]>);

impl AsRef<[u8]> for ArcBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Played {
    fn digests(&self) -> Digests {
        self.market.registry().digests()
    }

    /// What a subscriber from the start knows of a symbol; it checks every book frame on its way.
    fn follow(&self, symbol: &str) -> Followed {
        let registry = self.market.registry();
        follow::follow(registry.symbol(symbol).expect(symbol))
    }

    fn states(&self) -> Vec<(String, State)> {
        let registry = self.market.registry();
        registry.symbols().iter().map(|entry| (entry.info.symbol.to_string(), entry.state())).collect()
    }

    /// No message was at fault, and nothing was lost.
    fn is_clean(&self) {
        let counters = self.replay.machine().counters();
        for fault in feed::counters::Fault::ALL {
            assert_eq!(counters.faults(fault).value(), 0, "{}", fault.name());
        }
        assert_eq!(counters.checksum_failures.value(), 0);
        assert_eq!(counters.gaps.value(), 0);
        assert_eq!(counters.trades_lost.value(), 0);
        assert_eq!(self.replay.damaged(), 0);
    }
}

/// The whole check of a recording: clean, equal to the naive reading, and the same bytes when it is played again.
fn check(recording: &Recording, change: impl Fn(&mut Settings)) -> Played {
    let played = play(recording, &change);
    played.is_clean();
    let mut settings = Settings::new("", "");
    change(&mut settings);
    let expected = naive::read(recording, &settings);
    assert_eq!(expected.len(), played.states().len(), "as many symbols");
    for (name, expected) in &expected {
        let followed = played.follow(&format!("{}:{name}", recording.venue));
        assert_eq!(followed.trades, expected.trades, "{name}");
        assert_eq!(followed.quotes, expected.quotes, "{name}");
        assert_eq!(followed.bids, expected.bids, "{name}");
        assert_eq!(followed.asks, expected.asks, "{name}");
        if let Some(checksums) = &expected.checksums {
            assert_eq!(&followed.checksums, checksums, "{name}");
        }
    }
    assert_eq!(played.digests(), play(recording, &change).digests(), "the same bytes again");
    played
}

macro_rules! recording {
    ($name:literal) => {
        match captures::read($name) {
            Some(recording) => recording,
            None => return,
        }
    };
}

#[test]
fn binance_2024_with_its_depth_body_between_the_frames() {
    let played = check(&recording!("binance-spot_btcusdt_20240808.gz"), |_| {});
    assert_eq!(played.states(), [("binance:BTCUSDT".to_owned(), State::Live)]);
}

#[test]
fn binance_2021_joins_all_ten_books() {
    let recording = recording!("binance-spot_10symbols_20210405.cryptofeed");
    let played = check(&recording, |settings| settings.trades = Trades::Aggregate);
    assert!(played.states().iter().all(|(_, state)| *state == State::Live), "{:?}", played.states());
    assert_eq!(played.states().len(), 10);
}

#[test]
fn binance_2026_joins_the_one_book_that_has_a_body() {
    let played = check(&recording!("binance-spot_btc-eth_20260707.ndjson"), |_| {});
    let expected = [("binance:BTCUSDT", State::Live), ("binance:ETHUSDT", State::Resyncing)];
    assert_eq!(played.states(), expected.map(|(name, state)| (name.to_owned(), state)));
}

#[test]
fn binance_usd_m_2024_where_each_event_names_the_one_before() {
    let played = check(&recording!("binance-usdm_btcusdt_20240718.gz"), |_| {});
    assert_eq!(played.states(), [("binance-usdm:BTCUSDT".to_owned(), State::Live)]);
}

#[test]
fn binance_coin_m_2021_joins_all_ten_books() {
    let recording = recording!("binance-coinm_10symbols_20210721.cryptofeed");
    let played = check(&recording, |settings| settings.trades = Trades::Aggregate);
    assert!(played.states().iter().all(|(_, state)| *state == State::Live), "{:?}", played.states());
    assert_eq!(played.states().len(), 10);
}

#[test]
fn a_shallow_book_is_the_best_levels_of_the_deep_one() {
    check(&recording!("binance-spot_btcusdt_20240808.gz"), |settings| settings.book_depth = 20);
}

#[test]
fn coinbase_2021() {
    let played = check(&recording!("coinbase_10symbols_20210417.cryptofeed"), |_| {});
    assert_eq!(played.states().len(), 10);
}

#[test]
fn coinbase_2026_with_books_of_27000_levels() {
    check(&recording!("coinbase_btc-eth_20260707.ndjson"), |_| {});
}

#[test]
fn kraken_2026_depth_10() {
    check(&recording!("kraken-v2_btc-eth_20260707.ndjson"), |_| {});
}

#[test]
fn what_a_capture_decides_itself_needs_no_options() {
    let kraken = recording!("kraken-v2_btc-eth_20260707.ndjson");
    let told = play(&kraken, |settings| settings.depth = Some(25)).digests();
    assert_eq!(play(&kraken, |_| {}).digests(), told);
    let binance = recording!("binance-spot_10symbols_20210405.cryptofeed");
    let told = play(&binance, |settings| settings.trades = Trades::Aggregate).digests();
    assert_eq!(play(&binance, |_| {}).digests(), told);
}

#[test]
fn kraken_2026_depth_25() {
    check(&recording!("kraken-v2_btcusd_20260802.cbcap"), |_| {});
}

#[test]
fn kraken_2026_with_resyncs() {
    let played = check(&recording!("kraken-v2_btcusd-resyncs_20260801.cbcap"), |_| {});
    let resets = played.follow("kraken:BTC/USD").resets;
    assert!(resets > 1, "each subscription brought a book: {resets}");
}

#[test]
fn okx_2022_with_each_topic_subscribed_to_twice() {
    let played = check(&recording!("okx-v5_10symbols_20220227.cryptofeed"), |_| {});
    assert_eq!(played.states().len(), 10);
    assert!(played.states().iter().all(|(_, state)| *state == State::Live), "{:?}", played.states());
    assert_eq!(played.follow("okx:ZEN-USDT").resets, 2);
}

#[test]
fn okx_2021_on_each_of_three_connections() {
    for recording in [
        recording!("okx-v5_10symbols_line1-of-3_20210722.cryptofeed"),
        recording!("okx-v5_10symbols_line2-of-3_20210722.cryptofeed"),
        recording!("okx-v5_10symbols_line3-of-3_20210722.cryptofeed"),
    ] {
        assert_eq!(check(&recording, |_| {}).states().len(), 10);
    }
}

#[test]
fn bybit_2025_of_the_best_bid_and_ask() {
    for (recording, symbols) in [
        (recording!("bybit-v5-linear_20250613.cryptofeed"), 4),
        (recording!("bybit-v5-spot_20250613.cryptofeed"), 6),
    ] {
        let played = check(&recording, |_| {});
        assert_eq!(played.states().len(), symbols);
        assert!(played.states().iter().all(|(_, state)| *state == State::Live), "{:?}", played.states());
        for (name, _) in played.states() {
            let followed = played.follow(&name);
            assert_eq!((followed.resets, followed.bids.len(), followed.asks.len()), (1, 1, 1), "{name}");
        }
    }
}

#[test]
fn a_frame_left_out_is_a_gap_and_the_checksum_notices_too() {
    let binance = recording!("binance-spot_btcusdt_20240808.gz");
    let played = play(&binance.without(|line| line.contains("\"depthUpdate\""), 500), |_| {});
    assert_eq!(played.replay.machine().counters().gaps.value(), 1);
    assert_eq!(played.states()[0].1, State::Resyncing);

    for (futures, event) in [
        (recording!("binance-usdm_btcusdt_20240718.gz"), "\"depthUpdate\""),
        (recording!("binance-coinm_10symbols_20210721.cryptofeed"), "\"etcusd_perp@depth@100ms\""),
    ] {
        let played = play(&futures.without(|line| line.contains(event), 150), |_| {});
        assert_eq!(played.replay.machine().counters().gaps.value(), 1);
        let lost = played.states().into_iter().filter(|(_, state)| *state == State::Resyncing);
        assert_eq!(lost.count(), 1);
    }

    let kraken = recording!("kraken-v2_btcusd_20260802.cbcap");
    let top = |line: &str| line.contains("\"book\"") && line.contains("\"update\"");
    let played = play(&kraken.without(top, 10), |_| {});
    assert_eq!(played.replay.machine().counters().checksum_failures.value(), 1);
    assert_eq!(played.states()[0].1, State::Resyncing);

    let okx = recording!("okx-v5_10symbols_20220227.cryptofeed");
    let of_one =
        |line: &str| line.contains("\"books-l2-tbt\",\"instId\":\"UNI-USD-SWAP\"},\"action\":\"update\"");
    let played = play(&okx.without(of_one, 100), |_| {});
    assert_eq!(played.replay.machine().counters().checksum_failures.value(), 1);
    let resyncing = played.states().into_iter().filter(|(_, state)| *state != State::Live);
    assert_eq!(resyncing.collect::<Vec<_>>(), [("okx:UNI-USD-SWAP".to_owned(), State::Resyncing)]);
}

#[test]
fn a_trade_left_out_is_counted() {
    let recording = recording!("coinbase_btc-eth_20260707.ndjson");
    let is_match = |line: &str| line.contains("\"type\":\"match\"");
    let played = play(&recording.without(is_match, 50), |_| {});
    assert_eq!(played.replay.machine().counters().trades_lost.value(), 1);
    let lost: u64 =
        ["coinbase:BTC-USD", "coinbase:ETH-USD"].map(|name| played.follow(name).lost).iter().sum();
    assert_eq!(lost, 1);
    assert!(played.market.registry().symbols()[0].topic(Channel::Trades).is_some());
}
