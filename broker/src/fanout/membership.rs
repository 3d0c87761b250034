//! Who is subscribed to what.

use super::connection::{Connection, ConnectionId, Cursor};
use super::hot::Flow;
use super::shard::{Effect, Shard};
use super::subscription::{Options, Pattern, RAW, ServedTopic, Subscription, Tier};
use feed::topic::TopicHandle;
use schemas::model::{Channel, State};
use schemas::wire::reply::{self, ErrorCode, Rejected};
use schemas::wire::request::Resume;
use std::sync::Arc;
use std::time::Instant;
use table::{Position, TopicId};

/// What a subscription begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The last `seq` of the snapshot that follows, or what is resumed after.
    pub(crate) seq: u64,
    pub(crate) state: State,
    /// Whether the log reached back; none if that was not asked.
    pub(crate) resumed: Option<bool>,
    /// How it is served.
    pub(crate) options: Options,
}

/// Where a subscription is to begin.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beginning<'a> {
    /// With a snapshot; what is already held goes on without one.
    Snapshot,
    /// With a snapshot even if it is held.
    AlwaysSnapshot,
    /// After what the client has.
    Resume(&'a Resume),
}

impl Shard {
    /// Subscribes a connection to a topic, or changes the options of what it holds. Data follows in the next turn. The caller
    /// has flushed what the present batch owes the connection.
    pub(crate) fn subscribe(
        &mut self,
        id: ConnectionId,
        handle: &Arc<TopicHandle>,
        options: Options,
        beginning: Beginning<'_>,
        now: Instant,
    ) -> Granted {
        let topic = handle.id;
        let held = self.subscription(id, topic);
        let tier = self.adaptation.asked_again(id, topic, options.tier, options.adaptive);
        let by_name = options.by_name || held.is_some_and(|held| held.options.by_name);
        let options = Options { tier, by_name, ..options };
        // The present subscribers are not advanced to the head for this: they would be owed something again in the midst of a batch,
        // and requests that keep coming would keep the shard from beginning the next one. The newcomer has a cursor until then.
        let join = handle.topic.join(self.index);
        self.topics.entry(topic).or_insert_with(|| ServedTopic::new(Arc::clone(handle), join.head));
        let state = handle.state();
        let at = held.map(|subscription| self.cursor_of(id, subscription));
        if let Some(subscription) = held {
            self.leave_group(id, subscription);
        }
        self.join_group(id, topic, options);
        let (cursor, resumed) = match (beginning, at) {
            (Beginning::Snapshot, Some(at)) => (at, None),
            (Beginning::AlwaysSnapshot, Some(at)) if handle.channel == Channel::Trades => {
                (then(at, begin(handle, join.image.as_deref(), join.head)), None)
            }
            (Beginning::Resume(resume), _) => begin_after(handle, resume, join.image.as_deref(), join.head),
            _ => (begin(handle, join.image.as_deref(), join.head), None),
        };
        let seq = match &cursor {
            Cursor::At(position) => position.seq,
            Cursor::Begin(snapshot) | Cursor::Then(_, snapshot) => snapshot.position.seq,
        };
        self.fall_behind(id, topic, cursor, now);
        Granted { seq, state, resumed, options }
    }

    /// Ends a subscription. The caller has flushed what the present batch owes the connection.
    pub(crate) fn unsubscribe(&mut self, id: ConnectionId, topic: TopicId) -> bool {
        let Some(subscription) = self.subscription(id, topic) else { return false };
        self.leave_group(id, subscription);
        self.adaptation.forget(id, topic);
        if let Some(connection) = self.connections.get_mut(id) {
            if let Ok(at) = connection.subscriptions.binary_search_by_key(&topic, |held| held.topic) {
                connection.subscriptions.remove(at);
                self.counts.subscriptions -= 1;
            }
            if let Some(behind) = connection.outbound.behind_mut() {
                behind.cursors.remove(&topic);
            }
        }
        self.leave_topic(topic);
        true
    }

