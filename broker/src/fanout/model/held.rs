//! A topic as one client has it, and what each frame of it must be.

use super::client::Facts;
use super::frame::{self, Frame, ToldTier};
use super::tiers::TIERS_MS;
use super::truth::{Levels, Truth, Written};
use super::venue::TopicNumber;
use super::{Check, wrong};
use crate::fanout::advance::Skipped;
use proptest::{prop_assert, prop_assert_eq};
use schemas::decimal::Decimal;
use schemas::model::{Body, Channel, State};
use std::collections::BTreeMap;

/// How a subscription is served: the tier's place in the settings, and whether it is rather ended than conflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) tier: usize,
    pub(super) disconnect: bool,
    pub(super) adaptive: bool,
}

/// What a topic's next frame has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaits {
    Anything,
    /// A snapshot as of this `seq`.
    Snapshot(u64),
    /// A snapshot as of this `seq` or an earlier one.
    SnapshotUpTo(u64),
    /// A snapshot, or the first entry: the symbol is new.
    First,
}

/// A topic as a client has it.
#[derive(Debug)]
pub(super) struct Held {
    topic: TopicNumber,
    pub(super) options: Options,
    /// The tier that it is served in: what was asked for, unless it was told otherwise since.
    pub(super) tier: usize,
    /// Where it was moved to last, as far as it knows. Asked for again in the same way it stays there.
    pub(super) moved_to: usize,
    awaits: Awaits,
    /// A snapshot as of this `seq` follows what was owed up to there.
    then: Option<u64>,
    /// Up to where it has been served.
    pub(super) at: u64,
    /// Something that it ought to have got had left the log, since it last had all.
    is_lapped: bool,
    /// The step in which its last frame was an update.
    updated: Option<u64>,
    state: State,
    /// Where its latest data is from.
    data: u64,
    book: Levels,
}

impl Held {
    /// Without anything.
    pub(super) fn new(topic: TopicNumber, options: Options, awaits: Awaits) -> Self {
        let (state, book) = (State::default(), Levels::default());
        let tier = options.tier;
        Self {
            topic,
            options,
            tier,
            moved_to: tier,
            awaits,
            then: None,
            at: 0,
            is_lapped: false,
            updated: None,
            state,
            data: 0,
            book,
        }
    }

    /// It is asked for once more, and now served in this tier.
    pub(super) fn asked_again(&mut self, options: Options, tier: usize) {
        if (options.tier, options.adaptive) != (self.options.tier, self.options.adaptive) {
            self.moved_to = tier;
        }
        (self.options, self.tier) = (options, tier);
    }

    /// Who resumes has what was there then.
    pub(super) fn resumed(topic: TopicNumber, options: Options, after: u64, truth: &Truth) -> Self {
        Self {
            at: after,
            state: truth.state(after),
            data: truth.data_seq(after),
            book: truth.book(after),
            ..Self::new(topic, options, Awaits::Anything)
        }
    }

    /// A snapshot as of the head was asked for, too, which comes after what is owed. One that has been promised already will do.
    /// The reply to a pattern does not say which.
    pub(super) fn then_snapshot(&mut self, head: u64, seq: Option<u64>) -> Check {
        let promised = match self.awaits {
            Awaits::Snapshot(promised) => promised,
            Awaits::SnapshotUpTo(_) => return seq.map_or(Ok(()), |seq| self.goes_on_at(Some(seq))),
            Awaits::Anything => *self.then.get_or_insert(head),
            // The shard may not have seen the symbol yet, or have begun with a snapshot of its own.
            Awaits::First => {
                prop_assert!(seq.is_none_or(|seq| 0 < seq && seq <= head));
                self.then = self.then.or(seq).or(Some(head));
                return Ok(());
            }
        };
        prop_assert!(seq.is_none_or(|seq| seq == promised), "{} is promised", promised);
        Ok(())
    }

    /// The options of what is held were changed: the reply says where it stands.
    pub(super) fn goes_on_at(&mut self, seq: Option<u64>) -> Check {
        match (self.awaits, seq) {
            (Awaits::Anything, seq) if self.then.is_some() => prop_assert_eq!(seq, self.then),
            (Awaits::First, seq) if self.then.is_some() => prop_assert!(seq > Some(0) && seq <= self.then),
            (Awaits::Snapshot(awaited), seq) => prop_assert_eq!(seq, Some(awaited)),
            (Awaits::SnapshotUpTo(limit), seq) => {
                prop_assert!(seq.is_some_and(|seq| 0 < seq && seq <= limit));
                self.awaits = Awaits::Snapshot(seq.unwrap_or(0));
            }
            (Awaits::First, Some(seq)) if seq > 0 => self.awaits = Awaits::Snapshot(seq),
            (Awaits::Anything | Awaits::First, seq) => prop_assert_eq!(seq, Some(self.at)),
        }
        Ok(())
    }

