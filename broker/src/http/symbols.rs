//! `/v1/symbols`: what can be subscribed to.

use super::reply::{Reply, json};
use feed::market::{Market, SymbolEntry};
use hyper::StatusCode;
use schemas::model::Channel;
use serde::Serialize;

#[derive(Serialize)]
struct Symbols<'a> {
    symbols: Vec<Symbol<'a>>,
}

#[derive(Serialize)]
struct Symbol<'a> {
    symbol: &'a str,
    venue: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quote: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tick_size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lot_size: Option<String>,
    channels: Vec<&'static str>,
    state: &'static str,
}

pub(super) fn reply(market: &Market) -> Reply {
    let registry = market.registry();
    let symbols = registry.symbols().iter().map(|entry| symbol(entry)).collect();
    json(StatusCode::OK, &Symbols { symbols })
}

fn symbol(entry: &SymbolEntry) -> Symbol<'_> {
    let info = &entry.info;
    Symbol {
        symbol: info.symbol.as_str(),
        venue: info.symbol.venue(),
        base: info.base.as_deref(),
        quote: info.quote.as_deref(),
        tick_size: info.tick_size.map(|size| size.to_string()),
        lot_size: info.lot_size.map(|size| size.to_string()),
        channels: info.channels.iter().copied().map(Channel::name).collect(),
        state: entry.state().name(),
    }
}
