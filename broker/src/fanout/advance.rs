//! Advancing a cursor to where its shard stands: the one act that joining, following, falling behind and resuming are.
//!
//! While the log reaches back, a cursor may be given every entry. One that is to skip ([`Pace::Latest`]) gets, by the
//! topic's data, the latest (with `conflated` for what was skipped), every trade still in the log (with `gap` for the
//! rest), or the book's image. Whatever happens, the frames' ranges tile.

use feed::topic::{Entry, EntryRef, Held, Image, Snapshot, TopicHandle};
use schemas::model::{Body, Channel, Update};
use schemas::wire::{SeqRange, frame, websocket};
use std::cmp::min_by_key;
use std::sync::Arc;
use table::{Frame, Lapped, Position};

/// A cursor this many entries behind in a book's log is served from it; beyond, from the image.
const SHORT_LOG: u64 = 64;

/// How a cursor goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Every entry that the log still has.
    Every,
    /// What is needed to be up to date.
    Latest,
}

/// What a frame stands for without telling it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// Sequence numbers that `conflated` frames or a snapshot stand for.
    pub(crate) conflated: u64,
    /// Trades that left the log before the cursor came.
    pub(crate) lost: u64,
}

/// Takes a frame, or several in one piece, where one stands who has it, and what it skips; says whether there is room for more.
pub(crate) trait Sink {
    /// Takes a frame.
    fn take(&mut self, frame: &Frame, position: Position, skipped: Skipped) -> bool;
}

/// A cursor on its way through one topic.
pub(crate) struct Advance<'a, S> {
    handle: &'a TopicHandle,
    at: Position,
    to: Position,
    sink: &'a mut S,
    open: bool,
}

/// Advances a cursor from `at` towards `to`, a position that the topic's head has reached, and says how far. It stops short of `to` when the
/// sink is full, or when the writer was so much faster that what `to` needs is already overwritten: then a later try, with a
/// later `to`, goes on.
pub(crate) fn advance<S: Sink>(
    handle: &TopicHandle,
    at: Position,
    to: Position,
    pace: Pace,
    sink: &mut S,
) -> Position {
    let mut advance = Advance { handle, at, to, sink, open: true };
    advance.run(pace);
    advance.at
}

