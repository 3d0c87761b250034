//! How the symbols of each venue are doing.

use super::{Family, Kind, Label, Source};
use feed::market::Market;
use schemas::model::State;
use std::collections::BTreeMap;
use std::sync::Arc;

const STATES: [State; 4] = [State::Live, State::Stale, State::Resyncing, State::Halted];

/// The symbols of all feeds.
#[derive(Debug)]
pub struct SymbolMetrics(pub Arc<Market>);

impl Source for SymbolMetrics {
    fn families(&self) -> Vec<Family> {
        let registry = self.0.registry();
        let mut venues = BTreeMap::<&str, [u32; STATES.len()]>::new();
        for symbol in registry.symbols() {
            let counts = venues.entry(symbol.info.symbol.venue()).or_default();
            let state = symbol.state();
            STATES.iter().zip(counts).filter(|(of, _)| **of == state).for_each(|(_, count)| *count += 1);
        }
        let of_venue = |(venue, counts): (&str, [u32; STATES.len()])| {
            STATES
                .map(|state| labels(venue, state))
                .into_iter()
                .zip(counts.map(f64::from))
                .collect::<Vec<_>>()
        };
        let values = venues.into_iter().flat_map(of_venue).collect();
        let help = "Symbols in each state over all their topics";
        vec![Family::of("tickcast_symbols", help, Kind::Gauge, values)]
    }
}

fn labels(venue: &str, state: State) -> Vec<Label> {
    vec![("venue", venue.to_owned()), ("state", state.name().to_owned())]
}
