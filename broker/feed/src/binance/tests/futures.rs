//! What is different with futures.

use super::*;
use crate::testing::Rig as Futures;

const SYMBOL: &str = "BTCUSDT";

fn settings(symbols: &[&str]) -> Settings {
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    Settings { symbols, ..Settings::new("v", "e") }
}

fn connected(product: Product, settings: Settings) -> Futures<Binance> {
    let mut rig = Futures::of(settings, |settings, market| Binance::new(product, settings, market));
    rig.connect();
    rig
}

fn fetched(rig: &mut Futures<Binance>, purpose: Purpose, body: &str) {
    let fetch = Fetch { path: String::new(), purpose };
    rig.now += 1;
    rig.machine.fetched(ms(rig.now), &fetch, Ok(&mut body.as_bytes().to_vec()), &mut rig.actions);
}

fn snapshot(rig: &mut Futures<Binance>, last_id: u64) {
    let body =
        format!(r#"{{"lastUpdateId":{last_id},"E":7,"T":6,"bids":[["99","1"]],"asks":[["101","1"]]}}"#);
    fetched(rig, Purpose::Depth(SYMBOL.to_owned()), &body);
}

fn depth(rig: &mut Futures<Binance>, (previous, first, last): (u64, u64, u64), bid: &str) {
    rig.frame(&format!(
        r#"{{"e":"depthUpdate","E":5,"T":4,"s":"{SYMBOL}","U":{first},"u":{last},"pu":{previous},"b":[["{bid}","1"]],"a":[]}}"#
    ));
}

#[test]
fn usd_m_is_dialled_at_two_entry_points_for_disjoint_channels() {
    let market = market();
    let parts = connections(Product::UsdM, &settings(&["BTCUSDT", "ETHUSDT"]));
    let machine = |part: &Settings| Binance::new(Product::UsdM, part.clone(), Arc::clone(&market)).unwrap();
    let mut machines: Vec<_> = parts.iter().map(machine).collect();
    let dialled: Vec<_> = machines.iter().map(Machine::dial).collect();
    assert_eq!(
        dialled,
        [
            "/public/stream?streams=btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms\
             /ethusdt@trade/ethusdt@bookTicker/ethusdt@depth@100ms",
            "/market/stream?streams=btcusdt@ticker/ethusdt@ticker"
        ]
    );
    let fetched = machines.iter_mut().map(|machine| {
        let mut actions = Actions::new();
        machine.connected(ms(1), &mut actions);
        actions.drain().collect::<Vec<_>>()
    });
    let purpose = Purpose::Symbols;
    let once = Action::Fetch(Fetch { path: "/fapi/v1/exchangeInfo".to_owned(), purpose });
    assert_eq!(fetched.collect::<Vec<_>>(), [vec![once], vec![]]);
    assert_eq!(market.registry().symbols().len(), 2);
}

#[test]
fn connections_are_as_many_as_the_channels_and_streams_need() {
    let of = |change: fn(&mut Settings)| {
        let mut settings = settings(&[]);
        settings.symbols = (0..400).map(|n| format!("S{n}")).collect();
        change(&mut settings);
        let parts = connections(Product::UsdM, &settings);
        parts.iter().map(|part| (part.symbols.len(), part.is_companion)).collect::<Vec<_>>()
    };
    assert_eq!(of(|_| {}), [(341, false), (59, false), (400, true)]);
    assert_eq!(of(|settings| settings.channels = Channels::of(&[Channel::Book])), [(400, false)]);
    assert_eq!(of(|settings| settings.channels = Channels::of(&[Channel::Ticker])), [(400, false)]);
    assert_eq!(of(|settings| settings.trades = Trades::Aggregate), [(400, false), (400, true)]);
    assert_eq!(connections(Product::CoinM, &settings(&["A", "B"])).len(), 1);
}

#[test]
fn the_loss_of_one_connection_leaves_the_channels_of_the_other_live() {
    let market = market();
    let parts = connections(Product::UsdM, &settings(&[SYMBOL]));
    let mut rigs = parts.into_iter().map(|part| {
        let make = |settings, _| Binance::new(Product::UsdM, settings, Arc::clone(&market));
        let mut rig = Futures::of(part, make);
        rig.market = Arc::clone(&market);
        rig
    });
    let (mut public, mut other) = (rigs.next().unwrap(), rigs.next().unwrap());
    public.connect();
    snapshot(&mut public, 100);
    assert!(public.machine.is_live() && !other.machine.is_live());
    other.connect();
    assert!(other.machine.is_live(), "statistics of a quiet symbol may not come for long");
    other.frame(r#"{"e":"24hrTicker","E":5,"s":"BTCUSDT","c":"7"}"#);
    other.disconnect();
    depth(&mut public, (100, 104, 105), "90");
    assert_eq!(public.story(Channel::Ticker)[2..], ["3 state stale connection lost: reset"]);
    assert_eq!(public.story(Channel::Book)[2..], ["3 book bids 90x1 asks"]);
    assert!(public.machine.is_live() && !other.machine.is_live());
    other.connect();
    public.disconnect();
    let status = public.story(Channel::Status);
    assert_eq!(
        status,
        [
            "1 state live",
            "2 state stale connection lost: reset",
            "3 state live",
            "4 state stale connection lost: reset"
        ]
    );
}

#[test]
fn each_event_names_the_one_before() {
    let mut rig = connected(Product::UsdM, settings(&[SYMBOL]));
    depth(&mut rig, (70, 80, 95), "80");
    depth(&mut rig, (95, 97, 105), "90");
    depth(&mut rig, (105, 117, 120), "91");
    snapshot(&mut rig, 100);
    depth(&mut rig, (105, 117, 120), "92");
    depth(&mut rig, (120, 121, 130), "93");
    depth(&mut rig, (131, 132, 140), "94");
    snapshot(&mut rig, 150);
    depth(&mut rig, (145, 160, 170), "95");
    assert_eq!(
        rig.story(Channel::Book),
        [
            "1 reset bids 99x1 asks 101x1",
            "2 state live",
            "3 book bids 90x1 asks",
            "4 book bids 91x1 asks",
            "5 book bids 93x1 asks",
            "6 state resyncing gap: pu 131 after u 130",
            "7 reset bids 99x1 asks 101x1",
            "8 state live",
            "9 book bids 95x1 asks"
        ]
    );
    assert_eq!(rig.machine.counters().gaps.value(), 1);
}

#[test]
fn events_that_two_connections_cut_elsewhere_overlap() {
    let mut rig = connected(Product::UsdM, settings(&[SYMBOL]));
    snapshot(&mut rig, 100);
    depth(&mut rig, (90, 95, 110), "90");
    rig.machine.doubled(ms(rig.now), &mut rig.actions);
    depth(&mut rig, (105, 107, 120), "91");
    depth(&mut rig, (110, 112, 118), "80");
    rig.machine.single(ms(rig.now));
    depth(&mut rig, (120, 121, 130), "92");
    let book = ["3 book bids 90x1 asks", "4 book bids 91x1 asks", "5 book bids 92x1 asks"];
    assert_eq!(rig.story(Channel::Book)[2..], book);
    rig.now += 20_000;
    depth(&mut rig, (125, 131, 140), "93");
    assert_eq!(rig.story(Channel::Book)[5..], ["6 state resyncing gap: pu 125 after u 130"]);
}

#[test]
fn what_is_no_trade_takes_a_number_all_the_same() {
    let mut rig = connected(Product::UsdM, settings(&[SYMBOL]));
    for (id, number, kind) in [(7, "1.5", "MARKET"), (8, "0", "NA"), (9, "1.5", "MARKET"), (11, "0", "NA")] {
        rig.frame(&format!(
            r#"{{"e":"trade","E":5,"T":4,"s":"{SYMBOL}","t":{id},"p":"{number}","q":"{number}","X":"{kind}","m":false}}"#
        ));
    }
    assert_eq!(rig.story(Channel::Trades), ["1 state live", "2 trades buy7", "3 trades buy9", "4 gap 1"]);
}

#[test]
fn a_partial_book_is_told_from_changes_by_its_stream() {
    let mut rig = connected(Product::UsdM, settings(&[SYMBOL]));
    let partial =
        r#"{"e":"depthUpdate","E":5,"T":4,"s":"BTCUSDT","U":90,"u":100,"pu":80,"b":[["99","1"]],"a":[]}"#;
    rig.frame(&format!(r#"{{"stream":"btcusdt@depth5@100ms","data":{partial}}}"#));
    depth(&mut rig, (100, 105, 110), "98");
    rig.frame(&format!(r#"{{"stream":"btcusdt@depth5@100ms","data":{partial}}}"#));
    let book = ["1 reset bids 99x1 asks", "2 state live", "3 book bids 98x1 asks"];
    assert_eq!(rig.story(Channel::Book), book);
}

#[test]
fn a_snapshot_without_a_name_is_not_guessed_among_several_symbols() {
    let mut rig = connected(Product::CoinM, settings(&[SYMBOL, "ETHUSDT"]));
    depth(&mut rig, (70, 80, 105), "80");
    let unnamed = r#"{"lastUpdateId":100,"bids":[["99","1"]],"asks":[]}"#;
    fetched(&mut rig, Purpose::DepthOfUnknown, unnamed);
    depth(&mut rig, (105, 108, 110), "81");
    assert_eq!(rig.story(Channel::Book), [""; 0], "numbers are shared by all symbols");
    let named = unnamed.replace("{\"last", "{\"symbol\":\"BTCUSDT\",\"pair\":\"BTCUSDT\",\"last");
    fetched(&mut rig, Purpose::DepthOfUnknown, &named);
    assert_eq!(rig.story(Channel::Book)[2..], ["3 book bids 80x1 asks", "4 book bids 81x1 asks"]);
}

#[test]
fn the_volumes_of_coin_margined_futures_are_contracts() {
    let ticker = |product| {
        let mut rig = connected(product, settings(&[SYMBOL]));
        rig.frame(r#"{"e":"24hrTicker","E":5,"s":"BTCUSDT","ps":"X","c":"7","v":"100","q":"3"}"#);
        crate::testing::frames(&rig.market, Channel::Ticker, "v:BTCUSDT")[1].clone()
    };
    assert!(ticker(Product::UsdM).contains(r#""volume":"100","quote_volume":"3""#));
    let coin_margined = ticker(Product::CoinM);
    assert!(coin_margined.contains(r#""volume":"100""#) && !coin_margined.contains("quote_volume"));
}
