//! What a capture holds.

mod breaks;

pub use breaks::Breaks;

use crate::source::{Item, Kind, SourceError};
use crate::tape::{Tape, TapeError};
use crate::time::rfc3339_micros;
use crate::venue::{ClassKind, Venue};
use schemas::capture::UnixNanos;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How many messages about damaged lines are kept.
const ERRORS_MAX: usize = 10;
/// How many records are looked at to find out whose they are.
const LOOKED_AT_MAX: usize = 10_000;
const SECOND_NS: u64 = 1_000_000_000;

/// The content of a capture, counted.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Info {
    /// The venue, as the header or else a frame tells.
    pub venue: Option<&'static str>,
    /// Lines that hold something.
    pub records: u64,
    /// Frames from the venue.
    pub frames: u64,
    /// Their bytes.
    pub frame_bytes: u64,
    /// Binary frames among them.
    pub binary: u64,
    /// Replies, greetings and signs of life among them.
    pub control: u64,
    /// Frames that were not recognised.
    pub unknown: u64,
    /// Frames that the recorder sent.
    pub sent: u64,
    /// How often the recorder connected.
    pub opened: u64,
    /// How often a connection ended.
    pub closed: u64,
    /// Connects and requests over HTTP that failed.
    pub failed: u64,
    /// Replies to requests over HTTP, tagged as such or standing between the frames.
    pub rest: Vec<Rest>,
    /// Damaged lines.
    pub damaged: u64,
    /// Files whose end is missing, as when the recorder was killed.
    pub torn: u64,
    /// Whether a file could not be read to its end.
    pub broken: bool,
    /// The first ten things that were wrong, and what broke a file off.
    pub errors: Vec<String>,
    /// The first record's time.
    pub first_ns: Option<UnixNanos>,
    /// The last record's time.
    pub last_ns: Option<UnixNanos>,
    /// Seconds from the first record to the last.
    pub seconds: f64,
    /// Frames per second on average.
    pub frames_per_s: f64,
    /// The most frames that came within one second of the clock.
    pub frames_per_s_max: u64,
    /// The longest time without a frame, in seconds.
    pub pause_s_max: f64,
    /// When it began.
    pub pause_at_ns: Option<UnixNanos>,
    /// How often the rules of the venue are broken; none where the venue is not known.
    pub breaks: Option<Breaks>,
    /// All symbols.
    pub symbols: BTreeSet<String>,
    /// What each channel of each symbol holds.
    pub streams: Vec<Stream>,
    #[serde(skip)]
    counts: BTreeMap<(String, String), (u64, u64)>,
    #[serde(skip)]
    second: (u64, u64),
    #[serde(skip)]
    known: Option<Venue>,
    #[serde(skip)]
    frame_at: Option<UnixNanos>,
    #[serde(skip)]
    pause_ns_max: u64,
}

/// A reply to a request over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rest {
    /// When it came.
    pub time_ns: UnixNanos,
    /// What was requested; empty where the recorder did not note it.
    pub url: String,
    /// The body's length.
    pub bytes: usize,
}

/// A channel of a symbol.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stream {
    /// The venue's name of the channel.
    pub channel: String,
    /// The symbol, empty for a channel without.
    pub symbol: String,
    /// Its frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames per second on average.
    pub frames_per_s: f64,
}

impl Info {
    /// Reads a whole tape. What is damaged is counted; a file that breaks off is told in `errors`, and what it held before counts.
    ///
    /// # Errors
    /// [`TapeError`] if a file cannot be opened.
    pub fn read(tape: &Tape) -> Result<Self, TapeError> {
        let named = tape.venue().map_or_else(|| venue_of(tape), |venue| Ok(Some(venue)));
        let mut info = Self { known: named?, ..Self::default() };
        let mut damage = Damage::default();
        let read = tape.read(|error| damage.keep(&error), |item| info.see(item));
        let Damage { lines, torn, errors } = damage;
        (info.damaged, info.torn, info.errors) = (lines, torn, errors);
        match read {
            Err(error) if info.records == 0 => return Err(error),
            Err(error) => {
                info.broken = true;
                info.errors.push(error.to_string());
            }
            Ok(()) => {}
        }
        info.finish();
        info.breaks = info.known.and_then(|venue| Breaks::of(tape, venue));
        Ok(info)
    }

