//! What the connections got that stayed: before the storm, in it, and after it.

use super::timeline::Timeline;
use crate::counts::Counts;
use crate::histogram::{Latency, microseconds};
use crate::phase::{Course, Place};
use crate::scan::{Header, Kind};
use hdrhistogram::Histogram;
use hdrhistogram::errors::{AdditionError, CreationError};
use std::sync::Arc;

/// Three spells, told apart by the window of the storm.
#[derive(Debug)]
pub struct Spells {
    storm: Arc<Course>,
    /// From the beginning of the measurement to the cut.
    pub before: Spell,
    /// From the cut to the last one's return: frames that came in it, or were due in it.
    pub during: Spell,
    /// What was due afterwards.
    pub after: Spell,
    /// Latency from the intended time, from the cut on.
    pub timeline: Timeline,
}

/// What was received in a spell.
#[derive(Debug)]
pub struct Spell {
    /// Counts of frames about topics.
    pub counts: Counts,
    /// Latencies of updates.
    pub latency: Latency,
    /// How long bytes waited for the receiving thread, in microseconds.
    pub lags: Histogram<u64>,
}

impl Spells {
    /// Nothing yet.
    ///
    /// # Errors
    /// None with the bounds of [`crate::histogram`].
    pub fn new(storm: Arc<Course>) -> Result<Self, CreationError> {
        let (before, during, after) = (Spell::new()?, Spell::new()?, Spell::new()?);
        Ok(Self { storm, before, during, after, timeline: Timeline::default() })
    }

    /// A frame about a topic came; `catching_up` if its latency says nothing.
    pub fn topic(&mut self, header: &Header<'_>, text: &[u8], at_us: u64, catching_up: bool) {
        let due_us = header.ts.or(header.rx).filter(|_| !catching_up).unwrap_or(at_us);
        let spell = self.spell(due_us, at_us);
        spell.counts.topic(header, text);
        if header.kind == Kind::Update && !catching_up {
            spell.latency.record(at_us, header.ts, header.rx);
            self.note(header.ts, at_us);
        }
    }

    /// Bytes were read at `at_us` that the poller had told of at `since_us`.
    pub fn read(&mut self, since_us: u64, at_us: u64) {
        self.spell(since_us, at_us).lags.saturating_record(at_us.saturating_sub(since_us));
    }

    /// Adds what another thread got.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub fn merge(&mut self, other: &Self) -> Result<(), AdditionError> {
        self.before.merge(&other.before)?;
        self.during.merge(&other.during)?;
        self.after.merge(&other.after)?;
        self.timeline.merge(&other.timeline)
    }

    fn note(&mut self, ts: Option<u64>, at_us: u64) {
        let since_cut_us = at_us.checked_sub(self.storm.window_us().0);
        let latency_us = ts.and_then(|ts| at_us.checked_sub(ts));
        if let (Some(since_cut_us), Some(latency_us)) = (since_cut_us, latency_us) {
            self.timeline.record(since_cut_us, latency_us);
        }
    }

    fn spell(&mut self, due_us: u64, at_us: u64) -> &mut Spell {
        match self.storm.place_of(due_us, at_us) {
            Place::Before => &mut self.before,
            Place::Within => &mut self.during,
            Place::After => &mut self.after,
        }
    }
}

impl Spell {
    fn new() -> Result<Self, CreationError> {
        Ok(Self { counts: Counts::default(), latency: Latency::new()?, lags: microseconds()? })
    }

    fn merge(&mut self, other: &Self) -> Result<(), AdditionError> {
        self.counts.merge(&other.counts);
        self.latency.merge(&other.latency)?;
        self.lags.add(&other.lags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Scanned, scan};

    #[test]
    fn a_tick_that_the_storm_held_up_is_the_storms() {
        let course = Arc::<Course>::default();
        course.open_window(1_000);
        course.close_window(2_000);
        let mut spells = Spells::new(course).unwrap();
        for (ts, at) in [(900, 950), (990, 1_200), (1_500, 2_500), (2_100, 2_200)] {
            let text = format!(
                r#"{{"type":"update","channel":"quotes","symbol":"a:b","seq":[1,1],"ts":{ts},"rx":{ts}}}"#
            );
            let Ok(Scanned::Topic(header)) = scan(text.as_bytes()) else { panic!("{text}") };
            spells.topic(&header, text.as_bytes(), at, false);
        }
        let Spells { before, during, after, .. } = &spells;
        assert_eq!([before, during, after].map(|spell| spell.counts.updates), [1, 2, 1]);
        assert_eq!([before, during, after].map(|spell| spell.latency.corrected.max()), [50, 1_000, 100]);
        assert_eq!(spells.timeline.iter().map(|(_, slot)| slot.len()).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn what_says_nothing_of_latency_is_counted_by_its_arrival() {
        let mut spells = Spells::new(Arc::default()).unwrap();
        let text = r#"{"type":"update","channel":"quotes","symbol":"a:b","seq":[1,1],"ts":1,"rx":1}"#;
        let Ok(Scanned::Topic(header)) = scan(text.as_bytes()) else { panic!() };
        spells.topic(&header, text.as_bytes(), 500, true);
        assert_eq!((spells.before.counts.updates, spells.before.latency.corrected.len()), (1, 0));
    }
}
