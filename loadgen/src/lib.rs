//! Measures what subscribers of a market data broker get.
