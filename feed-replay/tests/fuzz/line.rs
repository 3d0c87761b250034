//! A connection of the broker's machine to a stand-in, without I/O, and what is published over it.

use feed::machine::{Action, Actions, Machine};
use feed::market::{Market, MarketLimits};
use feed::settings::{Channels, Settings};
use feed::topic::Table;
use feed_replay::stand_in::{ConnId, Out, Outbox, StandIn, Target};
use feed_replay::venue::Venue;
use schemas::decimal::Decimal;
use schemas::model::{Body, BookLevels, Channel, Level, Micros, State, Update};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Levels a side that are published; the venues' bodies have more, so that none is missing when one goes.
const BOOK_DEPTH: usize = 40;
const LOG_ENTRIES: usize = 1 << 14;

/// A machine, its connection, and a subscriber of its books.
pub(crate) struct Line {
    pub(crate) conn: ConnId,
    machine: Box<dyn Machine>,
    market: Arc<Market>,
    venue: Venue,
    actions: Actions,
    pub(crate) books: BTreeMap<String, Book>,
}

/// What a subscriber knows of a symbol.
#[derive(Debug, Default)]
pub(crate) struct Book {
    read: u64,
    sides: [BTreeMap<Decimal, Decimal>; 2],
    pub(crate) state: State,
    pub(crate) resets: u64,
    /// Entries that changed the book, resets too.
    pub(crate) changes: u64,
}

impl Line {
    /// A machine that is not connected yet.
    pub(crate) fn new(venue: Venue, conn: ConnId, symbols: &[String], depth: Option<usize>) -> Self {
        let table = Arc::new(Table::new(10_000, usize::MAX, Vec::new()));
        let limits = MarketLimits { book_log_entries: LOG_ENTRIES, ..MarketLimits::default() };
        let market = Arc::new(Market::new(table, limits));
        let settings = Settings {
            symbols: symbols.to_vec(),
            channels: Channels::of(&[Channel::Trades, Channel::Quotes, Channel::Book]),
            book_depth: BOOK_DEPTH,
            depth,
            ..Settings::new(venue.name(), "fuzz")
        };
        let connections = venue.feed().connections(&settings);
        assert_eq!(connections.len(), 1, "{venue}: all over one connection");
        let machine = venue.feed().machine(settings, Arc::clone(&market)).expect("a machine");
        let books = symbols.iter().map(|symbol| (symbol.clone(), Book::default())).collect();
        Self { conn, machine, market, venue, actions: Actions::new(), books }
    }

    pub(crate) fn connect(&mut self, now: u64, stand_in: &mut dyn StandIn) {
        let mut out = Outbox::default();
        let target = Target::parse(&self.machine.dial());
        stand_in.opened(self.conn, &target, now, &mut out).expect("what the machine dials is served");
        self.machine.connected(micros(now), &mut self.actions);
        self.take(now, out);
    }

    pub(crate) fn disconnect(&mut self, now: u64, stand_in: &mut dyn StandIn) {
        stand_in.closed(self.conn);
        self.machine.disconnected(micros(now), "over");
        self.follow();
    }

    /// Delivers a frame as it is.
    pub(crate) fn frame(&mut self, now: u64, bytes: &[u8]) {
        self.machine.frame(micros(now), &mut bytes.to_vec(), &mut self.actions);
        self.follow();
    }

    /// Lets the machine do what is due, and answers what it asks for.
    pub(crate) fn serve(&mut self, now: u64, stand_in: &mut dyn StandIn) {
        if self.machine.deadline().is_some_and(|deadline| deadline <= micros(now)) {
            self.machine.tick(micros(now), &mut self.actions);
        }
        // What an answer makes the machine ask for is answered, too.
        for _ in 0..4 {
            let asked: Vec<_> = self.actions.drain().collect();
            if asked.is_empty() {
                break;
            }
            let mut out = Outbox::default();
            asked.into_iter().for_each(|action| self.answer(now, action, stand_in, &mut out));
            self.take(now, out);
        }
        self.follow();
    }

    fn answer(&mut self, now: u64, action: Action, stand_in: &mut dyn StandIn, out: &mut Outbox) {
        match action {
            Action::Send(text) => stand_in.message(self.conn, &text, now, out),
            Action::Fetch(fetch) => {
                let reply = stand_in.http(&Target::parse(&fetch.path), now);
                let mut body = reply.body.into_bytes();
                let body = if reply.status == 200 { Ok(&mut body) } else { Err("not there".to_owned()) };
                self.machine.fetched(micros(now), &fetch, body, &mut self.actions);
            }
            Action::Reconnect(_) | Action::Renew(_) => {
                self.disconnect(now, stand_in);
                self.connect(now, stand_in);
            }
        }
    }

    /// Takes what the stand-in says to this connection.
    pub(crate) fn take(&mut self, now: u64, out: Outbox) {
        for (_, out) in out.0.into_iter().filter(|(conn, _)| *conn == self.conn) {
            if let Out::Text(text) = out {
                self.machine.frame(micros(now), &mut text.as_bytes().to_vec(), &mut self.actions);
            }
        }
        self.follow();
    }

    /// Messages that could not be read, so far.
    pub(crate) fn malformed(&self) -> u64 {
        self.machine.counters().faults(feed::counters::Fault::Malformed).value()
    }

    /// Reads on in the logs of the books.
    fn follow(&mut self) {
        let registry = self.market.registry();
        for (symbol, book) in &mut self.books {
            let name = format!("{}:{symbol}", self.venue);
            let topic = registry.symbol(&name).and_then(|entry| entry.topic(Channel::Book));
            let Some(handle) = topic else { continue };
            while book.read < handle.topic.head().index {
                book.read += 1;
                let entry = handle.topic.read(book.read).expect("the log is long enough");
                book.take(&entry.record().body);
            }
        }
    }
}

impl Book {
    fn take(&mut self, body: &Body) {
        match body {
            Body::Reset(image) => {
                self.sides = Default::default();
                self.resets += 1;
                self.state = image.state;
                self.set(&image.levels);
            }
            Body::Update(Update::Book(levels)) => self.set(levels),
            Body::State(change) => self.state = change.state,
            _ => {}
        }
    }

    fn set(&mut self, levels: &BookLevels) {
        self.changes += 1;
        for (side, levels) in self.sides.iter_mut().zip([&levels.bids, &levels.asks]) {
            for Level { price, size } in levels {
                if size.is_zero() {
                    side.remove(price)
                } else {
                    side.insert(*price, *size)
                };
            }
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.state == State::Live
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.sides == other.sides
    }
}

fn micros(nanos: u64) -> Micros {
    Micros(nanos / 1_000)
}
