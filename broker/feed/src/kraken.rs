//! Kraken, WebSocket v2.
//!
//! A book has no numbers: each message carries the checksum of the ten best levels as they should be after it, and the
//! book is cut to the subscribed depth, since the venue deletes nothing that drops out of it. A book whose checksum differs
//! is subscribed to anew. Trades are numbered.

use crate::book::{Book, BookDepth};
use crate::core::{Core, Offence};
use crate::counters::{Fault, FeedCounters};
use crate::crossing::Verdict;
use crate::machine::{Actions, Fetch, Machine};
use crate::market::{Market, MarketError};
use crate::pacer::backoff_us;
use crate::publish::Times;
use crate::salvage;
use crate::settings::{Quotes, Settings};
use crate::timers::Timers;
use crate::venue::Glance;
use schemas::model::{Channel, Micros, Trade, TradeId};
use schemas::venue::Parser;
use schemas::venue::kraken::{self as venue, BOOK_DEPTHS, Message, Reply, Subscription};
use std::ops::Range;
use std::sync::Arc;

/// How long a snapshot may take before it is asked for again.
const SNAPSHOT_WITHIN_US: u64 = 10_000_000;
/// A book that was right for so long counts as sound when it breaks.
const SOUND_AFTER_US: u64 = 60_000_000;
const FIRST_RETRY_US: u64 = 1_000_000;
const LONGEST_RETRY_US: u64 = 30_000_000;

/// Why a connection to Kraken cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KrakenError {
    /// The venue does not offer this depth.
    #[error("depth: Kraken offers {BOOK_DEPTHS:?} levels, not {0}")]
    Depth(usize),
    /// The symbols cannot be opened.
    #[error(transparent)]
    Market(#[from] MarketError),
}

/// The machine of one connection to Kraken.
pub struct Kraken {
    parser: Parser,
    feed: Feed,
}

struct Feed {
    core: Core<Pair>,
    depth: u16,
    request_id: u64,
    /// The requests for tickers, so that it is known when one is refused.
    ticker_requests: Range<u64>,
    /// When the book of a pair is to be subscribed to anew.
    resubscribe: Timers,
}

/// What is kept of each symbol.
#[derive(Default)]
struct Pair {
    /// Since when the book follows the venue's; none while a snapshot is awaited.
    joined: Option<Micros>,
    /// The depth that was granted.
    depth: Option<usize>,
    /// Breaks in a row.
    failures: u32,
}

impl Kraken {
    /// A connection for the symbols of the settings, which exist from here on.
    ///
    /// # Errors
    /// [`KrakenError`] if the venue does not have the depth, or the symbols cannot be opened.
    pub fn new(settings: Settings, market: Arc<Market>) -> Result<Self, KrakenError> {
        let depth = match settings.depth {
            Some(depth) => offered(depth).ok_or(KrakenError::Depth(depth))?,
            None => offered_from(settings.book_depth),
        };
        let settings = Settings { separator: Some('/'), ..settings };
        let feed = Feed {
            core: Core::new(settings, market)?,
            depth,
            request_id: 1,
            ticker_requests: 0..0,
            resubscribe: Timers::default(),
        };
        Ok(Self { parser: Parser::default(), feed })
    }
}

impl Machine for Kraken {
    fn dial(&self) -> String {
        "/v2".to_owned()
    }

    fn connected(&mut self, now: Micros, actions: &mut Actions) {
        self.feed.connected(now, actions);
    }

    fn frame(&mut self, rx: Micros, frame: &mut Vec<u8>, _actions: &mut Actions) {
        let Self { parser, feed } = self;
        feed.core.received(rx, frame.len());
        match venue::parse(frame, parser).map(|message| feed.take(rx, message)) {
            Ok(Ok(())) => {}
            Ok(Err(offence)) => feed.core.offence(rx, &offence, frame),
            Err(error) => {
                feed.core.fault(rx, Fault::Malformed, &error, frame);
                feed.damaged(rx, frame);
            }
        }
    }

    fn fetched(&mut self, _: Micros, _: &Fetch, _: Result<&mut Vec<u8>, String>, _: &mut Actions) {}

