//! Who has subscribed to which stream, and frames in the form that each of them wants.

use super::frame::Frame;
use super::rewrite::Rewrite;
use crate::stand_in::{ConnId, Outbox};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use tungstenite::Utf8Bytes;

/// The subscriptions of all connections.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// By the recorded stream: who wants it, and by which name.
    subscribers: FxHashMap<String, Vec<(ConnId, Arc<str>)>>,
    /// The names that each connection has asked for, in their order.
    by_conn: FxHashMap<ConnId, Vec<Arc<str>>>,
}

impl Streams {
    /// Adds a subscription to the recorded stream under the name that was asked for. Once is enough.
    pub(super) fn add(&mut self, conn: ConnId, recorded: &str, asked: &str) {
        let names = self.by_conn.entry(conn).or_default();
        if names.iter().any(|name| **name == *asked) {
            return;
        }
        let name: Arc<str> = asked.into();
        names.push(name.clone());
        self.subscribers.entry(recorded.to_owned()).or_default().push((conn, name));
    }

    /// Ends a subscription.
    pub(super) fn remove(&mut self, conn: ConnId, asked: &str) {
        if let Some(names) = self.by_conn.get_mut(&conn) {
            names.retain(|name| **name != *asked);
        }
        self.retain(|subscriber, name| subscriber != conn || name != asked);
    }

    /// Ends all subscriptions of a connection.
    pub(super) fn remove_all(&mut self, conn: ConnId) {
        self.by_conn.remove(&conn);
        self.retain(|subscriber, _| subscriber != conn);
    }

    fn retain(&mut self, keep: impl Fn(ConnId, &str) -> bool) {
        self.subscribers.retain(|_, all| {
            all.retain(|(conn, name)| keep(*conn, name));
            !all.is_empty()
        });
    }

    /// The names that a connection has asked for.
    pub(super) fn of(&self, conn: ConnId) -> &[Arc<str>] {
        self.by_conn.get(&conn).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Does something for each connection that has subscribed to anything.
    pub(super) fn to_all(&self, each: impl FnMut(ConnId)) {
        let conns: BTreeSet<_> = self.subscribers.values().flatten().map(|(conn, _)| *conn).collect();
        conns.into_iter().for_each(each);
    }

    /// Sends a frame of the recorded stream `stream` to its subscribers. `options` says of each whether it wants the wrapper and
    /// microseconds.
    pub(super) fn deliver(
        &self,
        frame: &Frame<'_>,
        stream: &str,
        options: impl Fn(ConnId) -> (bool, bool),
        rewrite: &Rewrite,
        out: &mut Outbox,
    ) {
        let Some(subscribers) = self.subscribers.get(stream) else { return };
        let mut forms: Vec<(Form<'_>, Utf8Bytes)> = Vec::with_capacity(1);
        for (conn, name) in subscribers {
            let (combined, micros) = options(*conn);
            let form = Form { name: combined.then_some(&**name), micros };
            let text = match forms.iter().find(|(known, _)| *known == form) {
                Some((_, text)) => text.clone(),
                None => {
                    let text = form.of(frame, rewrite);
                    forms.push((form, text.clone()));
                    text
                }
            };
            out.text(*conn, text);
        }
    }
}

/// One of the forms in which a frame goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form<'a> {
    /// The name in the wrapper, if there is to be one.
    name: Option<&'a str>,
    micros: bool,
}

impl Form<'_> {
    fn of(&self, frame: &Frame<'_>, rewrite: &Rewrite) -> Utf8Bytes {
        let rewritten = rewrite.payload(frame.payload(), self.micros);
        match (self.name, frame.stream, rewritten) {
            (Some(name), Some(recorded), None) if name == recorded => frame.text.into(),
            (Some(name), _, rewritten) => {
                let payload = rewritten.as_deref().unwrap_or(frame.payload());
                format!("{{\"stream\":\"{name}\",\"data\":{payload}}}").into()
            }
            (None, _, Some(rewritten)) => rewritten.into(),
            (None, _, None) => frame.payload().into(),
        }
    }
}
