//! Whether each subscriber of one topic gets each of its updates, once and in order.
//!
//! This is all that is asked of a saturated broker, and it is asked of every single update: by [`Steady`] where updates just
//! follow each other, and frame by frame where they do not.

use crate::scan::{Header, Kind, Scanned, scan};
use crate::steady::{Hopped, Steady};
use serde::Serialize;

/// What was not as it should be, over all subscribers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Misses {
    /// Updates that never came.
    pub missing: u64,
    /// Updates that came again.
    pub repeated: u64,
    /// Updates of which only a later one came, by notice or merged into it.
    pub conflated: u64,
    /// Snapshots in the middle of the updates.
    pub snapshots: u64,
    /// Frames of other topics.
    pub foreign: u64,
}

impl Misses {
    /// All of them together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let Self { missing, repeated, conflated, snapshots, foreign } = *self;
        missing + repeated + conflated + snapshots + foreign
    }

    /// With those of the end, when no more came.
    #[must_use]
    pub const fn with_missing_at_the_end(mut self, missing: u64) -> Self {
        self.missing += missing;
        self
    }

    /// Adds those of others.
    pub const fn merge(&mut self, other: &Self) {
        self.missing += other.missing;
        self.repeated += other.repeated;
        self.conflated += other.conflated;
        self.snapshots += other.snapshots;
        self.foreign += other.foreign;
    }
}

/// Follows the updates of one topic on many connections.
#[derive(Debug)]
pub struct Streaks {
    steady: Steady,
    channel: String,
    symbol: String,
    /// Updates by which all connections together came on since this was last asked.
    progress: u64,
    /// What was not as it should be.
    pub misses: Misses,
    /// The times of the last update of the present read.
    last_times: Option<Times>,
}

/// The times of an update: of its event, and of its receipt by the broker.
pub type Times = (Option<u64>, Option<u64>);

/// Where one connection stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Streak {
    /// The last `seq` that it has.
    last_seq: u64,
    /// Whether it has had any frame of the topic.
    has_begun: bool,
}

impl Streaks {
    /// Follows this topic.
    #[must_use]
    pub fn new(channel: &str, symbol: &str) -> Self {
        Self {
            steady: Steady::new(channel, symbol),
            channel: channel.to_owned(),
            symbol: symbol.to_owned(),
            progress: 0,
            misses: Misses::default(),
            last_times: None,
        }
    }

    /// Leaves every update to the parser, whose way the quick one is held against.
    #[cfg(test)]
    pub(crate) fn parsing_all(channel: &str, symbol: &str) -> Self {
        Self { steady: Steady::new("none", "none"), ..Self::new(channel, symbol) }
    }

    /// Passes over updates that just follow each other.
    pub fn hop<'a>(&mut self, input: &mut &'a [u8], streak: &mut Streak) -> Hopped<'a> {
        let hopped = self.steady.hop(input, &mut streak.last_seq);
        self.progress += hopped.updates;
        streak.has_begun |= hopped.updates > 0;
        if let Some(Ok(Scanned::Topic(header))) = hopped.last.map(scan) {
            self.last_times = Some((header.ts, header.rx));
        }
        hopped
    }

    /// Takes a frame about a topic.
    pub fn frame(&mut self, header: &Header<'_>, streak: &mut Streak) {
        if header.channel != self.channel || header.symbol != self.symbol {
            self.misses.foreign += 1;
            return;
        }
        let (first, last) = header.seq;
        let Streak { last_seq, has_begun } = *streak;
        streak.has_begun = true;
        streak.last_seq = last_seq.max(last);
        if header.kind == Kind::Update {
            self.last_times = Some((header.ts, header.rx));
        }
        match header.kind {
            // What a newcomer has is what it goes on from.
            Kind::Snapshot if !has_begun => return,
            Kind::Snapshot => self.misses.snapshots += 1,
            Kind::Update if first <= last_seq => self.misses.repeated += 1,
            Kind::Update => self.misses.conflated += last.saturating_sub(first),
            Kind::Conflated => self.misses.conflated += last.saturating_sub(first).saturating_add(1),
            Kind::Gap | Kind::State => {}
        }
        self.misses.missing += first.saturating_sub(last_seq.saturating_add(1));
        // A state takes a number, and is no update.
        let states = u64::from(header.kind == Kind::State && last > last_seq);
        self.progress += last.saturating_sub(last_seq) - states;
    }

    /// The times of the last update of the read that is over, if it had one.
    pub const fn times(&mut self) -> Option<Times> {
        self.last_times.take()
    }

    /// Updates by which all connections together came on since this was last asked.
    pub const fn progress(&mut self) -> u64 {
        std::mem::replace(&mut self.progress, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(frames: &[(&str, u64, u64)]) -> (Misses, u64) {
        let (mut streaks, mut streak) = (Streaks::new("quotes", "a:b"), Streak::default());
        for (kind, first, last) in frames {
            let (kind, symbol) = kind.split_once('@').unwrap_or((kind, "a:b"));
            let text = format!(
                r#"{{"type":"{kind}","channel":"quotes","symbol":"{symbol}","seq":[{first},{last}]}}"#
            );
            let Ok(Scanned::Topic(header)) = scan(text.as_bytes()) else { panic!("{text}") };
            streaks.frame(&header, &mut streak);
        }
        (streaks.misses, streaks.progress())
    }

    #[test]
    fn each_update_once_and_in_order_is_fine() {
        let frames =
            [("snapshot", 7, 7), ("state", 8, 8), ("update", 9, 9), ("update", 10, 10), ("state", 11, 11)];
        assert_eq!(follow(&frames), (Misses::default(), 2));
        assert_eq!(follow(&[("update", 1, 1), ("update", 2, 2)]), (Misses::default(), 2));
    }

    #[test]
    fn all_else_is_not() {
        let start = [("snapshot", 7, 7), ("update", 8, 8)];
        let with = |frames: &[(&'static str, u64, u64)]| follow(&[&start, frames].concat());
        let none = Misses::default();
        assert_eq!(with(&[("update", 11, 11)]), (Misses { missing: 2, ..none }, 4));
        assert_eq!(with(&[("update", 8, 8), ("update", 9, 9)]), (Misses { repeated: 1, ..none }, 2));
        assert_eq!(with(&[("update", 9, 12)]), (Misses { conflated: 3, ..none }, 5));
        assert_eq!(with(&[("conflated", 9, 12), ("update", 13, 13)]), (Misses { conflated: 4, ..none }, 6));
        assert_eq!(with(&[("snapshot", 9, 9)]), (Misses { snapshots: 1, ..none }, 2));
        assert_eq!(with(&[("update@a:c", 9, 9)]), (Misses { foreign: 1, ..none }, 1));
        // A gap and a repetition do not make up for each other.
        let both = with(&[("update", 9, 9), ("update", 9, 9), ("update", 11, 11)]);
        assert_eq!(both, (Misses { missing: 1, repeated: 1, ..none }, 4));
    }
}
