//! Trades without numbers: known by their names, as far back as names are kept.

use schemas::model::{Micros, Trade, TradeId};
use std::collections::{HashSet, VecDeque};

/// Names of a symbol's trades that are kept.
const NAMES_MAX: usize = 4_096;

/// The names of one symbol's last trades.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashSet<TradeId>,
    /// The oldest first, with their times.
    order: VecDeque<(TradeId, Option<Micros>)>,
    /// The time of the last one that is no longer kept.
    forgotten: Option<Micros>,
}

impl Names {
    /// Whether a trade is new. One that is older than all that are kept counts as known; one without a name is nobody's repeat.
    pub(super) fn is_new(&mut self, trade: &Trade) -> bool {
        let Some(id) = &trade.id else { return true };
        let is_forgotten = self.forgotten.is_some() && trade.ts <= self.forgotten;
        if is_forgotten || !self.known.insert(id.clone()) {
            return false;
        }
        self.order.push_back((id.clone(), trade.ts));
        if self.order.len() > NAMES_MAX
            && let Some((oldest, ts)) = self.order.pop_front()
        {
            self.known.remove(&oldest);
            self.forgotten = self.forgotten.max(ts);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::decimal::Decimal;

    fn trade(n: u64) -> Trade {
        let (price, size) = (Decimal::ZERO, Decimal::ZERO);
        let id = Some(TradeId::Text(format!("trade {n}").into()));
        Trade { id, ts: Some(Micros(n)), price, size, side: None }
    }

    #[test]
    fn a_name_is_known_for_as_long_as_it_is_kept_and_what_is_older_is_no_news() {
        let mut names = Names::default();
        assert!(names.is_new(&trade(2)) && names.is_new(&trade(1)) && !names.is_new(&trade(2)));
        for n in 3..=NAMES_MAX as u64 + 2 {
            assert!(names.is_new(&trade(n)) && !names.is_new(&trade(n)), "{n}");
        }
        assert_eq!((names.known.len(), names.order.len()), (NAMES_MAX, NAMES_MAX));
        assert!(!names.is_new(&trade(1)) && !names.is_new(&trade(2)) && names.is_new(&trade(99_999)));
        assert!(names.is_new(&Trade { id: None, ..trade(0) }));
    }
}
