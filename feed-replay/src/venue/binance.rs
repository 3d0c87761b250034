//! Binance, spot and futures: streams by path or by request, depth and exchange information over REST.

mod bodies;
mod depth;
mod exchange_info;
pub mod frame;
mod requests;
mod rest;
mod rewrite;
mod route;
mod streams;
mod survey;

use super::closing::Closing;
use super::subscribers::Subscribers;
use super::{Connects, Profile};
use crate::generate;
use crate::generate::listing::Notation;
use crate::source::rest::symbol_of_url;
use crate::source::{Item, Kind};
use crate::stand_in::{self, ConnId, HttpReply, KeepAlive, Moment, Outbox, StandIn, Target};
use depth::{Body, DepthBook};
use frame::Frame;
use requests::Request;
use route::Asked;
use rustc_hash::{FxHashMap, FxHashSet};
use schemas::capture::UnixNanos;
use schemas::venue::binance::{Product, Route};
use std::time::Duration;
use survey::Survey;

/// Spot writes all numbers with eight digits.
pub(crate) const SPOT: Profile = Profile {
    feed: feed::venue::Venue::Binance,
    classify: |frame| frame::classify(Product::Spot, frame),
    stand_in: |_| Box::new(Binance::new(Product::Spot)),
    connects: CONNECTS,
    messages_per_s: Some(Product::Spot.messages_per_s()),
    notation: Notation { separator_and_quote: "USDT", price_zeros: 6, size_zeros: 4 },
    teller: |listings| Box::new(generate::binance::Binance::new(Product::Spot, listings.len())),
};

pub(crate) const USD_M: Profile = Profile {
    feed: feed::venue::Venue::BinanceUsdM,
    classify: |frame| frame::classify(Product::UsdM, frame),
    stand_in: |_| Box::new(Binance::new(Product::UsdM)),
    connects: CONNECTS,
    messages_per_s: Some(Product::UsdM.messages_per_s()),
    notation: Notation { separator_and_quote: "USDT", price_zeros: 0, size_zeros: 0 },
    teller: |listings| Box::new(generate::binance::Binance::new(Product::UsdM, listings.len())),
};

pub(crate) const COIN_M: Profile = Profile {
    feed: feed::venue::Venue::BinanceCoinM,
    classify: |frame| frame::classify(Product::CoinM, frame),
    stand_in: |_| Box::new(Binance::new(Product::CoinM)),
    connects: CONNECTS,
    messages_per_s: Some(Product::CoinM.messages_per_s()),
    notation: Notation { separator_and_quote: "USD_PERP", price_zeros: 0, size_zeros: 0 },
    teller: |listings| Box::new(generate::binance::Binance::new(Product::CoinM, listings.len())),
};

const CONNECTS: Connects = Connects { max: 300, within: Duration::from_secs(300) };
/// As documented: 1024 streams on a connection.
const STREAMS_MAX: usize = 1024;
const SPOT_KEEP_ALIVE: KeepAlive =
    KeepAlive { every: Duration::from_secs(20), pong_within: Duration::from_secs(60) };
const FUTURES_KEEP_ALIVE: KeepAlive =
    KeepAlive { every: Duration::from_secs(180), pong_within: Duration::from_secs(600) };
/// From the announcement of a shutdown to the end of the connections.
const SHUTDOWN_NS: u64 = 10_000_000_000;
/// The name under which nothing is recorded: what is subscribed to under it stays silent.
const SILENT: &str = "";

/// Stands in for one of Binance's products.
#[derive(Debug)]
pub struct Binance {
    product: Product,
    survey: Survey,
    subscribers: Subscribers,
    conns: FxHashMap<ConnId, Conn>,
    /// By symbol.
    books: FxHashMap<String, DepthBook>,
    /// Of the record played last.
    moment: Moment,
    /// The connections that were told that they will be closed.
    shutdown: Closing,
}

/// What a connection has asked for.
#[derive(Debug, Clone, Copy)]
struct Conn {
    route: Route,
    /// Payloads come in the wrapper that names the stream.
    combined: bool,
    /// Times are in microseconds.
    micros: bool,
}

