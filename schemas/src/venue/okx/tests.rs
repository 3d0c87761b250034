use super::*;
use crate::model::Side;
use crate::venue::testing::{decimal, level};

/// Compares what they look like, which shows every digit; equality of decimals would not.
fn is_message(text: &str, expected: Message<'_>) {
    let (mut frame, mut parser) = (text.as_bytes().to_vec(), Parser::default());
    assert_eq!(format!("{:?}", parse(&mut frame, &mut parser)), format!("{:?}", Ok::<_, ()>(expected)));
}

fn refused(text: &str) -> String {
    parse(&mut text.as_bytes().to_vec(), &mut Parser::default()).expect_err(text).to_string()
}

const BOOK: &str = r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.98","415.50","0","13"],["8477","0","0","0"]],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":-855196043,"seqId":123456,"prevSeqId":123455}]}"#;

fn book_message() -> Book<'static> {
    Book {
        channel: Channel::Books,
        instrument: "BTC-USDT",
        is_whole: false,
        bids: &[],
        asks: &[],
        time: Micros(1_597_026_383_085_000),
        seq: Some(123_456),
        previous_seq: Some(123_455),
        checksum: Some(-855_196_043),
    }
}

#[test]
fn reads_changes_of_a_book() {
    let (bids, asks) = ([level("8476.97", "256")], [level("8476.98", "415.50"), level("8477", "0")]);
    is_message(BOOK, Message::Book(Book { bids: &bids, asks: &asks, ..book_message() }));
}

#[test]
fn a_snapshot_follows_nothing_and_a_checksum_of_zero_is_none() {
    let text = BOOK.replace("update", "snapshot").replace("123455", "-1").replace("-855196043", "0");
    let (bids, asks) = ([level("8476.97", "256")], [level("8476.98", "415.50"), level("8477", "0")]);
    let expected = Book {
        is_whole: true,
        previous_seq: Some(-1),
        checksum: None,
        bids: &bids,
        asks: &asks,
        ..book_message()
    };
    is_message(&text, Message::Book(expected));
}

#[test]
fn books_without_an_action_are_whole() {
    let text = r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["8446","95","0","3"]],"bids":[],"ts":"1597026383085","seqId":363996337}]}"#;
    let expected = Book {
        channel: Channel::BboTbt,
        is_whole: true,
        asks: &[level("8446", "95")],
        seq: Some(363_996_337),
        previous_seq: None,
        checksum: None,
        ..book_message()
    };
    is_message(text, Message::Book(expected));
}

#[test]
fn a_fill_covers_as_many_trades_as_it_counts() {
    let text = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.90","sz":"0.12060306","side":"buy","ts":"1630048897897","count":"3","source":"0","seqId":1234},{"instId":"BTC-USDT","tradeId":"130639475","px":"42219.9","sz":"1","side":"sell","ts":"1630048897897"}]}"#;
    let trade = |id, price, size, side| Trade {
        id: Some(TradeId::Number(id)),
        ts: Some(Micros(1_630_048_897_897_000)),
        price: decimal(price),
        size: decimal(size),
        side: Some(side),
    };
    let fills = vec![
        Fill {
            first_id: 130_639_472,
            last_id: 130_639_474,
            trade: trade(130_639_474, "42219.90", "0.12060306", Side::Buy),
        },
        Fill {
            first_id: 130_639_475,
            last_id: 130_639_475,
            trade: trade(130_639_475, "42219.9", "1", Side::Sell),
        },
    ];
    is_message(text, Message::Trades { instrument: "BTC-USDT", fills });
}

#[test]
fn volumes_are_of_the_base_asset_and_empty_fields_absent() {
    let text = |kind: &str| {
        format!(
            r#"{{"arg":{{"channel":"tickers","instId":"LTC-USD"}},"data":[{{"instType":"{kind}","instId":"LTC-USD","last":"9999.99","lastSz":"0.1","askPx":"","askSz":"11","bidPx":"8888.88","bidSz":"5","open24h":"9000","high24h":"10000.0","low24h":"","volCcy24h":"2222","vol24h":"3333.30","sodUtc0":"2222","sodUtc8":"2222","ts":"1597026383085"}}]}}"#
        )
    };
    let some = |text| Some(decimal(text));
    let message = |volume, quote_volume| Message::Ticker {
        instrument: "LTC-USD",
        time: Micros(1_597_026_383_085_000),
        ticker: Ticker {
            last: some("9999.99"),
            open: some("9000"),
            high: some("10000.0"),
            volume,
            quote_volume,
            ..Ticker::default()
        },
    };
    is_message(&text("SPOT"), message(some("3333.30"), some("2222")));
    is_message(&text("SWAP"), message(some("2222"), None));
}

