//! A venue whose every message is published twice: for the shard, and for a reference that forgets nothing.

use super::truth::Truth;
use feed::book::{Book, BookDepth};
use feed::market::{Market, MarketLimits};
use feed::publish::{SymbolPublishers, Times};
use feed::settings::{Quotes, Settings};
use feed::topic::Table;
use schemas::decimal::Decimal;
use schemas::model::{Body, Channel, Level, Micros, Quote, Side, State, Ticker, Trade, TradeId};
use std::sync::Arc;

/// The names of the symbols, in the order in which they are opened. One is another's beginning, for patterns.
pub(super) const SYMBOLS: [&str; 4] = ["A", "AB", "B", "C"];
/// The name of the topics' life.
pub(super) const EPOCH: &str = "1-1";
/// Entries that the reference keeps of each topic; no history has as many.
const REFERENCE_ENTRIES: usize = 16_384;

/// A topic's number: its symbol's place times the number of channels, and its channel.
pub(super) type TopicNumber = usize;

pub(super) fn number(symbol: usize, channel: Channel) -> TopicNumber {
    symbol * Channel::ALL.len() + channel as usize
}

/// The name of a symbol on the wire.
pub(super) fn name(symbol: usize) -> String {
    format!("m:{}", SYMBOLS[symbol])
}

/// What a venue sends, or what becomes of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    Quote,
    Ticker,
    /// So many trades at once.
    Trades(u8),
    /// Some levels change.
    Book,
    /// A whole new book, without a word that the old one was wrong.
    NewBook,
    /// The book has lost its way; the next message about it is a new one.
    LostBook,
    /// So many trades are missing.
    Loss(u8),
    State(State),
    Suspended,
    Resumed,
}

/// How logs are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Logs {
    pub(super) entries: usize,
    pub(super) bytes_max: usize,
    pub(super) image_every: u32,
}

pub(super) struct Venue {
    served: Arc<Market>,
    reference: Market,
    image_every: u32,
    symbols: Vec<Listed>,
    pub(super) truths: Vec<Truth>,
    /// Topics in which something must be told at once, with its `seq`, since this was last asked.
    pub(super) marks: Vec<(TopicNumber, u64)>,
    now: u64,
}

struct Listed {
    publishers: [SymbolPublishers; 2],
    book: Book,
    has_book: bool,
}

impl Listed {
    fn both(&mut self, publish: impl Fn(&mut SymbolPublishers, &Book)) {
        for publishers in &mut self.publishers {
            publish(publishers, &self.book);
        }
    }
}

pub(super) fn table(logs: Logs, wake: Box<dyn table::Wake>) -> (Arc<Table>, Arc<Market>) {
    let table = Arc::new(Table::new(64, logs.bytes_max, vec![wake]));
    (Arc::clone(&table), Arc::new(market(table, logs.entries)))
}

fn market(table: Arc<Table>, log_entries: usize) -> Market {
    let limits = MarketLimits {
        symbols_max: SYMBOLS.len(),
        trades_log_entries: log_entries,
        book_log_entries: log_entries,
        other_log_entries: log_entries,
    };
    Market::new(table, limits)
}

impl Venue {
    pub(super) fn new(served: Arc<Market>, image_every: u32) -> Self {
        let table = Arc::new(Table::new(64, usize::MAX, Vec::new()));
        let reference = market(table, REFERENCE_ENTRIES);
        let (symbols, truths, marks) = (Vec::new(), Vec::new(), Vec::new());
        Self { served, reference, image_every, symbols, truths, marks, now: 1_000 }
    }

    /// How many symbols there are.
    pub(super) fn symbols(&self) -> usize {
        self.symbols.len()
    }

    /// Opens the next symbol, if there is one.
    pub(super) fn open(&mut self) -> Option<usize> {
        let at = self.symbols.len();
        let name = *SYMBOLS.get(at)?;
        let quotes = if at.is_multiple_of(2) { Quotes::Stream } else { Quotes::Book };
        let settings = Settings { quotes, image_every: self.image_every, ..Settings::new("m", EPOCH) };
        let open = |market: &Market| market.open(&settings, &[name]).expect("a new symbol").remove(0);
        let publishers = [open(&self.served), open(&self.reference)];
        for channel in Channel::ALL {
            let [served, reference] =
                [0, 1].map(|at| Arc::clone(publishers[at].symbol().topic(channel).expect("all channels")));
            self.truths.push(Truth::new(served, reference));
        }
        let book = Book::new(BookDepth { published: 10, levels_max: 14 });
        self.symbols.push(Listed { publishers, book, has_book: false });
        Some(at)
    }

