//! How a book of Binance is joined to its stream: events wait for the depth snapshot, and from then on each one follows
//! the one before.

use crate::publish::Times;
use schemas::model::Level;
use std::collections::VecDeque;
use std::fmt;

/// Events that wait for a snapshot at most; older ones go first, which the join notices.
const EVENTS_MAX: usize = 20_000;
/// Levels of all waiting events at most: 6.4 MB a symbol.
const LEVELS_MAX: usize = 200_000;

/// Old events in a row after which the numbering is taken to have begun anew.
pub(super) const OLD_RUN_MAX: u32 = 100;

/// Where a book stands relative to its stream.
#[derive(Debug)]
pub(super) enum Sync {
    /// Events wait for a snapshot.
    Waiting(Waiting),
    /// Each event follows the one before.
    Joined {
        /// The last update number applied.
        last_id: u64,
        /// How many events in a row were older than the one before them; none until the first one has followed, since
        /// a snapshot may be far ahead of its stream.
        old_run: Option<u32>,
    },
}

/// Events that wait for a snapshot.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    events: VecDeque<Event>,
    levels: usize,
}

/// The update numbers of a depth event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ids {
    /// `U`.
    pub(super) first: u64,
    /// `u`.
    pub(super) last: u64,
    /// `pu`, the `u` of the event before, which futures name. Their numbers are shared with other symbols, so that `U` is not one
    /// more than it.
    pub(super) previous: Option<u64>,
}

/// A depth event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changes<'a> {
    pub(super) ids: Ids,
    pub(super) times: Times,
    pub(super) bids: &'a [Level],
    pub(super) asks: &'a [Level],
}

/// A depth event that is kept.
#[derive(Debug)]
pub(super) struct Event {
    ids: Ids,
    times: Times,
    bids: Box<[Level]>,
    asks: Box<[Level]>,
}

/// A depth snapshot that is kept.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) last_id: u64,
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
}

/// What a depth event is to a joined book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It follows, and is to be applied.
    Next,
    /// It is older than the book.
    Old,
    /// Something between the book and it never came.
    Gap,
}

/// Why a snapshot does not join: the first event that waits begins behind it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the depth snapshot at {snapshot} is too old for the event that follows {event}")]
pub(super) struct TooOld {
    snapshot: u64,
    event: u64,
}

impl Default for Sync {
    fn default() -> Self {
        Self::Waiting(Waiting::default())
    }
}

impl Ids {
    /// Where an event stands relative to a book at `last_id`, which may lie `anywhere`, as a snapshot does, or else is the end of an
    /// event of the same connection.
    pub(super) fn place(self, last_id: u64, anywhere: bool) -> Place {
        let follows = match self.previous {
            Some(previous) if !anywhere => previous == last_id,
            // Within an event, or, by numbers that are shared, between two.
            _ => self.after() <= last_id,
        };
        match follows {
            _ if self.last <= last_id => Place::Old,
            true => Place::Next,
            false => Place::Gap,
        }
    }

    /// The number that it follows.
    const fn after(self) -> u64 {
        match self.previous {
            Some(previous) => previous,
            None => self.first.saturating_sub(1),
        }
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.previous {
            Some(previous) => write!(f, "pu {previous}"),
            None => write!(f, "U {}", self.first),
        }
    }
}

impl Waiting {
    /// Keeps an event; the oldest go when there are too many.
    pub(super) fn push(&mut self, event: Event) {
        self.levels += event.len();
        self.events.push_back(event);
        while self.events.len() > EVENTS_MAX || self.levels > LEVELS_MAX {
            let Some(oldest) = self.events.pop_front() else { break };
            self.levels -= oldest.len();
        }
    }

    /// Whether the end of the events follows a snapshot at `last_id`, whatever else waits.
    pub(super) fn spans(&self, last_id: u64) -> bool {
        self.events.iter().any(|event| event.ids.place(last_id, true) == Place::Next)
    }

