//! The documents of the protocol describe what the protocol's own encoders write and its parser takes, and nothing less.

#![allow(clippy::unwrap_used, reason = "a test ends where something fails")]

use jsonschema::{Retrieve, Uri, Validator};
use schemas::decimal::Decimal;
use schemas::model::{
    Body, BookImage, BookLevels, Channel, Event, Level, Loss, Micros, Quote, Side, State, StateChange,
    Symbol, Ticker, Trade, TradeId, Update,
};
use schemas::wire::frame::{self, AsOf, Topic};
use schemas::wire::reply::{self, ErrorCode, Hello, Limits, Rejected, Subscribed};
use schemas::wire::request::{self, RequestId};
use schemas::wire::{PROTOCOL, SeqRange};
use serde_json::{Value, json};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/documents")
}

fn document(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(name)).expect(name);
    serde_json::from_str(&text).expect(name)
}

/// Finds what documents refer to beside them.
struct Folder;

impl Retrieve for Folder {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let name = uri.as_str().rsplit('/').next().unwrap_or_default();
        Ok(serde_json::from_str(&std::fs::read_to_string(folder().join(name))?)?)
    }
}

fn validator(schema: &Value) -> Validator {
    let base = "json-schema:///documents/root.json";
    jsonschema::options().with_base_uri(base).with_retriever(Folder).build(schema).unwrap()
}

/// A document that, unlike the one that is published, allows no field that it does not describe.
fn strict(name: &str) -> Validator {
    let mut schema = document(name);
    schema["unevaluatedProperties"] = json!(false);
    validator(&schema)
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn levels() -> BookLevels {
    let level = |price, size| Level { price: decimal(price), size: decimal(size) };
    BookLevels {
        bids: vec![level("63501.60", "0.000")],
        asks: vec![level("63501.7", "2")],
        checksum: u32::MAX,
    }
}

fn change() -> StateChange {
    StateChange { state: State::Stale, reason: "no data for 2000 ms".into(), since: Micros(3), last: None }
}

fn trades() -> Vec<Trade> {
    let (price, size) = (decimal("1.50"), decimal("3"));
    let full =
        Trade { id: Some(TradeId::Number(9)), ts: Some(Micros(4)), price, size, side: Some(Side::Sell) };
    let bare = Trade { id: None, ts: None, side: None, ..full.clone() };
    vec![Trade { id: Some(TradeId::Text("a\"b".into())), ..full.clone() }, full, bare]
}

fn updates() -> Vec<(Channel, Update)> {
    let quote = Quote { bid: Some(decimal("1.0")), ask_size: Some(decimal("2")), ..Quote::default() };
    let ticker = Ticker { last: Some(decimal("1")), change_pct: Some(decimal("-0.50")), ..Ticker::default() };
    vec![
        (Channel::Trades, Update::Trades(trades().into())),
        (Channel::Quotes, Update::Quote(quote)),
        (Channel::Quotes, Update::Quote(Quote::default())),
        (Channel::Ticker, Update::Ticker(Box::new(ticker))),
        (Channel::Book10, Update::Book10(levels())),
        (Channel::Book, Update::Book(levels())),
        (Channel::Status, Update::Status(change())),
    ]
}

fn on(channel: Channel, write: impl FnOnce(&mut Vec<u8>, Topic<'_>, SeqRange)) -> Vec<u8> {
    let symbol = Symbol::new("kraken", "BTC/USD").unwrap();
    let mut text = Vec::new();
    write(&mut text, Topic { channel, symbol: &symbol, epoch: "6745c1a2-1" }, SeqRange::new(7, 9));
    text
}

fn entry(channel: Channel, body: Body) -> Vec<u8> {
    let event = Event { ts: Some(Micros(1)), rx: Micros(2), state: State::Live, body };
    on(channel, |out, topic, seq| frame::entry(out, topic, seq, &event))
}

/// Each frame that the encoders write, with the name of its document.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let as_of = AsOf { ts: None, rx: Some(Micros(2)), state: State::Live };
    let mut frames = Vec::new();
    for (channel, update) in updates() {
        frames.push(("update.json", entry(channel, Body::Update(update.clone()))));
        if channel != Channel::Trades {
            let snapshot =
                on(channel, |out, topic, seq| frame::snapshot_whole(out, topic, seq, as_of, Some(&update)));
            frames.push(("snapshot.json", snapshot));
        }
    }
    for channel in [Channel::Quotes, Channel::Ticker, Channel::Status] {
        frames.push((
            "snapshot.json",
            on(channel, |out, topic, seq| frame::snapshot_whole(out, topic, seq, as_of, None)),
        ));
    }
    let all = trades();
    frames.push((
        "snapshot.json",
        on(Channel::Trades, |out, topic, seq| frame::snapshot_trades(out, topic, seq, as_of, all.iter())),
    ));
    let image =
        BookImage { ts: Some(Micros(1)), rx: Micros(2), state: State::Resyncing, levels: Arc::new(levels()) };
    frames.push(("snapshot.json", entry(Channel::Book, Body::Reset(image))));
    frames.push(("state.json", entry(Channel::Book, Body::State(change()))));
    frames.push(("gap.json", entry(Channel::Trades, Body::Loss(Loss { lost: 3 }))));
    let slow = on(Channel::Trades, |out, topic, seq| frame::gap(out, topic, seq, 3, "slow_consumer"));
    frames.push(("gap.json", slow));
    frames.push(("conflated.json", on(Channel::Quotes, frame::conflated)));
    let tier = frame::Tier { interval_ms: 100, requested_interval_ms: 0, reason: "slow_consumer" };
    frames
        .push(("tier.json", on(Channel::Quotes, |out, topic, seq| frame::tier(out, topic, seq.last, &tier))));
    frames.extend(replies());
    frames
}

fn replies() -> Vec<(&'static str, Vec<u8>)> {
    let limits = Limits { subscriptions: 4_096, requests_per_s: 50, message_bytes: 262_144 };
    let hello = Hello { protocol: PROTOCOL, node: "a", ping_ms: 20_000, tiers_ms: &[0, 50], limits };
    let symbol = Subscribed {
        channel: Channel::Book,
        symbol: Some("kraken:BTC/USD"),
        pattern: None,
        matched: None,
        epoch: Some("e-1"),
        seq: Some(0),
        interval_ms: 100,
        requested_interval_ms: Some(0),
        on_slow: "conflate",
        adaptive: true,
        state: Some(State::Live),
        resumed: Some(false),
    };
    let pattern = Subscribed {
        symbol: None,
        pattern: Some("binance:*"),
        matched: Some(2),
        epoch: None,
        seq: None,
        requested_interval_ms: None,
        adaptive: false,
        state: None,
        resumed: None,
        ..symbol.clone()
    };
    let listed = Subscribed { seq: None, resumed: None, ..symbol.clone() };
    let rejected =
        Rejected { symbol: "x y", code: ErrorCode::UnknownSymbol, message: "no such symbol".into() };
    let too_many =
        Rejected { symbol: "binance:NEW", code: ErrorCode::LimitExceeded, message: "too many".into() };
    let left_out = reply::rejected(Channel::Book, "binance:*", &too_many);
    let (granted, rejected) = ([symbol, pattern], [rejected]);
    let id = RequestId::Text("a".into());
    vec![
        ("hello.json", reply::hello(&hello)),
        ("reply.json", reply::subscribe(&id, &granted, &rejected)),
        ("reply.json", reply::subscribe(&RequestId::Number(1), &granted, &[])),
        ("reply.json", reply::unsubscribe(&id, 3, &rejected)),
        ("reply.json", reply::subscriptions(&id, &granted)),
        ("reply.json", reply::subscriptions(&id, &[listed])),
        ("reply.json", reply::pong(&RequestId::Absent, Micros(5))),
        ("reply.json", reply::error(&id, ErrorCode::RateLimited, "slower")),
        ("rejected.json", left_out),
        ("heartbeat.json", reply::heartbeat(Micros(5))),
        ("goaway.json", reply::goaway(1_500, "shutdown")),
    ]
}

#[test]
fn every_frame_is_described_by_its_document_and_by_that_of_all() {
    let all = validator(&document("server.json"));
    for (name, text) in frames() {
        let value: Value = serde_json::from_slice(&text).unwrap();
        let errors: Vec<_> = strict(name).iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name} does not describe {value}: {errors:?}");
        assert!(all.is_valid(&value), "server.json does not describe {value}");
    }
}

