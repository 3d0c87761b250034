//! What is different with futures.

use super::*;

fn depth(ids: (u64, u64, u64), bids: &str) -> String {
    let (previous, first, last) = ids;
    let data = format!(
        r#"{{"e":"depthUpdate","E":1617647603816,"T":1617647603810,"s":"BTCUSDT","U":{first},"u":{last},"pu":{previous},"b":{bids},"a":[]}}"#
    );
    format!(r#"{{"stream":"btcusdt@depth@0ms","data":{data}}}"#)
}

fn ticker() -> String {
    r#"{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1617647603816,"s":"BTCUSDT","c":"1"}}"#
        .to_owned()
}

/// A capture whose depth body lies between two events, by numbers that other symbols share.
fn capture() -> Vec<Item> {
    let body = r#"{"lastUpdateId":30,"E":1617647603900,"T":1617647603890,"bids":[["1.00","5.0"],["0.90","1.0"]],"asks":[["2.00","1.0"]]}"#;
    vec![
        item(Kind::Frame, "", &depth((5, 8, 20), r#"[["1.00","4.0"]]"#)),
        item(Kind::Http, "https://x/fapi/v1/depth?symbol=BTCUSDT&limit=1000", body),
        item(Kind::Frame, "", &ticker()),
        item(Kind::Frame, "", &depth((20, 41, 50), r#"[["1.00","0.0"],["0.95","7.00"]]"#)),
        item(Kind::Frame, "", &depth((50, 66, 70), r#"[["0.80","1.0"]]"#)),
    ]
}

#[test]
fn usd_m_sends_each_stream_at_its_own_entry_point() {
    let items = capture();
    let mut binance = served_as(Product::UsdM, &items);
    open(&mut binance, 1, "/public/stream?streams=btcusdt@depth@100ms/btcusdt@ticker");
    open(&mut binance, 2, "/market/ws");
    let asked = r#"{"method":"SUBSCRIBE","params":["btcusdt@ticker","btcusdt@depth"],"id":1}"#;
    assert_eq!(ask(&mut binance, 2, asked), r#"{"result":null,"id":1}"#);
    let list = r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#;
    assert_eq!(ask(&mut binance, 2, list), r#"{"result":["btcusdt@ticker","btcusdt@depth"],"id":2}"#);
    let out = play(&mut binance, &items, &Moment::as_recorded());
    let depths: Vec<_> = [0, 3, 4].map(|at: usize| items[at].text.replace("@0ms", "@100ms")).to_vec();
    assert_eq!(texts(&out, 1), depths);
    assert_eq!(
        texts(&out, 2),
        [&ticker()[r#"{"stream":"btcusdt@ticker","data":"#.len()..ticker().len() - 1]]
    );
    let refused =
        |path| Binance::new(Product::UsdM).opened(9, &Target::parse(path), 0, &mut Outbox::default());
    assert_eq!(refused("/private/ws/key").unwrap_err().status, 404);
}

#[test]
fn the_depth_of_futures_says_when_and_joins_between_events() {
    let items = capture();
    let mut binance = served_as(Product::UsdM, &items);
    let url = "/fapi/v1/depth?symbol=BTCUSDT&limit=1000";
    assert_eq!(get(&mut binance, url), (200, items[1].text.clone()));
    play(&mut binance, &items, &Moment::as_recorded());
    let played = r#"{"lastUpdateId":70,"E":1617647603816,"T":1617647603810,"bids":[["0.95","7.00"],["0.90","1.0"],["0.80","1.0"]],"asks":[["2.00","1.0"]]}"#;
    assert_eq!(get(&mut binance, url), (200, played.to_owned()));
    let unfit = get(&mut binance, "/fapi/v1/depth?symbol=BTCUSDT&limit=7");
    assert_eq!(unfit, (400, r#"{"code":-4021,"msg":"7 is not valid depth limit."}"#.to_owned()));
    assert_eq!(get(&mut binance, "/api/v3/depth?symbol=BTCUSDT").0, 404);
    let gap = item(Kind::Frame, "", &depth((71, 80, 90), "[]"));
    play(&mut binance, &[gap], &Moment::as_recorded());
    assert_eq!(get(&mut binance, url).0, 503, "what it does not follow from is missing");
}

#[test]
fn a_second_turn_names_no_event_of_the_first() {
    let items = capture();
    let mut binance = served_as(Product::UsdM, &items);
    open(&mut binance, 1, "/ws/btcusdt@depth");
    play(&mut binance, &items, &Moment::as_recorded());
    binance.rewind();
    let moment = Moment { turn: 1, shift_ns: 60_000_000_000, stamp: None, heard: true };
    let out = play(&mut binance, &items[..1], &moment);
    // Ids went from 5 to 70.
    assert!(texts(&out, 1)[0].contains(r#""U":75,"u":87,"pu":72,"#), "{:?}", texts(&out, 1));
    let (_, body) = get(&mut binance, "/fapi/v1/depth?symbol=BTCUSDT&limit=5");
    assert!(
        body.starts_with(r#"{"lastUpdateId":97,"E":1617647663900,"T":1617647663890,"bids":[["1.00","#),
        "{body}"
    );
}

#[test]
fn coin_m_names_symbol_and_pair_and_tells_of_all_contracts() {
    let rename = |item: &Item| {
        let mut renamed = Item::default();
        let text = item.text.replace("BTCUSDT", "BTCUSD_PERP").replace("btcusdt", "btcusd_perp");
        renamed.set_url(1, item.kind, &item.url.replace("BTCUSDT", "BTCUSD_PERP"), &text);
        renamed
    };
    let items: Vec<_> = capture().iter().map(rename).collect();
    let mut binance = served_as(Product::CoinM, &items);
    open(&mut binance, 1, "/stream?streams=btcusd_perp@depth/btcusd_perp@ticker");
    assert_eq!(texts(&play(&mut binance, &items, &Moment::as_recorded()), 1).len(), 4);
    let (_, body) = get(&mut binance, "/dapi/v1/depth?symbol=BTCUSD_PERP&limit=5");
    let begins = r#"{"lastUpdateId":70,"E":1617647603816,"T":1617647603810,"symbol":"BTCUSD_PERP","pair":"BTCUSD","bids":"#;
    assert!(body.starts_with(begins), "{body}");
    let (_, body) = get(&mut binance, "/dapi/v1/exchangeInfo");
    let info: serde_json::Value = serde_json::from_str(&body).unwrap();
    let contract = &info["symbols"][0];
    assert_eq!(
        [&contract["pair"], &contract["baseAsset"], &contract["quoteAsset"], &contract["contractType"]],
        ["BTCUSD", "BTC", "USD", "PERPETUAL"]
    );
    assert_eq!((&contract["contractSize"], &contract["contractStatus"]), (&100.into(), &"TRADING".into()));
}

#[test]
fn futures_have_patience_and_no_microseconds() {
    let mut binance = served_as(Product::CoinM, &capture());
    assert_eq!(binance.keep_alive().unwrap().every, Duration::from_secs(180));
    open(&mut binance, 1, "/ws/btcusdt@ticker?timeUnit=MICROSECOND");
    let out = play(&mut binance, &capture(), &Moment::as_recorded());
    assert!(texts(&out, 1)[0].contains(r#""E":1617647603816,"#));
}
