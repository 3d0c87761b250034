//! Where records come from: captures as they are, and other recorders' files read as captures.

mod capture;
mod cbcap;
mod chain;
mod cryptofeed;
mod detect;
mod frames;
mod input;
mod item;
mod merge;
pub mod rest;

pub use chain::Chain;
pub use detect::{Format, detect};
pub use item::{Item, Kind};
pub use merge::Merge;
pub use rest::{RestFile, RestFileError, WithRest};

use crate::venue::Venue;
use schemas::capture::{Header, Reader};
use std::io;
use std::path::{Path, PathBuf};

/// Why a record could not be read from a file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", path.display(), fault)]
pub struct SourceError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, and where.
    pub fault: Fault,
}

/// What is wrong with a file, and whether reading goes on.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// One record is damaged: it was skipped, reading goes on behind it.
    #[error("{0}")]
    Damaged(String),
    /// The file's end is missing, as when its recorder was killed; what came before was delivered.
    #[error("{0}")]
    Torn(String),
    /// The file cannot be read any further.
    #[error("{0}")]
    Broken(String),
}

impl SourceError {
    /// Whether reading goes on behind it; of a file that is torn there is no more, but another one may follow.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self.fault, Fault::Damaged(_) | Fault::Torn(_))
    }

    /// Whether nothing is wrong but that the end of a file is missing.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        matches!(self.fault, Fault::Torn(_))
    }
}

/// A stream of records that is read from its start to its end.
pub trait Source: Send {
    /// Reads the next record into `item`; none at the end. Behind an error that [`SourceError::is_damage`] calls damage the
    /// next call goes on; behind any other it returns none.
    fn next(&mut self, item: &mut Item) -> Option<Result<(), SourceError>>;
}

/// A file, how it is to be read, and for which venue.
#[derive(Debug, Clone)]
pub struct File {
    /// Where it lies.
    pub path: PathBuf,
    /// How it is written.
    pub format: Format,
    /// Whose frames it holds, which tells the event times where there are no receive times.
    pub venue: Option<Venue>,
}

impl File {
    /// The file at `path` in the format that its content shows.
    ///
    /// # Errors
    /// Those of reading its beginning.
    pub fn detected(path: &Path, venue: Option<Venue>) -> Result<Self, SourceError> {
        let format = detect(path).map_err(|error| unreadable(path, &error))?;
        Ok(Self { path: path.to_owned(), format, venue })
    }

    /// What its first line says of it.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn header(&self) -> Result<Option<Header>, SourceError> {
        if self.format != Format::Capture {
            return Ok(None);
        }
        let mut reader = Reader::new(input::open(&self.path)?);
        // What is wrong with the first line is told when it is read.
        Ok(reader.header().ok().flatten().cloned())
    }

    /// Opens it at its first record.
    ///
    /// # Errors
    /// Those of opening it, and of a beginning that is not of the format.
    pub fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(match self.format {
            Format::Capture => Box::new(capture::CaptureFile::open(&self.path)?),
            Format::Cryptofeed => Box::new(cryptofeed::CryptofeedFile::open(&self.path)?),
            Format::Cbcap => Box::new(cbcap::CbcapFile::open(&self.path)?),
            Format::Frames => Box::new(frames::FramesFile::open(&self.path, self.venue)?),
        })
    }
}

fn unreadable(path: &Path, error: &io::Error) -> SourceError {
    SourceError { path: path.to_owned(), fault: Fault::Broken(error.to_string()) }
}
