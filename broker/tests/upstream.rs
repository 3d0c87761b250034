//! Feeds from their URLs to the market, over real sockets and from real files.

#![allow(clippy::unwrap_used, reason = "a test ends where something fails")]

use broker::clock::SystemClock;
use broker::config::{FeedSpec, Limits};
use broker::upstream::{Context, Feed, start};
use feed::market::{Market, MarketLimits};
use feed::topic::Table;
use futures_util::{SinkExt, StreamExt};
use schemas::model::{Channel, State};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_util::sync::CancellationToken;
use tungstenite::Message;
use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::CloseFrame;

const PATIENCE: Duration = Duration::from_secs(20);

struct Rig {
    market: Arc<Market>,
    context: Context,
}

impl Rig {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits { backoff_min_ms: 1, backoff_max_ms: 20, ..Limits::default() };
        change(&mut limits);
        let market =
            Arc::new(Market::new(Arc::new(Table::new(100, 1 << 24, vec![])), MarketLimits::default()));
        let context = Context {
            line: None,
            dialling: Arc::default(),
            market: Arc::clone(&market),
            clock: Arc::new(SystemClock),
            limits: Arc::new(limits),
            book_depth: 100,
            epoch: "e-1".into(),
            runtime: tokio::runtime::Handle::current(),
            shutdown: CancellationToken::new(),
        };
        Self { market, context }
    }

    async fn start(&self, url: &str) -> Feed {
        start(&FeedSpec::parse(url).unwrap(), &self.context).await.unwrap().remove(0)
    }

    /// The last sequence number of a topic; 0 while there is no such topic.
    fn seq(&self, symbol: &str, channel: Channel) -> u64 {
        let registry = self.market.registry();
        let topic = registry.symbol(symbol).and_then(|entry| entry.topic(channel).cloned());
        topic.map_or(0, |topic| topic.topic.head().seq)
    }

    fn state(&self, symbol: &str) -> Option<State> {
        self.market.registry().symbol(symbol).map(|entry| entry.state())
    }

    async fn until_state(&self, symbol: &str, state: State) {
        until(&format!("{symbol} {state:?}"), || self.state(symbol) == Some(state)).await;
    }

    async fn end(self, feed: Feed) {
        self.context.shutdown.cancel();
        timeout(PATIENCE, feed.task).await.expect("an end in time").unwrap();
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
}

/// A venue's side of a WebSocket.
struct Venue {
    listener: TcpListener,
}

struct Session {
    socket: WebSocketStream<TcpStream>,
    path: String,
}

impl Venue {
    async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    #[expect(clippy::result_large_err, reason = "the type of the callback is tungstenite's")]
    async fn accept(&self) -> Session {
        timeout(PATIENCE, async {
            let (stream, _) = self.listener.accept().await.unwrap();
            let mut path = String::new();
            let note = |request: &Request, response: Response| {
                path = request.uri().to_string();
                Ok(response)
            };
            let socket = tokio_tungstenite::accept_hdr_async(stream, note).await.unwrap();
            Session { socket, path }
        })
        .await
        .expect("a connection in time")
    }
}

impl Session {
    async fn text(&mut self) -> String {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a message in time").unwrap().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Pong(payload) => return format!("pong {}", String::from_utf8_lossy(&payload)),
                _ => {}
            }
        }
    }

    async fn send(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    async fn coinbase_book(&mut self) {
        let book =
            r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["101.00","1.50"]],"bids":[["99.00","2"]]}"#;
        self.send(book).await;
    }
}

