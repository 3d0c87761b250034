//! Who has subscribed to which channel of which symbol.

use crate::stand_in::ConnId;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// What a client wants of one symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) channel: String,
    /// Empty for a channel without symbols.
    pub(super) symbol: String,
    /// Whether it wants the state before the updates.
    pub(super) snapshot: bool,
    /// The levels of a book.
    pub(super) depth: Option<u64>,
    /// What else the reply states, as JSON: a ticker's trigger, a candle's interval.
    pub(super) more: Option<(&'static str, String)>,
}

/// The subscriptions of all connections.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// By channel and symbol.
    subscribers: FxHashMap<String, FxHashMap<String, Vec<(ConnId, Subscription)>>>,
}

impl Subscriptions {
    /// Adds a subscription; false if the connection holds one to this channel of this symbol.
    pub(super) fn add(&mut self, conn: ConnId, subscription: &Subscription) -> bool {
        let Subscription { channel, symbol, .. } = subscription;
        let subscribers =
            self.subscribers.entry(channel.clone()).or_default().entry(symbol.clone()).or_default();
        let is_new = subscribers.iter().all(|(held_by, _)| *held_by != conn);
        if is_new {
            subscribers.push((conn, subscription.clone()));
        }
        is_new
    }

    /// Ends a subscription and returns it.
    pub(super) fn remove(&mut self, conn: ConnId, channel: &str, symbol: &str) -> Option<Subscription> {
        let subscribers = self.subscribers.get_mut(channel)?.get_mut(symbol)?;
        let at = subscribers.iter().position(|(held_by, _)| *held_by == conn)?;
        let (_, removed) = subscribers.remove(at);
        self.forget_empty();
        Some(removed)
    }

    /// Forgets a connection.
    pub(super) fn remove_all(&mut self, conn: ConnId) {
        let symbols = self.subscribers.values_mut().flat_map(FxHashMap::values_mut);
        symbols.for_each(|subscribers| subscribers.retain(|(held_by, _)| *held_by != conn));
        self.forget_empty();
    }

    fn forget_empty(&mut self) {
        self.subscribers.retain(|_, symbols| {
            symbols.retain(|_, subscribers| !subscribers.is_empty());
            !symbols.is_empty()
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Does something for each subscriber; snapshots are only for those who want them.
    pub(super) fn to(&self, channel: &str, symbol: &str, is_snapshot: bool, mut each: impl FnMut(ConnId)) {
        let Some(symbols) = self.subscribers.get(channel) else { return };
        // A channel without symbols in its requests is told of all of them.
        let of_symbol = symbols.get(symbol).into_iter().flatten();
        let of_all = symbols.get("").into_iter().flatten().filter(|_| !symbol.is_empty());
        let wanting =
            of_symbol.chain(of_all).filter(|(_, subscription)| subscription.snapshot || !is_snapshot);
        wanting.for_each(|(conn, _)| each(*conn));
    }

    /// Does something for each connection that has subscribed to anything.
    pub(super) fn to_all(&self, each: impl FnMut(ConnId)) {
        let all = self.subscribers.values().flat_map(FxHashMap::values).flatten();
        let conns: BTreeSet<_> = all.map(|(conn, _)| *conn).collect();
        conns.into_iter().for_each(each);
    }
}
