//! What Tickcast's programs say to each other and to venues: the market model, exact decimals, the wire
//! protocol, venue formats and the capture format. Bytes in, values out; nothing here does I/O of its own.
//!
//! ```
//! use schemas::decimal::Decimal;
//!
//! let price: Decimal = "63501.60".parse()?;
//! assert_eq!(price.to_string(), "63501.60"); // the venue's own digits, trailing zero and all
//! # Ok::<(), schemas::decimal::DecimalError>(())
//! ```

pub mod capture;
pub mod checksum;
pub mod decimal;
pub mod model;
pub mod venue;
pub mod wire;
