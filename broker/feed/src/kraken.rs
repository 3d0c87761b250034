//! Kraken, WebSocket v2.
//!
//! A book has no numbers: each message carries the checksum of the ten best levels as they should be after it, and the
//! book is cut to the subscribed depth, since the venue deletes nothing that drops out of it. A book whose checksum differs
//! is subscribed to anew. Trades are numbered.

use crate::book::{Book, BookDepth};
use crate::core::{Core, Offence};
use crate::counters::Fault;
use crate::in_band::{self, InBand, Mismatch, Session};
use crate::machine::{Actions, MachineError};
use crate::market::Market;
use crate::pacer::Pacer;
use crate::publish::Times;
use crate::salvage;
use crate::settings::{Quotes, Settings};
use crate::venue::{Depths, Glance, Profile};
use schemas::model::{Channel, Micros, Trade, TradeId};
use schemas::venue::kraken::{self as venue, BOOK_DEPTHS, Message, Reply, Subscription};
use schemas::venue::{Parser, VenueError};
use std::ops::Range;
use std::sync::Arc;

pub(crate) const PROFILE: Profile = Profile {
    depths: Depths::Among(&BOOK_DEPTHS),
    connects: Pacer::within(150, 600_000_000),
    ..Profile::new("kraken", |settings, market| Ok(Box::new(Kraken::new(settings, market)?)), glance)
};

/// The venue does not say how many messages it takes, only that there is a limit.
const PACER: Pacer = Pacer::new(100_000, 2_000_000);

/// The machine of one connection to Kraken.
pub(crate) type Kraken = InBand<Feed>;

/// What is particular to Kraken.
pub(crate) struct Feed {
    session: Session<Pair>,
    depth: u16,
    request_id: u64,
    /// The requests for tickers, so that it is known when one is refused.
    ticker_requests: Range<u64>,
}

/// What is kept of each symbol.
#[derive(Default)]
pub(crate) struct Pair {
    /// The depth that was granted.
    depth: Option<usize>,
}

impl Kraken {
    /// A connection for the symbols of the settings, which exist from here on.
    ///
    /// # Errors
    /// [`MachineError`] if the venue does not have the depth, or the symbols cannot be opened.
    pub(crate) fn new(settings: Settings, market: Arc<Market>) -> Result<Self, MachineError> {
        let depth = match settings.depth {
            Some(asked) => {
                let refused = MachineError::Depth { venue: "Kraken", offered: &BOOK_DEPTHS, asked };
                offered(asked).ok_or(refused)?
            }
            None => offered_from(settings.book_depth),
        };
        let settings = Settings { separator: Some('/'), ..settings };
        let session = Session::new(settings, market, PACER)?;
        Ok(Self::of(Feed { session, depth, request_id: 1, ticker_requests: 0..0 }))
    }
}

impl in_band::Feed for Feed {
    type Symbol = Pair;
    type Message<'a> = Message<'a>;
    const PATH: &'static str = "/v2";

    fn session(&self) -> &Session<Pair> {
        &self.session
    }

    fn session_mut(&mut self) -> &mut Session<Pair> {
        &mut self.session
    }

    fn parse<'a>(frame: &'a mut [u8], parser: &'a mut Parser) -> Result<Message<'a>, VenueError> {
        venue::parse(frame, parser)
    }

    fn subscribe(&mut self, names: &[String]) -> Vec<String> {
        let mut requests = Vec::new();
        for subscription in self.subscriptions() {
            let first = self.request_id;
            requests.extend(self.request(subscription, names));
            if matches!(subscription, Subscription::Ticker) {
                self.ticker_requests = first..self.request_id;
            }
        }
        requests
    }

    fn unsubscribe(&mut self, names: &[String]) -> Vec<String> {
        let mut requests = Vec::new();
        for subscription in self.subscriptions() {
            let ended = venue::unsubscribe(subscription, names, self.request_id);
            self.request_id += ended.len() as u64;
            requests.extend(ended);
        }
        requests
    }

    fn subscribe_anew(&mut self, symbol: &str) -> Vec<String> {
        let subscription = Subscription::Book { depth: self.depth };
        let mut requests = venue::unsubscribe(subscription, &[symbol], self.request_id);
        self.request_id += requests.len() as u64;
        requests.extend(self.request(subscription, &[symbol]));
        requests
    }

    fn take(&mut self, rx: Micros, message: Message<'_>, _: &mut Actions) -> Result<(), Offence> {
        match message {
            Message::Book { snapshot, books } => {
                let mut outcome = Ok(());
                for book in books {
                    // One that is bad does not keep back the others.
                    let next = self.book(rx, snapshot, &book);
                    outcome = outcome.and(next);
                }
                return outcome;
            }
            Message::Trades { snapshot, trades } => {
                trades.into_iter().for_each(|of_symbol| self.trades(rx, snapshot, of_symbol));
            }
            Message::Ticker { tickers } => tickers.iter().for_each(|ticker| self.ticker(rx, ticker)),
            Message::Reply(reply) => return self.reply(rx, &reply),
            Message::Status { system, .. } => self.status(rx, system),
            Message::Heartbeat | Message::Pong { .. } | Message::Instruments { .. } => {}
            Message::Unknown { name } => return Err(Offence::unknown_kind(name)),
        }
        Ok(())
    }

