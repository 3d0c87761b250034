//! Shards on real sockets: what subscribers read, byte for byte, when they join, follow, stall, resume and leave.

mod support;

use schemas::model::{Channel, State};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::{Broker, Client};
use tokio::net::TcpSocket;

/// First and last `seq` of a data frame.
fn seq(frame: &Value) -> (u64, u64) {
    let number = |at: usize| frame["seq"][at].as_u64().expect("a range");
    (number(0), number(1))
}

#[tokio::test]
async fn a_newcomer_gets_the_reply_then_the_snapshot_then_each_update() {
    let broker = Broker::start();
    let mut acme = broker.open("ACME");
    acme.quote("10.00", "10.10");
    let mut client = broker.connect().await;
    assert_eq!(client.next().await["type"], "hello");
    let reply = client
        .request(
            json!({"id": 1, "method": "subscribe", "params": {"channel": "quotes", "symbols": ["sim:ACME"]}}),
        )
        .await;
    let granted = &reply["result"]["subscribed"][0];
    assert_eq!((&granted["symbol"], &granted["state"]), (&json!("sim:ACME"), &json!("live")));
    let snapshot = client.next().await;
    assert_eq!((&snapshot["type"], &snapshot["bid"]), (&json!("snapshot"), &json!("10.00")));
    assert_eq!(snapshot["seq"][1], granted["seq"]);
    let joined = seq(&snapshot).1;
    for n in 1..100 {
        acme.quote(&format!("10.{n:02}"), "11.00");
        let update = client.next().await;
        assert_eq!((&update["type"], &update["bid"]), (&json!("update"), &json!(format!("10.{n:02}"))));
        assert_eq!(seq(&update), (joined + n, joined + n));
    }
    broker.shutdown().await;
}

#[tokio::test]
async fn a_topic_without_data_begins_at_one() {
    let broker = Broker::start();
    let mut acme = broker.open("ACME");
    let mut client = broker.connect().await;
    client.next().await;
    let reply = client.subscribe("trades", &["sim:ACME"]).await;
    assert_eq!(reply["result"]["subscribed"][0]["seq"], 0);
    acme.trade(1, "10.00");
    let first = client.next().await;
    assert_eq!(seq(&first).0, 1);
    broker.shutdown().await;
}

#[tokio::test]
async fn a_wildcard_covers_symbols_that_appear_later() {
    let broker = Broker::start();
    let mut acme = broker.open("ACME");
    acme.quote("1", "2");
    let mut client = broker.connect().await;
    client.next().await;
    let reply = client.subscribe("quotes", &["sim:*"]).await;
    assert_eq!(reply["result"]["subscribed"][0]["matched"], 1);
    assert_eq!(client.next().await["symbol"], "sim:ACME");
    let mut late = broker.open("LATE");
    late.quote("3", "4");
    // Its first frame announces it: the first update, or a snapshot if there was one before the shard had a look.
    loop {
        let frame = client.next().await;
        assert_eq!(frame["symbol"], "sim:LATE");
        if frame["bid"] == "3" {
            break;
        }
    }
    let reply = client
        .request(
            json!({"id": 2, "method": "unsubscribe", "params": {"channel": "quotes", "symbols": ["sim:*"]}}),
        )
        .await;
    assert_eq!(reply["result"]["unsubscribed"], 2);
    late.quote("5", "6");
    let reply = client.request(json!({"id": 3, "method": "ping"})).await;
    assert_eq!(reply["id"], 3, "nothing of a topic follows the reply to its unsubscribe");
    broker.shutdown().await;
}

#[tokio::test]
async fn two_subscribers_of_a_book_stay_equal_and_a_deleted_level_is_zero() {
    let broker = Broker::start();
    let mut acme = broker.open("ACME");
    acme.book(&[("10.00", "1"), ("9.99", "2")], &[("10.01", "3")]);
    let (mut one, mut two) = (broker.connect().await, broker.connect().await);
    for client in [&mut one, &mut two] {
        client.next().await;
        client.subscribe("book", &["sim:ACME"]).await;
        let snapshot = client.next().await;
        assert_eq!(snapshot["bids"], json!([["10.00", "1"], ["9.99", "2"]]));
        assert_eq!(snapshot["state"], "live");
    }
    acme.book_change(&[("9.99", "0.000")], &[("10.01", "3.5")]);
    let update = one.next().await;
    assert_eq!((&update["bids"], &update["asks"]), (&json!([["9.99", "0"]]), &json!([["10.01", "3.5"]])));
    assert_eq!(update, two.next().await);
    broker.shutdown().await;
}

