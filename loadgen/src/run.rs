//! `loadgen run`, from the arguments to the exit status.

use crate::cli::RunArgs;
use crate::exit;
use crate::lead::Lead;
use crate::limits;
use crate::pass::{Pass, Server};
use crate::plan::{Plan, Target};
use crate::publish::link::Link;
use crate::publish::{self, Publishing};
use crate::report::{self, Report};
use crate::symbols;
use crate::worker::now_us;
use std::process::ExitCode;
use std::sync::Arc;

/// Runs the command.
#[must_use]
pub fn command(args: &RunArgs) -> ExitCode {
    exit::of(exit::block_on(run(args)).and_then(|report| {
        report::write(&report, &args.output)?;
        Ok(report.failures.is_empty())
    }))
}

/// Applies the load and measures it.
///
/// # Errors
/// When the arguments contradict each other, the broker's symbols cannot be had, or a thread fails.
pub async fn run(args: &RunArgs) -> anyhow::Result<Report> {
    let target = Target::parse(&args.url)?;
    Plan::slow(args)?;
    let publishing = Publishing::of(args)?;
    limits::make_room(args.connections)?;
    let seed = args.window.seed.unwrap_or_else(now_us);
    let (names, link) = symbols_and_link(args, &target, publishing.as_ref()).await?;
    let plan = Plan { publishing, ..Plan::new(args, target, names, seed)? };
    let mut lead = Lead::new(plan.connections, plan.verify);
    let report = Pass::start(Arc::new(plan), Server::Broker, link, &mut lead)?.go_through().await;
    lead.finish();
    report
}

/// The symbols to choose from, and what to publish over.
async fn symbols_and_link(
    args: &RunArgs,
    target: &Target,
    publishing: Option<&Publishing>,
) -> anyhow::Result<(Vec<String>, Option<Link>)> {
    let Some(Publishing { address, symbols, .. }) = publishing else {
        return Ok((symbols::named_or_offered(&args.symbols, target, args.channel).await?, None));
    };
    let mut link = Link::dial(*address)?;
    let names = publish::announce(&mut link, *symbols, target).await?;
    Ok((names, Some(link)))
}
