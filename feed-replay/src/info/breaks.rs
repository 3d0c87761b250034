//! What a broker would complain of in a capture.

use crate::digest::{Settings, replay};
use crate::tape::Tape;
use crate::venue::Venue;
use feed::counters::Fault;
use serde::Serialize;
use std::fmt;

/// How often a capture breaks the rules of its venue, as the broker's own machine sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Breaks {
    /// Breaks in the continuity of a book.
    pub gaps: u64,
    /// Books whose checksum was not the venue's.
    pub checksum_failures: u64,
    /// Trades that were jumped over, by their ids.
    pub trades_lost: u64,
    /// Trades that came again.
    pub trades_repeated: u64,
    /// Messages that cross a book, or that no book can hold.
    pub impossible: u64,
    /// Messages that cannot be read, damaged lines among them.
    pub malformed: u64,
    /// Times for which the whole feed was silent for longer than a broker puts up with.
    pub silences: u64,
    /// Connections that ended.
    pub disconnects: u64,
}

impl Breaks {
    /// Replays the tape; none if it cannot be replayed. What breaks off counts up to there.
    pub(super) fn of(tape: &Tape, venue: Venue) -> Option<Self> {
        let (mut replay, _market) = replay(tape, &Settings::of_venue(venue), false).ok()?;
        while let Ok(true) = replay.step() {}
        let counters = replay.machine().counters();
        let faults = |fault| counters.faults(fault).value();
        Some(Self {
            gaps: counters.gaps.value(),
            checksum_failures: counters.checksum_failures.value(),
            trades_lost: counters.trades_lost.value(),
            trades_repeated: counters.trades_repeated.value(),
            impossible: faults(Fault::Crossed) + faults(Fault::Impossible),
            malformed: faults(Fault::Malformed),
            silences: counters.silences.value(),
            disconnects: counters.disconnects.value(),
        })
    }
}

impl fmt::Display for Breaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gaps, checksum_failures, trades_lost, trades_repeated, .. } = self;
        let Self { impossible, malformed, silences, disconnects, .. } = self;
        writeln!(
            f,
            "breaks     {gaps} gaps in books, {checksum_failures} checksums fail, {impossible} crossed or impossible"
        )?;
        writeln!(
            f,
            "           {trades_lost} trades lost, {trades_repeated} repeated; {malformed} malformed messages"
        )?;
        writeln!(f, "           {silences} silences, {disconnects} disconnects")
    }
}
