//! The program as people run it: its layers of configuration, its first lines, its exit statuses.

#![allow(clippy::unwrap_used, reason = "a test ends where something fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
const SMALL: &str = "sim:?symbols=3&rate=100&seed=1";

fn broker(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TICKCAST_")) {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// Exit status, standard output, standard error.
fn run(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn printed(command: Command) -> toml::Table {
    let (status, out, err) = run(command);
    assert_eq!(status, 0, "{err}");
    out.parse().unwrap()
}

/// A broker that serves, ended at the latest with its test.
struct Running {
    child: Child,
    lines: Vec<String>,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        Self::logging_to(Stdio::null(), args)
    }

    fn logging_to(log: Stdio, args: &[&str]) -> Self {
        let mut child = broker(args).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut lines: Vec<String> = Vec::new();
        while !lines.last().is_some_and(|line| line.starts_with("stream ")) {
            let mut line = String::new();
            assert!(out.read_line(&mut line).unwrap() > 0, "ended after {lines:?}");
            lines.push(line.trim_end().to_owned());
        }
        Self { child, lines }
    }

    fn address(&self) -> &str {
        self.lines.iter().find_map(|line| line.strip_prefix("page   http://")).unwrap().trim_end_matches('/')
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn end(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "still running");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn flags_win_over_the_environment_that_over_the_file_that_over_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broker.toml");
    std::fs::write(&file, "shards = 2\nbook-depth = 20\nping_ms = 2000\n").unwrap();
    let mut command = broker(&["--print-config", "--config", file.to_str().unwrap(), "--shards", "4"]);
    command
        .env("TICKCAST_SHARDS", "3")
        .env("TICKCAST_BOOK_DEPTH", "30")
        .env("TICKCAST_FEED", "sim: sim:?seed=2");
    let config = printed(command);
    let number = |name: &str| config[name].as_integer().unwrap();
    assert_eq!((number("shards"), number("book_depth"), number("ping_ms")), (4, 30, 2_000));
    assert_eq!(number("heartbeat_ms"), 5_000);
    let feeds: Vec<_> = config["feed"].as_array().unwrap().iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(feeds, ["sim:", "sim:?seed=2"]);
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broker.toml");
    let (_, text, _) = run(broker(&["--print-config", "--node", "b", "--tiers-ms", "0,70"]));
    std::fs::write(&file, &text).unwrap();
    let mut command = broker(&["--print-config"]);
    command.env("TICKCAST_CONFIG", &file);
    assert_eq!(run(command), (0, text, String::new()));
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broker.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\ncolour = \"red\"\n").unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&["--colour", "red"], "--colour"),
        (&["--config", file.to_str().unwrap()], "broker.toml:2: unknown key `colour`"),
        (&["--feed", "carrier-pigeon://home"], "unknown scheme `carrier-pigeon`"),
        (&["--feed", "file:/nowhere.zst?venue=binance"], "cannot read /nowhere.zst"),
        (&["--listen", "here"], "listen: expected HOST:PORT, such as 127.0.0.1:9000, found \"here\""),
        (&["--shards", "0"], "shards: expected 1 to 64, found 0"),
    ];
    for (args, said) in cases {
        let (status, out, err) = run(broker(args));
        assert_eq!((status, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(said), "{args:?} says {err}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let (status, out, _) = run(broker(&["--help"]));
    assert_eq!(status, 0);
    assert!(out.contains("--book-depth") && out.contains("TICKCAST_BOOK_DEPTH"), "{out}");
    assert!(out.contains("0,50,100,250,500,1000"), "a list stands as it is typed: {out}");
    let version = concat!("broker ", env!("CARGO_PKG_VERSION"), "\n").to_owned();
    assert_eq!(run(broker(&["--version"])), (0, version, String::new()));
}

#[test]
fn a_port_in_use_ends_with_1_and_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, out, err) = run(broker(&["--listen", &address, "--feed", SMALL]));
    let said = format!(
        "broker: cannot listen on {address}: address in use \
         (is another broker running? choose another with --listen)\n"
    );
    assert_eq!((status, out.as_str(), err), (1, "", said));
}

#[test]
fn the_first_lines_say_where_everything_is() {
    let ticks = "ticks+listen://127.0.0.1:0?venue=acme";
    let broker = Running::start(&["--listen", "127.0.0.1:0", "--feed", SMALL, "--feed", ticks]);
    let address = broker.address();
    assert!(!address.ends_with(":0"));
    assert_eq!(broker.lines[0], concat!("tickcast broker ", env!("CARGO_PKG_VERSION")));
    assert_eq!(broker.lines[1], format!("feed   {SMALL}"));
    let publishers = broker.lines[2].split("://").nth(1).unwrap().split('?').next().unwrap();
    TcpStream::connect(publishers).unwrap();
    assert_eq!(broker.lines[3], format!("page   http://{address}/"));
    assert_eq!(broker.lines[4], format!("stream ws://{address}/v1/stream"));
    let begun = Instant::now();
    while !broker.get("/readyz").starts_with("HTTP/1.1 200") {
        assert!(begun.elapsed() < PATIENCE, "{}", broker.get("/readyz"));
    }
    assert!(broker.get("/").contains("<title>"));
    assert!(broker.get("/metrics").contains("tickcast_shard_connections{shard=\"0\"} 0"));
}

#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["-TERM", "-INT"] {
        let mut broker = Running::start(&["--listen", "127.0.0.1:0", "--feed", SMALL]);
        let _open = TcpStream::connect(broker.address()).unwrap();
        broker.signal(signal);
        assert_eq!(broker.end().code(), Some(0), "{signal}");
    }
}

#[test]
fn a_log_that_nobody_reads_any_more_ends_neither_feeds_nor_the_end() {
    let venue = TcpListener::bind("127.0.0.1:0").unwrap();
    let feed = format!("kraken+ws://{}/v2?symbols=A/B", venue.local_addr().unwrap());
    let args = ["--listen", "127.0.0.1:0", "--feed", &feed, "--backoff-min-ms", "10"];
    let mut broker = Running::logging_to(Stdio::piped(), &args);
    drop(broker.child.stderr.take());
    // Each connection that is lost is a line in the log.
    for _ in 0..3 {
        drop(within_patience(&venue));
    }
    broker.signal("-TERM");
    assert_eq!(broker.end().code(), Some(0));
}

/// The next connection.
fn within_patience(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let begun = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => return stream,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "no connection: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
