//! Tick lines: in-house feeds in the project's own words, one JSON object a line.
//!
//! Publishers come and go: over one connection that the broker dials, or over any number of connections that are made to
//! it. Each channel of a symbol belongs to the connection that wrote it last, and is stale when that one is gone. Books begin
//! with a snapshot of whoever writes them; where no quotes come, the book's top stands in for them.

use crate::core::{Changed, Core, Offence};
use crate::counters::{Fault, FeedCounters};
use crate::machine::{Actions, Fetch, Machine};
use crate::market::{Market, MarketError};
use crate::publish::{Condition, Times};
use crate::settings::{Quotes, Settings};
use crate::trade_ids::{Seen, TradeIds};
use crate::venue::{Glance, Profile};
use schemas::model::{Channel, Level, Micros, State};
use schemas::venue::Parser;
use schemas::venue::ticks::{self as venue, Data, Tick};
use std::sync::Arc;

pub(crate) const PROFILE: Profile =
    Profile::new("ticks", |settings, market| Ok(Box::new(Ticks::new(settings, market)?)), glance);

/// A connection of a publisher, by a number that its shell gives it.
pub type ConnectionId = u64;

/// The machine of a feed of tick lines, over one connection or many.
pub struct Ticks {
    parser: Parser,
    feed: Feed,
}

struct Feed {
    core: Core<Name>,
}

/// What is kept of each symbol.
#[derive(Default)]
struct Name {
    /// Who wrote each channel last.
    owners: [Option<ConnectionId>; Channel::ALL.len()],
    /// The numbers of the lines, by channel, where they have some.
    seqs: [TradeIds; Channel::ALL.len()],
    /// Whether the book has begun with a snapshot.
    is_joined: bool,
    has_quotes: bool,
}

impl Ticks {
    /// A feed whose symbols appear when they are first seen, besides those that the settings name.
    ///
    /// # Errors
    /// [`MarketError`] if the symbols of the settings cannot be opened.
    pub fn new(settings: Settings, market: Arc<Market>) -> Result<Self, MarketError> {
        let settings = Settings { discover: true, awaits_book: false, ..settings };
        Ok(Self { parser: Parser::default(), feed: Feed { core: Core::new(settings, market)? } })
    }

    /// A publisher's connection stands.
    pub fn opened(&mut self, now: Micros) {
        self.feed.core.hear(now);
    }

    /// A line came over a connection.
    pub fn line(&mut self, connection: ConnectionId, rx: Micros, line: &[u8]) {
        let Self { parser, feed } = self;
        feed.core.received(rx, line.len());
        let line = line.trim_ascii();
        if line.is_empty() {
            // A sign of life.
            return;
        }
        match venue::parse(line, parser).map(|tick| feed.take(connection, rx, tick)) {
            Ok(Ok(())) => {}
            Ok(Err(offence)) => feed.core.offence(rx, &offence, line),
            Err(error) => feed.core.fault(rx, Fault::Malformed, &error, line),
        }
    }

    /// A publisher's connection is gone: what it wrote last is stale. Say whether it was the last one.
    pub fn closed(&mut self, connection: ConnectionId, now: Micros, reason: &str, was_last: bool) {
        self.feed.closed(connection, now, reason);
        if was_last {
            self.feed.core.end_of_silence();
        }
    }
}

/// As over one connection, which has the number 0.
impl Machine for Ticks {
    fn dial(&self) -> String {
        String::new()
    }

    fn connected(&mut self, now: Micros, _actions: &mut Actions) {
        self.opened(now);
    }

    fn frame(&mut self, rx: Micros, frame: &mut Vec<u8>, _actions: &mut Actions) {
        self.line(0, rx, frame);
    }

    fn fetched(&mut self, _: Micros, _: &Fetch, _: Result<&mut Vec<u8>, String>, _: &mut Actions) {}

    fn disconnected(&mut self, now: Micros, reason: &str) {
        self.closed(0, now, reason, true);
    }

    fn deadline(&self) -> Option<Micros> {
        self.feed.core.deadline()
    }

    fn tick(&mut self, now: Micros, actions: &mut Actions) {
        self.feed.core.tick(now, actions);
    }

    fn counters(&self) -> &Arc<FeedCounters> {
        &self.feed.core.counters
    }

    /// Without symbols nothing is amiss.
    fn is_live(&self) -> bool {
        self.feed.core.symbols.is_empty() || self.feed.core.is_live()
    }
}

