//! What is to be replayed or read: files and the REST bodies put into them, opened as often as wanted.

use crate::source::{
    Chain, File, Format, Item, Merge, RestFile, RestFileError, Source, SourceError, WithRest,
};
use crate::venue::Venue;
use std::path::{Path, PathBuf};

/// Files that are read as one capture: the parts of one recording one after the other, all else by time.
#[derive(Debug, Clone)]
pub struct Tape {
    /// Each with what follows it in the same recording.
    files: Vec<Vec<File>>,
    venue: Option<Venue>,
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
        let files = paths.iter().map(file).collect::<Result<_, _>>()?;
        let (files, named) = recordings(files)?;
        Ok(Self { files, venue: venue.or(named), rest: Vec::new() })
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
        self.first().map_or(Path::new(""), |file| &file.path)
    }

    /// The first file's format.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.first().map(|file| file.format)
    }

    /// The venue that it was opened for, or else the one that the first header names.
    #[must_use]
    pub fn venue(&self) -> Option<Venue> {
        self.venue
    }

    fn first(&self) -> Option<&File> {
        self.files.first()?.first()
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
        self.files.iter().map(Vec::len).sum::<usize>() == 1
            && self.format() == Some(Format::Capture)
            && self.rest.is_empty()
    }

    fn open_files(&self) -> Result<Box<dyn Source>, SourceError> {
        let open = |files: &Vec<File>| Ok(Box::new(Chain::open(files.clone())?) as Box<dyn Source>);
        let mut sources = self.files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        match sources.len() {
            1 => Ok(sources.remove(0)),
            _ => Ok(Box::new(Merge::new(sources))),
        }
    }
}

/// The files of a recording, with their places in it, and its name where it has one.
type Parts = (Option<String>, Vec<(u64, File)>);

/// Brings the parts of one recording together, in their order; any other file is a recording of its own. Also the venue that the
/// first header with one names.
fn recordings(files: Vec<File>) -> Result<(Vec<Vec<File>>, Option<Venue>), SourceError> {
    let (mut recordings, mut venue): (Vec<Parts>, _) = (Vec::new(), None);
    for file in files {
        let header = file.header()?.unwrap_or_default();
        venue = venue.or_else(|| header.venue()?.parse().ok());
        let (name, part) = header.part().map_or((None, 0), |(name, part)| (Some(name.to_owned()), part));
        match recordings.iter_mut().find(|(known, _)| name.is_some() && *known == name) {
            Some((_, parts)) => parts.push((part, file)),
            None => recordings.push((name, vec![(part, file)])),
        }
    }
    Ok((recordings.into_iter().map(|(_, parts)| in_order(parts)).collect(), venue))
}

fn in_order(mut parts: Vec<(u64, File)>) -> Vec<File> {
    parts.sort_by_key(|(part, _)| *part);
    parts.into_iter().map(|(_, file)| file).collect()
}
