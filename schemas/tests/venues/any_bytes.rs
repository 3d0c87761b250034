use crate::{binance, bybit, coinbase, kraken, okx};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use schemas::venue::{self, Parser, VenueError};
use serde_json::Value;

const BINANCE: [&str; 8] = [
    r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1783465157897,"s":"BTCUSDT","t":6486989273,"p":"63551.02000000","q":"0.00317000","T":1783465157897,"m":true,"M":true}}"#,
    r#"{"e":"aggTrade","E":1617647603471000,"s":"ZILUSDT","a":22184177,"p":"0.21437000","q":"71.00000000","f":31010105,"l":31010105,"T":1617647603470123,"m":false,"M":true}"#,
    r#"{"u":18446744073709551615,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}"#,
    r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1783465157917,"s":"BTCUSDT","U":97109082200,"u":97109082205,"b":[["63551.02000000","1.87857000"],["57195.92000000","0.00480000"]],"a":[]}}"#,
    r#"{"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]}"#,
    r#"{"e":"24hrTicker","E":1672515782136,"s":"BNBBTC","p":"0.0015","P":"-250.00","w":"0.0018","c":"0.0025","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18","F":-1,"n":18151}"#,
    r#"{"code":2,"msg":"Invalid request: \"x\" \u00e9","id":3}"#,
    r#"{"result":["btcusdt@trade"],"id":null}"#,
];

const BYBIT: [&str; 6] = [
    r#"{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1687940967466,"data":{"s":"BTCUSDT","b":[["30247.20","30.028"],["30245.40","0"]],"a":[],"u":177400507,"seq":66544703342},"cts":1687940967464}"#,
    r#"{"topic":"orderbook.1.OPUSDC","ts":1749833472906,"type":"snapshot","data":{"s":"OPUSDC","b":[["0.579","3886.45"]],"a":[["0.58","4043.62"]],"u":18446744073709551615,"seq":122620616678},"cts":1749833472901}"#,
    r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.0010","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd","BT":false},{"T":1,"s":"BTCUSDT","S":"Sell","v":"1","p":"16578","i":"2290000000068683542","seq":1783284617}]}"#,
    r#"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","price24hPcnt":"-0.017103","lastPrice":"17216.00","highPrice24h":"","volume24h":"91705.276","bid1Size":"84.489"},"cs":24987956059,"ts":1673272861686}"#,
    r#"{"success":false,"ret_msg":"error:handler not found,topic:\"x\" \u00e9","conn_id":"a38867ec","req_id":"7","op":"subscribe"}"#,
    r#"{"success":true,"ret_msg":"pong","conn_id":"0970e817","op":"ping"}"#,
];

const COINBASE: [&str; 5] = [
    r#"{"type":"snapshot","product_id":"ETH-USD","asks":[["1774.93","0.56100580"]],"bids":[["1774.92","1"]],"time":"2026-07-07T22:58:16.156605Z"}"#,
    r#"{"type":"l2update","product_id":"SKL-BTC","changes":[["sell","0.00001306","660.5"],["buy","1","0.00"]],"time":"2021-04-17T16:43:37.075687Z"}"#,
    r#"{"type":"match","trade_id":1052119289,"maker_order_id":"15bc13f2","side":"sell","size":"0.2","price":"63514.6","product_id":"BTC-USD","sequence":132235026010,"time":"2026-07-07T22:58:17.164892Z"}"#,
    r#"{"type":"ticker","sequence":333938798,"product_id":"BAND-GBP","price":"14.7775","open_24h":"14.6647","best_bid":"14.7550","best_ask":"14.8060","side":"buy","time":"2021-04-17T16:43:30.244075Z"}"#,
    r#"{"type":"subscriptions","channels":[{"name":"level2_50","product_ids":["BTC-USD","ETH-USD"],"account_ids":null}]}"#,
];

const KRAKEN: [&str; 4] = [
    r#"{"channel":"book","type":"update","data":[{"symbol":"ETH/USD","bids":[],"asks":[{"price":1774.10,"qty":2.00130641}],"checksum":3356266482,"timestamp":"2026-07-07T23:00:03.977459Z"}]}"#,
    r#"{"channel":"trade","type":"update","data":[{"symbol":"ETH\/USD","side":"buy","price":1774.14,"qty":0.00147959,"ord_type":"limit","trade_id":64175815,"timestamp":"2026-07-07T23:00:04.585581Z"}]}"#,
    r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","connection_id":15113583034416118705}]}"#,
    r#"{"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},"success":true,"time_in":"2026-07-07T23:00:03.501510Z"}"#,
];

