use super::*;
use crate::lines::numbered::HELD_MAX;
use crate::machine::{Actions, Machine};
use crate::roster::Roster;
use crate::settings::Settings;
use crate::testing::{market, ms, story};
use crate::venue::Venue;
use schemas::model::{Channel, State};

/// Two lines of one feed, and the market that they share.
struct Pair {
    market: Arc<Market>,
    lines: [Box<dyn Machine>; 2],
    symbol: String,
    now: u64,
}

impl Pair {
    /// Connected.
    fn new(venue: Venue, symbol: &str) -> Self {
        let market = market();
        let settings = Settings { symbols: vec![symbol.to_owned()], ..Settings::new(venue.name(), "e") };
        let machine = |line| {
            venue.machine(Settings { line: Some(line), ..settings.clone() }, Arc::clone(&market)).unwrap()
        };
        let mut lines = Line::several(2).into_iter().map(machine);
        let lines = [lines.next().unwrap(), lines.next().unwrap()];
        let mut pair = Self { market, lines, symbol: format!("{venue}:{symbol}"), now: 1_000 };
        (0..2).for_each(|line| pair.connect(line));
        pair
    }

    fn connect(&mut self, line: usize) {
        self.now += 1;
        self.lines[line].connected(ms(self.now), &mut Actions::new());
    }

    fn disconnect(&mut self, line: usize) {
        self.now += 1;
        self.lines[line].disconnected(ms(self.now), "reset");
    }

    fn frame(&mut self, line: usize, frame: &str) {
        self.now += 1;
        self.lines[line].frame(ms(self.now), &mut frame.as_bytes().to_vec(), &mut Actions::new());
    }

    fn pass(&mut self, ms_later: u64) {
        self.now += ms_later;
        self.lines.iter_mut().for_each(|line| line.tick(ms(self.now), &mut Actions::new()));
    }

    fn story(&self, channel: Channel) -> Vec<String> {
        story(&self.market, channel, &self.symbol)
    }

    fn state(&self) -> State {
        self.market.registry().symbol(&self.symbol).unwrap().state()
    }

    /// How many messages and trades each line was the first to bring.
    fn first(&self) -> [u64; 2] {
        [0, 1].map(|line| self.lines[line].counters().line_first.value())
    }