fn coinbase(venue: &Venue) -> String {
    format!("coinbase+ws://{}?symbols=BTC-USD&channels=book", venue.address())
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_subscribed_anew() {
    let (rig, venue) = (Rig::new(), Venue::new().await);
    let feed = rig.start(&coinbase(&venue)).await;
    assert!(!feed.status.was_live() && feed.status.trouble().is_some());
    for round in 1..=3 {
        let mut session = venue.accept().await;
        assert!(session.text().await.contains("\"subscribe\""));
        assert_ne!(rig.state("coinbase:BTC-USD"), Some(State::Live), "round {round}");
        session.coinbase_book().await;
        rig.until_state("coinbase:BTC-USD", State::Live).await;
        until("a feed without trouble", || feed.status.trouble().is_none()).await;
        match round {
            1 => session
                .socket
                .close(Some(CloseFrame { code: 1001.into(), reason: "bye".into() }))
                .await
                .unwrap(),
            2 => drop(session.socket),
            _ => session.socket.get_mut().write_all(&[0xff; 16]).await.unwrap(),
        }
        until("the break to show", || rig.state("coinbase:BTC-USD") != Some(State::Live)).await;
        assert!(feed.status.was_live());
    }
    let _last = venue.accept().await;
    until("four connections", || feed.status.connects.value() == 4).await;
    assert_eq!(feed.status.counters().disconnects.value(), 3);
    rig.end(feed).await;
}

#[tokio::test]
async fn pings_are_answered_and_large_messages_end_the_connection() {
    let rig = Rig::with(|limits| limits.upstream_message_bytes_max = 10_000);
    let venue = Venue::new().await;
    let feed = rig.start(&coinbase(&venue)).await;
    let mut session = venue.accept().await;
    session.text().await;
    session.socket.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(session.text().await, "pong are you there");
    session.send(format!("{{\"type\":\"{}\"}}", "x".repeat(9_000))).await;
    session.send("x".repeat(10_001)).await;
    let mut again = venue.accept().await;
    again.text().await;
    assert_eq!(feed.status.counters().frames.value(), 1);
    rig.end(feed).await;
}

#[tokio::test]
async fn a_venue_that_is_not_there_is_dialled_again_and_says_why() {
    let (rig, venue) = (Rig::new(), Venue::new().await);
    let (url, address) = (coinbase(&venue), venue.address());
    drop(venue);
    let feed = rig.start(&url).await;
    until("three attempts", || feed.status.connect_failures.value() >= 3).await;
    let trouble = feed.status.trouble().unwrap();
    assert!(trouble.contains(&address.to_string()), "{trouble}");
    let venue = Venue { listener: TcpListener::bind(address).await.unwrap() };
    venue.accept().await.coinbase_book().await;
    rig.end(feed).await;
}

#[tokio::test]
async fn a_venue_that_never_answers_is_given_up() {
    let rig = Rig::with(|limits| limits.upstream_connect_timeout_ms = 30);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("kraken+ws://{}?symbols=BTC/USD", silent.local_addr().unwrap());
    let feed = rig.start(&url).await;
    until("two attempts", || feed.status.connect_failures.value() >= 2).await;
    assert_eq!(feed.status.trouble().unwrap(), "no connection within 30 ms");
    rig.end(feed).await;
}

#[tokio::test]
async fn a_venue_is_dialled_no_more_often_than_it_allows() {
    let (rig, venue) = (Rig::new(), Venue::new().await);
    let feeds = [
        rig.start(&format!("okx+ws://{}?symbols=BTC-USDT", venue.address())).await,
        rig.start(&format!("okx+ws://{}?symbols=ETH-USDT", venue.address())).await,
    ];
    let mut dialled = Vec::new();
    for _ in 0..6 {
        // Whoever is accepted is dropped at once, and comes again.
        assert_eq!(venue.accept().await.path, "/ws/v5/public");
        dialled.push(tokio::time::Instant::now());
    }
    let within = |from: &tokio::time::Instant| {
        let second = Duration::from_millis(950);
        dialled.iter().filter(|at| **at >= *from && **at - *from < second).count()
    };
    assert!(dialled.iter().map(within).max() <= Some(3), "{dialled:?}");
    rig.context.shutdown.cancel();
    for feed in feeds {
        timeout(PATIENCE, feed.task).await.expect("an end in time").unwrap();
    }
}

#[tokio::test]
async fn paths_are_the_venues_or_those_of_the_url() {
    let cases = [
        ("kraken", "", "/v2"),
        ("kraken", "/", "/v2"),
        ("kraken", "/v2", "/v2"),
        ("kraken", "/other/v2", "/other/v2"),
        ("bybit", "", "/v5/public/spot"),
        ("bybit", "/v5/public/linear", "/v5/public/linear"),
    ];
    for (name, typed, dialled) in cases {
        let (rig, venue) = (Rig::new(), Venue::new().await);
        let feed = rig.start(&format!("{name}+ws://{}{typed}?symbols=BTC/USD", venue.address())).await;
        assert_eq!(venue.accept().await.path, dialled);
        rig.end(feed).await;
    }
    let (rig, venue) = (Rig::new(), Venue::new().await);
    let url = format!("binance+ws://{}/stream?symbols=BTCUSDT&channels=trades", venue.address());
    let feed = rig.start(&url).await;
    assert_eq!(venue.accept().await.path, "/stream?streams=btcusdt@trade");
    rig.end(feed).await;
}

/// A venue's REST interface that answers each request with the next of these.
async fn rest(replies: Vec<String>) -> (SocketAddr, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut asked = Vec::new();
        for reply in replies {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                assert!(stream.read_buf(&mut head).await.unwrap() > 0);
            }
            asked.push(String::from_utf8(head).unwrap().lines().next().unwrap().to_owned());
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        asked
    });
    (address, serving)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_snapshot_that_fails_is_fetched_again_until_the_book_joins() {
    let (rig, venue) = (Rig::with(|limits| limits.upstream_message_bytes_max = 5_000), Venue::new().await);
    let depth = r#"{"lastUpdateId":100,"bids":[["99.00","2"]],"asks":[["101.00","1"]]}"#;
    let replies = vec![
        http("200 OK", r#"{"symbols":[]}"#),
        http("503 Service Unavailable", "down for a moment"),
        http("200 OK", depth),
    ];
    let (address, asked) = rest(replies).await;
    let url = format!("binance+ws://{}?symbols=BTCUSDT&channels=book&rest=http://{address}", venue.address());
    let feed = rig.start(&url).await;
    let mut session = venue.accept().await;
    let event = r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1785644622707,"s":"BTCUSDT","U":99,"u":101,"b":[["99.50","1"]],"a":[]}}"#;
    session.send(event).await;
    rig.until_state("binance:BTCUSDT", State::Live).await;
    let asked = timeout(PATIENCE, asked).await.unwrap().unwrap();
    assert!(asked[0].starts_with("GET /api/v3/exchangeInfo?symbols="), "{asked:?}");
    assert!(
        asked[1..].iter().all(|line| line.starts_with("GET /api/v3/depth?symbol=BTCUSDT&limit=")),
        "{asked:?}"
    );
    assert_eq!(feed.status.counters().fetch_failures.value(), 1);
    rig.end(feed).await;
}

