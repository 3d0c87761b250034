//! How connections come and go: admission, replies, pings and heartbeats, closing.

use super::connection::{Connection, ConnectionId, Permit, Sent};
use super::hot::{Flow, Hot};
use super::shard::{Effect, Shard, millis};
use super::socket::Socket;
use crate::clock;
use schemas::model::Micros;
use schemas::wire::websocket::{self, PING, TEXT};
use schemas::wire::{close, reply};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After this many connections a sweep looks at the clock.
const SWEPT_PER_LOOK: usize = 16;

impl Shard {
    /// Takes a connection in; its first frame is `hello`.
    pub(crate) fn admit(
        &mut self,
        socket: Rc<Socket>,
        peer: SocketAddr,
        permit: Permit,
        now: Instant,
    ) -> ConnectionId {
        // The first pings are spread, so that connections that came together are not pinged together.
        let spread = self.counts.accepted.wrapping_mul(7_919) % self.settings.ping_ms.max(1);
        let next_ping = now + Duration::from_millis(self.settings.ping_ms / 2 + spread / 2);
        let connection = Connection::new(Rc::clone(&socket), peer, permit, next_ping);
        let id = self.connections.insert(connection);
        if self.hot.len() <= id {
            self.hot.resize_with(id + 1, || Hot::VACANT);
        }
        let sent_ms = millis(self.began, now);
        let look_ms = millis(self.began, next_ping);
        self.hot[id] = Hot { socket: Some(socket), flow: Flow::Ready, sent_ms, look_ms, ..Hot::VACANT };
        self.counts.accepted += 1;
        self.counts.connections += 1;
        let hello = Arc::clone(&self.hello);
        self.send_control(id, &hello, now);
        id
    }

    /// Sends a reply or another text that concerns one connection, before any data that is not yet written.
    pub(crate) fn send_text(&mut self, id: ConnectionId, text: &[u8], now: Instant) {
        let mut frame = Vec::with_capacity(text.len() + 10);
        websocket::append(&mut frame, TEXT, text);
        self.send_control(id, &frame, now);
    }

    /// Sends whole frames that concern one connection.
    pub(crate) fn send_control(&mut self, id: ConnectionId, frames: &[u8], now: Instant) {
        self.flush_one(id, now);
        if self.hot.get(id).is_none_or(|hot| matches!(hot.flow, Flow::Closing | Flow::Vacant)) {
            return;
        }
        let Some(connection) = self.connections.get_mut(id) else { return };
        let waiting = connection.outbound.control_waiting();
        if waiting > 0 && waiting + frames.len() > self.settings.control_bytes_max {
            self.counts.closed_policy += 1;
            return self.close(id, close::POLICY, "replies are not read");
        }
        connection.outbound.push_control(frames);
        self.hot[id].sent_ms = millis(self.began, now);
        self.send_waiting(id, now);
    }

    fn send_waiting(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        match connection.send_waiting(now) {
            Sent::All => {}
            Sent::Full => {
                if self.hot[id].flow == Flow::Ready {
                    self.hot[id].flow = Flow::Behind;
                }
                self.await_writable(id, now);
            }
            Sent::Broken => self.break_off(id),
        }
    }

    /// Closes a connection: a close frame, then the end of our side, then the peer has a while to end its own.
    pub(crate) fn close(&mut self, id: ConnectionId, code: u16, reason: &str) {
        if let Some(connection) = self.connections.get(id) {
            tracing::debug!(peer = %connection.peer, code, reason, "closing");
        }
        let mut frame = Vec::new();
        websocket::append_close(&mut frame, code, reason);
        self.close_with(id, &frame);
    }

    /// Closes a connection with these last frames.
    pub(crate) fn close_with(&mut self, id: ConnectionId, frames: &[u8]) {
        let Some(hot) = self.hot.get_mut(id) else { return };
        if matches!(hot.flow, Flow::Closing | Flow::Vacant) {
            return;
        }
        let now = clock::instant();
        self.flush_one(id, now);
        self.hot[id].flow = Flow::Closing;
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.outbound.drop_data();
        connection.outbound.push_control(frames);
        self.effects.push(Effect::Linger(id));
    }

    /// The connection is broken: its reader finds that out and removes it.
    pub(crate) fn break_off(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        self.hot[id].flow = Flow::Closing;
        connection.outbound.drop_data();
        connection.socket.shutdown(Shutdown::Both);
    }

