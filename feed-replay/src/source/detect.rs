//! Which format a file has, by its first lines.

use super::input;
use std::io::{self, Read};
use std::path::Path;

const LOOK_AT_BYTES: u64 = 64 << 10;

/// How a file of records is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tickcast's own, which is hftbacktest's too: `<unix ns> <frame>`.
    Capture,
    /// cryptofeed's: `<unix seconds>: <frame>`, and lines for connects, requests and replies.
    Cryptofeed,
    /// cbcap: a header, then `<ns> <length>` and so many bytes.
    Cbcap,
    /// A frame a line without times, as flashbook's fixtures are.
    Frames,
}

/// Tells the format of a file by the first of its lines that looks like one of them; a capture if none does.
///
/// # Errors
/// Those of opening the file and reading its beginning.
pub fn detect(path: &Path) -> io::Result<Format> {
    let plain = input::open(path).map_err(|error| io::Error::other(error.fault.to_string()))?;
    let mut beginning = Vec::new();
    // A file that breaks off here says so when it is read.
    let _ = plain.take(LOOK_AT_BYTES).read_to_end(&mut beginning);
    Ok(beginning.split(|byte| *byte == b'\n').find_map(format_of_line).unwrap_or(Format::Capture))
}

fn format_of_line(line: &[u8]) -> Option<Format> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    match (digits, line.get(digits)) {
        (1.., Some(b' ')) => Some(Format::Capture),
        (1.., Some(b':')) => Some(Format::Cryptofeed),
        (0, Some(b'{' | b'[')) => Some(Format::Frames),
        _ if line.starts_with(b"# tickcast-capture ") => Some(Format::Capture),
        _ if line.starts_with(b"CBCAP1 ") => Some(Format::Cbcap),
        _ if is_cryptofeed(line) => Some(Format::Cryptofeed),
        _ => None,
    }
}

fn is_cryptofeed(line: &[u8]) -> bool {
    ["configuration: ", "wss://", "ws://", "https://", "http://"]
        .iter()
        .any(|beginning| line.starts_with(beginning.as_bytes()))
}
