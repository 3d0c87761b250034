//! What a topic is made with.

/// How many topics a table can be made for. A shard's dirty set takes a bit for each.
pub const TOPICS_MAX: u32 = 1 << 22;
/// How long a log can be, in entries.
pub const LOG_ENTRIES_MAX: usize = 1 << 24;
/// How many marks a topic can keep. Each new mark copies the list.
pub const MARKS_MAX: usize = 1 << 10;

/// What a topic is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicOptions {
    /// The last entries that stay readable while the table's bound for bytes allows it, at most [`LOG_ENTRIES_MAX`]. Entries
    /// come and go by chunks of [`CHUNK_ENTRIES`](crate::CHUNK_ENTRIES), so up to two chunks more may be there. At least
    /// [`IMAGE_ENTRIES`](crate::IMAGE_ENTRIES) stay.
    pub log_entries: usize,
    /// The last marks that are known beyond the log's reach, at most [`MARKS_MAX`].
    pub marks_max: usize,
    /// What those marks may take, in bytes. The last one is kept whatever it takes.
    pub marks_bytes_max: usize,
}

impl TopicOptions {
    /// The same within the limits.
    pub(crate) fn bounded(self) -> Self {
        Self {
            log_entries: self.log_entries.min(LOG_ENTRIES_MAX),
            marks_max: self.marks_max.min(MARKS_MAX),
            ..self
        }
    }
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self { log_entries: 256, marks_max: 64, marks_bytes_max: 64 << 10 }
    }
}