    fn disconnected(&mut self, now: Micros, reason: &str) {
        self.feed.core.disconnected(now, reason);
        self.feed.resubscribe.clear();
        self.feed.core.symbols.iter_mut().for_each(|symbol| symbol.data = Pair::default());
    }

    fn deadline(&self) -> Option<Micros> {
        [self.feed.core.deadline(), self.feed.resubscribe.deadline()].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Micros, actions: &mut Actions) {
        self.feed.core.tick(now, actions);
        while let Some(at) = self.feed.resubscribe.next(now) {
            self.feed.resubscribe(at, now, actions);
        }
    }

    fn counters(&self) -> &Arc<FeedCounters> {
        &self.feed.core.counters
    }

    fn is_live(&self) -> bool {
        self.feed.core.is_live()
    }
}

impl Feed {
    fn connected(&mut self, now: Micros, actions: &mut Actions) {
        self.core.connected(now);
        let channels = self.core.settings.channels;
        let names = self.core.settings.symbols.clone();
        if channels.has(Channel::Book) {
            self.subscribe(Subscription::Book { depth: self.depth }, &names, actions);
            let open = self.core.symbols.len();
            (0..open).for_each(|at| self.resubscribe.set(at, now.plus(SNAPSHOT_WITHIN_US)));
        }
        if channels.has(Channel::Trades) {
            // The last trades tell what was missed while there was no connection.
            self.subscribe(Subscription::Trade { snapshot: true }, &names, actions);
        }
        let quotes = channels.has(Channel::Quotes) && self.core.settings.quotes != Quotes::Book;
        if quotes || channels.has(Channel::Ticker) {
            let first = self.request_id;
            self.subscribe(Subscription::Ticker, &names, actions);
            self.ticker_requests = first..self.request_id;
        }
    }

    fn subscribe(&mut self, subscription: Subscription, names: &[String], actions: &mut Actions) {
        for request in venue::subscribe(subscription, names, self.request_id) {
            self.request_id += 1;
            actions.send(request);
        }
    }

    fn take(&mut self, rx: Micros, message: Message<'_>) -> Result<(), Offence> {
        match message {
            Message::Book { snapshot, books } => {
                let mut outcome = Ok(());
                for book in books {
                    // One that is bad does not keep back the others.
                    let next = self.book(rx, snapshot, &book);
                    outcome = outcome.and(next);
                }
                outcome
            }
            Message::Trades { snapshot, trades } => {
                for of_symbol in trades {
                    self.trades(rx, snapshot, of_symbol);
                }
                Ok(())
            }
            Message::Ticker { tickers } => {
                for ticker in tickers {
                    self.ticker(rx, &ticker);
                }
                Ok(())
            }
            Message::Reply(reply) => self.reply(rx, &reply),
            Message::Status { system, .. } => {
                self.status(rx, system);
                Ok(())
            }
            Message::Heartbeat | Message::Pong { .. } | Message::Instruments { .. } => Ok(()),
            Message::Unknown { name } => {
                let name = name.unwrap_or("none");
                Err(Offence::new(Fault::Unknown, format!("a message of unknown kind {name}")))
            }
        }
    }

    fn book(&mut self, rx: Micros, is_snapshot: bool, part: &venue::Book<'_>) -> Result<(), Offence> {
        let Some(at) = self.core.place(part.symbol, rx) else { return Ok(()) };
        let times = Times::new(part.time, rx);
        match (is_snapshot, self.core.symbols[at].data.joined) {
            (true, _) => self.snapshot(at, times, part),
            (false, Some(_)) => self.update(at, times, part),
            // What still comes of a subscription that was given up.
            (false, None) => Ok(()),
        }
    }

