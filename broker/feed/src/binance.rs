//! Binance spot.
//!
//! One connection carries all streams, as many of them in its URL as fit there, the rest by requests. A book begins with a
//! depth snapshot over REST: events that come before it wait, and its `lastUpdateId` says which of them follow it. From
//! then on each event begins where the last one ended, or the book is fetched anew. Trades are numbered.

mod depth;
mod fetches;

use crate::core::{Changed, Core, Offence};
use crate::counters::{Fault, FeedCounters};
use crate::machine::{Actions, Fetch, Machine, Purpose};
use crate::market::{Market, MarketError};
use crate::pacer::Pacer;
use crate::publish::Times;
use crate::settings::{Quotes, Settings, Trades};
use crate::venue::Glance;
use depth::{Changes, Event, OLD_RUN_MAX, Place, Snapshot, Sync, Waiting, place};
use fetches::Fetches;
use schemas::model::{Channel, Level, Micros, Symbol, SymbolInfo, Trade};
use schemas::venue::binance::{
    self as venue, Frame, Message, STREAMS_PER_CONNECTION_MAX, STREAMS_PER_REQUEST_MAX, Stream,
};
use schemas::venue::{Instrument, Parser};
use std::collections::VecDeque;
use std::sync::Arc;

/// Streams in the URL; more are subscribed to by requests, so that no URL grows beyond about 4 KB.
const URL_STREAMS_MAX: usize = 160;
/// Time between two requests: the venue takes five messages a second, pongs among them.
const REQUEST_EVERY_US: u64 = 250_000;
/// How long a quiet symbol's snapshot waits for a first event.
const SNAPSHOT_AFTER_US: u64 = 1_000_000;
/// Snapshots of unknown symbols that are kept at most.
const UNKNOWN_SNAPSHOTS_MAX: usize = 16;

/// Why a connection to Binance cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BinanceError {
    /// More streams than the venue lets one connection carry; see [`connections`].
    #[error("{0} streams, and Binance carries at most {max} on a connection", max = STREAMS_PER_CONNECTION_MAX)]
    Streams(usize),
    /// The symbols cannot be opened.
    #[error(transparent)]
    Market(#[from] MarketError),
}

/// The machine of one connection to Binance spot.
pub struct Binance {
    parser: Parser,
    feed: Feed,
}

/// All but the parser, which lends its buffers to the message that the feed takes.
struct Feed {
    core: Core<Spot>,
    is_connected: bool,
    streams: Vec<String>,
    fetches: Fetches,
    snapshot_levels: u16,
    /// Requests that wait for their turn.
    requests: VecDeque<String>,
    request_pacer: Pacer,
    /// Snapshots whose symbol nobody knows, until events come that follow them.
    unknown: VecDeque<Snapshot>,
}

/// What is kept of each symbol.
#[derive(Default)]
struct Spot {
    sync: Sync,
}

/// The settings of as many connections as the symbols need by the venue's rules.
#[must_use]
pub fn connections(settings: &Settings) -> Vec<Settings> {
    let symbols_max = STREAMS_PER_CONNECTION_MAX / streams_of_symbol(settings).len().max(1);
    let of = |symbols: &[String]| Settings { symbols: symbols.to_vec(), ..settings.clone() };
    match settings.symbols.chunks(symbols_max).map(of).collect::<Vec<_>>() {
        none if none.is_empty() => vec![settings.clone()],
        some => some,
    }
}

