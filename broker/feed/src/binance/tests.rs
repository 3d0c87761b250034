mod futures;

use super::depth::OLD_RUN_MAX;
use super::feed::URL_STREAMS_MAX;
use super::*;
use crate::machine::Action;
use crate::testing::{market, ms, story};

const BTC: &str = "binance:BTCUSDT";

/// A machine with what it asked for, and the market that it publishes to.
struct Rig {
    market: Arc<Market>,
    machine: Binance,
    actions: Actions,
    now: u64,
}

impl Rig {
    fn new(symbols: &[&str], change: impl Fn(&mut Settings)) -> Self {
        let market = market();
        let mut settings = Settings::new("binance", "e");
        settings.symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
        change(&mut settings);
        let machine = Binance::new(Product::Spot, settings, Arc::clone(&market)).unwrap();
        Self { market, machine, actions: Actions::new(), now: 1_000 }
    }

    fn connected(symbols: &[&str]) -> Self {
        let mut rig = Self::new(symbols, |_| {});
        rig.machine.connected(ms(rig.now), &mut rig.actions);
        rig
    }

    fn frame(&mut self, frame: &str) {
        self.now += 1;
        self.machine.frame(ms(self.now), &mut frame.as_bytes().to_vec(), &mut self.actions);
    }

    fn depth(&mut self, first: u64, last: u64, bid: &str) {
        let (price, size) = bid.split_once('x').unwrap();
        self.frame(&format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{},"s":"BTCUSDT","U":{first},"u":{last},"b":[["{price}","{size}"]],"a":[]}}}}"#,
            self.now
        ));
    }

    fn body(&mut self, body: &str) {
        self.now += 1;
        let fetch = Fetch { path: String::new(), purpose: Purpose::Depth("BTCUSDT".to_owned()) };
        self.machine.fetched(ms(self.now), &fetch, Ok(&mut body.as_bytes().to_vec()), &mut self.actions);
    }

    fn snapshot(&mut self, last_id: u64) {
        self.body(&format!(r#"{{"lastUpdateId":{last_id},"bids":[["99","1"]],"asks":[["101","1"]]}}"#));
    }

    /// Lets time pass and returns the paths fetched.
    fn pass(&mut self, ms_later: u64) -> Vec<String> {
        self.now += ms_later;
        self.machine.tick(ms(self.now), &mut self.actions);
        let path = |action| match action {
            Action::Fetch(fetch) => Some(fetch.path),
            _ => None,
        };
        self.actions.drain().filter_map(path).collect()
    }

    fn story(&self, channel: Channel) -> Vec<String> {
        story(&self.market, channel, BTC)
    }
}

const DEPTH_PATH: &str = "/api/v3/depth?symbol=BTCUSDT&limit=5000";

#[test]
fn dials_all_streams_and_asks_for_what_it_needs() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    assert_eq!(
        rig.machine.dial(),
        "/stream?streams=btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms/btcusdt@ticker"
    );
    assert_eq!(rig.pass(0), ["/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%5D"]);
    assert_eq!(rig.machine.deadline(), Some(ms(2_000)));
    assert_eq!(rig.pass(1_000), [DEPTH_PATH], "a quiet symbol's book is fetched all the same");
}

#[test]
fn channels_and_options_choose_the_streams() {
    let rig = Rig::new(&["BTCUSDT"], |settings| {
        settings.channels = crate::settings::Channels::of(&[Channel::Trades, Channel::Book]);
        settings.trades = Trades::Aggregate;
        settings.depth_ms = 1_000;
    });
    assert_eq!(rig.machine.dial(), "/stream?streams=btcusdt@aggTrade/btcusdt@depth");
}

