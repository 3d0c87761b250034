//! A server that speaks the protocol by a script: plain threads, raw bytes, port 0.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tungstenite::handshake::derive_accept_key;

/// What a connection does once the client has subscribed.
type Script = dyn Fn(&mut Peer) + Send + Sync;

/// A running server. It ends with the test's process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) house: Arc<House>,
}

/// What all connections of a server know.
#[derive(Default)]
pub(crate) struct House {
    symbols: String,
    /// WebSocket connections now.
    open: AtomicUsize,
    /// The most that there ever were at a time.
    pub(crate) most_open: AtomicUsize,
    /// How often its metrics were asked for.
    metrics_asked: AtomicUsize,
    /// CPU time, gaps and memory that its metrics claim, in milliseconds besides two and a half seconds, and in MiB besides one.
    claimed: [AtomicUsize; 3],
}

/// The server's side of one connection, after the reply to the first request.
pub(crate) struct Peer {
    stream: TcpStream,
    input: Vec<u8>,
    /// The last `seq` of each symbol.
    stands: HashMap<String, u64>,
    /// Whether the client ended it by a reset.
    pub(crate) was_reset: bool,
    /// The connection's number, from 0.
    pub(crate) number: usize,
    house: Arc<House>,
}

/// What the client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
    pub(crate) mask: [u8; 4],
}

impl Server {
    /// Serves three symbols, and each connection by `script`.
    pub(crate) fn start(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        Self::offering(&["sim:A", "sim:B", "sim:C"], script)
    }

    /// Serves these symbols, and each connection by `script`.
    pub(crate) fn offering(symbols: &[&str], script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        Self::refusing(symbols, |_| false, script)
    }

    /// Answers 503 to the upgrade of connections by their numbers, and serves the others.
    pub(crate) fn refusing(
        symbols: &[&str],
        refuses: impl Fn(usize) -> bool + Send + 'static,
        script: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> Self {
        let offers: Vec<_> = symbols.iter().map(|symbol| serde_json::json!({ "symbol": symbol })).collect();
        let symbols = serde_json::json!({ "symbols": offers }).to_string();
        let house = Arc::new(House { symbols, ..House::default() });
        let shared = house.clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script: Arc<Script> = Arc::new(script);
        std::thread::spawn(move || {
            let mut number = 0;
            for stream in listener.incoming() {
                let script = script.clone();
                let mut peer = Peer::new(stream.unwrap(), number, shared.clone());
                // Only upgrades are connections; requests over HTTP are not counted.
                let Some(head) = peer.head() else { continue };
                let is_upgrade = head.contains("/v1/stream");
                number += usize::from(is_upgrade);
                if is_upgrade && refuses(peer.number) {
                    peer.raw(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
                    continue;
                }
                std::thread::spawn(move || peer.serve(&head, &*script));
            }
        });
        Self { address, house }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/v1/stream", self.address)
    }
}

impl Peer {
    fn new(stream: TcpStream, number: usize, house: Arc<House>) -> Self {
        Self { stream, input: Vec::new(), stands: HashMap::new(), was_reset: false, number, house }
    }

    fn serve(&mut self, head: &str, script: &Script) {
        let house = self.house.clone();
        if head.starts_with("GET /v1/symbols ") {
            return self.http(&house.symbols);
        }
        if head.starts_with("GET /metrics ") {
            let open = house.open.load(Ordering::SeqCst);
            house.metrics_asked.fetch_add(1, Ordering::SeqCst);
            let [cpu_ms, gaps, mib] = [0, 1, 2].map(|i| house.claimed[i].load(Ordering::SeqCst));
            let bytes = (1 + mib) << 20;
            let cpu_s = 2.5 + cpu_ms as f64 / 1e3;
            return self.http(&format!(
                "process_cpu_seconds_total {cpu_s}\nprocess_resident_memory_bytes {bytes}\ntickcast_connections {open}\n\
                 tickcast_feed_gaps_total {gaps}\ntickcast_feed_resyncs_total 1\n"
            ));
        }
        let open = house.open.fetch_add(1, Ordering::SeqCst) + 1;
        house.most_open.fetch_max(open, Ordering::SeqCst);
        self.connection(head, script);
        house.open.fetch_sub(1, Ordering::SeqCst);
    }

    fn connection(&mut self, head: &str, script: &Script) {
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = derive_accept_key(key.as_bytes());
        let upgrade = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        self.raw(upgrade.as_bytes());
        self.text(r#"{"type":"hello","protocol":1,"node":"test"}"#);
        script(self);
        self.follow();
    }

    /// Where the client connected from.
    pub(crate) fn client(&self) -> std::net::IpAddr {
        self.stream.peer_addr().unwrap().ip()
    }

    /// Waits until the window has opened, which it does right after the metrics were answered.
    pub(crate) fn wait_for_window(&self) {
        self.wait_for_windows(1);
    }

    /// The same for those of so many processes.
    pub(crate) fn wait_for_windows(&self, count: usize) {
        while self.house.metrics_asked.load(Ordering::SeqCst) < count {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(100));
    }

    /// Lets the metrics claim so much more CPU time, in milliseconds, and so many more gaps.
    pub(crate) fn claim(&self, cpu_ms: usize, gaps: usize) {
        self.house.claimed[0].fetch_add(cpu_ms, Ordering::SeqCst);
        self.house.claimed[1].fetch_add(gaps, Ordering::SeqCst);
    }

    /// Lets the metrics claim so much more memory, in MiB.
    pub(crate) fn claim_memory(&self, mib: usize) {
        self.house.claimed[2].fetch_add(mib, Ordering::SeqCst);
    }

    /// Waits until the client has read all that was sent: it answers a ping then.
    pub(crate) fn wait_until_read(&mut self) {
        // A ping right after an update is to leave at once.
        let _ = self.stream.set_nodelay(true);
        self.frame(0x89, b"read?");
        while self.receive().is_some_and(|received| received.opcode != 10) {}
    }

    fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if self.stream.read(&mut byte).ok()? == 0 {
                return None;
            }
            head.push(byte[0]);
        }
        String::from_utf8(head).ok()
    }

    fn http(&mut self, body: &str) {
        self.raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    /// Sends bytes as they are; a client that is gone is no fault here.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends a frame with this first byte.
    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        let bytes = frame(first, payload);
        self.raw(&bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes());
    }

    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        self.frame(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat());
    }

