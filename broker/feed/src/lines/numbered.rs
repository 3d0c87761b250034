//! Trades with numbers, which rise by one: each once and in their order, whichever line brings it first. One that is missing on a
//! line is waited for while another line may still bring it.

use super::LINES_MAX;
use super::place::QUIET_US;
use crate::publish::Times;
use schemas::model::{Micros, Trade};
use std::collections::BTreeMap;

/// How long later trades wait for one that another line may bring, in microseconds.
const GRACE_US: u64 = 1_000_000;
/// Trades of a symbol that wait at most.
pub(super) const HELD_MAX: usize = 1_024;
/// Old trades in a row after which, in a silence, the numbering is taken to have begun anew.
const OLD_RUN_MAX: u32 = 100;

/// A trade that a line brings.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    /// The number of the first trade that it stands for.
    pub(crate) first: u64,
    /// The number of the last one.
    pub(crate) last: u64,
    /// None: a number that the venue gave to something else.
    pub(crate) trade: Option<Trade>,
}

/// What is to be published.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    Trade(Times, Trade),
    Loss(u64, Micros),
}

/// What became of the trades of a message.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// The line was the first to bring them.
    pub(super) first: u64,
    pub(super) again: u64,
    /// Trades that no longer waited, since too many did.
    pub(super) cut: u64,
}

/// The numbers of one symbol's trades.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    last: Option<u64>,
    /// By their last numbers.
    held: BTreeMap<u64, Held>,
    news: Micros,
    old_run: u32,
    /// Up to which number each line has brought what it will bring.
    reached: [u64; LINES_MAX],
}

#[derive(Debug)]
struct Held {
    first: u64,
    trade: Option<Trade>,
    times: Times,
    until: Micros,
}

impl Numbers {
    /// Takes the trades of one message, whose numbers may have gone back on their line. `is_live` says it of each line, this one
    /// included.
    pub(super) fn take(
        &mut self,
        line: usize,
        times: Times,
        (offers, went_back): (Vec<Offer>, bool),
        is_live: impl Fn(usize) -> bool,
        told: &mut Vec<Told>,
    ) -> Taken {
        let mut taken = Taken::default();
        let is_alone = !(0..LINES_MAX).any(|other| other != line && is_live(other));
        for Offer { first, last, trade } in offers {
            let is_old = self.last.is_some_and(|newest| last <= newest);
            if is_old && self.begins_anew(went_back, is_alone, times.rx) {
                self.settle(times.rx, |_| false, told);
                (self.last, self.reached) = (None, [0; LINES_MAX]);
            } else if is_old || self.held.contains_key(&last) {
                self.old_run += 1;
                taken.again += 1;
                self.reached[line] = self.reached[line].max(last);
                continue;
            }
            (self.old_run, self.news) = (0, times.rx);
            taken.first += 1;
            self.reached[line] = self.reached[line].max(last);
            self.held.insert(last, Held { first, trade, times, until: times.rx.plus(GRACE_US) });
            if self.held.len() > HELD_MAX {
                taken.cut += 1;
                self.release(times.rx, told);
            }
        }
        self.settle(times.rx, is_live, told);
        taken
    }

    /// A line will not bring the trades up to this number any more.
    pub(super) fn give_up(&mut self, line: usize, id: u64) {
        self.reached[line] = self.reached[line].max(id);
    }

    /// Lets go what need not wait: what follows, what no line can add anything before, what has waited for long enough.
    pub(super) fn settle(&mut self, now: Micros, is_live: impl Fn(usize) -> bool, told: &mut Vec<Told>) {
        // None: there is nobody to wait for.
        let floor = (0..LINES_MAX).filter(|line| is_live(*line)).map(|line| self.reached[line]).min();
        while let Some((last, held)) = self.held.first_key_value() {
            let waits = self.hole(held.first) > 0 && held.until > now;
            if waits && floor.is_some_and(|floor| floor < *last) {
                break;
            }
            self.release(now, told);
        }
        if let (Some(last), Some(floor)) = (self.last, floor)
            && last < floor
        {
            told.push(Told::Loss(floor - last, now));
            self.last = Some(floor);
        }
    }

