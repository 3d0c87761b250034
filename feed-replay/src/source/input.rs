//! A text file, perhaps compressed, line by line with a limit.

use super::{Fault, SourceError, unreadable};
use schemas::capture::{LINE_BYTES_MAX, decompressed};
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 256 << 10;

pub(super) type Plain = Box<dyn BufRead + Send>;

/// Opens a file and decompresses it if its first bytes say so.
pub(super) fn open(path: &Path) -> Result<Plain, SourceError> {
    let file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    decompressed(BufReader::with_capacity(BUFFER_BYTES, file)).map_err(|error| unreadable(path, &error))
}

/// The lines of a file, with their numbers for messages.
pub(super) struct Lines {
    path: PathBuf,
    input: Plain,
    number: u64,
    ended: bool,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        Ok(Self { path: path.to_owned(), input: open(path)?, number: 0, ended: false })
    }

    /// Reads the next line without its end; false at the end of the file.
    pub(super) fn read(&mut self, line: &mut Vec<u8>) -> Result<bool, SourceError> {
        if self.ended {
            return Ok(false);
        }
        line.clear();
        self.number += 1;
        let mut limited = (&mut self.input).take(LINE_BYTES_MAX as u64 + 1);
        match limited.read_until(b'\n', line) {
            Err(error) => Err(self.broken(&error)),
            Ok(0) => {
                self.ended = true;
                Ok(false)
            }
            Ok(_) if line.last() == Some(&b'\n') => {
                line.pop();
                line.pop_if(|last| *last == b'\r');
                Ok(true)
            }
            Ok(length) if length > LINE_BYTES_MAX => Err(self.too_long()),
            Ok(_) => Ok(true),
        }
    }

    /// Reads exactly so many bytes.
    pub(super) fn read_exact(&mut self, bytes: &mut Vec<u8>, length: usize) -> Result<(), SourceError> {
        bytes.resize(length, 0);
        self.input.read_exact(bytes).map_err(|error| self.broken(&error))
    }

    /// An error that concerns the line read last.
    pub(super) fn damaged(&self, expected: &str) -> SourceError {
        self.error(Fault::Damaged(format!("line {}: {expected}", self.number)))
    }

    /// An error that ends the file.
    pub(super) fn broken(&mut self, error: &io::Error) -> SourceError {
        self.ended = true;
        let message = format!("line {}: the file breaks off here: {error}", self.number);
        self.error(Fault::Broken(message))
    }

    fn too_long(&mut self) -> SourceError {
        let mut rest = Vec::new();
        loop {
            rest.clear();
            match (&mut self.input).take(BUFFER_BYTES as u64).read_until(b'\n', &mut rest) {
                Err(error) => return self.broken(&error),
                Ok(0) => break,
                Ok(_) if rest.last() == Some(&b'\n') => break,
                Ok(_) => {}
            }
        }
        self.damaged(&format!("expected at most {LINE_BYTES_MAX} bytes, found more"))
    }

    fn error(&self, fault: Fault) -> SourceError {
        SourceError { path: self.path.clone(), fault }
    }
}
