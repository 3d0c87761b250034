//! Binance: spot, and futures with margin in dollars (USD-M) and in coins (COIN-M).
//!
//! One connection carries all streams, as many of them in its URL as fit there, the rest by requests; with USD-M there are two
//! entry points, and so two connections, each for some of the channels. A book begins with a depth snapshot over REST: events
//! that come before it wait, and its `lastUpdateId` says which of them follow it. From then on each event begins where the last
//! one ended, or, with futures, names it; else the book is fetched anew. Trades are numbered.

mod depth;
mod feed;
mod fetches;

use crate::core::Core;
use crate::counters::{Fault, FeedCounters};
use crate::machine::{Actions, Fetch, Machine, MachineError, Purpose};
use crate::market::Market;
use crate::pacer::Pacer;
use crate::settings::{Channels, Quotes, Settings, Trades};
use crate::venue::{Depths, Glance, MakeMachine, Profile};
use feed::Feed;
use schemas::model::{Channel, Micros};
use schemas::venue::Parser;
use schemas::venue::binance::{self as venue, Message, Product, Route, STREAMS_PER_CONNECTION_MAX, Stream};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const SPOT: Profile = Profile {
    rest_hosts: &[
        ("stream.binance.com", "api.binance.com"),
        ("data-stream.binance.vision", "data-api.binance.vision"),
    ],
    connections: |settings| connections(Product::Spot, settings),
    ..profile("binance", Product::Spot, |settings, market| machine(Product::Spot, settings, market))
};

pub(crate) const USD_M: Profile = Profile {
    rest_hosts: &[("fstream.binance.com", "fapi.binance.com")],
    connections: |settings| connections(Product::UsdM, settings),
    has_entry_points: true,
    ..profile("binance-usdm", Product::UsdM, |settings, market| machine(Product::UsdM, settings, market))
};

pub(crate) const COIN_M: Profile = Profile {
    rest_hosts: &[("dstream.binance.com", "dapi.binance.com")],
    connections: |settings| connections(Product::CoinM, settings),
    ..profile("binance-coinm", Product::CoinM, |settings, market| machine(Product::CoinM, settings, market))
};

/// What is the same for all of them.
const fn profile(name: &'static str, product: Product, machine: MakeMachine) -> Profile {
    Profile {
        depths: Depths::UpTo(product.depth_max()),
        has_aggregates: true,
        depth_ms: product.depth_ms(),
        rest_depth: true,
        connects: Pacer::within(300, 300_000_000),
        takes_over: true,
        life: Some(Duration::from_secs(24 * 60 * 60)),
        // Another connection takes over, which nobody notices: so that may well be for nothing.
        data_silence_ms: 60_000,
        ..Profile::new(name, machine, glance)
    }
}

fn machine(
    product: Product,
    settings: Settings,
    market: Arc<Market>,
) -> Result<Box<dyn Machine>, MachineError> {
    Ok(Box::new(Binance::new(product, settings, market)?))
}

/// The machine of one connection to Binance.
pub(crate) struct Binance {
    parser: Parser,
    route: Route,
    feed: Feed,
}

/// The settings of as many connections as the symbols need by the venue's rules, those of each entry point by themselves.
fn connections(product: Product, settings: &Settings) -> Vec<Settings> {
    let routed = |route| {
        let streams = streams_of_symbol(product, settings);
        let streams: Vec<_> =
            streams.into_iter().filter(|(_, stream)| product.route(*stream) == route).collect();
        let channels: Vec<_> = streams.iter().map(|(channel, _)| *channel).collect();
        let settings = Settings { channels: Channels::of(&channels), ..settings.clone() };
        (!streams.is_empty()).then(|| settings.split(STREAMS_PER_CONNECTION_MAX, |_| streams.len()))
    };
    let mut routes = [Route::Whole, Route::Public, Route::Market].into_iter().filter_map(routed);
    let Some(mut connections) = routes.next() else { return vec![settings.clone()] };
    for companions in routes {
        connections.extend(companions.into_iter().map(|part| Settings { is_companion: true, ..part }));
    }
    connections
}

