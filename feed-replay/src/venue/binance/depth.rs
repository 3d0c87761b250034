//! One symbol's book: the recorded REST body with the depth events that were played since.

use super::frame::Event;
use crate::book::{Book, write_pairs};
use crate::json::{elements, field};
use schemas::model::Side;
use std::collections::VecDeque;
use std::sync::Arc;

/// A recorded depth body.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) last_update_id: u64,
    pub(super) text: Arc<str>,
}

/// A book and the bodies that it can begin with. Ids are as recorded.
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
}

impl DepthBook {
    pub(super) fn new(bodies: &[Body]) -> Self {
        Self { bodies: bodies.iter().cloned().collect(), kept: None }
    }

    /// Takes a depth event that is played.
    ///
    /// Binance's rules: an event up to the known id is old, one that goes on from it is applied, and a gap ends the book. A book
    /// begins with the first body that an event goes on from.
    pub(super) fn apply(&mut self, event: &Event<'_>) {
        let (Some(first), Some(last)) = (event.first_id, event.last_id) else { return };
        if self.kept.as_ref().is_some_and(|kept| first > kept.last_update_id.saturating_add(1)) {
            tracing::warn!("{}: depth events leave a gap before {first}", event.symbol.unwrap_or("?"));
            self.kept = None;
        }
        while self.kept.is_none()
            && let Some(body) = self.bodies.pop_front_if(|body| last > body.last_update_id)
        {
            self.kept = body.book_before(first);
        }
        let Some(kept) = self.kept.as_mut().filter(|kept| last > kept.last_update_id) else { return };
        kept.last_update_id = last;
        let set = kept.book.set_all(Side::Buy, event.bids).and(kept.book.set_all(Side::Sell, event.asks));
        if set.is_none() {
            tracing::warn!("{}: the depth event at {last} cannot be read", event.symbol.unwrap_or("?"));
            self.kept = None;
        }
    }

    /// The reply to a request for `limit` levels a side, with ids larger by `shift`: the book as played, or before that begins
    /// the recorded body. None where the capture has neither.
    pub(super) fn reply(&self, limit: usize, shift: u64) -> Option<String> {
        match &self.kept {
            Some(kept) => Some(kept.reply(limit, shift)),
            None => self.bodies.front().map(|body| body.reply(limit, shift)),
        }
    }
}

impl Kept {
    fn reply(&self, limit: usize, shift: u64) -> String {
        let mut out = format!("{{\"lastUpdateId\":{},\"bids\":", self.last_update_id.saturating_add(shift));
        write_pairs(self.book.bids().take(limit), &mut out);
        out += ",\"asks\":";
        write_pairs(self.book.asks().take(limit), &mut out);
        out + "}"
    }
}

impl Body {
    /// The book of this body, if an event that begins at `first` goes on from it.
    fn book_before(&self, first: u64) -> Option<Kept> {
        if first > self.last_update_id.saturating_add(1) {
            return None;
        }
        let mut book = Book::default();
        book.set_all(Side::Buy, field(&self.text, "bids")?.value)?;
        book.set_all(Side::Sell, field(&self.text, "asks")?.value)?;
        Some(Kept { book, last_update_id: self.last_update_id })
    }

    fn reply(&self, limit: usize, shift: u64) -> String {
        let side = |name| field(&self.text, name).map_or("[]", |side| side.value);
        let (bids, asks) = (side("bids"), side("asks"));
        let is_whole = |side| elements(side).nth(limit).is_none();
        if shift == 0 && is_whole(bids) && is_whole(asks) {
            return self.text.to_string();
        }
        let cut = |side| elements(side).take(limit).map(|(_, level)| level).collect::<Vec<_>>().join(",");
        let id = self.last_update_id.saturating_add(shift);
        format!("{{\"lastUpdateId\":{id},\"bids\":[{}],\"asks\":[{}]}}", cut(bids), cut(asks))
    }
}
