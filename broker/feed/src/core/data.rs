//! What becomes of a venue's data: trades by their numbers, quotes by where they come from, books as they begin and change.

use super::{Core, Listed, Offence, QUOTES_OPEN_US, QuoteStream};
use crate::book::{Book, BookDepth};
use crate::crossing::{Crossing, Verdict};
use crate::lines::{BookChange, Offer, Out};
use crate::publish::Times;
use crate::settings::Quotes;
use crate::trade_ids::{Numbered, Seen};
use schemas::model::{Level, Micros, Quote, Trade};
use std::convert::Infallible;

/// What there is to do after a change of a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Changed {
    /// Nothing.
    Fine,
    /// It is crossed since this change, which is told and may pass.
    Crossed,
    /// The book cannot be right and is to be fetched anew.
    Wrong(Offence),
}

impl<S: Default> Core<S> {
    /// Publishes the trades of one message, oldest first, each with the venue's number, or with the first and the last
    /// where one stands for several: what was jumped over is a loss, what was there already is dropped.
    pub(crate) fn trades<N: Numbered>(
        &mut self,
        at: usize,
        times: Times,
        trades: impl Iterator<Item = (N, Trade)>,
    ) {
        let Listed { out, trade_ids, .. } = &mut self.symbols[at];
        let out = match out {
            Out::Alone(out) => out,
            Out::Line(_) => {
                return self.offer(at, times, trades.map(|(number, trade)| (number, Some(trade))));
            }
        };
        let mut fresh = Vec::with_capacity(trades.size_hint().0);
        for (number, trade) in trades {
            match number.taken_by(trade_ids) {
                Seen::Old => self.counters.trades_repeated.up(),
                Seen::Next => fresh.push(trade),
                Seen::Jumped { lost } => {
                    out.trades(times, std::mem::take(&mut fresh).into());
                    self.counters.trades_lost.add(lost);
                    out.loss(lost, times.rx);
                    fresh.push(trade);
                }
            }
        }
        out.trades(times, fresh.into());
    }

    /// The same as one of several lines: what the line has not had before is offered, and what it jumped over is lost only here.
    fn offer<N: Numbered>(
        &mut self,
        at: usize,
        times: Times,
        trades: impl Iterator<Item = (N, Option<Trade>)>,
    ) {
        let Listed { out: Out::Line(line), trade_ids, .. } = &mut self.symbols[at] else { return };
        let (before, mut went_back) = (trade_ids.last(), false);
        let mut offers = Vec::with_capacity(trades.size_hint().0);
        for (number, trade) in trades {
            let (first, last) = number.run();
            match number.taken_by(trade_ids) {
                Seen::Old => {
                    self.counters.trades_repeated.up();
                    continue;
                }
                Seen::Next => {}
                Seen::Jumped { lost } => self.counters.trades_lost.add(lost),
            }
            went_back |= Some(last) <= before;
            offers.push(Offer { first, last, trade });
        }
        line.trades(times, offers, went_back);
        self.note_line_due(at);
    }

    /// Trades may wait for another line.
    fn note_line_due(&mut self, at: usize) {
        let due = self.symbols[at].out.deadline();
        self.line_due = [self.line_due, due].into_iter().flatten().min();
    }

    /// Takes a number that the venue gave to something else than a trade, so that it is not missed.
    pub(crate) fn no_trade(&mut self, at: usize, number: impl Numbered, now: Micros) {
        let Listed { out, trade_ids, .. } = &mut self.symbols[at];
        if matches!(out, Out::Line(_)) {
            return self.offer(at, Times::now(now), std::iter::once((number, None)));
        }
        if let Seen::Jumped { lost } = number.taken_by(trade_ids) {
            self.counters.trades_lost.add(lost);
            out.loss(lost, now);
        }
    }

    /// Gives up on the trades up to this number, if the continuity has begun before it.
    pub(crate) fn give_up_trades(&mut self, at: usize, id: u64, now: Micros) {
        let Listed { out, trade_ids, .. } = &mut self.symbols[at];
        let lost = trade_ids.give_up(id);
        self.counters.trades_lost.add(lost);
        match out {
            Out::Alone(out) => out.loss(lost, now),
            Out::Line(line) => line.give_up_trades(id, now),
        }
    }

