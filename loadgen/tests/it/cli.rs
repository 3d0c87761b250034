//! The exit status and the outputs of the binary.

use crate::server::Server;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

pub(crate) fn loadgen(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadgen")).args(arguments).output().unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bad_usage_ends_with_status_2_and_says_what_is_wrong() {
    let url = "ws://127.0.0.1:1/v1/stream";
    let cases: [(&[&str], &str); 14] = [
        (&[], "Usage"),
        (&["fly"], "unrecognized subcommand"),
        (&["run", "--url", url], "--connections"),
        (&["run", "--url", url, "--connections", "x"], "whole number"),
        (&["run", "--url", "http://a/", "--connections", "1"], "expected ws://HOST:PORT/PATH"),
        (&["run", "--url", url, "--connections", "1", "--duration", "0s"], "--duration"),
        (
            &["run", "--url", url, "--connections", "1", "--stalled", "60%", "--trickling", "60%"],
            "more than 100%",
        ),
        (&["run", "--url", url, "--connections", "100000000"], "open files"),
        (&["run", "--url", url, "--connections", "1", "--publish", "127.0.0.1:1"], "--rate"),
        (
            &["run", "--url", url, "--connections", "1", "--publish", "nowhere", "--rate", "1"],
            "--publish nowhere: ",
        ),
        (
            &[
                "run",
                "--url",
                url,
                "--connections",
                "1",
                "--publish",
                "127.0.0.1:1",
                "--rate",
                "1",
                "--channel",
                "book",
            ],
            "--channel is `book`",
        ),
        (&["storm", "--url", url, "--connections", "100000000"], "open files"),
        (&["storm", "--url", url, "--cut", "politely"], "reset, close"),
        (&["storm", "--url", url, "--baseline", "0s"], "--baseline"),
    ];
    for (arguments, said) in cases {
        let output = loadgen(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_broker_that_is_not_there_ends_with_status_1() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/v1/stream", listener.local_addr().unwrap());
    drop(listener);
    let output = loadgen(&["run", "--url", &url, "--connections", "1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("GET /v1/symbols"), "{}", stderr(&output));
}

#[test]
fn the_report_is_text_or_json_and_both_are_in_the_directory() {
    let server = Server::start(|peer| drop(peer.grant(0)));
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("deep/run");
    let url = server.url();
    let arguments =
        ["run", "--url", &url, "--connections", "2", "--warmup", "0s", "--duration", "200ms", "--seed", "7"];
    let text = loadgen(&[&arguments[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(text.status.code(), Some(0), "{}", stderr(&text));
    let shown = String::from_utf8(text.stdout).unwrap();
    for expected in
        ["seed 7", "machine", "2 connections, quotes", "deliveries", "--connections 2", "broker CPU"]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert_eq!(std::fs::read_to_string(out.join("report.txt")).unwrap().trim_end(), shown.trim_end());
    assert!(std::fs::read_to_string(out.join("latency.hgrm")).unwrap().contains("Percentile"));

    let json = loadgen(&[&arguments[..], &["--json"]].concat());
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&report["load"]["seed"], &report["connections"]["live"]), (&7.into(), &2.into()));
    let written: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(written["load"]["channel"], "quotes");
}

#[test]
fn a_storm_ends_with_status_1_when_someone_lacks_a_snapshot() {
    let server = Server::start(|peer| drop(peer.grant_with_snapshots(9, usize::from(peer.number == 3))));
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let url = server.url();
    let arguments =
        ["storm", "--url", &url, "--connections", "2", "--live", "1", "--symbols-per-connection", "2"];
    let times =
        ["--warmup", "0s", "--baseline", "200ms", "--within", "50ms", "--limit", "200ms", "--patience", "0s"];
    let storm = loadgen(&[&arguments[..], &times, &["--seed", "7", "--out", out]].concat());
    assert_eq!(storm.status.code(), Some(1), "{}", stderr(&storm));
    let shown = String::from_utf8(storm.stdout).unwrap();
    for expected in [
        "seed 7",
        "2 connections, and 1 that stay",
        "NO: 1 of 2 were in the end",
        "FAILED",
        "broker memory",
        "10 of niceness",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert_eq!(read("report.txt").trim_end(), shown.trim_end());
    assert_eq!(read("connections.csv").lines().count(), 3);
    assert!(
        read("connections.csv").lines().nth(1).unwrap().starts_with("0,0,"),
        "{}",
        read("connections.csv")
    );
    for name in
        ["consistent.hgrm", "first-frame.hgrm", "live-before.hgrm", "live-during.hgrm", "live-after.hgrm"]
    {
        assert!(read(name).contains("Percentile"), "{name}");
    }
    assert_eq!(read("live.csv"), "since_cut,updates,p50,p99,max\n");
    let report: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!((&report["comeback"]["consistent"], &report["load"]["cut"]), (&1.into(), &"reset".into()));

    let json = loadgen(&[&arguments[..], &times, &["--fresh", "--json"]].concat());
    assert_eq!(json.status.code(), Some(0), "{}", stderr(&json));
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&report["comeback"]["consistent"], &report["load"]["cut"]),
        (&2.into(), &serde_json::Value::Null)
    );
}

#[test]
fn flags_come_from_the_environment_too() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .arg("run")
        .env("TICKCAST_URL", "ws://127.0.0.1:1/")
        .env("TICKCAST_CONNECTIONS", "1")
        .env("TICKCAST_DURATION", "soon")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("expected a duration"), "{}", stderr(&output));
}

#[test]
fn an_interrupt_ends_the_run_with_its_report() {
    let server = Server::start(|peer| drop(peer.grant(0)));
    let url = server.url();
    let mut child = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["run", "--url", &url, "--connections", "1", "--warmup", "0s", "--duration", "10m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap()).lines();
    progress.find(|line| line.as_ref().unwrap().starts_with("measuring")).unwrap().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut shown = String::new();
    child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(shown.contains("the run was interrupted") && shown.contains("deliveries"), "{shown}");
}
