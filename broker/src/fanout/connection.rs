//! One subscriber's connection as its shard holds it: what it is subscribed to, and, only while its socket is full or
//! it has just asked for something, how far it was served.

use super::socket::Socket;
use super::subscription::{Pattern, Subscription};
use feed::topic::Snapshot;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;
use table::{Frame, Position, TopicId};

/// A connection's place in its shard. Places are used again.
pub(crate) type ConnectionId = usize;

/// Up to where a connection was served, while it is behind.
#[derive(Debug, Clone)]
pub(crate) enum Cursor {
    /// It has everything up to here.
    At(Position),
    /// It is to begin with this snapshot, which the reply to its request named.
    Begin(Snapshot),
    /// It has everything up to here. What came then is still owed, and after it this snapshot, which it has asked for meanwhile.
    Then(Position, Snapshot),
}

/// What somebody else wants to be dropped when a connection ends.
pub type Permit = Box<dyn std::any::Any + Send>;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: Rc<Socket>,
    pub(crate) peer: SocketAddr,
    /// What it is subscribed to, sorted by topic.
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) outbound: Outbound,
    /// When the last ping went out, if no pong has come since.
    pub(crate) pinged: Option<Instant>,
    pub(crate) next_ping: Instant,
    /// Its place in the count of connections, given back when it is dropped.
    _permit: Permit,
}

/// What waits to be sent. Empty for a connection that keeps up.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    /// The rest of a data frame that the socket took a part of.
    cut: Option<Rest>,
    /// Replies, pongs and close frames; they go before further data.
    control: Vec<u8>,
    /// How many bytes of `control` are gone.
    control_sent: usize,
    /// Topics that changed since the connection fell behind.
    behind: Option<Box<Behind>>,
}

/// The rest of a frame, which stays shared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    frame: Frame,
    sent: usize,
}

/// What a connection that does not keep up is owed.
#[derive(Debug)]
pub(crate) struct Behind {
    /// A cursor for each topic that it was not served to the end.
    pub(crate) cursors: BTreeMap<TopicId, Cursor>,
    /// The topic served last; the next visit goes on behind it, so that all have their turn.
    pub(crate) last_served: TopicId,
    /// Since when its socket has been full, if that is why it is behind.
    pub(crate) slow_since: Option<Instant>,
    /// When its socket last took something.
    pub(crate) progress: Instant,
    /// Somebody waits for its socket.
    pub(crate) awaits_writable: bool,
}

/// What came of an attempt to send what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// All of it.
    All,
    /// The socket is full.
    Full,
    /// The connection is broken.
    Broken,
}

impl Connection {
    pub(crate) fn new(socket: Rc<Socket>, peer: SocketAddr, permit: Permit, next_ping: Instant) -> Self {
        Self {
            socket,
            peer,
            subscriptions: Vec::new(),
            patterns: Vec::new(),
            outbound: Outbound::default(),
            pinged: None,
            next_ping,
            _permit: permit,
        }
    }

    /// Sends the rest of a cut frame, then what concerns only this connection.
    pub(crate) fn send_waiting(&mut self, now: Instant) -> Sent {
        loop {
            let waiting = self.outbound.front();
            if waiting.is_empty() {
                return Sent::All;
            }
            match self.socket.write(waiting) {
                Ok(0) => return Sent::Full,
                Ok(taken) => self.outbound.took(taken, now),
                Err(_) => return Sent::Broken,
            }
        }
    }
}

impl Rest {
    /// What is left of a frame after `sent` bytes, which are not more than it has.
    pub(crate) fn of(frame: Frame, sent: usize) -> Self {
        debug_assert!(sent <= frame.len(), "{sent} bytes of a frame of {}", frame.len());
        Self { frame, sent }
    }

    fn bytes(&self) -> &[u8] {
        &self.frame[self.sent..]
    }
}

impl Outbound {
    /// Bytes that are held for this connection.
    pub(crate) fn held_bytes(&self) -> usize {
        self.cut.as_ref().map_or(0, |rest| rest.bytes().len()) + self.control_waiting()
    }

    /// Bytes of replies and control frames that wait.
    pub(crate) fn control_waiting(&self) -> usize {
        self.control.len() - self.control_sent
    }

    /// Adds a whole control frame or reply.
    pub(crate) fn push_control(&mut self, frame: &[u8]) {
        self.control.extend_from_slice(frame);
    }

    /// Keeps the rest of a frame that was cut off.
    pub(crate) fn keep_cut(&mut self, rest: Rest) {
        debug_assert!(self.cut.is_none(), "a frame is cut while another one is");
        self.cut = Some(rest);
    }

    /// The topics that it is behind in; from now on it is.
    pub(crate) fn fall_behind(&mut self, now: Instant) -> &mut Behind {
        self.behind.get_or_insert_with(|| {
            Box::new(Behind {
                cursors: BTreeMap::new(),
                last_served: TopicId(u32::MAX),
                slow_since: None,
                progress: now,
                awaits_writable: false,
            })
        })
    }

    /// The topics that it is behind in, if it is.
    pub(crate) fn behind_mut(&mut self) -> Option<&mut Behind> {
        self.behind.as_deref_mut()
    }

    /// The topics that it is behind in, if it is.
    pub(crate) fn behind(&self) -> Option<&Behind> {
        self.behind.as_deref()
    }

    /// It has caught up.
    pub(crate) fn caught_up(&mut self) {
        self.behind = None;
    }

    /// Drops what is owed of data; a cut frame's rest stays, since a frame cannot end in its middle.
    pub(crate) fn drop_data(&mut self) {
        if let Some(behind) = &mut self.behind {
            behind.cursors.clear();
        }
    }

    fn front(&self) -> &[u8] {
        match &self.cut {
            Some(cut) => cut.bytes(),
            None => &self.control[self.control_sent..],
        }
    }

    fn took(&mut self, taken: usize, now: Instant) {
        if let Some(behind) = &mut self.behind {
            behind.progress = now;
        }
        match &mut self.cut {
            Some(cut) if cut.bytes().len() == taken => self.cut = None,
            Some(cut) => cut.sent += taken,
            None => self.control_sent += taken,
        }
        if self.cut.is_none() && self.control_sent == self.control.len() {
            self.control = Vec::new();
            self.control_sent = 0;
        }
    }
}

impl Behind {
    /// Notes where it stands in a topic, unless it is behind there already.
    pub(crate) fn note(&mut self, topic: TopicId, cursor: Cursor) {
        self.cursors.entry(topic).or_insert(cursor);
    }

    /// The topic whose turn it is.
    pub(crate) fn next_topic(&mut self) -> Option<(TopicId, Cursor)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let later = self.cursors.range((Excluded(self.last_served), Unbounded)).next();
        let (topic, cursor) = later.or_else(|| self.cursors.iter().next())?;
        self.last_served = *topic;
        Some((*topic, cursor.clone()))
    }

    /// The socket is full.
    pub(crate) fn is_slow(&mut self, now: Instant) {
        self.slow_since.get_or_insert(now);
    }
}
