//! Rate tiers: what changed between two ticks, merged into one frame for all who share the tier.

use super::advance::{Pace, Sink, Skipped, advance};
use super::batch::{Batch, SegmentId};
use super::connection::{ConnectionId, Cursor};
use super::hot::Flow;
use super::shard::Shard;
use super::subscription::{Group, RAW, Tier};
use feed::topic::{Held, TopicHandle};
use rustc_hash::FxHashMap;
use schemas::decimal::Decimal;
use schemas::model::{Body, BookLevels, Channel, Level, Micros, Trade, Update};
use schemas::wire::{SeqRange, frame, websocket};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use table::{Frame, Position, TopicId};

/// The tiers of a shard.
#[derive(Debug)]
pub(crate) struct Tiers {
    tiers: Vec<TierState>,
}

#[derive(Debug, Default)]
struct TierState {
    /// Topics with something to send at the next tick.
    due: Vec<TopicId>,
    /// The tick has come.
    ticked: bool,
    /// A task ticks for it.
    runs: bool,
}

impl Tiers {
    pub(crate) fn new(tiers: usize) -> Self {
        Self { tiers: (0..tiers).map(|_| TierState::default()).collect() }
    }

    /// The clock of a tier strikes.
    pub(crate) fn tick(&mut self, tier: Tier) {
        self.tiers[usize::from(tier)].ticked = true;
    }

    /// Whether a task has to be started for it; from then on one runs.
    pub(crate) fn start(&mut self, tier: Tier) -> bool {
        !std::mem::replace(&mut self.tiers[usize::from(tier)].runs, true)
    }
}

impl Shard {
    /// A topic went on: its tiers have something to send at their next tick, or at once when a mark ends their range.
    pub(crate) fn note_tiers(&mut self, id: TopicId, before: Position, now: Instant) {
        let Some(topic) = self.topics.get_mut(&id) else { return };
        let bears_no_delay = bears_no_delay(&topic.handle, before, topic.stand);
        let mut at_once = Vec::new();
        for group in topic.groups.iter_mut().filter(|group| group.tier != RAW) {
            if bears_no_delay {
                at_once.push(group.tier);
            } else if !std::mem::replace(&mut group.is_due, true) {
                self.tiers.tiers[usize::from(group.tier)].due.push(id);
            }
        }
        for tier in at_once {
            self.serve_group(id, tier, now);
        }
    }

    /// Sends what the tiers whose tick has come have gathered.
    pub(crate) fn tick_tiers(&mut self, now: Instant) {
        let mut has_ticked = false;
        for tier in 0..self.tiers.tiers.len() {
            let state = &mut self.tiers.tiers[tier];
            if std::mem::take(&mut state.ticked) {
                has_ticked = true;
                for id in std::mem::take(&mut state.due) {
                    self.serve_group(id, tier as Tier, now);
                }
            }
        }
        if has_ticked {
            // Most are owed something now, and what the kernel keeps for neighbours lies together.
            self.owed.make_contiguous().sort_unstable();
        }
    }

    /// Notes for the members of a tier's group all that came since its last tick, merged.
    fn serve_group(&mut self, id: TopicId, tier: Tier, now: Instant) {
        let Some(topic) = self.topics.get_mut(&id) else { return };
        let (handle, to) = (Arc::clone(&topic.handle), topic.stand);
        let Some(group) = topic.find_group(tier) else { return };
        group.is_due = false;
        let from = std::mem::replace(&mut group.stand, to);
        group.before = from;
        let ahead: FxHashMap<_, _> = std::mem::take(&mut group.ahead).into_iter().collect();
        let members = std::mem::take(&mut group.members);
        let (mut of_most, mut of_others) = (None, FxHashMap::default());
        for &member in &members {
            let stands = ahead.get(&member).copied().unwrap_or(from);
            if stands.seq >= to.seq {
                continue;
            }
            let made = if stands == from { &mut of_most } else { of_others.entry(stands).or_default() };
            let segment = *made.get_or_insert_with(|| merged_segment(&mut self.batch, &handle, stands, to));
            match segment {
                Some(segment) => self.owe_one(member, id, segment, stands, now),
                // The writer went round the log meanwhile: by its cursor it will get there.
                None => {
                    self.flush_one(member, now);
                    self.fall_behind(member, id, Cursor::At(stands), now);
                }
            }
        }
        if let Some(group) = self.group(id, tier) {
            group.members = members;
        }
    }

    /// The subscribers of a topic in a tier, if there are any.
    pub(crate) fn group(&mut self, id: TopicId, tier: Tier) -> Option<&mut Group> {
        self.topics.get_mut(&id)?.find_group(tier)
    }

    /// Whether a tier's clock still has somebody to strike for.
    pub(crate) fn tier_is_used(&mut self, tier: Tier) -> bool {
        let used = self.topics.values_mut().any(|topic| topic.find_group(tier).is_some());
        self.tiers.tiers[usize::from(tier)].runs = used;
        used
    }

    /// Where a connection stands in a topic that it is not behind in.
    pub(crate) fn stand_of(&mut self, connection: ConnectionId, id: TopicId, tier: Tier) -> Position {
        let Some(topic) = self.topics.get_mut(&id) else { return Position::START };
        let stand = topic.stand;
        topic.find_group(tier).map_or(stand, |group| group.stand_of(connection))
    }

    /// Whether the connection takes part in batches.
    pub(crate) fn is_ready(&self, connection: ConnectionId) -> bool {
        self.hot.get(connection).is_some_and(|hot| hot.flow == Flow::Ready)
    }
}

