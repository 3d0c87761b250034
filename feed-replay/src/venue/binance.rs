//! Binance spot.

pub mod frame;