impl StandIn for Binance {
    fn survey(&mut self, item: &Item) {
        self.survey.see(item);
    }

    fn surveyed(&mut self) {
        self.survey.finish();
        self.rewind();
    }

    fn opened(
        &mut self,
        conn: ConnId,
        target: &Target,
        _: UnixNanos,
        _: &mut Outbox,
    ) -> Result<(), HttpReply> {
        let not_found = || rest::not_found(self.product);
        let Asked { route, combined, streams } = route::asked(self.product, target).ok_or_else(not_found)?;
        let has_micros = self.product == Product::Spot;
        let unit = target.query("timeUnit").filter(|_| has_micros);
        let micros = unit.is_some_and(|unit| unit.eq_ignore_ascii_case("microsecond"));
        if streams.len() > STREAMS_MAX {
            return Err(rest::error(400, -1100, "too many streams: at most 1024 for a connection"));
        }
        self.conns.insert(conn, Conn { route, combined, micros });
        self.subscribe(conn, route, &streams);
        Ok(())
    }

    fn message(&mut self, conn: ConnId, text: &str, _: UnixNanos, out: &mut Outbox) {
        let reply = match requests::parse(text) {
            Ok((id, request)) => self.answer(conn, request).map_or_else(
                |refusal| requests::refusal(2, refusal, &id),
                |result| format!("{{\"result\":{result},\"id\":{id}}}"),
            ),
            Err(refusal) => refusal,
        };
        out.text(conn, reply);
    }

    fn closed(&mut self, conn: ConnId) {
        self.conns.remove(&conn);
        self.subscribers.remove_all(conn);
    }

    fn http(&mut self, target: &Target, now: UnixNanos) -> HttpReply {
        let Self { product, ref survey, ref books, moment, .. } = *self;
        rest::answer(target, now, &rest::Known { product, survey, books, moment })
    }

    fn play(&mut self, item: &Item, moment: &Moment, out: &mut Outbox) {
        self.moment = *moment;
        match item.kind {
            Kind::Frame => self.play_frame(&item.text, moment, out),
            Kind::Http => self.play_body(item),
            Kind::Binary if moment.heard => {
                out.binary(self.subscribers.all(), &item.bytes);
            }
            _ => {}
        }
    }

    fn rewind(&mut self) {
        let books =
            self.survey.bodies().map(|(symbol, bodies)| (symbol.to_owned(), DepthBook::new(bodies.kept())));
        self.books = books.collect();
    }

    fn tick(&mut self, now: UnixNanos, _: bool, out: &mut Outbox) {
        self.shutdown.due(now).into_iter().for_each(|conn| out.close(conn, 1001, "server shutdown"));
    }

    fn has_subscribers(&self) -> bool {
        !self.subscribers.is_empty()
    }

    fn holds_nothing(&self) -> bool {
        self.survey.holds_nothing()
    }

    fn keep_alive(&self) -> Option<KeepAlive> {
        Some(if self.product.is_future() { FUTURES_KEEP_ALIVE } else { SPOT_KEEP_ALIVE })
    }
}

impl Binance {
    /// A stand-in that has seen nothing.
    #[must_use]
    pub fn new(product: Product) -> Self {
        Self {
            product,
            survey: Survey::default(),
            subscribers: Subscribers::default(),
            conns: FxHashMap::default(),
            books: FxHashMap::default(),
            moment: Moment::default(),
            shutdown: Closing::new(SHUTDOWN_NS),
        }
    }

    /// Announces the end of all connections, which comes some time later; new ones stay.
    fn announce_shutdown(&mut self, frame: &Frame<'_>, moment: &Moment, out: &mut Outbox) {
        let rewrite = rewrite::Rewrite { moment: *moment, ids: rewrite::IdShift::default() };
        for (conn, state) in &self.conns {
            let rewritten = rewrite.payload(frame.payload(), state.micros);
            let payload = rewritten.as_deref().unwrap_or(frame.payload());
            let wrapped = || format!("{{\"stream\":\"!serverShutdown\",\"data\":{payload}}}");
            out.text(*conn, if state.combined { wrapped() } else { payload.to_owned() });
        }
        self.shutdown.announced(self.conns.keys().copied());
    }

