//! What a connection to Binance does with its messages, bodies and times.

mod books;
mod demand;

use super::depth::{Changes, Ids, Snapshot, Sync};
use super::fetches::Fetches;
use crate::core::{Core, Offence};
use crate::counters::Fault;
use crate::in_band::keepalive::Keepalive;
use crate::machine::{Actions, Fetch, Purpose};
use crate::pacer::{Pacer, Requests};
use crate::publish::Times;
use crate::settings::{Settings, Trades};
use crate::twice::{Seen, Twice};
use schemas::model::{Channel, Micros, Symbol, SymbolInfo, Trade};
use schemas::venue::Instrument;
use schemas::venue::binance::{self as venue, Frame, Message, Product, STREAMS_PER_REQUEST_MAX, Stream};
use std::collections::VecDeque;

/// Streams in the URL; more are subscribed to by requests, so that no URL grows beyond about 4 KB.
pub(super) const URL_STREAMS_MAX: usize = 160;
/// How long a quiet symbol's snapshot waits for a first event.
const SNAPSHOT_AFTER_US: u64 = 1_000_000;
/// Snapshots of unknown symbols that are kept at most.
const UNKNOWN_SNAPSHOTS_MAX: usize = 16;

/// All but the parser, which lends its buffers to the message that the feed takes.
pub(super) struct Feed {
    pub(super) core: Core<Listing>,
    product: Product,
    is_connected: bool,
    /// What is subscribed to of each symbol, and that of all symbols by its names.
    of_symbol: Vec<(Channel, Stream)>,
    streams: Vec<String>,
    fetches: Fetches,
    snapshot_levels: u16,
    requests: Requests,
    /// Pings of the venue are seldom, and quiet symbols are quiet: a capture cannot be asked.
    keepalive: Option<Keepalive>,
    /// What comes twice while two connections stand beside each other.
    twice: Twice,
    /// Snapshots whose symbol nobody knows, until events come that follow them.
    unknown: VecDeque<Snapshot>,
}

/// What is kept of each symbol.
#[derive(Default)]
pub(super) struct Listing {
    sync: Sync,
    seen: Seen,
}

impl Feed {
    pub(super) fn new(
        core: Core<Listing>,
        product: Product,
        (of_symbol, streams): (Vec<(Channel, Stream)>, Vec<String>),
        snapshot_levels: u16,
    ) -> Self {
        let Settings { is_recorded, stale_after_ms, .. } = core.settings;
        // One message a second less than the venue takes, and never two at once: pongs count too.
        let pacer = Pacer::new(1_000_000 / u64::from(product.messages_per_s() - 1), 0);
        Self {
            core,
            product,
            is_connected: false,
            of_symbol,
            streams,
            fetches: Fetches::new(product, snapshot_levels),
            snapshot_levels,
            requests: Requests::new(pacer),
            keepalive: (!is_recorded).then(|| Keepalive::new(venue::SIGN_OF_LIFE, stale_after_ms, None)),
            twice: Twice::default(),
            unknown: VecDeque::new(),
        }
    }

    /// The streams that are dialled; the others are asked for then.
    pub(super) fn dialled(&self) -> &[String] {
        &self.streams[..self.streams.len().min(URL_STREAMS_MAX)]
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        let ping = self.keepalive.as_ref().and_then(Keepalive::deadline);
        let others = [self.fetches.deadline(), self.requests.deadline(), ping];
        others.into_iter().chain([self.core.deadline()]).flatten().min()
    }

    /// A message of so many bytes came.
    pub(super) fn received(&mut self, rx: Micros, bytes: usize) {
        self.core.received(rx, bytes);
        self.keepalive.iter_mut().for_each(|keepalive| keepalive.hear(rx));
    }

    pub(super) fn tick(&mut self, now: Micros, actions: &mut Actions) {
        self.core.tick(now, actions);
        self.see_to_demand(now);
        let ping = self.keepalive.as_mut().and_then(|keepalive| keepalive.ping(now));
        self.requests.extend(ping);
        self.send(now, actions);
        self.fetch(now, actions);
    }

    pub(super) fn connected(&mut self, now: Micros, actions: &mut Actions) {
        self.is_connected = true;
        self.core.connected(now);
        self.keepalive.iter_mut().for_each(|keepalive| keepalive.connected(now));
        for at in 0..self.core.symbols.len() {
            if self.core.symbols[at].stage.is_active() {
                self.begin(at, now);
            }
        }
        self.subscribe();
        self.ask_for_symbols(actions);
        self.send(now, actions);
    }

    /// A symbol is subscribed to.
    fn begin(&mut self, at: usize, now: Micros) {
        let symbol = &mut self.core.symbols[at];
        symbol.data.sync = Sync::default();
        symbol.out.trades_live(now);
        if self.core.settings.channels.has(Channel::Book) {
            self.fetches.want(at, now.plus(SNAPSHOT_AFTER_US));
        }
    }

