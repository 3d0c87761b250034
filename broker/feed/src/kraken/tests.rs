use super::*;
use crate::machine::Machine;
use crate::testing::{self, level, market};
use schemas::checksum;
use schemas::model::Level;

type Rig = testing::Rig<Kraken>;

fn levels(side: &[(&str, &str)]) -> Vec<Level> {
    side.iter().map(|(price, size)| level(price, size)).collect()
}

fn json(side: &[(&str, &str)]) -> String {
    let level = |(price, size): &(&str, &str)| format!(r#"{{"price":{price},"qty":{size}}}"#);
    side.iter().map(level).collect::<Vec<_>>().join(",")
}

type Side<'a> = &'a [(&'a str, &'a str)];

impl Rig {
    fn new(change: impl Fn(&mut Settings)) -> Self {
        let mut settings = Settings::new("kraken", "e");
        settings.symbols = vec!["BTC/USD".to_owned(), "ETH/USD".to_owned()];
        settings.depth = Some(10);
        change(&mut settings);
        Self::of(settings, Kraken::new)
    }

    fn connected() -> Self {
        let mut rig = Self::new(|_| {});
        rig.connect();
        rig.quiet()
    }

    /// A book message whose checksum is that of the book `after`.
    fn book(&mut self, kind: &str, (bids, asks): (Side<'_>, Side<'_>), after: (Side<'_>, Side<'_>)) {
        let checksum = checksum::of_book(&levels(after.1), &levels(after.0));
        self.frame(&format!(
            r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{}],"asks":[{}],"checksum":{checksum},"timestamp":"2026-07-07T23:00:03.977459Z"}}]}}"#,
            json(bids),
            json(asks)
        ));
    }

    fn snapshot(&mut self, bids: Side<'_>, asks: Side<'_>) {
        self.book("snapshot", (bids, asks), (bids, asks));
    }

    fn trades(&mut self, kind: &str, ids: &[u64]) {
        let trade = |id: &u64| {
            format!(
                r#"{{"symbol":"BTC/USD","side":"sell","price":1.50,"qty":2,"ord_type":"limit","trade_id":{id},"timestamp":"2026-07-07T23:00:03.977459Z"}}"#
            )
        };
        let trades = ids.iter().map(trade).collect::<Vec<_>>().join(",");
        self.frame(&format!(r#"{{"channel":"trade","type":"{kind}","data":[{trades}]}}"#));
    }
}

#[test]
fn subscribes_to_what_the_channels_need() {
    let mut rig = Rig::new(|_| {});
    assert_eq!(rig.machine.dial(), "/v2");
    rig.connect();
    let sent = rig.sent(0);
    assert_eq!(
        sent[0],
        r#"{"method":"subscribe","params":{"channel":"book","depth":10,"snapshot":true,"symbol":["BTC/USD","ETH/USD"]},"req_id":1}"#
    );
    assert!(sent[1].contains(r#""channel":"trade""#) && sent[2].contains(r#""channel":"ticker""#));
    assert_eq!(sent.len(), 3);
    let registry = rig.market.registry();
    let info = &registry.symbol("kraken:BTC/USD").unwrap().info;
    assert_eq!((info.base.as_deref(), info.quote.as_deref()), (Some("BTC"), Some("USD")));
}

#[test]
fn offers_the_venues_depths_only() {
    let settings = |depth, book_depth| Settings { depth, book_depth, ..Settings::new("kraken", "e") };
    let depth = |settings| Kraken::new(settings, market()).map(|machine| machine.feed.depth);
    assert_eq!(depth(settings(Some(25), 1_000)), Ok(25));
    assert_eq!(depth(settings(None, 50)), Ok(100));
    assert_eq!(depth(settings(None, 5_000)), Ok(1_000));
    let refused = depth(settings(Some(50), 1_000)).unwrap_err().to_string();
    assert_eq!(refused, "depth: Kraken offers [10, 25, 100, 500, 1000] levels, not 50");
}

#[test]
fn a_book_is_cut_to_its_depth_and_checked() {
    let mut rig = Rig::connected();
    let prices: Vec<String> = (91..=100).rev().map(|price| format!("{price}.0")).collect();
    let bids: Vec<_> = prices.iter().map(|price| (price.as_str(), "1.50")).collect();
    rig.snapshot(&bids, &[("101.0", "2")]);
    let better: Vec<_> = [("100.5", "3.00")].into_iter().chain(bids[..9].iter().copied()).collect();
    rig.book("update", (&[("100.5", "3.00")], &[]), (&better, &[("101.0", "2")]));
    let without: Vec<_> = bids[..9].to_vec();
    rig.book("update", (&[("100.5", "0.00")], &[]), (&without, &[("101.0", "2")]));
    let story = rig.story(Channel::Book);
    assert_eq!(
        story[1..],
        ["2 state live", "3 book bids 100.5x3.00 91.0x0 asks", "4 book bids 100.5x0 asks"]
    );
    assert_eq!(rig.machine.counters().checksum_failures.value(), 0);
}

#[test]
fn a_wrong_checksum_begins_the_book_anew() {
    let mut rig = Rig::connected();
    rig.snapshot(&[("100", "1")], &[]);
    rig.book("update", (&[("99", "1")], &[]), (&[("98", "1")], &[]));
    let sent = rig.sent(0);
    assert!(sent[0].contains(r#""method":"unsubscribe""#) && sent[0].contains(r#"["BTC/USD"]"#), "{sent:?}");
    assert!(sent[1].contains(r#""method":"subscribe""#) && sent[1].contains(r#""depth":10"#), "{sent:?}");
    rig.book("update", (&[("97", "1")], &[]), (&[("97", "1")], &[]));
    rig.snapshot(&[("90", "1")], &[]);
    let story = rig.story(Channel::Book);
    assert!(story[2].starts_with("3 state resyncing checksum "), "{story:?}");
    assert_eq!(story[3..], ["4 reset bids 90x1 asks", "5 state live"]);
    let counters = rig.machine.counters();
    assert_eq!((counters.checksum_failures.value(), counters.resyncs.value()), (1, 1));
    rig.book("update", (&[("80", "1")], &[]), (&[("98", "1")], &[]));
    assert_eq!(rig.sent(0).len(), 0, "breaking again at once, it waits");
    assert_eq!(rig.sent(3_000).len(), 2);
    assert_eq!(rig.sent(20_000).len(), 0);
    assert_eq!(rig.sent(20_000).len(), 2, "no snapshot came");
}

#[test]
fn a_repeated_snapshot_is_a_reset() {
    let mut rig = Rig::connected();
    rig.snapshot(&[("100", "1")], &[]);
    rig.snapshot(&[("99", "1")], &[]);
    assert_eq!(
        rig.story(Channel::Book),
        ["1 reset bids 100x1 asks", "2 state live", "3 reset bids 99x1 asks"]
    );
}

#[test]
fn the_last_trades_before_our_time_begin_the_count_and_later_fill_what_was_missed() {
    let mut rig = Rig::connected();
    rig.frame(r#"{"method":"subscribe","result":{"channel":"trade","snapshot":true,"symbol":"BTC/USD"},"success":true}"#);
    rig.trades("snapshot", &[6, 5, 4]);
    rig.trades("update", &[7, 8]);
    rig.disconnect();
    rig.connect();
    rig.trades("snapshot", &[12, 11, 10, 8]);
    rig.trades("update", &[13]);
    let story = rig.story(Channel::Trades);
    assert_eq!(story[..2], ["1 state live", "2-3 trades sell7 sell8"]);
    let tail: Vec<_> = story.iter().filter(|entry| !entry.contains("state")).skip(1).collect();
    assert_eq!(tail, ["6 gap 1", "7-9 trades sell10 sell11 sell12", "11 trades sell13"], "{story:?}");
}

#[test]
fn a_ticker_is_a_quote_and_statistics() {
    let mut rig = Rig::connected();
    rig.frame(r#"{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":63501.60,"bid_qty":0.10,"ask":63501.7,"ask_qty":1,"last":63501.60,"volume":5,"vwap":1,"low":1,"high":2,"change":1,"change_pct":0.10}]}"#);
    assert_eq!(rig.story(Channel::Quotes), ["1 state live", "2 quote 63501.60x0.10 63501.7x1"]);
    assert_eq!(rig.story(Channel::Ticker), ["1 state live", "2 ticker 63501.60"]);
}

#[test]
fn where_tickers_are_refused_the_book_gives_the_quotes() {
    let mut rig = Rig::connected();
    rig.frame(r#"{"error":"Channel not supported","method":"subscribe","success":false,"req_id":3,"symbol":"BTC/USD"}"#);
    assert_eq!(rig.machine.counters().faults(Fault::Refused).value(), 1);
    rig.snapshot(&[("100", "1")], &[("101", "2")]);
    assert_eq!(rig.story(Channel::Quotes), ["1 state live", "2 quote 100x1 101x2"]);
}

#[test]
fn maintenance_halts_and_ends() {
    let mut rig = Rig::connected();
    let status = |system| {
        format!(
            r#"{{"channel":"status","type":"update","data":[{{"system":"{system}","api_version":"v2","connection_id":15113583034416118705,"version":"2.0.10"}}]}}"#
        )
    };
    rig.snapshot(&[("100", "1")], &[]);
    rig.frame(&status("maintenance"));
    rig.frame(&status("online"));
    rig.frame(&status("online"));
    assert_eq!(rig.story(Channel::Book)[2..], ["3 state halted the venue is in maintenance", "4 state live"]);
}

#[test]
fn what_is_bad_is_counted_and_only_its_book_begins_anew() {
    let mut rig = Rig::connected();
    rig.snapshot(&[("100", "1")], &[]);
    rig.frame(r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":"#);
    rig.frame(r#"{"channel":"someday"}"#);
    rig.frame(r#"{"channel":"heartbeat"}"#);
    rig.trades("update", &[7]);
    assert_eq!(rig.story(Channel::Book).len(), 2);
    rig.frame(
        r#"{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":1x,"qty":1}]"#,
    );
    assert_eq!(rig.story(Channel::Book)[2..], ["3 state resyncing a message that cannot be read"]);
    assert_eq!(rig.sent(0).len(), 2);
    rig.snapshot(&[("100", "1")], &[("99", "1")]);
    assert_eq!(rig.story(Channel::Book)[4..], ["5 state live"]);
    rig.book("update", (&[("98", "1")], &[]), (&[("100", "1"), ("98", "1")], &[("99", "1")]));
    assert_eq!(rig.faults(), [2, 1, 1, 0, 0, 0]);
    assert_eq!(rig.story(Channel::Trades), ["1 state live", "2 trades sell7"]);
}

#[test]
fn a_recording_without_replies_shows_its_depth() {
    let mut rig = Rig::new(|settings| (settings.depth, settings.is_recorded) = (None, true));
    rig.connect();
    rig.snapshot(&[("100", "1"), ("99", "1")], &[]);
    assert_eq!(rig.machine.feed.session.core.symbols[0].book.depth().levels_max, 10);
    rig.frame(r#"{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,"symbol":"BTC/USD"},"success":true}"#);
    rig.snapshot(&[("100", "1")], &[]);
    assert_eq!(rig.machine.feed.session.core.symbols[0].book.depth().levels_max, 25);
}
