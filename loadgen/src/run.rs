//! `loadgen run`, from the arguments to the exit status.

use crate::cli::RunArgs;
use crate::exit;
use crate::floor::Cores;
use crate::limits;
use crate::pairs;
use crate::part::Part;
use crate::pass;
use crate::plan::{Plan, PlanError, Target};
use crate::processes;
use crate::publish::link::Link;
use crate::publish::{self, Publishing};
use crate::report::Report;
use crate::symbols;
use crate::worker::now_us;
use std::process::ExitCode;

/// Runs the command.
#[must_use]
pub fn command(args: &RunArgs) -> ExitCode {
    exit::of(exit::block_on(measure(args)))
}

async fn measure(args: &RunArgs) -> anyhow::Result<bool> {
    let cores = Cores::settle(args.pairs.cores)?;
    match (args.share.led, args.share.processes) {
        (Some(led), _) => return processes::be_led(args, led).await,
        (None, Some(count)) => return processes::measure(args, count).await,
        (None, None) => {}
    }
    let (plan, link) = plan(args).await?;
    pairs::measure(plan, link, &args.pairs, &cores, &args.output).await
}

/// Applies the load and measures it.
///
/// # Errors
/// When the arguments contradict each other, the broker's symbols cannot be had, or a thread fails.
pub async fn run(args: &RunArgs) -> anyhow::Result<Report> {
    let (plan, link) = plan(args).await?;
    pass::single(plan, link).await
}

/// The load, and what to publish over.
pub(crate) async fn plan(args: &RunArgs) -> anyhow::Result<(Plan, Option<Link>)> {
    let target = Target::parse(args.url.first().map_or("", String::as_str))?;
    let more_targets =
        args.url.iter().skip(1).map(|url| Target::parse(url)).collect::<Result<Vec<_>, _>>()?;
    Plan::slow(args)?;
    let for_one_server = args.verify || args.publishing.publish.is_some() || args.pairs.floor_pairs.is_some();
    if for_one_server && !more_targets.is_empty() {
        return Err(PlanError::Servers.into());
    }
    let publishing = Publishing::of(args)?;
    if args.pairs.floor_pairs.is_some() {
        Plan::suits_floor(args)?;
    }
    let own = args.share.part.unwrap_or(Part::WHOLE).share(args.connections);
    limits::make_room(own, args.source_addresses.len())?;
    let seed = args.window.seed.unwrap_or_else(now_us);
    let (names, link) = symbols_and_link(args, &target, publishing.as_ref()).await?;
    Ok((Plan { publishing, more_targets, ..Plan::new(args, target, names, seed)? }, link))
}

/// The symbols to choose from, and what to publish over.
async fn symbols_and_link(
    args: &RunArgs,
    target: &Target,
    publishing: Option<&Publishing>,
) -> anyhow::Result<(Vec<String>, Option<Link>)> {
    let Some(Publishing { address, symbols, .. }) = publishing else {
        let channels: Vec<_> = args.channel.items().collect();
        return Ok((symbols::named_or_offered(&args.symbols, target, &channels).await?, None));
    };
    let mut link = Link::dial(*address)?;
    let names = publish::announce(&mut link, *symbols, target).await?;
    Ok((names, Some(link)))
}