#[tokio::test]
async fn who_resumes_gets_what_was_missed_and_is_told_if_that_is_not_possible() {
    let broker = Broker::start();
    let mut acme = broker.open("ACME");
    for n in 1..=20 {
        acme.trade(n, "10.00");
    }
    let mut client = broker.connect().await;
    client.next().await;
    let granted = client.subscribe("trades", &["sim:ACME"]).await["result"]["subscribed"][0].clone();
    let (epoch, last) = (granted["epoch"].clone(), granted["seq"].as_u64().unwrap());
    let resume = |after: u64, epoch: &Value| {
        json!({"id": 1, "method": "subscribe", "params": {"channel": "trades",
        "symbols": [{"symbol": "sim:ACME", "epoch": epoch, "after": after}]}})
    };

    let mut again = broker.connect().await;
    again.next().await;
    let reply = again.request(resume(last - 5, &epoch)).await;
    assert_eq!(reply["result"]["subscribed"][0]["resumed"], true);
    assert_eq!(reply["result"]["subscribed"][0]["seq"], last - 5);
    for n in last - 4..=last {
        assert_eq!(seq(&again.next().await), (n, n));
    }

    let mut other = broker.connect().await;
    other.next().await;
    let reply = other.request(resume(last, &json!("another-life"))).await;
    assert_eq!(reply["result"]["subscribed"][0]["resumed"], false);
    assert_eq!(other.next().await["type"], "snapshot");
    broker.shutdown().await;
}

#[tokio::test]
async fn a_tier_merges_what_comes_between_its_ticks() {
    let broker = Broker::start();
    let mut acme = broker.open("ACME");
    acme.quote("1", "2");
    let mut client = broker.connect().await;
    client.next().await;
    let reply = client.request(json!({"id": 1, "method": "subscribe", "params": {"channel": "quotes", "symbols": ["sim:ACME"], "interval_ms": 30}})).await;
    assert_eq!(reply["result"]["subscribed"][0]["interval_ms"], 50);
    let mut last = seq(&client.next().await).1;
    let goal = last + 500;
    for n in 0..500 {
        acme.quote(&n.to_string(), "1000");
    }
    let mut frames = 0;
    while last < goal {
        let update = client.next().await;
        assert_eq!(seq(&update).0, last + 1);
        last = seq(&update).1;
        frames += 1;
    }
    assert!(frames < 100, "{frames} frames for 500 updates");
    acme.state(State::Stale, "test");
    let state = client.next().await;
    assert_eq!((&state["type"], seq(&state).0), (&json!("state"), last + 1));
    broker.shutdown().await;
}

