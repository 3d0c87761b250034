//! The wire protocol, version 1: JSON text over WebSocket, subprotocol [`SUBPROTOCOL`].
//!
//! [`frame`] writes what a topic tells; nothing there belongs to one connection, so a frame is encoded once and sent to
//! all. [`reply`] writes what concerns one connection. [`request`] reads what clients ask. [`close`] has the close codes.

pub mod close;
pub mod frame;
pub mod reply;
pub mod request;
pub mod websocket;

/// The WebSocket subprotocol of this version.
pub const SUBPROTOCOL: &str = "tickcast.v1.json";

/// The version that `hello` tells.
pub const PROTOCOL: u32 = 1;

/// A range of a topic's sequence numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeqRange {
    /// The first number.
    pub first: u64,
    /// The last number.
    pub last: u64,
}

impl SeqRange {
    /// From `first` to `last`.
    #[must_use]
    pub const fn new(first: u64, last: u64) -> Self {
        Self { first, last }
    }
}