#[test]
fn reads_replies_notices_and_signs_of_life() {
    is_message("pong", Message::Pong);
    is_message("pong\n", Message::Pong);
    is_message(
        r#"{"id":"1","event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"a4d3ae55"}"#,
        Message::Subscribed { channel: Some(Channel::Trades), instrument: "BTC-USDT" },
    );
    is_message(
        r#"{"event":"subscribe","arg":{"channel":"status"},"connId":"a4d3ae55"}"#,
        Message::Subscribed { channel: None, instrument: "" },
    );
    is_message(r#"{"event":"unsubscribe","arg":{"channel":"trades","instId":"BTC-USDT"}}"#, Message::Event);
    is_message(r#"{"event":"channel-conn-count","channel":"orders","connCount":"2"}"#, Message::Event);
    is_message(
        r#"{"event":"error","code":"60012","msg":"Invalid request: {\"op\":\"x\"}","connId":"a4d3ae55"}"#,
        Message::Error { code: "60012", message: r#"Invalid request: {"op":"x"}"# },
    );
    is_message(
        r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#,
        Message::Notice {
            code: "64008",
            message: "The connection will soon be closed for a service upgrade. Please reconnect.",
        },
    );
    is_message(r#"{"arg":{"channel":"candle1m"},"data":[]}"#, Message::Unknown { name: Some("candle1m") });
    is_message(r#"{"event":"login"}"#, Message::Unknown { name: Some("login") });
    is_message("{}", Message::Unknown { name: None });
}

#[test]
fn the_checksum_takes_bids_and_asks_in_turn() {
    // The example of the venue's documentation: one side is shorter, and the other goes on alone.
    let bids = [level("3366.1", "7")];
    let asks = [level("3366.8", "9"), level("3368", "8"), level("3372", "8")];
    let text = "3366.1:7:3366.8:9:3368:8:3372:8";
    assert_eq!(checksum(&bids, &asks), crc32fast::hash(text.as_bytes()).cast_signed());
    assert_eq!(checksum(&[], &[]), 0);
    let many: Vec<_> = (1..=30).map(|n| level(&n.to_string(), "1.00")).collect();
    assert_eq!(checksum(&many, &[]), checksum(&many[..25], &[]));
}

#[test]
fn errors_name_the_field_and_what_was_expected() {
    let cases = [
        (
            BOOK.replace("8476.97", "abc"),
            "bids[0]: price: `abc` is not a number: expected a digit at offset 0, found 'a'",
        ),
        (
            BOOK.replace("\"256\"", "256"),
            "bids[0]: level: expected an array of price and size, found an array",
        ),
        (BOOK.replace("update", "partial"), "action: expected snapshot or update, found `partial`"),
        (
            BOOK.replace("-855196043", "4294967295"),
            "checksum: expected a whole number from -2^31 to 2^31 - 1, found 4294967295",
        ),
        (BOOK.replace("\"ts\"", "\"time\""), "ts: missing, expected a whole number from 0 to 2^64 - 1"),
        (
            r#"{"arg":{"channel":"books","instId":"X"},"data":[]}"#.to_owned(),
            "data: expected an array of one object, found an array",
        ),
        (
            r#"{"arg":{"channel":"trades","instId":"X"},"data":[{"tradeId":"a"}]}"#.to_owned(),
            "data[0]: tradeId: expected a whole number from 0 to 2^64 - 1, found `a`",
        ),
        (r#"{"event":"error","code":60012}"#.to_owned(), "code: expected a string, found 60012"),
        (r#"{"arg":[]}"#.to_owned(), "arg: expected an object, found an array"),
        (BOOK[..90].to_owned(), "the frame is cut off after 90 bytes"),
        ("ping".to_owned(), "not JSON: expected a single value at offset 0"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), expected, "{text}");
    }
}