impl Binance {
    /// A connection for the symbols of the settings, which exist from here on.
    ///
    /// # Errors
    /// [`BinanceError`] if they need more than one connection or cannot be opened.
    pub fn new(settings: Settings, market: Arc<Market>) -> Result<Self, BinanceError> {
        let of_symbol = streams_of_symbol(&settings);
        let name = |symbol: &String| of_symbol.iter().map(|stream| stream.name(symbol)).collect::<Vec<_>>();
        let streams: Vec<_> = settings.symbols.iter().flat_map(name).collect();
        if streams.len() > STREAMS_PER_CONNECTION_MAX {
            return Err(BinanceError::Streams(streams.len()));
        }
        let snapshot_levels = snapshot_levels(&settings);
        let feed = Feed {
            core: Core::new(settings, market)?,
            is_connected: false,
            streams,
            fetches: Fetches::new(snapshot_levels),
            snapshot_levels,
            requests: VecDeque::new(),
            request_pacer: Pacer::new(REQUEST_EVERY_US, 0),
            unknown: VecDeque::new(),
        };
        Ok(Self { parser: Parser::default(), feed })
    }
}

impl Machine for Binance {
    fn dial(&self) -> String {
        let streams = &self.feed.streams;
        venue::combined_path(&streams[..streams.len().min(URL_STREAMS_MAX)], false)
    }

    fn connected(&mut self, now: Micros, actions: &mut Actions) {
        self.feed.connected(now, actions);
    }

    fn frame(&mut self, rx: Micros, frame: &mut Vec<u8>, actions: &mut Actions) {
        let Self { parser, feed } = self;
        feed.core.received(rx, frame.len());
        match venue::parse(frame, parser).map(|frame| feed.take(rx, frame, actions)) {
            Ok(Ok(())) => {}
            Ok(Err(offence)) => feed.core.offence(rx, &offence, frame),
            // What it held shows in the numbers of what follows.
            Err(error) => feed.core.fault(rx, Fault::Malformed, &error, frame),
        }
    }

    fn fetched(
        &mut self,
        rx: Micros,
        fetch: &Fetch,
        body: Result<&mut Vec<u8>, String>,
        _actions: &mut Actions,
    ) {
        let Self { parser, feed } = self;
        match (&fetch.purpose, body) {
            (_, Err(reason)) => feed.fetch_failed(rx, &fetch.purpose, &reason, fetch.path.as_bytes()),
            (Purpose::Symbols, Ok(body)) => {
                let outcome = venue::exchange_info(body, parser).map(|known| feed.describe(&known));
                if let Err(error) = outcome {
                    feed.fetch_failed(rx, &fetch.purpose, &error, body);
                }
            }
            (purpose, Ok(body)) => {
                let outcome = venue::depth_body(body, parser)
                    .map(|depth| feed.depth_body(rx, purpose, depth.last_update_id, depth.bids, depth.asks));
                match outcome {
                    Ok(Ok(())) => {}
                    Ok(Err(offence)) => feed.core.offence(rx, &offence, body),
                    Err(error) => feed.fetch_failed(rx, purpose, &error, body),
                }
            }
        }
    }

    fn disconnected(&mut self, now: Micros, reason: &str) {
        self.feed.disconnected(now, reason);
    }

    fn deadline(&self) -> Option<Micros> {
        let feed = &self.feed;
        let request = (!feed.requests.is_empty()).then(|| feed.request_pacer.ready_at());
        [feed.core.deadline(), feed.fetches.deadline(), request].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Micros, actions: &mut Actions) {
        self.feed.core.tick(now, actions);
        self.feed.send(now, actions);
        self.feed.fetch(now, actions);
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
        self.is_connected = true;
        self.core.connected(now);
        let has_books = self.core.settings.channels.has(Channel::Book);
        for (at, symbol) in self.core.symbols.iter_mut().enumerate() {
            symbol.data.sync = Sync::default();
            symbol.out.trades_live(now);
            if has_books {
                self.fetches.want(at, now.plus(SNAPSHOT_AFTER_US));
            }
        }
        let beyond = self.streams.get(URL_STREAMS_MAX..).unwrap_or_default();
        self.requests = venue::subscribe(beyond, 1).collect();
        self.ask_for_symbols(actions);
        self.send(now, actions);
    }

    fn disconnected(&mut self, now: Micros, reason: &str) {
        self.is_connected = false;
        self.core.disconnected(now, reason);
        self.fetches.clear();
        self.requests.clear();
        for symbol in &mut self.core.symbols {
            symbol.data.sync = Sync::default();
        }
    }

