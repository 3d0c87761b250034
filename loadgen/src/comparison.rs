//! `loadgen report`: runs that were kept, side by side.

mod kept;
mod page;
mod table;

pub use kept::{Kept, KeptError};

use crate::cli::ReportArgs;
use crate::exit;
use crate::report::output::Output;
use serde::Serialize;
use std::process::ExitCode;
use table::{Figures, Row};

/// Runs, and what to know before they are compared.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Each with its figures.
    runs: Vec<Row>,
    /// What else differs between them than what was measured.
    differences: Vec<String>,
    #[serde(skip)]
    kept: Vec<Kept>,
}

/// Runs the command.
#[must_use]
pub fn command(args: &ReportArgs) -> ExitCode {
    exit::of(compare(args).map(|()| true))
}

fn compare(args: &ReportArgs) -> anyhow::Result<()> {
    let kept = args.runs.iter().map(|directory| Kept::read(directory)).collect::<Result<Vec<_>, _>>()?;
    let comparison = Comparison::of(kept);
    let page = if args.output.out.is_some() { Some(page::of(&comparison)?) } else { None };
    let output = Output {
        text: table::text(&comparison),
        json: serde_json::to_string_pretty(&comparison)?,
        files: page.map(|page| ("report.html", page)).into_iter().collect(),
    };
    output.write(args.output.json, args.output.out.as_deref())
}

impl Comparison {
    fn of(kept: Vec<Kept>) -> Self {
        let first = kept.first().map(|run| Figures::of(&run.report));
        let rows = kept.iter().enumerate().map(|(number, run)| {
            let figures = Figures::of(&run.report);
            // The first one is no news of itself.
            let of_first = first.as_ref().filter(|_| number > 0).map(|first| figures.of_first(first));
            let (warnings, failures) = (run.report.warnings.clone(), run.report.failures.clone());
            Row { run: run.name.clone(), figures, of_first, warnings, failures }
        });
        Self { runs: rows.collect(), differences: kept::differences(&kept), kept }
    }
}
