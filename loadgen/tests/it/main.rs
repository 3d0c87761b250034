//! Tests of the whole tool, in one binary: `loadgen` against a server that does known things.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic when something is amiss")]

mod cli;
mod compare;
mod comparison;
mod floor;
mod known;
mod load;
mod merge;
mod pairs;
mod publish;
mod relay;
mod run;
mod saturate;
mod server;
mod soak;
mod storm;
mod tls;
