//! What a capture holds, learnt before it is served: streams, symbols, REST bodies, ranges of ids.

use super::bodies::Bodies;
use super::depth::Body;
use super::exchange_info;
use super::frame::Frame;
use super::rewrite::IdShift;
use crate::ids::IdRange;
use crate::source::rest::symbol_of_url;
use crate::source::{Item, Kind};
use crate::venue::precision::Precision;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Of recorded depth bodies as much is kept, but for the first one of each symbol.
const BODIES_BYTES_MAX: usize = 32 << 20;

#[derive(Debug, Default)]
pub(super) struct Survey {
    symbols: BTreeMap<String, SymbolSurvey>,
    /// The recorded streams by the name that they have without their interval.
    streams: FxHashMap<String, Vec<String>>,
    /// Depth bodies that do not say whose they are.
    orphans: Vec<Body>,
    /// There were more bodies than are kept.
    is_full: bool,
    exchange_info: Option<String>,
}

/// What is known of a symbol.
#[derive(Debug, Default)]
pub(super) struct SymbolSurvey {
    bodies: Bodies,
    updates: IdRange,
    trades: IdRange,
    aggregates: IdRange,
    /// The stream whose events keep the book: the first one recorded.
    book_stream: Option<String>,
    /// The finest digits seen.
    pub(super) precision: Precision,
}

impl Survey {
    pub(super) fn see(&mut self, item: &Item) {
        match item.kind {
            Kind::Frame => self.see_frame(&item.text),
            Kind::Http if item.url.contains("/exchangeInfo") => self.exchange_info = Some(item.text.clone()),
            Kind::Http if item.url.contains("/depth") => self.see_body(&item.text, symbol_of_url(&item.url)),
            _ => {}
        }
    }

    fn see_frame(&mut self, text: &str) {
        let Some(frame) = Frame::parse(text) else { return };
        if frame.is_rest_depth() {
            return self.see_body(text, frame.event.symbol.map(str::to_owned));
        }
        let Some(stream) = frame.stream_name() else { return };
        let known = self.streams.entry(without_interval(&stream).to_owned()).or_default();
        if !known.iter().any(|name| *name == *stream) {
            known.push(stream.clone().into_owned());
        }
        let Some(symbol) = frame.event.symbol else { return };
        if !self.symbols.contains_key(symbol) {
            self.symbols.insert(symbol.to_owned(), SymbolSurvey::default());
        }
        if let Some(known) = self.symbols.get_mut(symbol) {
            known.see(&frame, &stream);
        }
    }

    fn see_body(&mut self, text: &str, symbol: Option<String>) {
        let id = Frame::parse(text).and_then(|frame| frame.event.last_update_id);
        let Some(last_update_id) = id else { return };
        let body = Body { last_update_id, text: text.into() };
        let has_room = self.has_room(text.len());
        match symbol {
            Some(symbol) => self.symbols.entry(symbol).or_default().take_body(body, has_room),
            None if has_room => self.orphans.push(body),
            None => {}
        }
    }

    /// Whether so many bytes more can be kept of bodies.
    fn has_room(&mut self, bytes: usize) -> bool {
        let kept: usize = self.symbols.values().map(|symbol| symbol.bodies.bytes()).sum();
        let orphans: usize = self.orphans.iter().map(|body| body.text.len()).sum();
        let has_room = kept + orphans + bytes <= BODIES_BYTES_MAX;
        if !has_room && !std::mem::replace(&mut self.is_full, true) {
            let max = BODIES_BYTES_MAX >> 20;
            tracing::warn!(
                "more than {max} MiB of depth bodies: those behind later gaps are known only once they are played"
            );
        }
        has_room
    }

