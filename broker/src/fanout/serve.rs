//! Serving one connection by its cursors: after it asked for something, or after its socket was full.

use super::advance::{Pace, advance};
use super::connection::{Behind, Connection, ConnectionId, Cursor, Rest, Sent};
use super::gathered::{GATHER_BYTES, Gathered, Kind};
use super::hot::Flow;
use super::shard::{Shard, millis};
use super::stats::Told;
use super::subscription::{RAW, Subscription};
use crate::clock;
use feed::topic::TopicHandle;
use schemas::wire::close;
use schemas::wire::request::OnSlow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::{Position, TopicId};

/// Why serving a connection stopped.
enum Stop {
    /// It has all.
    CaughtUp,
    /// Its socket is full.
    Full,
    /// Something is left for the next turn.
    NextTurn,
    /// It is closing or gone.
    Over,
}

impl Shard {
    /// Serves those that wait, as far as the time allows.
    pub(crate) fn serve_waiting(&mut self, now: Instant, deadline: Instant) {
        // Who is put back during this is served in the next turn.
        for _ in 0..self.waiting.len() {
            let Some(id) = self.waiting.pop_front() else { return };
            self.hot[id].is_waiting = false;
            self.serve(id, now, deadline);
            if clock::instant() >= deadline {
                return;
            }
        }
    }

    fn serve(&mut self, id: ConnectionId, now: Instant, deadline: Instant) {
        match self.serve_until_stopped(id, now, deadline) {
            Stop::CaughtUp => self.caught_up(id),
            Stop::Full => self.await_writable(id, now),
            Stop::NextTurn => self.wait_for_turn(id),
            Stop::Over => {}
        }
    }

    fn serve_until_stopped(&mut self, id: ConnectionId, now: Instant, deadline: Instant) -> Stop {
        loop {
            let Some(connection) = self.connections.get_mut(id) else { return Stop::Over };
            match connection.send_waiting(now) {
                Sent::Full => return Stop::Full,
                Sent::Broken => {
                    self.break_off(id);
                    return Stop::Over;
                }
                Sent::All if self.hot[id].flow == Flow::Closing => return Stop::Over,
                Sent::All => {}
            }
            let gathered = self.gather(id, now);
            if gathered.frames.is_empty() {
                return self.nothing_gathered(id);
            }
            if !self.write_gathered(id, &gathered, now) {
                return Stop::Full;
            }
            if clock::instant() >= deadline {
                return Stop::NextTurn;
            }
        }
    }

    fn nothing_gathered(&self, id: ConnectionId) -> Stop {
        let behind = self.connections.get(id).and_then(|connection| connection.outbound.behind());
        match behind {
            _ if self.hot[id].flow == Flow::Closing => Stop::Over,
            Some(behind) if !behind.cursors.is_empty() => Stop::NextTurn,
            _ => Stop::CaughtUp,
        }
    }