#[test]
fn more_streams_than_a_url_holds_are_subscribed_to_slowly() {
    let names: Vec<_> = (0..100).map(|n| format!("S{n}USDT")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut rig = Rig::connected(&names);
    let sent = |rig: &mut Rig| rig.actions.drain().filter(|action| matches!(action, Action::Send(_))).count();
    assert_eq!(rig.machine.dial().matches('@').count(), URL_STREAMS_MAX + 40, "depth has two");
    assert_eq!(sent(&mut rig), 1);
    let mut total = 1;
    for _ in 0..10 {
        rig.now += 100;
        rig.machine.tick(ms(rig.now), &mut rig.actions);
        total += sent(&mut rig);
    }
    assert_eq!(total, 3, "240 streams in requests of 100");
    let settings = Settings { symbols: (0..600).map(|n| n.to_string()).collect(), ..Settings::new("b", "e") };
    assert!(matches!(
        Binance::new(Product::Spot, settings.clone(), market()),
        Err(MachineError::Streams { asked: 2_400, .. })
    ));
    assert_eq!(
        connections(Product::Spot, &settings).iter().map(|one| one.symbols.len()).collect::<Vec<_>>(),
        [256, 256, 88]
    );
}

#[test]
fn a_snapshot_inside_an_event_joins() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    rig.depth(90, 95, "90x1");
    assert_eq!(rig.pass(0).last().unwrap(), DEPTH_PATH, "fetched with the first event");
    rig.depth(96, 105, "91x1");
    rig.depth(106, 110, "92x1");
    assert_eq!(rig.story(Channel::Book), [""; 0]);
    rig.snapshot(100);
    rig.depth(111, 111, "93x1");
    assert_eq!(
        rig.story(Channel::Book),
        [
            "1 reset bids 99x1 asks 101x1",
            "2 state live",
            "3 book bids 91x1 asks",
            "4 book bids 92x1 asks",
            "5 book bids 93x1 asks"
        ]
    );
    assert_eq!(rig.pass(0), [""; 0]);
    assert!(rig.machine.is_live());
}

#[test]
fn a_snapshot_that_is_too_old_is_fetched_again_later() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    rig.depth(90, 95, "90x1");
    rig.pass(0);
    rig.snapshot(80);
    assert_eq!(rig.story(Channel::Book), [""; 0]);
    assert_eq!(rig.pass(100), [""; 0]);
    assert_eq!(rig.pass(500), [DEPTH_PATH]);
    rig.snapshot(89);
    assert_eq!(rig.story(Channel::Book)[2..], ["3 book bids 90x1 asks"]);
}

#[test]
fn a_gap_makes_the_book_anew_and_leaves_the_trades_alone() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    rig.snapshot(100);
    rig.depth(101, 105, "90x1");
    rig.depth(100, 105, "80x1");
    rig.depth(107, 110, "91x1");
    assert_eq!(rig.pass(0).last().unwrap(), DEPTH_PATH);
    rig.depth(111, 112, "92x1");
    rig.snapshot(110);
    assert_eq!(
        rig.story(Channel::Book)[2..],
        [
            "3 book bids 90x1 asks",
            "4 state resyncing gap: U 107 after u 105",
            "5 reset bids 99x1 asks 101x1",
            "6 state live",
            "7 book bids 92x1 asks"
        ]
    );
    assert_eq!(rig.story(Channel::Trades), ["1 state live"]);
    let counters = rig.machine.counters();
    assert_eq!((counters.gaps.value(), counters.resyncs.value()), (1, 1));
}

#[test]
fn trades_are_contiguous_or_the_loss_is_named() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    for id in [7, 8, 8, 12, 11] {
        rig.frame(&format!(
            r#"{{"e":"trade","E":5,"s":"BTCUSDT","t":{id},"p":"1.50","q":"2","T":4,"m":true,"M":true}}"#
        ));
    }
    let trades = ["1 state live", "2 trades sell7", "3 trades sell8", "4 gap 3", "5 trades sell12"];
    assert_eq!(rig.story(Channel::Trades), trades);
    let counters = rig.machine.counters();
    assert_eq!((counters.trades_lost.value(), counters.trades_repeated.value()), (3, 2));
}

