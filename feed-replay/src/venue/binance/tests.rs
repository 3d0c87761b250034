mod futures;

use super::*;
use crate::stand_in::Out;

fn item(kind: Kind, url: &str, text: &str) -> Item {
    let mut item = Item::default();
    item.set_url(1, kind, url, text);
    item
}

fn depth(first: u64, last: u64, bids: &str) -> String {
    let data = format!(
        r#"{{"e":"depthUpdate","E":1617647603816,"s":"BTCUSDT","U":{first},"u":{last},"b":{bids},"a":[]}}"#
    );
    format!(r#"{{"stream":"btcusdt@depth@100ms","data":{data}}}"#)
}

fn trade(id: u64) -> String {
    format!(
        r#"{{"e":"trade","E":1617647603816,"s":"BTCUSDT","t":{id},"p":"1.50","q":"2.00","T":1617647603815,"m":true}}"#
    )
}

/// A capture with trades raw and depth wrapped, and what serves it.
fn capture() -> Vec<Item> {
    let body = r#"{"lastUpdateId":10,"bids":[["1.00","5.0"],["0.90","1.0"]],"asks":[["2.00","1.0"]]}"#;
    vec![
        item(Kind::Frame, "", &depth(8, 9, r#"[["1.00","4.0"]]"#)),
        item(Kind::Http, "https://x/api/v3/depth?symbol=BTCUSDT&limit=1000", body),
        item(Kind::Frame, "", &trade(100)),
        item(Kind::Frame, "", &depth(10, 12, r#"[["1.00","0.0"],["0.95","7.00"]]"#)),
        item(Kind::Frame, "", &trade(101)),
    ]
}

fn served(items: &[Item]) -> Binance {
    served_as(Product::Spot, items)
}

fn served_as(product: Product, items: &[Item]) -> Binance {
    let mut binance = Binance::new(product);
    items.iter().for_each(|item| binance.survey(item));
    binance.surveyed();
    binance
}

fn open(binance: &mut Binance, conn: ConnId, target: &str) {
    binance.opened(conn, &Target::parse(target), 0, &mut Outbox::default()).unwrap();
}

fn ask(binance: &mut Binance, conn: ConnId, text: &str) -> String {
    let mut out = Outbox::default();
    binance.message(conn, text, 0, &mut out);
    texts(&out, conn).concat()
}

fn play(binance: &mut Binance, items: &[Item], moment: &Moment) -> Outbox {
    let mut out = Outbox::default();
    items.iter().for_each(|item| binance.play(item, moment, &mut out));
    out
}

fn texts(out: &Outbox, conn: ConnId) -> Vec<&str> {
    let of_conn = out.0.iter().filter(|(to, _)| *to == conn);
    of_conn
        .filter_map(|(_, out)| if let Out::Text(text) = out { Some(text.as_str()) } else { None })
        .collect()
}

fn get(binance: &mut Binance, target: &str) -> (u16, String) {
    let reply = binance.http(&Target::parse(target), 1_700_000_000_000_000_000);
    (reply.status, reply.body)
}

#[test]
fn frames_come_in_the_form_that_the_path_asks_for() {
    let items = capture();
    let mut binance = served(&items);
    open(&mut binance, 1, "/ws/btcusdt@trade");
    open(&mut binance, 2, "/stream?streams=btcusdt@trade/btcusdt@depth@100ms");
    open(&mut binance, 3, "/ws/btcusdt@depth");
    open(&mut binance, 4, "/ws/btcusdt@trade?timeUnit=MICROSECOND");
    let out = play(&mut binance, &items, &Moment::as_recorded());
    assert_eq!(texts(&out, 1), [trade(100), trade(101)]);
    let wrapped = |id| format!(r#"{{"stream":"btcusdt@trade","data":{}}}"#, trade(id));
    assert_eq!(texts(&out, 2), [items[0].text.clone(), wrapped(100), items[3].text.clone(), wrapped(101)]);
    let raw = &items[0].text[r#"{"stream":"btcusdt@depth@100ms","data":"#.len()..items[0].text.len() - 1];
    assert_eq!(texts(&out, 3)[0], raw);
    assert_eq!(texts(&out, 4)[0], trade(100).replace("816,", "816000,").replace("815,", "815000,"));
}

#[test]
fn requests_are_answered_with_their_id_as_it_came() {
    let mut binance = served(&capture());
    open(&mut binance, 1, "/ws");
    let cases = [
        (r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","a@b"],"id":1}"#, r#"{"result":null,"id":1}"#),
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":"x-1"}"#, r#"{"result":["btcusdt@trade","a@b"],"id":"x-1"}"#),
        (r#"{"method":"UNSUBSCRIBE","params":["a@b"],"id":null}"#, r#"{"result":null,"id":null}"#),
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":-3}"#, r#"{"result":["btcusdt@trade"],"id":-3}"#),
        (r#"{"method":"GET_PROPERTY","params":["combined"],"id":4}"#, r#"{"result":false,"id":4}"#),
        (r#"{"method":"SET_PROPERTY","params":["combined",true],"id":5}"#, r#"{"result":null,"id":5}"#),
        (r#"{"method":"GET_PROPERTY","params":["combined"],"id":6}"#, r#"{"result":true,"id":6}"#),
        (
            r#"{"method":"GET_PROPERTY","params":["x"],"id":7}"#,
            r#"{"code":0,"msg":"Unknown property","id":7}"#,
        ),
        (
            r#"{"method":"SET_PROPERTY","params":["combined",1],"id":8}"#,
            r#"{"code":1,"msg":"Invalid value type: expected Boolean","id":8}"#,
        ),
        (r#"{"id":9}"#, r#"{"code":2,"msg":"Invalid request: missing field `method`","id":9}"#),
    ];
    for (request, reply) in cases {
        assert_eq!(ask(&mut binance, 1, request), reply, "{request}");
    }
    let beginnings = [
        ("{", r#"{"code":3,"msg":"Invalid JSON: "#),
        (
            r#"{"method":"JUMP","id":1}"#,
            r#"{"code":2,"msg":"Invalid request: unknown variant `JUMP`, expected one of "#,
        ),
        (
            r#"{"method":"SUBSCRIBE","params":[1],"id":1}"#,
            r#"{"code":2,"msg":"Invalid request: expected names of streams"#,
        ),
        (
            r#"{"method":"SUBSCRIBE","params":"a","id":1}"#,
            r#"{"code":2,"msg":"Invalid request: params must be a list"#,
        ),
        (
            r#"{"method":"LIST_SUBSCRIPTIONS","id":1.5}"#,
            r#"{"code":2,"msg":"Invalid request: request ID must be"#,
        ),
        ("[]", r#"{"code":2,"msg":"Invalid request: expected an object"#),
    ];
    for (request, beginning) in beginnings {
        let reply = ask(&mut binance, 1, request);
        assert!(reply.starts_with(beginning), "{request}: {reply}");
    }
}

#[test]
fn a_connection_takes_at_most_1024_streams() {
    let mut binance = served(&capture());
    open(&mut binance, 1, "/ws");
    let streams: Vec<_> = (0..1025).map(|n| format!("s{n}@trade")).collect();
    let request = |streams: &[String]| {
        serde_json::json!({"method": "SUBSCRIBE", "params": streams, "id": 1}).to_string()
    };
    assert!(ask(&mut binance, 1, &request(&streams)).contains("too many streams"));
    assert_eq!(ask(&mut binance, 1, &request(&streams[..1024])), r#"{"result":null,"id":1}"#);
    assert!(ask(&mut binance, 1, &request(&streams[1024..])).contains("too many streams"));
    // What it has already is no more.
    assert_eq!(ask(&mut binance, 1, &request(&streams[..1024])), r#"{"result":null,"id":1}"#);
}

#[test]
fn the_depth_is_the_recorded_one_until_it_joins_and_then_the_one_played() {
    let items = capture();
    let mut binance = served(&items);
    let url = "/api/v3/depth?symbol=BTCUSDT&limit=1000";
    assert_eq!(get(&mut binance, url), (200, items[1].text.clone()));
    play(&mut binance, &items[..3], &Moment::as_recorded());
    assert_eq!(get(&mut binance, url), (200, items[1].text.clone()));
    play(&mut binance, &items[3..], &Moment::as_recorded());
    let kept = r#"{"lastUpdateId":12,"bids":[["0.95","7.00"],["0.90","1.0"]],"asks":[["2.00","1.0"]]}"#;
    assert_eq!(get(&mut binance, url), (200, kept.to_owned()));
    let best = r#"{"lastUpdateId":12,"bids":[["0.95","7.00"]],"asks":[["2.00","1.0"]]}"#;
    assert_eq!(get(&mut binance, "/api/v3/depth?symbol=BTCUSDT&limit=1"), (200, best.to_owned()));
}

#[test]
fn a_gap_in_the_recording_ends_the_book_honestly() {
    let mut items = capture();
    items.push(item(Kind::Frame, "", &depth(20, 21, "[]")));
    let mut binance = served(&items);
    play(&mut binance, &items, &Moment::as_recorded());
    assert_eq!(get(&mut binance, "/api/v3/depth?symbol=BTCUSDT").0, 503);
}

#[test]
fn rest_errors_have_the_venues_codes() {
    let mut binance = served(&capture());
    let cases = [
        ("/api/v3/depth", 400, -1102),
        ("/api/v3/depth?symbol=NOSUCH", 400, -1121),
        ("/api/v3/depth?symbol=BTCUSDT&limit=x", 400, -1100),
        ("/api/v3/exchangeInfo?symbol=NOSUCH", 400, -1121),
        ("/api/v3/exchangeInfo?symbols=BTCUSDT", 400, -1100),
        ("/api/v3/exchangeInfo?symbol=A&symbols=[]", 400, -1128),
        ("/nowhere", 404, -1000),
    ];
    for (target, status, code) in cases {
        let (found, body) = get(&mut binance, target);
        assert_eq!(found, status, "{target}");
        assert!(body.starts_with(&format!("{{\"code\":{code},\"msg\":")), "{target}: {body}");
    }
    assert_eq!(get(&mut binance, "/api/v3/ping"), (200, "{}".to_owned()));
    assert_eq!(get(&mut binance, "/api/v3/time"), (200, "{\"serverTime\":1700000000000}".to_owned()));
    assert_eq!(
        binance.opened(9, &Target::parse("/other"), 0, &mut Outbox::default()).unwrap_err().status,
        404
    );
}

#[test]
fn exchange_information_is_made_of_what_the_capture_shows() {
    let mut binance = served(&capture());
    for target in ["/api/v3/exchangeInfo", "/api/v3/exchangeInfo?symbols=[%22BTCUSDT%22]"] {
        let (_, body) = get(&mut binance, target);
        let info: serde_json::Value = serde_json::from_str(&body).unwrap();
        let symbol = &info["symbols"][0];
        assert_eq!((&symbol["baseAsset"], &symbol["quoteAsset"]), (&"BTC".into(), &"USDT".into()));
        assert_eq!(symbol["filters"][0]["tickSize"], "0.1", "prices 1.50, 0.90 and 2.00");
    }
}

#[test]
fn recorded_exchange_information_is_given_as_it_is_or_filtered() {
    let info = r#"{"timezone":"UTC","symbols":[{"symbol":"BTCUSDT","x":1.50},{"symbol":"ETHUSDT"}]}"#;
    let mut binance = served(&[item(Kind::Http, "https://x/api/v3/exchangeInfo", info)]);
    assert_eq!(get(&mut binance, "/api/v3/exchangeInfo"), (200, info.to_owned()));
    let filtered = r#"{"timezone":"UTC","symbols":[{"symbol":"ETHUSDT"}]}"#;
    assert_eq!(get(&mut binance, "/api/v3/exchangeInfo?symbol=ETHUSDT"), (200, filtered.to_owned()));
}

#[test]
fn a_second_turn_goes_on_with_ids_and_leaves_a_gap_in_the_book() {
    let items = capture();
    let mut binance = served(&items);
    open(&mut binance, 1, "/ws/btcusdt@trade/btcusdt@depth");
    play(&mut binance, &items, &Moment::as_recorded());
    binance.rewind();
    let moment = Moment { turn: 1, shift_ns: 60_000_000_000, stamp: None, heard: true };
    let out = play(&mut binance, &items[..3], &moment);
    let sent = texts(&out, 1);
    // Ids went from 8 to 12, so 13 is left out; trades 100 and 101 are followed by 102.
    assert!(sent[0].contains(r#""E":1617647663816,"s":"BTCUSDT","U":14,"u":15,"#), "{}", sent[0]);
    assert!(sent[1].contains(r#""t":102,"p":"1.50""#), "{}", sent[1]);
    let (_, body) = get(&mut binance, "/api/v3/depth?symbol=BTCUSDT");
    assert!(body.starts_with(r#"{"lastUpdateId":16,"bids":[["1.00","5.0"]"#), "{body}");
}

#[test]
fn a_recorded_shutdown_is_announced_and_ends_who_was_there() {
    let shutdown = r#"{"e":"serverShutdown","E":1617647603816}"#;
    let items = [capture(), vec![item(Kind::Frame, "", shutdown)]].concat();
    let mut binance = served(&items);
    open(&mut binance, 1, "/ws/btcusdt@trade");
    open(&mut binance, 2, "/stream");
    let out = play(&mut binance, &items[5..], &Moment::as_recorded());
    assert_eq!(texts(&out, 1), [shutdown]);
    assert_eq!(texts(&out, 2), [format!(r#"{{"stream":"!serverShutdown","data":{shutdown}}}"#)]);
    open(&mut binance, 3, "/ws/btcusdt@trade");
    let mut ended = |now| {
        let mut out = Outbox::default();
        binance.tick(now, false, &mut out);
        let conns: std::collections::BTreeSet<_> = out.0.into_iter().map(|(conn, _)| conn).collect();
        conns.into_iter().collect::<Vec<_>>()
    };
    assert_eq!([ended(5), ended(5 + SHUTDOWN_NS - 1)], [[0; 0]; 2]);
    assert_eq!([ended(5 + SHUTDOWN_NS), ended(6 + SHUTDOWN_NS)], [vec![1, 2], vec![]]);
}

#[test]
fn restamping_changes_event_times_and_nothing_else() {
    let items = [item(Kind::Frame, "", &trade(100))];
    let mut binance = served(&items);
    open(&mut binance, 1, "/ws/btcusdt@trade");
    open(&mut binance, 2, "/ws/btcusdt@trade?timeUnit=microsecond");
    let moment = Moment { stamp: Some(1_800_000_000_123_456_789), ..Moment::as_recorded() };
    let out = play(&mut binance, &items, &moment);
    let stamped = |time: &str| trade(100).replace("1617647603816", time).replace("1617647603815", time);
    assert_eq!(texts(&out, 1), [stamped("1800000000123")]);
    assert_eq!(texts(&out, 2), [stamped("1800000000123456")]);
}

#[test]
fn what_is_played_unheard_still_moves_the_book() {
    let items = capture();
    let mut binance = served(&items);
    open(&mut binance, 1, "/ws/btcusdt@trade/btcusdt@depth");
    let out = play(&mut binance, &items, &Moment::default());
    assert!(out.0.is_empty());
    assert!(get(&mut binance, "/api/v3/depth?symbol=BTCUSDT").1.starts_with("{\"lastUpdateId\":12,"));
}

#[test]
fn a_frame_cut_in_half_reaches_whoever_listens_as_it_is() {
    let cut = r#"{"stream":"btcusdt@trade","data":{"e":"tra"#;
    let mut items = capture();
    items.push(item(Kind::Frame, "", cut));
    let mut binance = served(&items);
    open(&mut binance, 1, "/ws/btcusdt@depth");
    open(&mut binance, 2, "/ws");
    let out = play(&mut binance, &items[5..], &Moment::as_recorded());
    assert_eq!((texts(&out, 1), texts(&out, 2)), (vec![cut], vec![]));
}

#[test]
fn nothing_follows_an_unsubscribe_or_a_close() {
    let items = capture();
    let mut binance = served(&items);
    open(&mut binance, 1, "/ws/btcusdt@trade");
    open(&mut binance, 2, "/ws/btcusdt@trade");
    assert!(binance.has_subscribers());
    ask(&mut binance, 1, r#"{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":1}"#);
    binance.closed(2);
    assert!(!binance.has_subscribers());
    assert!(play(&mut binance, &items, &Moment::as_recorded()).0.is_empty());
}
