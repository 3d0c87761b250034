//! Up to where the tiers may have been served, and up to where they must have been.

use super::truth::Truth;
use super::venue::TopicNumber;
use schemas::model::Channel;

/// The intervals of the tiers, in milliseconds. The first is none.
pub(super) const TIERS_MS: [u32; 3] = [0, 50, 100];

/// A tier of a topic.
#[derive(Debug, Default, Clone, Copy)]
struct Bounds {
    limit: u64,
    due: u64,
    /// The shard has work to do for it: where that will end is known when the shard has come to rest.
    is_open: bool,
}

#[derive(Debug, Default)]
pub(super) struct Tiers {
    topics: Vec<[Bounds; TIERS_MS.len()]>,
}

impl Tiers {
    /// A symbol was opened.
    pub(super) fn open(&mut self) {
        self.topics.resize(self.topics.len() + Channel::ALL.len(), Default::default());
    }

    /// Something came that is told at once.
    pub(super) fn told_at_once(&mut self, topic: TopicNumber, seq: u64) {
        for bounds in &mut self.topics[topic] {
            bounds.due = seq;
            bounds.is_open = true;
        }
    }

    /// A tier's tick has come.
    pub(super) fn tick(&mut self, tier: usize, head: impl Fn(TopicNumber) -> u64) {
        for (topic, bounds) in self.topics.iter_mut().enumerate() {
            bounds[tier].due = head(topic);
            bounds[tier].is_open = true;
        }
    }

    /// A topic has its first subscriber in a tier.
    pub(super) fn begin(&mut self, topic: TopicNumber, tier: usize, head: u64) {
        self.topics[topic][tier].limit = head;
    }

    /// A topic has subscribers in a tier as soon as the shard has a look at it.
    pub(super) fn will_begin(&mut self, topic: TopicNumber, tier: usize) {
        self.topics[topic][tier].is_open = true;
    }

    /// A connection may have been moved to this topic's tiers.
    pub(super) fn may_begin(&mut self, topic: TopicNumber) {
        self.topics[topic].iter_mut().for_each(|bounds| bounds.is_open = true);
    }

    /// The shard has come to rest.
    pub(super) fn rest(&mut self, head: impl Fn(TopicNumber) -> u64) {
        for (topic, tiers) in self.topics.iter_mut().enumerate() {
            for bounds in tiers.iter_mut().filter(|bounds| bounds.is_open) {
                *bounds = Bounds { limit: head(topic), is_open: false, ..*bounds };
            }
        }
    }

    /// What no member may have been sent an update beyond, unless that has left the log.
    pub(super) fn limit(&self, topic: TopicNumber, tier: usize, truth: &Truth) -> u64 {
        let bounds = self.topics[topic][tier];
        let is_bound = tier > 0 && !bounds.is_open && truth.is_in_log(bounds.limit.max(1));
        if is_bound { bounds.limit } else { truth.head() }
    }

    /// What each member has when the shard is at rest.
    pub(super) fn due(&self, topic: TopicNumber, tier: usize) -> u64 {
        self.topics[topic][tier].due
    }
}
