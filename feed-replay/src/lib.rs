//! Records, inspects, imports, generates and serves market data captures.
//!
//! A capture is what a recorder received from a venue ([`schemas::capture`]). This crate reads captures and other
//! recorders' files as one kind of thing, a [`tape::Tape`], and does things with them:
//!
//! - [`record`] writes what a venue sends;
//! - [`info`] counts what one holds;
//! - [`import`] writes other recorders' files as captures;
//! - [`generate`] makes captures from a seed, in a venue's own format;
//! - [`digest`] tells what the broker publishes of one, as a digest per topic;
//! - [`serve`] stands in for the venue over real sockets: the behaviour of each venue is a state machine without I/O
//!   ([`stand_in`], [`venue`]), around which there is one I/O shell.
//!
//! ```no_run
//! use feed_replay::{info::Info, tape::Tape};
//!
//! let tape = Tape::new(&["recording.zst".into()], None, None)?;
//! println!("{}", Info::read(&tape)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod book;
pub mod cli;
pub mod digest;
pub mod edit;
pub mod fault;
pub mod generate;
pub mod ids;
pub mod import;
pub mod info;
pub mod json;
pub mod python_bytes;
pub mod record;
pub mod serve;
pub mod source;
pub mod stand_in;
pub mod tape;
pub mod time;
pub mod venue;
