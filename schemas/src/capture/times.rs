//! Times for records that came without one.

use super::UnixNanos;

const STEP_NS: u64 = 1_000_000;

/// Gives times to records that were recorded without a receive time.
///
/// The rule: a record takes the venue's event time where it has one, but never an earlier time than the record before it;
/// a record without an event time comes 1 ms after the one before. Records that come before the first event time of the
/// whole capture lead up to it, 1 ms apart; where no record has an event time, the first stands at 0.
#[derive(Debug, Clone, Default)]
pub struct EventTimes {
    last: Option<UnixNanos>,
}

impl EventTimes {
    /// Times for a capture whose first event time (if any) stands in the record at `index`, from 0.
    #[must_use]
    pub fn leading_up_to(first: Option<UnixNanos>, index: u64) -> Self {
        // One step before the time of the first record, so that every record is treated alike.
        let before = first.and_then(|first| first.checked_sub(index.checked_add(1)?.checked_mul(STEP_NS)?));
        Self { last: before }
    }

    /// The time of the next record, given the venue's event time where it has one.
    pub fn assign(&mut self, event: Option<UnixNanos>) -> UnixNanos {
        let time = match (event, self.last) {
            (Some(event), last) => event.max(last.unwrap_or(0)),
            (None, Some(last)) => last.saturating_add(STEP_NS),
            (None, None) => 0,
        };
        self.last = Some(time);
        time
    }
}