#[tokio::test]
async fn entry_points_are_connections_of_their_own_and_fail_alone() {
    let (rig, venue) = (Rig::new(), Venue::new().await);
    let depth = r#"{"lastUpdateId":100,"E":1785644622707,"T":1785644622700,"bids":[["99.0","2"]],"asks":[["101.0","1"]]}"#;
    let (address, asked) = rest(vec![http("200 OK", r#"{"symbols":[]}"#), http("200 OK", depth)]).await;
    let url = format!("binance-usdm+ws://{}?symbols=BTCUSDT&rest=http://{address}", venue.address());
    let feeds = start(&FeedSpec::parse(&url).unwrap(), &rig.context).await.unwrap();
    assert_eq!(feeds.len(), 2);
    let (one, other) = (venue.accept().await, venue.accept().await);
    let (mut public, mut market) = if one.path.starts_with("/public") { (one, other) } else { (other, one) };
    assert_eq!(public.path, "/public/stream?streams=btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms");
    assert_eq!(market.path, "/market/stream?streams=btcusdt@ticker");
    let event = r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1785644622707,"T":1785644622700,"s":"BTCUSDT","U":99,"u":101,"pu":90,"b":[["99.5","1"]],"a":[]}}"#;
    public.send(event).await;
    let ticker =
        r#"{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1785644622707,"s":"BTCUSDT","c":"99.5"}}"#;
    market.send(ticker).await;
    rig.until_state("binance-usdm:BTCUSDT", State::Live).await;
    asked.await.unwrap();
    drop(market);
    rig.until_state("binance-usdm:BTCUSDT", State::Stale).await;
    let state = |channel| {
        let registry = rig.market.registry();
        registry.symbol("binance-usdm:BTCUSDT").unwrap().topic(channel).unwrap().state()
    };
    assert_eq!((state(Channel::Book), state(Channel::Ticker)), (State::Live, State::Stale));
    assert_eq!((feeds[0].status.trouble(), feeds[1].status.trouble().is_some()), (None, true));
    let mut market = venue.accept().await;
    rig.until_state("binance-usdm:BTCUSDT", State::Live).await;
    market.send(ticker).await;
    until("the statistics", || state(Channel::Ticker) == State::Live).await;
    rig.context.shutdown.cancel();
    for feed in feeds {
        timeout(PATIENCE, feed.task).await.expect("an end in time").unwrap();
    }
}

#[tokio::test]
async fn a_second_connection_takes_over_before_the_venue_shuts_down() {
    let (rig, venue) = (Rig::new(), Venue::new().await);
    let depth = r#"{"lastUpdateId":100,"bids":[["99.00","2"]],"asks":[["101.00","1"]]}"#;
    let (address, asked) = rest(vec![http("200 OK", r#"{"symbols":[]}"#), http("200 OK", depth)]).await;
    let url = format!("binance+ws://{}?symbols=BTCUSDT&channels=book&rest=http://{address}", venue.address());
    let feed = rig.start(&url).await;
    let event = |id: u64| {
        format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1785644622707,"s":"BTCUSDT","U":{id},"u":{id},"b":[["98.00","{id}"]],"a":[]}}}}"#
        )
    };
    let mut first = venue.accept().await;
    first.send(event(101)).await;
    rig.until_state("binance:BTCUSDT", State::Live).await;
    asked.await.unwrap();
    first.send(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1785644622707}}"#).await;
    let mut second = venue.accept().await;
    assert_eq!(second.path, first.path);
    for id in 102..110 {
        // Now the one, now the other is ahead.
        let (one, other) = if id % 3 == 0 { (&mut first, &mut second) } else { (&mut second, &mut first) };
        one.send(event(id)).await;
        other.send(event(id)).await;
    }
    let left = timeout(PATIENCE, first.socket.next()).await.expect("an end in time");
    assert!(matches!(left, None | Some(Ok(Message::Close(_)) | Err(_))), "{left:?}");
    second.send(event(110)).await;
    // The image, live, and ten events.
    until("the last event", || rig.seq("binance:BTCUSDT", Channel::Book) >= 12).await;
    assert_eq!(rig.seq("binance:BTCUSDT", Channel::Book), 12, "each event once");
    assert_eq!(rig.seq("binance:BTCUSDT", Channel::Status), 1, "it was live all the time");
    let counters = feed.status.counters();
    assert_eq!(
        (feed.status.connects.value(), counters.disconnects.value(), counters.resyncs.value()),
        (2, 0, 0)
    );
    rig.end(feed).await;
}