#[tokio::test]
async fn a_shard_whose_subscribers_all_sit_on_tiers_sleeps_between_their_ticks() {
    let broker = Broker::start_with(|settings| settings.tiers_ms = vec![0, 60_000]);
    let mut acme = broker.open("ACME");
    acme.quote("1", "2");
    let mut patient = broker.connect().await;
    patient.next().await;
    let asked = json!({"channel": "quotes", "symbols": ["sim:ACME"], "interval_ms": 60_000});
    patient.request(json!({"id": 1, "method": "subscribe", "params": asked})).await;
    assert_eq!(patient.next().await["type"], "snapshot");

    let mut turns_of_updates = async || {
        let before = broker.stat("turns");
        for n in 0..20 {
            acme.quote(&n.to_string(), "1000");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        broker.stat("turns") - before
    };
    assert!(turns_of_updates().await <= 1, "none but one that was under way");
    let mut prompt = broker.connect().await;
    prompt.next().await;
    let reply = prompt.subscribe("quotes", &["sim:ACME"]).await;
    let mut last = seq(&prompt.next().await).1;
    assert_eq!(reply["result"]["subscribed"][0]["seq"], last);
    assert!(turns_of_updates().await >= 10);
    for _ in 0..20 {
        let update = prompt.next().await;
        assert_eq!(seq(&update), (last + 1, last + 1));
        last += 1;
    }
    // It leaves; the others are told of a state at once all the same, with all that was before it.
    let given_up = json!({"channel": "quotes", "symbols": ["sim:ACME"]});
    prompt.request(json!({"id": 2, "method": "unsubscribe", "params": given_up})).await;
    assert!(turns_of_updates().await <= 1);
    acme.state(State::Stale, "test");
    let merged = patient.next().await;
    assert_eq!((&merged["type"], seq(&merged).1), (&json!("update"), last + 20));
    assert_eq!(patient.next().await["state"], "stale");
    broker.shutdown().await;
}

#[tokio::test]
async fn who_does_not_read_loses_nothing_silently_and_costs_the_others_nothing() {
    let broker = Broker::start_with(|settings| settings.conflate_after_ms = 0);
    let mut acme = broker.open("ACME");
    acme.quote("1", "2");
    acme.trade(1, "10.00");
    let mut slow = broker.connect_with_small_buffer().await;
    let mut quick = broker.connect().await;
    for client in [&mut slow, &mut quick] {
        client.next().await;
        client.subscribe("quotes", &["sim:ACME"]).await;
        client.subscribe("trades", &["sim:ACME"]).await;
    }
    let mut counted = support::Tally::default();
    for n in 2..30_000_u64 {
        acme.quote(&n.to_string(), "1000000");
        acme.trade(n, "10.00");
        if n % 50 == 0 {
            let head = acme.head(Channel::Trades);
            quick.read_until(&mut counted, &[("trades", head)]).await;
        }
    }
    let (quotes, trades) = (acme.head(Channel::Quotes), acme.head(Channel::Trades));
    quick.read_until(&mut counted, &[("quotes", quotes), ("trades", trades)]).await;
    assert_eq!((counted.conflated, counted.lost), (0, 0));
    let mut late = support::Tally::default();
    slow.read_until(&mut late, &[("quotes", quotes), ("trades", trades)]).await;
    assert!(late.conflated > 0, "a socket of 4 KiB took 30,000 quotes");
    assert_eq!(late.sum("quotes"), quotes - late.joined("quotes"));
    assert_eq!(late.sum("trades"), trades - late.joined("trades"));
    broker.shutdown().await;
}

#[tokio::test]
async fn a_stuck_connection_is_closed_with_4008_and_only_it() {
    let broker = Broker::start_with(|settings| settings.stall_time_max_ms = 300);
    let mut acme = broker.open("ACME");
    let mut stuck = broker.connect_with_small_buffer().await;
    let mut quick = broker.connect().await;
    for client in [&mut stuck, &mut quick] {
        client.next().await;
        client.subscribe("trades", &["sim:ACME"]).await;
    }
    let mut counted = support::Tally::default();
    for n in 1.. {
        acme.trade(n, "10.00");
        if n % 64 == 0 {
            let head = acme.head(Channel::Trades);
            quick.read_until(&mut counted, &[("trades", head)]).await;
        }
        if broker.stat("closed_slow") > 0 {
            break;
        }
    }
    assert_eq!(counted.lost, 0);
    assert_eq!(broker.stat("closed_slow"), 1);
    broker.shutdown().await;
}

#[tokio::test]
async fn requests_are_answered_while_the_shard_never_rests() {
    let broker = Broker::start();
    let mut acme = broker.open("ACME");
    let mut readers = Vec::new();
    for _ in 0..50 {
        let mut client = broker.connect().await;
        client.next().await;
        client.subscribe("quotes", &["sim:ACME"]).await;
        readers.push(client);
    }
    let enough = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&enough);
    let writer = tokio::task::spawn_blocking(move || {
        let mut quotes = 0_u64;
        while !told.load(Ordering::Relaxed) {
            quotes += 1;
            acme.quote(&quotes.to_string(), "100000000");
        }
    });
    let drains: Vec<_> = readers.into_iter().map(|client| tokio::spawn(client.drain())).collect();
    let mut client = broker.connect().await;
    client.next().await;
    for id in 0..20 {
        let pong = client.request(json!({"id": id, "method": "ping"})).await;
        assert_eq!(pong["id"], id);
    }
    enough.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    broker.shutdown().await;
    for drain in drains {
        drain.await.unwrap();
    }
}

#[tokio::test]
async fn faults_close_with_their_codes_and_bad_requests_do_not_close() {
    let broker = Broker::start();
    broker.open("ACME");
    let cases: [(&[u8], u16); 4] = [
        (b"\x82\x80\x00\x00\x00\x00", 1003),
        (b"\x81\x02hi", 1002),
        (b"\x81\x81\x00\x00\x00\x00\xff", 1007),
        (b"\x81\xff\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00", 1009),
    ];
    for (bytes, code) in cases {
        let mut client = broker.connect().await;
        client.next().await;
        client.send_raw(bytes).await;
        assert_eq!(client.close_code().await, Some(code));
    }
    let mut client = broker.connect().await;
    client.next().await;
    client.send_text("{").await;
    assert_eq!(client.next().await["error"]["code"], "bad_request");
    let unknown = client.subscribe("quotes", &["sim:NOBODY"]).await;
    assert_eq!(unknown["result"]["rejected"][0]["code"], "unknown_symbol");
    assert_eq!(client.request(json!({"id": 9, "method": "ping"})).await["id"], 9);
    broker.shutdown().await;
}

