//! An entry that is held on to.

use super::Chunk;
use crate::entry::{Entry, EntryRef, Mark};
use std::ops::Deref;
use std::sync::Arc;

/// An entry that stays as long as this does, though its log may move on. Unless the entry is a mark its whole chunk stays with it,
/// which nothing counts any more then: hold it for a turn, or one of each topic.
#[derive(Debug)]
pub struct Held<R>(Hold<R>);

#[derive(Debug)]
enum Hold<R> {
    Chunk(Arc<Chunk<R>>, u64),
    Mark(Arc<Mark<R>>),
}

impl<R> Held<R> {
    /// An entry of a chunk, which is there.
    pub(crate) fn of(chunk: &Arc<Chunk<R>>, index: u64) -> Self {
        debug_assert!(chunk.get(index).is_some(), "it was looked for or stored just now");
        Self(Hold::Chunk(Arc::clone(chunk), index))
    }

    /// The entry where it lies.
    #[must_use]
    pub fn entry(&self) -> EntryRef<'_, R> {
        match &self.0 {
            Hold::Chunk(chunk, index) => chunk.get(*index).expect("it was published when this was made"),
            Hold::Mark(mark) => mark.entry(),
        }
    }
}

impl<R> From<Arc<Mark<R>>> for Held<R> {
    fn from(mark: Arc<Mark<R>>) -> Self {
        Self(Hold::Mark(mark))
    }
}

impl<R> Deref for Held<R> {
    type Target = Entry<R>;

    fn deref(&self) -> &Entry<R> {
        self.entry().get()
    }
}

impl<R> Clone for Held<R> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Hold::Chunk(chunk, index) => Hold::Chunk(Arc::clone(chunk), *index),
            Hold::Mark(mark) => Hold::Mark(Arc::clone(mark)),
        })
    }
}
