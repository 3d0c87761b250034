//! The order book of one symbol: all levels that the venue has told, of which the best ones are published.

mod ladder;

use ladder::{Ladder, Touched, same_digits};
use schemas::checksum;
use schemas::decimal::Decimal;
use schemas::model::{BookLevels, Level, Quote, Side};

/// How deep a book is kept and published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookDepth {
    /// Levels a side that are published, at least [`checksum::LEVELS`].
    pub published: usize,
    /// Levels a side that are kept at most; what lies beyond is forgotten after each event.
    pub levels_max: usize,
}

/// Levels a side that are kept of a book which its venue sends whole.
pub const WHOLE_LEVELS_MAX: usize = 200_000;

impl BookDepth {
    /// Of a venue that sends its whole book.
    #[must_use]
    pub fn whole(published: usize) -> Self {
        Self { published: published.max(checksum::LEVELS), levels_max: WHOLE_LEVELS_MAX }
    }

    /// Of a venue whose book ends at the subscribed depth, beyond which it never deletes (Kraken).
    #[must_use]
    pub fn subscribed(published: usize, subscribed: usize) -> Self {
        let levels_max = subscribed.max(checksum::LEVELS);
        Self { published: published.clamp(checksum::LEVELS, levels_max), levels_max }
    }
}

/// What an event changed in the published book: never nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookDelta {
    /// The levels that were set or deleted, and the checksum since then.
    pub levels: BookLevels,
    /// Whether one of the ten best levels of a side is another one now.
    pub top10_changed: bool,
    /// Whether the best bid or ask is another one now.
    pub top_changed: bool,
}

/// A level that no book can have, because its size is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a level of size {size} at {price}: sizes are not negative")]
pub struct ImpossibleLevel {
    /// Its price.
    pub price: Decimal,
    /// Its size.
    pub size: Decimal,
}

/// A book: two sorted sides, of which the best levels are published.
///
/// The published book is exactly the best levels of each side, as many as [`BookDepth::published`] says. Prices
/// are equal by value; the digits of the latest message stand.
#[derive(Debug)]
pub struct Book {
    depth: BookDepth,
    bids: Ladder,
    asks: Ladder,
    top10: BookLevels,
    touched: Touched,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new(depth: BookDepth) -> Self {
        let mut book = Self {
            depth,
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
            top10: BookLevels::default(),
            touched: Touched::default(),
        };
        book.refresh_top10();
        book
    }

    /// Begins anew with these levels, in any order; levels of size zero are none.
    ///
    /// # Errors
    /// [`ImpossibleLevel`] if a size is negative; the book is unchanged then.
    pub fn reset(&mut self, bids: &[Level], asks: &[Level]) -> Result<(), ImpossibleLevel> {
        check(bids, asks)?;
        self.bids.reset(bids);
        self.asks.reset(asks);
        self.truncate();
        self.refresh_top10();
        Ok(())
    }

    /// Sets and deletes (size zero) levels, the changes of one venue message. Nothing is returned if the published
    /// book is the same as before, digit by digit.
    ///
    /// # Errors
    /// [`ImpossibleLevel`] if a size is negative; the book is unchanged then.
    pub fn apply(&mut self, bids: &[Level], asks: &[Level]) -> Result<Option<BookDelta>, ImpossibleLevel> {
        check(bids, asks)?;
        // The log keeps them: no more room than they need, which is known where a venue sends what changes.
        let room = |side: &[Level]| Vec::with_capacity(side.len().min(self.depth.published));
        let mut levels = BookLevels { bids: room(bids), asks: room(asks), checksum: 0 };
        let bid_rank =
            change(&mut self.bids, bids, self.depth.published, &mut self.touched, &mut levels.bids);
        let ask_rank =
            change(&mut self.asks, asks, self.depth.published, &mut self.touched, &mut levels.asks);
        self.truncate();
        let before = self.top();
        let top10_changed = bid_rank.min(ask_rank) < checksum::LEVELS && self.refresh_top10();
        if levels.bids.is_empty() && levels.asks.is_empty() {
            return Ok(None);
        }
        levels.checksum = self.checksum();
        let top_changed = top10_changed && !before.same_digits(&self.top());
        Ok(Some(BookDelta { levels, top10_changed, top_changed }))
    }

    /// The checksum over the ten best levels of each side ([`checksum`]).
    #[must_use]
    pub const fn checksum(&self) -> u32 {
        self.top10.checksum
    }

    /// The ten best levels of each side.
    #[must_use]
    pub const fn top10(&self) -> &BookLevels {
        &self.top10
    }

