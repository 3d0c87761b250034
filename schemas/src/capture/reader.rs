//! Reading a capture record by record.

use super::{Header, LineFault, Record, VERSION, parse_line};
use std::io::{self, BufRead};

/// The longest line that a [`Reader`] takes unless told otherwise: 64 MiB. Venues send snapshots of 5 MB.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// One line is damaged. It was counted and skipped; reading goes on behind it.
    #[error("line {line}: {fault}")]
    Damaged {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// The input failed or is cut off: what came before was delivered, nothing follows.
    #[error("line {line}: the capture breaks off here: {error}")]
    Broken {
        /// The number of the line that could not be read whole.
        line: u64,
        /// What the input or its decompression said.
        error: io::Error,
    },
    /// The compressed data ends before its end, as when the recorder was killed: what came before was delivered, nothing follows.
    #[error("line {line}: the capture's end is missing, as when its recorder was killed")]
    Torn {
        /// The number of the line that could not be read whole.
        line: u64,
    },
    /// The first line names a version of the format that this program does not read; nothing follows.
    #[error("line 1: expected a capture of version {VERSION}, found version {found:?}")]
    Version {
        /// The version found.
        found: String,
    },
}

impl ReadError {
    /// Whether reading goes on behind it.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, ReadError::Damaged { .. })
    }

    /// Whether nothing is wrong with the capture but that its end is missing.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        matches!(self, ReadError::Torn { .. })
    }
}

/// Reads the records of a capture through one buffer that is used again for each line, so that a capture of any size
/// takes the memory of its longest line.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    line_bytes_max: usize,
    line: Vec<u8>,
    scratch: Vec<u8>,
    number: u64,
    damaged: u64,
    header: Option<Header>,
    started: bool,
    /// The first line, read for the header's sake, is still to be delivered.
    pending: bool,
    ended: bool,
}

/// How the next line ended.
enum Line {
    Whole,
    TooLong,
    End,
}

impl<R: BufRead> Reader<R> {
    /// A reader of `input`, which is plain text: see [`super::decompressed`].
    pub fn new(input: R) -> Self {
        Self {
            input,
            line_bytes_max: LINE_BYTES_MAX,
            line: Vec::new(),
            scratch: Vec::new(),
            number: 0,
            damaged: 0,
            header: None,
            started: false,
            pending: false,
            ended: false,
        }
    }

    /// The same reader with another limit for the length of a line in bytes.
    #[must_use]
    pub fn with_line_bytes_max(mut self, line_bytes_max: usize) -> Self {
        self.line_bytes_max = line_bytes_max;
        self
    }

    /// The header, where the capture has one. Reads the first line if nothing has been read yet.
    ///
    /// # Errors
    /// [`ReadError`], like [`Reader::next`].
    pub fn header(&mut self) -> Result<Option<&Header>, ReadError> {
        self.start()?;
        Ok(self.header.as_ref())
    }

    /// How many lines were damaged so far.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The number of the line that was read last, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.number
    }

    /// The next record; none at the end of the capture.
    ///
    /// An error for which [`ReadError::is_damage`] holds concerns one line, and the next call goes on behind it. After any
    /// other error the next call says that the capture has ended.
    #[expect(
        clippy::should_implement_trait,
        reason = "the record borrows the reader, which an iterator's item cannot"
    )]
    pub fn next(&mut self) -> Option<Result<Record<'_>, ReadError>> {
        if let Err(error) = self.start() {
            return Some(Err(error));
        }
        match self.advance() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error)),
        }
        let parsed = parse_line(&self.line, &mut self.scratch);
        if parsed.is_err() {
            self.damaged += 1;
        }
        let line = self.number;
        Some(parsed.map_err(|fault| ReadError::Damaged { line, fault }))
    }

    /// Reads the first line if that has not been done, and keeps it where it is a record.
    fn start(&mut self) -> Result<(), ReadError> {
        if std::mem::replace(&mut self.started, true) || !self.read_line()? {
            return Ok(());
        }
        match Header::parse(&self.line) {
            Some(Ok(header)) => self.header = Some(header),
            Some(Err(found)) => {
                self.ended = true;
                return Err(ReadError::Version { found });
            }
            None => self.pending = self.holds_record(),
        }
        Ok(())
    }

    /// Moves to the next line that is neither empty nor a comment; false at the end.
    fn advance(&mut self) -> Result<bool, ReadError> {
        if std::mem::take(&mut self.pending) {
            return Ok(true);
        }
        while self.read_line()? {
            if self.holds_record() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn holds_record(&self) -> bool {
        !matches!(self.line.first(), None | Some(b'#'))
    }

    /// Reads one line into the buffer, whatever it holds; false at the end.
    fn read_line(&mut self) -> Result<bool, ReadError> {
        if self.ended {
            return Ok(false);
        }
        self.line.clear();
        self.number += 1;
        let line = self.number;
        match self.fill_line() {
            Ok(Line::Whole) => {
                // Some editors and version control systems end lines so.
                self.line.pop_if(|last| *last == b'\r');
                Ok(true)
            }
            Ok(Line::End) => {
                self.ended = true;
                Ok(false)
            }
            Ok(Line::TooLong) => {
                self.damaged += 1;
                self.line = Vec::new();
                let fault = LineFault::TooLong { bytes_max: self.line_bytes_max };
                Err(ReadError::Damaged { line, fault })
            }
            Err(error) => {
                self.ended = true;
                Err(match error.kind() {
                    io::ErrorKind::UnexpectedEof => ReadError::Torn { line },
                    _ => ReadError::Broken { line, error },
                })
            }
        }
    }

    fn fill_line(&mut self) -> io::Result<Line> {
        let (mut any, mut too_long) = (false, false);
        loop {
            let buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if buffer.is_empty() {
                return Ok(if too_long {
                    Line::TooLong
                } else if any {
                    Line::Whole
                } else {
                    Line::End
                });
            }
            any = true;
            let feed = memchr::memchr(b'\n', buffer);
            let part = &buffer[..feed.unwrap_or(buffer.len())];
            too_long |= self.line.len() + part.len() > self.line_bytes_max;
            if !too_long {
                self.line.extend_from_slice(part);
            }
            let taken = feed.map_or(buffer.len(), |at| at + 1);
            self.input.consume(taken);
            if feed.is_some() {
                return Ok(if too_long { Line::TooLong } else { Line::Whole });
            }
        }
    }
}
