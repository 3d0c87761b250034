//! A shard and all around it: a venue, clients, time; and what a thread's tasks do for a shard.

use super::Check;
use super::op::{Sending, Setting};
use super::peer::{Pattern, Peer, STALL_TIME_MAX};
use super::tiers::{TIERS_MS, Tiers};
use super::truth::Truth;
use super::venue::{self, Venue, number};
use crate::clock;
use crate::fanout::connection::ConnectionId;
use crate::fanout::scripted::{self, Hook};
use crate::fanout::shard::Shard;
use crate::fanout::thread::is_closing;
use crate::fanout::{Settings, ShardStats};
use proptest::{prop_assert, prop_assert_eq};
use schemas::model::Channel;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The shard comes to rest within so many turns, or never.
const TURNS_MAX: usize = 2_000;

/// Wakes a shard that nobody runs.
struct Wake(Arc<AtomicBool>);

impl table::Wake for Wake {
    fn wake(&self) {
        self.0.store(true, Relaxed);
    }
}

pub(super) struct World {
    pub(super) shard: Shard,
    pub(super) venue: Rc<RefCell<Venue>>,
    pub(super) peers: Vec<Peer>,
    pub(super) tiers: Tiers,
    pub(super) setting: Setting,
    pub(super) step: u64,
    /// What the venue sends in the middle of a turn.
    disturbance: Option<Hook>,
    /// It did so.
    pub(super) was_disturbed: Rc<Cell<bool>>,
    /// The shard is to have a turn.
    permit: Arc<AtomicBool>,
    /// The last turn left something to do.
    has_more: bool,
    /// Somebody left, and may not have read all that was sent.
    pub(super) has_seen_leave: bool,
    /// Subscriptions that were beyond what a client may hold.
    pub(super) refused: u64,
    /// The tiers whose tasks run.
    pub(super) ticking: [bool; TIERS_MS.len()],
}

impl World {
    pub(super) fn new(setting: Setting) -> Self {
        scripted::set_instant(Instant::now());
        scripted::set_each_look(Duration::from_micros(setting.look_us));
        drop(scripted::at_write(None));
        let permit = Arc::new(AtomicBool::new(false));
        let (table, market) = venue::table(setting.logs, Box::new(Wake(Arc::clone(&permit))));
        let settings = Settings {
            tiers_ms: TIERS_MS.to_vec(),
            turn_ms_max: setting.turn_ms_max,
            conflate_after_ms: setting.conflate_after_ms,
            demote_after_ms: setting.adaptation.demote_after_ms,
            promote_after_ms: setting.adaptation.promote_after_ms,
            promote_after_ms_max: 4 * setting.adaptation.promote_after_ms,
            demoted_interval_ms_max: setting.adaptation.interval_ms_max,
            stall_time_max_ms: STALL_TIME_MAX.as_millis() as u64,
            pong_timeout_ms: u64::from(u32::MAX),
            subscriptions_max: setting.subscriptions_max,
            control_bytes_max: setting.control_bytes_max,
            ..Settings::default()
        };
        let stats = Arc::new(ShardStats::default());
        let shard = Shard::new(0, table, Arc::clone(&market), Arc::new(settings), stats);
        let venue = Rc::new(RefCell::new(Venue::new(market, setting.logs.image_every)));
        let (peers, tiers, ticking) = (Vec::new(), Tiers::default(), Default::default());
        Self {
            shard,
            venue,
            peers,
            tiers,
            setting,
            permit,
            has_more: false,
            has_seen_leave: false,
            refused: 0,
            ticking,
            step: 0,
            disturbance: None,
            was_disturbed: Rc::default(),
        }
    }

