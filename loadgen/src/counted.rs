//! What threads that receive bring home.

use crate::roll_call::Answers;
use crate::storm::{Comeback, Spells};
use crate::streak::Misses;
use crate::tally::Tally;
use crate::verify::Verification;
use hdrhistogram::errors::AdditionError;

/// What a worker, or several of them, counted and found.
#[derive(Debug)]
pub struct Counted {
    /// The counts.
    pub tally: Tally,
    /// What was verified, if anything was.
    pub verification: Option<Verification>,
    /// What came before a storm, in it and after it, for those that stayed.
    pub spells: Option<Spells>,
    /// How the others came back.
    pub comeback: Option<Comeback>,
    /// What was not as it should be where each connection was to get each update.
    pub misses: Option<Misses>,
    /// What came of each update at each subscriber, if it was looked for.
    pub answers: Option<Answers>,
}

impl Counted {
    /// Only these counts.
    #[must_use]
    pub const fn new(tally: Tally) -> Self {
        Self { tally, verification: None, spells: None, comeback: None, misses: None, answers: None }
    }

    /// Adds what another thread counted and found.
    ///
    /// # Errors
    /// None between histograms of the same bounds.
    pub fn merge(&mut self, other: Self) -> Result<(), AdditionError> {
        self.tally.merge(other.tally)?;
        match (&mut self.verification, other.verification) {
            (Some(sum), Some(more)) => sum.merge(more),
            (sum, more) => *sum = sum.take().or(more),
        }
        match (&mut self.comeback, other.comeback) {
            (Some(sum), Some(more)) => sum.merge(more),
            (sum, more) => *sum = sum.take().or(more),
        }
        match (&mut self.misses, other.misses) {
            (Some(sum), Some(more)) => sum.merge(&more),
            (sum, more) => *sum = sum.take().or(more),
        }
        match (&mut self.answers, other.answers) {
            (Some(sum), Some(more)) => sum.merge(&more),
            (sum, more) => *sum = sum.take().or(more),
        }
        match (&mut self.spells, other.spells) {
            (Some(sum), Some(more)) => sum.merge(&more)?,
            (sum, more) => *sum = sum.take().or(more),
        }
        Ok(())
    }
}