impl Binance {
    /// A connection for the symbols of the settings, which exist from here on.
    ///
    /// # Errors
    /// [`MachineError`] if they need more than one connection or cannot be opened.
    pub(crate) fn new(
        product: Product,
        settings: Settings,
        market: Arc<Market>,
    ) -> Result<Self, MachineError> {
        let of_symbol = streams_of_symbol(product, &settings);
        let streams = names(&of_symbol, &settings.symbols);
        if streams.len() > STREAMS_PER_CONNECTION_MAX {
            let (max, asked) = (STREAMS_PER_CONNECTION_MAX, streams.len());
            return Err(MachineError::Streams { venue: "Binance", max, asked });
        }
        let route = of_symbol.first().map_or(Route::Whole, |(_, stream)| product.route(*stream));
        let snapshot_levels = snapshot_levels(product, &settings);
        let feed = Feed::new(Core::new(settings, market)?, product, (of_symbol, streams), snapshot_levels);
        Ok(Self { parser: Parser::default(), route, feed })
    }
}

impl Machine for Binance {
    fn dial(&self) -> String {
        self.route.combined_path(self.feed.dialled(), false)
    }

    fn is_wanted(&self) -> bool {
        self.feed.core.is_wanted()
    }

    fn connected(&mut self, now: Micros, actions: &mut Actions) {
        self.feed.connected(now, actions);
    }

    fn frame(&mut self, rx: Micros, frame: &mut Vec<u8>, actions: &mut Actions) {
        let Self { parser, feed, .. } = self;
        feed.received(rx, frame.len());
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
        let Self { parser, feed, .. } = self;
        match (&fetch.purpose, body) {
            (_, Err(reason)) => feed.fetch_failed(rx, &fetch.purpose, &reason, fetch.path.as_bytes()),
            (Purpose::Symbols, Ok(body)) => {
                let outcome = venue::exchange_info(body, parser).map(|known| feed.describe(&known));
                if let Err(error) = outcome {
                    feed.fetch_failed(rx, &fetch.purpose, &error, body);
                }
            }
            (purpose, Ok(body)) => {
                let outcome =
                    venue::depth_body(body, parser).map(|depth| feed.depth_body(rx, purpose, &depth));
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

    fn doubled(&mut self, now: Micros, actions: &mut Actions) {
        self.feed.doubled(now, actions);
    }

    fn is_settled(&self) -> bool {
        self.feed.is_settled()
    }

    fn single(&mut self, now: Micros) {
        self.feed.single(now);
    }

    fn deadline(&self) -> Option<Micros> {
        self.feed.deadline()
    }

    fn tick(&mut self, now: Micros, actions: &mut Actions) {
        self.feed.tick(now, actions);
    }

    fn counters(&self) -> &Arc<FeedCounters> {
        &self.feed.core.counters
    }

    fn is_live(&self) -> bool {
        self.feed.core.is_live()
    }
}

/// The names of these streams of these symbols.
fn names(of_symbol: &[(Channel, Stream)], symbols: &[String]) -> Vec<String> {
    let of = |symbol: &String| of_symbol.iter().map(|(_, stream)| stream.name(symbol)).collect::<Vec<_>>();
    symbols.iter().flat_map(of).collect()
}

/// The streams of each symbol, by the channel that each of them fills.
fn streams_of_symbol(product: Product, settings: &Settings) -> Vec<(Channel, Stream)> {
    let trades = match settings.trades {
        Trades::Each => Stream::Trade,
        Trades::Aggregate => Stream::AggTrade,
    };
    let depth = Some(settings.depth_ms).filter(|ms| *ms != product.unnamed_depth_ms());
    let quotes = settings.quotes != Quotes::Book;
    let wanted = [
        (Channel::Trades, true, trades),
        (Channel::Quotes, quotes, Stream::BookTicker),
        (Channel::Book, true, Stream::Depth(depth)),
        (Channel::Ticker, true, Stream::Ticker24h),
    ];
    let has =
        |(channel, wanted, stream)| (wanted && settings.channels.has(channel)).then_some((channel, stream));
    wanted.into_iter().filter_map(has).collect()
}

/// How deep snapshots are asked for: as deep as there is where they are few, since a deep one of spot weighs five times as much.
fn snapshot_levels(product: Product, settings: &Settings) -> u16 {
    const FEW: usize = 12;
    let usual = if settings.symbols.len() <= FEW { product.depth_max().into() } else { 1_000 };
    product.depth_limit(settings.depth.unwrap_or(usual))
}

/// What a frame is.
fn glance(frame: &mut [u8], parser: &mut Parser) -> Glance {
    match venue::parse(frame, parser).map(|frame| frame.message) {
        Ok(Message::BookTicker { .. }) => Glance::Quote,
        Ok(Message::Trade { .. }) => Glance::Trade,
        Ok(Message::AggTrade { .. }) => Glance::Aggregate,
        _ => Glance::Other,
    }
}

#[cfg(test)]
mod tests;
