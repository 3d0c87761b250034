//! What the command line writes where: results to standard output, all else to standard error.

use anyhow::Context as _;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error: `RUST_LOG` sets which, by default `info`.
pub(super) fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // Whoever reads the log may go. To complain of that on standard error would fail too, and with a panic.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .try_init();
}

/// Says on standard error what went wrong.
pub(super) fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "feed-replay: {message}");
}

/// Prints a result, for people or as one line of JSON.
pub(super) fn print<T: Serialize>(
    json: bool,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    let text = if json { serde_json::to_string(value)? } else { text(value) };
    match writeln!(io::stdout(), "{}", text.trim_end()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}