#[tokio::test]
async fn a_flood_of_requests_is_refused_and_then_ends_the_connection() {
    let broker = Broker::start_with(|settings| {
        settings.request_burst_max = 5;
        settings.refused_requests_max = 10;
    });
    let mut client = broker.connect().await;
    client.next().await;
    for id in 0..40 {
        client.send_text(&format!("{{\"id\":{id},\"method\":\"ping\"}}")).await;
    }
    let (mut answered, mut refused) = (0, 0);
    while let Some(reply) = client.next_or_close().await {
        if reply["error"]["code"] == "rate_limited" { refused += 1 } else { answered += 1 }
    }
    assert_eq!((answered, refused), (5, 10));
    assert_eq!(client.closed_with(), Some(1008));
    broker.shutdown().await;
}

#[tokio::test]
async fn at_the_end_all_are_told_to_come_back() {
    let broker = Broker::start();
    let mut client = broker.connect().await;
    client.next().await;
    let end = tokio::spawn(async move {
        let goaway = client.next().await;
        (goaway, client.close_code().await)
    });
    broker.shutdown().await;
    let (goaway, code) = end.await.unwrap();
    assert_eq!(goaway["type"], "goaway");
    assert!(goaway["reconnect_in_ms"].as_u64().unwrap() > 0);
    assert_eq!(code, Some(1001));
}

#[tokio::test]
async fn more_subscriptions_than_allowed_are_refused_one_by_one() {
    let broker = Broker::start_with(|settings| settings.subscriptions_max = 2);
    for name in ["A", "B", "C"] {
        broker.open(name);
    }
    let mut client: Client = broker.connect().await;
    client.next().await;
    let reply = client.subscribe("quotes", &["sim:A", "sim:B", "sim:C"]).await;
    assert_eq!(reply["result"]["subscribed"].as_array().unwrap().len(), 2);
    assert_eq!(reply["result"]["rejected"][0]["code"], "limit_exceeded");
    let reply = client.subscribe("trades", &["*"]).await;
    assert_eq!(reply["result"]["rejected"][0]["code"], "limit_exceeded");
    broker.shutdown().await;
}

#[tokio::test]
async fn updates_between_two_turns_leave_in_one_write() {
    // Longer than the test may take, so that it does not depend on the machine's pace.
    let broker = Broker::start_with(|settings| settings.turn_interval_ms = 300);
    let mut acme = broker.open("ACME");
    acme.quote("1", "2");
    let mut client = broker.connect().await;
    client.next().await;
    client.subscribe("quotes", &["sim:ACME"]).await;
    assert_eq!(client.next().await["type"], "snapshot");
    // A turn begins now; what comes until the next one is merged into one write.
    acme.quote("1", "3");
    assert_eq!(client.next().await["ask"], "3");
    // The shard tells its figures when its turn is over.
    let figures = async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        (broker.stat("writes"), broker.stat("deliveries"))
    };
    let (writes, deliveries) = figures().await;
    for n in 4..24 {
        acme.quote("1", &n.to_string());
        tokio::task::yield_now().await;
    }
    for n in 4..24 {
        assert_eq!(client.next().await["ask"], n.to_string());
    }
    let ping = client.request(json!({"id": 7, "method": "ping"})).await;
    assert_eq!(ping["id"], 7);
    let (writes_after, deliveries_after) = figures().await;
    assert_eq!((writes_after - writes, deliveries_after - deliveries), (1, 20));
    broker.shutdown().await;
}

#[tokio::test]
async fn who_comes_is_not_taken_for_one_who_left_at_that_moment() {
    const CLOSE_1000: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    let broker = Broker::start();
    let (mut leaving, mut coming) = (Vec::new(), Vec::new());
    for _ in 0..300 {
        let mut client = broker.connect().await;
        client.next().await;
        leaving.push(client);
        coming.push(broker.wait_outside(TcpSocket::new_v4().unwrap()).await);
    }
    let mut came = Vec::new();
    for (leaver, (client, waiting)) in leaving.into_iter().zip(coming) {
        // Without waiting for the answer: its place is free as soon as the shard has read to the end.
        leaver.send_and_leave(&CLOSE_1000);
        broker.admit(waiting);
        came.push(client);
    }
    // Longer than the broker waits for those who left.
    tokio::time::sleep(Duration::from_millis(600)).await;
    for client in &mut came {
        let answered = async {
            client.next().await;
            client.request(json!({"id": 9, "method": "ping"})).await
        };
        let answer = tokio::time::timeout(Duration::from_secs(10), answered).await;
        assert_eq!(answer.expect("an answer")["id"], 9);
    }
    broker.shutdown().await;
}
