use super::*;
use crate::machine::{Action, Machine};
use crate::settings::Channels;
use crate::testing::{self, ms};

type Rig = testing::Rig<Coinbase>;

impl Rig {
    fn new(change: impl Fn(&mut Settings)) -> Self {
        let mut settings = Settings::new("coinbase", "e");
        settings.symbols = vec!["BTC-USD".to_owned(), "ETH-USD".to_owned()];
        change(&mut settings);
        Self::of(settings, Coinbase::new)
    }

    fn connected() -> Self {
        let mut rig = Self::new(|_| {});
        rig.connect();
        rig.quiet()
    }

    fn snapshot(&mut self) {
        self.frame(
            r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["101.00","1.50"]],"bids":[["99.00","2"]]}"#,
        );
    }

    fn update(&mut self, side: &str, price: &str, size: &str) {
        self.frame(&format!(
            r#"{{"type":"l2update","product_id":"BTC-USD","changes":[["{side}","{price}","{size}"]],"time":"2026-07-07T23:00:03.977459Z"}}"#
        ));
    }

    fn trade(&mut self, kind: &str, id: u64) {
        self.frame(&format!(
            r#"{{"type":"{kind}","trade_id":{id},"maker_order_id":"a","taker_order_id":"b","side":"buy","size":"0.10","price":"100.00","product_id":"BTC-USD","sequence":{id},"time":"2026-07-07T23:00:03.977459Z"}}"#
        ));
    }

    fn heartbeat(&mut self, last_trade_id: u64) {
        self.heartbeat_at(9, last_trade_id);
    }

    fn heartbeat_at(&mut self, sequence: u64, last_trade_id: u64) {
        self.frame(&format!(
            r#"{{"type":"heartbeat","last_trade_id":{last_trade_id},"product_id":"BTC-USD","sequence":{sequence},"time":"2026-07-07T23:00:03.977459Z"}}"#
        ));
    }
}