    /// The next request, and its id.
    pub(crate) fn request(&mut self) -> Option<(u64, serde_json::Value)> {
        loop {
            let received = self.receive()?;
            if received.opcode == 1 {
                let request: serde_json::Value = serde_json::from_slice(&received.payload).unwrap();
                return Some((request["id"].as_u64().unwrap(), request));
            }
        }
    }

    /// Waits for the subscription and grants it, with snapshots of `seq` to come.
    pub(crate) fn grant(&mut self, seq: u64) -> serde_json::Value {
        let Some((id, request)) = self.request() else { return serde_json::Value::Null };
        self.grant_request(id, &request, seq);
        request
    }

    /// Grants the subscription, and sends a snapshot of `seq` for each symbol but the `withheld` last ones; the symbols.
    pub(crate) fn grant_with_snapshots(&mut self, seq: u64, withheld: usize) -> Vec<String> {
        let symbols = symbols(&self.grant(seq));
        for symbol in &symbols[..symbols.len() - withheld] {
            self.snapshot(symbol, seq);
        }
        symbols
    }

    /// Sends a snapshot, which further requests of the symbol are answered with too.
    pub(crate) fn snapshot(&mut self, symbol: &str, seq: u64) {
        self.stands.insert(symbol.to_owned(), seq);
        self.text(&snapshot(symbol, seq));
    }

    /// Sends an update, which further requests of the symbol are answered with as a snapshot.
    pub(crate) fn update(&mut self, symbol: &str, seq: u64) {
        self.stands.insert(symbol.to_owned(), seq);
        self.text(&update(symbol, seq));
    }

    pub(crate) fn grant_request(&mut self, id: u64, request: &serde_json::Value, seq: u64) {
        self.grant_each(id, request, |_| seq);
    }