    fn take(&mut self, rx: Micros, frame: Frame<'_>, actions: &mut Actions) -> Result<(), Offence> {
        let aggregates = self.core.settings.trades == Trades::Aggregate;
        match frame.message {
            Message::Trade { symbol, event_time, id, trade } if !aggregates => {
                self.trade(symbol, Times::new(Some(event_time), rx), id, trade);
            }
            Message::AggTrade { symbol, event_time, id, trade, .. } if aggregates => {
                self.trade(symbol, Times::new(Some(event_time), rx), id, trade);
            }
            // A recording may hold both streams.
            Message::Trade { .. } | Message::AggTrade { .. } => {}
            Message::BookTicker { symbol, event_time, quote, .. } => {
                if let Some(at) = self.place(symbol, rx) {
                    let out = &mut self.core.symbols[at].out;
                    if !out.quotes_from_book() {
                        out.quote(Times::new(event_time, rx), quote);
                    }
                }
            }
            Message::Ticker24h { symbol, event_time, ticker } => {
                if let Some(at) = self.place(symbol, rx) {
                    self.core.symbols[at].out.ticker(Times::new(Some(event_time), rx), ticker);
                }
            }
            Message::Depth(depth) => {
                if let Some(at) = self.place(depth.symbol, rx) {
                    let times = Times::new(Some(depth.event_time), rx);
                    let venue::Depth { first_id, last_id, bids, asks, .. } = depth;
                    return self.depth(at, &Changes { first_id, last_id, times, bids, asks });
                }
            }
            Message::PartialDepth { last_update_id, bids, asks } => {
                return self.partial_depth(rx, frame.stream, last_update_id, bids, asks);
            }
            Message::Reply { id } => tracing::debug!(?id, "a request was carried out"),
            Message::Error { code, message, .. } => {
                return Err(Offence::new(Fault::Refused, format!("refused: {message} (code {code})")));
            }
            Message::ServerShutdown { .. } => actions.reconnect("the venue is about to shut down"),
            Message::Unknown { event } => {
                let event = event.unwrap_or("none");
                return Err(Offence::new(Fault::Unknown, format!("a message of unknown type {event}")));
            }
        }
        Ok(())
    }

    /// The place of a symbol; one that is discovered has its trades from here on.
    fn place(&mut self, name: &str, now: Micros) -> Option<usize> {
        let before = self.core.symbols.len();
        let at = self.core.place(name, now)?;
        if at == before {
            self.core.symbols[at].out.trades_live(now);
        }
        Some(at)
    }

    fn trade(&mut self, symbol: &str, times: Times, id: u64, trade: Trade) {
        if let Some(at) = self.place(symbol, times.rx) {
            self.core.trades(at, times, std::iter::once((id, trade)));
        }
    }

    fn depth(&mut self, at: usize, changes: &Changes<'_>) -> Result<(), Offence> {
        let Sync::Joined { last_id, old_run } = &mut self.core.symbols[at].data.sync else {
            return self.wait(at, changes);
        };
        match place(*last_id, changes.first_id, changes.last_id) {
            Place::Old if old_run.is_none_or(|run| run < OLD_RUN_MAX) => {
                *old_run = old_run.map(|run| run + 1);
                Ok(())
            }
            Place::Old => {
                let reason = format!("the numbering went back: u {} after {last_id}", changes.last_id);
                self.resync(at, &reason, changes.times.rx);
                self.wait(at, changes)
            }
            Place::Next => {
                (*last_id, *old_run) = (changes.last_id, Some(0));
                self.change(at, changes)
            }
            Place::Gap => {
                let reason = format!("gap: U {} after u {last_id}", changes.first_id);
                self.core.counters.gaps.up();
                self.resync(at, &reason, changes.times.rx);
                self.wait(at, changes)
            }
        }
    }

