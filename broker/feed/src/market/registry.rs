//! The symbols and topics that exist, as an unchanging value.

use crate::digest::{Digest, Digests, TopicDigest};
use crate::publish::SymbolStatus;
use crate::settings::Channels;
use crate::topic::TopicHandle;
use schemas::model::{Channel, State, SymbolInfo};
use std::sync::Arc;
use table::TopicId;

/// The symbols and topics that exist at one time. Neither ever goes away.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    pub(super) version: u64,
    /// Sorted by symbol.
    pub(super) symbols: Vec<Arc<SymbolEntry>>,
    /// By id. A place is empty if the table gave an id away and the symbol could not be opened after all.
    topics: Vec<Option<Arc<TopicHandle>>>,
}

/// A symbol, what is known of it, and its topics.
#[derive(Debug, Clone)]
pub struct SymbolEntry {
    /// What is known of it.
    pub info: SymbolInfo,
    pub(super) topics: [Option<Arc<TopicHandle>>; Channel::ALL.len()],
    pub(super) digests: [Option<Arc<TopicDigest>>; Channel::ALL.len()],
    pub(super) status: Arc<SymbolStatus>,
}

impl Registry {
    /// Rises with each change.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// All symbols, sorted.
    #[must_use]
    pub fn symbols(&self) -> &[Arc<SymbolEntry>] {
        &self.symbols
    }

    /// The symbol of this name, venue included.
    #[must_use]
    pub fn symbol(&self, name: &str) -> Option<&Arc<SymbolEntry>> {
        self.position(name).ok().map(|at| &self.symbols[at])
    }

    /// The topic of this id.
    #[must_use]
    pub fn topic(&self, id: TopicId) -> Option<&Arc<TopicHandle>> {
        self.topics.get(id.0 as usize)?.as_ref()
    }

    /// All ids of topics are below this.
    #[must_use]
    pub fn topics_len(&self) -> u32 {
        // The market's limit keeps it far below.
        u32::try_from(self.topics.len()).unwrap_or(u32::MAX)
    }

    /// The digests of all topics that are digested and have had an entry.
    #[must_use]
    pub fn digests(&self) -> Digests {
        Digests { topics: self.symbols.iter().flat_map(|symbol| symbol.digests()).collect() }
    }

    pub(super) fn add_topic(&mut self, handle: Arc<TopicHandle>) {
        let at = handle.id.0 as usize;
        if self.topics.len() <= at {
            self.topics.resize(at + 1, None);
        }
        self.topics[at] = Some(handle);
    }

    /// Where a symbol stands, or would stand.
    pub(super) fn position(&self, name: &str) -> Result<usize, usize> {
        self.symbols.binary_search_by(|entry| entry.info.symbol.as_str().cmp(name))
    }
}

impl SymbolEntry {
    /// The topic of a channel, if the symbol has it.
    #[must_use]
    pub fn topic(&self, channel: Channel) -> Option<&Arc<TopicHandle>> {
        self.topics[channel as usize].as_ref()
    }

    /// All its topics.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicHandle>> {
        self.topics.iter().flatten()
    }

    /// Whether it has a topic of any of these channels, but for its status, which all share.
    pub(super) fn has_any(&self, channels: Channels) -> bool {
        channels.iter().any(|channel| channel != Channel::Status && self.topic(channel).is_some())
    }

    /// The state over all its topics.
    #[must_use]
    pub fn state(&self) -> State {
        self.status.state()
    }

    /// What its connections say of it.
    pub(crate) const fn status(&self) -> &Arc<SymbolStatus> {
        &self.status
    }

    /// The digests of its topics, where they are digested and have had an entry.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        let digest =
            |channel: Channel| self.digests[channel as usize].as_ref()?.digest(channel, &self.info.symbol);
        Channel::ALL.into_iter().filter_map(digest)
    }
}
