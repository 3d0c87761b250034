use super::*;
use crate::venue::Instrument;
use crate::venue::testing::decimal;

/// Hands what `text` parses to to `check`.
fn parsed(text: &str, check: impl FnOnce(Result<Frame<'_>, VenueError>)) {
    check(parse(&mut text.as_bytes().to_vec(), &mut Parser::default()));
}

/// Compares what they look like, which shows every digit; equality of decimals would not.
fn is_message(text: &str, expected: Message<'_>) {
    let expected: Result<_, VenueError> = Ok(Frame { stream: None, message: expected });
    parsed(text, |frame| assert_eq!(format!("{frame:?}"), format!("{expected:?}")));
}

fn refused(text: &str) -> String {
    let mut error = String::new();
    parsed(text, |frame| error = frame.expect_err(text).to_string());
    error
}

const TRADE: &str = r#"{"e":"trade","E":1783465157897,"s":"BTCUSDT","t":6486989273,"p":"63551.02000000","q":"0.00317000","T":1783465157896,"m":true,"M":true}"#;

fn trade_message() -> Message<'static> {
    Message::Trade {
        symbol: "BTCUSDT",
        event_time: Micros(1_783_465_157_897_000),
        id: 6_486_989_273,
        trade: Trade {
            id: Some(TradeId::Number(6_486_989_273)),
            ts: Some(Micros(1_783_465_157_896_000)),
            price: decimal("63551.02000000"),
            size: decimal("0.00317000"),
            side: Some(Side::Sell),
        },
    }
}

#[test]
fn reads_a_trade_raw_and_combined() {
    is_message(TRADE, trade_message());
    parsed(&format!(r#"{{"stream":"btcusdt@trade","data":{TRADE}}}"#), |frame| {
        assert_eq!(frame, Ok(Frame { stream: Some("btcusdt@trade"), message: trade_message() }));
    });
}

#[test]
fn order_of_keys_unknown_fields_and_white_space_do_not_matter() {
    let text = r#"
        {"M":true, "m":true, "new":{"a":[1,{"p":"9"}],"e":"x"}, "T":1783465157896, "q":"0.00317000", "b":88,
         "p":"63551.02000000", "huge":123456789012345678901234567890, "t":6486989273, "s":"BTCUSDT",
         "E":1783465157897, "e":"trade"} "#;
    is_message(text, trade_message());
}

