//! What a connection to Binance does with its messages, bodies and times.

use super::depth::{Changes, Event, OLD_RUN_MAX, Place, Snapshot, Sync, Waiting, place};
use super::fetches::Fetches;
use crate::core::{Changed, Core, Offence};
use crate::counters::Fault;
use crate::machine::{Actions, Fetch, Purpose};
use crate::pacer::{Pacer, Requests};
use crate::publish::Times;
use crate::settings::Trades;
use schemas::model::{Channel, Level, Micros, Symbol, SymbolInfo, Trade};
use schemas::venue::Instrument;
use schemas::venue::binance::{self as venue, Frame, Message, STREAMS_PER_REQUEST_MAX};
use std::collections::VecDeque;

/// Streams in the URL; more are subscribed to by requests, so that no URL grows beyond about 4 KB.
pub(super) const URL_STREAMS_MAX: usize = 160;
/// Time between two requests: the venue takes five messages a second, pongs among them.
const REQUEST_EVERY_US: u64 = 250_000;
/// How long a quiet symbol's snapshot waits for a first event.
const SNAPSHOT_AFTER_US: u64 = 1_000_000;
/// Snapshots of unknown symbols that are kept at most.
const UNKNOWN_SNAPSHOTS_MAX: usize = 16;

/// All but the parser, which lends its buffers to the message that the feed takes.
pub(super) struct Feed {
    pub(super) core: Core<Spot>,
    is_connected: bool,
    streams: Vec<String>,
    fetches: Fetches,
    snapshot_levels: u16,
    requests: Requests,
    /// Snapshots whose symbol nobody knows, until events come that follow them.
    unknown: VecDeque<Snapshot>,
}

/// What is kept of each symbol.
#[derive(Default)]
pub(super) struct Spot {
    sync: Sync,
}

impl Feed {
    pub(super) fn new(core: Core<Spot>, streams: Vec<String>, snapshot_levels: u16) -> Self {
        Self {
            core,
            is_connected: false,
            streams,
            fetches: Fetches::new(snapshot_levels),
            snapshot_levels,
            requests: Requests::new(Pacer::new(REQUEST_EVERY_US, 0)),
            unknown: VecDeque::new(),
        }
    }

    /// The streams that are dialled; the others are asked for then.
    pub(super) fn dialled(&self) -> &[String] {
        &self.streams[..self.streams.len().min(URL_STREAMS_MAX)]
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        [self.core.deadline(), self.fetches.deadline(), self.requests.deadline()].into_iter().flatten().min()
    }

    pub(super) fn connected(&mut self, now: Micros, actions: &mut Actions) {
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
        self.requests.extend(venue::subscribe(beyond, 1));
        self.ask_for_symbols(actions);
        self.send(now, actions);
    }

    pub(super) fn disconnected(&mut self, now: Micros, reason: &str) {
        self.is_connected = false;
        self.core.disconnected(now, reason);
        self.fetches.clear();
        self.requests.clear();
        for symbol in &mut self.core.symbols {
            symbol.data.sync = Sync::default();
        }
    }

    pub(super) fn take(
        &mut self,
        rx: Micros,
        frame: Frame<'_>,
        actions: &mut Actions,
    ) -> Result<(), Offence> {
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
                    self.core.quote(at, Times::new(event_time, rx), quote);
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

    pub(super) fn depth_body(
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

    pub(super) fn describe(&self, known: &[Instrument<'_>]) {
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

    pub(super) fn fetch_failed(
        &mut self,
        now: Micros,
        purpose: &Purpose,
        reason: &dyn std::fmt::Display,
        bytes: &[u8],
    ) {
        self.core.counters.fetch_failures.up();
        self.core.warn(now, &format_args!("what was fetched is of no use: {reason}"), bytes);
        if let Purpose::Depth(name) = purpose
            && let Some(at) = self.core.known(name)
        {
            self.fetches.fail(at, now);
        }
    }

    pub(super) fn send(&mut self, now: Micros, actions: &mut Actions) {
        self.requests.send(now, actions);
    }

    pub(super) fn fetch(&mut self, now: Micros, actions: &mut Actions) {
        while let Some(at) = self.fetches.next(now) {
            self.core.counters.fetches.up();
            let name = &self.core.symbols[at].name;
            let path = venue::depth_path(name, self.snapshot_levels);
            actions.fetch(Fetch { path, purpose: Purpose::Depth(name.to_string()) });
        }
    }
}
