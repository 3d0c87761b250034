//! A delivery allocates nothing: what the broker allocates does not depend on how many subscribers its updates go to.
//!
//! The broker runs in this process, and so do its publisher and its subscribers. While allocations are counted those do nothing
//! but write lines that are there and read frames into buffers that are there, so all that is counted is the broker's.

#![allow(clippy::unwrap_used, reason = "a test ends where something fails")]

use broker::Broker;
use broker::config::{Config, Limits, Settings};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PATIENCE: Duration = Duration::from_secs(20);
/// Rounds before counting begins: buffers grow.
const WARM_ROUNDS: usize = 100;
/// Rounds that are counted. In each the publisher sends one quote of each symbol.
const ROUNDS: usize = 300;
const SYMBOLS: usize = 5;
const FEW: usize = 10;
const MANY: usize = 200;

/// One test for both, since the allocator counts for the whole process.
#[test]
fn a_delivery_allocates_nothing() {
    let cases: [(&str, Subscribes); 2] =
        [("the same topic", |_, symbol| symbol == 0), ("other topics", differing)];
    for (what, subscribes) in cases {
        let [few, many] = [FEW, MANY].map(|subscribers| allocations(subscribers, subscribes));
        // The shard's timers may have something to allocate while many are written to.
        assert!(
            many < few + ROUNDS,
            "each with {what}: {few} allocations for {FEW} subscribers, {many} for {MANY}"
        );
    }
}

/// Whether a subscriber wants a symbol.
type Subscribes = fn(subscriber: usize, symbol: usize) -> bool;

/// Each subscriber wants the first symbol, and others as the digits of its number say: few want the same.
fn differing(subscriber: usize, symbol: usize) -> bool {
    symbol == 0 || (subscriber >> (symbol - 1)) & 1 == 1
}

/// What a broker with one shard allocates in all rounds.
fn allocations(subscribers: usize, subscribes: Subscribes) -> usize {
    let mut rig = Rig::new(subscribers, subscribes);
    for round in 0..WARM_ROUNDS {
        rig.round(round);
    }
    let region = Region::new(ALLOCATOR);
    for round in WARM_ROUNDS..WARM_ROUNDS + ROUNDS {
        rig.round(round);
    }
    let counted = region.change();
    rig.end();
    counted.allocations + counted.reallocations
}

/// A broker with its publisher and subscribers.
struct Rig {
    runtime: Runtime,
    broker: Broker,
    shutdown: CancellationToken,
    publisher: TcpStream,
    subscribers: Vec<Subscriber>,
    /// The lines of each round.
    lines: Vec<String>,
}

impl Rig {
    fn new(subscribers: usize, subscribes: Subscribes) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let shutdown = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = config(listener.local_addr().unwrap());
        let broker = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            Broker::start(listener, config, shutdown.clone()).await.unwrap()
        });
        let (publisher, _) = listener.accept().unwrap();
        publisher.set_nodelay(true).unwrap();
        let address = broker.address();
        let subscribers = (0..subscribers)
            .map(|subscriber| Subscriber::new(address, |symbol| subscribes(subscriber, symbol)));
        let subscribers = subscribers.collect();
        let lines = (0..WARM_ROUNDS + ROUNDS).map(lines).collect();
        Self { runtime, broker, shutdown, publisher, subscribers, lines }
    }

    /// Publishes, and reads until everyone has everything.
    fn round(&mut self, round: usize) {
        self.publisher.write_all(self.lines[round].as_bytes()).unwrap();
        for subscriber in &mut self.subscribers {
            subscriber.read_round();
        }
    }

    fn end(self) {
        self.shutdown.cancel();
        drop(self.subscribers);
        self.runtime.block_on(self.broker.end());
    }
}

fn config(publisher: SocketAddr) -> Config {
    let names: Vec<_> = (0..SYMBOLS).map(name).collect();
    let settings = Settings {
        feed: vec![format!("ticks+tcp://{publisher}?venue=acme&symbols={}", names.join(","))],
        shards: 1,
        limits: Limits { heartbeat_ms: 600_000, ping_ms: 600_000, ..Limits::default() },
        ..Settings::default()
    };
    Config::new(&settings).unwrap()
}

fn name(symbol: usize) -> String {
    format!("S{symbol}")
}

/// A quote of each symbol.
fn lines(round: usize) -> String {
    let line = |symbol| {
        let name = name(symbol);
        format!(
            "{{\"channel\":\"quotes\",\"symbol\":\"{name}\",\"bid\":\"{round}.25\",\"bid_size\":\"3\",\"ask\":\"{round}.50\",\"ask_size\":\"1\"}}\n"
        )
    };
    (0..SYMBOLS).map(line).collect()
}

/// A client that allocates nothing once it is subscribed.
struct Subscriber {
    socket: TcpStream,
    /// Frames that it gets of a round.
    frames: usize,
    buffer: [u8; 4_096],
}

impl Subscriber {
    fn new(broker: SocketAddr, wants: impl Fn(usize) -> bool) -> Self {
        let socket = TcpStream::connect(broker).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let symbols: Vec<_> = (0..SYMBOLS)
            .filter(|symbol| wants(*symbol))
            .map(|symbol| format!("\"acme:{}\"", name(symbol)))
            .collect();
        let mut subscriber = Self { socket, frames: symbols.len(), buffer: [0; 4_096] };
        subscriber.shake_hands();
        assert!(subscriber.read_frame().contains("hello"));
        let params = format!(r#"{{"channel":"quotes","symbols":[{}]}}"#, symbols.join(","));
        subscriber.send(&format!(r#"{{"id":1,"method":"subscribe","params":{params}}}"#));
        let reply = subscriber.read_frame();
        assert!(reply.contains("subscribed") && !reply.contains("rejected"), "{reply}");
        subscriber
    }

    fn shake_hands(&mut self) {
        let request = "GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        self.socket.write_all(request.as_bytes()).unwrap();
        let mut reply = Vec::new();
        while !reply.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.socket.read_exact(&mut byte).unwrap();
            reply.extend(byte);
        }
        assert!(reply.starts_with(b"HTTP/1.1 101 "), "{}", reply.escape_ascii());
    }

    /// A text frame whose mask is zero.
    fn send(&mut self, text: &str) {
        let len = u16::try_from(text.len()).unwrap();
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend(len.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.socket.write_all(&frame).unwrap();
    }

    /// Before its first quote a topic tells its state.
    fn read_round(&mut self) {
        let mut missing = self.frames;
        while missing > 0 {
            missing -= usize::from(self.read_frame().starts_with(r#"{"type":"update""#));
        }
    }

    fn read_frame(&mut self) -> &str {
        let mut header = [0; 2];
        self.socket.read_exact(&mut header).unwrap();
        let mut len = usize::from(header[1]);
        if len == 126 {
            self.socket.read_exact(&mut header).unwrap();
            len = u16::from_be_bytes(header).into();
        }
        let payload = &mut self.buffer[..len];
        self.socket.read_exact(payload).unwrap();
        std::str::from_utf8(payload).unwrap()
    }
}
