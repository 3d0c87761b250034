//! A simulated market: as many symbols as wanted, as many updates a second as wanted, the same for the same seed.
//!
//! Orders arrive at random ([`flow`]); books, quotes, trades and statistics are what comes of them, so they agree with
//! each other. Activity follows Zipf's law. Each event has an intended time by a fixed schedule, which stands in its
//! `ts`: whoever measures latency measures from there, however late the simulator itself was.

pub mod flow;
pub mod names;
pub mod random;
pub mod stats;

use crate::book::{Book, BookDepth};
use crate::market::{Market, MarketError};
use crate::publish::{SymbolPublishers, Times};
use crate::settings::{Quotes, Settings};
use flow::{Flow, Step};
use random::{Random, Zipf};
use schemas::decimal::Decimal;
use schemas::model::{Level, Micros, Side, SymbolInfo, Trade, TradeId};
use stats::Stats;

/// The most updates a second.
pub const RATE_MAX: u64 = 10_000_000;
/// Updates that one call of [`Sim::step`] publishes at most, so that its caller can do other things in between.
pub const STEP_UPDATES_MAX: u64 = 1_000;

const SECOND_US: u64 = 1_000_000;
const HOUR_US: u64 = 3_600 * SECOND_US;

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimSettings {
    /// How many symbols, up to [`names::NAMES_MAX`].
    pub symbols: usize,
    /// Updates a second over all symbols, counting trades, book, quotes and ticker; up to [`RATE_MAX`].
    pub rate: u64,
    /// Where the randomness begins.
    pub seed: u64,
}

impl Default for SimSettings {
    fn default() -> Self {
        Self { symbols: 500, rate: 20_000, seed: 1 }
    }
}

/// Why a market cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// The number of symbols is out of range.
    #[error("symbols: expected 1 to {max}, found {0}", max = names::NAMES_MAX)]
    Symbols(usize),
    /// The rate is out of range.
    #[error("rate: expected 1 to {max} updates a second, found {0}", max = RATE_MAX)]
    Rate(u64),
    /// The symbols cannot be opened.
    #[error(transparent)]
    Market(#[from] MarketError),
}

/// A simulated market. [`start`](Self::start) it, then [`step`](Self::step) whenever it is [`due`](Self::due).
pub struct Sim {
    symbols: Vec<SimSymbol>,
    zipf: Zipf,
    random: Random,
    rate: u64,
    begun: Micros,
    /// Updates so far, which is where the schedule stands.
    updates: u64,
}

struct SimSymbol {
    out: SymbolPublishers,
    flow: Flow,
    book: Book,
    stats: Stats,
    scales: Scales,
    trade_id: u64,
    /// No ticker before this time: one a second is enough.
    ticker_from: Micros,
}

/// Digits behind the point.
#[derive(Debug, Clone, Copy)]
struct Scales {
    price: u32,
    size: u32,
}

impl Sim {
    /// A market that has not begun; its symbols exist from here on.
    ///
    /// # Errors
    /// [`SimError`] if a number is out of range or the symbols cannot be opened.
    pub fn new(settings: &Settings, sim: SimSettings, market: &Market) -> Result<Self, SimError> {
        if !(1..=names::NAMES_MAX).contains(&sim.symbols) {
            return Err(SimError::Symbols(sim.symbols));
        }
        if !(1..=RATE_MAX).contains(&sim.rate) {
            return Err(SimError::Rate(sim.rate));
        }
        let names: Vec<_> = (0..sim.symbols).map(names::name).collect();
        let settings = Settings { quotes: Quotes::Book, ..settings.clone() };
        let mut random = Random::new(sim.seed);
        let opened = market.open(&settings, &names)?;
        let symbols: Vec<_> =
            opened.into_iter().map(|out| SimSymbol::new(out, settings.book_depth, random.bits())).collect();
        market.describe(symbols.iter().map(SimSymbol::info));
        let zipf = Zipf::new(sim.symbols);
        Ok(Self { symbols, zipf, random, rate: sim.rate, begun: Micros(0), updates: 0 })
    }

    /// Opens the market: publishes the first book and ticker of each symbol, which the rate does not count.
    pub fn start(&mut self, now: Micros) {
        self.begun = now;
        for symbol in &mut self.symbols {
            symbol.start(now, &mut self.random);
        }
    }

    /// When the next event is due: its intended time.
    #[must_use]
    pub fn due(&self) -> Micros {
        let elapsed_us = u128::from(self.updates) * u128::from(SECOND_US) / u128::from(self.rate);
        self.begun.plus(u64::try_from(elapsed_us).unwrap_or(u64::MAX))
    }

