//! Rolling 24-hour statistics from hourly buckets, in whole ticks and lots.

use schemas::decimal::Decimal;
use schemas::model::{Micros, Ticker};
use std::collections::VecDeque;

const HOUR_US: u64 = 3_600_000_000;
const HOURS: u64 = 24;

/// The statistics of one symbol over the last 24 hours, to the hour.
#[derive(Debug, Clone)]
pub struct Stats {
    price_scale: u32,
    size_scale: u32,
    /// The last hours in which something was traded, oldest first; never empty.
    hours: VecDeque<Hour>,
}

#[derive(Debug, Clone, Copy)]
struct Hour {
    number: u64,
    open: i64,
    last: i64,
    high: i64,
    low: i64,
    lots: i128,
    /// Ticks times lots.
    value: i128,
}

impl Stats {
    /// That begin with one trade; scales are the digits behind the point of prices and sizes.
    #[must_use]
    pub fn new(price_scale: u32, size_scale: u32, at: Micros, ticks: i64, lots: i64) -> Self {
        let mut stats = Self { price_scale, size_scale, hours: VecDeque::new() };
        stats.trade(at, ticks, lots);
        stats
    }

    /// Counts a trade.
    pub fn trade(&mut self, at: Micros, ticks: i64, lots: i64) {
        let number = at.0 / HOUR_US;
        if self.hours.back().is_none_or(|hour| hour.number < number) {
            self.hours.push_back(Hour {
                number,
                open: ticks,
                last: ticks,
                high: ticks,
                low: ticks,
                lots: 0,
                value: 0,
            });
            self.hours.retain(|hour| hour.number + HOURS > number);
        }
        if let Some(hour) = self.hours.back_mut() {
            hour.last = ticks;
            hour.high = hour.high.max(ticks);
            hour.low = hour.low.min(ticks);
            hour.lots += i128::from(lots);
            hour.value += i128::from(ticks) * i128::from(lots);
        }
    }

    /// The statistics as of the last trade.
    #[must_use]
    pub fn ticker(&self) -> Ticker {
        let price = |ticks: i64| Some(Decimal::new(ticks.into(), self.price_scale));
        let (Some(first), Some(last)) = (self.hours.front(), self.hours.back()) else {
            return Ticker::default();
        };
        let lots: i128 = self.hours.iter().map(|hour| hour.lots).sum();
        let value: i128 = self.hours.iter().map(|hour| hour.value).sum();
        // Two digits more than prices have, as venues do.
        let vwap = (lots > 0).then(|| Decimal::new(value * 100 / lots, self.price_scale + 2));
        let change = i128::from(last.last - first.open) * 10_000 / i128::from(first.open.max(1));
        Ticker {
            last: price(last.last),
            open: price(first.open),
            high: self.hours.iter().map(|hour| hour.high).max().and_then(price),
            low: self.hours.iter().map(|hour| hour.low).min().and_then(price),
            volume: Some(Decimal::new(lots, self.size_scale)),
            quote_volume: Some(Decimal::new(value, self.price_scale + self.size_scale)),
            vwap,
            change_pct: Some(Decimal::new(change, 2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Option<Decimal>) -> String {
        value.unwrap().to_string()
    }

    #[test]
    fn a_day_is_summed_up_and_what_is_older_is_forgotten() {
        let hour = |n: u64| Micros(n * HOUR_US);
        let mut stats = Stats::new(2, 1, hour(100), 1_000, 10);
        stats.trade(hour(101), 1_200, 30);
        stats.trade(hour(102), 900, 5);
        let ticker = stats.ticker();
        assert_eq!(
            [ticker.open, ticker.high, ticker.low, ticker.last].map(text),
            ["10.00", "12.00", "9.00", "9.00"]
        );
        assert_eq!([ticker.volume, ticker.quote_volume].map(text), ["4.5", "50.500"]);
        assert_eq!([ticker.vwap, ticker.change_pct].map(text), ["11.2222", "-10.00"]);
        stats.trade(hour(124), 950, 1);
        let ticker = stats.ticker();
        assert_eq!([ticker.open, ticker.high, ticker.low].map(text), ["12.00", "12.00", "9.00"]);
    }
}
