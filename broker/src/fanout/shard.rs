//! A shard's state, and the turn: drain, serve, write.
//!
//! Everything here belongs to one thread. A turn notes for each connection what it is owed of the topics that changed, then
//! visits each owed connection once. It stops when its time is up, in the middle of the connections if need be, and goes on
//! after the runtime has had a look at the sockets.

use super::adaptation::Adaptation;
use super::advance::{Pace, Sink, Skipped, advance};
use super::batch::{Batch, Owed, SegmentId};
use super::connection::{Connection, ConnectionId, Cursor};
use super::hot::{Flow, Hot};
use super::settings::Settings;
use super::stats::{Counts, ShardStats};
use super::subscription::{RAW, ServedTopic, Tier};
use super::tier::Tiers;
use crate::clock;
use feed::market::Market;
use feed::topic::Table;
use rustc_hash::FxHashMap;
use schemas::wire::{reply, websocket};
use slab::Slab;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::{Frame, Position, TopicId};

/// After this many writes the turn looks at the clock.
const WRITES_PER_LOOK: usize = if cfg!(test) { 2 } else { 16 };

/// How long those are served in a turn who do not keep up, before those who do.
const WAITING_SHARE: Duration = Duration::from_millis(1);

/// How many connections before its turn a socket is fetched into the cache.
const LOOK_AHEAD: usize = 1;

/// What has to be done outside the shard's state, by tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Serve the connection when its socket takes bytes again.
    AwaitWritable(ConnectionId),
    /// See the connection to its end.
    Linger(ConnectionId),
    /// Tick for a tier, which has members now.
    Tick(Tier),
}

/// One shard: its subscribers live and die here.
pub(crate) struct Shard {
    pub(crate) index: usize,
    pub(crate) table: Arc<Table>,
    pub(crate) market: Arc<Market>,
    pub(crate) settings: Arc<Settings>,
    /// The frame that greets each connection.
    pub(crate) hello: Arc<[u8]>,
    pub(crate) stats: Arc<ShardStats>,
    pub(crate) counts: Counts,
    pub(crate) began: Instant,
    pub(crate) connections: Slab<Connection>,
    pub(crate) hot: Vec<Hot>,
    pub(crate) topics: FxHashMap<TopicId, ServedTopic>,
    pub(crate) tiers: Tiers,
    pub(crate) adaptation: Adaptation,
    /// Topics below this were there when the patterns were last looked at.
    pub(crate) topics_seen: u32,
    pub(crate) effects: Vec<Effect>,
    pub(crate) batch: Batch,
    /// Connections that the present batch owes something.
    pub(super) owed: VecDeque<ConnectionId>,
    /// Connections to serve by their cursors.
    pub(crate) waiting: VecDeque<ConnectionId>,
    /// Topics that the next turn looks at, whether they are marked or not.
    dirty: Vec<TopicId>,
}

/// Frames go to the segment begun last.
struct ToBatch<'a>(&'a mut Batch);

impl Sink for ToBatch<'_> {
    fn take(&mut self, frame: &Frame, position: Position, skipped: Skipped) -> bool {
        self.0.push(frame, position, skipped);
        true
    }
}

impl Shard {
    pub(crate) fn new(
        index: usize,
        table: Arc<Table>,
        market: Arc<Market>,
        settings: Arc<Settings>,
        stats: Arc<ShardStats>,
    ) -> Self {
        let tiers = Tiers::new(settings.tiers_ms.len());
        Self {
            index,
            table,
            market,
            hello: websocket::text(&reply::hello(&settings.hello())),
            settings,
            stats,
            counts: Counts::default(),
            began: clock::instant(),
            connections: Slab::new(),
            hot: Vec::new(),
            topics: FxHashMap::default(),
            tiers,
            adaptation: Adaptation::default(),
            topics_seen: 0,
            effects: Vec::new(),
            batch: Batch::default(),
            owed: VecDeque::new(),
            waiting: VecDeque::new(),
            dirty: Vec::new(),
        }
    }

    /// Works until all is done or the turn's time is up; says whether something is left.
    pub(crate) fn turn(&mut self) -> bool {
        let begun = clock::instant();
        let deadline = begun + Duration::from_millis(self.settings.turn_ms_max);
        if self.owed.is_empty() {
            self.begin_batch(begun);
        }
        self.flush(deadline);
        self.counts.publish(&self.stats, clock::instant().saturating_duration_since(begun));
        !self.owed.is_empty() || self.has_next_turn()
    }

    /// Whether there is something to do that no mark in the table tells of.
    pub(crate) fn has_next_turn(&self) -> bool {
        !self.waiting.is_empty() || !self.dirty.is_empty()
    }

    fn begin_batch(&mut self, now: Instant) {
        self.batch.clear();
        let mut dirty = std::mem::take(&mut self.dirty);
        self.table.drain(self.index, |topic| dirty.push(topic));
        // After the drain: news that came before it has no wake-up left.
        self.look_at_new_topics(now);
        for topic in dirty.drain(..) {
            self.advance_topic(topic, now);
        }
        // What is to be looked at since then.
        dirty.append(&mut self.dirty);
        self.dirty = dirty;
        self.tick_tiers(now);
        self.serve_waiting(now, now + WAITING_SHARE);
    }

    /// The next turn looks at a topic as if it were marked.
    pub(crate) fn look_at(&mut self, topic: TopicId) {
        self.dirty.push(topic);
    }

