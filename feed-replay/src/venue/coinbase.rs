//! Coinbase Exchange.

pub mod frame;