    /// A whole book: the first one, or one after a break; one that comes out of the blue is a new beginning, too.
    fn snapshot(&mut self, at: usize, times: Times, part: &venue::Book<'_>) -> Result<(), Offence> {
        let symbol = &mut self.core.symbols[at];
        // A recording may lack the reply, and then the first snapshot shows how deep books were asked for.
        let seen = offered_from(part.bids.len().max(part.asks.len()));
        let asked = if self.core.settings.is_recorded { seen } else { self.depth };
        let depth = symbol.data.depth.or(self.core.settings.depth).unwrap_or(asked.into());
        symbol.book = Book::new(BookDepth::subscribed(self.core.settings.book_depth, depth));
        if let Err(impossible) = symbol.book.reset(part.bids, part.asks) {
            return self.broken(at, times.rx, Offence::impossible(part.symbol, &impossible));
        }
        if symbol.book.checksum() != part.checksum {
            self.mismatch(at, times.rx, part.checksum);
            return Ok(());
        }
        symbol.data.joined = Some(times.rx);
        symbol.out.book_reset(times, &symbol.book);
        self.core.book_began(times.rx);
        self.resubscribe.unset(at);
        Ok(())
    }

    fn update(&mut self, at: usize, times: Times, part: &venue::Book<'_>) -> Result<(), Offence> {
        let symbol = &mut self.core.symbols[at];
        let delta = match symbol.book.apply(part.bids, part.asks) {
            Ok(delta) => delta,
            Err(impossible) => {
                return self.broken(at, times.rx, Offence::impossible(part.symbol, &impossible));
            }
        };
        if symbol.book.checksum() != part.checksum {
            self.mismatch(at, times.rx, part.checksum);
            return Ok(());
        }
        if let Some(delta) = delta {
            symbol.out.book_update(times, delta, &symbol.book);
        }
        // That it is right, however long it stays so, is what the checksum says.
        match symbol.crossing.look(symbol.book.is_crossed(), times.rx) {
            Verdict::Began => Err(Offence::crossed(part.symbol)),
            Verdict::Fine | Verdict::Persists => Ok(()),
        }
    }

    fn mismatch(&mut self, at: usize, now: Micros, expected: u32) {
        let symbol = &self.core.symbols[at];
        let reason = format!("checksum {}, the venue's is {expected}", symbol.book.checksum());
        self.core.counters.checksum_failures.up();
        let name = symbol.name.clone();
        self.core.warn(now, &reason, name.as_bytes());
        self.resync(at, now, &reason);
    }

    fn broken(&mut self, at: usize, now: Micros, offence: Offence) -> Result<(), Offence> {
        self.resync(at, now, &offence.what);
        Err(offence)
    }

    fn resync(&mut self, at: usize, now: Micros, reason: &str) {
        self.core.resyncing(at, reason, now);
        let pair = &mut self.core.symbols[at].data;
        let was_sound = pair.joined.take().is_some_and(|joined| now.since(joined) >= SOUND_AFTER_US);
        let wait_us = match pair.failures {
            0 => 0,
            _ if was_sound => 0,
            failures => backoff_us(failures, FIRST_RETRY_US, LONGEST_RETRY_US),
        };
        pair.failures = if was_sound { 1 } else { pair.failures.saturating_add(1) };
        self.resubscribe.set(at, now.plus(wait_us));
    }

    /// Asks for the book of a pair anew, and again if that leads to nothing.
    fn resubscribe(&mut self, at: usize, now: Micros, actions: &mut Actions) {
        let subscription = Subscription::Book { depth: self.depth };
        let name = [self.core.symbols[at].name.to_string()];
        for request in venue::unsubscribe(subscription, &name, self.request_id) {
            self.request_id += 1;
            actions.send(request);
        }
        self.subscribe(subscription, &name, actions);
        let pair = &mut self.core.symbols[at].data;
        let wait_us = backoff_us(pair.failures, SNAPSHOT_WITHIN_US, 6 * SNAPSHOT_WITHIN_US);
        pair.failures = pair.failures.saturating_add(1);
        self.resubscribe.set(at, now.plus(wait_us));
    }

