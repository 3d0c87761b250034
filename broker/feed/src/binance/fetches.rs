//! When which depth snapshot is fetched: within the venue's limits, again if it failed, one at a time for each symbol.

use crate::pacer::{Pacer, backoff_us};
use crate::timers::Timers;
use schemas::model::Micros;
use schemas::venue::binance::Product;
use std::collections::VecDeque;

const MINUTE_US: u64 = 60_000_000;
/// After which a request counts as failed.
const TIMEOUT_US: u64 = 20_000_000;
const FIRST_RETRY_US: u64 = 500_000;
const LONGEST_RETRY_US: u64 = 60_000_000;

/// The fetches of all symbols.
#[derive(Debug)]
pub(super) struct Fetches {
    pacer: Pacer,
    /// When something is due for a symbol: a request, or the end of one.
    due: Timers,
    symbols: Vec<Fetch>,
    /// Those whose request is due and waits for the pacer.
    queue: VecDeque<usize>,
}

/// Where the fetch of one symbol stands.
#[derive(Debug, Clone, Default)]
struct Fetch {
    state: State,
    failures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Idle,
    /// Not before this time.
    Wanted(Micros),
    Queued,
    /// Until this time.
    InFlight(Micros),
}

impl Fetches {
    /// For snapshots of so many levels a side. Requests weigh half of what the venue allows an address in a minute, which others
    /// may share, and after a pause as much again at once.
    pub(super) fn new(product: Product, limit: u16) -> Self {
        let in_minute = product.weight_per_minute() / product.depth_weight(limit);
        let pacer = Pacer::within(in_minute, MINUTE_US);
        Self { pacer, due: Timers::default(), symbols: Vec::new(), queue: VecDeque::new() }
    }

    /// A symbol needs a snapshot, not before `from`; one that is asked for already stays so, but may come sooner.
    pub(super) fn want(&mut self, symbol: usize, from: Micros) {
        match self.fetch(symbol).state {
            State::Idle => self.set(symbol, State::Wanted(from)),
            State::Wanted(later) if from < later => self.set(symbol, State::Wanted(from)),
            _ => {}
        }
    }

    /// The snapshot of a symbol failed or was too old: once more, later each time.
    pub(super) fn fail(&mut self, symbol: usize, now: Micros) {
        let fetch = self.fetch(symbol);
        fetch.failures = fetch.failures.saturating_add(1);
        let wait_us = backoff_us(fetch.failures, FIRST_RETRY_US, LONGEST_RETRY_US);
        self.set(symbol, State::Wanted(now.plus(wait_us)));
    }

    /// A symbol needs no snapshot.
    pub(super) fn done(&mut self, symbol: usize) {
        self.fetch(symbol).failures = 0;
        self.set(symbol, State::Idle);
    }

    /// Nobody needs a snapshot: there is no stream that it could join.
    pub(super) fn clear(&mut self) {
        self.due.clear();
        self.queue.clear();
        self.symbols.iter_mut().for_each(|fetch| fetch.state = State::Idle);
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        let paced = (!self.queue.is_empty()).then(|| self.pacer.ready_at());
        [self.due.deadline(), paced].into_iter().flatten().min()
    }

    /// The next symbol whose snapshot is to be requested now.
    pub(super) fn next(&mut self, now: Micros) -> Option<usize> {
        while let Some(symbol) = self.due.next(now) {
            match self.fetch(symbol).state {
                State::InFlight(_) => self.fail(symbol, now),
                _ => {
                    self.set(symbol, State::Queued);
                    self.queue.push_back(symbol);
                }
            }
        }
        if self.pacer.ready_at() > now {
            return None;
        }
        let symbol = self.queue.pop_front()?;
        self.pacer.take(now);
        self.set(symbol, State::InFlight(now.plus(TIMEOUT_US)));
        Some(symbol)
    }

    fn fetch(&mut self, symbol: usize) -> &mut Fetch {
        if self.symbols.len() <= symbol {
            self.symbols.resize(symbol + 1, Fetch::default());
        }
        &mut self.symbols[symbol]
    }

    fn set(&mut self, symbol: usize, state: State) {
        let before = std::mem::replace(&mut self.fetch(symbol).state, state);
        if before == State::Queued && state != State::Queued {
            self.queue.retain(|queued| *queued != symbol);
        }
        match state {
            State::Wanted(at) | State::InFlight(at) => self.due.set(symbol, at),
            State::Idle | State::Queued => self.due.unset(symbol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Micros = Micros(1_000_000_000);

    fn requested(fetches: &mut Fetches, now: Micros) -> Vec<usize> {
        std::iter::from_fn(|| fetches.next(now)).collect()
    }

    #[test]
    fn keeps_within_half_of_the_venues_limit() {
        check_weights(Product::Spot, 5_000, 6_000);
        check_weights(Product::UsdM, 1_000, 2_400);
    }

    fn check_weights(product: Product, limit: u16, allowed: u64) {
        let mut fetches = Fetches::new(product, limit);
        (0..1_000).for_each(|symbol| fetches.want(symbol, START));
        let mut counts = Vec::new();
        for minute in 0..3 {
            let seconds = (0..60).map(|second| START.plus((minute * 60 + second) * 1_000_000));
            let in_minute = seconds.map(|now| {
                let all = requested(&mut fetches, now);
                all.iter().for_each(|symbol| fetches.done(*symbol));
                all.len() as u64
            });
            counts.push(in_minute.sum::<u64>() * product.depth_weight(limit));
        }
        assert!(counts[0] <= allowed && counts[1] <= allowed / 2 && counts[2] <= allowed / 2, "{counts:?}");
        assert!(counts[0] >= allowed * 2 / 3, "at first many at once: {counts:?}");
    }

    #[test]
    fn a_failure_is_repeated_later_each_time() {
        let mut fetches = Fetches::new(Product::Spot, 100);
        fetches.want(3, START);
        assert_eq!(fetches.deadline(), Some(START));
        assert_eq!(requested(&mut fetches, START), [3]);
        assert_eq!(requested(&mut fetches, START), [0; 0], "one at a time");
        fetches.fail(3, START);
        assert_eq!(fetches.deadline(), Some(START.plus(FIRST_RETRY_US)));
        assert_eq!(requested(&mut fetches, START.plus(FIRST_RETRY_US)), [3]);
        fetches.fail(3, START);
        assert_eq!(fetches.deadline(), Some(START.plus(2 * FIRST_RETRY_US)));
        fetches.done(3);
        assert_eq!(fetches.deadline(), None);
    }

    #[test]
    fn what_never_comes_back_has_failed() {
        let mut fetches = Fetches::new(Product::Spot, 100);
        fetches.want(0, START);
        requested(&mut fetches, START);
        let late = START.plus(TIMEOUT_US);
        assert_eq!(fetches.deadline(), Some(late));
        assert_eq!(requested(&mut fetches, late), [0; 0]);
        assert_eq!(requested(&mut fetches, late.plus(FIRST_RETRY_US)), [0]);
    }

    #[test]
    fn an_event_brings_a_wanted_snapshot_forward() {
        let mut fetches = Fetches::new(Product::Spot, 100);
        fetches.want(1, START.plus(1_000_000));
        fetches.want(1, START);
        fetches.want(1, START.plus(5));
        assert_eq!(fetches.deadline(), Some(START));
        fetches.clear();
        assert_eq!((fetches.deadline(), requested(&mut fetches, START).len()), (None, 0));
    }
}
