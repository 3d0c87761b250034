//! A topic with its name: the table's log and image, and the frames that are made of them.
//!
//! Shards, HTTP and the digest all take their bytes from here, so they cannot differ.

use schemas::model::{
    Body, BookImage, BookLevels, Channel, Event, Micros, State, Symbol, Trade, Update, Whole,
};
use schemas::wire::frame::{self, AsOf};
use schemas::wire::{SeqRange, websocket};
use std::ops::Deref;
use std::sync::Arc;
use table::{Encoding, Frame, Position, TopicId};

/// How many trades the snapshot of a `trades` topic holds.
pub const SNAPSHOT_TRADES: usize = 50;

/// What the table's logs hold.
#[derive(Debug)]
pub struct Logged(pub Event);

impl Deref for Logged {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.0
    }
}

impl table::Record for Logged {
    fn width(&self) -> u64 {
        self.0.width()
    }

    /// A reset is none: it holds a whole book, and who lost it in the log goes on from the image.
    fn is_mark(&self) -> bool {
        matches!(self.0.body, Body::State(_) | Body::Loss(_))
    }

    fn holds_on(&self) -> bool {
        matches!(self.0.body, Body::State(_))
    }

    /// What no rate tier holds back.
    fn is_urgent(&self) -> bool {
        self.is_mark() || matches!(self.0.body, Body::Reset(_) | Body::Update(Update::Status(_)))
    }

    fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

/// The table of all topics.
pub type Table = table::Table<Logged, BookImage>;
/// One topic's log and image.
pub type Topic = table::Topic<Logged, BookImage>;
/// One entry of a topic's log.
pub type Entry = table::Entry<Logged>;
/// One where it lies.
pub type EntryRef<'a> = table::EntryRef<'a, Logged>;
/// One that is held on to.
pub type Held = table::Held<Logged>;
/// The image of a book.
pub type Image = table::Image<BookImage>;

/// A topic and what it is called.
#[derive(Debug)]
pub struct TopicHandle {
    /// Its place in the table.
    pub id: TopicId,
    /// The channel.
    pub channel: Channel,
    /// The symbol.
    pub symbol: Symbol,
    /// The name of its present life.
    pub epoch: Arc<str>,
    /// Its log and image.
    pub topic: Arc<Topic>,
}

/// The state of a topic as of a position, ready to be sent.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// A whole WebSocket frame.
    pub frame: Frame,
    /// What it includes; the log goes on after it.
    pub position: Position,
}

