//! What tells of a generated market in a venue's format, and where to.

use super::listing::Listing;
use feed::sim::flow::Step;
use schemas::capture::{Body, Record, UnixNanos, Writer};
use std::io::{self, Write};

/// From an event to its frame's arrival in the recorder.
const LATENCY_NS: u64 = 5_000_000;

/// Tells of a market in a venue's format.
pub(crate) trait Teller {
    /// The connection is made: what comes before the first order.
    fn open(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()>;

    /// An order has arrived for the symbol at `at`.
    fn step(&mut self, at: usize, listing: &Listing, step: &Step, out: &mut Output<'_>) -> io::Result<()>;

    /// How often [`Teller::pause`] is called, in nanoseconds.
    fn pause_ns(&self) -> u64;

    /// Time has passed without anything else being told.
    fn pause(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()>;
}

/// Where a teller writes to, and what time it is in the market.
pub(crate) struct Output<'a> {
    pub(super) writer: Writer<&'a mut dyn Write>,
    pub(super) now: UnixNanos,
}

impl<'a> Output<'a> {
    pub(super) fn new(writer: Writer<&'a mut dyn Write>, now: UnixNanos) -> Self {
        Self { writer, now }
    }

    pub(super) fn frame(&mut self, text: &str) -> io::Result<()> {
        self.record(Body::Frame(text))
    }

    pub(super) fn record(&mut self, body: Body<'_>) -> io::Result<()> {
        self.record_on(0, body)
    }

    /// The same on one of several connections.
    pub(super) fn record_on(&mut self, conn: u32, body: Body<'_>) -> io::Result<()> {
        self.writer.write(&Record { time: self.now + LATENCY_NS, conn, body })
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now / 1_000_000
    }

    pub(super) fn now_text(&self) -> String {
        crate::time::rfc3339_micros(self.now)
    }
}
