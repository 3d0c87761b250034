use super::*;
use crate::venue::testing::{self, ask, closed, frame as item, open, play, texts};
use serde_json::Value;

fn book(channel: &str, action: &str, bids: &str, asks: &str, numbers: &str) -> String {
    format!(
        r#"{{"arg":{{"channel":"{channel}","instId":"BTC-USDT"}},"action":"{action}","data":[{{"asks":{asks},"bids":{bids},"ts":"1597026383085",{numbers}}}]}}"#
    )
}

fn trade(id: u64) -> String {
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"BTC-USDT"}},"data":[{{"instId":"BTC-USDT","tradeId":"{id}","px":"8476.90","sz":"1","side":"buy","ts":"1597026383085","count":"2"}}]}}"#
    )
}

fn capture() -> Vec<Item> {
    [
        r#"{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a"}"#.to_owned(),
        book(
            "books",
            "snapshot",
            r#"[["8476.90","2.50","0","3"]]"#,
            r#"[["8477","1","0","1"]]"#,
            r#""checksum":0,"seqId":10,"prevSeqId":-1"#,
        ),
        book(
            "books",
            "update",
            r#"[["8476.90","0","0","0"],["8476","7.0","0","12"]]"#,
            "[]",
            r#""checksum":0,"seqId":15,"prevSeqId":10"#,
        ),
        "pong".to_owned(),
        trade(8),
        trade(10),
    ]
    .iter()
    .map(|frame| item(frame))
    .collect()
}

fn served(items: &[Item]) -> Okx {
    testing::served(Okx::new(&Limits::default()), items)
}

fn subscribe(channel: &str, instrument: &str) -> String {
    format!(r#"{{"op":"subscribe","args":[{{"channel":"{channel}","instId":"{instrument}"}}]}}"#)
}

#[test]
fn a_recorded_notice_is_given_to_all_and_ends_who_was_there() {
    let notice = r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed.","connId":"a4d3ae55"}"#;
    let items = [capture(), vec![item(notice)]].concat();
    let limits = Limits { idle_within: Some(Duration::MAX), ..Limits::default() };
    let mut okx = testing::served(Okx::new(&limits), &items);
    open(&mut okx, 10, "/ws/v5/public");
    let told = play(&mut okx, &items, &Moment::as_recorded());
    let said = r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"0000000a"}"#;
    assert_eq!(texts(&told, 10), [said]);
    open(&mut okx, 11, "/ws/v5/public");
    let mut ended = |now| {
        let mut out = Outbox::default();
        okx.tick(now, false, &mut out);
        closed(&out)
    };
    assert_eq!([ended(5), ended(4 + NOTICE_NS)], [[], []]);
    assert_eq!([ended(5 + NOTICE_NS), ended(6 + NOTICE_NS)], [vec![(10, 1001)], vec![]]);
}

#[test]
fn the_first_subscriber_gets_what_was_recorded_in_its_place() {
    let items = capture();
    let mut okx = served(&items);
    assert_eq!(open(&mut okx, 10, "/ws/v5/public"), [""; 0]);
    let request = r#"{"id":"x1","op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"},{"channel":"trades","instId":"BTC-USDT"}]}"#;
    let granted = |channel| {
        format!(
            r#"{{"event":"subscribe","arg":{{"channel":"{channel}","instId":"BTC-USDT"}},"connId":"0000000a","id":"x1"}}"#
        )
    };
    assert_eq!(ask(&mut okx, 10, request), [granted("books"), granted("trades")]);
    let sent = texts(&play(&mut okx, &items, &Moment::as_recorded()), 10);
    let recorded: Vec<_> = [1, 2, 4, 5].map(|n: usize| items[n].text.clone()).to_vec();
    assert_eq!(sent, recorded, "what belonged to the recorder's connection stays away");
}

#[test]
fn a_late_subscriber_gets_the_book_as_played_and_the_last_trade() {
    let items = capture();
    let mut okx = served(&items);
    play(&mut okx, &items, &Moment::as_recorded());
    open(&mut okx, 2, "/ws/v5/public");
    let late = ask(&mut okx, 2, &subscribe("books", "BTC-USDT"));
    let snapshot = book(
        "books",
        "snapshot",
        r#"[["8476","7.0","0","12"]]"#,
        r#"[["8477","1","0","1"]]"#,
        r#""checksum":0,"seqId":15,"prevSeqId":-1"#,
    );
    assert_eq!(late[1..], [snapshot]);
    assert_eq!(ask(&mut okx, 2, &subscribe("trades", "BTC-USDT"))[1..], [trade(10)]);
}