#[test]
fn subscribes_at_once_to_what_the_channels_need() {
    let mut rig = Rig::new(|_| {});
    rig.connect();
    assert_eq!(
        rig.sent(0),
        [
            r#"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channels":["level2_batch","matches","ticker","heartbeat"]}"#
        ]
    );
    let mut rig = Rig::new(|settings| settings.channels = Channels::of(&[Channel::Trades]));
    rig.connect();
    assert!(rig.sent(0)[0].ends_with(r#""channels":["matches","heartbeat"]}"#));
}

#[test]
fn a_book_begins_with_its_snapshot_and_follows_its_changes() {
    let mut rig = Rig::connected();
    rig.update("buy", "98.00", "1");
    rig.snapshot();
    rig.update("buy", "99.00", "0.00000000");
    rig.update("sell", "100.50", "0.50");
    rig.update("sell", "700.00", "0");
    assert_eq!(
        rig.story(Channel::Book),
        [
            "1 reset bids 99.00x2 asks 101.00x1.50",
            "2 state live",
            "3 book bids 99.00x0 asks",
            "4 book bids asks 100.50x0.50"
        ]
    );
    rig.snapshot();
    assert_eq!(rig.story(Channel::Book)[4..], ["5 reset bids 99.00x2 asks 101.00x1.50"]);
}

#[test]
fn the_last_match_is_where_the_numbers_go_on() {
    let mut rig = Rig::connected();
    rig.trade("last_match", 6);
    rig.trade("match", 7);
    rig.trade("match", 9);
    rig.disconnect();
    rig.connect();
    rig.trade("last_match", 12);
    rig.trade("last_match", 12);
    rig.trade("match", 13);
    let story = rig.story(Channel::Trades);
    let trades: Vec<_> = story.iter().filter(|entry| !entry.contains("state")).collect();
    assert_eq!(
        trades,
        ["2 trades sell7", "3 gap 1", "4 trades sell9", "7 gap 2", "8 trades sell12", "10 trades sell13"],
        "the maker bought, so the aggressor sold; {story:?}"
    );
}

#[test]
fn a_trade_that_only_the_heartbeat_knows_is_lost_after_a_grace() {
    let mut rig = Rig::connected();
    rig.heartbeat(5);
    assert_eq!(rig.machine.feed.missing.deadline(), None, "nothing is known to be missing yet");
    rig.trade("last_match", 6);
    rig.heartbeat(7);
    rig.trade("match", 7);
    rig.sent(1_500);
    rig.heartbeat(9);
    rig.heartbeat(10);
    rig.sent(500);
    assert_eq!(rig.story(Channel::Trades), ["1 state live", "2 trades sell7"]);
    rig.sent(1_000);
    rig.trade("match", 9);
    rig.trade("match", 10);
    assert_eq!(rig.story(Channel::Trades)[2..], ["3 gap 2", "4 trades sell10"]);
    assert_eq!(rig.machine.counters().trades_lost.value(), 2);
}

#[test]
fn a_ticker_is_a_quote_and_statistics() {
    let mut rig = Rig::connected();
    rig.frame(r#"{"type":"ticker","sequence":1,"product_id":"BTC-USD","price":"100.00","open_24h":"90","volume_24h":"5","low_24h":"1","high_24h":"2","volume_30d":"9","best_bid":"99.00","best_ask":"101.00","side":"buy","time":"2026-07-07T23:00:03.977459Z","trade_id":1,"last_size":"1"}"#);
    assert_eq!(rig.story(Channel::Quotes), ["1 state live", "2 quote 99.00x 101.00x"]);
    assert_eq!(rig.story(Channel::Ticker), ["1 state live", "2 ticker 100.00"]);
}

#[test]
fn where_no_ticker_is_granted_the_book_gives_the_quotes() {
    let mut rig = Rig::connected();
    rig.frame(r#"{"type":"subscriptions","channels":[{"name":"level2_50","product_ids":["BTC-USD"],"account_ids":null},{"name":"matches","product_ids":["BTC-USD"]}]}"#);
    rig.snapshot();
    assert_eq!(rig.story(Channel::Quotes), ["1 state live", "2 quote 99.00x2 101.00x1.50"]);
    assert_eq!(rig.story(Channel::Trades), ["1 state live"]);
    let mut rig = Rig::connected();
    rig.frame(r#"{"type":"subscriptions","channels":[{"name":"level2_50","product_ids":["BTC-USD"]},{"name":"ticker","product_ids":["BTC-USD"]}]}"#);
    rig.snapshot();
    assert_eq!(rig.story(Channel::Quotes), [""; 0]);
}

#[test]
fn where_no_ticker_comes_the_book_gives_the_quotes_after_a_while() {
    let mut rig = Rig::connected();
    rig.snapshot();
    rig.update("buy", "100.00", "1");
    rig.update("buy", "98.00", "1");
    assert_eq!(rig.story(Channel::Quotes), [""; 0], "it is open");
    assert_eq!(rig.machine.deadline(), Some(ms(4_001)));
    rig.sent(3_000);
    let quotes = ["1 state live", "2 quote 99.00x2 101.00x1.50", "3 quote 100.00x1 101.00x1.50"];
    assert_eq!(rig.story(Channel::Quotes), quotes, "none is missing");
    rig.update("buy", "100.00", "2");
    assert_eq!(rig.story(Channel::Quotes)[3..], ["4 quote 100.00x2 101.00x1.50"]);
    rig.frame(r#"{"type":"ticker","sequence":1,"product_id":"ETH-USD","price":"1","best_bid":"1","best_ask":"2","time":"2026-07-07T23:00:03.977459Z"}"#);
    rig.update("buy", "100.00", "3");
    assert_eq!(rig.story(Channel::Quotes).len(), 4, "one product's ticker says that all have one");
}

#[test]
fn tops_from_before_the_first_ticker_are_no_quotes() {
    let mut rig = Rig::connected();
    rig.snapshot();
    rig.frame(r#"{"type":"ticker","sequence":1,"product_id":"BTC-USD","price":"1","best_bid":"1","best_ask":"2","time":"2026-07-07T23:00:03.977459Z"}"#);
    rig.sent(4_000);
    assert_eq!(rig.story(Channel::Quotes), ["1 state live", "2 quote 1x 2x"]);
    let mut rig = Rig::connected();
    rig.snapshot();
    rig.disconnect();
    rig.sent(9_000);
    assert_eq!(rig.story(Channel::Quotes), [""; 0], "nor are those of a connection that is lost");
}

#[test]
fn what_is_bad_is_counted_and_only_its_book_begins_anew() {
    let mut rig = Rig::connected();
    rig.snapshot();
    rig.frame(r#"{"type":"match","trade_id":7,"side":"buy","size":"1","price":"abc","product_id":"BTC-USD","time":"x"}"#);
    rig.frame(r#"{"type":"error","message":"Failed to subscribe","reason":"X is not a valid product"}"#);
    rig.frame(r#"{"type":"someday"}"#);
    assert_eq!(rig.story(Channel::Book).len(), 2);
    rig.frame(r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","98.0"#);
    assert_eq!(rig.story(Channel::Book)[2..], ["3 state resyncing a message that cannot be read"]);
    let sent = rig.sent(0);
    assert_eq!(
        sent,
        [
            r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channels":["level2_batch"]}"#,
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["level2_batch"]}"#
        ]
    );
    assert_eq!(rig.sent(9_000).len(), 0);
    assert_eq!(rig.sent(1_000).len(), 2, "no snapshot came");
    rig.snapshot();
    assert_eq!(rig.story(Channel::Book).last().unwrap(), "7 state live", "{:?}", rig.story(Channel::Book));
    assert_eq!(rig.faults(), [2, 1, 0, 0, 0, 1]);
}

#[test]
fn a_book_that_stays_crossed_begins_anew() {
    let mut rig = Rig::connected();
    rig.snapshot();
    rig.update("buy", "101.00", "1");
    rig.now += 3_000;
    rig.update("buy", "98.00", "1");
    assert_eq!(rig.machine.counters().faults(Fault::Crossed).value(), 2);
    assert_eq!(rig.story(Channel::Book).last().unwrap(), "5 state resyncing the book of BTC-USD is crossed");
    assert_eq!(rig.sent(0).len(), 2);
}

/// After how many seconds another connection is wanted, if each has this heartbeat.
fn seconds(rig: &mut Rig, heartbeat: impl Fn(u64) -> (u64, u64)) -> Option<u64> {
    (1..=100).find(|second| {
        let (sequence, last_trade_id) = heartbeat(*second);
        rig.heartbeat_at(sequence, last_trade_id);
        rig.pass(999).into_iter().any(|action| matches!(action, Action::Renew(_)))
    })
}

#[test]
fn heartbeats_tell_a_quiet_market_from_data_that_has_stopped() {
    let limited = |settings: &mut Settings| settings.data_silence_ms = Some(30_000);
    let mut rig = Rig::new(limited);
    rig.connect();
    rig.snapshot();
    assert_eq!(seconds(&mut rig, |_| (9, 100)), None, "nothing happens there");
    rig.update("buy", "99.00", "3");
    assert_eq!(seconds(&mut rig, |second| (9 + second.min(1), 100)), None, "it was told before");
    assert_eq!(seconds(&mut rig, |second| (10 + second, 100)), Some(31));
    let mut rig = Rig::new(|settings| {
        limited(settings);
        settings.channels = Channels::of(&[Channel::Trades]);
    });
    rig.connect();
    rig.trade("last_match", 100);
    assert_eq!(seconds(&mut rig, |second| (10 + second, 100)), None, "there were no trades");
    assert_eq!(seconds(&mut rig, |second| (10 + second, 100 + second)), Some(31));
}
