use super::*;
use crate::digest::Digests;
use crate::testing::{market, story};
use schemas::model::Channel;

const CAPTURE: &str = r#"# tickcast-capture 1 venue=binance
1000000000000000 @open wss://stream.binance.com:9443/stream
1000001000000000 {"stream":"btcusdt@trade","data":{"e":"trade","E":5,"s":"BTCUSDT","t":7,"p":"1.50","q":"2","T":4,"m":true}}
1000002000000000 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":5,"s":"BTCUSDT","U":99,"u":101,"b":[["98","1"]],"a":[]}}
1000002500000000 @sent {"method":"PING"}
1000003000000000 @http https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5000 {"lastUpdateId":100,"bids":[["99","1"]],"asks":[["101","1"]]}
damaged
1000013000000000 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":5,"s":"BTCUSDT","U":102,"u":103,"b":[["97","1"]],"a":[]}}
1000014000000000 @close 1001 going away
"#;

fn opener(capture: &str) -> Open {
    let capture = capture.as_bytes().to_vec();
    Box::new(move || Ok(Box::new(io::Cursor::new(capture.clone()))))
}

fn replay(capture: &str, loops: bool) -> (Arc<Market>, Replay) {
    let market = market();
    let settings = Settings { digest: true, ..Settings::new("binance", "e") };
    let replay = Replay::new(opener(capture), Venue::Binance, loops, settings, Arc::clone(&market));
    (market, replay.unwrap())
}

fn digests(capture: &str) -> Digests {
    let (market, mut replay) = replay(capture, false);
    while replay.step().unwrap() {}
    market.registry().digests()
}

#[test]
fn plays_by_the_captures_clock() {
    let (market, mut replay) = replay(CAPTURE, false);
    let mut due = Vec::new();
    while let Some(at) = replay.next_due() {
        due.push(at / 1_000_000 - 1_000_000_000);
        assert!(replay.step().unwrap());
    }
    assert!(!replay.step().unwrap());
    assert_eq!(due.first(), Some(&0));
    assert!(due.contains(&7_000), "stale five seconds after the last message: {due:?}");
    assert_eq!(due.last(), Some(&14_000));
    assert_eq!(
        story(&market, Channel::Book, "binance:BTCUSDT"),
        [
            "1 reset bids 99x1 asks 101x1",
            "2 state live",
            "3 book bids 98x1 asks",
            "4 state stale no data for 5000 ms",
            "5 state live",
            "6 book bids 97x1 asks",
            "7 state stale connection lost: 1001 going away"
        ]
    );
    assert_eq!(replay.damaged(), 1);
}

#[test]
fn quotes_come_from_the_book_where_the_capture_has_none() {
    let (market, mut with_book) = replay(CAPTURE, false);
    while with_book.step().unwrap() {}
    assert_eq!(
        story(&market, Channel::Quotes, "binance:BTCUSDT")[..2],
        ["1 state live", "2 quote 99x1 101x1"]
    );
    let quote = r#"1000014500000000 {"u":1,"s":"BTCUSDT","b":"1.10","B":"2","a":"1.2","A":"3"}"#;
    let (market, mut with_stream) = replay(&format!("{CAPTURE}{quote}\n"), false);
    while with_stream.step().unwrap() {}
    assert_eq!(story(&market, Channel::Quotes, "binance:BTCUSDT"), ["1 state live", "2 quote 1.10x2 1.2x3"]);
}

#[test]
fn aggregates_are_the_trades_where_the_capture_has_no_others() {
    let aggregate = r#"1000001000000000 {"e":"aggTrade","E":5,"s":"BTCUSDT","a":3,"p":"1.50","q":"2","f":6,"l":7,"T":4,"m":true}"#;
    let trades = |capture: &str| {
        let (market, mut replay) = replay(capture, false);
        while replay.step().unwrap() {}
        story(&market, Channel::Trades, "binance:BTCUSDT")[1].clone()
    };
    assert_eq!(trades(&format!("{aggregate}\n")), "2 trades sell3");
    assert_eq!(trades(&format!("{aggregate}\n{CAPTURE}")), "2 trades sell7");
}

