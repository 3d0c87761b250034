use super::*;
use crate::venue::testing::{decimal, level};

/// Compares what they look like, which shows every digit; equality of decimals would not.
fn is_message(text: &str, expected: Message<'_>) {
    let (mut frame, mut parser) = (text.as_bytes().to_vec(), Parser::default());
    assert_eq!(format!("{:?}", parse(&mut frame, &mut parser)), format!("{:?}", Ok::<_, ()>(expected)));
}

fn refused(text: &str) -> String {
    parse(&mut text.as_bytes().to_vec(), &mut Parser::default()).expect_err(text).to_string()
}

const BOOK: &str = r#"{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1687940967466,"data":{"s":"BTCUSDT","b":[["30247.20","30.028"],["30245.40","0"]],"a":[["30248.7","0.50"]],"u":177400507,"seq":66544703342},"cts":1687940967464}"#;
const TRADE: &str = r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.0010","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,"RPI":false,"seq":1783284617}]}"#;
const TICKER: &str = r#"{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","tickDirection":"PlusTick","price24hPcnt":"0.017103","lastPrice":"17216.00","prevPrice24h":"16926.50","highPrice24h":"17281.50","lowPrice24h":"16915.00","turnover24h":"1570383121.943499","volume24h":"91705.276","nextFundingTime":"1673280000000","fundingRate":"","bid1Price":"17215.50","bid1Size":"84.489"},"cs":24987956059,"ts":1673272861686}"#;

