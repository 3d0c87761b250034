//! What it takes to stand in for a venue, without I/O: connections and requests come in, records are played, and what each
//! connection is to be sent goes out.

use crate::source::Item;
use schemas::capture::UnixNanos;
use std::time::Duration;
use tungstenite::{Bytes, Utf8Bytes};

/// Names a connection.
pub type ConnId = u64;

/// A venue's behaviour. Times (`now`) are unix nanoseconds of the wall clock.
pub trait StandIn: Send {
    /// Sees each record of the capture once before anything is served.
    fn survey(&mut self, item: &Item);

    /// The survey has ended.
    fn surveyed(&mut self) {}

    /// A client wants to open a WebSocket at `target`.
    ///
    /// # Errors
    /// The reply of a venue that has nothing there; the connection is not opened then.
    fn opened(
        &mut self,
        conn: ConnId,
        target: &Target,
        now: UnixNanos,
        out: &mut Outbox,
    ) -> Result<(), HttpReply>;

    /// A client has sent a text frame.
    fn message(&mut self, conn: ConnId, text: &str, now: UnixNanos, out: &mut Outbox);

    /// A connection has ended.
    fn closed(&mut self, conn: ConnId);

    /// A request over HTTP.
    fn http(&mut self, target: &Target, now: UnixNanos) -> HttpReply;

    /// A record's turn has come.
    fn play(&mut self, item: &Item, moment: &Moment, out: &mut Outbox);

    /// The capture begins anew: what was played is forgotten, connections and subscriptions stay.
    fn rewind(&mut self);

    /// Time has passed; called several times a second. `ended` says that the capture has been played to its end.
    fn tick(&mut self, now: UnixNanos, ended: bool, out: &mut Outbox);

    /// Whether the survey has found nothing of this venue.
    fn holds_nothing(&self) -> bool;

    /// Whether any connection has subscribed to anything.
    fn has_subscribers(&self) -> bool;

    /// How the venue checks that a client is there, where it does.
    fn keep_alive(&self) -> Option<KeepAlive> {
        None
    }
}

/// Logs, once for a request, what the capture does not hold: a venue that has nothing to say there is silent too.
pub fn tell_silent(conn: ConnId, names: &[impl AsRef<str>]) {
    const SHOWN_MAX: usize = 5;
    if !names.is_empty() {
        let shown: Vec<_> = names.iter().take(SHOWN_MAX).map(AsRef::as_ref).collect();
        let more = if names.len() > SHOWN_MAX { ", ..." } else { "" };
        let (count, shown) = (names.len(), shown.join(", "));
        tracing::warn!(
            "connection {conn}: {count} streams are not in the capture and stay silent: {shown}{more}"
        );
    }
}

/// The venue's pings: how often, and how long an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// From one ping to the next.
    pub every: Duration,
    /// A client that sent no pong for so long is cut off.
    pub pong_within: Duration,
}

/// The circumstances in which a record is played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// How often the capture has begun anew.
    pub turn: u64,
    /// By how much event times are later than recorded, because of the turns before.
    pub shift_ns: u64,
    /// What event times are replaced by: the time at which the record is scheduled.
    pub stamp: Option<UnixNanos>,
    /// Whether anybody hears it; if not, it only changes what the stand-in knows.
    pub heard: bool,
}

impl Moment {
    /// The first turn, with recorded times.
    #[must_use]
    pub fn as_recorded() -> Self {
        Self { heard: true, ..Self::default() }
    }

    /// Whether frames go out with every byte as recorded.
    #[must_use]
    pub fn is_as_recorded(&self) -> bool {
        self.turn == 0 && self.stamp.is_none()
    }

    /// The event time to send for a recorded one.
    #[must_use]
    pub fn event_time(&self, recorded: UnixNanos) -> UnixNanos {
        self.stamp.unwrap_or(recorded.saturating_add(self.shift_ns))
    }
}

/// The path and the query of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The path, its `%40` and `%21` as the `@` and `!` that streams are named with.
    pub path: String,
    /// The query's keys and values.
    pub query: Vec<(String, String)>,
}

impl Target {
    /// Reads `/path?query`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = path.replace("%40", "@").replace("%21", "!");
        Self { path, query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    /// The value of the first such key.
    #[must_use]
    pub fn query(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// A reply over HTTP, always JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl HttpReply {
    /// Status 200.
    #[must_use]
    pub fn ok(body: String) -> Self {
        Self { status: 200, body }
    }
}

/// Something for one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Out {
    /// A text frame.
    Text(Utf8Bytes),
    /// A binary frame.
    Binary(Bytes),
    /// A ping.
    Ping(Bytes),
    /// A close frame, and the end of the connection.
    Close {
        /// The code.
        code: u16,
        /// The reason.
        reason: &'static str,
    },
}

impl Out {
    /// How much of a queue it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Out::Text(text) => text.len(),
            Out::Binary(bytes) | Out::Ping(bytes) => bytes.len(),
            Out::Close { reason, .. } => reason.len(),
        }
    }
}

/// Collects what connections are to be sent, in order.
#[derive(Debug, Default)]
pub struct Outbox(pub Vec<(ConnId, Out)>);

impl Outbox {
    /// Adds a text frame.
    pub fn text(&mut self, conn: ConnId, text: impl Into<Utf8Bytes>) {
        self.0.push((conn, Out::Text(text.into())));
    }

    /// Adds a binary frame for each of these connections.
    pub fn binary(&mut self, conns: impl IntoIterator<Item = ConnId>, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.0.extend(conns.into_iter().map(|conn| (conn, Out::Binary(bytes.clone()))));
    }

    /// Adds a text frame for each of these connections.
    pub fn texts(&mut self, conns: impl IntoIterator<Item = ConnId>, text: &str) {
        let text = Utf8Bytes::from(text);
        self.0.extend(conns.into_iter().map(|conn| (conn, Out::Text(text.clone()))));
    }

    /// Adds a close frame.
    pub fn close(&mut self, conn: ConnId, code: u16, reason: &'static str) {
        self.0.push((conn, Out::Close { code, reason }));
    }
}
