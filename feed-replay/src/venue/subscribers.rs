//! Who has subscribed to what, and by which name: for venues whose streams are named by one text each.

use crate::stand_in::ConnId;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The subscriptions of all connections.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    /// By the recorded stream: who wants it, and by which name.
    streams: FxHashMap<String, Vec<(ConnId, Arc<str>)>>,
    /// The names that each connection has asked for, in their order.
    conns: FxHashMap<ConnId, Vec<Arc<str>>>,
}

impl Subscribers {
    /// Adds a subscription to the recorded stream under the name that was asked for. Once is enough: false if it was there.
    pub(super) fn add(&mut self, conn: ConnId, recorded: &str, asked: &str) -> bool {
        let names = self.conns.entry(conn).or_default();
        if names.iter().any(|name| **name == *asked) {
            return false;
        }
        let name: Arc<str> = asked.into();
        names.push(name.clone());
        self.streams.entry(recorded.to_owned()).or_default().push((conn, name));
        true
    }

    /// Ends a subscription; false if there was none.
    pub(super) fn remove(&mut self, conn: ConnId, asked: &str) -> bool {
        let Some(names) = self.conns.get_mut(&conn) else { return false };
        let before = names.len();
        names.retain(|name| **name != *asked);
        let was_there = names.len() < before;
        self.retain(|subscriber, name| subscriber != conn || name != asked);
        was_there
    }

    /// Ends all subscriptions of a connection.
    pub(super) fn remove_all(&mut self, conn: ConnId) {
        self.conns.remove(&conn);
        self.retain(|subscriber, _| subscriber != conn);
    }

    fn retain(&mut self, keep: impl Fn(ConnId, &str) -> bool) {
        self.streams.retain(|_, all| {
            all.retain(|(conn, name)| keep(*conn, name));
            !all.is_empty()
        });
    }

    /// The names that a connection has asked for.
    pub(super) fn of(&self, conn: ConnId) -> &[Arc<str>] {
        self.conns.get(&conn).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// The connections that have subscribed to a recorded stream, and the name that each of them uses.
    pub(super) fn to(&self, recorded: &str) -> impl Iterator<Item = (ConnId, &str)> {
        self.streams.get(recorded).into_iter().flatten().map(|(conn, name)| (*conn, &**name))
    }

    /// The connections that have subscribed to anything.
    pub(super) fn all(&self) -> BTreeSet<ConnId> {
        self.streams.values().flatten().map(|(conn, _)| *conn).collect()
    }
}
