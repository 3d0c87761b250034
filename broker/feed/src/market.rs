//! The market: which symbols and topics exist, and who may publish for them.

mod registry;

pub use registry::{Registry, SymbolEntry};

use crate::digest::TopicDigest;
use crate::publish::{Options, SymbolPublishers, TopicPublisher};
use crate::settings::Settings;
use crate::topic::{Table, TopicHandle};
use arc_swap::ArcSwap;
use registry::SharedState;
use schemas::model::{Channel, Symbol, SymbolError, SymbolInfo};
use std::sync::{Arc, Mutex, PoisonError};
use table::TableFull;

/// How much a market may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketLimits {
    /// Symbols over all feeds.
    pub symbols_max: usize,
    /// Entries that the log of a `trades` topic keeps at least.
    pub trades_log_entries: usize,
    /// Entries that the log of a `book` topic keeps at least.
    pub book_log_entries: usize,
    /// Entries that the log of any other topic keeps at least.
    pub other_log_entries: usize,
}

impl MarketLimits {
    const fn log_entries(&self, channel: Channel) -> usize {
        match channel {
            Channel::Trades => self.trades_log_entries,
            Channel::Book => self.book_log_entries,
            _ => self.other_log_entries,
        }
    }
}

impl Default for MarketLimits {
    fn default() -> Self {
        Self {
            symbols_max: 20_000,
            trades_log_entries: 4_096,
            book_log_entries: 1_024,
            other_log_entries: 1_024,
        }
    }
}

/// Why a symbol cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarketError {
    /// The venue's name for it is no symbol.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// Another feed publishes it, or the same one twice.
    #[error("{0} is published already")]
    Taken(Symbol),
    /// The market is full.
    #[error("symbols_max: the market holds {0} symbols and takes no more")]
    SymbolsMax(usize),
    /// The table is full.
    #[error(transparent)]
    TopicsMax(#[from] TableFull),
}

/// All symbols and topics. Readers take a [`Registry`], which costs next to nothing and never blocks.
#[derive(Debug)]
pub struct Market {
    table: Arc<Table>,
    limits: MarketLimits,
    registry: ArcSwap<Registry>,
    /// Held while the registry is replaced.
    writing: Mutex<()>,
}

impl Market {
    /// Without symbols.
    #[must_use]
    pub fn new(table: Arc<Table>, limits: MarketLimits) -> Self {
        Self { table, limits, registry: ArcSwap::default(), writing: Mutex::new(()) }
    }

    /// What exists now.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.registry.load_full()
    }

    /// How many topics there are.
    #[must_use]
    pub fn topics_len(&self) -> u32 {
        self.registry.load().topics_len()
    }

    /// Opens symbols, by the venue's own names, as a feed's settings say: all of them, or none.
    ///
    /// # Errors
    /// [`MarketError`] if a name is no symbol, a symbol is published already or the market is full.
    pub fn open(
        &self,
        settings: &Settings,
        names: &[impl AsRef<str>],
    ) -> Result<Vec<SymbolPublishers>, MarketError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut registry = Registry::clone(&self.registry.load());
        let symbols = self.checked(&registry, settings, names)?;
        let mut opened = Vec::with_capacity(symbols.len());
        for symbol in symbols {
            opened.push(self.add(&mut registry, symbol, settings)?);
        }
        self.replace(registry);
        Ok(opened)
    }

    /// Says what became known of symbols that exist: base, quote, tick and lot size. Others are passed over.
    pub fn describe(&self, known: impl IntoIterator<Item = SymbolInfo>) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut registry = Registry::clone(&self.registry.load());
        for info in known {
            if let Ok(at) = registry.position(info.symbol.as_str()) {
                let entry = &registry.symbols[at];
                let info = SymbolInfo { channels: entry.info.channels.clone(), ..info };
                registry.symbols[at] = Arc::new(SymbolEntry { info, ..SymbolEntry::clone(entry) });
            }
        }
        self.replace(registry);
    }

    /// Looks at all names before anything is made.
    fn checked(
        &self,
        registry: &Registry,
        settings: &Settings,
        names: &[impl AsRef<str>],
    ) -> Result<Vec<Symbol>, MarketError> {
        let mut symbols = Vec::with_capacity(names.len());
        for name in names {
            let symbol = Symbol::new(&settings.venue, name.as_ref())?;
            if registry.symbol(symbol.as_str()).is_some() {
                return Err(MarketError::Taken(symbol));
            }
            symbols.push(symbol);
        }
        let mut sorted: Vec<_> = symbols.iter().collect();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(MarketError::Taken(twice[0].clone()));
        }
        if registry.symbols.len() + symbols.len() > self.limits.symbols_max {
            return Err(MarketError::SymbolsMax(registry.symbols.len()));
        }
        Ok(symbols)
    }

    /// Shows a new registry, and has the shards look at it: what is new may match a wildcard.
    fn replace(&self, mut registry: Registry) {
        registry.version += 1;
        self.registry.store(Arc::new(registry));
        self.table.wake_all();
    }

    fn add(
        &self,
        registry: &mut Registry,
        symbol: Symbol,
        settings: &Settings,
    ) -> Result<SymbolPublishers, MarketError> {
        let mut entry = SymbolEntry {
            info: info(&symbol, settings),
            topics: Default::default(),
            digests: Default::default(),
            state: Arc::new(SharedState::default()),
        };
        let mut publishers: [Option<TopicPublisher>; Channel::ALL.len()] = Default::default();
        for channel in settings.channels.iter() {
            let digest = settings.digest.then(TopicDigest::new);
            let publisher = self.topic(registry, channel, &symbol, settings, digest.clone())?;
            entry.topics[channel as usize] = Some(Arc::clone(publisher.handle()));
            entry.digests[channel as usize] = digest;
            publishers[channel as usize] = Some(publisher);
        }
        let entry = Arc::new(entry);
        let (Ok(at) | Err(at)) = registry.position(symbol.as_str());
        registry.symbols.insert(at, Arc::clone(&entry));
        Ok(SymbolPublishers::new(entry, publishers, Options::of(settings)))
    }

    fn topic(
        &self,
        registry: &mut Registry,
        channel: Channel,
        symbol: &Symbol,
        settings: &Settings,
        digest: Option<Arc<TopicDigest>>,
    ) -> Result<TopicPublisher, TableFull> {
        let publisher = self.table.register(self.limits.log_entries(channel))?;
        let topic = Arc::clone(publisher.topic());
        let handle = Arc::new(TopicHandle {
            id: topic.id(),
            channel,
            symbol: symbol.clone(),
            epoch: Arc::clone(&settings.epoch),
            topic,
        });
        registry.add_topic(Arc::clone(&handle));
        Ok(TopicPublisher::new(handle, publisher, digest))
    }
}

/// What is known of a symbol before its venue has been asked.
fn info(symbol: &Symbol, settings: &Settings) -> SymbolInfo {
    let assets = settings.separator.and_then(|separator| {
        // What follows the quote asset says which contract it is.
        let mut parts = symbol.name().split(separator);
        Some((parts.next()?, parts.next()?))
    });
    SymbolInfo {
        symbol: symbol.clone(),
        base: assets.map(|(base, _)| base.to_owned()),
        quote: assets.map(|(_, quote)| quote.to_owned()),
        tick_size: None,
        lot_size: None,
        channels: settings.channels.iter().collect(),
    }
}

impl Options {
    fn of(settings: &Settings) -> Self {
        Self { image_every: settings.image_every, awaits_book: settings.awaits_book, quotes: settings.quotes }
    }
}

#[cfg(test)]
mod tests;
