//! Connections, seen from outside; and what the tasks of a shard's thread do for them.

use super::Check;
use super::client::{Client, Expected, Facts};
use super::held::Options;
use super::op::Setting;
use super::venue::TopicNumber;
use super::world::World;
use crate::clock;
use crate::fanout::connection::{ConnectionId, Sent};
use crate::fanout::scripted::ScriptedSocket;
use crate::fanout::shard::{Effect, Shard};
use crate::fanout::socket::Socket;
use crate::fanout::thread::is_closing;
use crate::session::requests;
use proptest::prop_assert;
use schemas::model::{Channel, Micros};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long a socket may take nothing.
pub(super) const STALL_TIME_MAX: Duration = Duration::from_secs(30);
/// A turn looks at the clock when it begins, and a socket is full a little later.
const TURN: Duration = Duration::from_millis(500);

/// A pattern that a connection holds.
pub(super) struct Pattern {
    pub(super) channel: Channel,
    /// Without its `*`.
    pub(super) prefix: &'static str,
    pub(super) options: Options,
    /// The last new topic that it covers found no room.
    pub(super) leaves_out: bool,
}

impl Pattern {
    pub(super) fn is(&self, channel: Channel, prefix: &str) -> bool {
        self.channel == channel && self.prefix == prefix
    }
}

/// A connection.
#[derive(Default)]
pub(super) struct Peer {
    pub(super) id: ConnectionId,
    pub(super) wire: ScriptedSocket,
    pub(super) client: Client,
    /// What it was granted. The client knows when it has read the replies.
    pub(super) held: BTreeMap<TopicNumber, Options>,
    /// The tiers in which its topics are served.
    pub(super) tiers: BTreeMap<TopicNumber, usize>,
    /// What of it was asked for by name, and so does not end with a pattern.
    pub(super) named: BTreeSet<TopicNumber>,
    /// In the order in which they were asked for last.
    pub(super) patterns: Vec<Pattern>,
    /// Since when it has not had all that was due because its socket was full.
    pub(super) slow_since: Option<Instant>,
    pub(super) awaits_writable: bool,
    /// When this step began its socket had been full for so long that its data must be conflated.
    pub(super) must_conflate: bool,
    /// It has read nothing for too long.
    is_stalled: bool,
    pub(super) lingers: bool,
    /// Bytes of replies that it had not taken when this step began.
    pub(super) replies_waited: usize,
}

impl World {
    pub(super) fn connect(&mut self, room: usize) -> Check {
        let wire = ScriptedSocket::default();
        wire.make_room(room);
        let socket = Rc::new(Socket::Scripted(wire.clone()));
        let now = clock::instant();
        let id = self.shard.admit(socket, ([127, 0, 0, 1], 1).into(), Box::new(()), now);
        // The greeting may have been too much.
        let slow_since = wire.full_since().map(|_| now);
        self.peers.push(Peer { id, wire, slow_since, ..Peer::default() });
        self.on_shard(|_, _| ())
    }

    /// The place of a client, if it still takes part.
    pub(super) fn peer(&self, client: u8) -> Option<usize> {
        let at = self.any_peer(client)?;
        (!is_closing(&self.shard, self.peers[at].id)).then_some(at)
    }

    /// The place of a client, also of one that is being closed.
    pub(super) fn any_peer(&self, client: u8) -> Option<usize> {
        usize::from(client).checked_rem(self.peers.len())
    }

    /// What a session does with a request.
    pub(super) fn request(&mut self, at: usize, id: u64, text: &str, expected: Expected) -> Check {
        let peer = &mut self.peers[at];
        peer.client.expected.push_back((id, expected));
        let connection = peer.id;
        self.on_shard(|shard, now| requests::answer(shard, connection, text, now, Micros(0)))
    }

    /// What a session does when its client is gone.
    pub(super) fn leave(&mut self, at: usize) -> Check {
        let peer = self.peers.swap_remove(at);
        self.has_seen_leave = true;
        self.on_shard(|shard, _| shard.remove(peer.id))
    }

    /// The task that awaits a socket goes on.
    pub(super) fn wake(&mut self, at: usize) -> Check {
        let peer = &mut self.peers[at];
        let (id, awaits) = (peer.id, std::mem::take(&mut peer.awaits_writable));
        if awaits { self.on_shard(|shard, _| shard.became_writable(id)) } else { Ok(()) }
    }