    /// When [`settle`](Self::settle) has something to do, whatever comes.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.held.first_key_value().map(|(_, held)| held.until)
    }

    fn begins_anew(&self, went_back: bool, is_alone: bool, now: Micros) -> bool {
        let is_quiet = now.since(self.news) > QUIET_US;
        (went_back && (is_alone || is_quiet)) || (is_quiet && self.old_run >= OLD_RUN_MAX)
    }

    /// How many are missing before this number.
    fn hole(&self, first: u64) -> u64 {
        self.last.map_or(0, |last| first.saturating_sub(last.saturating_add(1)))
    }

    /// Lets the first one go.
    fn release(&mut self, now: Micros, told: &mut Vec<Told>) {
        let Some((last, Held { first, trade, times, .. })) = self.held.pop_first() else { return };
        let lost = self.hole(first);
        if lost > 0 {
            told.push(Told::Loss(lost, now));
        }
        told.extend(trade.map(|trade| Told::Trade(times, trade)));
        self.last = self.last.max(Some(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::decimal::Decimal;
    use schemas::model::TradeId;

    /// Two lines.
    struct Race {
        numbers: Numbers,
        live: [bool; 2],
        now: Micros,
    }

    impl Race {
        fn new() -> Self {
            Self { numbers: Numbers::default(), live: [true; 2], now: Micros(1) }
        }

        /// The numbers of what is told, losses as negative ones.
        fn numbers(told: Vec<Told>) -> Vec<i64> {
            let number = |told| match told {
                Told::Trade(_, Trade { id: Some(TradeId::Number(id)), .. }) => i64::try_from(id).unwrap(),
                Told::Loss(lost, _) => -i64::try_from(lost).unwrap(),
                Told::Trade(..) => panic!("a trade without a number"),
            };
            told.into_iter().map(number).collect()
        }

        fn take(&mut self, line: usize, ids: &[u64]) -> Vec<i64> {
            self.offer(line, ids, false)
        }

        fn offer(&mut self, line: usize, ids: &[u64], went_back: bool) -> Vec<i64> {
            let (mut told, live) = (Vec::new(), self.live);
            let offers = ids.iter().map(|id| Offer { first: *id, last: *id, trade: Some(trade(*id)) });
            let offered = (offers.collect(), went_back);
            let is_live = |line: usize| live.get(line).is_some_and(|is_live| *is_live);
            self.numbers.take(line, Times::now(self.now), offered, is_live, &mut told);
            Self::numbers(told)
        }

        fn pass(&mut self, us: u64) -> Vec<i64> {
            let (mut told, live) = (Vec::new(), self.live);
            self.now = self.now.plus(us);
            let is_live = |line: usize| live.get(line).is_some_and(|is_live| *is_live);
            self.numbers.settle(self.now, is_live, &mut told);
            Self::numbers(told)
        }
    }

    fn trade(id: u64) -> Trade {
        let (price, size) = (Decimal::ZERO, Decimal::ZERO);
        Trade { id: Some(TradeId::Number(id)), ts: None, price, size, side: None }
    }

    const NONE: [i64; 0] = [];

    #[test]
    fn each_trade_is_told_once_and_in_its_order() {
        let mut race = Race::new();
        assert_eq!((race.take(0, &[5, 6]), race.take(1, &[5])), (vec![5, 6], vec![]));
        assert_eq!(race.take(0, &[8]), NONE, "the other line may bring 7");
        assert_eq!((race.take(0, &[9]), race.take(1, &[6, 7])), (vec![], vec![7, 8, 9]));
        assert_eq!(race.take(1, &[8, 9, 10]), [10]);
    }

    #[test]
    fn what_both_lines_lack_is_lost_at_once_and_what_one_may_bring_after_a_while() {
        let mut race = Race::new();
        race.take(0, &[1]);
        race.take(1, &[1]);
        race.take(0, &[4]);
        assert_eq!(race.take(1, &[4, 5]), [-2, 4, 5]);
        assert_eq!(
            (race.take(0, &[7]), race.pass(GRACE_US - 1), race.pass(1)),
            (vec![], vec![], vec![-1, 7])
        );
        assert_eq!(race.numbers.deadline(), None);
        race.live[1] = false;
        assert_eq!(race.take(0, &[9]), [-1, 9], "there is nobody else");
        assert_eq!(race.take(1, &[8, 9]), NONE);
    }

    #[test]
    fn a_line_that_dies_is_not_waited_for() {
        let mut race = Race::new();
        race.take(0, &[1]);
        assert_eq!(race.take(0, &[3]), NONE);
        race.live[1] = false;
        assert_eq!(race.pass(0), [-1, 3]);
    }

    #[test]
    fn what_every_line_gives_up_is_lost() {
        let mut race = Race::new();
        race.take(0, &[1]);
        race.numbers.give_up(0, 3);
        assert_eq!(race.pass(0), NONE);
        race.numbers.give_up(1, 4);
        assert_eq!((race.pass(0), race.take(1, &[5])), (vec![-2], vec![]));
        assert_eq!(race.take(0, &[4, 5]), [4, 5]);
    }

    #[test]
    fn a_numbering_that_begins_anew_is_followed_when_nobody_else_has_news() {
        let mut race = Race::new();
        race.take(0, &[500]);
        assert_eq!(race.offer(1, &[3], true), NONE);
        race.live[0] = false;
        assert_eq!((race.offer(1, &[2], true), race.take(1, &[3])), (vec![2], vec![3]));
        race.pass(QUIET_US + 1);
        let told: Vec<_> = (0..=OLD_RUN_MAX).flat_map(|_| race.take(0, &[1])).collect();
        assert_eq!(told, [1], "a line that is new has nothing to go back from");
    }

    #[test]
    fn not_too_many_wait() {
        let mut race = Race::new();
        race.take(0, &[1]);
        let ids: Vec<_> = (0..HELD_MAX as u64).map(|n| 10 + 2 * n).collect();
        assert_eq!(race.take(0, &ids), NONE);
        assert_eq!(race.take(0, &[9_999]), [-8, 10]);
        assert_eq!(race.numbers.held.len(), HELD_MAX);
    }
}