#[test]
fn books_of_a_login_are_books_for_everybody_and_keep_their_checksums() {
    let numbers = |bids: &str| format!(r#""checksum":{}"#, crc32(bids));
    let items = [
        item(&book("books-l2-tbt", "snapshot", r#"[["5.0","2","0","1"]]"#, "[]", &numbers("5.0:2"))),
        item(&book("books-l2-tbt", "update", r#"[["4","1.50","0","1"]]"#, "[]", &numbers("5.0:2:4:1.50"))),
    ];
    let mut okx = served(&items);
    open(&mut okx, 1, "/ws/v5/public");
    open(&mut okx, 2, "/ws/v5/public/");
    ask(&mut okx, 1, &subscribe("books", "BTC-USDT"));
    ask(&mut okx, 2, &subscribe("books-l2-tbt", "BTC-USDT"));
    let out = play(&mut okx, &items, &Moment::as_recorded());
    assert_eq!(texts(&out, 1)[1], items[1].text.replace("books-l2-tbt", "books"));
    assert_eq!(texts(&out, 2)[1], items[1].text);
    open(&mut okx, 3, "/ws/v5/public");
    let late = &ask(&mut okx, 3, &subscribe("books", "BTC-USDT"))[1];
    let bids = r#"[["5.0","2","0","1"],["4","1.50","0","1"]]"#;
    assert_eq!(*late, book("books", "snapshot", bids, "[]", &numbers("5.0:2:4:1.50")));
    play(
        &mut okx,
        &[item(&book("books-l2-tbt", "update", "[]", "[]", r#""checksum":1"#))],
        &Moment::as_recorded(),
    );
    assert_eq!(ask(&mut okx, 3, &subscribe("books-l2-tbt", "BTC-USDT")).len(), 1, "it fails its checksum");
}

fn crc32(text: &str) -> i32 {
    let levels: Vec<_> = text.split(':').collect();
    let level = |pair: &[&str]| schemas::model::Level {
        price: pair[0].parse().unwrap(),
        size: pair[1].parse().unwrap(),
    };
    let bids: Vec<_> = levels.chunks(2).map(level).collect();
    schemas::venue::okx::checksum(&bids, &[])
}

#[test]
fn a_ping_is_answered_and_bad_requests_are_refused_with_the_venues_numbers() {
    let mut okx = served(&capture());
    open(&mut okx, 1, "/ws/v5/public");
    assert_eq!(ask(&mut okx, 1, "ping"), ["pong"]);
    let cases = [
        ("{".to_owned(), "60012", "Invalid request: {"),
        (r#"{"op":"dance"}"#.to_owned(), "60012", r#"Invalid request: {"op":"dance"}"#),
        (r#"{"op":"subscribe"}"#.to_owned(), "60012", "Invalid request: "),
        (r#"{"op":"subscribe","args":[{"channel":"books"}]}"#.to_owned(), "60012", "Invalid request: "),
        (r#"{"op":"login","args":[]}"#.to_owned(), "60009", "Login failed."),
        (
            subscribe("books", "NO-SUCH"),
            "60018",
            "Wrong URL or channel:books,instId:NO-SUCH doesn't exist. Please use",
        ),
        (subscribe("gossip", "BTC-USDT"), "60018", "Wrong URL or channel:gossip,"),
        (subscribe("books-l2-tbt", "BTC-USDT"), "64003", "Your trading fee tier doesn't meet"),
    ];
    for (request, code, message) in cases {
        let reply: Value = serde_json::from_str(&ask(&mut okx, 1, &request)[0]).unwrap();
        assert_eq!((&reply["event"], &reply["code"]), (&"error".into(), &code.into()), "{request}");
        assert!(reply["msg"].as_str().unwrap().starts_with(message), "{request}: {reply}");
    }
    assert!(!okx.has_subscribers());
    assert_eq!(
        okx.opened(2, &Target::parse("/ws/v5/private"), 0, &mut Outbox::default()).unwrap_err().status,
        404
    );
}

#[test]
fn what_the_capture_lacks_is_granted_and_silent() {
    let mut okx = served(&capture());
    open(&mut okx, 1, "/ws/v5/public");
    assert_eq!(ask(&mut okx, 1, &subscribe("bbo-tbt", "BTC-USDT")).len(), 1);
    assert!(okx.has_subscribers());
}

#[test]
fn a_connection_takes_no_more_than_the_venue_allows() {
    let mut okx = served(&capture());
    open(&mut okx, 1, "/ws/v5/public");
    let code = |reply: &[String]| serde_json::from_str::<Value>(&reply[0]).unwrap()["code"].clone();
    let many: Vec<_> =
        (0..2_000).map(|n| format!(r#"{{"channel":"trades","instId":"S{n}-USDT-SWAP"}}"#)).collect();
    let large = format!(r#"{{"op":"subscribe","args":[{}]}}"#, many.join(","));
    assert_eq!(code(&ask(&mut okx, 1, &large)), "60012");
    for _ in 0..479 {
        assert_eq!(code(&ask(&mut okx, 1, &subscribe("trades", "X"))), "60018");
    }
    assert_eq!(code(&ask(&mut okx, 1, &subscribe("trades", "BTC-USDT"))), "60014");
    let lenient = Limits { lenient: true, ..Limits::default() };
    let mut okx = testing::served(Okx::new(&lenient), &capture());
    open(&mut okx, 1, "/ws/v5/public");
    assert_eq!(ask(&mut okx, 1, &large).len(), 2_000);
}

#[test]
fn a_connection_over_which_nothing_goes_is_cut() {
    const SECOND: u64 = 1_000_000_000;
    let items = capture();
    let mut okx = served(&items);
    (1..=3).for_each(|conn| _ = open(&mut okx, conn, "/ws/v5/public"));
    ask(&mut okx, 2, &subscribe("trades", "BTC-USDT"));
    let mut out = Outbox::default();
    okx.message(3, "ping", 20 * SECOND, &mut out);
    play(&mut okx, &items, &Moment::as_recorded());
    okx.tick(29 * SECOND, false, &mut out);
    assert_eq!(closed(&out), []);
    okx.tick(31 * SECOND, false, &mut out);
    assert_eq!(closed(&out), [(1, 4004)], "one was served, one has pinged");
}

#[test]
fn nothing_follows_an_unsubscribe() {
    let items = capture();
    let mut okx = served(&items);
    open(&mut okx, 1, "/ws/v5/public");
    ask(&mut okx, 1, &subscribe("trades", "BTC-USDT"));
    let ended = ask(&mut okx, 1, &subscribe("trades", "BTC-USDT").replace("subscribe", "unsubscribe"));
    let reply: Value = serde_json::from_str(&ended[0]).unwrap();
    assert_eq!((&reply["event"], &reply["arg"]["channel"]), (&"unsubscribe".into(), &"trades".into()));
    assert!(!okx.has_subscribers());
    assert_eq!(texts(&play(&mut okx, &items, &Moment::as_recorded()), 1), [""; 0]);
}

#[test]
fn a_second_turn_and_a_stamp_change_times_and_trade_ids_alone() {
    let items = capture();
    let mut okx = served(&items);
    open(&mut okx, 1, "/ws/v5/public");
    ask(&mut okx, 1, &subscribe("trades", "BTC-USDT"));
    let moment = Moment { turn: 1, shift_ns: 2_000_000_000, stamp: None, heard: true };
    let sent = texts(&play(&mut okx, &items, &moment), 1);
    // Trades went from 7 to 10, two in each message.
    assert_eq!(sent[0], trade(12).replace("383085", "385085"));
    let moment = Moment { stamp: Some(1_800_000_000_123_456_789), ..Moment::as_recorded() };
    let sent = texts(&play(&mut okx, &items, &moment), 1);
    assert_eq!(sent[0], trade(8).replace("1597026383085", "1800000000123"));
}

#[test]
fn a_frame_cut_in_half_reaches_whoever_listens_as_it_is() {
    let mut items = capture();
    items.push(item(&trade(11)[..50]));
    let mut okx = served(&items);
    open(&mut okx, 1, "/ws/v5/public");
    ask(&mut okx, 1, &subscribe("trades", "BTC-USDT"));
    let sent = texts(&play(&mut okx, &items[6..], &Moment::as_recorded()), 1);
    assert_eq!(sent, [&trade(11)[..50]]);
}
