//! Symbols that come and go: those on demand, as somebody watches them or nobody does, and those of a list that changes.

use super::{Core, Listed};
use crate::counters::Fault;
use crate::demand::{Demand, OnDemand};
use crate::lines::Out;
use crate::publish::SymbolPublishers;
use crate::roster::Roster;
use schemas::model::{Channel, Micros, State};
use std::sync::Arc;

/// How often it is looked who is watched, in microseconds. What is asked for between two looks goes into the same requests.
const LOOK_US: u64 = 50_000;
/// How often it is looked whether the list of symbols is another one, in microseconds.
const ROSTER_LOOK_US: u64 = 250_000;
/// How long a venue may take to send something of a symbol before its subscribers are told that nothing came.
const SILENT_AFTER_US: u64 = 10_000_000;

/// The feed's symbols on demand.
pub(super) struct OfFeed {
    demand: Arc<Demand>,
    on_demand: OnDemand,
}

/// Where a symbol stands at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    /// It is not on demand: it is subscribed to whenever there is a connection.
    #[default]
    Always,
    /// Nobody watches it, and it is not subscribed to.
    Idle,
    /// It is subscribed to, since then, and was not live yet.
    Asked(Micros),
    /// The same, and its subscribers were told that nothing came.
    Silent,
    /// It was live.
    Known,
    /// The venue has refused it.
    Refused,
    /// The connection carries no more.
    Full,
}

/// What changed since the last look, by the places of symbols.
#[derive(Debug, Default)]
pub(crate) struct Demanded {
    /// To be subscribed to.
    pub(crate) wanted: Vec<usize>,
    /// No longer.
    pub(crate) released: Vec<usize>,
}

impl Stage {
    /// Whether the symbol is subscribed to while there is a connection.
    pub(crate) const fn is_active(self) -> bool {
        matches!(self, Self::Always | Self::Asked(_) | Self::Silent | Self::Known)
    }
}

impl OfFeed {
    pub(super) fn new(demand: Arc<Demand>, on_demand: OnDemand) -> Self {
        Self { demand, on_demand }
    }
}

impl<S> Listed<S> {
    /// Says so to the subscribers, unless something has come.
    fn has_been_silent(&mut self, now: Micros) {
        let Some(out) = self.out.alone().filter(|out| !is_any_up(out)) else { return };
        let reason = format!("nothing came within {} ms", SILENT_AFTER_US / 1_000);
        out.tell_all(State::Stale, &reason, now);
        self.stage = Stage::Silent;
    }

    /// The rest is waited for as soon as something comes after all.
    fn may_speak(&mut self, now: Micros) {
        let Some(out) = self.out.alone().filter(|out| is_any_up(out)) else { return };
        out.tell_others(State::Resyncing, "waiting for its first message", now);
        self.stage = Stage::Known;
    }

    /// Says that all topics are stale, also of those that have not come to life.
    fn tell_all(&mut self, reason: &str, now: Micros) {
        let out = self.out.alone();
        out.into_iter().for_each(|out| out.tell_all(State::Stale, reason, now));
    }
}

fn is_any_up(out: &SymbolPublishers) -> bool {
    Channel::ALL.into_iter().any(|channel| channel != Channel::Status && out.is_up(channel))
}

impl<S: Default> Core<S> {
    /// Looks who is watched and whether the list of symbols is another one, if it is time.
    pub(crate) fn look_at_demand(&mut self, now: Micros) -> Demanded {
        let mut demanded = Demanded::default();
        if self.next_look.is_none_or(|due| now < due) {
            return demanded;
        }
        self.follow_roster(now, &mut demanded);
        let Some(of_feed) = &self.on_demand else {
            self.next_look = Some(now.plus(ROSTER_LOOK_US));
            return demanded;
        };
        self.next_look = Some(now.plus(LOOK_US));
        for out in of_feed.demand.take() {
            let at = self.list(Out::Alone(out));
            self.symbols[at].stage = Stage::Idle;
        }
        for at in 0..self.symbols.len() {
            self.look_at(at, now, &mut demanded);
        }
        demanded
    }

    fn look_at(&mut self, at: usize, now: Micros, demanded: &mut Demanded) {
        let Listed { out, stage, unwatched, .. } = &mut self.symbols[at];
        let is_watched = *stage == Stage::Always || out.is_watched();
        let since = unwatched.get_or_insert(now);
        if is_watched {
            *unwatched = None;
        } else if now.since(*since) >= self.linger_us() {
            return self.release(at, now, demanded);
        }
        let symbol = &mut self.symbols[at];
        match symbol.stage {
            Stage::Idle | Stage::Full if is_watched => self.want(at, now, demanded),
            Stage::Asked(_) if symbol.out.state() == State::Live => symbol.stage = Stage::Known,
            Stage::Asked(since) if self.is_connected && now.since(since) >= SILENT_AFTER_US => {
                symbol.has_been_silent(now);
            }
            Stage::Silent => symbol.may_speak(now),
            _ => {}
        }
    }

    /// Takes over another list of symbols, if there is one.
    fn follow_roster(&mut self, now: Micros, demanded: &mut Demanded) {
        let Some(list) = self.settings.roster.as_ref().and_then(Roster::take) else { return };
        for at in 0..self.symbols.len() {
            let symbol = &self.symbols[at];
            if symbol.stage == Stage::Always && !list.iter().any(|name| **name == *symbol.name) {
                self.strike(at, now, demanded);
            }
        }
        for name in list {
            if !self.settings.symbols.contains(&name) {
                self.enlist(name, now, demanded);
            }
        }
    }

