//! HTTP over real sockets, in raw bytes.
#![allow(clippy::unwrap_used, reason = "a test ends where something fails")]

use broker::config::Limits;
use broker::http::{App, Connections, Permit, Streams, serve};
use broker::metrics::Metrics;
use broker::upstream::FeedStatus;
use bytes::Bytes;
use feed::book::{Book, BookDepth};
use feed::counters::FeedCounters;
use feed::market::{Market, MarketLimits};
use feed::publish::Times;
use feed::settings::Settings;
use feed::topic::Table;
use schemas::checksum;
use schemas::model::{Channel, Level, Micros, Quote};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);
const HANDSHAKE: &str = "GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

type Admitted = (TcpStream, Bytes, Permit);

/// Stands where the shards are.
#[derive(Debug)]
struct Taker(mpsc::UnboundedSender<Admitted>);

impl Streams for Taker {
    fn admit(&self, socket: TcpStream, read_ahead: Bytes, _: SocketAddr, permit: Permit) -> io::Result<()> {
        self.0.send((socket, read_ahead, permit)).map_err(|_| io::ErrorKind::NotConnected.into())
    }
}

struct Server {
    address: SocketAddr,
    market: Arc<Market>,
    app: Arc<App>,
    admitted: Mutex<mpsc::UnboundedReceiver<Admitted>>,
    end: CancellationToken,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    async fn start_with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let market =
            Arc::new(Market::new(Arc::new(Table::new(100, 1 << 20, vec![])), MarketLimits::default()));
        let (taker, admitted) = mpsc::unbounded_channel();
        let app = Arc::new(App {
            market: Arc::clone(&market),
            feeds: vec![FeedStatus::new("sim:?seed=1", Arc::new(FeedCounters::default()))],
            metrics: Metrics::new(),
            streams: Arc::new(Taker(taker)),
            connections: Connections::new(limits.connections_max, limits.connections_per_address_max),
            draining: CancellationToken::new(),
            limits,
        });
        let end = CancellationToken::new();
        tokio::spawn(serve(listener, Arc::clone(&app), end.clone()));
        Self { address, market, app, admitted: Mutex::new(admitted), end }
    }

    async fn connect(&self) -> Client {
        Client { socket: TcpStream::connect(self.address).await.unwrap(), read: Vec::new() }
    }

    /// A request on a connection of its own.
    async fn ask(&self, request: &str) -> Reply {
        let mut client = self.connect().await;
        client.send(request).await;
        client.reply(request.starts_with("HEAD")).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await
    }

    async fn admitted(&self) -> Admitted {
        let next = std::future::poll_fn(|context| self.admitted.lock().unwrap().poll_recv(context));
        timeout(PATIENCE, next).await.expect("a stream in time").unwrap()
    }
}

struct Client {
    socket: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    async fn reply(&mut self, is_head: bool) -> Reply {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more().await > 0, "ended within {}", String::from_utf8_lossy(&self.read));
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap().to_lowercase();
        let status = head[9..12].parse().unwrap();
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let length = if is_head || status == 304 { 0 } else { length };
        while self.read.len() < length {
            assert!(self.more().await > 0, "ended within a body");
        }
        let body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        Reply { status, head, body }
    }

    async fn more(&mut self) -> usize {
        timeout(PATIENCE, self.socket.read_buf(&mut self.read)).await.expect("bytes in time").unwrap()
    }

    /// All that comes until the other side ends.
    async fn rest(mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        self.read
    }
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn a_connection_answers_one_request_after_the_other() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(client.reply(false).await.body, "ok\n");
    assert_eq!(client.reply(false).await.body, "ok\n");
    client.send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let head = client.reply(true).await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("3")));
    assert_eq!(client.reply(false).await.json()["error"]["code"], "not_found");
}

#[tokio::test]
async fn the_page_is_served_with_types_and_tags() {
    let server = Server::start().await;
    let page = server.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.body.contains("<title>"));
    assert_eq!(
        (page.header("access-control-allow-origin"), page.header("cache-control")),
        (None, Some("no-cache"))
    );
    let module = server.get("/client.js").await;
    assert_eq!(module.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(module.header("access-control-allow-origin"), Some("*"));
    let tag = module.header("etag").unwrap();
    let again = server
        .ask(&format!("GET /client.js HTTP/1.1\r\nHost: x\r\nIf-None-Match: W/\"a\", {tag}\r\n\r\n"))
        .await;
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(tag)));
    for path in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/dashboard/index.html", "/schemas/../Cargo.toml"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn documents_are_listed_and_served() {
    let server = Server::start().await;
    let list = server.get("/schemas/").await.json();
    assert!(list["documents"].as_array().unwrap().contains(&"asyncapi.yaml".into()));
    for name in list["documents"].as_array().unwrap() {
        let document = server.get(&format!("/schemas/{}", name.as_str().unwrap())).await;
        assert_eq!(document.status, 200);
        assert!(!document.body.is_empty());
    }
}

