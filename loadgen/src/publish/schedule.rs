//! Which update is due when.

use crate::random::Random;
use serde::Serialize;

const US_PER_S: u128 = 1_000_000;

/// Which symbol an update is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// One after the other
    RoundRobin,
    /// Any, as the seed has it
    Random,
}

/// An update that is to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Its number, from 0.
    pub number: u64,
    /// Whose it is.
    pub symbol: u32,
    /// Its intended time, in microseconds since the Unix epoch.
    pub ts_us: u64,
}

/// Updates at even distances, whether anybody keeps up with them or not.
#[derive(Debug)]
pub struct Schedule {
    start_us: u64,
    per_s: u64,
    symbols: u32,
    order: Order,
    random: Random,
    number: u64,
}

impl Schedule {
    /// From `start_us` (microseconds since the Unix epoch) on `per_s` updates a second over all symbols.
    #[must_use]
    pub fn new(start_us: u64, per_s: u64, symbols: u32, order: Order, random: Random) -> Self {
        Self { start_us, per_s, symbols, order, random, number: 0 }
    }

    /// The intended time of the next update.
    #[must_use]
    pub fn next_us(&self) -> u64 {
        let after_us = u128::from(self.number) * US_PER_S / u128::from(self.per_s.max(1));
        self.start_us.saturating_add(u64::try_from(after_us).unwrap_or(u64::MAX))
    }

    /// The next update, if its time has come.
    pub fn due(&mut self, now_us: u64) -> Option<Tick> {
        let ts_us = self.next_us();
        if ts_us > now_us {
            return None;
        }
        let tick = Tick { number: self.number, symbol: self.symbol(), ts_us };
        self.number += 1;
        Some(tick)
    }

    fn symbol(&mut self) -> u32 {
        let symbols = self.symbols.max(1);
        match self.order {
            Order::RoundRobin => u32::try_from(self.number % u64::from(symbols)).unwrap_or(0),
            Order::Random => u32::try_from(self.random.below(symbols as usize)).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(per_s: u64, symbols: u32, order: Order) -> Schedule {
        Schedule::new(1_000_000, per_s, symbols, order, Random::new(7, 0))
    }

    fn all(mut schedule: Schedule, until_us: u64) -> Vec<Tick> {
        std::iter::from_fn(|| schedule.due(until_us)).collect()
    }

    #[test]
    fn updates_are_due_at_even_distances_and_none_before_its_time() {
        for per_s in [1, 3, 50, 1_000, 333_333, 1_000_000, 7_000_000] {
            // Two seconds: the update at their very end is the third second's first.
            let ticks = all(schedule(per_s, 1, Order::RoundRobin), 3_000_000 - 1);
            assert_eq!(ticks.len() as u64, 2 * per_s);
            assert!(ticks.iter().zip(0..).all(|(tick, number)| tick.number == number));
            let distance = 1_000_000 / per_s;
            let even = |pair: &[Tick]| (distance..=distance + 1).contains(&(pair[1].ts_us - pair[0].ts_us));
            assert!(ticks[0].ts_us == 1_000_000 && ticks.windows(2).all(even));
        }
        let mut early = schedule(50, 1, Order::RoundRobin);
        assert_eq!(early.due(999_999), None);
        assert!(early.due(1_000_000).is_some());
        assert_eq!((early.next_us(), early.due(1_019_999)), (1_020_000, None));
    }

    #[test]
    fn what_was_missed_comes_at_once_with_its_intended_times() {
        let mut late = schedule(100, 1, Order::RoundRobin);
        assert!(late.due(1_000_000).is_some());
        let times: Vec<u64> = std::iter::from_fn(|| late.due(1_035_000)).map(|tick| tick.ts_us).collect();
        assert_eq!(times, [1_010_000, 1_020_000, 1_030_000]);
    }

    #[test]
    fn symbols_take_turns_or_come_as_the_seed_has_it() {
        let symbols = |order| -> Vec<u32> {
            all(schedule(3_000, 3, order), 2_000_000).iter().map(|tick| tick.symbol).collect()
        };
        assert_eq!(symbols(Order::RoundRobin)[..5], [0, 1, 2, 0, 1]);
        let random = symbols(Order::Random);
        assert_eq!(random, symbols(Order::Random));
        for symbol in 0..3 {
            let count = random.iter().filter(|other| **other == symbol).count();
            assert!((900..1_100).contains(&count), "{count}");
        }
    }
}
