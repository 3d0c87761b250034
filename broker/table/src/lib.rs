//! The lock-free snapshot table: images, logs, interest and dirty marks.
//!
//! A [`Topic`] has one writer, its [`Publisher`], and any number of readers. Its [`log`](Topic::read) holds the last
//! entries, its [image](Topic::image) the whole state as of some entry. Shards mark their interest in a topic and are told
//! through a [set of dirty topics](DirtySet) that it has changed; they are woken once, whatever has changed since.
//!
//! # A newcomer misses nothing and gets nothing twice
//!
//! The writer, for each entry:
//! 1. stores the entry in the log,
//! 2. moves the head by a read-modify-write (`head.swap`, AcqRel),
//! 3. stores the image, if it has a new one,
//! 4. reads the interest bits and marks the topic dirty for each shard whose bit is set.
//!
//! A shard that begins to serve a topic ([`Topic::join`]):
//! 1. sets its interest bit by a read-modify-write (AcqRel),
//! 2. reads the image,
//! 3. reads the head by a read-modify-write (`head.fetch_add(0)`, AcqRel): there it stands.
//!
//! The two read-modify-writes on `head` are ordered. Is the shard's later, it reads what the writer wrote: the entry counts
//! as already there, and acquiring the head makes the log's slot visible. Is the writer's later, it synchronises with the
//! shard's: the writer has acquired all that the shard did before, so it sees the interest bit and marks the topic dirty. In
//! neither case is an entry lost, and since the shard goes on exactly behind the position it read, none comes twice. The image
//! is read before the head, and the writer moves the head before it stores the image, so an image is never ahead of where the
//! shard stands.
//!
//! # A dirty mark is never lost
//!
//! A marker sets the topic's bit in a word, then, if the word was empty, the word's bit in the summary, then swaps the shard's
//! `pending` flag to true and wakes the shard if it was false. A shard that drains swaps `pending` to false first, then takes
//! the summary words, then the words they name, and reads the heads of the topics last. If the marker finds a word that is not
//! empty, another marker has set the summary bit or is about to, and wakes after that. If it finds `pending` true, the swap that
//! will clear it is still to come, and what the drain takes after that swap includes the mark.

mod budget;
mod dirty;
mod entry;
mod log;
mod sync;
mod table;
mod topic;

pub use budget::LogBudget;
pub use dirty::{DirtySet, Wake};
pub use entry::{Encoding, Entry, FrameCell, Position, Record};
pub use table::{Table, TableFull};
pub use topic::{Image, Join, Marks, Publisher, Topic, TopicId};
