//! Who is still to come back.

use crate::phase::{Course, Place};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The connections that are not consistent yet, counted by all threads of the storm; its window is open from the cut until
/// the last one is.
#[derive(Debug)]
pub struct Awaited {
    /// The course of the storm.
    pub course: Arc<Course>,
    connections: AtomicUsize,
}

impl Awaited {
    /// Nobody is there yet of so many.
    #[must_use]
    pub fn new(course: Arc<Course>, connections: usize) -> Self {
        Self { course, connections: AtomicUsize::new(connections) }
    }

    /// How many are still to come.
    #[must_use]
    pub fn left(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    /// One has become consistent; with the last one, the storm is over.
    pub fn came(&self, at_us: u64) {
        let was_last = self.connections.fetch_sub(1, Ordering::AcqRel) == 1;
        if was_last && self.course.place(at_us) == Place::Within {
            self.course.close_window(at_us);
        }
    }

    /// One that was consistent is so no more.
    pub fn went(&self) {
        self.connections.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_ends_the_storm_and_only_once() {
        let awaited = Awaited::new(Arc::default(), 2);
        awaited.course.open_window(10);
        awaited.came(11);
        awaited.went();
        awaited.came(12);
        assert_eq!((awaited.left(), awaited.course.place(1000)), (1, Place::Within));
        awaited.came(20);
        assert_eq!((awaited.left(), awaited.course.place(20)), (0, Place::After));
        awaited.went();
        awaited.came(30);
        assert_eq!(awaited.course.place(25), Place::After);
    }
}
