//! Every frame of the recorded feeds is a known message, and its numbers keep their digits; no bytes bring a parser
//! down, and what it makes of damaged frames is what serde_json reads in them.
//!
//! The recordings are not part of the project. They are looked for where `TICKCAST_FEEDS` says, else in
//! `../shared/feeds` beside the workspace; without them these tests say so and pass.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod any_bytes;
mod binance;
mod bybit;
mod coinbase;
mod files;
mod kraken;
mod okx;
mod oracle;