#[test]
fn what_is_no_frame_is_told_apart() {
    let (name, text) = frames().remove(0);
    let frame: Value = serde_json::from_slice(&text).unwrap();
    let wrong = [
        ("seq", json!([1])),
        ("seq", json!([1, 2, 3])),
        ("channel", json!("gossip")),
        ("symbol", json!("BTC")),
        ("ts", json!("1")),
        ("rx", json!(null)),
        ("trades", json!([{ "price": 1.5, "size": "1" }])),
        ("trades", json!([{ "price": "1.5" }])),
        ("type", json!("snapshot")),
    ];
    for (field, value) in wrong {
        let mut damaged = frame.clone();
        damaged[field] = value;
        assert!(!strict(name).is_valid(&damaged), "{damaged}");
    }
}

#[test]
fn requests_are_what_the_parser_takes() {
    let schema = document("request.json");
    let validator = validator(&schema);
    for example in schema["examples"].as_array().unwrap() {
        assert!(validator.is_valid(example), "{example}");
        request::parse(&example.to_string()).unwrap();
    }
    let refused = [
        json!({"id": 1}),
        json!({"id": 1.5, "method": "ping"}),
        json!({"id": "x".repeat(65), "method": "ping"}),
        json!({"method": "dance"}),
        json!({"method": "ping", "params": {"x": 1}}),
        json!({"method": "ping", "extra": 1}),
        json!({"method": "subscribe"}),
        json!({"method": "subscribe", "params": {"channel": "gossip", "symbols": []}}),
        json!({"method": "subscribe", "params": {"channel": "book", "symbols": "a:b"}}),
        json!({"method": "subscribe", "params": {"channel": "book", "symbols": [], "interval_ms": -1}}),
        json!({"method": "subscribe", "params": {"channel": "book", "symbols": [], "on_slow": "wait"}}),
        json!({"method": "subscribe", "params": {"channel": "book", "symbols": [{"symbol": "a:b"}]}}),
        json!({"method": "authenticate", "params": {}}),
    ];
    for request in refused {
        assert!(!validator.is_valid(&request), "{request}");
        assert!(request::parse(&request.to_string()).is_err(), "{request}");
    }
}

#[test]
fn documents_are_schemas_and_refer_to_documents() {
    let api = std::fs::read_to_string(folder().join("asyncapi.yaml")).unwrap();
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    names.sort();
    assert!(names.len() >= 12, "{names:?}");
    for name in &names {
        let schema = document(name);
        jsonschema::meta::validate(&schema).unwrap();
        validator(&schema);
        let is_message = !["common.json", "server.json"].contains(&name.as_str());
        assert_eq!(api.contains(&format!("'./{name}'")), is_message, "{name} in asyncapi.yaml");
    }
    let referred = api.split("'./").skip(1).map(|rest| rest.split('\'').next().unwrap());
    for name in referred {
        assert!(names.iter().any(|known| known == name), "asyncapi.yaml refers to {name}");
    }
}