    /// Publishes a message so many times, each time with other figures.
    pub(super) fn send(&mut self, symbol: usize, message: Message, times: u16) {
        for _ in 0..times {
            self.send_once(symbol, message);
        }
        for topic in number(symbol, Channel::ALL[0])..number(symbol + 1, Channel::ALL[0]) {
            let seen = self.truths[topic].look();
            let is_told_at_once = |body: &Body| {
                topic % Channel::ALL.len() == Channel::Status as usize || !matches!(body, Body::Update(_))
            };
            let marks = self.truths[topic]
                .entries_from(seen)
                .iter()
                .filter(|entry| is_told_at_once(&entry.record().body));
            self.marks.extend(marks.map(|entry| (topic, entry.last())));
        }
    }

    fn send_once(&mut self, symbol: usize, message: Message) {
        self.now += 1;
        let now = self.now;
        let rx = Micros(now);
        let times = Times::new((!now.is_multiple_of(3)).then_some(Micros(now - 1)), rx);
        let listed = &mut self.symbols[symbol];
        match message {
            Message::Quote => listed.both(|publishers, _| publishers.quote(times, quote(now))),
            Message::Ticker => listed.both(|publishers, _| publishers.ticker(times, ticker(now))),
            Message::Trades(count) => {
                let trades = || (0..u64::from(count)).map(|n| trade(now * 10 + n)).collect();
                listed.both(|publishers, _| publishers.trades(times, trades()));
            }
            Message::Book if listed.has_book => {
                let (bids, asks) = (changes(now, 0), changes(now / 3, 20));
                let delta = listed.book.apply(&bids, &asks).expect("sizes are not negative");
                if let Some(delta) = delta {
                    listed.both(|publishers, book| publishers.book_update(times, delta.clone(), book));
                }
            }
            Message::Book | Message::NewBook => {
                let side = |from: u64| (0..3).flat_map(|n| changes(now + n, from)).collect::<Vec<_>>();
                listed.book.reset(&side(0), &side(20)).expect("sizes are not negative");
                listed.has_book = true;
                listed.both(|publishers, book| publishers.book_reset(times, book));
            }
            Message::LostBook => {
                listed.has_book = false;
                listed.both(|publishers, _| publishers.book_resyncing("lost", rx));
            }
            Message::Loss(lost) => listed.both(|publishers, _| publishers.loss(u64::from(lost), rx)),
            Message::State(state) => {
                let reason = if now.is_multiple_of(2) { "" } else { "a \"word\"" };
                listed.both(|publishers, _| publishers.state_of_all(state, reason, rx));
            }
            Message::Suspended => {
                listed.both(|publishers, _| publishers.suspend(State::Stale, "silence", rx))
            }
            Message::Resumed => listed.both(|publishers, _| publishers.resume(rx)),
        }
    }
}

fn decimal(value: u64, scale: u32) -> Option<Decimal> {
    Some(Decimal::new(i128::from(value), scale))
}

fn quote(now: u64) -> Quote {
    Quote { bid: decimal(now, 1), bid_size: None, ask: decimal(now + 5, 1), ask_size: decimal(now % 7, 0) }
}

fn ticker(now: u64) -> Ticker {
    Ticker { last: decimal(now, 2), volume: decimal(now, 0), ..Ticker::default() }
}

fn trade(number: u64) -> Trade {
    Trade {
        id: Some(TradeId::Number(number)),
        ts: None,
        price: Decimal::new(i128::from(number), 2),
        size: Decimal::new(1, 0),
        side: Some(if number.is_multiple_of(2) { Side::Buy } else { Side::Sell }),
    }
}

/// Two levels of a few that there are, now with one number of digits and now with another; size zero deletes.
fn changes(now: u64, from: u64) -> Vec<Level> {
    let level = |at: u64, size: u64| Level {
        price: Decimal::new(
            i128::from((from + at % 16) * if at.is_multiple_of(5) { 10 } else { 1 }),
            u32::from(at.is_multiple_of(5)),
        ),
        size: Decimal::new(i128::from(size % 4), 0),
    };
    vec![level(now.wrapping_mul(7), now), level(now.wrapping_mul(11), now / 2)]
}
