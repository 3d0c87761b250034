//! Records, inspects, imports, generates and serves market data captures.
