//! Kraken, WebSocket version 2: channels by request, snapshots in band, books checked by CRC-32.

pub mod frame;
mod pair;
mod requests;
mod rest;
mod subscriptions;

use super::{Connects, Profile};
use crate::generate;
use crate::generate::listing::Notation;
use crate::source::{Item, Kind};
use crate::stand_in::{self, ConnId, HttpReply, Moment, Out, Outbox, StandIn, Target};
use crate::time::rfc3339_micros;
use frame::Frame;
use pair::Pair;
use requests::{Asked, Method, Refusal};
use schemas::capture::UnixNanos;
use std::collections::BTreeMap;
use std::time::Duration;
use subscriptions::{Subscription, Subscriptions};
use tungstenite::{Bytes, Utf8Bytes};

/// Sizes have eight digits.
pub(crate) const PROFILE: Profile = Profile {
    feed: feed::venue::Venue::Kraken,
    classify: frame::classify,
    stand_in: |_| Box::<Kraken>::default(),
    connects: Connects { max: 150, within: Duration::from_secs(600) },
    messages_per_s: None,
    notation: Notation { separator_and_quote: "/USD", price_zeros: 0, size_zeros: 4 },
    teller: |listings| Box::new(generate::kraken::Kraken::new(listings)),
};

const SECOND_NS: u64 = 1_000_000_000;
const HEARTBEAT: &str = "{\"channel\":\"heartbeat\"}";

/// Stands in for Kraken.
#[derive(Debug, Default)]
pub struct Kraken {
    /// By symbol.
    pairs: BTreeMap<String, Pair>,
    subscriptions: Subscriptions,
    /// When the next signs of life are due.
    heartbeat_at: UnixNanos,
}

impl StandIn for Kraken {
    fn survey(&mut self, item: &Item) {
        if item.kind != Kind::Frame {
            return;
        }
        let Some(frame) = Frame::parse(&item.text) else { return };
        if let Some((symbol, depth)) = frame.granted_depth() {
            self.pairs.entry(symbol.to_owned()).or_default().grant(depth);
        }
        if frame.is_control() {
            return;
        }
        for item in
            frame.items().map(|(_, text)| frame::Item::parse(text)).filter(|item| !item.symbol.is_empty())
        {
            self.pairs.entry(item.symbol.to_owned()).or_default().survey(&frame, &item);
        }
    }

    fn opened(
        &mut self,
        conn: ConnId,
        target: &Target,
        _: UnixNanos,
        out: &mut Outbox,
    ) -> Result<(), HttpReply> {
        if !matches!(target.path.as_str(), "/" | "/v2" | "/v2/") {
            return Err(rest::not_found());
        }
        let status = format!(
            "{{\"channel\":\"status\",\"type\":\"update\",\"data\":[{{\"version\":\"2.0.10\",\"system\":\"online\",\"api_version\":\"v2\",\"connection_id\":{conn}}}]}}"
        );
        out.text(conn, status);
        Ok(())
    }

    fn message(&mut self, conn: ConnId, text: &str, now: UnixNanos, out: &mut Outbox) {
        let reply = requests::Reply { time: &rfc3339_micros(now) };
        match requests::parse(text) {
            Err(refusal) => out.text(conn, reply.malformed(&refusal)),
            Ok(asked) => match &asked.method {
                Method::Ping => out.text(conn, reply.pong(&asked)),
                Method::Subscribe(wanted) => self.subscribe(conn, &asked, wanted, &reply, out),
                Method::Unsubscribe(wanted) => self.unsubscribe(conn, &asked, wanted, &reply, out),
            },
        }
    }

    fn closed(&mut self, conn: ConnId) {
        self.subscriptions.remove_all(conn);
    }

    fn http(&mut self, target: &Target, now: UnixNanos) -> HttpReply {
        rest::answer(target, now, &self.pairs)
    }

    fn play(&mut self, item: &Item, moment: &Moment, out: &mut Outbox) {
        match item.kind {
            Kind::Frame => self.play_frame(&item.text, moment, out),
            Kind::Binary if moment.heard => {
                let bytes = Bytes::copy_from_slice(&item.bytes);
                self.subscriptions.to_all(|conn| out.0.push((conn, Out::Binary(bytes.clone()))));
            }
            _ => {}
        }
    }

    fn rewind(&mut self) {
        self.pairs.values_mut().for_each(Pair::rewind);
    }

    fn tick(&mut self, now: UnixNanos, _: bool, out: &mut Outbox) {
        if now >= self.heartbeat_at {
            self.heartbeat_at = now + SECOND_NS;
            self.subscriptions.to_all(|conn| out.text(conn, HEARTBEAT));
        }
    }