    /// Keeps an event until the snapshot comes, which may have come already without a name.
    fn wait(&mut self, at: usize, changes: &Changes<'_>) -> Result<(), Offence> {
        let rx = changes.times.rx;
        let Sync::Waiting(waiting) = &mut self.core.symbols[at].data.sync else { return Ok(()) };
        waiting.push(Event::of(changes));
        let named = self.unknown.iter().position(|snapshot| waiting.spans(snapshot.last_id));
        self.fetches.want(at, rx);
        match named.and_then(|position| self.unknown.remove(position)) {
            Some(Snapshot { last_id, bids, asks, .. }) => {
                self.join(at, last_id, Times::now(rx), &bids, &asks)
            }
            None => Ok(()),
        }
    }

    /// Changes a joined book.
    fn change(&mut self, at: usize, changes: &Changes<'_>) -> Result<(), Offence> {
        let Changes { times, bids, asks, .. } = *changes;
        match self.core.change_book(at, times, bids, asks) {
            Changed::Fine => Ok(()),
            Changed::Crossed => Err(Offence::crossed(&self.core.symbols[at].name)),
            Changed::Wrong(offence) => {
                self.resync(at, &offence.what, times.rx);
                Err(offence)
            }
        }
    }

    fn resync(&mut self, at: usize, reason: &str, now: Micros) {
        self.core.resyncing(at, reason, now);
        self.core.symbols[at].data.sync = Sync::Waiting(Waiting::default());
        self.fetches.want(at, now);
    }

    fn partial_depth(
        &mut self,
        rx: Micros,
        stream: Option<&str>,
        last_id: u64,
        bids: &[Level],
        asks: &[Level],
    ) -> Result<(), Offence> {
        let Some(name) = stream.and_then(|stream| stream.split('@').next()) else {
            return Err(Offence::new(Fault::Unknown, "a partial book without its stream's name"));
        };
        match self.place(&name.to_uppercase(), rx) {
            Some(at) => self.join(at, last_id, Times::now(rx), bids, asks),
            None => Ok(()),
        }
    }

    fn depth_body(
        &mut self,
        rx: Micros,
        purpose: &Purpose,
        last_id: u64,
        bids: &[Level],
        asks: &[Level],
    ) -> Result<(), Offence> {
        let times = Times::now(rx);
        if let Purpose::Depth(name) = purpose {
            let at = self.place(name, rx);
            return at.map_or(Ok(()), |at| self.join(at, last_id, times, bids, asks));
        }
        let spanning = self.core.symbols.iter().position(|symbol| match &symbol.data.sync {
            Sync::Waiting(waiting) => waiting.spans(last_id),
            Sync::Joined { .. } => false,
        });
        if let Some(at) = spanning {
            return self.join(at, last_id, times, bids, asks);
        }
        if self.unknown.len() == UNKNOWN_SNAPSHOTS_MAX {
            self.unknown.pop_front();
        }
        self.unknown.push_back(Snapshot { last_id, bids: bids.into(), asks: asks.into() });
        Ok(())
    }

    /// Begins a book with a snapshot and the events that waited for it. One that is joined needs none.
    fn join(
        &mut self,
        at: usize,
        last_id: u64,
        times: Times,
        bids: &[Level],
        asks: &[Level],
    ) -> Result<(), Offence> {
        let Sync::Waiting(waiting) = &mut self.core.symbols[at].data.sync else { return Ok(()) };
        if !self.is_connected {
            return Ok(());
        }
        let events = match waiting.join(last_id) {
            Ok(events) => events,
            Err(too_old) => {
                self.core.counters.fetch_failures.up();
                tracing::debug!(symbol = &*self.core.symbols[at].name, %too_old, "fetching it anew");
                self.fetches.fail(at, times.rx);
                return Ok(());
            }
        };
        if let Err(offence) = self.core.reset_book(at, times, bids, asks) {
            self.fetches.fail(at, times.rx);
            return Err(offence);
        }
        self.fetches.done(at);
        self.core.symbols[at].data.sync = Sync::Joined { last_id, old_run: None };
        let mut outcome = Ok(());
        for event in &events {
            // One that is bad does not keep back the others.
            let next = self.depth(at, &event.changes());
            outcome = outcome.and(next);
        }
        outcome
    }

