use super::*;
use crate::machine::{Action, Machine};
use crate::settings::Channels;
use crate::testing::{self, market};
use proptest::prelude::*;

type Rig = testing::Rig<Bybit>;
type Side<'a> = &'a [(&'a str, &'a str)];

impl Rig {
    fn new(change: impl Fn(&mut Settings)) -> Self {
        let mut settings = Settings::new("bybit", "e");
        settings.symbols = vec!["BTCUSDT".to_owned(), "ETHUSDT".to_owned()];
        change(&mut settings);
        Self::of(settings, Bybit::new)
    }

    fn connected() -> Self {
        Self::connected_with(|_| {})
    }

    fn connected_with(change: impl Fn(&mut Settings)) -> Self {
        let mut rig = Self::new(change);
        rig.connect();
        rig.quiet()
    }

    fn book(&mut self, depth: u16, kind: &str, update_id: u64, bids: Side<'_>, asks: Side<'_>) {
        let (bids, asks) = (json(bids), json(asks));
        self.frame(&format!(
            r#"{{"topic":"orderbook.{depth}.BTCUSDT","type":"{kind}","ts":1687940967466,"data":{{"s":"BTCUSDT","b":[{bids}],"a":[{asks}],"u":{update_id},"seq":7}},"cts":1687940967464}}"#
        ));
    }

    fn snapshot(&mut self, update_id: u64, bids: Side<'_>, asks: Side<'_>) {
        self.book(200, "snapshot", update_id, bids, asks);
    }

    fn delta(&mut self, update_id: u64, bids: Side<'_>, asks: Side<'_>) {
        self.book(200, "delta", update_id, bids, asks);
    }

