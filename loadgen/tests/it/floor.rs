//! `loadgen floor`: its server, its publisher and the same workers as ever, over loopback.

use crate::cli::{loadgen, stderr};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

fn floor(arguments: &[&str]) -> Value {
    let start = ["floor", "--connections", "20", "--warmup", "100ms", "--seed", "1", "--json"];
    let output = loadgen(&[&start, arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["failures"], serde_json::json!([]));
    report
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn at_a_rate_every_update_of_a_symbol_reaches_its_subscribers() {
    let watchlists =
        ["--publish-symbols", "10", "--symbols-per-connection", "3", "--publish-order", "random"];
    let report = floor(&[&["--rate", "500", "--duration", "2s"], &watchlists[..]].concat());
    let row = &report["rows"][0];
    // Each update is one of 10 symbols, of which each of 20 connections watches 3.
    let per_s = number(&row["deliveries_per_s"]);
    assert!((2_400.0..3_600.0).contains(&per_s), "{per_s}");
    assert!(number(&row["server_us_per_delivery"]) > 0.0 && number(&row["p50_ms"]) > 0.0);
    let (received, connections) = (&row["report"]["received"], &row["report"]["connections"]);
    assert_eq!((&received["unparsable"], &received["conflated_frames"]), (&0.into(), &0.into()));
    assert_eq!((&connections["live"], &connections["failed_attempts"]), (&20.into(), &serde_json::json!({})));
}

#[test]
fn in_saturation_nothing_is_missed_and_batches_arrive_as_such() {
    let report = floor(&["--ahead", "32", "--batch", "1,8", "--duration", "500ms", "--threads", "2"]);
    for (row, batch) in report["rows"].as_array().unwrap().iter().zip([1.0, 8.0]) {
        assert_eq!(number(&row["batch"]), batch);
        assert!(number(&row["updates_per_read"]) >= batch * 0.9, "{row}");
        assert!(number(&row["report"]["received"]["updates"]) > 1_000.0);
        let misses = row["report"]["misses"].as_object().unwrap();
        assert!(misses.values().all(|count| count == 0), "{misses:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let cases: [(&[&str], &str); 4] = [
        (&["--ahead", "7", "--batch", "1,8"], "less than the updates of one write"),
        (&["--batch", "1"], "--rate"),
        (&["--rate", "10", "--server-core", "5000"], "cannot use core [5000]"),
        (&["--rate", "10", "--symbols-per-connection", "2"], "only 1 symbols"),
    ];
    for (arguments, said) in cases {
        let output = loadgen(&[&["floor", "--connections", "2"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn an_interrupt_from_the_terminal_ends_it_with_its_report() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["floor", "--connections", "2", "--rate", "100", "--warmup", "0s", "--duration", "10m"])
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap()).lines();
    progress.find(|line| line.as_ref().unwrap().starts_with("measuring")).unwrap().unwrap();
    // As a terminal does: the whole group.
    let group = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    let mut shown = String::new();
    child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{:?}", progress.collect::<Vec<_>>());
    assert!(shown.contains("the run was interrupted") && shown.contains("updates a write"), "{shown}");
}
