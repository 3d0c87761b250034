//! The thread that writes: records into files, one file after the other.

use super::file::OpenFile;
use super::queue::Queue;
use crate::time::{file_name_time, now};
use schemas::capture::{Header, UnixNanos};
use serde::Serialize;
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// A block ends at the latest after so many bytes of text.
const BLOCK_BYTES_MAX: usize = 1 << 20;

/// When another file is begun: never, without any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotation {
    /// When the file has so many bytes.
    pub bytes: Option<u64>,
    /// When the clock passes a multiple of this: with one hour, on the hour.
    pub every: Option<Duration>,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileInfo {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its records.
    pub records: u64,
}

/// A file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

pub(super) struct Writer {
    out: PathBuf,
    rotation: Rotation,
    flush_every: Duration,
    header: Header,
    recording: String,
    path: PathBuf,
    file: OpenFile,
    /// In which of the rotation's intervals the file lies.
    interval: u64,
    done: Vec<FileInfo>,
}

impl Writer {
    /// Begins the first file.
    pub(super) fn create(
        out: &Path,
        rotation: Rotation,
        flush_every: Duration,
        header: &Header,
    ) -> Result<Self, WriteError> {
        let recording = format!("{:016x}", RandomState::new().hash_one(out));
        let now = now();
        let path = name(out, rotation, now);
        let file = begin(&path, &part_of(header, &recording, rotation, 1))?;
        Ok(Self {
            out: out.to_owned(),
            rotation,
            flush_every,
            header: header.clone(),
            recording,
            path,
            file,
            interval: rotation.interval(now),
            done: Vec::new(),
        })
    }

