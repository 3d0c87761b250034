//! Coinbase Exchange.
//!
//! A book begins with a snapshot in band, and its changes are guaranteed to come. Trades are numbered and may be dropped: the
//! next trade shows it, or the heartbeat, which names the last one. A heartbeat also counts what has happened: one that is the same
//! as before proves a quiet market, and one that is not, without any data, that the data has stopped.

use crate::core::{Core, Offence};
use crate::counters::Fault;
use crate::in_band::{self, InBand, Session};
use crate::machine::{Actions, MachineError};
use crate::market::Market;
use crate::pacer::Pacer;
use crate::publish::Times;
use crate::salvage;
use crate::settings::{Quotes, Settings};
use crate::timers::Timers;
use crate::venue::{Glance, Profile};
use schemas::model::{Channel, Micros, Quote, Ticker, Trade};
use schemas::venue::coinbase::{self as venue, Book, Channel as Subscription, Message, Subscribed};
use schemas::venue::{Parser, VenueError};
use std::sync::Arc;

pub(crate) const PROFILE: Profile = Profile {
    connects: Pacer::within(8, 1_000_000),
    // It is not the market that is quiet then.
    data_silence_ms: 30_000,
    ..Profile::new("coinbase", |settings, market| Ok(Box::new(Coinbase::new(settings, market)?)), glance)
};

/// Products in one request.
const PRODUCTS_PER_REQUEST_MAX: usize = 100;
/// The venue takes 100 messages a second from an address.
const PACER: Pacer = Pacer::within(100, 1_000_000);
/// How long trades that a heartbeat knows of may take to come.
const GRACE_US: u64 = 1_000_000;

/// The machine of one connection to Coinbase Exchange.
pub(crate) type Coinbase = InBand<Feed>;

/// What is particular to Coinbase Exchange.
pub(crate) struct Feed {
    session: Session<Product>,
    /// When trades that a heartbeat knows of count as lost.
    missing: Timers,
}

/// What is kept of each symbol.
#[derive(Default)]
pub(crate) struct Product {
    /// The last trade by the heartbeat that began the grace.
    last_trade_id: u64,
    /// How far the product was by the last heartbeat.
    reached: Option<u64>,
    /// Whether data has come since.
    is_told: bool,
}

impl Coinbase {
    /// A connection for the symbols of the settings, which exist from here on.
    ///
    /// # Errors
    /// [`MachineError`] if the symbols cannot be opened.
    pub(crate) fn new(settings: Settings, market: Arc<Market>) -> Result<Self, MachineError> {
        let settings = Settings { separator: Some('-'), ..settings };
        let mut session = Session::new(settings, market, PACER)?;
        session.core.data_silence.told_by_heartbeats();
        Ok(Self::of(Feed { session, missing: Timers::default() }))
    }
}

impl in_band::Feed for Feed {
    type Symbol = Product;
    type Message<'a> = Message<'a>;
    const PATH: &'static str = "/";

    fn session(&self) -> &Session<Product> {
        &self.session
    }

    fn session_mut(&mut self) -> &mut Session<Product> {
        &mut self.session
    }

    fn parse<'a>(frame: &'a mut [u8], parser: &'a mut Parser) -> Result<Message<'a>, VenueError> {
        venue::parse(frame, parser)
    }

    const REFUSES_WHOLE: bool = true;

    fn subscribe(&mut self, symbols: &[String]) -> Vec<String> {
        let subscriptions = subscriptions(&self.session.core.settings);
        let batches = symbols.chunks(PRODUCTS_PER_REQUEST_MAX);
        batches.map(|products| venue::subscribe(&subscriptions, products)).collect()
    }

    fn unsubscribe(&mut self, symbols: &[String]) -> Vec<String> {
        let subscriptions = subscriptions(&self.session.core.settings);
        let batches = symbols.chunks(PRODUCTS_PER_REQUEST_MAX);
        batches.map(|products| venue::unsubscribe(&subscriptions, products)).collect()
    }

    fn subscribe_anew(&mut self, product: &str) -> Vec<String> {
        let book = [Subscription::Level2Batch];
        vec![venue::unsubscribe(&book, &[product]), venue::subscribe(&book, &[product])]
    }

    fn take(&mut self, rx: Micros, message: Message<'_>, _: &mut Actions) -> Result<(), Offence> {
        match message {
            Message::Update(book) => return self.update(rx, &book),
            Message::Snapshot(book) => return self.snapshot(rx, &book),
            Message::Match { product, last, id, trade, .. } => self.trade(rx, product, last, id, trade),
            Message::Ticker { product, sequence, time, quote, ticker } => {
                let times = Times::new(time, rx);
                let times = sequence.map_or(times, |sequence| times.numbered(sequence));
                self.ticker(product, times, quote, ticker);
            }
            Message::Heartbeat { product, sequence, last_trade_id, .. } => {
                self.heartbeat(rx, product, sequence, last_trade_id);
            }
            Message::Subscriptions { channels } => self.subscribed(rx, &channels),
            Message::Status { .. } => {}
            Message::Error { message, reason } => {
                let what = format!("refused: {message}: {}", reason.unwrap_or_default());
                return Err(Offence::new(Fault::Refused, what));
            }
            Message::Unknown { kind } => {
                let what = format!("a message of unknown type {}", kind.unwrap_or("none"));
                return Err(Offence::new(Fault::Unknown, what));
            }
        }
        Ok(())
    }