    /// Publishes a quote of the venue's stream, unless the settings want quotes from the book. If one symbol has them, so
    /// have all.
    pub(crate) fn quote(&mut self, at: usize, times: Times, quote: Quote) {
        if self.settings.quotes == Quotes::Book {
            return;
        }
        if self.settings.quotes == Quotes::Auto && self.quotes != QuoteStream::Present {
            self.quotes = QuoteStream::Present;
            self.symbols.iter_mut().for_each(|symbol| symbol.out.quotes_from_stream());
        }
        self.symbols[at].out.quote(times, quote);
    }

    /// A book has begun: from the first one on quotes may be expected.
    pub(crate) fn book_began(&mut self, now: Micros) {
        if let QuoteStream::Open { until: until @ None } = &mut self.quotes {
            *until = Some(now.plus(QUOTES_OPEN_US));
        }
    }

    /// Begins a book anew and publishes it; a book that cannot be is left as it was.
    pub(crate) fn reset_book(
        &mut self,
        at: usize,
        times: Times,
        bids: &[Level],
        asks: &[Level],
    ) -> Result<(), Offence> {
        let Listed { book, name, .. } = &mut self.symbols[at];
        book.reset(bids, asks).map_err(|impossible| Offence::impossible(name, &impossible))?;
        self.publish_reset(at, times);
        Ok(())
    }

    /// The same with a book of another depth, if it passes a check before it is published.
    pub(crate) fn reset_checked<E>(
        &mut self,
        at: usize,
        times: Times,
        depth: BookDepth,
        (bids, asks): (&[Level], &[Level]),
        check: impl FnOnce(&Book) -> Result<(), E>,
    ) -> Result<Result<(), E>, Offence> {
        let Listed { book, name, .. } = &mut self.symbols[at];
        if book.depth() != depth {
            *book = Book::new(depth);
        }
        book.reset(bids, asks).map_err(|impossible| Offence::impossible(name, &impossible))?;
        let checked = check(book);
        if checked.is_ok() {
            self.publish_reset(at, times);
        }
        Ok(checked)
    }

    fn publish_reset(&mut self, at: usize, times: Times) {
        let Listed { out, book, crossing, .. } = &mut self.symbols[at];
        out.book_reset(times, book);
        *crossing = Crossing::default();
        self.book_began(times.rx);
    }

    /// Changes a book and publishes what changed.
    pub(crate) fn change_book(&mut self, at: usize, times: Times, bids: &[Level], asks: &[Level]) -> Changed {
        let unchecked = None::<fn(&Book) -> Result<(), Infallible>>;
        let Ok(changed) = self.change_checked(at, times, (bids, asks), unchecked);
        changed
    }

    /// The same, if the book passes a check before it is published. One that does is right, however long it stays crossed.
    pub(crate) fn change_checked<E>(
        &mut self,
        at: usize,
        times: Times,
        (bids, asks): (&[Level], &[Level]),
        check: Option<impl FnOnce(&Book) -> Result<(), E>>,
    ) -> Result<Changed, E> {
        let Listed { out, book, crossing, name, .. } = &mut self.symbols[at];
        let delta = match book.apply(bids, asks) {
            Ok(delta) => delta,
            Err(impossible) => return Ok(Changed::Wrong(Offence::impossible(name, &impossible))),
        };
        let is_checked = check.is_some();
        check.map_or(Ok(()), |check| check(book))?;
        out.book_change(times, BookChange { sides: (bids, asks), delta }, book);
        Ok(match crossing.look(book.is_crossed(), times.rx) {
            Verdict::Fine => Changed::Fine,
            Verdict::Began => Changed::Crossed,
            Verdict::Persists if is_checked => Changed::Fine,
            Verdict::Persists => Changed::Wrong(Offence::crossed(name)),
        })
    }

    /// Says that a book has lost its way and is fetched anew.
    pub(crate) fn resyncing(&mut self, at: usize, reason: &str, now: Micros) {
        self.counters.resyncs.up();
        self.symbols[at].out.book_resyncing(reason, now);
    }
}
