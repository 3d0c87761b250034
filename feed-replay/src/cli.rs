//! The command line: what was typed, made into what it means, and done.

mod digest;
mod generate;
mod import;
mod info;
mod output;
mod record;
mod serve;

use crate::source::RestFile;
use crate::venue::Venue;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Records, inspects, imports, generates and serves market data captures.
///
/// A capture is text, one record a line (`<unix ns> <frame>`), plain or compressed by gzip or zstd. hftbacktest's files
/// are captures as they are; `import` turns other recorders' files into one.
///
/// Exit status: 0 fine, 1 failed, 2 bad usage.
#[derive(Debug, Parser)]
#[command(name = "feed-replay", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Record(Box<record::Args>),
    Info(info::Args),
    Import(import::Args),
    Serve(Box<serve::Args>),
    Generate(generate::Args),
    Digest(digest::Args),
}

/// Arguments that are fine one by one, but not together or not for what they are given to.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

impl Usage {
    /// Not all venues have depth over REST.
    fn check_rest(rest: &[RestFile], venue: Venue) -> Result<(), Self> {
        let has_rest = |venue: Venue| venue.feed().has_rest_depth();
        if rest.is_empty() || has_rest(venue) {
            return Ok(());
        }
        let expected = Venue::names(has_rest);
        Err(Self(format!("--rest: expected the venue {expected}, which has depth over REST, found {venue}")))
    }
}

/// The help of an argument that names a venue.
fn venue_help(what: &str) -> String {
    format!("{what}: {}", Venue::names(|_| true))
}

/// Reads a duration with or without its unit.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let nanos = crate::time::nanos_of_duration(text);
    nanos
        .map(std::time::Duration::from_nanos)
        .ok_or_else(|| format!("expected a duration such as 30s, found {text:?}"))
}

/// Parses the process's arguments, does what they say, and tells how it went.
#[must_use]
pub fn main() -> ExitCode {
    output::log_to_stderr();
    let done = match Cli::parse().command {
        Command::Record(args) => record::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Digest(args) => digest::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("{error:#}"));
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}