    fn caught_up(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.outbound.caught_up();
            self.hot[id].flow = Flow::Ready;
        }
    }

    /// Collects frames of the topics that a connection is behind in, each topic in its turn.
    fn gather(&mut self, id: ConnectionId, now: Instant) -> Gathered {
        let mut gathered = Gathered::default();
        let topics = self.behind(id).map_or(0, |behind| behind.cursors.len());
        for _ in 0..topics {
            let Some((topic, cursor)) = self.behind(id).and_then(Behind::next_topic) else { break };
            gathered.topic = Some(topic);
            self.gather_topic(id, topic, cursor, &mut gathered, now);
            if gathered.bytes >= GATHER_BYTES || self.hot[id].flow == Flow::Closing {
                break;
            }
        }
        gathered
    }

    fn gather_topic(
        &mut self,
        id: ConnectionId,
        topic: TopicId,
        cursor: Cursor,
        gathered: &mut Gathered,
        now: Instant,
    ) {
        self.advance_topic(topic, now);
        let Some(mut subscription) = self.subscription(id, topic) else {
            return self.served(id, topic, None);
        };
        let Some(served) = self.topics.get(&topic) else { return self.served(id, topic, None) };
        let (handle, stand) = (Arc::clone(&served.handle), served.stand);
        let frames = gathered.frames.len();
        let (mut at, then) = match cursor {
            Cursor::At(at) => (at, None),
            Cursor::Begin(snapshot) => {
                gathered.take_as(Kind::Snapshot, &snapshot.frame, snapshot.position);
                (snapshot.position, None)
            }
            Cursor::Then(at, snapshot) => (at, Some(snapshot)),
        };
        if self.is_late(id, subscription, at, stand, now) {
            if subscription.options.on_slow == OnSlow::Disconnect {
                self.counts.closed_slow += 1;
                return self.close(
                    id,
                    close::SLOW_CONSUMER,
                    "reads too slowly, and asked not to be conflated",
                );
            }
            if subscription.options.adaptive {
                subscription = self.late(id, subscription, handle.channel, now);
            }
        }
        if subscription.options.adaptive
            && let Some(frame) = self.untold_tier(id, &handle, at)
        {
            gathered.take_as(Kind::Tier, &frame, at);
        }
        if let Some(snapshot) = then {
            if !Self::go_to(&handle, subscription, at, snapshot.position, gathered) {
                return;
            }
            at = snapshot.position;
            gathered.take_as(Kind::Snapshot, &snapshot.frame, at);
        }
        let (is_there, reached) = if subscription.options.tier == RAW {
            let pace = if self.is_out_of_patience(id, now) { Pace::Latest } else { Pace::Every };
            let reached = advance(&handle, at, stand, pace, gathered);
            // Where the writer went round the log while the shard read it, the shard stands before a newcomer's snapshot: to join the
            // others there would give the newcomer again what its snapshot includes.
            (reached.seq == stand.seq, reached)
        } else {
            // The last tick: up to there the others were served.
            let goal = self.group(topic, subscription.options.tier).map_or(stand, |group| group.stand);
            let mut reached = gathered.merge(&handle, at, goal);
            if reached.seq < goal.seq {
                // What the last tick needs has left the log: it goes ahead of its tick.
                reached = gathered.merge(&handle, reached, stand);
            }
            (reached.seq >= goal.seq, reached)
        };
        if is_there && gathered.frames.len() == frames {
            self.served(id, topic, Some((subscription, reached)));
        }
    }

    /// Gathers what is owed of trades up to `end`; says whether it got there.
    fn go_to(
        handle: &TopicHandle,
        subscription: Subscription,
        at: Position,
        end: Position,
        gathered: &mut Gathered,
    ) -> bool {
        let reached = if subscription.options.tier == RAW {
            advance(handle, at, end, Pace::Every, gathered)
        } else {
            gathered.merge(handle, at, end)
        };
        reached.seq >= end.seq
    }

    /// Whether more than one frame of a subscription waits although its socket has had time enough. In a tier that is the one of
    /// its last tick, which is due together: what is older should have gone out before that tick came.
    fn is_late(
        &mut self,
        id: ConnectionId,
        subscription: Subscription,
        at: Position,
        stand: Position,
        now: Instant,
    ) -> bool {
        if !self.is_out_of_patience(id, now) {
            return false;
        }
        match subscription.options.tier {
            RAW => stand.index > at.index + 1,
            tier => {
                let group = self.group(subscription.topic, tier);
                group.is_some_and(|group| at.seq < group.before.seq)
            }
        }
    }

    /// Whether a connection's socket has been full for so long that its data is conflated.
    fn is_out_of_patience(&mut self, id: ConnectionId, now: Instant) -> bool {
        let patience = Duration::from_millis(self.settings.conflate_after_ms);
        let slow_since = self.behind(id).and_then(|behind| behind.slow_since);
        slow_since.is_some_and(|since| now.saturating_duration_since(since) >= patience)
    }

    /// A connection has all of a topic that is to be had now.
    fn served(&mut self, id: ConnectionId, topic: TopicId, at: Option<(Subscription, Position)>) {
        if let Some(behind) = self.behind(id) {
            behind.cursors.remove(&topic);
        }
        if let Some((subscription, at)) = at
            && subscription.options.tier != RAW
            && let Some(group) = self.group(topic, subscription.options.tier)
        {
            group.set_ahead(id, at);
        }
    }

    /// Writes what was gathered and moves the cursors; false if the socket is full.
    fn write_gathered(&mut self, id: ConnectionId, gathered: &Gathered, now: Instant) -> bool {
        let mut bytes = Vec::with_capacity(gathered.bytes);
        gathered.frames.iter().for_each(|next| bytes.extend_from_slice(&next.frame));
        let Some(connection) = self.connections.get_mut(id) else { return true };
        let Ok(taken) = connection.socket.write(&bytes) else {
            self.break_off(id);
            return true;
        };
        if taken > 0 {
            self.hot[id].sent_ms = millis(self.began, now);
        }
        let told = settle(connection, gathered, taken, now);
        self.counts.wrote(taken, told);
        self.told_tiers(id, gathered, taken);
        taken == bytes.len()
    }

    /// Of the other tiers that are told in the bytes that were taken the client knows now.
    fn told_tiers(&mut self, id: ConnectionId, gathered: &Gathered, taken: usize) {
        let mut end = 0;
        for next in &gathered.frames {
            if end < taken && next.kind == Kind::Tier {
                self.adaptation.told(id, next.topic);
            }
            end += next.frame.len();
        }
    }

    fn behind(&mut self, id: ConnectionId) -> Option<&mut Behind> {
        self.connections.get_mut(id)?.outbound.behind_mut()
    }
}

/// Moves the cursors to what was sent, and keeps the rest of a frame that was cut off. Says what was sent.
fn settle(connection: &mut Connection, gathered: &Gathered, taken: usize, now: Instant) -> Told {
    let (mut end, mut told) = (0, Told::default());
    for next in &gathered.frames {
        let start = end;
        end += next.frame.len();
        if start >= taken {
            break;
        }
        told = told.with(next.told);
        if let Some(behind) = connection.outbound.behind_mut() {
            let cursor = match behind.cursors.remove(&next.topic) {
                Some(Cursor::Then(_, snapshot)) if next.kind != Kind::Snapshot => {
                    Cursor::Then(next.position, snapshot)
                }
                _ => Cursor::At(next.position),
            };
            behind.cursors.insert(next.topic, cursor);
            behind.progress = now;
        }
        if end > taken {
            connection.outbound.keep_cut(Rest::of(Arc::clone(&next.frame), taken - start));
        }
    }
    told
}