    /// All that was due has come: it has the topic's state, data and book as of where it stands, and stands at least at `due`.
    pub(super) fn is_up_to_date(&mut self, truth: &Truth, due: u64) -> Check {
        self.is_lapped = false;
        prop_assert_eq!(self.then, None, "a snapshot was promised");
        let topic = self.topic;
        prop_assert!((due..=truth.head()).contains(&self.at), "topic {}: at {} of {}", topic, self.at, due);
        prop_assert_eq!(self.state, truth.state(self.at), "the state of topic {} at {}", topic, self.at);
        if truth.served.channel != Channel::Trades {
            prop_assert_eq!(self.data, truth.data_seq(self.at), "the data of topic {}", topic);
        }
        prop_assert_eq!(&self.book, &truth.book(self.at), "the book of topic {}", topic);
        Ok(())
    }

    /// It is told of another tier: a slower one if it was late, or one nearer to what it asked for.
    pub(super) fn take_tier(&mut self, told: &ToldTier, facts: &Facts<'_>) -> Check {
        let tier = TIERS_MS.iter().position(|interval_ms| *interval_ms == told.interval_ms);
        let tier = tier.ok_or_else(|| wrong("there is no such tier"))?;
        prop_assert!(matches!(self.awaits, Awaits::Anything | Awaits::First), "a snapshot was promised");
        prop_assert_eq!(told.after, self.at);
        prop_assert_eq!(told.requested_interval_ms, TIERS_MS[self.options.tier]);
        prop_assert!(
            self.options.adaptive
                && told.interval_ms <= facts.interval_ms_max.max(told.requested_interval_ms)
        );
        prop_assert!(facts.venue.truths[self.topic].served.channel != Channel::Status);
        match &*told.reason {
            "slow_consumer" => {
                prop_assert!(tier >= self.tier && tier > self.options.tier);
                let is_told_again = tier == self.tier || tier <= self.moved_to;
                prop_assert!(facts.may_conflate || is_told_again, "it was not late");
            }
            "keeps_up" => prop_assert!((self.options.tier..self.tier).contains(&tier)),
            _ => return Err(wrong("no reason")),
        }
        (self.tier, self.moved_to, self.updated) = (tier, tier, None);
        Ok(())
    }

    /// Takes a frame. `is_rest` says that it began in an earlier step. Says what the frame
    /// skips, if that can be known.
    pub(super) fn take(&mut self, frame: &Frame, is_rest: bool, facts: &Facts<'_>) -> Check<Option<Skipped>> {
        let truth = &facts.venue.truths[self.topic];
        let (first, last) = frame.seq;
        prop_assert!(first <= last && last <= truth.head(), "this was not published");
        self.is_lapped |= !truth.is_in_log(self.at + 1);
        let bears_conflation = self.tier == 0 && !self.options.disconnect;
        let may_skip = self.is_lapped || bears_conflation && facts.may_conflate;
        let (updated, before) = (self.updated.take(), self.at);
        let is_due = |then| before == last && last == then || self.awaits == Awaits::First && last <= then;
        if frame.kind == "snapshot" && self.then.is_some_and(is_due) {
            (self.then, self.awaits) = (None, Awaits::Snapshot(last));
        }
        prop_assert!(self.then.is_none_or(|then| last <= then && before < then), "a snapshot is due");
        let awaited = self.awaits;
        if frame.kind == "snapshot" {
            self.snapshot(frame, truth, may_skip)?;
        } else {
            prop_assert!(matches!(self.awaits, Awaits::Anything | Awaits::First), "a snapshot was promised");
            prop_assert_eq!(first, self.at + 1, "the frames do not tile");
            match &*frame.kind {
                "update" => {
                    self.update(frame, truth)?;
                    if !self.is_lapped {
                        self.is_no_more_than_due(last, updated, is_rest, facts)?;
                    }
                }
                "conflated" => {
                    prop_assert!(may_skip, "it is conflated without need");
                    prop_assert!(truth.served.channel.is_whole(), "what is conflated here is lost");
                    prop_assert_eq!(frame, &frame::conflated(truth, frame.seq));
                }
                "gap" if frame.reason.as_deref() == Some("slow_consumer") => lost(frame, truth)?,
                _ => self.mark(frame, truth)?,
            }
        }
        (self.awaits, self.at) = (Awaits::Anything, last);
        Ok(match (&*frame.kind, awaited) {
            ("snapshot", Awaits::Anything) => Some(Skipped { conflated: last - before - 1, lost: 0 }),
            // The shard may have begun with it, or have been overtaken on the way to the first entry.
            ("snapshot", Awaits::First) => None,
            ("conflated", _) => Some(Skipped { conflated: last + 1 - first, lost: 0 }),
            ("gap", _) if frame.reason.as_deref() == Some("slow_consumer") => {
                Some(Skipped { conflated: 0, lost: last + 1 - first })
            }
            _ => Some(Skipped::default()),
        })
    }