    /// Writes what comes until nobody sends any more.
    pub(super) fn run(mut self, queue: Queue) -> Result<Vec<FileInfo>, WriteError> {
        let mut block_ends = Instant::now() + self.flush_every;
        loop {
            match queue.next(block_ends.saturating_duration_since(Instant::now())) {
                Ok(batch) => {
                    for (time, line) in batch.lines() {
                        self.write(time, line)?;
                        self.end_block(&mut block_ends)?;
                    }
                    queue.written(batch);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.end_block(&mut block_ends)?;
        }
        self.finish()
    }

    /// Ends the block if it is large enough, or old enough.
    fn end_block(&mut self, due: &mut Instant) -> Result<(), WriteError> {
        if self.file.unflushed() < BLOCK_BYTES_MAX && Instant::now() < *due {
            return Ok(());
        }
        *due = Instant::now() + self.flush_every;
        self.file.flush().map_err(|error| self.failed(error))
    }

    fn write(&mut self, time: UnixNanos, line: &[u8]) -> Result<(), WriteError> {
        if self.is_full(time) {
            self.rotate(time)?;
        }
        self.file.write(line).map_err(|error| self.failed(error))
    }

    fn is_full(&self, now: UnixNanos) -> bool {
        let is_large = self.rotation.bytes.is_some_and(|max| self.file.bytes() >= max);
        self.file.records() > 0 && (is_large || self.rotation.interval(now) != self.interval)
    }

    fn rotate(&mut self, now: UnixNanos) -> Result<(), WriteError> {
        let path = name(&self.out, self.rotation, now);
        let part = self.done.len() as u64 + 2;
        let file = begin(&path, &part_of(&self.header, &self.recording, self.rotation, part))?;
        let (path, file) = (std::mem::replace(&mut self.path, path), std::mem::replace(&mut self.file, file));
        self.interval = self.rotation.interval(now);
        self.done.push(finished(path, file)?);
        Ok(())
    }

    fn finish(self) -> Result<Vec<FileInfo>, WriteError> {
        let mut done = self.done;
        done.push(finished(self.path, self.file)?);
        Ok(done)
    }

    fn failed(&self, error: io::Error) -> WriteError {
        WriteError { path: self.path.clone(), error }
    }
}

impl Rotation {
    fn rotates(&self) -> bool {
        *self != Self::default()
    }

    /// The number of the interval that a time lies in.
    fn interval(&self, time: UnixNanos) -> u64 {
        let every = self.every.map_or(u64::MAX, |every| u64::try_from(every.as_nanos()).unwrap_or(u64::MAX));
        time / every.max(1)
    }
}

fn begin(path: &Path, header: &Header) -> Result<OpenFile, WriteError> {
    OpenFile::create(path, header).map_err(|error| WriteError { path: path.to_owned(), error })
}

fn finished(path: PathBuf, file: OpenFile) -> Result<FileInfo, WriteError> {
    let records = file.records();
    match file.finish() {
        Ok(bytes) => Ok(FileInfo { path, bytes, records }),
        Err(error) => Err(WriteError { path, error }),
    }
}

fn part_of(header: &Header, recording: &str, rotation: Rotation, part: u64) -> Header {
    if !rotation.rotates() {
        return header.clone();
    }
    header.clone().with("recording", recording).with("part", &part.to_string())
}

/// `out`, or with a rotation `out` with the time before its ending: `btc.zst` becomes `btc-20261121T165500.123456Z.zst`.
fn name(out: &Path, rotation: Rotation, time: UnixNanos) -> PathBuf {
    if !rotation.rotates() {
        return out.to_owned();
    }
    let mut name = OsString::from(out.file_stem().unwrap_or_default());
    name.push(format!("-{}", file_name_time(time)));
    if let Some(extension) = out.extension() {
        name.push(".");
        name.push(extension);
    }
    out.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::super::queue::queue;
    use super::*;
    use crate::info::Info;
    use crate::tape::Tape;
    use schemas::capture::{Body, Record};
    use std::thread;

    const SECOND: u64 = 1_000_000_000;

    /// What is in `folder` after these records have been written one block each.
    fn written(folder: &Path, rotation: Rotation, items: &[(u64, String)]) -> Vec<FileInfo> {
        let out = folder.join("a.b.zst");
        let header = Header::of_venue("kraken");
        let mut writer = Writer::create(&out, rotation, Duration::from_secs(1), &header).unwrap();
        // The first file's name has the present time, all others the time of their first record.
        writer.interval = rotation.interval(items[0].0);
        for (time, text) in items {
            writer.write(*time, format!("{time} {text}\n").as_bytes()).unwrap();
            writer.file.flush().unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn files_rotate_by_the_clock_and_are_read_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let hour = Rotation { every: Some(Duration::from_secs(3600)), ..Rotation::default() };
        let items: Vec<_> = [7199, 7200, 10_799, 10_800].map(|s| (s * SECOND, s.to_string())).into();
        let files = written(folder.path(), hour, &items);
        assert_eq!(files.iter().map(|file| file.records).collect::<Vec<_>>(), [1, 2, 1]);
        let named = |file: &FileInfo| file.path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(named(&files[1]), "a.b-19700101T020000.000000Z.zst");
        // The order in which they are named does not matter.
        let paths = [2, 0, 1].map(|n: usize| files[n].path.clone());
        let mut texts = Vec::new();
        let tape = Tape::new(&paths, None, None).unwrap();
        tape.read(|e| panic!("{e}"), |item| texts.push((item.conn, item.text.clone()))).unwrap();
        assert_eq!(texts, ["7199", "7200", "10799", "10800"].map(|text| (0, text.to_owned())));
    }

    #[test]
    fn files_rotate_by_their_size() {
        let folder = tempfile::tempdir().unwrap();
        let size = Rotation { bytes: Some(2_000), ..Rotation::default() };
        // Text that does not compress.
        let noise = |n: u64| {
            (0..100).map(move |i| format!("{:x}", (n * 100 + i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        };
        let items: Vec<_> = (1..20).map(|n| (n * SECOND, noise(n).collect::<String>())).collect();
        let files = written(folder.path(), size, &items);
        assert!(files.len() > 4, "{files:?}");
        assert!(files.iter().all(|file| file.bytes < 4_000), "{files:?}");
        let paths: Vec<_> = files.into_iter().map(|file| file.path).collect();
        assert_eq!(Info::read(&Tape::new(&paths, None, None).unwrap()).unwrap().records, 19);
    }

    #[test]
    fn what_exists_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a.zst");
        std::fs::write(&out, "precious").unwrap();
        let created = Writer::create(&out, Rotation::default(), Duration::from_secs(1), &Header::default());
        assert!(created.err().unwrap().to_string().contains("exists"));
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "precious");
    }

    #[test]
    fn a_block_ends_in_time_though_nothing_else_comes() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a.zst");
        let every = Duration::from_millis(20);
        let writer = Writer::create(&out, Rotation::default(), every, &Header::default()).unwrap();
        let (sender, queue) = queue(1 << 20);
        let writing = thread::spawn(move || writer.run(queue));
        sender.put(&Record { time: SECOND, conn: 0, body: Body::Frame("{}") }).unwrap();
        let tape = Tape::new(std::slice::from_ref(&out), None, None).unwrap();
        let torn = loop {
            let info = Info::read(&tape).unwrap();
            if info.records == 1 {
                break info.torn;
            }
            thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(torn, 1, "its end has not been written yet");
        drop(sender);
        assert_eq!(writing.join().unwrap().unwrap()[0].records, 1);
        assert_eq!(Info::read(&tape).unwrap().torn, 0);
    }
}
