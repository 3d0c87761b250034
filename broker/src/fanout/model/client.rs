//! One subscriber: it reads what it is sent, and holds every frame against what was published and what it was promised.

use super::frame::{self, Frame, ToldTier};
use super::held::{Awaits, Held, Options};
use super::tiers::Tiers;
use super::truth::Truth;
use super::venue::{TopicNumber, Venue};
use super::{Check, wrong};
use crate::fanout::advance::Skipped;
use proptest::{prop_assert, prop_assert_eq};
use schemas::model::Channel;
use schemas::wire::close;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

/// What a request is to be answered.
#[derive(Debug)]
pub(super) enum Expected {
    /// With these, in this order; and these symbols and patterns are more than it may hold.
    Granted(Vec<Grant>, Vec<String>),
    /// These topics are ended.
    Ended(Vec<TopicNumber>),
    /// With exactly this.
    Result(Value),
}

/// A topic or a pattern that a request is granted.
#[derive(Debug)]
pub(super) struct Grant {
    /// Its entry in the reply, without `seq`. A pattern has one, and the topics that it brings have none.
    pub(super) entry: Option<Value>,
    pub(super) topic: Option<(TopicNumber, Options, Beginning)>,
    /// The tier that its entry names.
    pub(super) tier: usize,
    /// The topic's last `seq` when it was asked.
    pub(super) head: u64,
}

/// What a topic is to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// It goes on where it was.
    Continues,
    /// A snapshot comes first, as of the last entry; of a book as of this one or an earlier one.
    Snapshot,
    /// It goes on where it was, and as of the last entry a snapshot comes.
    ThenSnapshot,
    /// It goes on after this `seq`.
    After(u64),
    /// There is nothing yet.
    Empty,
}

/// What else is known when a frame arrives.
pub(super) struct Facts<'a> {
    pub(super) venue: &'a Venue,
    pub(super) tiers: &'a Tiers,
    /// The socket has been full for so long that data may be conflated.
    pub(super) may_conflate: bool,
    /// The slowest tier that anything is moved to.
    pub(super) interval_ms_max: u32,
    /// The topics' heads when the step began, if the socket had been full for so long by then that data must be conflated.
    pub(super) must_conflate: Option<&'a [u64]>,
    /// So few bytes of replies may wait that a client may have more of them.
    pub(super) may_exceed: bool,
    /// The connection was closed, with good reason.
    pub(super) was_closed: bool,
    /// The number of the step in which it comes, unless something was published in its middle.
    pub(super) step: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Client {
    read: Vec<u8>,
    /// The frame that is looked at, or the piece that it is of, began in an earlier step.
    is_rest: bool,
    /// More of the same piece may follow: what replaces what was conflated.
    may_go_on: bool,
    greeted: bool,
    /// The `id`s of its requests and the replies that are to come, in their order.
    pub(super) expected: VecDeque<(u64, Expected)>,
    held: BTreeMap<TopicNumber, Held>,
    /// What it is to be told that its patterns leave out, in this order.
    left_out: VecDeque<Value>,
    /// What all frames so far skip, if that can be known.
    pub(super) skipped: Option<Skipped>,
    /// Pings that were not answered yet.
    pub(super) pings: usize,
    pub(super) is_closed: bool,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            read: Vec::new(),
            is_rest: false,
            may_go_on: false,
            greeted: false,
            expected: VecDeque::new(),
            held: BTreeMap::new(),
            left_out: VecDeque::new(),
            skipped: Some(Skipped::default()),
            pings: 0,
            is_closed: false,
        }
    }
}

impl Client {
    /// Reads what came.
    pub(super) fn read(&mut self, bytes: &[u8], facts: &Facts<'_>) -> Check {
        self.is_rest = !self.read.is_empty() || self.may_go_on;
        self.read.extend_from_slice(bytes);
        while let Some((opcode, payload)) = frame::split(&mut self.read) {
            prop_assert!(!self.is_closed, "something follows the close frame");
            match opcode {
                0x81 => self.text(&payload, facts)?,
                0x88 => {
                    let with = |code: u16| payload.starts_with(&code.to_be_bytes());
                    let is_known = with(close::SLOW_CONSUMER) || with(close::POLICY) && facts.may_exceed;
                    prop_assert!(facts.was_closed && is_known, "closed with {:?}", payload);
                    self.is_closed = true;
                }
                0x89 => self.pings += 1,
                _ => return Err(wrong(format!("a frame with opcode {opcode:#x}"))),
            }
            let may_go_on = ["conflated", "state"].map(|kind| format!("{{\"type\":\"{kind}\""));
            self.may_go_on = may_go_on.iter().any(|start| payload.starts_with(start.as_bytes()));
            self.is_rest &= self.may_go_on;
        }
        Ok(())
    }

