//! Bybit, v5: spot and linear contracts, by the path of the feed's URL.
//!
//! Changes of a book are numbered one by one, and a snapshot begins it anew whenever one comes. `orderbook.1` is whole each
//! time and is where quotes come from. Trades have names, and on linear contracts these are no numbers, so that missing ones
//! cannot be counted: a message about them that cannot be read leaves a mark instead. Tickers of linear contracts tell what has
//! changed. One topic that does not exist has a whole request refused, so its topics are asked for again, each by itself.

use crate::book::{BookDepth, quote_of};
use crate::core::{Core, Offence};
use crate::counters::Fault;
use crate::in_band::{self, InBand, Session};
use crate::machine::{Actions, MachineError};
use crate::market::Market;
use crate::pacer::Pacer;
use crate::publish::Times;
use crate::salvage;
use crate::settings::{Quotes, Settings};
use crate::venue::{Depths, Glance, Profile};
use rustc_hash::FxHashMap;
use schemas::model::{Channel, Micros, Quote, Ticker, Trade};
use schemas::venue::bybit::{self as venue, Message, Reply, Topic};
use schemas::venue::{Parser, VenueError};
use std::sync::Arc;

pub(crate) const PROFILE: Profile = Profile {
    connections,
    depths: Depths::Among(&DEPTHS),
    connects: Pacer::within(500, 300_000_000),
    ..Profile::new("bybit", |settings, market| Ok(Box::new(Bybit::new(settings, market)?)), glance)
};

/// The depths of books, in levels a side.
const DEPTHS: [u16; 4] = [1, 50, 200, 1_000];
/// Comes every 100 or 200 ms; 1,000 levels are many for who asked for none in particular.
const USUAL_DEPTH: u16 = 200;
/// The venue does not say how many requests it takes.
const PACER: Pacer = Pacer::new(100_000, 2_000_000);
const PING_EVERY_US: u64 = 20_000_000;
/// What stands around a topic's name in a request.
const AROUND_A_TOPIC: usize = "\"\",".len();

/// The machine of one connection to Bybit.
pub(crate) type Bybit = InBand<Feed>;

/// What is particular to Bybit.
pub(crate) struct Feed {
    session: Session<Instrument>,
    /// Levels a side of the topic that books are taken from.
    depth: u16,
    last_request: u64,
    /// The topics of the requests that have not been answered, as far as the answer matters.
    asked: FxHashMap<u64, Vec<String>>,
}

/// What is kept of each symbol.
#[derive(Default)]
pub(crate) struct Instrument {
    /// The number of the last message of the book.
    last_id: Option<u64>,
    /// The last quote and its number.
    best: Option<(u64, Quote)>,
    /// The statistics as the changes so far have left them.
    ticker: Option<Ticker>,
}

impl Bybit {
    /// A connection for the symbols of the settings, which exist from here on.
    ///
    /// # Errors
    /// [`MachineError`] if the venue does not have the depth, or the symbols cannot be opened.
    pub(crate) fn new(settings: Settings, market: Arc<Market>) -> Result<Self, MachineError> {
        let depth = depth(&settings)?;
        let session = Session::new(settings, market, PACER)?.with_keepalive(venue::PING, Some(PING_EVERY_US));
        Ok(Self::of(Feed { session, depth, last_request: 0, asked: FxHashMap::default() }))
    }
}

impl in_band::Feed for Feed {
    type Symbol = Instrument;
    type Message<'a> = Message<'a>;
    const PATH: &'static str = "/v5/public/spot";

    fn session(&self) -> &Session<Instrument> {
        &self.session
    }

    fn session_mut(&mut self) -> &mut Session<Instrument> {
        &mut self.session
    }

    fn parse<'a>(frame: &'a mut [u8], parser: &'a mut Parser) -> Result<Message<'a>, VenueError> {
        venue::parse(frame, parser)
    }

    fn subscribe(&mut self, symbols: &[String]) -> Vec<String> {
        let topics = self.topics(symbols);
        self.ask_for(topics, venue::ARGS_PER_REQUEST_MAX)
    }

    fn unsubscribe(&mut self, symbols: &[String]) -> Vec<String> {
        let topics = self.topics(symbols);
        let requests = topics.chunks(venue::ARGS_PER_REQUEST_MAX).map(|topics| {
            self.last_request += 1;
            venue::unsubscribe(topics, self.last_request)
        });
        requests.collect()
    }

    fn subscribe_anew(&mut self, symbol: &str) -> Vec<String> {
        self.anew(Topic::Book { depth: self.depth, symbol })
    }