    /// Ends a connection's place here.
    pub(crate) fn remove(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else { return };
        let topics: Vec<_> = connection.subscriptions.iter().map(|held| held.topic).collect();
        for topic in topics {
            self.unsubscribe(id, topic);
        }
        self.connections.remove(id);
        self.hot[id] = Hot { is_waiting: self.hot[id].is_waiting, ..Hot::VACANT };
        self.counts.connections -= 1;
        self.counts.ended += 1;
    }

    /// Pings, heartbeats and time limits of the connections from the place `from` on, as far as a turn's time allows; says
    /// where to go on. All are to be looked at a few times a second, so of one that keeps up no more is looked at than its place
    /// among the hot ones, until something is due.
    pub(crate) fn sweep(&mut self, from: ConnectionId, clock: Micros) -> Option<ConnectionId> {
        let now = clock::instant();
        let now_ms = millis(self.began, now);
        let deadline = now + Duration::from_millis(self.settings.turn_ms_max);
        for id in from..self.hot.len() {
            let Hot { flow, look_ms, .. } = self.hot[id];
            if flow == Flow::Behind || (flow == Flow::Ready && has_come(look_ms, now_ms)) {
                self.sweep_one(id, now);
            }
            let silent_ms = now_ms.wrapping_sub(self.hot[id].sent_ms);
            if u64::from(silent_ms) >= self.settings.heartbeat_ms && self.is_ready(id) {
                self.send_text(id, &reply::heartbeat(clock), now);
            }
            if id % SWEPT_PER_LOOK == 0 && clock::instant() >= deadline {
                return Some(id + 1);
            }
        }
        self.promote(now, deadline);
        self.measure();
        None
    }

    fn sweep_one(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let late =
            |since: Instant, ms: u64| now.saturating_duration_since(since) >= Duration::from_millis(ms);
        if connection.pinged.is_some_and(|pinged| late(pinged, self.settings.pong_timeout_ms)) {
            self.counts.closed_no_pong += 1;
            return self.close(id, close::NO_PONG, "no pong");
        }
        let stalled = connection.outbound.behind().is_some_and(|behind| {
            behind.slow_since.is_some() && late(behind.progress, self.settings.stall_time_max_ms)
        });
        if stalled {
            self.counts.closed_slow += 1;
            return self.close(id, close::SLOW_CONSUMER, "nothing was read for too long");
        }
        if now >= connection.next_ping {
            connection.next_ping = now + Duration::from_millis(self.settings.ping_ms);
            connection.pinged.get_or_insert(now);
            let mut ping = Vec::new();
            websocket::append(&mut ping, PING, b"");
            self.send_control(id, &ping, now);
        }
        let Some(connection) = self.connections.get(id) else { return };
        let pong_due =
            connection.pinged.map(|pinged| pinged + Duration::from_millis(self.settings.pong_timeout_ms));
        let look = pong_due.map_or(connection.next_ping, |due| due.min(connection.next_ping));
        self.hot[id].look_ms = millis(self.began, look);
    }

    /// The client has answered a ping, or shown life unasked.
    pub(crate) fn ponged(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.pinged = None;
        }
    }

    /// Counts those that are behind and what is held for them; for one that keeps up, nothing is.
    fn measure(&mut self) {
        let (mut behind, mut held, mut largest) = (0, 0, 0);
        for (id, hot) in self.hot.iter().enumerate() {
            if !matches!(hot.flow, Flow::Behind | Flow::Closing) {
                continue;
            }
            let Some(connection) = self.connections.get(id) else { continue };
            let bytes = connection.outbound.held_bytes() as u64;
            behind += u64::from(hot.flow == Flow::Behind);
            held += bytes;
            largest = largest.max(bytes);
        }
        self.counts.connections_behind = behind;
        self.counts.subscriptions_demoted = self.adaptation.demoted() as u64;
        self.counts.bytes_held = held;
        self.counts.bytes_held_largest = largest;
    }
}

/// Whether a time has come, as far as times that wrap can tell: those of more than 24 days ago have not.
fn has_come(time_ms: u32, now_ms: u32) -> bool {
    now_ms.wrapping_sub(time_ms) <= u32::MAX / 2
}
