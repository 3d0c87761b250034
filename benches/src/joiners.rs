//! Topics that are joined: what a newcomer is sent first.

use crate::events::{book, quote};
use crate::frames::BOOK_LEVELS;
use crate::{Awake, LOG_BYTES_MAX};
use feed::book::{Book, BookDepth};
use feed::market::{Market, MarketLimits};
use feed::publish::{SymbolPublishers, Times};
use feed::settings::{Quotes, Settings};
use feed::topic::{EntryRef, Table, TopicHandle};
use schemas::model::{BookLevels, Channel, Micros};
use std::sync::Arc;

/// Topics of one channel, and a buffer for what a newcomer is sent.
pub struct Joiners {
    symbols: Vec<(SymbolPublishers, Arc<TopicHandle>)>,
    begin: Begin,
    number: u64,
    sent: Vec<u8>,
}

impl Joiners {
    /// So many topics of a channel; the images of books, which have 1,000 levels a side, are so many entries old.
    ///
    /// # Panics
    /// If the market refuses that many.
    #[must_use]
    pub fn new(channel: Channel, topics: usize, entries: u64) -> Self {
        let table = Arc::new(Table::new(100_000, LOG_BYTES_MAX, vec![Box::new(Awake)]));
        let market = Market::new(table, MarketLimits::default());
        // Of a book alone, without the quotes that would follow its top.
        let settings = Settings { quotes: Quotes::Stream, ..Settings::new("binance", "6b01777b-6e2c") };
        let names: Vec<_> = (0..topics).map(|topic| format!("S{topic:03}USDT")).collect();
        let opened = market.open(&settings, &names).expect("new symbols");
        let handle = |symbol: &SymbolPublishers| symbol.symbol().topic(channel).map(Arc::clone);
        let symbols = opened
            .into_iter()
            .map(|symbol| {
                let handle = handle(&symbol).expect("all channels");
                (symbol, handle)
            })
            .collect();
        let mut joiners = Self { symbols, begin: Begin::of(channel, entries), number: 0, sent: Vec::new() };
        joiners.publish();
        joiners
    }

    /// Publishes in each topic: whoever joins next is the first.
    pub fn publish(&mut self) {
        self.number += 1;
        let times = Times::new(Some(Micros(self.number)), Micros(self.number));
        self.symbols.iter_mut().for_each(|(symbol, _)| self.begin.publish(symbol, times));
    }

    /// What is measured: one newcomer in each topic gets the snapshot and the entries after it. Says how many bytes that is.
    ///
    /// # Panics
    /// If the log does not lead from the snapshot to the head.
    #[inline]
    pub fn join(&mut self) -> usize {
        let mut bytes = 0;
        for (_, handle) in &self.symbols {
            self.sent.clear();
            let joined = handle.topic.join(0);
            let snapshot = handle.snapshot(joined.image.as_deref(), joined.head).expect("there are entries");
            self.sent.extend_from_slice(&snapshot.frame);
            let (first, last) = (snapshot.position.index + 1, joined.head.index);
            let send = |entry: EntryRef<'_>| self.sent.extend_from_slice(handle.frame(entry));
            handle.topic.read_range(first, last, send).expect("in the log");
            bytes += self.sent.len();
        }
        bytes
    }
}

/// What is published in a topic.
enum Begin {
    Quote,
    /// A new image, and what changes the book after it.
    Book {
        image: BookLevels,
        changes: Vec<BookLevels>,
    },
}

impl Begin {
    fn of(channel: Channel, entries: u64) -> Self {
        match channel {
            Channel::Quotes => Self::Quote,
            Channel::Book => Self::Book {
                image: book(BOOK_LEVELS, 0),
                changes: (1..=entries).map(|entry| book(8, entry)).collect(),
            },
            other => panic!("nobody joins {other} here"),
        }
    }

    fn publish(&self, symbol: &mut SymbolPublishers, times: Times) {
        let Self::Book { image, changes } = self else { return symbol.quote(times, quote(times.rx.0)) };
        let mut book = Book::new(BookDepth::whole(BOOK_LEVELS as usize));
        book.reset(&image.bids, &image.asks).expect("sizes are not negative");
        symbol.book_reset(times, &book);
        for change in changes {
            let delta = book.apply(&change.bids, &change.asks).expect("sizes are not negative");
            symbol.book_update(times, delta.expect("sizes change"), &book);
        }
    }
}
