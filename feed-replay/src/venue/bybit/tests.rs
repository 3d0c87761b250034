use super::*;
use crate::venue::testing::{self, ask, closed, frame as item, open, play, texts};
use serde_json::Value;

const LINEAR: &str = "/v5/public/linear";
const SPOT: &str = "/v5/public/spot";

fn book(depth: u16, kind: &str, u: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"topic":"orderbook.{depth}.BTCUSDT","type":"{kind}","ts":1687940967466,"data":{{"s":"BTCUSDT","b":[{bids}],"a":[{asks}],"u":{u},"seq":7}},"cts":1687940967464}}"#
    )
}

fn trade(id: &str) -> String {
    format!(
        r#"{{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1687940967466,"data":[{{"T":1687940967465,"s":"BTCUSDT","S":"Buy","v":"1","p":"16578.50","i":"{id}"}}]}}"#
    )
}

fn ticker(kind: &str, fields: &str) -> String {
    format!(
        r#"{{"topic":"tickers.BTCUSDT","type":"{kind}","data":{{"symbol":"BTCUSDT",{fields}}},"cs":5,"ts":1687940967466}}"#
    )
}

fn capture() -> Vec<Item> {
    [
        r#"{"success":true,"ret_msg":"","conn_id":"r","req_id":"","op":"subscribe"}"#.to_owned(),
        book(50, "snapshot", 10, r#"["99.50","2"]"#, r#"["101","1.0"]"#),
        ticker("snapshot", r#""lastPrice":"100.0","volume24h":"5""#),
        book(50, "delta", 11, r#"["99.5","0"],["98","7.0"]"#, ""),
        trade("20f43950-d8dd"),
        ticker("delta", r#""lastPrice":"101.0","bid1Price":"98""#),
        book(1, "snapshot", 5, r#"["98","7.0"]"#, r#"["101","1.0"]"#),
        trade("2290000000068683542"),
    ]
    .iter()
    .map(|frame| item(frame))
    .collect()
}

fn served(items: &[Item]) -> Bybit {
    testing::served(Bybit::new(&Limits::default()), items)
}

fn subscribe(topics: &[&str]) -> String {
    serde_json::json!({"op": "subscribe", "args": topics}).to_string()
}

fn refusal(replies: &[String]) -> String {
    let reply: Value = serde_json::from_str(&replies[0]).unwrap();
    assert_eq!((replies.len(), &reply["success"]), (1, &false.into()), "{replies:?}");
    reply["ret_msg"].as_str().unwrap().to_owned()
}

#[test]
fn the_first_subscriber_gets_what_was_recorded_in_its_place() {
    let items = capture();
    let mut bybit = served(&items);
    assert_eq!(open(&mut bybit, 10, LINEAR), [""; 0]);
    let request = r#"{"req_id":"x","op":"subscribe","args":["orderbook.50.BTCUSDT","publicTrade.BTCUSDT","tickers.BTCUSDT"]}"#;
    let granted = r#"{"success":true,"ret_msg":"","conn_id":"0000000a","req_id":"x","op":"subscribe"}"#;
    assert_eq!(ask(&mut bybit, 10, request), [granted]);
    let sent = texts(&play(&mut bybit, &items, &Moment::as_recorded()), 10);
    let recorded: Vec<_> = [1, 2, 3, 4, 5, 7].map(|n: usize| items[n].text.clone()).to_vec();
    assert_eq!(sent, recorded, "what belonged to the recorder's connection stays away");
}

#[test]
fn a_late_subscriber_gets_the_book_and_the_ticker_as_played() {
    let items = capture();
    let mut bybit = served(&items);
    play(&mut bybit, &items, &Moment::as_recorded());
    open(&mut bybit, 1, LINEAR);
    let topics = ["orderbook.50.BTCUSDT", "tickers.BTCUSDT", "publicTrade.BTCUSDT", "orderbook.1.BTCUSDT"];
    let late = ask(&mut bybit, 1, &subscribe(&topics));
    let expected = [
        book(50, "snapshot", 11, r#"["98","7.0"]"#, r#"["101","1.0"]"#),
        ticker("snapshot", r#""lastPrice":"101.0","volume24h":"5","bid1Price":"98""#),
        items[6].text.clone(),
    ];
    assert_eq!(late[..3], expected);
    assert_eq!(
        late[3..],
        [r#"{"success":true,"ret_msg":"","conn_id":"00000001","req_id":"","op":"subscribe"}"#]
    );
    bybit.rewind();
    open(&mut bybit, 2, LINEAR);
    assert_eq!(ask(&mut bybit, 2, &subscribe(&topics)).len(), 1, "in the next turn the snapshots come again");
}

#[test]
fn spot_words_its_replies_in_its_own_way() {
    let items = capture();
    let mut bybit = served(&items);
    play(&mut bybit, &items, &Moment::as_recorded());
    open(&mut bybit, 1, SPOT);
    let late = ask(&mut bybit, 1, &subscribe(&["orderbook.1.BTCUSDT"]));
    let granted = r#"{"success":true,"ret_msg":"subscribe","conn_id":"00000001","op":"subscribe"}"#;
    assert_eq!(late, [granted, items[6].text.as_str()]);
    let pong = |id| format!(r#"{{"success":true,"ret_msg":"pong","conn_id":"0000000{id}","op":"ping"}}"#);
    assert_eq!(ask(&mut bybit, 1, r#"{"op":"ping"}"#), [pong(1)]);
    assert_eq!(
        ask(&mut bybit, 1, r#"{"op":"ping","req_id":"7"}"#),
        [pong(1).replace(r#","op""#, r#","req_id":"7","op""#)]
    );
    open(&mut bybit, 2, LINEAR);
    assert_eq!(ask(&mut bybit, 2, r#"{"op":"ping"}"#), [pong(2).replace(r#","op""#, r#","req_id":"","op""#)]);
}

#[test]
fn one_bad_topic_has_the_whole_request_refused() {
    let mut bybit = served(&capture());
    open(&mut bybit, 1, LINEAR);
    open(&mut bybit, 2, SPOT);
    let mixed = subscribe(&["publicTrade.BTCUSDT", "publicTrade.NOPE"]);
    assert_eq!(refusal(&ask(&mut bybit, 1, &mixed)), "error:handler not found,topic:publicTrade.NOPE");
    assert_eq!(refusal(&ask(&mut bybit, 2, &mixed)), "Invalid symbol :[publicTrade.NOPE]");
    assert!(!bybit.has_subscribers());
    for topic in ["orderbook.30.BTCUSDT", "kline.1.BTCUSDT", "orderbook.50.btcusdt", "hello"] {
        let refused = refusal(&ask(&mut bybit, 1, &subscribe(&[topic])));
        assert_eq!(refused, format!("error:handler not found,topic:{topic}"));
    }
    ask(&mut bybit, 1, &subscribe(&["publicTrade.BTCUSDT"]));
    let again = refusal(&ask(&mut bybit, 1, &subscribe(&["tickers.BTCUSDT", "publicTrade.BTCUSDT"])));
    assert_eq!(again, "error:already subscribed,topic:publicTrade.BTCUSDT");
    assert_eq!(ask(&mut bybit, 1, &subscribe(&["orderbook.200.BTCUSDT"])).len(), 1, "granted, and silent");
    for (request, message) in [
        ("{", "Failed to decode incoming data"),
        (r#"{"op":"nope"}"#, "error:invalid op"),
        (r#"{"op":"subscribe"}"#, "error:request args are not right"),
        (r#"{"op":"subscribe","args":[7]}"#, "error:request args are not right"),
    ] {
        assert_eq!(refusal(&ask(&mut bybit, 1, request)), message, "{request}");
    }
    let error = bybit.opened(3, &Target::parse("/v5/private"), 0, &mut Outbox::default()).unwrap_err();
    assert_eq!(error.status, 404);
}

#[test]
fn a_connection_takes_no_more_than_the_venue_allows() {
    let names: Vec<_> = (0..1_000).map(|n| format!("publicTrade.S{n:06}USDT")).collect();
    let trade_of =
        |topic: &String| item(&format!(r#"{{"topic":"{topic}","type":"snapshot","ts":1,"data":[]}}"#));
    let items: Vec<_> = names.iter().map(trade_of).collect();
    let mut bybit = served(&items);
    (1..=2).for_each(|conn| _ = open(&mut bybit, conn, LINEAR));
    open(&mut bybit, 3, SPOT);
    let topics = |range: std::ops::Range<usize>| {
        subscribe(&names[range].iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(refusal(&ask(&mut bybit, 1, &topics(0..1_000))), "args length >21000");
    assert_eq!(ask(&mut bybit, 2, &topics(0..900)).len(), 1);
    assert_eq!(refusal(&ask(&mut bybit, 2, &topics(900..1_000))), "args length >21000");
    assert_eq!(refusal(&ask(&mut bybit, 3, &topics(0..11))), "args size >10");
    assert!(ask(&mut bybit, 3, &topics(0..10))[0].contains("true"));
    let lenient = Limits { lenient: true, ..Limits::default() };
    let mut bybit = testing::served(Bybit::new(&lenient), &items);
    open(&mut bybit, 1, SPOT);
    assert!(ask(&mut bybit, 1, &topics(0..1_000))[0].contains("true"));
}

#[test]
fn a_connection_over_which_nothing_goes_is_cut() {
    const SECOND: u64 = 1_000_000_000;
    let items = capture();
    let mut bybit = served(&items);
    (1..=3).for_each(|conn| _ = open(&mut bybit, conn, SPOT));
    ask(&mut bybit, 2, &subscribe(&["publicTrade.BTCUSDT"]));
    let mut out = Outbox::default();
    bybit.message(3, r#"{"op":"ping"}"#, 500 * SECOND, &mut out);
    play(&mut bybit, &items, &Moment::as_recorded());
    bybit.tick(599 * SECOND, false, &mut out);
    assert_eq!(closed(&out), []);
    bybit.tick(600 * SECOND, false, &mut out);
    assert_eq!(closed(&out), [(1, 1000)], "one was served, one has pinged");
    bybit.closed(1);
    bybit.tick(601 * SECOND, false, &mut out);
    assert_eq!(closed(&out).len(), 1);
}

#[test]
fn nothing_follows_an_unsubscribe() {
    let items = capture();
    let mut bybit = served(&items);
    open(&mut bybit, 1, SPOT);
    ask(&mut bybit, 1, &subscribe(&["publicTrade.BTCUSDT"]));
    let ended = ask(&mut bybit, 1, &subscribe(&["publicTrade.BTCUSDT"]).replace("subscribe", "unsubscribe"));
    let reply: Value = serde_json::from_str(&ended[0]).unwrap();
    assert_eq!((&reply["success"], &reply["op"]), (&true.into(), &"unsubscribe".into()));
    assert!(!bybit.has_subscribers());
    assert_eq!(texts(&play(&mut bybit, &items, &Moment::as_recorded()), 1), [""; 0]);
}

#[test]
fn a_second_turn_and_a_stamp_change_times_and_trade_ids_alone() {
    let items = capture();
    let mut bybit = served(&items);
    open(&mut bybit, 1, LINEAR);
    ask(&mut bybit, 1, &subscribe(&["publicTrade.BTCUSDT", "orderbook.50.BTCUSDT"]));
    let moment = Moment { turn: 1, shift_ns: 2_000_000_000, stamp: None, heard: true };
    let sent = texts(&play(&mut bybit, &items, &moment), 1);
    let later = |text: &str| text.replace("168794096746", "168794096946");
    assert_eq!(sent[0], later(&items[1].text));
    assert_eq!(sent[2], later(&items[4].text), "a UUID is no number that could go on");
    assert_eq!(sent[3], later(&trade("2290000000068683543")));
    let moment = Moment { stamp: Some(1_800_000_000_123_456_789), ..Moment::as_recorded() };
    let sent = texts(&play(&mut bybit, &items, &moment), 1);
    let stamped = |text: &str| {
        ["1687940967464", "1687940967465", "1687940967466"]
            .iter()
            .fold(text.to_owned(), |text, time| text.replace(time, "1800000000123"))
    };
    assert_eq!(sent, [1, 3, 4, 7].map(|n: usize| stamped(&items[n].text)));
}

#[test]
fn a_book_that_cannot_be_read_is_not_told_to_late_subscribers() {
    let mut items = capture();
    items.push(item(&book(50, "delta", 12, r#"["x","1"]"#, "")));
    let mut bybit = served(&items);
    play(&mut bybit, &items, &Moment::as_recorded());
    open(&mut bybit, 1, LINEAR);
    assert_eq!(ask(&mut bybit, 1, &subscribe(&["orderbook.50.BTCUSDT"])).len(), 1);
    let whole = item(&book(50, "snapshot", 13, r#"["97","1"]"#, ""));
    play(&mut bybit, std::slice::from_ref(&whole), &Moment::as_recorded());
    open(&mut bybit, 2, LINEAR);
    assert_eq!(ask(&mut bybit, 2, &subscribe(&["orderbook.50.BTCUSDT"]))[0], whole.text);
}

#[test]
fn a_frame_cut_in_half_reaches_whoever_listens_as_it_is() {
    let mut items = capture();
    items.push(item(&trade("5")[..50]));
    let mut bybit = served(&items);
    open(&mut bybit, 1, LINEAR);
    ask(&mut bybit, 1, &subscribe(&["tickers.BTCUSDT"]));
    let sent = texts(&play(&mut bybit, &items[8..], &Moment::as_recorded()), 1);
    assert_eq!(sent, [&trade("5")[..50]]);
}
