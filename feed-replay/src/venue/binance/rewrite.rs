//! Changing event times and ids in a payload, where a replay is not as recorded, and nothing else.

use crate::edit::Edits;
use crate::json::{Field, fields};
use crate::stand_in::Moment;
use crate::time::nanos_of_unix;

/// By how much ids are larger than recorded, because the capture has begun anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct IdShift {
    /// Book update ids.
    pub(super) updates: u64,
    /// Trade ids.
    pub(super) trades: u64,
    /// Aggregate trade ids.
    pub(super) aggregates: u64,
}

/// What is changed on the way out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rewrite {
    pub(super) moment: Moment,
    pub(super) ids: IdShift,
}

impl Rewrite {
    /// The payload with its times in the unit asked for and all changes made; none if it goes out as recorded.
    pub(super) fn payload(&self, payload: &str, micros: bool) -> Option<String> {
        // Nearly every frame is recorded and asked for in milliseconds: such a one goes out without being scanned.
        if self.moment.is_as_recorded() && !micros && !is_in_micros(payload) {
            return None;
        }
        let name = fields(payload).find(|field| field.key == "e").map(|field| field.text());
        let mut edits = Edits::default();
        let mut changed = false;
        for field in fields(payload) {
            if let Some(new) = self.value(&field, name, micros).filter(|new| new != field.value) {
                edits.replace(field.range(), new);
                changed = true;
            }
        }
        changed.then(|| edits.apply(payload))
    }

    fn value(&self, field: &Field<'_>, event: Option<&str>, micros: bool) -> Option<String> {
        let recorded = field.integer()?;
        let shift = match field.key {
            "E" | "T" => return time(self.moment.event_time(nanos_of_unix(recorded)?), micros),
            // The window that a 24-hour statistic covers: shifted, but never the present.
            "O" | "C" => return time(nanos_of_unix(recorded)?.saturating_add(self.moment.shift_ns), micros),
            "U" | "u" | "pu" | "lastUpdateId" => self.ids.updates,
            "t" | "f" | "l" => self.ids.trades,
            "a" if event == Some("aggTrade") => self.ids.aggregates,
            _ => return None,
        };
        Some(recorded.saturating_add(shift).to_string())
    }
}

/// Whether the event time has the size of microseconds.
fn is_in_micros(payload: &str) -> bool {
    let Some(at) = memchr::memmem::find(payload.as_bytes(), b"\"E\":") else { return false };
    let digits = payload.as_bytes()[at + 4..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.count() > 14
}

fn time(nanos: u64, micros: bool) -> Option<String> {
    let value = nanos / if micros { 1_000 } else { 1_000_000 };
    Some(value.to_string())
}
