//! The tape as it is played: between its start and its end, turn after turn.

use super::{ServeError, Settings, When};
use crate::source::{Item, Source};
use crate::stand_in::StandIn;
use crate::tape::{Tape, TapeError};
use crate::time::rfc3339_micros;
use schemas::capture::UnixNanos;

/// Event times in milliseconds shift by whole ones.
const MILLISECOND_NS: u64 = 1_000_000;

/// Reads a tape from its start to its end, and again.
pub(super) struct Reel {
    tape: Tape,
    source: Box<dyn Source>,
    item: Item,
    ready: bool,
    /// The latest time read: what steps back in time comes at once.
    time: UnixNanos,
    from: UnixNanos,
    to: UnixNanos,
    /// What a turn takes.
    span: u64,
    turn: u64,
}

impl Reel {
    /// Reads the whole tape once, shows each record to the stand-in, and opens it at its start.
    pub(super) fn new(settings: &Settings, stand_in: &mut dyn StandIn) -> Result<Self, ServeError> {
        let tape = settings.tape.clone();
        let (first, last) = survey(&tape, stand_in)?;
        if stand_in.holds_nothing() {
            return Err(ServeError::OtherVenue { venue: settings.venue });
        }
        let from = settings.from.map_or(first, |from| from.unix(first)).max(first);
        let to = settings.to.map_or(last, |to| to.unix(first)).min(last);
        if from > to {
            let text = |when: Option<When>| {
                when.map_or("its bounds".to_owned(), |when| rfc3339_micros(when.unix(first)))
            };
            return Err(ServeError::Empty { from: text(settings.from), to: text(settings.to) });
        }
        let span = (to - from).saturating_add(MILLISECOND_NS) / MILLISECOND_NS * MILLISECOND_NS;
        let source = tape.open()?;
        Ok(Self { tape, source, item: Item::default(), ready: false, time: 0, from, to, span, turn: 0 })
    }

    /// The first time that is played.
    pub(super) fn start(&self) -> UnixNanos {
        self.from
    }

    /// How often it has begun anew.
    pub(super) fn turn(&self) -> u64 {
        self.turn
    }

    /// By how much times are later than recorded in this turn.
    pub(super) fn shift(&self) -> u64 {
        self.span.saturating_mul(self.turn)
    }

    /// The next record and its time on the schedule, which turns extend; none at the end of the turn.
    pub(super) fn peek(&mut self) -> Option<(UnixNanos, &Item)> {
        while !self.ready {
            match self.source.next(&mut self.item)? {
                Ok(()) => self.ready = true,
                Err(error) => tracing::warn!("{error}"),
            }
        }
        self.time = self.time.max(self.item.time);
        (self.time <= self.to).then_some((self.time.saturating_add(self.shift()), &self.item))
    }

    /// Moves on behind the record last peeked at.
    pub(super) fn advance(&mut self) {
        self.ready = false;
    }

    /// Whether the record last peeked at lies before the start.
    pub(super) fn is_before_start(&self) -> bool {
        self.time < self.from
    }

    /// Begins anew.
    pub(super) fn rewind(&mut self) -> Result<(), TapeError> {
        self.source = self.tape.open()?;
        (self.ready, self.time) = (false, 0);
        self.turn += 1;
        Ok(())
    }
}

/// Shows the stand-in all records and returns the first and the last time.
fn survey(tape: &Tape, stand_in: &mut dyn StandIn) -> Result<(UnixNanos, UnixNanos), TapeError> {
    let mut damaged = 0_u64;
    let mut times: Option<(UnixNanos, UnixNanos)> = None;
    let told = |error: crate::source::SourceError| {
        damaged += 1;
        tracing::warn!("{error}");
    };
    let read = tape.read(told, |item| {
        let (first, last) = times.unwrap_or((item.time, item.time));
        times = Some((first, last.max(item.time)));
        stand_in.survey(item);
    });
    match (read, times) {
        (Ok(()), _) => {}
        // What comes before the break is served.
        (Err(error), Some(_)) => tracing::error!("{error}"),
        (Err(error), None) => return Err(error),
    }
    if damaged > 0 {
        tracing::warn!("{damaged} damaged records are left out");
    }
    stand_in.surveyed();
    Ok(times.unwrap_or_default())
}
