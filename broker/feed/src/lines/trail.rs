//! Where a line is whose messages have neither number nor time: known by the last messages, which are the same on all lines.

use super::LINES_MAX;
use std::collections::VecDeque;

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
        push(&mut self.lines[line], message);
        let is_whole = !self.published.is_empty() && self.lines[line].len() >= self.published.len();
        is_whole && self.lines[line].iter().rev().zip(self.published.iter().rev()).all(|(a, b)| a == b)
    }

    /// Notes what was published.
    pub(super) fn publish(&mut self, message: &T) {
        push(&mut self.published, message);
    }
}

fn push<T: Clone>(trail: &mut VecDeque<T>, message: &T) {
    if trail.len() == LEN {
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
}
