//! The servers that are compared: which there are, what they speak, whether they are installed, and how they are started.
//!
//! Each is a process of its own, on cores of its own and on a free port of the loopback, with a configuration that lives as
//! long as it does. What it used is read from the system's account of that process, for all of them in the same way.

mod installed;
mod listening;
mod process;
mod recipe;

pub use installed::{Missing, Places, Program};
pub use process::Process;
pub use recipe::Started;
pub(crate) use recipe::VENUE;

use crate::dialect::Dialect;
use serde::{Serialize, Serializer};

/// A server to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Peer {
    /// This project's broker, by tick lines
    Tickcast,
    /// A server that does nothing but write
    Floor,
    /// nats-server, over its WebSocket
    Nats,
    /// Mosquitto: MQTT over its WebSocket
    Mosquitto,
    /// Socket.IO on Node.js, over its WebSocket
    #[value(name = "socket.io")]
    SocketIo,
    /// The npm package ws on Node.js
    Ws,
    /// tokio's broadcast channels and tokio-tungstenite
    TokioBroadcast,
}

impl Peer {
    /// As it is called on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tickcast => "tickcast",
            Self::Floor => "floor",
            Self::Nats => "nats",
            Self::Mosquitto => "mosquitto",
            Self::SocketIo => "socket.io",
            Self::Ws => "ws",
            Self::TokioBroadcast => "tokio-broadcast",
        }
    }

    /// What it speaks, if not this project's protocol.
    #[must_use]
    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Tickcast | Self::Floor => None,
            Self::Nats => Some(Dialect::Nats),
            Self::Mosquitto => Some(Dialect::Mqtt),
            Self::SocketIo => Some(Dialect::SocketIo),
            Self::Ws | Self::TokioBroadcast => Some(Dialect::Plain),
        }
    }
}

impl Serialize for Peer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn names_are_those_of_the_command_line() {
        for peer in Peer::value_variants() {
            assert_eq!(peer.to_possible_value().unwrap().get_name(), peer.name());
        }
    }
}
