//! Files of cryptofeed's recorder, text line by line:
//!
//! - `configuration: {...}`: what was recorded; of no use here
//! - `wss://host/path <-> T`: connected
//! - `wss://host/path <- T: msg`: sent by the client
//! - `https://host/path -> T: body`: a reply over HTTP
//! - `T: msg`: received; a binary frame is a Python bytes literal
//!
//! T is in unix seconds, a float's digits, which are taken from the text and not through a float.

use super::{Item, Kind, Source, SourceError, input::Lines};
use crate::python_bytes;
use crate::time::nanos_of_seconds;
use schemas::capture::UnixNanos;
use std::path::Path;

const EXPECTED: &str = "expected `T: message`, `url <-> T`, `url <- T: message` or `url -> T: body`";

pub(super) struct CryptofeedFile {
    lines: Lines,
    line: Vec<u8>,
}

impl CryptofeedFile {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        Ok(Self { lines: Lines::open(path)?, line: Vec::new() })
    }
}

impl Source for CryptofeedFile {
    fn next(&mut self, item: &mut Item) -> Option<Result<(), SourceError>> {
        loop {
            match self.lines.read(&mut self.line) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
            let line = std::str::from_utf8(&self.line).unwrap_or_default();
            if self.line.is_empty() || line.starts_with("configuration: ") {
                continue;
            }
            let parsed = parse(line, item);
            return Some(parsed.ok_or_else(|| self.lines.damaged(EXPECTED)));
        }
    }
}

fn parse(line: &str, item: &mut Item) -> Option<()> {
    if line.starts_with(|first: char| first.is_ascii_digit()) {
        let (time, text) = timed(line)?;
        return received(time, text, item);
    }
    let (url, rest) = line.split_once(' ')?;
    let (arrow, rest) = rest.split_once(' ')?;
    match arrow {
        "<->" => item.set_url(nanos_of_seconds(rest)?, Kind::Open, url, ""),
        "<-" => {
            let (time, text) = timed(rest)?;
            item.set_text(time, Kind::Sent, text);
        }
        "->" => {
            let (time, text) = timed(rest)?;
            item.set_url(time, Kind::Http, url, text);
        }
        _ => return None,
    }
    Some(())
}

fn timed(text: &str) -> Option<(UnixNanos, &str)> {
    let (time, text) = text.split_once(": ")?;
    Some((nanos_of_seconds(time)?, text))
}

fn received(time: UnixNanos, text: &str, item: &mut Item) -> Option<()> {
    if text.starts_with("b'") || text.starts_with("b\"") {
        item.set_binary(time, &python_bytes::parse(text)?);
    } else {
        item.set_text(time, Kind::Frame, text);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::capture::Body;

    #[test]
    fn each_kind_of_line_is_understood() {
        let cases = [
            ("1617647603.8164911: {\"a\":1}", 1_617_647_603_816_491_100, Body::Frame("{\"a\":1}")),
            (
                "wss://h/s?x=a <-> 1617647603.5",
                1_617_647_603_500_000_000,
                Body::Open { url: "wss://h/s?x=a" },
            ),
            ("wss://h <- 1617647603: {\"op\":1}", 1_617_647_603_000_000_000, Body::Sent("{\"op\":1}")),
            ("https://h/d?l=1 -> 1.25: {}", 1_250_000_000, Body::Http { url: "https://h/d?l=1", body: "{}" }),
            ("2.0: b'\\x00a\\n'", 2_000_000_000, Body::Binary(b"\0a\n")),
        ];
        for (line, time, body) in cases {
            let mut item = Item::default();
            parse(line, &mut item).expect(line);
            assert_eq!((item.record().time, item.record().body), (time, body), "{line}");
        }
    }

    #[test]
    fn other_lines_are_refused() {
        for line in ["hello", "1.5 {}", "1.x: {}", "wss://h ~> 1.0: {}", "wss://h <-> soon", "2.0: b'\\x0'"] {
            assert_eq!(parse(line, &mut Item::default()), None, "{line}");
        }
    }
}