    fn take(&mut self, rx: Micros, message: Message<'_>, _: &mut Actions) -> Result<(), Offence> {
        match message {
            Message::Book(book) => return self.book(rx, &book),
            Message::Trades { symbol, trades } => self.trades(rx, symbol, trades),
            Message::Ticker { symbol, is_whole, time, ticker } => {
                self.ticker(symbol, is_whole, Times::new(Some(time), rx), ticker);
            }
            Message::Reply(reply) => return self.reply(rx, &reply),
            Message::Pong => {}
            Message::Unknown { name } => return Err(Offence::unknown_kind(name)),
        }
        Ok(())
    }

    /// What is whole each time needs nothing: the next message tells all.
    fn books_in(frame: &[u8]) -> Option<Vec<&str>> {
        let book = |topic| match topic {
            Topic::Book { depth, symbol } if depth > 1 => Some(symbol),
            _ => None,
        };
        let symbols: Vec<_> = topics_in(frame).filter_map(book).collect();
        (!symbols.is_empty()).then_some(symbols)
    }

    fn damaged(&mut self, now: Micros, frame: &[u8]) {
        for topic in topics_in(frame) {
            let Some(at) = self.core().known(topic.symbol()) else { continue };
            let symbol = &mut self.core().symbols[at];
            match topic {
                Topic::Book { .. } => {}
                Topic::Trades { .. } => symbol.out.trades_interrupted("a message that cannot be read", now),
                Topic::Ticker { .. } => {
                    // Whatever it told is missing in all that would be made of further changes.
                    if symbol.data.ticker.take().is_some() {
                        let requests = self.anew(topic);
                        self.session.ask(requests);
                    }
                }
            }
        }
    }

    fn forget(&mut self) {
        self.asked.clear();
    }
}

impl Feed {
    fn core(&mut self) -> &mut Core<Instrument> {
        &mut self.session.core
    }

    /// What is subscribed to of these symbols.
    fn topics(&self, symbols: &[String]) -> Vec<String> {
        let of_symbol = |symbol: &String| topics(&self.session.core.settings, self.depth, symbol);
        symbols.iter().flat_map(of_symbol).collect()
    }

    /// Requests for topics, so many in each, whose answers are awaited. A recording's belong to other requests.
    fn ask_for(&mut self, topics: Vec<String>, of_request: usize) -> Vec<String> {
        let mut requests = Vec::new();
        for topics in topics.chunks(of_request) {
            self.last_request += 1;
            requests.push(venue::subscribe(topics, self.last_request));
            if !self.session.core.settings.is_recorded {
                self.asked.insert(self.last_request, topics.to_vec());
            }
        }
        requests
    }

    /// The requests that end the subscription to a topic and begin it anew.
    fn anew(&mut self, topic: Topic<'_>) -> Vec<String> {
        let topic = [topic.to_string()];
        self.last_request += 2;
        vec![venue::unsubscribe(&topic, self.last_request - 1), venue::subscribe(&topic, self.last_request)]
    }

    fn reply(&mut self, rx: Micros, reply: &Reply<'_>) -> Result<(), Offence> {
        let request = reply.request.parse().ok();
        let asked = request.and_then(|request: u64| self.asked.remove(&request)).unwrap_or_default();
        if reply.success || (reply.is_repeated() && asked.len() == 1) {
            self.granted(rx, &asked);
            return Ok(());
        }
        if asked.len() > 1 {
            let venue = &self.session.core.settings.venue;
            tracing::warn!(%venue, said = reply.message, "a request is refused, and its topics are asked for one by one");
            let requests = self.ask_for(asked, 1);
            self.session.ask(requests);
            return Ok(());
        }
        Err(Offence::new(Fault::Refused, format!("refused: {}", reply.message)))
    }

    fn granted(&mut self, rx: Micros, topics: &[String]) {
        for topic in topics {
            if let Some(Topic::Trades { symbol }) = Topic::parse(topic)
                && let Some(at) = self.core().known(symbol)
            {
                self.core().symbols[at].out.trades_live(rx);
            }
        }
    }

    /// The best bid and ask are a quote; whether they, or which of the other books, are the book is what the depth says.
    fn book(&mut self, rx: Micros, book: &venue::Book<'_>) -> Result<(), Offence> {
        let Some(at) = self.core().place(book.symbol, rx) else { return Ok(()) };
        let times = Times::new(Some(book.time), rx).numbered_within(book.seq, book.update_id as u32);
        if book.depth == 1 && !book.is_whole {
            return Err(Offence::new(Fault::Unknown, "a change of orderbook.1, which is whole each time"));
        }
        if book.depth == 1 {
            self.quote(at, times, book);
        }
        if book.depth != self.depth {
            return Ok(());
        }
        let is_joined = self.session.is_joined(at);
        match book.is_whole {
            true if book.depth == 1 && is_joined => self.session.change_to(at, times, book.bids, book.asks),
            true => self.snapshot(at, times, book),
            false if is_joined => self.update(at, times, book),
            // What still comes of a subscription that was given up.
            false => Ok(()),
        }
    }

