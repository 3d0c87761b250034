//! Command line of the crate.
fn main() {}
