//! What a load is made of: scenarios, addresses, the time at which connections open.

use crate::cli::{loadgen, stderr};
use crate::run::try_run;
use crate::server::{Server, now_us};
use std::net::IpAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

/// A server that tells what it sees of each connection.
fn telling<T: Send + 'static>(
    see: impl Fn(&mut crate::server::Peer) -> T + Send + Sync + 'static,
) -> (Server, mpsc::Receiver<T>) {
    let (sender, seen) = mpsc::channel();
    let sender = Arc::new(Mutex::new(sender));
    let server = Server::start(move |peer| {
        let _ = sender.lock().unwrap().send(see(peer));
    });
    (server, seen)
}

#[test]
fn a_scenario_is_the_load_and_flags_win_over_it() {
    let (server, asked) = telling(|peer| peer.grant(0)["params"]["interval_ms"].as_u64());
    let directory = tempfile::tempdir().unwrap();
    let (file, out) = (directory.path().join("scenario.toml"), directory.path().join("run"));
    let scenario = format!(
        "# Ten dashboards.\nurl = \"{}\"\nconnections = 10\ninterval_ms = 50\ntiered = \"40%\"\nwarmup = \"0s\"\n\
         duration = \"10m\"\nseed = 3\nout = \"{}\"\n",
        server.url(),
        out.display()
    );
    std::fs::write(&file, scenario).unwrap();
    let file = file.to_str().unwrap();
    let output = loadgen(&["run", "--duration", "200ms", "--scenario", file, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let load = &report["load"];
    assert_eq!((&load["connections"], &load["tiered"], &load["seed"]), (&10.into(), &4.into(), &3.into()));
    assert!(load["measured_s"].as_f64().unwrap() < 60.0);
    assert_eq!(asked.try_iter().filter(|interval| *interval == Some(50)).count(), 4);
    assert!(out.join("report.html").exists());

    std::fs::write(file, "conections = 10").unwrap();
    let output = loadgen(&["run", "--scenario", file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("unknown key `conections`"), "{}", stderr(&output));
}

#[test]
fn connections_come_from_each_source_address_in_turns() {
    let (server, seen) = telling(|peer| {
        peer.grant(0);
        peer.client()
    });
    let sources = ["--connections", "6", "--source-addresses", "127.0.0.2,127.0.0.3,127.0.0.4"];
    let report = try_run(&server, &sources).unwrap();
    assert_eq!((report.connections.live, report.failures.len()), (6, 0));
    let mut from: Vec<IpAddr> = seen.try_iter().collect();
    from.sort_unstable();
    let twice = [2, 2, 3, 3, 4, 4].map(|last| IpAddr::from([127, 0, 0, last]));
    assert_eq!(from, twice);
}

#[test]
fn an_address_of_another_machine_is_a_reason_to_fail() {
    let server = Server::start(|peer| drop(peer.grant(0)));
    let report =
        try_run(&server, &["--source-addresses", "192.0.2.1", "--connect-timeout", "200ms"]).unwrap();
    let reasons: Vec<_> =
        report.connections.failed_attempts.iter().map(|(reason, _)| reason.to_owned()).collect();
    assert!(reasons[0].contains("Cannot assign requested address"), "{reasons:?}");
    assert_eq!(report.failures, ["1 of 1 connections could not be held"]);
}

#[test]
fn connections_open_one_after_the_other_over_the_ramp_up() {
    let (server, seen) = telling(|peer| {
        let at = now_us();
        peer.grant(0);
        at
    });
    // The time for connecting counts besides.
    let ramp = ["--connections", "5", "--ramp-up", "1s", "--connect-timeout", "300ms"];
    let report = try_run(&server, &ramp).unwrap();
    assert_eq!(report.connections.live, 5);
    let mut at: Vec<u64> = seen.try_iter().collect();
    at.sort_unstable();
    // 200 ms apart. What is late, is so after its time; the next one has its own.
    let late = |number: usize| at[number] as i64 - at[0] as i64 - 200_000 * number as i64;
    assert!((1..5).all(|number| (-100_000..400_000).contains(&late(number))), "{at:?}");
    assert!(report.connections.connect_s >= 0.75, "{}", report.connections.connect_s);
}