    /// Ends a pattern and what only that has brought. The caller has flushed what the present batch owes the connection. Says how
    /// many topics that were.
    pub(crate) fn unsubscribe_pattern(
        &mut self,
        id: ConnectionId,
        channel: Channel,
        prefix: &str,
        matching: &[Arc<TopicHandle>],
    ) -> usize {
        let Some(connection) = self.connections.get_mut(id) else { return 0 };
        let patterns = &mut connection.patterns;
        let Some(at) = patterns.iter().position(|held| held.channel == channel && *held.prefix == *prefix)
        else {
            return 0;
        };
        patterns.remove(at);
        let ends = |shard: &Self, handle: &TopicHandle| {
            let is_covered = |held: &Connection| held.patterns.iter().any(|pattern| pattern.covers(handle));
            let stays = |held: Subscription| {
                held.options.by_name || shard.connections.get(id).is_some_and(is_covered)
            };
            shard.subscription(id, handle.id).is_some_and(|held| !stays(held))
        };
        matching.iter().filter(|handle| ends(self, handle) && self.unsubscribe(id, handle.id)).count()
    }

    /// What a connection holds of a topic.
    pub(crate) fn subscription(&self, id: ConnectionId, topic: TopicId) -> Option<Subscription> {
        let held = &self.connections.get(id)?.subscriptions;
        held.binary_search_by_key(&topic, |held| held.topic).ok().map(|at| held[at])
    }

    /// Subscribes those whose patterns cover topics that are new since the last look.
    pub(crate) fn look_at_new_topics(&mut self, now: Instant) {
        if self.market.topics_len() == self.topics_seen {
            return;
        }
        let registry = self.market.registry();
        let seen = std::mem::replace(&mut self.topics_seen, registry.topics_len());
        for id in seen..self.topics_seen {
            let Some(handle) = registry.topic(TopicId(id)) else { continue };
            for (connection, pattern) in self.brought_by(handle) {
                if self.subscription(connection, handle.id).is_none() {
                    self.bring(connection, pattern, handle, now);
                }
            }
        }
    }

    /// Subscribes a connection to what one of its patterns brings, or tells it that it is left out; of several in a row, the first.
    fn bring(&mut self, id: ConnectionId, pattern: usize, handle: &Arc<TopicHandle>, now: Instant) {
        let has_room = self.has_room(id);
        let pattern =
            self.connections.get_mut(id).and_then(|connection| connection.patterns.get_mut(pattern));
        let Some(pattern) = pattern else { return };
        let was_told = std::mem::replace(&mut pattern.leaves_out, !has_room);
        if has_room {
            let options = pattern.options;
            self.subscribe(id, handle, options, Beginning::Snapshot, now);
        } else if !was_told {
            let pattern = pattern.text();
            let (code, message) = (ErrorCode::LimitExceeded, self.at_most_subscriptions());
            let rejected = Rejected { symbol: handle.symbol.as_str(), code, message };
            self.send_text(id, &reply::rejected(handle.channel, &pattern, &rejected), now);
        }
    }

    /// The limit of subscriptions, for people.
    pub(crate) fn at_most_subscriptions(&self) -> String {
        format!("at most {} subscriptions", self.settings.subscriptions_max)
    }

    /// Whether a connection may hold one more subscription.
    pub(crate) fn has_room(&mut self, id: ConnectionId) -> bool {
        let max = self.settings.subscriptions_max;
        let has_room = self
            .connections
            .get(id)
            .is_some_and(|connection| connection.subscriptions.len() + connection.patterns.len() < max);
        self.counts.subscriptions_refused += u64::from(!has_room);
        has_room
    }

    /// Whose patterns bring a new topic, and which: the one that was asked for last, as it is with the topics that are there.
    fn brought_by(&self, handle: &TopicHandle) -> Vec<(ConnectionId, usize)> {
        let brings = |pattern: &Pattern| pattern.brings(handle);
        self.connections
            .iter()
            .filter(|(id, _)| self.hot[*id].flow != Flow::Closing)
            .filter_map(|(id, connection)| {
                let pattern = connection.patterns.iter().rposition(brings)?;
                Some((id, pattern))
            })
            .collect()
    }

    /// Serves a subscription in another tier from here on.
    pub(crate) fn change_tier(&mut self, id: ConnectionId, subscription: Subscription, tier: Tier) {
        self.leave_group(id, subscription);
        self.join_group(id, subscription.topic, Options { tier, ..subscription.options });
    }

