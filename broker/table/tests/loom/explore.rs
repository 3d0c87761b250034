//! Running a model as it is, and with one step changed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use table::mutant::{self, Mutant};
use table::{Record, Table, Wake};

/// What the models publish: its value is its index, so that a reader knows the right entry from any other.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) value: u64,
    pub(crate) is_mark: bool,
    pub(crate) bytes: usize,
}

impl Item {
    pub(crate) fn update(value: u64) -> Self {
        Self { value, is_mark: false, bytes: 100 }
    }
}

impl Record for Item {
    fn width(&self) -> u64 {
        1
    }

    fn is_mark(&self) -> bool {
        self.is_mark
    }

    fn heap_bytes(&self) -> usize {
        self.bytes
    }
}

/// For shards that ask by themselves.
struct NeverSleeps;

impl Wake for NeverSleeps {
    fn wake(&self) {}
}

/// A table for two topics, with shards that ask by themselves.
pub(crate) fn table(log_bytes_max: usize, shards: usize) -> Table<Item, u64> {
    let wakes = (0..shards).map(|_| Box::new(NeverSleeps) as Box<dyn Wake>).collect();
    Table::new(2, log_bytes_max, wakes)
}

/// A model, and the bound of preemptions up to which it is explored.
pub(crate) struct Model {
    pub(crate) preemptions: usize,
    pub(crate) run: fn(),
}

impl Model {
    /// The model holds.
    pub(crate) fn holds(&self) {
        self.explore(None);
    }

    /// The model finds each of the mutants.
    pub(crate) fn finds(&self, mutants: &[Mutant]) {
        for &mutant in mutants {
            let outcome = catch_unwind(AssertUnwindSafe(|| self.explore(Some(mutant))));
            assert!(outcome.is_err(), "{mutant:?} was not found");
        }
    }

    fn explore(&self, mutant: Option<Mutant>) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(self.preemptions);
        let run = self.run;
        mutant::with(mutant, || builder.check(run));
    }
}