    fn trade(&mut self, ids: &[&str]) {
        let trade = |id: &&str| {
            format!(r#"{{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","i":"{id}"}}"#)
        };
        let trades = ids.iter().map(trade).collect::<Vec<_>>().join(",");
        self.frame(&format!(
            r#"{{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{trades}]}}"#
        ));
    }

    fn ticker(&mut self, kind: &str, fields: &str) {
        self.frame(&format!(
            r#"{{"topic":"tickers.BTCUSDT","type":"{kind}","data":{{"symbol":"BTCUSDT",{fields}}},"cs":1,"ts":1673272861686}}"#
        ));
    }

    fn reply(&mut self, request: &str, success: bool, message: &str) {
        self.frame(&format!(
            r#"{{"success":{success},"ret_msg":"{message}","conn_id":"a","req_id":"{request}","op":"subscribe"}}"#
        ));
    }

    fn last_ticker(&self) -> serde_json::Value {
        let frames = testing::frames(&self.market, Channel::Ticker, "bybit:BTCUSDT");
        serde_json::from_str(frames.last().expect("a ticker")).expect("JSON")
    }
}

fn json(side: Side<'_>) -> String {
    side.iter().map(|(price, size)| format!(r#"["{price}","{size}"]"#)).collect::<Vec<_>>().join(",")
}

const SUBSCRIBE: &str = r#"{"req_id":"1","op":"subscribe","args":["orderbook.200.BTCUSDT","orderbook.1.BTCUSDT","publicTrade.BTCUSDT","tickers.BTCUSDT","orderbook.200.ETHUSDT","orderbook.1.ETHUSDT","publicTrade.ETHUSDT","tickers.ETHUSDT"]}"#;

#[test]
fn subscribes_to_what_the_channels_need() {
    let mut rig = Rig::new(|_| {});
    assert_eq!(rig.machine.dial(), "/v5/public/spot");
    rig.connect();
    assert_eq!(rig.sent(0), [SUBSCRIBE]);
    let mut rig = Rig::new(|settings| {
        settings.symbols = (0..6).map(|n| format!("S{n}USDT")).collect();
        settings.channels = Channels::of(&[Channel::Trades, Channel::Ticker]);
    });
    rig.connect();
    let sent = rig.pass(0);
    let topics: Vec<_> = sent.iter().map(|action| format!("{action:?}").matches("USDT").count()).collect();
    assert_eq!(topics, [10, 2], "spot takes ten in a request");
}

#[test]
fn the_depth_chooses_the_topic_of_books() {
    let sent = |depth, channels: &'static [Channel]| {
        let mut rig = Rig::new(|settings| {
            settings.depth = depth;
            settings.channels = Channels::of(channels);
        });
        rig.connect();
        rig.sent(0).concat()
    };
    assert!(sent(Some(50), &[Channel::Book]).contains(r#"["orderbook.50.BTCUSDT","orderbook.50.ETHUSDT"]"#));
    let both = sent(Some(1), &[Channel::Book, Channel::Quotes]);
    assert!(both.contains(r#"["orderbook.1.BTCUSDT","orderbook.1.ETHUSDT"]"#), "{both}");
    assert!(sent(Some(50), &[Channel::Quotes]).contains(r#"["orderbook.1.BTCUSDT","orderbook.1.ETHUSDT"]"#));
    let settings = |is_recorded| Settings { depth: Some(25), is_recorded, ..Settings::new("bybit", "e") };
    let refused = Bybit::new(settings(false), market()).err().unwrap().to_string();
    assert_eq!(refused, "depth: Bybit offers [1, 50, 200, 1000] levels, not 25");
    assert!(Bybit::new(settings(true), market()).is_ok(), "a recording may be of options");
}

#[test]
fn more_than_a_connection_may_carry_is_spread_over_several() {
    let symbols: Vec<_> = (0..600).map(|n| format!("S{n}USDT")).collect();
    let settings = Settings { symbols: symbols.clone(), ..Settings::new("bybit", "e") };
    let parts = connections(&settings);
    assert_eq!(parts.iter().flat_map(|part| part.symbols.clone()).collect::<Vec<_>>(), symbols);
    for part in &parts {
        let bytes: usize =
            part.symbols.iter().flat_map(|symbol| topics(part, 200, symbol)).map(|t| t.len() + 3).sum();
        assert!(bytes <= 21_000, "{bytes}");
    }
    assert_eq!(parts.len(), 3);
}

#[test]
fn each_change_is_the_next_one_and_a_snapshot_begins_anew() {
    let mut rig = Rig::connected();
    rig.delta(9, &[("98", "1")], &[]);
    rig.snapshot(10, &[("99.0", "1")], &[("101", "1")]);
    rig.delta(11, &[("98", "2.50")], &[]);
    rig.delta(11, &[("98", "2.50")], &[]);
    rig.delta(12, &[("98", "0")], &[]);
    rig.snapshot(1, &[("97", "1")], &[]);
    rig.delta(2, &[("97", "3")], &[]);
    rig.book(50, "snapshot", 70, &[("1", "1")], &[]);
    rig.book(50, "delta", 99, &[("1", "2")], &[]);
    let story = [
        "1 reset bids 99.0x1 asks 101x1",
        "2 state live",
        "3 book bids 98x2.50 asks",
        "4 book bids 98x0 asks",
        "5 reset bids 97x1 asks",
        "6 book bids 97x3 asks",
    ];
    assert_eq!(
        rig.story(Channel::Book),
        story,
        "a restart of the service is no gap, and other depths are others"
    );
    assert_eq!((rig.sent(0), rig.faults()), (vec![], [0; 6]));
}

#[test]
fn a_gap_begins_the_book_anew_and_touches_no_other() {
    let mut rig = Rig::connected();
    rig.snapshot(10, &[("99", "1")], &[]);
    rig.trade(&["7"]);
    rig.delta(12, &[("98", "1")], &[]);
    rig.delta(13, &[("97", "1")], &[]);
    assert_eq!(
        rig.sent(0),
        [
            r#"{"req_id":"2","op":"unsubscribe","args":["orderbook.200.BTCUSDT"]}"#,
            r#"{"req_id":"3","op":"subscribe","args":["orderbook.200.BTCUSDT"]}"#
        ]
    );
    rig.snapshot(30, &[("96", "1")], &[]);
    let expected = ["3 state resyncing gap: u 12 after 10", "4 reset bids 96x1 asks", "5 state live"];
    assert_eq!(rig.story(Channel::Book)[2..], expected);
    assert_eq!(rig.story(Channel::Trades), ["1 state live", "2 trades buy7"]);
    let counters = rig.machine.counters();
    assert_eq!((counters.gaps.value(), counters.resyncs.value()), (1, 1));
    rig.delta(29, &[], &[]);
    assert_eq!(rig.sent(0), [""; 0], "breaking again at once, it waits");
    assert_eq!(rig.sent(3_000).len(), 2);
    assert_eq!(rig.sent(20_000).iter().filter(|text| !text.contains("ping")).count(), 0);
    assert_eq!(rig.sent(20_000).len(), 2, "no snapshot came");
}

#[test]
fn the_best_bid_and_ask_are_quotes_and_the_book_if_that_is_wanted() {
    let frames = |rig: &mut Rig| {
        rig.book(1, "snapshot", 5, &[("99.0", "1")], &[("101", "2.0")]);
        rig.book(1, "snapshot", 5, &[("99.0", "1")], &[("101", "2.0")]);
        rig.book(1, "snapshot", 6, &[], &[("101", "2.0")]);
        rig.book(1, "snapshot", 6, &[("99.00", "1")], &[("101", "2.0")]);
    };
    let quotes = ["1 state live", "2 quote 99.0x1 101x2.0", "3 quote x 101x2.0", "4 quote 99.00x1 101x2.0"];
    let mut rig = Rig::connected();
    frames(&mut rig);
    assert_eq!(rig.story(Channel::Quotes), quotes, "the same under the same number is no new quote");
    assert_eq!(rig.story(Channel::Book), [""; 0]);
    let mut rig = Rig::connected_with(|settings| settings.depth = Some(1));
    frames(&mut rig);
    assert_eq!(rig.story(Channel::Quotes), quotes);
    let book = [
        "1 reset bids 99.0x1 asks 101x2.0",
        "2 state live",
        "3 book bids 99.0x0 asks",
        "4 book bids 99.00x1 asks",
    ];
    assert_eq!(rig.story(Channel::Book), book);
    rig.book(1, "delta", 7, &[("98", "1")], &[]);
    assert_eq!(rig.faults(), [0, 1, 0, 0, 0, 0], "it has no changes");
    rig.disconnect();
    rig.connect();
    rig.book(1, "snapshot", 6, &[("99.00", "1")], &[("101", "2.0")]);
    let after = &rig.story(Channel::Quotes)[4..];
    assert_eq!(after[after.len() - 2..], ["7 quote 99.00x1 101x2.0", "8 state live"], "{after:?}");
}

#[test]
fn trades_have_names_and_are_live_when_they_are_granted() {
    let mut rig = Rig::connected();
    rig.reply("1", true, "");
    rig.trade(&["20f43950-d8dd", "2290000000068683542"]);
    rig.trade(&["5"]);
    let story = ["1 state live", "2-3 trades buy20f43950-d8dd buy2290000000068683542", "4 trades buy5"];
    assert_eq!(rig.story(Channel::Trades), story);
    assert_eq!(rig.machine.counters().trades_lost.value(), 0);
}

#[test]
fn a_ticker_is_kept_and_changed() {
    let mut rig = Rig::connected();
    rig.ticker("delta", r#""lastPrice":"1""#);
    rig.ticker(
        "snapshot",
        r#""lastPrice":"17216.00","highPrice24h":"17281.50","volume24h":"5","price24hPcnt":"0.0171""#,
    );
    rig.ticker("delta", r#""bid1Price":"17215.50","bid1Size":"84.489""#);
    rig.ticker("delta", r#""lastPrice":"17217.00","price24hPcnt":"0.018""#);
    assert_eq!(rig.story(Channel::Ticker), ["1 state live", "2 ticker 17216.00", "3 ticker 17217.00"]);
    let last = rig.last_ticker();
    let told = ["high", "volume", "change_pct"].map(|name| last[name].as_str().unwrap_or("").to_owned());
    assert_eq!(told, ["17281.50", "5", "1.8"], "{last}");
    rig.disconnect();
    rig.connect();
    rig.ticker("delta", r#""lastPrice":"17218.00""#);
    assert_eq!(rig.last_ticker()["type"], "state", "what was before is not known to be so still");
}

#[test]
fn a_request_that_is_refused_is_made_again_topic_by_topic() {
    let mut rig = Rig::connected_with(|settings| settings.channels = Channels::of(&[Channel::Trades]));
    rig.reply("1", false, "error:handler not found,topic:publicTrade.ETHUSDT");
    assert_eq!(
        rig.pass(0),
        [
            Action::Send(r#"{"req_id":"2","op":"subscribe","args":["publicTrade.BTCUSDT"]}"#.to_owned()),
            Action::Send(r#"{"req_id":"3","op":"subscribe","args":["publicTrade.ETHUSDT"]}"#.to_owned())
        ]
    );
    assert_eq!(rig.faults(), [0; 6]);
    rig.reply("2", false, "error:already subscribed,topic:publicTrade.BTCUSDT");
    rig.reply("3", false, "error:handler not found,topic:publicTrade.ETHUSDT");
    rig.reply("3", false, "error:handler not found,topic:publicTrade.ETHUSDT");
    rig.reply("", true, "");
    assert_eq!(rig.story(Channel::Trades), ["1 state live"]);
    assert_eq!((rig.faults(), rig.pass(0)), ([0, 0, 0, 0, 0, 2], vec![]), "it is not asked for for ever");
}

#[test]
fn a_ping_is_sent_every_20_seconds_and_in_silence() {
    let mut rig = Rig::connected();
    rig.snapshot(10, &[("99", "1")], &[]);
    let ping = [Action::Send(r#"{"op":"ping"}"#.to_owned())];
    assert_eq!(rig.pass(2_500), ping);
    let pings = (0..20).filter(|n| {
        rig.frame(r#"{"success":true,"ret_msg":"pong","conn_id":"a","op":"ping"}"#);
        rig.delta(11 + n, &[], &[]);
        rig.pass(2_000).contains(&ping[0])
    });
    assert_eq!(pings.count(), 2);
    assert_eq!(rig.story(Channel::Book).len(), 2);
    assert_eq!(rig.pass(5_000), ping);
    assert_eq!(rig.story(Channel::Book)[2..], ["3 state stale no data for 5000 ms"]);
    assert_eq!(rig.faults(), [0; 6]);
}

#[test]
fn what_is_bad_is_counted_and_only_what_it_is_about_begins_anew() {
    let mut rig = Rig::connected();
    rig.snapshot(10, &[("99", "1")], &[]);
    rig.trade(&["7"]);
    rig.ticker("snapshot", r#""lastPrice":"1.0""#);
    rig.frame(r#"{"topic":"kline.5.BTCUSDT","data":[]}"#);
    rig.frame(r#"{"topic":"tickers.DOGEUSDT","type":"delta","data":{},"ts":1}"#);
    rig.frame(r#"{"topic":"orderbook.1.BTCUSDT","type":"snapshot","data":{"s":"BTC"#);
    rig.frame(r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","data":[{"T":1"#);
    assert_eq!(rig.sent(0), [""; 0]);
    let interrupted = ["3 state resyncing a message that cannot be read", "4 state live"];
    assert_eq!(rig.story(Channel::Trades)[2..], interrupted);
    rig.frame(r#"{"topic":"tickers.BTCUSDT","type":"delta","data":{"lastPrice":"2x"},"ts":1}"#);
    rig.frame(r#"{"topic":"tickers.BTCUSDT","type":"delta","data":{"lastPrice":"3x"},"ts":1}"#);
    let asked = rig.sent(0);
    assert_eq!(asked.len(), 2, "once: {asked:?}");
    assert!(asked.iter().all(|text| text.contains(r#"["tickers.BTCUSDT"]"#)), "{asked:?}");
    rig.ticker("delta", r#""highPrice24h":"5""#);
    assert_eq!(rig.story(Channel::Ticker).len(), 2, "what the last price is, is not known");
    assert_eq!(rig.story(Channel::Book).len(), 2);
    rig.frame(r#"{"topic":"orderbook.200.BTCUSDT","type":"delta","data":{"b":[["8x"]]"#);
    assert_eq!(rig.story(Channel::Book)[2..], ["3 state resyncing a message that cannot be read"]);
    assert_eq!(rig.faults(), [5, 1, 0, 0, 1, 0]);
    rig.snapshot(11, &[("99", "-1")], &[]);
    assert_eq!(rig.faults(), [5, 1, 0, 1, 1, 0]);
    rig.snapshot(12, &[("99", "1")], &[("99", "1")]);
    rig.now += 3_000;
    rig.delta(13, &[("98", "1")], &[]);
    rig.now += 3_000;
    rig.delta(14, &[("97", "1")], &[]);
    let last = rig.story(Channel::Book).last().unwrap().clone();
    assert!(last.ends_with("state resyncing the book of BTCUSDT is crossed"), "{last}");
}

#[test]
fn answers_of_a_recording_are_to_its_own_requests() {
    let mut rig = Rig::connected_with(|settings| settings.is_recorded = true);
    rig.reply("1", true, "");
    assert_eq!(rig.story(Channel::Trades), [""; 0]);
    let asked = format!("{:?}", rig.pass(60_000));
    assert!(!asked.contains("ping") && rig.machine.feed.asked.is_empty(), "{asked}");
}

proptest! {
    /// Whatever is lost, repeated or cut of a book's changes: while the book is live it is the venue's, and it is live again
    /// after the first change that comes.
    #[test]
    fn a_live_book_is_the_venues(
        mut fates in prop::collection::vec((0..3_u8, 1..6_u64, 0..4_u64), 1..60),
    ) {
        let mut rig = Rig::connected_with(|settings| settings.channels = Channels::of(&[Channel::Book]));
        let (mut venue, mut id) = (std::collections::BTreeMap::new(), 100);
        let frame = |kind: &str, id: u64, bids: &[(u64, u64)]| {
            let bids: Vec<_> = bids.iter().map(|(price, size)| format!(r#"["{price}","{size}"]"#)).collect();
            format!(r#"{{"topic":"orderbook.200.BTCUSDT","type":"{kind}","ts":1,"data":{{"s":"BTCUSDT","b":[{}],"a":[],"u":{id},"seq":7}}}}"#, bids.join(","))
        };
        rig.frame(&frame("snapshot", id, &[]));
        fates.push((0, 6, 1));
        for (fate, price, size) in fates {
            if size == 0 { venue.remove(&price); } else { venue.insert(price, size); }
            id += 1;
            let text = frame("delta", id, &[(price, size)]);
            match fate {
                0 => rig.frame(&text),
                1 => rig.frame(&text[..text.len() - 5]),
                _ => {}
            }
            if fate == 0 && size == 3 {
                rig.frame(&text);
            }
            let asked = rig.pass(40_000).iter().any(|action| matches!(action, Action::Send(text) if text.contains("\"subscribe\"")));
            if asked {
                let whole: Vec<_> = venue.iter().map(|(price, size)| (*price, *size)).collect();
                rig.frame(&frame("snapshot", id, &whole));
            }
            let ours: Vec<_> = rig.machine.feed.session.core.symbols[0].book.best_first().0.map(|level| (level.price.to_string(), level.size.to_string())).collect();
            let theirs: Vec<_> = venue.iter().rev().map(|(price, size)| (price.to_string(), size.to_string())).collect();
            // What was lost last shows with the next change only.
            if rig.machine.feed.session.is_joined(0) && fate != 2 {
                prop_assert_eq!(ours, theirs);
            }
        }
        prop_assert!(rig.machine.feed.session.is_joined(0));
    }
}
