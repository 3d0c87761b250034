//! The market: which symbols and topics exist, and who may publish for them.

mod registry;

pub use registry::{Registry, SymbolEntry};

use crate::counters::FeedCounters;
use crate::demand::{Demand, OnDemand};
use crate::digest::TopicDigest;
use crate::publish::{Options, SymbolPublishers, SymbolStatus, TopicPublisher};
use crate::settings::Settings;
use crate::topic::{Table, TopicHandle};
use arc_swap::ArcSwap;
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
    /// Another connection publishes the same channels of it, or the settings name it twice.
    #[error("{0} is published already")]
    Taken(Symbol),
    /// The market is full.
    #[error("symbols_max: the market holds {0} symbols and takes no more")]
    SymbolsMax(usize),
    /// The feed that has its symbols on demand takes no more.
    #[error(
        "demand_symbols_max: {0} symbols were opened on demand, which stay until the broker ends, and no more are"
    )]
    DemandMax(usize),
    /// Two feeds would bring a venue's symbols on demand.
    #[error("another feed has the symbols of `{0}` on demand: give one of them another venue=")]
    DemandTaken(String),
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
    /// The feeds that have symbols on demand.
    demands: ArcSwap<Vec<Arc<Demand>>>,
    /// Held while the registry is replaced.
    writing: Mutex<()>,
}

impl Market {
    /// Without symbols.
    #[must_use]
    pub fn new(table: Arc<Table>, limits: MarketLimits) -> Self {
        Self {
            table,
            limits,
            registry: ArcSwap::default(),
            demands: ArcSwap::default(),
            writing: Mutex::new(()),
        }
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

    /// Whether somebody is told of each update of some topic as it comes; rate tiers are not.
    #[must_use]
    pub fn is_watched_promptly(&self) -> bool {
        self.table.is_watched_promptly()
    }

    /// Opens symbols, by the venue's own names, as a feed's settings say: all of them, or none. A symbol that exists gains the
    /// channels that it does not have yet.
    ///
    /// # Errors
    /// [`MarketError`] if a name is no symbol, one of a symbol's channels is published already or the market is full.
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
        // Only now that nothing can go wrong any more do those that exist have one more connection.
        let options = Options::of(settings);
        Ok(opened.into_iter().map(|(entry, topics)| SymbolPublishers::new(entry, topics, options)).collect())
    }

    /// The symbols of a feed that has them on demand.
    pub(crate) fn on_demand(
        &self,
        settings: &Settings,
        on_demand: OnDemand,
        counters: &Arc<FeedCounters>,
    ) -> Result<Arc<Demand>, MarketError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut demands = Vec::clone(&self.demands.load());
        if demands.iter().any(|demand| demand.venue() == settings.venue) {
            return Err(MarketError::DemandTaken(settings.venue.clone()));
        }
        let demand = Arc::new(Demand::new(settings, on_demand, counters));
        demands.push(Arc::clone(&demand));
        self.demands.store(Arc::new(demands));
        Ok(demand)
    }

    /// Opens those of these symbols, venue included, that do not exist and that a feed brings on demand. Gives what cannot be
    /// opened, and why; what nobody brings is passed over.
    pub fn demand<'a>(&self, symbols: impl Iterator<Item = &'a str> + Clone) -> Vec<(String, MarketError)> {
        let mut refused = Vec::new();
        for demand in self.demands.load().iter() {
            let named = |symbol: &'a str| symbol.strip_prefix(demand.venue())?.strip_prefix(':');
            let names: Vec<_> = symbols.clone().filter_map(named).collect();
            if !names.is_empty() {
                let with_venue = |(name, error)| (format!("{}:{name}", demand.venue()), error);
                refused.extend(demand.open(self, names).into_iter().map(with_venue));
            }
        }
        refused
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
            if registry.symbol(symbol.as_str()).is_some_and(|entry| entry.has_any(settings.channels)) {
                return Err(MarketError::Taken(symbol));
            }
            symbols.push(symbol);
        }
        let mut sorted: Vec<_> = symbols.iter().collect();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(MarketError::Taken(twice[0].clone()));
        }
        let new = symbols.iter().filter(|symbol| registry.symbol(symbol.as_str()).is_none()).count();
        if registry.symbols.len() + new > self.limits.symbols_max {
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
    ) -> Result<(Arc<SymbolEntry>, Publishers), TableFull> {
        let place = registry.position(symbol.as_str());
        let known = place.ok().map(|at| SymbolEntry::clone(&registry.symbols[at]));
        let mut publishers = Publishers::default();
        let (mut topics, mut digests) = known
            .as_ref()
            .map_or_else(Default::default, |known| (known.topics.clone(), known.digests.clone()));
        let is_shared = |channel: &Channel| known.is_some() && *channel == Channel::Status;
        for channel in settings.channels.iter().filter(|channel| !is_shared(channel)) {
            let digest = settings.digest.then(TopicDigest::new);
            let publisher = self.topic(registry, channel, &symbol, settings, digest.clone())?;
            topics[channel as usize] = Some(Arc::clone(publisher.handle()));
            digests[channel as usize] = digest;
            publishers[channel as usize] = Some(publisher);
        }
        let channels =
            Channel::ALL.into_iter().filter(|channel| topics[*channel as usize].is_some()).collect();
        let (info, status) = match known {
            Some(known) => (SymbolInfo { channels, ..known.info }, known.status),
            None => {
                let status = SymbolStatus::new(publishers[Channel::Status as usize].take());
                (SymbolInfo { channels, ..info(&symbol, settings) }, status)
            }
        };
        let entry = Arc::new(SymbolEntry { info, topics, digests, status });
        match place {
            Ok(at) => registry.symbols[at] = Arc::clone(&entry),
            Err(at) => registry.symbols.insert(at, Arc::clone(&entry)),
        }
        Ok((entry, publishers))
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

/// The publishers of a symbol's topics, by channel.
type Publishers = [Option<TopicPublisher>; Channel::ALL.len()];

/// What is known of a symbol before its venue has been asked, but for its channels.
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
        channels: Vec::new(),
    }
}

impl Options {
    fn of(settings: &Settings) -> Self {
        let Settings { image_every, awaits_book, quotes, is_companion, .. } = *settings;
        Self { image_every, awaits_book, quotes, is_companion }
    }
}

#[cfg(test)]
mod tests;
