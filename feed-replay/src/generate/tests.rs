use super::*;
use crate::book::Book;
use crate::json::{elements, field};
use crate::source::Item;
use crate::stand_in::{Moment, Outbox, StandIn, Target};
use crate::venue::{binance, bybit, coinbase, kraken};
use schemas::capture::Reader;
use schemas::model::Side;
use schemas::venue::binance::Product;
use std::collections::HashMap;

fn settings(venue: Venue) -> Settings {
    Settings { venue, symbols: 3, rate: 200, duration: Duration::from_secs(20), seed: 7 }
}

fn generated(settings: &Settings) -> Vec<u8> {
    let mut text = Vec::new();
    generate(settings, &mut text).unwrap();
    text
}

fn items(venue: Venue) -> Vec<Item> {
    items_of(&settings(venue))
}

fn items_of(settings: &Settings) -> Vec<Item> {
    let text = generated(settings);
    let mut reader = Reader::new(&text[..]);
    let mut items = Vec::new();
    while let Some(record) = reader.next() {
        let mut item = Item::default();
        item.set(&record.unwrap());
        items.push(item);
    }
    items
}

fn frames(items: &[Item]) -> impl Iterator<Item = &str> {
    items.iter().filter(|item| item.kind == crate::source::Kind::Frame).map(|item| item.text.as_str())
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    for venue in Venue::ALL {
        let first = generated(&settings(venue));
        assert_eq!(first, generated(&settings(venue)));
        assert_ne!(first, generated(&Settings { seed: 8, ..settings(venue) }));
    }
}

#[test]
fn all_frames_are_json_that_the_venue_could_have_sent_and_times_rise() {
    for venue in Venue::ALL {
        let items = items(venue);
        assert!(items.len() > 3_000, "{venue}: {}", items.len());
        assert!(items.is_sorted_by_key(|item| item.time));
        for frame in frames(&items) {
            serde_json::from_str::<serde_json::Value>(frame).unwrap();
            assert_ne!(venue.classify(frame).kind, crate::venue::ClassKind::Unknown, "{frame}");
        }
    }
}

#[test]
fn binances_depth_and_trade_ids_have_no_gap() {
    let items = items(Venue::Binance);
    let (mut depths, mut trades) = (HashMap::<_, Vec<(u64, u64)>>::new(), HashMap::<_, Vec<u64>>::new());
    for frame in frames(&items).filter_map(binance::frame::Frame::parse) {
        let symbol = frame.event.symbol.unwrap();
        if let (Some(first), Some(last)) = (frame.event.first_id, frame.event.last_id) {
            depths.entry(symbol).or_default().push((first, last));
        } else if frame.event.name == Some("trade") {
            trades.entry(symbol).or_default().push(frame.event.trade_id.unwrap());
        }
    }
    assert_eq!((depths.len(), trades.len()), (3, 3));
    assert!(depths.values().all(|ids| ids.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0)));
    assert!(trades.values().all(|ids| ids.windows(2).all(|pair| pair[0] + 1 == pair[1])));
}

#[test]
fn futures_number_all_symbols_together_and_name_the_event_before() {
    for venue in [Venue::BinanceUsdM, Venue::BinanceCoinM] {
        let items = items(venue);
        let (mut last, mut highest, mut jumps) = (HashMap::new(), 0, 0);
        for frame in frames(&items).filter_map(binance::frame::Frame::parse) {
            let event = &frame.event;
            if !event.is_depth_update() {
                continue;
            }
            let previous = last.insert(event.symbol.unwrap(), event.last_id);
            assert!(previous.is_none_or(|previous| event.previous_id == previous), "{}", frame.text);
            assert!(event.first_id > event.previous_id && event.last_id >= event.first_id);
            jumps += usize::from(event.first_id > event.previous_id.map(|previous| previous + 1));
            highest = highest.max(event.last_id.unwrap());
        }
        assert!(last.len() == 3 && jumps > 100, "{venue}: {jumps}");
        assert!(last.values().all(|last| highest - last.unwrap() < 1_000), "{venue}");
    }
}

