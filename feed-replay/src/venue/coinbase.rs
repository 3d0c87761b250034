//! Coinbase Exchange: channels by request, snapshots in band.

pub mod frame;
mod product;
mod requests;
mod rest;
mod subscriptions;

use super::{Connects, Profile};
use crate::generate;
use crate::generate::listing::Notation;
use crate::source::{Item, Kind};
use crate::stand_in::{ConnId, HttpReply, Moment, Out, Outbox, StandIn, Target};
use frame::Frame;
use product::Product;
use requests::{Request, Wanted};
use rustc_hash::FxHashMap;
use schemas::capture::UnixNanos;
use std::collections::BTreeMap;
use std::time::Duration;
use subscriptions::Subscriptions;
use tungstenite::{Bytes, Utf8Bytes};

pub(crate) const PROFILE: Profile = Profile {
    feed: feed::venue::Venue::Coinbase,
    classify: frame::classify,
    stand_in: |limits| Box::new(Coinbase::new(limits.subscribe_within)),
    connects: Connects { max: 20, within: Duration::from_secs(1) },
    messages_per_s: Some(100),
    notation: Notation { separator_and_quote: "-USD", price_zeros: 0, size_zeros: 4 },
    teller: |listings| Box::new(generate::coinbase::Coinbase::new(listings.len())),
};

const SECOND_NS: u64 = 1_000_000_000;

/// Stands in for Coinbase Exchange.
#[derive(Debug)]
pub struct Coinbase {
    products: BTreeMap<String, Product>,
    subscriptions: Subscriptions,
    /// The connections that have not subscribed yet, and until when they may.
    silent: FxHashMap<ConnId, UnixNanos>,
    subscribe_within: Duration,
    /// When the next signs of life are due.
    heartbeat_at: UnixNanos,
}

impl Coinbase {
    /// A stand-in that closes connections which have not subscribed in time (the venue gives them 5 s).
    #[must_use]
    pub fn new(subscribe_within: Duration) -> Self {
        Self {
            products: BTreeMap::new(),
            subscriptions: Subscriptions::default(),
            silent: FxHashMap::default(),
            subscribe_within,
            heartbeat_at: 0,
        }
    }
}

impl StandIn for Coinbase {
    fn survey(&mut self, item: &Item) {
        if item.kind == Kind::Frame
            && let Some(frame) = Frame::parse(&item.text)
            && frame.channel().is_some()
            && !frame.product.is_empty()
        {
            self.products.entry(frame.product.to_owned()).or_default().survey(&frame);
        }
    }

    fn opened(
        &mut self,
        conn: ConnId,
        target: &Target,
        now: UnixNanos,
        _: &mut Outbox,
    ) -> Result<(), HttpReply> {
        if target.path != "/" {
            return Err(rest::not_found());
        }
        let within = u64::try_from(self.subscribe_within.as_nanos()).unwrap_or(u64::MAX);
        self.silent.insert(conn, now.saturating_add(within));
        Ok(())
    }

    fn message(&mut self, conn: ConnId, text: &str, _: UnixNanos, out: &mut Outbox) {
        match requests::parse(text, |product| self.products.contains_key(product)) {
            Ok(Request::Subscribe(wanted)) => self.subscribe(conn, &wanted, out),
            Ok(Request::Unsubscribe(wanted)) => {
                wanted.iter().for_each(|Wanted { channel, products }| {
                    self.subscriptions.remove(conn, channel, products)
                });
                out.text(conn, self.subscriptions.reply(conn));
            }
            Err(refusal) => out.text(conn, refusal),
        }
    }

    fn closed(&mut self, conn: ConnId) {
        self.silent.remove(&conn);
        self.subscriptions.remove_all(conn);
    }

    fn http(&mut self, target: &Target, now: UnixNanos) -> HttpReply {
        rest::answer(target, now, &self.products)
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
        self.products.values_mut().for_each(Product::rewind);
    }

    fn tick(&mut self, now: UnixNanos, ended: bool, out: &mut Outbox) {
        let late = self.silent.extract_if(|_, until| *until <= now);
        late.for_each(|(conn, _)| out.close(conn, 1008, "no subscription in time"));
        if now >= self.heartbeat_at {
            self.heartbeat_at = now + SECOND_NS;
            self.heartbeats(now, ended, out);
        }
    }

    fn holds_nothing(&self) -> bool {
        self.products.is_empty()
    }

    fn has_subscribers(&self) -> bool {
        !self.subscriptions.is_empty()
    }
}

impl Coinbase {
    /// Grants what is wanted, and sends what a late subscriber has missed: the recorded snapshots come in their place in the
    /// stream if that is still ahead.
    fn subscribe(&mut self, conn: ConnId, wanted: &[Wanted], out: &mut Outbox) {
        self.silent.remove(&conn);
        let mut new = Vec::new();
        for Wanted { channel, products } in wanted {
            new.extend(self.subscriptions.add(conn, channel, products));
        }
        out.text(conn, self.subscriptions.reply(conn));
        for (key, name) in new {
            if let Some(missed) = self.products.get(&name).and_then(|product| product.missed(key, &name)) {
                out.text(conn, missed);
            }
        }
    }

    fn play_frame(&mut self, text: &str, moment: &Moment, out: &mut Outbox) {
        let Some(frame) = Frame::parse(text) else {
            return self.to_all(text, moment, out);
        };
        let Some(channel) = frame.channel() else {
            if frame.name != "subscriptions" && frame.name != "error" {
                self.to_all(text, moment, out);
            }
            return;
        };
        let product = self.products.get_mut(frame.product);
        let rewritten = product.as_deref().and_then(|product| product.rewrite(text, &frame, moment));
        let sent = rewritten.as_deref().unwrap_or(text);
        if let Some(product) = product {
            product.play(&frame, sent, moment);
        }
        // In later turns the trade before the subscription has been sent already.
        if !moment.heard || (frame.name == "last_match" && moment.turn > 0) {
            return;
        }
        let sent: Utf8Bytes = sent.into();
        self.subscriptions.to(channel, frame.product, |conn| out.text(conn, sent.clone()));
        if frame.name == "match" {
            self.subscriptions.to("full", frame.product, |conn| out.text(conn, sent.clone()));
        }
    }

    /// What cannot be read goes to whoever listens, as it came.
    fn to_all(&self, text: &str, moment: &Moment, out: &mut Outbox) {
        if moment.heard {
            self.subscriptions.to_all(|conn| out.text(conn, text));
        }
    }

    /// Recorded heartbeats are played; made ones take over at the end, and where none were recorded.
    fn heartbeats(&self, now: UnixNanos, ended: bool, out: &mut Outbox) {
        for (name, product) in &self.products {
            if let Some(heartbeat) = product.heartbeat(name, now, ended).map(Utf8Bytes::from) {
                self.subscriptions.to("heartbeat", name, |conn| out.text(conn, heartbeat.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
