//! The lock-free snapshot table: images, logs, interest and dirty marks.
//!
//! A [`Topic`] is an image and a short log, written by one [`Publisher`] and read by any number of cursors. Publishing gives a
//! record its sequence numbers, stores it in the log, moves the head over it, and marks the topic dirty for every shard that
//! is interested. A shard drains its dirty topics and reads each log from where it stands to the head. Nobody waits for
//! anybody: a reader that is too slow finds its entry gone, and goes on from the image or the oldest entry.
//!
//! ```
//! use std::sync::Arc;
//! use table::{Record, Table, Wake};
//!
//! struct Price(u64);
//!
//! impl Record for Price {
//!     fn width(&self) -> u64 { 1 }
//!     fn is_mark(&self) -> bool { false }
//!     fn heap_bytes(&self) -> usize { 0 }
//! }
//!
//! struct NoSleep;
//!
//! impl Wake for NoSleep {
//!     fn wake(&self) {}
//! }
//!
//! # // Built for loom, whose chunks are small, the table runs only inside of a model.
//! # if table::CHUNK_ENTRIES < 8 { return Ok::<(), Box<dyn std::error::Error>>(()); }
//! let table: Table<Price, ()> = Table::new(1_000, 64 << 20, vec![Box::new(NoSleep)]);
//! let mut publisher = table.register(256)?;
//! let topic = Arc::clone(publisher.topic());
//! let mut stand = topic.join(0).head;
//!
//! publisher.publish(Price(101));
//! publisher.publish(Price(102));
//!
//! let mut seen = Vec::new();
//! table.drain(0, |dirty| {
//!     let topic = table.topic(dirty).expect("it was registered");
//!     let head = topic.head();
//!     topic.read_range(stand.index + 1, head.index, |entry| seen.push(entry.record().0)).expect("in the log");
//!     stand = head;
//! });
//! assert_eq!(seen, [101, 102]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where the arguments are
//!
//! | question | module |
//! | --- | --- |
//! | why a joiner misses nothing and gets nothing twice | `topic` |
//! | why no dirty mark and no wake-up is lost | `dirty` |
//! | why a lapped reader never takes one entry for another | `log` |
//! | why the log leads from the image to the head | `publisher` |
//! | why bytes are given back once | `account` |
//!
//! Each is explored by [loom](https://docs.rs/loom) with the code itself, and for each ordering and step that an argument
//! stands on there is a mutant, which the model must find:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p table --release --test loom --target-dir target/loom
//! ```

mod account;
mod budget;
mod dirty;
mod entry;
mod frame;
mod image;
mod log;
mod marks;
#[cfg(loom)]
pub mod mutant;
#[cfg(not(loom))]
#[allow(unreachable_pub, reason = "public under loom, for its tests")]
mod mutant;
mod options;
mod publisher;
mod record;
mod registry;
mod resume;
mod shard;
mod sync;
mod table;
mod topic;

pub use budget::LogBudget;
pub use dirty::DirtySet;
pub use entry::{Entry, EntryRef};
pub use frame::{Encoding, Frame, FrameCell};
pub use image::Image;
pub use log::{CHUNK_ENTRIES, Held, IMAGE_ENTRIES, Lapped, Reader};
pub use marks::Marks;
pub use options::{LOG_ENTRIES_MAX, MARKS_MAX, TOPICS_MAX, TopicOptions};
pub use publisher::Publisher;
pub use record::{Position, Record, TopicId};
pub use resume::Resume;
pub use shard::{SHARDS_MAX, Wake};
pub use table::{Table, TableFull};
pub use topic::{Join, Topic};