#[test]
fn usd_m_is_recorded_on_two_connections_and_coin_m_in_contracts() {
    let usd_m = items(Venue::BinanceUsdM);
    let opened: Vec<_> = usd_m.iter().filter(|item| item.kind == crate::source::Kind::Open).collect();
    assert!(opened[0].url.contains("/public/stream?streams=acmeusdt@trade/"), "{}", opened[0].url);
    assert!(opened[1].url.contains("/market/stream?streams=acmeusdt@ticker/"), "{}", opened[1].url);
    assert!(
        usd_m
            .iter()
            .all(|item| (item.conn == 1) == (item.text.contains("@ticker") || item.url.contains("/market")))
    );
    for frame in frames(&items(Venue::BinanceCoinM)).filter(|frame| frame.contains("@trade")) {
        let size = field(field(frame, "data").unwrap().value, "q").unwrap();
        assert!(size.text().parse::<u64>().is_ok_and(|contracts| contracts > 0), "{frame}");
    }
}

#[test]
fn binances_rest_depth_joins_and_follows_to_the_books_end() {
    check_books(Venue::Binance, Product::Spot, "/api/v3");
    check_books(Venue::BinanceUsdM, Product::UsdM, "/fapi/v1");
    check_books(Venue::BinanceCoinM, Product::CoinM, "/dapi/v1");
}

fn check_books(venue: Venue, product: Product, rest: &str) {
    let items = items(venue);
    let mut stand_in = binance::Binance::new(product);
    items.iter().for_each(|item| stand_in.survey(item));
    stand_in.surveyed();
    items.iter().for_each(|item| stand_in.play(item, &Moment::default(), &mut Outbox::default()));
    let tickers: HashMap<_, _> = frames(&items)
        .filter(|frame| frame.contains("@bookTicker"))
        .map(|frame| {
            (binance::frame::Frame::parse(frame).unwrap().event.symbol.unwrap().to_owned(), frame.to_owned())
        })
        .collect();
    for (symbol, ticker) in &tickers {
        let reply = stand_in.http(&Target::parse(&format!("{rest}/depth?symbol={symbol}&limit=5")), 0);
        assert_eq!(reply.status, 200, "{}", reply.body);
        let best = |side| {
            elements(elements(field(&reply.body, side).unwrap().value).next().unwrap().1)
                .map(|(_, text)| text)
                .collect::<Vec<_>>()
        };
        let data = field(ticker, "data").unwrap().value;
        let of_ticker =
            |price, size| vec![field(data, price).unwrap().value, field(data, size).unwrap().value];
        assert_eq!((best("bids"), best("asks")), (of_ticker("b", "B"), of_ticker("a", "A")));
    }
    assert_eq!(tickers.len(), 3);
    assert_eq!(stand_in.http(&Target::parse(&format!("{rest}/exchangeInfo")), 0).status, 200);
}

#[test]
fn coinbases_books_end_as_its_tickers_say_and_heartbeats_know_the_last_trade() {
    let items = items(Venue::Coinbase);
    let mut last_trades = HashMap::new();
    for frame in frames(&items).filter_map(coinbase::frame::Frame::parse) {
        match frame.name {
            "match" => {
                let previous = last_trades.insert(frame.product, frame.trade_id.unwrap());
                assert!(previous.is_none_or(|previous| previous + 1 == frame.trade_id.unwrap()));
            }
            "heartbeat" => {
                assert!(last_trades.get(frame.product).is_none_or(|last| Some(*last) == frame.trade_id))
            }
            _ => {}
        }
    }
    assert_eq!(last_trades.len(), 3);
}

#[test]
fn krakens_checksums_hold_for_who_follows_and_cuts() {
    let items = items(Venue::Kraken);
    let mut books = HashMap::<_, Book>::new();
    let mut checked = 0;
    for frame in
        frames(&items).filter_map(kraken::frame::Frame::parse).filter(|frame| frame.channel == "book")
    {
        let item = frame.first_item().unwrap();
        let book = books.entry(item.symbol).or_default();
        book.set_all(Side::Buy, item.bids).unwrap();
        book.set_all(Side::Sell, item.asks).unwrap();
        book.truncate(super::kraken::DEPTH);
        assert_eq!(Some(book.checksum()), item.checksum);
        checked += 1;
    }
    assert!(checked > 1_000, "{checked}");
}

