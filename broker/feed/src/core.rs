//! What all machines have: their symbols, their counters, their silence and their complaints.

mod data;
mod life;
mod watched;

pub(crate) use data::Changed;
use watched::OfFeed;
pub(crate) use watched::{Demanded, Stage};

use crate::book::{Book, BookDepth, ImpossibleLevel};
use crate::complaints::Complaints;
use crate::counters::{Fault, FeedCounters};
use crate::crossing::Crossing;
use crate::data_silence::DataSilence;
use crate::lines::Out;
use crate::machine::Actions;
use crate::market::{Market, MarketError};
use crate::settings::{Quotes, Settings};
use crate::silence::Silence;
use crate::trade_ids::TradeIds;
use rustc_hash::FxHashMap;
use schemas::model::{Micros, State};
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How long it is left open whether a venue sends quotes, from its first book on, in microseconds.
const QUOTES_OPEN_US: u64 = 3_000_000;

/// What all machines have; `S` is what a machine keeps of each symbol besides.
pub(crate) struct Core<S> {
    pub(crate) settings: Settings,
    pub(crate) counters: Arc<FeedCounters>,
    /// In the order in which they were opened.
    pub(crate) symbols: Vec<Listed<S>>,
    market: Arc<Market>,
    /// By the venue's names; none for one that cannot be opened.
    places: FxHashMap<Box<str>, Option<usize>>,
    silence: Silence,
    /// Of data, while the venue answers.
    pub(crate) data_silence: DataSilence,
    complaints: Complaints,
    quotes: QuoteStream,
    /// How many symbols are live.
    live: Arc<AtomicUsize>,
    /// When trades have waited for long enough that another line may bring.
    line_due: Option<Micros>,
    /// None: the symbols are there whoever watches them.
    on_demand: Option<OfFeed>,
    /// When it is looked whether the symbols change; none: they do not.
    next_look: Option<Micros>,
    /// Symbols that are no longer on the list.
    struck: usize,
    is_connected: bool,
    /// Why trading has stopped, if it has.
    halted: Option<&'static str>,
}

/// What a machine keeps of a symbol.
pub(crate) struct Listed<S> {
    /// By the venue's own name.
    pub(crate) name: Box<str>,
    pub(crate) out: Out,
    pub(crate) book: Book,
    pub(crate) trade_ids: TradeIds,
    pub(crate) crossing: Crossing,
    pub(crate) stage: Stage,
    /// Since when nobody watches it, if it is on demand.
    unwatched: Option<Micros>,
    pub(crate) data: S,
}

/// Whether the venue sends quotes, where the settings leave that open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QuoteStream {
    /// None has come yet; when this time comes they are taken from the books.
    Open { until: Option<Micros> },
    /// None came.
    Absent,
    /// Some came.
    Present,
}

/// Something wrong with a message that could be read, to be logged with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offence {
    pub(crate) fault: Fault,
    pub(crate) what: String,
}

impl<S: Default> Core<S> {
    /// Opens the symbols that the settings name.
    pub(crate) fn new(settings: Settings, market: Arc<Market>) -> Result<Self, MarketError> {
        let counters = Arc::default();
        let opened = open(&market, &settings, &settings.symbols, &counters)?;
        let on_demand = match settings.on_demand {
            Some(on_demand) => {
                Some(OfFeed::new(market.on_demand(&settings, on_demand, &counters)?, on_demand))
            }
            None => None,
        };
        let mut core = Self {
            silence: Silence::new(settings.stale_after_ms, settings.reconnect_after_ms),
            data_silence: DataSilence::new(settings.data_silence_ms),
            places: FxHashMap::default(),
            symbols: Vec::with_capacity(opened.len()),
            counters,
            complaints: Complaints::default(),
            quotes: QuoteStream::Open { until: None },
            live: Arc::default(),
            line_due: None,
            next_look: (on_demand.is_some() || settings.roster.is_some()).then_some(Micros(0)),
            struck: 0,
            on_demand,
            is_connected: false,
            halted: None,
            settings,
            market,
        };
        opened.into_iter().for_each(|out| _ = core.list(out));
        Ok(core)
    }

    /// The market that the symbols are part of.
    pub(crate) const fn market(&self) -> &Arc<Market> {
        &self.market
    }

    /// The place of the symbol that data came of, by the venue's name; see [`named`](Self::named).
    pub(crate) fn place(&mut self, name: &str, now: Micros) -> Option<usize> {
        self.data_silence.data(now);
        self.named(name, now)
    }

    /// The place of a symbol by the venue's name, opened now if the feed discovers its symbols.
    pub(crate) fn named(&mut self, name: &str, now: Micros) -> Option<usize> {
        match self.places.get(name) {
            // What still comes of one that was let go.
            Some(Some(at)) if self.symbols[*at].stage == Stage::Idle => None,
            Some(Some(at)) => Some(*at),
            Some(None) => {
                self.counters.faults(Fault::Symbol).up();
                None
            }
            None if self.settings.discover => self.discover(name, now),
            None => {
                let what = "a message about a symbol that was not asked for";
                self.fault(now, Fault::Symbol, &what, name.as_bytes());
                None
            }
        }
    }

    fn list(&mut self, mut out: Out) -> usize {
        out.count_live(Arc::clone(&self.live));
        if self.settings.quotes == Quotes::Auto {
            match self.quotes {
                QuoteStream::Open { .. } => {}
                QuoteStream::Absent => out.quotes_from_book(),
                QuoteStream::Present => out.quotes_from_stream(),
            }
        }
        let name: Box<str> = out.symbol().info.symbol.name().into();
        let at = self.symbols.len();
        self.places.insert(name.clone(), Some(at));
        let book = Book::new(BookDepth::whole(self.settings.book_depth));
        self.symbols.push(Listed {
            name,
            out,
            book,
            trade_ids: TradeIds::default(),
            crossing: Crossing::default(),
            stage: Stage::default(),
            unwatched: None,
            data: S::default(),
        });
        at
    }

