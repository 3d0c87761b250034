//! Binance stood in for, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::recording;
use common::served::{Served, capture, settings};
use feed_replay::serve::{Limits, Server, Speed};
use feed_replay::source::{Item, Kind};
use feed_replay::venue::Venue;
use futures_util::SinkExt as _;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tempfile::tempdir;
use tungstenite::Message;

fn trade(id: u64) -> String {
    format!(
        r#"{{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":{id},"p":"1.50","q":"2.00","T":1700000000000,"m":true}}"#
    )
}

fn trades(count: u64) -> Vec<String> {
    (1..=count).map(trade).collect()
}

#[tokio::test]
async fn streams_by_path_and_by_request_see_all_frames() {
    let folder = tempdir().unwrap();
    let served = Served::start(settings(&capture(folder.path(), &trades(500)), Venue::Binance)).await;
    let mut raw = served.connect("/ws/btcusdt@trade").await;
    let mut combined = served.connect("/stream").await;
    combined.send(r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":"a"}"#).await;
    assert_eq!(combined.text().await, r#"{"result":null,"id":"a"}"#);
    assert_eq!(raw.texts(500).await, trades(500));
    let wrapped: Vec<_> =
        trades(500).iter().map(|trade| format!(r#"{{"stream":"btcusdt@trade","data":{trade}}}"#)).collect();
    assert_eq!(combined.texts(500).await, wrapped);
    // At its end the connection stays, and answers.
    raw.send(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    assert_eq!(raw.json().await, json!({"result": ["btcusdt@trade"], "id": 1}));
    served.stop().await;
    assert_eq!(raw.closed().await, 1001);
}

#[tokio::test]
async fn pings_and_pongs_of_a_client_are_fine_and_so_is_a_close_without_a_code() {
    let folder = tempdir().unwrap();
    let mut settings = settings(&capture(folder.path(), &trades(1)), Venue::Binance);
    settings.limits = Limits { lenient: true, ..settings.limits };
    let served = Served::start(settings).await;
    let mut client = served.connect("/stream?streams=0").await;
    client.socket.send(Message::Pong("nobody asked".into())).await.unwrap();
    client.socket.send(Message::Ping("there?".into())).await.unwrap();
    assert_eq!(client.message().await, Some(Message::Pong("there?".into())));
    // The same stream again and again does no harm, and ids come back as they were sent.
    for id in ["0", "0", "\"0\"", "null", "-9007199254740993"] {
        let request = |method: &str| {
            format!(r#"{{"method":"{method}","params":["btcusdt@trade","btcusdt@trade"],"id":{id}}}"#)
        };
        client.send(&request("SUBSCRIBE")).await;
        assert_eq!(client.text().await, format!(r#"{{"result":null,"id":{id}}}"#));
        client.send(&request("LIST_SUBSCRIPTIONS")).await;
        assert_eq!(client.text().await, format!(r#"{{"result":["btcusdt@trade"],"id":{id}}}"#));
    }
    assert_eq!(client.text().await, format!(r#"{{"stream":"btcusdt@trade","data":{}}}"#, trade(1)));
    client.socket.send(Message::Close(None)).await.unwrap();
    assert_eq!(client.message().await, Some(Message::Close(None)));
    assert_eq!(client.message().await, None);
    served.stop().await;
}

#[tokio::test]
async fn bad_requests_are_answered_and_bad_frames_close() {
    let folder = tempdir().unwrap();
    let mut settings = settings(&capture(folder.path(), &trades(1)), Venue::Binance);
    settings.limits = Limits { request_bytes_max: 1_000, requests_per_s_max: Some(20), ..settings.limits };
    let served = Served::start(settings).await;
    let mut client = served.connect("/ws").await;
    client.send("{\"method\":").await;
    assert_eq!(client.json().await["code"], 3);
    client.send(r#"{"method":"FLY","id":7}"#).await;
    let reply = client.json().await;
    assert_eq!((&reply["code"], &reply["id"]), (&json!(2), &json!(7)));
    client.send(&"x".repeat(2_000)).await;
    assert_eq!(client.closed().await, 1009);

    let mut flood = served.connect("/ws").await;
    for _ in 0..30 {
        flood.send(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    }
    assert_eq!(flood.closed().await, 1008);
    assert!(tokio_tungstenite::connect_async(format!("ws://{}/nowhere", served.address)).await.is_err());
    assert_eq!(served.get("/api/v3/depth?symbol=NOSUCH").await.0, 400);
    assert_eq!(served.get("/api/v3/ping").await, (200, "{}".to_owned()));
    served.stop().await;
}

#[tokio::test]
async fn the_clock_starts_with_the_first_subscriber_and_keeps_the_recorded_pace() {
    let folder = tempdir().unwrap();
    let mut settings = settings(&capture(folder.path(), &trades(21)), Venue::Binance);
    settings.speed = Speed::Times(0.5);
    let served = Served::start(settings).await;
    let mut client = served.connect("/ws").await;
    let asked = Instant::now();
    client.send(r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#).await;
    client.text().await;
    assert_eq!(client.texts(21).await, trades(21));
    // 50 ms to settle, then twenty times 10 ms at half the speed. A busy machine may deliver later, never earlier.
    assert!(asked.elapsed() >= Duration::from_millis(450), "{:?}", asked.elapsed());
    served.stop().await;
}

#[tokio::test]
async fn from_and_to_cut_and_restamp_stamps() {
    let folder = tempdir().unwrap();
    let mut settings = settings(&capture(folder.path(), &trades(100)), Venue::Binance);
    settings.speed = Speed::Times(10.0);
    settings.restamp = true;
    settings.from = Some("+200ms".parse().unwrap());
    settings.to = Some("+400ms".parse().unwrap());
    let served = Served::start(settings).await;
    let mut client = served.connect("/ws/btcusdt@trade?timeUnit=MICROSECOND").await;
    let mut previous = None;
    for id in 21..=41 {
        let text = client.text().await;
        let frame: Value = serde_json::from_str(&text).unwrap();
        let stamp = frame["E"].as_u64().unwrap();
        assert_eq!(text, trade(id).replace("1700000000000", &stamp.to_string()));
        if let Some(previous) = previous {
            assert_eq!(stamp - previous, 1_000, "10 ms at ten times the speed");
        }
        previous = Some(stamp);
    }
    served.stop().await;
}

#[tokio::test]
async fn a_damaged_capture_is_served_without_its_damage() {
    let folder = tempdir().unwrap();
    let path = capture(folder.path(), &trades(3));
    let text = std::fs::read_to_string(&path).unwrap().replacen("\n", "\nnonsense\n", 1);
    std::fs::write(&path, text).unwrap();
    let served = Served::start(settings(&path, Venue::Binance)).await;
    let mut client = served.connect("/ws/btcusdt@trade").await;
    assert_eq!(client.texts(3).await, trades(3));
    served.stop().await;
}

#[tokio::test]
async fn a_loop_goes_on_with_ids() {
    let folder = tempdir().unwrap();
    let mut settings = settings(&capture(folder.path(), &trades(5)), Venue::Binance);
    settings.looped = true;
    let served = Served::start(settings).await;
    let mut client = served.connect("/ws/btcusdt@trade").await;
    for id in 1..=17 {
        assert_eq!(client.json().await["t"], id);
    }
    served.stop().await;
}

#[tokio::test]
async fn a_slow_reader_is_cut_off_and_holds_back_no_other() {
    // 40 MB in four seconds: more than the queue and the kernel take for a socket that nobody reads.
    let padding = "x".repeat(10_000);
    let frames: Vec<_> = trades(4_000).iter().map(|trade| trade.replace("1.50", &padding)).collect();
    let folder = tempdir().unwrap();
    let mut settings = settings(&capture(folder.path(), &frames), Venue::Binance);
    settings.speed = Speed::Times(10.0);
    settings.limits.queue_bytes_max = 16 << 20;
    let served = Served::start(settings).await;
    let mut stuck = served.connect("/ws/btcusdt@trade").await;
    let mut fast = served.connect("/ws/btcusdt@trade").await;
    assert_eq!(fast.texts(4_000).await, frames);
    let mut read = 0;
    while let Some(message) = stuck.message().await {
        read += usize::from(message.is_text());
    }
    assert!(read < 4_000, "it was cut off before the end");
    served.stop().await;
}

#[tokio::test]
async fn at_max_the_slowest_reader_sets_the_pace_and_nothing_is_lost() {
    let folder = tempdir().unwrap();
    let mut settings = settings(&capture(folder.path(), &trades(20_000)), Venue::Binance);
    settings.limits.ahead_bytes_max = 10_000;
    let served = Served::start(settings).await;
    let mut slow = served.connect("/ws/btcusdt@trade").await;
    let mut fast = served.connect("/ws/btcusdt@trade").await;
    let all = trades(20_000);
    let reading = tokio::spawn(async move { fast.texts(20_000).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(slow.texts(20_000).await, all);
    assert_eq!(reading.await.unwrap(), all);
    served.stop().await;
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let folder = tempdir().unwrap();
    let mut settings = settings(&capture(folder.path(), &trades(1)), Venue::Binance);
    settings.limits.ping_every = Some(Duration::from_millis(50));
    settings.limits.pong_within = Some(Duration::from_millis(800));
    let served = Served::start(settings).await;
    let mut answering = served.connect("/ws").await;
    for _ in 0..8 {
        assert!(answering.message().await.unwrap().is_ping());
    }
    // A client that does not read does not answer either.
    let mut silent = served.connect("/ws").await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    while let Some(message) = silent.message().await {
        assert!(message.is_ping() || message.is_close(), "{message:?}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_said() {
    let folder = tempdir().unwrap();
    let path = capture(folder.path(), &trades(1));
    let served = Served::start(settings(&path, Venue::Binance)).await;
    let error = match Server::bind(served.address, settings(&path, Venue::Binance)).await {
        Ok(_) => panic!("the port is in use"),
        Err(error) => error.to_string(),
    };
    assert!(error.starts_with(&format!("cannot listen on {}: ", served.address)), "{error}");
    served.stop().await;
}

/// A book kept by Binance's rules from the wire alone, and the one that the recording says.
#[tokio::test]
async fn recorded_books_join_over_rest_for_early_and_late_clients() {
    for name in ["binance-spot_10symbols_20210405.cryptofeed", "binance-spot_btcusdt_20240808.gz"] {
        let Some(path) = recording(name) else { continue };
        let depths = depth_updates(&path);
        let served = Served::start(settings(&path, Venue::Binance)).await;
        let streams: Vec<_> = depths.iter().map(|(stream, _)| stream.as_str()).collect();
        let mut client = served.connect(&format!("/stream?streams={}", streams.join("/"))).await;
        let total: usize = depths.iter().map(|(_, frames)| frames.len()).sum();
        let mut early = Vec::new();
        for (stream, _) in &depths {
            early.push(book_of(&served, stream).await);
        }
        for _ in 0..total {
            let frame = client.json().await;
            let at = depths.iter().position(|(stream, _)| frame["stream"] == **stream).unwrap();
            apply(&mut early[at], &frame["data"]);
        }
        for (at, (stream, frames)) in depths.iter().enumerate() {
            let late = book_of(&served, stream).await;
            assert_eq!(late, early[at], "{name} {stream} after {} events", frames.len());
        }
        served.stop().await;
    }
}

type Levels = std::collections::BTreeMap<String, String>;

/// The depth streams of a recording and their events.
fn depth_updates(path: &std::path::Path) -> Vec<(String, Vec<String>)> {
    let mut streams: Vec<(String, Vec<String>)> = Vec::new();
    let tape = settings(path, Venue::Binance).tape;
    let mut see = |item: &Item| {
        let frame: Value = serde_json::from_str(&item.text).unwrap();
        let Some(stream) = frame["stream"].as_str().filter(|stream| stream.contains("@depth")) else {
            return;
        };
        match streams.iter_mut().find(|(name, _)| name == stream) {
            Some((_, frames)) => frames.push(item.text.clone()),
            None => streams.push((stream.to_owned(), vec![item.text.clone()])),
        }
    };
    tape.read(
        |error| panic!("{error}"),
        |item| {
            if item.kind == Kind::Frame {
                see(item)
            }
        },
    )
    .unwrap();
    streams
}

async fn book_of(served: &Served, stream: &str) -> (u64, Levels, Levels) {
    let symbol = stream.split('@').next().unwrap().to_uppercase();
    let (status, body) = served.get(&format!("/api/v3/depth?symbol={symbol}&limit=5000")).await;
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let mut book = (body["lastUpdateId"].as_u64().unwrap(), Levels::new(), Levels::new());
    set(&mut book.1, &body["bids"]);
    set(&mut book.2, &body["asks"]);
    book
}

fn apply(book: &mut (u64, Levels, Levels), event: &Value) {
    let (first, last) = (event["U"].as_u64().unwrap(), event["u"].as_u64().unwrap());
    if last <= book.0 {
        return;
    }
    assert!(first <= book.0 + 1, "a gap before {first}");
    book.0 = last;
    set(&mut book.1, &event["b"]);
    set(&mut book.2, &event["a"]);
}

fn set(side: &mut Levels, levels: &Value) {
    for level in levels.as_array().unwrap() {
        let (price, size) = (level[0].as_str().unwrap(), level[1].as_str().unwrap());
        if size.trim_matches(['0', '.']).is_empty() {
            side.remove(price);
        } else {
            side.insert(price.to_owned(), size.to_owned());
        }
    }
}
