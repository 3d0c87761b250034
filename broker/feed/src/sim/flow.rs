//! The orders of one simulated symbol: a fair price wanders, limit orders gather around it, cancels thin them out, and market
//! orders take what stands near it.

use super::random::Random;
use schemas::model::Side;

/// Levels that a side keeps at least and at most.
const LEVELS: std::ops::Range<usize> = 20..60;
/// Levels of a side at any time: a step adds some, of which only one is dropped again at once.
const LEVELS_MAX: usize = LEVELS.end + 4;
/// Orders that came before anybody looks, so that books are as deep, and as different, as they are later.
const STEPS_BEFORE: usize = 250;
/// Levels that a market order leaves standing.
const LEVELS_LEFT: usize = 10;
/// The largest limit order, and twice the largest market order.
const ORDER_LOTS_MAX: i64 = 20_000;
/// How far behind the fair price a market order still buys or sells, in ticks.
const REACH: i64 = 6;
/// How often the fair price moves, in percent of the steps.
const MOVES_PERCENT: u64 = 15;

/// Levels of one side as price in ticks and size in lots.
pub type Levels = Vec<(i64, i64)>;

/// The order flow and the book of one symbol, in whole ticks and lots.
#[derive(Debug, Clone)]
pub struct Flow {
    random: Random,
    /// The best level stands last, on both sides.
    bids: Levels,
    asks: Levels,
    /// The price that buyers and sellers have in mind, in ticks.
    fair: i64,
    /// The price around which that wanders.
    anchor: i64,
}

/// What happened in one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Bids that are set, as price in ticks and size in lots; size 0 deletes.
    pub bids: Levels,
    /// Asks that are set.
    pub asks: Levels,
    /// What a market order took: price in ticks and size in lots.
    pub fills: Levels,
    /// Who sent the market order, if there was one.
    pub aggressor: Option<Side>,
}

impl Flow {
    /// A book around `price_ticks`, which should be some hundreds at least.
    #[must_use]
    pub fn new(price_ticks: i64, mut random: Random) -> Self {
        let count = LEVELS.start as i64 + 10;
        let mut ladder = |sign: i64| -> Levels {
            let mut levels = Levels::with_capacity(LEVELS_MAX);
            levels.extend(
                (1..=count).rev().map(|n| (price_ticks + sign * n, random.between(1, ORDER_LOTS_MAX))),
            );
            levels
        };
        let (bids, asks) = (ladder(-1), ladder(1));
        let mut flow = Self { random, bids, asks, fair: price_ticks, anchor: price_ticks };
        (0..STEPS_BEFORE).for_each(|_| drop(flow.step()));
        flow
    }

    /// The whole book as it stands: bids and asks, best first.
    #[must_use]
    pub fn book(&self) -> (Levels, Levels) {
        let best_first = |ladder: &Levels| ladder.iter().rev().copied().collect();
        (best_first(&self.bids), best_first(&self.asks))
    }

    /// The middle between best bid and ask, in ticks.
    #[must_use]
    pub fn mid(&self) -> i64 {
        (best(&self.bids) + best(&self.asks)) / 2
    }

    /// Lets the next order arrive, or a few at once.
    pub fn step(&mut self) -> Step {
        let mut step = Step::default();
        self.wander();
        let side = if self.random.chance(50) { Side::Buy } else { Side::Sell };
        if let Some(side) = self.mispriced() {
            self.market(side, &mut step);
        } else {
            match self.random.below(100) {
                0..20 => self.market(side, &mut step),
                20..55 => self.cancel(side, &mut step),
                _ => (0..=self.random.below(3)).for_each(|_| self.limit(side, &mut step)),
            }
        }
        self.keep_shape(&mut step);
        step
    }

    /// Moves the fair price by a tick now and then, with a pull back to where it began.
    fn wander(&mut self) {
        if self.random.chance(MOVES_PERCENT) {
            let away_percent = ((self.fair - self.anchor) * 100 / self.anchor).clamp(-25, 25);
            let up_percent = (50 - 2 * away_percent).unsigned_abs();
            self.fair += if self.random.chance(up_percent) { 1 } else { -1 };
        }
    }

    /// Who gains by taking what the fair price has left behind.
    fn mispriced(&self) -> Option<Side> {
        if best(&self.asks) < self.fair {
            Some(Side::Buy)
        } else if best(&self.bids) > self.fair {
            Some(Side::Sell)
        } else {
            None
        }
    }

    /// Takes what stands within reach of the fair price; if nothing does, the order stays as a limit order.
    fn market(&mut self, side: Side, step: &mut Step) {
        let mut open = self.random.between(1, ORDER_LOTS_MAX / 2);
        let worst = if side == Side::Buy { self.fair + REACH } else { self.fair - REACH };
        let within = |price: i64| if side == Side::Buy { price <= worst } else { price >= worst };
        let mut fills = Vec::new();
        let (ladder, changes) = self.ladder(side.opposite(), step);
        while open > 0 && ladder.len() > LEVELS_LEFT {
            let Some((price, lots)) = ladder.pop_if(|(price, _)| within(*price)) else { break };
            let taken = open.min(lots);
            open -= taken;
            if lots > taken {
                ladder.push((price, lots - taken));
            }
            fills.push((price, taken));
            changes.push((price, lots - taken));
        }
        if fills.is_empty() {
            return self.limit(side, step);
        }
        step.fills = fills;
        step.aggressor = Some(side);
    }

