//! The capture format: what a recorder received from a venue, as text, one record a line.
//!
//! ```text
//! # tickcast-capture 1 venue=binance
//! 1723161253937085768 @open wss://stream.binance.com:9443/ws/btcusdt@trade
//! 1723161253937185768 {"e":"trade","E":1723161255208,...}
//! 1723161254036059768 @http https://api.binance.com/api/v3/depth?symbol=BTCUSDT {"lastUpdateId":...}
//! 1723161255000000000 @close 1001 going away
//! ```
//!
//! Each line is `<unix ns> <frame>` for a text frame as received, or a tag stands in between:
//!
//! | after the time | what it is |
//! | --- | --- |
//! | `<frame>` | a text frame from the venue |
//! | `@bin <base64>` | a binary frame from the venue |
//! | `@open <url>` | the recorder connected |
//! | `@sent <frame>` | the recorder sent a text frame |
//! | `@http <url> <body>` | the reply to a request over HTTP |
//! | `@close <code> <reason>` | the connection ended |
//! | `@error <message>` | the recorder could not do what it wanted: connect, or fetch over HTTP |
//!
//! Captures of several connections say which by `@conn N` right after the time (`<unix ns> @conn 2 <frame>`); without
//! it the connection is 0. What cannot stand on a line as it is (it holds a line feed or ends with a carriage return, or is a frame that is empty
//! or begins with `@`) has its last part in base64 and says so in the tag: `@frame;base64`, `@sent;base64`,
//! `@http;base64`, `@close;base64`, `@error;base64`. Lines that begin with `#` are comments; a first line
//! `# tickcast-capture 1 key=value ...` is the optional [`Header`]. Empty lines mean nothing, nor does
//! a carriage return before a line feed.
//!
//! A capture may be compressed by gzip (several members too) or zstd (several frames too): [`decompressed`] sees it by
//! the first bytes, [`compressed`] is told. A compressed capture whose end is missing has a *torn* end, as when its recorder was
//! killed: everything up to the last whole block is delivered, then [`ReadError::Torn`] tells of it.
//!
//! A recording of several files says in each header which recording it is and which part of it: [`Header::part`].
//!
//! This is also the format of hftbacktest's collector, so its files read as they are. There the REST depth body stands
//! between the frames without a tag: see [`is_rest_depth`].
//!
//! ```
//! use schemas::capture::{Body, Reader};
//!
//! let text = b"1723161253937085768 {\"e\":\"trade\"}\n";
//! let mut reader = Reader::new(&text[..]);
//! while let Some(record) = reader.next() {
//!     let record = record?;
//!     assert_eq!(record.time, 1_723_161_253_937_085_768);
//!     assert_eq!(record.body, Body::Frame("{\"e\":\"trade\"}"));
//! }
//! # Ok::<(), schemas::capture::ReadError>(())
//! ```

mod compression;
mod header;
mod line;
mod reader;
mod rest_depth;
mod times;
mod writer;

pub use compression::{Compression, Compressor, compressed, decompressed};
pub use header::{Header, VERSION};
pub use line::{LineFault, parse_line};
pub use reader::{LINE_BYTES_MAX, ReadError, Reader};
pub use rest_depth::is_rest_depth;
pub use times::EventTimes;
pub use writer::Writer;

/// A time in nanoseconds since the Unix epoch; it reaches to the year 2554.
pub type UnixNanos = u64;

/// One line of a capture. It borrows the reader's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// When the recorder received it (or did it), by the recorder's clock.
    pub time: UnixNanos,
    /// Which of the recorder's connections it belongs to.
    pub conn: u32,
    /// What happened.
    pub body: Body<'a>,
}

/// What a [`Record`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// A text frame from the venue.
    Frame(&'a str),
    /// A binary frame from the venue.
    Binary(&'a [u8]),
    /// The recorder connected.
    Open {
        /// Where to.
        url: &'a str,
    },
    /// The recorder sent a text frame.
    Sent(&'a str),
    /// The reply to a request over HTTP.
    Http {
        /// What was requested; it has no spaces.
        url: &'a str,
        /// The body of the reply.
        body: &'a str,
    },
    /// The connection ended.
    Close {
        /// The close code of RFC 6455 (1006 where there was no close frame).
        code: u16,
        /// The reason given, often empty.
        reason: &'a str,
    },
    /// The recorder could not connect, or fetch over HTTP, for this reason.
    Error(&'a str),
}

#[cfg(test)]
mod tests;
