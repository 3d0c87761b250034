//! The command line as people and scripts use it: what it prints where, and its exit statuses.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::tempdir;

fn feed_replay(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_feed-replay"));
    command.args(arguments).env_remove("RUST_LOG");
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = feed_replay(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn sample(venue: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("samples/{venue}.capture.zst"));
    path.to_str().unwrap().to_owned()
}

#[test]
fn bad_usage_ends_with_2_and_says_what_was_expected() {
    let cases = [
        (vec!["serve"], "required"),
        (vec!["fly"], "unrecognized subcommand"),
        (vec!["serve", "x", "--venue", "nyse", "--listen", "127.0.0.1:0"], "expected binance, "),
        (vec!["serve", "x", "--venue", "kraken", "--listen", "here"], "invalid socket address"),
        (vec!["serve", "x", "--venue", "kraken", "--listen", "127.0.0.1:0", "--speed", "fast"], "or max"),
        (
            vec!["serve", "x", "--venue", "kraken", "--listen", "127.0.0.1:0", "--from", "soon"],
            "expected unix seconds",
        ),
        (
            vec!["import", "--from", "tardis", "x", "--venue", "kraken", "--out", "y"],
            "possible values: cryptofeed",
        ),
        (vec!["generate", "--venue", "kraken", "--duration", "long", "--out", "y"], "expected a duration"),
        (vec!["generate", "--venue", "kraken", "--symbols", "0", "--out", "y"], "symbols: expected 1 to"),
        (
            vec!["serve", "x", "--venue", "kraken", "--listen", "127.0.0.1:0", "--rest", "u=f"],
            "expected the venue binance",
        ),
    ];
    for (arguments, message) in cases {
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
    }
}

#[test]
fn what_fails_ends_with_1_and_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    let nothing = nothing.to_str().unwrap();
    let kraken = sample("kraken");
    let cases = [
        (
            vec!["serve", &kraken, "--venue", "kraken", "--listen", &address],
            format!("cannot listen on {address}"),
        ),
        (vec!["serve", nothing, "--venue", "kraken", "--listen", "127.0.0.1:0"], "No such file".to_owned()),
        (
            vec!["serve", &kraken, "--venue", "binance", "--listen", "127.0.0.1:0"],
            "holds nothing that binance sends".to_owned(),
        ),
        (
            vec!["serve", &kraken, "--venue", "kraken", "--listen", "127.0.0.1:0", "--from", "+1h"],
            "holds no record from 2026-01-01T01:00:00".to_owned(),
        ),
        (vec!["info", nothing], "No such file".to_owned()),
        (vec!["digest", nothing, "--venue", "kraken"], "No such file".to_owned()),
    ];
    for (arguments, message) in cases {
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!((code, stdout.as_str()), (1, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(&message), "{arguments:?}: {stderr}");
    }
}

#[test]
fn results_are_printed_for_people_and_as_json() {
    let path = sample("kraken");
    let (code, text, _) = run(&["info", &path]);
    assert_eq!(code, 0);
    assert!(text.starts_with("venue      kraken\n"), "{text}");
    let (_, line, _) = run(&["info", &path, "--json"]);
    let info: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&info["venue"], &info["damaged"]), (&"kraken".into(), &0.into()));

    let (_, text, _) = run(&["digest", &path, "--venue", "kraken"]);
    assert_eq!(text.lines().count(), 25, "{text}");
    let (_, line, _) = run(&["digest", &path, "--venue", "kraken", "--json", "--channels", "trades"]);
    let digests: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(digests["topics"][0]["channel"], "trades");
    assert_eq!(digests["topics"][0]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn a_damaged_capture_is_shown_and_told() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("damaged.capture");
    std::fs::write(&path, "1 {\"channel\":\"heartbeat\"}\nnonsense\n2 {\"channel\":\"heartbeat\"}\n")
        .unwrap();
    let (code, stdout, stderr) = run(&["info", path.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(stdout.contains("line 2: expected the time in unix nanoseconds, found \"nonsense\""), "{stdout}");
    assert!(stderr.contains("damaged"), "{stderr}");
}

#[test]
fn serve_says_that_it_is_ready_and_ends_on_a_signal() {
    for (signal, venue) in [("TERM", "kraken"), ("INT", "binance")] {
        let path = sample(venue);
        let mut child = feed_replay(&["serve", &path, "--venue", venue, "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().rsplit(':').next().unwrap();
        let expected = format!(
            "feed-replay: serving {path} as {venue} on ws://127.0.0.1:{port} and http://127.0.0.1:{port}\n"
        );
        assert_eq!(line, expected);
        assert!(port.parse::<u16>().unwrap() > 0);
        let killed =
            Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_log_that_nobody_reads_any_more_does_not_end_a_recording() {
    let (folder, venue) = (tempdir().unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let feed = format!("kraken+ws://{}/v2?symbols=A/B", venue.local_addr().unwrap());
    let out = folder.path().join("out.zst");
    let mut child = feed_replay(&["record", "--feed", &feed, "--out", out.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    venue.set_nonblocking(true).unwrap();
    // Each connection that is lost is a line in the log.
    let (begun, mut lost) = (Instant::now(), 0);
    while lost < 2 && begun.elapsed() < Duration::from_secs(20) {
        lost += u32::from(venue.accept().is_ok());
        std::thread::sleep(Duration::from_millis(5));
    }
    let killed = Command::new("kill").args(["-TERM".to_owned(), child.id().to_string()]).status().unwrap();
    assert!(killed.success() && child.wait().is_ok());
    assert_eq!(lost, 2, "it dials again");
}
