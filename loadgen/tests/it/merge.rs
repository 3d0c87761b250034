//! A load that several processes carry, and the one report of it.

use crate::cli::{loadgen, stderr};
use crate::known::{SECOND_US, is_close, send_aged};
use crate::server::Server;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

const LOAD: [&str; 8] =
    ["--symbols", "sim:A", "--connections", "6", "--warmup", "0s", "--duration", "1500ms"];
const UPDATES: u64 = 20;

/// Sends each connection its updates in the window, those of the first 100 s late and of all others 200 s.
fn server() -> Server {
    Server::start(|peer| {
        peer.grant(0);
        peer.wait_for_windows(2);
        let late_s = if peer.number == 0 { 100 } else { 200 };
        (1..=UPDATES).for_each(|seq| send_aged(peer, seq, late_s * SECOND_US));
    })
}

fn shown(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Six connections with twenty updates each, a sixth of which came half as late as the others.
#[track_caller]
fn is_known(report: &Value) {
    let received = |key: &str| report["received"][key].as_u64().unwrap();
    assert_eq!((received("updates"), received("entries")), (6 * UPDATES, 6 * UPDATES));
    assert_eq!((&report["connections"]["live"], &report["load"]["connections"]), (&6.into(), &6.into()));
    let latency = &report["latency_us"]["corrected"];
    let point = |name: &str| latency[name].as_u64().unwrap();
    assert_eq!(point("count"), 6 * UPDATES);
    let mean = latency["mean"].as_f64().unwrap() as u64;
    is_close(mean, (100 + 5 * 200) * SECOND_US / 6);
    is_close(point("p50"), 200 * SECOND_US);
    is_close(point("max"), 200 * SECOND_US);
    let seconds = report["series"].as_array().unwrap();
    let deliveries: u64 = seconds.iter().map(|second| second["deliveries"].as_u64().unwrap()).sum();
    assert_eq!((deliveries, &report["failures"]), (6 * UPDATES, &serde_json::json!([])));
    // The server tells of a CPU time that does not grow, and of one MiB.
    assert_eq!(
        (&report["broker"]["cpu_s"], &report["broker"]["resident_bytes_after"]),
        (&0.0.into(), &1_048_576.0.into())
    );
    let parts = report["parts"].as_array().unwrap();
    let deliveries: u64 = parts.iter().map(|part| part["deliveries"].as_u64().unwrap()).sum();
    assert_eq!((parts.len(), deliveries), (2, 6 * UPDATES));
}

#[test]
fn processes_measure_together_and_report_as_one() {
    let server = server();
    let url = server.url();
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let run = ["run", "--url", &url, "--processes", "2", "--out", out, "--json"];
    let report = shown(&loadgen(&[&run[..], &LOAD].concat()));
    is_known(&report);
    for name in ["report.html", "latency.hlog", "latency.hgrm"] {
        assert!(directory.path().join(name).exists(), "{name}");
    }
    let page = std::fs::read_to_string(directory.path().join("report.html")).unwrap();
    assert!(
        page.contains("<table id=\"parts\">") && page.contains("<td>2/2</td><td>3</td><td>60</td>"),
        "{page}"
    );
    let text = std::fs::read_to_string(directory.path().join("report.txt")).unwrap();
    for expected in ["part 1/2", "part 2/2", "3 live, 60 deliveries", "--processes 2"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn parts_that_were_started_by_hand_are_merged() {
    let server = server();
    let (url, directory) = (server.url(), tempfile::tempdir().unwrap());
    let out = |part: &str| directory.path().join(part.replace('/', "-")).to_str().unwrap().to_owned();
    let start = |part: &str| {
        let share = ["run", "--url", &url, "--seed", "1", "--part", part, "--out", &out(part)];
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        command
            .args([&share[..], &LOAD].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let parts = ["1/2", "2/2"].map(start).map(|child| child.wait_with_output().unwrap());
    for part in &parts {
        assert_eq!(part.status.code(), Some(0), "{}", stderr(part));
        let text = String::from_utf8_lossy(&part.stdout);
        assert!(text.contains("2 of it: 3 connections") && text.contains("3 live"), "{text}");
    }
    let merged = directory.path().join("whole");
    let output = loadgen(&["merge", &out("2/2"), &out("1/2"), "--json", "--out", merged.to_str().unwrap()]);
    is_known(&shown(&output));
    assert!(!Path::new(&merged).join("part.json").exists());

    let refused = |arguments: &[&str], said: &str| {
        let output = loadgen(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    };
    refused(&["merge", &out("1/2")], "part 2/2 is missing");
    refused(&["merge", &out("1/2"), &out("1/2")], "part 1/2 is there twice");
    refused(&["merge", merged.to_str().unwrap()], "part.json");
    refused(&["merge"], "<DIR>");
}

#[test]
fn processes_share_the_load_as_one_process_would_have_it() {
    let symbols: Vec<String> = (0..50).map(|number| format!("sim:{number:02}")).collect();
    let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let asked = |processes: &[&str]| {
        let asked = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = asked.clone();
        let server = Server::offering(&names, move |peer| {
            let request = peer.grant(0);
            let _ = seen.lock().unwrap().insert((peer.client(), request["params"]["symbols"].to_string()));
        });
        let url = server.url();
        let run =
            ["run", "--url", &url, "--connections", "6", "--symbols-per-connection", "5", "--seed", "3"];
        let rest =
            ["--source-addresses", "127.0.0.1,127.0.0.2", "--warmup", "0s", "--duration", "100ms", "--json"];
        shown(&loadgen(&[&run[..], &rest, processes].concat()));
        Arc::try_unwrap(asked)
            .map_or_else(|asked| asked.lock().unwrap().clone(), |asked| asked.into_inner().unwrap())
    };
    let whole = asked(&[]);
    assert_eq!(whole.len(), 6);
    assert_eq!(asked(&["--processes", "3"]), whole);
}

#[test]
fn a_process_that_fails_ends_the_others() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/v1/stream", listener.local_addr().unwrap());
    drop(listener);
    let output = loadgen(&["run", "--url", &url, "--connections", "2", "--processes", "2"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("GET /v1/symbols") && said.contains("of 2 failed"), "{said}");
}

#[test]
fn an_interrupt_ends_all_processes_with_one_report() {
    let server = Server::start(|peer| drop(peer.grant(0)));
    let url = server.url();
    let mut child = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args([
            "run",
            "--url",
            &url,
            "--connections",
            "2",
            "--processes",
            "2",
            "--warmup",
            "0s",
            "--duration",
            "10m",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut progress = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    progress.find(|line| line.as_ref().unwrap().starts_with("measuring")).unwrap().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("the run was interrupted") && shown.contains("2 live"), "{shown}");
}
