//! HTTP on the broker's port: the page, snapshots, metrics, health, and the handshake of WebSockets, which then go to the
//! shards.

mod accept;
mod assets;
mod bursts;
mod connections;
mod handover;
mod patient;
mod readiness;
mod reply;
mod router;
mod snapshot;
mod symbols;
mod upgrade;

pub use accept::serve;
pub(crate) use connections::within_descriptors;
pub use connections::{Connections, Excess, Permit};

use crate::config::Limits;
use crate::fanout::Shards;
use crate::metrics::Metrics;
use crate::upstream::FeedStatus;
use bytes::Bytes;
use feed::market::Market;
use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Who takes the sockets after the handshake.
pub trait Streams: Debug + Send + Sync {
    /// Takes a socket, the bytes that were read behind its handshake, and its place in the count of connections.
    ///
    /// # Errors
    /// If it cannot be taken; it is closed then.
    fn admit(&self, socket: TcpStream, read_ahead: Bytes, peer: SocketAddr, permit: Permit)
    -> io::Result<()>;
}

impl Streams for Shards {
    fn admit(
        &self,
        socket: TcpStream,
        read_ahead: Bytes,
        peer: SocketAddr,
        permit: Permit,
    ) -> io::Result<()> {
        Shards::admit(self, socket, read_ahead, peer, Box::new(permit))
    }
}

/// What requests are answered from.
#[derive(Debug)]
pub struct App {
    /// Symbols and topics.
    pub market: Arc<Market>,
    /// The configured feeds.
    pub feeds: Vec<Arc<FeedStatus>>,
    /// What is counted.
    pub metrics: Metrics,
    /// The shards.
    pub streams: Arc<dyn Streams>,
    /// Who is connected.
    pub connections: Arc<Connections>,
    /// Cancelled when the broker is about to end: not ready, and no more streams.
    pub draining: CancellationToken,
    /// Limits and times.
    pub limits: Limits,
}
