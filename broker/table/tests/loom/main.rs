//! The table's algorithms under loom: every interleaving, and every value that the memory model lets a thread see, up to a bound
//! of preemptions. Each model stands beside the mutants that it must find: one for each ordering and step that the
//! argument in the code stands on.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p table --release --test loom --target-dir target/loom
//! ```
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "clippy takes only the functions marked as tests for tests")]

mod accounting;
mod dirty;
mod eviction;
mod explore;
mod growth;
mod image;
mod interest;
mod join;
mod lapping;
mod marks;
mod prompt;
mod wake;
