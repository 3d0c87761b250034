//! An entry that is held on to.

use super::Chunk;
use crate::entry::Entry;
use std::ops::Deref;
use std::sync::Arc;

/// An entry that stays as long as this does, though its log may move on. Unless the entry is a mark its whole chunk stays with it,
/// which nothing counts any more then: hold it for a turn, or one of each topic.
#[derive(Debug)]
pub struct Held<R>(Hold<R>);

#[derive(Debug)]
enum Hold<R> {
    Chunk(Arc<Chunk<R>>, u64),
    Entry(Arc<Entry<R>>),
}

impl<R> Held<R> {
    /// An entry of a chunk, which is there.
    pub(crate) fn of(chunk: &Arc<Chunk<R>>, index: u64) -> Self {
        debug_assert!(chunk.get(index).is_some(), "it was looked for or stored just now");
        Self(Hold::Chunk(Arc::clone(chunk), index))
    }
}

impl<R> From<Arc<Entry<R>>> for Held<R> {
    fn from(entry: Arc<Entry<R>>) -> Self {
        Self(Hold::Entry(entry))
    }
}

impl<R> Deref for Held<R> {
    type Target = Entry<R>;

    fn deref(&self) -> &Entry<R> {
        match &self.0 {
            Hold::Chunk(chunk, index) => chunk.get(*index).expect("it was published when this was made"),
            Hold::Entry(entry) => entry,
        }
    }
}

impl<R> Clone for Held<R> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Hold::Chunk(chunk, index) => Hold::Chunk(Arc::clone(chunk), *index),
            Hold::Entry(entry) => Hold::Entry(Arc::clone(entry)),
        })
    }
}