    /// The events that follow a snapshot at `last_id`, of which the first one does follow it.
    ///
    /// # Errors
    /// [`TooOld`] if the first one begins behind the snapshot; the events wait on.
    pub(super) fn join(&mut self, last_id: u64) -> Result<VecDeque<Event>, TooOld> {
        while self.events.front().is_some_and(|event| event.ids.last <= last_id) {
            self.events.pop_front().inspect(|event| self.levels -= event.len());
        }
        match self.events.front() {
            Some(event) if event.ids.place(last_id, true) == Place::Gap => {
                Err(TooOld { snapshot: last_id, event: event.ids.after() })
            }
            _ => {
                self.levels = 0;
                Ok(std::mem::take(&mut self.events))
            }
        }
    }
}

impl Event {
    pub(super) fn of(changes: &Changes<'_>) -> Self {
        let Changes { ids, times, bids, asks } = *changes;
        Self { ids, times, bids: bids.into(), asks: asks.into() }
    }

    pub(super) fn changes(&self) -> Changes<'_> {
        let Self { ids, times, ref bids, ref asks } = *self;
        Changes { ids, times, bids, asks }
    }

    fn len(&self) -> usize {
        self.bids.len() + self.asks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{level, ms};

    const fn spot(first: u64, last: u64) -> Ids {
        Ids { first, last, previous: None }
    }

    const fn future(previous: u64, first: u64, last: u64) -> Ids {
        Ids { first, last, previous: Some(previous) }
    }

    fn event(ids: Ids) -> Event {
        Event { ids, times: Times::now(ms(1)), bids: [level("1", "1")].into(), asks: [].into() }
    }

    fn waiting(events: &[(u64, u64)]) -> Waiting {
        let mut waiting = Waiting::default();
        events.iter().for_each(|(first, last)| waiting.push(event(spot(*first, *last))));
        waiting
    }

    #[test]
    fn a_snapshot_joins_inside_an_event_and_at_its_edges() {
        for (snapshot, left) in [(9, 2), (10, 2), (12, 2), (19, 2), (20, 1), (29, 1), (30, 0), (99, 0)] {
            let mut waiting = waiting(&[(10, 20), (21, 30)]);
            assert_eq!(waiting.join(snapshot).unwrap().len(), left, "{snapshot}");
            assert!(waiting.events.is_empty());
        }
    }

    #[test]
    fn a_snapshot_before_the_first_event_is_too_old() {
        let mut waiting = waiting(&[(10, 20), (21, 30)]);
        assert_eq!(waiting.join(8).unwrap_err(), TooOld { snapshot: 8, event: 9 });
        assert_eq!(waiting.join(9).unwrap().len(), 2, "the events waited on");
    }

    #[test]
    fn an_event_follows_by_its_numbers() {
        use Place::{Gap, Next, Old};
        let places = [spot(5, 10), spot(5, 11), spot(11, 12), spot(12, 13)].map(|ids| ids.place(10, false));
        assert_eq!(places, [Old, Next, Next, Gap]);
        assert!(waiting(&[(10, 20)]).spans(12) && !waiting(&[(10, 20)]).spans(20));
    }

    #[test]
    fn futures_name_the_event_before_and_number_over_all_symbols() {
        use Place::{Gap, Next, Old};
        let events =
            [future(5, 7, 9), future(5, 8, 10), future(5, 8, 12), future(10, 14, 20), future(12, 14, 20)];
        let of = |is_first| events.map(|ids| ids.place(10, is_first));
        assert_eq!(of(true), [Old, Old, Next, Next, Gap], "the snapshot may lie within an event");
        assert_eq!(of(false), [Old, Old, Gap, Next, Gap]);
        assert_eq!(future(5, 14, 20).place(10, true), Next, "or between two");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut waiting = Waiting::default();
        for n in 0..EVENTS_MAX as u64 + 5 {
            waiting.push(event(spot(n, n)));
        }
        assert_eq!((waiting.events.len(), waiting.events[0].ids.first), (EVENTS_MAX, 5));
        let large: Vec<_> = (0..LEVELS_MAX / 2).map(|_| level("1", "1")).collect();
        for n in 0..3 {
            waiting.push(Event { bids: large.clone().into(), ..event(spot(n, n)) });
        }
        assert!(waiting.levels <= LEVELS_MAX && waiting.events.len() == 2);
    }
}
