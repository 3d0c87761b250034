//! Which books follow the venue's, and when the others are asked for anew: at once when a sound one breaks, later each time
//! when it breaks again, or when nothing comes of it.

use crate::pacer::backoff_us;
use crate::timers::Timers;
use schemas::model::Micros;

/// How long a snapshot may take before it is asked for again.
const SNAPSHOT_WITHIN_US: u64 = 10_000_000;
const LONGEST_SNAPSHOT_US: u64 = 6 * SNAPSHOT_WITHIN_US;
/// A book that was right for so long counts as sound when it breaks.
const SOUND_AFTER_US: u64 = 60_000_000;
const FIRST_RETRY_US: u64 = 1_000_000;
const LONGEST_RETRY_US: u64 = 30_000_000;

/// The books of all symbols, by their places.
#[derive(Debug, Default)]
pub(super) struct Rejoin {
    due: Timers,
    books: Vec<Book>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Book {
    /// Since when it follows the venue's.
    joined: Option<Micros>,
    /// Breaks, and requests in vain, in a row.
    failures: u32,
}

impl Rejoin {
    pub(super) fn is_joined(&self, at: usize) -> bool {
        self.books.get(at).is_some_and(|book| book.joined.is_some())
    }

    pub(super) fn joined(&mut self, at: usize, now: Micros) {
        self.book(at).joined = Some(now);
        self.due.unset(at);
    }

    pub(super) fn lost(&mut self, at: usize, now: Micros) {
        let book = self.book(at);
        let was_sound = book.joined.take().is_some_and(|joined| now.since(joined) >= SOUND_AFTER_US);
        if was_sound {
            book.failures = 0;
        }
        let wait_us = match book.failures {
            0 => 0,
            failures => backoff_us(failures, FIRST_RETRY_US, LONGEST_RETRY_US),
        };
        book.failures = book.failures.saturating_add(1);
        self.due.set(at, now.plus(wait_us));
    }

    /// The book is no longer wanted.
    pub(super) fn forget(&mut self, at: usize) {
        self.due.unset(at);
        *self.book(at) = Book::default();
    }

    /// The book was asked for at the beginning of a connection.
    pub(super) fn expected(&mut self, at: usize, now: Micros) {
        self.due.set(at, now.plus(SNAPSHOT_WITHIN_US));
    }

    /// The book was asked for anew, and will be again if nothing comes of it.
    pub(super) fn asked(&mut self, at: usize, now: Micros) {
        let book = self.book(at);
        let wait_us = backoff_us(book.failures, SNAPSHOT_WITHIN_US, LONGEST_SNAPSHOT_US);
        book.failures = book.failures.saturating_add(1);
        self.due.set(at, now.plus(wait_us));
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        self.due.deadline()
    }

    /// The next book to be asked for anew now.
    pub(super) fn next(&mut self, now: Micros) -> Option<usize> {
        self.due.next(now)
    }

    /// Without a connection no book follows.
    pub(super) fn clear(&mut self) {
        self.due.clear();
        self.books.clear();
    }

    fn book(&mut self, at: usize) -> &mut Book {
        if self.books.len() <= at {
            self.books.resize(at + 1, Book::default());
        }
        &mut self.books[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits until a book is asked for, in seconds, when it is lost each time at once after it was joined.
    fn waits(rejoin: &mut Rejoin, mut now: Micros, sound_us: u64) -> Vec<u64> {
        let mut waits = Vec::new();
        for _ in 0..4 {
            rejoin.joined(3, now);
            now = now.plus(sound_us);
            rejoin.lost(3, now);
            waits.push(rejoin.deadline().unwrap().since(now) / 1_000_000);
        }
        waits
    }

    #[test]
    fn a_sound_book_is_asked_for_at_once_and_one_that_breaks_again_later_each_time() {
        assert_eq!(waits(&mut Rejoin::default(), Micros(1), 5), [0, 1, 2, 4]);
        assert_eq!(waits(&mut Rejoin::default(), Micros(1), SOUND_AFTER_US), [0, 0, 0, 0]);
    }

    #[test]
    fn what_never_comes_is_asked_for_again() {
        let mut rejoin = Rejoin::default();
        rejoin.expected(0, Micros(0));
        assert_eq!(rejoin.next(Micros(SNAPSHOT_WITHIN_US - 1)), None);
        assert_eq!(rejoin.next(Micros(SNAPSHOT_WITHIN_US)), Some(0));
        assert!(!rejoin.is_joined(0));
        rejoin.joined(0, Micros(SNAPSHOT_WITHIN_US));
        assert_eq!((rejoin.is_joined(0), rejoin.deadline()), (true, None));
        rejoin.clear();
        assert!(!rejoin.is_joined(0));
    }
}
