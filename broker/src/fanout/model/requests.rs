//! What clients ask, and what that is to be answered.

use super::Check;
use super::client::{Beginning, Expected, Grant};
use super::held::Options;
use super::op::{Resume, Subscribe};
use super::peer::{Pattern, Peer};
use super::tiers::TIERS_MS;
use super::truth::Truth;
use super::venue::{EPOCH, TopicNumber, name, number};
use super::world::World;
use schemas::model::Channel;
use serde_json::{Value, json};

const PATTERNS: [&str; 4] = ["m:*", "m:A*", "*", "m:B*"];

/// What a request names.
enum Wanted {
    Symbol(usize),
    /// A pattern without its `*`.
    Pattern(&'static str),
}

/// The `id` of all requests: it only has to come back.
const ID: u64 = 7;

impl World {
    pub(super) fn subscribe(&mut self, wanted: &Subscribe) -> Check {
        let Some(at) = self.peer(wanted.client) else { return Ok(()) };
        let Subscribe { tier, disconnect, adaptive, .. } = *wanted;
        let options = Options { tier, disconnect, adaptive };
        let (mut symbols, mut grants, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for &one in &wanted.wanted {
            match self.wanted(one) {
                Wanted::Symbol(symbol) => {
                    let topic = number(symbol, wanted.channel);
                    let resume = wanted.resume.map(|resume| self.resume(at, topic, resume));
                    symbols.push(match &resume {
                        None => json!(name(symbol)),
                        Some((epoch, after)) => {
                            json!({"symbol": name(symbol), "epoch": epoch, "after": after})
                        }
                    });
                    let is_new = !self.peers[at].held.contains_key(&topic);
                    if is_new && self.peers[at].room(&self.setting) == 0 {
                        refused.push(name(symbol));
                        continue;
                    }
                    grants.push(self.grant_symbol(at, topic, options, wanted.snapshot, resume));
                }
                Wanted::Pattern(prefix) => {
                    symbols.push(json!(format!("{prefix}*")));
                    if self.brings(at, wanted.channel, prefix) > self.peers[at].room(&self.setting) {
                        refused.push(format!("{prefix}*"));
                        continue;
                    }
                    self.grant_pattern(at, wanted.channel, prefix, options, wanted.snapshot, &mut grants);
                }
            }
        }
        let request = json!({"id": ID, "method": "subscribe", "params": {
            "channel": wanted.channel.name(),
            "symbols": symbols,
            "interval_ms": TIERS_MS[options.tier],
            "on_slow": on_slow(options),
            "snapshot": wanted.snapshot,
            "adaptive": adaptive,
        }});
        self.refused += refused.len() as u64;
        self.request(at, ID, &request.to_string(), Expected::Granted(grants, refused))
    }

    /// How many subscriptions and patterns a pattern adds to what a client holds.
    fn brings(&self, at: usize, channel: Channel, prefix: &str) -> usize {
        let peer = &self.peers[at];
        let is_known = peer.patterns.iter().any(|held| held.is(channel, prefix));
        let topics = self.covered(channel, prefix);
        topics.iter().filter(|topic| !peer.held.contains_key(topic)).count() + usize::from(!is_known)
    }

    fn resume(&self, at: usize, topic: TopicNumber, resume: Resume) -> (&'static str, u64) {
        let head = self.venue.borrow().truths[topic].head();
        match resume {
            Resume::Own => (EPOCH, self.peers[at].client.at(topic).unwrap_or(0)),
            Resume::Before(entries) => (EPOCH, head.saturating_sub(u64::from(entries))),
            Resume::Beyond(entries) => (EPOCH, head + u64::from(entries)),
            Resume::OtherLife => ("another", head),
        }
    }

    fn grant_symbol(
        &mut self,
        at: usize,
        topic: TopicNumber,
        options: Options,
        snapshot: bool,
        resume: Option<(&str, u64)>,
    ) -> Grant {
        let tier = self.asked_again(at, topic, options);
        let venue = self.venue.borrow();
        let truth = &venue.truths[topic];
        let head = truth.head();
        let mut entry = entry_in(tier, truth.served.channel, options);
        entry["symbol"] = json!(truth.served.symbol.as_str());
        entry["epoch"] = json!(EPOCH);
        entry["state"] = json!(truth.state(head).name());
        let is_held = self.peers[at].held.contains_key(&topic);
        let beginning = match resume {
            None => begin_held(truth, is_held, snapshot),
            Some((epoch, after)) => {
                let (beginning, resumed) = go_on(truth, epoch, after);
                entry["resumed"] = json!(resumed);
                beginning
            }
        };
        drop(venue);
        self.hold(at, topic, options);
        self.peers[at].named.insert(topic);
        Grant { entry: Some(entry), topic: Some((topic, options, beginning)), tier, head }
    }

    fn grant_pattern(
        &mut self,
        at: usize,
        channel: Channel,
        prefix: &'static str,
        options: Options,
        snapshot: bool,
        grants: &mut Vec<Grant>,
    ) {
        let topics = self.covered(channel, prefix);
        let mut entry = entry(channel, options);
        entry["pattern"] = json!(format!("{prefix}*"));
        entry["matched"] = json!(topics.len());
        grants.push(Grant { entry: Some(entry), topic: None, tier: 0, head: 0 });
        let patterns = &mut self.peers[at].patterns;
        patterns.retain(|held| !held.is(channel, prefix));
        patterns.push(Pattern { channel, prefix, options, leaves_out: false });
        for topic in topics {
            let is_held = self.peers[at].held.contains_key(&topic);
            let truth = &self.venue.borrow().truths[topic];
            let beginning = begin_held(truth, is_held, snapshot);
            let (topic, head) = (Some((topic, options, beginning)), truth.head());
            grants.push(Grant { entry: None, topic, tier: options.tier, head });
        }
        for grant in grants.iter().filter(|grant| grant.entry.is_none()) {
            if let Some((topic, options, _)) = grant.topic {
                self.hold(at, topic, options);
            }
        }
    }

    /// A connection is subscribed to a topic. If it is the only one in its tier, that begins with it.
    fn hold(&mut self, at: usize, topic: TopicNumber, options: Options) {
        let tier = self.asked_again(at, topic, options);
        self.peers[at].held.remove(&topic);
        let is_other = |other: &Peer| other.id != self.peers[at].id && other.held.contains_key(&topic);
        let others = self.peers.iter().filter(|other| is_other(other));
        let has_others = others.into_iter().any(|other| other.tiers.get(&topic) == Some(&tier));
        if !has_others {
            let truth = &self.venue.borrow().truths[topic];
            self.tiers.begin(topic, tier, truth.head());
            // What the shard has yet to read for those whom it serves at other rates, and then finds gone from a book's log, may have
            // held a new book, which no tier delays.
            if truth.served.channel == Channel::Book
                && let Some(served) = self.shard.topics.get(&truth.served.id)
                && served.stand.seq < truth.head()
            {
                self.tiers.will_begin(topic, tier);
            }
        }
        self.peers[at].held.insert(topic, options);
        self.peers[at].tiers.insert(topic, tier);
    }

    /// The tier that will serve what is asked for now: if it was moved and is asked for in the same way again, it stays there.
    fn asked_again(&self, at: usize, topic: TopicNumber, options: Options) -> usize {
        let peer = &self.peers[at];
        let is_same = peer
            .held
            .get(&topic)
            .is_some_and(|held| options.adaptive && held.adaptive && held.tier == options.tier);
        if is_same { peer.tiers[&topic] } else { options.tier }
    }

    pub(super) fn unsubscribe(&mut self, client: u8, channel: Channel, wanted: &[u8]) -> Check {
        let Some(at) = self.peer(client) else { return Ok(()) };
        let (mut symbols, mut ended) = (Vec::new(), Vec::new());
        for &one in wanted {
            let topics = match self.wanted(one) {
                Wanted::Symbol(symbol) => {
                    symbols.push(name(symbol));
                    vec![number(symbol, channel)]
                }
                Wanted::Pattern(prefix) => {
                    symbols.push(format!("{prefix}*"));
                    self.end_pattern(at, channel, prefix)
                }
            };
            let peer = &mut self.peers[at];
            for topic in topics.into_iter().filter(|topic| peer.held.remove(topic).is_some()) {
                peer.named.remove(&topic);
                ended.push(topic);
            }
        }
        let params = json!({"channel": channel.name(), "symbols": symbols});
        let request = json!({"id": ID, "method": "unsubscribe", "params": params});
        self.request(at, ID, &request.to_string(), Expected::Ended(ended))
    }

    /// Ends a pattern, if it is held: what it brought, neither by name nor by another pattern too, ends with it.
    fn end_pattern(&mut self, at: usize, channel: Channel, prefix: &str) -> Vec<TopicNumber> {
        let patterns = &mut self.peers[at].patterns;
        let before = patterns.len();
        patterns.retain(|held| !held.is(channel, prefix));
        if patterns.len() == before {
            return Vec::new();
        }
        let peer = &self.peers[at];
        let others = peer.patterns.iter().filter(|held| held.channel == channel);
        let kept: Vec<_> = others.flat_map(|held| self.covered(channel, held.prefix)).collect();
        let mut topics = self.covered(channel, prefix);
        topics.retain(|topic| !peer.named.contains(topic) && !kept.contains(topic));
        topics
    }

    pub(super) fn ask(&mut self, client: u8, ping: bool) -> Check {
        let Some(at) = self.peer(client) else { return Ok(()) };
        let (method, result) =
            if ping { ("ping", json!({"ts": 0})) } else { ("subscriptions", self.subscriptions(at)) };
        let request = json!({"id": ID, "method": method});
        self.request(at, ID, &request.to_string(), Expected::Result(result))
    }

    fn subscriptions(&self, at: usize) -> Value {
        let (peer, venue) = (&self.peers[at], self.venue.borrow());
        let topics = peer.held.iter().map(|(topic, options)| {
            let truth = &venue.truths[*topic];
            let tier = peer.tiers[topic];
            let mut entry = entry_in(tier, truth.served.channel, *options);
            entry["symbol"] = json!(truth.served.symbol.as_str());
            entry["epoch"] = json!(EPOCH);
            entry["state"] = json!(truth.state(truth.head()).name());
            entry
        });
        let patterns = peer.patterns.iter().map(|held| {
            let mut entry = entry(held.channel, held.options);
            entry["pattern"] = json!(format!("{}*", held.prefix));
            entry["matched"] = json!(self.covered(held.channel, held.prefix).len());
            entry
        });
        json!({"subscriptions": topics.chain(patterns).collect::<Vec<_>>()})
    }

    fn wanted(&self, number: u8) -> Wanted {
        match usize::from(number).checked_sub(PATTERNS.len()) {
            Some(pattern) => Wanted::Pattern(PATTERNS[pattern % PATTERNS.len()].trim_end_matches('*')),
            None => Wanted::Symbol(usize::from(number) % self.venue.borrow().symbols()),
        }
    }

    /// The topics that a pattern covers now.
    fn covered(&self, channel: Channel, prefix: &str) -> Vec<TopicNumber> {
        let symbols = (0..self.venue.borrow().symbols()).filter(|symbol| name(*symbol).starts_with(prefix));
        symbols.map(|symbol| number(symbol, channel)).collect()
    }
}

/// How a topic goes on or begins that a client may hold, and may want a snapshot of.
fn begin_held(truth: &Truth, is_held: bool, snapshot: bool) -> Beginning {
    let keeps_what_is_owed = truth.served.channel == Channel::Trades && truth.head() > 0;
    match snapshot {
        true if is_held && keeps_what_is_owed => Beginning::ThenSnapshot,
        _ => begin(truth, is_held && !snapshot),
    }
}

fn begin(truth: &Truth, continues: bool) -> Beginning {
    match truth.head() {
        _ if continues => Beginning::Continues,
        0 => Beginning::Empty,
        _ => Beginning::Snapshot,
    }
}

/// How a client goes on that names what it has, and whether it was resumed.
fn go_on(truth: &Truth, epoch: &str, after: u64) -> (Beginning, bool) {
    let is_this_life = epoch == EPOCH && after <= truth.head();
    let is_in_log = is_this_life && truth.log_reaches_back_to(after);
    if is_in_log || is_this_life && truth.served.channel == Channel::Trades {
        return (Beginning::After(after), is_in_log);
    }
    (begin(truth, false), false)
}

/// What all entries of a reply have.
fn entry(channel: Channel, options: Options) -> Value {
    entry_in(options.tier, channel, options)
}

/// What all entries of a reply have, of a topic that is served in this tier.
fn entry_in(tier: usize, channel: Channel, options: Options) -> Value {
    let mut entry =
        json!({"channel": channel.name(), "interval_ms": TIERS_MS[tier], "on_slow": on_slow(options)});
    if tier != options.tier {
        entry["requested_interval_ms"] = json!(TIERS_MS[options.tier]);
    }
    if options.adaptive {
        entry["adaptive"] = json!(true);
    }
    entry
}

fn on_slow(options: Options) -> &'static str {
    if options.disconnect { "disconnect" } else { "conflate" }
}