impl TopicHandle {
    /// The name that frames carry.
    #[must_use]
    pub fn wire(&self) -> frame::Topic<'_> {
        frame::Topic { channel: self.channel, symbol: &self.symbol, epoch: &self.epoch }
    }

    /// The topic's state as of its latest entry.
    #[must_use]
    pub fn state(&self) -> State {
        self.topic.latest().map_or(State::default(), |entry| entry.record().state)
    }

    /// The frame of a log entry, encoded by whoever needs it first.
    #[must_use]
    pub fn frame<'a>(&self, entry: EntryRef<'a>) -> &'a Frame {
        entry.update_frame(Encoding::Json, || {
            websocket::text_of(|out| frame::entry(out, self.wire(), range(entry.get()), entry.record()))
        })
    }

    /// The state as of `stand`, at which the caller found the topic's head when it joined, or the latest state that is
    /// still there. For a book it may be older than `stand`: the log goes on after it. None without any entry.
    #[must_use]
    pub fn snapshot(&self, image: Option<&Image>, stand: Position) -> Option<Snapshot> {
        if stand.index == 0 {
            return None;
        }
        match self.channel {
            // Whoever found no image looked for it before the head: the first one may have come in between.
            Channel::Book => match image {
                Some(image) => Some(self.book_snapshot(image)),
                None => self.topic.image().map(|image| self.book_snapshot(&image)),
            }
            .or_else(|| self.entry_snapshot(stand)),
            _ => self.entry_snapshot(stand),
        }
    }

    fn book_snapshot(&self, image: &Image) -> Snapshot {
        let position = image.position();
        let seq = SeqRange::new(position.seq, position.seq);
        let frame = image.frame(Encoding::Json, || {
            websocket::text_of(|out| frame::snapshot_book(out, self.wire(), seq, image.body()))
        });
        Snapshot { frame: frame.clone(), position }
    }

    /// A snapshot out of the entry at `stand`, which holds the whole state (of `trades`: with those before it).
    fn entry_snapshot(&self, stand: Position) -> Option<Snapshot> {
        let entry = self.topic.read(stand.index).or_else(|| self.topic.latest())?;
        let frame = entry
            .entry()
            .snapshot_frame(Encoding::Json, || websocket::text_of(|out| self.write_snapshot(out, &entry)));
        Some(Snapshot { frame: frame.clone(), position: entry.position() })
    }

    fn write_snapshot(&self, out: &mut Vec<u8>, entry: &Entry) {
        if self.channel == Channel::Trades {
            return self.write_trades(out, entry);
        }
        let event: &Event = entry.record();
        if let Body::Reset(book) = &event.body {
            // The head is moved over a book's first image before that is stored.
            let seq = SeqRange::new(entry.last(), entry.last());
            return frame::snapshot_book(out, self.wire(), seq, book);
        }
        let (whole, data) = match &event.body {
            Body::Update(update) => ((event.ts, Some(event.rx)), Some(update)),
            Body::State(change) => whole(change.last.as_deref()),
            Body::Reset(_) | Body::Loss(_) => ((None, None), None),
        };
        let as_of = AsOf { ts: whole.0, rx: whole.1, state: event.state };
        let empty = Update::Book(BookLevels::default());
        // A book that nothing is known of has no levels; that is what its state is about.
        let is_book = matches!(self.channel, Channel::Book | Channel::Book10);
        let data = data.or_else(|| is_book.then_some(&empty));
        frame::snapshot_whole(out, self.wire(), SeqRange::new(entry.last(), entry.last()), as_of, data);
    }

    /// The last trades up to `entry`, as far as the log reaches back.
    fn write_trades(&self, out: &mut Vec<u8>, entry: &Entry) {
        let (mut found, mut first) = (Vec::new(), entry.last());
        let mut latest = None;
        let mut take = |entry: &Entry| {
            let event: &Event = entry.record();
            if let Body::Update(Update::Trades(trades)) = &event.body {
                latest.get_or_insert((event.ts, event.rx));
                let room = SNAPSHOT_TRADES - found.len();
                found.extend(trades.iter().rev().take(room).cloned());
                first = entry.last() + 1 - trades.len().min(room) as u64;
            }
            found.len() < SNAPSHOT_TRADES
        };
        let mut index = entry.position().index;
        let mut go_on = take(entry);
        while go_on && index > 1 {
            index -= 1;
            go_on = self.topic.read(index).is_some_and(|before| take(&before));
        }
        let trades: Vec<Trade> = found;
        let (ts, rx) = latest.map_or((None, None), |(ts, rx)| (ts, Some(rx)));
        let as_of = AsOf { ts, rx, state: entry.record().state };
        let seq = SeqRange::new(first, entry.last());
        frame::snapshot_trades(out, self.wire(), seq, as_of, trades.iter().rev());
    }
}

type Times = (Option<Micros>, Option<Micros>);

fn whole(last: Option<&Whole>) -> (Times, Option<&Update>) {
    last.map_or(((None, None), None), |whole| ((whole.ts, Some(whole.rx)), Some(&whole.update)))
}

fn range(entry: &Entry) -> SeqRange {
    SeqRange::new(entry.first(), entry.last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{Book, BookDepth};
    use crate::publish::Times as Stamps;
    use crate::settings::Settings;
    use crate::testing::{level, market, ms};

    #[test]
    fn who_looked_for_a_book_before_its_first_image_came_gets_the_book() {
        let market = market();
        let mut out = market.open(&Settings::new("test", "e-1"), &["ACME"]).unwrap().remove(0);
        let registry = market.registry();
        let topic = registry.symbol("test:ACME").unwrap().topic(Channel::Book).unwrap();
        let mut book = Book::new(BookDepth::whole(10));
        book.reset(&[level("99", "1"), level("98", "1")], &[level("101", "1")]).unwrap();
        out.book_reset(Stamps::now(ms(1)), &book);
        let delta = book.apply(&[level("98", "5")], &[]).unwrap().unwrap();
        out.book_update(Stamps::now(ms(2)), delta, &book);
        let has_book = |snapshot: Snapshot| {
            let text = String::from_utf8_lossy(websocket::payload(&snapshot.frame)).into_owned();
            assert!(text.contains(r#""bids":[["99","1"],["98","1"]],"asks":[["101","1"]]"#), "{text}");
        };
        // The head was found at the reset, at the state after it, or at an update.
        for index in 1..=topic.topic.head().index {
            let stand = topic.topic.read(index).unwrap().position();
            has_book(topic.snapshot(None, stand).unwrap());
        }
        // The same while the reset's image is not stored yet.
        has_book(topic.entry_snapshot(topic.topic.read(1).unwrap().position()).unwrap());
    }
}