    /// Best bid and ask.
    #[must_use]
    pub fn top(&self) -> Quote {
        quote_of(self.top10.bids.first(), self.top10.asks.first())
    }

    /// The published book: the best levels of each side.
    #[must_use]
    pub fn published(&self) -> BookLevels {
        let best = |ladder: &Ladder| ladder.best_first().take(self.depth.published).copied().collect();
        BookLevels { bids: best(&self.bids), asks: best(&self.asks), checksum: self.checksum() }
    }

    /// All kept levels, best first: bids and asks.
    pub fn best_first(&self) -> (impl Iterator<Item = &Level>, impl Iterator<Item = &Level>) {
        (self.bids.best_first(), self.asks.best_first())
    }

    /// The changes that make this book one of exactly these levels: bids and asks.
    #[must_use]
    pub fn changes_to(&self, bids: &[Level], asks: &[Level]) -> (Vec<Level>, Vec<Level>) {
        (replacing(&self.bids, bids), replacing(&self.asks, asks))
    }

    /// The changes that make this book the other one: bids and asks.
    #[must_use]
    pub fn changes_to_book(&self, other: &Self) -> (Vec<Level>, Vec<Level>) {
        (self.bids.changes_to(&other.bids), self.asks.changes_to(&other.asks))
    }

    /// Becomes what the other book is.
    pub fn copy(&mut self, other: &Self) {
        self.depth = other.depth;
        self.bids.clone_from(&other.bids);
        self.asks.clone_from(&other.asks);
        self.refresh_top10();
    }

    /// Whether someone bids as much as someone asks, which a matching engine does not leave standing.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        matches!((self.bids.best(), self.asks.best()), (Some(bid), Some(ask)) if bid.price >= ask.price)
    }

    /// How many levels are kept: bids and asks.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        (self.bids.len(), self.asks.len())
    }

    /// Whether neither side has a level.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }

    /// How deep it is kept and published.
    #[must_use]
    pub const fn depth(&self) -> BookDepth {
        self.depth
    }

    fn truncate(&mut self) {
        self.bids.truncate(self.depth.levels_max);
        self.asks.truncate(self.depth.levels_max);
    }

    /// Takes the ten best levels anew and says whether they changed; only then a checksum is computed.
    fn refresh_top10(&mut self) -> bool {
        let bids_changed = refresh(&mut self.top10.bids, &self.bids);
        let asks_changed = refresh(&mut self.top10.asks, &self.asks);
        let changed = bids_changed || asks_changed;
        if changed {
            self.top10.checksum = checksum::of_book(&self.top10.asks, &self.top10.bids);
        }
        changed
    }
}

/// The quote that the best bid and the best ask are.
pub(crate) fn quote_of(bid: Option<&Level>, ask: Option<&Level>) -> Quote {
    Quote {
        bid: bid.map(|level| level.price),
        bid_size: bid.map(|level| level.size),
        ask: ask.map(|level| level.price),
        ask_size: ask.map(|level| level.size),
    }
}

/// The new levels, and before them the end of those that are not among them.
fn replacing(ladder: &Ladder, new: &[Level]) -> Vec<Level> {
    let stays = |level: &&Level| new.iter().any(|other| other.price == level.price);
    let gone = ladder.best_first().filter(|level| !stays(level));
    gone.map(|level| Level { size: Decimal::ZERO, ..*level }).chain(new.iter().copied()).collect()
}

fn check(bids: &[Level], asks: &[Level]) -> Result<(), ImpossibleLevel> {
    match bids.iter().chain(asks).find(|level| level.size.is_negative() && !level.size.is_zero()) {
        None => Ok(()),
        Some(&Level { price, size }) => Err(ImpossibleLevel { price, size }),
    }
}

/// Applies the changes of one side, appends what they changed in its best levels, and returns the best rank touched.
fn change(
    ladder: &mut Ladder,
    changes: &[Level],
    depth: usize,
    touched: &mut Touched,
    net: &mut Vec<Level>,
) -> usize {
    touched.clear();
    for level in changes {
        ladder.set(*level, depth, touched);
    }
    ladder.net_changes(touched, net);
    touched.best_rank
}

fn refresh(top: &mut Vec<Level>, ladder: &Ladder) -> bool {
    let best = || ladder.best_first().take(checksum::LEVELS);
    if top.len() == best().len() && top.iter().zip(best()).all(|(a, b)| same_digits(a, b)) {
        return false;
    }
    top.clear();
    top.extend(best());
    true
}

#[cfg(test)]
mod tests;