    /// Reads a topic's log up to its head and notes for its subscribers what they are owed.
    pub(crate) fn advance_topic(&mut self, id: TopicId, now: Instant) {
        let Self { topics, connections, hot, batch, owed, .. } = self;
        let Some(topic) = topics.get_mut(&id) else { return };
        let (before, head) = (topic.stand, topic.handle.topic.head());
        if head.index <= before.index {
            return;
        }
        topic.stand = head;
        let mut has_tiers = false;
        for group in &mut topic.groups {
            if group.tier != RAW {
                has_tiers = true;
            } else if group.members.is_empty() {
                group.stand = head;
            } else {
                let segment = batch.begin(id, before);
                topic.stand = advance(&topic.handle, before, head, Pace::Every, &mut ToBatch(batch));
                group.stand = topic.stand;
                for &member in &group.members {
                    owe(member, segment, batch, hot, owed);
                    if hot[member].flow == Flow::Behind {
                        note_behind(connections, member, id, before, now);
                    }
                }
            }
        }
        if has_tiers {
            self.note_tiers(id, before, now);
        }
    }

    /// Notes a segment for one connection, which stands where the segment begins.
    pub(crate) fn owe_one(
        &mut self,
        member: ConnectionId,
        id: TopicId,
        segment: SegmentId,
        before: Position,
        now: Instant,
    ) {
        let Self { connections, hot, batch, owed, .. } = self;
        owe(member, segment, batch, hot, owed);
        if hot[member].flow == Flow::Behind {
            note_behind(connections, member, id, before, now);
        }
    }

    /// Writes to each owed connection, until the time is up.
    fn flush(&mut self, deadline: Instant) {
        let mut writes = 0;
        let mut now = clock::instant();
        let mut now_ms = millis(self.began, now);
        while let Some(connection) = self.owed.pop_front() {
            self.look_ahead();
            self.write_owed(connection, now, now_ms);
            writes += 1;
            if writes % WRITES_PER_LOOK == 0 {
                now = clock::instant();
                if now >= deadline {
                    return;
                }
                now_ms = millis(self.began, now);
            }
        }
    }

    /// Between two writes the kernel has used the whole cache: a socket that is fetched now arrives during the write.
    fn look_ahead(&self) {
        let soon = self.owed.get(LOOK_AHEAD).and_then(|id| self.hot.get(*id));
        if let Some(socket) = soon.and_then(|hot| hot.socket.as_ref()) {
            socket.prefetch();
        }
    }

    /// Writes what the present batch owes one connection.
    pub(crate) fn flush_one(&mut self, id: ConnectionId, now: Instant) {
        self.write_owed(id, now, millis(self.began, now));
    }

    #[inline]
    fn write_owed(&mut self, id: ConnectionId, now: Instant, now_ms: u32) {
        let Some(hot) = self.hot.get_mut(id) else { return };
        let owed = std::mem::replace(&mut hot.owed, Owed::NOTHING);
        if owed.is_nothing() || hot.flow != Flow::Ready {
            return;
        }
        let Some(socket) = &hot.socket else { return };
        let (bytes, told) = self.batch.get(owed);
        match socket.write(bytes) {
            Ok(taken) if taken == bytes.len() => {
                hot.sent_ms = now_ms;
                self.counts.wrote(taken, told);
            }
            Ok(taken) => self.keep_rest(id, owed, taken, now),
            Err(_) => self.break_off(id),
        }
    }

    /// The socket took only a part of what a connection was owed: it falls behind.
    fn keep_rest(&mut self, id: ConnectionId, owed: Owed, taken: usize, now: Instant) {
        let left = self.batch.after_partial_write(owed, taken);
        self.counts.wrote(taken, left.told);
        let Some(connection) = self.connections.get_mut(id) else { return };
        let outbound = &mut connection.outbound;
        let behind = outbound.fall_behind(now);
        for unserved in left.unserved {
            behind.note(unserved.topic, Cursor::At(unserved.served));
        }
        if let Some(rest) = left.cut {
            outbound.keep_cut(rest);
        }
        self.hot[id].flow = Flow::Behind;
        self.counts.fell_behind += 1;
        self.await_writable(id, now);
    }

    /// The connection is to be served when its socket takes bytes again.
    pub(crate) fn await_writable(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let behind = connection.outbound.fall_behind(now);
        behind.is_slow(now);
        if !std::mem::replace(&mut behind.awaits_writable, true) {
            self.effects.push(Effect::AwaitWritable(id));
        }
    }

    /// The socket of a connection that awaited it may take bytes again.
    pub(crate) fn became_writable(&mut self, id: ConnectionId) {
        if let Some(behind) = self.connections.get_mut(id).and_then(|held| held.outbound.behind_mut()) {
            behind.awaits_writable = false;
        }
        self.wait_for_turn(id);
    }

    /// The connection is to be served by its cursors in the next turn.
    pub(crate) fn wait_for_turn(&mut self, id: ConnectionId) {
        if let Some(hot) = self.hot.get_mut(id)
            && !std::mem::replace(&mut hot.is_waiting, true)
        {
            self.waiting.push_back(id);
        }
    }
}

fn owe(
    member: ConnectionId,
    segment: SegmentId,
    batch: &mut Batch,
    hot: &mut [Hot],
    owed: &mut VecDeque<ConnectionId>,
) {
    let hot = &mut hot[member];
    if hot.flow == Flow::Ready {
        if hot.owed.is_nothing() {
            owed.push_back(member);
        }
        hot.owed = batch.extend(hot.owed, segment);
    }
}

fn note_behind(
    connections: &mut Slab<Connection>,
    member: ConnectionId,
    topic: TopicId,
    before: Position,
    now: Instant,
) {
    if let Some(connection) = connections.get_mut(member) {
        connection.outbound.fall_behind(now).note(topic, Cursor::At(before));
    }
}

/// Milliseconds from `began` to `now`; wraps after 49 days, and only differences are looked at.
pub(crate) fn millis(began: Instant, now: Instant) -> u32 {
    now.saturating_duration_since(began).as_millis() as u32
}
