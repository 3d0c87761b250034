//! Where a machine publishes: by itself, or as one of several lines.

use super::numbered::Offer;
use super::standing::condition;
use super::symbol::{Shared, lock};
use crate::book::{Book, BookDelta};
use crate::counters::FeedCounters;
use crate::market::SymbolEntry;
use crate::publish::{SymbolPublishers, Times};
use schemas::model::{Level, Micros, Quote, State, Ticker, Trade};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

/// Where a machine publishes a symbol.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are alone, and a box would be one more load for each message"
)]
pub(crate) enum Out {
    /// Nobody else does.
    Alone(SymbolPublishers),
    /// As one of several lines.
    Line(OnLine),
}

/// A symbol as one of its lines has it.
pub(crate) struct OnLine {
    shared: Arc<Mutex<Shared>>,
    line: usize,
    symbol: Arc<SymbolEntry>,
}

/// What a message of a book changed.
pub(crate) struct BookChange<'a> {
    /// The levels that it set.
    pub(crate) sides: (&'a [Level], &'a [Level]),
    /// What that changed in the published book of the machine.
    pub(crate) delta: Option<BookDelta>,
}

impl OnLine {
    pub(super) fn join(shared: Arc<Mutex<Shared>>, line: usize, counters: &Arc<FeedCounters>) -> Self {
        let mut locked = lock(&shared);
        locked.join(line, Arc::clone(counters));
        let symbol = Arc::clone(locked.out().symbol());
        drop(locked);
        Self { shared, line, symbol }
    }

    /// Numbered trades of one message, oldest first. `went_back`: the line's numbers did.
    pub(crate) fn trades(&self, times: Times, offers: Vec<Offer>, went_back: bool) {
        lock(&self.shared).trades(self.line, times, offers, went_back);
    }

    /// The line will not bring the trades up to this number any more.
    pub(crate) fn give_up_trades(&self, id: u64, now: Micros) {
        lock(&self.shared).give_up_trades(self.line, id, now);
    }

    fn stand(&self, now: Micros, change: impl FnOnce(&mut super::standing::Standing)) {
        lock(&self.shared).stand(self.line, now, change);
    }
}

/// As [`SymbolPublishers`] has them; of a line they are what it has to say.
impl Out {
    pub(crate) fn symbol(&self) -> &Arc<SymbolEntry> {
        match self {
            Self::Alone(out) => out.symbol(),
            Self::Line(line) => &line.symbol,
        }
    }

    /// The state over all topics.
    pub(crate) fn state(&self) -> State {
        match self {
            Self::Alone(out) => out.state(),
            Self::Line(line) => line.symbol.state(),
        }
    }

    /// Whether anybody watches one of its topics.
    pub(crate) fn is_watched(&self) -> bool {
        self.symbol().topics().any(|handle| handle.topic.is_watched())
    }

    /// The publishers, where nobody else has a part in them.
    pub(crate) const fn alone(&mut self) -> Option<&mut SymbolPublishers> {
        match self {
            Self::Alone(out) => Some(out),
            Self::Line(_) => None,
        }
    }

    pub(crate) fn count_live(&mut self, live: Arc<AtomicUsize>) {
        match self {
            Self::Alone(out) => out.count_live(live),
            Self::Line(line) => lock(&line.shared).count_live(line.line, live),
        }
    }

    /// Publishes what need not wait for another line any longer.
    pub(crate) fn settle(&self, now: Micros) {
        if let Self::Line(line) = self {
            lock(&line.shared).settle(now);
        }
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        match self {
            Self::Alone(_) => None,
            Self::Line(line) => lock(&line.shared).deadline(),
        }
    }

    /// Trades without numbers that could be counted.
    pub(crate) fn trades(&mut self, times: Times, trades: Box<[Trade]>) {
        match self {
            Self::Alone(out) => out.trades(times, trades),
            Self::Line(line) => lock(&line.shared).named_trades(line.line, times, trades),
        }
    }

    /// Numbers are not counted where several lines may bring them: see [`OnLine::give_up_trades`].
    pub(crate) fn loss(&mut self, lost: u64, now: Micros) {
        match self {
            Self::Alone(out) => out.loss(lost, now),
            Self::Line(_) => {}
        }
    }

    pub(crate) fn trades_live(&mut self, now: Micros) {
        match self {
            Self::Alone(out) => out.trades_live(now),
            Self::Line(line) => line.stand(now, super::standing::Standing::trades_live),
        }
    }

    pub(crate) fn trades_interrupted(&mut self, reason: &str, now: Micros) {
        match self {
            Self::Alone(out) => out.trades_interrupted(reason, now),
            Self::Line(line) => lock(&line.shared).trades_interrupted(line.line, reason, now),
        }
    }

    pub(crate) fn quote(&mut self, times: Times, quote: Quote) {
        match self {
            Self::Alone(out) => out.quote(times, quote),
            Self::Line(line) => lock(&line.shared).quote(line.line, times, quote),
        }
    }

    pub(crate) fn ticker(&mut self, times: Times, ticker: Ticker) {
        match self {
            Self::Alone(out) => out.ticker(times, ticker),
            Self::Line(line) => lock(&line.shared).ticker(line.line, times, ticker),
        }
    }

    pub(crate) fn book_reset(&mut self, times: Times, book: &Book) {
        match self {
            Self::Alone(out) => out.book_reset(times, book),
            Self::Line(line) => lock(&line.shared).book_reset(line.line, times, book),
        }
    }

    pub(crate) fn book_change(&mut self, times: Times, change: BookChange<'_>, book: &Book) {
        match (self, change.delta) {
            (Self::Alone(out), Some(delta)) => out.book_update(times, delta, book),
            (Self::Alone(_), None) => {}
            // What changes nothing here may do so in the book that all lines share.
            (Self::Line(line), _) => lock(&line.shared).book_change(line.line, times, change.sides, book),
        }
    }

    pub(crate) fn book_resyncing(&mut self, reason: &str, now: Micros) {
        match self {
            Self::Alone(out) => out.book_resyncing(reason, now),
            Self::Line(line) => line.stand(now, |standing| standing.book_resyncing(reason)),
        }
    }

    pub(crate) fn quotes_from_stream(&mut self) {
        match self {
            Self::Alone(out) => out.quotes_from_stream(),
            Self::Line(line) => lock(&line.shared).quotes_from_stream(),
        }
    }

    pub(crate) fn quotes_from_book(&mut self) {
        match self {
            Self::Alone(out) => out.quotes_from_book(),
            Self::Line(line) => lock(&line.shared).quotes_from_book(),
        }
    }

    pub(crate) fn forget_held_quotes(&mut self) {
        match self {
            Self::Alone(out) => out.forget_held_quotes(),
            Self::Line(line) => lock(&line.shared).forget_held_quotes(line.line),
        }
    }

    pub(crate) fn state_of_all(&mut self, state: State, reason: &str, now: Micros) {
        match self {
            Self::Alone(out) => out.state_of_all(state, reason, now),
            Self::Line(line) => line.stand(now, |standing| standing.all(&condition(state, reason))),
        }
    }

    pub(crate) fn suspend(&mut self, state: State, reason: &str, now: Micros) {
        match self {
            Self::Alone(out) => out.suspend(state, reason, now),
            Self::Line(line) => line.stand(now, |standing| standing.suspend(&condition(state, reason))),
        }
    }

    pub(crate) fn resume(&mut self, now: Micros) {
        match self {
            Self::Alone(out) => out.resume(now),
            Self::Line(line) => line.stand(now, super::standing::Standing::resume),
        }
    }
}
