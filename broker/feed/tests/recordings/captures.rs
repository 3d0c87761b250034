//! The recordings as captures: what is in another format is written anew, line by line.

use feed::venue::Venue;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A recording as the text of a capture.
pub(crate) struct Recording {
    pub(crate) venue: Venue,
    pub(crate) text: Arc<[u8]>,
}

impl Recording {
    /// The same without the `n`-th line of those that `is_meant`.
    pub(crate) fn without(&self, is_meant: impl Fn(&str) -> bool, n: usize) -> Self {
        let mut seen = 0;
        let mut keep = |line: &str| {
            seen += usize::from(is_meant(line));
            !(is_meant(line) && seen == n)
        };
        let text: String = self.lines().filter(|line| keep(line)).flat_map(|line| [line, "\n"]).collect();
        Self { venue: self.venue, text: text.into_bytes().into() }
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        std::str::from_utf8(&self.text).expect("captures are text").lines()
    }
}

/// Reads a recording; none, and a loud word, if it is not there.
pub(crate) fn read(name: &str) -> Option<Recording> {
    let path = folder().join(name);
    if !path.exists() {
        eprintln!("SKIPPED: the recording {name} is not in {}", folder().display());
        return None;
    }
    let raw = std::fs::read(&path).expect(name);
    let text = match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => decompressed(&raw),
        Some("cryptofeed") => {
            merged(cryptofeed(&String::from_utf8(raw).expect(name)), cryptofeed(&replies(&path)))
        }
        Some("ndjson") => frames(&String::from_utf8(raw).expect(name), &bodies(name)),
        Some("cbcap") => cbcap(&raw),
        _ => panic!("{name}: no reader for this kind of file"),
    };
    Some(Recording { venue: venue_of(name), text: text.into() })
}

/// `kraken-v2_btcusd...` names a version behind the venue, `binance-usdm_btcusdt...` is a venue of that name.
fn venue_of(name: &str) -> Venue {
    let place = name.split('_').next().expect(name);
    let without_version = || place.split('-').next()?.parse().ok();
    place.parse().ok().or_else(without_version).expect(name)
}

fn folder() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/feeds");
    std::env::var_os("TICKCAST_FEEDS").map_or_else(beside, PathBuf::from)
}

/// The depth bodies that lie in files of their own.
fn bodies(name: &str) -> String {
    if name != "binance-spot_btc-eth_20260707.ndjson" {
        return String::new();
    }
    let body = std::fs::read_to_string(folder().join("binance-spot_btc_rest-depth_20260707.json"));
    let body = body.expect("the depth body that belongs to the recording");
    format!("1 @http https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=100 {}\n", body.trim())
}

/// The replies over HTTP, where they were recorded into a file of their own.
fn replies(path: &Path) -> String {
    let beside = path.with_extension("http.cryptofeed");
    if beside.exists() { std::fs::read_to_string(beside).expect("text") } else { String::new() }
}

/// The lines of both captures by their times; of equal times those of the first come first.
fn merged(first: Vec<u8>, second: Vec<u8>) -> Vec<u8> {
    let time = |line: &&str| line.split_once(' ').and_then(|(time, _)| time.parse::<u64>().ok());
    let texts = [first, second].map(|bytes| String::from_utf8(bytes).expect("text"));
    let [mut first, mut second] = texts.each_ref().map(|text| text.lines().peekable());
    let next = || match (first.peek(), second.peek()) {
        (Some(a), Some(b)) if time(b) < time(a) => second.next(),
        (None, _) => second.next(),
        (Some(_), _) => first.next(),
    };
    std::iter::from_fn(next).flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
}

fn decompressed(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    schemas::capture::decompressed(raw).and_then(|mut input| input.read_to_end(&mut text)).expect("gzip");
    text
}

/// A frame a line, without times.
fn frames(text: &str, before: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.is_empty()).enumerate();
    let numbered = lines.map(|(n, frame)| format!("{} {frame}\n", (n as u64 + 2) * 1_000_000));
    std::iter::once(before.to_owned()).chain(numbered).collect::<String>().into_bytes()
}

/// `T: frame` and `https://url -> T: body`; T in seconds with a fraction.
fn cryptofeed(text: &str) -> Vec<u8> {
    let line = |line: &str| {
        if let Some((url, rest)) = line.split_once(" -> ").filter(|(url, _)| url.starts_with("https://")) {
            let (time, body) = rest.split_once(": ")?;
            return Some(format!("{} @http {url} {body}\n", nanos(time)?));
        }
        let (time, frame) = line.split_once(": ")?;
        Some(format!("{} {frame}\n", nanos(time)?))
    };
    text.lines().filter_map(line).collect::<String>().into_bytes()
}

fn nanos(seconds: &str) -> Option<u64> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    Some(whole.parse::<u64>().ok()? * 1_000_000_000 + format!("{fraction:0<9}").parse::<u64>().ok()?)
}

/// `CBCAP1 venue symbol start`, then `<ns> <length>` and so many bytes.
fn cbcap(mut raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let _header = line(&mut raw);
    while !raw.is_empty() {
        let head = line(&mut raw);
        let Some((time, length)) = head.split_once(' ') else { continue };
        let (frame, rest) = raw.split_at(length.parse().expect("a length"));
        text.extend_from_slice(format!("{time} ").as_bytes());
        text.extend_from_slice(frame);
        text.push(b'\n');
        raw = rest;
    }
    text
}

fn line<'a>(raw: &mut &'a [u8]) -> &'a str {
    let end = raw.iter().position(|byte| *byte == b'\n').unwrap_or(raw.len());
    let (line, rest) = raw.split_at(end);
    *raw = rest.get(1..).unwrap_or_default();
    std::str::from_utf8(line).expect("a header is text")
}
