use super::*;
use crate::venue::testing::{self, ask, frame as item, play, texts};
use serde_json::{Value, json};

/// A book frame with its true checksum, as the venue would send it.
fn book(kind: &str, bids: &str, asks: &str, checksum: u32) -> String {
    format!(
        r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":{bids},"asks":{asks},"checksum":{checksum},"timestamp":"2026-08-01T02:54:52.603667Z"}}]}}"#
    )
}

fn crc(digits: &str) -> u32 {
    let mut book = crate::book::Book::default();
    // Two levels, `price:size` of the ask and the bid.
    let parts: Vec<_> = digits.split(' ').collect();
    for (side, level) in [(schemas::model::Side::Sell, parts[0]), (schemas::model::Side::Buy, parts[1])] {
        for level in level.split(',') {
            let (price, size) = level.split_once(':').unwrap();
            book.set_all(side, &format!("[[\"{price}\",\"{size}\"]]")).unwrap();
        }
    }
    book.checksum()
}

fn trade(id: u64) -> String {
    format!(
        r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"buy","price":63000.0,"qty":0.50000000,"ord_type":"limit","trade_id":{id},"timestamp":"2026-08-01T02:54:52.603667Z"}}]}}"#
    )
}

fn capture() -> Vec<Item> {
    let frames = [
        r#"{"channel":"status","type":"update","data":[{"connection_id":15113583034416118705}]}"#.to_owned(),
        r#"{"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},"success":true}"#.to_owned(),
        r#"{"channel":"heartbeat"}"#.to_owned(),
        book(
            "snapshot",
            r#"[{"price":63000.0,"qty":1.50000000}]"#,
            r#"[{"price":63001.60,"qty":2.0}]"#,
            crc("63001.60:2.0 63000.0:1.50000000"),
        ),
        book(
            "update",
            r#"[{"price":63000.0,"qty":0.25000000}]"#,
            r#"[{"price":63001.60,"qty":0.0},{"price":63002.0,"qty":1.0}]"#,
            crc("63002.0:1.0 63000.0:0.25000000"),
        ),
        trade(7),
        trade(8),
    ];
    frames.iter().map(|frame| item(frame)).collect()
}

fn served(items: &[Item]) -> Kraken {
    testing::served(Kraken::default(), items)
}