#[test]
fn of_duplicates_the_last_counts() {
    is_message(&TRADE.replace(r#""E":"#, r#""s":"OTHER","m":null,"E":"#), trade_message());
}

#[test]
fn microseconds_are_told_from_milliseconds() {
    let text =
        TRADE.replace("1783465157897", "1783465157897123").replace("1783465157896", "1783465157896001");
    parsed(&text, |frame| match frame.unwrap().message {
        Message::Trade { event_time, trade, .. } => {
            assert_eq!(event_time, Micros(1_783_465_157_897_123));
            assert_eq!(trade.ts, Some(Micros(1_783_465_157_896_001)));
        }
        other => panic!("{other:?}"),
    });
}

#[test]
fn reads_an_aggregate_trade() {
    is_message(
        r#"{"e":"aggTrade","E":1617647603471,"s":"ZILUSDT","a":22184177,"p":"0.21437000","q":"71.00000000","f":31010105,"l":31010107,"T":1617647603470,"m":false,"M":true}"#,
        Message::AggTrade {
            symbol: "ZILUSDT",
            event_time: Micros(1_617_647_603_471_000),
            id: 22_184_177,
            trade_ids: (31_010_105, 31_010_107),
            trade: Trade {
                id: Some(TradeId::Number(22_184_177)),
                ts: Some(Micros(1_617_647_603_470_000)),
                price: decimal("0.21437000"),
                size: decimal("71.00000000"),
                side: Some(Side::Buy),
            },
        },
    );
}

#[test]
fn reads_a_book_ticker_with_and_without_event_type() {
    let quote = Quote {
        bid: Some(decimal("61837.63000000")),
        bid_size: Some(decimal("3.78826000")),
        ask: Some(decimal("61837.64000000")),
        ask_size: Some(decimal("1.54698000")),
    };
    let fields = r#""u":18446744073709551615,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}"#;
    let message =
        |event_time| Message::BookTicker { symbol: "BTCUSDT", update_id: u64::MAX, event_time, quote };
    is_message(&format!("{{{fields}"), message(None));
    is_message(&format!(r#"{{"e":"bookTicker","E":5,{fields}"#), message(Some(Micros(5000))));
}

#[test]
fn reads_changes_of_the_book() {
    let level = |price, size| Level { price: decimal(price), size: decimal(size) };
    is_message(
        r#"{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":50093239189,"u":50093239202,"pu":50093239188,"b":[["61737.63000000","0.00000000"],["61730.1","2"]],"a":[]}"#,
        Message::Depth(Depth {
            symbol: "BTCUSDT",
            event_time: Micros(1_723_161_255_208_000),
            first_id: 50_093_239_189,
            last_id: 50_093_239_202,
            previous_id: Some(50_093_239_188),
            bids: &[level("61737.63000000", "0.00000000"), level("61730.1", "2")],
            asks: &[],
        }),
    );
    is_message(
        r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100",[]]]}"#,
        Message::PartialDepth {
            last_update_id: 160,
            bids: &[level("0.0024", "10")],
            asks: &[level("0.0026", "100")],
        },
    );
}

#[test]
fn reads_statistics_and_leaves_out_what_is_missing() {
    is_message(
        r#"{"e":"24hrTicker","E":1672515782136,"s":"BNBBTC","p":"0.0015","P":"-0.00","w":"0.0018","x":"0.0009","c":"0.0025","Q":"10","b":"0.0024","B":"10","a":"0.0026","A":"100","o":"0.0010","h":"0.0025","l":null,"v":"10000","q":"18.50","O":0,"C":86400000,"F":-1,"L":-1,"n":0}"#,
        Message::Ticker24h {
            symbol: "BNBBTC",
            event_time: Micros(1_672_515_782_136_000),
            ticker: Ticker {
                last: Some(decimal("0.0025")),
                open: Some(decimal("0.0010")),
                high: Some(decimal("0.0025")),
                low: None,
                volume: Some(decimal("10000")),
                quote_volume: Some(decimal("18.50")),
                vwap: Some(decimal("0.0018")),
                change_pct: Some(decimal("-0.00")),
            },
        },
    );
}

#[test]
fn reads_replies_and_refusals() {
    is_message(r#"{"result":null,"id":1}"#, Message::Reply { id: Id::Number(1) });
    is_message(r#"{"id":"a-1","result":["btcusdt@trade"]}"#, Message::Reply { id: Id::Text("a-1") });
    is_message(r#"{"result":true,"id":null}"#, Message::Reply { id: Id::Absent });
    is_message(r#"{"id":-9223372036854775808,"result":null}"#, Message::Reply { id: Id::Number(i64::MIN) });
    let refused = |id, code, message| Message::Error { id, code, message };
    is_message(
        r#"{"code":2,"msg":"Invalid request: unknown variant","id":3}"#,
        refused(Id::Number(3), 2, "Invalid request: unknown variant"),
    );
    is_message(
        r#"{"error":{"code":3,"msg":"Invalid JSON: \"x\""}}"#,
        refused(Id::Absent, 3, "Invalid JSON: \"x\""),
    );
}

#[test]
fn reads_the_announced_end_and_names_what_it_does_not_know() {
    let shutdown = r#"{"e":"serverShutdown","E":1783465157897}"#;
    is_message(shutdown, Message::ServerShutdown { event_time: Micros(1_783_465_157_897_000) });
    is_message(r#"{"e":"kline","E":1,"k":{}}"#, Message::Unused);
    is_message(r#"{"e":"rumour","E":1}"#, Message::Unknown { event: Some("rumour") });
    is_message("{}", Message::Unknown { event: None });
}

#[test]
fn errors_name_the_field_and_what_was_expected() {
    let cases = [
        (
            TRADE.replace("\"63551.02000000\"", "\"abc\""),
            "p: `abc` is not a number: expected a digit at offset 0, found 'a'",
        ),
        (TRADE.replace("\"63551.02000000\"", "63551.02"), "p: expected a number, found 63551.02"),
        (TRADE.replace("\"p\"", "\"px\""), "p: missing, expected a number"),
        (TRADE.replace("6486989273", "-1"), "t: expected a whole number from 0 to 2^64 - 1, found -1"),
        (TRADE.replace("\"BTCUSDT\"", "null"), "s: expected a string, found null"),
        (TRADE.replace("true", "1"), "m: expected true or false, found 1"),
        ("[1]".to_owned(), "frame: expected an object, found an array"),
        ("7".to_owned(), "frame: expected an object, found 7"),
        (
            r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":1,"b":[],"a":[["1","2"],["1","x"]]}"#.to_owned(),
            "a[1]: size: `x` is not a number: expected a digit at offset 0, found 'x'",
        ),
        (
            r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":1,"b":[["1"]],"a":[]}"#.to_owned(),
            "b[0]: level: expected an array of price and size, found an array",
        ),
        (r#"{"lastUpdateId":1,"bids":{}}"#.to_owned(), "bids: expected an array, found an object"),
        (r#"{"e":5}"#.to_owned(), "e: expected a string, found 5"),
        (r#"{"result":null,"id":[]}"#.to_owned(), "id: expected a request's id, found an array"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), expected, "{text}");
    }
}

#[test]
fn an_error_repeats_little_of_the_frame() {
    let error = refused(&TRADE.replace("63551.02000000", &"9".repeat(100_000)));
    assert_eq!(error, format!("p: `{}...` is not a number: a number has at most 35 digits", "9".repeat(40)));
}

#[test]
fn reads_a_rest_book_and_the_venues_refusal() {
    let mut parser = Parser::default();
    let mut body =
        br#"{"lastUpdateId":1027024,"bids":[["4.0","431.0"]],"asks":[["4.2","12.0"],["4.3","1"]]}"#.to_vec();
    let book = depth_body(&mut body, &mut parser).unwrap();
    assert_eq!((book.last_update_id, book.bids.len(), book.asks.len()), (1_027_024, 1, 2));
    assert_eq!((book.symbol, book.event_time), (None, None));
    let mut body = br#"{"lastUpdateId":7,"E":1626916404580,"T":1626916404574,"symbol":"BCHUSD_PERP","pair":"BCHUSD","bids":[],"asks":[]}"#.to_vec();
    let book = depth_body(&mut body, &mut parser).unwrap();
    assert_eq!((book.symbol, book.event_time), (Some("BCHUSD_PERP"), Some(Micros(1_626_916_404_580_000))));
    let mut body = br#"{"code":-1121,"msg":"Invalid symbol."}"#.to_vec();
    let error = depth_body(&mut body, &mut parser).unwrap_err();
    assert_eq!(error.to_string(), "the venue refused: Invalid symbol. (code -1121)");
}

#[test]
fn reads_what_the_venue_knows_of_its_symbols() {
    let mut body = br#"{"timezone":"UTC","serverTime":1,"rateLimits":[],"exchangeFilters":[],"symbols":[
        {"symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH","baseAssetPrecision":8,"quoteAsset":"BTC",
         "orderTypes":["LIMIT"],"filters":[
          {"filterType":"PRICE_FILTER","minPrice":"0.00000100","maxPrice":"100.00000000","tickSize":"0.00000100"},
          {"filterType":"LOT_SIZE","minQty":"0.00100000","maxQty":"9000.00000000","stepSize":"0.00010000"},
          {"filterType":"MARKET_LOT_SIZE","stepSize":"0.5"}],"permissionSets":[["SPOT"]]}]}"#
        .to_vec();
    let mut parser = Parser::default();
    let expected = Instrument {
        symbol: "ETHBTC",
        base: "ETH",
        quote: "BTC",
        status: "TRADING",
        tick_size: Some(decimal("0.00000100")),
        lot_size: Some(decimal("0.00010000")),
    };
    assert_eq!(exchange_info(&mut body, &mut parser), Ok(vec![expected]));
    let mut body = br#"{"symbols":[{"symbol":"A_PERP","pair":"A","contractStatus":"TRADING","baseAsset":"A","quoteAsset":"USD","filters":[]}]}"#.to_vec();
    let coin_margined = exchange_info(&mut body, &mut parser).unwrap();
    assert_eq!((coin_margined[0].symbol, coin_margined[0].status), ("A_PERP", "TRADING"));
    let mut body = br#"{"symbols":[{"symbol":"A"}]}"#.to_vec();
    let error = exchange_info(&mut body, &mut parser).unwrap_err();
    assert_eq!(
        error.to_string(),
        "symbols[0]: base: missing, expected a string".replace("base", "baseAsset")
    );
}

#[test]
fn frames_cut_in_half_and_broken_frames_are_told_apart() {
    for end in 0..TRADE.len() {
        parsed(&TRADE[..end], |frame| {
            assert_eq!(frame, Err(VenueError::Truncated { bytes: end }), "{}", &TRADE[..end]);
        });
    }
    let cases = [
        (r#"{"e":"trade",}"#, "not JSON: expected a key at offset 13"),
        (r#"{"e" "trade"}"#, "not JSON: expected a colon at offset 5"),
        (r#"{"e":"trade"}}"#, "not JSON: expected a single value at offset 12"),
        (r#"{"e":tru}"#, "not JSON: expected a single value at offset 5"),
        (r#"{"e":1.x}"#, "not JSON: expected a number at offset 7"),
        (
            "{\"e\":\"a\nb\"}",
            "not JSON: expected the end of a string, and no control character before it at offset 0",
        ),
        (r#"{"e":"\q"}"#, "not JSON: expected an escape sequence at offset 0"),
        ("hello", "not JSON: expected a single value at offset 0"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
    let deep = format!("{}1{}", r#"{"a":"#.repeat(33), "}".repeat(33));
    assert_eq!(refused(&deep), "nested more than 32 deep");
    let error = parse(&mut b"{\"e\":\"\xff\"}".to_vec(), &mut Parser::default()).unwrap_err();
    assert_eq!(error.to_string(), "not JSON: expected UTF-8 at offset 0");
}