    /// What another entry point carries is granted, and stays as silent as what the capture does not hold.
    fn subscribe(&mut self, conn: ConnId, route: Route, streams: &[String]) {
        let (carried, elsewhere): (Vec<&String>, _) =
            streams.iter().partition(|stream| route::carries(route, stream));
        let mut silent = Vec::new();
        for stream in carried {
            let recorded = self.survey.recorded_stream(stream);
            if recorded.is_none() {
                silent.push(stream.as_str());
            }
            self.subscribers.add(conn, recorded.unwrap_or(SILENT), stream);
        }
        stand_in::tell_silent(conn, &silent);
        for stream in &elsewhere {
            self.subscribers.add(conn, SILENT, stream);
        }
        if let Some(first) = elsewhere.first() {
            let count = elsewhere.len();
            tracing::warn!(
                "connection {conn}: {count} streams such as {first} are carried by the other entry point and stay silent"
            );
        }
    }

    /// Does what is asked and returns the result, or says why not.
    fn answer(&mut self, conn: ConnId, request: Request) -> Result<String, &'static str> {
        let Some(state) = self.conns.get_mut(&conn) else { return Ok("null".to_owned()) };
        match request {
            Request::Subscribe(streams) => {
                let held = self.subscribers.of(conn).iter().map(|stream| &**stream);
                let all: FxHashSet<_> = held.chain(streams.iter().map(String::as_str)).collect();
                if all.len() > STREAMS_MAX {
                    return Err("Invalid request: too many streams, at most 1024 for a connection");
                }
                let route = state.route;
                self.subscribe(conn, route, &streams);
            }
            Request::Unsubscribe(streams) => {
                streams.iter().for_each(|stream| _ = self.subscribers.remove(conn, stream));
            }
            Request::List => return Ok(requests::list(self.subscribers.of(conn))),
            Request::SetCombined(combined) => state.combined = combined,
            Request::GetCombined => return Ok(state.combined.to_string()),
        }
        Ok("null".to_owned())
    }

    fn play_frame(&mut self, text: &str, moment: &Moment, out: &mut Outbox) {
        let Some(frame) = Frame::parse(text) else {
            return self.play_damaged(text, moment, out);
        };
        if frame.event.name == Some("serverShutdown") {
            if moment.heard {
                self.announce_shutdown(&frame, moment, out);
            }
            return;
        }
        let Some(stream) = frame.stream_name() else {
            let is_control = frame.is_rest_depth() || frame.event.is_reply || frame.event.name.is_some();
            if !is_control {
                self.play_damaged(text, moment, out);
            }
            return;
        };
        if frame.event.is_depth_update() && self.survey.is_book_stream(&stream) {
            self.keep_book(&frame);
        }
        if moment.heard {
            let ids = self.survey.id_shift(&frame, moment.turn);
            let conns = &self.conns;
            let options = |conn| conns.get(&conn).map_or((false, false), |conn| (conn.combined, conn.micros));
            let rewrite = rewrite::Rewrite { moment: *moment, ids };
            streams::deliver(&self.subscribers, &frame, &stream, options, &rewrite, out);
        }
    }

    /// What cannot be read goes to whoever listens, as it came.
    fn play_damaged(&self, text: &str, moment: &Moment, out: &mut Outbox) {
        if moment.heard {
            out.texts(self.subscribers.all(), text);
        }
    }

    fn play_body(&mut self, item: &Item) {
        let symbol = symbol_of_url(&item.url).filter(|_| item.url.contains("/depth"));
        let Some(book) = symbol.and_then(|symbol| self.books.get_mut(&symbol)) else { return };
        if let Some(last_update_id) = Frame::parse(&item.text).and_then(|frame| frame.event.last_update_id) {
            book.play_body(Body { last_update_id, text: item.text.as_str().into() });
        }
    }

    fn keep_book(&mut self, frame: &Frame<'_>) {
        let Some(symbol) = frame.event.symbol else { return };
        if let Some(book) = self.books.get_mut(symbol) {
            book.apply(&frame.event);
        }
    }
}

#[cfg(test)]
mod tests;
