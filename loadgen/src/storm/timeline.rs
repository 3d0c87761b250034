//! Latency over time, from the cut on.

use hdrhistogram::Histogram;
use hdrhistogram::errors::{AdditionError, CreationError};

/// How long a slot is, in microseconds.
const SLOT_US: u64 = 100_000;
/// Slots that are kept: ten minutes. What comes after them is not in the timeline.
const SLOTS_MAX: usize = 6_000;
/// Latencies above a minute count as one; two digits are enough to see a course.
const LATENCY_US_MAX: u64 = 60_000_000;
const SIGNIFICANT_DIGITS: u8 = 2;

/// Latencies by the time at which they were met.
#[derive(Debug, Default)]
pub struct Timeline {
    slots: Vec<Option<Histogram<u32>>>,
}

impl Timeline {
    /// An update came so long after the cut, and so long after it was due.
    pub fn record(&mut self, since_cut_us: u64, latency_us: u64) {
        let Ok(slot) = usize::try_from(since_cut_us / SLOT_US) else { return };
        if slot >= SLOTS_MAX {
            return;
        }
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        // With these bounds there is a histogram.
        if let Ok(histogram) = slot_histogram(&mut self.slots[slot]) {
            histogram.saturating_record(latency_us);
        }
    }

    /// Adds what another thread recorded.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub fn merge(&mut self, other: &Self) -> Result<(), AdditionError> {
        self.slots.resize_with(self.slots.len().max(other.slots.len()), || None);
        for (slot, more) in self.slots.iter_mut().zip(&other.slots) {
            match (slot.as_mut(), more) {
                (Some(sum), Some(more)) => sum.add(more)?,
                (None, Some(more)) => *slot = Some(more.clone()),
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// Slots in their order, each with its beginning in microseconds after the cut; those in which nothing came are left
    /// out.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Histogram<u32>)> {
        let begins = (0..).map(|slot| slot * SLOT_US);
        begins.zip(&self.slots).filter_map(|(from_us, slot)| Some((from_us, slot.as_ref()?)))
    }
}

fn slot_histogram(slot: &mut Option<Histogram<u32>>) -> Result<&mut Histogram<u32>, CreationError> {
    match slot {
        Some(histogram) => Ok(histogram),
        None => Ok(slot.insert(Histogram::new_with_bounds(1, LATENCY_US_MAX, SIGNIFICANT_DIGITS)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_told_apart_and_bounded() {
        let (mut one, mut two) = (Timeline::default(), Timeline::default());
        one.record(99_999, 5);
        one.record(250_000, 7);
        two.record(250_001, 9);
        two.record(700_000_000, 9);
        one.merge(&two).unwrap();
        let slots: Vec<_> = one.iter().map(|(from_us, slot)| (from_us, slot.len(), slot.max())).collect();
        assert_eq!(slots, [(0, 1, 5), (200_000, 2, 9)]);
    }
}
