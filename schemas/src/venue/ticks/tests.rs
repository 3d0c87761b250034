use super::*;
use crate::model::Side;
use crate::venue::testing::decimal;

/// Compares what they look like, which shows every digit; equality of decimals would not.
fn is_tick(text: &str, expected: Tick<'_>) {
    let mut parser = Parser::default();
    assert_eq!(format!("{:?}", parse(text.as_bytes(), &mut parser)), format!("{:?}", Ok::<_, ()>(expected)));
}

fn refused(text: &str) -> String {
    parse(text.as_bytes(), &mut Parser::default()).expect_err(text).to_string()
}

const TS: Option<Micros> = Some(Micros(1_785_644_622_707_507));

#[test]
fn reads_a_quote() {
    let quote = |bid_size| Quote {
        bid: Some(decimal("9.90")),
        bid_size,
        ask: Some(decimal("10.01")),
        ask_size: Some(decimal("7")),
    };
    let tick = |bid_size| Tick { symbol: "ACME", ts: TS, seq: None, data: Data::Quote(quote(bid_size)) };
    let text = r#"{"channel":"quotes","symbol":"ACME","ts":1785644622707507,"bid":"9.90","bid_size":"5","ask":10.01,"ask_size":"7"}"#;
    is_tick(text, tick(Some(decimal("5"))));
    is_tick(&format!("{}\r\n", text.replace("\"5\"", "null")), tick(None));
}

#[test]
fn reads_a_trade_with_what_it_has() {
    let tick = |ts, seq, id, side| {
        let trade = Trade { id, ts, price: decimal("10.00"), size: decimal("3"), side };
        Tick { symbol: "ACME", ts, seq, data: Data::Trade(trade) }
    };
    is_tick(
        r#"{"channel":"trades","symbol":"ACME","ts":1785644622707507,"price":"10.00","size":"3","side":"buy","id":"1","seq":18446744073709551615}"#,
        tick(TS, Some(u64::MAX), Some(TradeId::Number(1)), Some(Side::Buy)),
    );
    is_tick(
        r#"{"id":"007","desk":{"x":[1]},"size":"3","price":10.00,"symbol":"ACME","channel":"trades"}"#,
        tick(None, None, Some(TradeId::Text("007".into())), None),
    );
}

#[test]
fn reads_books_and_statistics() {
    let level = |price, size| Level { price: decimal(price), size: decimal(size) };
    let (bids, asks) = ([level("9.99", "5")], [level("10.01", "0.0")]);
    let book = |snapshot, asks| Data::Book { snapshot, bids: &bids, asks };
    let tick = |data| Tick { symbol: "ACME", ts: None, seq: Some(7), data };
    is_tick(
        r#"{"channel":"book","type":"snapshot","symbol":"ACME","seq":7,"bids":[["9.99","5"]],"asks":[[10.01,0.0]]}"#,
        tick(book(true, &asks)),
    );
    is_tick(
        r#"{"channel":"book","type":"update","symbol":"ACME","seq":7,"bids":[["9.99","5"]],"asks":[]}"#,
        tick(book(false, &[])),
    );
    let ticker =
        Ticker { last: Some(decimal("10.0")), change_pct: Some(decimal("-0.00")), ..Ticker::default() };
    is_tick(
        r#"{"channel":"ticker","symbol":"ACME","seq":7,"last":"10.0","change_pct":"-0.00","vwap":null}"#,
        tick(Data::Ticker(ticker)),
    );
}

#[test]
fn a_missing_or_bad_field_is_named() {
    let cases = [
        (r#"{"symbol":"A"}"#, "channel: missing, expected a string"),
        (
            r#"{"channel":"quote","symbol":"A"}"#,
            "channel: expected quotes, trades, ticker or book, found `quote`",
        ),
        (r#"{"channel":"ticker"}"#, "symbol: missing, expected a string"),
        (r#"{"channel":"ticker","symbol":""}"#, "symbol: expected a name, found ``"),
        (
            r#"{"channel":"quotes","symbol":"A","bid":"1","bid_size":"1","ask":"2"}"#,
            "ask_size: missing, expected a number or null",
        ),
        (
            r#"{"channel":"trades","symbol":"A","price":"1,5","size":"1"}"#,
            "price: `1,5` is not a number: expected a digit at offset 1, found ','",
        ),
        (r#"{"channel":"trades","symbol":"A","price":"1"}"#, "size: missing, expected a number"),
        (
            r#"{"channel":"trades","symbol":"A","price":"1","size":"1","side":"B"}"#,
            "side: expected buy or sell, found `B`",
        ),
        (
            r#"{"channel":"trades","symbol":"A","ts":-1,"price":"1","size":"1"}"#,
            "ts: expected a whole number from 0 to 2^64 - 1, found `-1`",
        ),
        (r#"{"channel":"book","symbol":"A","bids":[],"asks":[]}"#, "type: missing, expected a string"),
        (
            r#"{"channel":"book","symbol":"A","type":"update","bids":[],"asks":[["1"]]}"#,
            "asks[0]: level: expected an array of price and size, found an array",
        ),
        (r#"{"channel":"quotes","symbol":"A","bid":"1","bi"#, "the frame is cut off after 46 bytes"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
}
