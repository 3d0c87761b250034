//! Binance spot.
//!
//! One connection carries all streams, as many of them in its URL as fit there, the rest by requests. A book begins with a
//! depth snapshot over REST: events that come before it wait, and its `lastUpdateId` says which of them follow it. From
//! then on each event begins where the last one ended, or the book is fetched anew. Trades are numbered.

mod depth;
mod feed;
mod fetches;

use crate::core::Core;
use crate::counters::{Fault, FeedCounters};
use crate::machine::{Actions, Fetch, Machine, MachineError, Purpose};
use crate::market::Market;
use crate::pacer::Pacer;
use crate::settings::{Quotes, Settings, Trades};
use crate::venue::{Depths, Glance, Profile};
use feed::Feed;
use schemas::model::{Channel, Micros};
use schemas::venue::Parser;
use schemas::venue::binance::{self as venue, Message, STREAMS_PER_CONNECTION_MAX, Stream};
use std::sync::Arc;

pub(crate) const PROFILE: Profile = Profile {
    connections,
    depths: Depths::UpTo(5_000),
    has_aggregates: true,
    depth_ms: &[100, 1_000],
    rest_depth: true,
    connects: Pacer::within(300, 300_000_000),
    rest_hosts: &[
        ("stream.binance.com", "api.binance.com"),
        ("data-stream.binance.vision", "data-api.binance.vision"),
    ],
    ..Profile::new("binance", |settings, market| Ok(Box::new(Binance::new(settings, market)?)), glance)
};

/// The machine of one connection to Binance spot.
pub(crate) struct Binance {
    parser: Parser,
    feed: Feed,
}

/// The settings of as many connections as the symbols need by the venue's rules.
fn connections(settings: &Settings) -> Vec<Settings> {
    let of_symbol = streams_of_symbol(settings).len();
    settings.split(STREAMS_PER_CONNECTION_MAX, |_| of_symbol)
}

impl Binance {
    /// A connection for the symbols of the settings, which exist from here on.
    ///
    /// # Errors
    /// [`MachineError`] if they need more than one connection or cannot be opened.
    pub(crate) fn new(settings: Settings, market: Arc<Market>) -> Result<Self, MachineError> {
        let of_symbol = streams_of_symbol(&settings);
        let name = |symbol: &String| of_symbol.iter().map(|stream| stream.name(symbol)).collect::<Vec<_>>();
        let streams: Vec<_> = settings.symbols.iter().flat_map(name).collect();
        if streams.len() > STREAMS_PER_CONNECTION_MAX {
            let (max, asked) = (STREAMS_PER_CONNECTION_MAX, streams.len());
            return Err(MachineError::Streams { venue: "Binance", max, asked });
        }
        let snapshot_levels = snapshot_levels(&settings);
        let feed = Feed::new(Core::new(settings, market)?, streams, snapshot_levels);
        Ok(Self { parser: Parser::default(), feed })
    }
}

impl Machine for Binance {
    fn dial(&self) -> String {
        venue::combined_path(self.feed.dialled(), false)
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
        self.feed.deadline()
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
    const FEW: usize = 12;
    let levels = settings.depth.unwrap_or(if settings.symbols.len() <= FEW { 5_000 } else { 1_000 });
    u16::try_from(levels.clamp(5, 5_000)).unwrap_or(5_000)
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
