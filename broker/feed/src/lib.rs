//! Feed adapters as state machines without I/O, order books, and the publishing of what they see.

pub mod book;
pub mod counters;
pub mod digest;
pub mod machine;
pub mod market;
pub mod publish;
pub mod settings;
pub mod sim;
#[cfg(test)]
mod testing;
pub mod topic;
