//! cbcap files: `CBCAP1 venue symbol start_unix_ns`, then for each frame `<ns> <length>`, so many bytes and a line feed.
//!
//! Some files count `<ns>` from the Unix epoch, some from the start of the machine; the header's start tells which, and the
//! first frame is taken to have come at it.

use super::{Fault, Item, Kind, Source, SourceError, input::Lines};
use schemas::capture::{LINE_BYTES_MAX, UnixNanos};
use std::path::Path;

/// A first frame further from the header's start than a day was not counted from the Unix epoch.
const DAY_NS: u64 = 86_400_000_000_000;

pub(super) struct CbcapFile {
    lines: Lines,
    line: Vec<u8>,
    start: UnixNanos,
    /// The first frame's time as written and as meant; none before the first frame.
    base: Option<(UnixNanos, UnixNanos)>,
}

impl CbcapFile {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let (mut lines, mut line) = (Lines::open(path)?, Vec::new());
        lines.read(&mut line)?;
        let header = std::str::from_utf8(&line).ok().and_then(start_of_header);
        let Some(start) = header else {
            let message = "line 1: expected `CBCAP1 venue symbol start_unix_ns`".to_owned();
            return Err(SourceError { path: path.to_owned(), fault: Fault::Broken(message) });
        };
        Ok(Self { lines, line, start, base: None })
    }

    fn unix_time(&mut self, written: UnixNanos) -> UnixNanos {
        let start = self.start;
        let meant = if written.abs_diff(start) < DAY_NS { written } else { start };
        let (first, meant) = *self.base.get_or_insert((written, meant));
        meant.saturating_add(written.saturating_sub(first))
    }

    fn read(&mut self, item: &mut Item) -> Result<bool, SourceError> {
        loop {
            if !self.lines.read(&mut self.line)? {
                return Ok(false);
            }
            if !self.line.is_empty() {
                break;
            }
        }
        let head = std::str::from_utf8(&self.line).ok().and_then(head_of_frame);
        let (time, length) = head.ok_or_else(|| self.lines.damaged("expected `<ns> <length>`"))?;
        let time = self.unix_time(time);
        self.lines.read_exact(&mut self.line, length)?;
        match std::str::from_utf8(&self.line) {
            Ok(text) => item.set_text(time, Kind::Frame, text),
            Err(_) => item.set_binary(time, &self.line),
        }
        Ok(true)
    }
}

impl Source for CbcapFile {
    fn next(&mut self, item: &mut Item) -> Option<Result<(), SourceError>> {
        self.read(item).map(|more| more.then_some(())).transpose()
    }
}

fn start_of_header(line: &str) -> Option<UnixNanos> {
    let mut words = line.strip_prefix("CBCAP1 ")?.split(' ').skip(2);
    words.next()?.parse().ok()
}

fn head_of_frame(line: &str) -> Option<(UnixNanos, usize)> {
    let (time, length) = line.split_once(' ')?;
    let length = length.parse().ok().filter(|length| *length <= LINE_BYTES_MAX)?;
    Some((time.parse().ok()?, length))
}
