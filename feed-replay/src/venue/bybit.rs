//! Bybit, v5: topics by request, snapshots in band, spot and linear contracts at paths of their own.

pub mod frame;
mod recorded;
mod requests;

use super::idle::Idle;
use super::subscribers::Subscribers;
use super::{Connects, Profile};
use crate::generate;
use crate::generate::listing::Notation;
use crate::ids::IdRange;
use crate::serve::Limits;
use crate::source::{Item, Kind};
use crate::stand_in::{self, ConnId, HttpReply, Moment, Outbox, StandIn, Target};
use frame::Frame;
use recorded::Recorded;
use requests::{Asked, Market, Request};
use rustc_hash::FxHashMap;
use schemas::capture::UnixNanos;
use schemas::venue::bybit::{ARGS_BYTES_PER_CONNECTION_MAX, ARGS_PER_REQUEST_MAX, Topic};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(crate) const PROFILE: Profile = Profile {
    feed: feed::venue::Venue::Bybit,
    classify: frame::classify,
    stand_in: |limits| Box::new(Bybit::new(limits)),
    connects: Connects { max: 500, within: Duration::from_secs(300) },
    messages_per_s: None,
    notation: Notation { separator_and_quote: "USDT", price_zeros: 0, size_zeros: 0 },
    teller: |listings| Box::new(generate::bybit::Bybit::new(listings)),
};

/// A connection over which nothing went for so long is cut.
const IDLE_WITHIN: Duration = Duration::from_secs(600);

/// Stands in for Bybit.
#[derive(Debug)]
pub struct Bybit {
    /// The topics of the capture.
    topics: BTreeMap<String, Recorded>,
    symbols: BTreeSet<String>,
    /// Those of the capture's trades that are numbers.
    trade_ids: IdRange,
    subscribers: Subscribers,
    /// At which of the venue's paths each connection is.
    markets: FxHashMap<ConnId, Market>,
    idle: Idle,
    is_lenient: bool,
}

impl Bybit {
    /// A stand-in that cuts idle connections.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            topics: BTreeMap::new(),
            symbols: BTreeSet::new(),
            trade_ids: IdRange::default(),
            subscribers: Subscribers::default(),
            markets: FxHashMap::default(),
            idle: Idle::new(limits.idle_within.unwrap_or(IDLE_WITHIN)),
            is_lenient: limits.lenient,
        }
    }
}

impl StandIn for Bybit {
    fn survey(&mut self, item: &Item) {
        if item.kind == Kind::Frame
            && let Some(frame) = Frame::parse(&item.text)
            && !frame.is_control()
        {
            self.topics.entry(frame.topic.to_owned()).or_default();
            self.symbols.insert(frame.symbol().to_owned());
            frame.trade_ids().for_each(|id| self.trade_ids.see(Some(id)));
        }
    }

    fn opened(
        &mut self,
        conn: ConnId,
        target: &Target,
        now: UnixNanos,
        _: &mut Outbox,
    ) -> Result<(), HttpReply> {
        let market = match target.path.trim_end_matches('/') {
            "/v5/public/spot" => Market::Spot,
            "/v5/public/linear" => Market::Linear,
            _ => return Err(not_found()),
        };
        self.markets.insert(conn, market);
        self.idle.heard(conn, now);
        Ok(())
    }

    fn message(&mut self, conn: ConnId, text: &str, now: UnixNanos, out: &mut Outbox) {
        self.idle.heard(conn, now);
        let Some(market) = self.markets.get(&conn).copied() else { return };
        let asked = Asked::parse(text, market, conn);
        match &asked.request {
            Err(refusal) => out.text(conn, asked.reply(false, refusal)),
            Ok(Request::Ping) => out.text(conn, asked.reply(true, "pong")),
            Ok(Request::Subscribe(topics)) => self.subscribe(conn, market, &asked, topics, out),
            Ok(Request::Unsubscribe(topics)) => {
                for topic in topics {
                    self.subscribers.remove(conn, topic);
                }
                out.text(conn, asked.reply(true, market.done(&asked.op)));
            }
        }
    }

    fn closed(&mut self, conn: ConnId) {
        self.markets.remove(&conn);
        self.idle.closed(conn);
        self.subscribers.remove_all(conn);
    }

    fn http(&mut self, _: &Target, _: UnixNanos) -> HttpReply {
        not_found()
    }

    fn play(&mut self, item: &Item, moment: &Moment, out: &mut Outbox) {
        match item.kind {
            Kind::Frame => self.play_frame(&item.text, moment, out),
            Kind::Binary if moment.heard => out.binary(self.subscribers.all(), &item.bytes),
            _ => {}
        }
    }