    fn holds_nothing(&self) -> bool {
        self.pairs.is_empty()
    }

    fn has_subscribers(&self) -> bool {
        !self.subscriptions.is_empty()
    }
}

impl Kraken {
    /// Answers for each symbol by itself, then sends what late subscribers have missed: recorded snapshots come in their place in
    /// the stream if that is still ahead.
    fn subscribe(
        &mut self,
        conn: ConnId,
        asked: &Asked,
        wanted: &[Subscription],
        reply: &requests::Reply<'_>,
        out: &mut Outbox,
    ) {
        let mut granted = Vec::new();
        for subscription in wanted {
            match self.grant(conn, subscription) {
                Ok(()) => {
                    out.text(conn, reply.granted(asked, subscription));
                    granted.push(subscription);
                }
                Err(refusal) => out.text(conn, reply.refused(asked, &refusal, &subscription.symbol)),
            }
        }
        self.tell_silent(conn, &granted);
        for subscription in granted.into_iter().filter(|subscription| subscription.snapshot) {
            let pair = self.pairs.get(&subscription.symbol);
            if let Some(missed) =
                pair.and_then(|pair| pair.missed(&subscription.channel, &subscription.symbol))
            {
                out.text(conn, missed);
            }
        }
    }

    fn tell_silent(&self, conn: ConnId, granted: &[&Subscription]) {
        let is_silent = |wanted: &Subscription| {
            let pair = self.pairs.get(&wanted.symbol);
            pair.is_some_and(|pair| !pair.holds(&wanted.channel))
        };
        let silent = granted.iter().filter(|wanted| is_silent(wanted));
        let names: Vec<_> = silent.map(|wanted| format!("{} of {}", wanted.channel, wanted.symbol)).collect();
        stand_in::tell_silent(conn, &names);
    }

    fn grant(&mut self, conn: ConnId, subscription: &Subscription) -> Result<(), Refusal> {
        let Subscription { symbol, depth, .. } = subscription;
        if !symbol.is_empty() {
            let pair = self.pairs.get(symbol).ok_or_else(|| Refusal::pair(symbol))?;
            if let (Some(asked), Some(recorded)) = (depth, pair.recorded_depth())
                && *asked != recorded
            {
                tracing::warn!(
                    "connection {conn} asks for the book of {symbol} at depth {asked}; the capture holds depth {recorded}"
                );
                return Err(Refusal::depth());
            }
        }
        if self.subscriptions.add(conn, subscription) { Ok(()) } else { Err(Refusal::held()) }
    }

    fn unsubscribe(
        &mut self,
        conn: ConnId,
        asked: &Asked,
        wanted: &[Subscription],
        reply: &requests::Reply<'_>,
        out: &mut Outbox,
    ) {
        for subscription in wanted {
            match self.subscriptions.remove(conn, &subscription.channel, &subscription.symbol) {
                Some(held) => out.text(conn, reply.ended(asked, &held)),
                None => out.text(conn, reply.refused(asked, &Refusal::not_held(), &subscription.symbol)),
            }
        }
    }

    fn play_frame(&mut self, text: &str, moment: &Moment, out: &mut Outbox) {
        let Some(frame) = Frame::parse(text) else {
            return self.to_all(text, moment, out);
        };
        // Replies, greetings and signs of life belong to the recorder's connection: each client gets its own.
        if frame.is_control() {
            return;
        }
        let Some(item) = frame.first_item() else {
            return self.to_all(text, moment, out);
        };
        let pair = self.pairs.get_mut(item.symbol);
        let rewritten = pair.as_deref().and_then(|pair| pair.rewrite(text, &frame, moment));
        if let Some(pair) = pair {
            match &rewritten {
                // What is kept for late subscribers is what was sent.
                Some(text) => Frame::parse(text).iter().for_each(|frame| pair.play(frame)),
                None => pair.play(&frame),
            }
        }
        if moment.heard {
            let sent: Utf8Bytes = rewritten.as_deref().unwrap_or(text).into();
            let is_snapshot = frame.kind == "snapshot";
            self.subscriptions
                .to(frame.channel, item.symbol, is_snapshot, |conn| out.text(conn, sent.clone()));
        }
    }

    /// What cannot be read goes to whoever listens, as it came.
    fn to_all(&self, text: &str, moment: &Moment, out: &mut Outbox) {
        if moment.heard {
            self.subscriptions.to_all(|conn| out.text(conn, text));
        }
    }
}

#[cfg(test)]
mod tests;