const OKX: [&str; 5] = [
    r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.98","415.50","0","13"]],"bids":[["8476.97","0","0","0"]],"ts":"1597026383085","checksum":-855196043,"seqId":123456,"prevSeqId":-1}]}"#,
    r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.90","sz":"0.12060306","side":"buy","ts":"1630048897897","count":"3","source":"0","seqId":1234}]}"#,
    r#"{"arg":{"channel":"tickers","instId":"LTC-USD-200327"},"data":[{"instType":"FUTURES","instId":"LTC-USD-200327","last":"9999.99","askPx":"","open24h":"9000","high24h":"10000","low24h":"8888.880","volCcy24h":"2222","vol24h":"3333","ts":"1597026383085"}]}"#,
    r#"{"event":"subscribe","arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"connId":"a4d3ae55"}"#,
    r#"{"event":"error","code":"60012","msg":"Invalid request: \"op\" \u00e9","connId":"a4d3ae55"}"#,
];

const TICKS: [&str; 3] = [
    r#"{"channel":"quotes","symbol":"ACME","ts":1785644622707507,"bid":"9.99","bid_size":"5","ask":10.01,"ask_size":null}"#,
    r#"{"channel":"trades","symbol":"ACME","price":"10.00","size":"3","side":"buy","id":"1","seq":7}"#,
    r#"{"channel":"book","type":"snapshot","symbol":"ACME","bids":[["9.99","5"]],"asks":[]}"#,
];

fn binance_error(text: &[u8], parser: &mut Parser) -> Option<VenueError> {
    let mut bytes = text.to_vec();
    let frame = venue::binance::parse(&mut bytes, parser);
    frame.map(|frame| _ = binance::check(&frame, text)).err()
}

fn bybit_error(text: &[u8], parser: &mut Parser) -> Option<VenueError> {
    let mut bytes = text.to_vec();
    let message = venue::bybit::parse(&mut bytes, parser);
    let data = || serde_json::from_slice::<Value>(text).expect("what was parsed is JSON");
    message.map(|message| _ = bybit::check(&message, &data())).err()
}

fn coinbase_error(text: &[u8], parser: &mut Parser) -> Option<VenueError> {
    let mut bytes = text.to_vec();
    let message = venue::coinbase::parse(&mut bytes, parser);
    let data = || serde_json::from_slice::<Value>(text).expect("what was parsed is JSON");
    message.map(|message| _ = coinbase::check(&message, &data())).err()
}

fn kraken_error(text: &[u8], parser: &mut Parser) -> Option<VenueError> {
    // A number that nobody reads may be larger than serde_json takes.
    let is_json = serde_json::from_slice::<Value>(text).is_ok();
    let check = |message| _ = is_json.then(|| kraken::check(&message, text));
    venue::kraken::parse(text, parser).map(check).err()
}

fn okx_error(text: &[u8], parser: &mut Parser) -> Option<VenueError> {
    let mut bytes = text.to_vec();
    let message = venue::okx::parse(&mut bytes, parser);
    let data = || serde_json::from_slice::<Value>(text).expect("what was parsed is JSON");
    let data = |message: &venue::okx::Message<'_>| (*message != venue::okx::Message::Pong).then(data);
    message.map(|message| _ = data(&message).map(|data| okx::check(&message, &data))).err()
}

fn tick_error(text: &[u8], parser: &mut Parser) -> Option<VenueError> {
    venue::ticks::parse(text, parser).err()
}

/// Parses, checks what comes out against serde_json, and returns the error if there is one.
type Checked = fn(&[u8], &mut Parser) -> Option<VenueError>;

fn frames() -> Vec<(&'static str, Checked)> {
    let venues: [(&[&str], Checked); 6] = [
        (&BINANCE, binance_error),
        (&BYBIT, bybit_error),
        (&COINBASE, coinbase_error),
        (&KRAKEN, kraken_error),
        (&OKX, okx_error),
        (&TICKS, tick_error),
    ];
    venues.iter().flat_map(|(texts, checked)| texts.iter().map(|text| (*text, *checked))).collect()
}

