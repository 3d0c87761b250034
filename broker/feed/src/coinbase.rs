//! Coinbase Exchange.
//!
//! A book begins with a snapshot in band, and its changes are guaranteed to come. Trades are numbered and may be dropped: the
//! next trade shows it, or the heartbeat, which names the last one.

use crate::core::{Changed, Core, Offence};
use crate::counters::{Fault, FeedCounters};
use crate::machine::{Actions, Fetch, Machine};
use crate::market::{Market, MarketError};
use crate::pacer::backoff_us;
use crate::publish::Times;
use crate::salvage;
use crate::settings::{Quotes, Settings};
use crate::timers::Timers;
use crate::venue::Glance;
use schemas::model::{Channel, Micros, Quote, Ticker, Trade};
use schemas::venue::Parser;
use schemas::venue::coinbase::{self as venue, Book, Channel as Subscription, Message, Subscribed};
use std::sync::Arc;

/// Products in one request.
const PRODUCTS_PER_REQUEST_MAX: usize = 100;
/// How long trades that a heartbeat knows of may take to come.
const GRACE_US: u64 = 1_000_000;
/// How long a snapshot may take before it is asked for again.
const SNAPSHOT_WITHIN_US: u64 = 10_000_000;
const LONGEST_RETRY_US: u64 = 60_000_000;

/// The machine of one connection to Coinbase Exchange.
pub struct Coinbase {
    parser: Parser,
    feed: Feed,
}

struct Feed {
    core: Core<Product>,
    /// When the book of a product is to be subscribed to anew.
    resubscribe: Timers,
    /// When trades that a heartbeat knows of count as lost.
    missing: Timers,
}

/// What is kept of each symbol.
#[derive(Default)]
struct Product {
    /// Whether the book follows the venue's, or a snapshot is awaited.
    is_joined: bool,
    /// How often a snapshot was asked for in vain.
    failures: u32,
    /// The last trade by the heartbeat that began the grace.
    last_trade_id: u64,
}

impl Coinbase {
    /// A connection for the symbols of the settings, which exist from here on.
    ///
    /// # Errors
    /// [`MarketError`] if the symbols cannot be opened.
    pub fn new(settings: Settings, market: Arc<Market>) -> Result<Self, MarketError> {
        let settings = Settings { separator: Some('-'), ..settings };
        let core = Core::new(settings, market)?;
        let feed = Feed { core, resubscribe: Timers::default(), missing: Timers::default() };
        Ok(Self { parser: Parser::default(), feed })
    }
}

impl Machine for Coinbase {
    fn dial(&self) -> String {
        "/".to_owned()
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
        self.feed.missing.clear();
        self.feed.core.symbols.iter_mut().for_each(|symbol| symbol.data = Product::default());
    }