fn trade(symbol: &str, id: u64) -> String {
    format!(r#"{{"channel":"trades","symbol":"{symbol}","price":"1.5","size":"2","side":"buy","id":"{id}"}}"#)
}

#[tokio::test]
async fn publishers_of_tick_lines_come_and_go() {
    let rig = Rig::with(|limits| (limits.tick_line_bytes_max, limits.tick_publishers_max) = (200, 2));
    let feed = rig.start("ticks+listen://127.0.0.1:0?venue=acme&symbols=NAMED").await;
    assert!(rig.state("acme:NAMED").is_some());
    let address = feed.status.url().split("://").nth(1).unwrap().split('?').next().unwrap().to_owned();
    let mut first = TcpStream::connect(&address).await.unwrap();
    let mut second = TcpStream::connect(&address).await.unwrap();
    first.write_all(format!("{}\n{}", trade("A", 1), &trade("A", 2)[..20]).as_bytes()).await.unwrap();
    second
        .write_all(format!("not a line\n{}\n{}\r\n", "x".repeat(300), trade("B", 1)).as_bytes())
        .await
        .unwrap();
    until("the trade of the second", || rig.seq("acme:B", Channel::Trades) >= 2).await;
    until("the trade of the first", || rig.seq("acme:A", Channel::Trades) >= 2).await;
    let seq = rig.seq("acme:A", Channel::Trades);
    first.write_all(format!("{}\n", &trade("A", 2)[20..]).as_bytes()).await.unwrap();
    until("the line in two parts", || rig.seq("acme:A", Channel::Trades) > seq).await;
    assert_eq!(feed.status.counters().faults(feed::counters::Fault::Malformed).value(), 2);
    let mut third = TcpStream::connect(&address).await.unwrap();
    assert_eq!(timeout(PATIENCE, third.read(&mut [0; 1])).await.unwrap().unwrap_or(0), 0, "one too many");
    assert!(feed.status.was_live());
    drop(second);
    rig.until_state("acme:B", State::Stale).await;
    assert_eq!(rig.state("acme:A"), Some(State::Live));
    rig.end(feed).await;
}

#[tokio::test]
async fn a_publisher_that_is_dialled_is_dialled_again() {
    let (rig, publisher) = (Rig::new(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let feed = rig.start(&format!("ticks+tcp://{}?venue=acme", publisher.local_addr().unwrap())).await;
    for id in 1..=3 {
        let (mut stream, _) = timeout(PATIENCE, publisher.accept()).await.unwrap().unwrap();
        let before = rig.seq("acme:A", Channel::Trades);
        stream.write_all(format!("{}\n", trade("A", id)).as_bytes()).await.unwrap();
        until("the trade", || rig.seq("acme:A", Channel::Trades) > before).await;
    }
    until("three connections", || feed.status.connects.value() >= 3).await;
    rig.end(feed).await;
}

/// A capture of tick lines: a trade at each of these times, in seconds.
fn capture(folder: &tempfile::TempDir, seconds: &[u64]) -> String {
    let mut text = String::from("# tickcast-capture 1 venue=ticks\n");
    for (id, second) in (1..).zip(seconds) {
        writeln!(text, "{} {}", (1_700_000_000 + second) * 1_000_000_000, trade("A", id)).unwrap();
    }
    let path = folder.path().join("a.capture");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_capture_goes_at_the_pace_that_was_asked_for() {
    let (rig, folder) = (Rig::new(), tempfile::tempdir().unwrap());
    let path = capture(&folder, &[0, 2, 6]);
    let feed = rig.start(&format!("file:{path}?speed=2")).await;
    let begun = tokio::time::Instant::now();
    let mut arrivals = Vec::new();
    let mut seq = 0;
    while begun.elapsed() < Duration::from_secs(5) {
        let now = rig.seq("ticks:A", Channel::Trades);
        if now > seq {
            (seq, _) = (now, arrivals.push(begun.elapsed().as_millis() / 100));
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(arrivals, [0, 10, 30], "tenths of a second");
    assert!(feed.status.was_live());
    timeout(PATIENCE, feed.task).await.expect("the capture's end").unwrap();
}

#[tokio::test]
async fn a_capture_at_full_speed_arrives_whole_and_stays() {
    let (rig, folder) = (Rig::new(), tempfile::tempdir().unwrap());
    let path = capture(&folder, &(0..500).collect::<Vec<_>>());
    let feed = rig.start(&format!("file:{path}?speed=max&digest=true")).await;
    timeout(PATIENCE, feed.task).await.expect("the capture's end").unwrap();
    let digests = rig.market.registry().digests();
    let trades = digests.topics.iter().find(|digest| digest.channel == "trades").unwrap();
    assert_eq!(trades.seq, rig.seq("ticks:A", Channel::Trades));
    assert!(trades.seq >= 500);
    assert!(feed.status.was_live());
}
