use super::*;
use crate::model::Side;
use crate::venue::testing::{decimal, level};
use smallvec::smallvec;

/// Compares what they look like, which shows every digit; equality of decimals would not.
fn is_message(text: &str, expected: Message<'_>) {
    let mut parser = Parser::default();
    assert_eq!(format!("{:?}", parse(text.as_bytes(), &mut parser)), format!("{:?}", Ok::<_, ()>(expected)));
}

fn refused(text: &str) -> String {
    parse(text.as_bytes(), &mut Parser::default()).expect_err(text).to_string()
}

const BOOK: &str = r#"{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":63501.60,"qty":0.63889204}],"asks":[{"price":63501.7,"qty":1e-8},{"qty":0.00000000,"price":63502.0}],"checksum":4294967295,"timestamp":"2026-07-07T23:00:03.501510Z"}]}"#;

#[test]
fn a_book_keeps_every_digit() {
    let expected = Book {
        symbol: "BTC/USD",
        bids: &[level("63501.60", "0.63889204")],
        asks: &[level("63501.7", "0.00000001"), level("63502.0", "0.00000000")],
        checksum: u32::MAX,
        time: Some(Micros(1_783_465_203_501_510)),
    };
    is_message(BOOK, Message::Book { snapshot: true, books: smallvec![expected] });
}