    /// A message of OKX's book, of one bid, with its number and the one before.
    fn okx_book(&mut self, line: usize, action: &str, (seq, before): (i64, i64), bid: &str) {
        let (price, size) = bid.split_once('x').unwrap();
        let asks = if before == -1 { r#"["200","1","0","1"]"# } else { "" };
        self.frame(line, &format!(
            r#"{{"arg":{{"channel":"books","instId":"BTC-USDT"}},"action":"{action}","data":[{{"asks":[{asks}],"bids":[["{price}","{size}","0","1"]],"ts":"1597026383085","checksum":0,"seqId":{seq},"prevSeqId":{before}}}]}}"#
        ));
    }

    fn okx_trade(&mut self, line: usize, id: u64) {
        self.okx_trades(line, &[id]);
    }

    /// Trades in one message.
    fn okx_trades(&mut self, line: usize, ids: &[u64]) {
        let trade = |id: &u64| {
            format!(
                r#"{{"instId":"BTC-USDT","tradeId":"{id}","px":"100.0","sz":"2","side":"sell","ts":"1630048897897","count":"1"}}"#
            )
        };
        let trades = ids.iter().map(trade).collect::<Vec<_>>().join(",");
        self.frame(
            line,
            &format!(r#"{{"arg":{{"channel":"trades","instId":"BTC-USDT"}},"data":[{trades}]}}"#),
        );
    }
}

/// Both lines have a book at 10, which the first one brought.
fn joined() -> Pair {
    let mut pair = Pair::new(Venue::Okx, "BTC-USDT");
    (0..2).for_each(|line| pair.okx_book(line, "snapshot", (10, -1), "100x1"));
    pair
}

#[test]
fn a_gap_on_one_line_is_no_break() {
    let mut pair = joined();
    pair.okx_book(0, "update", (11, 10), "99x1");
    // 12 never comes there.
    pair.okx_book(0, "update", (13, 12), "97x1");
    assert_eq!(pair.lines[0].counters().gaps.value(), 1);
    for (seq, bid) in [(11, "99x1"), (12, "98x1"), (13, "97x1")] {
        pair.okx_book(1, "update", (seq, seq - 1), bid);
    }
    assert_eq!(
        pair.story(Channel::Book),
        [
            "1 reset bids 100x1 asks 200x1",
            "2 state live",
            "3 book bids 99x1 asks",
            "4 book bids 98x1 asks",
            "5 book bids 97x1 asks"
        ]
    );
    assert_eq!((pair.state(), pair.first()), (State::Live, [1, 2]));
}

#[test]
fn a_symbol_is_live_as_long_as_one_line_is() {
    let mut pair = joined();
    pair.disconnect(0);
    assert_eq!(pair.state(), State::Live);
    assert!(!pair.lines[0].is_live() && pair.lines[1].is_live());
    pair.disconnect(1);
    assert_eq!(pair.state(), State::Stale);
    pair.connect(0);
    assert_eq!(pair.state(), State::Resyncing);
    pair.okx_book(0, "snapshot", (5, -1), "90x1");
    assert_eq!(pair.state(), State::Live, "with nobody to compare it with, it is what there is");
    let story = pair.story(Channel::Book);
    assert_eq!(
        story[2..],
        [
            "3 state stale connection lost: reset",
            "4 state resyncing connected",
            "5 reset bids 90x1 asks 200x1",
            "6 state live"
        ]
    );
}

#[test]
fn a_line_that_comes_back_ahead_changes_the_book_into_its_own() {
    let mut pair = joined();
    pair.disconnect(0);
    pair.okx_book(1, "update", (11, 10), "99x1");
    pair.connect(0);
    pair.okx_book(0, "snapshot", (15, -1), "98x1");
    pair.okx_book(1, "update", (12, 11), "97x1");
    pair.okx_book(0, "update", (16, 15), "96x1");
    assert_eq!(
        pair.story(Channel::Book)[2..],
        ["3 book bids 99x1 asks", "4 book bids 100x0 99x0 98x1 asks", "5 book bids 96x1 asks"]
    );
}

#[test]
fn a_line_that_comes_back_behind_changes_nothing() {
    let mut pair = joined();
    pair.okx_book(1, "update", (11, 10), "99x1");
    pair.disconnect(0);
    pair.connect(0);
    pair.okx_book(0, "snapshot", (10, -1), "100x1");
    pair.okx_book(0, "update", (11, 10), "99x1");
    pair.okx_book(0, "update", (12, 11), "98x1");
    assert_eq!(pair.story(Channel::Book)[2..], ["3 book bids 99x1 asks", "4 book bids 98x1 asks"]);
}

#[test]
fn what_does_not_fit_is_mended_by_the_checksum() {
    let mut pair = joined();
    // The same number, and not the same book: what the venue does not promise.
    pair.okx_book(0, "update", (11, 10), "99x1");
    pair.okx_book(1, "update", (11, 10), "99x7");
    pair.okx_book(1, "update", (12, 11), "98x1");
    assert_eq!(
        pair.story(Channel::Book)[2..],
        ["3 book bids 99x1 asks", "4 book bids 98x1 asks", "5 book bids 99x7 asks"]
    );
}

#[test]
fn trades_come_once_and_a_hole_waits_for_the_other_line() {
    let mut pair = joined();
    for (line, id) in [(0, 1), (1, 1), (0, 3), (1, 2), (1, 3), (0, 5)] {
        pair.okx_trade(line, id);
    }
    assert_eq!(pair.story(Channel::Trades)[1..], ["2 trades sell1", "3 trades sell2", "4 trades sell3"]);
    let due = pair.lines[0].deadline().unwrap();
    assert!(due <= ms(pair.now + 1_000));
    pair.pass(1_000);
    assert_eq!(pair.story(Channel::Trades)[4..], ["5 gap 1", "6 trades sell5"]);
    assert_eq!([0, 1].map(|line| pair.lines[line].counters().trades_lost.value()), [2, 0]);
}

#[test]
fn what_waits_is_bounded_and_counted() {
    let mut pair = joined();
    pair.okx_trade(0, 1);
    pair.okx_trade(1, 1);
    pair.okx_trades(0, &(0..=HELD_MAX as u64).map(|n| 3 + 2 * n).collect::<Vec<_>>());
    assert_eq!(pair.lines[0].counters().line_holds_cut.value(), 1);
    assert_eq!(pair.story(Channel::Trades)[2..], ["3 gap 1", "4 trades sell3"]);
}

#[test]
fn trades_without_numbers_come_once_by_their_names() {
    let mut pair = Pair::new(Venue::Bybit, "BTCUSDT");
    let trades = |ids: &[&str]| {
        let trade = |id: &&str| {
            format!(r#"{{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","i":"{id}"}}"#)
        };
        let trades = ids.iter().map(trade).collect::<Vec<_>>().join(",");
        format!(r#"{{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{trades}]}}"#)
    };
    pair.frame(0, &trades(&["a", "b"]));
    pair.frame(1, &trades(&["a", "b"]));
    pair.frame(0, &trades(&["d"]));
    pair.frame(1, &trades(&["c", "d"]));
    assert_eq!(pair.story(Channel::Trades)[1..], ["2-3 trades buya buyb", "4 trades buyd", "5 trades buyc"]);
    assert_eq!(pair.first(), [3, 1]);
    pair.frame(1, r#"{"topic":"publicTrade.BTCUSDT","broken"#);
    assert_eq!(pair.story(Channel::Trades).len(), 4, "the other line has it");
}

#[test]
fn books_that_cannot_be_compared_follow_one_line_until_it_is_gone() {
    let mut pair = Pair::new(Venue::Coinbase, "BTC-USD");
    let snapshot = r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["101","1"]],"bids":[["99","1"]]}"#;
    let update = |price: &str, second: u8| {
        format!(
            r#"{{"type":"l2update","product_id":"BTC-USD","changes":[["buy","{price}","1"]],"time":"2026-07-07T23:00:{second:02}.977459Z"}}"#
        )
    };
    (0..2).for_each(|line| pair.frame(line, snapshot));
    pair.frame(0, &update("98", 1));
    pair.frame(1, &update("98", 1));
    pair.frame(1, &update("97", 3));
    pair.frame(0, &update("97", 2));
    pair.disconnect(0);
    pair.frame(1, &update("96", 4));
    assert_eq!(
        pair.story(Channel::Book)[2..],
        ["3 book bids 98x1 asks", "4 book bids 97x1 asks", "5 book bids 96x1 asks"]
    );
    assert_eq!(pair.state(), State::Live);
}

/// Kraken's ticker as it was before it had times.
fn ticker(last: u32) -> String {
    format!(
        r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"BTC/USD","bid":{last},"bid_qty":1,"ask":900,"ask_qty":1,"last":{last},"volume":1,"vwap":1,"low":1,"high":1,"change":1,"change_pct":1}}]}}"#
    )
}

