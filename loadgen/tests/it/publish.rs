//! `loadgen run --publish`: what it sends, and what it says of it.

use crate::server::Server;
use loadgen::report::Report;
use schemas::venue::Parser;
use schemas::venue::ticks;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// Symbols and times of all lines that came over the first connection, in order.
type Lines = Vec<(String, u64)>;

/// Takes the lines of one publisher.
fn listen() -> (String, JoinHandle<Lines>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let read = move || {
        let mut parser = Parser::default();
        let lines = BufReader::new(listener.accept().unwrap().0).lines();
        lines
            .map(|line| {
                let line = line.unwrap();
                let tick = ticks::parse(line.as_bytes(), &mut parser).unwrap();
                (tick.symbol.to_owned(), tick.ts.unwrap().0)
            })
            .collect()
    };
    (address, std::thread::spawn(read))
}

fn publish(offered: &[&str], arguments: &[&str]) -> (anyhow::Result<Report>, Lines) {
    let (address, lines) = listen();
    let server = Server::offering(offered, |peer| drop(peer.grant(0)));
    let report = crate::run::try_run(&server, &[&["--publish", &address], arguments].concat());
    (report, lines.join().unwrap())
}

#[test]
fn symbols_are_announced_and_then_follow_the_schedule() {
    let offered = ["acme:S0001", "sim:A", "acme:S0000"];
    let (report, lines) =
        publish(&offered, &["--rate", "200", "--publish-symbols", "2", "--duration", "500ms"]);
    let report = report.unwrap();
    assert_eq!((report.load.symbols, report.load.connections), (2, 1));
    let (announced, scheduled) = lines.split_at(2);
    assert_eq!((announced[0].0.as_str(), announced[1].0.as_str()), ("S0000", "S0001"));
    let published = report.published.unwrap();
    assert!((90..=110).contains(&published.updates), "{published:?}");
    assert!(scheduled.len() as u64 >= published.updates);
    for (number, pair) in scheduled.windows(2).enumerate() {
        assert_eq!(pair[0].0, format!("S000{}", number % 2));
        assert_eq!(pair[1].1 - pair[0].1, 5_000, "late lines keep their intended times");
    }
}

#[test]
fn symbols_that_the_broker_does_not_list_are_missed() {
    let (report, lines) = publish(&["acme:S0000", "other:S0000"], &["--rate", "200"]);
    let error = report.unwrap_err().to_string();
    assert!(error.contains("`acme:S0000` and `other:S0000`"), "{error}");
    assert_eq!(lines.len(), 1);
}
