//! A broker's fan-out without its HTTP side, and a client that reads raw bytes.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "a module of several tests, of which each uses its own part"
)]

use broker::clock::{Clock, SystemClock};
use broker::fanout::{Settings, ShardWake, Shards};
use bytes::Bytes;
use feed::book::{Book, BookDepth};
use feed::market::{Market, MarketLimits};
use feed::publish::{SymbolPublishers, Times};
use feed::topic::Table;
use schemas::decimal::Decimal;
use schemas::model::{Channel, Level, Micros, Quote, Side, State, Trade, TradeId};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// No test waits longer than this for anything.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Broker {
    shards: Option<Shards>,
    market: Arc<Market>,
    table: Arc<Table>,
    listener: std::net::TcpListener,
}

/// The broker's side of a connection.
pub type Waiting = (TcpStream, std::net::SocketAddr);

impl Broker {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { close_timeout_ms: 300, ..Settings::default() };
        change(&mut settings);
        let wakes: Vec<_> = (0..2).map(|_| ShardWake::default()).collect();
        let boxed = wakes.iter().map(|wake| Box::new(wake.clone()) as Box<dyn table::Wake>).collect();
        let table = Arc::new(Table::new(1_000, 64 << 20, boxed));
        let market = Arc::new(Market::new(Arc::clone(&table), MarketLimits::default()));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let shards = Shards::start(&wakes, &table, &market, &Arc::new(settings), &clock).expect("threads");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("non-blocking");
        Self { shards: Some(shards), market, table, listener }
    }

    pub fn open(&self, name: &str) -> Publisher {
        let settings = feed::settings::Settings::new("sim", "epoch-1");
        let mut opened = self.market.open(&settings, &[name]).expect("a new symbol");
        self.table.wake_all();
        Publisher { symbol: opened.remove(0), book: Book::new(BookDepth::whole(1_000)), now: 1 }
    }

    pub async fn connect(&self) -> Client {
        self.connect_through(TcpSocket::new_v4().expect("a socket")).await
    }

    pub async fn connect_with_small_buffer(&self) -> Client {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a small buffer");
        self.connect_through(socket).await
    }

    async fn connect_through(&self, socket: TcpSocket) -> Client {
        let (client, waiting) = self.wait_outside(socket).await;
        self.admit(waiting);
        client
    }

    /// A client whose connection the shards do not have yet.
    pub async fn wait_outside(&self, socket: TcpSocket) -> (Client, Waiting) {
        let listener =
            TcpListener::from_std(self.listener.try_clone().expect("a clone")).expect("a listener");
        let connect = socket.connect(self.listener.local_addr().expect("an address"));
        let (ours, theirs) = tokio::join!(connect, listener.accept());
        (Client::new(ours.expect("a connection")), theirs.expect("a connection"))
    }

    pub fn admit(&self, (stream, peer): Waiting) {
        let shards = self.shards.as_ref().expect("shards");
        shards.admit(stream, Bytes::new(), peer, Box::new(())).expect("admitted");
    }

    pub fn stat(&self, name: &str) -> u64 {
        let shards = self.shards.as_ref().expect("shards");
        let figure = |figures: Vec<(&str, &str, u64)>| figures.iter().find(|f| f.0 == name).map(|f| f.2);
        shards.stats().map(|stats| figure(stats.figures()).expect(name)).sum()
    }

    pub async fn shutdown(mut self) {
        let shards = self.shards.take().expect("shards");
        tokio::task::spawn_blocking(move || shards.shutdown()).await.expect("an end");
    }
}

pub struct Publisher {
    symbol: SymbolPublishers,
    book: Book,
    now: u64,
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect(text)
}

fn levels(side: &[(&str, &str)]) -> Vec<Level> {
    side.iter().map(|(price, size)| Level { price: decimal(price), size: decimal(size) }).collect()
}

impl Publisher {
    fn times(&mut self) -> Times {
        self.now += 1;
        Times::new(Some(Micros(self.now)), Micros(self.now))
    }

    pub fn quote(&mut self, bid: &str, ask: &str) {
        let quote = Quote { bid: Some(decimal(bid)), ask: Some(decimal(ask)), ..Quote::default() };
        let times = self.times();
        self.symbol.quote(times, quote);
    }

    pub fn trade(&mut self, id: u64, price: &str) {
        let trade = Trade {
            id: Some(TradeId::Number(id)),
            ts: None,
            price: decimal(price),
            size: decimal("1"),
            side: Some(Side::Buy),
        };
        let times = self.times();
        self.symbol.trades(times, Box::new([trade]));
    }

    pub fn book(&mut self, bids: &[(&str, &str)], asks: &[(&str, &str)]) {
        self.book.reset(&levels(bids), &levels(asks)).expect("levels");
        let times = self.times();
        self.symbol.book_reset(times, &self.book);
    }

    pub fn book_change(&mut self, bids: &[(&str, &str)], asks: &[(&str, &str)]) {
        let delta = self.book.apply(&levels(bids), &levels(asks)).expect("levels").expect("a change");
        let times = self.times();
        self.symbol.book_update(times, delta, &self.book);
    }

    pub fn state(&mut self, state: State, reason: &str) {
        let now = self.times().rx;
        self.symbol.state_of_all(state, reason, now);
    }

