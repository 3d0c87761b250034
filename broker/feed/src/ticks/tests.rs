use super::*;
use crate::testing::{market, ms, story};

const ACME: &str = "acme:ACME";

struct Rig {
    market: Arc<Market>,
    machine: Ticks,
    now: u64,
}

impl Rig {
    fn new(change: impl Fn(&mut Settings)) -> Self {
        let market = market();
        let mut settings = Settings::of_ticks("acme", "e");
        change(&mut settings);
        let mut machine = Ticks::new(settings, Arc::clone(&market)).unwrap();
        machine.opened(ms(1_000));
        Self { market, machine, now: 1_000 }
    }

    fn line(&mut self, line: &str) {
        self.line_of(0, line);
    }

    fn line_of(&mut self, connection: ConnectionId, line: &str) {
        self.now += 1;
        self.machine.line(connection, ms(self.now), line.as_bytes());
    }

    fn trade(&mut self, seq: u64) {
        self.line(&format!(
            r#"{{"channel":"trades","symbol":"ACME","ts":5,"seq":{seq},"price":"10.00","size":"3","side":"buy","id":"{seq}"}}"#
        ));
    }

    fn book(&mut self, kind: &str, bid: &str, seq: u64) {
        self.line(&format!(
            r#"{{"channel":"book","type":"{kind}","symbol":"ACME","seq":{seq},"bids":[["{bid}","5"]],"asks":[["11","7"]]}}"#
        ));
    }

    fn story(&self, channel: Channel) -> Vec<String> {
        story(&self.market, channel, ACME)
    }
}