    /// Who has not read for too long is closed, and nobody else.
    pub(super) fn sweep(&mut self) -> Check {
        let now = clock::instant();
        let is_late =
            |since: Option<Instant>, slack| since.is_some_and(|since| now - since + slack >= STALL_TIME_MAX);
        let mut must = Vec::new();
        for peer in &mut self.peers {
            peer.is_stalled = is_late(peer.wire.without_room_since(), TURN);
            must.push(!is_closing(&self.shard, peer.id) && is_late(peer.wire.full_since(), Duration::ZERO));
        }
        let mut from = Some(0);
        while let Some(place) = from {
            from = self.on_shard(|shard, _| shard.sweep(place, Micros(0)))?;
        }
        for (peer, must) in self.peers.iter_mut().zip(must) {
            peer.is_stalled = false;
            prop_assert!(peer.lingers || !must, "a client that does not read is still here");
        }
        Ok(())
    }

    /// The task that sees a connection to its end goes on.
    pub(super) fn linger(&mut self, at: usize) -> Check {
        let id = self.peers[at].id;
        let send = |shard: &mut Shard, now| shard.connections.get_mut(id).map(|held| held.send_waiting(now));
        match self.on_shard(send)? {
            Some(Sent::Full) => Ok(()),
            Some(Sent::All) if self.peers[at].lingers => {
                let peer = &self.peers[at];
                prop_assert!(peer.client.is_closed, "it was closed without a word");
                self.leave(at)
            }
            // Its socket is broken.
            _ => self.leave(at),
        }
    }

    /// What the tasks of a shard's thread are to see to.
    pub(super) fn take_effects(&mut self) -> Check {
        for effect in std::mem::take(&mut self.shard.effects) {
            let find = |id: ConnectionId| move |peer: &&mut Peer| peer.id == id;
            match effect {
                Effect::Tick(tier) => self.ticking[usize::from(tier)] = true,
                Effect::AwaitWritable(id) => {
                    if let Some(peer) = self.peers.iter_mut().find(find(id)) {
                        peer.awaits_writable = true;
                    }
                }
                Effect::Linger(id) => {
                    let (setting, patience) = (self.setting, self.patience());
                    if let Some(peer) = self.peers.iter_mut().find(find(id)) {
                        prop_assert!(peer.may_be_closed(&setting, patience), "closed without need");
                        peer.lingers = true;
                    }
                }
            }
        }
        Ok(())
    }

    /// What the sockets took is read.
    pub(super) fn deliver(&mut self, heads: &[u64]) -> Check {
        let patience = self.patience();
        let venue = self.venue.borrow();
        let step = (!self.was_disturbed.take()).then_some(self.step);
        for peer in &mut self.peers {
            let bytes = peer.wire.take_sent();
            if !bytes.is_empty() {
                let facts = Facts {
                    venue: &venue,
                    tiers: &self.tiers,
                    may_conflate: peer.is_slow_for(patience),
                    interval_ms_max: self.setting.adaptation.interval_ms_max,
                    must_conflate: peer.must_conflate.then_some(heads),
                    may_exceed: self.setting.control_bytes_max < 65_536,
                    was_closed: peer.lingers,
                    step,
                };
                peer.client.read(&bytes, &facts)?;
            }
            if std::mem::take(&mut peer.client.pings) > 0 {
                self.shard.ponged(peer.id);
            }
        }
        Ok(())
    }
}

impl Peer {
    /// How many more subscriptions and patterns it may hold.
    pub(super) fn room(&self, setting: &Setting) -> usize {
        setting.subscriptions_max.saturating_sub(self.held.len() + self.patterns.len())
    }

    /// What it is owed has to wait: its socket has not taken all that it was offered, or has not had room since.
    pub(super) fn has_no_room(&self) -> bool {
        self.wire.full_since().is_some() || self.awaits_writable && !self.wire.is_writable()
    }

    /// It reads nothing, or not its replies, or would rather be closed than conflated.
    fn may_be_closed(&self, setting: &Setting, patience: Duration) -> bool {
        let would_rather = self.held.values().any(|options| options.disconnect);
        let leaves_replies = self.replies_waited > 0 && setting.control_bytes_max < 65_536;
        leaves_replies || self.is_stalled || would_rather && self.is_slow_for(patience)
    }

    fn is_slow_for(&self, patience: Duration) -> bool {
        self.slow_since.is_some_and(|since| clock::instant() - since >= patience)
    }
}
