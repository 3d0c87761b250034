//! Command line of the load generator.

use clap::Parser;
use loadgen::cli::{Cli, Command};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let line = match loadgen::cli::expanded(std::env::args_os().collect()) {
        Ok(line) => line,
        Err(error) => return loadgen::exit::of(Err(error.into())),
    };
    match Cli::parse_from(line).command {
        Command::Run(args) => loadgen::run::command(&args),
        Command::Storm(args) => loadgen::storm::command(&args),
        Command::Saturate(args) => loadgen::saturate::command(&args),
        Command::Floor(args) => loadgen::floor::command(&args),
        Command::Compare(args) => loadgen::compare::command(&args),
        Command::Soak(args) => loadgen::soak::command(&args),
        Command::Merge(args) => loadgen::merge::command(&args),
        Command::Report(args) => loadgen::comparison::command(&args),
        Command::FloorServer => loadgen::exit::of(loadgen::floor::serve()),
    }
}
