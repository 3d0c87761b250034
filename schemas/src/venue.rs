//! The message formats of venues: frames in, values out, and the requests that ask for them.
//!
//! Every parser takes one frame and a reused [`Parser`], whose buffers it fills; what it returns borrows from
//! both, so a frame costs no allocation once the buffers have grown. Frames of venues that send numbers as strings
//! are parsed in place by simd-json; where numbers are bare, and their trailing zeros count, the project's own
//! scanner takes them as text. Both end in the same tape, from which the venues' modules pick their fields: in any
//! order, the last of duplicates, ignoring what they do not know.
//!
//! ```
//! use schemas::venue::{Parser, binance};
//!
//! let mut parser = Parser::default();
//! let mut frame = br#"{"u":7,"s":"BTCUSDT","b":"61837.60","B":"3.78","a":"61837.64","A":"1.5"}"#.to_vec();
//! match binance::parse(&mut frame, &mut parser)?.message {
//!     binance::Message::BookTicker { symbol, quote, .. } => {
//!         assert_eq!((symbol, quote.bid.unwrap().to_string()), ("BTCUSDT", "61837.60".to_owned()));
//!     }
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), schemas::venue::VenueError>(())
//! ```

pub mod binance;
pub mod bybit;
pub mod coinbase;
mod error;
mod fields;
pub mod kraken;
pub mod okx;
mod parser;
mod scan;
#[cfg(test)]
mod testing;
pub mod ticks;
mod time;

pub use error::VenueError;
pub use parser::{DEPTH_MAX, Parser};

use crate::decimal::Decimal;

/// What a venue says of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instrument<'a> {
    /// The venue's own name for it.
    pub symbol: &'a str,
    /// The asset that is traded.
    pub base: &'a str,
    /// The asset that it is priced in.
    pub quote: &'a str,
    /// The venue's word for its state, such as `TRADING` or `online`.
    pub status: &'a str,
    /// The step of its prices.
    pub tick_size: Option<Decimal>,
    /// The step of its sizes.
    pub lot_size: Option<Decimal>,
}
