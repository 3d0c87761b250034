//! Turns other recorders' files into a capture.

use crate::source::{Item, Kind};
use crate::tape::{Tape, TapeError};
use crate::venue::Venue;
use schemas::capture::{Compression, Header, Writer, compressed};
use serde::Serialize;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Records written.
    pub records: u64,
    /// Frames among them.
    pub frames: u64,
    /// REST bodies among them.
    pub rest_bodies: u64,
    /// Records of the input that were damaged and left out.
    pub damaged: u64,
}

/// Why an import failed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The input cannot be read.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The output cannot be written.
    #[error("{}: {error}", path.display())]
    Output {
        /// The output.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Reads `tape` and writes it as a capture of `venue` to `out`, compressed as the name of `out` says. The file appears under its
/// name when it is whole. Damaged records are told to `damaged` and left out.
///
/// # Errors
/// [`ImportError`].
pub fn import(
    tape: &Tape,
    venue: Venue,
    out: &Path,
    mut damaged: impl FnMut(&str),
) -> Result<Imported, ImportError> {
    let failed = |error| ImportError::Output { path: out.to_owned(), error };
    let mut imported = Imported::default();
    let mut left_out = 0;
    write_whole(out, |output| {
        let mut writer = Writer::new(output);
        writer.header(&Header::of_venue(venue.name())).map_err(failed)?;
        let mut result = Ok(());
        let told = |error: crate::source::SourceError| {
            left_out += 1;
            damaged(&error.to_string());
        };
        tape.read(told, |item| {
            if result.is_ok() {
                imported.count(item);
                result = writer.write(&item.record());
            }
        })?;
        result.map_err(failed)
    })
    .map_err(|error| match error {
        WriteError::Inner(error) => error,
        WriteError::Output(error) => failed(error),
    })?;
    Ok(Imported { damaged: left_out, ..imported })
}

impl Imported {
    fn count(&mut self, item: &Item) {
        self.records += 1;
        self.frames += u64::from(matches!(item.kind, Kind::Frame | Kind::Binary));
        self.rest_bodies += u64::from(item.kind == Kind::Http);
    }
}

/// Why [`write_whole`] failed.
#[derive(Debug)]
pub enum WriteError<E> {
    /// What was to write the content failed.
    Inner(E),
    /// The file cannot be written.
    Output(io::Error),
}

/// Writes a file, compressed as its name says, that appears under its name only when it is whole.
///
/// # Errors
/// [`WriteError`]; nothing is left behind then.
pub fn write_whole<E>(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), WriteError<E>> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = write_to(&part, Compression::of_name(path), content)
        .and_then(|()| fs::rename(&part, path).map_err(WriteError::Output));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

fn write_to<E>(
    path: &Path,
    compression: Compression,
    content: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), WriteError<E>> {
    let file = fs::File::create(path).map_err(WriteError::Output)?;
    let mut output = compressed(BufWriter::new(file), compression).map_err(WriteError::Output)?;
    content(&mut output).map_err(WriteError::Inner)?;
    output.finish().map_err(WriteError::Output)?;
    Ok(())
}
