//! From what a command came to, to the status that its process ends with.

use crate::limits::LimitError;
use crate::plan::PlanError;
use anyhow::Context as _;
use std::io::Write;
use std::process::ExitCode;

/// Drives a command to its end, on this thread.
///
/// # Errors
/// The command's, or when the system gives no runtime.
pub fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(command)
}

/// 0 if all went well, 1 if something failed or was not as promised (`false`), 2 if the arguments make no sense; an error
/// is told.
#[must_use]
pub fn of(done: anyhow::Result<bool>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Without an error output there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "loadgen: {error:#}");
            if is_usage(&error) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<PlanError>() || error.is::<LimitError>()
}
