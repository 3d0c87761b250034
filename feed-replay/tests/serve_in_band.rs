//! Bybit, Coinbase, Kraken and OKX stood in for, over real sockets, with real recordings.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::recording;
use common::served::{Client, Served, capture, settings};
use feed_replay::source::Kind;
use feed_replay::venue::{ClassKind, Venue};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tempfile::tempdir;

/// The data frames of a recording.
fn data_frames(path: &Path, venue: Venue) -> Vec<String> {
    let mut frames = Vec::new();
    let tape = settings(path, venue).tape;
    let keep = |item: &feed_replay::source::Item| {
        if item.kind == Kind::Frame && venue.classify(&item.text).kind == ClassKind::Data {
            frames.push(item.text.clone());
        }
    };
    tape.read(|error| panic!("{error}"), keep).unwrap();
    frames
}

fn symbols(frames: &[String], venue: Venue) -> Vec<String> {
    let mut symbols: Vec<_> = frames.iter().map(|frame| venue.classify(frame).symbol.into_owned()).collect();
    symbols.sort();
    symbols.dedup();
    symbols
}

/// The next frame that is neither a made heartbeat nor a reply.
async fn next_data(client: &mut Client, venue: Venue) -> String {
    loop {
        let text = client.text().await;
        if venue.classify(&text).kind == ClassKind::Data {
            return text;
        }
    }
}

#[tokio::test]
async fn coinbase_recordings_arrive_whole_and_late_clients_get_the_same_book() {
    for name in ["coinbase_10symbols_20210417.cryptofeed", "coinbase_btc-eth_20260707.ndjson"] {
        let Some(path) = recording(name) else { continue };
        let frames = data_frames(&path, Venue::Coinbase);
        let products = symbols(&frames, Venue::Coinbase);
        let served = Served::start(settings(&path, Venue::Coinbase)).await;
        let mut client = served.connect("/").await;
        let has_heartbeats = frames.iter().any(|frame| frame.contains("\"heartbeat\""));
        for channel in ["level2_batch", "matches", "ticker", "heartbeat"] {
            // Made heartbeats would stand between the recorded frames.
            if channel != "heartbeat" || has_heartbeats {
                let request = json!({"type": "subscribe", "product_ids": products, "channels": [channel]});
                client.send(&request.to_string()).await;
            }
        }
        for frame in &frames {
            assert_eq!(next_data(&mut client, Venue::Coinbase).await, *frame, "{name}");
        }
        let mut late = served.connect("/").await;
        let request = json!({"type": "subscribe", "product_ids": products, "channels": ["level2"]});
        late.send(&request.to_string()).await;
        assert_eq!(late.json().await["type"], "subscriptions");
        for product in &products {
            let snapshot = late.json().await;
            assert_eq!((&snapshot["type"], &snapshot["product_id"]), (&json!("snapshot"), &json!(product)));
            assert_eq!(sides(&snapshot), coinbase_book(&frames, product), "{name} {product}");
        }
        served.stop().await;
    }
}

type Levels = BTreeMap<String, String>;