#[derive(Debug, Clone)]
enum Damage {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Repeat(Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let byte = prop_oneof![select(b"{}[]\",:\\0123456789eE.-+ ntf".to_vec()), any::<u8>()].boxed();
    prop_oneof![
        (any::<Index>(), byte.clone()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        (any::<Index>(), byte).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        any::<Index>().prop_map(Damage::Remove),
        (any::<Index>(), 1usize..40).prop_map(|(at, length)| Damage::Repeat(at, length)),
    ]
}

fn damaged(text: &str, damages: &[Damage]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for damage in damages {
        match *damage {
            Damage::Replace(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            Damage::Insert(at, byte) => bytes.insert(at.index(bytes.len()), byte),
            Damage::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Damage::Repeat(at, length) => {
                let at = at.index(bytes.len());
                let piece = bytes[at..bytes.len().min(at + length)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

#[test]
fn whole_frames_are_fine_and_every_beginning_is_called_cut_off() {
    let mut parser = Parser::default();
    for (text, error) in frames() {
        assert_eq!(error(text.as_bytes(), &mut parser), None, "{text}");
        for bytes in 0..text.len() {
            let cut = &text.as_bytes()[..bytes];
            assert_eq!(error(cut, &mut parser), Some(VenueError::Truncated { bytes }), "{}", &text[..bytes]);
        }
    }
}

#[test]
fn a_frame_that_needs_large_buffers_changes_nothing_for_the_next() {
    let mut parser = Parser::default();
    let levels = vec![r#"["1.0","2.00"]"#; 400_000].join(",");
    let large = format!(r#"{{"lastUpdateId":1,"bids":[{levels}],"asks":[]}}"#);
    for _ in 0..2 {
        let mut body = large.clone().into_bytes();
        let book = venue::binance::depth_body(&mut body, &mut parser).expect("a book");
        assert_eq!(book.bids.len(), 400_000);
        for (text, error) in frames() {
            assert_eq!(error(text.as_bytes(), &mut parser), None, "{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_read_in_a_damaged_frame_is_what_stands_there(
        (text, error) in select(frames()),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let bytes = damaged(text, &damages);
        let error = error(&bytes, &mut Parser::default());
        let json = serde_json::from_slice::<Value>(&bytes);
        match (&error, json) {
            (None, Err(json)) => prop_assert!(is_out_of_range(&json), "{json}"),
            (Some(VenueError::Truncated { .. } | VenueError::Syntax { .. }), json) => {
                prop_assert!(json.is_err(), "{error:?} for {:?}", String::from_utf8_lossy(&bytes));
            }
            _ => {}
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_a_message(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut parser = Parser::default();
        for (_, error) in frames() {
            let _ = error(&bytes, &mut parser);
        }
    }

    #[test]
    fn the_order_of_fields_does_not_matter(
        (event, fields) in select(vec![
            ("trade", vec!["E", "s", "t", "p", "q", "T", "m", "x", "y"]),
            ("aggTrade", vec!["E", "s", "a", "p", "q", "f", "l", "T", "m", "x"]),
            ("24hrTicker", vec!["E", "s", "P", "w", "c", "o", "h", "l", "v", "q", "y"]),
        ]).prop_flat_map(|(event, fields)| (Just(event), Just(fields).prop_shuffle())),
        ids in any::<[u64; 3]>(),
        prices in prop::array::uniform9("-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,12})?"),
        maker in any::<bool>(),
        at in any::<Index>(),
    ) {
        let mut prices = prices.iter();
        let mut ids = ids.iter();
        let mut members: Vec<String> = fields.iter().map(|name| match (*name, event) {
            ("E" | "T", _) => format!(r#""{name}":1783465157897"#),
            ("s", _) => r#""s":"ÄBTC\"USDT""#.to_owned(),
            ("t" | "a" | "f", _) | ("l", "aggTrade") => format!(r#""{name}":{}"#, ids.next().unwrap_or(&7)),
            ("m", _) => format!(r#""m":{maker}"#),
            ("x", _) => r#""x":{"p":[{"q":1e5}],"huge":99999999999999999999999}"#.to_owned(),
            ("y", _) => r#""y":[[],{},"p",null]"#.to_owned(),
            _ => format!(r#""{name}":"{}""#, prices.next().map_or("1", String::as_str)),
        }).collect();
        members.insert(at.index(members.len() + 1), format!(r#""e":"{event}""#));
        let text = format!("{{{}}}", members.join(","));
        let mut bytes = text.clone().into_bytes();
        let mut parser = Parser::default();
        let frame = venue::binance::parse(&mut bytes, &mut parser).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(binance::check(&frame, text.as_bytes()), event);
    }
}

/// A number that a float cannot hold, in a field that nobody reads.
fn is_out_of_range(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("number out of range")
}
