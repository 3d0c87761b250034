//! Changes of a book that wait to be told together.

use super::listing::Listing;
use feed::sim::flow::Step;
use schemas::model::Level;

/// The newest size of each price that has changed, in the order of their first change.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
}

impl Pending {
    /// Takes what a step changed and returns how many levels that are.
    pub(super) fn note(&mut self, listing: &Listing, step: &Step) -> u64 {
        let (bids, asks) = (listing.levels(&step.bids), listing.levels(&step.asks));
        let count = (bids.len() + asks.len()) as u64;
        merge(&mut self.bids, bids);
        merge(&mut self.asks, asks);
        count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// All of them, of which none waits any more.
    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

fn merge(levels: &mut Vec<Level>, changes: Vec<Level>) {
    for change in changes {
        match levels.iter_mut().find(|level| level.price == change.price) {
            Some(level) => *level = change,
            None => levels.push(change),
        }
    }
}