    fn grant_each(&mut self, id: u64, request: &serde_json::Value, seq: impl Fn(&str) -> u64) {
        let channel = &request["params"]["channel"];
        let granted: Vec<String> = symbols(request)
            .iter()
            .map(|symbol| {
                let seq = seq(symbol);
                format!(
                    r#"{{"channel":{channel},"symbol":"{symbol}","epoch":"e1","seq":{seq},"interval_ms":0}}"#
                )
            })
            .collect();
        self.text(&format!(r#"{{"id":{id},"result":{{"subscribed":[{}]}}}}"#, granted.join(",")));
    }

    /// The next frame of the client; none when it has left.
    pub(crate) fn receive(&mut self) -> Option<Received> {
        loop {
            if let Some((received, used)) = parse(&self.input) {
                self.input.drain(..used);
                return Some(received);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(read) => self.input.extend(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.was_reset = error.kind() == ErrorKind::ConnectionReset;
                    return None;
                }
            }
        }
    }

    /// Answers closes and further requests until the client has left.
    pub(crate) fn follow(&mut self) {
        while let Some(received) = self.receive() {
            if !self.answer(&received) {
                return;
            }
        }
    }

    /// Answers a close, which is the end (false), or a further request, with a snapshot of what stands.
    fn answer(&mut self, received: &Received) -> bool {
        match received.opcode {
            8 => self.frame(0x88, &received.payload),
            1 => self.answer_request(&serde_json::from_slice(&received.payload).unwrap()),
            _ => {}
        }
        received.opcode != 8
    }

    pub(crate) fn answer_request(&mut self, request: &serde_json::Value) {
        let stands = self.stands.clone();
        let id = request["id"].as_u64().unwrap();
        self.grant_each(id, request, |symbol| stands.get(symbol).copied().unwrap_or(0));
        for symbol in symbols(request) {
            stands.get(&symbol).into_iter().for_each(|seq| self.snapshot(&symbol, *seq));
        }
    }

    /// Does `step` each 5 ms, and answers, until the client has left.
    pub(crate) fn repeat(&mut self, mut step: impl FnMut(&mut Self, u64)) {
        self.stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        for round in 0.. {
            step(self, round);
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return,
                Ok(read) => self.input.extend(&chunk[..read]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return,
            }
            while let Some((received, used)) = parse(&self.input) {
                self.input.drain(..used);
                if !self.answer(&received) {
                    return;
                }
            }
        }
    }
}

/// The symbols of a request; none of no request.
fn symbols(request: &serde_json::Value) -> Vec<String> {
    let named = request["params"]["symbols"].as_array().into_iter().flatten();
    named.map(|symbol| symbol.as_str().unwrap().to_owned()).collect()
}

/// A snapshot of quotes.
pub(crate) fn snapshot(symbol: &str, seq: u64) -> String {
    format!(
        r#"{{"type":"snapshot","channel":"quotes","symbol":"{symbol}","seq":[{seq},{seq}],"epoch":"e1","state":"live","bid":"{seq}.0"}}"#
    )
}

/// An update of quotes, due now.
fn update(symbol: &str, seq: u64) -> String {
    let now = now_us();
    format!(
        r#"{{"type":"update","channel":"quotes","symbol":"{symbol}","seq":[{seq},{seq}],"ts":{now},"rx":{now},"bid":"{seq}.0"}}"#
    )
}

/// A server's frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    if payload.len() < 126 {
        out.push(payload.len() as u8);
    } else {
        out.push(126);
        out.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    }
    out.extend(payload);
    out
}

/// Microseconds since the Unix epoch.
pub(crate) fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

fn parse(input: &[u8]) -> Option<(Received, usize)> {
    let (first, second) = (*input.first()?, *input.get(1)?);
    assert_eq!(second & 0x80, 0x80, "clients mask");
    let (start, length) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes([*input.get(2)?, *input.get(3)?]))),
        127 => panic!("no request is that long"),
        short => (2, usize::from(short)),
    };
    let mask: [u8; 4] = input.get(start..start + 4)?.try_into().unwrap();
    let masked = input.get(start + 4..start + 4 + length)?;
    let payload = masked.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Some((Received { opcode: first & 0x0f, payload, mask }, start + 4 + length))
}
