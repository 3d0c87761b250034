//! One symbol's book: the recorded REST body with the depth events that were played since.

use super::frame::Event;
use crate::book::{Book, write_pairs};
use crate::edit::Edits;
use crate::json::{elements, field, fields};
use crate::stand_in::Moment;
use crate::time::nanos_of_unix;
use schemas::model::Side;
use schemas::venue::binance::Product;
use std::collections::VecDeque;
use std::sync::Arc;

/// A recorded depth body.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) last_update_id: u64,
    pub(super) text: Arc<str>,
}

/// A book and the bodies that it can begin with. Ids and times are as recorded.
#[derive(Debug, Default)]
pub(super) struct DepthBook {
    /// The bodies that no event has passed, as recorded.
    bodies: VecDeque<Body>,
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    book: Book,
    last_update_id: u64,
    /// Of the last event: when it was sent and when it happened, in nanoseconds.
    times: (u64, u64),
}

/// What a reply is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) product: Product,
    pub(super) symbol: &'a str,
    /// Levels a side.
    pub(super) limit: usize,
    /// By how much ids are larger than recorded.
    pub(super) shift: u64,
    /// By which times are changed.
    pub(super) moment: Moment,
}

impl DepthBook {
    pub(super) fn new<'a>(bodies: impl Iterator<Item = &'a Body>) -> Self {
        Self { bodies: bodies.cloned().collect(), kept: None }
    }

    /// Takes a body that is played, where none is known that the book could go on with.
    pub(super) fn play_body(&mut self, body: Body) {
        if self.kept.is_none() && self.bodies.is_empty() {
            self.bodies.push_back(body);
        }
    }

    /// Takes a depth event that is played.
    ///
    /// Binance's rules: an event up to the known id is old, one that goes on from it is applied, and a gap ends the book. A book
    /// begins with the first body that an event goes on from.
    pub(super) fn apply(&mut self, event: &Event<'_>) {
        let Some(last) = event.last_id else { return };
        if self.kept.as_ref().is_some_and(|kept| last <= kept.last_update_id) {
            return;
        }
        if self.kept.as_ref().is_some_and(|kept| !event.follows(kept.last_update_id, false)) {
            tracing::warn!("{}: depth events leave a gap before {last}", event.symbol.unwrap_or("?"));
            self.kept = None;
        }
        while self.kept.is_none()
            && let Some(body) = self.bodies.pop_front_if(|body| last > body.last_update_id)
        {
            self.kept = body.book_before(event);
        }
        let Some(kept) = &mut self.kept else { return };
        kept.last_update_id = last;
        let time = event.time.unwrap_or_default();
        kept.times = (time, event.transaction_time.unwrap_or(time));
        let set = kept.book.set_all(Side::Buy, event.bids).and(kept.book.set_all(Side::Sell, event.asks));
        if set.is_none() {
            tracing::warn!("{}: the depth event at {last} cannot be read", event.symbol.unwrap_or("?"));
            self.kept = None;
        }
    }

    /// The reply to a request: the book as played, or before that begins the recorded body. None where the capture has neither.
    pub(super) fn reply(&self, asked: &Asked<'_>) -> Option<String> {
        match &self.kept {
            Some(kept) => Some(kept.reply(asked)),
            None => self.bodies.front().map(|body| body.reply(asked)),
        }
    }
}

impl Kept {
    fn reply(&self, asked: &Asked<'_>) -> String {
        let mut out = format!("{{\"lastUpdateId\":{}", self.last_update_id.saturating_add(asked.shift));
        if asked.product.is_future() {
            let (sent, happened) = self.times;
            let ms = |time| asked.moment.event_time(time) / 1_000_000;
            out += &format!(",\"E\":{},\"T\":{}", ms(sent), ms(happened));
        }
        if asked.product == Product::CoinM {
            let pair = asked.symbol.split('_').next().unwrap_or_default();
            out += &format!(",\"symbol\":\"{}\",\"pair\":\"{pair}\"", asked.symbol);
        }
        out += ",\"bids\":";
        write_pairs(self.book.bids().take(asked.limit), &mut out);
        out += ",\"asks\":";
        write_pairs(self.book.asks().take(asked.limit), &mut out);
        out + "}"
    }
}

impl Body {
    /// The book of this body, if the event goes on from it.
    fn book_before(&self, event: &Event<'_>) -> Option<Kept> {
        if !event.follows(self.last_update_id, true) {
            return None;
        }
        let mut book = Book::default();
        book.set_all(Side::Buy, field(&self.text, "bids")?.value)?;
        book.set_all(Side::Sell, field(&self.text, "asks")?.value)?;
        Some(Kept { book, last_update_id: self.last_update_id, times: (0, 0) })
    }

    /// The recorded text, but for levels beyond the limit, and for ids and times where they are not as recorded.
    fn reply(&self, asked: &Asked<'_>) -> String {
        let mut edits = Edits::default();
        for field in fields(&self.text) {
            let new = match field.key {
                "lastUpdateId" => Some(self.last_update_id.saturating_add(asked.shift).to_string()),
                "E" | "T" => field
                    .integer()
                    .and_then(nanos_of_unix)
                    .map(|time| (asked.moment.event_time(time) / 1_000_000).to_string()),
                "bids" | "asks" if elements(field.value).nth(asked.limit).is_some() => {
                    let kept: Vec<_> =
                        elements(field.value).take(asked.limit).map(|(_, level)| level).collect();
                    Some(format!("[{}]", kept.join(",")))
                }
                _ => None,
            };
            if let Some(new) = new {
                edits.replace(field.range(), new);
            }
        }
        edits.apply(&self.text)
    }
}