    /// Does something to the shard, and looks at what comes of it.
    pub(super) fn on_shard<T>(&mut self, work: impl FnOnce(&mut Shard, Instant) -> T) -> Check<T> {
        let began = clock::instant();
        self.step += 1;
        let heads: Vec<u64> = self.venue.borrow().truths.iter().map(Truth::head).collect();
        let patience = self.patience();
        for peer in &mut self.peers {
            peer.must_conflate = peer.wire.full_from().is_some_and(|from| began - from >= patience);
        }
        for peer in &mut self.peers {
            peer.replies_waited = control_waiting(&self.shard, peer.id);
        }
        let moves = self.moves();
        let result = work(&mut self.shard, began);
        if self.moves() != moves {
            self.note_moves();
        }
        for peer in self.peers.iter_mut().filter(|peer| peer.wire.was_full()) {
            peer.slow_since.get_or_insert(began);
        }
        self.look_at_marks();
        self.take_effects()?;
        for peer in &self.peers {
            let waits = control_waiting(&self.shard, peer.id);
            let is_one_alone = peer.replies_waited == 0 || waits <= peer.replies_waited || peer.lingers;
            prop_assert!(
                waits <= self.setting.control_bytes_max || is_one_alone,
                "{} bytes of replies",
                waits
            );
        }
        self.permit.fetch_or(self.shard.has_next_turn(), Relaxed);
        self.deliver(&heads)?;
        Ok(result)
    }

    /// How often something was moved to another tier.
    fn moves(&self) -> u64 {
        self.shard.counts.demotions + self.shard.counts.promotions
    }

    /// Who was moved stands, in its new tier, as far as the shard has come in its turn.
    fn note_moves(&mut self) {
        for peer in &mut self.peers {
            for (topic, _) in peer.held.iter().filter(|(_, options)| options.adaptive) {
                let id = self.venue.borrow().truths[*topic].served.id;
                if let Some(held) = self.shard.subscription(peer.id, id) {
                    peer.tiers.insert(*topic, usize::from(held.options.tier));
                    self.tiers.may_begin(*topic);
                }
            }
        }
    }

    /// The venue sends something.
    pub(super) fn send(&mut self, sending: Sending) {
        let mut venue = self.venue.borrow_mut();
        let symbol = usize::from(sending.symbol) % venue.symbols();
        venue.send(symbol, sending.message, sending.times);
        drop(venue);
        self.look_at_marks();
    }

    /// The venue sends something when the shard has written so many times more.
    pub(super) fn send_during_writes(&mut self, writes: u8, sending: Sending) {
        let (venue, was_disturbed) = (Rc::clone(&self.venue), Rc::clone(&self.was_disturbed));
        let mut left = Some(writes);
        let symbol = usize::from(sending.symbol) % venue.borrow().symbols();
        self.disturbance = Some(Box::new(move || {
            if left == Some(0) {
                venue.borrow_mut().send(symbol, sending.message, sending.times);
                was_disturbed.set(true);
            }
            left = left.and_then(|left| left.checked_sub(1));
        }));
    }

