//! What a run shows while it goes on, on the standard error output.

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// What one worker lets the others see.
#[derive(Debug, Default)]
pub struct Board {
    /// Connections that are live now.
    pub settled: AtomicUsize,
    /// Connections that will not come (back).
    pub gone: AtomicUsize,
    /// Frames about topics so far.
    pub deliveries: AtomicU64,
    /// Faults that were found so far.
    pub faults: AtomicU64,
    /// Comparisons with fresh snapshots that are still to be answered.
    pub comparisons_due: AtomicUsize,
    /// Whether the last comparisons were asked for.
    pub last_comparisons_asked: AtomicUsize,
}

impl Board {
    fn standing(&self) -> Standing {
        Standing {
            settled: self.settled.load(Ordering::Relaxed),
            gone: self.gone.load(Ordering::Relaxed),
            deliveries: self.deliveries.load(Ordering::Relaxed),
            faults: self.faults.load(Ordering::Relaxed),
            last_comparisons_asked: self.last_comparisons_asked.load(Ordering::Acquire),
            comparisons_due: self.comparisons_due.load(Ordering::Acquire),
        }
    }
}

/// All boards together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Connections that are live now.
    pub settled: usize,
    /// Connections that will not come (back).
    pub gone: usize,
    /// Frames about topics so far.
    pub deliveries: u64,
    /// Faults that were found so far.
    pub faults: u64,
    /// Comparisons with fresh snapshots that are still to be answered.
    pub comparisons_due: usize,
    /// Workers that asked for their last comparisons.
    pub last_comparisons_asked: usize,
}

impl Standing {
    /// Where the workers with these boards stand.
    #[must_use]
    pub fn of(boards: &[Arc<Board>]) -> Self {
        boards.iter().map(|board| board.standing()).fold(Self::default(), Self::plus)
    }

    /// Connections of which it is known whether they take part.
    #[must_use]
    pub const fn decided(&self) -> usize {
        self.settled + self.gone
    }

    /// With those of others.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            settled: self.settled + other.settled,
            gone: self.gone + other.gone,
            deliveries: self.deliveries + other.deliveries,
            faults: self.faults + other.faults,
            comparisons_due: self.comparisons_due + other.comparisons_due,
            last_comparisons_asked: self.last_comparisons_asked + other.last_comparisons_asked,
        }
    }
}

/// Shows where a run stands: a moving line on a terminal; elsewhere a plain one each 5 s, and when something else begins.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    connections: usize,
    verify: bool,
    last: (Instant, u64),
    rate: f64,
    last_line: Option<(String, Instant)>,
}

impl Progress {
    /// For a run of this many connections.
    #[must_use]
    pub fn new(connections: usize, verify: bool) -> Self {
        let bar = std::io::stderr().is_terminal().then(spinner);
        Self { bar, connections, verify, last: (Instant::now(), 0), rate: 0.0, last_line: None }
    }

    /// `what` is going on, until in `left`, and the workers stand here.
    pub fn show(&mut self, what: &str, left: Duration, standing: Standing) {
        self.update_rate(standing.deliveries);
        let line = self.line(what, left, standing);
        if let Some(bar) = &self.bar {
            bar.set_message(line);
            bar.tick();
        } else if self.last_line.as_ref().is_none_or(|(last, at)| last != what || at.elapsed() >= LINE_EVERY)
        {
            self.last_line = Some((what.to_owned(), Instant::now()));
            // Without an error output there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Leaves the terminal as it was.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, what: &str, left: Duration, standing: Standing) -> String {
        let Standing { settled, gone, faults, .. } = standing;
        let mut line =
            format!("{what:<10} {:>4} s left  {settled}/{} live", left.as_secs(), self.connections);
        if gone > 0 {
            line += &format!("  {gone} gone");
        }
        line += &format!("  {:.0} deliveries/s", self.rate);
        if self.verify {
            line += &format!("  {faults} faults");
        }
        line
    }

    fn update_rate(&mut self, deliveries: u64) {
        let (then, before) = self.last;
        let elapsed = then.elapsed().as_secs_f64();
        if elapsed >= 0.5 {
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let delta = deliveries.saturating_sub(before) as f64;
            self.rate = delta / elapsed;
            self.last = (Instant::now(), deliveries);
        }
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_what_is_unusual() {
        let progress = Progress { bar: None, ..Progress::new(5, true) };
        let standing = Standing { settled: 4, gone: 1, faults: 2, ..Standing::default() };
        let line = progress.line("measuring", Duration::from_secs(9), standing);
        assert_eq!(line, "measuring     9 s left  4/5 live  1 gone  0 deliveries/s  2 faults");
    }
}
