//! Where a line is whose messages have neither number nor time: known by the last messages, which are the same on all lines.

use super::LINES_MAX;
use std::collections::VecDeque;

/// How far a line that is ahead is remembered beyond them.
const AHEAD_MAX: usize = 32;
/// How many messages must be the same: of fewer a market that goes back and forth makes some that only look so.
const LEN: usize = 8;

/// The last messages of a channel, on each line and as they were published.
#[derive(Debug)]
pub(super) struct Trail<T> {
    published: VecDeque<T>,
    lines: [VecDeque<T>; LINES_MAX],
}

impl<T> Default for Trail<T> {
    fn default() -> Self {
        Self { published: VecDeque::new(), lines: [const { VecDeque::new() }; LINES_MAX] }
    }
}

impl<T: PartialEq + Clone> Trail<T> {
    /// Notes what a line has brought, and says whether it now stands where the subscribers do.
    pub(super) fn take(&mut self, line: usize, message: &T) -> bool {
        push(&mut self.lines[line], message, LEN + AHEAD_MAX);
        let is_whole = !self.published.is_empty() && self.lines[line].len() >= self.published.len();
        is_whole && self.lines[line].iter().rev().zip(self.published.iter().rev()).all(|(a, b)| a == b)
    }

    /// Notes what was published.
    pub(super) fn publish(&mut self, message: &T) {
        push(&mut self.published, message, LEN);
    }

    /// What a line has brought behind what was published, as far as that can be found on it.
    pub(super) fn beyond(&self, line: usize) -> Vec<T> {
        let (mine, published) = (&self.lines[line], &self.published);
        let ends_as_published = |end: &usize| mine.range(end - published.len()..*end).eq(published);
        let end = (published.len()..=mine.len()).rev().find(ends_as_published);
        end.filter(|_| !published.is_empty())
            .map_or_else(Vec::new, |end| mine.range(end..).cloned().collect())
    }
}

fn push<T: Clone>(trail: &mut VecDeque<T>, message: &T, len_max: usize) {
    if trail.len() == len_max {
        trail.pop_front();
    }
    trail.push_back(message.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_lags_is_found_where_its_last_messages_are_those_that_were_published() {
        let mut trail = Trail::default();
        let messages: Vec<u32> = (0..20).map(|n| [1, 2, 1, 3, 1, 2, 1, 3, 1, 4][n % 10]).collect();
        messages[..16].iter().for_each(|message| trail.publish(message));
        let found: Vec<_> = (0..20).filter(|n| trail.take(1, &messages[*n])).collect();
        assert_eq!(found, [15], "what is short only looks alike");
    }

    #[test]
    fn what_a_line_that_is_ahead_has_brought_is_remembered() {
        let mut trail = Trail::default();
        assert_eq!(trail.beyond(0), [0; 0]);
        for n in 0..20 {
            trail.take(1, &n);
            trail.take(2, &(n + 100));
        }
        (0..15).for_each(|n| trail.publish(&n));
        assert_eq!((trail.beyond(1), trail.beyond(2)), (vec![15, 16, 17, 18, 19], vec![]));
        (20..100).for_each(|n| _ = trail.take(1, &n));
        assert_eq!(trail.beyond(1), [0; 0], "it is too far ahead");
    }
}