    /// A symbol is no longer on the list.
    fn strike(&mut self, at: usize, now: Micros, demanded: &mut Demanded) {
        let symbol = &mut self.symbols[at];
        symbol.stage = Stage::Idle;
        symbol.out.state_of_all(State::Stale, "no longer configured", now);
        let name = &*symbol.name;
        self.settings.symbols.retain(|listed| listed != name);
        self.struck += 1;
        demanded.released.push(at);
    }

    /// A symbol is on the list, for the first time or again.
    fn enlist(&mut self, name: String, now: Micros, demanded: &mut Demanded) {
        let at = match self.known(&name) {
            Some(at) => {
                self.struck -= usize::from(self.symbols[at].stage == Stage::Idle);
                at
            }
            None => match super::open(&self.market, &self.settings, &[&name], &self.counters) {
                Ok(opened) => match opened.into_iter().map(|out| self.list(out)).next() {
                    Some(at) => at,
                    None => return,
                },
                Err(error) => return self.fault(now, Fault::Symbol, &error, name.as_bytes()),
            },
        };
        let symbol = &mut self.symbols[at];
        symbol.stage = Stage::Always;
        symbol.out.state_of_all(State::Resyncing, "subscribing", now);
        symbol.trade_ids.connected();
        self.settings.symbols.push(name);
        demanded.wanted.push(at);
    }

    fn linger_us(&self) -> u64 {
        self.on_demand.as_ref().map_or(u64::MAX, |of_feed| of_feed.on_demand.linger_ms.saturating_mul(1_000))
    }

    /// Subscribes to a symbol, if the connection carries one more.
    fn want(&mut self, at: usize, now: Micros, demanded: &mut Demanded) {
        let Some(of_feed) = &self.on_demand else { return };
        let symbol = &mut self.symbols[at];
        self.settings.symbols.push(symbol.name.to_string());
        if of_feed.on_demand.venue.connections(&self.settings).len() > 1 {
            self.settings.symbols.pop();
            if symbol.stage != Stage::Full {
                symbol.stage = Stage::Full;
                self.counters.demand_limited.up();
                symbol.tell_all("the connection to the venue carries no more symbols", now);
            }
            return;
        }
        symbol.stage = Stage::Asked(now);
        symbol.out.state_of_all(State::Resyncing, "subscribing", now);
        symbol.trade_ids.connected();
        self.counters.demand_subscribed.up();
        demanded.wanted.push(at);
    }

    fn release(&mut self, at: usize, now: Micros, demanded: &mut Demanded) {
        let symbol = &mut self.symbols[at];
        let before = std::mem::replace(&mut symbol.stage, Stage::Idle);
        if before == Stage::Idle {
            return;
        }
        symbol.out.state_of_all(State::Stale, "nobody was subscribed", now);
        if before.is_active() {
            let name = &*symbol.name;
            self.settings.symbols.retain(|wanted| wanted != name);
            self.counters.demand_released.up();
            demanded.released.push(at);
        }
    }

    /// The venue has refused something: the symbol that it names, if it was asked for, has that as its state. Returns its
    /// place.
    pub(crate) fn refused(&mut self, what: &str, now: Micros) -> Option<usize> {
        let names = |symbol: &Listed<S>| {
            matches!(symbol.stage, Stage::Asked(_) | Stage::Silent) && mentions(what, &symbol.name)
        };
        let at = self.symbols.iter().position(names)?;
        self.refused_symbol(at, what, now);
        Some(at)
    }

    /// The venue has refused a symbol that was asked for.
    pub(crate) fn refused_symbol(&mut self, at: usize, what: &str, now: Micros) {
        let symbol = &mut self.symbols[at];
        if !matches!(symbol.stage, Stage::Asked(_) | Stage::Silent) {
            return;
        }
        symbol.stage = Stage::Refused;
        symbol.tell_all(&format!("the venue refuses it: {what}"), now);
        let name = &*symbol.name;
        self.settings.symbols.retain(|wanted| wanted != name);
        self.counters.demand_refused.up();
    }

    /// The names of symbols that were asked for and of which nothing has come.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.symbols.iter().filter(|symbol| matches!(symbol.stage, Stage::Asked(_)));
        asked.map(|symbol| symbol.name.to_string()).collect()
    }

    /// The names of symbols.
    pub(crate) fn names(&self, places: &[usize]) -> Vec<String> {
        places.iter().map(|at| self.symbols[*at].name.to_string()).collect()
    }

    /// Whether there is a connection.
    pub(crate) const fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// Whether there is anything to connect for.
    pub(crate) fn is_wanted(&self) -> bool {
        self.on_demand.is_none() || !self.settings.symbols.is_empty()
    }
}

/// Whether a text names a symbol, as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '/' | '_'));
    text.match_indices(name).any(|(at, _)| {
        !is_part(text[..at].chars().next_back()) && !is_part(text[at + name.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_named_only_by_its_whole_name() {
        assert!(mentions("channel:books,instId:BTC-USDT doesn't exist.", "BTC-USDT"));
        assert!(mentions("BTC-USD is not a valid product", "BTC-USD"));
        assert!(mentions("Invalid topic:[publicTrade.BTCUSDT]", "BTCUSDT"));
        assert!(
            !mentions("instId:BTC-USDT-SWAP doesn't exist", "BTC-USDT") && !mentions("WBTC/USD", "BTC/USD")
        );
    }
}