    fn books_in(frame: &[u8]) -> Option<Vec<&str>> {
        salvage::about(frame, "channel", |channel| channel == "book", "symbol")
    }
}

impl Feed {
    fn core(&mut self) -> &mut Core<Pair> {
        &mut self.session.core
    }

    /// What is subscribed to for the channels of the settings.
    fn subscriptions(&self) -> Vec<Subscription> {
        let Settings { channels, quotes, .. } = self.session.core.settings;
        let has_quotes = channels.has(Channel::Quotes) && quotes != Quotes::Book;
        let wanted = [
            (channels.has(Channel::Book), Subscription::Book { depth: self.depth }),
            // The last trades tell what was missed while there was no connection.
            (channels.has(Channel::Trades), Subscription::Trade { snapshot: true }),
            (has_quotes || channels.has(Channel::Ticker), Subscription::Ticker),
        ];
        wanted.into_iter().filter_map(|(is_wanted, subscription)| is_wanted.then_some(subscription)).collect()
    }

    fn request<S: AsRef<str>>(&mut self, subscription: Subscription, names: &[S]) -> Vec<String> {
        let requests = venue::subscribe(subscription, names, self.request_id);
        self.request_id += requests.len() as u64;
        requests
    }

    fn book(&mut self, rx: Micros, is_snapshot: bool, part: &venue::Book<'_>) -> Result<(), Offence> {
        let Some(at) = self.core().place(part.symbol, rx) else { return Ok(()) };
        let (times, sides) = (Times::new(part.time, rx), (part.bids, part.asks));
        let check = |book: &Book| match book.checksum() {
            ours if ours == part.checksum => Ok(()),
            ours => Err(Mismatch { ours: ours.into(), theirs: part.checksum.into() }),
        };
        if !is_snapshot {
            return self.session.change_checked(at, times, sides, check);
        }
        // The first one, or one after a break; one that comes out of the blue is a new beginning, too.
        let depth = self.depth_of(at, part.bids.len().max(part.asks.len()));
        self.session.snapshot_checked(at, times, depth, sides, check)
    }

    /// How deep a book is that begins with so many levels.
    fn depth_of(&self, at: usize, levels: usize) -> BookDepth {
        let Core { settings, symbols, .. } = &self.session.core;
        // A recording may lack the reply, and then the first snapshot shows how deep books were asked for.
        let asked = if settings.is_recorded { offered_from(levels) } else { self.depth };
        let depth = symbols[at].data.depth.or(settings.depth).unwrap_or(asked.into());
        BookDepth::subscribed(settings.book_depth, depth)
    }

    fn trades(&mut self, rx: Micros, is_snapshot: bool, of_symbol: venue::Trades<'_>) {
        let core = self.core();
        let Some(at) = core.place(of_symbol.symbol, rx) else { return };
        let mut trades: Vec<_> = of_symbol.trades.into_iter().filter_map(numbered).collect();
        if is_snapshot {
            trades.sort_by_key(|(id, _)| *id);
            let Some((newest, _)) = trades.last() else { return };
            // At first they are from before our time; later they hold what was missed.
            if core.symbols[at].trade_ids.begin_behind(*newest) {
                return;
            }
        }
        let ts = trades.last().and_then(|(_, trade)| trade.ts);
        core.trades(at, Times::new(ts, rx), trades.into_iter());
    }

    fn ticker(&mut self, rx: Micros, part: &venue::SymbolTicker<'_>) {
        let core = self.core();
        let Some(at) = core.place(part.symbol, rx) else { return };
        let times = Times::new(part.time, rx);
        core.quote(at, times, part.quote);
        core.symbols[at].out.ticker(times, part.ticker);
    }

    fn reply(&mut self, rx: Micros, reply: &Reply<'_>) -> Result<(), Offence> {
        if let Some(error) = reply.error {
            self.refused(reply);
            return Err(Offence::new(Fault::Refused, format!("refused: {error}")));
        }
        let granted = reply.symbol.filter(|_| reply.method == Some("subscribe"));
        let Some(at) = granted.and_then(|symbol| self.core().named(symbol, rx)) else { return Ok(()) };
        let symbol = &mut self.core().symbols[at];
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
        if !is_ticker || self.core().settings.quotes != Quotes::Auto {
            return;
        }
        if let Some(at) = reply.symbol.and_then(|symbol| self.core().known(symbol)) {
            self.core().symbols[at].out.quotes_from_book();
        }
    }

    fn status(&mut self, now: Micros, system: &str) {
        if system == "maintenance" {
            self.core().halt(now, "the venue is in maintenance");
        } else {
            self.core().unhalt(now);
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
fn glance(frame: &mut [u8], parser: &mut Parser) -> Glance {
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
