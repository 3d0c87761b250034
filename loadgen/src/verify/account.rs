//! What was verified, and where every sequence number went.

use super::fault::Faults;
use super::held::Held;
use super::version::Version;
use crate::scan::{Header, Kind};
use serde::{Deserialize, Serialize};

/// What was verified, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Frames that were checked.
    pub frames: u64,
    /// Snapshots among them.
    pub snapshots: u64,
    /// Frames whose data was compared with what came another way: a snapshot with what updates led to, say.
    pub compared: u64,
    /// Fresh snapshots that were asked for, to compare with.
    pub asked: u64,
    /// Of which were answered.
    pub answered: u64,
    /// Topics that went on after what a connection had when it came back.
    pub resumed: u64,
    /// Where the sequence numbers went that the connections lived through.
    pub account: Account,
    /// What was wrong.
    pub faults: Faults,
}

/// Sequence numbers by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// All of them: from where each topic of each connection began to where it ended.
    pub spanned: u64,
    /// Delivered in updates.
    pub delivered: u64,
    /// Changes of state.
    pub states: u64,
    /// Replaced by newer data, as `conflated` said.
    pub conflated: u64,
    /// Lost, as `gap` said.
    pub lost: u64,
    /// Contained in a snapshot.
    pub in_snapshots: u64,
}

impl Account {
    /// Whether nothing is missing and nothing is there twice.
    #[must_use]
    pub const fn adds_up(&self) -> bool {
        self.spanned == self.delivered + self.states + self.conflated + self.lost + self.in_snapshots
    }

    fn merge(&mut self, other: &Self) {
        self.spanned += other.spanned;
        self.delivered += other.delivered;
        self.states += other.states;
        self.conflated += other.conflated;
        self.lost += other.lost;
        self.in_snapshots += other.in_snapshots;
    }
}

impl Verification {
    /// Adds what another thread found.
    pub fn merge(&mut self, other: Self) {
        self.frames += other.frames;
        self.snapshots += other.snapshots;
        self.compared += other.compared;
        self.asked += other.asked;
        self.answered += other.answered;
        self.resumed += other.resumed;
        self.account.merge(&other.account);
        self.faults.merge(other.faults);
    }
}

impl Account {
    /// Enters a frame that comes on top of what is held.
    pub(super) fn enter(&mut self, held: &Held, header: &Header<'_>, next: &Version) {
        let (first, last) = header.seq;
        let Some(stood) = held.last.filter(|stood| *stood == 0 || held.version.epoch == next.epoch) else {
            return;
        };
        let width = last.saturating_add(1).saturating_sub(first);
        match header.kind {
            Kind::Snapshot => {
                let ahead = last.saturating_sub(stood);
                self.spanned += ahead;
                self.in_snapshots += ahead;
                return;
            }
            Kind::Update => self.delivered += width,
            Kind::State => self.states += width,
            Kind::Conflated => self.conflated += width,
            Kind::Gap => self.lost += width,
        }
        self.spanned += last.saturating_sub(stood);
    }
}