    fn discover(&mut self, name: &str, now: Micros) -> Option<usize> {
        if self.symbols.len() >= self.settings.symbols_max {
            let limit = format!("symbols_max: one more than {}", self.settings.symbols_max);
            self.fault(now, Fault::Symbol, &limit, name.as_bytes());
            return None;
        }
        match open(&self.market, &self.settings, &[name], &self.counters) {
            Ok(opened) => opened.into_iter().map(|out| self.list(out)).next(),
            Err(error) => {
                self.fault(now, Fault::Symbol, &error, name.as_bytes());
                // As many refusals are remembered as symbols are let in, so that this cannot grow either.
                if self.places.len() < self.settings.symbols_max.saturating_mul(2) {
                    self.places.insert(name.into(), None);
                }
                None
            }
        }
    }

    /// A connection stands: whatever was known before it has to prove itself anew.
    pub(crate) fn connected(&mut self, now: Micros) {
        self.silence.hear(now);
        self.data_silence.begin(now);
        self.halted = None;
        self.is_connected = true;
        for symbol in self.symbols.iter_mut().filter(|symbol| symbol.stage.is_active()) {
            if let Stage::Asked(since) = &mut symbol.stage {
                *since = now;
            }
            symbol.out.state_of_all(State::Resyncing, "connected", now);
            symbol.trade_ids.connected();
        }
    }

    /// The connection is gone.
    pub(crate) fn disconnected(&mut self, now: Micros, reason: &str) {
        self.counters.disconnects.up();
        self.silence.end();
        self.data_silence.end();
        self.is_connected = false;
        let reason = format!("connection lost: {reason}");
        if let QuoteStream::Open { until } = &mut self.quotes {
            *until = None;
        }
        for symbol in self.symbols.iter_mut().filter(|symbol| symbol.stage.is_active()) {
            symbol.out.forget_held_quotes();
            symbol.out.state_of_all(State::Stale, &reason, now);
        }
    }

    /// Something is wrong with a message that could be read.
    pub(crate) fn offence(&mut self, now: Micros, offence: &Offence, bytes: &[u8]) {
        self.fault(now, offence.fault, &offence.what, bytes);
    }

    /// Something is wrong with a message: counts it, and warns with the offending bytes.
    pub(crate) fn fault(&mut self, now: Micros, fault: Fault, what: &dyn Display, bytes: &[u8]) {
        self.counters.faults(fault).up();
        self.warn(now, what, bytes);
    }

    /// Warns about something, with the bytes that it is about.
    pub(crate) fn warn(&mut self, now: Micros, what: &dyn Display, bytes: &[u8]) {
        self.complaints.complain(now, &self.settings.venue, what, bytes);
    }

    /// The place of a symbol that is open.
    pub(crate) fn known(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied().flatten()
    }

    /// When [`tick`](Self::tick) is due.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        let silences = [self.silence.deadline(), self.data_silence.deadline()];
        let others = [self.quotes_open_until(), self.line_due, self.next_look];
        silences.into_iter().chain(others).flatten().min()
    }

    fn quotes_open_until(&self) -> Option<Micros> {
        match self.quotes {
            QuoteStream::Open { until } if self.settings.quotes == Quotes::Auto => until,
            _ => None,
        }
    }

    /// Sees to the silence, and to quotes that do not come.
    pub(crate) fn tick(&mut self, now: Micros, actions: &mut Actions) {
        if self.quotes_open_until().is_some_and(|until| until <= now) {
            self.quotes = QuoteStream::Absent;
            self.symbols.iter_mut().for_each(|symbol| symbol.out.quotes_from_book());
        }
        if self.line_due.is_some_and(|due| due <= now) {
            self.symbols.iter().for_each(|symbol| symbol.out.settle(now));
            self.line_due = self.symbols.iter().filter_map(|symbol| symbol.out.deadline()).min();
        }
        self.see_to_silence(now, actions);
    }

    /// Whether there are symbols and all of them are live.
    pub(crate) fn is_live(&self) -> bool {
        let live = self.live.load(Ordering::Relaxed);
        if self.on_demand.is_some() {
            return live == self.settings.symbols.len();
        }
        !self.symbols.is_empty() && live == self.symbols.len() - self.struck
    }
}

/// Opens symbols, for one of several lines if the settings say so.
fn open(
    market: &Market,
    settings: &Settings,
    names: &[impl AsRef<str>],
    counters: &Arc<FeedCounters>,
) -> Result<Vec<Out>, MarketError> {
    match &settings.line {
        Some(line) => line.open(market, settings, names, counters),
        None => Ok(market.open(settings, names)?.into_iter().map(Out::Alone).collect()),
    }
}

impl Offence {
    pub(crate) fn new(fault: Fault, what: impl Into<String>) -> Self {
        Self { fault, what: what.into() }
    }

    pub(crate) fn unknown_kind(name: Option<&str>) -> Self {
        Self::new(Fault::Unknown, format!("a message of unknown kind {}", name.unwrap_or("none")))
    }

    pub(crate) fn crossed(name: &str) -> Self {
        Self::new(Fault::Crossed, format!("the book of {name} is crossed"))
    }

    pub(crate) fn impossible(name: &str, impossible: &ImpossibleLevel) -> Self {
        Self::new(Fault::Impossible, format!("the book of {name}: {impossible}"))
    }
}