    pub fn head(&self, channel: Channel) -> u64 {
        self.symbol.symbol().topic(channel).expect("a topic").topic.head().seq
    }
}

/// A subscriber's side of a connection, after the handshake.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    closed: Option<u16>,
    /// Frames that came before the reply that was waited for.
    earlier: VecDeque<Value>,
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new(), closed: None, earlier: VecDeque::new() }
    }

    pub async fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("sent");
    }

    /// Sends without waiting, and is gone.
    pub fn send_and_leave(self, bytes: &[u8]) {
        assert_eq!(self.stream.try_write(bytes).expect("room"), bytes.len());
    }

    /// Sends a text frame, masked with zeros.
    pub async fn send_text(&mut self, text: &str) {
        let mut frame = vec![0x81];
        match text.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.send_raw(&frame).await;
    }

    /// Sends a request and reads up to its reply.
    pub async fn request(&mut self, request: Value) -> Value {
        self.send_text(&request.to_string()).await;
        let mut earlier = std::mem::take(&mut self.earlier);
        loop {
            let frame = self.next().await;
            if frame["id"] == request["id"] {
                self.earlier = earlier;
                return frame;
            }
            earlier.push_back(frame);
        }
    }

    pub async fn subscribe(&mut self, channel: &str, symbols: &[&str]) -> Value {
        let params = json!({"channel": channel, "symbols": symbols});
        self.request(json!({"id": 1, "method": "subscribe", "params": params})).await
    }

    /// The next text frame.
    pub async fn next(&mut self) -> Value {
        self.next_or_close().await.expect("a frame, not the end")
    }

    pub async fn next_or_close(&mut self) -> Option<Value> {
        if let Some(frame) = self.earlier.pop_front() {
            return Some(frame);
        }
        loop {
            if let Some(frame) = self.take_frame() {
                return Some(frame);
            }
            if self.closed.is_some() || !self.fill().await {
                return None;
            }
        }
    }

    pub async fn close_code(&mut self) -> Option<u16> {
        while self.next_or_close().await.is_some() {}
        self.closed
    }

    pub fn closed_with(&self) -> Option<u16> {
        self.closed
    }

    /// Reads until the broker ends the connection.
    pub async fn drain(mut self) {
        while self.fill().await {
            self.buffer.clear();
        }
    }

    /// Counts until each of these channels is at least at its `seq`.
    pub async fn read_until(&mut self, tally: &mut Tally, goals: &[(&str, u64)]) {
        while goals.iter().any(|(channel, goal)| tally.last.get(*channel).is_none_or(|last| last < goal)) {
            let frame = self.next().await;
            tally.count(&frame);
        }
    }

    async fn fill(&mut self) -> bool {
        let mut chunk = [0; 65_536];
        match tokio::time::timeout(PATIENCE, self.stream.read(&mut chunk)).await.expect("bytes in time") {
            Ok(0) | Err(_) => false,
            Ok(read) => {
                self.buffer.extend_from_slice(&chunk[..read]);
                true
            }
        }
    }

    fn take_frame(&mut self) -> Option<Value> {
        loop {
            let (opcode, payload) = split_frame(&mut self.buffer)?;
            match opcode {
                1 => return Some(serde_json::from_slice(&payload).expect("JSON")),
                8 => self.closed = Some(u16::from_be_bytes([payload[0], payload[1]])),
                _ => {}
            }
        }
    }
}

fn split_frame(buffer: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let (header, len) = match *buffer.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?) as usize),
        len => (2, usize::from(len)),
    };
    if buffer.len() < header + len {
        return None;
    }
    let opcode = buffer[0] & 0x0f;
    let payload = buffer[header..header + len].to_vec();
    buffer.drain(..header + len);
    Some((opcode, payload))
}

/// What a subscriber was sent, checked for tiling as it comes.
#[derive(Default)]
pub struct Tally {
    pub conflated: u64,
    pub lost: u64,
    last: HashMap<String, u64>,
    joined: HashMap<String, u64>,
    sums: HashMap<String, u64>,
}

impl Tally {
    pub fn count(&mut self, frame: &Value) {
        let Some(channel) = frame["channel"].as_str() else { return };
        let (first, last) = (frame["seq"][0].as_u64().expect("seq"), frame["seq"][1].as_u64().expect("seq"));
        if frame["type"] == "snapshot" {
            self.joined.entry(channel.to_owned()).or_insert(last);
        } else {
            let before = self.last.get(channel).copied().unwrap_or(0);
            assert_eq!(first, before + 1, "{frame} does not tile");
            *self.sums.entry(channel.to_owned()).or_default() += last + 1 - first;
        }
        match frame["type"].as_str() {
            Some("conflated") => self.conflated += last + 1 - first,
            Some("gap") => {
                assert_eq!(frame["lost"].as_u64(), Some(last + 1 - first));
                self.lost += last + 1 - first;
            }
            _ => {}
        }
        self.last.insert(channel.to_owned(), last);
    }

    /// Sequence numbers that came after the snapshot, one way or the other.
    pub fn sum(&self, channel: &str) -> u64 {
        self.sums.get(channel).copied().unwrap_or(0)
    }

    /// Where the subscription began.
    pub fn joined(&self, channel: &str) -> u64 {
        self.joined.get(channel).copied().unwrap_or(0)
    }
}