#[tokio::test]
async fn methods_are_those_of_reading() {
    let server = Server::start().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "BREW"] {
        let request = format!("{method} /v1/symbols HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}");
        let refused = server.ask(&request).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("get, head, options")), "{method}");
        assert_eq!(refused.json()["error"]["code"], "method_not_allowed");
    }
    let allowed = server.ask("OPTIONS /v1/symbols HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\n\r\n").await;
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, Some("*")));
    assert_eq!(allowed.header("access-control-allow-methods"), Some("get, head, options"));
}

#[tokio::test]
async fn symbols_and_snapshots_tell_the_market() {
    let server = Server::start().await;
    let mut opened = server.market.open(&Settings::new("sim", "e-1"), &["ACME"]).unwrap();
    let quote = Quote { bid: "1.10".parse().ok(), ..Quote::default() };
    opened[0].quote(Times::new(Some(Micros(5)), Micros(7)), quote);
    let symbols = server.get("/v1/symbols").await.json();
    let symbol = &symbols["symbols"][0];
    assert_eq!((&symbol["symbol"], &symbol["venue"]), (&"sim:ACME".into(), &"sim".into()));
    assert_eq!(symbol["channels"].as_array().unwrap().len(), 6);
    assert!(symbol.get("base").is_none());
    let snapshot = server.get("/v1/snapshot?channel=quotes&symbol=sim:ACME").await;
    assert_eq!((snapshot.status, snapshot.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!((&snapshot.json()["bid"], &snapshot.json()["rx"]), (&"1.10".into(), &7.into()));
    let empty = server.get("/v1/snapshot?symbol=sim%3AACME&channel=trades").await.json();
    assert_eq!((&empty["type"], &empty["state"]), (&"snapshot".into(), &"resyncing".into()));
    assert_eq!((&empty["seq"], &empty["trades"]), (&serde_json::json!([0, 0]), &serde_json::json!([])));
}

#[tokio::test]
async fn a_book_is_its_image_and_the_log_after_it() {
    let server = Server::start().await;
    let mut opened = server.market.open(&Settings::new("sim", "e-1"), &["ACME"]).unwrap();
    let level =
        |price: &str, size: &str| Level { price: price.parse().unwrap(), size: size.parse().unwrap() };
    let mut book = Book::new(BookDepth::whole(100));
    let (bids, asks) = ([level("9.0", "1"), level("8.0", "2")], [level("10.0", "3")]);
    book.reset(&bids, &asks).unwrap();
    opened[0].book_reset(Times::new(Some(Micros(1)), Micros(2)), &book);
    for (bid, ask, rx) in
        [(level("9.50", "1.10"), level("10.0", "0"), 3), (level("8.0", "0"), level("11", "4"), 4)]
    {
        let delta = book.apply(&[bid], &[ask]).unwrap().unwrap();
        opened[0].book_update(Times::new(Some(Micros(rx)), Micros(rx)), delta, &book);
    }
    let head =
        server.market.registry().symbol("sim:ACME").unwrap().topic(Channel::Book).unwrap().topic.head();
    let snapshot = server.get("/v1/snapshot?channel=book&symbol=sim:ACME").await.json();
    assert_eq!(snapshot["seq"], serde_json::json!([head.seq, head.seq]));
    assert_eq!(snapshot["bids"], serde_json::json!([["9.50", "1.10"], ["9.0", "1"]]));
    assert_eq!(snapshot["asks"], serde_json::json!([["11", "4"]]));
    let of_levels = checksum::of_book(&[level("11", "4")], &[level("9.50", "1.10"), level("9.0", "1")]);
    assert_eq!((&snapshot["checksum"], &snapshot["rx"]), (&of_levels.into(), &4.into()));
    assert_eq!((&snapshot["state"], &snapshot["epoch"]), (&"live".into(), &"e-1".into()));
}

#[tokio::test]
async fn wrong_snapshots_say_what_was_expected() {
    let server = Server::start().await;
    let cases = [
        ("", 400, "bad_request", "channel: missing"),
        ("?channel=quotes", 400, "bad_request", "symbol: missing"),
        ("?channel=gossip&symbol=a:b", 400, "unknown_channel", "unknown channel `gossip`"),
        ("?channel=quotes&symbol=a:b", 404, "unknown_symbol", "no such symbol: `a:b`"),
        ("?channel=quotes&symbol=a:b&depth=3", 400, "bad_request", "unknown parameter `depth`"),
    ];
    for (query, status, code, message) in cases {
        let reply = server.get(&format!("/v1/snapshot{query}")).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"], &error["retryable"]),
            (status, &code.into(), &false.into())
        );
        assert!(error["message"].as_str().unwrap().starts_with(message), "{error}");
    }
}

#[tokio::test]
async fn readiness_names_the_feed_that_is_not_live_and_ends_with_the_drain() {
    let server = Server::start().await;
    let reply = server.get("/readyz").await;
    assert_eq!((reply.status, &reply.json()["feeds"][0]["feed"]), (503, &"sim:?seed=1".into()));
    assert!(reply.json()["feeds"][0]["reason"].is_string());
    server.app.draining.cancel();
    let reply = server.get("/readyz").await;
    assert_eq!((reply.status, &reply.json()["draining"]), (503, &true.into()));
    let refused = server.ask(HANDSHAKE).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
}

#[tokio::test]
async fn metrics_count_replies() {
    let server = Server::start().await;
    server.get("/healthz").await;
    let metrics = server.get("/metrics").await;
    assert!(metrics.body.contains("tickcast_http_replies_total{path=\"healthz\",status=\"200\"} 1"));
    assert!(metrics.body.contains("\nprocess_cpu_seconds_total "), "{}", metrics.body);
}

#[tokio::test]
async fn a_stream_is_handed_over_with_what_came_behind_its_handshake() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send(&format!("{HANDSHAKE}early")).await;
    let reply = client.reply(false).await;
    assert_eq!((reply.status, reply.header("upgrade")), (101, Some("websocket")));
    let (mut socket, read_ahead, permit) = server.admitted().await;
    let mut early = read_ahead.to_vec();
    while early.len() < 5 {
        socket.read_buf(&mut early).await.unwrap();
    }
    assert_eq!(early, b"early");
    socket.write_all(b"hello").await.unwrap();
    while client.read.len() < 5 {
        assert!(client.more().await > 0);
    }
    assert_eq!(client.read, b"hello");
    assert_eq!(server.app.connections.total(), 1);
    drop(permit);
    assert_eq!(server.app.connections.total(), 0);
}

