//! What is to be replayed or read: files and the REST bodies put into them, opened as often as wanted.

use crate::source::{File, Format, Item, Merge, RestFile, RestFileError, Source, SourceError, WithRest};
use crate::venue::Venue;
use std::path::{Path, PathBuf};

/// Files that are read as one capture.
#[derive(Debug, Clone)]
pub struct Tape {
    files: Vec<File>,
    rest: Vec<RestFile>,
}

/// Why a tape cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// A file cannot be read, or is not what it should be.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A REST body cannot be put in.
    #[error(transparent)]
    Rest(#[from] RestFileError),
}

impl Tape {
    /// Files of `venue`, all in `format`; where that is none, each in the format that its content shows.
    ///
    /// # Errors
    /// Those of reading the beginnings of the files.
    pub fn new(paths: &[PathBuf], format: Option<Format>, venue: Option<Venue>) -> Result<Self, SourceError> {
        let file = |path: &PathBuf| match format {
            Some(format) => Ok(File { path: path.clone(), format, venue }),
            None => File::detected(path, venue),
        };
        Ok(Self { files: paths.iter().map(file).collect::<Result<_, _>>()?, rest: Vec::new() })
    }

    /// The same with these REST bodies put where they join the stream.
    #[must_use]
    pub fn with_rest(mut self, rest: Vec<RestFile>) -> Self {
        self.rest = rest;
        self
    }

    /// The first file's path, by which the tape is named.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.files.first().map_or(Path::new(""), |file| &file.path)
    }

    /// The first file's format.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.files.first().map(|file| file.format)
    }

    /// Opens it at its start.
    ///
    /// # Errors
    /// [`TapeError`].
    pub fn open(&self) -> Result<Box<dyn Source>, TapeError> {
        if self.rest.is_empty() {
            return Ok(self.open_files()?);
        }
        Ok(Box::new(WithRest::open(&self.rest, || self.open_files())?))
    }

    /// Reads all records. Damaged ones go to `damaged`, all others with their index to `record`.
    ///
    /// # Errors
    /// [`TapeError`]; a file that breaks off is one, behind all that it held.
    pub fn read(
        &self,
        mut damaged: impl FnMut(SourceError),
        mut record: impl FnMut(&Item),
    ) -> Result<(), TapeError> {
        let mut source = self.open()?;
        let mut item = Item::default();
        while let Some(read) = source.next(&mut item) {
            match read {
                Ok(()) => record(&item),
                Err(error) if error.is_damage() => damaged(error),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether it is one file in the capture format, with nothing put in.
    #[must_use]
    pub fn is_one_capture(&self) -> bool {
        self.files.len() == 1 && self.format() == Some(Format::Capture) && self.rest.is_empty()
    }

    fn open_files(&self) -> Result<Box<dyn Source>, SourceError> {
        let mut sources = self.files.iter().map(File::open).collect::<Result<Vec<_>, _>>()?;
        match sources.len() {
            1 => Ok(sources.remove(0)),
            _ => Ok(Box::new(Merge::new(sources))),
        }
    }
}
