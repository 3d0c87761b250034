use super::*;
use crate::stand_in::Out;
use serde_json::Value;

const SNAPSHOT: &str = r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["2.00","1.0"],["3.00","5"]],"bids":[["1.00","4.50"]]}"#;
const UPDATE: &str = r#"{"type":"l2update","product_id":"BTC-USD","changes":[["sell","2.00","0.00000000"],["buy","1.50","7.10"]],"time":"2026-07-07T22:58:17.050195Z"}"#;

fn matched(name: &str, id: u64) -> String {
    format!(
        r#"{{"type":"{name}","trade_id":{id},"side":"sell","size":"0.2","price":"1.50","product_id":"BTC-USD","sequence":{},"time":"2026-07-07T22:58:17.050195Z"}}"#,
        id * 10
    )
}

fn capture() -> Vec<Item> {
    let frames = [
        r#"{"type":"subscriptions","channels":[]}"#.to_owned(),
        SNAPSHOT.to_owned(),
        matched("last_match", 99),
        UPDATE.to_owned(),
        matched("match", 100),
        matched("match", 101),
    ];
    frames.iter().map(|frame| item(frame)).collect()
}

fn item(frame: &str) -> Item {
    let mut item = Item::default();
    item.set_text(1, Kind::Frame, frame);
    item
}

fn served(items: &[Item]) -> Coinbase {
    let mut coinbase = Coinbase::new(Duration::from_secs(5));
    items.iter().for_each(|item| coinbase.survey(item));
    coinbase.surveyed();
    coinbase
}

fn ask(coinbase: &mut Coinbase, conn: ConnId, text: &str) -> Vec<String> {
    let mut out = Outbox::default();
    if coinbase.opened(conn, &Target::parse("/"), 0, &mut out).is_ok() {
        coinbase.message(conn, text, 0, &mut out);
    }
    texts(&out, conn)
}

