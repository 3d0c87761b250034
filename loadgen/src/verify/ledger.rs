//! What is known of the latest sequence numbers of a topic, by whatever way it became known.

use super::version::Version;
use std::rc::{Rc, Weak};

/// Sequence numbers that are remembered of each topic.
const SLOTS: usize = 1024;

/// The digest of an entry of `trades` that is no trade: a change of state, or a loss.
pub(super) const MARK: u64 = 0;

/// Digests by `seq`, of the latest epoch that was seen.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    /// 0: empty.
    seq: u64,
    epoch: u64,
    digest: u64,
    version: Weak<Version>,
}

/// What the ledger knew of a `seq`.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing.
    Nothing,
    /// The same; and the version that has it, if someone still does.
    Same(Option<Rc<Version>>),
    /// Something else.
    Other(Option<Rc<Version>>),
}

impl Ledger {
    /// Compares with what is known of `seq`; what is not known yet is written down.
    pub(super) fn enter(&mut self, epoch: u64, seq: u64, digest: u64) -> Known {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); SLOTS];
        }
        let slot = self.slot(seq);
        if (slot.epoch, slot.seq) == (epoch, seq) {
            let version = slot.version.upgrade();
            return if slot.digest == digest { Known::Same(version) } else { Known::Other(version) };
        }
        if slot.epoch != epoch || slot.seq < seq {
            *slot = Slot { seq, epoch, digest, version: Weak::new() };
        }
        Known::Nothing
    }

    /// `version` has what was entered for its `seq`.
    pub(super) fn attach(&mut self, version: &Rc<Version>) {
        let slot = self.slot(version.seq);
        if (slot.epoch, slot.seq) == (version.epoch, version.seq) {
            slot.version = Rc::downgrade(version);
        }
    }

    /// The digest that was entered for `seq`, if it still stands here.
    #[must_use]
    pub(super) fn digest(&self, epoch: u64, seq: u64) -> Option<u64> {
        let slot = self.slots.get(index(seq))?;
        ((slot.epoch, slot.seq) == (epoch, seq)).then_some(slot.digest)
    }

    fn slot(&mut self, seq: u64) -> &mut Slot {
        &mut self.slots[index(seq)]
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the remainder is small")]
const fn index(seq: u64) -> usize {
    (seq % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_numbers_replace_earlier_ones_and_not_the_other_way() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.digest(1, 5), None);
        assert!(matches!(ledger.enter(1, 5, 50), Known::Nothing));
        assert!(matches!(ledger.enter(1, 5, 50), Known::Same(None)));
        assert!(matches!(ledger.enter(1, 5, 51), Known::Other(None)));
        let later = 5 + SLOTS as u64;
        assert!(matches!(ledger.enter(1, later, 60), Known::Nothing));
        assert!(matches!(ledger.enter(1, 5, 51), Known::Nothing));
        assert_eq!(ledger.digest(1, later), Some(60));
        assert!(matches!(ledger.enter(2, 5, 70), Known::Nothing));
        assert_eq!(ledger.digest(2, 5), Some(70));
    }
}
