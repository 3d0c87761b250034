//! Feed adapters as state machines without I/O, order books, and the publishing of what they see.

pub mod book;
pub mod topic;
