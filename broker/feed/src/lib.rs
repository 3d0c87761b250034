//! Feed adapters as state machines without I/O, order books, and the publishing of what they see.

mod binance;
pub mod book;
mod bybit;
mod coinbase;
mod complaints;
mod core;
pub mod counters;
mod crossing;
mod data_silence;
pub mod demand;
pub mod digest;
mod in_band;
mod kraken;
pub mod lines;
pub mod machine;
pub mod market;
mod okx;
pub mod pacer;
pub mod publish;
pub mod replay;
pub mod roster;
mod salvage;
pub mod settings;
mod silence;
pub mod sim;
pub mod spec;
#[cfg(test)]
mod testing;
pub mod ticks;
mod timers;
pub mod topic;
mod trade_ids;
mod twice;
pub mod venue;
