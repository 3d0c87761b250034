//! A machine that is connected, its books begun, with shards that want all its topics.

use crate::frames::{Kind, binance, coinbase, kraken};
use crate::{Awake, LOG_BYTES_MAX};
use feed::machine::{Actions, Fetch, Machine, Purpose};
use feed::market::{Market, MarketLimits};
use feed::settings::{Quotes, Settings};
use feed::topic::{Table, Topic};
use feed::venue::Venue;
use schemas::model::{Channel, Micros};
use std::sync::Arc;

/// Symbols of the connection; one after the other has its frame.
pub const SYMBOLS: usize = 20;

/// When the connection is made.
const BEGIN: Micros = Micros(1_783_465_157_000_000);

/// A machine, and what it publishes to.
pub struct WayIn {
    machine: Box<dyn Machine>,
    table: Arc<Table>,
    /// The topics of the channel that is looked at.
    topics: Vec<Arc<Topic>>,
    actions: Actions,
    kind: Kind,
    number: u64,
    rx: Micros,
}

impl WayIn {
    /// A machine of this venue that takes frames of this kind, and publishes an image of a book each so many entries.
    ///
    /// # Panics
    /// If the venue has no machine for it, or does not publish what it should.
    #[must_use]
    pub fn new(venue: Venue, kind: Kind, image_every: u32) -> Self {
        let table = Arc::new(Table::new(1_000, LOG_BYTES_MAX, vec![Box::new(Awake)]));
        // Short logs are full soon: then each entry drops one, as in a broker that has run for a while.
        let limits = MarketLimits {
            trades_log_entries: 256,
            book_log_entries: 256,
            other_log_entries: 256,
            ..MarketLimits::default()
        };
        let market = Arc::new(Market::new(Arc::clone(&table), limits));
        let settings = Settings {
            symbols: (0..SYMBOLS).map(|symbol| name(venue, symbol)).collect(),
            image_every,
            // As decided after a moment, when the venue has sent its first quote.
            quotes: Quotes::Stream,
            ..Settings::new(venue.name(), "6b01777b-6e2c")
        };
        let machine = venue.machine(settings, Arc::clone(&market)).expect("a machine");
        let registry = market.registry();
        let of_channel = |entry: &Arc<feed::market::SymbolEntry>| entry.topic(kind.channel).cloned();
        let topics: Vec<_> = registry
            .symbols()
            .iter()
            .filter_map(of_channel)
            .map(|handle| Arc::clone(&handle.topic))
            .collect();
        for topic in table.topics() {
            drop(topic.join(0));
            let _ = topic.be_prompt(0);
        }
        let mut way_in = Self { machine, table, topics, actions: Actions::new(), kind, number: 0, rx: BEGIN };
        way_in.begin(venue);
        way_in
    }

    fn begin(&mut self, venue: Venue) {
        self.machine.connected(self.rx, &mut self.actions);
        for symbol in 0..SYMBOLS {
            match venue {
                Venue::Binance => {
                    // A snapshot joins with the event that follows it.
                    let fetch = Fetch { path: String::new(), purpose: Purpose::Depth(name(venue, symbol)) };
                    let mut body = binance::depth_body().into_bytes();
                    self.machine.fetched(self.rx, &fetch, Ok(&mut body), &mut self.actions);
                }
                Venue::Coinbase => self.receive(&mut coinbase::snapshot(symbol).into_bytes()),
                Venue::Kraken => self.receive(&mut kraken::snapshot(symbol).into_bytes()),
                _ => {}
            }
        }
        // The first round finds out where quotes come from, brings the topics to life and begins their logs.
        let mut frames = self.next_round();
        frames.iter_mut().for_each(|frame| self.receive(frame));
        assert!(self.machine.is_live() || self.kind.channel != Channel::Book, "the books have begun");
    }

    /// The next frame of each symbol.
    pub fn next_round(&mut self) -> Vec<Vec<u8>> {
        self.number += 1;
        (0..SYMBOLS).map(|symbol| (self.kind.write)(symbol, self.number).into_bytes()).collect()
    }

    /// What is measured: from the bytes of a frame to an entry in the table, the shard marked.
    #[inline]
    pub fn receive(&mut self, frame: &mut Vec<u8>) {
        self.rx = self.rx.plus(50);
        self.machine.frame(self.rx, frame, &mut self.actions);
    }

    /// The entries published on the channel that is looked at.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.topics.iter().map(|topic| topic.head().index).sum()
    }

    /// The shard takes its topics, so that the next entry of each marks it anew.
    pub fn drain(&mut self) {
        self.table.drain(0, |_| {});
    }
}

fn name(venue: Venue, symbol: usize) -> String {
    match venue {
        Venue::Binance => binance::symbol(symbol),
        Venue::Coinbase => coinbase::symbol(symbol),
        Venue::Kraken => kraken::symbol(symbol),
        _ => format!("S{symbol:02}"),
    }
}
