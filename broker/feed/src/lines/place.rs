//! The order of a venue's messages in one channel of a symbol, and which of them are news.

use crate::publish::{Placed, Times};
use schemas::model::Micros;

/// After so long without news a line whose numbers went back is believed, in microseconds.
pub(super) const QUIET_US: u64 = 10_000_000;
/// A line that leads is followed no longer when it brings nothing for so long while another one does, in microseconds.
const LEADER_QUIET_US: u64 = 2_000_000;

/// A message's place among those of its channel, the same on all lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    number: u64,
    /// Tells those of the same number, or of the same microsecond, apart.
    within: u32,
}

/// How far one line is.
#[derive(Debug, Default)]
pub(super) struct Progress(Option<Place>);

/// What a message is to its own line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Its place; none: nothing tells.
    place: Option<Place>,
    /// That of the message before.
    before: Option<Place>,
    /// The line's numbers went back: the venue counts anew, or a recording is played again.
    went_back: bool,
    /// Where nothing tells its place: its line stands where the subscribers do.
    is_level: bool,
}

impl Step {
    /// Whether nothing tells its place.
    pub(super) const fn is_unplaced(self) -> bool {
        self.place.is_none()
    }

    /// The same where it is known by other means whether the line stands where the subscribers do.
    pub(super) const fn level(self, is_level: bool) -> Self {
        Self { is_level, ..self }
    }
}

impl Progress {
    pub(super) fn take(&mut self, times: Times) -> Step {
        let before = self.0;
        let (place, went_back) = match times.placed {
            Placed::ByNumber(number, within) => {
                let place = Place { number, within };
                (Some(place), before.is_some_and(|before| place < before))
            }
            Placed::ByTime => times.ts.map_or((None, false), |ts| {
                let (place, went_back) = timed(ts, before);
                (Some(place), went_back)
            }),
            Placed::Nowhere => (None, false),
        };
        self.0 = place.or(before);
        Step { place, before, went_back, is_level: false }
    }
}

/// Messages of the same time, and such as are a little late, are told apart by their order, which is the same on all lines.
fn timed(ts: Micros, before: Option<Place>) -> (Place, bool) {
    let fresh = Place { number: ts.0, within: 0 };
    match before {
        Some(before) if before.number < ts.0 => (fresh, false),
        Some(before) if before.number - ts.0 < QUIET_US => {
            (Place { within: before.within.saturating_add(1), ..before }, false)
        }
        before => (fresh, before.is_some()),
    }
}

/// How far the subscribers are, over all lines.
#[derive(Debug, Default)]
pub(super) struct Course {
    at: Option<Place>,
    /// When the last news came, and its event time.
    news: Option<(Micros, Option<Micros>)>,
    /// Where nothing tells a message's place: the line that is followed.
    leader: Option<usize>,
}

/// What a message is to the subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// They had it, or what came after it.
    Before,
    /// It is the next one, or they miss nothing that came before it on its line.
    Next,
    /// It is a later one, or of another numbering: what came before it on its line they may not have.
    Ahead,
}

impl Course {
    /// Takes a change. `others` says of each other line, by its number, whether it is live there.
    pub(super) fn take(
        &mut self,
        line: usize,
        step: Step,
        times: Times,
        others: impl Fn(usize) -> bool,
    ) -> Seen {
        let seen = match step.place {
            None => self.led(line, step.is_level, times, &others),
            Some(place) => self.placed(place, step, times.rx, (0..super::LINES_MAX).any(&others)),
        };
        if seen != Seen::Before {
            self.go_on(line, step, times);
        }
        seen
    }

    /// Goes on from a message, whatever was before it.
    pub(super) fn go_on(&mut self, line: usize, step: Step, times: Times) {
        self.at = step.place.or(self.at);
        self.news = Some((times.rx, times.ts));
        self.leader = Some(line);
    }

    /// The line that is followed where nothing tells a message's place.
    pub(super) const fn leader(&self) -> Option<usize> {
        self.leader
    }

    /// Another line is followed from `now` on.
    pub(super) const fn follow(&mut self, line: usize, now: Micros) {
        self.news = Some((now, None));
        self.leader = Some(line);
    }

    /// Whether a whole one is later than what the subscribers have, where that can be told, or is of the line that leads.
    pub(super) fn is_behind(&self, line: usize, step: Step) -> bool {
        match step.place {
            Some(place) => self.at.is_none_or(|at| at < place),
            None => self.leader.is_none_or(|leader| leader == line),
        }
    }

    fn placed(&self, place: Place, step: Step, now: Micros, has_others: bool) -> Seen {
        let Some(at) = self.at else { return Seen::Ahead };
        let is_new_numbering = step.went_back && (!has_others || self.is_quiet(now, QUIET_US));
        match step.before {
            _ if place <= at && !(is_new_numbering && place < at) => Seen::Before,
            Some(before) if before <= at && at < place => Seen::Next,
            _ => Seen::Ahead,
        }
    }

