//! One symbol of the generated market.

use feed::sim::flow::{Flow, Levels, Step};
use feed::sim::names::name;
use feed::sim::random::Random;
use feed::sim::stats::Stats;
use schemas::capture::UnixNanos;
use schemas::decimal::Decimal;
use schemas::model::{Level, Micros, Ticker};

/// The symbol, its order flow, and how its numbers are written.
pub(crate) struct Listing {
    /// The base asset.
    pub(super) base: String,
    /// The symbol as the venue writes it.
    pub(super) symbol: String,
    notation: Notation,
    flow: Flow,
    stats: Stats,
    /// The last trade's id, and how many there were.
    pub(super) trade_id: u64,
    pub(super) trades: u64,
}

/// How a venue writes symbols and numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notation {
    /// What follows the base asset in a symbol.
    pub(crate) separator_and_quote: &'static str,
    /// The zeros that it adds to a price, behind the digits of a tick.
    pub(crate) price_zeros: u32,
    /// The zeros that it adds to a size, behind the digits of a lot.
    pub(crate) size_zeros: u32,
}

/// Digits behind the point that a tick has.
const PRICE_DIGITS: u32 = 2;
/// Digits behind the point that a lot has.
const SIZE_DIGITS: u32 = 4;

impl Listing {
    /// The symbol with this index.
    pub(super) fn new(notation: Notation, at: usize, random: &mut Random) -> Self {
        let base = name(at);
        let symbol = format!("{base}{}", notation.separator_and_quote);
        let price = random.between(2_000, 200_000);
        let flow = Flow::new(price, Random::new(random.bits()));
        let opened = Micros(super::START_NS / 1_000);
        let stats = Stats::new(PRICE_DIGITS, SIZE_DIGITS, opened, price, random.between(1, 10_000));
        let trade_id = random.below(1_000_000_000);
        Self { base, symbol, notation, flow, stats, trade_id, trades: 1 }
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
        padded(Decimal::new(ticks.into(), PRICE_DIGITS), self.notation.price_zeros)
    }

    fn size(&self, lots: i64) -> Decimal {
        padded(Decimal::new(lots.into(), SIZE_DIGITS), self.notation.size_zeros)
    }

    /// The smallest steps of price and size.
    pub(super) fn increments(&self) -> (Decimal, Decimal) {
        (Decimal::new(1, PRICE_DIGITS), Decimal::new(1, SIZE_DIGITS))
    }

    /// The statistics, written like prices and sizes.
    pub(super) fn ticker(&self) -> Ticker {
        let Notation { price_zeros, size_zeros, .. } = self.notation;
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
