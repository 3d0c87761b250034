//! One timer for each symbol.

use schemas::model::Micros;
use std::collections::BTreeSet;

/// One timer for each symbol, by its place; most are not set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    set: BTreeSet<(Micros, usize)>,
    times: Vec<Option<Micros>>,
}

impl Timers {
    /// Sets the timer of a symbol, which replaces what it was set to.
    pub(crate) fn set(&mut self, symbol: usize, at: Micros) {
        self.unset(symbol);
        if self.times.len() <= symbol {
            self.times.resize(symbol + 1, None);
        }
        self.times[symbol] = Some(at);
        self.set.insert((at, symbol));
    }

    pub(crate) fn unset(&mut self, symbol: usize) {
        if let Some(at) = self.times.get_mut(symbol).and_then(Option::take) {
            self.set.remove(&(at, symbol));
        }
    }

    pub(crate) fn is_set(&self, symbol: usize) -> bool {
        self.times.get(symbol).is_some_and(Option::is_some)
    }

    pub(crate) fn clear(&mut self) {
        self.set.clear();
        self.times.clear();
    }

    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.set.first().map(|(at, _)| *at)
    }

    /// A symbol whose timer has run out, which unsets it.
    pub(crate) fn next(&mut self, now: Micros) -> Option<usize> {
        let (_, symbol) = self.set.first().copied().filter(|(at, _)| *at <= now)?;
        self.unset(symbol);
        Some(symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_out_in_order_and_once() {
        let mut timers = Timers::default();
        timers.set(3, Micros(30));
        timers.set(1, Micros(10));
        timers.set(1, Micros(20));
        timers.set(2, Micros(5));
        timers.unset(2);
        assert_eq!((timers.deadline(), timers.is_set(1), timers.is_set(2)), (Some(Micros(20)), true, false));
        assert_eq!(timers.next(Micros(19)), None);
        let due: Vec<_> = std::iter::from_fn(|| timers.next(Micros(99))).collect();
        assert_eq!(due, [1, 3]);
        assert_eq!(timers.deadline(), None);
    }
}
