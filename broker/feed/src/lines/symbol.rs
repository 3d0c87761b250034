//! A symbol that several lines publish: what they bring becomes one stream, and their states become one.

use super::LINES_MAX;
use super::named::Names;
use super::numbered::{Numbers, Offer, Told};
use super::place::{Course, Progress, Seen};
use super::standing::{CHANNELS, Standing, best};
use super::whole::Whole;
use crate::book::{Book, BookDelta, BookDepth};
use crate::counters::FeedCounters;
use crate::publish::{Condition, SymbolPublishers, Times};
use schemas::model::{Channel, Level, Micros, Quote, Ticker, Trade};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A symbol that several lines publish.
pub(super) struct Shared {
    out: SymbolPublishers,
    lines: [Option<OfLine>; LINES_MAX],
    /// As it was published.
    book: Book,
    books: Course,
    quotes: Whole<Quote>,
    tickers: Whole<Ticker>,
    numbers: Numbers,
    names: Names,
    /// Whether a line has found that the venue sends quotes.
    has_quotes: bool,
}

/// What is kept of each line.
struct OfLine {
    standing: Standing,
    books: Progress,
    quotes: Progress,
    tickers: Progress,
    counters: Arc<FeedCounters>,
    /// Counts the line's live symbols.
    live: Option<Arc<AtomicUsize>>,
    is_live: bool,
}