#[test]
fn the_same_capture_is_the_same_bytes() {
    assert_eq!(digests(CAPTURE), digests(CAPTURE));
    assert_ne!(digests(CAPTURE), digests(&CAPTURE.replace("1.50", "1.5")));
    let topics = digests(CAPTURE).topics;
    let channels: Vec<_> = topics.iter().map(|digest| digest.channel).collect();
    assert_eq!(channels, ["trades", "quotes", "book10", "book", "status"]);
}

#[test]
fn without_times_two_recordings_of_the_same_messages_are_the_same() {
    let timeless = |capture: &str| {
        let market = market();
        let settings = Settings { digest: true, timeless: true, ..Settings::new("binance", "e") };
        let replay = Replay::new(opener(capture), Venue::Binance, false, settings, Arc::clone(&market));
        let mut replay = replay.unwrap();
        while replay.step().unwrap() {}
        market.registry().digests()
    };
    let whole = CAPTURE.replace("damaged\n", "");
    let later = whole.replace("\n1000", "\n2345");
    assert_ne!(digests(&whole), digests(&later));
    assert_eq!(timeless(&whole), timeless(&later));
    assert_ne!(timeless(&whole), timeless(&later.replace("1.50", "1.5")));
}

#[test]
fn a_loop_is_a_reconnect_and_time_goes_on() {
    let (market, mut replay) = replay(CAPTURE, true);
    while replay.rounds() < 3 {
        let (before, due) = (replay.clock(), replay.next_due().unwrap());
        assert!(replay.step().unwrap() && due >= before && replay.clock() == due);
    }
    let book = story(&market, Channel::Book, "binance:BTCUSDT");
    assert_eq!(book.iter().filter(|entry| entry.contains("reset")).count(), 2);
    let trades = story(&market, Channel::Trades, "binance:BTCUSDT");
    assert_eq!(trades.iter().filter(|entry| entry.contains("sell7")).count(), 1, "{trades:?}");
}

#[test]
fn hftbacktests_depth_bodies_stand_between_the_frames() {
    let capture =
        CAPTURE.replace("@http https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5000 ", "");
    let (market, mut replay) = replay(&capture, false);
    while replay.step().unwrap() {}
    assert_eq!(
        story(&market, Channel::Book, "binance:BTCUSDT")[..2],
        ["1 reset bids 99x1 asks 101x1", "2 state live"]
    );
}

#[test]
fn a_capture_without_a_depth_body_stays_resyncing() {
    let without: String =
        CAPTURE.lines().filter(|line| !line.contains("@http")).map(|line| line.to_owned() + "\n").collect();
    let (market, mut replay) = replay(&without, false);
    while replay.step().unwrap() {}
    assert_eq!(story(&market, Channel::Book, "binance:BTCUSDT"), [""; 0]);
    assert_eq!(
        market.registry().symbol("binance:BTCUSDT").unwrap().state(),
        schemas::model::State::Resyncing
    );
}

#[test]
fn a_capture_that_breaks_off_says_so_after_what_came_before() {
    let market = market();
    let open: Open =
        Box::new(|| Ok(Box::new(io::BufReader::new(io::Read::chain(io::Cursor::new(CAPTURE), Broken)))));
    let settings = Settings::new("binance", "e");
    let mut replay = Replay::new(open, Venue::Binance, false, settings, Arc::clone(&market)).unwrap();
    let error = loop {
        match replay.step() {
            Ok(true) => {}
            Ok(false) => panic!("expected an error"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("the capture breaks off here"), "{error}");
    assert!(!replay.step().unwrap());
    assert_eq!(story(&market, Channel::Book, "binance:BTCUSDT").len(), 7);
}

struct Broken;

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[test]
fn an_epoch_is_made_of_the_capture_and_its_options() {
    let of = |capture: &str, options| epoch(capture.as_bytes(), options);
    assert_eq!(of(CAPTURE, "depth=10"), of(CAPTURE, "depth=10"));
    assert_ne!(of(CAPTURE, "depth=10"), of(CAPTURE, "depth=25"));
    assert_ne!(of(CAPTURE, ""), of(&CAPTURE[1..], ""));
    assert_eq!(of(CAPTURE, "").len(), 12);
}
