//! What is known of one topic: its last message, and what the changes so far have led to.

use super::frame::Frame;
use crate::book::{Book, write_pairs};
use crate::edit::Edits;
use schemas::model::Side;
use schemas::venue::bybit::Topic;

/// One topic as it was played.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// The last message as sent; empty before the first.
    last: String,
    whole: Option<Whole>,
}

/// The state that a snapshot and the changes since then lead to.
#[derive(Debug)]
enum Whole {
    Book(Book),
    /// The fields of a ticker, each as the venue last wrote it.
    Fields(Vec<(String, String)>),
}

impl Recorded {
    /// Takes note of a frame as it is sent.
    pub(super) fn play(&mut self, frame: &Frame<'_>, text: &str) {
        self.last.clear();
        self.last.push_str(text);
        let topic = Topic::parse(frame.topic);
        if frame.is_whole() {
            self.whole = match topic {
                Some(Topic::Book { .. }) => Some(Whole::Book(Book::default())),
                Some(Topic::Ticker { .. }) => Some(Whole::Fields(Vec::new())),
                Some(Topic::Trades { .. }) | None => None,
            };
        }
        let changed = match (&mut self.whole, topic) {
            (Some(Whole::Book(book)), Some(Topic::Book { depth, .. })) => change(book, depth, frame),
            (Some(Whole::Fields(known)), _) => {
                merge(known, frame);
                Some(())
            }
            _ => Some(()),
        };
        if changed.is_none() {
            tracing::warn!(
                "{}: the book cannot be read; late subscribers wait for the next snapshot",
                frame.topic
            );
            self.whole = None;
        }
    }

    /// What a subscriber gets first if that has been played already: the last message as a snapshot. Of trades that is nothing.
    pub(super) fn missed(&self) -> Option<String> {
        let whole = self.whole.as_ref()?;
        let frame = Frame::parse(&self.last)?;
        let mut edits = Edits::default();
        edits.replace(frame.kind?.range(), "\"snapshot\"".to_owned());
        match whole {
            Whole::Book(book) => {
                for field in frame.content() {
                    let mut side = String::new();
                    match field.key {
                        "b" => write_pairs(book.bids(), &mut side),
                        "a" => write_pairs(book.asks(), &mut side),
                        _ => continue,
                    }
                    edits.replace(field.range(), side);
                }
            }
            Whole::Fields(known) => {
                let fields: Vec<_> = known.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                edits.replace(frame.data?.range(), format!("{{{}}}", fields.join(",")));
            }
        }
        Some(edits.apply(&self.last))
    }

    /// The capture begins anew.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Changes a book; none if that cannot be read.
fn change(book: &mut Book, depth: u16, frame: &Frame<'_>) -> Option<()> {
    for field in frame.content() {
        match field.key {
            "b" => book.set_all(Side::Buy, field.value)?,
            "a" => book.set_all(Side::Sell, field.value)?,
            _ => {}
        }
    }
    book.truncate(depth.into());
    Some(())
}

fn merge(known: &mut Vec<(String, String)>, frame: &Frame<'_>) {
    for field in frame.content() {
        match known.iter_mut().find(|(key, _)| key == field.key) {
            Some((_, value)) => field.value.clone_into(value),
            None => known.push((field.key.to_owned(), field.value.to_owned())),
        }
    }
}
