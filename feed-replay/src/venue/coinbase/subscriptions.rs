//! Who has subscribed to which channel of which product.

use crate::stand_in::ConnId;
use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The subscriptions of all connections.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// By connection: the channels by the names that it used, and their products, both in their order.
    conns: BTreeMap<ConnId, Vec<(String, Vec<String>)>>,
    /// By recorded channel and product.
    subscribers: FxHashMap<&'static str, FxHashMap<String, Vec<ConnId>>>,
}

/// The recorded channel that a client's name means: the variants of level2 and of the ticker are one recorded stream.
pub(super) fn recorded_channel(name: &str) -> Option<&'static str> {
    Some(match name {
        "level2" | "level2_batch" | "level2_50" => "level2",
        "ticker" | "ticker_batch" | "ticker_1000" => "ticker",
        "matches" => "matches",
        "heartbeat" => "heartbeat",
        "status" => "status",
        "auctionfeed" => "auctionfeed",
        "full" => "full",
        _ => return None,
    })
}

impl Subscriptions {
    /// Adds products to a channel and returns what is new by recorded channel and product.
    pub(super) fn add(
        &mut self,
        conn: ConnId,
        channel: &str,
        products: &[String],
    ) -> Vec<(&'static str, String)> {
        let Some(key) = recorded_channel(channel) else { return Vec::new() };
        let channels = self.conns.entry(conn).or_default();
        let at = channels.iter().position(|(name, _)| name == channel).unwrap_or_else(|| {
            channels.push((channel.to_owned(), Vec::new()));
            channels.len() - 1
        });
        let held = &mut channels[at].1;
        let mut new = Vec::new();
        for product in products {
            if !held.contains(product) {
                held.push(product.clone());
            }
            let subscribers = self.subscribers.entry(key).or_default().entry(product.clone()).or_default();
            if !subscribers.contains(&conn) {
                subscribers.push(conn);
                new.push((key, product.clone()));
            }
        }
        new
    }

    /// Ends the subscriptions to products of a channel; to all of them if none is named.
    pub(super) fn remove(&mut self, conn: ConnId, channel: &str, products: &[String]) {
        let Some(channels) = self.conns.get_mut(&conn) else { return };
        for (_, held) in channels.iter_mut().filter(|(name, _)| name == channel) {
            held.retain(|product| !products.is_empty() && !products.contains(product));
        }
        channels.retain(|(_, held)| !held.is_empty());
        self.index(conn);
    }

    /// Forgets a connection.
    pub(super) fn remove_all(&mut self, conn: ConnId) {
        self.conns.remove(&conn);
        self.index(conn);
    }

    /// Removes from the subscribers what the connection does not hold (any more, by whichever name).
    fn index(&mut self, conn: ConnId) {
        let channels = self.conns.get(&conn).map_or(&[][..], Vec::as_slice);
        let holds = |key: &str, product: &String| {
            channels.iter().any(|(name, held)| recorded_channel(name) == Some(key) && held.contains(product))
        };
        for (key, products) in &mut self.subscribers {
            products.retain(|product, subscribers| {
                subscribers.retain(|subscriber| *subscriber != conn || holds(key, product));
                !subscribers.is_empty()
            });
        }
        self.subscribers.retain(|_, products| !products.is_empty());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Does something for each subscriber of a recorded channel's product.
    pub(super) fn to(&self, channel: &str, product: &str, each: impl FnMut(ConnId)) {
        let subscribers = self.subscribers.get(channel).and_then(|products| products.get(product));
        subscribers.into_iter().flatten().copied().for_each(each);
    }

    /// Does something for each connection that has subscribed to anything.
    pub(super) fn to_all(&self, each: impl FnMut(ConnId)) {
        self.conns.iter().filter(|(_, channels)| !channels.is_empty()).map(|(conn, _)| *conn).for_each(each);
    }

    /// The message that tells a connection what it has subscribed to.
    pub(super) fn reply(&self, conn: ConnId) -> String {
        let channels = self.conns.get(&conn).map_or(&[][..], Vec::as_slice);
        let channel = |(name, products): &(String, Vec<String>)| json!({"name": name, "product_ids": products, "account_ids": null});
        json!({"type": "subscriptions", "channels": Value::from_iter(channels.iter().map(channel))})
            .to_string()
    }
}