#[test]
fn reads_changes_of_a_book_and_a_whole_one_in_the_order_of_spot() {
    let (bids, asks) = ([level("30247.20", "30.028"), level("30245.40", "0")], [level("30248.7", "0.50")]);
    let book = |is_whole, time| {
        Message::Book(Book {
            depth: 50,
            symbol: "BTCUSDT",
            is_whole,
            bids: &bids,
            asks: &asks,
            time: Micros(time),
            update_id: 177_400_507,
            seq: 66_544_703_342,
        })
    };
    is_message(BOOK, book(false, 1_687_940_967_464_000));
    let spot = BOOK
        .replace(r#""type":"delta","ts":1687940967466"#, r#""ts":1687940967466,"type":"snapshot""#)
        .replace(r#","cts":1687940967464"#, "");
    is_message(&spot, book(true, 1_687_940_967_466_000));
}

#[test]
fn trades_have_uuids_or_numbers() {
    let trade = |id| Trade {
        id: Some(id),
        ts: Some(Micros(1_672_304_486_865_000)),
        price: decimal("16578.50"),
        size: decimal("0.0010"),
        side: Some(Side::Buy),
    };
    let uuid = TradeId::Text("20f43950-d8dd-5b31-9112-a178eb6023af".into());
    is_message(TRADE, Message::Trades { symbol: "BTCUSDT", trades: vec![trade(uuid)] });
    for (text, id) in [
        ("2290000000068683542", TradeId::Number(2_290_000_000_068_683_542)),
        ("007", TradeId::Text("007".into())),
        ("+7", TradeId::Text("+7".into())),
        ("99999999999999999999", TradeId::Text("99999999999999999999".into())),
    ] {
        let spot = TRADE.replace("20f43950-d8dd-5b31-9112-a178eb6023af", text);
        is_message(&spot, Message::Trades { symbol: "BTCUSDT", trades: vec![trade(id)] });
    }
}

#[test]
fn a_ticker_is_whole_or_tells_what_has_changed() {
    let some = |text| Some(decimal(text));
    let message =
        |is_whole, time, ticker| Message::Ticker { symbol: "BTCUSDT", is_whole, time: Micros(time), ticker };
    let whole = Ticker {
        last: some("17216.00"),
        open: some("16926.50"),
        high: some("17281.50"),
        low: some("16915.00"),
        volume: some("91705.276"),
        quote_volume: some("1570383121.943499"),
        change_pct: some("1.7103"),
        ..Ticker::default()
    };
    is_message(TICKER, message(true, 1_673_272_861_686_000, whole));
    let delta = r#"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","price24hPcnt":"-0.0004","bid1Size":"84"},"cs":24987956060,"ts":1673272861700}"#;
    let changed = Ticker { change_pct: some("-0.04"), ..Ticker::default() };
    is_message(delta, message(false, 1_673_272_861_700_000, changed));
    is_message(
        &delta.replace("-0.0004", "2"),
        message(false, 1_673_272_861_700_000, Ticker { change_pct: some("200"), ..Ticker::default() }),
    );
}

#[test]
fn reads_the_replies_of_spot_and_of_linear() {
    let reply = |op, success, request, message| Message::Reply(Reply { op, success, request, message });
    is_message(
        r#"{"success":true,"ret_msg":"","conn_id":"a38867ec","req_id":"7","op":"subscribe"}"#,
        reply("subscribe", true, "7", ""),
    );
    is_message(
        r#"{"success":true,"ret_msg":"subscribe","conn_id":"1764937c","op":"subscribe"}"#,
        reply("subscribe", true, "", "subscribe"),
    );
    is_message(
        r#"{"success":false,"ret_msg":"Invalid symbol :[tickers.X]","conn_id":"1764937c","req_id":null,"op":"unsubscribe"}"#,
        reply("unsubscribe", false, "", "Invalid symbol :[tickers.X]"),
    );
    for pong in [
        r#"{"success":true,"ret_msg":"pong","conn_id":"0970e817","op":"ping"}"#,
        r#"{"success":true,"ret_msg":"pong","conn_id":"d266o6hqo29sqmnq4vk0","req_id":"","op":"ping"}"#,
        r#"{"args":["1672916271846"],"op":"pong"}"#,
    ] {
        is_message(pong, Message::Pong);
    }
    is_message(
        r#"{"topic":"kline.5.BTCUSDT","data":[]}"#,
        Message::Unknown { name: Some("kline.5.BTCUSDT") },
    );
    is_message(r#"{"success":true,"op":"auth"}"#, Message::Unknown { name: Some("auth") });
    is_message("{}", Message::Unknown { name: None });
}

#[test]
fn a_topic_that_was_granted_before_is_known_by_the_words() {
    let reply = |success, message| Reply { op: "subscribe", success, request: "", message }.is_repeated();
    assert!(reply(false, "error:already subscribed,topic:tickers.BTCUSDT"));
    assert!(!reply(false, "error:handler not found,topic:tickers.X") && !reply(true, ""));
}

#[test]
fn errors_name_the_field_and_what_was_expected() {
    let cases = [
        (
            BOOK.replace("30247.20", "abc"),
            "b[0]: price: `abc` is not a number: expected a digit at offset 0, found 'a'",
        ),
        (
            BOOK.replace("\"30.028\"", "30.028"),
            "b[0]: level: expected an array of price and size, found an array",
        ),
        (BOOK.replace("delta", "partial"), "type: expected snapshot or delta, found `partial`"),
        (BOOK.replace("177400507", "-1"), "u: expected a whole number from 0 to 2^64 - 1, found -1"),
        (BOOK.replace("\"u\"", "\"U\""), "u: missing, expected a whole number from 0 to 2^64 - 1"),
        (BOOK.replace("\"type\"", "\"kind\""), "type: missing, expected a string"),
        (TRADE.replace("\"Buy\"", "\"buy\""), "data[0]: S: expected Buy or Sell, found `buy`"),
        (TRADE.replace("\"i\":", "\"j\":"), "data[0]: i: missing, expected a string"),
        (
            TICKER.replace("17216.00", "1x"),
            "lastPrice: `1x` is not a number: expected a digit at offset 1, found 'x'",
        ),
        (r#"{"topic":"tickers.A","type":"delta","ts":1}"#.to_owned(), "data: missing, expected an object"),
        (r#"{"op":"subscribe"}"#.to_owned(), "success: missing, expected true or false"),
        (r#"{"topic":7}"#.to_owned(), "topic: expected a string, found 7"),
        (BOOK[..90].to_owned(), "the frame is cut off after 90 bytes"),
        ("pong".to_owned(), "not JSON: expected a single value at offset 0"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), expected, "{text}");
    }
}
