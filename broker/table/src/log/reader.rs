//! Reading a range of a log with one look at the ring for each chunk.

use super::{Chunk, Log, chunk_of};
use crate::entry::EntryRef;
use crate::sync::Guard;

/// The next entry of a range is no longer in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} is no longer in the log")]
pub struct Lapped {
    /// The entry's index.
    pub index: u64,
}

/// Reads a range of entries in their order. It holds on to one chunk at a time, so keep it for a turn and not longer.
pub struct Reader<'a, R> {
    log: &'a Log<R>,
    next: u64,
    last: u64,
    chunk: Option<(u64, Guard<Chunk<R>>)>,
}

impl<'a, R> Reader<'a, R> {
    pub(crate) fn new(log: &'a Log<R>, first: u64, last: u64) -> Self {
        Self { log, next: first, last, chunk: None }
    }

    /// The next entry; none at the end of the range.
    ///
    /// # Errors
    /// If the next entry is no longer in the log.
    #[allow(clippy::should_implement_trait, reason = "what it lends ends with the next call")]
    pub fn next(&mut self) -> Result<Option<EntryRef<'_, R>>, Lapped> {
        if self.next > self.last {
            return Ok(None);
        }
        let index = self.next;
        let entry = self.find(index).ok_or(Lapped { index })?;
        Ok(Some(entry))
    }

    fn find(&mut self, index: u64) -> Option<EntryRef<'_, R>> {
        let number = chunk_of(index)?;
        if self.chunk.as_ref().is_none_or(|(held, _)| *held != number) {
            self.chunk = None;
            self.chunk = Some((number, self.log.chunk(number)?));
        }
        let (_, chunk) = self.chunk.as_ref()?;
        let entry = chunk.as_ref()?.get(index)?;
        self.next = index + 1;
        Some(entry)
    }
}

impl<R> std::fmt::Debug for Reader<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("next", &self.next).field("last", &self.last).finish_non_exhaustive()
    }
}
