//! Takes the recordings apart into frames, as far as these tests need it.

use std::io::Read;
use std::path::PathBuf;

/// The bytes of a recording, decompressed; `None`, loudly, where there is none.
pub(crate) fn recording(name: &str) -> Option<Vec<u8>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/feeds");
    let path = std::env::var_os("TICKCAST_FEEDS").map_or(beside, PathBuf::from).join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("SKIPPED: no recording at {}", path.display());
        return None;
    };
    if !name.ends_with(".gz") {
        return Some(bytes);
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain).expect("gzip");
    Some(plain)
}

/// The lines that are not empty.
pub(crate) fn lines(recording: &[u8]) -> impl Iterator<Item = &[u8]> {
    recording.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

/// `<unix ns> <frame>` a line.
pub(crate) fn hftbacktest(recording: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines(recording).map(|line| split(line, b" ").expect("a time and a frame").1)
}

/// The frames received, and the bodies of the REST replies.
pub(crate) fn cryptofeed(recording: &[u8]) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let (mut frames, mut bodies) = (Vec::new(), Vec::new());
    for line in lines(recording).filter(|line| !line.starts_with(b"configuration:")) {
        if line.starts_with(b"wss://") {
            continue;
        }
        if line.starts_with(b"https://") {
            let (_, reply) = split(line, b" -> ").expect("a reply");
            bodies.push(split(reply, b": ").expect("a body").1);
        } else {
            frames.push(split(line, b": ").expect("a time and a frame").1);
        }
    }
    (frames, bodies)
}

/// A header line, then `<ns> <length>` and so many bytes.
pub(crate) fn cbcap(recording: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let (_, mut rest) = split(recording, b"\n").expect("a header");
    while let Some((header, behind)) = split(rest, b"\n") {
        let length = header.split(|byte| *byte == b' ').nth(1).expect("a length");
        let length = String::from_utf8_lossy(length).parse().expect("a number");
        let (frame, behind) = behind.split_at(length);
        frames.push(frame);
        rest = behind.trim_ascii_start();
    }
    frames
}

fn split<'a>(line: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = line.windows(separator.len()).position(|window| window == separator)?;
    Some((&line[..at], &line[at + separator.len()..]))
}
