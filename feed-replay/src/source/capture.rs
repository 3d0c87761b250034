//! Captures as they are.

use super::{Fault, Item, Source, SourceError, input};
use schemas::capture::Reader;
use std::path::{Path, PathBuf};

pub(super) struct CaptureFile {
    path: PathBuf,
    reader: Reader<input::Plain>,
}

impl CaptureFile {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        Ok(Self { path: path.to_owned(), reader: Reader::new(input::open(path)?) })
    }
}

impl Source for CaptureFile {
    fn next(&mut self, item: &mut Item) -> Option<Result<(), SourceError>> {
        Some(match self.reader.next()? {
            Ok(record) => {
                item.set(&record);
                Ok(())
            }
            Err(error) => {
                let fault = if error.is_damage() {
                    Fault::Damaged(error.to_string())
                } else if error.is_torn() {
                    Fault::Torn(error.to_string())
                } else {
                    Fault::Broken(error.to_string())
                };
                Err(SourceError { path: self.path.clone(), fault })
            }
        })
    }
}