    fn books_in(frame: &[u8]) -> Option<Vec<&str>> {
        salvage::about(frame, "type", |kind| matches!(kind, "l2update" | "snapshot"), "product_id")
    }

    fn forget(&mut self) {
        self.missing.clear();
    }

    fn deadline(&self) -> Option<Micros> {
        self.missing.deadline()
    }

    fn tick(&mut self, now: Micros) {
        while let Some(at) = self.missing.next(now) {
            let core = self.core();
            core.give_up_trades(at, core.symbols[at].data.last_trade_id, now);
        }
    }
}

impl Feed {
    fn core(&mut self) -> &mut Core<Product> {
        &mut self.session.core
    }

    /// The place of the product that data came of.
    fn place(&mut self, product: &str, rx: Micros) -> Option<usize> {
        let at = self.core().place(product, rx)?;
        self.core().symbols[at].data.is_told = true;
        Some(at)
    }

    fn snapshot(&mut self, rx: Micros, book: &Book<'_>) -> Result<(), Offence> {
        let Some(at) = self.place(book.product, rx) else { return Ok(()) };
        self.session.snapshot(at, Times::new(book.time, rx).unplaced(), book.bids, book.asks)
    }

    /// The venue gathers changes for each connection by itself, so that nothing tells which of two is ahead.
    fn update(&mut self, rx: Micros, book: &Book<'_>) -> Result<(), Offence> {
        let Some(at) = self.place(book.product, rx) else { return Ok(()) };
        self.session.change(at, Times::new(book.time, rx).unplaced(), book.bids, book.asks)
    }

    /// The last match before the subscription only says where the numbers go on, unless it is itself one that we missed.
    fn trade(&mut self, rx: Micros, product: &str, is_last: bool, id: u64, trade: Trade) {
        let Some(at) = self.place(product, rx) else { return };
        let core = self.core();
        if is_last && core.symbols[at].trade_ids.begin_behind(id) {
            return;
        }
        core.trades(at, Times::new(trade.ts, rx), std::iter::once((id, trade)));
    }

    fn ticker(&mut self, product: &str, times: Times, quote: Quote, ticker: Ticker) {
        let Some(at) = self.place(product, times.rx) else { return };
        let core = self.core();
        core.quote(at, times, quote);
        core.symbols[at].out.ticker(times, ticker);
    }

    /// Trades may be on their way still; if they have not come when the grace is over, they are lost.
    fn heartbeat(&mut self, rx: Micros, product: &str, sequence: u64, last_trade_id: u64) {
        let core = &mut self.session.core;
        let Some(at) = core.named(product, rx) else { return };
        let symbol = &mut core.symbols[at];
        // Without the book only trades tell.
        let reached = if core.settings.channels.has(Channel::Book) { sequence } else { last_trade_id };
        let before = symbol.data.reached.replace(reached);
        let is_told = std::mem::take(&mut symbol.data.is_told);
        if !is_told && before.is_some_and(|before| before != reached) {
            core.data_silence.owed(rx);
        }
        let symbol = &mut core.symbols[at];
        if symbol.trade_ids.is_behind(last_trade_id) && !self.missing.is_set(at) {
            symbol.data.last_trade_id = last_trade_id;
            self.missing.set(at, rx.plus(GRACE_US));
        }
    }

    fn subscribed(&mut self, rx: Micros, channels: &[Subscribed<'_>]) {
        let has = |name: &str| channels.iter().any(|channel| channel.channel == name);
        let lacks_ticker =
            !channels.is_empty() && !has("ticker") && self.core().settings.quotes == Quotes::Auto;
        for channel in channels {
            for product in &channel.products {
                let Some(at) = self.core().named(product, rx) else { continue };
                let out = &mut self.core().symbols[at].out;
                match channel.channel {
                    "matches" => out.trades_live(rx),
                    name if lacks_ticker && name.starts_with("level2") => out.quotes_from_book(),
                    _ => {}
                }
            }
        }
    }
}

/// What is subscribed to for the channels of the settings; the heartbeat always, since it ends silence.
fn subscriptions(settings: &Settings) -> Vec<Subscription> {
    let has = |channel| settings.channels.has(channel);
    let quotes = has(Channel::Quotes) && settings.quotes != Quotes::Book;
    let wanted = [
        (has(Channel::Book), Subscription::Level2Batch),
        (has(Channel::Trades), Subscription::Matches),
        (quotes || has(Channel::Ticker), Subscription::Ticker),
        (true, Subscription::Heartbeat),
    ];
    wanted.into_iter().filter_map(|(is_wanted, subscription)| is_wanted.then_some(subscription)).collect()
}

/// What a frame is.
fn glance(frame: &mut [u8], parser: &mut Parser) -> Glance {
    match venue::parse(frame, parser) {
        Ok(Message::Ticker { .. }) => Glance::Quote,
        Ok(Message::Match { .. }) => Glance::Trade,
        _ => Glance::Other,
    }
}

#[cfg(test)]
mod tests;