    /// How long a socket may be full before its data is conflated.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.setting.conflate_after_ms)
    }

    fn look_at_marks(&mut self) {
        for (topic, seq) in std::mem::take(&mut self.venue.borrow_mut().marks) {
            self.tiers.told_at_once(topic, seq);
        }
    }

    /// Opens a symbol. Those whose patterns cover it are subscribed when the shard has a look.
    pub(super) fn open(&mut self) -> Option<usize> {
        let symbol = self.venue.borrow_mut().open()?;
        self.tiers.open();
        let name = venue::name(symbol);
        for peer in self.peers.iter_mut().filter(|peer| !peer.lingers) {
            for channel in Channel::ALL {
                let topic = number(symbol, channel);
                let has_room = peer.room(&self.setting) > 0;
                let covers = |held: &&mut Pattern| held.channel == channel && name.starts_with(held.prefix);
                let Some(pattern) = peer.patterns.iter_mut().rev().find(covers) else { continue };
                let was_told = std::mem::replace(&mut pattern.leaves_out, !has_room);
                let options = pattern.options;
                if has_room {
                    peer.held.insert(topic, options);
                    peer.tiers.insert(topic, options.tier);
                    peer.client.announce(topic, options);
                    self.tiers.will_begin(topic, options.tier);
                    continue;
                }
                self.refused += 1;
                if !was_told {
                    peer.client.is_left_out(channel, format!("{}*", pattern.prefix), &name);
                }
            }
        }
        Some(symbol)
    }

    /// Time goes by. No shard is kept from its work for seconds.
    pub(super) fn wait(&mut self, ms: u64) -> Check {
        if ms > 1_000 {
            self.rest()?;
        }
        scripted::set_instant(clock::instant() + Duration::from_millis(ms));
        Ok(())
    }

    /// A tier's task goes on.
    pub(super) fn tick(&mut self, tier: usize) -> Check {
        if !std::mem::take(&mut self.ticking[tier]) || !self.shard.tier_is_used(tier as u8) {
            return Ok(());
        }
        self.ticking[tier] = true;
        self.permit.store(true, Relaxed);
        let venue = self.venue.borrow();
        self.tiers.tick(tier, |topic| venue.truths[topic].head());
        drop(venue);
        self.on_shard(|shard, _| shard.tiers.tick(tier as u8))
    }

    /// One turn, if there is a reason for one. Says whether there was.
    pub(super) fn turn(&mut self) -> Check<bool> {
        self.tasks()?;
        if !self.has_more && !self.permit.swap(false, Relaxed) {
            return Ok(false);
        }
        scripted::at_write(self.disturbance.take());
        self.has_more = self.on_shard(|shard, _| shard.turn())?;
        self.disturbance = scripted::at_write(None);
        Ok(true)
    }

    /// Turns until there is no reason for another. Then everybody who reads has what is due.
    pub(super) fn rest(&mut self) -> Check {
        let mut turns = 0;
        while self.turn()? {
            turns += 1;
            prop_assert!(turns < TURNS_MAX, "the shard does not come to rest");
        }
        let venue = self.venue.borrow();
        for peer in self.peers.iter_mut().filter(|peer| !peer.lingers && !peer.has_no_room()) {
            peer.client.is_up_to_date(&venue, &self.tiers)?;
            prop_assert_eq!(peer.client.holds(), peer.held.clone());
            peer.tiers.retain(|topic, _| peer.held.contains_key(topic));
            prop_assert_eq!(peer.client.tiers(), peer.tiers.clone(), "it was not told of a tier");
            // Else it waits for room that it has no need of yet.
            if peer.wire.is_writable() {
                prop_assert!(self.shard.is_ready(peer.id), "who has all is not in step");
                peer.slow_since = None;
            }
        }
        self.tiers.rest(|topic| venue.truths[topic].head());
        Ok(())
    }

    /// Everybody reads, every tier ticks, and everybody has everything. Then all go, and nothing is left.
    pub(super) fn end(mut self) -> Check {
        scripted::set_each_look(Duration::ZERO);
        self.disturbance = None;
        self.peers.iter().for_each(|peer| peer.wire.make_room(1 << 40));
        self.rest()?;
        for tier in 1..TIERS_MS.len() {
            self.tick(tier)?;
        }
        self.rest()?;
        for peer in self.peers.iter().filter(|peer| !peer.lingers) {
            let venue = self.venue.borrow();
            prop_assert!(peer.wire.full_since().is_none());
            for topic in peer.held.keys() {
                prop_assert_eq!(peer.client.at(*topic), Some(venue.truths[*topic].head()));
            }
        }
        if !self.has_seen_leave {
            prop_assert_eq!(self.shard.counts.subscriptions_refused, self.refused);
        }
        let skipped: Option<Vec<_>> = self.peers.iter().map(|peer| peer.client.skipped).collect();
        if let Some(skipped) = skipped.filter(|_| !self.has_seen_leave) {
            let counts = &self.shard.counts;
            prop_assert_eq!(counts.conflated, skipped.iter().map(|skipped| skipped.conflated).sum::<u64>());
            prop_assert_eq!(counts.lost, skipped.iter().map(|skipped| skipped.lost).sum::<u64>());
        }
        while !self.peers.is_empty() {
            self.leave(0)?;
        }
        prop_assert!(self.shard.connections.is_empty() && self.shard.topics.is_empty());
        Ok(())
    }

    /// The tasks that have something to do: sockets that are writable, connections that close or are broken.
    fn tasks(&mut self) -> Check {
        for at in (0..self.peers.len()).rev() {
            if self.peers[at].wire.is_writable() {
                self.wake(at)?;
            }
            if is_closing(&self.shard, self.peers[at].id) {
                self.linger(at)?;
            }
        }
        Ok(())
    }
}

/// Bytes of replies and control frames that wait for a connection.
fn control_waiting(shard: &Shard, id: ConnectionId) -> usize {
    shard.connections.get(id).map_or(0, |connection| connection.outbound.control_waiting())
}