fn subscribe(channels: &str) -> String {
    format!(r#"{{"type":"subscribe","product_ids":["BTC-USD"],"channels":[{channels}]}}"#)
}

fn play(coinbase: &mut Coinbase, items: &[Item], moment: &Moment) -> Outbox {
    let mut out = Outbox::default();
    items.iter().for_each(|item| coinbase.play(item, moment, &mut out));
    out
}

fn texts(out: &Outbox, conn: ConnId) -> Vec<String> {
    let of_conn = out.0.iter().filter(|(to, _)| *to == conn);
    of_conn
        .filter_map(|(_, out)| if let Out::Text(text) = out { Some(text.to_string()) } else { None })
        .collect()
}

#[test]
fn the_first_subscriber_gets_what_was_recorded_in_its_place() {
    let items = capture();
    let mut coinbase = served(&items);
    let replies = ask(&mut coinbase, 1, &subscribe(r#""level2_batch",{"name":"matches"}"#));
    let channel = |name| format!(r#"{{"name":"{name}","product_ids":["BTC-USD"],"account_ids":null}}"#);
    let expected = format!(
        r#"{{"type":"subscriptions","channels":[{},{}]}}"#,
        channel("level2_batch"),
        channel("matches")
    );
    assert_eq!(replies, [expected]);
    let out = play(&mut coinbase, &items, &Moment::as_recorded());
    let recorded: Vec<_> = items[1..].iter().map(|item| item.text.clone()).collect();
    assert_eq!(texts(&out, 1), recorded);
}

#[test]
fn a_late_subscriber_gets_the_book_as_played() {
    let items = capture();
    let mut coinbase = served(&items);
    play(&mut coinbase, &items, &Moment::as_recorded());
    let replies = ask(&mut coinbase, 2, &subscribe(r#""level2","matches","heartbeat""#));
    let snapshot = r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["3.00","5"]],"bids":[["1.50","7.10"],["1.00","4.50"]],"time":"2026-07-07T22:58:17.050195Z"}"#;
    assert_eq!(replies[1..], [snapshot.to_owned(), matched("last_match", 101)]);
    // The variants of level2 are one recorded stream: it does not come twice.
    assert_eq!(ask(&mut coinbase, 2, &subscribe(r#""level2_50""#)).len(), 1);
    let out = play(&mut coinbase, &items[3..4], &Moment::as_recorded());
    assert_eq!(texts(&out, 2), [UPDATE]);
}

#[test]
fn bad_requests_are_refused_whole() {
    let mut coinbase = served(&capture());
    let cases = [
        ("{", "Malformed JSON", "EOF"),
        ("{}", "Malformed JSON", "expected an object with a type"),
        (r#"{"type":"dance"}"#, "Unknown message type", "dance is not a valid type"),
        (r#"{"type":"subscribe","channels":[]}"#, "Failed to subscribe", "no channels given"),
        (r#"{"type":"subscribe","channels":["matches"]}"#, "Failed to subscribe", "no products given"),
        (
            r#"{"type":"subscribe","product_ids":["X-Y"],"channels":["matches"]}"#,
            "Failed to subscribe",
            "X-Y is not a valid product",
        ),
        (
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["gossip"]}"#,
            "Failed to subscribe",
            "gossip is not a valid channel",
        ),
        (
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["user"]}"#,
            "Failed to subscribe",
            "user requires authentication",
        ),
        (
            r#"{"type":"subscribe","product_ids":"BTC-USD","channels":["matches"]}"#,
            "Failed to subscribe",
            "product_ids must be a list",
        ),
    ];
    for (request, message, reason) in cases {
        let replies = ask(&mut coinbase, 1, request);
        let reply: Value = serde_json::from_str(&replies[0]).unwrap();
        assert_eq!((&reply["type"], &reply["message"]), (&"error".into(), &message.into()), "{request}");
        assert!(reply["reason"].as_str().unwrap().contains(reason), "{reply}");
    }
    assert!(!coinbase.has_subscribers());
}

#[test]
fn unsubscribing_ends_a_product_or_a_whole_channel() {
    let items = capture();
    let mut coinbase = served(&items);
    ask(&mut coinbase, 1, &subscribe(r#""level2","matches""#));
    let reply = ask(&mut coinbase, 1, r#"{"type":"unsubscribe","channels":["level2"]}"#);
    assert_eq!(
        reply,
        [
            r#"{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"],"account_ids":null}]}"#
        ]
    );
    let out = play(&mut coinbase, &items, &Moment::as_recorded());
    assert_eq!(texts(&out, 1).len(), 3, "one last_match and two matches");
    let reply =
        ask(&mut coinbase, 1, r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channels":["matches"]}"#);
    assert_eq!(reply, [r#"{"type":"subscriptions","channels":[]}"#]);
    assert!(!coinbase.has_subscribers());
}

#[test]
fn who_does_not_subscribe_in_time_is_closed() {
    let mut coinbase = served(&capture());
    coinbase.opened(1, &Target::parse("/"), 0, &mut Outbox::default()).unwrap();
    ask(&mut coinbase, 2, &subscribe(r#""matches""#));
    let mut out = Outbox::default();
    coinbase.tick(4_999_999_999, false, &mut out);
    assert_eq!(out.0, []);
    coinbase.tick(5_000_000_000, false, &mut out);
    assert_eq!(out.0, [(1, Out::Close { code: 1008, reason: "no subscription in time" })]);
    assert_eq!(coinbase.opened(3, &Target::parse("/x"), 0, &mut out).unwrap_err().status, 404);
}

#[test]
fn heartbeats_are_made_where_none_are_recorded_or_left() {
    let mut items = capture();
    let mut coinbase = served(&items);
    ask(&mut coinbase, 1, &subscribe(r#""heartbeat""#));
    let beat = |coinbase: &mut Coinbase, now, ended| {
        let mut out = Outbox::default();
        coinbase.tick(now, ended, &mut out);
        texts(&out, 1)
    };
    assert!(beat(&mut coinbase, SECOND_NS, false).is_empty(), "no trade is known");
    play(&mut coinbase, &items, &Moment::as_recorded());
    let made = r#"{"type":"heartbeat","last_trade_id":101,"product_id":"BTC-USD","sequence":1010,"time":"1970-01-01T00:00:02.000000Z"}"#;
    assert_eq!(beat(&mut coinbase, 2 * SECOND_NS, false), [made]);
    assert!(beat(&mut coinbase, 2 * SECOND_NS + 1, false).is_empty(), "one a second");

    items.push(item(r#"{"type":"heartbeat","last_trade_id":101,"product_id":"BTC-USD","sequence":1010,"time":"2026-07-07T22:58:18.000000Z"}"#));
    let mut coinbase = served(&items);
    ask(&mut coinbase, 1, &subscribe(r#""heartbeat""#));
    assert_eq!(texts(&play(&mut coinbase, &items, &Moment::as_recorded()), 1), [items[6].text.clone()]);
    assert!(beat(&mut coinbase, 2 * SECOND_NS, false).is_empty(), "the recorded ones are played");
    assert_eq!(beat(&mut coinbase, 4 * SECOND_NS, true).len(), 1);
}

#[test]
fn a_second_turn_goes_on_with_trade_ids() {
    let items = capture();
    let mut coinbase = served(&items);
    ask(&mut coinbase, 1, &subscribe(r#""level2","matches""#));
    play(&mut coinbase, &items, &Moment::as_recorded());
    coinbase.rewind();
    let moment = Moment { turn: 1, shift_ns: SECOND_NS, stamp: None, heard: true };
    let sent = texts(&play(&mut coinbase, &items, &moment), 1);
    assert_eq!((sent.len(), sent[0].as_str()), (4, SNAPSHOT));
    assert!(sent[2].contains(r#""trade_id":102,"#) && sent[2].contains("22:58:18.050195Z"), "{}", sent[2]);
    assert!(sent[3].contains(r#""trade_id":103,"#), "{}", sent[3]);
}

#[test]
fn restamping_changes_the_time_alone() {
    let items = capture();
    let mut coinbase = served(&items);
    ask(&mut coinbase, 1, &subscribe(r#""matches""#));
    let moment = Moment { stamp: Some(1_800_000_000_123_456_789), ..Moment::as_recorded() };
    let sent = texts(&play(&mut coinbase, &items, &moment), 1);
    let stamped = matched("match", 100).replace("2026-07-07T22:58:17.050195Z", "2027-01-15T08:00:00.123456Z");
    assert_eq!(sent[..2], [matched("last_match", 99), stamped]);
}

#[test]
fn rest_tells_of_products_and_their_currencies() {
    let mut coinbase = served(&capture());
    let mut get = |path: &str| {
        let reply = coinbase.http(&Target::parse(path), 1_795_292_100_000_000_000);
        (reply.status, serde_json::from_str::<Value>(&reply.body).unwrap())
    };
    let (status, products) = get("/products");
    assert_eq!((status, &products[0]["id"]), (200, &"BTC-USD".into()));
    // The prices have 1.50, the sizes 4.50.
    let steps = (&products[0]["quote_increment"], &products[0]["base_increment"]);
    assert_eq!(steps, (&"0.1".into(), &"0.1".into()));
    assert_eq!(get("/products/BTC-USD"), (200, products[0].clone()));
    assert_eq!(get("/products/NO-PE").0, 404);
    let currencies = get("/currencies").1;
    assert_eq!((&currencies[0]["id"], &currencies[1]["id"]), (&"BTC".into(), &"USD".into()));
    assert_eq!(get("/time").1["epoch"], 1_795_292_100);
}