#[test]
fn every_quote_is_an_update_also_when_it_repeats_the_last() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    let quote = r#"{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1.10","B":"2","a":"1.2","A":"3"}}"#;
    rig.frame(quote);
    rig.frame(quote);
    let quotes = ["1 state live", "2 quote 1.10x2 1.2x3", "3 quote 1.10x2 1.2x3"];
    assert_eq!(rig.story(Channel::Quotes), quotes);
}

#[test]
fn what_is_bad_is_counted_and_loses_nothing_else() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    rig.snapshot(100);
    rig.frame(r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":101,"u":102,"b":[["abc","1"]],"a":[]}"#);
    rig.frame(r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":5,"s":"BTC"#);
    rig.frame("");
    rig.frame(r#"{"e":"newThing","s":"BTCUSDT"}"#);
    rig.frame(r#"{"u":1,"s":"DOGEUSDT","b":"1","B":"2","a":"1.2","A":"3"}"#);
    rig.frame(r#"{"result":null,"id":1}"#);
    rig.frame(r#"{"code":2,"msg":"Invalid request","id":1}"#);
    let faults = Fault::ALL.map(|fault| rig.machine.counters().faults(fault).value());
    assert_eq!(faults, [3, 1, 0, 0, 1, 1]);
    rig.frame(r#"{"u":1,"s":"BTCUSDT","b":"1","B":"2","a":"1.2","A":"3"}"#);
    assert_eq!(rig.story(Channel::Quotes), ["1 state live", "2 quote 1x2 1.2x3"]);
    rig.depth(103, 104, "90x1");
    assert_eq!(rig.story(Channel::Book)[2..], ["3 state resyncing gap: U 103 after u 100"]);
}

#[test]
fn crossed_and_impossible_books_are_seen() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    rig.snapshot(100);
    rig.depth(101, 101, "101x1");
    rig.depth(102, 102, "98x1");
    assert_eq!(rig.machine.counters().faults(Fault::Crossed).value(), 1);
    assert!(rig.machine.is_live(), "for a moment");
    rig.now += 2_500;
    rig.depth(103, 103, "97x1");
    assert_eq!(rig.story(Channel::Book).last().unwrap(), "6 state resyncing the book of BTCUSDT is crossed");
    rig.snapshot(103);
    rig.depth(104, 104, "97x-1");
    assert_eq!(rig.machine.counters().faults(Fault::Impossible).value(), 1);
    let last = rig.story(Channel::Book).last().unwrap().clone();
    assert!(last.starts_with("9 state resyncing the book of BTCUSDT: a level of size -1"), "{last}");
}

#[test]
fn a_lost_connection_is_stale_until_all_is_there_again() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    rig.snapshot(100);
    rig.machine.disconnected(ms(2_000), "reset by peer");
    rig.snapshot(100);
    rig.machine.connected(ms(3_000), &mut rig.actions);
    rig.now = 3_000;
    rig.depth(200, 201, "90x1");
    rig.snapshot(200);
    assert_eq!(
        rig.story(Channel::Book)[2..],
        [
            "3 state stale connection lost: reset by peer",
            "4 state resyncing connected",
            "5 reset bids 99x1 asks 101x1",
            "6 state live",
            "7 book bids 90x1 asks"
        ]
    );
    assert_eq!(
        rig.story(Channel::Trades)[1..],
        ["2 state stale connection lost: reset by peer", "3 state resyncing connected", "4 state live"]
    );
}

#[test]
fn silence_is_stale_and_the_next_message_ends_it() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    rig.snapshot(100);
    rig.depth(101, 101, "90x1");
    rig.pass(5_000);
    rig.depth(102, 102, "91x1");
    assert_eq!(
        rig.story(Channel::Book)[3..],
        ["4 state stale no data for 5000 ms", "5 state live", "6 book bids 91x1 asks"]
    );
    rig.now += 30_000;
    rig.machine.tick(ms(rig.now), &mut rig.actions);
    assert!(rig.actions.drain().any(|action| action == Action::Reconnect("no data for 30000 ms".to_owned())));
}

#[test]
fn a_quiet_market_is_asked_for_a_sign_of_life() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    rig.snapshot(100);
    rig.actions.drain().for_each(drop);
    let mut asked = 0;
    for _ in 0..8 {
        rig.now += 1_500;
        rig.machine.tick(ms(rig.now), &mut rig.actions);
        for action in rig.actions.drain().collect::<Vec<_>>() {
            assert_eq!(
                action,
                Action::Send(r#"{"method":"GET_PROPERTY","params":["combined"],"id":0}"#.to_owned())
            );
            asked += 1;
            rig.frame(r#"{"result":true,"id":0}"#);
        }
    }
    assert_eq!((asked, rig.story(Channel::Book).len()), (4, 2), "nothing became stale");
}

#[test]
fn one_connection_takes_over_from_another_without_a_break() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    let trade = |id: u64| {
        format!(r#"{{"e":"trade","E":5,"s":"BTCUSDT","t":{id},"p":"1.50","q":"2","T":4,"m":true,"M":true}}"#)
    };
    let quote = |id: u64| format!(r#"{{"u":{id},"s":"BTCUSDT","b":"{id}","B":"2","a":"900","A":"3"}}"#);
    let ticker = |time: u64| format!(r#"{{"e":"24hrTicker","E":{time},"s":"BTCUSDT","c":"{time}"}}"#);
    rig.snapshot(100);
    rig.depth(101, 105, "90x1");
    [trade(7), quote(7), ticker(7)].iter().for_each(|frame| rig.frame(frame));
    rig.frame(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":5}}"#);
    let renew = Action::Renew("the venue is about to shut down".to_owned());
    assert!(rig.actions.drain().any(|action| action == renew));
    rig.machine.doubled(ms(rig.now), &mut rig.actions);
    assert!(rig.machine.is_settled());
    // The second is ahead, cuts its events elsewhere, and repeats much.
    rig.depth(104, 112, "91x1");
    [trade(8), quote(9), ticker(8)].iter().for_each(|frame| rig.frame(frame));
    rig.depth(106, 110, "95x1");
    (0..200)
        .for_each(|_| [trade(7), quote(8), quote(9), ticker(8)].iter().for_each(|frame| rig.frame(frame)));
    (0..200).for_each(|_| rig.depth(101, 105, "90x1"));
    rig.machine.single(ms(rig.now));
    rig.depth(106, 110, "95x1");
    rig.depth(113, 114, "92x1");
    [trade(8), trade(9), quote(9), quote(10)].iter().for_each(|frame| rig.frame(frame));
    let book = ["3 book bids 90x1 asks", "4 book bids 91x1 asks", "5 book bids 92x1 asks"];
    assert_eq!(rig.story(Channel::Book)[2..], book);
    assert_eq!(rig.story(Channel::Trades)[1..], ["2 trades sell7", "3 trades sell8", "4 trades sell9"]);
    assert_eq!(
        rig.story(Channel::Quotes)[1..],
        ["2 quote 7x2 900x3", "3 quote 9x2 900x3", "4 quote 10x2 900x3"]
    );
    assert_eq!(rig.story(Channel::Ticker)[1..], ["2 ticker 7", "3 ticker 8"]);
    assert_eq!(rig.story(Channel::Status), ["1 state live"]);
}

#[test]
fn a_numbering_that_goes_back_is_noticed() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    rig.snapshot(1_000);
    let olds = |rig: &mut Rig| (1..=u64::from(OLD_RUN_MAX) + 1).for_each(|id| rig.depth(id, id, "90x1"));
    olds(&mut rig);
    assert_eq!(rig.story(Channel::Book).len(), 2, "the snapshot may be ahead of the stream");
    rig.depth(1_001, 1_001, "91x1");
    olds(&mut rig);
    let last = rig.story(Channel::Book).last().unwrap().clone();
    assert_eq!(last, "4 state resyncing the numbering went back: u 101 after 1001");
}

#[test]
fn a_snapshot_without_a_name_finds_its_symbol() {
    let mut rig = Rig::connected(&["ETHUSDT", "BTCUSDT"]);
    let fetch = Fetch { path: String::new(), purpose: Purpose::DepthOfUnknown };
    let mut body = br#"{"lastUpdateId":100,"bids":[["99","1"]],"asks":[]}"#.to_vec();
    rig.machine.fetched(ms(1_001), &fetch, Ok(&mut body.clone()), &mut rig.actions);
    rig.depth(90, 95, "80x1");
    rig.frame(r#"{"e":"depthUpdate","E":1,"s":"ETHUSDT","U":500,"u":501,"b":[["5","1"]],"a":[]}"#);
    rig.depth(96, 105, "91x1");
    let joined = ["1 reset bids 99x1 asks", "2 state live", "3 book bids 91x1 asks"];
    assert_eq!(rig.story(Channel::Book), joined);
    body = br#"{"lastUpdateId":500,"bids":[["4","1"]],"asks":[]}"#.to_vec();
    rig.machine.fetched(ms(1_010), &fetch, Ok(&mut body), &mut rig.actions);
    let ethereum = ["1 reset bids 4x1 asks", "2 state live", "3 book bids 5x1 asks"];
    assert_eq!(story(&rig.market, Channel::Book, "binance:ETHUSDT"), ethereum);
}

#[test]
fn a_partial_book_will_do_as_a_beginning() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    rig.depth(90, 105, "80x1");
    rig.frame(
        r#"{"stream":"btcusdt@depth5@100ms","data":{"lastUpdateId":100,"bids":[["99","1"]],"asks":[]}}"#,
    );
    assert_eq!(rig.story(Channel::Book)[2..], ["3 book bids 80x1 asks"]);
}

#[test]
fn what_the_venue_says_of_its_symbols_is_shown() {
    let mut rig = Rig::connected(&["BTCUSDT"]);
    let fetch = Fetch { path: String::new(), purpose: Purpose::Symbols };
    let mut body = br#"{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","filters":[{"filterType":"PRICE_FILTER","tickSize":"0.01000000"}]}]}"#.to_vec();
    rig.machine.fetched(ms(1_001), &fetch, Ok(&mut body), &mut rig.actions);
    let registry = rig.market.registry();
    let info = &registry.symbol(BTC).unwrap().info;
    assert_eq!((info.base.as_deref(), info.quote.as_deref()), (Some("BTC"), Some("USDT")));
    assert_eq!(info.tick_size.unwrap().to_string(), "0.01000000");
    rig.machine.fetched(ms(1_002), &fetch, Err("no route".to_owned()), &mut rig.actions);
    assert_eq!(rig.machine.counters().fetch_failures.value(), 1);
}

#[test]
fn discovered_symbols_are_bounded() {
    let mut rig = Rig::new(&[], |settings| (settings.discover, settings.symbols_max) = (true, 2));
    rig.machine.connected(ms(1), &mut rig.actions);
    for symbol in ["A", "B", "C", "a b", "A"] {
        rig.frame(&format!(r#"{{"u":1,"s":"{symbol}","b":"1","B":"2","a":"1.2","A":"3"}}"#));
    }
    assert_eq!(rig.market.registry().symbols().len(), 2);
    assert_eq!(rig.machine.counters().faults(Fault::Symbol).value(), 2);
    assert_eq!(story(&rig.market, Channel::Quotes, "binance:A").len(), 3);
    assert_eq!(story(&rig.market, Channel::Trades, "binance:B"), ["1 state live"]);
}