fn sides(snapshot: &Value) -> (Levels, Levels) {
    let side = |name: &str| {
        let levels = snapshot[name].as_array().unwrap().iter();
        levels.map(|level| (text(&level[0]), text(&level[1]))).collect()
    };
    (side("bids"), side("asks"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The book that the recording itself leads to.
fn coinbase_book(frames: &[String], product: &str) -> (Levels, Levels) {
    let mut book = (Levels::new(), Levels::new());
    for frame in frames.iter().filter(|frame| frame.contains(&format!("\"product_id\":\"{product}\""))) {
        let frame: Value = serde_json::from_str(frame).unwrap();
        if frame["type"] == "snapshot" {
            book = sides(&frame);
        }
        for change in frame["changes"].as_array().into_iter().flatten() {
            let side = if change[0] == "buy" { &mut book.0 } else { &mut book.1 };
            let (price, size) = (text(&change[1]), text(&change[2]));
            if size.trim_matches(['0', '.']).is_empty() {
                side.remove(&price);
            } else {
                side.insert(price, size);
            }
        }
    }
    book
}

#[tokio::test]
async fn kraken_recordings_arrive_whole_and_late_books_have_the_venues_checksum() {
    let recordings = [
        ("kraken-v2_btc-eth_20260707.ndjson", 10),
        ("kraken-v2_btcusd_20260802.cbcap", 25),
        ("kraken-v2_btcusd-resyncs_20260801.cbcap", 10),
    ];
    for (name, depth) in recordings {
        let Some(path) = recording(name) else { continue };
        let frames = data_frames(&path, Venue::Kraken);
        let pairs = symbols(&frames, Venue::Kraken);
        let served = Served::start(settings(&path, Venue::Kraken)).await;
        let book =
            json!({"method": "subscribe", "params": {"channel": "book", "symbol": pairs, "depth": depth}})
                .to_string();
        let mut client = served.connect("/v2").await;
        assert_eq!(client.json().await["channel"], "status");
        client.send(&book).await;
        let trades = json!({"method": "subscribe", "params": {"channel": "trade", "symbol": pairs}});
        client.send(&trades.to_string()).await;
        for frame in &frames {
            assert_eq!(next_data(&mut client, Venue::Kraken).await, *frame, "{name}");
        }
        let mut late = served.connect("/v2").await;
        late.send(&book).await;
        for pair in &pairs {
            let snapshot: Value = serde_json::from_str(&next_data(&mut late, Venue::Kraken).await).unwrap();
            let of_pair = |frame: &&String| {
                frame.contains(&format!("\"symbol\":\"{pair}\"")) && frame.contains("\"book\"")
            };
            let last: Value = serde_json::from_str(frames.iter().rfind(of_pair).unwrap()).unwrap();
            assert_eq!(
                (&snapshot["type"], &snapshot["data"][0]["symbol"]),
                (&json!("snapshot"), &json!(pair))
            );
            assert_eq!(snapshot["data"][0]["checksum"], last["data"][0]["checksum"], "{name} {pair}");
            assert_eq!(snapshot["data"][0]["bids"].as_array().unwrap().len(), depth);
        }
        served.stop().await;
    }
}

#[tokio::test]
async fn bybit_recordings_arrive_whole_and_late_clients_get_the_last_best_bid_and_ask() {
    let recordings = [
        ("bybit-v5-linear_20250613.cryptofeed", "/v5/public/linear"),
        ("bybit-v5-spot_20250613.cryptofeed", "/v5/public/spot"),
    ];
    for (name, path_of_market) in recordings {
        let Some(path) = recording(name) else { continue };
        let frames = data_frames(&path, Venue::Bybit);
        let topics: Vec<_> =
            symbols(&frames, Venue::Bybit).iter().map(|symbol| format!("orderbook.1.{symbol}")).collect();
        let served = Served::start(settings(&path, Venue::Bybit)).await;
        let request = json!({"req_id": "1", "op": "subscribe", "args": topics}).to_string();
        let mut client = served.connect(path_of_market).await;
        client.send(&request).await;
        for frame in &frames {
            assert_eq!(next_data(&mut client, Venue::Bybit).await, *frame, "{name}");
        }
        let mut late = served.connect(path_of_market).await;
        late.send(&request).await;
        for topic in &topics {
            let last = frames.iter().rfind(|frame| frame.contains(&format!("\"{topic}\""))).unwrap();
            assert_eq!(next_data(&mut late, Venue::Bybit).await, *last, "{name}");
        }
        served.stop().await;
    }
}

#[tokio::test]
async fn okx_recordings_arrive_whole_and_late_books_have_the_venues_checksum() {
    let recordings =
        ["okx-v5_10symbols_20220227.cryptofeed", "okx-v5_10symbols_line1-of-3_20210722.cryptofeed"];
    for name in recordings {
        let Some(path) = recording(name) else { continue };
        let frames = data_frames(&path, Venue::Okx);
        let instruments = symbols(&frames, Venue::Okx);
        let served = Served::start(settings(&path, Venue::Okx)).await;
        let subscribe = |channels: &[&str]| {
            let args = channels.iter().flat_map(|channel| {
                instruments.iter().map(move |name| json!({"channel": channel, "instId": name}))
            });
            json!({"op": "subscribe", "args": args.collect::<Vec<_>>()}).to_string()
        };
        let mut client = served.connect("/ws/v5/public").await;
        client.send(&subscribe(&["books-l2-tbt", "trades", "tickers"])).await;
        for frame in &frames {
            assert_eq!(next_data(&mut client, Venue::Okx).await, *frame, "{name}");
        }
        let mut late = served.connect("/ws/v5/public").await;
        late.send(&subscribe(&["books"])).await;
        for instrument in &instruments {
            let snapshot: Value = serde_json::from_str(&next_data(&mut late, Venue::Okx).await).unwrap();
            assert_eq!(snapshot["arg"], json!({"channel": "books", "instId": instrument}));
            let of_book =
                |frame: &&String| frame.contains(&format!("\"books-l2-tbt\",\"instId\":\"{instrument}\""));
            let last: Value = serde_json::from_str(frames.iter().rfind(of_book).unwrap()).unwrap();
            assert_eq!(snapshot["data"][0]["checksum"], last["data"][0]["checksum"], "{name} {instrument}");
        }
        served.stop().await;
    }
}

#[tokio::test]
async fn an_okx_client_that_connects_too_often_or_says_nothing_is_refused() {
    let folder = tempdir().unwrap();
    let ticker = r#"{"arg":{"channel":"tickers","instId":"X-Y"},"data":[{"instType":"SPOT","ts":"1"}]}"#;
    let mut settings = settings(&capture(folder.path(), &[ticker.to_owned()]), Venue::Okx);
    settings.limits.idle_within = Some(Duration::from_millis(300));
    let served = Served::start(settings).await;
    let url = format!("ws://{}/ws/v5/public", served.address);
    let attempts = (0..12).map(|_| tokio_tungstenite::connect_async(&url));
    let attempts = futures_util::future::join_all(attempts).await;
    let refusals: Vec<_> = attempts.iter().filter_map(|attempt| attempt.as_ref().err()).collect();
    assert!(!refusals.is_empty() && refusals.len() < 12, "{refusals:?}");
    assert!(refusals.iter().all(|refusal| refusal.to_string().contains("429")), "{refusals:?}");
    let sockets = attempts.into_iter().flatten().map(|(socket, _)| Client { socket });
    let mut clients: Vec<_> = sockets.collect();
    clients[0].send("ping").await;
    assert_eq!(clients[0].text().await, "pong");
    assert_eq!(clients[0].closed().await, 4004);
    served.stop().await;
}

#[tokio::test]
async fn a_refused_kraken_client_stays_connected_and_hears_heartbeats_once_subscribed() {
    let folder = tempdir().unwrap();
    let snapshot = r#"{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":1.50}]}"#;
    let served =
        Served::start(settings(&capture(folder.path(), &[snapshot.to_owned()]), Venue::Kraken)).await;
    let mut client = served.connect("/").await;
    assert_eq!(client.json().await["channel"], "status");
    client.send("not json").await;
    assert_eq!(client.json().await["success"], false);
    let request = r#"{"method":"subscribe","params":{"channel":"ticker","symbol":["XX/YY"]},"req_id":3}"#;
    client.send(request).await;
    assert_eq!(client.json().await["error"], "Currency pair not supported XX/YY");
    client.send(&request.replace("XX/YY", "BTC/USD")).await;
    assert_eq!(client.json().await["result"]["event_trigger"], "trades");
    let mut heard = client.texts(2).await;
    heard.sort();
    assert_eq!(heard, [r#"{"channel":"heartbeat"}"#, snapshot]);
    served.stop().await;
    assert_eq!(client.closed().await, 1001);
}

#[tokio::test]
async fn a_coinbase_client_that_says_nothing_is_closed() {
    let folder = tempdir().unwrap();
    let update = r#"{"type":"l2update","product_id":"BTC-USD","changes":[]}"#;
    let mut settings = settings(&capture(folder.path(), &[update.to_owned()]), Venue::Coinbase);
    settings.limits.subscribe_within = Duration::from_millis(100);
    let served = Served::start(settings).await;
    let mut silent = served.connect("/").await;
    assert_eq!(silent.closed().await, 1008);
    assert_eq!(served.get("/nothing").await.0, 404);
    served.stop().await;
}
