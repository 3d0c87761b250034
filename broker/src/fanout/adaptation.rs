//! Demotion: a subscription with `adaptive` that is late again and again is moved to the next slower tier, and back when it
//! keeps up for a while.
//!
//! All of this happens where a connection is served by its cursors, and in sweeps. What keeps up and was never late costs
//! nothing: what is known of the others stands here, and not with their connections.

use super::connection::ConnectionId;
use super::settings::Settings;
use super::shard::Shard;
use super::subscription::{Subscription, Tier};
use crate::clock;
use feed::topic::TopicHandle;
use rustc_hash::FxHashMap;
use schemas::model::Channel;
use schemas::wire::{frame, websocket};
use std::time::{Duration, Instant};
use table::{Frame, Position, TopicId};

/// How often a subscription has to have been late.
const LATE_TIMES: u32 = 3;

/// Subscriptions with `adaptive` that were late.
#[derive(Debug, Default)]
pub(crate) struct Adaptation {
    late: FxHashMap<(ConnectionId, TopicId), Late>,
}

/// What is known of a subscription that was late.
#[derive(Debug)]
struct Late {
    requested: Tier,
    /// The tier that it is served in.
    tier: Tier,
    /// How often it was late, since when, and when last. It begins anew with each move, and when it was in time for long.
    times: u32,
    first: Instant,
    last: Instant,
    moved: Option<(Instant, Move)>,
    /// How long it must be in time before it is moved back.
    promote_after: Duration,
    /// The client is to be told of this move.
    untold: Option<Move>,
}

/// Why a subscription was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Slower,
    Faster,
}

impl Move {
    /// The reason in the frame.
    fn reason(self) -> &'static str {
        match self {
            Self::Slower => "slow_consumer",
            Self::Faster => "keeps_up",
        }
    }
}

impl Adaptation {
    /// A subscription ends, or is asked for in another way than before.
    pub(crate) fn forget(&mut self, id: ConnectionId, topic: TopicId) {
        self.late.remove(&(id, topic));
    }

    /// The tier that is to serve what is asked for again. If that is the same as before, it stays where it was moved, and the
    /// client is told so again: the reply to a pattern does not name its topics.
    pub(crate) fn asked_again(
        &mut self,
        id: ConnectionId,
        topic: TopicId,
        tier: Tier,
        adaptive: bool,
    ) -> Tier {
        let Some(late) = self.late.get_mut(&(id, topic)) else { return tier };
        if !adaptive || late.requested != tier {
            self.forget(id, topic);
            return tier;
        }
        late.untold = late.is_demoted().then_some(Move::Slower);
        late.tier
    }

    /// The tier that the client asked for, if the subscription is served in another one.
    pub(crate) fn requested(&self, id: ConnectionId, topic: TopicId) -> Option<Tier> {
        self.late.get(&(id, topic)).filter(|late| late.is_demoted()).map(|late| late.requested)
    }

    /// How many subscriptions are served in a slower tier than they asked for.
    pub(crate) fn demoted(&self) -> usize {
        self.late.values().filter(|late| late.is_demoted()).count()
    }

    /// The client was told of a move, or is about to read the rest of the frame that does.
    pub(crate) fn told(&mut self, id: ConnectionId, topic: TopicId) {
        if let Some(late) = self.late.get_mut(&(id, topic)) {
            late.untold = None;
        }
    }
}

impl Late {
    fn new(tier: Tier, now: Instant, promote_after: Duration) -> Self {
        Self {
            requested: tier,
            tier,
            times: 0,
            first: now,
            last: now,
            moved: None,
            promote_after,
            untold: None,
        }
    }

    fn is_demoted(&self) -> bool {
        self.tier != self.requested
    }

    /// It was late once more. Says whether that is too often.
    fn again(&mut self, now: Instant, settings: &Settings) -> bool {
        if self.times == 0 || since(self.last, now) > millis(settings.promote_after_ms) {
            (self.times, self.first) = (0, now);
        }
        self.times += 1;
        self.last = now;
        self.times >= LATE_TIMES && since(self.first, now) >= millis(settings.demote_after_ms)
    }

    /// For how long it has been in time, in the tier where it is.
    fn in_time(&self, now: Instant) -> Duration {
        let moved = self.moved.map_or(self.last, |(at, _)| at);
        since(self.last.max(moved), now)
    }

    /// It is moved. One that was moved back too soon has to wait twice as long the next time.
    fn moved(&mut self, tier: Tier, way: Move, now: Instant, settings: &Settings) {
        if way == Move::Slower
            && let Some((at, Move::Faster)) = self.moved
        {
            let was_too_soon = since(at, now) < self.promote_after;
            let longer = (2 * self.promote_after).min(millis(settings.promote_after_ms_max));
            self.promote_after = if was_too_soon { longer } else { millis(settings.promote_after_ms) };
        }
        (self.tier, self.times) = (tier, 0);
        (self.moved, self.untold) = (Some((now, way)), Some(way));
    }
}

