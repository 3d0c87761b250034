use super::*;
use crate::machine::{Action, Machine};
use crate::settings::Channels;
use crate::testing::{self, level, market, ms};
use schemas::model::Channel;

type Rig = testing::Rig<Okx>;
type Side<'a> = &'a [(&'a str, &'a str)];

impl Rig {
    fn new(change: impl Fn(&mut Settings)) -> Self {
        let mut settings = Settings::new("okx", "e");
        settings.symbols = vec!["BTC-USDT".to_owned(), "ETH-USDT-SWAP".to_owned()];
        change(&mut settings);
        Self::of(settings, Okx::new)
    }

    fn connected() -> Self {
        Self::connected_with(|_| {})
    }

    fn connected_with(change: impl Fn(&mut Settings)) -> Self {
        let mut rig = Self::new(change);
        rig.connect();
        rig.quiet()
    }

    /// `seqs` are the message's number and that of the one before.
    fn book(&mut self, action: &str, seqs: (i64, i64), bids: Side<'_>, asks: Side<'_>) {
        let numbers = format!(r#""checksum":0,"seqId":{},"prevSeqId":{}"#, seqs.0, seqs.1);
        self.whole("books", &format!(r#""action":"{action}","#), &numbers, bids, asks);
    }

    /// A book of `channel`; `action` and `numbers` stand in it as they are.
    fn whole(&mut self, channel: &str, action: &str, numbers: &str, bids: Side<'_>, asks: Side<'_>) {
        let (bids, asks) = (json(bids), json(asks));
        self.frame(&format!(
            r#"{{"arg":{{"channel":"{channel}","instId":"BTC-USDT"}},{action}"data":[{{"asks":[{asks}],"bids":[{bids}],"ts":"1597026383085",{numbers}}}]}}"#
        ));
    }

    fn trade(&mut self, id: u64, count: u64) {
        self.frame(&format!(
            r#"{{"arg":{{"channel":"trades","instId":"BTC-USDT"}},"data":[{{"instId":"BTC-USDT","tradeId":"{id}","px":"100.0","sz":"2","side":"sell","ts":"1630048897897","count":"{count}"}}]}}"#
        ));
    }
}

fn json(side: Side<'_>) -> String {
    let level = |(price, size): &(&str, &str)| format!(r#"["{price}","{size}","0","1"]"#);
    side.iter().map(level).collect::<Vec<_>>().join(",")
}

const SUBSCRIBE: &str = r#"{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"},{"channel":"bbo-tbt","instId":"BTC-USDT"},{"channel":"trades","instId":"BTC-USDT"},{"channel":"tickers","instId":"BTC-USDT"},{"channel":"books","instId":"ETH-USDT-SWAP"},{"channel":"bbo-tbt","instId":"ETH-USDT-SWAP"},{"channel":"trades","instId":"ETH-USDT-SWAP"},{"channel":"tickers","instId":"ETH-USDT-SWAP"}]}"#;

#[test]
fn subscribes_to_what_the_channels_need() {
    let mut rig = Rig::new(|_| {});
    assert_eq!(rig.machine.dial(), "/ws/v5/public");
    rig.connect();
    assert_eq!(rig.sent(0), [SUBSCRIBE]);
    let registry = rig.market.registry();
    let assets = |symbol| {
        let info = &registry.symbol(symbol).unwrap().info;
        (info.base.clone().unwrap(), info.quote.clone().unwrap())
    };
    assert_eq!(assets("okx:BTC-USDT"), ("BTC".to_owned(), "USDT".to_owned()));
    assert_eq!(assets("okx:ETH-USDT-SWAP"), ("ETH".to_owned(), "USDT".to_owned()));
}

#[test]
fn the_depth_chooses_the_channel_of_books() {
    let sent = |depth, channels: &'static [Channel]| {
        let mut rig = Rig::new(|settings| {
            settings.depth = depth;
            settings.channels = Channels::of(channels);
        });
        rig.connect();
        rig.sent(0).concat()
    };
    assert!(
        sent(Some(5), &[Channel::Book])
            .contains(r#"[{"channel":"books5","instId":"BTC-USDT"},{"channel":"books5","#)
    );
    let both = sent(Some(1), &[Channel::Book, Channel::Quotes]);
    assert_eq!(both.matches("bbo-tbt").count(), 2, "{both}");
    let settings = |is_recorded| Settings { depth: Some(50), is_recorded, ..Settings::new("okx", "e") };
    let refused = Okx::new(settings(false), market()).err().unwrap().to_string();
    assert_eq!(refused, "depth: OKX offers [1, 5, 400] levels, not 50");
    assert!(Okx::new(settings(true), market()).is_ok(), "a recording may have come from a login");
}

#[test]
fn more_than_a_connection_may_carry_is_spread_over_several() {
    let symbols: Vec<_> = (0..1_000).map(|n| format!("S{n}-USDT-SWAP")).collect();
    let settings = Settings { symbols: symbols.clone(), ..Settings::new("okx", "e") };
    let parts = connections(&settings);
    assert_eq!(parts.iter().flat_map(|part| part.symbols.clone()).collect::<Vec<_>>(), symbols);
    for part in &parts {
        let mut rig = Rig::of(part.clone(), Okx::new);
        rig.connect();
        let sent = rig.pass(0);
        let args: usize = sent.iter().map(|action| format!("{action:?}").replace('\\', "").len()).sum();
        assert!(args < 64 << 10, "{args}");
    }
    assert_eq!(parts.len(), 3);
}

#[test]
fn each_change_names_the_one_before() {
    let mut rig = Rig::connected();
    rig.book("update", (5, 4), &[("98", "1")], &[]);
    rig.book("snapshot", (10, -1), &[("99.0", "1")], &[("101", "1")]);
    rig.book("update", (15, 10), &[("98", "2.50")], &[]);
    rig.book("update", (15, 15), &[], &[]);
    rig.book("update", (3, 15), &[("97", "1")], &[]);
    rig.book("update", (7, 3), &[("97", "0")], &[]);
    let story = [
        "1 reset bids 99.0x1 asks 101x1",
        "2 state live",
        "3 book bids 98x2.50 asks",
        "4 book bids 97x1 asks",
        "5 book bids 97x0 asks",
    ];
    assert_eq!(rig.story(Channel::Book), story, "a quiet minute and a reset at the venue are no gaps");
    assert_eq!(rig.sent(0), [""; 0]);
}

#[test]
fn a_gap_begins_the_book_anew_and_touches_no_other() {
    let mut rig = Rig::connected();
    rig.book("snapshot", (10, -1), &[("99", "1")], &[]);
    rig.trade(7, 1);
    rig.book("update", (20, 15), &[("98", "1")], &[]);
    rig.book("update", (25, 20), &[("97", "1")], &[]);
    assert_eq!(
        rig.sent(0),
        [
            r#"{"op":"unsubscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}"#,
            r#"{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}"#
        ]
    );
    rig.book("snapshot", (30, -1), &[("96", "1")], &[]);
    let story = rig.story(Channel::Book);
    let expected =
        ["3 state resyncing gap: prevSeqId 15 after seqId 10", "4 reset bids 96x1 asks", "5 state live"];
    assert_eq!(story[2..], expected);
    assert_eq!(rig.story(Channel::Trades), ["1 state live", "2 trades sell7"]);
    let counters = rig.machine.counters();
    assert_eq!((counters.gaps.value(), counters.resyncs.value()), (1, 1));
    rig.book("update", (99, 98), &[], &[]);
    assert_eq!(rig.sent(0), [""; 0], "breaking again at once, it waits");
    assert_eq!(rig.sent(3_000).len(), 2);
    assert_eq!(rig.sent(20_000).len(), 0);
    assert_eq!(rig.sent(20_000).len(), 2, "no snapshot came");
}

#[test]
fn old_recordings_have_checksums_instead_of_numbers() {
    let mut rig = Rig::connected();
    let checksum = |bids: Side<'_>, asks: Side<'_>| {
        let levels = |side: Side<'_>| side.iter().map(|(price, size)| level(price, size)).collect::<Vec<_>>();
        format!(r#""checksum":{}"#, venue::checksum(&levels(bids), &levels(asks)))
    };
    let snapshot: Side<'_> = &[("99.0", "1.50")];
    rig.whole("books-l2-tbt", r#""action":"snapshot","#, &checksum(snapshot, &[]), snapshot, &[]);
    let after: Side<'_> = &[("99.0", "1.50"), ("98", "2")];
    rig.whole("books-l2-tbt", r#""action":"update","#, &checksum(after, &[]), &[("98", "2")], &[]);
    rig.whole("books-l2-tbt", r#""action":"update","#, &checksum(after, &[]), &[("97", "2")], &[]);
    let story = rig.story(Channel::Book);
    assert_eq!(story[..3], ["1 reset bids 99.0x1.50 asks", "2 state live", "3 book bids 98x2 asks"]);
    assert!(story[3].starts_with("4 state resyncing checksum "), "{story:?}");
    assert_eq!(rig.machine.counters().checksum_failures.value(), 1);
}

#[test]
fn a_shallow_book_is_whole_each_time_and_only_its_changes_are_told() {
    let mut rig = Rig::connected_with(|settings| settings.depth = Some(5));
    rig.book("snapshot", (10, -1), &[("1", "1")], &[]);
    rig.whole("books5", "", r#""seqId":5"#, &[("99", "1"), ("98", "1")], &[("101", "1")]);
    rig.whole("books5", "", r#""seqId":9"#, &[("99", "1"), ("97", "3")], &[("101", "1")]);
    rig.whole("books5", "", r#""seqId":9"#, &[("99", "1"), ("97", "3")], &[("101", "1")]);
    rig.whole("books5", "", r#""seqId":11"#, &[], &[("101", "1")]);
    let story = [
        "1 reset bids 99x1 98x1 asks 101x1",
        "2 state live",
        "3 book bids 98x0 97x3 asks",
        "4 book bids 99x0 97x0 asks",
    ];
    assert_eq!(rig.story(Channel::Book), story, "the deep book is another one");
}

#[test]
fn the_best_bid_and_ask_are_quotes_and_the_book_if_that_is_wanted() {
    let frames = |rig: &mut Rig| {
        rig.whole("bbo-tbt", "", r#""seqId":5"#, &[("99.0", "1")], &[("101", "2.0")]);
        rig.whole("bbo-tbt", "", r#""seqId":5"#, &[("99.0", "1")], &[("101", "2.0")]);
        rig.whole("bbo-tbt", "", r#""seqId":6"#, &[], &[("101", "2.0")]);
    };
    let quotes = ["1 state live", "2 quote 99.0x1 101x2.0", "3 quote 99.0x1 101x2.0", "4 quote x 101x2.0"];
    let mut rig = Rig::connected();
    frames(&mut rig);
    assert_eq!(rig.story(Channel::Quotes), quotes);
    assert_eq!(rig.story(Channel::Book), [""; 0]);
    let mut rig = Rig::connected_with(|settings| settings.depth = Some(1));
    frames(&mut rig);
    assert_eq!(rig.story(Channel::Quotes), quotes);
    let book = ["1 reset bids 99.0x1 asks 101x2.0", "2 state live", "3 book bids 99.0x0 asks"];
    assert_eq!(rig.story(Channel::Book), book);
}

#[test]
fn trades_that_come_as_one_are_all_there() {
    let mut rig = Rig::connected();
    rig.frame(r#"{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"a"}"#);
    for (id, count) in [(10, 1), (13, 3), (13, 3), (20, 2)] {
        rig.trade(id, count);
    }
    let story = ["1 state live", "2 trades sell10", "3 trades sell13", "4 gap 5", "5 trades sell20"];
    assert_eq!(rig.story(Channel::Trades), story);
}

#[test]
fn statistics_are_told() {
    let mut rig = Rig::connected();
    rig.frame(r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"9999.90","open24h":"9000","high24h":"10000","low24h":"8888","volCcy24h":"2222","vol24h":"3333","ts":"1597026383085"}]}"#);
    assert_eq!(rig.story(Channel::Ticker), ["1 state live", "2 ticker 9999.90"]);
}

#[test]
fn silence_is_asked_about_and_a_pong_ends_it() {
    let mut rig = Rig::connected();
    rig.book("snapshot", (10, -1), &[("99", "1")], &[]);
    let ping = [Action::Send("ping".to_owned())];
    assert_eq!(rig.pass(2_400), []);
    assert_eq!(rig.pass(100), ping);
    rig.frame("pong");
    assert_eq!(rig.pass(2_500), ping);
    assert_eq!(rig.story(Channel::Book).len(), 2, "it is quiet, and not stale");
    assert_eq!(rig.pass(2_500), ping);
    assert_eq!(rig.story(Channel::Book)[2..], ["3 state stale no data for 5000 ms"]);
    assert_eq!(rig.faults(), [0; 6]);
}

/// After how many seconds of nothing but pongs another connection is wanted.
fn seconds_of_pongs(rig: &mut Rig) -> Option<usize> {
    (1..=1_000).find(|_| {
        rig.frame("pong");
        let renewed =
            |action: Action| matches!(action, Action::Renew(why) if why.contains("the venue answers"));
        rig.pass(999).into_iter().any(renewed)
    })
}

#[test]
fn pongs_are_no_data() {
    let mut rig = Rig::connected_with(|settings| settings.data_silence_ms = Some(60_000));
    rig.book("snapshot", (1, -1), &[("99", "1")], &[("101", "1")]);
    assert_eq!(seconds_of_pongs(&mut rig), Some(60));
    assert_eq!(rig.machine.counters().data_silences.value(), 1);
    // What a new connection begins with proves nothing: the next attempt comes later.
    rig.disconnect();
    rig.connect();
    rig.book("snapshot", (1, -1), &[("99", "1")], &[("101", "1")]);
    assert_eq!(seconds_of_pongs(&mut rig), Some(120));
    // A book that does not change is named once a minute.
    assert_eq!(seconds_of_pongs(&mut rig), Some(240));
    rig.book("update", (1, 1), &[], &[]);
    assert_eq!(seconds_of_pongs(&mut rig), Some(60));
    let mut unlimited = Rig::connected();
    assert_eq!(seconds_of_pongs(&mut unlimited), None);
}

#[test]
fn one_connection_takes_over_from_another_without_a_break() {
    let mut rig = Rig::connected();
    let asks = [("101", "1")];
    let quote = |rig: &mut Rig, seq: i64| {
        rig.whole("bbo-tbt", "", &format!(r#""seqId":{seq}"#), &[(&seq.to_string(), "1")], &[]);
    };
    rig.book("snapshot", (10, -1), &[("99", "1")], &asks);
    rig.book("update", (11, 10), &[("98", "1")], &[]);
    rig.trade(7, 1);
    quote(&mut rig, 11);
    rig.frame(CLOSING_NOTICE);
    rig.machine.doubled(ms(rig.now), &mut rig.actions);
    let sent = |action: &Action| matches!(action, Action::Send(text) if text == SUBSCRIBE);
    assert!(rig.actions.drain().any(|action| sent(&action)) && rig.machine.is_settled());
    // The second connection begins further on, and the first one catches up.
    rig.book("snapshot", (14, -1), &[("99", "1"), ("97", "1")], &asks);
    rig.book("update", (12, 11), &[("98", "0")], &[]);
    rig.book("update", (14, 12), &[("97", "1")], &[]);
    rig.book("update", (15, 14), &[("96", "1")], &[]);
    rig.book("update", (15, 14), &[("96", "1")], &[]);
    [7, 8, 8].iter().for_each(|id| rig.trade(*id, 1));
    [13, 12, 13].iter().for_each(|seq| quote(&mut rig, *seq));
    rig.machine.single(ms(rig.now));
    rig.book("snapshot", (13, -1), &[], &[]);
    rig.book("update", (3, 15), &[("95", "1")], &[]);
    rig.book("update", (4, 3), &[("94", "1")], &[]);
    assert_eq!(
        rig.story(Channel::Book)[2..],
        [
            "3 book bids 98x1 asks",
            "4 book bids 98x0 97x1 asks",
            "5 book bids 96x1 asks",
            "6 book bids 95x1 asks",
            "7 book bids 94x1 asks"
        ]
    );
    assert_eq!(rig.story(Channel::Trades)[1..], ["2 trades sell7", "3 trades sell8"]);
    assert_eq!(rig.story(Channel::Quotes)[1..], ["2 quote 11x1 x", "3 quote 13x1 x"]);
    assert_eq!((rig.machine.counters().gaps.value(), rig.story(Channel::Status).len()), (0, 1));
}

#[test]
fn a_gap_is_noticed_while_two_connections_stand() {
    let mut rig = Rig::connected();
    rig.book("snapshot", (10, -1), &[("99", "1")], &[]);
    rig.machine.doubled(ms(rig.now), &mut rig.actions);
    rig.book("update", (13, 12), &[("98", "1")], &[]);
    assert_eq!(rig.machine.counters().gaps.value(), 1);
}

const CLOSING_NOTICE: &str = r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#;

#[test]
fn another_connection_is_wanted_when_the_venue_is_about_to_close() {
    let mut rig = Rig::connected();
    rig.frame(CLOSING_NOTICE);
    assert_eq!(rig.pass(0), [Action::Renew("the venue is about to close".to_owned())]);
}

#[test]
fn what_is_bad_is_counted_and_only_its_book_begins_anew() {
    let mut rig = Rig::connected();
    rig.book("snapshot", (10, -1), &[("99", "1")], &[]);
    rig.frame(r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"tradeId":"#);
    rig.frame(r#"{"event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:X doesn't exist.","connId":"a"}"#);
    rig.frame(r#"{"arg":{"channel":"candle1m","instId":"BTC-USDT"},"data":[]}"#);
    rig.frame(r#"{"arg":{"channel":"bbo-tbt","instId":"DOGE-USDT"},"data":[{"asks":[],"bids":[],"ts":"1","seqId":1}]}"#);
    assert_eq!(rig.story(Channel::Book).len(), 2);
    rig.frame(
        r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8x"]],"#,
    );
    assert_eq!(rig.story(Channel::Book)[2..], ["3 state resyncing a message that cannot be read"]);
    assert_eq!(rig.faults(), [2, 1, 0, 0, 1, 1]);
    rig.book("snapshot", (11, -1), &[("99", "-1")], &[]);
    assert_eq!(rig.faults(), [2, 1, 0, 1, 1, 1]);
    rig.book("snapshot", (12, -1), &[("99", "1")], &[("99", "1")]);
    assert_eq!(rig.story(Channel::Book).last().unwrap(), "6 state live");
    rig.now += 3_000;
    rig.book("update", (13, 12), &[("98", "1")], &[]);
    rig.now += 3_000;
    rig.book("update", (14, 13), &[("97", "1")], &[]);
    let last = rig.story(Channel::Book).last().unwrap().clone();
    assert!(last.ends_with("state resyncing the book of BTC-USDT is crossed"), "{last}");
}

#[test]
fn no_more_requests_are_made_than_the_venue_takes() {
    let symbols: Vec<_> = (0..300).map(|n| format!("S{n}-USDT")).collect();
    let settings =
        Settings { symbols, channels: Channels::of(&[Channel::Book]), ..Settings::new("okx", "e") };
    let mut rig = Rig::of(settings, Okx::new);
    rig.connect();
    // No book ever comes, so that all of them are asked for again and again.
    let hour = |rig: &mut Rig| -> usize {
        let requests = |action: &Action| matches!(action, Action::Send(text) if text.contains("subscribe"));
        (0..3_600).map(|_| rig.pass(1_000).iter().filter(|action| requests(action)).count()).sum()
    };
    let counts = [hour(&mut rig), hour(&mut rig)];
    assert!(counts[0] <= 480 && counts[0] > 400 && counts[1] <= 241, "{counts:?}");
    assert!(rig.machine.deadline().unwrap() > ms(rig.now), "it does not spin");
}