    /// A line that lags repeats nothing: it leads when its times are later, or, without times, when it stands where the others did,
    /// or when they have been silent for long enough.
    fn led(&mut self, line: usize, is_level: bool, times: Times, is_live: &impl Fn(usize) -> bool) -> Seen {
        let Some(leader) = self.leader else { return Seen::Ahead };
        if leader == line {
            return Seen::Next;
        }
        let is_quiet = self.is_quiet(times.rx, LEADER_QUIET_US);
        let last_ts = self.news.and_then(|(_, ts)| ts);
        let is_older = last_ts.is_some() && times.ts < last_ts && !self.is_quiet(times.rx, QUIET_US);
        if (is_live(leader) && !is_quiet) || is_older {
            return Seen::Before;
        }
        if times.ts.is_none() && !is_quiet {
            self.leader = if is_level { Some(line) } else { self.leader };
            return Seen::Before;
        }
        Seen::Ahead
    }

    fn is_quiet(&self, now: Micros, us: u64) -> bool {
        self.news.is_none_or(|(at, _)| now.since(at) > us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Seen::{Ahead, Before, Next};

    /// A course and two lines on it, of which the other one is live or not.
    #[derive(Default)]
    struct Race {
        course: Course,
        lines: [Progress; 2],
        other_is_dead: bool,
        now: u64,
    }

    impl Race {
        fn take(&mut self, line: usize, times: Times) -> Seen {
            self.now += 1;
            let times = Times { rx: Micros(self.now), ..times };
            let step = self.lines[line].take(times);
            let is_live = !self.other_is_dead;
            self.course.take(line, step, times, |other| other < 2 && other != line && is_live)
        }

        fn numbered(&mut self, line: usize, number: u64) -> Seen {
            self.take(line, Times::now(Micros(0)).numbered(number))
        }

        fn timed(&mut self, line: usize, ts: u64) -> Seen {
            self.take(line, Times::new(Some(Micros(ts)), Micros(0)))
        }

        fn unplaced(&mut self, line: usize, ts: u64) -> Seen {
            self.take(line, Times::new(Some(Micros(ts)), Micros(0)).unplaced())
        }
    }

    #[test]
    fn the_first_one_to_bring_a_number_wins() {
        let mut race = Race::default();
        let seen = [(0, 5), (1, 5), (1, 6), (0, 6), (0, 7), (1, 7)].map(|(line, n)| race.numbered(line, n));
        assert_eq!(seen, [Ahead, Before, Next, Before, Next, Before]);
    }

    #[test]
    fn a_line_that_lags_goes_on_where_the_other_one_died() {
        let mut race = Race::default();
        race.numbered(1, 5);
        (5..=9).for_each(|n| _ = race.numbered(0, n));
        race.other_is_dead = true;
        let seen: Vec<_> = (6..=11).map(|n| race.numbered(1, n)).collect();
        assert_eq!(seen, [Before, Before, Before, Before, Next, Next]);
    }

    #[test]
    fn a_line_that_jumps_ahead_is_known_by_its_hole() {
        let mut race = Race::default();
        race.numbered(0, 5);
        assert_eq!((race.numbered(1, 9), race.numbered(1, 10), race.numbered(0, 9)), (Ahead, Next, Before));
    }

    #[test]
    fn numbers_that_begin_anew_are_followed_when_nobody_else_brings_news() {
        let mut race = Race::default();
        race.numbered(0, 1_000);
        race.numbered(1, 1_000);
        assert_eq!(race.numbered(0, 3), Before, "the other line goes on");
        assert_eq!((race.numbered(1, 1_001), race.numbered(0, 4)), (Next, Before));
        race.now += QUIET_US;
        race.numbered(0, 2);
        assert_eq!((race.numbered(0, 3), race.numbered(1, 1_002)), (Next, Ahead));
        race.other_is_dead = true;
        assert_eq!((race.numbered(1, 1), race.numbered(1, 2)), (Ahead, Next));
    }

    #[test]
    fn messages_of_one_time_have_their_order() {
        let mut race = Race::default();
        let seen =
            [(0, 7), (0, 7), (1, 7), (1, 7), (1, 7), (0, 7), (0, 8)].map(|(line, ts)| race.timed(line, ts));
        assert_eq!(seen, [Ahead, Next, Before, Before, Next, Before, Next]);
    }

    #[test]
    fn without_places_one_line_leads_until_it_dies_or_falls_silent() {
        let mut race = Race::default();
        let seen = [(0, 1), (1, 2), (0, 3)].map(|(line, ts)| race.unplaced(line, ts));
        assert_eq!(seen, [Ahead, Before, Next]);
        race.other_is_dead = true;
        assert_eq!((race.unplaced(1, 2), race.unplaced(1, 4)), (Before, Ahead), "not what is older");
        race.other_is_dead = false;
        assert_eq!(race.unplaced(0, 5), Before);
        race.now += LEADER_QUIET_US;
        assert_eq!(race.unplaced(0, 6), Ahead);
    }

    #[test]
    fn without_times_either_a_line_leads_once_it_stands_where_the_other_one_did() {
        let mut race = Race::default();
        let mut take = |line: usize, now, is_level| {
            let times = Times::now(Micros(now)).unplaced();
            let step = race.lines[line].take(times).level(is_level);
            race.course.take(line, step, times, |_| false)
        };
        assert_eq!([take(0, 1, false), take(0, 2, false)], [Ahead, Next]);
        let seen = [(3, false), (4, true), (5, false)].map(|(now, is_level)| take(1, now, is_level));
        assert_eq!(seen, [Before, Before, Next]);
        assert_eq!([take(0, 6, false), take(0, 6 + LEADER_QUIET_US, false)], [Before, Ahead]);
    }
}
