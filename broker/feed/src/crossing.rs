//! Books that are crossed: for a moment that happens, for longer it means that something was missed.

use schemas::model::Micros;

/// How long a book may stay crossed before it is fetched anew, in microseconds.
const CROSSED_MAX_US: u64 = 2_000_000;

/// Watches whether one book is crossed.
#[derive(Debug, Default)]
pub(crate) struct Crossing {
    since: Option<Micros>,
}

/// What there is to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Fine,
    /// It was crossed just now: to be counted.
    Began,
    /// It stayed crossed for too long: to be fetched anew.
    Persists,
}

impl Crossing {
    /// Looks at a book after a change.
    pub(crate) fn look(&mut self, is_crossed: bool, now: Micros) -> Verdict {
        match self.since {
            _ if !is_crossed => {
                self.since = None;
                Verdict::Fine
            }
            None => {
                self.since = Some(now);
                Verdict::Began
            }
            Some(since) if now.since(since) > CROSSED_MAX_US => {
                self.since = None;
                Verdict::Persists
            }
            Some(_) => Verdict::Fine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_counted_and_a_while_is_too_long() {
        let mut crossing = Crossing::default();
        let looks =
            [(false, 0), (true, 1), (true, 2), (false, 3), (true, 4), (true, 2_000_004), (true, 2_000_005)];
        let verdicts = looks.map(|(is_crossed, now)| crossing.look(is_crossed, Micros(now)));
        use Verdict::{Began, Fine, Persists};
        assert_eq!(verdicts, [Fine, Began, Fine, Fine, Began, Fine, Persists]);
    }
}