fn since(then: Instant, now: Instant) -> Duration {
    now.saturating_duration_since(then)
}

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Shard {
    /// A subscription with `adaptive` is late: more than one of its frames waits, and its socket has been full for long. Says how
    /// it is served from here on.
    pub(crate) fn late(
        &mut self,
        id: ConnectionId,
        subscription: Subscription,
        channel: Channel,
        now: Instant,
    ) -> Subscription {
        // No tier delays a status.
        if channel == Channel::Status {
            return subscription;
        }
        let (tier, topic) = (subscription.options.tier, subscription.topic);
        let promote_after = millis(self.settings.promote_after_ms);
        let known = self.adaptation.late.entry((id, topic));
        let late = known.or_insert_with(|| Late::new(tier, now, promote_after));
        if !late.again(now, &self.settings) {
            return subscription;
        }
        let Some(slower) = slower(&self.settings, tier) else { return subscription };
        late.moved(slower, Move::Slower, now, &self.settings);
        self.counts.demotions += 1;
        self.change_tier(id, subscription, slower);
        self.subscription(id, topic).unwrap_or(subscription)
    }

    /// The frame that tells of a move, if the client does not know of it yet, to be sent where it stands in the topic.
    pub(crate) fn untold_tier(&self, id: ConnectionId, handle: &TopicHandle, at: Position) -> Option<Frame> {
        let late = self.adaptation.late.get(&(id, handle.id))?;
        let interval_ms = |tier: Tier| self.settings.tiers_ms[usize::from(tier)];
        let told = frame::Tier {
            interval_ms: interval_ms(late.tier),
            requested_interval_ms: interval_ms(late.requested),
            reason: late.untold?.reason(),
        };
        Some(websocket::text_of(|out| frame::tier(out, handle.wire(), at.seq, &told)))
    }

    /// Moves back what has been in time for long enough, as far as the time allows, and forgets what needs no watching.
    pub(crate) fn promote(&mut self, now: Instant, deadline: Instant) {
        self.adaptation.late.retain(|_, late| {
            late.is_demoted() || late.untold.is_some() || late.in_time(now) < late.promote_after
        });
        let is_due = |late: &Late| late.is_demoted() && late.in_time(now) >= late.promote_after;
        let due: Vec<_> =
            self.adaptation.late.iter().filter(|(_, late)| is_due(late)).map(|(key, _)| *key).collect();
        for (id, topic) in due {
            self.promote_one(id, topic, now);
            if clock::instant() >= deadline {
                return;
            }
        }
    }

    fn promote_one(&mut self, id: ConnectionId, topic: TopicId, now: Instant) {
        self.flush_one(id, now);
        if !self.is_ready(id) {
            return;
        }
        let Some(subscription) = self.subscription(id, topic) else { return };
        let Some(late) = self.adaptation.late.get_mut(&(id, topic)) else { return };
        let faster = subscription.options.tier.saturating_sub(1).max(late.requested);
        late.moved(faster, Move::Faster, now, &self.settings);
        self.counts.promotions += 1;
        let cursor = self.cursor_of(id, subscription);
        self.change_tier(id, subscription, faster);
        self.fall_behind(id, topic, cursor, now);
    }
}

/// The next slower tier, if subscriptions may be moved there.
fn slower(settings: &Settings, tier: Tier) -> Option<Tier> {
    let interval_ms = settings.tiers_ms.get(usize::from(tier) + 1)?;
    (*interval_ms <= settings.demoted_interval_ms_max).then_some(tier + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            demote_after_ms: 200,
            promote_after_ms: 1_000,
            promote_after_ms_max: 3_000,
            ..Settings::default()
        }
    }

    /// Late at these times, in milliseconds: when it was too often.
    fn too_often(times: &[u64]) -> Vec<u64> {
        let (settings, began) = (settings(), Instant::now());
        let mut late = Late::new(0, began, millis(settings.promote_after_ms));
        times.iter().copied().filter(|at| late.again(began + millis(*at), &settings)).collect()
    }

    #[test]
    fn late_three_times_and_over_a_while_is_too_often() {
        assert!(too_often(&[0, 300]).is_empty());
        assert!(too_often(&[0, 1, 2, 3, 199]).is_empty());
        assert_eq!(too_often(&[0, 100, 200]), [200]);
        assert_eq!(too_often(&[0, 900, 1_800]), [1_800]);
    }

    #[test]
    fn what_was_in_time_for_long_begins_anew() {
        assert!(too_often(&[0, 100, 1_101, 1_200]).is_empty());
        assert_eq!(too_often(&[0, 100, 1_101, 1_200, 1_301]), [1_301]);
    }

    #[test]
    fn what_is_moved_back_too_soon_has_to_wait_longer_up_to_a_limit() {
        let (settings, began) = (settings(), Instant::now());
        let mut late = Late::new(0, began, millis(settings.promote_after_ms));
        let mut waits = Vec::new();
        for (at, way) in [
            (0, Move::Slower),
            (1_000, Move::Faster),
            (1_900, Move::Slower),
            (1_950, Move::Slower),
            (4_000, Move::Faster),
            (4_500, Move::Slower),
            (8_000, Move::Faster),
            (11_000, Move::Slower),
        ] {
            late.moved(u8::from(way == Move::Slower), way, began + millis(at), &settings);
            waits.push(late.promote_after.as_millis());
        }
        assert_eq!(waits, [1_000, 1_000, 2_000, 2_000, 2_000, 3_000, 3_000, 1_000]);
    }

    #[test]
    fn no_tier_is_slower_than_the_limit() {
        let limit = |demoted_interval_ms_max| Settings { demoted_interval_ms_max, ..Settings::default() };
        let next = |max: u32| (0..6).map(|tier| slower(&limit(max), tier)).collect::<Vec<_>>();
        assert_eq!(next(0), [None; 6]);
        assert_eq!(next(100), [Some(1), Some(2), None, None, None, None]);
        assert_eq!(next(u32::MAX), [Some(1), Some(2), Some(3), Some(4), Some(5), None]);
    }
}