    fn snapshot(&mut self, frame: &Frame, truth: &Truth, may_skip: bool) -> Check {
        let (first, last) = frame.seq;
        let is_reset = matches!(truth.entry(last).map(|entry| &entry.record().body), Some(Body::Reset(_)));
        let channel = truth.served.channel;
        match self.awaits {
            Awaits::Snapshot(promised) => prop_assert_eq!(last, promised),
            Awaits::SnapshotUpTo(limit) => prop_assert!(last <= limit),
            Awaits::First => {}
            Awaits::Anything if is_reset && last == self.at + 1 => {}
            Awaits::Anything => {
                let data_is_gone = !truth.is_in_log(truth.data_seq(last));
                let is_image = channel == Channel::Book || channel.is_whole() && data_is_gone;
                prop_assert!(is_image && last > self.at, "nobody asked for it");
                prop_assert!(may_skip, "it is sent an image without need");
            }
        }
        prop_assert_eq!(frame, &frame::snapshot(truth, first, last));
        if channel == Channel::Trades {
            let (listed, nothing_left_the_log) =
                (truth.trades(first, last).len(), truth.len() as u64 <= table::CHUNK_ENTRIES);
            let all = if nothing_left_the_log { truth.trades(1, last).len() } else { listed };
            prop_assert_eq!(listed, all.min(50), "trades are missing, or too many");
        } else {
            prop_assert_eq!(first, last);
        }
        self.data = truth.data_seq(last);
        self.book = Levels::default();
        self.set_state(frame)?;
        self.set_levels(frame, channel)
    }

    fn update(&mut self, frame: &Frame, truth: &Truth) -> Check {
        let (first, last) = frame.seq;
        let entries = truth.entries(first, last);
        let are_updates = entries.iter().all(|entry| matches!(entry.record().body, Body::Update(_)));
        prop_assert!(are_updates, "something else is merged in");
        prop_assert!(entries.last().is_some_and(|end| end.last() == last), "an entry is cut");
        prop_assert!(self.tier > 0 || entries.len() == 1, "several entries in one frame");
        prop_assert_eq!(frame, &frame::update(truth, first, last));
        self.data = last;
        // Of a status.
        self.set_state(frame)?;
        self.set_levels(frame, truth.served.channel)
    }

    /// A tier gets one update for its range, and nothing beyond its tick. Who was full for long gets the latest of what is whole.
    fn is_no_more_than_due(
        &mut self,
        last: u64,
        updated: Option<u64>,
        is_rest: bool,
        facts: &Facts<'_>,
    ) -> Check {
        let truth = &facts.venue.truths[self.topic];
        if self.tier > 0 {
            let limit = facts.tiers.limit(self.topic, self.tier, truth);
            prop_assert!(last <= limit || self.then.is_some(), "the last tick was at {}", limit);
            prop_assert!(updated.is_none() || updated != facts.step, "updates are not merged");
            self.updated = facts.step.filter(|_| !is_rest);
        } else if !is_rest
            && truth.served.channel.is_whole()
            && let Some(heads) = facts.must_conflate
        {
            let latest = truth.data_seq(heads[self.topic]);
            prop_assert!(last >= latest, "it is late, and not conflated up to {}", latest);
        }
        Ok(())
    }

    /// A state, or a loss at the venue.
    fn mark(&mut self, frame: &Frame, truth: &Truth) -> Check {
        let expected = frame::mark(truth, frame.seq.0);
        prop_assert_eq!(Some(frame), expected.as_ref());
        self.set_state(frame)
    }

    fn set_state(&mut self, frame: &Frame) -> Check {
        let Some(name) = &frame.state else { return Ok(()) };
        let all = [State::Live, State::Stale, State::Resyncing, State::Halted];
        self.state = all.into_iter().find(|state| state.name() == name).ok_or_else(|| wrong("no state"))?;
        Ok(())
    }

    fn set_levels(&mut self, frame: &Frame, channel: Channel) -> Check {
        if channel != Channel::Book {
            return Ok(());
        }
        for (side, list) in [(&mut self.book.bids, &frame.bids), (&mut self.book.asks, &frame.asks)] {
            for level in list.iter().flatten() {
                set_level(side, level)?;
            }
        }
        Ok(())
    }
}

/// Trades that are lost have left the log, and are counted without the states between them.
fn lost(frame: &Frame, truth: &Truth) -> Check {
    let (first, last) = frame.seq;
    let width = last + 1 - first;
    prop_assert_eq!(truth.served.channel, Channel::Trades);
    prop_assert!(!truth.is_in_log(first) && !truth.is_in_log(last), "what is still there is not lost");
    prop_assert_eq!(frame, &frame::gap(truth, frame.seq, width, "slow_consumer"));
    let are_trades = truth.trades(first, last).len() as u64 == width;
    prop_assert!(are_trades || truth.has_forgotten_marks(first), "not all of these are trades");
    Ok(())
}

/// What a client does with a level.
fn set_level(side: &mut BTreeMap<Decimal, Written>, level: &Written) -> Check {
    let price: Decimal = level[0].parse().map_err(|_| wrong("no price"))?;
    if level[1] == "0" {
        side.remove(&price);
    } else {
        side.insert(price, level.clone());
    }
    Ok(())
}
