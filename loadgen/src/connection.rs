//! One connection: its socket, and what it has come to.

use crate::dialect::Speaker;
use crate::frame::{self, Decoder, opcode};
use crate::handshake::Handshake;
use crate::plan::{Behaviour, Client, Plan, Target};
use crate::random::Random;
use crate::request::{self, Wanted};
use crate::storm::Followed;
use crate::streak::Streak;
use crate::tls;
use crate::verify::Watched;
use mio::net::TcpStream;
use serde::Serialize;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The receive buffer of connections that read slowly or not at all, in bytes.
const SLOW_RECEIVE_BUFFER_BYTES: usize = 4096;
/// What may wait to be sent, in bytes: requests, pongs to a server that does not take them.
const UNSENT_BYTES_MAX: usize = 64 << 20;

/// What a connection has come to.
#[derive(Debug, Default)]
pub enum Stage {
    /// It waits for its turn to connect, or for the time to try again.
    #[default]
    Waiting,
    /// TCP connects.
    Connecting,
    /// The upgrade was sent.
    Upgrading(Handshake),
    /// The subscription was sent.
    Subscribing,
    /// All replies came.
    Live,
    /// It is leaving, and waits for the reply to its unsubscribe.
    Unsubscribing,
    /// It is leaving, and waits for the server's close.
    Closing,
    /// It will not come back.
    Gone,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// The socket failed.
    #[error("{}", io_reason(.0))]
    Io(#[from] io::Error),
    /// The server ended the stream without a close frame.
    #[error("the server ended the stream without a close frame")]
    Eof,
    /// The server closed.
    #[error("close {code} {reason}")]
    Closed {
        /// The close code.
        code: u16,
        /// The reason, as sent.
        reason: String,
    },
    /// The upgrade failed.
    #[error("handshake: {0}")]
    Handshake(#[from] crate::handshake::HandshakeError),
    /// The server broke the framing rules.
    #[error("framing: {0}")]
    Frame(#[from] crate::frame::FrameError),
    /// The server broke the rules of its dialect, or refused.
    #[error(transparent)]
    Dialect(#[from] crate::dialect::DialectError),
    /// The server takes nothing.
    #[error("more than {UNSENT_BYTES_MAX} bytes wait to be sent")]
    Unsent,
    /// It took too long.
    #[error("{0}")]
    TimedOut(&'static str),
    /// It left on purpose.
    #[error("left")]
    Left,
}

/// A connection, in whatever stage.
#[derive(Debug)]
pub struct Connection {
    /// The socket, if there is one.
    pub stream: Option<TcpStream>,
    /// What encrypts what goes over it, if anything does.
    pub tls: Option<Box<tls::Session>>,
    /// Puts frames together.
    pub decoder: Decoder,
    /// All else.
    pub session: Session,
}

/// What a received message may change.
#[derive(Debug)]
pub struct Session {
    /// Who this is.
    pub client: Client,
    /// What it has come to.
    pub stage: Stage,
    /// Counts sockets: what was scheduled for an earlier one is void.
    pub generation: u32,
    /// The number of its class in its thread's tally.
    pub class: usize,
    /// Attempts to connect since it was last live.
    pub attempts: u32,
    /// Whether it was live once.
    pub was_live: bool,
    /// When the server asked to come back.
    pub reconnect_in: Option<Duration>,
    /// When it subscribed, in microseconds since the Unix epoch.
    pub subscribed_at_us: u64,
    /// Replies that are still to come.
    pub replies_due: u32,
    /// What it holds of each topic, when that is verified.
    pub watched: Watched,
    /// What it holds of each topic, and how it came back, in a storm.
    pub followed: Followed,
    /// Where it stands, when it is to get each update of one topic.
    pub streak: Streak,
    /// Its part of the conversation, where the server speaks a dialect.
    pub speaker: Option<Box<Speaker>>,
    next_id: u64,
    unsent: Vec<u8>,
}

impl Connection {
    /// A connection that waits for its turn.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let session = Session {
            client,
            stage: Stage::Waiting,
            generation: 0,
            class: 0,
            attempts: 0,
            was_live: false,
            reconnect_in: None,
            subscribed_at_us: 0,
            replies_due: 0,
            watched: Watched::default(),
            followed: Followed::default(),
            streak: Streak::default(),
            speaker: None,
            next_id: 1,
            unsent: Vec::new(),
        };
        Self { stream: None, tls: None, decoder: Decoder::default(), session }
    }

    /// Begins to connect, from `source` if that is not left to the system.
    ///
    /// # Errors
    /// Of the system: no descriptor, no port, refused at once.
    pub fn connect(&mut self, target: &Target, source: Option<IpAddr>) -> io::Result<&mut TcpStream> {
        let address = target.address;
        let tls = target.tls.as_deref().map(tls::Session::new).transpose().map_err(io::Error::other)?;
        self.tls = tls.map(Box::new);
        let socket =
            Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        if self.session.client.behaviour != Behaviour::Prompt {
            socket.set_recv_buffer_size(SLOW_RECEIVE_BUFFER_BYTES)?;
        }
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if under_way(&error) => {}
            Err(error) => return Err(error),
        }
        self.session.stage = Stage::Connecting;
        Ok(self.stream.insert(TcpStream::from_std(socket.into())))
    }

    /// Drops the socket and all that belonged to it.
    pub fn reset(&mut self) {
        self.stream = None;
        self.tls = None;
        self.decoder = Decoder::default();
        self.session.stage = Stage::Waiting;
        self.session.generation = self.session.generation.wrapping_add(1);
        self.session.unsent = Vec::new();
        self.session.replies_due = 0;
        self.session.watched.cut();
        self.session.streak = Streak::default();
        self.session.speaker = None;
    }

    /// Makes the coming end of the socket a reset.
    pub fn abort_on_drop(&self) {
        if let Some(stream) = &self.stream {
            // If it cannot be set, the server sees an end without close frame instead.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Reads what the server sent; 0 is the end of the stream. With TLS a short read does not mean that nothing is left.
    ///
    /// # Errors
    /// Of the socket; [`ErrorKind::WouldBlock`] when nothing is left.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (&mut self.stream, &mut self.tls) {
            (Some(stream), None) => stream.read(buffer),
            (Some(stream), Some(tls)) => tls.read(stream, buffer),
            (None, _) => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Sends what waits, as far as the socket takes it.
    ///
    /// # Errors
    /// When the socket fails, or takes nothing for too long.
    pub fn flush(&mut self) -> Result<(), End> {
        let Self { stream: Some(stream), tls, session, .. } = self else { return Ok(()) };
        match tls {
            None => send(stream, &mut session.unsent)?,
            Some(tls) => tls.send(stream, &mut session.unsent)?,
        }
        if session.unsent.len() > UNSENT_BYTES_MAX { Err(End::Unsent) } else { Ok(()) }
    }

    /// Whether TCP has connected; the upgrade is under way then.
    ///
    /// # Errors
    /// When connecting failed.
    pub fn connected(&mut self, plan: &Plan) -> Result<bool, End> {
        let Some(stream) = &self.stream else { return Ok(false) };
        if let Some(error) = stream.take_error()? {
            return Err(End::Io(error));
        }
        match stream.peer_addr() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(false),
            Err(error) => return Err(End::Io(error)),
        }
        let target = plan.target(self.session.client.number);
        let (request, handshake) = Handshake::start(target, plan.subprotocol());
        self.session.unsent = request;
        self.session.stage = Stage::Upgrading(handshake);
        self.flush().map(|()| true)
    }
}

impl Session {
    /// Whether its part of connecting is done: it is live, or it is one that does not read replies (soon).
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self.stage {
            Stage::Live | Stage::Unsubscribing | Stage::Closing => true,
            Stage::Subscribing => self.client.behaviour == Behaviour::Trickling,
            Stage::Waiting | Stage::Connecting | Stage::Upgrading(_) | Stage::Gone => false,
        }
    }

    /// Queues the requests that subscribe it to `symbols`, which are all it watches.
    pub fn subscribe<S: Serialize>(&mut self, symbols: &[S], random: &mut Random) {
        self.stage = Stage::Subscribing;
        let wanted = self.wanted(symbols);
        self.request(random, |id| request::subscribe(wanted, id));
    }

    /// Queues the requests that end all its subscriptions.
    pub fn unsubscribe(&mut self, plan: &Plan, random: &mut Random) {
        self.stage = Stage::Unsubscribing;
        let names = self.names(plan);
        let wanted = Wanted { interval_ms: 0, ..self.wanted(&names) };
        self.request(random, |id| request::unsubscribe(wanted, id));
    }

    /// Queues a request for fresh snapshots of `symbols`.
    pub fn ask_snapshots(&mut self, symbols: &[&str], random: &mut Random) {
        let wanted = Wanted { snapshot: true, ..self.wanted(symbols) };
        self.request(random, |id| request::subscribe(wanted, id));
    }

    /// Queues messages of this kind.
    pub fn say(&mut self, opcode: u8, messages: &[Vec<u8>], random: &mut Random) {
        for message in messages {
            frame::append_masked(&mut self.unsent, opcode, message, random.mask());
        }
    }

    /// Queues a close frame.
    pub fn close(&mut self, code: u16, random: &mut Random) {
        frame::append_masked(&mut self.unsent, opcode::CLOSE, &code.to_be_bytes(), random.mask());
    }

    /// Queues a pong.
    pub fn pong(&mut self, payload: &[u8], random: &mut Random) {
        frame::append_masked(&mut self.unsent, opcode::PONG, payload, random.mask());
    }

    /// The names of all it watches.
    #[must_use]
    pub fn names<'a>(&self, plan: &'a Plan) -> Vec<&'a str> {
        self.client.symbols.iter().map(|symbol| plan.symbols[*symbol as usize].as_str()).collect()
    }

    const fn wanted<'a, S>(&self, symbols: &'a [S]) -> Wanted<'a, S> {
        let Client { channel, interval_ms, .. } = self.client;
        Wanted { channel, symbols, interval_ms, snapshot: false }
    }

    fn request<R: Iterator<Item = Vec<u8>>>(&mut self, random: &mut Random, requests: impl FnOnce(u64) -> R) {
        for request in requests(self.next_id) {
            frame::append_masked(&mut self.unsent, opcode::TEXT, &request, random.mask());
            self.next_id += 1;
            self.replies_due += 1;
        }
    }
}

fn send(stream: &mut TcpStream, unsent: &mut Vec<u8>) -> Result<(), End> {
    while !unsent.is_empty() {
        match stream.write(unsent) {
            Ok(0) => return Err(End::Eof),
            Ok(sent) if sent == unsent.len() => *unsent = Vec::new(),
            Ok(sent) => drop(unsent.drain(..sent)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(End::Io(error)),
        }
    }
    Ok(())
}

fn under_way(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
        || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

/// A reason that is the same for all connections that fail in the same way.
fn io_reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(_) => format!("{error}"),
        None => format!("{error} ({})", error.kind()),
    }
}
