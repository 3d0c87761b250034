//! What a connection holds of a topic, and what a topic holds of its subscribers.

use super::connection::ConnectionId;
use feed::topic::TopicHandle;
use schemas::model::Channel;
use schemas::wire::request::OnSlow;
use smallvec::SmallVec;
use std::sync::Arc;
use table::{Position, TopicId};

/// The number of a rate tier; [`RAW`] sends each update.
pub(crate) type Tier = u8;

/// The tier without an interval.
pub(crate) const RAW: Tier = 0;

/// How a subscription is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    /// In a pattern what was asked for; in a subscription what it is served in, which may be slower if it is adaptive.
    pub(crate) tier: Tier,
    pub(crate) on_slow: OnSlow,
    /// Whether it may be moved to a slower tier, and back.
    pub(crate) adaptive: bool,
    /// Whether it was asked for by its name, so that it does not end with a pattern.
    pub(crate) by_name: bool,
}

/// A connection's side of a subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscription {
    pub(crate) topic: TopicId,
    pub(crate) options: Options,
    /// Its place among the group's members.
    pub(crate) slot: u32,
}

// A connection has one for each of its topics.
const _: () = assert!(size_of::<Subscription>() <= 12);

/// A subscription to symbols that may not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) channel: Channel,
    /// The pattern without its trailing `*`.
    pub(crate) prefix: Box<str>,
    pub(crate) options: Options,
    /// How many topics there were when it was asked for. Those it covers were subscribed then, and some of them may have been
    /// given up since.
    pub(crate) topics: u32,
    /// The last new topic that it covers was left out, since the connection holds as much as it may. It was told of the first one.
    pub(crate) leaves_out: bool,
}

impl Pattern {
    /// As it was asked for.
    pub(crate) fn text(&self) -> String {
        format!("{}*", self.prefix)
    }

    /// Whether it covers a topic.
    pub(crate) fn covers(&self, handle: &TopicHandle) -> bool {
        handle.channel == self.channel && handle.symbol.as_str().starts_with(&*self.prefix)
    }

    /// Whether it brings a topic that is new.
    pub(crate) fn brings(&self, handle: &TopicHandle) -> bool {
        handle.id.0 >= self.topics && self.covers(handle)
    }
}

/// A topic that somebody in this shard is subscribed to.
#[derive(Debug)]
pub(crate) struct ServedTopic {
    pub(crate) handle: Arc<TopicHandle>,
    /// Up to where this shard has read the log.
    pub(crate) stand: Position,
    /// Its subscribers by tier.
    pub(crate) groups: SmallVec<[Group; 1]>,
    /// Each entry wakes this shard, since some subscriber has no tier. For the others it wakes by itself.
    is_prompt: bool,
}

/// The subscribers of a topic who get the same frames.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) tier: Tier,
    /// Up to where its members were served. Of the raw tier: where the shard stands.
    pub(crate) stand: Position,
    /// Up to where they were served before that. Who stands here or later waits for one frame at most.
    pub(crate) before: Position,
    pub(crate) members: Vec<ConnectionId>,
    /// Members that stand later than the others until the next tick, since they joined after the last one.
    pub(crate) ahead: Vec<(ConnectionId, Position)>,
    /// Waits for its tick with something to send.
    pub(crate) is_due: bool,
}

impl ServedTopic {
    pub(crate) fn new(handle: Arc<TopicHandle>, stand: Position) -> Self {
        Self { handle, stand, groups: SmallVec::new(), is_prompt: false }
    }

    /// The group of a tier; made if there is none.
    pub(crate) fn group(&mut self, tier: Tier) -> &mut Group {
        let at = self.groups.iter().position(|group| group.tier == tier).unwrap_or_else(|| {
            let (stand, before) = (self.stand, Position::START);
            self.groups.push(Group {
                tier,
                stand,
                before,
                members: Vec::new(),
                ahead: Vec::new(),
                is_due: false,
            });
            self.groups.len() - 1
        });
        &mut self.groups[at]
    }

    /// The group of a tier, if there is one.
    pub(crate) fn find_group(&mut self, tier: Tier) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.tier == tier)
    }

    /// Sees that each entry wakes `shard` if some subscriber needs that. Says whether it does so from now on: then the shard has to go
    /// on to the topic's head.
    pub(crate) fn be_prompt_if_needed(&mut self, shard: usize) -> bool {
        let is_needed = self.groups.iter().any(|group| group.tier == RAW && !group.members.is_empty());
        if std::mem::replace(&mut self.is_prompt, is_needed) == is_needed {
            return false;
        }
        if is_needed {
            // The turn that follows reads the head, which is this one or a later one.
            let _ = self.handle.topic.be_prompt(shard);
        } else {
            self.handle.topic.be_patient(shard);
        }
        is_needed
    }

    /// How many subscribers it has.
    pub(crate) fn subscribers(&self) -> usize {
        self.groups.iter().map(|group| group.members.len()).sum()
    }
}

impl Group {
    /// Adds a member and says its place.
    pub(crate) fn add(&mut self, connection: ConnectionId) -> u32 {
        self.members.push(connection);
        (self.members.len() - 1) as u32
    }

    /// Takes a member away; says who has its place now, if somebody does.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<ConnectionId> {
        let gone = self.members.swap_remove(slot as usize);
        self.ahead.retain(|(connection, _)| *connection != gone);
        self.members.get(slot as usize).copied()
    }

    /// Where a member stands that is not behind.
    pub(crate) fn stand_of(&self, connection: ConnectionId) -> Position {
        let ahead = self.ahead.iter().find(|(member, _)| *member == connection);
        ahead.map_or(self.stand, |(_, position)| *position)
    }

    /// A member was served further than the group.
    pub(crate) fn set_ahead(&mut self, connection: ConnectionId, position: Position) {
        self.ahead.retain(|(member, _)| *member != connection);
        if position.seq > self.stand.seq {
            self.ahead.push((connection, position));
        }
    }
}