    fn trades(&mut self, rx: Micros, is_snapshot: bool, of_symbol: venue::Trades<'_>) {
        let Some(at) = self.core.place(of_symbol.symbol, rx) else { return };
        let mut trades: Vec<_> = of_symbol.trades.into_iter().filter_map(numbered).collect();
        if is_snapshot {
            trades.sort_by_key(|(id, _)| *id);
            let Some((newest, _)) = trades.last() else { return };
            // At first they are from before our time; later they hold what was missed.
            if self.core.symbols[at].trade_ids.begin_behind(*newest) {
                return;
            }
        }
        let ts = trades.last().and_then(|(_, trade)| trade.ts);
        self.core.trades(at, Times::new(ts, rx), trades.into_iter());
    }

    fn ticker(&mut self, rx: Micros, part: &venue::SymbolTicker<'_>) {
        let Some(at) = self.core.place(part.symbol, rx) else { return };
        let times = Times::new(part.time, rx);
        self.core.quote(at, times, part.quote);
        self.core.symbols[at].out.ticker(times, part.ticker);
    }

    fn reply(&mut self, rx: Micros, reply: &Reply<'_>) -> Result<(), Offence> {
        if let Some(error) = reply.error {
            self.refused(reply);
            return Err(Offence::new(Fault::Refused, format!("refused: {error}")));
        }
        let granted = reply.symbol.filter(|_| reply.method == Some("subscribe"));
        let Some(at) = granted.and_then(|symbol| self.core.place(symbol, rx)) else { return Ok(()) };
        let symbol = &mut self.core.symbols[at];
        match reply.channel {
            Some("book") => symbol.data.depth = reply.depth.and_then(|depth| usize::try_from(depth).ok()),
            Some("trade") => symbol.out.trades_live(rx),
            _ => {}
        }
        Ok(())
    }

    /// Without tickers the book's top stands in for quotes, unless the settings want it otherwise.
    fn refused(&mut self, reply: &Reply<'_>) {
        let is_ticker = reply.req_id.is_some_and(|id| self.ticker_requests.contains(&id));
        if !is_ticker || self.core.settings.quotes != Quotes::Auto {
            return;
        }
        if let Some(at) = reply.symbol.and_then(|symbol| self.core.known(symbol)) {
            self.core.symbols[at].out.quotes_from_book();
        }
    }

    fn status(&mut self, now: Micros, system: &str) {
        if system == "maintenance" {
            self.core.halt(now, "the venue is in maintenance");
        } else {
            self.core.unhalt(now);
        }
    }

    /// A message about a book that cannot be read is a change that is missing there.
    fn damaged(&mut self, now: Micros, frame: &[u8]) {
        if !salvage::strings(frame, "channel").any(|channel| channel == "book") {
            return;
        }
        let named: Vec<_> =
            salvage::strings(frame, "symbol").filter_map(|symbol| self.core.known(symbol)).collect();
        let about = if named.is_empty() { (0..self.core.symbols.len()).collect() } else { named };
        for at in about {
            if self.core.symbols[at].data.joined.is_some() {
                self.resync(at, now, "a message that cannot be read");
            }
        }
    }
}

fn numbered(trade: Trade) -> Option<(u64, Trade)> {
    match trade.id {
        Some(TradeId::Number(id)) => Some((id, trade)),
        _ => None,
    }
}

fn offered(depth: usize) -> Option<u16> {
    BOOK_DEPTHS.into_iter().find(|offered| usize::from(*offered) == depth)
}

/// The smallest depth that the venue offers and that holds so many levels.
fn offered_from(levels: usize) -> u16 {
    let last = BOOK_DEPTHS[BOOK_DEPTHS.len() - 1];
    BOOK_DEPTHS.into_iter().find(|offered| usize::from(*offered) >= levels).unwrap_or(last)
}

/// What a frame is.
pub(crate) fn glance(frame: &[u8], parser: &mut Parser) -> Glance {
    match venue::parse(frame, parser) {
        Ok(Message::Ticker { .. }) => Glance::Quote,
        Ok(Message::Trades { .. }) => Glance::Trade,
        Ok(Message::Reply(Reply { channel: Some("book"), depth: Some(depth), error: None, .. })) => {
            let depth = usize::try_from(depth).ok().filter(|depth| offered(*depth).is_some());
            depth.map_or(Glance::Other, Glance::Granted)
        }
        _ => Glance::Other,
    }
}

#[cfg(test)]
mod tests;