    /// Asks what the venue knows of its symbols; nothing depends on the answer.
    fn ask_for_symbols(&self, actions: &mut Actions) {
        for names in self.core.settings.symbols.chunks(STREAMS_PER_REQUEST_MAX) {
            self.core.counters.fetches.up();
            actions.fetch(Fetch { path: venue::exchange_info_path(names), purpose: Purpose::Symbols });
        }
    }

    fn describe(&self, known: &[Instrument<'_>]) {
        let info = |instrument: &Instrument<'_>| {
            Some(SymbolInfo {
                symbol: Symbol::new(&self.core.settings.venue, instrument.symbol).ok()?,
                base: Some(instrument.base.to_owned()),
                quote: Some(instrument.quote.to_owned()),
                tick_size: instrument.tick_size,
                lot_size: instrument.lot_size,
                channels: Vec::new(),
            })
        };
        self.core.market().describe(known.iter().filter_map(info));
    }

    fn fetch_failed(&mut self, now: Micros, purpose: &Purpose, reason: &dyn std::fmt::Display, bytes: &[u8]) {
        self.core.counters.fetch_failures.up();
        self.core.warn(now, &format_args!("what was fetched is of no use: {reason}"), bytes);
        if let Purpose::Depth(name) = purpose
            && let Some(at) = self.core.known(name)
        {
            self.fetches.fail(at, now);
        }
    }

    fn send(&mut self, now: Micros, actions: &mut Actions) {
        while self.request_pacer.ready_at() <= now
            && let Some(request) = self.requests.pop_front()
        {
            self.request_pacer.take(now);
            actions.send(request);
        }
    }

    fn fetch(&mut self, now: Micros, actions: &mut Actions) {
        while let Some(at) = self.fetches.next(now) {
            self.core.counters.fetches.up();
            let name = &self.core.symbols[at].name;
            let path = venue::depth_path(name, self.snapshot_levels);
            actions.fetch(Fetch { path, purpose: Purpose::Depth(name.to_string()) });
        }
    }
}

/// The streams of each symbol.
fn streams_of_symbol(settings: &Settings) -> Vec<Stream> {
    let trades = match settings.trades {
        Trades::Each => Stream::Trade,
        Trades::Aggregate => Stream::AggTrade,
    };
    let depth = if settings.depth_ms >= 1_000 { Stream::Depth1000Ms } else { Stream::Depth100Ms };
    let quotes = settings.quotes != Quotes::Book;
    let wanted = [
        (Channel::Trades, true, trades),
        (Channel::Quotes, quotes, Stream::BookTicker),
        (Channel::Book, true, depth),
        (Channel::Ticker, true, Stream::Ticker24h),
    ];
    let has = |(channel, wanted, stream)| (wanted && settings.channels.has(channel)).then_some(stream);
    wanted.into_iter().filter_map(has).collect()
}

/// How deep snapshots are asked for: as deep as there is where they are few, since a deep one weighs five times as much.
fn snapshot_levels(settings: &Settings) -> u16 {
    const FEW: usize = 9;
    let levels = settings.depth.unwrap_or(if settings.symbols.len() <= FEW { 5_000 } else { 1_000 });
    u16::try_from(levels.clamp(5, 5_000)).unwrap_or(5_000)
}

/// What a frame is.
pub(crate) fn glance(frame: &mut [u8], parser: &mut Parser) -> Glance {
    match venue::parse(frame, parser).map(|frame| frame.message) {
        Ok(Message::BookTicker { .. }) => Glance::Quote,
        Ok(Message::Trade { .. }) => Glance::Trade,
        Ok(Message::AggTrade { .. }) => Glance::Aggregate,
        _ => Glance::Other,
    }
}

#[cfg(test)]
mod tests;