impl Feed {
    fn take(&mut self, connection: ConnectionId, rx: Micros, tick: Tick<'_>) -> Result<(), Offence> {
        let Some(at) = self.core.place(tick.symbol, rx) else { return Ok(()) };
        let channel = match &tick.data {
            Data::Quote(_) => Channel::Quotes,
            Data::Trade(_) => Channel::Trades,
            Data::Ticker(_) => Channel::Ticker,
            Data::Book { .. } => Channel::Book,
        };
        let times = Times::new(tick.ts, rx);
        let is_whole = !matches!(tick.data, Data::Book { snapshot: false, .. });
        self.own(at, channel, connection, is_whole, rx);
        if !self.follows(at, channel, tick.seq, is_whole, rx) {
            return Ok(());
        }
        let symbol = &mut self.core.symbols[at];
        match tick.data {
            Data::Quote(_) if self.core.settings.quotes == Quotes::Book => {}
            Data::Quote(quote) => {
                symbol.data.has_quotes = true;
                symbol.out.quotes_from_stream();
                symbol.out.quote(times, quote);
            }
            Data::Trade(trade) => symbol.out.trades(times, Box::new([trade])),
            Data::Ticker(ticker) => symbol.out.ticker(times, ticker),
            Data::Book { snapshot: true, bids, asks } => return self.snapshot(at, times, bids, asks),
            Data::Book { snapshot: false, bids, asks } => return self.update(at, times, bids, asks),
        }
        Ok(())
    }

    /// Whoever writes a channel owns it; a new owner numbers its lines anew, and its changes are none of another one's book.
    fn own(&mut self, at: usize, channel: Channel, connection: ConnectionId, is_whole: bool, now: Micros) {
        let symbol = &mut self.core.symbols[at];
        if symbol.data.owners[channel as usize].replace(connection) == Some(connection) {
            return;
        }
        symbol.data.seqs[channel as usize].connected();
        // It is not waited for whether quotes come: a publisher may begin with them at any time.
        if self.core.settings.quotes == Quotes::Auto && !symbol.data.has_quotes {
            symbol.out.quotes_from_book();
        }
        if channel == Channel::Book && !is_whole {
            self.resync(at, "another publisher, without a snapshot", now);
        }
    }

    /// Whether a line goes on from the last one of its channel, or needs not. What was jumped over is told.
    fn follows(
        &mut self,
        at: usize,
        channel: Channel,
        seq: Option<u64>,
        is_whole: bool,
        now: Micros,
    ) -> bool {
        let Some(seq) = seq else { return true };
        match self.core.symbols[at].data.seqs[channel as usize].take(seq) {
            Seen::Next => {}
            Seen::Old => {
                self.core.counters.trades_repeated.up();
                return false;
            }
            Seen::Jumped { lost } if channel == Channel::Trades => {
                self.core.counters.trades_lost.add(lost);
                self.core.symbols[at].out.loss(lost, now);
            }
            Seen::Jumped { lost } => {
                self.core.counters.gaps.up();
                if channel == Channel::Book && !is_whole {
                    self.resync(at, &format!("gap: {lost} lines before {seq}"), now);
                }
            }
        }
        true
    }

    fn snapshot(&mut self, at: usize, times: Times, bids: &[Level], asks: &[Level]) -> Result<(), Offence> {
        self.core.reset_book(at, times, bids, asks)?;
        self.core.symbols[at].data.is_joined = true;
        if self.core.symbols[at].book.is_crossed() {
            return Err(Offence::crossed(&self.core.symbols[at].name));
        }
        Ok(())
    }

    fn update(&mut self, at: usize, times: Times, bids: &[Level], asks: &[Level]) -> Result<(), Offence> {
        if !self.core.symbols[at].data.is_joined {
            // Until the next snapshot.
            return Ok(());
        }
        match self.core.change_book(at, times, bids, asks) {
            Changed::Fine => Ok(()),
            Changed::Crossed => Err(Offence::crossed(&self.core.symbols[at].name)),
            // There is nobody to ask for a better one.
            Changed::Wrong(offence) if offence.fault == Fault::Crossed => Ok(()),
            Changed::Wrong(offence) => {
                self.resync(at, &offence.what, times.rx);
                Err(offence)
            }
        }
    }

    /// The publisher's next snapshot ends it.
    fn resync(&mut self, at: usize, reason: &str, now: Micros) {
        if std::mem::take(&mut self.core.symbols[at].data.is_joined) {
            self.core.resyncing(at, reason, now);
        }
    }

    fn closed(&mut self, connection: ConnectionId, now: Micros, reason: &str) {
        self.core.counters.disconnects.up();
        let reason = format!("connection lost: {reason}");
        let condition = Condition { state: State::Stale, reason: reason.into() };
        for symbol in &mut self.core.symbols {
            let Some(out) = symbol.out.alone() else { continue };
            for channel in Channel::ALL {
                let owner = &mut symbol.data.owners[channel as usize];
                if owner.take_if(|owner| *owner == connection).is_some() {
                    symbol.data.is_joined &= channel != Channel::Book;
                    out.stand(channel, &condition, now);
                }
            }
            out.refresh_status(now);
        }
    }
}

/// What a line is.
fn glance(line: &mut [u8], parser: &mut Parser) -> Glance {
    match venue::parse(line, parser) {
        Ok(Tick { data: Data::Quote(_), .. }) => Glance::Quote,
        Ok(Tick { data: Data::Trade(_), .. }) => Glance::Trade,
        _ => Glance::Other,
    }
}

#[cfg(test)]
mod tests;
