//! What comes before the writes: subscribers connect and are granted what they ask for, one after the other.

use super::Spec;
use super::frame::{EPOCH, Frame, SEQ_BEFORE};
use crate::phase::{Course, Phase};
use anyhow::{Context as _, bail, ensure};
use rustc_hash::FxHashMap;
use schemas::model::State;
use schemas::wire::reply::{self, Hello, Limits, Subscribed};
use schemas::wire::request::{self, Method};
use schemas::wire::{PROTOCOL, websocket};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4_096;
/// How long a subscriber may take with a message.
const MESSAGE_TIME_MAX: Duration = Duration::from_secs(20);
/// How long a subscriber's socket may be full.
const FULL_TIME_MAX: Duration = Duration::from_secs(5);
/// How soon the end of the run is noticed.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// For requests; what is written goes to the socket directly.
const READ_BUFFER_BYTES: usize = 4_096;

/// A symbol, its frame, and who watches it.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) frame: Frame,
    /// Numbers of connections.
    pub(super) watchers: Vec<usize>,
}

/// Listens on a free port, with room for many who connect at once.
pub(super) fn listen() -> anyhow::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
    socket.listen(BACKLOG)?;
    // So that accepting notices the end of the run.
    socket.set_read_timeout(Some(LOOK_EVERY))?;
    Ok(socket.into())
}

/// The topics of all symbols, without watchers.
pub(super) fn topics(spec: &Spec) -> anyhow::Result<Vec<Topic>> {
    let topic = |name: &String| Ok(Topic { frame: Frame::new(name.parse()?)?, watchers: Vec::new() });
    spec.symbols.iter().map(topic).collect()
}

/// Accepts a connection; none if the run ended before.
pub(super) fn accept(listener: &TcpListener, course: &Course) -> anyhow::Result<Option<TcpStream>> {
    while course.phase() != Phase::Ending {
        match listener.accept() {
            Ok((stream, _)) => return Ok(Some(stream)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error).context("cannot accept a connection"),
        }
    }
    Ok(None)
}

/// Grants subscribers what they ask for.
#[derive(Debug)]
pub(super) struct Grants<'a> {
    spec: &'a Spec,
    topics: &'a mut [Topic],
    numbers: FxHashMap<&'a str, usize>,
}

impl<'a> Grants<'a> {
    pub(super) fn new(spec: &'a Spec, topics: &'a mut [Topic]) -> Self {
        Self { spec, topics, numbers: spec.symbols.iter().map(String::as_str).zip(0..).collect() }
    }

    /// Greets the subscriber with this number, and grants all it is to subscribe to; its socket, ready to be written to.
    pub(super) fn welcome(&mut self, number: usize, stream: TcpStream) -> anyhow::Result<TcpStream> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(MESSAGE_TIME_MAX))?;
        stream.set_write_timeout(Some(FULL_TIME_MAX))?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
        let mut socket =
            tungstenite::accept_with_config(stream, Some(config)).map_err(|error| error_of(&error))?;
        let hello = Hello {
            protocol: PROTOCOL,
            node: "floor",
            ping_ms: 0,
            tiers_ms: &[0],
            limits: Limits { subscriptions: usize::MAX, requests_per_s: u32::MAX, message_bytes: usize::MAX },
        };
        socket.get_mut().write_all(&websocket::text(&reply::hello(&hello)))?;
        let mut granted = 0;
        while granted < self.spec.symbols_per_connection {
            granted += self.grant(number, &mut socket)?;
        }
        Ok(socket.into_inner())
    }

    /// Answers the next request; how many symbols it was for.
    fn grant(&mut self, number: usize, socket: &mut WebSocket<TcpStream>) -> anyhow::Result<usize> {
        let text = match socket.read().context("a subscriber sent no request")? {
            Message::Text(text) => text,
            other => bail!("a subscriber sent {other:?} instead of a request"),
        };
        let request = request::parse(&text)?;
        let Method::Subscribe(wanted) = request.method else {
            bail!("a subscriber asked for something else than to subscribe: {text}")
        };
        let (mut subscribed, mut snapshots) = (Vec::new(), Vec::new());
        for wanted in &wanted.symbols {
            let symbol = wanted.symbol.as_str();
            let topic = *self.numbers.get(symbol).with_context(|| format!("there is no symbol {symbol}"))?;
            self.topics[topic].watchers.push(number);
            subscribed.push(granted(symbol));
            snapshots.extend_from_slice(&self.topics[topic].frame.snapshot());
        }
        ensure!(!subscribed.is_empty(), "a subscriber asked for nothing");
        let reply = reply::subscribe(&request.id, &subscribed, &[]);
        socket.get_mut().write_all(&[&websocket::text(&reply), snapshots.as_slice()].concat())?;
        Ok(subscribed.len())
    }
}

fn granted(symbol: &str) -> Subscribed<'_> {
    Subscribed {
        channel: schemas::model::Channel::Quotes,
        symbol: Some(symbol),
        pattern: None,
        matched: None,
        epoch: Some(EPOCH),
        seq: Some(SEQ_BEFORE),
        interval_ms: 0,
        requested_interval_ms: None,
        on_slow: "conflate",
        adaptive: false,
        state: Some(State::Live),
        resumed: None,
    }
}

/// Without the half finished handshake, which is in the error.
fn error_of(error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("a subscriber's handshake failed: {error}")
}
