//! The files of one recording, one after the other.

use super::{File, Item, Source, SourceError};
use std::vec;

/// Delivers the records of several files in the files' order, as if they were one. One file is open at a time.
pub struct Chain {
    files: vec::IntoIter<File>,
    open: Option<Box<dyn Source>>,
}

impl Chain {
    /// Opens the first of these files.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn open(files: Vec<File>) -> Result<Self, SourceError> {
        let mut files = files.into_iter();
        let open = files.next().map(|file| file.open()).transpose()?;
        Ok(Self { files, open })
    }
}

impl Source for Chain {
    fn next(&mut self, item: &mut Item) -> Option<Result<(), SourceError>> {
        loop {
            if let Some(read) = self.open.as_mut()?.next(item) {
                return Some(read);
            }
            match self.files.next()?.open() {
                Ok(source) => self.open = Some(source),
                Err(error) => {
                    self.open = None;
                    return Some(Err(error));
                }
            }
        }
    }
}