fn subscribe(params: &str) -> String {
    format!(r#"{{"method":"subscribe","params":{{"symbol":["BTC/USD"],{params}}},"req_id":42}}"#)
}

#[test]
fn a_connection_is_greeted_and_its_pings_are_answered() {
    let mut kraken = served(&capture());
    let mut out = Outbox::default();
    kraken.opened(5, &Target::parse("/v2"), 0, &mut out).unwrap();
    let status: Value = serde_json::from_str(&texts(&out, 5)[0]).unwrap();
    assert_eq!((&status["channel"], &status["data"][0]["system"]), (&json!("status"), &json!("online")));
    let pong = r#"{"method":"pong","req_id":101,"time_in":"1970-01-01T00:00:00.000000Z","time_out":"1970-01-01T00:00:00.000000Z"}"#;
    assert_eq!(ask(&mut kraken, 5, r#"{"method":"ping","req_id":101}"#), [pong]);
    assert_eq!(kraken.opened(6, &Target::parse("/v1"), 0, &mut out).unwrap_err().status, 404);
}

#[test]
fn the_first_subscriber_gets_what_was_recorded_in_its_place() {
    let items = capture();
    let mut kraken = served(&items);
    let replies = ask(&mut kraken, 1, &subscribe(r#""channel":"book""#));
    let reply: Value = serde_json::from_str(&replies[0]).unwrap();
    let result = json!({"channel": "book", "depth": 10, "snapshot": true, "symbol": "BTC/USD"});
    assert_eq!((&reply["result"], &reply["success"], &reply["req_id"]), (&result, &json!(true), &json!(42)));
    ask(&mut kraken, 1, &subscribe(r#""channel":"trade""#));
    let sent = texts(&play(&mut kraken, &items, &Moment::as_recorded()), 1);
    let recorded: Vec<_> = items[3..].iter().map(|item| item.text.clone()).collect();
    assert_eq!(sent, recorded);
}

#[test]
fn a_late_subscriber_gets_the_book_as_played_with_its_checksum() {
    let items = capture();
    let mut kraken = served(&items);
    play(&mut kraken, &items, &Moment::as_recorded());
    let late = ask(&mut kraken, 2, &subscribe(r#""channel":"book","depth":10"#));
    let snapshot = book(
        "snapshot",
        r#"[{"price":63000.0,"qty":0.25000000}]"#,
        r#"[{"price":63002.0,"qty":1.0}]"#,
        crc("63002.0:1.0 63000.0:0.25000000"),
    );
    assert_eq!(late[1..], [snapshot]);
    let trades = ask(&mut kraken, 2, &subscribe(r#""channel":"trade","snapshot":true"#));
    let both: Value = serde_json::from_str(&trades[1]).unwrap();
    assert_eq!((&both["type"], &both["data"][1]["trade_id"]), (&json!("snapshot"), &json!(8)));
    // Who wants no snapshot gets none.
    assert_eq!(ask(&mut kraken, 3, &subscribe(r#""channel":"book","snapshot":false"#)).len(), 1);
    assert_eq!(texts(&play(&mut kraken, &items[3..4], &Moment::as_recorded()), 3), [] as [String; 0]);
}

#[test]
fn each_symbol_of_a_request_is_answered_by_itself() {
    let mut kraken = served(&capture());
    let request = r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","NO/SUCH"]}}"#;
    let replies = ask(&mut kraken, 1, request);
    assert!(replies[0].contains(r#""success":true"#));
    let refused: Value = serde_json::from_str(&replies[1]).unwrap();
    assert_eq!(
        (&refused["error"], &refused["success"]),
        (&json!("Currency pair not supported NO/SUCH"), &json!(false))
    );
    assert!(ask(&mut kraken, 1, request)[0].contains(r#""error":"Already subscribed""#));
}

#[test]
fn bad_requests_are_refused() {
    let mut kraken = served(&capture());
    let cases = [
        ("{".to_owned(), "Malformed request: "),
        ("{}".to_owned(), "Malformed request: method missing"),
        (r#"{"method":"dance"}"#.to_owned(), "Method not supported dance"),
        (r#"{"method":"ping","req_id":"x"}"#.to_owned(), "Malformed request: req_id must be an integer"),
        (r#"{"method":"subscribe"}"#.to_owned(), "Malformed request: channel missing"),
        (
            r#"{"method":"subscribe","params":{"channel":"book"}}"#.to_owned(),
            "Malformed request: symbol must be",
        ),
        (subscribe(r#""channel":"gossip""#), "Channel not supported gossip"),
        (subscribe(r#""channel":"book","depth":11"#), "Subscription depth not supported"),
        (subscribe(r#""channel":"book","depth":1000"#), "Subscription depth not supported"),
        (subscribe(r#""channel":"book","snapshot":1"#), "Malformed request: snapshot must be"),
        (
            r#"{"method":"unsubscribe","params":{"channel":"trade","symbol":["BTC/USD"]}}"#.to_owned(),
            "Subscription Not Found",
        ),
    ];
    for (request, error) in cases {
        let reply: Value = serde_json::from_str(&ask(&mut kraken, 1, &request)[0]).unwrap();
        assert_eq!(reply["success"], false, "{request}");
        assert!(reply["error"].as_str().unwrap().starts_with(error), "{request}: {reply}");
    }
    assert!(!kraken.has_subscribers());
}

#[test]
fn after_an_unsubscribe_a_new_subscription_gets_a_new_snapshot() {
    let items = capture();
    let mut kraken = served(&items);
    ask(&mut kraken, 1, &subscribe(r#""channel":"book""#));
    play(&mut kraken, &items, &Moment::as_recorded());
    let request = r#"{"method":"unsubscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10}}"#;
    let reply: Value = serde_json::from_str(&ask(&mut kraken, 1, request)[0]).unwrap();
    assert_eq!(reply["result"], json!({"channel": "book", "depth": 10, "symbol": "BTC/USD"}));
    assert!(play(&mut kraken, &items, &Moment::as_recorded()).0.is_empty());
    assert_eq!(ask(&mut kraken, 1, &subscribe(r#""channel":"book""#)).len(), 2);
}

#[test]
fn a_book_that_fails_its_checksum_is_shown_to_nobody() {
    let mut items = capture();
    items.push(item(&book("update", "[]", "[]", 1)));
    let mut kraken = served(&items);
    play(&mut kraken, &items, &Moment::as_recorded());
    assert_eq!(ask(&mut kraken, 1, &subscribe(r#""channel":"book""#)).len(), 1);
}

#[test]
fn subscribers_get_a_heartbeat_each_second() {
    let mut kraken = served(&capture());
    ask(&mut kraken, 1, &subscribe(r#""channel":"trade""#));
    let mut out = Outbox::default();
    for now in [1, 2, SECOND_NS, SECOND_NS + 1] {
        kraken.tick(now, true, &mut out);
    }
    assert_eq!(texts(&out, 1), [HEARTBEAT, HEARTBEAT]);
}

#[test]
fn a_second_turn_and_a_stamp_change_times_and_trade_ids_alone() {
    let items = capture();
    let mut kraken = served(&items);
    ask(&mut kraken, 1, &subscribe(r#""channel":"trade""#));
    let moment = Moment { turn: 1, shift_ns: SECOND_NS, stamp: None, heard: true };
    let sent = texts(&play(&mut kraken, &items, &moment), 1);
    assert_eq!(sent[0], trade(9).replace("02:54:52", "02:54:53"));
    let moment = Moment { stamp: Some(1_800_000_000_123_456_789), ..Moment::as_recorded() };
    let sent = texts(&play(&mut kraken, &items, &moment), 1);
    assert_eq!(sent[0], trade(7).replace("2026-08-01T02:54:52.603667Z", "2027-01-15T08:00:00.123456Z"));
}

#[test]
fn rest_tells_of_pairs_by_the_names_that_they_are_asked_by() {
    let mut kraken = served(&capture());
    let mut get = |path: &str| {
        let reply = kraken.http(&Target::parse(path), 1_795_292_100_000_000_000);
        (reply.status, serde_json::from_str::<Value>(&reply.body).unwrap())
    };
    let (_, pairs) = get("/0/public/AssetPairs");
    let pair = &pairs["result"]["XXBTZUSD"];
    assert_eq!((&pair["altname"], &pair["wsname"]), (&json!("XBTUSD"), &json!("XBT/USD")));
    // As many digits as the books have, their zeros too: clients make checksums with them.
    assert_eq!((&pair["pair_decimals"], &pair["lot_decimals"]), (&json!(2), &json!(8)));
    assert_eq!((&pair["base"], &pair["quote"]), (&json!("XXBT"), &json!("ZUSD")));
    for (asked, key) in [("BTC/USD", "BTC/USD"), ("XBTUSD", "XXBTZUSD"), ("XBT/USD", "XXBTZUSD")] {
        let (_, found) = get(&format!("/0/public/AssetPairs?pair={asked}"));
        assert_eq!(&found["result"][key], pair, "{asked}");
    }
    let unknown = json!({"error": ["EQuery:Unknown asset pair"]});
    assert_eq!(get("/0/public/AssetPairs?pair=BTC/USD,NO/PE"), (200, unknown));
    assert_eq!(get("/0/public/Assets").1["result"]["XXBT"]["altname"], "XBT");
    assert_eq!(get("/0/public/Time").1["result"]["unixtime"], 1_795_292_100);
    assert_eq!(get("/0/public/SystemStatus").1["result"]["status"], "online");
    assert_eq!(get("/0/public/Nothing"), (404, json!({"error": ["EGeneral:Unknown method"]})));
}
