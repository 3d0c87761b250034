//! `loadgen compare` as far as it goes without servers by others; with them it is in `tests/e2e/test_compare.py`.

use crate::cli::{loadgen, stderr};
use serde_json::Value;

#[test]
fn watchlists_are_counted_to_the_last_delivery_in_every_round() {
    let load = ["compare", "--peers", "floor,floor", "--connections", "6", "--rate", "400", "--rounds", "2"];
    let watchlists = ["--publish-symbols", "10", "--symbols-per-connection", "4", "--popularity", "zipf"];
    let times = ["--publish-order", "random", "--warmup", "0s", "--duration", "500ms", "--json"];
    let output = loadgen(&[&load[..], &watchlists, &times].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["rows"].as_array().unwrap().len(), 1, "each server once");
    let row = &report["rows"][0];
    let count = |name: &str| row[name].as_u64().unwrap();
    // Of 400 updates each is one of 10 symbols, of which each of 6 connections watches 4.
    assert!((600..1_800).contains(&count("due")), "{}", count("due"));
    assert_eq!(count("deliveries"), count("due"));
    assert_eq!(["lost", "repeated", "reordered", "foreign"].map(count), [0; 4]);
    let by_rounds: Vec<u64> = row["passes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pass| pass["report"]["roll_call"]["due"].as_u64().unwrap())
        .collect();
    assert_eq!((by_rounds.len(), by_rounds.iter().sum()), (2, count("due")));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let cases: [(&[&str], &str); 4] = [
        (&["--peers", "kafka"], "possible values: tickcast, floor, nats, mosquitto, socket.io, ws"),
        (&["--rounds", "0"], "whole number from 1"),
        (&["--symbols-per-connection", "2"], "only 1 symbols"),
        (&["--server-core", "5000"], "cannot use core [5000]"),
    ];
    for (arguments, said) in cases {
        let output = loadgen(&[&["compare", "--connections", "2", "--rate", "10"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
}
