//! Binance spot: streams by path or by request, depth and exchange information over REST.

mod depth;
mod exchange_info;
pub mod frame;
mod requests;
mod rest;
mod rewrite;
mod streams;
mod survey;

use super::subscribers::Subscribers;
use super::{Connects, Profile};
use crate::generate;
use crate::generate::listing::Notation;
use crate::source::{Item, Kind};
use crate::stand_in::{self, ConnId, HttpReply, KeepAlive, Moment, Outbox, StandIn, Target};
use depth::DepthBook;
use frame::Frame;
use requests::Request;
use rustc_hash::FxHashMap;
use schemas::capture::UnixNanos;
use std::time::Duration;
use survey::Survey;

/// Spot writes all numbers with eight digits.
pub(crate) const PROFILE: Profile = Profile {
    feed: feed::venue::Venue::Binance,
    classify: frame::classify,
    stand_in: |_| Box::<Binance>::default(),
    connects: Connects { max: 300, within: Duration::from_secs(300) },
    messages_per_s: Some(5),
    notation: Notation { separator_and_quote: "USDT", price_zeros: 6, size_zeros: 4 },
    teller: |listings| Box::new(generate::binance::Binance::new(listings.len())),
};

/// As documented: 1024 streams on a connection.
const STREAMS_MAX: usize = 1024;
const KEEP_ALIVE: KeepAlive =
    KeepAlive { every: Duration::from_secs(20), pong_within: Duration::from_secs(60) };

/// Stands in for Binance spot.
#[derive(Debug, Default)]
pub struct Binance {
    survey: Survey,
    subscribers: Subscribers,
    conns: FxHashMap<ConnId, Conn>,
    /// By symbol.
    books: FxHashMap<String, DepthBook>,
    turn: u64,
}

/// What a connection has asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Conn {
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
        let (combined, streams) = requested_streams(target).ok_or_else(rest::not_found)?;
        let micros = target.query("timeUnit").is_some_and(|unit| unit.eq_ignore_ascii_case("microsecond"));
        if streams.len() > STREAMS_MAX {
            return Err(rest::error(400, -1100, "too many streams: at most 1024 for a connection"));
        }
        self.conns.insert(conn, Conn { combined, micros });
        self.subscribe(conn, &streams);
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
        rest::answer(target, now, &self.survey, &self.books, self.turn)
    }

    fn play(&mut self, item: &Item, moment: &Moment, out: &mut Outbox) {
        self.turn = moment.turn;
        match item.kind {
            Kind::Frame => self.play_frame(&item.text, moment, out),
            Kind::Binary if moment.heard => {
                out.binary(self.subscribers.all(), &item.bytes);
            }
            _ => {}
        }
    }

    fn rewind(&mut self) {
        let books = self.survey.bodies().map(|(symbol, bodies)| (symbol.to_owned(), DepthBook::new(bodies)));
        self.books = books.collect();
    }

    fn tick(&mut self, _: UnixNanos, _: bool, _: &mut Outbox) {}

    fn has_subscribers(&self) -> bool {
        !self.subscribers.is_empty()
    }

    fn holds_nothing(&self) -> bool {
        self.survey.holds_nothing()
    }

    fn keep_alive(&self) -> Option<KeepAlive> {
        Some(KEEP_ALIVE)
    }
}

impl Binance {
    fn subscribe(&mut self, conn: ConnId, streams: &[String]) {
        let mut silent = Vec::new();
        for stream in streams {
            let recorded = self.survey.recorded_stream(stream);
            if recorded.is_none() {
                silent.push(stream.as_str());
            }
            self.subscribers.add(conn, recorded.unwrap_or(stream), stream);
        }
        stand_in::tell_silent(conn, &silent);
    }

    /// Does what is asked and returns the result, or says why not.
    fn answer(&mut self, conn: ConnId, request: Request) -> Result<String, &'static str> {
        let state = self.conns.entry(conn).or_default();
        match request {
            Request::Subscribe(streams) => {
                let held = self.subscribers.of(conn).len();
                if held + streams.len() > STREAMS_MAX {
                    return Err("Invalid request: too many streams, at most 1024 for a connection");
                }
                self.subscribe(conn, &streams);
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

    fn keep_book(&mut self, frame: &Frame<'_>) {
        let Some(symbol) = frame.event.symbol else { return };
        if let Some(book) = self.books.get_mut(symbol) {
            book.apply(&frame.event);
        }
    }
}

/// Whether the path wants combined streams, and which it names; none for a path without streams.
fn requested_streams(target: &Target) -> Option<(bool, Vec<String>)> {
    let names = |text: &str| text.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match target.path.as_str() {
        "/stream" | "/stream/" => Some((true, names(target.query("streams").unwrap_or_default()))),
        "/ws" | "/ws/" => Some((false, Vec::new())),
        path => Some((false, names(path.strip_prefix("/ws/")?))),
    }
}

#[cfg(test)]
mod tests;