    fn cancel(&mut self, side: Side, step: &mut Step) {
        let rank = self.distance();
        let keeps = self.random.chance(50);
        let (ladder, changes) = self.ladder(side, step);
        let at = ladder.len().saturating_sub(1 + rank as usize);
        let (price, lots) = ladder[at];
        let left = if keeps { lots / 2 } else { 0 };
        set(ladder, changes, side, price, left);
    }

    fn limit(&mut self, side: Side, step: &mut Step) {
        let ticks = self.distance();
        let lots = self.random.between(1, ORDER_LOTS_MAX);
        let price = match side {
            Side::Buy => (self.fair - 1 - ticks).min(best(&self.asks) - 1).max(1),
            Side::Sell => (self.fair + ticks).max(best(&self.bids) + 1),
        };
        let (ladder, changes) = self.ladder(side, step);
        let stands = position(ladder, side, price).ok().map_or(0, |at| ladder[at].1);
        // What stands there grows, but not for ever.
        let lots = if stands > 4 * ORDER_LOTS_MAX { lots } else { stands + lots };
        set(ladder, changes, side, price, lots);
    }

    /// Adds what a thin side lacks and drops the worst of a long one.
    fn keep_shape(&mut self, step: &mut Step) {
        for side in [Side::Buy, Side::Sell] {
            let outwards = if side == Side::Buy { -1 } else { 1 };
            let lots = self.random.between(1, ORDER_LOTS_MAX);
            let (ladder, changes) = self.ladder(side, step);
            while ladder.len() < LEVELS.start {
                let price = ladder[0].0 + outwards;
                set(ladder, changes, side, price, lots);
            }
            if ladder.len() > LEVELS.end {
                let worst = ladder[0].0;
                set(ladder, changes, side, worst, 0);
            }
        }
    }

    /// How far from the top an order falls: mostly near.
    fn distance(&mut self) -> i64 {
        let reach = 1 << self.random.halvings().clamp(1, 6);
        self.random.between(0, reach - 1)
    }

    fn ladder<'a>(&'a mut self, side: Side, step: &'a mut Step) -> (&'a mut Levels, &'a mut Levels) {
        match side {
            Side::Buy => (&mut self.bids, &mut step.bids),
            Side::Sell => (&mut self.asks, &mut step.asks),
        }
    }
}

/// A side never runs empty: market orders leave levels standing, and thin sides are filled up.
fn best(ladder: &Levels) -> i64 {
    ladder.last().map_or(0, |level| level.0)
}

fn position(ladder: &Levels, side: Side, price: i64) -> Result<usize, usize> {
    ladder.binary_search_by(|(at, _)| match side {
        Side::Buy => at.cmp(&price),
        Side::Sell => price.cmp(at),
    })
}

fn set(ladder: &mut Levels, changes: &mut Levels, side: Side, price: i64, lots: i64) {
    match position(ladder, side, price) {
        Ok(at) if lots == 0 => {
            ladder.remove(at);
        }
        Ok(at) => ladder[at].1 = lots,
        Err(at) => ladder.insert(at, (price, lots)),
    }
    changes.push((price, lots));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_book_is_never_crossed_nor_thin_and_its_changes_tell_all() {
        let mut flow = Flow::new(10_000, Random::new(11));
        let (bids, asks) = flow.book();
        let mut followed: [BTreeMap<i64, i64>; 2] = [bids.into_iter().collect(), asks.into_iter().collect()];
        let (mut trades, mut prices, mut spreads) = (0, Vec::new(), Vec::new());
        for _ in 0..20_000 {
            let step = flow.step();
            for (side, changes) in followed.iter_mut().zip([&step.bids, &step.asks]) {
                for (price, lots) in changes {
                    side.insert(*price, *lots);
                    side.retain(|_, lots| *lots > 0);
                }
            }
            trades += step.fills.len();
            assert!(step.fills.iter().all(|(_, lots)| *lots > 0));
            assert!(best(&flow.bids) < best(&flow.asks));
            assert!(flow.bids.len() >= LEVELS.start && flow.asks.len() >= LEVELS.start);
            assert!(flow.bids.len() <= LEVELS_MAX && flow.asks.len() <= LEVELS_MAX);
            prices.push(flow.mid());
            spreads.push(best(&flow.asks) - best(&flow.bids));
        }
        let (bids, asks) = flow.book();
        assert_eq!(followed[0].iter().rev().map(|(p, l)| (*p, *l)).collect::<Vec<_>>(), bids);
        assert_eq!(followed[1].iter().map(|(p, l)| (*p, *l)).collect::<Vec<_>>(), asks);
        let (low, high) = (prices.iter().min().unwrap(), prices.iter().max().unwrap());
        assert!(trades > 3_000 && high - low > 30, "it lives: {trades} trades, {low} to {high}");
        assert!(*low > 9_000 && *high < 11_000, "it stays around its anchor: {low} to {high}");
        assert!(
            spreads.iter().filter(|spread| **spread <= 5).count() > 15_000,
            "its spread is mostly narrow"
        );
        assert!(spreads.iter().all(|spread| *spread <= 60), "its spread is never wide");
    }

    #[test]
    fn the_same_seed_gives_the_same_orders() {
        let run = |seed| {
            let mut flow = Flow::new(10_000, Random::new(seed));
            (0..500).map(|_| flow.step()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