#[test]
fn symbols_appear_with_their_first_line() {
    let mut rig = Rig::new(|_| {});
    assert!(rig.machine.is_live() && rig.market.registry().symbols().is_empty());
    rig.line(r#"{"channel":"quotes","symbol":"ACME","ts":5,"bid":"9.99","bid_size":"5","ask":"10.01","ask_size":"7"}"#);
    rig.line("{\"channel\":\"trades\",\"symbol\":\"ACME\",\"ts\":5,\"price\":\"10.00\",\"size\":\"3\",\"side\":\"buy\",\"id\":\"x1\"}\r\n");
    rig.line(r#"{"channel":"ticker","symbol":"ACME","last":10.00}"#);
    rig.line("\n");
    assert_eq!(rig.story(Channel::Quotes), ["1 state live", "2 quote 9.99x5 10.01x7"]);
    assert_eq!(rig.story(Channel::Trades), ["1 state live", "2 trades buyx1"]);
    assert_eq!(rig.story(Channel::Ticker), ["1 state live", "2 ticker 10.00"]);
    assert_eq!(rig.story(Channel::Status), ["1 state live"], "no book is awaited");
}

#[test]
fn a_book_gives_quotes_until_some_come() {
    let mut rig = Rig::new(|_| {});
    rig.book("update", "8", 1);
    rig.book("snapshot", "9", 2);
    rig.book("update", "10", 3);
    assert_eq!(
        rig.story(Channel::Book),
        ["1 reset bids 9x5 asks 11x7", "2 state live", "3 book bids 10x5 asks"]
    );
    rig.line(r#"{"channel":"quotes","symbol":"ACME","bid":"1","bid_size":"5","ask":null,"ask_size":null}"#);
    rig.book("update", "10.5", 4);
    assert_eq!(
        rig.story(Channel::Quotes),
        ["1 state live", "2 quote 9x5 11x7", "3 quote 10x5 11x7", "4 quote 1x5 x"]
    );
}

#[test]
fn numbers_show_what_is_missing() {
    let mut rig = Rig::new(|_| {});
    [1, 2, 2, 5].into_iter().for_each(|seq| rig.trade(seq));
    assert_eq!(
        rig.story(Channel::Trades),
        ["1 state live", "2 trades buy1", "3 trades buy2", "4 gap 2", "5 trades buy5"]
    );
    rig.book("snapshot", "9", 1);
    rig.book("update", "10", 3);
    rig.book("update", "10.1", 4);
    rig.book("snapshot", "9", 9);
    assert_eq!(
        rig.story(Channel::Book)[2..],
        ["3 state resyncing gap: 1 lines before 3", "4 reset bids 9x5 asks 11x7", "5 state live"]
    );
}

#[test]
fn a_publisher_that_goes_takes_its_symbols_along() {
    let mut rig = Rig::new(|_| {});
    let quote = |name: &str| {
        format!(
            r#"{{"channel":"quotes","symbol":"{name}","bid":"1","bid_size":"5","ask":"2","ask_size":"1"}}"#
        )
    };
    rig.line_of(1, &quote("ACME"));
    rig.line_of(2, &quote("OTHER"));
    rig.machine.closed(1, ms(2_000), "reset", false);
    rig.line_of(2, &quote("OTHER"));
    assert_eq!(rig.story(Channel::Quotes)[2..], ["3 state stale connection lost: reset"]);
    assert_eq!(story(&rig.market, Channel::Quotes, "acme:OTHER").len(), 3);
    rig.line_of(3, &quote("ACME"));
    assert_eq!(rig.story(Channel::Quotes)[3..], ["4 quote 1x5 2x1", "5 state live"]);
    rig.machine.closed(1, ms(2_001), "late", false);
    assert_eq!(rig.story(Channel::Quotes).len(), 5, "it belongs to another one now");
}

#[test]
fn publishers_may_share_a_symbol_by_its_channels() {
    let mut rig = Rig::new(|_| {});
    let trade = |seq: u64| {
        format!(
            r#"{{"channel":"trades","symbol":"ACME","seq":{seq},"price":"10","size":"3","side":"buy","id":"{seq}"}}"#
        )
    };
    let book = |kind: &str, bid: &str| {
        format!(
            r#"{{"channel":"book","type":"{kind}","symbol":"ACME","bids":[["{bid}","5"]],"asks":[["11","7"]]}}"#
        )
    };
    rig.line_of(1, &book("snapshot", "8"));
    rig.line_of(2, &trade(1));
    rig.line_of(1, &book("update", "9"));
    rig.line_of(2, &trade(4));
    assert_eq!(rig.story(Channel::Trades)[1..], ["2 trades buy1", "3 gap 2", "4 trades buy4"]);
    rig.machine.closed(1, ms(2_000), "reset", false);
    rig.line_of(2, &trade(5));
    assert_eq!(
        rig.story(Channel::Book)[3..],
        ["4 state stale connection lost: reset"],
        "its publisher has gone"
    );
    assert_eq!(rig.story(Channel::Trades)[4..], ["5 trades buy5"], "these go on");
    assert_eq!(rig.story(Channel::Quotes).last().unwrap(), "4 state stale connection lost: reset");
    assert_eq!(rig.story(Channel::Status).last().unwrap(), "2 state stale connection lost: reset");
}

#[test]
fn changes_are_none_of_another_publishers_book() {
    let mut rig = Rig::new(|_| {});
    let book = |kind: &str, bid: &str| {
        format!(r#"{{"channel":"book","type":"{kind}","symbol":"ACME","bids":[["{bid}","5"]],"asks":[]}}"#)
    };
    rig.line_of(1, &book("snapshot", "8"));
    rig.line_of(2, &book("update", "9"));
    rig.line_of(2, &book("snapshot", "7"));
    rig.line_of(2, &book("update", "6"));
    assert_eq!(
        rig.story(Channel::Book)[2..],
        [
            "3 state resyncing another publisher, without a snapshot",
            "4 reset bids 7x5 asks",
            "5 state live",
            "6 book bids 6x5 asks"
        ]
    );
}

#[test]
fn a_new_connection_may_count_from_one_again() {
    let mut rig = Rig::new(|_| {});
    [100, 101].into_iter().for_each(|seq| rig.trade(seq));
    rig.machine.closed(0, ms(2_000), "restart", true);
    rig.machine.opened(ms(2_001));
    [1, 2].into_iter().for_each(|seq| rig.trade(seq));
    let trades: Vec<_> =
        rig.story(Channel::Trades).into_iter().filter(|line| !line.contains("state")).collect();
    assert_eq!(trades, ["2 trades buy100", "3 trades buy101", "5 trades buy1", "7 trades buy2"]);
}

#[test]
fn what_is_bad_is_counted_and_loses_nothing_else() {
    let mut rig = Rig::new(|settings| settings.symbols_max = 1);
    rig.book("snapshot", "9", 1);
    rig.line("{\"channel\":\"trades\",\"symbol\":\"ACME\",\"price\":\"abc\",\"size\":\"3\"}");
    rig.line("nonsense");
    rig.line(r#"{"channel":"quotes","symbol":"MORE","bid":"1","bid_size":"5","ask":"2","ask_size":"1"}"#);
    rig.book("update", "12", 2);
    rig.now += 10_000;
    rig.book("update", "9.5", 3);
    let faults = Fault::ALL.map(|fault| rig.machine.counters().faults(fault).value());
    assert_eq!(faults, [2, 0, 1, 0, 1, 0]);
    assert_eq!(rig.story(Channel::Book).len(), 4, "a crossed book is told and goes on");
    rig.line(r#"{"channel":"book","type":"update","symbol":"ACME","bids":[["1","-5"]],"asks":[]}"#);
    assert!(rig.story(Channel::Book)[4].contains("state resyncing"), "{:?}", rig.story(Channel::Book));
}

#[test]
fn silence_is_no_fault_unless_a_limit_is_set() {
    let mut rig = Rig::new(|_| {});
    assert_eq!(rig.machine.deadline(), None);
    rig = Rig::new(|settings| settings.stale_after_ms = Some(100));
    rig.trade(1);
    rig.machine.tick(ms(rig.now + 100), &mut Actions::new());
    assert_eq!(rig.story(Channel::Trades)[2..], ["3 state stale no data for 100 ms"]);
    rig.now += 200;
    rig.trade(2);
    assert_eq!(rig.story(Channel::Trades)[3..], ["4 state live", "5 trades buy2"]);
}
