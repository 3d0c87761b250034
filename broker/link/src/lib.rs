//! Connections to venues, for whoever drives a machine of the crate `feed`: the broker's feeds and the recorder.
//!
//! [`run`] keeps one connected: it dials, with TLS where the URL says so, sends and fetches what the machine asks for, and dials
//! again when the connection is gone; where the venue ends connections by the clock, or says that it will, another one takes over
//! before. [`Dialling`] keeps connects within what venues allow, [`Backoff`] says how long to wait after
//! a failure.

mod backoff;
mod connect;
mod dialling;
mod fetch;
mod supervisor;
mod witness;

pub use backoff::Backoff;
pub use dialling::Dialling;
pub use supervisor::{Context, Endpoints, Limits, run};
pub use witness::Witness;
