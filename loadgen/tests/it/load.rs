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
        let seen = see(peer);
        let _ = sender.lock().unwrap().send(seen);
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

#[test]
fn channels_and_tiers_are_spread_by_their_weights() {
    let (server, asked) = telling(|peer| {
        let wanted = peer.grant(0)["params"].clone();
        (wanted["channel"].as_str().unwrap().to_owned(), wanted["interval_ms"].as_u64().unwrap_or(0))
    });
    let load = ["--connections", "8", "--channel", "quotes=3,book=1", "--interval-ms", "0,100=2,500=1"];
    let report = try_run(&server, &load).unwrap();
    let asked: Vec<_> = asked.try_iter().collect();
    let of = |wanted: &str| asked.iter().filter(|(channel, _)| channel == wanted).count();
    assert_eq!((of("quotes"), of("book")), (6, 2));
    let on = |wanted: u64| asked.iter().filter(|(_, interval)| *interval == wanted).count();
    assert_eq!([0, 100, 500].map(on), [2, 4, 2]);
    assert_eq!(
        (report.load.channel.as_str(), report.load.tiered, report.load.interval_ms),
        ("quotes,book", 6, 100)
    );
    let opened: u64 = report.classes.iter().map(|class| class.opened).sum();
    assert_eq!(opened, 8);
}

#[test]
fn each_channel_is_verified_by_itself() {
    let server = Server::start(|peer| {
        let request = peer.grant(3);
        let channel = request["params"]["channel"].as_str().unwrap().to_owned();
        let snapshot = crate::server::snapshot("sim:A", 3).replace("quotes", &channel);
        // The same digits at the same number of another channel are no contradiction, and other ones neither.
        let other = if channel == "ticker" { snapshot.replace("bid", "last") } else { snapshot };
        peer.text(&other);
        peer.text(&format!(
            r#"{{"type":"update","channel":"{channel}","symbol":"sim:A","seq":[5,5],"x":"{}"}}"#,
            peer.number
        ));
    });
    let load = ["--connections", "2", "--channel", "quotes,ticker", "--symbols", "sim:A", "--verify"];
    let report = try_run(&server, &load).unwrap();
    let faults = &report.verification.as_ref().unwrap().faults;
    let counts: Vec<_> = faults.counts.iter().collect();
    assert_eq!(counts, [("tiling", 2)]);
}

#[test]
fn several_servers_are_connected_to_in_turns_and_cost_together() {
    let (one, here) = telling(|peer| drop(peer.grant(0)));
    let (two, there) = telling(|peer| {
        drop(peer.grant(0));
        peer.wait_for_window();
        peer.claim(250, 0);
    });
    let both = format!("{},{}", one.url(), two.url());
    let run =
        ["run", "--url", &both, "--connections", "5", "--warmup", "0s", "--duration", "500ms", "--json"];
    let output = loadgen(&run);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((here.try_iter().count(), there.try_iter().count()), (3, 2));
    let broker = &report["broker"];
    assert_eq!((&broker["cpu_s"], &broker["resident_bytes_after"]), (&0.5.into(), &2_097_152.0.into()));
    assert_eq!(report["load"]["address"], both);
    let output = loadgen(&[&run[..], &["--verify"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("one server only"), "{}", stderr(&output));
}