    /// After three quiet seconds the same comes again under the same number, which is no new quote.
    fn quote(&mut self, at: usize, times: Times, book: &venue::Book<'_>) {
        let quote = quote_of(book.bids.first(), book.asks.first());
        let best = &mut self.core().symbols[at].data.best;
        let last = best.replace((book.update_id, quote));
        if !last.is_some_and(|(id, last)| id == book.update_id && last.same_digits(&quote)) {
            self.core().quote(at, times, quote);
        }
    }

    fn snapshot(&mut self, at: usize, times: Times, book: &venue::Book<'_>) -> Result<(), Offence> {
        let depth = BookDepth::subscribed(self.core().settings.book_depth, self.depth.into());
        self.core().symbols[at].data.last_id = Some(book.update_id);
        self.session.snapshot_checked(at, times, depth, (book.bids, book.asks), |_| Ok(()))
    }

    fn update(&mut self, at: usize, times: Times, book: &venue::Book<'_>) -> Result<(), Offence> {
        let last_id = &mut self.session.core.symbols[at].data.last_id;
        match last_id.replace(book.update_id) {
            // The same message again.
            Some(last) if last == book.update_id => Ok(()),
            Some(last) if last.checked_add(1) != Some(book.update_id) => {
                let reason = format!("gap: u {} after {last}", book.update_id);
                self.core().counters.gaps.up();
                self.session.resync(at, times.rx, &reason);
                Ok(())
            }
            _ => self.session.change(at, times, book.bids, book.asks),
        }
    }

    fn trades(&mut self, rx: Micros, symbol: &str, trades: Vec<Trade>) {
        let core = self.core();
        let Some(at) = core.place(symbol, rx) else { return };
        let ts = trades.last().and_then(|trade| trade.ts);
        core.symbols[at].out.trades(Times::new(ts, rx), trades.into());
    }

    fn ticker(&mut self, symbol: &str, is_whole: bool, times: Times, told: Ticker) {
        let core = self.core();
        let Some(at) = core.place(symbol, times.rx) else { return };
        let symbol = &mut core.symbols[at];
        let ticker = match (is_whole, &symbol.data.ticker) {
            (true, _) => told,
            (false, Some(last)) if told != Ticker::default() => changed(last, &told),
            // Changes of something unknown, or of what is not told of here.
            (false, _) => return,
        };
        symbol.data.ticker = Some(ticker);
        symbol.out.ticker(times, ticker);
    }
}

/// The statistics with these changes.
fn changed(last: &Ticker, changes: &Ticker) -> Ticker {
    Ticker {
        last: changes.last.or(last.last),
        open: changes.open.or(last.open),
        high: changes.high.or(last.high),
        low: changes.low.or(last.low),
        volume: changes.volume.or(last.volume),
        quote_volume: changes.quote_volume.or(last.quote_volume),
        vwap: changes.vwap.or(last.vwap),
        change_pct: changes.change_pct.or(last.change_pct),
    }
}

/// The topics that a message names which cannot be read.
fn topics_in(frame: &[u8]) -> impl Iterator<Item = Topic<'_>> {
    salvage::strings(frame, "topic").filter_map(Topic::parse)
}

fn depth(settings: &Settings) -> Result<u16, MachineError> {
    settings.depth_among("Bybit", &DEPTHS, USUAL_DEPTH)
}

/// What is subscribed to of a symbol for the channels of the settings.
fn topics(settings: &Settings, depth: u16, symbol: &str) -> Vec<String> {
    let has = |channel| settings.channels.has(channel);
    let quotes = has(Channel::Quotes) && settings.quotes != Quotes::Book;
    let best_is_book = has(Channel::Book) && depth == 1;
    let wanted = [
        (has(Channel::Book), Topic::Book { depth, symbol }),
        (quotes && !best_is_book, Topic::Book { depth: 1, symbol }),
        (has(Channel::Trades), Topic::Trades { symbol }),
        (has(Channel::Ticker), Topic::Ticker { symbol }),
    ];
    wanted.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, topic)| topic.to_string()).collect()
}

/// The settings of as many connections as the topics of all subscriptions need.
fn connections(settings: &Settings) -> Vec<Settings> {
    let depth = depth(settings).unwrap_or(USUAL_DEPTH);
    settings.split(venue::ARGS_BYTES_PER_CONNECTION_MAX, |symbol| {
        topics(settings, depth, symbol).iter().map(|topic| topic.len() + AROUND_A_TOPIC).sum()
    })
}

/// What a frame is.
fn glance(frame: &mut [u8], parser: &mut Parser) -> Glance {
    match venue::parse(frame, parser) {
        Ok(Message::Book(venue::Book { depth: 1, .. })) => Glance::Best,
        Ok(Message::Book(book)) => Glance::Book(book.depth.into()),
        Ok(Message::Trades { .. }) => Glance::Trade,
        _ => Glance::Other,
    }
}

#[cfg(test)]
mod tests;