#[test]
fn bybits_numbers_go_on_from_one_another_and_its_books_end_as_the_best_bid_and_ask_say() {
    let items = items(Venue::Bybit);
    let (mut numbers, mut ids) = (HashMap::new(), std::collections::HashSet::new());
    let mut last = HashMap::new();
    for text in frames(&items) {
        let Some(frame) = bybit::frame::Frame::parse(text).filter(|frame| !frame.is_control()) else {
            continue;
        };
        let of_data = |key| frame.content().find(|field| field.key == key);
        if let Some(number) = of_data("u").and_then(|field| field.integer()) {
            let previous: Option<u64> = numbers.insert(frame.topic, number);
            let step = previous.map_or(1, |previous| number - previous);
            assert_eq!(step, 1, "{text}");
        }
        for trade in elements(frame.data.unwrap().value).filter_map(|(_, trade)| field(trade, "i")) {
            assert!(ids.insert(trade.text()), "{text}");
        }
        last.insert(frame.topic, frame);
    }
    assert!(ids.len() > 100, "{}", ids.len());
    let mut stand_in = bybit::Bybit::new(&crate::serve::Limits::default());
    items.iter().for_each(|item| stand_in.survey(item));
    items.iter().for_each(|item| stand_in.play(item, &Moment::as_recorded(), &mut Outbox::default()));
    let mut out = Outbox::default();
    stand_in.opened(1, &Target::parse("/v5/public/linear"), 0, &mut out).unwrap();
    let request = r#"{"op":"subscribe","args":["orderbook.200.ACMEUSDT","tickers.ACMEUSDT"]}"#;
    stand_in.message(1, request, 0, &mut out);
    let texts: Vec<serde_json::Value> = out
        .0
        .iter()
        .filter_map(|(_, out)| match out {
            crate::stand_in::Out::Text(text) => Some(serde_json::from_str(text).unwrap()),
            _ => None,
        })
        .collect();
    let best: serde_json::Value =
        serde_json::from_str(last["orderbook.1.ACMEUSDT"].data.unwrap().value).unwrap();
    assert_eq!((&texts[0]["data"]["b"][0], &texts[0]["data"]["a"][0]), (&best["b"][0], &best["a"][0]));
    assert_eq!((&texts[1]["data"]["bid1Price"], &texts[1]["type"]), (&best["b"][0][0], &"snapshot".into()));
}

#[test]
fn bybits_best_bid_and_ask_come_again_after_three_quiet_seconds() {
    let items = items_of(&Settings { rate: 1, symbols: 10, ..settings(Venue::Bybit) });
    let mut last = HashMap::new();
    let (mut repeated, mut new) = (0, 0);
    for frame in frames(&items).filter_map(bybit::frame::Frame::parse) {
        if frame.channel() != "orderbook.1" {
            continue;
        }
        let number =
            frame.content().find(|field| field.key == "u").and_then(|field| field.integer()).unwrap();
        let time = frame.time.and_then(|time| time.integer()).unwrap();
        if let Some((last_number, last_time)) = last.insert(frame.topic, (number, time)) {
            assert!(time - last_time <= 3_000, "{}", frame.topic);
            let is_repeated = number == last_number;
            assert!(if is_repeated { time - last_time == 3_000 } else { number == last_number + 1 });
            *(if is_repeated { &mut repeated } else { &mut new }) += 1;
        }
    }
    assert!(repeated > 10 && new > 10, "{repeated} {new}");
}

#[test]
fn what_cannot_be_generated_is_said() {
    let wrong = |settings: Settings| generate(&settings, &mut Vec::new()).unwrap_err().to_string();
    let fine = settings(Venue::Kraken);
    assert!(wrong(Settings { symbols: 0, ..fine }).starts_with("symbols: expected 1 to "));
    assert_eq!(wrong(Settings { rate: 0, ..fine }), "rate: expected 1 to 1000000 a second, found 0");
}