#[tokio::test]
async fn a_stream_without_an_upgrade_is_refused_and_the_connection_goes_on() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let refused = client.reply(false).await;
    assert_eq!((refused.status, refused.header("upgrade")), (426, Some("websocket")));
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(client.reply(false).await.status, 200);
    let unknown = HANDSHAKE.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: graphql\r\n\r\n");
    assert_eq!(server.ask(&unknown).await.status, 400);
    let version = server.ask(&HANDSHAKE.replace("Version: 13", "Version: 8")).await;
    assert_eq!((version.status, version.header("sec-websocket-version")), (426, Some("13")));
    let posted = server.ask(&HANDSHAKE.replace("GET", "POST")).await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn beyond_the_limit_of_an_address_streams_are_closed_and_requests_refused() {
    let server = Server::start_with(|limits| limits.connections_per_address_max = 1).await;
    let _first = server.connect().await;
    while server.app.connections.total() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = server.get("/v1/symbols").await;
    assert_eq!((refused.status, refused.header("connection")), (503, Some("close")));
    assert_eq!(refused.json()["error"]["code"], "limit_exceeded");
    assert_eq!(server.get("/healthz").await.status, 200);
    let mut client = server.connect().await;
    client.send(HANDSHAKE).await;
    assert_eq!(client.reply(false).await.status, 101);
    let frame = client.rest().await;
    assert_eq!((frame[0], u16::from_be_bytes([frame[2], frame[3]])), (0x88, 4505));
    assert_eq!(&frame[4..], b"connections_per_address_max is reached");
}

#[tokio::test]
async fn beyond_the_limit_of_all_streams_are_told_to_come_back() {
    let server = Server::start_with(|limits| limits.connections_max = 1).await;
    let mut first = server.connect().await;
    first.send(HANDSHAKE).await;
    first.reply(false).await;
    let _held = server.admitted().await;
    let mut second = server.connect().await;
    second.send(HANDSHAKE).await;
    assert_eq!(second.reply(false).await.status, 101);
    let frame = second.rest().await;
    assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), 1013);
}

#[tokio::test]
async fn a_request_that_takes_too_long_or_is_too_large_ends_its_connection() {
    let limits =
        |limits: &mut Limits| (limits.handshake_timeout_ms, limits.http_head_bytes_max) = (100, 8_192);
    let server = Server::start_with(limits).await;
    let mut slow = server.connect().await;
    slow.send("GET /healthz HTTP/1.1\r\nHost:").await;
    let said = String::from_utf8(slow.rest().await).unwrap();
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    assert_eq!(server.connect().await.rest().await, b"", "an idle connection ends too");
    let large = server.ask(&format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "x".repeat(10_000))).await;
    assert_eq!(large.status, 431);
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_reader_who_takes_nothing_of_a_reply_is_given_up() {
    let server = Server::start_with(|limits| limits.stall_time_max_ms = 100).await;
    let mut client = server.connect().await;
    // More replies than two sockets' buffers hold, none of them read.
    let request = "GET /client.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(5_000);
    let _ =
        timeout(PATIENCE, client.socket.write_all(request.as_bytes())).await.expect("an end of the writing");
    timeout(PATIENCE, async {
        while server.app.connections.total() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the connection is given up");
}

#[tokio::test]
async fn the_end_closes_idle_connections_and_the_listener() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    client.reply(false).await;
    server.end.cancel();
    assert_eq!(client.rest().await, b"");
    timeout(PATIENCE, async { while TcpStream::connect(server.address).await.is_ok() {} })
        .await
        .expect("an end");
}
