//! What a turn looks at for each delivery.

use super::batch::Owed;
use super::socket::Socket;
use std::rc::Rc;

/// What the turn looks at for each delivery, apart from the connection so that it stays in the cache.
#[derive(Debug)]
pub(crate) struct Hot {
    /// Where it is written to; none if this is nobody's place.
    pub(crate) socket: Option<Rc<Socket>>,
    /// What it is owed of the present batch.
    pub(crate) owed: Owed,
    pub(crate) flow: Flow,
    /// Waits to be served.
    pub(crate) is_waiting: bool,
    /// When something was last written to it, in milliseconds since the shard began.
    pub(crate) sent_ms: u32,
    /// When a sweep has to look at the connection itself if it keeps up: a ping is due, or a pong is overdue. In milliseconds since
    /// the shard began.
    pub(crate) look_ms: u32,
}

// What is looked at for each delivery stays small.
const _: () = assert!(size_of::<Hot>() <= 24);

/// How a connection takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Nobody's place.
    Vacant,
    /// Keeps up: served by batches.
    Ready,
    /// Has asked for something or its socket is full: only its cursors are noted.
    Behind,
    /// Gets nothing more.
    Closing,
}

impl Hot {
    pub(crate) const VACANT: Hot = Hot {
        socket: None,
        owed: Owed::NOTHING,
        flow: Flow::Vacant,
        is_waiting: false,
        sent_ms: 0,
        look_ms: 0,
    };
}
