//! `loadgen floor`, from the arguments to the exit status.

use super::report::{FloorReport, Row};
use super::{Floor, Spec};
use crate::cli::{CoreArgs, FloorArgs};
use crate::cpu;
use crate::exit;
use crate::lead::Lead;
use crate::limits;
use crate::pass::{Pass, Server};
use crate::plan::{Plan, PlanError};
use crate::publish::link::Link;
use crate::publish::{Pace, Publishing};
use crate::report::Report;
use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::Arc;

/// The venue of the symbols, where no broker has given them one.
const VENUE: &str = "floor";

/// Runs the command.
#[must_use]
pub fn command(args: &FloorArgs) -> ExitCode {
    exit::of(exit::block_on(measure(args)).and_then(|report| {
        report.write(&args.measuring.output)?;
        Ok(report.failures.is_empty())
    }))
}

/// Measures the floor with each of the batches.
///
/// # Errors
/// When the arguments contradict each other, or a thread or the server fails.
async fn measure(args: &FloorArgs) -> anyhow::Result<FloorReport> {
    let plan = plan(args)?;
    limits::make_room(args.connections, 1)?;
    let cores = Cores::settle(args.measuring.cores)?;
    let started = jiff::Timestamp::now();
    let mut lead = Lead::new(plan.connections, false);
    let mut rows = Vec::new();
    for batch in &args.batch {
        if !lead.is_interrupted() {
            rows.push(Row::new(*batch, pass(&plan, *batch, &cores, &mut lead).await?));
        }
    }
    lead.finish();
    Ok(FloorReport::new(&plan, args, started, rows, lead.is_interrupted()))
}

/// Measures the floor once under the load of `plan`, whose addresses do not matter.
///
/// # Errors
/// When a thread or the server fails.
pub(crate) async fn pass(
    plan: &Plan,
    batch: usize,
    cores: &Cores,
    lead: &mut Lead,
) -> anyhow::Result<Report> {
    let floor = Floor::start(&Spec {
        connections: plan.connections,
        symbols_per_connection: plan.symbols_per_connection,
        symbols: plan.symbols.clone(),
        batch,
        cores: cores.server.clone(),
    })?;
    let link = Link::dial(floor.feed)?;
    let publishing = plan.publishing.map(|publishing| Publishing { address: floor.feed, ..publishing });
    let plan = Plan { target: floor.target.clone(), publishing, ..plan.clone() };
    let server = Server::Floor(Box::new(RefCell::new(floor)));
    Pass::start(Arc::new(plan), server, Some(link), lead)?.go_through().await
}

/// The cores of the floor's server.
#[derive(Debug)]
pub(crate) struct Cores {
    server: Vec<usize>,
}

impl Cores {
    /// Moves this thread, and those that it starts, to the core that the arguments name, and leaves the server that of its
    /// own, or all that there are.
    ///
    /// # Errors
    /// When there is no such core.
    pub(crate) fn settle(args: CoreArgs) -> anyhow::Result<Self> {
        let all = cpu::cores();
        let of = |core: Option<usize>| core.map_or_else(|| all.clone(), |core| vec![core]);
        let (server, client) = (of(args.server_core), of(args.client_core));
        // Whether there is such a core is better known now than by the server's process.
        cpu::pin(&server)?;
        cpu::pin(&client)?;
        Ok(Self { server })
    }

    /// Those of the server.
    pub(crate) fn server(&self) -> &[usize] {
        &self.server
    }
}

fn plan(args: &FloorArgs) -> Result<Plan, PlanError> {
    let pace = match args.ahead {
        Some(ahead) => Pace::Ahead(ahead),
        None => Pace::Rate {
            per_s: args.rate.unwrap_or_default() as u64,
            order: args.symbols.published.publish_order,
        },
    };
    if let (Pace::Ahead(ahead), Some(batch)) = (pace, args.batch.iter().max())
        && (ahead as usize) < *batch
    {
        return Err(PlanError::Ahead { ahead, batch: *batch });
    }
    let window = &args.measuring.window;
    let plan = Plan::published(args.connections, args.symbols, VENUE, pace, window)?;
    // As when a broker is saturated.
    let threads = if args.ahead.is_some() { window.threads.unwrap_or(1) } else { plan.threads };
    Ok(Plan { threads: threads.min(plan.connections), ..plan })
}
