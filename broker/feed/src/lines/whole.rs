//! Channels whose messages are whole, quotes and tickers: of a line's message it only matters whether it is news.

use super::LINES_MAX;
use super::place::{Course, Seen, Step};
use super::trail::Trail;
use crate::publish::Times;
use schemas::model::Micros;

/// One of them: where the subscribers are, and what the lines have brought last.
pub(super) struct Whole<T> {
    course: Course,
    trail: Trail<T>,
}

impl<T> Default for Whole<T> {
    fn default() -> Self {
        Self { course: Course::default(), trail: Trail::default() }
    }
}

impl<T: PartialEq + Clone> Whole<T> {
    /// What a message is to the subscribers. `is_live` says it of each line.
    pub(super) fn take(
        &mut self,
        line: usize,
        (step, times): (Step, Times),
        message: &T,
        is_live: impl Fn(usize) -> bool,
    ) -> Seen {
        let step = step.level(step.is_unplaced() && self.trail.take(line, message));
        let seen = self.course.take(line, step, times, |other| other != line && is_live(other));
        if step.is_unplaced() && seen != Seen::Before {
            self.trail.publish(message);
        }
        seen
    }

    /// What the line that is furthest has brought beyond the one that was followed, if that one is gone; it is followed from now
    /// on.
    pub(super) fn beyond_leader(&mut self, now: Micros, is_live: impl Fn(usize) -> bool) -> Vec<T> {
        if self.course.leader().is_none_or(&is_live) {
            return Vec::new();
        }
        let live = (0..LINES_MAX).filter(|line| is_live(*line));
        let ahead = live.map(|line| (line, self.trail.beyond(line))).max_by_key(|(_, beyond)| beyond.len());
        let Some((line, beyond)) = ahead.filter(|(_, beyond)| !beyond.is_empty()) else { return Vec::new() };
        self.course.follow(line, now);
        beyond.iter().for_each(|message| self.trail.publish(message));
        beyond
    }
}
