//! Subscribers that read too slowly, on real sockets: who is moved to a slower tier and back, and who is closed.

mod support;

use serde_json::{Value, json};
use std::time::Duration;
use support::{Broker, Client, Publisher};

const PATIENCE: Duration = Duration::from_secs(15);

/// A broker that does not wait long for anything, and a subscriber with a small buffer.
async fn slow(params: Value) -> (Broker, Publisher, Client) {
    let broker = Broker::start_with(|settings| {
        settings.conflate_after_ms = 20;
        settings.demote_after_ms = 100;
        settings.promote_after_ms = 1_500;
    });
    let mut acme = broker.open("ACME");
    acme.quote("1", "2");
    let mut client = broker.connect_with_small_buffer().await;
    client.next().await;
    let reply = client.request(json!({"id": 1, "method": "subscribe", "params": params})).await;
    assert_eq!(reply["result"]["subscribed"][0]["adaptive"], params["adaptive"]);
    (broker, acme, client)
}

/// Figures are told once a turn, for which something has to come, and some are counted a few times a second.
async fn until_stats(broker: &Broker, acme: &mut Publisher, expected: &[(&str, u64)]) {
    let told = async {
        while expected.iter().any(|(name, value)| broker.stat(name) != *value) {
            acme.quote("1", "2");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, told).await.is_ok();
    let told: Vec<_> = expected.iter().map(|(name, _)| (*name, broker.stat(name))).collect();
    assert!(in_time, "{told:?}, not {expected:?}");
}

/// Takes a frame to which `at` is the end of what came before.
fn follow(frame: &Value, at: &mut u64) {
    if frame["type"] == "tier" {
        assert_eq!(frame["after"], *at, "a tier has its place among the ranges");
    } else if let Some(last) = frame["seq"][1].as_u64() {
        assert!(frame["type"] == "snapshot" || frame["seq"][0] == *at + 1, "{frame} at {at}");
        *at = last;
    }
}

/// Reads up to a frame of this type, and checks on the way that the ranges tile.
async fn read_to(client: &mut Client, kind: &str, at: &mut u64) -> Value {
    loop {
        let frame = client.next().await;
        follow(&frame, at);
        if frame["type"] == kind {
            return frame;
        }
    }
}

/// Publishes far more than is read meanwhile, up to a frame of this type.
async fn overwhelm(acme: &mut Publisher, client: &mut Client, kind: &str, at: &mut u64) -> Value {
    let overwhelmed = async {
        loop {
            (0..500).for_each(|n| acme.quote(&n.to_string(), "1000000"));
            tokio::time::sleep(Duration::from_millis(5)).await;
            for _ in 0..5 {
                let frame = client.next().await;
                follow(&frame, at);
                if frame["type"] == kind {
                    return frame;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, overwhelmed).await.expect(kind)
}

#[tokio::test]
async fn who_is_late_again_and_again_is_moved_to_a_slower_tier_and_back_when_it_keeps_up() {
    let params = json!({"channel": "quotes", "symbols": ["sim:ACME"], "adaptive": true});
    let (broker, mut acme, mut client) = slow(params.clone()).await;
    let mut at = 0;
    let mut told = overwhelm(&mut acme, &mut client, "tier", &mut at).await;
    let mut expected = json!({"type": "tier", "channel": "quotes", "symbol": "sim:ACME", "after": at,
        "interval_ms": 50, "requested_interval_ms": 0, "reason": "slow_consumer"});
    assert_eq!(told, expected);
    let reply = client.request(json!({"id": 2, "method": "subscriptions"})).await;
    let held = &reply["result"]["subscriptions"][0];
    assert_eq!((&held["interval_ms"], &held["requested_interval_ms"]), (&json!(50), &json!(0)));
    // Asked for again in the same way it stays there, and says so again.
    let reply = client.request(json!({"id": 3, "method": "subscribe", "params": params})).await;
    assert_eq!(reply["result"]["subscribed"][0]["interval_ms"], 50);
    told = read_to(&mut client, "tier", &mut at).await;
    expected["after"] = json!(at);
    assert_eq!(told, expected);
    until_stats(&broker, &mut acme, &[("demotions", 1), ("subscriptions_demoted", 1)]).await;

    told = read_to(&mut client, "tier", &mut at).await;
    assert_eq!((&told["interval_ms"], &told["reason"]), (&json!(0), &json!("keeps_up")));
    acme.quote("7", "8");
    let update = read_to(&mut client, "update", &mut at).await;
    assert_eq!((&update["seq"], &update["bid"]), (&json!([at, at]), &json!("7")));
    until_stats(&broker, &mut acme, &[("promotions", 1), ("subscriptions_demoted", 0)]).await;
    broker.shutdown().await;
}

#[tokio::test]
async fn who_did_not_ask_for_it_is_not_moved_and_who_asks_for_another_interval_gets_that() {
    let params = |interval_ms: u64, adaptive: bool| json!({"channel": "quotes", "symbols": ["sim:ACME"], "interval_ms": interval_ms, "adaptive": adaptive});
    let (broker, mut acme, mut client) = slow(params(0, true)).await;
    let mut at = 0;
    overwhelm(&mut acme, &mut client, "tier", &mut at).await;
    for (id, asked) in [(2, params(100, true)), (3, params(0, false))] {
        let reply = client.request(json!({"id": id, "method": "subscribe", "params": asked})).await;
        let granted = &reply["result"]["subscribed"][0];
        assert_eq!(
            (&granted["interval_ms"], &granted["requested_interval_ms"]),
            (&asked["interval_ms"], &Value::Null)
        );
    }
    let demotions = broker.stat("demotions");
    let many = at + 20_000;
    while at < many {
        overwhelm(&mut acme, &mut client, "conflated", &mut at).await;
    }
    assert_eq!(broker.stat("demotions"), demotions);
    broker.shutdown().await;
}

#[tokio::test]
async fn who_asked_not_to_be_conflated_is_closed_in_a_tier_too() {
    let params =
        json!({"channel": "trades", "symbols": ["sim:ACME"], "interval_ms": 50, "on_slow": "disconnect"});
    let (broker, mut acme, mut client) = slow(params).await;
    let mut trades = 0;
    let mut publish = async |count: u64| {
        for _ in 0..count {
            trades += 100;
            (trades - 99..=trades).for_each(|n| acme.trade(n, "10.00"));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let is_full = async {
        while broker.stat("fell_behind") == 0 {
            publish(1).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_full).await.expect("a full socket");
    // Some ticks more, which its socket does not take.
    publish(200).await;
    assert_eq!(client.close_code().await, Some(4008));
    broker.shutdown().await;
}

#[tokio::test]
async fn a_snapshot_of_trades_comes_after_those_that_a_tier_still_owes() {
    let broker = Broker::start();
    let mut acme = broker.open("ACME");
    acme.trade(1, "10.00");
    let mut client = broker.connect().await;
    client.next().await;
    let params = |snapshot: bool| json!({"channel": "trades", "symbols": ["sim:ACME"], "interval_ms": 1_000, "snapshot": snapshot});
    let begun = client.request(json!({"id": 1, "method": "subscribe", "params": params(false)})).await;
    let begun = begun["result"]["subscribed"][0]["seq"].as_u64().expect("a seq");
    assert_eq!(client.next().await["type"], "snapshot");
    (2..=200).for_each(|n| acme.trade(n, "10.00"));
    let reply = client.request(json!({"id": 2, "method": "subscribe", "params": params(true)})).await;
    let promised = reply["result"]["subscribed"][0]["seq"].as_u64().expect("a seq");
    assert_eq!(promised, begun + 199);
    let mut at = begun;
    while at < promised {
        read_to(&mut client, "update", &mut at).await;
    }
    let snapshot = client.next().await;
    assert_eq!(snapshot["type"], "snapshot");
    assert_eq!(snapshot["seq"], json!([promised - 49, promised]));
    broker.shutdown().await;
}

#[tokio::test]
async fn a_closing_connection_has_its_time_and_no_longer() {
    let broker = Broker::start_with(|settings| {
        settings.stall_time_max_ms = 300;
        settings.close_timeout_ms = 300;
    });
    let mut acme = broker.open("ACME");
    // One on each shard, so that they have turns.
    let mut others = [broker.connect().await, broker.connect().await];
    for other in &mut others {
        other.next().await;
        other.subscribe("quotes", &["sim:ACME"]).await;
    }
    // This one reads its close frame, and does not end.
    let mut lingering = broker.connect().await;
    lingering.next().await;
    lingering.send_raw(b"\x82\x80\x00\x00\x00\x00").await;
    assert_eq!(lingering.close_code().await, Some(1003));
    until_stats(&broker, &mut acme, &[("ended", 1), ("resets", 0), ("connections", 2)]).await;
    // And this one does not even take the rest of its snapshot, after which its close frame would come.
    let prices: Vec<String> = (1..=1_000).map(|n| format!("{n}.00000000")).collect();
    let levels: Vec<_> = prices.iter().map(|price| (price.as_str(), "1.00000000")).collect();
    acme.book(&levels, &[]);
    let mut stuck = broker.connect_with_small_buffer().await;
    stuck.next().await;
    stuck.subscribe("book", &["sim:ACME"]).await;
    until_stats(&broker, &mut acme, &[("ended", 2), ("resets", 1), ("connections", 2)]).await;
    assert_eq!((broker.stat("closed_slow"), stuck.close_code().await), (1, None));
    broker.shutdown().await;
}
