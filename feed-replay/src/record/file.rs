//! One file of a recording while it is written: a zstd stream whose blocks end with whole records.

use schemas::capture::{Compression, Compressor, Header, Writer, compressed};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

pub(super) struct OpenFile {
    writer: Writer<Compressor<Counted>>,
    records: u64,
    /// Bytes of text since the last block's end.
    unflushed: usize,
}

impl OpenFile {
    /// Begins a file that does not exist yet.
    pub(super) fn create(path: &Path, header: &Header) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let output = compressed(Counted { file, bytes: 0 }, Compression::Zstd)?;
        let mut writer = Writer::new(output);
        writer.header(header)?;
        let mut file = Self { writer, records: 0, unflushed: 1 };
        file.flush()?;
        Ok(file)
    }

    /// Writes a record, which is a line with its line feed.
    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.writer.line(line)?;
        self.unflushed += line.len();
        self.records += 1;
        Ok(())
    }

    /// Ends the block: what was written until now can be read whatever happens next, to the process or to the machine.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.unflushed == 0 {
            return Ok(());
        }
        self.unflushed = 0;
        self.writer.flush()?;
        self.writer.get_ref().get_ref().file.sync_data()
    }

    pub(super) fn unflushed(&self) -> usize {
        self.unflushed
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Its size on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.writer.get_ref().get_ref().bytes
    }

    /// Writes the end and returns the file's size.
    pub(super) fn finish(self) -> io::Result<u64> {
        let output = self.writer.into_inner().finish()?;
        output.file.sync_all()?;
        Ok(output.bytes)
    }
}

/// Counts what reaches the file.
struct Counted {
    file: File,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
