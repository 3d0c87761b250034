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

const MATCH: &str = r#"{"type":"match","trade_id":1052119289,"maker_order_id":"15bc13f2","taker_order_id":"13d7d08f","side":"sell","size":"0.20","price":"63514.6","product_id":"BTC-USD","sequence":132235026010,"time":"2026-07-07T22:58:17.164892Z"}"#;

#[test]
fn the_aggressor_is_on_the_other_side_of_the_maker() {
    let message = |last| Message::Match {
        product: "BTC-USD",
        last,
        sequence: Some(132_235_026_010),
        id: 1_052_119_289,
        trade: Trade {
            id: Some(TradeId::Number(1_052_119_289)),
            ts: Some(Micros(1_783_465_097_164_892)),
            price: decimal("63514.6"),
            size: decimal("0.20"),
            side: Some(Side::Buy),
        },
    };
    is_message(MATCH, message(false));
    is_message(&MATCH.replace("\"match\"", "\"last_match\""), message(true));
}

#[test]
fn reads_books_and_their_changes() {
    is_message(
        r#"{"type":"snapshot","product_id":"ETH-USD","asks":[["1774.93","0.56100580"]],"bids":[["1774.92","1"],["1774.9","2"]]}"#,
        Message::Snapshot(Book {
            product: "ETH-USD",
            bids: &[level("1774.92", "1"), level("1774.9", "2")],
            asks: &[level("1774.93", "0.56100580")],
            time: None,
        }),
    );
    is_message(
        r#"{"type":"l2update","product_id":"ETH-USD","changes":[["sell","1","2"],["buy","3","0.00000000"],["sell","4","5"]],"time":"2021-04-17T16:43:37.075687Z"}"#,
        Message::Update(Book {
            product: "ETH-USD",
            bids: &[level("3", "0.00000000")],
            asks: &[level("1", "2"), level("4", "5")],
            time: Some(Micros(1_618_677_817_075_687)),
        }),
    );
}

#[test]
fn reads_tickers_of_before_and_after_2022() {
    let old = r#"{"type":"ticker","sequence":333938798,"product_id":"BAND-GBP","price":"14.7775","open_24h":"14.6647","volume_24h":"94381.28000000","low_24h":"14.3691","high_24h":"16.55","volume_30d":"2295579.57000000","best_bid":"14.7550","best_ask":"14.8060","side":"buy","time":"2021-04-17T16:43:30.244075Z","trade_id":881613,"last_size":"0.04"}"#;
    let some = |text| Some(decimal(text));
    let message = |bid_size, ask_size| Message::Ticker {
        product: "BAND-GBP",
        sequence: Some(333_938_798),
        time: Some(Micros(1_618_677_810_244_075)),
        quote: Quote { bid: some("14.7550"), bid_size, ask: some("14.8060"), ask_size },
        ticker: Ticker {
            last: some("14.7775"),
            open: some("14.6647"),
            high: some("16.55"),
            low: some("14.3691"),
            volume: some("94381.28000000"),
            ..Ticker::default()
        },
    };
    is_message(old, message(None, None));
    let new = old.replace("\"best_ask\"", r#""best_bid_size":"1.0","best_ask_size":"2.50","best_ask""#);
    is_message(&new, message(some("1.0"), some("2.50")));
}

#[test]
fn reads_heartbeats_and_products() {
    is_message(
        r#"{"type":"heartbeat","last_trade_id":1052119293,"product_id":"BTC-USD","sequence":132235026653,"time":"2026-07-07T22:58:18.000000Z"}"#,
        Message::Heartbeat {
            product: "BTC-USD",
            sequence: 132_235_026_653,
            last_trade_id: 1_052_119_293,
            time: Micros(1_783_465_098_000_000),
        },
    );
    let product = Instrument {
        symbol: "BTC-USD",
        base: "BTC",
        quote: "USD",
        status: "online",
        tick_size: Some(decimal("0.01")),
        lot_size: Some(decimal("0.00000001")),
    };
    is_message(
        r#"{"type":"status","products":[{"id":"BTC-USD","base_currency":"BTC","quote_currency":"USD","base_increment":"0.00000001","quote_increment":"0.01","status":"online","status_message":null}],"currencies":[]}"#,
        Message::Status { products: vec![product] },
    );
}

#[test]
fn reads_replies_and_refusals() {
    let subscribed = |channel, products| Subscribed { channel, products };
    is_message(
        r#"{"type":"subscriptions","channels":[{"name":"level2_50","product_ids":["BTC-USD","ETH-USD"],"account_ids":null},{"name":"status"}]}"#,
        Message::Subscriptions {
            channels: vec![subscribed("level2_50", vec!["BTC-USD", "ETH-USD"]), subscribed("status", vec![])],
        },
    );
    is_message(
        r#"{"type":"error","message":"Failed to subscribe","reason":"XX-YY is not a valid product"}"#,
        Message::Error { message: "Failed to subscribe", reason: Some("XX-YY is not a valid product") },
    );
    is_message(
        r#"{"type":"error","message":"Malformed JSON"}"#,
        Message::Error { message: "Malformed JSON", reason: None },
    );
    is_message(r#"{"type":"open","side":"buy"}"#, Message::Unknown { kind: Some("open") });
    is_message("{}", Message::Unknown { kind: None });
}

#[test]
fn errors_name_the_field_and_what_was_expected() {
    let cases = [
        (
            MATCH.replace("63514.6", "63514,6"),
            "price: `63514,6` is not a number: expected a digit at offset 5, found ','",
        ),
        (MATCH.replace("\"sell\"", "\"SELL\""), "side: expected buy or sell, found `SELL`"),
        (MATCH.replace("trade_id", "id"), "trade_id: missing, expected a whole number from 0 to 2^64 - 1"),
        (
            r#"{"type":"l2update","product_id":"X","changes":[["buy","1","2"],["hold","1","2"]]}"#.to_owned(),
            "changes[1]: side: expected buy or sell, found `hold`",
        ),
        (
            r#"{"type":"l2update","product_id":"X","changes":[["buy","1"]]}"#.to_owned(),
            "changes[0]: change: expected an array of side, price and size, found an array",
        ),
        (MATCH[..MATCH.len() / 2].to_owned(), "the frame is cut off after 112 bytes"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), expected, "{text}");
    }
}
