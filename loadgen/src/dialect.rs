//! What other servers speak over their WebSockets: how to subscribe, where an update begins and ends, and how to stay alive.
//!
//! A [`Speaker`] does no input and no output: messages go in, and what is to be sent comes out. The updates themselves are
//! the same text for every server, as a broker of this project would send it, so that what reads and counts them is the
//! same code too.

mod mqtt;
mod nats;
mod packets;
mod plain;
mod socket_io;

use crate::frame::opcode;

/// The longest line or packet that is accepted, in bytes; the updates of a comparison have some 200.
pub const PACKET_BYTES_MAX: usize = 1 << 20;
/// What of the other side's words goes into an error.
const SHOWN_BYTES_MAX: usize = 120;

/// A server's way to say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// JSON texts: `{"subscribe":[...]}` is answered by `{"subscribed":N}`, all else is an update, with its `symbol` in it.
    Plain,
    /// The NATS client protocol, as a stream of bytes in binary messages.
    Nats,
    /// MQTT 3.1.1 with QoS 0.
    Mqtt,
    /// Socket.IO 4 over Engine.IO 4, over its WebSocket only.
    SocketIo,
}

/// How the other side broke the rules, or refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialectError {
    /// It refused what it was asked.
    #[error("the server refused: {0}")]
    Refused(String),
    /// It said what its dialect does not have, or not now.
    #[error("unexpected: {0}")]
    Unexpected(String),
    /// A line or packet is longer than is accepted.
    #[error("a packet is longer than the accepted {PACKET_BYTES_MAX} bytes")]
    TooLong,
    /// It said good-bye.
    #[error("the server said good-bye")]
    Goodbye,
}

/// One connection's part of the conversation: a subscriber's, or with no symbols a publisher's.
#[derive(Debug)]
pub struct Speaker {
    dialect: Dialect,
    /// Until they are subscribed to.
    symbols: Vec<String>,
    /// Answers that are still to come until it is ready.
    answers_due: u32,
    is_ready: bool,
    /// The beginning of a packet whose end is not there yet.
    packets: packets::Packets,
}

impl Dialect {
    /// Where the WebSocket is.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::SocketIo => "/socket.io/?EIO=4&transport=websocket",
            Self::Plain | Self::Nats | Self::Mqtt => "/",
        }
    }

    /// The WebSocket subprotocol that must be asked for.
    #[must_use]
    pub const fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::Mqtt => Some("mqtt"),
            Self::Plain | Self::Nats | Self::SocketIo => None,
        }
    }

    /// The opcode of its messages.
    #[must_use]
    pub const fn opcode(self) -> u8 {
        match self {
            Self::Nats | Self::Mqtt => opcode::BINARY,
            Self::Plain | Self::SocketIo => opcode::TEXT,
        }
    }

    /// Appends the message that publishes `update`, a JSON object, of this symbol.
    pub fn publish(self, out: &mut Vec<u8>, symbol: &str, update: &[u8]) {
        match self {
            Self::Plain => out.extend_from_slice(update),
            Self::Nats => nats::publish(out, symbol, update),
            Self::Mqtt => mqtt::publish(out, symbol, update),
            Self::SocketIo => socket_io::publish(out, update),
        }
    }
}

impl Speaker {
    /// Says what subscribes to these symbols; with none, what is said before publishing.
    #[must_use]
    pub fn new(dialect: Dialect, symbols: Vec<String>) -> Self {
        let packets = packets::Packets::default();
        Self { dialect, symbols, answers_due: 0, is_ready: false, packets }
    }

    /// Whether it is subscribed, or may publish.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// The opcode of its messages.
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        self.dialect.opcode()
    }

    /// The WebSocket is open: adds the messages to begin with to `out`.
    pub fn open(&mut self, out: &mut Vec<Vec<u8>>) {
        match self.dialect {
            Dialect::Plain => self.open_plain(out),
            Dialect::Mqtt => out.push(mqtt::connect()),
            // These speak first.
            Dialect::Nats | Dialect::SocketIo => {}
        }
    }

    /// Takes a message of the server: hands each update in it to `update`, and adds what is to be sent to `out`.
    ///
    /// # Errors
    /// [`DialectError`]; the connection is of no use after one.
    pub fn message(
        &mut self,
        message: &[u8],
        out: &mut Vec<Vec<u8>>,
        update: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DialectError> {
        match self.dialect {
            Dialect::Plain => self.hear_plain(message, update),
            Dialect::Nats => self.hear_nats(message, out, update),
            Dialect::Mqtt => self.hear_mqtt(message, out, update),
            Dialect::SocketIo => self.hear_socket_io(message, out, update),
        }
    }

    /// What a client must say from time to time, if it must; less than [`mqtt::KEEP_ALIVE_S`] apart.
    #[must_use]
    pub fn keep_alive(&self) -> Option<Vec<u8>> {
        (self.dialect == Dialect::Mqtt && self.is_ready).then(mqtt::ping)
    }

    /// Takes the packets of a stream of bytes: `take` says how many bytes the one in front has, once that is whole.
    fn hear_packets(
        &mut self,
        message: &[u8],
        mut take: impl FnMut(&mut Self, &[u8]) -> Result<Option<usize>, DialectError>,
    ) -> Result<(), DialectError> {
        // Apart from the speaker meanwhile, which each packet may change.
        let mut packets = std::mem::take(&mut self.packets);
        let heard = packets.feed(message, |bytes| take(self, bytes));
        self.packets = packets;
        heard
    }

    /// One of the answers that it waited for.
    fn answered(&mut self) {
        self.answers_due = self.answers_due.saturating_sub(1);
        self.is_ready |= self.answers_due == 0;
    }
}

fn unexpected(what: &[u8]) -> DialectError {
    DialectError::Unexpected(shown(what))
}

fn shown(what: &[u8]) -> String {
    String::from_utf8_lossy(&what[..what.len().min(SHOWN_BYTES_MAX)]).trim().to_owned()
}

/// `["a","b"]`; strings always can be written as JSON.
fn json_list(symbols: &[String]) -> String {
    serde_json::to_string(symbols).unwrap_or_default()
}

#[cfg(test)]
mod tests;