    /// Where a connection stands in a topic that it holds.
    pub(crate) fn cursor_of(&mut self, id: ConnectionId, subscription: Subscription) -> Cursor {
        let noted = self
            .connections
            .get(id)
            .and_then(|connection| connection.outbound.behind()?.cursors.get(&subscription.topic).cloned());
        noted.unwrap_or_else(|| Cursor::At(self.stand_of(id, subscription.topic, subscription.options.tier)))
    }

    fn join_group(&mut self, id: ConnectionId, topic: TopicId, options: Options) {
        let Some(served) = self.topics.get_mut(&topic) else { return };
        let slot = served.group(options.tier).add(id);
        if served.be_prompt_if_needed(self.index) {
            self.look_at(topic);
        }
        if options.tier != RAW && self.tiers.start(options.tier) {
            self.effects.push(Effect::Tick(options.tier));
        }
        let Some(connection) = self.connections.get_mut(id) else { return };
        let subscription = Subscription { topic, options, slot };
        match connection.subscriptions.binary_search_by_key(&topic, |held| held.topic) {
            Ok(at) => connection.subscriptions[at] = subscription,
            Err(at) => {
                connection.subscriptions.insert(at, subscription);
                self.counts.subscriptions += 1;
            }
        }
    }

    fn leave_group(&mut self, id: ConnectionId, subscription: Subscription) {
        let Subscription { topic, options, slot } = subscription;
        let Some(served) = self.topics.get_mut(&topic) else { return };
        let Some(group) = served.find_group(options.tier) else { return };
        debug_assert_eq!(group.members.get(slot as usize), Some(&id), "a slot is its member's");
        let moved = group.remove(slot);
        if group.members.is_empty() {
            served.groups.retain(|group| group.tier != options.tier);
            served.be_prompt_if_needed(self.index);
        }
        if let Some(held) = moved.and_then(|moved| self.connections.get_mut(moved))
            && let Ok(at) = held.subscriptions.binary_search_by_key(&topic, |held| held.topic)
        {
            held.subscriptions[at].slot = slot;
        }
    }

    /// Forgets a topic that nobody in this shard is subscribed to any more.
    fn leave_topic(&mut self, topic: TopicId) {
        if let Some(served) = self.topics.get(&topic)
            && served.subscribers() == 0
        {
            served.handle.topic.leave(self.index);
            self.topics.remove(&topic);
        }
    }

    /// A connection is served by a cursor from here on. The caller has flushed what the present batch owes it.
    pub(crate) fn fall_behind(&mut self, id: ConnectionId, topic: TopicId, cursor: Cursor, now: Instant) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.outbound.fall_behind(now).cursors.insert(topic, cursor);
        if self.hot[id].flow == Flow::Ready {
            self.hot[id].flow = Flow::Behind;
        }
        self.wait_for_turn(id);
    }
}

fn begin(handle: &TopicHandle, image: Option<&feed::topic::Image>, head: Position) -> Cursor {
    handle.snapshot(image, head).map_or(Cursor::At(Position::START), Cursor::Begin)
}

/// The snapshot of trades replaces none that are owed: it comes after them. One that was asked for and not sent yet is enough.
fn then(at: Cursor, snapshot: Cursor) -> Cursor {
    match (at, snapshot) {
        (Cursor::At(at), Cursor::Begin(snapshot)) => Cursor::Then(at, snapshot),
        (at, _) => at,
    }
}

/// Goes on after what the client has, if it is of this life of the topic and the log reaches back; for trades in any case with
/// what the log still has.
fn begin_after(
    handle: &TopicHandle,
    resume: &Resume,
    image: Option<&feed::topic::Image>,
    head: Position,
) -> (Cursor, Option<bool>) {
    let same_life = resume.epoch == *handle.epoch && resume.after <= head.seq;
    if same_life && let Some(position) = handle.topic.after(resume.after) {
        return (Cursor::At(position), Some(true));
    }
    if same_life && handle.channel == schemas::model::Channel::Trades {
        // What comes next has left the log.
        return (Cursor::At(Position { seq: resume.after, ..Position::START }), Some(false));
    }
    (begin(handle, image, head), Some(false))
}