    fn rewind(&mut self) {
        self.topics.values_mut().for_each(Recorded::forget);
    }

    fn tick(&mut self, now: UnixNanos, _: bool, out: &mut Outbox) {
        for conn in self.idle.overdue(now) {
            out.close(conn, 1000, "no heartbeat and no data for too long");
        }
    }

    fn holds_nothing(&self) -> bool {
        self.topics.is_empty()
    }

    fn has_subscribers(&self) -> bool {
        !self.subscribers.is_empty()
    }
}

impl Bybit {
    /// Grants all topics or none, and sends what a late subscriber has missed: recorded snapshots come in their place in the
    /// stream if that is still ahead. On linear, data goes before the reply.
    fn subscribe(
        &mut self,
        conn: ConnId,
        market: Market,
        asked: &Asked,
        topics: &[String],
        out: &mut Outbox,
    ) {
        if let Err(refusal) = self.check(conn, market, topics) {
            return out.text(conn, asked.reply(false, &refusal));
        }
        let granted = asked.reply(true, market.done(&asked.op));
        if market == Market::Spot {
            out.text(conn, granted.as_str());
        }
        let mut silent = Vec::new();
        for topic in topics {
            self.subscribers.add(conn, topic, topic);
            match self.topics.get(topic) {
                None => silent.push(topic),
                Some(recorded) => recorded.missed().into_iter().for_each(|missed| out.text(conn, missed)),
            }
        }
        if market == Market::Linear {
            out.text(conn, granted);
        }
        stand_in::tell_silent(conn, &silent);
    }

    /// Whether a connection may have all these topics.
    fn check(&self, conn: ConnId, market: Market, topics: &[String]) -> Result<(), String> {
        if market == Market::Spot && topics.len() > ARGS_PER_REQUEST_MAX && !self.is_lenient {
            return Err(format!("args size >{ARGS_PER_REQUEST_MAX}"));
        }
        let held = self.subscribers.of(conn);
        for (at, topic) in topics.iter().enumerate() {
            if !self.may_exist(topic) {
                return Err(market.unknown(topic));
            }
            if topics[..at].contains(topic) || held.iter().any(|held| **held == **topic) {
                return Err(format!("error:already subscribed,topic:{topic}"));
            }
        }
        let bytes: usize = held.iter().map(|topic| topic.len()).chain(topics.iter().map(String::len)).sum();
        if bytes > ARGS_BYTES_PER_CONNECTION_MAX && !self.is_lenient {
            return Err(format!("args length >{ARGS_BYTES_PER_CONNECTION_MAX}"));
        }
        Ok(())
    }

    /// Whether the venue has such a topic: what the capture holds, and of its symbols what it lacks, which stays silent.
    fn may_exist(&self, topic: &str) -> bool {
        let is_offered = match Topic::parse(topic) {
            Some(Topic::Book { depth, symbol }) => {
                matches!(depth, 1 | 50 | 200 | 1_000) && self.symbols.contains(symbol)
            }
            Some(Topic::Trades { symbol } | Topic::Ticker { symbol }) => self.symbols.contains(symbol),
            None => false,
        };
        is_offered || self.topics.contains_key(topic)
    }

    fn play_frame(&mut self, text: &str, moment: &Moment, out: &mut Outbox) {
        let Some(frame) = Frame::parse(text) else {
            if moment.heard {
                // What cannot be read goes to whoever listens, as it came.
                out.texts(self.subscribers.all(), text);
            }
            return;
        };
        // Replies belong to the recorder's connection: each client gets its own.
        if frame.is_control() {
            return;
        }
        let rewritten = (!moment.is_as_recorded()).then(|| frame.rewrite(text, moment, self.trade_ids));
        let sent = rewritten.as_deref().unwrap_or(text);
        // What is kept for late subscribers is what was sent.
        let Some(frame) = Frame::parse(sent) else { return };
        if let Some(recorded) = self.topics.get_mut(frame.topic) {
            recorded.play(&frame, sent);
        }
        if moment.heard {
            for (conn, _) in self.subscribers.to(frame.topic) {
                out.text(conn, sent);
                self.idle.served(conn);
            }
        }
    }
}

fn not_found() -> HttpReply {
    HttpReply { status: 404, body: "{\"retCode\":404,\"retMsg\":\"Not Found\"}".to_owned() }
}

#[cfg(test)]
mod tests;
