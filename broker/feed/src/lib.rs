//! Feed adapters as state machines without I/O, order books, and the publishing of what they see.

pub mod book;
mod complaints;
pub mod counters;
pub mod digest;
pub mod machine;
pub mod market;
pub mod publish;
pub mod settings;
mod silence;
pub mod sim;
#[cfg(test)]
mod testing;
pub mod topic;
mod trade_ids;
