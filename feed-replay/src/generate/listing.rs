//! One symbol of the generated market.

use crate::venue::Venue;
use feed::sim::flow::{Flow, Levels, Step};
use feed::sim::names::name;
use feed::sim::random::Random;
use feed::sim::stats::Stats;
use schemas::capture::UnixNanos;
use schemas::decimal::Decimal;
use schemas::model::{Level, Micros, Ticker};

/// The symbol, its order flow, and how its numbers are written.
pub(super) struct Listing {
    /// The base asset.
    pub(super) base: String,
    /// The symbol as the venue writes it.
    pub(super) symbol: String,
    digits: Digits,
    flow: Flow,
    stats: Stats,
    /// The last trade's id, and how many there were.
    pub(super) trade_id: u64,
    pub(super) trades: u64,
}

/// How many digits stand behind the point: those of a tick or a lot, and the zeros that the venue adds.
#[derive(Debug, Clone, Copy)]
struct Digits {
    price: u32,
    size: u32,
    price_zeros: u32,
    size_zeros: u32,
}

impl Listing {
    /// The symbol with this index.
    pub(super) fn new(venue: Venue, at: usize, random: &mut Random) -> Self {
        let base = name(at);
        let (symbol, digits) = match venue {
            // Binance writes all numbers with eight digits, Kraken sizes.
            Venue::Binance => {
                (format!("{base}USDT"), Digits { price: 2, size: 4, price_zeros: 6, size_zeros: 4 })
            }
            Venue::Coinbase => {
                (format!("{base}-USD"), Digits { price: 2, size: 4, price_zeros: 0, size_zeros: 4 })
            }
            Venue::Kraken => {
                (format!("{base}/USD"), Digits { price: 2, size: 4, price_zeros: 0, size_zeros: 4 })
            }
        };
        let price = random.between(2_000, 200_000);
        let flow = Flow::new(price, Random::new(random.bits()));
        let opened = Micros(super::START_NS / 1_000);
        let stats = Stats::new(digits.price, digits.size, opened, price, random.between(1, 10_000));
        let trade_id = random.below(1_000_000_000);
        Self { base, symbol, digits, flow, stats, trade_id, trades: 1 }
    }

    /// Lets an order arrive.
    pub(super) fn step(&mut self, now: UnixNanos) -> Step {
        let step = self.flow.step();
        for (ticks, lots) in &step.fills {
            self.stats.trade(Micros(now / 1_000), *ticks, *lots);
        }
        self.trade_id += step.fills.len() as u64;
        self.trades += step.fills.len() as u64;
        step
    }

    /// The ids of the trades of the step made last.
    pub(super) fn ids(&self, step: &Step) -> std::ops::RangeInclusive<u64> {
        self.trade_id + 1 - step.fills.len() as u64..=self.trade_id
    }

    /// The book, best levels first: bids and asks.
    pub(super) fn book(&self) -> (Vec<Level>, Vec<Level>) {
        let (bids, asks) = self.flow.book();
        (self.levels(&bids), self.levels(&asks))
    }

    /// The best bid and the best ask.
    pub(super) fn best(&self) -> (Level, Level) {
        let (bids, asks) = self.flow.book();
        (self.level(bids[0]), self.level(asks[0]))
    }

    /// Changes of a book as levels, each price once, as it stands in the end.
    pub(super) fn levels(&self, changes: &Levels) -> Vec<Level> {
        let mut levels: Vec<Level> = Vec::with_capacity(changes.len());
        for level in changes.iter().map(|change| self.level(*change)) {
            match levels.iter_mut().find(|known| known.price == level.price) {
                Some(known) => *known = level,
                None => levels.push(level),
            }
        }
        levels
    }

    /// A price in ticks and a size in lots as the venue writes them.
    pub(super) fn level(&self, (ticks, lots): (i64, i64)) -> Level {
        Level { price: self.price(ticks), size: self.size(lots) }
    }

    fn price(&self, ticks: i64) -> Decimal {
        padded(Decimal::new(ticks.into(), self.digits.price), self.digits.price_zeros)
    }

    fn size(&self, lots: i64) -> Decimal {
        padded(Decimal::new(lots.into(), self.digits.size), self.digits.size_zeros)
    }

    /// The smallest steps of price and size.
    pub(super) fn increments(&self) -> (Decimal, Decimal) {
        (Decimal::new(1, self.digits.price), Decimal::new(1, self.digits.size))
    }

    /// The statistics, written like prices and sizes.
    pub(super) fn ticker(&self) -> Ticker {
        let Digits { price_zeros, size_zeros, .. } = self.digits;
        let ticker = self.stats.ticker();
        let price = |value: Option<Decimal>| value.map(|value| padded(value, price_zeros));
        Ticker {
            last: price(ticker.last),
            open: price(ticker.open),
            high: price(ticker.high),
            low: price(ticker.low),
            volume: ticker.volume.map(|volume| padded(volume, size_zeros)),
            ..ticker
        }
    }
}

/// The same number with more zeros behind it.
fn padded(value: Decimal, zeros: u32) -> Decimal {
    Decimal::new(value.mantissa() * 10_i128.pow(zeros), value.scale() + zeros)
}

/// A statistic's text; venues that know it always have one here.
pub(super) fn text(value: Option<Decimal>) -> String {
    value.unwrap_or(Decimal::ZERO).to_string()
}
