//! Driving a machine from a capture, by the capture's clock.
//!
//! Whatever the speed, the machine sees the same messages at the same times, and what it publishes is the same bytes: its
//! clock is the capture's (silence limits too), and the epoch comes from the capture and the options.

mod contents;
mod request;

use crate::counters::Fault;
use crate::digest::hex;
use crate::machine::{Actions, Fetch, Machine, MachineError, Purpose};
use crate::market::Market;
use crate::settings::Settings;
use crate::venue::Venue;
use schemas::capture::{Body, ReadError, Reader, UnixNanos, is_rest_depth};
use schemas::model::Micros;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

/// The pause between the end of a capture and its next beginning, when it loops.
const LOOP_PAUSE_NS: u64 = 1_000_000_000;
/// Bytes of a capture that its epoch is made of, at most.
const EPOCH_BYTES_MAX: u64 = 1 << 20;
/// Damaged lines that are told; all are counted.
const DAMAGE_TOLD_MAX: u64 = 20;

/// Opens a capture from its beginning, decompressed.
pub type Open = Box<dyn FnMut() -> io::Result<Box<dyn BufRead + Send>> + Send>;

/// Why a capture cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be opened or read at all.
    #[error("the capture cannot be read: {0}")]
    Open(#[from] io::Error),
    /// It breaks off, or is of another version.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its feed cannot be set up.
    #[error(transparent)]
    Machine(#[from] MachineError),
}

/// A capture on its way through a machine.
///
/// Sleep until [`next_due`](Self::next_due), then [`step`](Self::step); or only step, which is as fast as it goes.
pub struct Replay {
    open: Open,
    reader: Reader<Box<dyn BufRead + Send>>,
    line_bytes_max: usize,
    /// Times of records do not count.
    timeless: bool,
    venue: Venue,
    machine: Box<dyn Machine>,
    loops: bool,
    next: Option<Next>,
    /// The capture's clock, which never goes back.
    clock: UnixNanos,
    /// What is added to the times of this round.
    shift: UnixNanos,
    /// The connections that are open.
    connections: BTreeSet<u32>,
    damaged: u64,
    rounds: u64,
    /// Thrown away: nobody is there to carry them out.
    actions: Actions,
}

/// The next record, in a buffer that is used again.
struct Next {
    at: UnixNanos,
    connection: u32,
    kind: Kind,
    text: Vec<u8>,
}

enum Kind {
    Frame,
    Fetched(Fetch),
    Open,
    Close(u16),
    Passed,
}

impl Replay {
    /// A replay that has not begun. Its epoch is made of the capture and of the settings. If these name no symbols, symbols
    /// are discovered as they come; if the capture has no quotes, they come from the books.
    ///
    /// # Errors
    /// [`ReplayError`] if the capture cannot be opened or the feed not be set up.
    pub fn new(
        mut open: Open,
        venue: Venue,
        loops: bool,
        settings: Settings,
        market: Arc<Market>,
    ) -> Result<Self, ReplayError> {
        let mut settings = Settings { reconnect_after_ms: None, is_recorded: true, ..settings };
        settings.discover = settings.symbols.is_empty();
        contents::settle(&mut settings, open()?, venue);
        // After that: whether the settings or the capture's contents say so makes no difference to the topics.
        let epoch_bytes_max = if settings.timeless { 0 } else { EPOCH_BYTES_MAX };
        settings.epoch = epoch(open()?.take(epoch_bytes_max), &options(venue, &settings)).into();
        let (line_bytes_max, timeless) = (settings.capture_line_bytes_max, settings.timeless);
        let reader = Reader::new(open()?).with_line_bytes_max(line_bytes_max);
        let machine = venue.machine(settings, market)?;
        let mut replay = Self {
            open,
            reader,
            line_bytes_max,
            timeless,
            venue,
            machine,
            loops,
            next: None,
            clock: 0,
            shift: 0,
            connections: BTreeSet::new(),
            damaged: 0,
            rounds: 1,
            actions: Actions::new(),
        };
        replay.read_next(Vec::new())?;
        Ok(replay)
    }

    /// When the next step is due by the capture's clock; none at the end.
    #[must_use]
    pub fn next_due(&self) -> Option<UnixNanos> {
        let next = self.next.as_ref()?.at;
        Some(self.deadline().map_or(next, |deadline| deadline.min(next)))
    }

    /// Takes the next step: a record, or what is due before it. Returns false at the end of the capture.
    ///
    /// # Errors
    /// [`ReplayError`] if the capture breaks off: what came before was delivered, and nothing follows.
    pub fn step(&mut self) -> Result<bool, ReplayError> {
        let Some(next) = self.next.take() else { return Ok(false) };
        match self.deadline() {
            Some(deadline) if deadline <= next.at => {
                self.clock = self.clock.max(deadline);
                self.machine.tick(micros(self.clock), &mut self.actions);
                self.next = Some(next);
            }
            _ => {
                self.clock = next.at;
                let text = self.deliver(next);
                self.read_next(text)?;
            }
        }
        self.actions.drain().for_each(drop);
        Ok(true)
    }

    /// Where the capture's clock stands.
    #[must_use]
    pub const fn clock(&self) -> UnixNanos {
        self.clock
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &dyn Machine {
        &*self.machine
    }

    /// How many lines were damaged and passed over.
    #[must_use]
    pub const fn damaged(&self) -> u64 {
        self.damaged
    }

    /// How often the capture has been begun.
    #[must_use]
    pub const fn rounds(&self) -> u64 {
        self.rounds
    }

    /// What the machine waits for; in the past it would have been done.
    fn deadline(&self) -> Option<UnixNanos> {
        self.machine.deadline().map(|deadline| deadline.0.saturating_mul(1_000))
    }

    /// Delivers a record and gives its buffer back.
    fn deliver(&mut self, next: Next) -> Vec<u8> {
        let Next { at, connection, kind, mut text } = next;
        let now = micros(at);
        match kind {
            Kind::Close(code) => {
                let reason = String::from_utf8_lossy(&text);
                let was_open = self.connections.remove(&connection);
                if was_open && self.connections.is_empty() {
                    self.machine.disconnected(now, format!("{code} {reason}").trim_end());
                }
            }
            Kind::Passed => {}
            Kind::Open => self.connect(connection, now),
            Kind::Frame => {
                self.connect(connection, now);
                self.machine.frame(now, &mut text, &mut self.actions);
            }
            Kind::Fetched(fetch) => {
                if self.connections.is_empty() {
                    self.connect(connection, now);
                }
                self.machine.fetched(now, &fetch, Ok(&mut text), &mut self.actions);
            }
        }
        text
    }

    /// Notes that a connection stands, also where the capture does not say so. The venue is connected with the first.
    fn connect(&mut self, connection: u32, now: Micros) {
        let is_first = self.connections.is_empty();
        if self.connections.insert(connection) && is_first {
            self.machine.connected(now, &mut self.actions);
        }
    }

    /// Reads the next record, of the next round if this one has ended and the capture loops.
    fn read_next(&mut self, mut text: Vec<u8>) -> Result<(), ReplayError> {
        let mut has_records = true;
        loop {
            match self.reader.next() {
                Some(Ok(record)) => {
                    let time = if self.timeless { 0 } else { record.time }.saturating_add(self.shift);
                    let kind = kind_of(&record.body, self.venue, &mut text);
                    let at = time.max(self.clock);
                    self.next = Some(Next { at, connection: record.conn, kind, text });
                    return Ok(());
                }
                Some(Err(damage)) if damage.is_damage() => self.tell(&damage),
                // Next comes the end.
                Some(Err(torn)) if torn.is_torn() => tracing::warn!("{torn}"),
                Some(Err(error)) => return Err(error.into()),
                None if self.loops && has_records && self.clock > 0 => {
                    self.begin_anew()?;
                    has_records = false;
                }
                None => return Ok(()),
            }
        }
    }

    /// The next round is to the machine as if the connection had been lost and made again.
    fn begin_anew(&mut self) -> Result<(), ReplayError> {
        self.machine.disconnected(micros(self.clock), "the capture begins anew");
        self.connections.clear();
        let line_bytes_max = self.line_bytes_max;
        let mut reader = Reader::new((self.open)()?).with_line_bytes_max(line_bytes_max);
        let first = loop {
            match reader.next() {
                Some(Ok(record)) => break record.time,
                Some(Err(damage)) if damage.is_damage() => {}
                Some(Err(error)) => return Err(error.into()),
                None => break 0,
            }
        };
        self.shift = self.clock.saturating_add(LOOP_PAUSE_NS).saturating_sub(first);
        self.reader = Reader::new((self.open)()?).with_line_bytes_max(line_bytes_max);
        self.rounds += 1;
        Ok(())
    }

    fn tell(&mut self, damage: &ReadError) {
        self.damaged += 1;
        self.machine.counters().faults(Fault::Malformed).up();
        if self.damaged <= DAMAGE_TOLD_MAX {
            tracing::warn!(%damage, "a damaged line of the capture is passed over");
        }
    }
}

/// The options that decide what a replay publishes. Speed and loops do not.
fn options(venue: Venue, settings: &Settings) -> String {
    let Settings { venue: name, symbols, channels, book_depth, depth, trades, quotes, .. } = settings;
    let Settings { stale_after_ms, image_every, symbols_max, .. } = settings;
    format!(
        "{venue} {name} {symbols:?} {channels:?} {book_depth} {depth:?} {trades:?} {quotes:?} {stale_after_ms:?} \
         {image_every} {symbols_max}"
    )
}

/// The epoch of a replay: the same for the same capture and options, whatever its file is called. Of a capture that breaks
/// off it is made of what can be read.
fn epoch(mut capture: impl Read, options: &str) -> String {
    let mut hash = Sha256::new();
    let _ = io::copy(&mut capture, &mut Hashing(&mut hash));
    hash.update(b"\n");
    hash.update(options);
    hex(&hash.finalize()[..6])
}

struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn kind_of(body: &Body<'_>, venue: Venue, text: &mut Vec<u8>) -> Kind {
    text.clear();
    let (kind, bytes): (Kind, &[u8]) = match body {
        Body::Frame(frame) if venue.has_rest_depth() && is_rest_depth(frame) => {
            let fetch = Fetch { path: String::new(), purpose: Purpose::DepthOfUnknown };
            (Kind::Fetched(fetch), frame.as_bytes())
        }
        Body::Frame(frame) => (Kind::Frame, frame.as_bytes()),
        Body::Binary(frame) => (Kind::Frame, frame),
        Body::Open { .. } => (Kind::Open, b""),
        Body::Close { code, reason } => (Kind::Close(*code), reason.as_bytes()),
        Body::Http { url, body } => {
            (request::fetch_of(url).map_or(Kind::Passed, Kind::Fetched), body.as_bytes())
        }
        Body::Sent(_) | Body::Error(_) => (Kind::Passed, b""),
    };
    text.extend_from_slice(bytes);
    kind
}

const fn micros(ns: UnixNanos) -> Micros {
    Micros::from_nanos(ns)
}

#[cfg(test)]
mod tests;