    /// A symbol was opened that a pattern of this client covers.
    pub(super) fn announce(&mut self, topic: TopicNumber, options: Options) {
        self.held.insert(topic, Held::new(topic, options, Awaits::First));
    }

    /// A symbol was opened that a pattern of this client covers, and it may not hold more.
    pub(super) fn is_left_out(&mut self, channel: Channel, pattern: String, symbol: &str) {
        self.left_out.push_back(json!({
            "type": "rejected", "channel": channel.name(), "pattern": pattern, "symbol": symbol, "code": "limit_exceeded",
        }));
    }

    /// The topics that it knows to hold, and how.
    pub(super) fn holds(&self) -> BTreeMap<TopicNumber, Options> {
        self.held.iter().map(|(topic, held)| (*topic, held.options)).collect()
    }

    /// The tiers that it knows its topics to be served in.
    pub(super) fn tiers(&self) -> BTreeMap<TopicNumber, usize> {
        self.held.iter().map(|(topic, held)| (*topic, held.tier)).collect()
    }

    /// Where it stands in a topic.
    pub(super) fn at(&self, topic: TopicNumber) -> Option<u64> {
        self.held.get(&topic).map(|held| held.at)
    }

    /// Each frame has come to its end, each request is answered, and each topic is up to date: at the head or, in a tier, at its
    /// last tick.
    pub(super) fn is_up_to_date(&mut self, venue: &Venue, tiers: &Tiers) -> Check {
        let is_all = self.read.is_empty() && self.expected.is_empty() && self.left_out.is_empty();
        prop_assert!(is_all, "something was left unsent");
        for (&topic, held) in &mut self.held {
            let truth = &venue.truths[topic];
            let tier = held.tier;
            held.is_up_to_date(truth, if tier == 0 { truth.head() } else { tiers.due(topic, tier) })?;
        }
        Ok(())
    }

    fn text(&mut self, payload: &[u8], facts: &Facts<'_>) -> Check {
        let text = || String::from_utf8_lossy(payload);
        if payload.starts_with(b"{\"id\"") {
            let reply = serde_json::from_slice(payload).map_err(|e| wrong(format!("{e} in {}", text())))?;
            return self.reply(&reply, facts).map_err(|e| wrong(format!("{e}\nin {}", text())));
        }
        if payload.starts_with(b"{\"type\":\"hello\"") {
            prop_assert!(!std::mem::replace(&mut self.greeted, true));
            return Ok(());
        }
        prop_assert!(self.greeted, "hello comes first");
        if payload.starts_with(b"{\"type\":\"heartbeat\"") {
            return Ok(());
        }
        if payload.starts_with(b"{\"type\":\"rejected\"") {
            let mut told: Value =
                serde_json::from_slice(payload).map_err(|e| wrong(format!("{e} in {}", text())))?;
            let message = told.as_object_mut().and_then(|told| told.remove("message"));
            prop_assert!(message.is_some_and(|message| message.is_string()));
            prop_assert_eq!(self.left_out.pop_front(), Some(told));
            return Ok(());
        }
        if payload.starts_with(b"{\"type\":\"tier\"") {
            let told = serde_json::from_slice(payload).map_err(|e| wrong(format!("{e} in {}", text())))?;
            return self.tier(&told, facts).map_err(|e| wrong(format!("{e}\nin {}", text())));
        }
        let frame = serde_json::from_slice(payload).map_err(|e| wrong(format!("{e} in {}", text())))?;
        self.data(&frame, facts).map_err(|e| wrong(format!("{e}\nin {}", text())))
    }

    /// What it holds of the topic that a frame is of.
    fn held(&mut self, channel: &str, symbol: &str, facts: &Facts<'_>) -> Check<&mut Held> {
        let is_it =
            |truth: &Truth| truth.served.channel.name() == channel && truth.served.symbol.as_str() == symbol;
        let topic = facts.venue.truths.iter().position(is_it);
        let held = topic.and_then(|topic| self.held.get_mut(&topic));
        held.ok_or_else(|| wrong("it is not subscribed to this"))
    }

