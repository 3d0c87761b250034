//! Ranges of ids, so that a capture that begins anew can go on with its ids.

/// The smallest and the largest id seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct IdRange(Option<(u64, u64)>);

impl IdRange {
    /// Widens the range to hold `id`.
    pub fn see(&mut self, id: Option<u64>) {
        if let Some(id) = id {
            let (least, most) = self.0.unwrap_or((id, id));
            self.0 = Some((least.min(id), most.max(id)));
        }
    }

    /// How many ids it spans.
    #[must_use]
    pub fn width(self) -> u64 {
        self.0.map_or(0, |(least, most)| (most - least).saturating_add(1))
    }

    /// By how much ids are larger in the turn with this number, from 0, if each goes on where the one before ended.
    #[must_use]
    pub fn shift(self, turn: u64) -> u64 {
        self.width().saturating_mul(turn)
    }

    /// Whether an id lies in it.
    #[must_use]
    pub fn holds(self, id: u64) -> bool {
        self.0.is_some_and(|(least, most)| (least..=most).contains(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::IdRange;

    #[test]
    fn turns_go_on_where_the_one_before_ended() {
        let mut range = IdRange::default();
        assert_eq!((range.width(), range.holds(5)), (0, false));
        [Some(7), None, Some(5), Some(6)].into_iter().for_each(|id| range.see(id));
        assert_eq!((range.shift(0), range.shift(1), range.shift(2)), (0, 3, 6));
        assert!(range.holds(5) && !range.holds(8));
        [0, u64::MAX].into_iter().for_each(|id| range.see(Some(id)));
        assert_eq!(range.shift(3), u64::MAX);
    }
}