/// Takes the lock that only lines take. One that panicked has left nothing half done that the next message would not mend.
pub(super) fn lock(shared: &Arc<Mutex<Shared>>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(out: SymbolPublishers) -> Self {
        Self {
            out,
            lines: [const { None }; LINES_MAX],
            book: Book::new(BookDepth::whole(0)),
            books: Course::default(),
            quotes: Default::default(),
            tickers: Default::default(),
            numbers: Numbers::default(),
            names: Names::default(),
            has_quotes: false,
        }
    }

    pub(super) const fn out(&mut self) -> &mut SymbolPublishers {
        &mut self.out
    }

    /// Whether this line has joined already.
    pub(super) const fn has(&self, line: usize) -> bool {
        self.lines[line].is_some()
    }

    pub(super) fn join(&mut self, line: usize, counters: Arc<FeedCounters>) {
        self.lines[line] = Some(OfLine {
            standing: Standing::default(),
            books: Progress::default(),
            quotes: Progress::default(),
            tickers: Progress::default(),
            counters,
            live: None,
            is_live: false,
        });
    }

    pub(super) fn count_live(&mut self, line: usize, live: Arc<AtomicUsize>) {
        if let Some(of_line) = &mut self.lines[line] {
            live.fetch_add(usize::from(of_line.is_live), Ordering::Relaxed);
            of_line.live = Some(live);
        }
    }

    /// Numbered trades of one message, oldest first. `went_back`: the line's numbers did.
    pub(super) fn trades(&mut self, line: usize, times: Times, offers: Vec<Offer>, went_back: bool) {
        let is_new = self.comes_to_life(line, Channel::Trades);
        let mut told = Vec::with_capacity(offers.len());
        let lines = &self.lines;
        let taken = self.numbers.take(
            line,
            times,
            (offers, went_back),
            |l| is_live(lines, l, Channel::Trades),
            &mut told,
        );
        if let Some(OfLine { counters, .. }) = &self.lines[line] {
            counters.line_first.add(taken.first);
            counters.line_again.add(taken.again);
            counters.line_holds_cut.add(taken.cut);
        }
        self.tell(told);
        self.settle_state(is_new, times.rx);
    }

    /// A line will not bring the trades up to this number any more.
    pub(super) fn give_up_trades(&mut self, line: usize, id: u64, now: Micros) {
        self.numbers.give_up(line, id);
        self.settle(now);
    }

    /// Publishes the trades that need not wait any longer.
    pub(super) fn settle(&mut self, now: Micros) {
        let (mut told, lines) = (Vec::new(), &self.lines);
        self.numbers.settle(now, |l| is_live(lines, l, Channel::Trades), &mut told);
        self.tell(told);
    }

    /// When [`settle`](Self::settle) has something to do.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.numbers.deadline()
    }

    /// Those of one message in one update.
    fn tell(&mut self, told: Vec<Told>) {
        let mut together: Option<(Times, Vec<Trade>)> = None;
        for told in told {
            let same = matches!((&told, &together), (Told::Trade(times, _), Some((at, _))) if times == at);
            if !same && let Some((times, trades)) = together.take() {
                self.out.trades(times, trades.into());
            }
            match told {
                Told::Loss(lost, now) => self.out.loss(lost, now),
                Told::Trade(times, trade) => together.get_or_insert((times, Vec::new())).1.push(trade),
            }
        }
        if let Some((times, trades)) = together {
            self.out.trades(times, trades.into());
        }
    }

    /// Trades without numbers.
    pub(super) fn named_trades(&mut self, line: usize, times: Times, trades: Box<[Trade]>) {
        let is_new = self.comes_to_life(line, Channel::Trades);
        let before = trades.len();
        let trades: Box<[_]> = trades.into_iter().filter(|trade| self.names.is_new(trade)).collect();
        if let Some(OfLine { counters, .. }) = &self.lines[line] {
            counters.line_first.add(trades.len() as u64);
            counters.line_again.add((before - trades.len()) as u64);
        }
        self.out.trades(times, trades);
        self.settle_state(is_new, times.rx);
    }

    pub(super) fn quote(&mut self, line: usize, times: Times, quote: Quote) {
        let (is_new, Some(of_line)) = self.of_line(line, Channel::Quotes) else { return };
        let step = of_line.quotes.take(times);
        let lines = &self.lines;
        let seen = self.quotes.take(line, (step, times), &quote, |l| is_live(lines, l, Channel::Quotes));
        if seen != Seen::Before {
            self.out.quote(times, quote);
        }
        self.count(line, seen);
        self.settle_state(is_new, times.rx);
    }

    pub(super) fn ticker(&mut self, line: usize, times: Times, ticker: Ticker) {
        let (is_new, Some(of_line)) = self.of_line(line, Channel::Ticker) else { return };
        let step = of_line.tickers.take(times);
        let lines = &self.lines;
        let seen = self.tickers.take(line, (step, times), &ticker, |l| is_live(lines, l, Channel::Ticker));
        if seen != Seen::Before {
            self.out.ticker(times, ticker);
        }
        self.count(line, seen);
        self.settle_state(is_new, times.rx);
    }

    /// A line on whose channel data came, and whether that is new there.
    fn of_line(&mut self, line: usize, channel: Channel) -> (bool, Option<&mut OfLine>) {
        (self.comes_to_life(line, channel), self.lines[line].as_mut())
    }

    /// A line's book begins anew.
    pub(super) fn book_reset(&mut self, line: usize, times: Times, theirs: &Book) {
        let has_others = self.has_others(line, Channel::Book);
        let is_new = self.comes_to_life(line, Channel::Book);
        let Some(of_line) = &mut self.lines[line] else { return };
        let step = of_line.books.take(times);
        if !has_others {
            self.books.go_on(line, step, times);
            self.book.copy(theirs);
            self.out.book_reset(times, &self.book);
        } else if self.books.is_behind(line, step) {
            self.books.go_on(line, step, times);
            self.follow(times, theirs);
        }
        self.settle_state(is_new, times.rx);
    }

    /// A line's book has changed by these levels into `theirs`.
    pub(super) fn book_change(
        &mut self,
        line: usize,
        times: Times,
        (bids, asks): (&[Level], &[Level]),
        theirs: &Book,
    ) {
        let lines = &mut self.lines;
        let Some(of_line) = &mut lines[line] else { return };
        let step = of_line.books.take(times);
        let is_other = |other: usize| other != line && is_live(lines, other, Channel::Book);
        let seen = self.books.take(line, step, times, is_other);
        self.count(line, seen);
        if seen == Seen::Before {
            return;
        }
        // Levels that no book can have did not come this far.
        if seen == Seen::Next
            && let Ok(changed) = self.book.apply(bids, asks)
        {
            self.book_changed(times, changed);
        }
        if seen == Seen::Ahead || self.book.checksum() != theirs.checksum() {
            self.follow(times, theirs);
        }
    }

    /// Changes what was published into a line's book.
    fn follow(&mut self, times: Times, theirs: &Book) {
        let (bids, asks) = self.book.changes_to_book(theirs);
        if self.book.depth() != theirs.depth() {
            self.book.copy(theirs);
            self.out.book_reset(times, &self.book);
        } else if let Ok(changed) = self.book.apply(&bids, &asks) {
            self.book_changed(times, changed);
        }
    }

    /// A book that was not live begins with all of it.
    fn book_changed(&mut self, times: Times, changed: Option<BookDelta>) {
        if !self.out.is_up(Channel::Book) {
            self.out.book_reset(times, &self.book);
        } else if let Some(delta) = changed {
            self.out.book_update(times, delta, &self.book);
        }
    }

    fn count(&self, line: usize, seen: Seen) {
        let Some(OfLine { counters, .. }) = &self.lines[line] else { return };
        match seen {
            Seen::Before => counters.line_again.up(),
            Seen::Next | Seen::Ahead => counters.line_first.up(),
        }
    }

    pub(super) fn quotes_from_stream(&mut self) {
        self.has_quotes = true;
        self.out.quotes_from_stream();
    }

    /// A line that only was too slow does not know better than one that has seen quotes.
    pub(super) fn quotes_from_book(&mut self) {
        if !self.has_quotes {
            self.out.quotes_from_book();
        }
    }

    pub(super) fn forget_held_quotes(&mut self, line: usize) {
        if !self.has_others(line, Channel::Book) {
            self.out.forget_held_quotes();
        }
    }

    pub(super) fn trades_interrupted(&mut self, line: usize, reason: &str, now: Micros) {
        if !self.has_others(line, Channel::Trades) {
            self.out.trades_interrupted(reason, now);
        }
    }

    /// Changes what a line says of its topics, and publishes what becomes of it.
    pub(super) fn stand(&mut self, line: usize, now: Micros, change: impl FnOnce(&mut Standing)) {
        if let Some(of_line) = &mut self.lines[line] {
            change(&mut of_line.standing);
        }
        // Nobody waits for a line that is gone.
        self.settle(now);
        self.succeed(now);
        self.settle_state(true, now);
    }

    /// Goes on with what another line has brought beyond one that was followed and is gone.
    fn succeed(&mut self, now: Micros) {
        let Self { out, lines, quotes, tickers, .. } = self;
        let times = Times::now(now);
        let quotes = quotes.beyond_leader(now, |line| is_live(lines, line, Channel::Quotes));
        quotes.into_iter().for_each(|quote| out.quote(times, quote));
        let tickers = tickers.beyond_leader(now, |line| is_live(lines, line, Channel::Ticker));
        tickers.into_iter().for_each(|ticker| out.ticker(times, ticker));
    }

    /// Data came on a channel. Returns whether that changes what the line says of it.
    fn comes_to_life(&mut self, line: usize, channel: Channel) -> bool {
        let Some(OfLine { standing, .. }) = &mut self.lines[line] else { return false };
        let was_live = standing.is_live(channel);
        standing.live(channel);
        !was_live
    }

    /// Publishes the best that the lines say, if one of them says something else than before.
    fn settle_state(&mut self, has_changed: bool, now: Micros) {
        if !has_changed {
            return;
        }
        let standings = || self.lines.iter().flatten().map(|line| &line.standing);
        for channel in CHANNELS {
            if let Some(best) = best(standings().filter_map(|standing| standing.of(channel))) {
                self.out.stand(channel, best, now);
            }
        }
        let link: Option<Condition> = best(standings().map(Standing::link)).cloned();
        self.out.companion_is(link.unwrap_or_default());
        self.out.refresh_status(now);
        let awaits_book = self.out.options().awaits_book && self.out.has(Channel::Book);
        let is_companion = self.out.options().is_companion;
        for line in self.lines.iter_mut().flatten() {
            line.count(line.standing.is_whole(awaits_book, is_companion));
        }
    }

    fn has_others(&self, line: usize, channel: Channel) -> bool {
        (0..LINES_MAX).any(|other| other != line && is_live(&self.lines, other, channel))
    }
}

impl OfLine {
    fn count(&mut self, is_live: bool) {
        let was_live = std::mem::replace(&mut self.is_live, is_live);
        if let Some(live) = &self.live {
            live.fetch_sub(usize::from(was_live), Ordering::Relaxed);
            live.fetch_add(usize::from(is_live), Ordering::Relaxed);
        }
    }
}

fn is_live(lines: &[Option<OfLine>; LINES_MAX], line: usize, channel: Channel) -> bool {
    lines[line].as_ref().is_some_and(|of_line| of_line.standing.is_live(channel))
}