    fn deadline(&self) -> Option<Micros> {
        let Feed { core, resubscribe, missing } = &self.feed;
        [core.deadline(), resubscribe.deadline(), missing.deadline()].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Micros, actions: &mut Actions) {
        let feed = &mut self.feed;
        feed.core.tick(now, actions);
        while let Some(at) = feed.missing.next(now) {
            feed.core.give_up_trades(at, feed.core.symbols[at].data.last_trade_id, now);
        }
        while let Some(at) = feed.resubscribe.next(now) {
            feed.resubscribe(at, now, actions);
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
        let subscriptions = subscriptions(&self.core.settings);
        for products in self.core.settings.symbols.chunks(PRODUCTS_PER_REQUEST_MAX) {
            actions.send(venue::subscribe(&subscriptions, products));
        }
        if self.core.settings.channels.has(Channel::Book) {
            let open = self.core.symbols.len();
            (0..open).for_each(|at| self.resubscribe.set(at, now.plus(SNAPSHOT_WITHIN_US)));
        }
    }

    fn take(&mut self, rx: Micros, message: Message<'_>) -> Result<(), Offence> {
        match message {
            Message::Update(book) => return self.update(rx, &book),
            Message::Snapshot(book) => return self.snapshot(rx, &book),
            Message::Match { product, last, id, trade, .. } => self.trade(rx, product, last, id, trade),
            Message::Ticker { product, time, quote, ticker, .. } => {
                self.ticker(product, Times::new(time, rx), quote, ticker);
            }
            Message::Heartbeat { product, last_trade_id, .. } => self.heartbeat(rx, product, last_trade_id),
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

    fn snapshot(&mut self, rx: Micros, book: &Book<'_>) -> Result<(), Offence> {
        let Some(at) = self.core.place(book.product, rx) else { return Ok(()) };
        let outcome = self.core.reset_book(at, Times::new(book.time, rx), book.bids, book.asks);
        if let Err(offence) = outcome {
            self.resync(at, rx, &offence.what);
            return Err(offence);
        }
        let product = &mut self.core.symbols[at].data;
        product.is_joined = true;
        product.failures = 0;
        self.resubscribe.unset(at);
        Ok(())
    }

    fn update(&mut self, rx: Micros, book: &Book<'_>) -> Result<(), Offence> {
        let Some(at) = self.core.place(book.product, rx) else { return Ok(()) };
        if !self.core.symbols[at].data.is_joined {
            // What still comes of a subscription that was given up.
            return Ok(());
        }
        match self.core.change_book(at, Times::new(book.time, rx), book.bids, book.asks) {
            Changed::Fine => Ok(()),
            Changed::Crossed => Err(Offence::crossed(book.product)),
            Changed::Wrong(offence) => {
                self.resync(at, rx, &offence.what);
                Err(offence)
            }
        }
    }

    fn resync(&mut self, at: usize, now: Micros, reason: &str) {
        self.core.resyncing(at, reason, now);
        let product = &mut self.core.symbols[at].data;
        product.is_joined = false;
        let wait_us = match product.failures {
            0 => 0,
            failures => backoff_us(failures, SNAPSHOT_WITHIN_US, LONGEST_RETRY_US),
        };
        self.resubscribe.set(at, now.plus(wait_us));
    }

    /// Asks for the book of a product anew, and again if that leads to nothing.
    fn resubscribe(&mut self, at: usize, now: Micros, actions: &mut Actions) {
        let name = [self.core.symbols[at].name.to_string()];
        actions.send(venue::unsubscribe(&[Subscription::Level2Batch], &name));
        actions.send(venue::subscribe(&[Subscription::Level2Batch], &name));
        let product = &mut self.core.symbols[at].data;
        product.failures = product.failures.saturating_add(1);
        let wait_us = backoff_us(product.failures, SNAPSHOT_WITHIN_US, LONGEST_RETRY_US);
        self.resubscribe.set(at, now.plus(wait_us));
    }

    /// The last match before the subscription only says where the numbers go on, unless it is itself one that we missed.
    fn trade(&mut self, rx: Micros, product: &str, is_last: bool, id: u64, trade: Trade) {
        let Some(at) = self.core.place(product, rx) else { return };
        if is_last && self.core.symbols[at].trade_ids.begin_behind(id) {
            return;
        }
        self.core.trades(at, Times::new(trade.ts, rx), std::iter::once((id, trade)));
    }

    fn ticker(&mut self, product: &str, times: Times, quote: Quote, ticker: Ticker) {
        let Some(at) = self.core.place(product, times.rx) else { return };
        self.core.quote(at, times, quote);
        self.core.symbols[at].out.ticker(times, ticker);
    }

    /// Trades may be on their way still; if they have not come when the grace is over, they are lost.
    fn heartbeat(&mut self, rx: Micros, product: &str, last_trade_id: u64) {
        let Some(at) = self.core.place(product, rx) else { return };
        let symbol = &mut self.core.symbols[at];
        if symbol.trade_ids.is_behind(last_trade_id) && !self.missing.is_set(at) {
            symbol.data.last_trade_id = last_trade_id;
            self.missing.set(at, rx.plus(GRACE_US));
        }
    }

    fn subscribed(&mut self, rx: Micros, channels: &[Subscribed<'_>]) {
        let has = |name: &str| channels.iter().any(|channel| channel.channel == name);
        let lacks_ticker =
            !channels.is_empty() && !has("ticker") && self.core.settings.quotes == Quotes::Auto;
        for channel in channels {
            for product in &channel.products {
                let Some(at) = self.core.place(product, rx) else { continue };
                let out = &mut self.core.symbols[at].out;
                match channel.channel {
                    "matches" => out.trades_live(rx),
                    name if lacks_ticker && name.starts_with("level2") => out.quotes_from_book(),
                    _ => {}
                }
            }
        }
    }

    /// A message about a book that cannot be read is a change that is missing there.
    fn damaged(&mut self, now: Micros, frame: &[u8]) {
        if !salvage::strings(frame, "type").any(|kind| matches!(kind, "l2update" | "snapshot")) {
            return;
        }
        let named: Vec<_> =
            salvage::strings(frame, "product_id").filter_map(|product| self.core.known(product)).collect();
        let about = if named.is_empty() { (0..self.core.symbols.len()).collect() } else { named };
        for at in about {
            if self.core.symbols[at].data.is_joined {
                self.resync(at, now, "a message that cannot be read");
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
pub(crate) fn glance(frame: &mut [u8], parser: &mut Parser) -> Glance {
    match venue::parse(frame, parser) {
        Ok(Message::Ticker { .. }) => Glance::Quote,
        Ok(Message::Match { .. }) => Glance::Trade,
        _ => Glance::Other,
    }
}

#[cfg(test)]
mod tests;
