//! Continuity of trades whose ids count up by one.

/// Old trades in a row after which the numbering is taken to have begun anew.
const OLD_RUN_MAX: u32 = 100;
/// How far behind the first trade of a connection must be for the same.
const REWIND_MIN: u64 = 3;

/// The last trade id of a symbol; outlives connections, so that what is missed between two of them is counted.
#[derive(Debug, Default)]
pub(crate) struct TradeIds {
    last: Option<u64>,
    /// Whether no trade has come on this connection yet.
    is_fresh: bool,
    old_run: u32,
}

/// What a trade id means for the continuity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is the next one, or the first of all.
    Next,
    /// It is a new one, and so many before it never came.
    Jumped {
        /// How many trades.
        lost: u64,
    },
    /// It was there already, or was counted as lost.
    Old,
}

/// What a trade is numbered with: a number, or the first and the last of those that it stands for.
pub(crate) trait Numbered: Copy {
    /// What it means for the continuity.
    fn taken_by(self, ids: &mut TradeIds) -> Seen;

    /// The first and the last number.
    fn run(self) -> (u64, u64);
}

impl Numbered for u64 {
    fn taken_by(self, ids: &mut TradeIds) -> Seen {
        ids.take(self)
    }

    fn run(self) -> (u64, u64) {
        (self, self)
    }
}

impl Numbered for (u64, u64) {
    fn taken_by(self, ids: &mut TradeIds) -> Seen {
        ids.take_run(self.0, self.1)
    }

    fn run(self) -> (u64, u64) {
        self
    }
}

impl TradeIds {
    /// Takes the id of a trade that came.
    pub(crate) fn take(&mut self, id: u64) -> Seen {
        let is_fresh = std::mem::take(&mut self.is_fresh);
        let last = self.last;
        let seen = match last {
            Some(last) if id <= last && !self.began_anew(last - id, is_fresh) => return Seen::Old,
            Some(last) if id <= last => Seen::Next,
            Some(last) if id - last > 1 => Seen::Jumped { lost: id - last - 1 },
            _ => Seen::Next,
        };
        self.last = Some(id);
        self.old_run = 0;
        seen
    }

    /// Takes the ids of trades that came as one, from `first` to `last`.
    fn take_run(&mut self, first: u64, last: u64) -> Seen {
        match self.take(last) {
            Seen::Jumped { lost } => match lost.saturating_sub(last - first) {
                0 => Seen::Next,
                lost => Seen::Jumped { lost },
            },
            seen => seen,
        }
    }

    /// Whether an old id means that the venue numbers its trades anew: a test venue that was reset, a recording that
    /// is played again. What merely comes twice is near, and comes once.
    const fn began_anew(&mut self, behind: u64, is_fresh: bool) -> bool {
        self.old_run += 1;
        (is_fresh && behind >= REWIND_MIN) || self.old_run > OLD_RUN_MAX
    }

    /// The last id that was taken.
    pub(crate) const fn last(&self) -> Option<u64> {
        self.last
    }

    /// A new connection has been made.
    pub(crate) const fn connected(&mut self) {
        self.is_fresh = true;
        self.old_run = 0;
    }

    /// The continuity begins behind this trade, unless it has begun already. Returns whether it does.
    pub(crate) fn begin_behind(&mut self, id: u64) -> bool {
        let begins = match self.last {
            None => true,
            Some(last) => self.is_fresh && last >= id && last - id >= REWIND_MIN,
        };
        if begins {
            self.last = Some(id);
        }
        begins
    }

    /// Whether a trade up to `id` has not come though the continuity has begun.
    pub(crate) fn is_behind(&self, id: u64) -> bool {
        self.last.is_some_and(|last| last < id)
    }

    /// Gives up on all trades up to `id` and says how many those are.
    pub(crate) fn give_up(&mut self, id: u64) -> u64 {
        match &mut self.last {
            Some(last) if *last < id => {
                let lost = id - *last;
                *last = id;
                lost
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_was_jumped_over_and_knows_what_came_again() {
        let mut ids = TradeIds::default();
        let seen: Vec<_> = [7, 8, 8, 12, 11, 13].map(|id| ids.take(id)).to_vec();
        assert_eq!(
            seen,
            [Seen::Next, Seen::Next, Seen::Old, Seen::Jumped { lost: 3 }, Seen::Old, Seen::Next]
        );
    }

    #[test]
    fn trades_that_came_as_one_miss_none_of_their_own() {
        let mut ids = TradeIds::default();
        let runs = [(5, 7), (8, 8), (9, 12), (11, 14), (16, 18), (16, 18)];
        let seen = runs.map(|(first, last)| ids.take_run(first, last));
        let next = Seen::Next;
        assert_eq!(seen, [next, next, next, next, Seen::Jumped { lost: 1 }, Seen::Old]);
    }

    #[test]
    fn a_numbering_that_begins_anew_is_followed() {
        let mut ids = TradeIds::default();
        ids.take(1_000);
        ids.connected();
        assert_eq!(ids.take(999), Seen::Old, "near: it comes twice");
        ids.connected();
        assert_eq!(ids.take(5), Seen::Next);
        ids.take(500);
        let olds = (1..=OLD_RUN_MAX.into()).filter(|id| ids.take(*id) == Seen::Old).count();
        assert_eq!(olds, OLD_RUN_MAX as usize);
        assert_eq!(ids.take(101), Seen::Next, "on the same connection it takes longer");
        assert_eq!(ids.take(102), Seen::Next);
    }

    #[test]
    fn a_baseline_is_no_trade() {
        let mut ids = TradeIds::default();
        assert!(!ids.is_behind(10), "before the first trade nothing is missing");
        assert_eq!(ids.give_up(10), 0);
        ids.begin_behind(10);
        ids.begin_behind(99);
        assert!(!ids.is_behind(10) && ids.is_behind(11));
        assert_eq!(ids.give_up(12), 2);
        assert_eq!(ids.take(12), Seen::Old);
        assert_eq!(ids.take(13), Seen::Next);
        assert_eq!(ids.take(u64::MAX), Seen::Jumped { lost: u64::MAX - 14 });
    }
}