    /// Whether everything could be read that is there: a missing end is no damage.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damaged == 0 && !self.broken
    }

    fn see(&mut self, item: &Item) {
        self.records += 1;
        self.first_ns = Some(self.first_ns.map_or(item.time, |first| first.min(item.time)));
        self.last_ns = self.last_ns.max(Some(item.time));
        match item.kind {
            Kind::Frame => self.see_frame(item),
            Kind::Binary => {
                self.count_frame(item.time, item.bytes.len());
                self.binary += 1;
            }
            Kind::Error => self.failed += 1,
            Kind::Open => self.opened += 1,
            Kind::Sent => self.sent += 1,
            Kind::Close => self.closed += 1,
            Kind::Http => self.see_rest(item, item.url.clone()),
        }
    }

    fn see_rest(&mut self, item: &Item, url: String) {
        self.rest.push(Rest { time_ns: item.time, url, bytes: item.text.len() });
    }

    fn see_frame(&mut self, item: &Item) {
        let class = self.known.map(|venue| venue.classify(&item.text));
        let kind = class.as_ref().map_or(ClassKind::Unknown, |class| class.kind);
        if kind == ClassKind::RestDepth {
            return self.see_rest(item, String::new());
        }
        self.count_frame(item.time, item.text.len());
        match (kind, class) {
            (ClassKind::Control, _) => self.control += 1,
            (ClassKind::Data, Some(class)) => {
                let key = (class.symbol.into_owned(), class.channel.into_owned());
                let (frames, bytes) = self.counts.entry(key).or_default();
                *frames += 1;
                *bytes += item.text.len() as u64;
            }
            _ => self.unknown += 1,
        }
    }

    fn count_frame(&mut self, time: UnixNanos, bytes: usize) {
        let before = self.frame_at.replace(time).unwrap_or(time);
        let pause = time.saturating_sub(before);
        if pause > self.pause_ns_max {
            (self.pause_ns_max, self.pause_at_ns) = (pause, Some(before));
        }
        self.frames += 1;
        self.frame_bytes += bytes as u64;
        let second = time / SECOND_NS;
        self.second = if self.second.0 == second { (second, self.second.1 + 1) } else { (second, 1) };
        self.frames_per_s_max = self.frames_per_s_max.max(self.second.1);
    }

    fn finish(&mut self) {
        self.venue = self.known.map(Venue::name);
        let span = self.last_ns.unwrap_or(0) - self.first_ns.unwrap_or(0);
        self.seconds = span as f64 / SECOND_NS as f64;
        let per_s =
            |frames: u64| if span == 0 { 0.0 } else { frames as f64 * SECOND_NS as f64 / span as f64 };
        self.frames_per_s = per_s(self.frames);
        self.pause_s_max = self.pause_ns_max as f64 / SECOND_NS as f64;
        self.symbols = self
            .counts
            .keys()
            .map(|(symbol, _)| symbol.clone())
            .filter(|symbol| !symbol.is_empty())
            .collect();
        let counts = std::mem::take(&mut self.counts);
        let stream = |((symbol, channel), (frames, bytes))| Stream {
            channel,
            symbol,
            frames,
            bytes,
            frames_per_s: per_s(frames),
        };
        self.streams = counts.into_iter().map(stream).collect();
    }
}

/// The venue that a frame at the beginning shows: the first one that can be of one venue only, else any.
fn venue_of(tape: &Tape) -> Result<Option<Venue>, TapeError> {
    let (mut source, mut item, mut possible) = (tape.open()?, Item::default(), None);
    for _ in 0..LOOKED_AT_MAX {
        match source.next(&mut item) {
            Some(Ok(())) if item.kind == Kind::Frame => {
                let mut venues = Venue::of_frame(&item.text);
                match (venues.next(), venues.next()) {
                    (Some(venue), None) => return Ok(Some(venue)),
                    (first, _) => possible = possible.or(first),
                }
            }
            Some(Err(error)) if !error.is_damage() => break,
            Some(_) => {}
            None => break,
        }
    }
    Ok(possible)
}

/// What could not be read.
#[derive(Default)]
struct Damage {
    lines: u64,
    torn: u64,
    errors: Vec<String>,
}

impl Damage {
    /// Counts an error, and keeps the messages of the first ones.
    fn keep(&mut self, error: &SourceError) {
        *if error.is_torn() { &mut self.torn } else { &mut self.lines } += 1;
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error.to_string());
        }
    }
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |time: Option<u64>| time.map_or("-".to_owned(), rfc3339_micros);
        writeln!(f, "venue      {}", self.venue.unwrap_or("not recognised"))?;
        writeln!(f, "span       {} to {} ({:.3} s)", time(self.first_ns), time(self.last_ns), self.seconds)?;
        writeln!(f, "records    {}", self.records)?;
        writeln!(
            f,
            "frames     {} ({} bytes; {:.1}/s, at most {} in a second)",
            self.frames, self.frame_bytes, self.frames_per_s, self.frames_per_s_max
        )?;
        writeln!(
            f,
            "           {} of them replies and signs of life, {} binary, {} not recognised",
            self.control, self.binary, self.unknown
        )?;
        let pause_at = time(self.pause_at_ns);
        writeln!(f, "           {:.3} s without one at most, from {pause_at}", self.pause_s_max)?;
        self.breaks.iter().try_for_each(|breaks| write!(f, "{breaks}"))?;
        writeln!(
            f,
            "recorder   {} connects, {} frames sent, {} closes, {} connects and requests failed",
            self.opened, self.sent, self.closed, self.failed
        )?;
        writeln!(f, "damaged    {} lines; the end of {} files is missing", self.damaged, self.torn)?;
        self.errors.iter().try_for_each(|error| writeln!(f, "           {error}"))?;
        writeln!(f, "REST       {} bodies", self.rest.len())?;
        for rest in &self.rest {
            let url = if rest.url.is_empty() { "(between the frames)" } else { &rest.url };
            writeln!(f, "           {} {} bytes {url}", rfc3339_micros(rest.time_ns), rest.bytes)?;
        }
        writeln!(f, "symbols    {}", self.symbols.len())?;
        writeln!(
            f,
            "{:<14} {:<20} {:>10} {:>12} {:>10}",
            "symbol", "channel", "frames", "bytes", "frames/s"
        )?;
        for Stream { channel, symbol, frames, bytes, frames_per_s } in &self.streams {
            writeln!(f, "{symbol:<14} {channel:<20} {frames:>10} {bytes:>12} {frames_per_s:>10.2}")?;
        }
        Ok(())
    }
}
