//! `loadgen saturate`, from the arguments to the exit status.
//!
//! One symbol, whose quotes all connections subscribe to. The receiving thread publishes it too: after each turn of reads as
//! many updates as keep it at most W ahead of the mean subscriber. So the broker always has work, and nothing queues without
//! bound; every update must reach every subscriber, once and in order.

use crate::cli::SaturateArgs;
use crate::exit;
use crate::lead::Lead;
use crate::limits;
use crate::pass::{Pass, Server};
use crate::plan::{self, Interest, Plan, PlanError, Target};
use crate::popularity::Popularity;
use crate::publish::link::Link;
use crate::publish::{self, Pace, Publishing};
use crate::report::{self, Report};
use crate::worker::now_us;
use schemas::model::Channel;
use std::process::ExitCode;
use std::sync::Arc;

/// Runs the command.
#[must_use]
pub fn command(args: &SaturateArgs) -> ExitCode {
    exit::of(exit::block_on(run(args)).and_then(|report| {
        report::write(&report, &args.output)?;
        Ok(report.failures.is_empty())
    }))
}

/// Saturates the broker and measures it.
///
/// # Errors
/// When the arguments make no sense, the broker does not offer the symbol, or a thread fails.
pub async fn run(args: &SaturateArgs) -> anyhow::Result<Report> {
    let target = Target::parse(&args.url)?;
    let publishing = Publishing {
        address: plan::publish_address(&args.publish)?,
        symbols: 1,
        pace: Pace::Ahead(args.ahead),
    };
    limits::make_room(args.connections)?;
    let mut link = Link::dial(publishing.address)?;
    let names = publish::announce(&mut link, publishing.symbols, &target).await?;
    let plan = plan(args, target, publishing, names)?;
    let mut lead = Lead::new(plan.connections, plan.verify);
    let report = Pass::start(Arc::new(plan), Server::Broker, Some(link), &mut lead)?.go_through().await;
    lead.finish();
    report
}

fn plan(
    args: &SaturateArgs,
    target: Target,
    publishing: Publishing,
    names: Vec<String>,
) -> Result<Plan, PlanError> {
    let interest = Interest {
        channel: Channel::Quotes,
        connections: args.connections,
        symbols_per_connection: 1,
        popularity: Popularity::Uniform,
    };
    let seed = args.window.seed.unwrap_or_else(now_us);
    let plan = Plan::prompt(interest, target, names, &args.window, seed)?;
    let threads = args.window.threads.unwrap_or(1).min(plan.connections);
    Ok(Plan { threads, publishing: Some(publishing), ..plan })
}