    /// Finds out whose the bodies are that do not say it: the only symbol's, or that of the only one whose ids go on from it.
    pub(super) fn finish(&mut self) {
        for body in std::mem::take(&mut self.orphans) {
            let only = self.symbols.len() == 1;
            let fits =
                |symbol: &SymbolSurvey| only || symbol.updates.holds(body.last_update_id.saturating_add(1));
            let mut fitting = self.symbols.values_mut().filter(|symbol| fits(symbol));
            match (fitting.next(), fitting.next()) {
                (Some(symbol), None) => symbol.take_body(body, true),
                _ => tracing::warn!("the depth body at {} fits no symbol, or several", body.last_update_id),
            }
        }
    }

    /// Whether nothing of this venue was seen.
    pub(super) fn holds_nothing(&self) -> bool {
        self.streams.is_empty() && self.symbols.is_empty()
    }

    /// The recorded stream that a client's name means: itself, or the same data at another interval.
    pub(super) fn recorded_stream(&self, asked: &str) -> Option<&str> {
        let known = self.streams.get(without_interval(asked))?;
        known.iter().find(|name| *name == asked).or(known.first()).map(String::as_str)
    }

    /// Whether the book of its symbol is kept by this stream's events.
    pub(super) fn is_book_stream(&self, stream: &str) -> bool {
        let symbol = stream.split('@').next().unwrap_or_default().to_ascii_uppercase();
        self.symbols.get(&symbol).is_some_and(|symbol| symbol.book_stream.as_deref() == Some(stream))
    }

    pub(super) fn bodies(&self) -> impl Iterator<Item = (&str, &Bodies)> {
        self.symbols.iter().map(|(name, symbol)| (name.as_str(), &symbol.bodies))
    }

    pub(super) fn symbols(&self) -> &BTreeMap<String, SymbolSurvey> {
        &self.symbols
    }

    pub(super) fn exchange_info(&self) -> Option<&str> {
        self.exchange_info.as_deref()
    }

    pub(super) fn id_shift(&self, frame: &Frame<'_>, turn: u64) -> IdShift {
        let symbol = frame.event.symbol.filter(|_| turn > 0);
        symbol
            .and_then(|symbol| self.symbols.get(symbol))
            .map_or(IdShift::default(), |symbol| symbol.id_shift(turn))
    }
}

impl SymbolSurvey {
    /// When the capture begins anew, ids go on rising. Those of trades are contiguous. Those of books leave out one, since the
    /// book begins anew: a client sees the gap and fetches it.
    pub(super) fn id_shift(&self, turn: u64) -> IdShift {
        let updates = self.updates.shift(turn).saturating_add(turn);
        IdShift { updates, trades: self.trades.shift(turn), aggregates: self.aggregates.shift(turn) }
    }

    fn take_body(&mut self, body: Body, has_room: bool) {
        self.updates.see(Some(body.last_update_id));
        exchange_info::see_body(&mut self.precision, &body.text);
        // What it begins with is kept in any case.
        if has_room || self.bodies.bytes() == 0 {
            self.bodies.take(body);
        }
    }

    fn see(&mut self, frame: &Frame<'_>, stream: &str) {
        let event = &frame.event;
        self.updates.see(event.first_id);
        self.updates.see(event.last_id);
        // So that the first event of a turn does not name the last one of the turn before.
        self.updates.see(event.previous_id);
        match event.name {
            Some("trade") => self.trades.see(event.trade_id),
            Some("aggTrade") => {
                self.aggregates.see(event.aggregate_id);
                self.trades.see(event.first_trade_id);
                self.trades.see(event.last_trade_id);
            }
            Some("depthUpdate") if self.book_stream.is_none() => self.book_stream = Some(stream.to_owned()),
            _ => {}
        }
        if event.is_depth_update() && self.book_stream.as_deref() == Some(stream) {
            self.bodies.see(event);
        }
        if !event.is_depth_update() {
            exchange_info::see_event(&mut self.precision, frame.payload());
        }
    }
}

/// `btcusdt@depth@100ms` without `@100ms`. Other streams have no interval of this kind.
fn without_interval(stream: &str) -> &str {
    match stream.rsplit_once('@') {
        Some((name, interval)) if name.contains("@depth") && interval.ends_with("ms") => name,
        _ => stream,
    }
}