    /// Asks for the streams that the URL does not hold.
    fn subscribe(&mut self) {
        let beyond = self.streams.get(URL_STREAMS_MAX..).unwrap_or_default();
        self.requests.extend(venue::subscribe(beyond, 1));
    }

    /// Two connections stand beside each other.
    pub(super) fn doubled(&mut self, now: Micros, actions: &mut Actions) {
        self.twice.begin();
        self.core.data_silence.begin(now);
        self.subscribe();
        // Its URL was made before what has been asked for since.
        if self.core.settings.on_demand.is_some() {
            self.requests.extend(venue::subscribe(self.dialled(), 1).collect::<Vec<_>>());
        }
        self.send(now, actions);
    }

    pub(super) fn is_settled(&self) -> bool {
        self.requests.is_empty()
    }

    /// One connection is left.
    pub(super) fn single(&mut self, now: Micros) {
        self.twice.end(now);
    }

    pub(super) fn disconnected(&mut self, now: Micros, reason: &str) {
        self.is_connected = false;
        self.twice = Twice::default();
        self.core.disconnected(now, reason);
        self.keepalive.iter_mut().for_each(Keepalive::disconnected);
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
            Message::BookTicker { symbol, update_id, event_time, quote } => {
                if let Some(at) = self.place(symbol, rx)
                    && self.twice.is_news(rx, &mut self.core.symbols[at].data.seen.quote, update_id)
                {
                    self.core.quote(at, Times::new(event_time, rx).numbered(update_id), quote);
                }
            }
            Message::Ticker24h { symbol, event_time, mut ticker } => {
                // The volume there is in contracts, and what has the name of the quote's is the base's.
                if self.product == Product::CoinM {
                    ticker.quote_volume = None;
                }
                if let Some(at) = self.place(symbol, rx)
                    && self.twice.is_news(rx, &mut self.core.symbols[at].data.seen.ticker, event_time.0)
                {
                    self.core.symbols[at].out.ticker(Times::new(Some(event_time), rx), ticker);
                }
            }
            Message::Depth(depth) => {
                if let Some(at) = self.place(depth.symbol, rx) {
                    let times = Times::new(Some(depth.event_time), rx).numbered(depth.last_id);
                    let venue::Depth { last_id, bids, asks, .. } = depth;
                    // With futures a partial book looks like changes.
                    if frame.stream.is_some_and(is_partial) {
                        return self.join(at, last_id, times, bids, asks);
                    }
                    let ids = Ids { first: depth.first_id, last: last_id, previous: depth.previous_id };
                    return self.depth(at, &Changes { ids, times, bids, asks });
                }
            }
            Message::PartialDepth { last_update_id, bids, asks } => {
                return self.partial_depth(rx, frame.stream, last_update_id, bids, asks);
            }
            Message::Unused => {}
            Message::Reply { id } => tracing::debug!(?id, "a request was carried out"),
            Message::Error { code, message, .. } => {
                return Err(Offence::new(Fault::Refused, format!("refused: {message} (code {code})")));
            }
            Message::ServerShutdown { .. } => actions.renew("the venue is about to shut down"),
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

    /// Futures number what is no trade among the trades, with a price and a size of zero.
    fn trade(&mut self, symbol: &str, times: Times, id: u64, trade: Trade) {
        let Some(at) = self.place(symbol, times.rx) else { return };
        if !self.twice.is_news(times.rx, &mut self.core.symbols[at].data.seen.trade, id) {
            self.core.counters.trades_repeated.up();
        } else if trade.size.is_zero() {
            self.core.no_trade(at, id, times.rx);
        } else {
            self.core.trades(at, times, std::iter::once((id, trade)));
        }
    }

    /// Asks what the venue knows of its symbols, once for all connections that carry them; nothing depends on the answer.
    fn ask_for_symbols(&self, actions: &mut Actions) {
        let Settings { symbols, is_companion, .. } = &self.core.settings;
        if symbols.is_empty() || *is_companion {
            return;
        }
        for path in self.product.exchange_info_paths(symbols, STREAMS_PER_REQUEST_MAX) {
            self.core.counters.fetches.up();
            actions.fetch(Fetch { path, purpose: Purpose::Symbols });
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
            self.refused(at, now, &reason.to_string());
        }
    }

    fn send(&mut self, now: Micros, actions: &mut Actions) {
        self.requests.send(now, actions);
    }

    fn fetch(&mut self, now: Micros, actions: &mut Actions) {
        while let Some(at) = self.fetches.next(now) {
            self.core.counters.fetches.up();
            let name = &self.core.symbols[at].name;
            let path = self.product.depth_path(name, self.snapshot_levels);
            actions.fetch(Fetch { path, purpose: Purpose::Depth(name.to_string()) });
        }
    }
}

/// Whether a stream is of the best levels, whole: `btcusdt@depth5@100ms`.
fn is_partial(stream: &str) -> bool {
    let kind = stream.split('@').nth(1).unwrap_or_default();
    matches!(kind, "depth5" | "depth10" | "depth20")
}