    /// Publishes what is due at `now`, at most [`STEP_UPDATES_MAX`] updates and those of the event that reaches it,
    /// and says how many those are. After a late wake there is more: step while it is [`due`](Self::due).
    pub fn step(&mut self, now: Micros) -> u64 {
        let before = self.updates;
        while self.due() <= now && self.updates - before < STEP_UPDATES_MAX {
            let intended = self.due();
            let at = self.zipf.pick(&mut self.random);
            // An event without any update must not stop the schedule.
            self.updates += self.symbols[at].step(Times::new(Some(intended), now)).max(1);
        }
        self.updates - before
    }

    /// Updates so far.
    #[must_use]
    pub const fn updates(&self) -> u64 {
        self.updates
    }
}

impl SimSymbol {
    fn new(out: SymbolPublishers, book_depth: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let scales = Scales { price: 2 + 2 * random.below(2) as u32, size: 1 + random.below(3) as u32 };
        let flow = Flow::new(random.between(2_000, 60_000), random);
        let stats = Stats::new(scales.price, scales.size, Micros(0), flow.mid(), 1);
        let book = Book::new(BookDepth::whole(book_depth));
        Self { out, flow, book, stats, scales, trade_id: 0, ticker_from: Micros(0) }
    }

    fn info(&self) -> SymbolInfo {
        let known = &self.out.symbol().info;
        let unit = |scale| Some(Decimal::new(1, scale));
        SymbolInfo {
            base: Some(known.symbol.name().to_owned()),
            quote: Some("USD".to_owned()),
            tick_size: unit(self.scales.price),
            lot_size: unit(self.scales.size),
            ..known.clone()
        }
    }

    fn start(&mut self, now: Micros, random: &mut Random) {
        self.stats = self.yesterday(now, random);
        let (bids, asks) = self.flow.book();
        let (bids, asks) = (self.scales.levels(&bids), self.scales.levels(&asks));
        // Sizes of the flow are never negative.
        let _ = self.book.reset(&bids, &asks);
        let times = Times::new(Some(now), now);
        self.out.trades_live(now);
        self.out.book_reset(times, &self.book);
        self.out.ticker(times, self.stats.ticker());
    }

    /// The statistics of a day that might have led to today's price.
    fn yesterday(&self, now: Micros, random: &mut Random) -> Stats {
        let mut price = self.flow.mid();
        let mut walk = Vec::new();
        for hour in 0..24 {
            walk.push((Micros(now.0.saturating_sub(hour * HOUR_US)), price));
            price += random.between(-price / 80, price / 80);
        }
        let Scales { price: price_scale, size } = self.scales;
        let (at, first) = walk[walk.len() - 1];
        let mut stats = Stats::new(price_scale, size, at, first, random.between(1, 1_000_000));
        for (at, price) in walk.into_iter().rev().skip(1) {
            stats.trade(at, price, random.between(1, 1_000_000));
        }
        stats
    }

    /// Lets an order arrive and publishes what comes of it: so many updates.
    fn step(&mut self, times: Times) -> u64 {
        let step = self.flow.step();
        let mut updates = self.trade(times, &step);
        let (bids, asks) = (self.scales.levels(&step.bids), self.scales.levels(&step.asks));
        if let Ok(Some(delta)) = self.book.apply(&bids, &asks) {
            updates += 1 + u64::from(delta.top_changed);
            self.out.book_update(times, delta, &self.book);
        }
        if !step.fills.is_empty() && times.ts >= Some(self.ticker_from) {
            self.ticker_from = times.ts.unwrap_or_default().plus(SECOND_US);
            self.out.ticker(times, self.stats.ticker());
            updates += 1;
        }
        updates
    }

    fn trade(&mut self, times: Times, step: &Step) -> u64 {
        let Some(aggressor) = step.aggressor else { return 0 };
        let at = times.ts.unwrap_or(times.rx);
        let trades = step.fills.iter().map(|(ticks, lots)| {
            self.stats.trade(at, *ticks, *lots);
            self.trade_id += 1;
            self.scales.trade(self.trade_id, at, (*ticks, *lots), aggressor)
        });
        self.out.trades(times, trades.collect());
        1
    }
}

impl Scales {
    fn level(self, (ticks, lots): (i64, i64)) -> Level {
        Level { price: Decimal::new(ticks.into(), self.price), size: Decimal::new(lots.into(), self.size) }
    }

    fn levels(self, levels: &[(i64, i64)]) -> Vec<Level> {
        levels.iter().map(|level| self.level(*level)).collect()
    }

    fn trade(self, id: u64, at: Micros, fill: (i64, i64), aggressor: Side) -> Trade {
        let Level { price, size } = self.level(fill);
        Trade { id: Some(TradeId::Number(id)), ts: Some(at), price, size, side: Some(aggressor) }
    }
}

#[cfg(test)]
mod tests;
