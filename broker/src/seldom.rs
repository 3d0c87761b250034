//! Log lines that a peer could cause by the thousand.

use std::time::{Duration, Instant};

/// Lets one line through at a time, and says how many were kept back since.
#[derive(Debug)]
pub(crate) struct Seldom {
    every: Duration,
    last: Option<Instant>,
    kept_back: u64,
}

impl Seldom {
    /// At most one line a second.
    pub(crate) const fn each_second() -> Self {
        Self { every: Duration::from_secs(1), last: None, kept_back: 0 }
    }

    /// Calls `log` with the number of lines kept back before this one, or keeps this one back.
    pub(crate) fn log(&mut self, log: impl FnOnce(u64)) {
        self.log_at(Instant::now(), log);
    }

    fn log_at(&mut self, now: Instant, log: impl FnOnce(u64)) {
        if self.last.is_some_and(|last| now.duration_since(last) < self.every) {
            self.kept_back += 1;
        } else {
            self.last = Some(now);
            log(std::mem::take(&mut self.kept_back));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_quick_succession_become_one_that_counts_them() {
        let (mut seldom, begin) = (Seldom::each_second(), Instant::now());
        let mut lines = Vec::new();
        for ms in [0, 10, 990, 1_000, 1_001, 5_000] {
            seldom.log_at(begin + Duration::from_millis(ms), |more| lines.push((ms, more)));
        }
        assert_eq!(lines, [(0, 0), (1_000, 2), (5_000, 1)]);
    }
}
