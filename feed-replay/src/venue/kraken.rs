//! Kraken, WebSocket version 2.

pub mod frame;