    fn tier(&mut self, told: &ToldTier, facts: &Facts<'_>) -> Check {
        self.held(&told.channel, &told.symbol, facts)?.take_tier(told, facts)
    }

    fn data(&mut self, frame: &Frame, facts: &Facts<'_>) -> Check {
        let is_rest = self.is_rest;
        let skipped = self.held(&frame.channel, &frame.symbol, facts)?.take(frame, is_rest, facts)?;
        self.skipped = self.skipped.zip(skipped).map(|(sum, more)| Skipped {
            conflated: sum.conflated + more.conflated,
            lost: sum.lost + more.lost,
        });
        Ok(())
    }

    fn reply(&mut self, reply: &Value, facts: &Facts<'_>) -> Check {
        let (id, expected) = self.expected.pop_front().ok_or_else(|| wrong("nobody asked for it"))?;
        let result = &reply["result"];
        prop_assert_eq!(&reply["id"], &Value::from(id));
        match expected {
            Expected::Result(expected) => prop_assert_eq!(result, &expected),
            Expected::Ended(topics) => {
                prop_assert_eq!(&result["unsubscribed"], &Value::from(topics.len()));
                self.held.retain(|topic, _| !topics.contains(topic));
            }
            Expected::Granted(grants, refused) => {
                let rejected = result["rejected"].as_array().into_iter().flatten();
                let rejected = rejected.map(|entry| (entry["symbol"].as_str(), entry["code"].as_str()));
                let expected = refused.iter().map(|symbol| (Some(symbol.as_str()), Some("limit_exceeded")));
                prop_assert!(rejected.eq(expected), "it is to be refused {:?}", refused);
                let mut entries = result["subscribed"].as_array().into_iter().flatten();
                for grant in grants {
                    self.granted(&grant, &mut entries, facts)?;
                }
                prop_assert_eq!(entries.next(), None);
            }
        }
        Ok(())
    }

    fn granted<'a>(
        &mut self,
        grant: &Grant,
        entries: &mut impl Iterator<Item = &'a Value>,
        facts: &Facts<'_>,
    ) -> Check {
        let mut seq = None;
        if let Some(expected) = &grant.entry {
            let mut entry = entries.next().cloned().unwrap_or_default();
            seq = entry.as_object_mut().and_then(|entry| entry.remove("seq")?.as_u64());
            prop_assert_eq!(&entry, expected);
        }
        let Some((topic, options, beginning)) = grant.topic else { return Ok(()) };
        let truth = &facts.venue.truths[topic];
        // What a pattern brings has no entry of its own.
        let names_one = grant.entry.is_some();
        let held = match beginning {
            Beginning::Continues => {
                let held = self.held.get_mut(&topic).ok_or_else(|| wrong("it did not hold that"))?;
                held.asked_again(options, grant.tier);
                return if names_one { held.goes_on_at(seq) } else { Ok(()) };
            }
            Beginning::ThenSnapshot => {
                let held = self.held.get_mut(&topic).ok_or_else(|| wrong("it did not hold that"))?;
                held.asked_again(options, grant.tier);
                return held.then_snapshot(grant.head, seq);
            }
            Beginning::Snapshot if names_one => {
                let least = if truth.served.channel == Channel::Book { 1 } else { grant.head };
                let promised = seq.filter(|seq| (least..=grant.head).contains(seq));
                let promised = promised.ok_or_else(|| wrong(format!("the head is {}", grant.head)))?;
                Held::new(topic, options, Awaits::Snapshot(promised))
            }
            Beginning::Snapshot => Held::new(topic, options, Awaits::SnapshotUpTo(grant.head)),
            Beginning::After(after) => {
                prop_assert_eq!(seq, Some(after));
                Held::resumed(topic, options, after, truth)
            }
            Beginning::Empty => {
                prop_assert!(!names_one || seq == Some(0));
                Held::new(topic, options, Awaits::Anything)
            }
        };
        let mut held = held;
        if let Some(before) = self.held.get(&topic) {
            (held.options, held.moved_to) = (before.options, before.moved_to);
        }
        held.asked_again(options, grant.tier);
        self.held.insert(topic, held);
        Ok(())
    }
}
