//! `loadgen saturate`, from the arguments to the exit status.
//!
//! One symbol, whose quotes all connections subscribe to. The receiving thread publishes it too: after each turn of reads as
//! many updates as keep it at most W ahead of the mean subscriber. So the broker always has work, and nothing queues without
//! bound; every update must reach every subscriber, once and in order.

use crate::cli::SaturateArgs;
use crate::exit;
use crate::floor::Cores;
use crate::limits;
use crate::pairs;
use crate::pass;
use crate::plan::{self, Interest, Plan, Target};
use crate::popularity::Popularity;
use crate::publish::link::Link;
use crate::publish::{self, Pace, Publishing};
use crate::report::Report;
use crate::worker::now_us;
use schemas::model::Channel;
use std::process::ExitCode;

/// Runs the command.
#[must_use]
pub fn command(args: &SaturateArgs) -> ExitCode {
    exit::of(exit::block_on(measure(args)))
}

async fn measure(args: &SaturateArgs) -> anyhow::Result<bool> {
    let cores = Cores::settle(args.pairs.cores)?;
    let (plan, link) = plan(args).await?;
    pairs::measure(plan, Some(link), &args.pairs, &cores, &args.output).await
}

/// Saturates the broker and measures it.
///
/// # Errors
/// When the arguments make no sense, the broker does not offer the symbol, or a thread fails.
pub async fn run(args: &SaturateArgs) -> anyhow::Result<Report> {
    let (plan, link) = plan(args).await?;
    pass::single(plan, Some(link)).await
}

/// The load, and what to publish over.
async fn plan(args: &SaturateArgs) -> anyhow::Result<(Plan, Link)> {
    let target = Target::parse(&args.url)?;
    let address = plan::publish_address(&args.publish)?;
    limits::make_room(args.connections, 1)?;
    let publishing = Publishing { address, symbols: 1, pace: Pace::Ahead(args.ahead) };
    let mut link = Link::dial(address)?;
    let names = publish::announce(&mut link, publishing.symbols, &target).await?;
    let interest = Interest {
        channel: Channel::Quotes,
        connections: args.connections,
        symbols_per_connection: 1,
        popularity: Popularity::Uniform,
    };
    let seed = args.window.seed.unwrap_or_else(now_us);
    let plan = Plan::prompt(interest, target, names, &args.window, seed)?;
    let threads = args.window.threads.unwrap_or(1).min(plan.connections);
    Ok((Plan { threads, publishing: Some(publishing), ..plan }, link))
}
