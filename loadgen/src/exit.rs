//! From what a command came to, to the status that its process ends with.

use crate::cli::ScenarioError;
use crate::cpu::PinError;
use crate::limits::LimitError;
use crate::merge::MergeError;
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
            let _ = writeln!(std::io::stderr(), "loadgen: {}", told(&error));
            if is_usage(&error) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// The error with its causes, except those that the text before them ends with.
fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |mut text, cause| {
        let cause = cause.to_string();
        if !text.ends_with(&cause) {
            text += if text.is_empty() { "" } else { ": " };
            text += &cause;
        }
        text
    })
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<ScenarioError>()
        || error.is::<PlanError>()
        || error.is::<LimitError>()
        || error.is::<PinError>()
        || error.is::<MergeError>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cause_is_told_twice() {
        let refused = std::io::Error::other("refused");
        let url = || "ws://a".to_owned();
        let error = anyhow::Error::from(PlanError::Host { url: url(), source: refused });
        assert_eq!(told(&error), "--url ws://a: refused");
        let error = Err::<(), _>(std::io::Error::other("denied")).context("cannot begin").unwrap_err();
        assert_eq!(told(&error), "cannot begin: denied");
    }
}