#[test]
fn what_a_line_was_ahead_of_the_leader_is_told_when_that_one_is_gone() {
    let mut pair = Pair::new(Venue::Kraken, "BTC/USD");
    (1..=9).for_each(|n| pair.frame(0, &ticker(n)));
    (1..=11).for_each(|n| pair.frame(1, &ticker(n)));
    let bids = |pair: &Pair| {
        let quotes = pair.story(Channel::Quotes).into_iter().filter(|told| told.contains("quote"));
        quotes.map(|told| told.split(['x', ' ']).nth(2).unwrap().parse().unwrap()).collect::<Vec<u32>>()
    };
    assert_eq!(bids(&pair), Vec::from_iter(1..=9), "the first line leads");
    pair.disconnect(0);
    assert_eq!(bids(&pair), Vec::from_iter(1..=11));
    (12..=13).for_each(|n| pair.frame(1, &ticker(n)));
    assert_eq!(bids(&pair), Vec::from_iter(1..=13));
    assert_eq!(pair.story(Channel::Ticker).len(), 14);
    // One that lags repeats nothing, and goes on where the other one was.
    pair.connect(0);
    (1..=12).for_each(|n| pair.frame(0, &ticker(n)));
    pair.disconnect(1);
    (13..=14).for_each(|n| pair.frame(0, &ticker(n)));
    assert_eq!(bids(&pair), Vec::from_iter(1..=14));
}

#[test]
fn a_line_opens_a_symbol_once() {
    let market = market();
    let settings = Settings::new("okx", "e");
    let counters = Arc::default();
    let lines = Line::several(2);
    let open =
        |line: &Line, names: &[&str]| line.open(&market, &settings, names, &counters).map(|all| all.len());
    assert_eq!((open(&lines[0], &["A", "B"]), open(&lines[1], &["B", "C"])), (Ok(2), Ok(2)));
    let taken = |name| Err(MarketError::Taken(Symbol::new("okx", name).unwrap()));
    assert_eq!((open(&lines[0], &["A"]), open(&lines[1], &["C", "A"])), (taken("A"), taken("C")));
    assert_eq!((open(&lines[1], &["A"]), open(&Line::several(2)[0], &["A"])), (Ok(1), taken("A")));
}

#[test]
fn lines_take_over_other_symbols_each_by_itself() {
    let (market, roster) = (market(), Roster::default());
    let settings = Settings { symbols: vec!["A-B".to_owned()], ..Settings::new("okx", "e") };
    let machine = |line| {
        let (line, roster) = (Some(line), Some(roster.clone()));
        Venue::Okx.machine(Settings { line, roster, ..settings.clone() }, Arc::clone(&market)).unwrap()
    };
    let lines: Vec<_> = Line::several(2).into_iter().map(machine).collect();
    for (n, mut line) in (1..).zip(lines) {
        line.connected(ms(n), &mut Actions::new());
        roster.leave(vec!["C-D".to_owned()]);
        line.tick(ms(n), &mut Actions::new());
        let frame = r#"{"arg":{"channel":"books","instId":"C-D"},"action":"snapshot","data":[{"asks":[],"bids":[["1","1","0","1"]],"ts":"1597026383085","checksum":0,"seqId":1,"prevSeqId":-1}]}"#;
        line.frame(ms(n), &mut frame.as_bytes().to_vec(), &mut Actions::new());
        assert!(line.is_live());
    }
    assert_eq!(story(&market, Channel::Book, "okx:C-D"), ["1 reset bids 1x1 asks", "2 state live"]);
}