impl<S: Sink> Advance<'_, S> {
    fn run(&mut self, pace: Pace) {
        if pace == Pace::Latest && self.pending() > 1 {
            self.skip();
        }
        while self.open && self.at.seq < self.to.seq {
            if self.follow().is_err() && !self.lapped() {
                return;
            }
        }
    }

    /// Sends entry after entry, as far as the log goes and the sink takes them.
    fn follow(&mut self) -> Result<(), Lapped> {
        let handle = self.handle;
        let mut reader = handle.topic.reader(self.at.index + 1, self.to.index);
        while self.open
            && let Some(entry) = reader.next()?
        {
            self.entry(entry);
        }
        Ok(())
    }

    fn pending(&self) -> u64 {
        self.to.index.saturating_sub(self.at.index)
    }

    fn image(&self) -> Option<Arc<Image>> {
        (self.handle.channel == Channel::Book).then(|| self.handle.topic.image()).flatten()
    }

    fn send(&mut self, frame: &Frame, position: Position) {
        self.send_instead(frame, position, Skipped::default());
    }

    fn send_instead(&mut self, frame: &Frame, position: Position, skipped: Skipped) {
        self.open = self.sink.take(frame, position, skipped);
        self.at = position;
    }

    /// Sends the whole state in the place of all that led to it.
    fn send_snapshot(&mut self, snapshot: &Snapshot) {
        let conflated = snapshot.position.seq - self.at.seq - 1;
        self.send_instead(&snapshot.frame, snapshot.position, Skipped { conflated, lost: 0 });
    }

    fn entry(&mut self, entry: EntryRef<'_>) {
        if entry.first() <= self.at.seq {
            // A client resumes between the trades of one update.
            return self.rest_of_trades(entry.get());
        }
        self.send(self.handle.frame(entry), entry.position());
    }

    fn rest_of_trades(&mut self, entry: &Entry) {
        let after = self.at.seq;
        let Body::Update(Update::Trades(trades)) = &entry.record().body else { return };
        let had = (after + 1 - entry.first()) as usize;
        let rest = Update::Trades(trades[had.min(trades.len())..].into());
        let seq = SeqRange::new(after + 1, entry.last());
        let event = entry.record();
        let frame =
            websocket::text_of(|out| frame::update(out, self.handle.wire(), seq, event.ts, event.rx, &rest));
        self.send(&frame, entry.position());
    }

    /// Passes over what newer data replaces.
    fn skip(&mut self) {
        match self.handle.channel {
            Channel::Trades => {}
            Channel::Book if self.pending() <= SHORT_LOG => {}
            Channel::Book => {
                self.go_to_image();
            }
            _ => {
                self.go_to_latest();
            }
        }
    }

    /// The entry that comes next is no longer in the log. False if nothing can be done about it just now.
    fn lapped(&mut self) -> bool {
        match self.handle.channel {
            Channel::Trades => self.over_lost_trades(),
            Channel::Book => self.go_to_image(),
            _ => self.go_to_latest(),
        }
    }

    /// Goes on from the book's image, if that is ahead of the cursor and not ahead of its goal.
    fn go_to_image(&mut self) -> bool {
        let Some(image) = self.image() else { return false };
        let position = image.position();
        if position.seq <= self.at.seq || position.seq > self.to.seq {
            return false;
        }
        let Some(snapshot) = self.handle.snapshot(Some(&image), position) else { return false };
        self.send_snapshot(&snapshot);
        true
    }

    /// Sends the last state, if it changed, and the latest data, in their order. In one piece: who was told what is skipped gets what
    /// replaces it, even if a slower tier is due in between.
    fn go_to_latest(&mut self) -> bool {
        let Some(newest) = self.handle.topic.read(self.to.index) else { return false };
        let mut frames: Vec<Held> = Vec::with_capacity(2);
        if is_update(&newest) {
            let marks = self.handle.topic.marks_between(self.at.seq, self.to.seq);
            frames.extend(marks.entries.last().cloned());
        } else {
            let Ok(data) = self.latest_data() else { return self.go_to_snapshot(newest.position()) };
            frames.extend(data);
        }
        frames.push(newest);
        let (mut piece, mut skipped) = (Vec::new(), Skipped::default());
        for entry in frames {
            skipped.conflated += self.conflate_up_to(&entry, &mut piece);
            piece.extend_from_slice(self.handle.frame(entry.entry()));
            self.at = entry.position();
        }
        self.send_instead(&piece.into(), self.at, skipped);
        true
    }

    /// The latest data before the marks that end the range, if it has any. States come rarely, so the search is short.
    fn latest_data(&self) -> Result<Option<Held>, Lapped> {
        for index in (self.at.index + 1..self.to.index).rev() {
            let entry = self.handle.topic.read(index).ok_or(Lapped { index })?;
            if is_update(&entry) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Sends a state together with the latest data, which has left the log.
    fn go_to_snapshot(&mut self, stand: Position) -> bool {
        let Some(snapshot) = self.handle.snapshot(None, stand) else { return false };
        self.send_snapshot(&snapshot);
        true
    }

    /// Writes that all before an entry is skipped, if there is anything; says how much.
    fn conflate_up_to(&self, next: &Entry, piece: &mut Vec<u8>) -> u64 {
        let seq = SeqRange::new(self.at.seq + 1, next.first() - 1);
        if seq.first > seq.last {
            return 0;
        }
        piece.extend_from_slice(&websocket::text_of(|out| frame::conflated(out, self.handle.wire(), seq)));
        seq.last - seq.first + 1
    }

    /// Counts the trades that left the log, and sends the states that came between them. Should more states have come meanwhile
    /// than a topic keeps, the forgotten ones count as trades.
    fn over_lost_trades(&mut self) -> bool {
        let Some(oldest) = self.handle.topic.oldest() else { return false };
        if oldest.before().seq <= self.at.seq {
            return false;
        }
        let end = min_by_key(oldest.before(), self.to, |position| position.seq);
        let marks = self.handle.topic.marks_between(self.at.seq, end.seq);
        for mark in marks.entries {
            self.gap_up_to(mark.before());
            self.send(self.handle.frame(mark.entry()), mark.position());
        }
        self.gap_up_to(end);
        true
    }

    fn gap_up_to(&mut self, end: Position) {
        let seq = SeqRange::new(self.at.seq + 1, end.seq);
        if seq.first > seq.last {
            return;
        }
        let lost = seq.last - seq.first + 1;
        let frame = websocket::text_of(|out| frame::gap(out, self.handle.wire(), seq, lost, "slow_consumer"));
        self.send_instead(&frame, end, Skipped { conflated: 0, lost });
    }
}

fn is_update(entry: &Entry) -> bool {
    matches!(entry.record().body, Body::Update(_))
}

#[cfg(test)]
mod tests;
