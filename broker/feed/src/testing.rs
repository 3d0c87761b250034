//! What the crate's tests share: a market, and its topics' frames as text.

use crate::counters::Fault;
use crate::machine::{Action, Actions, Machine, MachineError};
use crate::market::{Market, MarketLimits};
use crate::settings::Settings;
use crate::topic::Table;
use schemas::decimal::Decimal;
use schemas::model::{Channel, Level, Micros};
use schemas::wire::{SeqRange, frame};
use std::sync::Arc;

pub(crate) fn table(topics_max: u32) -> Arc<Table> {
    Arc::new(Table::new(topics_max, 1 << 30, Vec::new()))
}

pub(crate) fn market() -> Arc<Market> {
    Arc::new(Market::new(table(10_000), MarketLimits::default()))
}

/// A machine, what it asks for, and the market that it publishes to.
pub(crate) struct Rig<M> {
    pub(crate) market: Arc<Market>,
    pub(crate) machine: M,
    pub(crate) actions: Actions,
    /// In milliseconds.
    pub(crate) now: u64,
    /// The first of the symbols, which the tests are mostly about, as the venue names it.
    symbol: String,
}

impl<M: Machine> Rig<M> {
    pub(crate) fn of(
        settings: Settings,
        make: impl FnOnce(Settings, Arc<Market>) -> Result<M, MachineError>,
    ) -> Self {
        let market = market();
        let symbol = settings.symbols[0].clone();
        let machine = make(settings, Arc::clone(&market)).expect("a machine");
        Self { market, machine, actions: Actions::new(), now: 1_000, symbol }
    }

    pub(crate) fn connect(&mut self) {
        self.machine.connected(ms(self.now), &mut self.actions);
    }

    pub(crate) fn disconnect(&mut self) {
        self.machine.disconnected(ms(self.now), "reset");
    }

    /// Forgets what was asked for so far.
    pub(crate) fn quiet(mut self) -> Self {
        self.actions.drain().for_each(drop);
        self
    }

    pub(crate) fn frame(&mut self, frame: &str) {
        self.now += 1;
        self.machine.frame(ms(self.now), &mut frame.as_bytes().to_vec(), &mut self.actions);
    }

    /// Lets time pass and returns what is asked for.
    pub(crate) fn pass(&mut self, ms_later: u64) -> Vec<Action> {
        self.now += ms_later;
        self.machine.tick(ms(self.now), &mut self.actions);
        self.actions.drain().collect()
    }

    /// Lets time pass and returns what is sent about the first symbol.
    pub(crate) fn sent(&mut self, ms_later: u64) -> Vec<String> {
        let sent = |action| match action {
            Action::Send(text) => Some(text),
            _ => None,
        };
        let texts: Vec<_> = self.pass(ms_later).into_iter().filter_map(sent).collect();
        texts.into_iter().filter(|text| text.contains(&self.symbol)).collect()
    }

    /// The story of a topic of the first symbol.
    pub(crate) fn story(&self, channel: Channel) -> Vec<String> {
        let registry = self.market.registry();
        let named = |symbol: &str| symbol.split_once(':').is_some_and(|(_, name)| name == self.symbol);
        let symbol = registry.symbols().iter().map(|entry| entry.info.symbol.as_str()).find(|s| named(s));
        story(&self.market, channel, symbol.expect("the first symbol"))
    }

    /// How many messages had which fault, in the order of [`Fault::ALL`].
    pub(crate) fn faults(&self) -> [u64; Fault::ALL.len()] {
        Fault::ALL.map(|fault| self.machine.counters().faults(fault).value())
    }
}

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().expect(text)
}

pub(crate) fn level(price: &str, size: &str) -> Level {
    Level { price: decimal(price), size: decimal(size) }
}

pub(crate) fn ms(ms: u64) -> Micros {
    Micros::from_millis(ms)
}

/// The frames of a topic's log, as far as it reaches back.
pub(crate) fn frames(market: &Market, channel: Channel, symbol: &str) -> Vec<String> {
    let registry = market.registry();
    let handle = registry.symbol(symbol).expect(symbol).topic(channel).expect(symbol);
    let entries = (1..=handle.topic.head().index).filter_map(|index| handle.topic.read(index));
    let text = |entry: crate::topic::Held| {
        let mut text = Vec::new();
        frame::entry(&mut text, handle.wire(), SeqRange::new(entry.first(), entry.last()), entry.record());
        String::from_utf8(text).expect("frames are text")
    };
    entries.map(text).collect()
}

/// The frames of a topic in a short form: the sequence numbers, and what happened.
pub(crate) fn story(market: &Market, channel: Channel, symbol: &str) -> Vec<String> {
    frames(market, channel, symbol).iter().map(|frame| short(frame)).collect()
}

/// `1 state live`, `2-3 trades 7 8`, `4 reset bids 1x2 asks`, `5 gap 3`, `6 quote 1x2 3x4`, `7 ticker 9`.
fn short(frame: &str) -> String {
    let frame: serde_json::Value = serde_json::from_str(frame).expect(frame);
    let (first, last) = (&frame["seq"][0], &frame["seq"][1]);
    let seq = if first == last { first.to_string() } else { format!("{first}-{last}") };
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    let levels = |side: &str| {
        let levels = frame[side].as_array().into_iter().flatten();
        levels.map(|level| format!(" {}x{}", text(&level[0]), text(&level[1]))).collect::<String>()
    };
    let what = match (text(&frame["type"]).as_str(), text(&frame["channel"]).as_str()) {
        ("state", _) | (_, "status") => {
            format!("state {} {}", text(&frame["state"]), text(&frame["reason"])).trim().to_owned()
        }
        ("gap", _) => format!("gap {}", frame["lost"]),
        ("snapshot", _) => format!("reset bids{} asks{}", levels("bids"), levels("asks")),
        (_, "trades") => {
            let trades = frame["trades"].as_array().into_iter().flatten();
            let trades = trades.map(|trade| format!(" {}{}", text(&trade["side"]), text(&trade["id"])));
            format!("trades{}", trades.collect::<String>())
        }
        (_, "book" | "book10") => format!("book bids{} asks{}", levels("bids"), levels("asks")),
        (_, "quotes") => format!(
            "quote {}x{} {}x{}",
            text(&frame["bid"]),
            text(&frame["bid_size"]),
            text(&frame["ask"]),
            text(&frame["ask_size"])
        ),
        _ => format!("ticker {}", text(&frame["last"])),
    };
    format!("{seq} {what}")
}