#[test]
fn books_of_several_symbols_share_one_message() {
    let part = |symbol: &str, price: &str| {
        format!(r#"{{"symbol":"{symbol}","bids":[{{"price":{price},"qty":1}}],"asks":[],"checksum":7}}"#)
    };
    let text = format!(
        r#"{{"channel":"book","type":"update","data":[{},{}]}}"#,
        part("A/USD", "1.0"),
        part("B/USD", "2.0")
    );
    let book = |symbol, bids| Book { symbol, bids, asks: &[], checksum: 7, time: None };
    let (a, b) = ([level("1.0", "1")], [level("2.0", "1")]);
    let books = smallvec![book("A/USD", &a), book("B/USD", &b)];
    is_message(&text, Message::Book { snapshot: false, books });
}

#[test]
fn reads_trades_by_symbol() {
    let part = |symbol: &str, id: u64| {
        format!(
            r#"{{"symbol":"{symbol}","side":"sell","price":1774.10,"qty":0.5,"ord_type":"limit","trade_id":{id},"timestamp":"2026-07-07T23:00:04.585581Z"}}"#
        )
    };
    let data = [part("A/USD", 1), part("A/USD", u64::MAX), part("B/USD", 9)].join(",");
    let trade = |id| Trade {
        id: Some(TradeId::Number(id)),
        ts: Some(Micros(1_783_465_204_585_581)),
        price: decimal("1774.10"),
        size: decimal("0.5"),
        side: Some(Side::Sell),
    };
    let trades = smallvec![
        Trades { symbol: "A/USD", trades: vec![trade(1), trade(u64::MAX)] },
        Trades { symbol: "B/USD", trades: vec![trade(9)] },
    ];
    let text = format!(r#"{{"channel":"trade","type":"snapshot","data":[{data}]}}"#);
    is_message(&text, Message::Trades { snapshot: true, trades });
}

#[test]
fn reads_a_ticker() {
    let text = r#"{"channel":"ticker","type":"update","data":[{"symbol":"ALGO/USD","bid":0.10025,"bid_qty":740.0,"ask":0.10036,"ask_qty":1361.44813783,"last":0.10035,"volume":997038.98383185,"vwap":0.10148,"low":0.09979,"high":0.10285,"change":-0.00017,"change_pct":-0.17}]}"#;
    let some = |text| Some(decimal(text));
    let ticker = SymbolTicker {
        symbol: "ALGO/USD",
        quote: Quote {
            bid: some("0.10025"),
            bid_size: some("740.0"),
            ask: some("0.10036"),
            ask_size: some("1361.44813783"),
        },
        ticker: Ticker {
            last: some("0.10035"),
            high: some("0.10285"),
            low: some("0.09979"),
            volume: some("997038.98383185"),
            vwap: some("0.10148"),
            change_pct: some("-0.17"),
            ..Ticker::default()
        },
        time: None,
    };
    is_message(text, Message::Ticker { tickers: smallvec![ticker] });
}

#[test]
fn reads_status_heartbeat_and_instruments() {
    is_message(
        r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":15113583034416118705}]}"#,
        Message::Status { system: "online", connection_id: Some(15_113_583_034_416_118_705) },
    );
    is_message(r#"{"channel":"heartbeat"}"#, Message::Heartbeat);
    let instrument = Instrument {
        symbol: "BTC/USD",
        base: "BTC",
        quote: "USD",
        status: "online",
        tick_size: Some(decimal("0.1")),
        lot_size: Some(decimal("0.00000001")),
    };
    is_message(
        r#"{"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"USD"}],"pairs":[{"symbol":"BTC\/USD","base":"BTC","quote":"USD","status":"online","qty_precision":8,"qty_increment":1e-8,"price_precision":1,"price_increment":0.1,"has_index":true}]}}"#,
        Message::Instruments { instruments: vec![instrument] },
    );
    is_message(r#"{"channel":"ohlc","type":"update","data":[]}"#, Message::Unknown { name: Some("ohlc") });
    is_message("{}", Message::Unknown { name: None });
}

#[test]
fn reads_replies_and_refusals() {
    let reply = Reply {
        method: Some("subscribe"),
        req_id: Some(1),
        channel: Some("book"),
        symbol: Some("BTC/USD"),
        depth: Some(10),
        error: None,
    };
    is_message(
        r#"{"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"2026-07-07T23:00:03.501510Z","time_out":"2026-07-07T23:00:03.501553Z","req_id":1}"#,
        Message::Reply(reply),
    );
    let refusal = |symbol, error| {
        Message::Reply(Reply {
            method: Some("subscribe"),
            req_id: None,
            channel: None,
            symbol,
            depth: None,
            error: Some(error),
        })
    };
    is_message(
        r#"{"error":"Currency pair not supported XX/YY","method":"subscribe","success":false,"symbol":"XX/YY","time_in":"x","time_out":"y"}"#,
        refusal(Some("XX/YY"), "Currency pair not supported XX/YY"),
    );
    is_message(r#"{"method":"subscribe","success":false}"#, refusal(None, "no reason given"));
    is_message(
        r#"{"method":"pong","req_id":101,"time_in":"2023-09-24T14:10:23.799685Z","time_out":"2023-09-24T14:10:23.799703Z"}"#,
        Message::Pong { req_id: Some(101) },
    );
}

#[test]
fn errors_name_the_field_and_what_was_expected() {
    let cases = [
        (
            BOOK.replace("63502.0", "\"abc\""),
            "data[0]: asks[1]: price: `abc` is not a number: expected a digit at offset 0, found 'a'",
        ),
        (BOOK.replace("63502.0", "null"), "data[0]: asks[1]: price: expected a number, found null"),
        (BOOK.replace("\"qty\":1e-8", "\"x\":1"), "data[0]: asks[0]: qty: missing, expected a number"),
        (
            BOOK.replace("4294967295", "4294967296"),
            "data[0]: checksum: expected a whole number from 0 to 2^32 - 1, found `4294967296`",
        ),
        (BOOK.replace("snapshot", "partial"), "type: expected snapshot or update, found `partial`"),
        (
            BOOK.replace("2026-07-07T", "yesterday"),
            "data[0]: timestamp: expected an RFC 3339 time since 1970, found `yesterday23:00:03.501510Z`",
        ),
        (
            r#"{"channel":"status","data":[]}"#.to_owned(),
            "data: expected an array of one object, found an array",
        ),
        (BOOK[..100].to_owned(), "the frame is cut off after 100 bytes"),
        (
            BOOK.replace("63501.60", "63501.6.0"),
            "not JSON: expected a comma or the end of an object at offset 88",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), expected, "{text}");
    }
}