/// Whether a range ends at once for every tier: a state, a reset or a loss is in it, or what is told is a state itself.
fn bears_no_delay(handle: &TopicHandle, from: Position, to: Position) -> bool {
    match handle.channel {
        Channel::Status => true,
        Channel::Book => has_mark(handle, from, to) || has_reset(handle, from, to),
        _ => has_mark(handle, from, to),
    }
}

fn has_mark(handle: &TopicHandle, from: Position, to: Position) -> bool {
    !handle.topic.marks_between(from.seq, to.seq).entries.is_empty()
}

/// Whether a range holds a new image, or held one that has left the log.
fn has_reset(handle: &TopicHandle, from: Position, to: Position) -> bool {
    let mut reader = handle.topic.reader(from.index + 1, to.index);
    loop {
        match reader.next() {
            Ok(Some(entry)) if matches!(entry.record().body, Body::Reset(_)) => return true,
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// The segment of what came after `from` up to `to`, merged; none if that is already overwritten.
fn merged_segment(
    batch: &mut Batch,
    handle: &TopicHandle,
    from: Position,
    to: Position,
) -> Option<SegmentId> {
    let segment = batch.begin(handle.id, from);
    let merged = merge(handle, from, to, &mut |frame: &Frame, position, skipped| {
        batch.push(frame, position, skipped);
    });
    (merged.seq >= to.seq).then_some(segment)
}

/// Sends the entries after `from` up to `to`, each run of updates between marks merged into one. Says how far it got, which is
/// short of `to` if what that needs is already overwritten.
pub(crate) fn merge(handle: &TopicHandle, from: Position, to: Position, send: &mut Send<'_>) -> Position {
    let mut run = Run::default();
    let mut at = from;
    for index in from.index + 1..=to.index {
        let Some(entry) = handle.topic.read(index) else {
            // Lapped within an interval: what is left of the log, or the image.
            run.finish(handle, send, &mut at);
            return advance(handle, at, to, Pace::Latest, &mut Through(send));
        };
        if run.take(&entry, at.seq) {
            continue;
        }
        run.finish(handle, send, &mut at);
        send(handle.frame(entry.entry()), entry.position(), Skipped::default());
        at = entry.position();
    }
    run.finish(handle, send, &mut at);
    at
}

/// Takes a frame, where one stands who has it, and what it skips.
type Send<'a> = dyn FnMut(&Frame, Position, Skipped) + 'a;

struct Through<'a, 'b>(&'a mut Send<'b>);

impl Sink for Through<'_, '_> {
    fn take(&mut self, frame: &Frame, position: Position, skipped: Skipped) -> bool {
        (self.0)(frame, position, skipped);
        true
    }
}

/// Updates that will leave as one.
#[derive(Default)]
struct Run {
    merged: Option<Merged>,
    /// The only entry so far: its own frame serves.
    single: Option<Held>,
    times: (Option<Micros>, Micros),
    end: Position,
}

enum Merged {
    Trades(Vec<Trade>),
    Book { bids: BTreeMap<Decimal, Level>, asks: BTreeMap<Decimal, Level>, checksum: u32 },
    Whole(Update),
}

impl Run {
    /// Takes an update; false for a mark, which is not merged.
    fn take(&mut self, entry: &Held, after: u64) -> bool {
        let event = entry.record();
        let Body::Update(update) = &event.body else { return false };
        // An entry that is cut by a resume cannot be sent as it is.
        let is_first = self.merged.is_none() && entry.first() > after;
        self.single = is_first.then(|| entry.clone());
        (self.times, self.end) = ((event.ts, event.rx), entry.position());
        let skip = (after + 1).saturating_sub(entry.first()) as usize;
        match (&mut self.merged, update) {
            (Some(Merged::Trades(all)), Update::Trades(trades)) => all.extend_from_slice(trades),
            (None, Update::Trades(trades)) => {
                self.merged = Some(Merged::Trades(trades[skip.min(trades.len())..].to_vec()));
            }
            (merged, Update::Book(levels)) => merge_levels(merged, levels),
            (merged, whole) => *merged = Some(Merged::Whole(whole.clone())),
        }
        true
    }

    /// Sends what was taken as one update.
    fn finish(&mut self, handle: &TopicHandle, send: &mut Send<'_>, at: &mut Position) {
        let Some(merged) = self.merged.take() else { return };
        let end = self.end;
        if let Some(single) = self.single.take() {
            send(handle.frame(single.entry()), end, Skipped::default());
        } else {
            let seq = SeqRange::new(at.seq + 1, end.seq);
            let (ts, rx) = self.times;
            let update = merged.into_update();
            let frame = websocket::text_of(|out| frame::update(out, handle.wire(), seq, ts, rx, &update));
            send(&frame, end, Skipped::default());
        }
        *at = end;
    }
}

fn merge_levels(merged: &mut Option<Merged>, levels: &BookLevels) {
    let empty = || Merged::Book { bids: BTreeMap::new(), asks: BTreeMap::new(), checksum: 0 };
    if let Merged::Book { bids, asks, checksum } = merged.get_or_insert_with(empty) {
        bids.extend(levels.bids.iter().map(|level| (level.price, *level)));
        asks.extend(levels.asks.iter().map(|level| (level.price, *level)));
        *checksum = levels.checksum;
    }
}

impl Merged {
    fn into_update(self) -> Update {
        match self {
            Self::Trades(trades) => Update::Trades(trades.into()),
            Self::Whole(update) => update,
            Self::Book { bids, asks, checksum } => Update::Book(BookLevels {
                bids: bids.into_values().rev().collect(),
                asks: asks.into_values().collect(),
                checksum,
            }),
        }
    }
}
